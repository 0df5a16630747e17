package handlers

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tcb-login/authclient"
)

// login changes the switches of the emulator's console.
func (b *backend) login(change map[string]any) {
	b.t.Helper()
	b.control("PUT", "settings", map[string]any{"login": change}, nil)
}

// wantFactor has TCB ask for a second factor besides every password.
func (b *backend) wantFactor() {
	b.t.Helper()
	b.login(map[string]any{"MfaConfig": map[string]bool{"On": true}})
}

// client calls TCB without our pages.
func (b *backend) client() *authclient.Client {
	b.t.Helper()
	client, err := authclient.New(authclient.Config{Env: "demo", Endpoint: b.srv.URL, Timeout: time.Minute})
	if err != nil {
		b.t.Fatal(err)
	}
	return client
}

// proven is somebody who has proved who they are.
func (b *backend) proven(name, password string) (user *authclient.User, sudoToken string) {
	b.t.Helper()
	creds, err := b.client().SignIn(b.t.Context(), authclient.SignInRequest{Username: name, Password: password})
	if err != nil {
		b.t.Fatal(err)
	}
	user = b.client().AsUser(creds.AccessToken)
	sudo, err := user.Sudo(b.t.Context(), authclient.SudoRequest{Password: password})
	if err != nil {
		b.t.Fatal(err)
	}
	return user, sudo.SudoToken
}

// bind gives somebody a phone number.
func (b *backend) bind(name, password, phone string) {
	b.t.Helper()
	user, sudo := b.proven(name, password)
	sent, err := b.client().GetVerification(b.t.Context(), authclient.GetVerificationRequest{PhoneNumber: phone})
	if err != nil {
		b.t.Fatal(err)
	}
	verified, err := b.client().Verify(b.t.Context(), authclient.VerifyRequest{VerificationID: sent.VerificationID, VerificationCode: b.code(phone)})
	if err != nil {
		b.t.Fatal(err)
	}
	err = user.BindPhoneNumber(b.t.Context(), authclient.BindPhoneNumberRequest{PhoneNumber: phone, SudoToken: sudo, VerificationToken: verified.VerificationToken})
	if err != nil {
		b.t.Fatal(err)
	}
	b.clock.advance(time.Minute) // another message may be sent there
}

const (
	bothPhone    = "+86 13900139000"
	bothEmail    = "both@example.com"
	bothPassword = "Quiet-river-7"
)

// withBoth is a site that has somebody with a number and an address, and asks for a second factor.
func withBoth(t *testing.T, change ...func(*siteConfig)) *site {
	s := newSite(t, change...)
	s.backend.register(bothEmail, "both", bothPassword)
	s.backend.bind("both", bothPassword, bothPhone)
	s.backend.wantFactor()
	return s
}

// half is the page that a right password leads to, by way of a captcha where there were many before.
func (b *browser) half(username, password string) *page {
	b.t.Helper()
	p := b.submit(b.open("/sign-in"), fields{"username": username, "password": password})
	if p.picture() != "" {
		p = b.solve(p)
	}
	return p.want(http.StatusOK, "second-factor")
}

// hides says that no page has a target but masked.
func (p *page) hides(targets ...string) *page {
	p.t.Helper()
	for _, to := range targets {
		for _, spelt := range []string{to, strings.TrimPrefix(to, "+86 "), strings.ReplaceAll(to, " ", "")} {
			if strings.Contains(p.body, spelt) {
				p.t.Errorf("page %q holds %s, which whoever knows the password need not know", p.name(), spelt)
			}
		}
	}
	return p
}

