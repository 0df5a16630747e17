package handlers

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
)

// An attack is one on the code flow; what it gets at best is said by its error.
type attack struct {
	name string
	run  func(t *testing.T, s *site)
}

// minted is how many codes TCB has made.
func (s *site) minted() int { return s.backend.count("/v1/user/authorize") }

// authorizeAt is the app's request at the page that mints.
func (a *codeApp) authorizeAt(more ...string) string {
	return strings.Replace(a.entry(more...), a.s.base+"/?", a.s.base+"/authorize?", 1)
}

// without is the app's request without a parameter, or with another value of it.
func (a *codeApp) without(name string, instead ...string) string {
	u, err := url.Parse(a.entry())
	if err != nil {
		a.t.Fatal(err)
	}
	q := u.Query()
	if q.Del(name); len(instead) > 0 {
		q[name] = instead
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// TestCodeFlowAttacks are those of RFC 6819, RFC 9700 and OpenID Connect on this flow.
func TestCodeFlowAttacks(t *testing.T) {
	t.Parallel()
	attacks := []attack{
		{"replay of a code", replayCode},
		{"a code in another browser's session", injectCode},
		{"mix-up", mixUp},
		{"PKCE downgrade", downgrade},
		{"another redirect_uri at the token endpoint", otherRedirect},
		{"state used again", stateAgain},
		{"planted binding", plantedBinding},
		{"a form of another request", otherRequest},
		{"somebody else signs in meanwhile", otherPerson},
		{"parameters twice", twice},
		{"request objects and other response modes", requestObjects},
		{"prompt=none", promptNone},
		{"a login of another client", otherClient},
		{"a login that was handed over", handedOverLogin},
		{"a login without an account", anonymousLogin},
		{"POST from elsewhere", crossSite},
		{"redirect_uri of another client", foreignRedirect},
	}
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.run(t, newSite(t))
		})
	}
}

func replayCode(t *testing.T, s *site) {
	app := s.codeApp(t, "demo")
	code := app.code(s.browser())
	first, err := app.redeem(code)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.redeem(code); refused(err) != "invalid_grant" {
		t.Errorf("a code serves twice: %v", err)
	}
	// And what the first got is over: one of the two was no app (RFC 6749 §4.1.2).
	if s.backend.knows(t, first.AccessToken) {
		t.Error("the tokens of a code that was used twice still work")
	}
}

