package upstream

import (
	"context"
	"time"
)

// Health is how an environment is, as its calls tell.
type Health struct {
	State    State
	Since    time.Time // when calls began or ceased to leave
	Heard    time.Time // when TCB last answered or failed to; zero: never
	Down     bool      // it failed to
	InFlight int
	Cap      int
	Full     uint64 // calls that were held back since too many were in flight
	Held     uint64 // since TCB is away
}

// Away reports that TCB failed when it was last called.
func (h Health) Away() bool { return h.Down || h.State != Closed }

// Health calls nobody.
func (t *Transport) Health() Health {
	h := Health{InFlight: len(t.slots), Cap: cap(t.slots), Down: t.down.Load(), Full: t.full.Load(), Held: t.away.Load()}
	h.State, h.Since = t.breaker.look()
	if at := t.heard.Load(); at != 0 {
		h.Heard = time.Unix(0, at)
	}
	return h
}

// Watch asks TCB from time to time while nobody else does, until ctx ends: so an instance without
// visitors knows how TCB is, and after an outage it is no person who finds out whether it is over.
// What ask returns does not matter: its call comes through t.
func (t *Transport) Watch(ctx context.Context, every time.Duration, ask func(context.Context)) {
	for {
		if h := t.Health(); h.State != Closed || t.now().Sub(h.Heard) >= every {
			ask(ctx)
		}
		pause := every
		if t.Health().State != Closed {
			pause = min(every, pauseMin)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}