// TestSecondFactor: a code to the number or the address of the account, which no page shows, beside
// the password that was typed.
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	s := withBoth(t)
	for _, to := range []string{bothPhone, bothEmail} {
		t.Run(to, func(t *testing.T) {
			b := s.browser()
			b.t = t
			sends := s.backend.count("/v1/verification")
			first := b.half("both", bothPassword).hides(bothPhone, bothEmail)
			if n := s.backend.count("/v1/verification"); n != sends {
				t.Errorf("%d codes were sent before anybody asked for one", n-sends)
			}
			if to == bothEmail {
				first = b.click(first, "sign-in-email").want(http.StatusOK, "second-factor").hides(bothPhone, bothEmail)
			}
			code := b.submit(first, nil).want(http.StatusOK, "second-factor-code").hides(bothPhone, bothEmail)
			code = b.submit(code, nil).want(http.StatusUnprocessableEntity, "second-factor-code", "error.required.verification_code")
			code = b.submit(code, fields{"verification_code": "000000"}).want(http.StatusUnprocessableEntity, "second-factor-code", "error.code_wrong").hides(bothPhone, bothEmail)
			code = b.press(code, "lang=zh-CN", nil).want(http.StatusOK, "second-factor-code").hides(bothPhone, bothEmail)
			b.press(code, "action=resend", nil).want(http.StatusTooManyRequests, "second-factor-code", "error.send_wait").hides(bothPhone, bothEmail)
			old := s.backend.code(to)
			s.clock.advance(time.Minute)
			code = b.press(code, "action=resend", nil).want(http.StatusOK, "second-factor-code", "code.again")
			b.submit(code, fields{"verification_code": old}).want(http.StatusUnprocessableEntity, "second-factor-code", "error.code_wrong")
			done := b.submit(code, fields{"verification_code": s.backend.code(to)})
			if got := done.completed(); got.UserInfo.Username != "both" || got.RedirectURI != appPage {
				t.Errorf("signed in as %+v, leading to %s", got.UserInfo, got.RedirectURI)
			}
			b.keepsNothing()
			s.clock.advance(time.Minute)
			b.submit(code, fields{"verification_code": "000000"}).want(http.StatusUnprocessableEntity, "sign-in", "error.session_over")
		})
	}
}

// TestSecondFactorAsked: where TCB does not say where a code can go, the person does, and TCB judges
// whether it is bound to the account.
func TestSecondFactorAsked(t *testing.T) {
	t.Parallel()
	s := withBoth(t)
	s.backend.register("mine@example.com", "mine", "")
	s.backend.answer("/v1/signin", func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		s.backend.em.ServeHTTP(rec, r)
		w.WriteHeader(rec.Code)
		body := rec.Body.String()
		if at := strings.Index(body, `,"details"`); at > 0 {
			body = body[:at] + "}"
		}
		_, _ = io.WriteString(w, body)
	})
	b := s.browser()
	first := b.half("both", bothPassword).hides(bothPhone, bothEmail)
	b.submit(first, fields{"phone_number": "12"}).want(http.StatusUnprocessableEntity, "second-factor", "error.phone")
	byEmail := b.click(first, "via-email").want(http.StatusOK, "second-factor")
	b.submit(byEmail, fields{"email": "both"}).want(http.StatusUnprocessableEntity, "second-factor", "error.email")
	for _, to := range []string{"mine@example.com", "nobody@example.com"} { // nobody hears who has an account
		code := b.submit(byEmail, fields{"email": to}).want(http.StatusOK, "second-factor-code")
		again := b.submit(code, fields{"verification_code": s.backend.code(to)}).want(http.StatusUnprocessableEntity, "second-factor", "error.two_factor")
		b.submit(again, nil).want(http.StatusUnprocessableEntity, "second-factor")
	}
	s.backend.setStatus("mine", "BLOCKED")
	s.clock.advance(time.Minute)
	b.submit(byEmail, fields{"email": "mine@example.com"}).want(http.StatusOK, "second-factor-code").hides(bothPhone, bothEmail)
	s.clock.advance(time.Minute)
	fresh := b.half("both", bothPassword)
	byEmail = b.click(fresh, "via-email")
	refused := s.backend.intercept
	s.backend.refuse("/v1/verification", http.StatusBadRequest, "user_blocked")
	decoy := b.submit(byEmail, fields{"email": "someone@example.com"}).want(http.StatusOK, "second-factor-code")
	b.submit(decoy, fields{"verification_code": "123456"}).want(http.StatusUnprocessableEntity, "second-factor-code", "error.code_wrong")
	s.backend.answer("/v1/signin", refused)
	code := b.submit(byEmail, fields{"email": bothEmail}).want(http.StatusOK, "second-factor-code")
	if got := b.submit(code, fields{"verification_code": s.backend.code(bothEmail)}).completed(); got.UserInfo.Username != "both" {
		t.Errorf("signed in as %+v", got.UserInfo)
	}
}

