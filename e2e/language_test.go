//go:build e2e

package e2e

import (
	"testing"
)

// speak has the page speak another language, by the switch below it.
func (b *tab) speak(t *testing.T, language string) {
	t.Helper()
	if err := b.Locator(".lang summary").Click(); err != nil {
		t.Fatal(err)
	}
	b.press(t, b.Locator(`.lang [value="`+language+`"]`))
}

// TestLanguage: switching the language loses nothing and calls nothing.
func TestLanguage(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	email := newEmail()
	b := s.visit(t).enter(t, where)
	before := b.text(t, "main")
	b.fill(t, "username", "somebody@example.com", "password", "Half-typed-1")
	b.speak(t, "zh-CN")
	b.at(t, "sign-in")
	if got := b.attribute(t, "html", "lang"); got != "zh-CN" {
		t.Errorf("html lang is %q, want zh-CN", got)
	}
	if b.text(t, "main") == before {
		t.Error("the words have not changed")
	}
	b.holds(t, "username", "somebody@example.com")
	b.count(t, "#error-summary", 0)

	// The choice stays, on other pages too, and back.
	b.follow(t, "sign-in-email")
	if got := b.attribute(t, "html", "lang"); got != "zh-CN" {
		t.Errorf("html lang of the next page is %q, want zh-CN", got)
	}
	b.fill(t, "email", "not an address")
	b.speak(t, "en")
	b.at(t, "sign-in-email")
	b.holds(t, "email", "not an address")
	if got := b.attribute(t, "html", "lang"); got != "en" {
		t.Errorf("html lang is %q, want en", got)
	}
	b.fill(t, "email", email)
	b.submit(t)
	b.at(t, "sign-in-email-code")
	b.fill(t, "verification_code", s.emulator.code(t, email))
	b.finish(t, where)
	b.isSignedIn(t, where, s.emulator.find(t, email))
}
