package handlers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"tcb-login/config/settings"
)

const demoIssuer = "http://demo.ap-shanghai.tcb-api.tencentcloudapi.com" // of TCB's tokens, which is no address

// codeApp is an app on another origin: an unmodified OAuth client.
type codeApp struct {
	t        testing.TB
	s        *site
	conf     oauth2.Config
	verifier string
	state    string
}

func (s *site) codeApp(t testing.TB, client string, scopes ...string) *codeApp {
	t.Helper()
	return &codeApp{t: t, s: s, verifier: oauth2.GenerateVerifier(), state: "st-" + oauth2.GenerateVerifier()[:8], conf: oauth2.Config{
		ClientID: client, RedirectURL: registered, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: publicOrigin + s.base + "/?env_id=demo&config_version=env", TokenURL: s.backend.srv.URL + "/auth/v1/token"},
	}}
}

// entry is the address that the app sends a browser to; more is name=value.
func (a *codeApp) entry(more ...string) string {
	opts := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.verifier)}
	for _, m := range more {
		name, value, _ := strings.Cut(m, "=")
		opts = append(opts, oauth2.SetAuthURLParam(name, value))
	}
	return a.conf.AuthCodeURL(a.state, opts...)
}

// redeem trades a code for tokens.
func (a *codeApp) redeem(code string, opts ...oauth2.AuthCodeOption) (*oauth2.Token, error) {
	return a.conf.Exchange(context.WithoutCancel(a.t.Context()), code, append([]oauth2.AuthCodeOption{oauth2.VerifierOption(a.verifier)}, opts...)...)
}

// refused is the error of OAuth's that an exchange was refused with.
func refused(err error) string {
	var got *oauth2.RetrieveError
	if !errors.As(err, &got) {
		return ""
	}
	return got.ErrorCode
}

// answer is what the app gets, from the interstitial or a redirect.
func (a *codeApp) answer(p *page) url.Values {
	a.t.Helper()
	to := p.header.Get("Location")
	if to == "" {
		var where departure
		p.want(http.StatusOK, "interstitial").script("departure", &where)
		to = where.To
	}
	rest, ok := strings.CutPrefix(to, registered+"?")
	if !ok {
		a.t.Fatalf("%s %s: the browser is led to %q\n%s", p.method, p.url.Path, to, p.text())
	}
	got, err := url.ParseQuery(rest)
	if err != nil {
		a.t.Fatal(err)
	}
	if got.Get("state") != a.state || got.Get("iss") != demoIssuer || len(got) != 3 {
		a.t.Errorf("the app gets %v, want state %s and iss %s", got, a.state, demoIssuer)
	}
	a.s.secret("authorization code", got.Get("code"))
	return got
}

// signIn gets a browser from the app's link to the page that asks.
func (a *codeApp) signIn(b *browser, more ...string) *page {
	a.t.Helper()
	p := b.get(a.entry(more...)).want(http.StatusOK, "sign-in")
	return b.submit(p, fields{"username": "demo", "password": demoPassword}).want(http.StatusOK, "authorize")
}

// code is one that a browser gets by signing in.
func (a *codeApp) code(b *browser, more ...string) string {
	a.t.Helper()
	return a.answer(b.post(a.signIn(b, more...), nil)).Get("code")
}