// knows reports that TCB takes a token.
func (b *backend) knows(t *testing.T, token string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.srv.URL+"/auth/v1/user/me", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := b.srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func injectCode(t *testing.T, s *site) {
	thief, victim := s.codeApp(t, "demo"), s.codeApp(t, "demo")
	stolen := victim.code(s.browser())
	// The app in the thief's browser has a verifier of its own.
	if _, err := thief.redeem(stolen); refused(err) != "invalid_grant" {
		t.Errorf("a stolen code serves in another browser: %v", err)
	}
	// That has not used it up for whose it is.
	if _, err := victim.redeem(stolen); err != nil {
		t.Errorf("the app's own exchange: %v", err)
	}
}

func mixUp(t *testing.T, s *site) {
	// Two environments, and an app that knows both: whose code it is, iss says alone.
	two := newSite(t, func(c *siteConfig) {
		c.settings.Environments[1].Clients[0] = settings.Client{ID: "other", RedirectURIs: []string{registered}, CodeFlow: true}
	})
	seen := map[string]bool{}
	for _, env := range []string{"demo", "other"} {
		at := "/__auth/?env_id=" + env + "&client_id=" + env + "&config_version=env&prompt=none&" + pkce + "&redirect_uri=" + url.QueryEscape(registered)
		u, err := url.Parse(two.browser().do(http.MethodGet, at, nil, nil).header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		iss := u.Query().Get("iss")
		if iss != "http://"+env+".ap-shanghai.tcb-api.tencentcloudapi.com" || strings.Contains(iss, "login.example.net") || seen[iss] {
			t.Errorf("environment %s answers as %q", env, iss)
		}
		seen[iss] = true
	}
	// A code comes with the iss of the token that it becomes.
	app := s.codeApp(t, "demo")
	token, err := app.redeem(app.code(s.browser()))
	if err != nil {
		t.Fatal(err)
	}
	if iss := claimsOf(t, token.AccessToken)["iss"]; iss != demoIssuer { // answer has seen that one
		t.Errorf("the token is of %v", iss)
	}
}

func downgrade(t *testing.T, s *site) {
	app := s.codeApp(t, "demo")
	b := s.browser()
	app.signIn(b)
	for name, at := range map[string]string{
		"no challenge":         app.without("code_challenge"),
		"an empty one":         app.without("code_challenge", ""),
		"a short one":          app.without("code_challenge", "abc"),
		"no method":            app.without("code_challenge_method"),
		"plain":                app.without("code_challenge_method", "plain"),
		"s256 in small":        app.without("code_challenge_method", "s256"),
		"plain and S256":       app.without("code_challenge_method", "plain", "S256"),
		"a token":              app.without("response_type", "token"),
		"a code and a token":   app.without("response_type", "code token"),
		"no response_type":     app.without("response_type"),
		"an empty redirection": app.without("redirect_uri", ""),
		"no redirection":       app.without("redirect_uri"),
	} {
		for _, at := range []string{at, strings.Replace(at, s.base+"/?", s.base+"/authorize?", 1)} {
			if p := b.do(http.MethodGet, at, nil, nil); p.status != http.StatusBadRequest || p.header.Get("Location") != "" {
				t.Errorf("%s: status %d, Location %q", name, p.status, p.header.Get("Location"))
			}
		}
		form := b.get(app.entry()).want(http.StatusOK, "authorize").filled(nil)
		if p := b.do(http.MethodPost, strings.Replace(at, s.base+"/?", s.base+"/authorize?", 1), form, nil); p.status != http.StatusBadRequest {
			t.Errorf("%s: POST: status %d", name, p.status)
		}
	}
	if s.minted() != 0 {
		t.Errorf("%d codes", s.minted())
	}
	// At the other end: without the verifier, or with the challenge for it.
	code := app.answer(b.post(b.get(app.entry()), nil)).Get("code")
	for _, verifier := range []string{"", oauth2.S256ChallengeFromVerifier(app.verifier)} {
		if _, err := app.conf.Exchange(t.Context(), code, oauth2.VerifierOption(verifier)); refused(err) != "invalid_grant" {
			t.Errorf("verifier %q: %v", verifier, err)
		}
	}
}

func otherRedirect(t *testing.T, s *site) {
	app := s.codeApp(t, "demo")
	code := app.code(s.browser())
	for _, uri := range []string{registered + "/", registered + "?x=1", "https://evil.example/callback", ""} {
		if _, err := app.redeem(code, oauth2.SetAuthURLParam("redirect_uri", uri)); refused(err) != "invalid_grant" {
			t.Errorf("redirect_uri %q: %v", uri, err)
		}
	}
}

// stateAgain: state is the app's to compare. Ours is to bring it back as it came, with a code that
// is good for one verifier alone.
func stateAgain(t *testing.T, s *site) {
	one, two := s.codeApp(t, "demo"), s.codeApp(t, "demo")
	one.state = "a b+c%&=<\"'>/?#é中"
	two.state = one.state
	b := s.browser()
	first := one.code(b)
	second := two.answer(b.post(b.get(two.entry()), nil)).Get("code")
	if first == second {
		t.Error("the same code twice")
	}
	if _, err := one.redeem(second); refused(err) != "invalid_grant" {
		t.Errorf("the second code with the first verifier: %v", err)
	}
	if _, err := one.redeem(first); err != nil {
		t.Error(err)
	}
}

// plantedBinding: what another browser has sealed, or its cookies, say nothing in this one.
func plantedBinding(t *testing.T, s *site) {
	app := s.codeApp(t, "demo")
	thief, victim := s.browser(), s.browser()
	theirs := app.signIn(thief)
	planted, err := url.Parse(theirs.action())
	if err != nil {
		t.Fatal(err)
	}
	flow := planted.Query().Get("flow")
	// The thief's proof of having just signed in does not stand in for the victim's.
	mine := app.signIn(victim)
	s.clock.advance(time.Second)
	victim.get(app.authorizeAt("prompt=login", "flow="+flow)).want(http.StatusOK, "sign-in")
	p := victim.do(http.MethodPost, app.authorizeAt("flow="+flow), mine.filled(nil), nil)
	p.want(http.StatusUnprocessableEntity, "authorize", "authorize.changed")
	p = victim.do(http.MethodPost, app.authorizeAt(), mine.filled(nil), nil)
	p.want(http.StatusUnprocessableEntity, "authorize", "authorize.changed")
	// Nor does the thief's access cookie make the victim somebody else: it opens in its session alone.
	fresh := s.browser()
	fresh.get(app.entry()).want(http.StatusOK, "sign-in")
	access, ok := accessCookieOf(thief)
	if !ok {
		t.Fatal("no access cookie")
	}
	u, err := url.Parse(publicOrigin + s.base + "/")
	if err != nil {
		t.Fatal(err)
	}
	fresh.client.Jar.SetCookies(u, []*http.Cookie{{Name: access.Name, Value: access.Value, Path: s.base, Secure: true}})
	fresh.get(app.entry()).want(http.StatusOK, "sign-in")
	if s.minted() != 0 {
		t.Errorf("%d codes", s.minted())
	}
}

// otherRequest: the form of one request mints nothing for another.
func otherRequest(t *testing.T, s *site) {
	app := s.codeApp(t, "demo")
	b := s.browser()
	asks := app.signIn(b)
	u, err := url.Parse(asks.action())
	if err != nil {
		t.Fatal(err)
	}
	other := s.codeApp(t, "demo")
	other.state = app.state
	for name, at := range map[string]string{
		"another challenge": other.authorizeAt("flow=" + u.Query().Get("flow")),
		"more scope":        app.authorizeAt("scope=openid profile", "flow="+u.Query().Get("flow")),
		"another state":     strings.Replace(app.without("state", "x"), s.base+"/?", s.base+"/authorize?", 1) + "&flow=" + u.Query().Get("flow"),
		"another nonce":     app.authorizeAt("nonce=n", "flow="+u.Query().Get("flow")),
	} {
		p := b.do(http.MethodPost, at, asks.filled(nil), nil)
		if p.status != http.StatusUnprocessableEntity || !p.has("authorize.changed") {
			t.Errorf("%s: status %d, %q", name, p.status, p.keys())
		}
	}
	if s.minted() != 0 {
		t.Errorf("%d codes", s.minted())
	}
}

// otherPerson: the button says who goes on, and it is them or nobody.
func otherPerson(t *testing.T, s *site) {
	s.backend.register("second@example.com", "second.person", "Second-pass-2")
	app := s.codeApp(t, "demo")
	b := s.browser()
	asks := app.signIn(b)
	p := b.submit(b.click(asks, "sign-in"), fields{"username": "second.person", "password": "Second-pass-2"}).want(http.StatusOK, "authorize")
	if !strings.Contains(p.text(), "second.person") {
		t.Fatalf("the page names %s", p.text())
	}
	again := b.post(asks, nil).want(http.StatusUnprocessableEntity, "authorize", "authorize.changed")
	if !strings.Contains(again.text(), "second.person") || s.minted() != 0 {
		t.Errorf("%d codes; the page names %s", s.minted(), again.text())
	}
	if app.answer(b.post(again, nil)).Get("code") == "" {
		t.Error("no code for who has seen the name")
	}
}

func twice(t *testing.T, s *site) {
	app := s.codeApp(t, "demo")
	b := s.browser()
	form := app.signIn(b).filled(nil)
	for _, name := range []string{
		"client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method", "nonce",
		"prompt", "max_age", "login_hint", "response_mode", "request", "request_uri", "display", "claims", "ui_locales", "id_token_hint",
	} {
		for _, more := range []string{name + "=1&" + name + "=2", name + "[]=1", name + "%00=1"} {
			for _, at := range []string{app.without(name) + "&" + more, strings.Replace(app.without(name), "/?", "/?"+more+"&", 1)} {
				p := b.do(http.MethodGet, at, nil, nil)
				if p.status != http.StatusBadRequest || p.header.Get("Location") != "" || !p.has("error.page.parameter") {
					t.Errorf("%s: status %d, %q", more, p.status, p.keys())
				}
				if p := b.do(http.MethodPost, strings.Replace(at, "/?", "/authorize?", 1), form, nil); p.status != http.StatusBadRequest {
					t.Errorf("%s: POST: status %d", more, p.status)
				}
			}
		}
	}
	if s.minted() != 0 {
		t.Errorf("%d codes", s.minted())
	}
}

func requestObjects(t *testing.T, s *site) {
	app := s.codeApp(t, "demo")
	b := s.browser()
	form := app.signIn(b).filled(nil)
	for more, want := range map[string]string{
		"response_mode=fragment": "invalid_request", "response_mode=form_post": "invalid_request", "response_mode=Query": "invalid_request",
		"request=x.y.z": "request_not_supported", "request_uri=urn:x": "request_uri_not_supported",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			p := b.do(method, app.authorizeAt(more), map[string]url.Values{http.MethodPost: form}[method], nil)
			if got := app.answer(p).Get("error"); got != want {
				t.Errorf("%s %s: %q, want %q", method, more, got, want)
			}
		}
	}
	if app.answer(b.post(b.get(app.entry("response_mode=query")), nil)).Get("code") == "" || s.minted() != 1 {
		t.Errorf("response_mode=query: %d codes", s.minted())
	}
}

func promptNone(t *testing.T, s *site) {
	app := s.codeApp(t, "demo")
	b := s.browser()
	for _, want := range []string{"login_required", "interaction_required"} {
		if want == "interaction_required" {
			app.signIn(b)
		}
		for _, at := range []string{app.entry("prompt=none"), app.authorizeAt("prompt=none")} {
			if got := app.answer(b.do(http.MethodGet, at, nil, nil)).Get("error"); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
	// One that has ended at TCB is none.
	s.backend.refuse("/v1/user/me", 401, "unauthenticated")
	if got := app.answer(b.copy().do(http.MethodGet, app.entry("prompt=none"), nil, nil)).Get("error"); got != "login_required" {
		t.Errorf("a login that is over: %q", got)
	}
	s.backend.refuse("/v1/user/me", 503, "unavailable")
	if got := app.answer(b.copy().do(http.MethodGet, app.entry("prompt=none"), nil, nil)).Get("error"); got != "temporarily_unavailable" {
		t.Errorf("an outage: %q", got)
	}
	if s.minted() != 0 {
		t.Errorf("%d codes", s.minted())
	}
}

// otherClient: another client's login is none here, whether its cookie is asked about or its token
// has got into this one's.
func otherClient(t *testing.T, s *site) {
	b := s.browser()
	s.codeApp(t, "second").signIn(b)
	app := s.codeApp(t, "demo")
	b.get(app.entry()).want(http.StatusOK, "sign-in")
	// TCB answers the sign-in with a token of another client's, and takes it everywhere.
	_, login := s.signedIn(t)
	claims := claimsOf(t, login.Credentials.AccessToken)
	claims["aud"] = "second"
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(login.Credentials.AccessToken, ".")
	foreign := parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2]
	s.backend.answer("", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/authorize") {
			_, _ = w.Write([]byte(`{"code":"never"}`))
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"token_type": "Bearer", "access_token": foreign, "refresh_token": "r", "expires_in": 7200, "scope": "user", "sub": login.Credentials.Sub,
			"client": map[string]any{"id": "demo"}, "scopes": []any{},
		})
	})
	p := b.submit(b.get(app.entry()), fields{"username": "demo", "password": demoPassword}).want(http.StatusOK, "sign-in")
	b.do(http.MethodPost, app.authorizeAt(), p.filled(nil), nil)
	if s.minted() != 0 {
		t.Errorf("%d codes", s.minted())
	}
}

