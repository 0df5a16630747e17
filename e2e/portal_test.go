//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestPortal walks the portal from an app that is signed in already.
func TestPortal(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{sdk: version.sdk})
			v := s.visit(t)
			app := v.signIn(t, demoName, demoPassword)
			if err := v.context.ClearCookies(); err != nil { // so that only the SDK's login is there
				t.Fatal(err)
			}
			b := v.open(t, s.portal(""))
			b.at(t, "account")
			if got := b.row(t, "email"); !strings.Contains(got, demoEmail) {
				t.Errorf("e-mail address %q", got)
			}

			// Profile
			b.change(t, "name")
			b.at(t, "account-profile")
			b.fill(t, "name", strings.Repeat("演", 65), "birthdate", "1990-02-03")
			b.choose(t, "gender", "FEMALE")
			b.choose(t, "zoneinfo", "Asia/Shanghai")
			b.submit(t)
			b.wrong(t, 422, "account-profile")
			b.fill(t, "name", "演示")
			b.submit(t)
			b.at(t, "account")
			if got := b.row(t, "name"); got != "演示" {
				t.Errorf("name %q", got)
			}
			b.visible(t, "[data-key='account.done.profile']")
			if strings.Contains(b.URL(), "done=") {
				t.Errorf("a reload would confirm it again: %s", b.URL())
			}

			// Username, with a step-up before
			b.change(t, "username")
			b.stepUpByPassword(t, "Wrong-pass-9")
			b.wrong(t, 422, "step-up-password")
			b.stepUpByPassword(t, demoPassword)
			b.at(t, "account-username")
			b.holds(t, "username", demoName)
			b.fill(t, "username", "..")
			b.submit(t)
			b.wrong(t, 422, "account-username")
			b.fill(t, "username", "demo.person")
			b.submit(t)
			b.at(t, "account")
			b.visible(t, "[data-key='account.done.username']")
			app.goTo(t, "/app/again")
			app.ready(t)
			if got := app.ask(t).User; got.Name != "演示" || got.Username != "demo.person" {
				t.Errorf("the SDK sees %+v", got)
			}

			// E-mail, on the same step-up
			b.change(t, "email")
			b.at(t, "account-email")
			b.fill(t, "email", "fresh@example.com")
			b.submit(t)
			b.at(t, "account-email-code")
			b.fill(t, "verification_code", s.emulator.code(t, "fresh@example.com"))
			b.submit(t)
			b.at(t, "account")
			if got := b.row(t, "email"); !strings.Contains(got, "fresh@example.com") {
				t.Errorf("e-mail address %q", got)
			}

			// Password
			b.change(t, "password")
			b.at(t, "account-password")
			b.fill(t, "new_password", "Password1!")
			b.submit(t)
			b.wrong(t, 422, "account-password")
			b.fill(t, "new_password", "Quite-new-4711")
			b.submit(t)
			b.at(t, "account")

			// Phone
			b.change(t, "phone")
			b.at(t, "account-phone")
			b.typeAddress(t, "+86 13800000021")
			b.submit(t)
			b.at(t, "account-phone-code")
			b.fill(t, "verification_code", s.emulator.code(t, "+86 13800000021"))
			b.submit(t)
			b.at(t, "account")

			b.change(t, "providers")
			b.at(t, "account-providers")
			b.follow(t, "account")
			b.change(t, "sessions")
			b.at(t, "account-sessions")
			b.count(t, "[data-this]", 1)
			b.follow(t, "account-history")
			b.at(t, "account-history")
			b.visible(t, `[data-event="account.event.password"]`)

			// Sign-out
			b.follow(t, "sign-out")
			b.at(t, "sign-out")
			b.press(t, b.primary())
			b.back(t, where)
			if got := b.stored(t, "credentials_demo"); got != "" {
				t.Error("the login is left in localStorage")
			}
			for range 2 { // over the page that asked
				if _, err := b.GoBack(); err != nil {
					t.Fatal(err)
				}
			}
			b.at(t, "sign-in")
		})
	}
}

