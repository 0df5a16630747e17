//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// The seeded user.
const (
	demoName     = "demo"
	demoPassword = "Demo-pass-1"
	demoEmail    = "demo@example.com"
)

// where is a page of the app with a query and a hash that must survive the way through the login page.
const where = "/app/orders?x=1&y=%E4%B8%AD#part=2"

// The flows up to the last press of the primary button, which the caller makes: with script it ends in the app, without on the
// completion page.

func (b *tab) typePassword(t *testing.T, username, password string) {
	t.Helper()
	b.at(t, "sign-in")
	b.fill(t, "username", username, "password", password)
}

// typeAddress types a phone number or an e-mail address where a page asks for one.
func (b *tab) typeAddress(t *testing.T, to string) {
	t.Helper()
	if strings.Contains(to, "@") {
		b.fill(t, "email", to)
		return
	}
	code, number, _ := strings.Cut(to, " ")
	if code != "+86" {
		t.Fatalf("a flow only knows +86, not %s", to)
	}
	b.choose(t, "phone_country", "CN")
	b.fill(t, "phone_number", number)
}

// typeCode asks for a code and types the one that arrives.
func (b *tab) typeCode(t *testing.T, to, codePage string) {
	t.Helper()
	b.typeAddress(t, to)
	b.submit(t)
	b.at(t, codePage)
	b.fill(t, "verification_code", b.v.server.emulator.code(t, to))
}

func (b *tab) codeSignIn(t *testing.T, to string) {
	t.Helper()
	page := "sign-in-sms"
	if strings.Contains(to, "@") {
		page = "sign-in-email"
	}
	b.follow(t, page)
	b.at(t, page)
	b.typeCode(t, to, page+"-code")
}

// prove walks sign-up or reset-password up to the page behind its code.
func (b *tab) prove(t *testing.T, flow, to, next string) {
	t.Helper()
	b.follow(t, flow)
	b.at(t, flow)
	if strings.Contains(to, "@") {
		b.follow(t, "via-email")
	}
	b.typeCode(t, to, flow+"-code")
	b.submit(t)
	b.at(t, next)
}

func (b *tab) signUp(t *testing.T, to, username, name, password string) {
	t.Helper()
	b.prove(t, "sign-up", to, "sign-up-details")
	b.fill(t, "username", username, "name", name, "password", password)
}

func (b *tab) resetPassword(t *testing.T, to, password string) {
	t.Helper()
	b.prove(t, "reset-password", to, "reset-password-new")
	b.fill(t, "new_password", password)
}

// solve answers the captcha that the page shows.
func (b *tab) solve(t *testing.T) {
	t.Helper()
	b.visible(t, "#form img.captcha")
	b.fill(t, "captcha_key", b.v.server.emulator.captcha(t))
}
