package web

import (
	"context"
	"time"

	"tcb-login/authclient"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/limit"
)

// A Call is what Guarded makes.
type Call = func(context.Context, ...authclient.CallOption) error

// Watched is a call whose answer may have a floor: it is measured, and there is a place for the
// answer before it is made. of are the kind and what TCB tells apart by itself.
func (s *Site) Watched(r *Request, do Call, of ...string) Call {
	kind := limit.Key(of...)
	return func(ctx context.Context, opts ...authclient.CallOption) error {
		t := r.Trace
		if t.leave == nil {
			leave, ok := s.floor.Enter(r.Caller.Network)
			if !ok {
				return limits.ErrBusy
			}
			t.leave = leave
		}
		t.watched = kind
		begun := s.floor.Clock()
		err := do(ctx, opts...)
		if !refusal.IsOutage(err) { // for how long TCB is away says nothing of what it does
			s.floor.Note(kind, outcome(err), s.floor.Clock().Sub(begun))
		}
		return err
	}
}

// outcome is what TCB answered: one of the codes that we know, so that there are only so many.
func outcome(err error) string {
	code := refusal.CodeOf(err)
	if _, known := refusal.Codes[code]; err != nil && !known {
		return "unknown"
	}
	return code
}

// settle lets the answer leave when its floor is reached.
func (s *Site) settle(t *Trace) {
	if t.leave == nil {
		return
	}
	defer t.leave()
	if !t.alike {
		return
	}
	timer := time.NewTimer(s.floor.Wait(t.watched, s.floor.Clock().Sub(t.arrived)))
	defer timer.Stop()
	<-timer.C
}