// TestDemandSealed: the pages of a demand are for the browser that gave the password, for ten
// minutes, and until somebody signs in.
func TestDemandSealed(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"second-factor", "new-password"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			begin := func(b *browser) *page {
				if path == "second-factor" {
					s.backend.wantFactor()
					return b.half("demo", demoPassword)
				}
				s.backend.wantChange()
				return b.toChange("demo", demoPassword)
			}
			b := s.browser()
			p := begin(b)
			typed := fields{}
			if path == "new-password" {
				typed["new_password"] = "Quiet-river-7"
			}
			values := p.filled(typed)
			lost := func(what string, got *page, status int) {
				t.Helper()
				if got.status != status || got.name() != "sign-in" || !got.has("error.session_over") {
					t.Errorf("%s: status %d, page %q with %q", what, got.status, got.name(), got.keys())
				}
			}
			calls := s.backend.count("/v1/signin")
			lost("no step", b.open("/sign-in/"+path), http.StatusOK)
			lost("no step of ours", b.open("/sign-in/"+path, "flow=x"), http.StatusOK)
			lost("8 KB", b.open("/sign-in/"+path, "flow="+strings.Repeat("x", 8<<10)), http.StatusOK)
			other := map[string]string{"second-factor": "new-password", "new-password": "second-factor"}[path]
			lost("the other step", b.get(strings.Replace(p.url.String(), path, other, 1)), http.StatusOK)
			stranger := s.browser()
			lost("another browser", stranger.get(p.url.String()), http.StatusOK)
			values.Set("csrf_token", stranger.open("/sign-in").value("csrf_token"))
			lost("another browser's POST", stranger.do(http.MethodPost, p.action(), values, nil), http.StatusUnprocessableEntity)
			lost("another client", b.get(strings.Replace(p.url.String(), "client_id=demo", "client_id=second", 1)), http.StatusOK)
			thief := b.copy()
			thief.forget()
			lost("without the cookie", thief.get(p.url.String()), http.StatusOK)
			if n := s.backend.count("/v1/signin"); n != calls {
				t.Errorf("TCB was asked %d times", n-calls)
			}

			s.clock.advance(repeatLife + time.Second)
			again := begin(b) // each has a cookie of its own
			if p.url.String() == again.url.String() {
				t.Error("two sign-ins have one step")
			}
			b.get(p.url.String()).want(http.StatusOK, p.name())
			s.clock.advance(10*time.Minute - time.Second)
			lost("the first", b.get(p.url.String()), http.StatusOK)
			b.get(again.url.String()).want(http.StatusOK, p.name())
			s.clock.advance(2 * time.Second)
			lost("after ten minutes", b.get(again.url.String()), http.StatusOK)
			lost("its form", b.submit(p, typed), http.StatusUnprocessableEntity)

			p = begin(b)
			s.backend.login(map[string]any{"MfaConfig": map[string]bool{"On": false}, "PwdUpdateStrategy": map[string]bool{"FirstLoginUpdate": false}})
			s.backend.register("else@example.com", "else", "Quiet-river-7")
			b.submit(b.open("/sign-in"), fields{"username": "else", "password": "Quiet-river-7"}).completed()
			lost("after another sign-in", b.get(p.url.String()), http.StatusOK)
		})
	}
}

// TestSecondFactorLimits: tries and sends count as everywhere, and a right password counts as a try
// until its factor is there.
func TestSecondFactorLimits(t *testing.T) {
	t.Parallel()
	s := withBoth(t)
	s.backend.captcha("never")
	b := s.browser()
	code := b.submit(b.half("both", bothPassword), nil).want(http.StatusOK, "second-factor-code")
	if link := code.link("sign-in-email"); link == "" {
		t.Error("the page of the code has no other way")
	}
	for range 4 {
		b.submit(code, fields{"verification_code": "000000"}).want(http.StatusUnprocessableEntity, "second-factor-code", "error.code_wrong")
		s.clock.advance(11 * time.Second)
	}
	b.submit(code, fields{"verification_code": "000000"}).want(http.StatusUnprocessableEntity, "second-factor-code", "error.code_tries")
	b.submit(code, fields{"verification_code": s.backend.code(bothPhone)}).want(http.StatusUnprocessableEntity, "second-factor-code", "error.code_tries")

	fresh := s.browser()
	wait := fresh.submit(fresh.half("both", bothPassword), nil).want(http.StatusTooManyRequests, "second-factor", "error.send_wait").hides(bothPhone, bothEmail)
	if wait.link("via-email") == "" {
		t.Error("who has to wait for a code is offered no other way")
	}

	thief := s.browser().at("192.0.2.77")
	for range 4 {
		thief.half("both", bothPassword)
		s.clock.advance(11 * time.Second)
	}
	thief.submit(thief.open("/sign-in"), fields{"username": "both", "password": bothPassword}).want(http.StatusTooManyRequests, "sign-in", "error.password_limit")

	owner := s.browser().at("192.0.2.78")
	s.clock.advance(25 * time.Hour) // what was counted for the person only wants a captcha, for a day
	for i := range 6 {
		s.clock.advance(61 * time.Second)
		first := owner.submit(owner.open("/sign-in"), fields{"username": "both", "password": bothPassword}).want(http.StatusOK, "second-factor")
		p := owner.submit(owner.click(first, "sign-in-email"), nil)
		if p.picture() != "" { // for the codes, which cost
			p = owner.solve(p)
		}
		done := owner.submit(p, fields{"verification_code": s.backend.code(bothEmail)})
		if done.name() != "complete" {
			t.Fatalf("sign-in %d in a row: page %q with %q", i+1, done.name(), done.keys())
		}
	}
}

