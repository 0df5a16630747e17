//go:build e2e && screenshots

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestScreenshots photographs every page in both languages, both schemes and both widths, with and
// without errors, as shots/{page}-{state}-{lang}-{scheme}-{width}.png, for people to look at. It
// asserts nothing about looks.
func TestScreenshots(t *testing.T) {
	dir := filepath.Join("shots", "login")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	enter := func(t *testing.T, b *tab) { b.goTo(t, b.v.server.entry(b.v.server.origin+where)) }
	via := func(links ...string) func(*testing.T, *tab) {
		return func(t *testing.T, b *tab) {
			enter(t, b)
			for _, to := range links {
				b.follow(t, to)
			}
		}
	}
	submitted := func(reach func(*testing.T, *tab), pairs ...string) func(*testing.T, *tab) {
		return func(t *testing.T, b *tab) {
			reach(t, b)
			b.fill(t, pairs...)
			b.submit(t)
		}
	}
	sent := func(to string, links ...string) func(*testing.T, *tab) {
		return func(t *testing.T, b *tab) {
			via(links...)(t, b)
			b.typeAddress(t, to)
			b.submit(t)
		}
	}
	resent := func(reach func(*testing.T, *tab)) func(*testing.T, *tab) {
		return func(t *testing.T, b *tab) {
			reach(t, b)
			b.press(t, b.Locator(`#form button[name="action"][value="resend"]`))
		}
	}
	verified := func(to string, links ...string) func(*testing.T, *tab) {
		return func(t *testing.T, b *tab) {
			via(links...)(t, b)
			b.typeCode(t, to, links[0]+"-code")
			b.submit(t)
		}
	}
	failing := func(f fault, reach func(*testing.T, *tab)) func(*testing.T, *tab) {
		return func(t *testing.T, b *tab) {
			f.Times = 1
			b.v.server.emulator.set(t, settings{Faults: []fault{f}})
			reach(t, b)
		}
	}
	captcha := func(reach func(*testing.T, *tab)) func(*testing.T, *tab) {
		return func(t *testing.T, b *tab) {
			b.v.server.emulator.set(t, settings{Captcha: "always"})
			reach(t, b)
		}
	}
	at := func(path string) func(*testing.T, *tab) { return func(t *testing.T, b *tab) { b.goTo(t, path) } }
	const phone, mail = "+86 13800000001", "someone@example.com"

	states := []struct {
		page, state string
		reach       func(t *testing.T, b *tab)
	}{
		{"sign-in", "plain", enter},
		{"sign-in", "empty", submitted(enter)},
		{"sign-in", "refused", submitted(enter, "username", "somebody", "password", "Wrong-pass-1")},
		{"sign-in", "captcha", captcha(submitted(enter, "username", demoName, "password", demoPassword))},
		{"sign-in", "captcha-wrong", captcha(func(t *testing.T, b *tab) {
			submitted(enter, "username", demoName, "password", demoPassword)(t, b)
			b.fill(t, "captcha_key", "????")
			b.submit(t)
		})},
		{"sign-in", "broken", failing(fault{Path: "/auth/v1/signin", Status: 500, Error: "internal"}, submitted(enter, "username", demoName, "password", demoPassword))},
		{"sign-in", "unavailable", failing(fault{Path: "/auth/v1/signin", Status: 503, Error: "unavailable"}, submitted(enter, "username", demoName, "password", demoPassword))},
		{"sign-in", "limited", func(t *testing.T, b *tab) {
			b.v.server.emulator.set(t, settings{Captcha: "never"})
			for range 6 {
				submitted(enter, "username", "somebody", "password", "Wrong-pass-1")(t, b)
				if b.last().status == 429 {
					return
				}
			}
		}},
		{"sign-in-sms", "plain", via("sign-in-sms")},
		{"sign-in-sms", "refused", submitted(via("sign-in-sms"), "phone_number", "12345")},
		{"sign-in-sms", "captcha", captcha(sent(phone, "sign-in-sms"))},
		{"sign-in-sms-code", "plain", sent(phone, "sign-in-sms")},
		{"sign-in-sms-code", "refused", submitted(sent(phone, "sign-in-sms"), "verification_code", "000000")},
		{"sign-in-sms-code", "limited", resent(sent(phone, "sign-in-sms"))},
		{"sign-in-email", "plain", via("sign-in-email")},
		{"sign-in-email", "refused", submitted(via("sign-in-email"), "email", "someone at example")},
		{"sign-in-email-code", "plain", sent(mail, "sign-in-email")},
		{"sign-in-email-code", "refused", submitted(sent(mail, "sign-in-email"), "verification_code", "000000")},
		{"sign-up", "plain", via("sign-up")},
		{"sign-up", "refused", submitted(via("sign-up"), "phone_number", "12345")},
		{"sign-up", "email", via("sign-up", "via-email")},
		{"sign-up", "email-refused", submitted(via("sign-up", "via-email"), "email", "someone at example")},
		{"sign-up-code", "plain", sent(phone, "sign-up")},
		{"sign-up-code", "refused", submitted(sent(phone, "sign-up"), "verification_code", "000000")},
		{"sign-up-details", "plain", verified(phone, "sign-up")},
		{"sign-up-details", "refused", submitted(verified(phone, "sign-up"), "username", demoName, "password", "password")},
		{"reset-password", "plain", via("reset-password")},
		{"reset-password", "refused", submitted(via("reset-password"), "phone_number", "12345")},
		{"reset-password", "email", via("reset-password", "via-email")},
		{"reset-password-code", "plain", sent(demoEmail, "reset-password", "via-email")},
		{"reset-password-code", "refused", submitted(sent(demoEmail, "reset-password", "via-email"), "verification_code", "000000")},
		{"reset-password-new", "plain", verified(demoEmail, "reset-password", "via-email")},
		{"reset-password-new", "refused", submitted(verified(demoEmail, "reset-password", "via-email"), "new_password", "12345678")},
		{"complete", "without-script", submitted(enter, "username", demoName, "password", demoPassword)},
		{"sign-out", "plain", func(t *testing.T, b *tab) { b.goTo(t, "/__auth/sign-out?env_id=demo&client_id=demo") }},
		{"error", "redirect", func(t *testing.T, b *tab) { b.goTo(t, b.v.server.entry("https://evil.example/steal")) }},
		{"error", "environment", at("/__auth/?env_id=nowhere&client_id=demo")},
		{"error", "config", at("/__auth/?env_id=demo&client_id=demo&config_version=v1_999")},
		{"error", "not-found", at("/__auth/no-such-page")},
		{"authorize", "plain", func(t *testing.T, b *tab) {
			b.goTo(t, b.v.server.entry("https://other.example.com/callback", "response_type", "code",
				"code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method", "S256"))
			b.fill(t, "username", demoName, "password", demoPassword)
			b.submit(t)
		}},
	}
	shoot := func(t *testing.T, b *tab, page, state, language string) {
		t.Helper()
		for _, scheme := range []*playwright.ColorScheme{playwright.ColorSchemeLight, playwright.ColorSchemeDark} {
			if err := b.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: scheme}); err != nil {
				t.Fatal(err)
			}
			for _, width := range []int{360, 1280} {
				if err := b.SetViewportSize(width, 800); err != nil {
					t.Fatal(err)
				}
				file := filepath.Join(dir, strings.Join([]string{page, state, language, string(*scheme), fmt.Sprint(width)}, "-")+".png")
				if _, err := b.Screenshot(playwright.PageScreenshotOptions{
					Path: &file, FullPage: playwright.Bool(true), Animations: playwright.ScreenshotAnimationsDisabled,
				}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, language := range []string{"en", "zh-CN"} {
		for _, p := range states {
			t.Run(strings.Join([]string{p.page, p.state, language}, "-"), func(t *testing.T) {
				s := start(t, options{})
				s.emulator.set(t, settings{PasswordStrength: "strict"})
				change := []func(*playwright.BrowserNewContextOptions){speaking(language)}
				if p.page == "complete" || strings.HasPrefix(p.state, "limited") {
					change = append(change, withoutScript)
				}
				v := s.visit(t, change...)
				v.expectBroken()
				b := v.open(t, "about:blank")
				p.reach(t, b)
				b.at(t, p.page)
				shoot(t, b, p.page, p.state, language)
			})
		}
		t.Run("demo-plain-"+language, func(t *testing.T) {
			s := start(t, options{bare: true})
			b := s.visit(t, speaking(language)).open(t, "/")
			shoot(t, b, "demo", "plain", language)
			b.goTo(t, s.entry(s.origin+"/"))
			b.fill(t, "username", demoName, "password", demoPassword)
			if err := b.primary().Click(); err != nil {
				t.Fatal(err)
			}
			if err := expect.Page(b.Page).ToHaveURL(s.origin + "/"); err != nil {
				t.Fatal(err)
			}
			shoot(t, b, "demo", "signed-in", language)
		})
	}
}
