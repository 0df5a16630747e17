package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tcb-login/authclient"
	"tcb-login/config"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/limit"
	"tcb-login/session"
)

// failingDeny is a deny list that takes nothing while its store is away.
type failingDeny struct {
	session.DenyList
	away atomic.Bool
}

func (d *failingDeny) Add(ctx context.Context, key string, ttl time.Duration) error {
	if d.away.Load() {
		return errors.New("store is away")
	}
	return d.DenyList.Add(ctx, key, ttl)
}

// portalPages are all pages of the portal that GET opens, by their names.
var portalPages = map[string]string{
	"/account": "account", "/account/profile": "account-profile", "/account/phone": "step-up-password", "/account/email": "step-up-password",
	"/account/username": "step-up-password",
	"/account/password": "step-up-password", "/account/providers": "account-providers", "/account/sessions": "account-sessions",
	"/account/history": "account-history", "/account/delete": "step-up-password", "/account/verify": "step-up-password",
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

// portalRoutes are the pages of the portal, by the names that next= may have.
var portalRoutes = map[string]struct {
	path   string
	stepUp bool // the page wants one before
}{
	"account":           {path: "/account"},
	"account-profile":   {path: "/account/profile"},
	"account-username":  {path: "/account/username", stepUp: true},
	"account-phone":     {path: "/account/phone", stepUp: true},
	"account-email":     {path: "/account/email", stepUp: true},
	"account-password":  {path: "/account/password", stepUp: true},
	"account-providers": {path: "/account/providers"}, // its changes ask for a step-up themselves
	"account-sessions":  {path: "/account/sessions"},
	"account-history":   {path: "/account/history"},
	"account-delete":    {path: "/account/delete", stepUp: true},
}

func TestPortalWithoutLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for path := range portalPages {
		b := s.browser()
		p := b.open(path).want(http.StatusOK, "hand-off")
		var guard struct {
			Here   string
			SignIn string `json:"sign_in"`
			Sub    string
		}
		p.script("guard", &guard)
		if guard.Sub != "" || !strings.HasPrefix(guard.Here, s.base+path+"?") {
			t.Errorf("%s: %+v", path, guard)
		}
		if u, err := url.Parse(guard.SignIn); err != nil || portalRoutes[u.Query().Get("next")].path == "" || guard.SignIn != strings.TrimPrefix(p.link("sign-in"), publicOrigin) {
			t.Errorf("%s: signing in is at %s", path, guard.SignIn)
		}
		// Signing in leads to the page that was asked for.
		done := b.submit(b.click(p, "sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		want := path
		if path == entry.PathVerify {
			want = "/account"
		}
		if u, err := url.Parse(done.RedirectURI); err != nil || u.Host != "login.example.net" || u.Path != s.base+want || u.Query().Get("next") != "" {
			t.Errorf("%s: signing in leads to %s", path, done.RedirectURI)
		}
	}
	if got := s.backend.count("/v1/user/me"); got != len(portalPages) {
		t.Errorf("%d calls of user/me, want those of the sign-ins", got)
	}
}

// TestNext: the way into the portal survives everything that can happen at sign-in.
func TestNext(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	p := b.open("/", "next=account-password").want(http.StatusOK, "sign-in")
	p = b.submit(p, fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in")
	p = b.press(p, "lang=zh-CN", nil).want(http.StatusOK, "sign-in")
	p = b.click(p, "sign-in-email").want(http.StatusOK, "sign-in-email")
	p = b.submit(p, fields{"email": demoEmail}).want(http.StatusOK, "sign-in-email-code")
	p = b.submit(p, fields{"verification_code": "000000"}).want(http.StatusUnprocessableEntity, "sign-in-email-code")
	done := b.submit(p, fields{"verification_code": s.backend.code(demoEmail)}).completed()
	if !strings.HasPrefix(done.RedirectURI, publicOrigin+"/__auth/account/password?") {
		t.Errorf("signing in leads to %s", done.RedirectURI)
	}
	// What names no page of ours is the app's own: it is carried along and leads nowhere.
	for _, query := range []string{"next=", "next=%2Fdashboard", "next=verify", "next=/account", "next=account/profile"} {
		own := s.browser()
		p := own.open("/sign-in", query).want(http.StatusOK, "sign-in")
		if !strings.Contains(p.action(), query) {
			t.Errorf("%s is lost: %s", query, p.action())
		}
		if done := own.submit(p, fields{"username": "demo", "password": demoPassword}).completed(); done.RedirectURI != appPage {
			t.Errorf("%s leads to %s", query, done.RedirectURI)
		}
	}
}

func TestPortalPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, login := s.signedIn(t)
	for path, name := range portalPages {
		p := b.open(path).want(http.StatusOK, name)
		if p.link("sign-out") == "" {
			t.Errorf("%s: no way to sign out", path)
		}
		var guard struct {
			Sub      string
			UserInfo struct{ Sub string } `json:"user_info"`
		}
		if p.script("guard", &guard); guard.Sub != login.Credentials.Sub || guard.UserInfo.Sub != guard.Sub {
			t.Errorf("%s: the page is of %+v", path, guard)
		}
		if _, guarded := attribute(p.find(byTag("html")), "data-guard"); !guarded {
			t.Errorf("%s: it can be seen before script has looked who is here", path)
		}
		for _, broken := range []struct {
			code   string
			status int
			page   string
		}{{"unavailable", 503, "error"}, {"internal", 502, "error"}} {
			s.backend.refuse("/v1/user/me", broken.status, broken.code)
			if p := b.open(path).want(broken.status, broken.page); !strings.HasPrefix(p.link("retry"), publicOrigin+s.base+path+"?") {
				t.Errorf("%s, %s: trying again leads to %q", path, broken.code, p.link("retry"))
			}
		}
		s.backend.answer("", nil)
		other := b.copy()
		s.backend.refuse("/v1/user/me", http.StatusUnauthorized, "unauthenticated")
		p = other.open(path).want(http.StatusOK, "hand-off")
		s.backend.answer("", nil)
		if !slices.ContainsFunc((&http.Response{Header: p.header}).Cookies(), func(c *http.Cookie) bool {
			return accessCookie.MatchString(c.Name) && c.MaxAge < 0
		}) {
			t.Errorf("%s: the login that TCB has ended stays in its cookie", path)
		}
	}
	b.open("/account", "lang=zh-CN").want(http.StatusOK, "account")
	s.clock.advance(3 * time.Hour) // longer than an access token
	b.open("/account").want(http.StatusOK, "hand-off")
}

// TestPortalCrossSite: no other site's form changes anything.
func TestPortalCrossSite(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	calls := s.backend.count("")
	for path := range portalPages {
		if path == "/account" || path == "/account/history" {
			continue
		}
		for _, header := range []http.Header{
			{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
			{"Sec-Fetch-Site": nil, "Origin": {"https://evil.example"}},
		} {
			p := b.do(http.MethodPost, s.base+path+"?"+entryQuery(appPage), url.Values{"new_password": {"Quiet-river-1"}, "confirm": {"delete"}, "action": {"everywhere"}}, header)
			p.want(http.StatusForbidden, "error", "error.page.cross_site")
		}
	}
	if got := s.backend.count(""); got != calls {
		t.Errorf("TCB was called %d times", got-calls)
	}
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
			if status != http.StatusServiceUnavailable || out.Error != "unavailable" || out.Sub != "" {
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

func accessCookieOf(b *browser) (*http.Cookie, bool) {
	for _, c := range b.cookies() {
		if strings.Contains(c.Name, "tcb_login_at_") {
			return c, true
		}
	}
	return nil, false
}

func TestProfile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	p := b.open("/account/profile").want(http.StatusOK, "account-profile").wantValue(fields{"name": "Demo", "gender": ""})
	if _, asked := p.controls()["username"]; asked || p.link("account-username") == "" || !strings.Contains(p.text(), "demo") {
		t.Errorf("the username is asked for here: %v; it leads to %q", asked, p.link("account-username"))
	}
	tests := []struct {
		name  string
		typed fields
		field string
		key   string
	}{
		{"long name", fields{"name": strings.Repeat("名", 65)}, "name", "error.too_long"},
		{"no picture", fields{"picture": "javascript:alert(1)"}, "picture", "error.picture"},
		{"gender", fields{"gender": "X"}, "gender", "error.choice"},
		{"born tomorrow", fields{"birthdate": "2026-12-24"}, "birthdate", "error.birthdate"},
		{"no date", fields{"birthdate": "1990-02-30"}, "birthdate", "error.birthdate"},
		{"locale", fields{"locale": "../x"}, "locale", "error.choice"},
		{"zone", fields{"zoneinfo": "../etc"}, "zoneinfo", "error.zoneinfo"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := b.on(t, s)
			got := b.submit(p, tt.typed).want(http.StatusUnprocessableEntity, "account-profile", tt.key)
			if got.fieldKey(tt.field) != tt.key {
				t.Errorf("field %s says %q", tt.field, got.fieldKey(tt.field))
			}
			if tt.field != "gender" { // it is not in the list
				got.wantValue(tt.typed)
			}
		})
	}
	typed := fields{
		"name": "演示", "picture": "https://cdn.example.com/a.png", "gender": "FEMALE",
		"birthdate": "1990-02-03", "locale": "zh-CN", "zoneinfo": "Asia/Shanghai",
	}
	p = b.press(p, "lang=zh-CN", typed).want(http.StatusOK, "account-profile").wantValue(typed)
	b.submit(p, nil).want(http.StatusOK, "account", "account.done.profile")
	b.open("/account/profile").wantValue(typed)
	// A field that the page has not is none of its form's.
	form := b.open("/account/profile").filled(fields{"name": "演示 2"})
	form.Set("username", "slipped.in")
	b.do(http.MethodPost, s.base+"/account/profile?"+entryQuery(appPage), form, nil)
	patch := last(s.backend.callsTo("/v1/user/profile"))
	if !strings.Contains(patch.body, "演示 2") || strings.Contains(patch.body, "username") || strings.Contains(patch.body, "email") || strings.Contains(patch.body, "phone") {
		t.Errorf("the update holds %s", patch.body)
	}
	calls := s.backend.count("/v1/user/profile")
	b.submit(b.open("/account/profile"), nil).want(http.StatusOK, "account", "account.done.profile")
	if s.backend.count("/v1/user/profile") != calls {
		t.Error("nothing was changed, and TCB was called")
	}
	for code, status := range map[string]int{"unavailable": 503, "internal": 502, "resource_exhausted": 429, "invalid_argument": 422} {
		s.backend.refuse("/v1/user/profile", max(status, 400), code)
		b.submit(b.open("/account/profile"), fields{"name": "Other"}).want(status, "account-profile").wantValue(fields{"name": "Other"})
	}
	s.backend.refuse("/v1/user/profile", http.StatusUnauthorized, "unauthenticated")
	b.submit(b.open("/account/profile"), fields{"name": "Other"}).want(http.StatusOK, "hand-off")
}

// TestUsername: a name to sign in with is changed by who has just proven to be
// there, and never by another page's form.
func TestUsername(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.otherPerson()
	b, _ := s.signedIn(t)
	row := b.open("/account").want(http.StatusOK, "account")
	p := b.click(row, "account-username").want(http.StatusOK, "step-up-password")
	if _, asked := p.controls()["username"]; asked {
		t.Error("the form comes before the step-up")
	}
	// A form posted without the step-up changes nothing.
	form := p.filled(nil)
	form.Set("form", "account-username")
	form.Set("username", "demo.2")
	b.follow(b.do(http.MethodPost, s.base+"/account/username?"+entryQuery(appPage), form, nil)).want(http.StatusOK, "step-up-password")
	if got := s.backend.count("/v1/user/profile"); got != 0 {
		t.Fatalf("TCB was called %d times", got)
	}
	p = b.submit(p, fields{"password": demoPassword}).want(http.StatusOK, "account-username").wantValue(fields{"username": "demo"})
	if field := p.byID("username"); attr(field, "autocomplete") != "username" {
		t.Errorf("autocomplete is %q", attr(field, "autocomplete"))
	}
	for name, key := range map[string]string{
		"": "error.required.new_username", "demo": "account.username.same", "12345": "error.username_form", "..": "error.username_form",
		"a@example.com": "error.username_form", "演示者": "error.username_form", strings.Repeat("x", 49): "error.username_form",
		"+8613800000000": "error.username_form", "hanmeimei": "error.username_taken",
	} {
		got := b.submit(p, fields{"username": name}).want(http.StatusUnprocessableEntity, "account-username", key).wantValue(fields{"username": name})
		if got.fieldKey("username") != key {
			t.Errorf("%q: the field says %q", name, got.fieldKey("username"))
		}
	}
	p = b.press(p, "lang=zh-CN", fields{"username": "demo.2"}).want(http.StatusOK, "account-username").wantValue(fields{"username": "demo.2"})
	s.backend.captcha("always")
	p = b.submit(p, nil)
	s.backend.captcha("never")
	if p.picture() != "" {
		p.wantValue(fields{"username": "demo.2"})
		p = b.submit(p, fields{"captcha_key": s.backend.key()})
	}
	p.want(http.StatusOK, "account", "account.done.username")
	if patch := last(s.backend.callsTo("/v1/user/profile")); patch.body != `{"username":"demo.2"}` {
		t.Errorf("the update holds %s", patch.body)
	}
	for code, status := range map[string]int{"unavailable": 503, "internal": 502, "resource_exhausted": 429, "invalid_argument": 422, "permission_denied": 422} {
		s.backend.refuse("/v1/user/profile", max(status, 400), code)
		b.submit(b.open("/account/username"), fields{"username": "demo.3"}).want(status, "account-username").wantValue(fields{"username": "demo.3"})
	}
	s.backend.refuse("/v1/user/profile", http.StatusUnauthorized, "unauthenticated")
	b.submit(b.open("/account/username"), fields{"username": "demo.3"}).want(http.StatusOK, "hand-off")
	s.backend.answer("", nil)
	other := s.browser()
	done := other.submit(other.open("/sign-in", "next=account-username"), fields{"username": "demo.2", "password": demoPassword}).completed()
	if !strings.HasPrefix(done.RedirectURI, publicOrigin+"/__auth/account/username?") {
		t.Errorf("next=account-username leads to %s", done.RedirectURI)
	}
}

// TestUsernameLimit: whether a name is taken is as limited to learn as at
// sign-up; a name that is free costs nothing.
func TestUsernameLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.register("mei@example.com", "hanmeimei", "Quiet-river-7")
	b, _ := s.signedIn(t)
	b.stepUp("/account/username", demoPassword).want(http.StatusOK, "account-username")
	rename := func(name string) *page {
		t.Helper()
		return b.submit(b.open("/account/username"), fields{"username": name})
	}
	for i := range limits.RuleUsername.Burst + 5 {
		rename(fmt.Sprintf("free.%d", i)).want(http.StatusOK, "account", "account.done.username")
	}
	for range limits.RuleUsername.Burst {
		rename("hanmeimei").want(http.StatusUnprocessableEntity, "account-username", "error.username_taken")
	}
	asked := s.backend.count("/v1/user/profile")
	rename("hanmeimei").want(http.StatusTooManyRequests, "account-username", "error.too_many_wait").wantRetryAfter("120").wantValue(fields{"username": "hanmeimei"})
	if s.backend.count("/v1/user/profile") != asked {
		t.Error("what the limit refuses still reaches TCB")
	}
	b.submit(b.open("/account/profile"), fields{"name": "Other"}).want(http.StatusOK, "account", "account.done.profile") // all else goes on
	s.clock.advance(2 * time.Minute)
	rename("free.again").want(http.StatusOK, "account", "account.done.username")
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

func TestContact(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.register("taken@example.com", "taken", "Quiet-river-7")
	b, _ := s.signedIn(t)
	b.stepUp("/account/email", demoPassword)
	p := b.open("/account/email").want(http.StatusOK, "account-email")
	b.submit(p, fields{"email": demoEmail}).want(http.StatusUnprocessableEntity, "account-email", "account.email.same")
	b.submit(p, fields{"email": "x"}).want(http.StatusUnprocessableEntity, "account-email", "error.email")
	p = b.submit(p, fields{"email": "new@example.com"}).want(http.StatusOK, "account-email-code")
	p = b.press(p, "lang=zh-CN", nil).want(http.StatusOK, "account-email-code")
	b.submit(p, fields{"verification_code": s.backend.code("new@example.com")}).want(http.StatusOK, "account", "account.done.email")
	if got := s.backend.user("demo").Email; got != "new@example.com" {
		t.Errorf("the address is %s", got)
	}
	p = b.open("/account/phone").want(http.StatusOK, "account-phone")
	p = b.submit(p, fields{"phone_country": "CN", "phone_number": "13900139000"}).want(http.StatusOK, "account-phone-code")
	b.submit(p, fields{"verification_code": s.backend.code(newPhone)}).want(http.StatusOK, "account", "account.done.phone")

	// Another account has it: nothing happens that was not chosen.
	conflict := func() *page {
		t.Helper()
		s.clock.advance(61 * time.Second)
		p := b.submit(b.open("/account/email"), fields{"email": "taken@example.com"}).want(http.StatusOK, "account-email-code")
		return b.submit(p, fields{"verification_code": s.backend.code("taken@example.com")}).want(http.StatusOK, "account-email-conflict")
	}
	p = conflict()
	calls := s.backend.count("/v1/user/contact")
	p = b.submit(p, fields{"conflict_resolution": ""}).want(http.StatusUnprocessableEntity, "account-email-conflict", "account.conflict.none")
	b.submit(p, fields{"conflict_resolution": "DEFAULT"}).want(http.StatusOK, "account")
	if s.backend.count("/v1/user/contact") != calls {
		t.Error("leaving everything as it is has called TCB")
	}
	b.submit(conflict(), fields{"conflict_resolution": "TRANSFER"}).want(http.StatusOK, "account", "account.done.email")
	if mine, other := s.backend.user("demo"), s.backend.users("taken"); mine.Email != "taken@example.com" || len(other) != 1 || other[0].Email != "" {
		t.Errorf("%+v and %+v", mine, other)
	}

	// In another region there are no text messages.
	north := newSite(t, func(c *siteConfig) {
		c.backend = s.backend
		c.settings.Environments[0].Region = "ap-guangzhou"
		c.clock = s.clock
	})
	b, _ = north.signedIn(t)
	b.open("/account/phone").want(http.StatusNotFound, "error", "error.disabled")
}

// TestSudoGone: TCB is who decides whether a sudo_token still serves.
func TestSudoGone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	p := b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	s.backend.refuse("/v1/user/password", http.StatusForbidden, "permission_denied")
	b.submit(p, fields{"new_password": "Quiet-river-7"}).want(http.StatusOK, "step-up-password")
}

func TestPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, login := s.signedIn(t)
	elsewhere, _ := s.signedIn(t)
	p := b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	for typed, key := range map[string]string{
		"": "error.required.new_password", "short": "error.password_weak", "Password1!": "error.password_common", "P@ssw0rd123!": "error.password_common",
		"Woaini1314!": "error.password_common", "My-demo-pass-1": "error.password_personal",
	} {
		if got := b.submit(p, fields{"new_password": typed}).want(http.StatusUnprocessableEntity, "account-password", key); got.fieldKey("new_password") != key {
			t.Errorf("%q: %q", typed, got.fieldKey("new_password"))
		}
	}
	b.submit(p, fields{"new_password": "Quiet-river-7"}).want(http.StatusOK, "account", "account.done.password")
	elsewhere.open("/account").want(http.StatusOK, "hand-off")
	b.open("/account").want(http.StatusOK, "account")

	// Should TCB end this login as well, the new password begins another.
	p = b.open("/account/password").want(http.StatusOK, "account-password")
	s.backend.answer("/v1/user/password", func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		s.backend.em.ServeHTTP(rec, r)
		out := httptest.NewRequest(http.MethodDelete, "/auth/v1/user/revoke/all", nil)
		out.Header.Set("Authorization", r.Header.Get("Authorization"))
		s.backend.em.ServeHTTP(httptest.NewRecorder(), out)
		fmt.Fprint(w, rec.Body)
	})
	done := b.submit(p, fields{"new_password": "Quiet-river-8"}).completed()
	s.backend.answer("", nil)
	if done.Credentials.Sub != login.Credentials.Sub || !strings.HasPrefix(done.RedirectURI, publicOrigin+s.base+"/account?") {
		t.Errorf("signed in as %s, leading to %s", done.Credentials.Sub, done.RedirectURI)
	}
	b.open("/account").want(http.StatusOK, "account")
}

