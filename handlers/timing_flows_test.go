//go:build !race

package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// passwordTimes: a refused password takes as long for every kind of account.
func passwordTimes(by string) func(*timing) {
	return func(t *timing) {
		s := timingSite(t.T).warm()
		const perAccount = 8 // fewer than TCB locks after
		kinds := []string{known, unknown, locked, blocked, passwordless}
		names := map[string][]string{}
		for _, kind := range kinds {
			n := 1
			if kind == known {
				n = t.samples/perAccount + 1
			}
			names[kind] = s.accounts(kind, by, n)
		}
		b := s.browser()
		b.strict = false
		page := b.open("/sign-in")
		for _, late := range []bool{false, true} {
			s.clock.advance(11 * time.Minute) // TCB has forgotten the failures before
			s.backend.answer("", nil)
			s.backend.lock(atTCB(by, names[locked][0]))
			s.backend.late(gap, specialIs(late), nil)
			var probes []probe
			for i := range t.samples {
				for _, kind := range kinds {
					name := names[kind][i/perAccount%len(names[kind])]
					form := alone(page.filled(fields{"username": name, "password": passwordFor(kind)}))
					probes = append(probes, probe{kind, func() (int, error) {
						p, err := b.try(http.MethodPost, page.action(), form, nil)
						return status(p), err
					}})
				}
			}
			t.wantAlike(fmt.Sprintf("password by %s, special late %v", by, late), measure(t.T, probes), kinds...)
		}
	}
}

// codeTimes: to have a code sent, again, and to type a wrong one, takes as long for every kind.
func codeTimes(flow codeFlow, kinds []string, late bool) func(*timing) {
	return func(t *timing) {
		s := timingSite(t.T, registers(flow.auto)).warm()
		names := map[string][]string{}
		for _, kind := range kinds {
			names[kind] = s.accounts(kind, flow.by, (t.samples+3)/4)
		}
		s.backend.late(gap, specialIs(late), withholds)
		b := s.browser()
		b.strict = false
		first := flow.open(b)
		var mu sync.Mutex
		next := map[string]*page{} // what a name's last code led to
		pages := map[string]*page{}
		times := map[string]map[string][]time.Duration{}
		take := func(step string, rounds int, fill func(name string) (*page, url.Values)) {
			t.Helper()
			if times[step] == nil {
				times[step] = map[string][]time.Duration{}
			}
			for range rounds {
				var probes []probe
				for kind, all := range names {
					for _, name := range all {
						from, form := fill(name)
						probes = append(probes, probe{kind, func() (int, error) {
							p, err := b.try(http.MethodPost, from.action(), alone(form), nil)
							if status(p) == http.StatusSeeOther {
								mu.Lock()
								defer mu.Unlock()
								next[name] = p
							}
							return status(p), err
						}})
					}
				}
				for kind, took := range measure(t.T, probes) {
					times[step][kind] = append(times[step][kind], took...)
				}
				s.clock.advance(61 * time.Second) // TCB sends one a minute
			}
			for name, p := range next {
				pages[name] = b.follow(p)
			}
			clear(next)
		}
		again, rounds := "resend", 4
		if !*timingAll {
			again, rounds = "send", 2
		}
		take("send", rounds, func(name string) (*page, url.Values) { return first, first.filled(typedName(flow.by, name)) })
		take(again, rounds, func(name string) (*page, url.Values) {
			form := pages[name].filled(nil)
			form.Set("action", "resend")
			return pages[name], form
		})
		take("wrong code", 4, func(name string) (*page, url.Values) {
			return pages[name], pages[name].filled(fields{"verification_code": "000000"})
		})
		for step, took := range times {
			t.wantAlike(fmt.Sprintf("%v, %s, special late %v", flow, step, late), took, kinds...)
		}
	}
}

// specialIs picks, by names, the exchanges about all kinds of accounts but the known, or all others.
// A verification_id is of whom it was issued to; TCB knows no decoy.
func specialIs(picked bool) func(exchange) bool {
	var issued sync.Map // kinds
	return func(e exchange) bool {
		kind := kindOf(e.name)
		if e.issued != "" {
			issued.Store(e.issued, kind)
		}
		if to, ok := issued.Load(e.id); ok {
			kind = to.(string)
		}
		return (kind != known) == picked
	}
}

// withholds refuses codes to accounts that TCB sends none.
func withholds(e exchange) string {
	if e.path == "/v1/verification" && kindOf(e.name) == withheld {
		return "user_blocked"
	}
	return ""
}
