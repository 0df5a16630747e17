//go:build !race

package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// forcedChangeTimes: the refused change of a password takes as long for an account whose password is
// another by now, one that TCB or the operator has locked, and one that is gone.
func forcedChangeTimes(t *timing) {
	s := timingSite(t.T)
	const perAccount = 8 // fewer than TCB locks after, all in all
	accounts := 2 * (t.samples/perAccount + 1)
	changed := func(i int) string { return fmt.Sprintf("changed%d", i) }
	for i := range accounts {
		s.backend.register(changed(i)+"@example.com", changed(i), bothPassword)
	}
	others := []string{"gone", locked, blocked}
	for _, name := range others {
		s.backend.register(name+"@example.com", name, bothPassword)
	}
	s.age()
	if _, err := s.backend.client().GetPublicKey(t.Context()); err != nil { // made at the first call, which takes long
		t.Fatal(err)
	}
	pages := map[string]*page{}
	step := func(name string) {
		b := s.browser()
		b.strict = false // it looks for every password that was ever typed
		pages[name] = b.toChange(name, bothPassword)
		if !slices.Contains(others, name) { // the other window is the one that changes it; warm, too
			s.clock.advance(repeatLife + time.Second)
			other := s.browser()
			other.submit(other.toChange(name, bothPassword), fields{"new_password": "Quiet-lake-1"}).completed()
		}
	}
	for _, name := range others {
		step(name)
	}
	for i := range min(accounts, 10) {
		step(changed(i))
	}
	for i := 10; i < accounts; i++ {
		b := s.browser()
		b.strict = false
		pages[changed(i)] = b.toChange(changed(i), bothPassword)
		s.backend.setPassword(changed(i), bothPassword, "Quiet-lake-1")
	}
	s.backend.remove("gone", bothPassword)
	s.backend.lock(locked)
	s.backend.setStatus(blocked, "BLOCKED")
	for round, unknownLate := range []bool{false, true} {
		s.backend.late(gap, unknownIs(unknownLate), nil)
		var probes []probe
		for i := range t.samples {
			account := changed(round*accounts/2 + i/perAccount)
			for _, kind := range append([]string{"changed"}, others...) {
				p := pages[kind]
				if kind == "changed" {
					p = pages[account]
				}
				probes = append(probes, probe{kind, func() (int, error) {
					got, err := p.b.try(http.MethodPost, p.action(), alone(p.filled(fields{"new_password": "Quiet-river-8"})), nil)
					if err == nil && !got.has("error.sign_in_failed") {
						err = fmt.Errorf("page %q with %q", got.name(), got.keys())
					}
					return status(got), err
				}})
			}
		}
		t.wantAlike(fmt.Sprintf("forced change, unknown late %v", unknownLate), measure(t.T, probes), append([]string{"changed"}, others...)...)
		s.backend.answer("", nil)
	}
}
