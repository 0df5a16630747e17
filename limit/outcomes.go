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
	known  map[outcomeKey]*outcome
	order  []*outcome          // that are kept, the oldest first
	groups map[string]*outcome // the one that is kept of each
	bytes  int
}

type outcomeKey struct{ group, key string }

type outcome struct {
	outcomeKey
	done    chan struct{} // closed when the first has ended; nil where nobody has waited for it
	waiting int
	value   []byte
	left    int
	until   time.Time
}

func newOutcomes(now func() time.Time) outcomes {
	return outcomes{now: now, known: map[outcomeKey]*outcome{}, groups: map[string]*outcome{}}
}

// Look implements [Outcomes].
func (o *outcomes) Look(ctx context.Context, group, key string) (value []byte, ok bool, err error) {
	for {
		o.mu.Lock()
		o.expire()
		had := o.known[outcomeKey{group, key}]
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
		if had.done == nil {
			had.done = make(chan struct{})
		}
		done := had.done
		o.mu.Unlock()
		select {
		case <-done:
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
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expire()
	mine := &outcome{outcomeKey: outcomeKey{group, key}}
	if o.known[mine.outcomeKey] != nil {
		return nil, false
	}
	o.known[mine.outcomeKey] = mine
	return func(value []byte) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if mine.done != nil {
			close(mine.done) // who waited looks once more, after the lock
		}
		if value == nil || o.bytes+len(value) > maxOutcomeBytes || len(o.order) >= maxOutcomes {
			delete(o.known, mine.outcomeKey)
			return
		}
		o.remove(o.groups[group]) // what came before is over
		mine.value, mine.left, mine.until = value, OutcomeReads, o.now().Add(OutcomeLife)
		o.bytes += len(value)
		o.order = append(o.order, mine)
		o.groups[group] = mine
	}, true
}

// Forget implements [Outcomes].
func (o *outcomes) Forget(_ context.Context, groups ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, g := range groups {
		o.remove(o.groups[g])
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

// remove forgets one, if it is kept. Its place in the order stays until it is the oldest.
func (o *outcomes) remove(had *outcome) {
	if had == nil || had.value == nil {
		return
	}
	o.bytes -= len(had.value)
	had.value = nil
	delete(o.known, had.outcomeKey)
	delete(o.groups, had.group)
}
