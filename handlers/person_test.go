package handlers

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// What somebody has proven in a browser, or left half done there, ends when somebody else signs in,
// for another client too: their login stays there, and whoever sits there now is another. Step-ups
// are in TestStepUpEndsWithNextSignIn, a right code for one in TestRightCodeEndsWithNextSignIn, the
// proof of an identity in TestLinkProofEndsWithNextSignIn, a second factor and a new password that
// TCB wants in TestDemandSealed.

// leftBehind is something that the seeded user leaves for the first client.
type leftBehind struct {
	name string
	site func(*siteConfig)
	// leave does all but the last step, which it returns.
	leave func(*site, *browser) func() *page
	works string   // the page that the step leads to
	calls []string // what TCB is then asked, and not for anybody else
	only  string   // where somebody else signs in, if it can be told there alone: see then
	free  bool     // nobody has to be signed in for it
}

var leftsBehind = []leftBehind{
	{"a sign-in of a moment ago, for a device", nil, func(s *site, b *browser) func() *page {
		d := s.device(b.t, "demo")
		return func() *page { return b.open(devicePath, "user_code="+d.code.UserCode) }
	}, "device", nil, "elsewhere", false},
	{"the form for a device", nil, func(s *site, b *browser) func() *page {
		p := b.open(devicePath, "user_code="+s.device(b.t, "demo").code.UserCode).want(http.StatusOK, "device")
		return func() *page { return b.submit(p, nil) }
	}, "device-done", []string{"/v1/user/device/authorize"}, "elsewhere", false},
	{"a sign-in of a moment ago, for an app elsewhere", nil, func(s *site, b *browser) func() *page {
		app := s.codeApp(b.t, "demo")
		return func() *page { return b.get(app.entry()) }
	}, "authorize", nil, "elsewhere", false},
	{"the same, not too long ago for it", nil, func(s *site, b *browser) func() *page {
		app := s.codeApp(b.t, "demo")
		return func() *page { return b.get(app.entry("max_age=600")) }
	}, "authorize", nil, "elsewhere", false},
	{"a password that waits for another language", nil, func(_ *site, b *browser) func() *page {
		p := b.press(b.open("/account/verify"), "lang=zh-CN", fields{"password": demoPassword}).want(http.StatusOK, "step-up-password")
		return func() *page { return b.submit(p, nil) }
	}, "account", []string{"/v1/user/sudo"}, "", false},
	{"a password that waits for a captcha", nil, func(s *site, b *browser) func() *page {
		s.backend.captcha("always")
		p := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
		s.backend.captcha("never")
		key := fields{"captcha_key": s.backend.key()}
		return func() *page { return b.submit(p, key) }
	}, "complete", []string{"/v1/signin"}, "", true},
	{"a password that waits for TCB's captcha page", withCaptchaPage, func(s *site, b *browser) func() *page {
		s.backend.captcha("always")
		leaving := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword})
		back := b.get(b.atCaptchaPage(leaving, "solve")).want(http.StatusOK, "captcha-return")
		s.backend.captcha("never")
		return func() *page { return b.submit(back, nil) }
	}, "complete", []string{"/v1/signin"}, "", true},
	{"a right code for another password", nil, func(s *site, b *browser) func() *page {
		code := sendCode(b, "/reset-password", fields{"email": demoEmail})
		p := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "reset-password-new")
		return func() *page { return b.submit(p, fields{"new_password": "Quiet-river-8"}) }
	}, "complete", []string{"/v1/reset", "/v1/signin"}, "", true},
	{"a right code that TCB failed after", nil, func(s *site, b *browser) func() *page {
		code := sendCode(b, "/sign-in/email", fields{"email": demoEmail})
		s.backend.refuse("/v1/signin", http.StatusServiceUnavailable, "unavailable")
		p := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusServiceUnavailable, "sign-in-email-confirmed")
		s.backend.answer("", nil)
		return func() *page { return b.submit(p, nil) }
	}, "complete", []string{"/v1/signin"}, "", true},
	{"a right code for a new account", nil, func(s *site, b *browser) func() *page {
		code := sendCode(b, "/sign-up", fields{"email": "new@example.com"})
		p := b.submit(code, fields{"verification_code": s.backend.code("new@example.com")}).want(http.StatusOK, "sign-up-details")
		return func() *page { return b.submit(p, fields{"username": "newcomer", "password": "Quiet-river-8"}) }
	}, "complete", []string{"/v1/signup"}, "", true},
	{"a code that a phone has said yes to", withQR, func(s *site, b *browser) func() *page {
		p := b.showQR()
		_, phone := s.backend.phone(b.t)
		s.backend.onPhone(b.t, phone, "allow", "openid-1")
		return func() *page { return b.pressTo(p, "enter") }
	}, "complete", []string{"/v1/signin/with/provider"}, "", true},
	{"a form of the portal", nil, func(_ *site, b *browser) func() *page {
		p := b.open("/account/profile")
		return func() *page { return b.submit(p, fields{"name": "Another"}) }
	}, "account.done.profile", []string{"/v1/user/profile"}, "here", false},
	{"a form of the portal that waits for TCB's captcha page", withCaptchaPage, func(s *site, b *browser) func() *page {
		form := b.open("/account/profile")
		s.backend.refuse("/v1/user/profile", http.StatusBadRequest, "captcha_required")
		s.backend.captcha("always")
		leaving := b.submit(form, fields{"name": "Another"})
		back := b.get(b.atCaptchaPage(leaving, "solve")).want(http.StatusOK, "captcha-return")
		s.backend.captcha("never")
		s.backend.answer("", nil)
		return func() *page { return b.submit(back, nil) }
	}, "account.done.profile", []string{"/v1/user/profile"}, "here", false},
	{"the word that something is done", nil, func(_ *site, b *browser) func() *page {
		p := b.post(b.open("/account/profile"), fields{"name": "Another"})
		return func() *page { return b.get(p.location()) }
	}, "account.done.profile", nil, "here", false},
}

