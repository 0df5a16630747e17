//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
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
			b.fill("name", "演示", "picture", "x", "zoneinfo", "Asia/Shanghai", "birthdate", "1990-02-03")
			b.choose("gender", "FEMALE")
			b.submit()
			b.wrong(422, "account-profile")
			b.fill("picture", "")
			b.submit()
			b.at("account")
			if got := b.row("name"); got != "演示" {
				t.Errorf("name %q", got)
			}
			b.visible("[data-key='account.done.profile']")
			if strings.Contains(b.URL(), "done=") {
				t.Errorf("a reload would confirm it again: %s", b.URL())
			}

			// Username, with a step-up before
			b.change("username")
			b.stepUpByPassword("Wrong-pass-9")
			b.wrong(422, "step-up-password")
			b.stepUpByPassword(demoPassword)
			b.at("account-username")
			b.holds("username", demoName)
			b.fill("username", "..")
			b.submit()
			b.wrong(422, "account-username")
			b.fill("username", "demo.person")
			b.submit()
			b.at("account")
			b.visible("[data-key='account.done.username']")
			app.goTo("/app/again")
			app.ready()
			if got := app.ask().User; got.Name != "演示" || got.Username != "demo.person" {
				t.Errorf("the SDK sees %+v", got)
			}

			// E-mail, on the same step-up
			b.change("email")
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

// provider presses the button of an identity provider.
func (b *tab) provider(id string) {
	b.t.Helper()
	b.press(b.Locator(fmt.Sprintf(`button[data-to="provider-%s"]`, id)))
}

