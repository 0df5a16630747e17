//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestStorageRefused: a browser that keeps nothing is told so, instead of being sent round in
// circles.
func TestStorageRefused(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	v := s.visit(t)
	// What a browser with site data blocked does: reading the property throws.
	if err := v.context.AddInitScript(playwright.Script{Content: playwright.String(
		`Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });`)}); err != nil {
		t.Fatal(err)
	}
	b := v.open(t, s.entry(s.origin+where))
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	b.at(t, "complete")
	b.visible(t, "main [role=alert]")
	b.goTo(t, strings.Replace(s.entry(s.origin+where), "/__auth/?", "/__auth/sign-out?", 1)) // which it is signed in to
	b.at(t, "sign-out")
	answer, err := b.ExpectResponse("**/__auth/sign-out*", func() error { return b.primary().Click() })
	if err != nil {
		t.Fatal(err)
	}
	if !answer.Ok() || answer.Request().Method() != "POST" {
		t.Errorf("signing out: %s %d", answer.Request().Method(), answer.Status())
	}
}

// TestCookiesForgotten: a browser that keeps no cookies, or only some, is led round a few times and
// then left with the page's own way to sign in.
func TestCookiesForgotten(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	v := s.visit(t)
	v.signIn(t, demoName, demoPassword)
	const form, left = `body[data-page="sign-in"] #form`, `body[data-page="hand-off"]:not(:has(#going)) a[data-to="sign-in"]`
	tests := []struct{ forgets, address, end string }{
		{"", s.portal(""), left},
		{"tcb_login_at_", s.portal(""), left},
		{"", s.entry(s.origin + where), form},
		{"tcb_login_at_", s.entry(s.origin + where), left},
	}
	for _, tt := range tests {
		s.app.forgets.Store(&tt.forgets)
		b := v.open(t, tt.address)
		b.visible(t, tt.end)
		if n := b.answers(); n > 9 {
			t.Errorf("without %q, %s: %d pages until the end", tt.forgets, tt.address, n)
		}
	}
}
