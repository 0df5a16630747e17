package handlers

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tcb-login/config/settings"
)

// fault is a way in which TCB can fail.
type fault struct {
	name   string
	answer http.HandlerFunc
	status int // of the page
	hangs  bool
}

var faults = []fault{
	{name: "500 without a word", answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, status: 502},
	{name: "500 in HTML", answer: html500, status: 502},
	{name: "503 of a proxy", answer: func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(503)
		fmt.Fprint(w, "<h1>503 Service Temporarily Unavailable</h1>")
	}, status: 503},
	{name: "HTML", answer: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!DOCTYPE html><p>Welcome to nginx") }, status: 502},
	{name: "nothing", answer: func(http.ResponseWriter, *http.Request) {}, status: 502},
	{name: "half of JSON", answer: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"access_token":"`) }, status: 502},
	{name: "JSON of another shape", answer: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `["ok"]`) }, status: 502},
	{name: "a redirect", answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://evil.example/")
		w.WriteHeader(307)
	}, status: 502},
	{name: "internal", answer: refusing(500, "internal"), status: 502},
	{name: "unavailable", answer: refusing(503, "unavailable"), status: 503},
	{name: "two megabytes", answer: func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"x":%q}`, strings.Repeat("x", 2<<20))
	}, status: 502},
	{name: "a broken connection", answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, status: 503},
	{name: "no answer in time", answer: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, status: 503, hangs: true},
}

func html500(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(500)
	fmt.Fprint(w, "<html><body>Internal <b>Server</b> Error</body></html>")
}

func refusing(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":%q,"error_code":1,"error_description":"never to be shown"}`, code)
	}
}

// outageStep is a POST that calls TCB, ready to be sent.
type outageStep struct {
	name  string
	path  string // of TCB's call that fails
	b     *browser
	p     *page
	typed fields
	form  string // data-page of the form that comes back, if not the page's own
	next  string // the page after it, when TCB is back
}

func outageSteps(s *site) (steps []outageStep) {
	s.backend.captcha("never")
	s.backend.register(knownPhone, "phoned", "Phone-pass-1")
	add := func(step outageStep, page func(*browser) *page) {
		step.b = s.browser().at(fmt.Sprintf("192.0.2.%d", 1+len(steps)))
		step.p = page(step.b)
		steps = append(steps, step)
	}
	open := func(path string) func(*browser) *page { return func(b *browser) *page { return b.open(path) } }
	code := func(path, to string, typed fields) func(*browser) *page {
		return func(b *browser) *page { return sendCode(b, path, typed) }
	}
	verified := func(path, to string, typed fields) func(*browser) *page {
		return func(b *browser) *page {
			return b.submit(sendCode(b, path, typed), fields{"verification_code": s.backend.code(to)})
		}
	}
	add(outageStep{name: "password", path: "/v1/signin", next: "complete", typed: fields{"username": "demo", "password": demoPassword}}, open("/sign-in"))
	add(outageStep{name: "verify", path: "/v1/verification/verify", next: "complete", typed: fields{"verification_code": "two@example.com"}},
		code("/sign-in/email", "two@example.com", fields{"email": "two@example.com"}))
	add(outageStep{name: "sign in after a right code", path: "/v1/signin", next: "complete", form: "sign-in-sms-confirmed", typed: fields{"verification_code": knownPhone}},
		code("/sign-in/sms", knownPhone, fields{"phone_country": "CN", "phone_number": "13800138000"}))
	add(outageStep{name: "sign up after a right code", path: "/v1/signup", next: "complete", form: "sign-in-email-confirmed", typed: fields{"verification_code": "three@example.com"}},
		code("/sign-in/email", "three@example.com", fields{"email": "three@example.com"}))
	add(outageStep{name: "details", path: "/v1/signup", next: "complete", typed: fields{"name": "Four", "password": "Quiet-river-4"}},
		verified("/sign-up", "four@example.com", fields{"email": "four@example.com"}))
	add(outageStep{name: "is the username taken", path: "/v1/checkIfUserExist", next: "complete", typed: fields{"username": "five", "name": "Five", "password": "Quiet-river-5"}},
		verified("/sign-up", "five@example.com", fields{"email": "five@example.com"}))
	add(outageStep{name: "new password", path: "/v1/reset", next: "complete", typed: fields{"new_password": "Fresh-pass-2"}},
		verified("/reset-password", demoEmail, fields{"email": demoEmail}))
	for i := range steps { // one code each, before the clock moves
		if to := steps[i].typed["verification_code"]; to != "" {
			steps[i].typed = fields{"verification_code": s.backend.code(to)}
		}
	}
	// The clock moves on in these, so that they come last.
	add(outageStep{name: "send SMS", path: "/v1/verification", next: "sign-in-sms-code",
		typed: fields{"phone_country": "CN", "phone_number": "13900000001"}}, open("/sign-in/sms"))
	add(outageStep{name: "send e-mail", path: "/v1/verification", next: "sign-in-email-code",
		typed: fields{"email": "one@example.com"}}, open("/sign-in/email"))
	add(outageStep{name: "send for sign-up", path: "/v1/verification", next: "sign-up-code",
		typed: fields{"phone_country": "CN", "phone_number": "13900000003"}}, open("/sign-up"))
	add(outageStep{name: "send for reset", path: "/v1/verification", next: "reset-password-code",
		typed: fields{"phone_country": "CN", "phone_number": "13900000002"}}, open("/reset-password"))
	s.backend.captcha("always")
	add(outageStep{name: "captcha", path: "/v1/captcha/data", next: "sign-in", typed: fields{"username": "phoned", "password": "Phone-pass-1"}}, open("/sign-in"))
	s.backend.captcha("never")
	return steps
}

