package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSignUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	t.Run("everything", func(t *testing.T) {
		b := s.browser()
		b.t = t
		code := sendCode(b, "/sign-up", fields{"email": "ann@example.com"})
		if m := s.backend.messages("ann@example.com")[0]; m.Usage != "REGISTER" {
			t.Errorf("the message is %+v", m)
		}
		details := b.submit(code, fields{"verification_code": s.backend.code("ann@example.com")}).want(http.StatusOK, "sign-up-details")
		done := b.submit(details, fields{"username": "ann-1", "name": "Ann 安", "password": "Ann-pass-1"}).completed()
		if done.UserInfo.Username != "ann-1" || done.UserInfo.Name != "Ann 安" || done.UserInfo.Email != "ann@example.com" {
			t.Errorf("signed up as %+v", done.UserInfo)
		}
		done = b.submit(b.open("/sign-in"), fields{"username": "ann-1", "password": "Ann-pass-1"}).completed()
		if done.UserInfo.Email != "ann@example.com" {
			t.Errorf("signed in as %+v", done.UserInfo)
		}
	})
	t.Run("nothing", func(t *testing.T) {
		b := s.browser().at("192.0.2.1")
		b.t = t
		code := sendCode(b, "/sign-up", fields{"phone_country": "CN", "phone_number": "13900139000"})
		details := b.submit(code, fields{"verification_code": s.backend.code(newPhone)}).want(http.StatusOK, "sign-up-details")
		if done := b.submit(details, nil).completed(); done.UserInfo.Sub == "" || s.backend.user(newPhone).HasPassword {
			t.Errorf("signed up as %+v", done.UserInfo)
		}
	})
	t.Run("whatever goes wrong costs no second code", func(t *testing.T) {
		b := s.browser().at("192.0.2.2")
		b.t = t
		const to = "bob@example.com"
		code := sendCode(b, "/sign-up", fields{"email": to})
		p := b.submit(code, fields{"verification_code": s.backend.code(to)}).want(http.StatusOK, "sign-up-details")
		for _, step := range []struct {
			typed      fields
			field, key string
		}{
			{fields{"username": "demo", "name": "Bob", "password": "Bob-pass-1"}, "username", "error.username_taken"},
			{fields{"username": "x", "name": "Bob", "password": "Bob-pass-1"}, "username", "error.username_form"},
			{fields{"username": "b@b.example", "name": "Bob", "password": "Bob-pass-1"}, "username", "error.username_form"},
			{fields{"username": "+86 138", "name": "Bob"}, "username", "error.username_form"},
			{fields{"username": "bob-1", "name": "Bob", "password": "weak"}, "password", "error.password_weak"},
			{fields{"username": "bob-1", "name": "Bob", "password": strings.Repeat("A-pass-1", 9)}, "password", "error.password_weak"},
			{fields{"username": "bob-1", "name": "Bob", "password": strings.Repeat("A-pass-1", 40)}, "password", "error.password_weak"},
			{fields{"username": "bob-1", "name": strings.Repeat("安", 65)}, "name", "error.too_long"},
		} {
			p = b.submit(p, step.typed).want(http.StatusUnprocessableEntity, "sign-up-details")
			if got := p.fieldKey(step.field); got != step.key {
				t.Errorf("%v: field %s says %q, want %q", step.typed, step.field, got, step.key)
			}
			p.wantValue(fields{"username": step.typed["username"], "name": step.typed["name"], "password": ""})
		}
		done := b.submit(p, fields{"username": "bob-1", "name": strings.Repeat("安", 64), "password": "Bob-pass-1"}).completed()
		if done.UserInfo.Username != "bob-1" {
			t.Errorf("signed up as %+v", done.UserInfo)
		}
		if n := len(s.backend.messages(to)); n != 1 {
			t.Errorf("%d codes were sent, want 1", n)
		}
	})
	t.Run("an account already", func(t *testing.T) {
		b := s.browser().at("192.0.2.3")
		b.t = t
		code := sendCode(b, "/sign-up", fields{"email": demoEmail}) // which tells nothing of the account
		exists := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "sign-up-confirmed")
		if s.backend.count("/v1/signin") != 1 { // the one of the first subtest
			t.Error("signed in before the person pressed the button")
		}
		if exists.link("sign-up") == "" {
			t.Error("no way to use another address")
		}
		if done := b.submit(exists, nil).completed(); done.UserInfo.Username != "demo" {
			t.Errorf("signed in as %+v", done.UserInfo)
		}
	})
	t.Run("registered by somebody else meanwhile", func(t *testing.T) {
		b := s.browser().at("192.0.2.4")
		b.t = t
		const to = "cyd@example.com"
		code := sendCode(b, "/sign-up", fields{"email": to})
		details := b.submit(code, fields{"verification_code": s.backend.code(to)}).want(http.StatusOK, "sign-up-details")
		s.clock.advance(time.Minute)
		s.backend.register(to, "cyd", "")
		exists := b.submit(details, fields{"name": "Cyd"}).want(http.StatusOK, "sign-up-confirmed")
		if done := b.submit(exists, nil).completed(); done.UserInfo.Username != "cyd" {
			t.Errorf("signed in as %+v", done.UserInfo)
		}
	})
}