// TestTwoDevices: two browsers of one account see each other, and one ends the other.
func TestTwoDevices(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	one, other := s.visit(t), s.visit(t, func(o *playwright.BrowserNewContextOptions) {
		o.UserAgent = playwright.String("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1")
	})
	one.signIn(t, demoName, demoPassword)
	phone := other.signIn(t, demoName, demoPassword)
	b := one.open(t, s.portal("/sessions"))
	b.at(t, "account-sessions")
	b.count(t, ".row", 2)
	b.count(t, "[data-this]", 1)
	b.press(t, b.Locator(`.row:has-text("iPhone") button`))
	b.at(t, "account-sessions")
	b.visible(t, "[data-key='account.done.ended']")
	phone.goTo(t, "/app/again")
	phone.ready(t)
	if user, err := phone.Evaluate(`() => auth.getCurrentUser().catch(() => null)`); err != nil || user != nil {
		t.Errorf("the other device is still signed in: %v %v", user, err)
	}
	p := other.open(t, s.portal(""))
	p.at(t, "sign-in")
}

// TestDeleteAccount: it is gone at TCB, here, and for the SDK.
func TestDeleteAccount(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	v := s.visit(t)
	app := v.signIn(t, demoName, demoPassword)
	b := v.open(t, s.portal("/delete"))
	b.stepUpByPassword(t, demoPassword)
	b.at(t, "account-delete")
	b.fill(t, "confirm", "no")
	b.submit(t)
	b.wrong(t, 422, "account-delete")
	b.fill(t, "confirm", "delete")
	b.submit(t)
	b.at(t, "goodbye")
	if b.stored(t, "credentials_demo") != "" || b.stored(t, "user_info_demo") != "" {
		t.Error("the login is left in localStorage")
	}
	for _, p := range s.emulator.people(t) {
		if p.Username == demoName {
			t.Error("the account is still there")
		}
	}
	app.goTo(t, "/app/again")
	app.ready(t)
	if state, err := app.Evaluate(`() => auth.getLoginState()`); err != nil || state != nil {
		t.Errorf("the SDK has a login: %v %v", state, err)
	}
	b.follow(t, "app")
	b.back(t, where)
}

// TestConflict: what may end another account asks for the word when it is chosen, with script and
// without; nothing else does.
func TestConflict(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	for name, change := range map[string]func(*playwright.BrowserNewContextOptions){
		"with script": func(*playwright.BrowserNewContextOptions) {}, "without": withoutScript,
	} {
		t.Run(name, func(t *testing.T) {
			taken := newEmail()
			other := s.emulator.register(t, taken, newUsername(), "Quiet-river-7")
			v := s.visit(t, change)
			b := v.open(t, s.entry(s.origin+where))
			b.fill(t, "username", demoName, "password", demoPassword)
			b.submit(t)
			b.goTo(t, s.portal("/email"))
			b.stepUpByPassword(t, demoPassword)
			b.at(t, "account-email")
			b.fill(t, "email", taken)
			b.submit(t)
			b.fill(t, "verification_code", s.emulator.code(t, taken))
			b.submit(t)
			b.at(t, "account-email-conflict")
			word := b.Locator(`[name="confirm"]`)
			for _, choice := range []struct {
				value string
				asks  bool
			}{{"DEFAULT", false}, {"TRANSFER", true}, {"DELETE_ACCOUNT_TRANSFER", true}} {
				if err := b.Locator("#option-" + choice.value).Check(); err != nil {
					t.Fatal(err)
				}
				if asks, err := word.IsVisible(); err != nil || asks != choice.asks {
					t.Errorf("%s: the word is asked for: %v %v", choice.value, asks, err)
				}
			}
			b.submit(t)
			b.wrong(t, 422, "account-email-conflict")
			b.visible(t, `[data-key="error.required.confirm"]`)
			if name == "without" {
				b.fill(t, "confirm", "delete")
				b.submit(t)
				b.at(t, "account")
				if len(s.emulator.known(t, other.Username)) != 0 {
					t.Error("the other account is still there")
				}
				return
			}
			if err := b.Locator("#option-DEFAULT").Check(); err != nil {
				t.Fatal(err)
			}
			b.submit(t)
			b.at(t, "account")
		})
	}
}