// TestProviders: sign-in by the demo provider, and what follows where nobody has the identity.
func TestProviders(t *testing.T) {
	tree := t.TempDir()
	if err := os.MkdirAll(filepath.Join(tree, "__auth", "env"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "__auth", "env", "login.config.json"), []byte(`{"name": "Shop", "web": [
		{"id": "__password", "enable": true}, {"id": "__sms", "enable": true}, {"id": "demo", "label": "Demo ID", "enable": true}],
		"userRegistry": {"enable": true, "registerType": "split"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, options{tree: tree})
	out := func(t *testing.T, v *visitor) *tab {
		t.Helper()
		b := v.open(s.entry(s.origin + where))
		b.at("sign-in")
		b.provider("demo")
		return b
	}
	home := func(b *tab) {
		b.t.Helper()
		b.back(where)
	}
	t.Run("sign in", func(t *testing.T) {
		b := out(t, s.visit(t))
		b.consent("allow", "e2e-1", "e2e-1@example.org")
		home(b)
		if !strings.Contains(b.stored("user_info_demo"), "e2e-1@example.org") {
			t.Errorf("user_info_demo is %s", b.stored("user_info_demo"))
		}
		b.goTo(s.portal(""))
		b.at("account")
		b.follow("sign-out")
		b.press(b.primary()) // over the provider's own sign-out, and back
		home(b)
		if b.stored("credentials_demo") != "" {
			t.Error("the login is left in localStorage")
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		b := out(t, s.visit(t))
		b.consent("deny", "", "")
		b.at("provider-failed")
		b.follow("sign-in")
		b.at("sign-in")
	})
	t.Run("nobody's", func(t *testing.T) {
		s.emulator.call(t, "PUT", "/__emulator/settings", map[string]any{"providers": map[string]any{"demo": map[string]bool{
			"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false,
		}}}, nil)
		b := out(t, s.visit(t))
		b.consent("allow", "e2e-2", "")
		b.at("provider-unknown")
		b.follow("sign-in")
		b.typePassword(demoName, demoPassword)
		b.submit()
		b.at("account-bind")
		b.submit()
		home(b)
		again := out(t, s.visit(t))
		again.consent("allow", "e2e-2", "")
		home(again)
		if got := again.stored("user_info_demo"); !strings.Contains(got, demoEmail) {
			t.Errorf("signed in as %s", got)
		}
		fresh := out(t, s.visit(t))
		fresh.consent("allow", "e2e-3", "")
		fresh.at("provider-unknown")
		fresh.follow("sign-up")
		fresh.typeCode("+86 13800000031", "sign-up-code")
		fresh.submit()
		fresh.at("sign-up-details")
		fresh.visible("[data-key='provider.signing_up']")
		fresh.submit()
		home(fresh)
		// Somebody else, who finds the tab: an account of their own, and no way in for who left it.
		next := out(t, s.visit(t, withoutScript))
		next.consent("allow", "e2e-4", "")
		next.at("provider-return")
		next.submit()
		next.at("provider-unknown")
		next.follow("sign-up")
		next.typeCode("+86 13800000032", "sign-up-code")
		next.submit()
		next.at("sign-up-details")
		next.visible("[data-key='provider.signing_up']")
		next.press(next.Locator("button[value=not-me]"))
		next.at("complete")
		again = out(t, s.visit(t))
		again.consent("allow", "e2e-4", "")
		again.at("provider-unknown")
	})
}

// providers are the bound ones, as the SDK lists them.
func (b *tab) providers() []string {
	b.t.Helper()
	got, err := b.Evaluate(`async () => (await auth.getProviders()).data.filter((p) => p.bind).map((p) => p.id)`)
	if err != nil {
		b.t.Fatalf("getProviders(): %v", err)
	}
	var ids []string
	for _, id := range got.([]any) {
		ids = append(ids, id.(string))
	}
	return ids
}

// TestLinking: an identity is linked in the portal after a step-up and a page that names both, the SDK sees it, and it can
// go again.
func TestLinking(t *testing.T) {
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			s := start(t, options{sdk: version.sdk})
			v := s.visit(t)
			app := v.signIn(demoName, demoPassword)
			b := v.open(s.portal("/providers"))
			b.at("account-providers")
			b.press(b.Locator(`[data-row="demo"] button`))
			b.stepUpByPassword(demoPassword)
			b.at("account-providers")
			b.press(b.Locator(`[data-row="demo"] button`))
			b.consent("allow", "linked-"+version.sdk, "")
			b.at("account-bind")
			if text := b.text("main"); !strings.Contains(text, "Demo Person") || !strings.Contains(text, "Demo") {
				t.Errorf("the page does not name identity and account: %s", text)
			}
			b.submit()
			b.at("account-providers")
			b.visible(`[data-key="account.done.linked"]`)
			if got := app.providers(); !slices.Equal(got, []string{"demo"}) {
				t.Errorf("the SDK sees %v bound, want demo", got)
			}
			b.press(b.Locator(`[data-row="demo"] button`))
			b.at("account-providers")
			b.visible(`[data-key="account.done.unlinked"]`)
			if got := app.providers(); len(got) > 0 {
				t.Errorf("the SDK sees %v bound after the unlinking", got)
			}
		})
	}
}

// TestStepUpByProvider: who has nothing but an identity elsewhere proves by it who they are, and somebody else's does not do.
func TestStepUpByProvider(t *testing.T) {
	s := start(t, options{bare: true})
	v := s.visit(t)
	b := v.open("/__auth/")
	b.provider("demo")
	b.consent("allow", "nothing-else", "")
	if err := expect.Page(b.Page).ToHaveURL(s.origin + "/"); err != nil {
		t.Fatal(err)
	}
	b.goTo("/__auth/account/delete")
	b.at("step-up-provider")
	b.press(b.primary())
	b.consent("allow", "somebody-else", "")
	b.at("provider-failed")
	b.goTo("/__auth/account/delete")
	b.at("step-up-provider")
	b.press(b.primary())
	b.consent("allow", "nothing-else", "")
	b.at("account-delete")
	b.count(`[data-key="account.providers.last"]`, 0)
	b.goTo("/__auth/account/providers") // the last way in cannot go
	b.count(`[data-row="demo"] button`, 0)
}

// TestTwoDevices: two browsers of one account see each other, and one ends the other.
func TestTwoDevices(t *testing.T) {
	s := start(t, options{})
	one, other := s.visit(t), s.visit(t, func(o *playwright.BrowserNewContextOptions) {
		o.UserAgent = playwright.String("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1")
	})
	one.signIn(demoName, demoPassword)
	phone := other.signIn(demoName, demoPassword)
	b := one.open(s.portal("/sessions"))
	b.at("account-sessions")
	b.count(".row", 2)
	b.count("[data-this]", 1)
	b.press(b.Locator(`.row:has-text("iPhone") button`))
	b.at("account-sessions")
	b.visible("[data-key='account.done.ended']")
	phone.goTo("/app/again")
	phone.ready()
	if user, err := phone.Evaluate(`() => auth.getCurrentUser().catch(() => null)`); err != nil || user != nil {
		t.Errorf("the other device is still signed in: %v %v", user, err)
	}
	p := other.open(s.portal(""))
	p.at("sign-in")
}

// TestDeleteAccount: it is gone at TCB, here, and for the SDK.
func TestDeleteAccount(t *testing.T) {
	s := start(t, options{})
	v := s.visit(t)
	app := v.signIn(demoName, demoPassword)
	b := v.open(s.portal("/delete"))
	b.stepUpByPassword(demoPassword)
	b.at("account-delete")
	b.fill("confirm", "no")
	b.submit()
	b.wrong(422, "account-delete")
	b.fill("confirm", "delete")
	b.submit()
	b.at("goodbye")
	if b.stored("credentials_demo") != "" || b.stored("user_info_demo") != "" {
		t.Error("the login is left in localStorage")
	}
	for _, p := range s.emulator.people(t) {
		if p.Username == demoName {
			t.Error("the account is still there")
		}
	}
	app.goTo("/app/again")
	app.ready()
	if state, err := app.Evaluate(`() => auth.getLoginState()`); err != nil || state != nil {
		t.Errorf("the SDK has a login: %v %v", state, err)
	}
	b.follow("app")
	b.back(where)
}

// TestPortalWithoutScript: everything but what lives in the browser's storage works with script switched off.
func TestPortalWithoutScript(t *testing.T) {
	s := start(t, options{})
	b := s.visit(t, withoutScript).open(s.portal("/profile"))
	b.at("take-over")
	b.visible("noscript")
	b.follow("sign-in")
	b.typePassword(demoName, demoPassword)
	b.submit()
	b.at("complete") // it would have led to the portal
	b.goTo(s.portal(""))
	b.at("account")
	b.visible("h1") // not hidden for a script that does not come
	b.change("name")
	b.fill("name", "Without script")
	b.submit()
	b.at("account")
	b.visible("[data-key='account.done.profile']")
	b.change("password")
	b.stepUpByPassword(demoPassword)
	b.fill("new_password", "Quite-new-4711")
	b.submit()
	b.at("account")
	b.follow("sign-out")
	b.at("sign-out")
	b.submit()
	b.at("leaving")
}