// TestPasswordStays: a password that was right need not be typed again because something else was wrong,
// or TCB was away, and no account is made without the one that was chosen.
func TestPasswordStays(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(s *site) fields{
		"a taken name":    func(*site) fields { return fields{"username": "demo"} },
		"a long nickname": func(*site) fields { return fields{"name": strings.Repeat("x", 65)} },
		"an outage": func(s *site) fields {
			s.backend.refuse("/v1/signup", http.StatusServiceUnavailable, "unavailable")
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b := s.browser()
			b.t = t
			code := sendCode(b, "/sign-up", fields{"email": "stays@example.com"})
			details := b.submit(code, fields{"verification_code": s.backend.code("stays@example.com")}).want(http.StatusOK, "sign-up-details")
			typed := fields{"username": "stays", "password": "Quiet-river-7"}
			for field, value := range wrong(s) {
				typed[field] = value
			}
			p := b.submit(details, typed)
			if p.status < http.StatusBadRequest || p.name() != "sign-up-details" || p.value("password") != "" || p.value("kept") == "" {
				t.Fatalf("%d %s: %s", p.status, p.name(), p.text())
			}
			s.backend.answer("", nil)
			again := fields{"username": "stays", "name": "S"}
			if name == "a long nickname" {
				s.clock.advance(6 * time.Minute) // longer than it is kept
				p = b.submit(p, again).want(http.StatusUnprocessableEntity, "sign-up-details", "error.required.first_password")
				again["password"] = "Quiet-river-7"
			}
			b.submit(p, again).completed()
			if !s.backend.user("stays").HasPassword {
				t.Error("the account has no password")
			}
		})
	}
}

// TestPasswordStaysAtSignIn: what is wrong beside the password costs no typing of it, and a wrong one is
// not kept.
func TestPasswordStaysAtSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, withAgreedMethods(t))
	b := s.browser()
	typed := fields{"username": "demo", "password": demoPassword}
	p := b.submit(b.open("/sign-in"), typed).want(http.StatusUnprocessableEntity, "sign-in", "error.required.agreement")
	s.backend.refuse("/v1/signin", http.StatusServiceUnavailable, "unavailable")
	p = b.submit(p, fields{"agreement": "yes"}).want(http.StatusServiceUnavailable, "sign-in", "error.unavailable")
	s.backend.answer("", nil)
	b.submit(p, nil).completed()
	wrong := s.browser()
	p = wrong.submit(wrong.open("/sign-in"), fields{"username": "demo", "password": "Wrong-pass-1", "agreement": "yes"}).want(http.StatusUnprocessableEntity, "sign-in")
	if p.value("kept") != "" {
		t.Error("a wrong password is kept")
	}
}
