package handlers

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tcb-login/authclient"
	"tcb-login/handlers/limits"
	"tcb-login/limit"
)

// TestFreshToken: whose token another tab's first visit has outdated gets one of the session as it
// is now, if the browser says that it is a page of this origin. A frame of nobody's origin is told
// nothing.
func TestFreshToken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, login := s.signedIn(t)
	in := map[string]string{"access_token": login.Credentials.AccessToken}
	tests := []struct {
		name         string
		site, origin []string
		fresh        bool
	}{
		{"both", []string{"same-origin"}, []string{publicOrigin}, true},
		{"Sec-Fetch-Site alone", []string{"same-origin"}, nil, true},
		{"Origin alone", nil, []string{publicOrigin}, true},
		{"Origin: null, but from this origin", []string{"same-origin"}, []string{"null"}, true},
		{"neither", nil, nil, false},
		{"Origin: null alone", nil, []string{"null"}, false},
		{"another origin", nil, []string{"https://evil.example"}, false},
		{"Origin: null from another site", []string{"cross-site"}, []string{"null"}, false},
		{"a sibling's page", []string{"same-site"}, []string{"https://app.example.net"}, false},
		{"contradicting", []string{"cross-site"}, []string{publicOrigin}, false},
		{"opened by hand", []string{"none"}, []string{publicOrigin}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browser()
			b.t = t
			p := b.open("/account").want(http.StatusOK, "hand-off")
			b.forget()
			b.open("/account") // in another tab, whose cookie counts now
			header := http.Header{"Sec-Fetch-Site": tt.site, "Origin": tt.origin}
			status, out := b.handOver(p, in, header)
			if status == http.StatusOK || out.Sub != "" || (out.CSRF != "") != tt.fresh {
				t.Fatalf("%d %+v, want a fresh token: %v", status, out, tt.fresh)
			}
			if !tt.fresh {
				return
			}
			header.Set("X-CSRF-Token", out.CSRF)
			if status, out = b.handOver(p, in, header); status != http.StatusOK || out.Sub != login.Credentials.Sub {
				t.Errorf("repeated with the fresh token: %d %+v", status, out)
			}
			b.open("/account").want(http.StatusOK, "account")
		})
	}
}

// TestHandOffTwice: what the session has already changes nothing, and so costs no other tab what it
// has just got.
func TestHandOffTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, login := s.signedIn(t)
	_, second := s.signedIn(t)
	in := map[string]string{"access_token": login.Credentials.AccessToken}
	b := s.browser()
	first := b.open("/account").want(http.StatusOK, "hand-off")
	if status, out := b.handOver(first, in, nil); status != http.StatusOK {
		t.Fatalf("%d %+v", status, out)
	}
	b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	before := b.copy()
	if status, out := b.handOver(b.open("/account"), in, nil); status != http.StatusOK || out.Sub != login.Credentials.Sub || out.CSRF == "" {
		t.Fatalf("%d %+v", status, out)
	}
	if !same(before, b) {
		t.Error("the session id has changed")
	}
	b.open("/account/password").want(http.StatusOK, "account-password")
	before.open("/account").want(http.StatusOK, "account")

	// Another login of the same person is another login.
	if status, out := b.handOver(b.open("/account"), map[string]string{"access_token": second.Credentials.AccessToken}, nil); status != http.StatusOK {
		t.Fatalf("%d %+v", status, out)
	}
	if same(before, b) {
		t.Error("the session id has not changed")
	}
	b.open("/account/password").want(http.StatusOK, "step-up-password")
}