// keepsNothing wants the cookie with what was given to sign in to be gone, and that of the code.
func (b *browser) keepsNothing() {
	b.t.Helper()
	for _, c := range b.cookies() {
		if tripCookieName.MatchString(c.Name) {
			b.t.Errorf("the browser keeps %s", c.Name)
		}
	}
}

// TestSecondFactorFails: what TCB says of the sign-in after a right code.
func TestSecondFactorFails(t *testing.T) {
	t.Parallel()
	s := withBoth(t)
	b := s.browser()
	right := func() *page {
		t.Helper()
		s.clock.advance(61 * time.Second)
		return b.submit(b.click(b.half("both", bothPassword), "sign-in-email"), nil).want(http.StatusOK, "second-factor-code")
	}
	p := right()
	s.backend.refuse("/v1/signin", http.StatusServiceUnavailable, "unavailable")
	again := b.submit(p, fields{"verification_code": s.backend.code(bothEmail)}).want(http.StatusServiceUnavailable, "second-factor-confirmed", "error.unavailable").hides(bothPhone, bothEmail)
	s.backend.answer("", nil)
	b.submit(again, nil).completed() // without another code

	for code, want := range map[string]struct {
		page, key string
	}{
		"invalid_two_factor": {"second-factor", "error.two_factor"}, "two_factor_required": {"second-factor", "error.two_factor"},
		"invalid_argument": {"second-factor", "error.two_factor"}, "invalid_password": {"sign-in", "error.sign_in_failed"},
		"user_blocked": {"sign-in", "error.sign_in_failed"}, "invalid_status": {"sign-in", "error.sign_in_failed"},
		"mfa_phone_required": {"phone-needed", ""}, "under_review": {"second-factor-confirmed", "error.under_review"},
	} {
		p := right()
		s.backend.refuse("/v1/signin", http.StatusBadRequest, code)
		got := b.submit(p, fields{"verification_code": s.backend.code(bothEmail)}).want(http.StatusUnprocessableEntity, want.page).hides(bothPhone, bothEmail)
		if want.key != "" {
			got.want(http.StatusUnprocessableEntity, want.page, want.key)
		}
		s.backend.answer("", nil)
		s.clock.advance(time.Hour)
	}

	p = right() // the password has to be changed too: TCB says so last
	s.backend.refuse("/v1/signin", http.StatusBadRequest, "failed_precondition")
	b.submit(p, fields{"verification_code": s.backend.code(bothEmail)}).want(http.StatusOK, "change-password")
}

// TestSecondFactorCaptcha: a captcha in between loses nothing.
func TestSecondFactorCaptcha(t *testing.T) {
	t.Parallel()
	s := withBoth(t)
	b := s.browser()
	first := b.half("both", bothPassword)
	s.backend.captcha("always")
	p := b.submit(first, nil).want(http.StatusUnprocessableEntity, "second-factor", "captcha.ask")
	p = b.solve(p).want(http.StatusOK, "second-factor-code")
	b.submit(p, fields{"verification_code": s.backend.code(bothPhone)}).completed()
}

