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

// TestStorageFull: with room for the credentials alone a sign-in leads to the app, and without it the
// page says so.
func TestStorageFull(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	const key = "credentials_demo"
	size := len(key) + len(s.visit(t).signIn(t, demoName, demoPassword).stored(t, key))
	for name, room := range map[string]int{"for the credentials": size + 40, "for half of them": size / 2} {
		t.Run(name, func(t *testing.T) {
			b := s.visit(t).enter(t, where)
			b.typePassword(t, demoName, demoPassword)
			if _, err := b.Evaluate(`(room) => {
				localStorage.setItem("room", "x".repeat(room - "room".length));
				for (let size = 1 << 22; size >= 1; size >>= 1) {
					try { for (;;) localStorage.setItem("full" + localStorage.length, "x".repeat(size)); } catch (full) {}
				}
				localStorage.removeItem("room");
			}`, room); err != nil {
				t.Fatal(err)
			}
			if room < size {
				b.submit(t)
				b.at(t, "complete")
				b.visible(t, "#refused")
				return
			}
			b.finish(t, where)
			if b.stored(t, "user_info_demo") != "" {
				t.Error("there was room for the profile")
			}
			signedIn, err := b.Evaluate(`async () => Boolean(await auth.getLoginState() && (await auth.getAccessToken()).accessToken)`)
			if signedIn != true {
				t.Errorf("the SDK is signed in: %v, %v", signedIn, err)
			}
		})
	}
}

// TestStorageSpoilt: what other code has left in the login's place is told on the portal, and leads to
// a sign-in that works; the entry page passes it over.
func TestStorageSpoilt(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	for name, value := range map[string]string{
		"a number": "5", "an object": `{"access_token":{}}`, "no JSON": "{", "200 KB": `{"access_token":"` + strings.Repeat("x", 200_000) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			v := s.visit(t)
			b := v.open(t, s.entry(s.origin+where))
			b.keep(t, value)
			b.goTo(t, s.entry(s.origin+where))
			b.at(t, "sign-in")
			b.goTo(t, s.portal(""))
			b.visible(t, "#failed")
			b.count(t, "#going", 0)
			b.follow(t, "sign-in")
			b.typePassword(t, demoName, demoPassword)
			b.submit(t)
			b.at(t, "account")
			b.keep(t, value) // now it is spoilt under the portal's page
			b.goTo(t, s.portal("/profile"))
			b.visible(t, `body[data-page="hand-off"] #failed`)
		})
	}
}
