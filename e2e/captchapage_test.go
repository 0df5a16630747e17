//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// atCaptchaPage waits for the backend's own captcha page, and presses a button there.
func (b *tab) atCaptchaPage(t *testing.T, button string) {
	t.Helper()
	if err := expect.Locator(b.Locator(`form[action^="/captcha/"] img`)).ToBeVisible(); err != nil {
		t.Fatalf("no captcha page, but %s: %v", b.URL(), err)
	}
	if button == "verify" {
		if err := b.Locator(`input[name="key"]`).Fill(b.v.server.emulator.captcha(t)); err != nil {
			t.Fatal(err)
		}
	}
	b.press(t, b.Locator(fmt.Sprintf(`button[name="action"][value=%q]`, button)))
}

// TestCaptchaPage: who is asked for a captcha solves it on the backend's page and is signed in, with
// nothing typed twice; the address has lost the token.
func TestCaptchaPage(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{sdk: version.sdk, environment: "captcha: page"})
			s.emulator.set(t, settings{Captcha: "always"})
			b := s.visit(t).enter(t, where)
			b.typePassword(t, demoName, demoPassword)
			b.submit(t) // script leads on
			b.atCaptchaPage(t, "back")
			b.at(t, "captcha-failed")
			b.visible(t, "main q")
			b.submit(t)
			b.at(t, "sign-in")
			b.holds(t, "username", demoName)
			b.submit(t) // with the password that was kept
			b.atCaptchaPage(t, "verify")
			b.back(t, where)
			b.isSignedIn(t, where, s.emulator.find(t, demoName))
		})
	}
}

// TestCaptchaPageWithoutScript: buttons lead there and back.
func TestCaptchaPageWithoutScript(t *testing.T) {
	t.Parallel()
	s := start(t, options{environment: "captcha: page"})
	s.emulator.set(t, settings{Captcha: "always"})
	b := s.visit(t, withoutScript).open(t, s.entry(s.origin+where))
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	b.at(t, "interstitial")
	b.press(t, b.Locator("#go"))
	b.atCaptchaPage(t, "verify")
	b.at(t, "captcha-return")
	b.submit(t)
	b.at(t, "complete")
}

// TestCaptchaOfTheSDK: a captcha that the app's SDK had solved in this browser is used.
func TestCaptchaOfTheSDK(t *testing.T) {
	t.Parallel()
	s := start(t, options{environment: "captcha: page"})
	s.emulator.set(t, settings{Captcha: "always"})
	b := s.visit(t).enter(t, where)
	var picture struct{ Token string }
	s.emulator.call(t, "POST", "/auth/v1/captcha/data?client_id=demo", map[string]string{"state": "POST:/v1/signin", "redirect_uri": ""}, &picture)
	var solved struct {
		CaptchaToken string `json:"captcha_token"`
	}
	s.emulator.call(t, "POST", "/auth/v1/captcha/data/verify?client_id=demo", map[string]string{"token": picture.Token, "key": s.emulator.captcha(t)}, &solved)
	s.secret(t, solved.CaptchaToken)
	keep := func(until time.Time) {
		if _, err := b.Evaluate(`([token, at]) => localStorage.setItem("captcha_demo", JSON.stringify({captcha_token: token, expires_in: 600, expires_at: at}))`,
			[]any{solved.CaptchaToken, until.UTC().Format(time.RFC3339)}); err != nil {
			t.Fatal(err)
		}
	}
	keep(time.Now().Add(-time.Minute)) // one that is over is not sent
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	b.atCaptchaPage(t, "back")
	b.submit(t)
	b.at(t, "sign-in")
	keep(time.Now().Add(time.Hour))
	b.finish(t, where)
	b.isSignedIn(t, where, s.emulator.find(t, demoName))
}