// TestPasswordThenSignIn: where TCB ends the login and has no other for the new password just then, the
// person signs in with it, and is in the portal again.
func TestPasswordThenSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	p := b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	s.backend.answer("/v1/user/password", func(w http.ResponseWriter, r *http.Request) {
		s.backend.em.ServeHTTP(w, r)
		out := httptest.NewRequest(http.MethodDelete, "/auth/v1/user/revoke/all", nil)
		out.Header.Set("Authorization", r.Header.Get("Authorization"))
		s.backend.em.ServeHTTP(httptest.NewRecorder(), out)
		s.backend.refuse("/v1/signin", http.StatusServiceUnavailable, "unavailable")
	})
	p = b.submit(p, fields{"new_password": "Quiet-river-8"}).want(http.StatusOK, "sign-in", "reset.done")
	s.backend.answer("", nil)
	done := b.submit(p, fields{"password": "Quiet-river-8"}).completed()
	if !strings.HasPrefix(done.RedirectURI, publicOrigin+s.base+"/account?") {
		t.Errorf("it leads to %s", done.RedirectURI)
	}
}

// TestPortalRoutes: the tests' own list of the portal's pages, and of those that want a step-up, is the
// whole of them.
func TestPortalRoutes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	stepUp := map[string]bool{}
	for _, route := range portalRoutes {
		stepUp[route.path] = route.stepUp
	}
	rooms, err := newRooms(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	var pages int
	for _, row := range rooms.table() {
		if !row.Portal || row.Path == entry.PathVerify {
			continue
		}
		pages++
		want, listed := stepUp[row.Path]
		if !listed {
			t.Errorf("portalRoutes has not %s", row.Path)
		}
		got := b.do(http.MethodGet, s.base+row.Path+"?"+entryQuery(appPage), nil, nil)
		if asks := strings.Contains(got.header.Get("Location"), s.base+entry.PathVerify+"?"); asks != want {
			t.Errorf("%s: it asks for a step-up: %v", row.Path, asks)
		}
	}
	if pages != len(portalRoutes) {
		t.Errorf("%d pages, and %d in portalRoutes", pages, len(portalRoutes))
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) { c.settings.Environments[0].TCBSeesClientAddress = true })
	sign := func(address, agent, device string) *browser {
		b := s.browser().at(address)
		b.header.Set("User-Agent", agent)
		p := b.open("/sign-in")
		values := p.filled(fields{"username": "demo", "password": demoPassword})
		values.Set("device_id", device)
		b.do(http.MethodPost, p.action(), values, nil).completed()
		s.secret("device_id", device)
		s.clock.advance(time.Minute)
		return b
	}
	phone := sign("192.0.2.1", "Mozilla/5.0 (iPhone; CPU) AppleWebKit Safari/604.1", strings.Repeat("a", 32))
	other := sign("192.0.2.2", "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0", strings.Repeat("b", 32))
	b := sign("192.0.2.3", "Mozilla/5.0 (X11; Linux) Chrome/140.0 Safari/537", strings.Repeat("c", 32))
	p := b.open("/account/sessions").want(http.StatusOK, "account-sessions")
	for _, want := range []string{"Safari · iPhone", "192.0.2.1", "Firefox · Windows", "23 Nov 2026, 08:01 UTC"} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("the page lacks %q: %s", want, p.text())
		}
	}
	for _, id := range []string{"a", "b"} {
		if strings.Contains(p.body, strings.Repeat(id, 32)) {
			t.Error("the page shows another device's device_id")
		}
	}
	buttons := p.all(func(n *htmlNode) bool { return n.Data == "button" && strings.HasPrefix(attr(n, "value"), "end:") })
	if len(buttons) != 2 {
		t.Fatalf("%d devices can be ended, want 2", len(buttons))
	}
	b.press(p, "action="+attr(buttons[1], "value"), nil).want(http.StatusOK, "account-sessions", "account.done.ended")
	phone.open("/account").want(http.StatusOK, "hand-off")
	other.open("/account").want(http.StatusOK, "account")
	b.press(b.open("/account/sessions"), "action=others", nil).want(http.StatusOK, "account-sessions", "account.done.others")
	other.open("/account").want(http.StatusOK, "hand-off")
	b.open("/account").want(http.StatusOK, "account")
	stolen := p.filled(nil)
	stolen.Set("action", "end:"+strings.Repeat("x", 40))
	b.do(http.MethodPost, p.action(), stolen, nil).want(http.StatusUnprocessableEntity, "account-sessions", "error.stale")
	var where departure
	b.press(b.open("/account/sessions"), "action=everywhere", nil).want(http.StatusOK, "interstitial").script("departure", &where)
	if !slices.Contains(where.Forget, "credentials_demo") {
		t.Errorf("%+v", where)
	}
	b.open("/account").want(http.StatusOK, "hand-off")
	if err := settings.Demo().Environments[0].TCBSeesClientAddress; !err {
		t.Error("the demo hides addresses")
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	b.open("/account/history").want(http.StatusOK, "account-history")
	b.stepUp("/account/username", demoPassword).want(http.StatusOK, "account-username")
	for i := range 25 {
		b.submit(b.open("/account/username"), fields{"username": fmt.Sprintf("demo.%d", i)}).want(http.StatusOK, "account")
	}
	p := b.open("/account/history").want(http.StatusOK, "account-history")
	events := func(p *page) int {
		return len(p.all(func(n *htmlNode) bool { return attr(n, "data-event") == "account.event.username" }))
	}
	if events(p) != 20 || p.link("first") != "" || strings.Contains(p.text(), "127.0.0.1") {
		t.Errorf("%d events: %s", events(p), p.text())
	}
	p = b.click(p, "more").want(http.StatusOK, "account-history")
	if events(p) != 5 || p.link("more") != "" || p.link("first") == "" {
		t.Errorf("%d events on the second page", events(p))
	}
	b.open("/account/history", "page_token=nonsense").want(http.StatusOK, "account-history")
}

