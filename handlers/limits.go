package handlers

import (
	"context"
	"errors"
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
	ruleCaptcha        = limit.Rule{Name: "another picture", N: 120, Per: time.Hour, Burst: 20}
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

// refundPause gives back the pause between two codes and nothing else.
func (t *taken) refundPause(ctx context.Context) {
	for _, c := range t.counts {
		if c.rule == ruleSendPause {
			_ = t.counter.Refund(ctx, c.rule, c.key)
		}
	}
}

// refund gives back everything taken.
func (t *taken) refund(ctx context.Context) {
	for _, c := range t.counts {
		_ = t.counter.Refund(ctx, c.rule, c.key) // one count too many is no harm
	}
	t.counts = nil
}

// sendRule is one limit on a code that is to be sent.
type sendRule struct {
	count
	message string
	unit    time.Duration // of the message's count
}

func sendRules(r *request, to string) []sendRule {
	target := limit.Key(r.env.ID, limit.NormalizeIdentifier(to))
	return []sendRule{
		{count{ruleSendPause, target}, "error.send_wait", time.Second},
		{count{ruleSendTarget, target}, "error.send_limit", time.Minute},
		{count{ruleSendAddress, r.network}, "error.send_limit", time.Minute},
	}
}

// takeSend counts a code to be sent to a number or address. On a limit nothing
// stays counted, and the wait is that of the limit that holds longest.
func (h *Handler) takeSend(ctx context.Context, r *request, to string) (*taken, error) {
	t := &taken{counter: h.counter}
	for _, s := range sendRules(r, to) {
		if err := t.take(ctx, s.rule, s.message, s.unit, s.key); err != nil {
			t.refund(ctx)
			if longest := h.sendLimit(ctx, r, to); longest != nil {
				err = longest
			}
			return nil, err
		}
	}
	return t, nil
}

// sendLimit is the limit that now holds longest against sending there, nil
// when none does.
func (h *Handler) sendLimit(ctx context.Context, r *request, to string) error {
	var longest *limited
	for _, s := range sendRules(r, to) {
		d, err := h.counter.Peek(ctx, s.rule, s.key)
		if err == nil && !d.OK && (longest == nil || d.RetryAfter > longest.wait) {
			longest = &limited{key: s.message, wait: max(d.RetryAfter, time.Second), unit: s.unit}
		}
	}
	if longest == nil {
		return nil
	}
	return longest
}

// sendWait is how long until another code may be sent there, in whole seconds:
// the countdown on the page is the limit's own.
func (h *Handler) sendWait(ctx context.Context, r *request, to string) int {
	var lim *limited
	if !errors.As(h.sendLimit(ctx, r, to), &lim) {
		return 0
	}
	return int((lim.wait + time.Second - 1) / time.Second)
}
