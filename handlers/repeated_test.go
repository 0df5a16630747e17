package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What a form came to is nobody's but the browser's that posted it, and that for a moment. That each
// form comes to the same twice is in backagain_test.go.

// TestRepeatedOnlyWithAll: what a POST came to goes to the same form alone, with the same cookie, for
// ten seconds, twice, and not after the sign-out.
func TestRepeatedOnlyWithAll(t *testing.T) {
	t.Parallel()
	s := twiceSite(t)
	sign := func() (b, before *browser, p *page, values url.Values) {
		b = s.browser()
		p = b.open("/sign-in")
		before = b.copy().lax()
		values = p.filled(fields{"username": "demo", "password": demoPassword})
		b.do(http.MethodPost, p.action(), values, nil).completed()
		return b, before, p, values
	}
	with := func(values url.Values, name, value string) url.Values {
		other := url.Values{}
		for k, v := range values {
			other[k] = v
		}
		other.Set(name, value)
		return other
	}
	calls := func() int { return s.backend.count("/v1/signin") }
	given := func(b *browser, action string, values url.Values) bool {
		t.Helper()
		n := calls()
		p, err := b.try(http.MethodPost, action, values, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p.name() == "complete" && calls() == n
	}
	b, before, p, values := sign()
	switch {
	case given(before.copy().lax(), p.action(), with(values, "password", "Wrong-pass-1")):
		t.Error("another password")
	case given(before.copy().lax(), p.action(), with(values, "username", demoEmail)):
		t.Error("another name")
	case given(before.copy().lax(), p.action()+"&x=1", values):
		t.Error("another address")
	case given(s.browser().lax(), p.action(), values):
		t.Error("another browser")
	}
	foreign := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}
	if got, err := before.copy().lax().try(http.MethodPost, p.action(), values, foreign); err != nil || got.status != http.StatusForbidden {
		t.Errorf("another site's form: status %d, %v", got.status, err)
	}
	if unsaid := before.copy().lax(); !given(func() *browser { unsaid.fetch = fetchNothing; return unsaid }(), p.action(), values) {
		t.Error("with its own token and no word of where it comes from")
	}
	unsaid := before.copy().lax()
	unsaid.fetch = fetchNothing
	if given(unsaid, p.action(), with(values, "csrf_token", "AAAA")) {
		t.Error("without its token")
	}
	b.open("/account").want(http.StatusOK, "account")

	_, before, p, values = sign()
	for i := range 3 {
		if got := given(before.copy().lax(), p.action(), values); got != (i < 2) {
			t.Errorf("for the time %d: %v", i+1, got)
		}
	}
	_, before, p, values = sign()
	s.clock.advance(repeatLife)
	if given(before.copy().lax(), p.action(), values) {
		t.Error("too late")
	}
	b, before, p, values = sign()
	b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	if given(before.copy().lax(), p.action(), values) {
		t.Error("after the sign-out")
	}
	// Who changes a name, and changes it back, has changed it twice.
	b, _, _, _ = sign()
	for _, name := range []string{"One", "Two", "One"} {
		b.submit(b.open("/account/profile"), fields{"name": name}).want(http.StatusOK, "account", "account.done.profile")
		if got := s.backend.user("demo").Name; got != name {
			t.Errorf("the name is %q, want %q", got, name)
		}
	}
}

// TestBackToTheCode: who goes back from the page that asks for a code, and sends the form again,
// gets there again. Another number is another code; a stranger has to wait.
func TestBackToTheCode(t *testing.T) {
	t.Parallel()
	s := twiceSite(t)
	for _, tt := range []struct {
		path       string
		typed      fields
		other, via string
	}{
		{"/sign-in/email", fields{"email": demoEmail}, "other@example.com", "via=email"},
		{"/sign-up", fields{"email": "new@example.com"}, "newer@example.com", "via=email"},
		{"/reset-password", fields{"email": demoEmail}, "third@example.com", "via=email"},
		{"/reset-password", fields{"email": "nobody@example.com"}, "fourth@example.com", "via=email"},
	} {
		b := s.browser()
		first := b.open(tt.path, tt.via)
		code := b.submit(first, tt.typed)
		s.clock.advance(2 * repeatLife)
		calls := s.backend.count("")
		again := b.submit(first, tt.typed)
		if again.status != http.StatusOK || again.name() != code.name() {
			t.Errorf("%s again: status %d, page %q, %q", tt.path, again.status, again.name(), again.keys())
			continue
		}
		if n := s.backend.count("") - calls; n != 0 {
			t.Errorf("%s again: %d calls of TCB", tt.path, n)
		}
		if wait := countdown(again); wait != "40" {
			t.Errorf("%s again: the page counts down from %s, want 40", tt.path, wait)
		}
		b.submit(first, fields{"email": tt.other}).want(http.StatusOK, code.name())
		stranger := s.browser().at("192.0.2.99")
		stranger.submit(stranger.open(tt.path, tt.via), tt.typed).want(http.StatusTooManyRequests, strings.TrimSuffix(code.name(), "-code"), "error.send_wait")
		s.clock.advance(time.Minute)
	}
}