func TestDelete(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	p := b.stepUp("/account/delete", demoPassword).want(http.StatusOK, "account-delete")
	p = b.submit(p, fields{"confirm": ""}).want(http.StatusUnprocessableEntity, "account-delete", "error.required.confirm")
	p = b.submit(p, fields{"confirm": "yes"}).want(http.StatusUnprocessableEntity, "account-delete", "account.delete.mistyped").wantValue(fields{"confirm": "yes"})
	s.backend.refuse("/v1/user/me", http.StatusServiceUnavailable, "unavailable")
	b.submit(p, fields{"confirm": "delete"}).want(http.StatusServiceUnavailable, "error")
	s.backend.answer("", nil)
	p = b.submit(p, fields{"confirm": "Delete"}).want(http.StatusOK, "goodbye")
	var where departure
	if p.script("departure", &where); where.To != "" || !slices.Equal(where.Forget, []string{"credentials_demo", "user_info_demo"}) {
		t.Errorf("%+v", where)
	}
	if p.link("app") != appPage {
		t.Errorf("the way back is %q", p.link("app"))
	}
	if len(s.backend.users("demo")) != 0 {
		t.Error("the account is still there")
	}
	b.open("/account").want(http.StatusOK, "hand-off")
}

func TestAnonymousPortal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	client, err := authclient.New(authclient.Config{Env: "demo", Endpoint: s.backend.srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	guest, err := client.SignInAnonymously(t.Context(), authclient.WithDeviceID(strings.Repeat("d", 32)))
	if err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	if status, out := b.handOver(b.open("/account"), map[string]string{"access_token": guest.AccessToken}, nil); status != http.StatusOK {
		t.Fatalf("%d %+v", status, out)
	}
	for path := range portalPages {
		b.open(path).want(http.StatusOK, "account-anonymous")
	}
	p := b.click(b.open("/account"), "sign-up").want(http.StatusOK, "sign-up")
	p = b.submit(p, fields{"phone_country": "CN", "phone_number": "13900139000"}).want(http.StatusOK, "sign-up-code")
	p = b.submit(p, fields{"verification_code": s.backend.code(newPhone)}).want(http.StatusOK, "sign-up-details")
	done := b.submit(p, fields{"username": "guest.no.more"}).completed()
	if done.Credentials.Sub != guest.Sub {
		t.Errorf("the account is %s, it was %s", done.Credentials.Sub, guest.Sub)
	}
	b.get(done.RedirectURI).want(http.StatusOK, "account")
}

// signInTo is a login of the seeded user's to one of the clients, in a browser of its own.
func (s *site) signInTo(t *testing.T, client string) completion {
	t.Helper()
	b := s.browser()
	b.t = t
	p := b.get(s.base + "/sign-in?" + strings.Replace(entryQuery(appPage), "client_id=demo", "client_id="+client, 1))
	return b.submit(p, fields{"username": "demo", "password": demoPassword}).completed()
}

// over reports whether TCB takes neither of a login's tokens any more.
func (s *site) over(t *testing.T, client string, login completion) bool {
	t.Helper()
	auth, err := authclient.New(authclient.Config{Env: "demo", ClientID: client, Endpoint: s.backend.srv.URL, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	_, access := auth.AsUser(login.Credentials.AccessToken).GetUserInfo(t.Context())
	_, refresh := auth.RefreshToken(t.Context(), login.Credentials.RefreshToken)
	return errors.Is(access, authclient.ErrUnauthenticated) && errors.Is(refresh, authclient.ErrInvalidGrant)
}

// TestSignOutOfTwoLogins: our pages may have another login than the app, or none.
// One press ends the one as well as the other; what is no login of this client's
// is left alone, and nothing keeps anybody in.
func TestSignOutOfTwoLogins(t *testing.T) {
	t.Parallel()
	const ended, lives = true, false
	tests := []struct {
		name    string
		client  string // of the posted login
		wait    time.Duration
		bare    bool // the browser has no access cookie
		posted  func(login completion) fields
		own     bool
		apps    bool
		revoked bool // what the page says without script
	}{
		{"another login", "demo", 0, false, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken}
		}, ended, ended, true},
		{"our pages have none", "demo", 0, true, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken}
		}, lives, ended, true},
		{"one that has run out", "demo", 3 * time.Hour, true, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken, "refresh_token": l.Credentials.RefreshToken}
		}, lives, ended, true},
		{"nothing", "demo", 0, false, func(completion) fields { return nil }, ended, lives, true},
		{"another client's", "second", 0, false, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken}
		}, ended, lives, false},
		{"another client's, with its refresh token", "second", 0, false, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken, "refresh_token": l.Credentials.RefreshToken}
		}, ended, lives, false},
		{"an access token without meaning", "demo", 0, false, func(l completion) fields {
			return fields{"access_token": "a.b.c", "refresh_token": l.Credentials.RefreshToken}
		}, ended, lives, false},
		{"no token at all", "demo", 0, false, func(l completion) fields {
			return fields{"access_token": "", "refresh_token": l.Credentials.RefreshToken}
		}, ended, lives, true},
		{"bytes that are no text", "demo", 0, false, func(completion) fields {
			return fields{"access_token": "\xff\xfe"}
		}, ended, lives, true},
		{"a token that is too long", "demo", 0, false, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken + strings.Repeat("A", 4096)}
		}, ended, lives, true},
		{"a refresh token that is none", "demo", 0, false, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken, "refresh_token": "none"}
		}, ended, ended, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			app := s.signInTo(t, tt.client)
			s.clock.advance(tt.wait)
			b, ours := s.signedIn(t)
			if tt.bare {
				b.forget()
			}
			before, refreshed := s.backend.count(""), s.backend.count("/v1/token")
			ask := b.open("/sign-out").want(http.StatusOK, "sign-out")
			values := ask.filled(nil)
			for name, value := range tt.posted(app) {
				values.Set(name, value)
			}
			p := b.do(http.MethodPost, ask.action(), values, nil).want(http.StatusOK, "interstitial")
			for _, call := range s.backend.callsTo("")[before:] {
				sent := call.body + call.header.Get("Authorization")
				if tt.apps == lives && (strings.Contains(sent, app.Credentials.AccessToken) || strings.Contains(sent, app.Credentials.RefreshToken)) {
					t.Errorf("%s has got a token that is not our client's", call.path)
				}
			}
			if tt.wait > 0 && s.backend.count("/v1/token") == refreshed {
				t.Error("what has run out was not refreshed first")
			}
			if said := strings.Contains(p.body, "Your login has been ended."); said != tt.revoked {
				t.Errorf("the page says that all is void: %v, want %v", said, tt.revoked)
			}
			for _, token := range []string{app.Credentials.AccessToken, app.Credentials.RefreshToken} {
				if strings.Contains(p.body, token) {
					t.Error("the page holds a token")
				}
			}
			if got := s.over(t, "demo", ours); got != tt.own {
				t.Errorf("our login has ended: %v, want %v", got, tt.own)
			}
			if got := s.over(t, tt.client, app); got != tt.apps {
				t.Errorf("the app's login has ended: %v, want %v", got, tt.apps)
			}
			b.open("/account").want(http.StatusOK, "hand-off")
		})
	}
}