// TestOutages lets TCB fail in every way at every POST: the form comes back
// with what was typed, a status that says whose fault it is, and once TCB is
// back the same form works, limits and codes none the worse for it.
func TestOutages(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) {
		c.settings.Environments[0].Limits = settings.Limits{SMSPerNumber: 64, EmailsPerAddress: 64}
	})
	hurried := s.twin(100 * time.Millisecond)
	for _, step := range outageSteps(s) {
		t.Run(step.name, func(t *testing.T) {
			if step.name == "captcha" {
				s.backend.captcha("always")
			}
			b, p, typed := step.b.on(t, s), step.p, step.typed
			form := step.p.name()
			faults := faults
			if step.path == "/v1/checkIfUserExist" { // which is limited, and a GET, so that it is tried again
				faults = []fault{faults[1], faults[4], faults[len(faults)-1]}
			}
			for i, f := range faults {
				b := b.at(fmt.Sprintf("192.0.2.%d", i+1)) // each has a share of its own of the codes
				if step.path == "/v1/verification" {
					// A message may be on its way all the same: it counts, but asks nobody to wait
					// a minute.
					s.clock.advance(6 * time.Minute)
				}
				s.backend.answer(step.path, f.answer)
				visitor := b
				if f.hangs {
					visitor = b.on(t, hurried)
				}
				p = visitor.submit(p, typed)
				if step.form != "" { // the code was right: what is left is a button
					form, typed = step.form, nil
				}
				if p.status != f.status || p.name() != form {
					t.Fatalf("%s: status %d, page %q, want %d and %q; %q\n%s", f.name, p.status, p.name(), f.status, form, p.keys(), p.text())
				}
				key := map[int]string{502: "error.broken", 503: "error.unavailable"}[f.status]
				if !p.has(key) {
					t.Errorf("%s: messages %q, want %q", f.name, p.keys(), key)
				}
				if retry := p.header.Get("Retry-After"); f.status == 503 && retry == "" {
					t.Errorf("%s: no Retry-After", f.name)
				}
				want := fields{}
				for field, value := range typed {
					if !strings.Contains(field, "password") {
						want[field] = value
					}
				}
				p.wantValue(want)
			}
			s.backend.answer("", nil)
			if step.path == "/v1/verification" {
				s.clock.advance(6 * time.Minute)
			}
			p = b.submit(p, typed)
			if step.name == "captcha" {
				p.want(http.StatusUnprocessableEntity, step.next, "captcha.ask")
			} else {
				p.want(http.StatusOK, step.next)
			}
		})
	}
	for _, line := range append(s.log.lines(t), hurried.log.lines(t)...) {
		if line.Status >= 500 && (line.Level != "ERROR" || line.Error == "" || line.Code == "") {
			t.Errorf("an outage is logged as %+v", line)
		}
	}
	if strings.Contains(s.log.text(), "nginx") || strings.Contains(s.log.text(), "never to be shown") {
		t.Error("TCB's answers are in the log")
	}
}

// TestReadingWhileTCBHangs: pages that call nothing are none the slower for it.
func TestReadingWhileTCBHangs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	s.backend.answer("", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for _, path := range []string{"/", "/sign-in/sms", "/sign-up", "/reset-password", "/sign-out"} {
		if p := b.open(path); p.status != http.StatusOK {
			t.Errorf("%s: status %d", path, p.status)
		}
	}
	if s.backend.count("") != 0 {
		t.Error("a GET called TCB")
	}
}

// TestCaptchaAnswerLost: TCB fails just when the characters are checked.
func TestCaptchaAnswerLost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always")
	b := s.browser()
	asked := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	s.backend.answer("/v1/captcha/data/verify", html500)
	p := b.submit(asked, fields{"captcha_key": s.backend.key()}).want(http.StatusBadGateway, "sign-in", "error.broken")
	p.wantValue(fields{"username": "demo"})
	s.backend.answer("", nil)
	p = b.submit(p, fields{"password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	b.submit(p, fields{"captcha_key": s.backend.key()}).completed()
}

// TestLateProfile: the profile has three seconds and no more.
func TestLateProfile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	s.backend.answer("/v1/user/me", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	p := b.open("/sign-in")
	start := time.Now()
	done := b.submit(p, fields{"username": "demo", "password": demoPassword}).completed()
	if done.UserInfo.Sub != "" {
		t.Errorf("a profile out of nowhere: %+v", done.UserInfo)
	}
	if took := time.Since(start); took > profileWait+10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestEndOfWaiting: a request that the server does not wait for any longer ends with a page,
// however long TCB takes.
func TestEndOfWaiting(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s := newSite(t, func(c *siteConfig) { c.context = ctx })
	b := s.browser()
	p := b.open("/sign-in")
	s.backend.answer("/v1/signin", func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done() // the call is given up
	})
	began := time.Now()
	b.submit(p, fields{"username": "demo", "password": demoPassword}).want(http.StatusServiceUnavailable, "sign-in", "error.unavailable")
	if took := time.Since(began); took > s.cfg.Settings.BackendTimeout/2 {
		t.Errorf("it took %v", took)
	}
}
