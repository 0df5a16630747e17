//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestProviders: sign-in by the demo provider, and what follows where nobody has the identity.
func TestProviders(t *testing.T) {
	t.Parallel()
	tree := treeOf(t, `{"name": "Shop", "web": [
		{"id": "__password", "enable": true}, {"id": "__sms", "enable": true}, {"id": "demo", "label": "Demo ID", "enable": true}],
		"userRegistry": {"enable": true, "registerType": "split"}}`)
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
		b.at(t, "sign-in")
		b.visible(t, ".alert.info") // that it was cancelled
		b.typePassword(t, demoName, demoPassword)
		b.finish(t, where)
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

// TestLinking: an identity is linked in the portal after a step-up and a page that names both, the
// SDK sees it, and it can go again.
func TestLinking(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
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

// TestStepUpByProvider: who has nothing but an identity elsewhere proves by it who they are, and
// somebody else's does not do.
func TestStepUpByProvider(t *testing.T) {
	t.Parallel()
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

// TestWeChat: in WeChat's own browser the official account comes first. A window that has lost
// cookies and storage half-way ends at sign-in, and goes where the person wanted.
func TestWeChat(t *testing.T) {
	t.Parallel()
	tree := t.TempDir()
	if err := os.MkdirAll(filepath.Join(tree, "__auth", "env"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "__auth", "env", "login.config.json"), []byte(`{"name": "Shop", "web": [
		{"id": "__password", "enable": true}, {"id": "wx_open", "enable": true}, {"id": "wx_mp", "enable": true}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	inWeChat := func(o *playwright.BrowserNewContextOptions) {
		o.UserAgent = playwright.String("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36 MMWEBID/1 MicroMessenger/8.0.50 NetType/WIFI")
	}
	for _, callback := range []string{"/__auth/provider/callback", "/__auth/"} {
		t.Run(callback, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{tree: tree, environment: "provider_callback: " + callback})
			v := s.visit(t, inWeChat)
			b := v.open(t, s.entry(s.origin+where))
			if first := b.attribute(t, `button[data-to^="provider-"]`, "data-to"); first != "provider-wx_mp" {
				t.Errorf("the first is %s", first)
			}
			if n, err := b.Locator(`button[data-to="provider-wx_open"]`).Count(); n != 0 || err != nil {
				t.Errorf("%d codes to scan are offered, %v", n, err)
			}
			b.provider(t, "wx_mp")
			if err := b.Context().ClearCookies(); err != nil {
				t.Fatal(err)
			}
			b.consent(t, "allow", "", "")
			b.at(t, "sign-in")
			b.visible(t, ".alert")
			if strings.Contains(b.URL(), "code=") {
				t.Errorf("the address keeps the code: %s", b.URL())
			}
			b.provider(t, "wx_mp")
			b.consent(t, "allow", "", "")
			b.back(t, where)
			if b.stored(t, "credentials_demo") == "" {
				t.Error("nobody is signed in")
			}
		})
	}
}
