package web

import (
	"cmp"
	"context"
	"time"

	"tcb-login/config/settings"
	"tcb-login/handlers/refusal"
	"tcb-login/identifier"
	"tcb-login/limit"
	"tcb-login/session"
)

// A Reservation holds counts that are taken before a call, so that many at once get no further than
// one after another, and that are given back when nothing came of it.
type Reservation struct {
	counter limit.Counter
	counts  []Count
}

// A Count is one of a rule's keys.
type Count struct {
	Rule limit.Rule
	Key  string
}

// Reserve begins with nothing taken.
func (s *Site) Reserve() *Reservation { return &Reservation{counter: s.Counter} }

// Take counts one against rule; a *Limited error, with a message and the unit of its count, says that
// it is used up. A counter that fails counts nothing: its outage must not become ours.
func (t *Reservation) Take(ctx context.Context, rule limit.Rule, message string, unit time.Duration, key string) error {
	d, err := t.counter.Take(ctx, rule, key)
	if err != nil {
		return nil
	}
	if !d.OK {
		return &refusal.Limited{Key: message, Wait: max(d.RetryAfter, time.Second), Unit: unit}
	}
	t.counts = append(t.counts, Count{rule, key})
	return nil
}

// TakeSoft counts one against each rule that beyond its number only asks for a captcha, and reports
// whether one of them was used up.
func (t *Reservation) TakeSoft(ctx context.Context, counts ...Count) (beyond bool) {
	for _, c := range counts {
		d, err := t.counter.Take(ctx, c.Rule, c.Key)
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

// Refund gives back everything taken.
func (t *Reservation) Refund(ctx context.Context) {
	for _, c := range t.counts {
		_ = t.counter.Refund(ctx, c.Rule, c.Key) // one count too many is no harm
	}
	t.counts = nil
}

// RefundPause gives back the pause between two codes and nothing else.
func (t *Reservation) RefundPause(ctx context.Context) {
	for _, c := range t.counts {
		if c.Rule == ruleSendPause {
			_ = t.counter.Refund(ctx, c.Rule, c.Key)
		}
	}
}

// UsedUp reports that nothing is left of one of the counts.
func (s *Site) UsedUp(ctx context.Context, counts ...Count) bool {
	for _, c := range counts {
		if d, err := s.Counter.Peek(ctx, c.Rule, c.Key); err == nil && !d.OK {
			return true
		}
	}
	return false
}

// SessionQuota is how many session ids an account may have denied, by the counter of all limits.
func SessionQuota(counter limit.Counter) session.Quota {
	return func(ctx context.Context, account string) bool {
		d, err := counter.Take(ctx, ruleSessions, account)
		return err != nil || d.OK // its outage must not become ours
	}
}

// Once counts a key that may be used a single time. A counter that fails is an error here: what could
// be used again proves nothing.
func (s *Site) Once(ctx context.Context, rule limit.Rule, key string) (first bool, err error) {
	d, err := s.Counter.Take(ctx, rule, key)
	return d.OK, err
}

// A Target is where a code goes, one of the two, in TCB's form.
type Target struct{ Phone, Email string }

// String is the number or the address.
func (t Target) String() string { return t.Phone + t.Email }

// targetKey is what a number or address counts under.
func targetKey(r *Request, to Target) string {
	return limit.Key(r.Env.ID, limit.NormalizeIdentifier(to.String()))
}

// sendCounts are the limits on a code that is to be sent, beyond which it needs a captcha: the
// caller's share of the target, so that a stranger cannot use up the owner's; the target's over all
// networks; the network's over all targets; and the budgets against sending for its own sake (SMS
// pumping, where a stranger earns by each message that the operator pays for).
func sendCounts(r *Request, to Target) []Count {
	target := targetKey(r, to)
	share := limit.Key(target, r.Caller.Network.Key)
	limits := r.Env.Limits
	counts := r.Counts(ruleSendNetwork)
	if to.Phone == "" {
		perDay := limit.Rule{Name: "email to target", N: cmp.Or(limits.EmailsPerAddress, settings.DefaultLimits.EmailsPerAddress), Per: 24 * time.Hour}
		return append(counts, Count{ruleEmailShare, share}, Count{ruleEmailShareDay, share}, Count{perDay, target})
	}
	perDay := limit.Rule{Name: "SMS to target", N: cmp.Or(limits.SMSPerNumber, settings.DefaultLimits.SMSPerNumber), Per: 24 * time.Hour}
	counts = append(counts, Count{ruleSMSShare, share}, Count{ruleSMSShareDay, share}, Count{perDay, target})
	budget := func(name string, n int) limit.Rule {
		return limit.Rule{Name: name, N: n, Per: time.Hour, Burst: n}
	}
	counts = append(counts, Count{budget("SMS budget", cmp.Or(limits.SMSPerHour, settings.DefaultLimits.SMSPerHour)), r.Env.ID})
	if code := identifier.CallingCode(to.Phone); code != mainland {
		perCode := budget("SMS budget of a calling code", cmp.Or(limits.SMSPerHourAbroad, settings.DefaultLimits.SMSPerHourAbroad))
		counts = append(counts, Count{perCode, limit.Key(r.Env.ID, code)})
	}
	return counts
}

// mainland is the calling code of most people's numbers.
const mainland = "86"

// demandsCaptcha reports what needs a captcha from the first send: everything under attack, and a
// text message abroad where the operator has not said to which countries people's numbers belong.
func demandsCaptcha(r *Request, to Target) bool {
	abroad := to.Phone != "" && identifier.CallingCode(to.Phone) != mainland
	return r.Env.Limits.AttackMode || abroad && len(r.LoginPage.Countries.Allowed) == 0
}

// ReserveSend counts a code to be sent. On the pause between two nothing stays counted. demand says
// that it may only be sent to who solves a captcha.
func (s *Site) ReserveSend(r *Request, to Target) (t *Reservation, demand bool, err error) {
	t = s.Reserve()
	if err := t.Take(r.Context(), ruleSendPause, "error.send_wait", time.Second, targetKey(r, to)); err != nil {
		return nil, false, err
	}
	beyond := t.TakeSoft(r.Context(), sendCounts(r, to)...)
	return t, beyond || demandsCaptcha(r, to), nil
}

// SendWait is how long until another code may be sent there, in whole seconds: the countdown on the
// page is the limit's own.
func (s *Site) SendWait(r *Request, to Target) int {
	d, err := s.Counter.Peek(r.Context(), ruleSendPause, targetKey(r, to))
	if err != nil || d.OK {
		return 0
	}
	return int((max(d.RetryAfter, time.Second) + time.Second - 1) / time.Second)
}
