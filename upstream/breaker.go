package upstream

import (
	"sync"
	"time"
)

// State is what a breaker does with calls.
type State int

// The states of a breaker.
const (
	Closed   State = iota // calls leave
	Open                  // none leaves
	HalfOpen              // one has left, to find out
)

// String is the state's name in logs and metrics.
func (s State) String() string { return [...]string{"closed", "open", "half-open"}[s] }

const (
	kept      = 20 // outcomes that are looked at
	least     = 5  // of them, before anything is concluded
	pauseMin  = 2 * time.Second
	pauseMax  = 30 * time.Second
	windowMin = 30 * time.Second
)

// An outcome is how a call ended.
type outcome int

const (
	worked outcome = iota
	failed
	nothing // given up by the caller, which says nothing of TCB
)

// breaker decides which calls leave. Its outcomes count for as long as window.
type breaker struct {
	now    func() time.Time
	window time.Duration

	mu      sync.Mutex
	state   State
	since   time.Time // of the state
	turn    int       // changes with the state: what began before says nothing of now
	ends    [kept]ended
	n       int
	pause   time.Duration // of Open
	until   time.Time     // the end of it
	changed func(from, to State)
}

type ended struct {
	at     time.Time
	failed bool
}

func newBreaker(now func() time.Time, window time.Duration, changed func(from, to State)) *breaker {
	return &breaker{now: now, window: max(window, windowMin), since: now(), changed: changed}
}

// begin lets a call leave, whose turn end wants to know, or says how long none will.
func (b *breaker) begin() (turn int, wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	switch {
	case b.state == HalfOpen:
		return 0, pauseMin, false
	case b.state == Open && now.Before(b.until):
		return 0, b.until.Sub(now), false
	case b.state == Open:
		b.set(HalfOpen, now)
	}
	return b.turn, 0, true
}

// end notes how a call ended.
func (b *breaker) end(turn int, how outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	switch {
	case turn != b.turn:
	case b.state == HalfOpen && how == failed:
		b.pause = min(2*b.pause, pauseMax)
		b.open(now)
	case b.state == HalfOpen && how == nothing: // the next one finds out
		b.until = now
		b.set(Open, now)
	case b.state == HalfOpen:
		b.n = 0
		b.set(Closed, now)
	case how != nothing:
		b.ends[b.n%kept] = ended{now, how == failed}
		b.n++
		if how == failed && b.most(now) {
			b.pause = pauseMin
			b.open(now)
		}
	}
}

func (b *breaker) open(now time.Time) {
	b.until = now.Add(b.pause)
	b.set(Open, now)
}

func (b *breaker) set(s State, now time.Time) {
	from := b.state
	if from == Closed || s == Closed { // being away lasts through the probes
		b.since = now
	}
	b.state = s
	b.turn++
	b.changed(from, s)
}

// most reports that of the calls that ended lately four of five failed.
func (b *breaker) most(now time.Time) bool {
	all, bad := 0, 0
	for _, e := range b.ends[:min(b.n, kept)] {
		if now.Sub(e.at) > b.window {
			continue
		}
		all++
		if e.failed {
			bad++
		}
	}
	return all >= least && bad*5 >= all*4
}

func (b *breaker) look() (State, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state, b.since
}