// TestCodeFlow is an unmodified Go client's sign-in: golang.org/x/oauth2.
func TestCodeFlow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	app := s.codeApp(t, "demo", "openid", "profile")
	asks := app.signIn(b, "nonce=n-1")
	for _, want := range []string{"app.example.com", "Your user id", "Your name and picture", "Continue as Demo"} {
		if !strings.Contains(asks.text(), want) {
			t.Errorf("the page lacks %q: %s", want, asks.text())
		}
	}
	if strings.Contains(asks.body, "credentials") || s.backend.count("/v1/user/authorize") != 0 {
		t.Error("there are credentials on the page, or a code before anybody pressed anything")
	}
	info := last(s.backend.callsTo("/v1/user/authorize/info"))
	if !strings.HasPrefix(info.header.Get("Authorization"), "Bearer ") || info.query.Get("client_id") != "demo" {
		t.Errorf("TCB is asked about %v, but not for who has signed in", info.query)
	}
	done := b.post(asks, nil)
	code := app.answer(done).Get("code")
	if code == "" || done.header.Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("code %q, Referrer-Policy %q", code, done.header.Get("Referrer-Policy"))
	}
	minted := last(s.backend.callsTo("/v1/user/authorize"))
	var sent map[string]string
	if err := json.Unmarshal([]byte(minted.body), &sent); err != nil {
		t.Fatal(err)
	}
	if sent["client_id"] != "demo" || sent["redirect_uri"] != registered || sent["scope"] != "openid profile" || sent["nonce"] != "n-1" || sent["code_challenge_method"] != "S256" {
		t.Errorf("TCB is asked %v", sent)
	}
	token, err := app.redeem(code)
	if err != nil {
		t.Fatal(err)
	}
	if token.AccessToken == "" || token.TokenType != "Bearer" || claimsOf(t, token.AccessToken)["iss"] != demoIssuer {
		t.Errorf("token of type %q by %v", token.TokenType, claimsOf(t, token.AccessToken)["iss"])
	}
	id, _ := token.Extra("id_token").(string)
	if claims := claimsOf(t, id); claims["nonce"] != "n-1" || claims["aud"] != "demo" || claims["iss"] != demoIssuer {
		t.Errorf("id_token: %v", claims)
	}
	// Nothing of the login is the browser's but our cookie, and that for 15 minutes.
	entered := s.browser()
	in := entered.post(entered.get(app.entry()), fields{"username": "demo", "password": demoPassword})
	lives := 0
	for _, c := range (&http.Response{Header: in.header}).Cookies() {
		if accessCookie.MatchString(c.Name) {
			lives = max(lives, c.MaxAge)
		}
	}
	if lives != 15*60 {
		t.Errorf("the access cookie lives for %d seconds", lives)
	}
	s.clock.advance(14 * time.Minute)
	again := b.get(app.entry()).want(http.StatusOK, "authorize")
	if code2 := app.answer(b.post(again, nil)).Get("code"); code2 == "" || code2 == code {
		t.Errorf("a second request gets the code %q, the first %q", code2, code)
	}
	s.clock.advance(time.Minute)
	b.get(app.entry()).want(http.StatusOK, "sign-in")
	// A form that was left lying mints nothing either.
	calls := s.backend.count("/v1/user/authorize")
	b.submit(again, nil).want(http.StatusOK, "sign-in")
	if got := s.backend.count("/v1/user/authorize"); got != calls {
		t.Error("a login of more than 15 minutes ago got a code")
	}
}

