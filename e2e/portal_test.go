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
func (v *visitor) signIn(t *testing.T, name, password string) *tab {
	t.Helper()
	b := v.enter(t, where)
	b.typePassword(t, name, password)
	b.finish(t, where)
	return b
}

// row is what the overview says of one thing.
func (b *tab) row(t *testing.T, name string) string {
	t.Helper()
	return b.text(t, `[data-row="`+name+`"] .fact`)
}

// change takes the action of a row of the overview.
func (b *tab) change(t *testing.T, row string) {
	t.Helper()
	b.press(t, b.Locator(`[data-row="`+row+`"] a.act`))
}

// stepUp proves by the password who is there.
func (b *tab) stepUpByPassword(t *testing.T, password string) {
	t.Helper()
	b.at(t, "step-up-password")
	b.fill(t, "password", password)
	b.submit(t)
}

// TestPortal walks the portal from an app that is signed in already.
func TestPortal(t *testing.T) {
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
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
			b.fill(t, "name", "演示", "picture", "x", "zoneinfo", "Asia/Shanghai", "birthdate", "1990-02-03")
			b.choose(t, "gender", "FEMALE")
			b.submit(t)
			b.wrong(t, 422, "account-profile")
			b.fill(t, "picture", "")
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

// consent answers on the emulator's demo provider, as somebody, and waits until the browser is back.
func (b *tab) consent(t *testing.T, decision, sub, email string) {
	t.Helper()
	if err := expect.Locator(b.Locator(`button[name="decision"]`).First()).ToBeVisible(); err != nil {
		t.Fatalf("no consent page at %s: %v", b.URL(), err)
	}
	if sub != "" {
		for name, value := range map[string]string{"sub": sub, "email": email} {
			if err := b.field(name).Fill(value); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.press(t, b.Locator(fmt.Sprintf(`button[name="decision"][value=%q]`, decision)))
}

// provider presses the button of an identity provider.
func (b *tab) provider(t *testing.T, id string) {
	t.Helper()
	b.press(t, b.Locator(fmt.Sprintf(`button[data-to="provider-%s"]`, id)))
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
		b := v.open(t, s.entry(s.origin+where))
		b.at(t, "sign-in")
		b.provider(t, "demo")
		return b
	}
	home := func(t *testing.T, b *tab) {
		t.Helper()
		b.back(t, where)
	}
	t.Run("sign in", func(t *testing.T) {
		b := out(t, s.visit(t))
		b.consent(t, "allow", "e2e-1", "e2e-1@example.org")
		home(t, b)
		if !strings.Contains(b.stored(t, "user_info_demo"), "e2e-1@example.org") {
			t.Errorf("user_info_demo is %s", b.stored(t, "user_info_demo"))
		}
		b.goTo(t, s.portal(""))
		b.at(t, "account")
		b.follow(t, "sign-out")
		b.press(t, b.primary()) // over the provider's own sign-out, and back
		home(t, b)
		if b.stored(t, "credentials_demo") != "" {
			t.Error("the login is left in localStorage")
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		b := out(t, s.visit(t))
		b.consent(t, "deny", "", "")
		b.at(t, "provider-failed")
		b.follow(t, "sign-in")
		b.at(t, "sign-in")
	})
	t.Run("nobody's", func(t *testing.T) {
		s.emulator.call(t, "PUT", "/__emulator/settings", map[string]any{"providers": map[string]any{"demo": map[string]bool{
			"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false,
		}}}, nil)
		b := out(t, s.visit(t))
		b.consent(t, "allow", "e2e-2", "")
		b.at(t, "provider-unknown")
		b.follow(t, "sign-in")
		b.typePassword(t, demoName, demoPassword)
		b.submit(t)
		b.at(t, "account-bind")
		b.submit(t)
		home(t, b)
		again := out(t, s.visit(t))
		again.consent(t, "allow", "e2e-2", "")
		home(t, again)
		if got := again.stored(t, "user_info_demo"); !strings.Contains(got, demoEmail) {
			t.Errorf("signed in as %s", got)
		}
		fresh := out(t, s.visit(t))
		fresh.consent(t, "allow", "e2e-3", "")
		fresh.at(t, "provider-unknown")
		fresh.follow(t, "sign-up")
		fresh.typeCode(t, "+86 13800000031", "sign-up-code")
		fresh.submit(t)
		fresh.at(t, "sign-up-details")
		fresh.visible(t, "[data-key='provider.signing_up']")
		fresh.submit(t)
		home(t, fresh)
		// Somebody else, who finds the tab: an account of their own, and no way in for who left it.
		next := out(t, s.visit(t, withoutScript))
		next.consent(t, "allow", "e2e-4", "")
		next.at(t, "provider-return")
		next.submit(t)
		next.at(t, "provider-unknown")
		next.follow(t, "sign-up")
		next.typeCode(t, "+86 13800000032", "sign-up-code")
		next.submit(t)
		next.at(t, "sign-up-details")
		next.visible(t, "[data-key='provider.signing_up']")
		next.press(t, next.Locator("button[value=not-me]"))
		next.at(t, "complete")
		again = out(t, s.visit(t))
		again.consent(t, "allow", "e2e-4", "")
		again.at(t, "provider-unknown")
	})
}

// providers are the bound ones, as the SDK lists them.
func (b *tab) providers(t *testing.T) []string {
	t.Helper()
	got, err := b.Evaluate(`async () => (await auth.getProviders()).data.filter((p) => p.bind).map((p) => p.id)`)
	if err != nil {
		t.Fatalf("getProviders(): %v", err)
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
			app := v.signIn(t, demoName, demoPassword)
			b := v.open(t, s.portal("/providers"))
			b.at(t, "account-providers")
			b.press(t, b.Locator(`[data-row="demo"] button`))
			b.stepUpByPassword(t, demoPassword)
			b.at(t, "account-providers")
			b.press(t, b.Locator(`[data-row="demo"] button`))
			b.consent(t, "allow", "linked-"+version.sdk, "")
			b.at(t, "account-bind")
			if text := b.text(t, "main"); !strings.Contains(text, "Demo Person") || !strings.Contains(text, "Demo") {
				t.Errorf("the page does not name identity and account: %s", text)
			}
			b.submit(t)
			b.at(t, "account-providers")
			b.visible(t, `[data-key="account.done.linked"]`)
			if got := app.providers(t); !slices.Equal(got, []string{"demo"}) {
				t.Errorf("the SDK sees %v bound, want demo", got)
			}
			b.press(t, b.Locator(`[data-row="demo"] button`))
			b.at(t, "account-providers")
			b.visible(t, `[data-key="account.done.unlinked"]`)
			if got := app.providers(t); len(got) > 0 {
				t.Errorf("the SDK sees %v bound after the unlinking", got)
			}
		})
	}
}

// TestStepUpByProvider: who has nothing but an identity elsewhere proves by it who they are, and somebody else's does not do.
func TestStepUpByProvider(t *testing.T) {
	s := start(t, options{bare: true})
	v := s.visit(t)
	b := v.open(t, "/__auth/")
	b.provider(t, "demo")
	b.consent(t, "allow", "nothing-else", "")
	if err := expect.Page(b.Page).ToHaveURL(s.origin + "/"); err != nil {
		t.Fatal(err)
	}
	b.goTo(t, "/__auth/account/delete")
	b.at(t, "step-up-provider")
	b.press(t, b.primary())
	b.consent(t, "allow", "somebody-else", "")
	b.at(t, "provider-failed")
	b.goTo(t, "/__auth/account/delete")
	b.at(t, "step-up-provider")
	b.press(t, b.primary())
	b.consent(t, "allow", "nothing-else", "")
	b.at(t, "account-delete")
	b.count(t, `[data-key="account.providers.last"]`, 0)
	b.goTo(t, "/__auth/account/providers") // the last way in cannot go
	b.count(t, `[data-row="demo"] button`, 0)
}

// TestTwoDevices: two browsers of one account see each other, and one ends the other.
func TestTwoDevices(t *testing.T) {
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

// TestPortalWithoutScript: everything but what lives in the browser's storage works with script switched off.
func TestPortalWithoutScript(t *testing.T) {
	s := start(t, options{})
	b := s.visit(t, withoutScript).open(t, s.portal("/profile"))
	b.at(t, "take-over")
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
	b.at(t, "leaving")
}
