//go:build !race

package handlers

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"tcb-login/limit"
)

// pausing is limitless until it is told to refuse every code, as within the minute after another.
type pausing struct {
	limitless
	pause atomic.Bool
}

func (p *pausing) Take(_ context.Context, rule limit.Rule, _ string) (limit.Decision, error) {
	if rule.Name == "send pause" && p.pause.Load() {
		return limit.Decision{RetryAfter: time.Minute}, nil
	}
	return limit.Decision{OK: true}, nil
}

// poisonedTimes: where TCB takes longer than the least floor, neither refusals in any
// number nor requests that never reach TCB bring the floor down again.
func poisonedTimes(t *timing) {
	const (
		least  = 50 * time.Millisecond
		slow   = 400 * time.Millisecond
		first  = 6
		poison = 300 // more than what is kept of one outcome
	)
	counter := &pausing{}
	s := timingSite(t.T, func(c *siteConfig) { c.settings.RefusalFloor, c.counter = least, counter })
	b := s.browser()
	samples := min(t.samples, 200)
	for i := range samples + first {
		s.backend.register(fmt.Sprintf("known%d@example.com", i), "", "")
	}
	s.backend.late(slow, unknownIs(false), nil)
	post := func(p *page, values fields) func() (int, error) {
		return func() (int, error) {
			got, err := b.try(http.MethodPost, p.action(), alone(p.filled(values)), nil)
			return status(got), err
		}
	}
	many := func(n int, want int, send func(i int) func() (int, error)) {
		t.Helper()
		var probes []probe
		for i := range n {
			one := send(i)
			probes = append(probes, probe{"many", func() (int, error) {
				got, err := one()
				if err == nil && got != want {
					err = fmt.Errorf("status %d, want %d", got, want)
				}
				return http.StatusSeeOther, err
			}})
		}
		measure(t.T, probes)
	}
	compare := func(what string, send func(name string) func() (int, error)) {
		t.Helper()
		var probes []probe
		for i := range samples {
			probes = append(probes, probe{"known", send(fmt.Sprintf("known%d@example.com", i+first))}, probe{"unknown", send(fmt.Sprintf("nobody%d@example.com", i))})
		}
		t.wantAlike(what, measure(t.T, probes), "known", "unknown")
	}
	send := func(name string) func() (int, error) {
		return post(b.open("/sign-in/email"), fields{"email": name})
	}
	many(first, http.StatusSeeOther, func(i int) func() (int, error) { return send(fmt.Sprintf("known%d@example.com", i)) })
	many(poison, http.StatusSeeOther, func(i int) func() (int, error) { return send(fmt.Sprintf("poison%d@example.com", i)) })
	compare("after quick refusals", send)

	counter.pause.Store(true)
	many(poison, http.StatusTooManyRequests, func(int) func() (int, error) { return send("known0@example.com") })
	counter.pause.Store(false)
	s.clock.advance(61 * time.Second) // TCB sends one a minute
	compare("after requests without a call", send)
}

// stepUpTimes: a wrong code in the portal takes as long whether TCB knows the code's
// verification_id or not.
func stepUpTimes(t *timing) {
	s := timingSite(t.T).warm()
	kinds := map[string]*browser{}
	pages := map[string]*page{}
	for _, kind := range []string{"real", "lost"} {
		b, _ := s.signedIn(t.T)
		kinds[kind] = b
		pages[kind] = b.submit(b.open("/account/verify", "via=email"), nil).want(http.StatusOK, "step-up-code")
		s.clock.advance(61 * time.Second)
	}
	calls := s.backend.count("/v1/verification/verify")
	kinds["lost"].submit(pages["lost"], fields{"verification_code": "000000"})
	seen := s.backend.callsTo("/v1/verification/verify")[calls]
	forgotten := func(e exchange) string {
		if e.path == seen.path && e.device == seen.header.Get("X-Device-Id") {
			return "not_found"
		}
		return ""
	}
	for _, unknownLate := range []bool{false, true} {
		s.backend.late(gap, unknownIs(unknownLate), forgotten)
		var probes []probe
		for range t.samples {
			for kind, b := range kinds {
				p := pages[kind]
				probes = append(probes, probe{kind, func() (int, error) {
					got, err := b.try(http.MethodPost, p.action(), alone(p.filled(fields{"verification_code": "000000"})), nil)
					return status(got), err
				}})
			}
		}
		t.wantAlike(fmt.Sprintf("step-up, unknown late %v", unknownLate), measure(t.T, probes), "real", "lost")
	}
}
