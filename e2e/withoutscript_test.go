//go:build e2e

package e2e

import (
	"testing"
)

// TestWithoutScript walks the same ways with script switched off, up to the completion page, which
// says what it would have done.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	flows := []struct {
		name   string
		server func(t *testing.T, o options) *server
		walk   func(t *testing.T, b *tab)
	}{
		{"password", share, func(t *testing.T, b *tab) { b.typePassword(t, demoName, demoPassword) }},
		{"SMS code", share, func(t *testing.T, b *tab) { b.codeSignIn(t, newPhone()) }},
		{"e-mail code", share, func(t *testing.T, b *tab) { b.codeSignIn(t, newEmail()) }},
		{"sign-up by phone", share, func(t *testing.T, b *tab) { b.signUp(t, newPhone(), newUsername(), "李雷", "Li-lei-2026-x") }},
		{"sign-up by e-mail", share, func(t *testing.T, b *tab) { b.signUp(t, newEmail(), "", "", "") }},
		{"reset by e-mail", start, func(t *testing.T, b *tab) { b.resetPassword(t, demoEmail, "Quite-new-4711") }},
		{"captcha", start, func(t *testing.T, b *tab) {
			b.v.server.emulator.set(t, settings{Captcha: "always"})
			b.typePassword(t, demoName, demoPassword)
			b.submit(t)
			b.solve(t)
		}},
	}
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := f.server(t, options{})
			b := s.visit(t, withoutScript).open(t, s.entry(s.origin+where))
			b.at(t, "sign-in")
			f.walk(t, b)
			if got := b.submit(t); got.status != 200 || got.headers["location"] != "" {
				t.Errorf("status %d, Location %q; want a page", got.status, got.headers["location"])
			}
			b.at(t, "complete")
			b.visible(t, "main h1")
			b.visible(t, "noscript")
			if b.text(t, "noscript") == "" {
				t.Error("nothing tells a person without script what to do")
			}
			if b.stored(t, "credentials_demo") != "" {
				t.Error("a script has run")
			}
		})
	}
}

// TestPortalWithoutScript: everything but what lives in the browser's storage works with script
// switched off.
func TestPortalWithoutScript(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	b := s.visit(t, withoutScript).open(t, s.portal("/profile"))
	b.at(t, "hand-off")
	b.visible(t, "noscript")
	b.follow(t, "sign-in")
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	b.at(t, "complete") // it would have led to the portal
	b.goTo(t, s.portal(""))
	b.at(t, "account")
	b.visible(t, "h1") // not hidden for a script that does not come
	b.change(t, "name")
	b.fill(t, "name", "Without script")
	b.submit(t)
	b.at(t, "account")
	b.visible(t, "[data-key='account.done.profile']")
	b.change(t, "password")
	b.stepUpByPassword(t, demoPassword)
	b.fill(t, "new_password", "Quite-new-4711")
	b.submit(t)
	b.at(t, "account")
	b.follow(t, "sign-out")
	b.at(t, "sign-out")
	b.submit(t)
	b.at(t, "interstitial")
}