func handedOverLogin(t *testing.T, s *site) {
	_, login := s.signedIn(t)
	b := s.browser()
	b.handOver(b.open("/account").want(http.StatusOK, "hand-off"), map[string]string{"access_token": login.Credentials.AccessToken}, nil)
	b.open("/account").want(http.StatusOK, "account")
	app := s.codeApp(t, "demo")
	b.get(app.entry()).want(http.StatusOK, "sign-in")
	b.get(app.authorizeAt()).want(http.StatusOK, "sign-in")
}

func anonymousLogin(t *testing.T, _ *site) {
	s := newSite(t, func(c *siteConfig) {
		withProvider(c)
		c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}).Anonymous = true
	})
	b := s.browser()
	b.pressWay(b.open("/"), "anonymous", nil).completed()
	app := s.codeApp(t, "demo")
	p := b.get(app.entry()).want(http.StatusOK, "sign-in")
	if strings.Contains(p.body, s.base+"/anonymous") {
		t.Error("the page offers to go on without an account")
	}
	b.do(http.MethodPost, strings.Replace(app.entry(), s.base+"/?", s.base+"/anonymous?", 1), p.filled(nil), nil).want(http.StatusNotFound, "error", "error.disabled")
	b.get(app.authorizeAt()).want(http.StatusOK, "sign-in")
}