// claimsOf is the payload of a token.
func claimsOf(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
	}
	var claims map[string]any
	if err := json.Unmarshal(mustDecode(t, parts[1]), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// TestOtherOrigin: every way in ends at the page that asks, and none of them writes a login for the
// app, whatever it was begun for.
func TestOtherOrigin(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	app := s.codeApp(t, "demo")
	query := app.entry()[strings.Index(app.entry(), "?"):]
	code := func(b *browser, path, to string, typed fields) *page {
		p := b.submit(b.get(s.base+path+query), typed)
		p = b.submit(p, fields{"verification_code": s.backend.code(to)})
		s.clock.advance(time.Minute)
		return p
	}
	for name, enter := range map[string]func(*browser) *page{
		"password": func(b *browser) *page {
			return b.submit(b.get(app.entry()), fields{"username": "demo", "password": demoPassword})
		},
		"e-mail": func(b *browser) *page {
			return code(b, "/sign-in/email", demoEmail, fields{"email": demoEmail})
		},
		"sms": func(b *browser) *page {
			return code(b, "/sign-in/sms", "+86 13800138111", fields{"phone_country": "CN", "phone_number": "13800138111"})
		},
		"provider": func(b *browser) *page {
			return b.comesBack(b.toProvider(b.get(app.entry()), "demo"), "elsewhere-1", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.browser()
			b.t = t
			p := enter(b).want(http.StatusOK, "authorize")
			if strings.Contains(p.body, "refresh_token") {
				t.Error("the page has credentials")
			}
			app := *app
			app.t = t
			if app.answer(b.post(p, nil)).Get("code") == "" {
				t.Error("no code")
			}
		})
	}
	b := s.browser()
	b.target = registered
	b.open("/").want(http.StatusBadRequest, "error", "error.page.pkce")
	// A step that was begun for our own origin ends at the page that asks too.
	b.target = appPage
	begun := sendCode(b, "/sign-in/email", fields{"email": demoEmail})
	u, err := url.Parse(begun.action())
	if err != nil {
		t.Fatal(err)
	}
	p := b.do(http.MethodPost, s.base+"/sign-in/email"+query+"&flow="+u.Query().Get("flow"), begun.filled(fields{"verification_code": s.backend.code(demoEmail)}), nil)
	b.follow(p).want(http.StatusOK, "authorize")
}

// TestCodeFlowErrors: what the app is told, and what a page says instead.
func TestCodeFlowErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.codeApp(t, "demo")
	signedIn := s.browser()
	app.signIn(signedIn)
	handedOver := s.browser()
	p := handedOver.open("/account").want(http.StatusOK, "hand-off")
	_, login := s.signedIn(t)
	handedOver.handOver(p, map[string]string{"access_token": login.Credentials.AccessToken}, nil)
	tests := []struct {
		name, error string
		b           *browser
		more        []string
	}{
		{"response_mode", "invalid_request", nil, []string{"response_mode=fragment"}},
		{"form_post", "invalid_request", nil, []string{"response_mode=form_post"}},
		{"request", "request_not_supported", nil, []string{"request=eyJhbGciOiJub25lIn0."}},
		{"request_uri", "request_uri_not_supported", nil, []string{"request_uri=https://evil.example/r"}},
		{"max_age", "invalid_request", nil, []string{"max_age=-1"}},
		{"max_age of words", "invalid_request", nil, []string{"max_age=soon"}},
		{"nonce of 8 KB", "invalid_request", nil, []string{"nonce=" + strings.Repeat("n", 4<<10)}},
		{"scope", "invalid_scope", nil, []string{"scope=a\"b"}},
		{"scope that TCB has not", "invalid_scope", signedIn, []string{"scope=everything"}},
		{"prompt=none and more", "invalid_request", nil, []string{"prompt=none login"}},
		{"prompt=none without a login", "login_required", nil, []string{"prompt=none"}},
		{"prompt=none with one", "interaction_required", signedIn, []string{"prompt=none"}},
		{"prompt=none with one that was handed over", "login_required", handedOver, []string{"prompt=none"}},
		{"prompt=none with one that is too old", "login_required", signedIn, []string{"prompt=none", "max_age=0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := *app
			app.t = t
			b := tt.b
			if b == nil {
				b = s.browser()
			}
			b = b.on(t, s)
			p := b.do(http.MethodGet, app.entry(tt.more...), nil, nil)
			if strings.HasPrefix(p.header.Get("Location"), s.base) || strings.HasPrefix(p.header.Get("Location"), publicOrigin) {
				p = b.do(http.MethodGet, p.location(), nil, nil)
			}
			if p.status != http.StatusSeeOther {
				t.Fatalf("status %d, page %q", p.status, p.name())
			}
			if got := app.answer(p).Get("error"); got != tt.error {
				t.Errorf("error %q, want %q", got, tt.error)
			}
			// The same at the page that mints, by GET and by POST.
			at := strings.Replace(app.entry(tt.more...), s.base+"/?", s.base+"/authorize?", 1)
			if p := b.do(http.MethodGet, at, nil, nil); p.header.Get("Location") == "" {
				t.Errorf("GET of /authorize: status %d, page %q", p.status, p.name())
			}
		})
	}
	if got := s.backend.count("/v1/user/authorize"); got != 0 {
		t.Errorf("%d codes were minted", got)
	}
}

