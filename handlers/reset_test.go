package handlers

import (
	"net/http"
	"testing"
	"time"
)

func TestResetPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.register(knownPhone, "phoned", "Phone-pass-1")
	tests := []struct {
		name, to, username, old string
		typed                   fields
	}{
		{"e-mail", demoEmail, "demo", demoPassword, fields{"email": "Demo@example.COM"}},
		{"phone", knownPhone, "phoned", "Phone-pass-1", fields{"phone_country": "CN", "phone_number": "+86 138-0013 8000"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browser()
			b.t = t
			before := len(s.backend.messages(tt.to))
			code := sendCode(b, "/reset-password", tt.typed)
			if m := s.backend.messages(tt.to)[0]; m.Usage != "PASSWORD_RESET" {
				t.Errorf("the message is %+v", m)
			}
			p := b.submit(code, fields{"verification_code": s.backend.code(tt.to)}).want(http.StatusOK, "reset-password-new")
			p = b.submit(p, nil).want(http.StatusUnprocessableEntity, "reset-password-new", "error.required.new_password")
			p = b.submit(p, fields{"new_password": "weak"}).want(http.StatusUnprocessableEntity, "reset-password-new")
			if p.fieldKey("new_password") != "error.password_weak" {
				t.Errorf("a weak password: %q", p.keys())
			}
			done := b.submit(p, fields{"new_password": "Fresh-pass-2"}).completed()
			if done.UserInfo.Username != tt.username {
				t.Errorf("signed in as %+v", done.UserInfo)
			}
			if n := len(s.backend.messages(tt.to)) - before; n != 1 {
				t.Errorf("%d codes were sent, want 1", n)
			}
			b.submit(b.open("/sign-in"), fields{"username": tt.username, "password": tt.old}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
			b.submit(b.open("/sign-in"), fields{"username": tt.username, "password": "Fresh-pass-2"}).completed()
		})
	}
	t.Run("saved, but not signed in", func(t *testing.T) {
		s.clock.advance(time.Minute)
		b := s.browser()
		b.t = t
		code := sendCode(b, "/reset-password", fields{"email": demoEmail})
		p := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "reset-password-new")
		s.backend.refuse("/v1/signin", http.StatusServiceUnavailable, "unavailable")
		p = b.submit(p, fields{"new_password": "Newer-pass-3"}).want(http.StatusOK, "sign-in", "reset.done")
		p.wantValue(fields{"username": demoEmail})
		s.backend.answer("", nil)
		b.submit(p, fields{"password": "Newer-pass-3"}).completed()
	})
}