func crossSite(t *testing.T, s *site) {
	app := s.codeApp(t, "demo")
	b := s.browser()
	asks := app.signIn(b)
	form := asks.filled(nil)
	evil := http.Header{"Origin": {"https://app.example.com"}, "Sec-Fetch-Site": {"cross-site"}}
	if p := b.do(http.MethodPost, asks.action(), form, evil); p.status != http.StatusForbidden {
		t.Errorf("status %d", p.status)
	}
	form.Set("csrf_token", "x")
	b.fetch = fetchNothing
	if p := b.do(http.MethodPost, asks.action(), form, nil); p.status == http.StatusOK || s.minted() != 0 {
		t.Errorf("without a token: status %d, %d codes", p.status, s.minted())
	}
}

func foreignRedirect(t *testing.T, _ *site) {
	s := newSite(t, func(c *siteConfig) {
		c.settings.Environments[0].Clients[1].RedirectURIs = []string{"https://second.example.com/cb"}
	})
	app := s.codeApp(t, "demo")
	app.conf.RedirectURL = "https://second.example.com/cb"
	for _, more := range []string{"prompt=none", "response_mode=fragment", "request=x", "x=1"} {
		p := s.browser().do(http.MethodGet, app.entry(more), nil, nil)
		if p.status != http.StatusBadRequest || p.header.Get("Location") != "" || !p.has("error.page.redirect") {
			t.Errorf("%s: status %d, Location %q", more, p.status, p.header.Get("Location"))
		}
	}
}