// TestReplacedCookie: a page that was asked for with a cookie that another tab's hand-off has
// replaced meanwhile must not replace the one that the other tab got. A POST starts anew: that
// browser never got the answer.
func TestReplacedCookie(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, login := s.signedIn(t)
	b := s.browser()
	p := b.open("/account").want(http.StatusOK, "hand-off")
	late := b.copy()
	if status, out := b.handOver(p, map[string]string{"access_token": login.Credentials.AccessToken}, nil); status != http.StatusOK {
		t.Fatalf("%d %+v", status, out)
	}
	for _, path := range []string{"/account", "/", "/sign-in", "/continue", "/sign-out", "/account/verify"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			got := late.do(method, s.base+path+"?"+entryQuery(appPage), nil, nil)
			if set := got.header.Values("Set-Cookie"); len(set) != 0 {
				t.Errorf("%s %s sets %d cookies", method, path, len(set))
			}
		}
	}
	late.open("/account").want(http.StatusOK, "hand-off")
	b.open("/account").want(http.StatusOK, "account")

	// Its next form works, and what it sealed opens.
	code := late.submit(late.open("/sign-in/email"), fields{"email": "late@example.com"}).want(http.StatusOK, "sign-in-email-code")
	done := late.submit(code, fields{"verification_code": s.backend.code("late@example.com")}).completed()
	if done.UserInfo.Email != "late@example.com" {
		t.Errorf("signed in as %+v", done.UserInfo)
	}
}

// TestContinueLooksForLogin: the login that script has just handed over may be gone when /continue
// is asked for.
func TestContinueLooksForLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, login := s.signedIn(t)
	b := s.browser()
	p := b.open("/continue").want(http.StatusOK, "hand-off")
	wantPrompt(t, p.link("sign-in"), "login")
	if b.click(p, "sign-in").want(http.StatusOK, "sign-in").resumes() {
		t.Error("the way on leads to a page that leads back to it")
	}
	if status, out := b.handOver(p, map[string]string{"access_token": login.Credentials.AccessToken}, nil); status != http.StatusOK {
		t.Fatalf("%d %+v", status, out)
	}
	b.open("/continue").want(http.StatusOK, "continue")
}

// TestHandOffLimit: what the limit counts and says. Neither TCB nor the login of somebody else is
// touched by it.
func TestHandOffLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, login := s.signedIn(t)
	b := s.browser()
	if status, out := b.handOver(b.open("/account"), map[string]string{"access_token": login.Credentials.AccessToken}, nil); status != http.StatusOK {
		t.Fatalf("%d %+v", status, out)
	}
	page := b.open("/account").want(http.StatusOK, "account")
	for range 2 * limits.RuleHandOff.Burst { // which changes nothing
		if status, out := b.handOver(page, map[string]string{"access_token": login.Credentials.AccessToken}, nil); status != http.StatusOK {
			t.Fatalf("the same login once more: %d %+v", status, out)
		}
	}
	worthless := map[string]string{"access_token": "x", "refresh_token": "m.dead"}
	other := s.browser()
	p := other.open("/account")
	for range limits.RuleHandOff.Burst - 1 {
		if status, out := other.handOver(p, worthless, nil); status == http.StatusTooManyRequests {
			t.Fatalf("%d %+v", status, out)
		}
	}
	calls := s.backend.count("/v1/token")
	status, header := other.handOffStatus(p, worthless)
	if status != http.StatusTooManyRequests || header.Get("Retry-After") != "6" {
		t.Errorf("%d, Retry-After %q", status, header.Get("Retry-After"))
	}
	if got := s.backend.count("/v1/token"); got != calls {
		t.Error("TCB was asked all the same")
	}
	if status, _ := other.at("203.0.113.77").handOffStatus(p, worthless); status == http.StatusTooManyRequests {
		t.Error("and it holds for another network")
	}
	b.open("/account").want(http.StatusOK, "account")
	s.clock.advance(6 * time.Second)
	if status, _ := other.handOffStatus(p, worthless); status == http.StatusTooManyRequests {
		t.Error("it holds for longer than it says")
	}
	// Who is not taken over signs in.
	other.submit(other.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
}

// handOffAnswer is what the server says to a hand-off.
type handOffAnswer struct {
	Sub, Error  string
	CSRF        string `json:"csrf_token"`
	Credentials *authclient.Credentials
}

