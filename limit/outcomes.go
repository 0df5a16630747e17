package limit

import (
	"context"
	"sync"
	"time"
)

const (
	// maxOutcomeBytes and maxOutcomes bound what is kept of everybody. Beyond it a repeated request
	// is one of its own, as it would be if nothing were kept.
	maxOutcomeBytes = 32 << 20
	maxOutcomes     = 10_000
)

// outcomes are those of one process.
type outcomes struct {
	now func() time.Time

	mu     sync.Mutex
	known  map[string]*outcome
	order  []*outcome // that are kept, the oldest first
	groups map[string]map[string]*outcome
	bytes  int
}

type outcome struct {
	group, key string
	done       chan struct{} // closed when the first has ended
	waiting    int
	value      []byte
	left       int
	until      time.Time
}

func newOutcomes(now func() time.Time) outcomes {
	return outcomes{now: now, known: map[string]*outcome{}, groups: map[string]map[string]*outcome{}}
}

// Look implements [Outcomes].
func (o *outcomes) Look(ctx context.Context, group, key string) (value []byte, ok bool, err error) {
	key = Key(group, key)
	for {
		o.mu.Lock()
		o.expire()
		had := o.known[key]
		switch {
		case had == nil:
			o.mu.Unlock()
			return nil, false, nil
		case had.value != nil:
			defer o.mu.Unlock()
			value := had.value
			if had.left--; had.left <= 0 {
				o.remove(had)
			}
			return value, true, nil
		case had.waiting >= MaxWaiting:
			o.mu.Unlock()
			return nil, false, ErrBusy
		}
		had.waiting++
		o.mu.Unlock()
		select {
		case <-had.done:
		case <-ctx.Done():
			o.mu.Lock()
			defer o.mu.Unlock()
			had.waiting--
			return nil, false, ctx.Err()
		}
	}
}

// Begin implements [Outcomes].
func (o *outcomes) Begin(_ context.Context, group, key string) (end func(value []byte), first bool) {
	key = Key(group, key)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expire()
	if o.known[key] != nil {
		return nil, false
	}
	mine := &outcome{group: group, key: key, done: make(chan struct{})}
	o.known[key] = mine
	return func(value []byte) {
		o.mu.Lock()
		defer o.mu.Unlock()
		defer close(mine.done)
		if value == nil || o.bytes+len(value) > maxOutcomeBytes || len(o.order) >= maxOutcomes {
			delete(o.known, key)
			return
		}
		for _, had := range o.groups[group] { // what came before is over
			o.remove(had)
		}
		mine.value, mine.left, mine.until = value, OutcomeReads, o.now().Add(OutcomeLife)
		o.bytes += len(value)
		o.order = append(o.order, mine)
		if o.groups[group] == nil {
			o.groups[group] = map[string]*outcome{}
		}
		o.groups[group][key] = mine
	}, true
}

// Forget implements [Outcomes].
func (o *outcomes) Forget(_ context.Context, groups ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, g := range groups {
		for _, had := range o.groups[g] {
			o.remove(had)
		}
	}
}

// expire removes what is over. The caller holds the lock.
func (o *outcomes) expire() {
	now, n := o.now(), 0
	for n < len(o.order) && (o.order[n].value == nil || !now.Before(o.order[n].until)) {
		o.remove(o.order[n])
		n++
	}
	clear(o.order[:n]) // append moves the rest, now and then
	o.order = o.order[n:]
}

// remove forgets one that is kept. Its place in the order stays until it is the oldest.
func (o *outcomes) remove(had *outcome) {
	if had.value == nil {
		return
	}
	o.bytes -= len(had.value)
	had.value = nil
	delete(o.known, had.key)
	if delete(o.groups[had.group], had.key); len(o.groups[had.group]) == 0 {
		delete(o.groups, had.group)
	}
}
