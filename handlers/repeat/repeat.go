// Package repeat keeps for a moment what a POST came to, so that the same one, sent again by a
// double click or by going back, comes to the same. It knows no page and reads nothing of what it
// keeps. Of a session it keeps the last alone: who saves one name, then another and then the first
// again has saved three times.
package repeat

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// life is how long an outcome is kept: a double click, and going back and pressing again.
	life = 10 * time.Second
	// reads is how often it is given: enough for an impatient hand, and not for a thief.
	reads = 2
	// maxWaiting is how many of the same wait for the first: nobody clicks more often.
	maxWaiting = 8
	// maxBytes and maxKept bound what is kept of everybody. Beyond it a repeated POST is one of its
	// own, as it would be without this package.
	maxBytes = 32 << 20
	maxKept  = 10_000
)

// ErrBusy says that too many of the same wait already.
var ErrBusy = errors.New("too many repeated requests wait")

// Outcomes are those of one process. Its methods may be called at the same time.
type Outcomes struct {
	now func() time.Time

	mu     sync.Mutex
	known  map[string]*outcome
	order  []*outcome // that are kept, the oldest first
	groups map[string]map[string]*outcome
	bytes  int
}

type outcome struct {
	key     string
	groups  []string
	done    chan struct{} // closed when the first has ended
	waiting int
	value   []byte
	left    int
	until   time.Time
}

// New is empty.
func New(now func() time.Time) *Outcomes {
	return &Outcomes{now: now, known: map[string]*outcome{}, groups: map[string]map[string]*outcome{}}
}

// Look is what the request of a key came to. While the first one is under way it waits. ok is false
// where there is nothing, or nothing any more.
func (o *Outcomes) Look(ctx context.Context, key string) (value []byte, ok bool, err error) {
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
			if had.left--; had.left <= 0 {
				defer o.remove(had)
			}
			return had.value, true, nil
		case had.waiting >= maxWaiting:
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

// Begin marks a key before its request does anything. first is false where another has it; then Look
// again. end takes what it came to, and the groups that Forget knows it by; nil where it came to
// nothing that may be given again.
func (o *Outcomes) Begin(key string) (end func(value []byte, groups ...string), first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expire()
	if o.known[key] != nil {
		return nil, false
	}
	mine := &outcome{key: key, done: make(chan struct{})}
	o.known[key] = mine
	return func(value []byte, groups ...string) {
		o.mu.Lock()
		defer o.mu.Unlock()
		defer close(mine.done)
		if value == nil || o.bytes+len(value) > maxBytes || len(o.order) >= maxKept {
			delete(o.known, key)
			return
		}
		mine.value, mine.left, mine.until, mine.groups = value, reads, o.now().Add(life), groups
		for _, g := range groups { // what came before in this session is over
			for _, had := range o.groups[g] {
				o.remove(had)
			}
		}
		o.bytes += len(value)
		o.order = append(o.order, mine)
		for _, g := range groups {
			if o.groups[g] == nil {
				o.groups[g] = map[string]*outcome{}
			}
			o.groups[g][key] = mine
		}
	}, true
}

// Forget removes all that is kept of some groups.
func (o *Outcomes) Forget(groups ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, g := range groups {
		for _, had := range o.groups[g] {
			o.remove(had)
		}
	}
}

// expire removes what is over. The caller holds the lock.
func (o *Outcomes) expire() {
	now, n := o.now(), 0
	for n < len(o.order) && (o.order[n].value == nil || !now.Before(o.order[n].until)) {
		o.remove(o.order[n])
		n++
	}
	clear(o.order[:n]) // append moves the rest, now and then
	o.order = o.order[n:]
}

// remove forgets one that is kept. Its place in the order stays until it is the oldest.
func (o *Outcomes) remove(had *outcome) {
	if had.value == nil {
		return
	}
	o.bytes -= len(had.value)
	had.value = nil
	delete(o.known, had.key)
	for _, g := range had.groups {
		if delete(o.groups[g], had.key); len(o.groups[g]) == 0 {
			delete(o.groups, g)
		}
	}
}
