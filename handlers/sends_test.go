package handlers

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"tcb-login/config"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
)

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

// TestSendsToTarget: a stranger's share of somebody's codes is three an hour by SMS and five by
// email, then each needs a picture. The owner elsewhere gets one without, and with one always,
// for as long as TCB sends.
func TestSendsToTarget(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path, page string
		typed      fields
		share      int
		perDay     int
	}{
		{"/sign-in/sms", "sign-in-sms", fields{"phone_country": "CN", "phone_number": "13900139000"}, 3, 6},
		{"/reset-password", "reset-password", fields{"email": demoEmail}, 5, 20},
		{"/reset-password", "reset-password", fields{"email": "nobody@example.com"}, 5, 20}, // who gets none
	} {
		s := newSite(t)
		s.backend.captcha("never")
		stranger := s.browser().at("192.0.2.1")
		sends := 0
		send := func(b *browser) *page {
			s.clock.advance(time.Minute)
			p := b.submit(b.open(tt.path, "via=email"), tt.typed)
			if p.status == http.StatusOK {
				sends++
			}
			return p
		}
		for range tt.share {
			send(stranger).want(http.StatusOK, tt.page+"-code")
		}
		asked := send(stranger).want(http.StatusUnprocessableEntity, tt.page, "captcha.ask").wantValue(tt.typed)
		if got := s.backend.count("/v1/verification"); got != tt.share {
			t.Errorf("%s: TCB was asked for %d codes, want %d", tt.page, got, tt.share)
		}
		send(s.browser().at("192.0.2.2")).want(http.StatusOK, tt.page+"-code") // the owner, elsewhere
		s.clock.advance(time.Minute)
		stranger.solve(asked).want(http.StatusOK, tt.page+"-code")
		sends++
		for i := 3; sends < tt.perDay; i++ {
			send(s.browser().at(fmt.Sprintf("192.0.2.%d", i))).want(http.StatusOK, tt.page+"-code")
		}
		owner := s.browser().at("192.0.2.222")
		p := send(owner).want(http.StatusUnprocessableEntity, tt.page, "captcha.ask") // the target's, over all networks
		owner.solve(p).want(http.StatusOK, tt.page+"-code")
	}
}

// TestSendsToTargetInADay: nor does a stranger who comes back each hour get more of them than five by
// SMS and fifteen by email. The owner elsewhere gets the next one without a picture.
func TestSendsToTargetInADay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path, page string
		typed      fields
		hours      []int // how many in each
	}{
		{"/sign-in/sms", "sign-in-sms", fields{"phone_country": "CN", "phone_number": "13900139000"}, []int{3, 2}},
		{"/sign-in/email", "sign-in-email", fields{"email": demoEmail}, []int{5, 5, 5}},
	} {
		s := newSite(t)
		s.backend.captcha("never")
		stranger := s.browser().at("192.0.2.1")
		send := func(b *browser) *page {
			s.clock.advance(time.Minute)
			return b.submit(b.open(tt.path), tt.typed)
		}
		for _, n := range tt.hours {
			s.clock.advance(time.Hour)
			for range n {
				send(stranger).want(http.StatusOK, tt.page+"-code")
			}
		}
		s.clock.advance(time.Hour)
		asked := send(stranger).want(http.StatusUnprocessableEntity, tt.page, "captcha.ask")
		send(s.browser().at("192.0.2.2")).want(http.StatusOK, tt.page+"-code")
		s.clock.advance(time.Minute)
		stranger.solve(asked).want(http.StatusOK, tt.page+"-code")
		s.clock.advance(24 * time.Hour)
		send(stranger).want(http.StatusOK, tt.page+"-code")
	}
}

// TestSendsFromAddress: thirty an hour per address, then each needs a picture; other addresses go
// on, and what was not sent counts nowhere.
func TestSendsFromAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	b := s.browser().at("192.0.2.1")
	send := func(b *browser, i int) *page {
		return b.submit(b.open("/sign-in/email"), fields{"email": fmt.Sprintf("user%d@example.com", i)})
	}
	for i := range 30 {
		send(b, i).want(http.StatusOK, "sign-in-email-code")
	}
	p := send(b, 30).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.ask").wantValue(fields{"email": "user30@example.com"})
	send(s.browser().at("192.0.2.2"), 30).want(http.StatusOK, "sign-in-email-code") // the target was not counted
	s.clock.advance(time.Minute)
	b.solve(p).want(http.StatusOK, "sign-in-email-code")
	s.clock.advance(time.Hour)
	send(b, 31).want(http.StatusOK, "sign-in-email-code")
}