// TestSignOutWithoutTCB: a TCB that does not answer keeps nobody in. It is asked to
// end both logins at once, and the page says that a copy may still be good.
func TestSignOutWithoutTCB(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.signInTo(t, "demo")
	b, ours := s.signedIn(t)
	hurried := s.twin(100 * time.Millisecond)
	b = b.on(t, hurried)
	gone := make(chan struct{})
	defer close(gone)
	s.backend.answer("/v1/user/signout", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-gone:
		}
	})
	defer s.backend.answer("", nil)
	ask := b.open("/sign-out").want(http.StatusOK, "sign-out")
	values := ask.filled(nil)
	values.Set("access_token", app.Credentials.AccessToken)
	p := b.do(http.MethodPost, ask.action(), values, nil).want(http.StatusOK, "interstitial")
	if strings.Contains(p.body, "Your login has been ended.") {
		t.Error("the page says that the login has ended")
	}
	var asked []string
	for _, call := range s.backend.callsTo("/v1/user/signout") {
		asked = append(asked, strings.TrimPrefix(call.header.Get("Authorization"), "Bearer "))
	}
	for whose, login := range map[string]completion{"ours": ours, "the app's": app} {
		if !slices.Contains(asked, login.Credentials.AccessToken) {
			t.Errorf("TCB was not asked to end %s", whose)
		}
	}
	if _, ok := accessCookieOf(b); ok {
		t.Error("the login is left in the browser")
	}
}

