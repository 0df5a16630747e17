//go:build e2e

package e2e

import (
	"testing"
)

// TestExamples: the example apps, started as docs/develop.md says, guard what is for who is signed in,
// come back to where somebody was, lead to the portal and back, and sign out.
func TestExamples(t *testing.T) {
	t.Parallel()
	react, plain := runExamples(t)
	const order = "/orders/7?tab=items&x=%E4%B8%AD#total"
	for _, app := range []struct {
		name    string
		server  *server
		signOut func(t *testing.T, b *tab) // ends at the app's first page, whatever that shows

		tellsAway bool // 2.x has no login where it cannot refresh one, whatever the reason
	}{
		{"react", react, func(t *testing.T, b *tab) {
			b.press(t, b.Locator("#sign-out")) // by the SDK
			b.visible(t, "[data-page=home]")
		}, true},
		{"plain", plain, func(t *testing.T, b *tab) {
			b.press(t, b.Locator("#sign-out")) // by our page
			b.at(t, "sign-out")
			b.submit(t)
			b.at(t, "sign-in") // the guard's doing: every page of this app is for who is signed in
		}, false},
	} {
		t.Run(app.name, func(t *testing.T) {
			s := app.server
			b := s.visit(t).open(t, order)
			b.at(t, "sign-in")
			b.typePassword(t, demoName, demoPassword)
			b.submit(t)
			b.greets(t, order)

			b.press(t, b.Locator("#profile"))
			b.at(t, "account-profile")
			b.follow(t, "account")
			b.at(t, "account")
			b.follow(t, "app")
			b.greets(t, order)
			b.goTo(t, "/orders/8")
			b.greets(t, "/orders/8")

			if app.tellsAway { // that TCB cannot be asked is not taken for a sign-out
				s.emulator.set(t, settings{Faults: []fault{{Path: "/auth/v1/token", Status: 503, Error: "unavailable", Times: 99}}})
				b.v.expectBroken()
				b.expire(t)
				b.again(t)
				b.visible(t, "[role=alert]")
				s.emulator.call(t, "PUT", "/__emulator/settings", map[string]any{"faults": []fault{}}, nil)
				b.again(t)
				b.greets(t, "/orders/8")
			}
			s.emulator.revoke(t, b.stored(t, "credentials_demo"))
			b.expire(t)
			b.again(t)
			b.at(t, "sign-in")
			b.typePassword(t, demoName, demoPassword)
			b.submit(t)
			b.greets(t, "/orders/8")

			app.signOut(t, b)
			if b.stored(t, "credentials_demo") != "" {
				t.Error("the login is still in the browser")
			}
			b.goTo(t, order)
			b.at(t, "sign-in")
		})
	}
}

// greets waits until the app shows a page of its own to the seeded user, at this address.
func (b *tab) greets(t *testing.T, path string) {
	t.Helper()
	if err := expect.Page(b.Page).ToHaveURL(b.v.server.origin + path); err != nil {
		t.Fatalf("waiting for %s: still at %s\n%s: %v", path, b.URL(), b.summary(), err)
	}
	if err := expect.Locator(b.Locator("#user")).ToHaveText(demoName); err != nil {
		t.Fatalf("%s: %v", b.URL(), err)
	}
}

// again loads the page once more.
func (b *tab) again(t *testing.T) {
	t.Helper()
	b.navigate(t, func() error { _, err := b.Reload(); return err })
}