// TestCodeFlowPost: who presses what.
func TestCodeFlowPost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.codeApp(t, "demo")
	b := s.browser()
	asks := app.signIn(b)
	if got := app.answer(b.pressOnly(asks, "action=deny", nil)).Get("error"); got != "access_denied" {
		t.Errorf("who cancels is sent back with %q", got)
	}
	// A POST of prompt=none, whose form is another page's, mints nothing.
	silent := *app
	none := strings.Replace(app.entry("prompt=none"), s.base+"/?", s.base+"/authorize?", 1)
	u, err := url.Parse(asks.action())
	if err != nil {
		t.Fatal(err)
	}
	p := b.do(http.MethodPost, none+"&flow="+u.Query().Get("flow"), asks.filled(nil), nil)
	if got := silent.answer(p).Get("error"); got != "interaction_required" {
		t.Errorf("prompt=none by POST: %q", got)
	}
	// An outage leaves the form to be tried again.
	s.backend.refuse("/v1/user/authorize", 503, "unavailable")
	again := b.post(asks, nil).want(http.StatusServiceUnavailable, "authorize", "error.unavailable")
	s.backend.refuse("/v1/user/authorize", 400, "invalid_argument")
	s.clock.advance(time.Second)
	b.post(again, nil).want(http.StatusBadGateway, "error", "error.misconfigured")
	s.backend.refuse("/v1/user/authorize", 400, "unauthorized_client")
	if got := app.answer(b.post(again, nil)).Get("error"); got != "unauthorized_client" {
		t.Errorf("TCB's refusal comes back as %q", got)
	}
	s.backend.answer("/v1/user/authorize", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"access_token":"never to be sent","token_type":"Bearer"}`))
	})
	if p := b.post(again, nil).want(http.StatusBadGateway, "authorize", "error.broken"); strings.Contains(p.body, "never to be sent") {
		t.Error("the page has a token")
	}
	s.backend.answer("", nil)
	// In another language, with the same request: the form is as good.
	german := b.press(asks, "lang=zh-CN", nil).want(http.StatusOK, "authorize")
	if app.answer(b.post(german, nil)).Get("code") == "" {
		t.Error("no code")
	}
	// Sent twice at once, it comes to one code.
	s.clock.advance(time.Minute)
	asks = b.get(app.entry()).want(http.StatusOK, "authorize")
	before := s.backend.count("/v1/user/authorize")
	one, two := app.answer(b.post(asks, nil)), app.answer(b.post(asks, nil))
	if one.Get("code") != two.Get("code") || s.backend.count("/v1/user/authorize") != before+1 {
		t.Errorf("codes %q and %q, of %d calls", one, two, s.backend.count("/v1/user/authorize")-before)
	}
	// TCB asks for a captcha: it stands in the form, which then goes on.
	s.clock.advance(time.Minute)
	s.backend.captcha("always")
	asks = b.get(app.entry())
	p = b.post(asks, nil)
	if p.picture() != "" {
		p = b.post(p, fields{"captcha_key": s.backend.key()})
	}
	if app.answer(p).Get("code") == "" {
		t.Error("no code after a captcha")
	}
}

// TestCodeFlowPrompts: when somebody has to sign in although they are.
func TestCodeFlowPrompts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.codeApp(t, "demo")
	b := s.browser()
	app.signIn(b)
	s.clock.advance(2 * time.Minute)
	tests := []struct {
		more []string
		page string
	}{
		{nil, "authorize"},
		{[]string{"prompt=consent"}, "authorize"},
		{[]string{"prompt=select_account"}, "authorize"},
		{[]string{"prompt=consent select_account"}, "authorize"},
		{[]string{"max_age=121"}, "authorize"},
		{[]string{"max_age=120"}, "authorize"},
		{[]string{"max_age=119"}, "sign-in"},
		{[]string{"max_age=0"}, "sign-in"},
		{[]string{"prompt=login"}, "sign-in"},
		{[]string{"prompt=login consent"}, "sign-in"},
		{[]string{"prompt=create"}, "sign-up"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.more, "&"), func(t *testing.T) {
			b := b.copy().on(t, s)
			p := b.get(app.entry(tt.more...)).want(http.StatusOK, tt.page)
			if p.name() != "sign-in" {
				return
			}
			// Nobody gets around it by the next page's address.
			b.get(strings.Replace(app.entry(tt.more...), s.base+"/?", s.base+"/authorize?", 1)).want(http.StatusOK, "sign-in")
			p = b.submit(p, fields{"username": "demo", "password": demoPassword}).want(http.StatusOK, "authorize")
			app := *app
			app.t = t
			if app.answer(b.post(p, nil)).Get("code") == "" {
				t.Error("no code for who has just signed in")
			}
		})
	}
	// A sign-in for the request is one for five minutes.
	late := b.submit(b.get(app.entry("max_age=0")), fields{"username": "demo", "password": demoPassword}).want(http.StatusOK, "authorize")
	s.clock.advance(5 * time.Minute)
	b.submit(late, nil).want(http.StatusOK, "sign-in")
	// One for an app on our own origin counts as long as any other, though its cookie lives longer.
	own, _ := s.signedIn(t)
	s.clock.advance(14 * time.Minute)
	own.get(app.entry()).want(http.StatusOK, "authorize")
	s.clock.advance(time.Minute)
	own.get(app.entry()).want(http.StatusOK, "sign-in")
	own.open("/continue").want(http.StatusOK, "continue")
	// A state of the app's is the app's, also where it looks like one of ours at a provider.
	shaped := s.codeApp(t, "demo")
	shaped.state = strings.Repeat("0a", 16)
	if got := shaped.answer(s.browser().do(http.MethodGet, shaped.entry("prompt=none"), nil, nil)).Get("error"); got != "login_required" {
		t.Errorf("error %q", got)
	}
	// Of who has signed in for one such request, the next wants it again.
	b.submit(b.get(app.entry("prompt=login")), fields{"username": "demo", "password": demoPassword}).want(http.StatusOK, "authorize")
	b.get(app.entry("prompt=login")).want(http.StatusOK, "sign-in")
	if p := b.get(app.entry("prompt=login", "login_hint=someone@example.com")).want(http.StatusOK, "sign-in"); p.value("username") != "someone@example.com" {
		t.Errorf("login_hint fills in %q", p.value("username"))
	}
	// Who wants another account is asked who they are.
	b.click(b.get(app.entry()).want(http.StatusOK, "authorize"), "sign-in").want(http.StatusOK, "sign-in")
}

// TestCodeFlowSettings: without code_flow no login leads to another origin, and an issuer that
// settings name is what the app gets.
func TestCodeFlowSettings(t *testing.T) {
	t.Parallel()
	off := newSite(t, func(c *siteConfig) { c.settings.Environments[0].Clients[0].CodeFlow = false })
	off.browser().get(off.codeApp(t, "demo").entry()).want(http.StatusBadRequest, "error", "error.page.redirect")
	const issuer = "https://issuer.example/demo"
	s := newSite(t, func(c *siteConfig) { c.settings.Environments[0].Issuer = issuer })
	app, b := s.codeApp(t, "demo"), s.browser()
	var where departure
	b.post(app.signIn(b), nil).want(http.StatusOK, "interstitial").script("departure", &where)
	location := b.do(http.MethodGet, app.entry("prompt=none"), nil, nil).header.Get("Location")
	for _, to := range []string{where.To, location} {
		if u, err := url.Parse(to); err != nil || !slices.Equal(u.Query()["iss"], []string{issuer}) {
			t.Errorf("iss of %q, want %s", to, issuer)
		}
	}
	env := settings.Environment{ID: "a", Region: "ap-guangzhou"}
	if got := env.TokenIssuer(); got != "http://a.ap-guangzhou.tcb-api.tencentcloudapi.com" {
		t.Errorf("TokenIssuer() is %q", got)
	}
}

func mustDecode(t testing.TB, segment string) []byte {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestAuthorizeInfoRefused: where TCB does not say what an app asks for, although it knows the person, they
// are told that the app is not set up right, whatever button they press, and not led to sign in again for
// ever.
func TestAuthorizeInfoRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.codeApp(t, "demo")
	b := s.browser()
	open := b.submit(b.get(app.entry()).want(http.StatusOK, "sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusOK, "authorize")
	s.backend.refuse("/v1/user/authorize/info", http.StatusUnauthorized, "unauthenticated")
	b.get(app.entry()).want(http.StatusBadGateway, "error", "error.misconfigured")
	for _, pressed := range []string{"", "lang=zh-CN", "action=captcha", "csrf_token=x"} {
		form := open.filled(nil)
		if name, value, ok := strings.Cut(pressed, "="); ok {
			form.Set(name, value)
		}
		b.do(http.MethodPost, open.action(), form, nil).want(http.StatusBadGateway, "error", "error.misconfigured")
	}
}