// TestLeftBehind: each serves who left it, also after they have signed in elsewhere, and nobody else.
func TestLeftBehind(t *testing.T) {
	t.Parallel()
	elsewhere := func(b *browser, who fields) { b.submit(b.get(b.s.base+"/sign-in?"+second()), who).completed() }
	here := func(b *browser, who fields) { b.submit(b.open("/sign-in"), who).completed() }
	nameless := func(b *browser, who fields) {
		here(b, who)
		b.nameless = true
	}
	demo, mei := fields{"username": "demo", "password": demoPassword}, fields{"username": "hanmeimei", "password": "Quiet-river-7"}
	for _, tt := range leftsBehind {
		for _, then := range []struct {
			name, where string
			who         fields
			signIn      func(*browser, fields)
		}{
			{"nobody", "", nil, nil},
			{"the same, elsewhere", "", demo, elsewhere},
			{"somebody else, elsewhere", "elsewhere", mei, elsewhere},
			{"somebody else, here", "here", mei, here},
			{"somebody else, here, by a form that does not say whose it is", "nameless", mei, nameless},
			{"somebody, where nobody was", "first", mei, elsewhere},
		} {
			first := then.where == "first"
			if tt.only != "" && then.where != "" && tt.only != then.where || first && !tt.free || then.where == "nameless" && tt.free {
				continue // the login there is another by then, or there is none; or no form says whose it is
			}
			another := then.where != ""
			t.Run(tt.name+", "+then.name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				if tt.site != nil {
					s = newSite(t, tt.site)
				}
				s.otherPerson()
				s.backend.captcha("never")
				b := s.browser().on(t, s)
				if !first {
					b, _ = s.signedIn(t)
				}
				goOn := tt.leave(s, b)
				if then.signIn != nil {
					then.signIn(b, then.who)
				}
				s.clock.advance(repeatLife + time.Second)
				before := map[string]int{}
				for _, path := range tt.calls {
					before[path] = s.backend.count(path)
				}
				p := goOn()
				if got := p.name() == tt.works || slices.Contains(p.keys(), tt.works); got == another {
					t.Errorf("page %q with %q, status %d", p.name(), p.keys(), p.status)
				}
				for path, n := range before {
					if got := s.backend.count(path) - n; got > 0 == another {
						t.Errorf("TCB was asked %d times for %s", got, path)
					}
				}
			})
		}
	}
}

