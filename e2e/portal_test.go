//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// portal is the address of a page of the account portal, as an app links it.
func (s *server) portal(page string) string {
	return strings.Replace(s.entry(s.origin+where), "/__auth/?", "/__auth/account"+page+"?", 1)
}

// signInForPortal signs in from the app and comes back to it.
func (v *visitor) signIn(name, password string) *tab {
	v.t.Helper()
	b := v.enter(where)
	b.typePassword(name, password)
	b.finish(where)
	return b
}

// row is what the overview says of one thing.
func (b *tab) row(name string) string {
	b.t.Helper()
	return b.text(`[data-row="` + name + `"] .fact`)
}

// change takes the action of a row of the overview.
func (b *tab) change(row string) {
	b.t.Helper()
	b.press(b.Locator(`[data-row="` + row + `"] a.act`))
}

// stepUp proves by the password who is there.
func (b *tab) stepUpByPassword(password string) {
	b.t.Helper()
	b.at("step-up-password")
	b.fill("password", password)
	b.submit()
}

// TestPortal walks the portal from an app that is signed in already.
func TestPortal(t *testing.T) {
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			s := start(t, options{sdk: version.sdk})
			v := s.visit(t)
			app := v.signIn(demoName, demoPassword)
			if err := v.context.ClearCookies(); err != nil { // so that only the SDK's login is there
				t.Fatal(err)
			}
			b := v.open(s.portal(""))
			b.at("account")
			if got := b.row("email"); !strings.Contains(got, demoEmail) {
				t.Errorf("e-mail address %q", got)
			}

			// Profile
			b.change("name")
			b.at("account-profile")
			b.fill("name", "演示", "username", "..", "zoneinfo", "Asia/Shanghai", "birthdate", "1990-02-03")
			b.choose("gender", "FEMALE")
			b.submit()
			b.wrong(422, "account-profile")
			b.fill("username", "demo.person")
			b.submit()
			b.at("account")
			if got := b.row("name"); got != "演示" {
				t.Errorf("name %q", got)
			}
			app.goTo(where)
			app.ready()
			if got := app.ask().User; got.Name != "演示" || got.Username != "demo.person" {
				t.Errorf("the SDK sees %+v", got)
			}

			// E-mail, with step-up before
			b.change("email")
			b.stepUpByPassword("Wrong-pass-9")
			b.wrong(422, "step-up-password")
			b.stepUpByPassword(demoPassword)
			b.at("account-email")
			b.fill("email", "fresh@example.com")
			b.submit()
			b.at("account-email-code")
			b.fill("verification_code", s.emulator.code(t, "fresh@example.com"))
			b.submit()
			b.at("account")
			if got := b.row("email"); !strings.Contains(got, "fresh@example.com") {
				t.Errorf("e-mail address %q", got)
			}

			// Password
			b.change("password")
			b.at("account-password")
			b.fill("new_password", "Password1!")
			b.submit()
			b.wrong(422, "account-password")
			b.fill("new_password", "Quite-new-4711")
			b.submit()
			b.at("account")

			// Phone
			b.change("phone")
			b.at("account-phone")
			b.typeAddress("+86 13800000021")
			b.submit()
			b.at("account-phone-code")
			b.fill("verification_code", s.emulator.code(t, "+86 13800000021"))
			b.submit()
			b.at("account")

			b.change("providers")
			b.at("account-providers")
			b.follow("account")
			b.change("sessions")
			b.at("account-sessions")
			b.count("[data-this]", 1)
			b.follow("account-history")
			b.at("account-history")
			b.visible(`[data-event="account.event.password"]`)

			// Sign-out
			b.follow("sign-out")
			b.at("sign-out")
			b.press(b.primary())
			b.back(where)
			if got := b.stored("credentials_demo"); got != "" {
				t.Error("the login is left in localStorage")
			}
			for range 2 { // over the page that asked
				if _, err := b.GoBack(); err != nil {
					t.Fatal(err)
				}
			}
			b.at("sign-in")
		})
	}
}

// consent answers on the emulator's demo provider, as somebody, and waits until the browser is back.
func (b *tab) consent(decision, sub, email string) {
	b.t.Helper()
	if err := expect.Locator(b.Locator(`button[name="decision"]`).First()).ToBeVisible(); err != nil {
		b.t.Fatalf("no consent page at %s: %v", b.URL(), err)
	}
	if sub != "" {
		for name, value := range map[string]string{"sub": sub, "email": email} {
			if err := b.field(name).Fill(value); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	b.press(b.Locator(fmt.Sprintf(`button[name="decision"][value=%q]`, decision)))
}