// TestSecondFactorAtEnds: whatever ends in a sign-in by password walks the second factor, and what
// brings no password leads to it.
func TestSecondFactorAtEnds(t *testing.T) {
	t.Parallel()
	s := withBoth(t, withProvider)
	finish := func(p *page) {
		t.Helper()
		s.clock.advance(61 * time.Second)
		b := p.b
		code := b.submit(b.click(p.want(http.StatusOK, "second-factor"), "sign-in-email"), nil).want(http.StatusOK, "second-factor-code")
		if got := b.submit(code, fields{"verification_code": s.backend.code(bothEmail)}).completed(); got.UserInfo.Username != "both" {
			t.Errorf("signed in as %+v", got.UserInfo)
		}
	}
	b := s.browser()
	code := sendCode(b, "/reset-password", fields{"email": bothEmail})
	reset := b.submit(code, fields{"verification_code": s.backend.code(bothEmail)}).want(http.StatusOK, "reset-password-new")
	finish(b.submit(reset, fields{"new_password": "Quiet-river-8"}))

	const fresh = "fresh@example.com"
	b = s.browser()
	code = b.submit(b.click(b.open("/sign-up"), "via-email"), fields{"email": fresh}).want(http.StatusOK, "sign-up-code")
	details := b.submit(code, fields{"verification_code": s.backend.code(fresh)}).want(http.StatusOK, "sign-up-details")
	s.backend.answer("/v1/signup", func(w http.ResponseWriter, r *http.Request) { // the account is made all the same
		s.backend.em.ServeHTTP(httptest.NewRecorder(), r)
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"two_factor_required","details":[{"email":%q}]}`, fresh)
	})
	first := b.submit(details, fields{"password": bothPassword}).want(http.StatusOK, "second-factor").hides(fresh)
	s.backend.answer("", nil)
	s.clock.advance(61 * time.Second)
	code = b.submit(first, nil).want(http.StatusOK, "second-factor-code")
	if got := b.submit(code, fields{"verification_code": s.backend.code(fresh)}).completed(); got.UserInfo.Email != fresh {
		t.Errorf("signed up as %+v", got.UserInfo)
	}

	for path, begin := range map[string]func(b *browser) *page{
		"/v1/signin": func(b *browser) *page {
			code := sendCode(b, "/sign-in/email", fields{"email": bothEmail})
			return b.submit(code, fields{"verification_code": s.backend.code(bothEmail)})
		},
		"/v1/signup": func(b *browser) *page {
			code := sendCode(b, "/sign-in/email", fields{"email": "other@example.com"})
			return b.submit(code, fields{"verification_code": s.backend.code("other@example.com")})
		},
		"/v1/signin/with/provider": func(b *browser) *page {
			return b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-9", "")
		},
	} {
		for code, name := range map[string]string{"two_factor_required": "second-factor-needed", "mfa_phone_required": "phone-needed"} {
			s.clock.advance(61 * time.Second)
			s.backend.refuse(path, http.StatusBadRequest, code)
			b := s.browser()
			notice := begin(b).want(http.StatusUnprocessableEntity, name)
			s.backend.answer("", nil)
			if back := b.click(notice, "sign-in"); back.name() != "sign-in" {
				t.Errorf("%s, %s: the way on leads to %q", path, code, back.name())
			}
		}
	}
}

// TestPhoneNeeded: who has to bind a number signs in otherwise, and comes to where it is bound.
func TestPhoneNeeded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.login(map[string]any{"MfaConfig": map[string]bool{"On": true, "RequiredBindPhone": true}})
	b := s.browser()
	p := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "phone-needed", "error.two_factor_phone")
	if p.link("sign-in-sms") != "" {
		t.Error("an account without a number is offered to sign in by it")
	}
	code := b.submit(b.click(p, "sign-in-email"), fields{"email": demoEmail}).want(http.StatusOK, "sign-in-email-code")
	done := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).completed()
	if !strings.HasPrefix(done.RedirectURI, publicOrigin+s.base+"/account/phone?") {
		t.Errorf("it leads to %s", done.RedirectURI)
	}
	step := b.get(done.RedirectURI).want(http.StatusOK, "step-up-password")
	bind := b.submit(step, fields{"password": demoPassword}).want(http.StatusOK, "account-phone")
	code = b.submit(bind, fields{"phone_number": "13700137000"}).want(http.StatusOK, "account-phone-code")
	b.submit(code, fields{"verification_code": s.backend.code("+86 13700137000")}).want(http.StatusOK, "account", "account.done.phone")

	again := s.browser()
	code = again.submit(again.half("demo", demoPassword), nil)
	if code.name() != "second-factor-code" {
		s.clock.advance(61 * time.Second)
		code = again.submit(code, nil).want(http.StatusOK, "second-factor-code")
	}
	again.submit(code, fields{"verification_code": s.backend.code("+86 13700137000")}).completed()
}

// TestOneWayIn: what yields credentials ends in one function, which knows every demand.
func TestOneWayIn(t *testing.T) {
	t.Parallel()
	var found []string
	for _, dir := range []string{"signin", "account", "code", "provider"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for range strings.Count(string(data), ".Complete(") {
				found = append(found, file)
			}
		}
	}
	if len(found) != 1 || found[0] != filepath.Join("signin", "admit.go") {
		t.Errorf("a sign-in is completed in %v, want signin/admit.go alone, once", found)
	}
}