// TestRepeatedIsNobodyElses: a page that was loaded since asks for something new, however alike it is
// filled: by whoever the app has signed in meanwhile, or by the same person whose login has ended.
func TestRepeatedIsNobodyElses(t *testing.T) {
	t.Parallel()
	s := twiceSite(t)
	press := func(b *browser, path string, typed fields, action string) *page {
		t.Helper()
		p := b.open(path)
		values := p.filled(typed)
		if action != "" {
			values.Set("action", action)
		}
		onDevice(values)
		return b.lax().do(http.MethodPost, p.action(), values, nil)
	}
	mei := s.otherPerson()
	elsewhere := s.browser()
	login := elsewhere.submit(elsewhere.open("/sign-in"), mei).completed()
	b, _ := s.signedIn(t)
	press(b, "/account/sessions", nil, "others")
	press(b, "/account/profile", fields{"name": "Somebody"}, "")
	status, out := b.handOver(b.open("/account"), map[string]string{"access_token": login.Credentials.AccessToken}, nil)
	if status != http.StatusOK || out.Sub != login.Credentials.Sub {
		t.Fatalf("%d %+v", status, out)
	}
	press(b, "/account/profile", fields{"name": "Somebody"}, "")
	if got := s.backend.user("hanmeimei").Name; got != "Somebody" {
		t.Errorf("the next person's name is %q: the answer was another's", got)
	}

	// The app ends a login at TCB, and the person signs in again.
	b = s.browser()
	sign := func() string {
		return press(b, "/sign-in", fields{"username": "demo", "password": demoPassword}, "").completed().Credentials.AccessToken
	}
	first := sign()
	client, err := s.cfg.NewAuth(s.cfg.Settings.Environments[0], s.cfg.Settings.Environments[0].Clients[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Revoke(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if again := sign(); again == first {
		t.Error("a sign-in brings a login that has ended")
	}

	// A click that comes late brings back no login that the app has dropped, or changed, since.
	for name, since := range map[string]map[string]string{
		"dropped": {}, "another's": {"access_token": login.Credentials.AccessToken},
	} {
		b = s.browser()
		p := b.open("/sign-in")
		values := p.filled(fields{"username": "demo", "password": demoPassword})
		before := b.copy().lax()
		b.do(http.MethodPost, p.action(), values, nil).completed()
		if status, out := b.handOver(b.open("/account"), since, nil); status != http.StatusOK {
			t.Fatalf("%s: %d %+v", name, status, out)
		}
		n := s.backend.count("/v1/signin")
		if late, err := before.try(http.MethodPost, p.action(), values, nil); err != nil || s.backend.count("/v1/signin") == n && late.name() == "complete" {
			t.Errorf("%s: a late click gets the login of before: %v", name, err)
		}
	}
}

// TestRepeatedUnderOld: the id before a sign-in is good for what its pages had come to by then, and for no
// more: somebody may have left it with another browser on purpose. What a page of before is posted for
// afterwards is not kept under it, whoever posts; and an answer that is given under it brings no cookies
// again, since the browser's may be newer.
func TestRepeatedUnderOld(t *testing.T) {
	t.Parallel()
	s := twiceSite(t)
	b := s.browser()
	signIn, send := b.open("/sign-in"), b.open("/sign-in/email")
	left := b.copy().lax()
	form := signIn.filled(fields{"username": "demo", "password": demoPassword})
	first := b.do(http.MethodPost, signIn.action(), form, nil)
	if first.completed(); len(first.header.Values("Set-Cookie")) == 0 {
		t.Fatal("a sign-in sets no cookie")
	}
	calls := s.backend.count("/v1/signin")
	again := b.do(http.MethodPost, signIn.action(), form, nil)
	if again.completed(); s.backend.count("/v1/signin") != calls {
		t.Error("the same form asks TCB again")
	}
	if set := again.header.Values("Set-Cookie"); len(set) > 0 {
		t.Errorf("the cookies of before come again: %q", set)
	}
	for email, by := range map[string]*browser{demoEmail: b, "other@example.com": left.copy()} {
		typed := send.filled(fields{"email": email})
		sent := by.do(http.MethodPost, send.action(), typed, nil)
		if sent.status != http.StatusSeeOther {
			t.Fatalf("%s: status %d, page %q, %q", email, sent.status, sent.name(), sent.keys())
		}
		got := left.copy().do(http.MethodPost, send.action(), typed, nil)
		if got.header.Get("Location") == sent.header.Get("Location") {
			t.Errorf("%s: who has the id of before alone gets what came of a form since: status %d", email, got.status)
		}
	}
}
