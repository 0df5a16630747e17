package handlers

import (
	"cmp"
	"context"
	"strings"
	"time"

	"tcb-login/config/settings"
	"tcb-login/limit"
	"tcb-login/session"
)

// The rules of guessing and sending. Of passwords, codes and pictures failures count, not
// successes. No limit that refuses is keyed by the victim alone, but for the minute between two
// codes: a stranger's tries cost the stranger. What is keyed wider only asks for a captcha, so that
// no stranger can lock somebody out, and an office behind one address gets in.
var (
	rulePassword = limit.Rule{Name: "password", N: 4, Per: 10 * time.Minute} // of a person from a network; refuses
	// TCB asks for a captcha from the sixth wrong password, for accounts that exist. Ours comes
	// before, for every name, and remembers for as long as TCB can be thought to.
	rulePasswordPerson  = limit.Rule{Name: "password of person", N: 4, Per: 24 * time.Hour}
	rulePasswordNetwork = limit.Rule{Name: "password from network", N: 50, Per: time.Hour}
	ruleStepUp          = limit.Rule{Name: "step-up of login", N: 10, Per: 12 * time.Hour} // ends the login
	ruleCode            = limit.Rule{Name: "code", N: 5, Per: 20 * time.Minute}

	ruleSendPause     = limit.Rule{Name: "send pause", N: 1, Per: time.Minute} // to a target; refuses
	ruleSMSShare      = limit.Rule{Name: "SMS to target from network", N: 3, Per: time.Hour}
	ruleSMSShareDay   = limit.Rule{Name: "SMS to target from network in a day", N: 5, Per: 24 * time.Hour}
	ruleEmailShare    = limit.Rule{Name: "email to target from network", N: 5, Per: time.Hour}
	ruleEmailShareDay = limit.Rule{Name: "email to target from network in a day", N: 15, Per: 24 * time.Hour}
	ruleSendNetwork   = limit.Rule{Name: "send from network", N: 30, Per: time.Hour}
	ruleAnonymous     = limit.Rule{Name: "anonymous from network", N: 60, Per: time.Hour}
	ruleProvider      = limit.Rule{Name: "provider from network", N: 60, Per: time.Hour}
	ruleCaptchaSolved = limit.Rule{Name: "picture solved", N: 1, Per: 2 * captchaLife}
	ruleCaptchaWrong  = limit.Rule{Name: "picture wrong", N: 120, Per: time.Hour, Burst: 30}
	ruleCaptcha       = limit.Rule{Name: "another picture", N: 120, Per: time.Hour, Burst: 20}
	ruleUsername      = limit.Rule{Name: "username check", N: 30, Per: time.Hour, Burst: 10}

	// Each hand-off may take a place on the deny list, which forgets what it has no room for. An office
	// has many people behind a network; one login may come from as many networks as an IPv6 block has.
	// Sign-ins and step-ups take places too: what one account has of them is bounded for all three.
	ruleHandOff       = limit.Rule{Name: "hand-off from network", N: 600, Per: time.Hour, Burst: 60}
	ruleSessions      = limit.Rule{Name: "session ids of account", N: 120, Per: time.Hour, Burst: 60}
	ruleHandOffPerson = limit.Rule{Name: "hand-off of person", N: 120, Per: time.Hour, Burst: 60}
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

// takeSoft counts one against each rule that beyond its number only asks for a captcha, and reports
// whether one of them was used up.
func (t *taken) takeSoft(ctx context.Context, counts ...count) (beyond bool) {
	for _, c := range counts {
		d, err := t.counter.Take(ctx, c.rule, c.key)
		switch {
		case err != nil: // its outage must not become ours
		case d.OK:
			t.counts = append(t.counts, c)
		default:
			beyond = true
		}
	}
	return beyond
}

// usedUp reports that nothing is left of one of the counts.
func (h *Handler) usedUp(ctx context.Context, counts ...count) bool {
	for _, c := range counts {
		if d, err := h.counter.Peek(ctx, c.rule, c.key); err == nil && !d.OK {
			return true
		}
	}
	return false
}

// accountKey is what an account counts under.
func accountKey(r *request, sub string) string {
	return limit.Key(r.env.ID, limit.NormalizeIdentifier(sub))
}

// SessionQuota is how many session ids an account may have denied, by the counter of all limits.
func SessionQuota(counter limit.Counter) session.Quota {
	return func(ctx context.Context, account string) bool {
		d, err := counter.Take(ctx, ruleSessions, account)
		return err != nil || d.OK // its outage must not become ours
	}
}

// sendTarget is what a number or address counts under.
func sendTarget(r *request, to string) string {
	return limit.Key(r.env.ID, limit.NormalizeIdentifier(to))
}

// sendCounts are the limits on a code that is to be sent, beyond which it needs a captcha: the
// caller's share of the target, so that a stranger cannot use up the owner's; the target's over all
// networks; the network's over all targets; and the budgets against sending for its own sake (SMS
// pumping, where a stranger earns by each message that the operator pays for).
func (h *Handler) sendCounts(r *request, f *flow) []count {
	target := sendTarget(r, f.to())
	share := limit.Key(target, r.network)
	limits := r.env.Limits
	counts := r.counts(ruleSendNetwork)
	if f.Phone == "" {
		perDay := limit.Rule{Name: "email to target", N: cmp.Or(limits.EmailsPerAddress, settings.DefaultLimits.EmailsPerAddress), Per: 24 * time.Hour}
		return append(counts, count{ruleEmailShare, share}, count{ruleEmailShareDay, share}, count{perDay, target})
	}
	perDay := limit.Rule{Name: "SMS to target", N: cmp.Or(limits.SMSPerNumber, settings.DefaultLimits.SMSPerNumber), Per: 24 * time.Hour}
	counts = append(counts, count{ruleSMSShare, share}, count{ruleSMSShareDay, share}, count{perDay, target})
	budget := func(name string, n int) limit.Rule {
		return limit.Rule{Name: name, N: n, Per: time.Hour, Burst: n}
	}
	counts = append(counts, count{budget("SMS budget", cmp.Or(limits.SMSPerHour, settings.DefaultLimits.SMSPerHour)), r.env.ID})
	if code := callingCode(f.Phone); code != mainland {
		perCode := budget("SMS budget of a calling code", cmp.Or(limits.SMSPerHourAbroad, settings.DefaultLimits.SMSPerHourAbroad))
		counts = append(counts, count{perCode, limit.Key(r.env.ID, code)})
	}
	return counts
}

// mainland is the calling code of most people's numbers.
const mainland = "86"

func callingCode(phone string) string {
	code, _, _ := strings.Cut(strings.TrimPrefix(phone, "+"), " ")
	return code
}

// demandsCaptcha reports what needs a captcha from the first send: everything under attack, and a
// text message abroad where the operator has not said to which countries people's numbers belong.
func demandsCaptcha(r *request, f *flow) bool {
	abroad := f.Phone != "" && callingCode(f.Phone) != mainland
	return r.env.Limits.AttackMode || abroad && len(r.login.Countries.Allowed) == 0
}

// takeSend counts a code to be sent. On the pause between two nothing stays counted. demand says
// that it may only be sent to who solves a captcha.
func (h *Handler) takeSend(ctx context.Context, r *request, f *flow) (t *taken, demand bool, err error) {
	t = &taken{counter: h.counter}
	if err := t.take(ctx, ruleSendPause, "error.send_wait", time.Second, sendTarget(r, f.to())); err != nil {
		return nil, false, err
	}
	beyond := t.takeSoft(ctx, h.sendCounts(r, f)...)
	return t, beyond || demandsCaptcha(r, f), nil
}

// sendWait is how long until another code may be sent there, in whole seconds: the countdown on the
// page is the limit's own.
func (h *Handler) sendWait(ctx context.Context, r *request, to string) int {
	d, err := h.counter.Peek(ctx, ruleSendPause, sendTarget(r, to))
	if err != nil || d.OK {
		return 0
	}
	return int((max(d.RetryAfter, time.Second) + time.Second - 1) / time.Second)
}
