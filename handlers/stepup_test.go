package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tcb-login/session"
)

// failingDeny is a deny list that takes nothing while its store is away.
type failingDeny struct {
	session.DenyList
	away atomic.Bool
}

func (d *failingDeny) Deny(ctx context.Context, id string, ended bool, ttl time.Duration) error {
	if d.away.Load() {
		return errors.New("store is away")
	}
	return d.DenyList.Deny(ctx, id, ended, ttl)
}

// signedIn is a browser with a login of the seeded user's, and that login.
func (s *site) signedIn(t testing.TB) (*browser, completion) {
	t.Helper()
	b := s.browser()
	b.t = t
	return b, b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
}

// stepUp gives a browser a sudo_token, by the password.
func (b *browser) stepUp(path, password string) *page {
	b.t.Helper()
	p := b.open(path).want(http.StatusOK, "step-up-password")
	return b.submit(p, fields{"password": password})
}

func accessCookieOf(b *browser) (*http.Cookie, bool) {
	for _, c := range b.cookies() {
		if strings.Contains(c.Name, "tcb_login_at_") {
			return c, true
		}
	}
	return nil, false
}

func TestStepUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	session := b.copy()
	p := b.open("/account/password").want(http.StatusOK, "step-up-password")
	p = b.submit(p, fields{"password": ""}).want(http.StatusUnprocessableEntity, "step-up-password", "error.required.password")
	p = b.submit(p, fields{"password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "step-up-password", "step-up.wrong")
	p = b.submit(p, fields{"password": demoPassword}).want(http.StatusOK, "account-password")
	if same(session, b) {
		t.Error("the session id is the same after a step-up")
	}
	b.open("/account/email").want(http.StatusOK, "account-email")
	b.open("/account/verify", "next=account-delete").want(http.StatusOK, "account-delete") // it is done already
	s.clock.advance(15 * time.Minute)
	b.open("/account/delete").want(http.StatusOK, "step-up-password")
	b.submit(p, fields{"new_password": "Quiet-river-7"}).want(http.StatusOK, "step-up-password") // nor without

	// By a code to the address that is bound, which is not typed.
	p = b.open("/account/verify", "next=account-email", "via=email").want(http.StatusOK, "step-up")
	code := b.submit(p, nil).want(http.StatusOK, "step-up-code")
	if code.link("change") != "" || strings.Contains(code.text(), demoEmail) {
		t.Error("the address is shown whole")
	}
	code = b.submit(code, fields{"verification_code": "000000"}).want(http.StatusUnprocessableEntity, "step-up-code", "error.code_wrong")
	b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "account-email")
	sent := last(s.backend.callsTo("/v1/verification"))
	if !strings.Contains(sent.body, `"CUR_USER"`) || sent.header.Get("Authorization") == "" {
		t.Errorf("the code was asked for with %s", sent.body)
	}

	// With a phone number only a code will do.
	s.clock.advance(time.Hour)
	s.backend.register(knownPhone, "phoned", "Phone-pass-1")
	phoned := s.browser().at("192.0.2.7")
	phoned.submit(phoned.open("/sign-in"), fields{"username": "phoned", "password": "Phone-pass-1"}).completed()
	p = phoned.open("/account/password", "via=password").want(http.StatusOK, "step-up")
	if p.byID("password") != nil {
		t.Error("a password is asked for")
	}
	p = phoned.submit(p, nil).want(http.StatusOK, "step-up-code")
	phoned.submit(p, fields{"verification_code": s.backend.code(knownPhone)}).want(http.StatusOK, "account-password")

	// Guessing is limited as at sign-in.
	s.clock.advance(time.Hour)
	b, _ = s.signedIn(t)
	for i := range 5 {
		p = b.open("/account/verify")
		p = b.submit(p, fields{"password": fmt.Sprintf("Wrong-pass-%d", i)})
		if p.status == http.StatusTooManyRequests || p.has("captcha.ask") {
			return
		}
		p.want(http.StatusUnprocessableEntity, "step-up-password", "step-up.wrong")
	}
	t.Error("five wrong passwords, and no limit")
}

// TestSudoGone: TCB is who decides whether a sudo_token still serves.
func TestSudoGone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	p := b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	s.backend.refuse("/v1/user/password", http.StatusForbidden, "permission_denied")
	p = b.submit(p, fields{"new_password": "Quiet-river-7"}).want(http.StatusOK, "step-up-password")
	// To ask for ever would help nobody: where TCB refuses a fresh step-up too, the form says that it was refused.
	p = b.submit(p, fields{"password": demoPassword}).want(http.StatusOK, "account-password")
	s.backend.refuse("/v1/user/password", http.StatusForbidden, "permission_denied")
	b.submit(p, fields{"new_password": "Quiet-river-7"}).want(http.StatusUnprocessableEntity, "account-password", "error.refused")
}

// TestEmptySudoToken: TCB gives one to who has nothing to prove themselves by. To who has just proven
// something it is no answer.
func TestEmptySudoToken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	s.backend.answer("/v1/user/sudo", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"sudo_token":"","expires_in":900}`))
	})
	p := b.open("/account/verify", "next=account-username")
	b.submit(p, fields{"password": demoPassword}).want(http.StatusBadGateway, "step-up-password", "error.broken")
	b.open("/account/delete").want(http.StatusOK, "step-up-password")
}

// TestDeviceOfTheLogin: forms of the portal, which script has not filled, name the device that the login
// was made with, and TCB hears of no other.
func TestDeviceOfTheLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, login := s.signedIn(t)
	b := s.browser()
	device := strings.Repeat("d", 32)
	in := map[string]string{"access_token": login.Credentials.AccessToken, "device_id": device}
	if status, out := b.handOver(b.open("/account"), in, nil); status != http.StatusOK {
		t.Fatalf("%d %+v", status, out)
	}
	p := b.open("/account/verify").want(http.StatusOK, "step-up-password")
	if got := p.value("device_id"); got != device {
		t.Errorf("the form says %q", got)
	}
	calls := s.backend.count("/v1/user/sudo")
	b.submit(p, fields{"password": demoPassword}).want(http.StatusOK, "account")
	if got := s.backend.callsTo("/v1/user/sudo")[calls].header.Get("X-Device-Id"); got != device {
		t.Errorf("TCB sees the device %q", got)
	}
}

// TestStepUpWaits: who was just sent a code sees how long the next one takes before they ask for it.
func TestStepUpWaits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.register(knownPhone, "phoned", "Phone-pass-1")
	b := s.browser()
	code := sendCode(b, "/sign-in/sms", fields{"phone_country": "CN", "phone_number": "13800138000"})
	b.submit(code, fields{"verification_code": s.backend.code(knownPhone)}).completed()
	wait := func() string {
		p := b.open("/account/password").want(http.StatusOK, "step-up")
		return attr(p.find(func(n *htmlNode) bool { return attr(n, "class") == "primary" }), "data-wait")
	}
	if got := wait(); got != "60" {
		t.Errorf("a wait of %q seconds after a code, want 60", got)
	}
	s.clock.advance(59 * time.Second)
	if got := wait(); got != "1" {
		t.Errorf("a wait of %q seconds 59 later, want 1", got)
	}
	s.clock.advance(2 * time.Second)
	if got := wait(); got != "" {
		t.Errorf("a wait of %q seconds when there is none", got)
	}
}
