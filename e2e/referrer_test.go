//go:build e2e

package e2e

import (
	"testing"
)

// TestNoReferrer: behind a proxy that adds "Referrer-Policy: no-referrer" to every answer, Chromium
// sends "Origin: null" with our own forms. All of them work all the same.
func TestNoReferrer(t *testing.T) {
	t.Parallel()
	s := start(t, options{noReferrer: true})
	v := s.visit(t)
	b := v.enter(t, where)
	b.typePassword(t, demoName, demoPassword)
	b.finish(t, where)
	b.goTo(t, s.portal("/profile"))
	b.at(t, "account-profile")
	b.fill(t, "name", "Without a referrer")
	b.submit(t)
	b.at(t, "account")
	if got := b.row(t, "name"); got != "Without a referrer" {
		t.Errorf("name %q", got)
	}
	b.follow(t, "sign-out")
	b.at(t, "sign-out")
	b.press(t, b.primary())
	b.back(t, where)
	if got := b.stored(t, "credentials_demo"); got != "" {
		t.Error("the login is left in localStorage")
	}
	b = v.enter(t, where)
	b.codeSignIn(t, demoEmail)
	b.finish(t, where)
	if _, null := s.app.origins.Load("null"); !null {
		t.Error("no form was posted with Origin: null: the proxy's header changes nothing any more, and so neither does this test")
	}
}
