//go:build e2e

package e2e

import (
	"testing"
)

// TestCaptchaInTheWay: the backend asks for a captcha at every turn; nobody types anything twice.
func TestCaptchaInTheWay(t *testing.T) {
	t.Parallel()
	flows := []struct {
		name string
		walk func(t *testing.T, b *tab)
	}{
		{"password", func(t *testing.T, b *tab) {
			b.typePassword(t, demoName, demoPassword)
			b.submit(t)
			b.at(t, "sign-in")
			b.holds(t, "username", demoName)
			b.holds(t, "password", "") // kept sealed, and asked for once only
			b.solve(t)
		}},
		{"e-mail code", func(t *testing.T, b *tab) {
			b.follow(t, "sign-in-email")
			b.fill(t, "email", demoEmail)
			b.submit(t)
			b.at(t, "sign-in-email")
			b.holds(t, "email", demoEmail)
			b.solve(t)
			b.submit(t)
			b.at(t, "sign-in-email-code")
			b.fill(t, "verification_code", b.v.server.emulator.code(t, demoEmail))
			// The captcha's answer serves until it expires: one code costs one captcha.
		}},
		{"reset by e-mail", func(t *testing.T, b *tab) {
			b.follow(t, "reset-password")
			b.follow(t, "via-email")
			b.fill(t, "email", demoEmail)
			b.submit(t)
			b.at(t, "reset-password")
			b.solve(t)
			b.submit(t)
			b.at(t, "reset-password-code")
			b.fill(t, "verification_code", b.v.server.emulator.code(t, demoEmail))
			b.submit(t)
			b.at(t, "reset-password-new")
			b.fill(t, "new_password", "Quite-new-4711")
		}},
	}
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			for _, f := range flows {
				t.Run(f.name, func(t *testing.T) {
					t.Parallel()
					s := start(t, options{sdk: version.sdk})
					s.emulator.set(t, settings{Captcha: "always"})
					b := s.visit(t).enter(t, where)
					f.walk(t, b)
					b.finish(t, where)
					b.isSignedIn(t, where, s.emulator.find(t, demoName))
				})
			}
		})
	}
}

// TestWrongCaptcha: a wrong answer brings a new picture, and keeps what was typed.
func TestWrongCaptcha(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.emulator.set(t, settings{Captcha: "always"})
	b := s.visit(t).enter(t, where)
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	b.visible(t, "#form img.captcha")
	first := b.attribute(t, "#form img.captcha", "src")
	b.fill(t, "captcha_key", "????")
	b.submit(t)
	b.wrong(t, 422, "sign-in")
	b.visible(t, "#form img.captcha")
	second := b.attribute(t, "#form img.captcha", "src")
	if second == first {
		t.Error("the same picture again after a wrong answer")
	}
	b.holds(t, "username", demoName)

	b.press(t, b.Locator(`button[name=action][value=captcha]`))
	b.at(t, "sign-in")
	b.visible(t, "#form img.captcha")
	if b.attribute(t, "#form img.captcha", "src") == second {
		t.Error("the same picture again after asking for another")
	}
	b.holds(t, "username", demoName)
	b.solve(t)
	b.finish(t, where)
	b.isSignedIn(t, where, s.emulator.find(t, demoName))
}