// TestTypedFormsNeedStepUp: the addresses that show any form again (language, a new
// picture, a stale token, a provider's button) show none whose own address wants a
// step-up before it.
func TestTypedFormsNeedStepUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	s.otherPerson()
	b, _ := s.signedIn(t)
	b.stepUp("/account/email", demoPassword).want(http.StatusOK, "account-email")
	code := b.submit(b.open("/account/email"), fields{"email": "mei@example.com"}).want(http.StatusOK, "account-email-code")
	conflict := b.submit(code, fields{"verification_code": s.backend.code("mei@example.com")}).want(http.StatusOK, "account-email-conflict")
	phone := b.submit(b.open("/account/phone"), fields{"phone_country": "CN", "phone_number": "13900139000"}).want(http.StatusOK, "account-phone-code")
	bind := b.comesBack(b.pressOnly(b.open("/account/providers"), "action=link:demo", nil), "p-1", "").want(http.StatusOK, "account-bind")
	pages := map[string]*page{
		"/account/username": b.open("/account/username"), "/account/phone": b.open("/account/phone"), "/account/email": b.open("/account/email"),
		"/account/password": b.open("/account/password"), "/account/delete": b.open("/account/delete"),
		"the code of an e-mail address": code, "the code of a phone number": phone, "a conflict": conflict, "a link": bind,
	}
	needs := map[string]bool{}
	for name, route := range portalRoutes {
		needs[route.path] = route.stepUp
		if _, have := pages[route.path]; route.stepUp && !have {
			t.Errorf("%s is not tried", name)
		}
	}
	ways := func(p *page) map[string]*page {
		t.Helper()
		typed := p.filled(nil)
		for name := range p.controls() {
			if name == "confirm" || name == "username" || name == "new_password" {
				typed.Set(name, "Half-typed-1")
			}
		}
		post := func(path string, change func(url.Values), header http.Header) *page {
			form := url.Values{}
			for k, v := range typed {
				form[k] = slices.Clone(v)
			}
			change(form)
			_, query, _ := strings.Cut(p.action(), "?")
			return b.do(http.MethodPost, s.base+path+"?"+query, form, header)
		}
		nothing := http.Header{"Origin": nil, "Sec-Fetch-Site": nil}
		stale := func(form url.Values) { form.Set("csrf_token", "x") }
		return map[string]*page{
			"another language":         post("/language", func(form url.Values) { form.Set("lang", "zh-CN") }, nil),
			"no such language":         post("/language", func(form url.Values) { form.Set("lang", "xx") }, nil),
			"another picture":          post("/captcha", func(form url.Values) { form.Set("action", "captcha") }, nil),
			"a provider":               post("/provider/demo", func(url.Values) {}, nil),
			"a stale token":            post(strings.TrimPrefix(p.url.Path, s.base), stale, nothing),
			"a stale token, languages": post("/language", stale, nothing),
		}
	}
	// With the step-up they do show it: nothing is lost.
	for name, p := range pages {
		if got := ways(p)["no such language"]; got.name() != p.name() || got.status != http.StatusOK {
			t.Errorf("%s: with a step-up the switch shows %q with %d", name, got.name(), got.status)
		}
	}
	s.clock.advance(sudoLife)
	binds, profiles, sent := s.backend.count("/v1/user/provider/bind"), s.backend.count("/v1/user/profile"), s.backend.count("/v1/verification")
	for name, p := range pages {
		for way, got := range ways(p) {
			to := got.header.Get("Location")
			if got.status != http.StatusSeeOther || !strings.Contains(to, s.base+entry.PathVerify+"?") || got.body != "" {
				t.Errorf("%s by %s: %d to %q with %q", name, way, got.status, to, got.name())
				continue
			}
			ask := b.follow(got).want(http.StatusOK, "step-up-password")
			if way == "another language" && ask.lang() != "zh-CN" {
				t.Errorf("%s: the step-up is in %s", name, ask.lang())
			}
			if u, err := url.Parse(ask.action()); err != nil || !needs[portalRoutes[u.Query().Get("next")].path] && p != bind {
				t.Errorf("%s by %s: the step-up leads to %s", name, way, ask.action())
			}
			b.press(ask, otherLanguage(ask), nil).want(http.StatusOK, "step-up-password")
		}
	}
	if s.backend.count("/v1/user/provider/bind") != binds || s.backend.count("/v1/user/profile") != profiles || s.backend.count("/v1/verification") != sent {
		t.Error("something was done")
	}
	// A page that wants none loses nothing, with or without one.
	p := b.open("/account/profile")
	b.press(p, otherLanguage(p), fields{"name": "Half typed"}).want(http.StatusOK, "account-profile").wantValue(fields{"name": "Half typed"})
	// After the step-up the identity still waits.
	ask := b.press(bind, otherLanguage(bind), nil).want(http.StatusOK, "step-up-password")
	b.submit(ask, fields{"password": demoPassword}).want(http.StatusOK, "account-bind")
}

