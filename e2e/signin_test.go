//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
)

// TestSignIn walks every way in that the product has, from the app and back to it.
func TestSignIn(t *testing.T) {
	t.Parallel()
	flows := []struct {
		name   string
		server func(t *testing.T, o options) *server
		walk   func(t *testing.T, b *tab) (who string) // up to the last press of the primary button
	}{
		{"password", share, func(t *testing.T, b *tab) string {
			b.typePassword(t, demoName, demoPassword)
			return demoName
		}},
		{"password with the e-mail address", share, func(t *testing.T, b *tab) string {
			b.typePassword(t, demoEmail, demoPassword)
			return demoName
		}},
		{"SMS code, new number", share, func(t *testing.T, b *tab) string {
			phone := newPhone()
			b.codeSignIn(t, phone)
			return phone
		}},
		{"SMS code, known number", start, func(t *testing.T, b *tab) string {
			b.v.server.emulator.register(t, "+86 13800000002", "known.number", "Kn0wn-number-pass")
			b.codeSignIn(t, "+86 13800000002")
			return "known.number"
		}},
		{"e-mail code, new address", share, func(t *testing.T, b *tab) string {
			email := newEmail()
			b.codeSignIn(t, email)
			return email
		}},
		{"e-mail code, known address", start, func(t *testing.T, b *tab) string {
			b.codeSignIn(t, demoEmail)
			return demoName
		}},
		{"sign-up by phone", share, func(t *testing.T, b *tab) string {
			username := newUsername()
			b.signUp(t, newPhone(), username, "李雷", "Li-lei-2026-x")
			return username
		}},
		{"reset by e-mail", start, func(t *testing.T, b *tab) string {
			b.resetPassword(t, demoEmail, "Quite-new-4711")
			return demoName
		}},
	}
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			for _, f := range flows {
				t.Run(f.name, func(t *testing.T) {
					t.Parallel()
					s := f.server(t, options{sdk: version.sdk})
					b := s.visit(t).enter(t, where)
					who := f.walk(t, b)
					b.finish(t, where)
					b.isSignedIn(t, where, s.emulator.find(t, who))
				})
			}
		})
	}
}

// TestClientOfItsOwn: a client whose id is not the environment's has its own key in localStorage.
func TestClientOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{sdk: version.sdk, client: "shop"})
			b := s.visit(t).enter(t, where)
			b.typePassword(t, demoName, demoPassword)
			b.finish(t, where)
			b.isSignedIn(t, where, s.emulator.find(t, demoName))
			if b.stored(t, "credentials_demo") != "" {
				t.Error("the login of client shop is also kept for client demo")
			}
		})
	}
}

// TestTwoTabs signs in two tabs of one browser, step by step in turns, each to a target of its own.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{sdk: version.sdk})
			v := s.visit(t)
			const one, two = "/app/orders?tab=1#a", "/app/cart?tab=2#b"
			phoneA, phoneB := newPhone(), newPhone()
			a, b := v.enter(t, one), v.enter(t, two)
			a.follow(t, "sign-in-sms")
			b.follow(t, "sign-in-sms")
			a.typeAddress(t, phoneA)
			b.typeAddress(t, phoneB)
			a.submit(t)
			b.submit(t)
			a.at(t, "sign-in-sms-code")
			b.at(t, "sign-in-sms-code")
			b.fill(t, "verification_code", s.emulator.code(t, phoneB))
			a.fill(t, "verification_code", s.emulator.code(t, phoneA))
			b.finish(t, two)
			b.isSignedIn(t, two, s.emulator.find(t, phoneB))
			a.finish(t, one)
			a.isSignedIn(t, one, s.emulator.find(t, phoneA))
		})
	}
}

// TestDevice: the backend must see one device, the browser's, whether the SDK or the login page
// calls it.
func TestDevice(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{sdk: version.sdk})
			b := s.visit(t).enter(t, where)
			device := b.stored(t, "device_id")
			s.secret(t, device)
			if device == "" {
				t.Fatal("the SDK has left no device_id")
			}
			b.holds(t, "device_id", device)
			if strings.Contains(b.URL(), device) {
				t.Error("device_id is in the URL")
			}
			b.typePassword(t, demoName, demoPassword)
			b.finish(t, where)
			if got := b.stored(t, "device_id"); got != device {
				t.Error("signing in has changed device_id")
			}
		})
	}
}