// TestCaptchaLeftBehind: a captcha that somebody has solved serves their form, and nobody else; in
// our form, and at TCB's page.
func TestCaptchaLeftBehind(t *testing.T) {
	t.Parallel()
	typed := fields{"username": "demo", "password": "Wrong-pass-1"}
	for _, another := range []bool{false, true} {
		signIn := func(s *site, b *browser, who fields) {
			if another {
				s.backend.captcha("never")
				b.submit(b.get(s.base+"/sign-in?"+second()), who).completed()
				s.backend.captcha("always")
			}
		}
		s := newSite(t)
		mei := s.otherPerson()
		s.backend.captcha("never")
		b, _ := s.signedIn(t)
		s.backend.captcha("always")
		asked := b.submit(b.open("/sign-in"), typed).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
		wrong := b.solve(asked).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
		signIn(s, b, mei)
		if p := b.submit(wrong, fields{"password": demoPassword}); p.has("captcha.ask") != another || (p.name() == "complete") == another {
			t.Errorf("somebody else: %v, and page %q with %q", another, p.name(), p.keys())
		}

		s = newSite(t, withCaptchaPage)
		mei = s.otherPerson()
		s.backend.captcha("never")
		b, _ = s.signedIn(t)
		s.backend.captcha("always")
		email := b.submit(b.open("/sign-in/email"), fields{"email": "one@example.com"})
		back := b.get(b.atCaptchaPage(email, "solve")).want(http.StatusOK, "captcha-return")
		signIn(s, b, mei)
		if p := b.submit(back, nil); (p.name() == "sign-in-email-code") == another {
			t.Errorf("TCB's page, somebody else: %v, and page %q with %q", another, p.name(), p.keys())
		}
	}
}

// TestCodeUnderWayStays: a code that was sent is whose phone it is on, whoever has signed in since.
func TestCodeUnderWayStays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mei := s.otherPerson()
	b, _ := s.signedIn(t)
	code := sendCode(b, "/sign-in/email", fields{"email": demoEmail})
	b.submit(b.get(s.base+"/sign-in?"+second()), mei).completed()
	b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).completed()
}

// TestGoodbyeOfOnePerson: nobody is told goodbye who has signed in since, for another client.
func TestGoodbyeOfOnePerson(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mei := s.otherPerson()
	b, _ := s.signedIn(t)
	p := b.submit(b.stepUp("/account/delete", demoPassword), fields{"confirm": "delete"}).want(http.StatusOK, "goodbye")
	b.get(p.url.String()).want(http.StatusOK, "goodbye")
	b.submit(b.get(s.base+"/sign-in?"+second()), mei).completed()
	b.get(p.url.String()).want(http.StatusOK, "sign-in")
}

// TestProvedOfOnePerson: a login that was handed over again, after somebody else's, has proven nothing.
func TestProvedOfOnePerson(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mei := s.otherPerson()
	b, login := s.signedIn(t)
	b.open(devicePath).want(http.StatusOK, "device")
	other := s.browser()
	meis := other.submit(other.open("/sign-in"), mei).completed()
	for _, token := range []string{meis.Credentials.AccessToken, login.Credentials.AccessToken} {
		if status, out := b.handOver(b.open("/account"), map[string]string{"access_token": token}, nil); status != http.StatusOK {
			t.Fatalf("%d %+v", status, out)
		}
		b.open(devicePath).want(http.StatusOK, "step-up-password")
	}
	b.stepUp(devicePath, demoPassword).want(http.StatusOK, "device")
	// What was proven is as old as it was, however often the app hands its login over anew.
	s.clock.advance(sudoLife - time.Second)
	b.open(devicePath).want(http.StatusOK, "device")
	again := map[string]string{"access_token": login.Credentials.AccessToken, "refresh_token": login.Credentials.RefreshToken}
	if status, out := b.handOver(b.open("/account"), again, nil); status != http.StatusOK || out.Credentials == nil {
		t.Fatalf("%d %+v", status, out)
	}
	b.open(devicePath).want(http.StatusOK, "device")
	s.clock.advance(time.Second)
	b.open(devicePath).want(http.StatusOK, "step-up-password")
}
