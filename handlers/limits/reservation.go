package limits

import (
	"context"
	"slices"
	"time"

	"tcb-login/handlers/refusal"
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
func Reserve(counter limit.Counter) *Reservation { return &Reservation{counter: counter} }

// Take counts one against rule; a *Limited error, with a message and the unit of its count, says
// that it is used up. A counter that fails counts nothing: its outage must not become ours.
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
	t.counts = slices.Grow(t.counts, len(counts))
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

// GiveBack gives back one of each count that an earlier request took.
func GiveBack(ctx context.Context, counter limit.Counter, counts ...Count) {
	(&Reservation{counter: counter, counts: counts}).Refund(ctx)
}

// RefundPause gives back the pause between two codes and nothing else.
func (t *Reservation) RefundPause(ctx context.Context) {
	for _, c := range t.counts {
		if c.Rule == RuleSendPause {
			_ = t.counter.Refund(ctx, c.Rule, c.Key)
		}
	}
}

// SessionQuota is how many session ids an account may have denied, by the counter of all limits.
func SessionQuota(counter limit.Counter) session.Quota {
	return func(ctx context.Context, account string) bool {
		d, err := counter.Take(ctx, ruleSessions, account)
		return err != nil || d.OK // its outage must not become ours
	}
}