// TestPumping: beyond the environment's budget, and a calling code's, every text message needs a
// picture; abroad from the first on where no page says which countries people's numbers are of.
func TestPumping(t *testing.T) {
	t.Parallel()
	var login *loginpage.Page
	s := newSite(t, func(c *siteConfig) {
		c.settings.Environments[0].Limits = settings.Limits{SMSPerHour: 4, SMSPerHourAbroad: 2}
		c.logins = config.BuiltInPages(c.settings)
		login = c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion})
	})
	s.backend.captcha("never")
	at := 0
	send := func(country, number string) *page {
		at++
		b := s.browser().at(fmt.Sprintf("192.0.2.%d", at))
		return b.submit(b.open("/sign-in/sms"), fields{"phone_country": country, "phone_number": number})
	}
	send("GB", "7400123456").want(http.StatusUnprocessableEntity, "sign-in-sms", "captcha.ask")
	send("US", "2015550123").want(http.StatusUnprocessableEntity, "sign-in-sms", "captcha.ask")
	login.Countries.Allowed = []string{"CN", "GB", "SG"}
	send("GB", "7400123451").want(http.StatusOK, "sign-in-sms-code")
	send("GB", "7400123452").want(http.StatusOK, "sign-in-sms-code")
	send("GB", "7400123453").want(http.StatusUnprocessableEntity, "sign-in-sms", "captcha.ask")
	send("SG", "81234567").want(http.StatusOK, "sign-in-sms-code") // another code's
	send("CN", "13900139001").want(http.StatusOK, "sign-in-sms-code")
	send("CN", "13900139002").want(http.StatusUnprocessableEntity, "sign-in-sms", "captcha.ask")
	s.clock.advance(time.Hour)
	send("CN", "13900139003").want(http.StatusOK, "sign-in-sms-code")
}

// TestNoPauseAfterOutage: where TCB failed, perhaps after it had sent the code, nobody waits a minute for
// the next one; the code counts all the same.
func TestNoPauseAfterOutage(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) {
		c.settings.Environments[0].Limits = settings.Limits{EmailsPerAddress: 2}
	})
	b := s.browser()
	s.backend.answer("/v1/verification", html500)
	p := b.submit(b.open("/sign-in/email"), fields{"email": "x@example.com"}).want(http.StatusBadGateway, "sign-in-email", "error.broken")
	s.backend.answer("", nil)
	b.submit(p, fields{"email": "x@example.com"}).want(http.StatusOK, "sign-in-email-code")
	s.clock.advance(time.Minute)
	b.submit(b.open("/sign-in/email"), fields{"email": "x@example.com"}).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.ask")
}

// TestPauseOffersOthers: during a pause of a stranger's making the page offers the other ways in.
func TestPauseOffersOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	stranger, owner := s.browser().at("192.0.2.1"), s.browser().at("192.0.2.2")
	sendCode(stranger, "/sign-in/email", fields{"email": demoEmail})
	p := owner.submit(owner.open("/sign-in/email"), fields{"email": demoEmail}).want(http.StatusTooManyRequests, "sign-in-email", "error.send_wait").wantRetryAfter("60")
	for _, to := range []string{"sign-in", "sign-in-sms"} {
		if p.find(func(n *htmlNode) bool {
			return n.Data == "a" && attr(n, "data-to") == to && attr(n.Parent, "class") == "ways"
		}) == nil {
			t.Errorf("the message has no way to %s", to)
		}
	}
}

// TestSendsAtOnce: of many at once one code goes out.
func TestSendsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	p := b.open("/sign-in/email")
	action := p.action()
	var wg sync.WaitGroup
	for i := range 20 {
		values := p.filled(fields{"email": "x@example.com"})
		values.Set("n", strconv.Itoa(i)) // none is another's repetition
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

// TestCountdownIsTheLimits: what the page counts down is how long the button would be refused.
func TestCountdownIsTheLimits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser().at("192.0.2.1")
	code := sendCode(b, "/sign-in/email", fields{"email": "user@example.com"})
	for range 6 {
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
		s.clock.advance(25 * time.Second)
	}
	t.Error("the pause never ends")
}