// handOver posts what account.js does.
func (b *browser) handOver(p *page, in any, header http.Header) (int, handOffAnswer) {
	b.t.Helper()
	status, _, out := b.handOff(p, in, header)
	return status, out
}

// handOffStatus is handOver for its status and headers.
func (b *browser) handOffStatus(p *page, in any) (int, http.Header) {
	b.t.Helper()
	status, header, _ := b.handOff(p, in, nil)
	return status, header
}

func (b *browser) handOff(p *page, in any, header http.Header) (int, http.Header, handOffAnswer) {
	b.t.Helper()
	var guard struct {
		Session string
		CSRF    string `json:"csrf_token"`
	}
	p.script("guard", &guard)
	body, err := json.Marshal(in)
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.origin+guard.Session, strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "X-Csrf-Token": {guard.CSRF}, "Sec-Fetch-Site": {"same-origin"}, "Origin": {b.origin},
	}
	if from := b.header.Get("X-Forwarded-For"); from != "" {
		req.Header.Set("X-Forwarded-For", from)
	}
	for k, v := range header {
		if req.Header[k] = v; v == nil {
			req.Header.Del(k)
		}
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out handOffAnswer
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		decode(b.t, resp.Body, &out)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		b.t.Errorf("Cache-Control is %q", resp.Header.Get("Cache-Control"))
	}
	return resp.StatusCode, resp.Header, out
}

func TestHandOver(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, login := s.signedIn(t)
	token := login.Credentials.AccessToken
	b := s.browser()
	p := b.open("/account").want(http.StatusOK, "hand-off")

	refused := func(name string, in any, header http.Header, status int, code string) {
		t.Helper()
		if got, out := b.handOver(p, in, header); got != status || out.Error != code || out.Sub != "" {
			t.Errorf("%s: %d %+v, want %d %q", name, got, out, status, code)
		}
		if _, ok := accessCookieOf(b); ok {
			t.Errorf("%s: there is a login now", name)
		}
	}
	good := map[string]string{"access_token": token}
	refused("another site", good, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, http.StatusForbidden, "cross_site")
	refused("neither header", good, http.Header{"Sec-Fetch-Site": nil, "Origin": nil}, http.StatusBadRequest, "origin_unsaid")
	refused("no CSRF token", good, http.Header{"X-Csrf-Token": nil}, http.StatusForbidden, "csrf")
	refused("no JSON", "x", nil, http.StatusBadRequest, "invalid_request")
	refused("no token", map[string]string{"access_token": "x"}, nil, http.StatusBadRequest, "other_client")
	refused("a forged one", map[string]string{"access_token": token[:len(token)-4] + "AAAA"}, nil, http.StatusUnauthorized, "unauthenticated")
	refused("a dead refresh token", map[string]string{"access_token": token, "refresh_token": "m.dead"}, nil, http.StatusUnauthorized, "invalid_grant")
	s.backend.refuse("/v1/user/me", http.StatusServiceUnavailable, "unavailable")
	refused("TCB is away", good, nil, http.StatusServiceUnavailable, "unavailable")
	s.backend.answer("", nil)
	second := b.get(s.base+"/account?"+strings.Replace(entryQuery(appPage), "client_id=demo", "client_id=second", 1)).want(http.StatusOK, "hand-off")
	if status, out := b.handOver(second, good, nil); status != http.StatusBadRequest || out.Error != "other_client" {
		t.Errorf("another client's page: %d %+v", status, out)
	}

	p = b.open("/account").want(http.StatusOK, "hand-off")
	before := b.copy()
	status, out := b.handOver(p, map[string]string{"access_token": token, "device_id": "0123456789abcdef0123456789abcdef"}, nil)
	if status != http.StatusOK || out.Sub != login.Credentials.Sub || out.Credentials != nil || out.CSRF == "" {
		t.Fatalf("%d %+v", status, out)
	}
	if same(before, b) {
		t.Error("the session id has not changed")
	}
	b.open("/account").want(http.StatusOK, "account")

	// A refresh goes through us and is not kept.
	status, out = b.handOver(b.open("/account"), map[string]string{"access_token": token, "refresh_token": login.Credentials.RefreshToken}, nil)
	if status != http.StatusOK || out.Credentials == nil || out.Credentials.RefreshToken == login.Credentials.RefreshToken {
		t.Fatalf("refreshing: %d %+v", status, out)
	}
	s.secret("refresh_token", out.Credentials.RefreshToken)
	s.secret("access_token", out.Credentials.AccessToken)
	if status, out = b.handOver(b.open("/account"), map[string]string{"access_token": token, "refresh_token": login.Credentials.RefreshToken}, nil); status != http.StatusUnauthorized || out.Error != "invalid_grant" {
		t.Errorf("an old refresh token: %d %+v", status, out)
	}
	b.open("/account").want(http.StatusOK, "hand-off")

	// Nothing drops the login.
	b, _ = s.signedIn(t)
	if status, _ = b.handOver(b.open("/account"), struct{}{}, nil); status != http.StatusOK {
		t.Errorf("an empty body: %d", status)
	}
	b.open("/account").want(http.StatusOK, "hand-off")
}

