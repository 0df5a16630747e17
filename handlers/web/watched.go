package web

import (
	"context"
	"strconv"
	"time"

	"tcb-login/authclient"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/limit"
)

// A Call is what Guarded makes.
type Call = func(context.Context, ...authclient.CallOption) error

// Watched is a call whose answer may have a floor: it is measured, and there is a place for the
// answer before it is made. of are the kind and what TCB tells apart by itself. Where an answer takes
// several, all of them together are what its time tells of.
func (s *Site) Watched(r *Request, do Call, of ...string) Call {
	kind := limit.Key(of...)
	return func(ctx context.Context, opts ...authclient.CallOption) error {
		t := r.Trace
		if t.leave == nil {
			leave, ok := s.floor.Enter(r.Caller.Network)
			if !ok {
				return limits.ErrBusy
			}
			t.leave, t.called = leave, s.floor.Clock()
		}
		t.watched = kind
		t.calls++
		err := do(ctx, opts...)
		if !refusal.IsOutage(err) { // for how long TCB is away says nothing of what it does
			s.floor.Note(kind, outcome(t.calls, err), s.floor.Clock().Sub(t.called))
		}
		return err
	}
}

// outcome is what TCB answered: one of the codes that we know, so that there are only so many. The
// second call of a request is no measure of the first.
func outcome(call int, err error) string {
	code := refusal.CodeOf(err)
	if _, known := refusal.Codes[code]; err != nil && !known {
		code = "unknown"
	}
	if call > 1 {
		code = limit.Key(strconv.Itoa(call), code)
	}
	return code
}

// settle lets the answer leave when its floor is reached. What came before the first call, as a
// captcha of ours, is the same for everybody and does not count.
func (s *Site) settle(t *Trace) {
	if t.leave == nil {
		return
	}
	defer t.leave()
	if !t.alike {
		return
	}
	timer := time.NewTimer(s.floor.Wait(t.watched, s.floor.Clock().Sub(t.called)))
	defer timer.Stop()
	<-timer.C
}