// otherLanguage is a button of the language switch.
func otherLanguage(p *page) string {
	if p.lang() == "en" {
		return "lang=zh-CN"
	}
	return "lang=en"
}

// TestTypedFormsOfNobody: nor do those addresses show a form of the portal to who
// has no account, or one that this environment has not.
func TestTypedFormsOfNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) {
		for i := range c.settings.Environments {
			c.settings.Environments[i].Region = "ap-guangzhou" // no text messages
		}
		c.logins = config.BuiltInPages(c.settings)
		c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}).Anonymous = true
	})
	b := s.browser()
	form := b.open("/sign-in").filled(nil)
	form.Set("lang", "zh-CN")
	show := func(name string) *page {
		t.Helper()
		form.Set("form", name)
		return b.do(http.MethodPost, s.base+"/language?"+entryQuery(appPage), form, nil)
	}
	for name := range portalRoutes {
		if name == "account" || name == "account-history" || name == "account-phone" {
			continue
		}
		show(name).want(http.StatusOK, "hand-off")
	}
	show("account-phone").want(http.StatusNotFound, "error", "error.disabled")
	b.pressWay(b.open("/sign-in"), "anonymous", nil).completed()
	for _, name := range []string{"account-profile", "account-username", "account-password", "account-sessions", "account-delete", "step-up"} {
		show(name).want(http.StatusOK, "account-anonymous")
	}
}