// TestOneAnswerForEveryRefusal: a wrong password, somebody unknown, blocked, pending, or without a
// password all look alike, so that nobody can find out who has an account.
func TestOneAnswerForEveryRefusal(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	blocked := s.emulator.register(t, "blocked@example.com", "blocked.person", "Bl0cked-person")
	s.emulator.setStatus(t, blocked, "BLOCKED")
	pending := s.emulator.register(t, "pending@example.com", "pending.person", "P3nding-person")
	s.emulator.setStatus(t, pending, "PENDING")
	s.emulator.register(t, "codes@example.com", "codes.only", "")

	type answer struct {
		status  int
		text    string
		keys    string
		headers string
	}
	ask := func(username, password string) answer {
		b := s.visit(t).open(t, s.entry(s.origin+where))
		b.typePassword(t, username, password)
		d := b.submit(t)
		keys := b.wrong(t, 422, "sign-in")
		b.holds(t, "username", username)
		b.holds(t, "password", "")
		if title, err := b.Title(); err != nil || !strings.HasPrefix(title, "Error: ") {
			t.Errorf("title %q (%v), want it to begin with the error", title, err)
		}
		b.visible(t, `a[data-to="sign-in-sms"]`)
		b.visible(t, `a[data-to="reset-password"]`)
		var names []string
		for name := range d.headers {
			names = append(names, name)
		}
		slices.Sort(names)
		return answer{d.status, b.text(t, "main"), strings.Join(keys, " "), strings.Join(names, " ")}
	}
	want := ask(demoName, "Wrong-pass-1")
	if want.keys == "" {
		t.Error("the errors carry no message key")
	}
	for _, username := range []string{"nobody.here", "blocked.person", "pending.person", "codes.only"} {
		password := map[string]string{"blocked.person": "Bl0cked-person", "pending.person": "P3nding-person"}[username]
		if password == "" {
			password = "Wrong-pass-2"
		}
		if got := ask(username, password); got != want {
			t.Errorf("%s is told\n%+v\nand a wrong password\n%+v", username, got, want)
		}
	}
}

// TestTypedValuesStay: a refused form comes back with everything but the secrets.
func TestTypedValuesStay(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	v := s.visit(t)

	b := v.open(t, s.entry(s.origin+where))
	b.submit(t) // nothing typed at all
	b.wrong(t, 422, "sign-in")
	b.count(t, `#form [aria-invalid="true"]`, 2)
	for _, name := range []string{"username", "password"} {
		b.visible(t, "#"+name+"-error[data-key]")
		if by := b.attribute(t, `#form [name="`+name+`"]`, "aria-describedby"); !slices.Contains(strings.Fields(by), name+"-error") {
			t.Errorf("%s is described by %q, want its error", name, by)
		}
		b.count(t, `#error-summary a[href="#`+b.attribute(t, `#form [name="`+name+`"]`, "id")+`"]`, 1)
	}

	b.follow(t, "sign-in-email")
	b.fill(t, "email", "someone at example")
	b.submit(t)
	b.wrong(t, 422, "sign-in-email")
	b.holds(t, "email", "someone at example")

	b.follow(t, "sign-in-sms")
	b.choose(t, "phone_country", "CN")
	b.fill(t, "phone_number", "12345")
	b.submit(t)
	b.wrong(t, 422, "sign-in-sms")
	b.holds(t, "phone_number", "12345")
	b.holds(t, "phone_country", "CN")
}

// TestSecondClick: an impatient double click sends one code.
func TestSecondClick(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	email := newEmail()
	b := s.visit(t).open(t, s.entry(s.origin+where))
	b.follow(t, "sign-in-email")
	b.fill(t, "email", email)
	b.navigate(t, func() error { return b.primary().Dblclick() })
	b.at(t, "sign-in-email-code")
	s.emulator.code(t, email)
	if got := len(s.emulator.outbox(t, email)); got != 1 {
		t.Errorf("%d messages, want 1", got)
	}
}
