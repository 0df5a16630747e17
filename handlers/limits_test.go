package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestPasswordLimit: four failures in ten minutes per person and address, and
// only failures count.
func TestPasswordLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	here, there := s.browser().at("192.0.2.1"), s.browser().at("192.0.2.2")
	try := func(b *browser, username, password string) *page {
		t.Helper()
		return b.submit(b.open("/sign-in"), fields{"username": username, "password": password})
	}
	for range 6 { // a right password never trips a limit
		try(here, "demo", demoPassword).completed()
	}
	// The same person, however written.
	for _, name := range []string{"demo@example.com", " Demo@Example.com ", "ｄｅｍｏ@example.com", "DEMO@EXAMPLE.COM"} {
		try(here, name, "Wrong-pass-1").want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	}
	calls := s.backend.count("/v1/signin")
	p := try(here, demoEmail, demoPassword).want(http.StatusTooManyRequests, "sign-in", "error.password_limit").wantRetryAfter("600")
	p.wantValue(fields{"username": demoEmail})
	if s.backend.count("/v1/signin") != calls {
		t.Error("what the limit refuses still reaches TCB")
	}
	if p.find(func(n *htmlNode) bool { return attr(n, "class") == "ways" }) == nil {
		t.Error("the page offers no other way")
	}
	try(here, "nobody", "Wrong-pass-1").want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed") // another person from here
	try(there, demoEmail, demoPassword).completed()                                                             // the owner, from elsewhere
	s.clock.advance(10*time.Minute - time.Second)
	try(here, demoEmail, demoPassword).want(http.StatusTooManyRequests, "sign-in", "error.password_limit").wantRetryAfter("1")
	s.clock.advance(time.Second)
	try(here, demoEmail, demoPassword).completed()
}

// TestPasswordsAtOnce: many at once get no further than one after another.
func TestPasswordsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	b := s.browser()
	p := b.open("/sign-in")
	values := p.filled(fields{"username": "nobody", "password": "Wrong-pass-1"})
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if p, err := b.try(http.MethodPost, p.action(), values, nil); err != nil || p.status != 422 && p.status != 429 {
				t.Errorf("%v, %+v", err, p)
			}
		})
	}
	wg.Wait()
	if n := s.backend.count("/v1/signin"); n > 4 {
		t.Errorf("%d of 40 passwords reached TCB, want 4 at most", n)
	}
}

