package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/limits"
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
	owner := try(there, demoEmail, demoPassword).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask") // the owner, from elsewhere
	there.solve(owner).completed()
	s.clock.advance(10*time.Minute - time.Second)
	try(here, demoEmail, demoPassword).want(http.StatusTooManyRequests, "sign-in", "error.password_limit").wantRetryAfter("1")
	s.clock.advance(time.Second)
	here.solve(try(here, demoEmail, demoPassword)).completed()
}

// TestPasswordsAtOnce: many at once get no further than one after another.
func TestPasswordsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	b := s.browser()
	p := b.open("/sign-in")
	var wg sync.WaitGroup
	for i := range 40 {
		values := p.filled(fields{"username": "nobody", "password": fmt.Sprintf("Wrong-pass-%d", i)})
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

// TestPersonLimit: from the fifth wrong password of a name on, wherever the four came from and
// whether anybody has the name or not, each further one needs a picture, and nobody is refused.
func TestPersonLimit(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"nobody", "demo"} {
		s := newSite(t)
		s.backend.captcha("never")
		for i := range 4 {
			b := s.browser().at(fmt.Sprintf("192.0.2.%d", i+1))
			b.submit(b.open("/sign-in"), fields{"username": name, "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
		}
		b := s.browser().at("192.0.2.99")
		p := b.submit(b.open("/sign-in"), fields{"username": name, "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
		if n := s.backend.count("/v1/signin"); n != 4 {
			t.Errorf("%s: %d passwords reached TCB, want 4", name, n)
		}
		p = b.solve(p).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
		// A picture a guess: a machine that had one solved has not bought all the others.
		p = b.submit(p, fields{"password": "Wrong-pass-2"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
		b.solve(p).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
		s.clock.advance(24 * time.Hour)
		other := s.browser().at("192.0.2.98")
		other.submit(other.open("/sign-in"), fields{"username": name, "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	}
}

// TestPasswordsFromNetwork: fifty failures an hour over many names, then each guess from there
// needs a picture; an office behind the address still gets in, and others do not notice.
func TestPasswordsFromNetwork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		allow  int
		at     func(i int) string
		inside string // of the same block
	}{
		{"an address", 50, func(int) string { return "192.0.2.1" }, "192.0.2.1"},
		{"a /64", 50, func(i int) string { return fmt.Sprintf("2001:db8:0:1::%x", i+1) }, "2001:db8:0:1:ffff::1"},
		{"a /56", 200, func(i int) string { return fmt.Sprintf("2001:db8:0:1%02x::1", i%100) }, "2001:db8:0:1ff::1"},
	} {
		s := newSite(t)
		s.backend.captcha("never")
		s.backend.refuse("/v1/signin", http.StatusBadRequest, "not_found") // no hash to wait for
		guess := func(b *browser, name string) *page {
			return b.submit(b.open("/sign-in"), fields{"username": name, "password": "Wrong-pass-1"})
		}
		b := s.browser()
		for i := range tt.allow {
			guess(b.at(tt.at(i)), fmt.Sprintf("user%d", i)).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
		}
		s.backend.answer("", nil)
		p := guess(b.at(tt.inside), "late").want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
		if n := s.backend.count("/v1/signin"); n != tt.allow {
			t.Errorf("%s: %d guesses reached TCB, want %d", tt.name, n, tt.allow)
		}
		b.solve(p).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
		colleague := s.browser().at(tt.inside)
		colleague.solve(colleague.submit(colleague.open("/sign-in"), fields{"username": "demo", "password": demoPassword})).completed()
		far := s.browser().at("198.51.100.7")
		far.submit(far.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	}
}

// TestPicturesProveOnce: a picture that a limit of ours asks for counts for the one call it was
// solved for: no captcha_token earned before does, and no form posted again.
func TestPicturesProveOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always") // so that a captcha_token is earned first
	b := s.browser()
	p := b.submit(b.open("/sign-in"), fields{"username": "nobody", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	p = b.solve(p).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	for i := range 3 {
		p = b.submit(p, fields{"password": fmt.Sprintf("Wrong-pass-%d", i)}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	}
	b = b.at("192.0.2.50")
	if p.value("captcha") == "" {
		t.Fatal("no captcha_token rides along")
	}
	p = b.submit(p, fields{"password": "Wrong-pass-5"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	calls := s.backend.count("/v1/signin")
	key := s.backend.key()
	b.submit(p, fields{"captcha_key": key}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	again := b.submit(p, fields{"captcha_key": key}).want(http.StatusUnprocessableEntity, "sign-in", "error.captcha_wrong")
	if again.picture() == "" || again.picture() == p.picture() {
		t.Error("no fresh picture")
	}
	if n := s.backend.count("/v1/signin") - calls; n != 1 {
		t.Errorf("one picture let %d guesses through", n)
	}
}

// TestWrongPictures: guesses at pictures count for the network.
func TestWrongPictures(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always")
	b := s.browser()
	p := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	for range 30 {
		p = b.submit(p, fields{"captcha_key": "????"}).want(http.StatusUnprocessableEntity, "sign-in", "error.captcha_wrong")
	}
	calls := s.backend.count("/v1/captcha/data/verify")
	b.submit(p, fields{"captcha_key": "????"}).want(http.StatusTooManyRequests, "sign-in", "error.too_many_wait").wantRetryAfter("30")
	if s.backend.count("/v1/captcha/data/verify") != calls {
		t.Error("what the limit refuses still reaches TCB")
	}
	elsewhere := s.browser().at("192.0.2.9")
	elsewhere.solve(elsewhere.submit(elsewhere.open("/sign-in"), fields{"username": "demo", "password": demoPassword})).completed()
}

// TestAttackMode: the operator's switch asks for a picture at every way in.
func TestAttackMode(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) { c.settings.Environments[0].Limits.AttackMode = true })
	s.backend.captcha("never")
	b := s.browser()
	b.solve(b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")).completed()
	for _, path := range []string{"/sign-in/email", "/sign-up", "/reset-password"} {
		b := s.browser()
		to := fields{"email": strings.Trim(strings.ReplaceAll(path, "/", "-"), "-") + "@example.com"}
		p := b.submit(b.open(path, "via=email"), to)
		p.want(http.StatusUnprocessableEntity, p.name(), "captcha.ask").wantValue(to)
		if p := b.solve(p); p.status != http.StatusOK || !strings.HasSuffix(p.name(), "-code") {
			t.Errorf("%s: after the picture: %d %s %q", path, p.status, p.name(), p.keys())
		}
	}
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
			p := b.submit(b.open("/sign-in"), fields{"username": username, "password": "Wrong-pass-1"})
			if i >= 4 {
				p = b.solve(p)
			}
			p.want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
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
	p := b.solve(b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword})).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	if p.find(func(n *htmlNode) bool { return n.Data == "a" && attr(n.Parent, "class") == "ways" }) == nil {
		t.Error("the page offers no code")
	}
	code := sendCode(b, "/sign-in/email", fields{"email": demoEmail})
	b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).completed()
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

// TestNetworks: whoever has one IPv6 address has all of its /64, and an address that only carries
// an IPv4 one is that.
func TestNetworks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	for i, tt := range []struct {
		at    []string // four failures, then the fifth is refused
		apart string
	}{
		{[]string{"2001:db8:0:1::1", "2001:db8:0:1:2::2", "2001:db8:0:1:3::3", "2001:db8:0:1:4::4", "2001:db8:0:1:ffff::1"}, "2001:db8:0:2::1"},
		{[]string{"192.0.2.1", "::ffff:192.0.2.1", "64:ff9b::192.0.2.1", "2002:c000:201::5", "2002:c000:201:9::9"}, "192.0.2.2"},
		{[]string{"64:ff9b::198.51.100.1", "64:ff9b::c633:6401", "198.51.100.1", "2002:c633:6401::", "::ffff:198.51.100.1"}, "64:ff9b::198.51.100.2"},
	} {
		try := func(address string) *page {
			b := s.browser().at(address)
			return b.submit(b.open("/sign-in"), fields{"username": fmt.Sprintf("nobody%d", i), "password": "Wrong-pass-1"})
		}
		for _, address := range tt.at[:4] {
			try(address).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
		}
		try(tt.at[4]).want(http.StatusTooManyRequests, "sign-in", "error.password_limit")
		try(tt.apart).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	}
}

// TestMethodsWithoutName: sign-in without an account, and ways to a provider, need a picture each
// beyond sixty an hour from a network.
func TestMethodsWithoutName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ path, call, name, then string }{
		{"/anonymous", "/v1/signin/anonymously", "anonymous", "complete"},
		{"/provider/demo", "/v1/provider/uri", "provider", "interstitial"},
	} {
		path, call, name, then := tt.path, tt.call, tt.name, tt.then
		s := newSite(t, func(c *siteConfig) {
			withProvider(c)
			c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}).Anonymous = true
		})
		s.backend.captcha("never")
		b := s.browser().at("192.0.2.1")
		press := func(b *browser) *page {
			p := b.open("/sign-in")
			return b.do(http.MethodPost, s.base+path+"?"+p.url.RawQuery, p.filled(nil), nil)
		}
		for range 60 {
			if p := press(b); p.status != http.StatusOK {
				t.Fatalf("%s: status %d, %q", path, p.status, p.keys())
			}
		}
		// The picture stands on a page of the way's own, whose one button goes on with it.
		asked := press(b).want(http.StatusUnprocessableEntity, name, "captcha.ask")
		if asked.byID("username") != nil || asked.byID("password") != nil {
			t.Errorf("%s: the page asks for what this way needs nothing of", path)
		}
		asked = b.submit(asked, fields{"captcha_key": "wrong"}).want(http.StatusUnprocessableEntity, name, "error.captcha_wrong")
		asked = b.submit(asked, fields{"captcha_key": ""}).want(http.StatusUnprocessableEntity, name, "error.required.captcha_key")
		asked = b.press(asked, "action=captcha", nil).want(http.StatusOK, name)
		asked = b.press(asked, "lang=zh-CN", nil).want(http.StatusOK, name)
		if n := s.backend.count(call); n != 60 {
			t.Errorf("%s: %d calls reached TCB, want 60", path, n)
		}
		if p := b.solve(asked); p.status != http.StatusOK || p.name() != then {
			t.Errorf("%s: after the picture: page %q with status %d, %q", path, p.name(), p.status, p.keys())
		}
		press(b).want(http.StatusUnprocessableEntity, name, "captcha.ask") // each wants its own
		if p := press(s.browser().at("192.0.2.2")); p.status != http.StatusOK {
			t.Errorf("%s from elsewhere: status %d, %q", path, p.status, p.keys())
		}
	}
}

// TestStepUpEndsLogin: ten wrong passwords, from however many networks, end the login that they
// were tried in, at TCB too, and no other.
func TestStepUpEndsLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	thief, login := s.signedIn(t)
	owner, other := s.signedIn(t)
	alive := func(token string) bool {
		client, err := s.cfg.NewAuth(s.cfg.Settings.Environments[0], s.cfg.Settings.Environments[0].Clients[0])
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.AsUser(token).GetUserInfo(t.Context())
		return err == nil
	}
	token := login.Credentials.AccessToken
	for i := range 9 {
		b := thief.at(fmt.Sprintf("192.0.2.%d", i+1))
		if i%4 == 3 { // another token is the same login
			in := map[string]string{"access_token": token, "refresh_token": login.Credentials.RefreshToken}
			status, out := b.handOver(b.open("/account"), in, nil)
			if status != http.StatusOK || out.Credentials == nil {
				t.Fatalf("a refresh: %d %+v", status, out)
			}
			token, login.Credentials.RefreshToken = out.Credentials.AccessToken, out.Credentials.RefreshToken
		}
		b.submit(b.open("/account/verify"), fields{"password": fmt.Sprintf("Wrong-pass-%d", i)}).want(http.StatusUnprocessableEntity, "step-up-password", "step-up.wrong")
	}
	b := thief.at("192.0.2.10")
	p := b.submit(b.open("/account/verify"), fields{"password": "Wrong-pass-9"}).want(http.StatusOK, "interstitial")
	var away departure
	p.script("departure", &away)
	if want := "/__auth/?"; !strings.HasPrefix(away.To, want) || len(away.Forget) != 2 {
		t.Errorf("it leads to %q and forgets %q, want sign-in, and the SDK's two keys", away.To, away.Forget)
	}
	thief.open("/account").want(http.StatusOK, "hand-off")
	if alive(token) {
		t.Error("TCB still takes the ended login's token")
	}
	if !alive(other.Credentials.AccessToken) {
		t.Error("the owner's login elsewhere has ended too")
	}
	s.clock.advance(11 * time.Minute) // TCB's own lock of the account, after ten
	owner.stepUp("/account/verify", demoPassword).want(http.StatusOK, "account")
}

// TestStepUpOfHandedOver: who has the app's login, and drops our cookies between the tries, has as
// many as all of an account's logins that the app brought, and is led to sign-in then. What signed
// in here is not touched by it.
func TestStepUpOfHandedOver(t *testing.T) {
	t.Parallel()
	const most = 20
	for _, mode := range []string{"the same token", "spelled otherwise", "refreshed"} {
		s := newSite(t)
		s.backend.captcha("never")
		owner, _ := s.signedIn(t)
		_, login := s.signedIn(t)
		refresh, token := login.Credentials.RefreshToken, login.Credentials.AccessToken
		tries := 0
		guess := func(round int) *page {
			t.Helper()
			in := map[string]string{"access_token": token}
			switch mode {
			case "spelled otherwise":
				in["access_token"] = spelled(token, round)
			case "refreshed":
				in["refresh_token"] = refresh
			}
			thief := s.browser().at(fmt.Sprintf("192.0.2.%d", 100+round))
			status, out := thief.handOver(thief.open("/account"), in, nil)
			if status != http.StatusOK {
				return nil
			}
			if out.Credentials != nil {
				token, refresh = out.Credentials.AccessToken, out.Credentials.RefreshToken
			}
			for range 4 {
				p := thief.submit(thief.open("/account/verify", "next=account-password"), fields{"password": fmt.Sprintf("Wrong-pass-%d", tries)})
				if !p.has("step-up.wrong") {
					return p
				}
				tries++
			}
			return nil
		}
		var end *page
		for round := 0; end == nil && round < 12; round++ {
			end = guess(round)
			s.clock.advance(11 * time.Minute) // TCB's own lock of the account, after ten
		}
		switch {
		case end == nil:
			if mode == "refreshed" || tries > limits.RuleStepUp.N {
				t.Errorf("%s: %d tries and no end", mode, tries)
			}
		case mode == "refreshed":
			end.want(http.StatusTooManyRequests, "step-up-sign-in", "step-up.sign_in_first")
			if to := end.link("sign-in"); !strings.Contains(to, "prompt=login") || !strings.Contains(to, "next=account-password") {
				t.Errorf("it leads to %q, want sign-in and back", to)
			}
			if tries != most {
				t.Errorf("%s: %d tries, want %d", mode, tries, most)
			}
		default:
			end.want(http.StatusOK, "interstitial") // this login has ended
			if tries+1 > limits.RuleStepUp.N {
				t.Errorf("%s: %d tries", mode, tries)
			}
		}
		owner.stepUp("/account/verify", demoPassword).want(http.StatusOK, "account")
	}
}

// spelled is a token with the nth of the last characters that base64 reads alike.
func spelled(token string, n int) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(digits, token[len(token)-1])
	return token[:len(token)-1] + string(digits[last&^3|(last+n)&3])
}
