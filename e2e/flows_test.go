//go:build e2e

package e2e

import "strings"

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

func (b *tab) typePassword(username, password string) {
	b.t.Helper()
	b.at("sign-in")
	b.fill("username", username, "password", password)
}

// typeAddress types a phone number or an e-mail address where a page asks for one.
func (b *tab) typeAddress(to string) {
	b.t.Helper()
	if strings.Contains(to, "@") {
		b.fill("email", to)
		return
	}
	code, number, _ := strings.Cut(to, " ")
	if code != "+86" {
		b.t.Fatalf("a flow only knows +86, not %s", to)
	}
	b.choose("phone_country", "CN")
	b.fill("phone_number", number)
}

// typeCode asks for a code and types the one that arrives.
func (b *tab) typeCode(to, codePage string) {
	b.t.Helper()
	b.typeAddress(to)
	b.submit()
	b.at(codePage)
	b.fill("verification_code", b.v.server.emulator.code(b.t, to))
}

func (b *tab) codeSignIn(to string) {
	b.t.Helper()
	page := "sign-in-sms"
	if strings.Contains(to, "@") {
		page = "sign-in-email"
	}
	b.follow(page)
	b.at(page)
	b.typeCode(to, page+"-code")
}

// prove walks sign-up or reset-password up to the page behind its code.
func (b *tab) prove(flow, to, next string) {
	b.t.Helper()
	b.follow(flow)
	b.at(flow)
	if strings.Contains(to, "@") {
		b.follow("via-email")
	}
	b.typeCode(to, flow+"-code")
	b.submit()
	b.at(next)
}

func (b *tab) signUp(to, username, name, password string) {
	b.t.Helper()
	b.prove("sign-up", to, "sign-up-details")
	b.fill("username", username, "name", name, "password", password)
}

func (b *tab) resetPassword(to, password string) {
	b.t.Helper()
	b.prove("reset-password", to, "reset-password-new")
	b.fill("new_password", password)
}

// solve answers the captcha that the page shows.
func (b *tab) solve() {
	b.t.Helper()
	b.visible("#form img.captcha")
	b.fill("captcha_key", b.v.server.emulator.captcha(b.t))
}