// TestPersonLimit: twenty failures in an hour, from wherever, ask for a captcha
// and refuse nobody.
func TestPersonLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	for i := range 20 {
		b := s.browser().at(fmt.Sprintf("192.0.2.%d", i+1))
		b.submit(b.open("/sign-in"), fields{"username": "nobody", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	}
	b := s.browser().at("192.0.2.99")
	p := b.submit(b.open("/sign-in"), fields{"username": "Nobody", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	if n := s.backend.count("/v1/signin"); n != 20 {
		t.Errorf("%d passwords reached TCB, want 20", n)
	}
	p = b.submit(p, fields{"captcha_key": s.backend.key()}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	// A captcha a guess: a machine that had one solved has not bought all the others.
	p = b.submit(p, fields{"password": "Wrong-pass-2"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	b.submit(p, fields{"captcha_key": s.backend.key()}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	s.clock.advance(time.Hour)
	other := s.browser().at("192.0.2.98")
	other.submit(other.open("/sign-in"), fields{"username": "nobody", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
}

// TestTCBLock: when TCB itself locks the account the answer is the same, since
// only accounts that exist are locked, and a code gets in.
func TestTCBLock(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	pages := map[string]string{}
	for _, username := range []string{"demo", "nobo"} {
		for i := range 11 {
			b := s.browser().at(fmt.Sprintf("192.0.2.%d", i+1))
			p := b.submit(b.open("/sign-in"), fields{"username": username, "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
			pages[username] = masked(p, username)
			if retry := p.header.Get("Retry-After"); retry != "" {
				t.Errorf("%s: Retry-After %s tells that the account is locked", username, retry)
			}
		}
	}
	if pages["demo"] != pages["nobo"] {
		t.Errorf("a locked account shows\n%s\nan unknown one\n%s", pages["demo"], pages["nobo"])
	}
	b := s.browser().at("192.0.2.99")
	p := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	if p.find(func(n *htmlNode) bool { return n.Data == "a" && attr(n.Parent, "class") == "ways" }) == nil {
		t.Error("the page offers no code")
	}
	code := sendCode(b, "/sign-in/email", fields{"email": demoEmail})
	b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).completed()
}

// countdown is what a code page says of another code, in seconds.
func countdown(p *page) string {
	n := p.find(func(n *htmlNode) bool { return n.Data == "button" && attr(n, "value") == "resend" })
	if n == nil {
		return "no button"
	}
	return attr(n, "data-wait")
}

// TestSendPause: one code a minute per number, whatever it is for and however
// it is written; the page counts down what the limit says.
func TestSendPause(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	code := sendCode(b, "/sign-in/sms", fields{"phone_country": "CN", "phone_number": "13900139000"})
	if got := countdown(code); got != "60" {
		t.Errorf("the page counts from %q, want 60", got)
	}
	s.clock.advance(26 * time.Second)
	if got := countdown(b.get(code.url.String())); got != "34" {
		t.Errorf("after 26 s the page counts from %q, want 34", got)
	}
	early := b.press(code, "action=resend", nil).want(http.StatusTooManyRequests, "sign-in-sms-code", "error.send_wait").wantRetryAfter("34")
	if got := countdown(early); got != "34" {
		t.Errorf("the refusal counts from %q, want 34", got)
	}
	s.clock.advance(33*time.Second + 500*time.Millisecond)
	if got := countdown(b.get(code.url.String())); got != "1" {
		t.Errorf("half a second before the end the page counts from %q, want 1", got)
	}
	for _, again := range []struct {
		path  string
		typed fields
	}{
		{"/sign-in/sms", fields{"phone_country": "GB", "phone_number": "+86 139-0013 9000"}},
		{"/sign-up", fields{"phone_country": "CN", "phone_number": "１３９００１３９０００"}},
		{"/reset-password", fields{"phone_country": "CN", "phone_number": "(139) 0013.9000"}},
	} {
		other := s.browser().at("192.0.2.77")
		p := other.submit(other.open(again.path), again.typed)
		p.want(http.StatusTooManyRequests, p.name(), "error.send_wait").wantRetryAfter("1")
		p.wantValue(fields{"phone_country": "CN", "phone_number": "13900139000"})
	}
	s.clock.advance(500 * time.Millisecond)
	if got := countdown(b.get(code.url.String())); got != "" {
		t.Errorf("at the end the page still counts from %q", got)
	}
	if got := countdown(b.press(code, "action=resend", nil).want(http.StatusOK, "sign-in-sms-code", "code.again")); got != "60" {
		t.Errorf("the next one counts from %q, want 60", got)
	}
	if n := s.backend.count("/v1/verification"); n != 2 {
		t.Errorf("TCB was asked for %d codes, want 2", n)
	}
}

// TestSendsToTarget: ten an hour per number, and the page says how long that takes.
func TestSendsToTarget(t *testing.T) {
	t.Parallel()
	for _, to := range []string{demoEmail, "nobody@example.com"} { // one that gets codes and one that gets none
		s := newSite(t)
		var code *page
		b := s.browser()
		for i := range 10 {
			code = sendCode(b.at(fmt.Sprintf("192.0.2.%d", i+1)), "/reset-password", fields{"email": to})
			s.clock.advance(time.Minute)
		}
		wait := 50 * time.Minute // of the first one's hour
		late := b.at("192.0.2.99")
		p := late.press(code, "action=resend", nil).want(http.StatusTooManyRequests, "reset-password-code", "error.send_limit").
			wantRetryAfter(strconv.Itoa(int(wait.Seconds())))
		if got := countdown(p); got != p.header.Get("Retry-After") {
			t.Errorf("%s: the page counts from %q, the limit from %s", to, got, p.header.Get("Retry-After"))
		}
		if got := countdown(late.get(code.url.String())); got != p.header.Get("Retry-After") {
			t.Errorf("%s: reloaded, the page counts from %q, the limit from %s", to, got, p.header.Get("Retry-After"))
		}
		other := s.browser().at("192.0.2.98")
		other.submit(other.open("/sign-in/email"), fields{"email": to}).want(http.StatusTooManyRequests, "sign-in-email", "error.send_limit")
		s.clock.advance(wait)
		sendCode(late, "/reset-password", fields{"email": to})
	}
}

// TestSendsFromAddress: a burst of five, then thirty an hour per address; other
// addresses go on, and what is refused counts nowhere.
func TestSendsFromAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser().at("192.0.2.1")
	send := func(b *browser, i int) *page {
		return b.submit(b.open("/sign-in/email"), fields{"email": fmt.Sprintf("user%d@example.com", i)})
	}
	for i := range 5 {
		send(b, i).want(http.StatusOK, "sign-in-email-code")
	}
	send(b, 5).want(http.StatusTooManyRequests, "sign-in-email", "error.send_limit").wantRetryAfter("120").
		wantValue(fields{"email": "user5@example.com"})
	send(s.browser().at("192.0.2.2"), 5).want(http.StatusOK, "sign-in-email-code") // the target was not counted
	s.clock.advance(119 * time.Second)
	send(b, 6).want(http.StatusTooManyRequests, "sign-in-email", "error.send_limit").wantRetryAfter("1")
	s.clock.advance(time.Second)
	send(b, 6).want(http.StatusOK, "sign-in-email-code")
	send(b, 7).want(http.StatusTooManyRequests, "sign-in-email", "error.send_limit")
	sent := 6
	for range 60 {
		s.clock.advance(time.Minute)
		if p := send(b, 100+sent); p.status == http.StatusOK {
			sent++
		}
	}
	if sent != 6+30 {
		t.Errorf("%d codes in an hour, want 30 after the first 6", sent-6)
	}
}

// TestSendsAtOnce: of many at once one code goes out.
func TestSendsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	p := b.open("/sign-in/email")
	values, action := p.filled(fields{"email": "x@example.com"}), p.action()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if p, err := b.try(http.MethodPost, action, values, nil); err != nil || p.status != 303 && p.status != 429 {
				t.Errorf("%v, %+v", err, p)
			}
		})
	}
	wg.Wait()
	if n := s.backend.count("/v1/verification"); n != 1 {
		t.Errorf("TCB was asked for %d codes, want 1", n)
	}
}

// TestCountdownIsTheLimits: whatever limit holds, what the page counts down is
// how long the button would be refused.
func TestCountdownIsTheLimits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser().at("192.0.2.1")
	var codes []*page
	for i := range 5 { // the address's burst
		codes = append(codes, sendCode(b, "/sign-in/email", fields{"email": fmt.Sprintf("user%d@example.com", i)}))
	}
	for range 6 {
		for _, code := range codes {
			shown := countdown(b.get(code.url.String()))
			values := code.filled(nil)
			values.Set("action", "resend")
			p := b.do(http.MethodPost, code.action(), values, nil)
			if want := p.header.Get("Retry-After"); shown != want {
				t.Errorf("the page counts from %q, the button is refused for %q s", shown, want)
			}
			if p.status == http.StatusSeeOther {
				return
			}
		}
		s.clock.advance(25 * time.Second)
	}
}

// TestUsernameQuestions: whether a name is taken is answered to anybody, so not without end.
func TestUsernameQuestions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	code := sendCode(b, "/sign-up", fields{"email": "curious@example.com"})
	p := b.submit(code, fields{"verification_code": s.backend.code("curious@example.com")}).want(http.StatusOK, "sign-up-details")
	for range 10 {
		p = b.submit(p, fields{"username": "demo"}).want(http.StatusUnprocessableEntity, "sign-up-details", "error.username_taken")
	}
	asked := s.backend.count("/v1/checkIfUserExist")
	p = b.submit(p, fields{"username": "demo"}).want(http.StatusTooManyRequests, "sign-up-details", "error.too_many_wait").wantRetryAfter("120")
	if s.backend.count("/v1/checkIfUserExist") != asked {
		t.Error("what the limit refuses still reaches TCB")
	}
	b.submit(p, fields{"username": ""}).completed() // the way on without a name
	for _, q := range s.backend.callsTo("/v1/checkIfUserExist") {
		if got := q.query.Get("username"); got != "demo" {
			t.Errorf("TCB was asked about %q", got)
		}
	}
}

// TestLimitsPerEnvironment: another environment counts apart.
func TestLimitsPerEnvironment(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	sendCode(b, "/sign-in/email", fields{"email": "x@example.com"})
	p := b.get(s.base + "/sign-in/email?env_id=other&redirect_uri=" + url.QueryEscape(appPage))
	b.submit(p, fields{"email": "x@example.com"}).want(http.StatusOK, "sign-in-email-code")
}

// TestNetworks: whoever has one IPv6 address has all of its /64.
func TestNetworks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	try := func(address string) *page {
		b := s.browser().at(address)
		return b.submit(b.open("/sign-in"), fields{"username": "nobody", "password": "Wrong-pass-1"})
	}
	for i := range 4 {
		try(fmt.Sprintf("2001:db8:0:1:%x::%x", i, i)).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	}
	try("2001:db8:0:1:ffff::1").want(http.StatusTooManyRequests, "sign-in", "error.password_limit")
	try("2001:db8:0:2::1").want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	try("::ffff:192.0.2.1").want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed") // IPv4 has no such neighbours
}