// doneNames are the changes that a page may confirm.
var doneNames = []string{"profile", "username", "phone", "email", "password", "linked", "unlinked", "ended", "others"}

// TestDone: a page confirms what has happened, to whom it happened, once.
func TestDone(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	mei := s.otherPerson()
	b, _ := s.signedIn(t)
	change := func() string {
		t.Helper()
		to := b.post(b.open("/account/profile"), nil).location()
		if !strings.Contains(to, "done=") {
			t.Fatalf("a change leads to %s", to)
		}
		return to
	}
	says := func(b *browser, address string) bool {
		t.Helper()
		p := b.get(address)
		return slices.ContainsFunc(p.keys(), func(key string) bool { return strings.HasPrefix(key, "account.done.") })
	}
	done := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("done")
	}
	to := change()
	if !says(b, to) {
		t.Error("a change is not confirmed")
	}
	if says(b, to) {
		t.Error("it is confirmed twice")
	}
	for _, name := range doneNames {
		for _, path := range []string{"/account", "/account/providers", "/account/sessions", "/account/profile"} {
			for _, value := range []string{name, "account.done." + name, done(to)[:40], flip(done(to), 60), done(to) + "A"} {
				if says(b, s.base+path+"?"+entryQuery(appPage, "done="+url.QueryEscape(value))) {
					t.Errorf("done=%s: the page confirms what did not happen", value)
				}
			}
		}
	}
	// Somebody else's, and another client's.
	stranger := s.browser()
	stranger.submit(stranger.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	if says(stranger, change()) {
		t.Error("another browser confirms it")
	}
	second := func(address string) string { return strings.Replace(address, "client_id=demo", "client_id=second", 1) }
	to = change()
	b.submit(b.get(second(s.base+"/sign-in?"+entryQuery(appPage))), fields{"username": "demo", "password": demoPassword}).completed()
	if says(b, second(to)) {
		t.Error("another client's portal confirms it")
	}
	to = change()
	b.submit(b.open("/sign-in"), mei).completed()
	if says(b, to) {
		t.Error("it is confirmed to who signed in after")
	}
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	to = change()
	s.clock.advance(2 * time.Minute)
	if says(b, to) {
		t.Error("it is confirmed much later")
	}
}
