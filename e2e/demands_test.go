//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"tcb-login/authclient"
)

// demands are the ways of a sign-in that TCB wants more of, up to the last press of the primary
// button.
var demands = []struct {
	name string
	walk func(t *testing.T, b *tab) (who string)
}{
	{"forced change", func(t *testing.T, b *tab) string {
		b.wantChange(t)
		b.typePassword(t, demoName, demoPassword)
		b.submit(t)
		b.newPassword(t, "Quite-new-4711")
		return demoName
	}},
	{"second factor by e-mail", func(t *testing.T, b *tab) string {
		b.wantFactor(t)
		b.typePassword(t, demoName, demoPassword)
		b.submit(t)
		b.factor(t, demoEmail)
		return demoName
	}},
	{"second factor by SMS, another way first", func(t *testing.T, b *tab) string {
		const phone = "+86 13800000003"
		b.v.server.emulator.register(t, phone, "with.number", "W1th-number-pass")
		b.wantFactor(t)
		b.typePassword(t, "with.number", "W1th-number-pass")
		b.submit(t)
		b.at(t, "second-factor")
		b.follow(t, "sign-in")
		b.typePassword(t, "with.number", "W1th-number-pass")
		b.submit(t)
		b.factor(t, phone)
		return "with.number"
	}},
	{"forced change, then a second factor", func(t *testing.T, b *tab) string {
		b.wantChange(t)
		b.wantFactor(t)
		b.typePassword(t, demoName, demoPassword)
		b.submit(t)
		b.newPassword(t, "Quite-new-4711")
		b.submit(t)
		b.factor(t, demoEmail)
		return demoName
	}},
	{"a reset's end", func(t *testing.T, b *tab) string {
		const phone = "+86 13800000004"
		b.v.server.emulator.bind(t, phone)
		b.wantFactor(t)
		b.resetPassword(t, demoEmail, "Quite-new-4711")
		b.submit(t)
		b.factor(t, phone)
		return demoName
	}},
}

func (b *tab) wantChange(t *testing.T) {
	t.Helper()
	b.v.server.emulator.set(t, settings{Login: map[string]any{"PwdUpdateStrategy": map[string]bool{"FirstLoginUpdate": true}}})
}

func (b *tab) wantFactor(t *testing.T) {
	t.Helper()
	b.v.server.emulator.set(t, settings{Login: map[string]any{"MfaConfig": map[string]bool{"On": true}}})
}

// bind gives the seeded user a phone number, an hour ago: a code that was sent just now would make the
// next one wait.
func (e *emulator) bind(t *testing.T, phone string) {
	t.Helper()
	past := -3600
	e.set(t, settings{ClockOffsetS: &past})
	defer e.set(t, settings{ClockOffsetS: new(int)})
	client, err := authclient.New(authclient.Config{Env: "demo", Endpoint: e.url.String()})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	creds, err := client.SignIn(t.Context(), authclient.SignInRequest{Username: demoName, Password: demoPassword})
	must(err)
	user := client.AsUser(creds.AccessToken)
	sudo, err := user.Sudo(t.Context(), authclient.SudoRequest{Password: demoPassword})
	must(err)
	sent, err := client.GetVerification(t.Context(), authclient.GetVerificationRequest{PhoneNumber: phone})
	must(err)
	verified, err := client.Verify(t.Context(), authclient.VerifyRequest{VerificationID: sent.VerificationID, VerificationCode: e.code(t, phone)})
	must(err)
	must(user.BindPhoneNumber(t.Context(), authclient.BindPhoneNumberRequest{
		PhoneNumber: phone, SudoToken: sudo.SudoToken, VerificationToken: verified.VerificationToken,
	}))
}

// newPassword types one where the old one has to be changed, and a weak one first.
func (b *tab) newPassword(t *testing.T, password string) {
	t.Helper()
	b.at(t, "change-password")
	b.holds(t, "new_password", "")
	b.fill(t, "new_password", "weak")
	b.submit(t)
	b.wrong(t, 422, "change-password")
	b.fill(t, "new_password", password)
}

// factor has a code sent and types it, after a wrong one. No page shows where it went.
func (b *tab) factor(t *testing.T, to string) {
	t.Helper()
	hidden := func() {
		t.Helper()
		body, err := b.Content()
		if err != nil {
			t.Fatal(err)
		}
		for _, spelt := range []string{to, strings.TrimPrefix(to, "+86 ")} {
			if strings.Contains(body, spelt) || strings.Contains(b.URL(), spelt) {
				t.Errorf("the page of %s holds it", to)
			}
		}
	}
	b.at(t, "second-factor")
	hidden()
	b.submit(t)
	b.at(t, "second-factor-code")
	hidden()
	code := b.v.server.emulator.code(t, to)
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	b.fill(t, "verification_code", wrong)
	b.submit(t)
	b.wrong(t, 422, "second-factor-code")
	b.fill(t, "verification_code", code)
}

// TestDemands: what TCB wants of a sign-in besides a right password, from the app and back to it.
func TestDemands(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			for _, d := range demands {
				t.Run(d.name, func(t *testing.T) {
					t.Parallel()
					s := start(t, options{sdk: version.sdk})
					b := s.visit(t).enter(t, where)
					who := d.walk(t, b)
					b.finish(t, where)
					b.isSignedIn(t, where, s.emulator.find(t, who))
				})
			}
		})
	}
}

// TestDemandsWithoutScript walks the same ways with script switched off.
func TestDemandsWithoutScript(t *testing.T) {
	t.Parallel()
	for _, d := range demands {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			b := s.visit(t, withoutScript).open(t, s.entry(s.origin+where))
			d.walk(t, b)
			if got := b.submit(t); got.status != 200 || got.headers["location"] != "" {
				t.Errorf("status %d, Location %q; want a page", got.status, got.headers["location"])
			}
			b.at(t, "complete")
		})
	}
}
