package web

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tcb-login/config/settings"
	"tcb-login/handlers/limits"
	"tcb-login/identifier"
	"tcb-login/limit"
)

// Reserve begins with nothing taken.
func (s *Site) Reserve() *limits.Reservation { return limits.Reserve(s.Counter) }

// UsedUp reports that nothing is left of one of the counts.
func (s *Site) UsedUp(ctx context.Context, counts ...limits.Count) bool {
	for _, c := range counts {
		if d, err := s.Counter.Peek(ctx, c.Rule, c.Key); err == nil && !d.OK {
			return true
		}
	}
	return false
}

// Once counts a key that may be used a single time. A counter that fails is an error here: what
// could be used again proves nothing.
func (s *Site) Once(ctx context.Context, rule limit.Rule, key string) (first bool, err error) {
	d, err := s.single.Take(ctx, rule, key) // no limit of anybody's: a page that is loaded again comes here
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
// pumping, where a stranger earns by each message that the operator pays for). target is what it counts
// under.
func sendCounts(r *Request, to Target, target string) []limits.Count {
	share := limit.Key(target, r.Caller.Network.Key)
	counts := slices.Grow(r.Caller.Network.Counts(limits.RuleSendNetwork), 5)
	count := func(rule limit.Rule, key string) { counts = append(counts, limits.Count{Rule: rule, Key: key}) }
	perDay := func(name string, n int) limit.Rule { return limit.Rule{Name: name, N: n, Per: 24 * time.Hour} }
	budget := func(name string, n int) limit.Rule {
		return limit.Rule{Name: name, N: n, Per: time.Hour, Burst: n}
	}
	set, standard := r.Env.Limits, settings.DefaultLimits
	if to.Phone == "" {
		count(limits.RuleEmailShare, share)
		count(limits.RuleEmailShareDay, share)
		count(perDay("email to target", cmp.Or(set.EmailsPerAddress, standard.EmailsPerAddress)), target)
		return counts
	}
	count(limits.RuleSMSShare, share)
	count(limits.RuleSMSShareDay, share)
	count(perDay("SMS to target", cmp.Or(set.SMSPerNumber, standard.SMSPerNumber)), target)
	count(budget("SMS budget", cmp.Or(set.SMSPerHour, standard.SMSPerHour)), r.Env.ID)
	if code := identifier.CallingCode(to.Phone); code != mainland {
		abroad := cmp.Or(set.SMSPerHourAbroad, standard.SMSPerHourAbroad)
		count(budget("SMS budget of a calling code", abroad), limit.Key(r.Env.ID, code))
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
func (s *Site) ReserveSend(r *Request, to Target) (t *limits.Reservation, demand bool, err error) {
	t = s.Reserve()
	target := targetKey(r, to)
	if err := t.Take(r.Context(), limits.RuleSendPause, "error.send_wait", time.Second, target); err != nil {
		return nil, false, err
	}
	beyond := t.TakeSoft(r.Context(), sendCounts(r, to, target)...)
	return t, beyond || demandsCaptcha(r, to), nil
}

// SendWait is how long until another code may be sent there, in whole seconds: the countdown on the
// page is the limit's own.
func (s *Site) SendWait(r *Request, to Target) int {
	d, err := s.Counter.Peek(r.Context(), limits.RuleSendPause, targetKey(r, to))
	if err != nil || d.OK {
		return 0
	}
	return int((max(d.RetryAfter, time.Second) + time.Second - 1) / time.Second)
}
