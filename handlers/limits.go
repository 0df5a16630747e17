package handlers

import (
	"context"
	"time"

	"tcb-login/limit"
)

// The rules of guessing and sending. Failures count, not successes; a limit
// per person and address refuses, one per person over all addresses only asks
// for a captcha, so that no stranger can lock somebody out.
var (
	rulePassword       = limit.Rule{Name: "password", N: 4, Per: 10 * time.Minute}
	rulePasswordPerson = limit.Rule{Name: "password of person", N: 20, Per: time.Hour}
	ruleCode           = limit.Rule{Name: "code", N: 5, Per: 20 * time.Minute}
	ruleSendPause      = limit.Rule{Name: "send pause", N: 1, Per: time.Minute}
	ruleSendTarget     = limit.Rule{Name: "send to target", N: 10, Per: time.Hour}
	ruleSendAddress    = limit.Rule{Name: "send from address", N: 30, Per: time.Hour, Burst: 5}
	ruleUsername       = limit.Rule{Name: "username check", N: 30, Per: time.Hour, Burst: 10}
)

// taken are counts that can be given back when nothing came of them.
type taken struct {
	counter limit.Counter
	counts  []count
}

type count struct {
	rule limit.Rule
	key  string
}

// take counts one against rule; a *limited error says that it is used up. A
// counter that fails counts nothing: its outage must not become ours.
func (t *taken) take(ctx context.Context, rule limit.Rule, message string, unit time.Duration, key string) error {
	d, err := t.counter.Take(ctx, rule, key)
	if err != nil {
		return nil
	}
	if !d.OK {
		return &limited{key: message, wait: max(d.RetryAfter, time.Second), unit: unit}
	}
	t.counts = append(t.counts, count{rule, key})
	return nil
}

// refund gives back everything taken.
func (t *taken) refund(ctx context.Context) {
	for _, c := range t.counts {
		_ = t.counter.Refund(ctx, c.rule, c.key) // one count too many is no harm
	}
	t.counts = nil
}

// takeSend counts a code to be sent to a number or address. On a limit nothing
// stays counted.
func (h *Handler) takeSend(ctx context.Context, r *request, to string) (*taken, error) {
	t := &taken{counter: h.counter}
	target := limit.Key(r.env.ID, limit.NormalizeIdentifier(to))
	err := t.take(ctx, ruleSendPause, "error.send_wait", time.Second, target)
	if err == nil {
		err = t.take(ctx, ruleSendTarget, "error.send_limit", time.Minute, target)
	}
	if err == nil {
		err = t.take(ctx, ruleSendAddress, "error.send_limit", time.Minute, r.address)
	}
	if err != nil {
		t.refund(ctx)
		return nil, err
	}
	return t, nil
}

// sendWait is how long until another code may be sent there, in whole seconds:
// the countdown on the page is the limit's own.
func (h *Handler) sendWait(ctx context.Context, r *request, to string) int {
	d, err := h.counter.Peek(ctx, ruleSendPause, limit.Key(r.env.ID, limit.NormalizeIdentifier(to)))
	if err != nil || d.OK {
		return 0
	}
	return int((d.RetryAfter + time.Second - 1) / time.Second)
}
