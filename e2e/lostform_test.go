//go:build e2e

package e2e

import (
	"testing"
)

// TestFormSurvives: what somebody has typed into the portal is there after the login had to be handed over
// again, and goes where it was meant for once TCB is back from an outage.
func TestFormSurvives(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	v := s.visit(t)
	v.signIn(t, demoName, demoPassword)
	b := v.open(t, s.portal("/profile"))
	b.at(t, "account-profile")
	b.fill(t, "name", "Ada <b>")
	if err := v.context.ClearCookies(); err != nil { // the session is over
		t.Fatal(err)
	}
	b.submit(t)
	b.at(t, "account-profile")
	b.visible(t, `.alert[data-key="error.stale"]`)
	b.holds(t, "name", "Ada <b>")

	v.broken = true
	s.emulator.set(t, settings{Faults: []fault{{Path: "/auth/v1/user/me", Status: 503, Error: "unavailable", Times: 3}}})
	b.submit(t)
	b.at(t, "error")
	b.submit(t)
	b.at(t, "account")
	b.visible(t, `.alert[data-key="account.done.profile"]`)
	b.goTo(t, s.portal("/profile"))
	b.holds(t, "name", "Ada <b>")
}