// TestRefreshedAndThenAway: the new pair reaches the browser whatever fails after the refresh.
func TestRefreshedAndThenAway(t *testing.T) {
	t.Parallel()
	var deny *failingDeny
	s := newSite(t, func(c *siteConfig) {
		c.memory = limit.NewMemory(limit.MemoryConfig{Now: c.clock.Now})
		deny = &failingDeny{DenyList: c.memory}
		c.deny = deny
	})
	tests := []struct {
		name string
		fail func(away bool)
	}{
		{"TCB", func(away bool) {
			if s.backend.answer("", nil); away {
				s.backend.refuse("/v1/user/me", http.StatusServiceUnavailable, "unavailable")
			}
		}},
		{"the deny list", func(away bool) { deny.away.Store(away) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, login := s.signedIn(t)
			s.clock.advance(3 * time.Hour) // longer than an access token
			p := b.open("/account").want(http.StatusOK, "hand-off")
			tt.fail(true)
			status, out := b.handOver(p, map[string]string{"access_token": login.Credentials.AccessToken, "refresh_token": login.Credentials.RefreshToken}, nil)
			tt.fail(false)
			if status < http.StatusInternalServerError || out.Error != "unavailable" || out.Sub != "" {
				t.Errorf("%d %+v", status, out)
			}
			if out.Credentials == nil || out.Credentials.RefreshToken == "" || out.Credentials.RefreshToken == login.Credentials.RefreshToken {
				t.Fatalf("the answer does not hold the new pair: %+v", out)
			}
			s.secret("access_token", out.Credentials.AccessToken)
			s.secret("refresh_token", out.Credentials.RefreshToken)
			// With what came the browser is who it was.
			status, out = b.handOver(b.open("/account"), map[string]string{"access_token": out.Credentials.AccessToken}, nil)
			if status != http.StatusOK || out.Sub != login.Credentials.Sub {
				t.Errorf("afterwards: %d %+v", status, out)
			}
		})
	}
}

// TestHandOffLoads: the page that looks for a login loads what the one does that comes in its place, so
// that nothing is fetched for it alone.
func TestHandOffLoads(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, login := s.signedIn(t)
	for _, path := range []string{"/account", "/account/profile", "/account/history", "/continue"} {
		b := s.browser()
		first := b.open(path).want(http.StatusOK, "hand-off")
		if status, out := b.handOver(first, map[string]string{"access_token": login.Credentials.AccessToken}, nil); status != http.StatusOK {
			t.Fatalf("%d %+v", status, out)
		}
		second := b.open(path)
		if before, after := loads(t, []byte(first.body)), loads(t, []byte(second.body)); second.name() == "hand-off" || !slices.Equal(before, after) {
			t.Errorf("%s loads %v, and the page in its place, %s, %v", path, before, second.name(), after)
		}
	}
}
