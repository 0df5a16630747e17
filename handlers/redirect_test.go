package handlers

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tcb-login/config/settings"
)

// redirectCases is testdata/redirect_cases.json; its `about` says how each list is to be run.
type redirectCases struct {
	AllowList    []string       `json:"allow_list"`
	Cases        []redirectCase `json:"cases"`
	OwnOrigin    []redirectCase `json:"own_origin"`
	RequestCases []redirectCase `json:"request_cases"`
	NextParam    []redirectCase `json:"next_param"`
}

type redirectCase struct {
	ID          string
	URI         string
	Query       string
	Expect      string
	BrowserHost string `json:"browser_host"`
}

func readRedirectCases(t testing.TB) (c redirectCases) {
	t.Helper()
	data, err := os.ReadFile("testdata/redirect_cases.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Cases) < 100 || len(c.OwnOrigin) < 20 || len(c.RequestCases) < 7 || len(c.NextParam) < 10 {
		t.Fatalf("only %d, %d, %d and %d cases", len(c.Cases), len(c.OwnOrigin), len(c.RequestCases), len(c.NextParam))
	}
	return c
}

// steps are all the POSTs there are, as somebody in the middle of everything
// could send them: with cookies, tokens and flows that are good.
type step struct {
	name, path string
	values     url.Values
}

// targets is a site with all steps reached, and the redirect_uris of the cases registered.
type targets struct {
	*browser
	s     *site
	steps []step
}

func newTargets(t *testing.T, c redirectCases) *targets {
	t.Helper()
	s := newSite(t, func(sc *siteConfig) {
		sc.settings.Environments[0].Clients[0].RedirectURIs = c.AllowList
		sc.settings.Environments[0].Clients[0].CodeFlow = true
	})
	b := s.browser()
	x := &targets{browser: b, s: s}
	keep := func(name string, p *page, typed fields) {
		u, err := url.Parse(p.action())
		if err != nil {
			t.Fatal(err)
		}
		path := u.Path
		if flow := u.Query().Get("flow"); flow != "" {
			path += "?flow=" + flow
		}
		x.steps = append(x.steps, step{name, path, p.filled(typed)})
	}
	signIn := b.open("/sign-in")
	keep("password", signIn, fields{"username": "demo", "password": demoPassword})
	for name, value := range showsAgain {
		x.steps = append(x.steps, step{name, s.base + "/sign-in", with(signIn.filled(fields{"username": "demo", "password": demoPassword}), name, value)})
	}
	keep("sms", b.open("/sign-in/sms"), fields{"phone_country": "CN", "phone_number": "13700000001"})
	keep("e-mail", b.open("/sign-in/email"), fields{"email": "one@example.com"})
	keep("sign-up", b.open("/sign-up", "via=email"), fields{"email": "two@example.com"})
	keep("reset", b.open("/reset-password", "via=email"), fields{"email": demoEmail})
	keep("sign-out", b.open("/sign-out"), nil)

	code := b.submit(b.open("/sign-in/email"), fields{"email": "one@example.com"}).want(http.StatusOK, "sign-in-email-code")
	keep("e-mail code", code, fields{"verification_code": s.backend.code("one@example.com")})
	code = b.submit(b.open("/sign-up", "via=email"), fields{"email": "two@example.com"}).want(http.StatusOK, "sign-up-code")
	details := b.submit(code, fields{"verification_code": s.backend.code("two@example.com")}).want(http.StatusOK, "sign-up-details")
	keep("sign-up details", details, fields{"username": "two"})
	code = b.submit(b.open("/reset-password", "via=email"), fields{"email": demoEmail}).want(http.StatusOK, "reset-password-code")
	newPassword := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "reset-password-new")
	keep("new password", newPassword, fields{"new_password": "Other-pass-2"})
	return x
}

// run judges one query string by a GET of the entry and of a step, and POSTs of
// all steps; none of them may call TCB.
func (x *targets) run(t *testing.T, query, expect, uri, host string) {
	t.Helper()
	b := *x.browser
	b.t = t
	calls, lines := x.s.backend.count(""), x.s.log.count()
	requests := 0
	do := func(method, path string, form url.Values) *page {
		requests++
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		return b.do(method, path+sep+query, form, nil)
	}
	for _, path := range []string{"/", "/sign-in/email", "/sign-out"} {
		p := do(http.MethodGet, x.s.base+path, nil)
		switch {
		case expect == "reject":
			rejected(t, p, uri, host)
		case p.status >= 400:
			t.Errorf("GET %s: status %d, want it accepted: %q\n%s", path, p.status, p.keys(), p.text())
		}
	}
	for _, step := range x.steps {
		switch {
		case expect == "reject":
			rejected(t, do(http.MethodPost, step.path, step.values), uri, host)
		case strings.HasPrefix(uri, publicOrigin):
			// It is the flows' tests that post to our own origin.
		case step.name == "lang":
			do(http.MethodPost, step.path, step.values).want(http.StatusOK, "sign-in")
		case step.name == "sign-out":
			var where departure
			do(http.MethodPost, step.path, step.values).want(http.StatusOK, "interstitial").script("departure", &where)
			if uri != "" && where.To != uri {
				t.Errorf("sign-out leads to %q", where.To)
			}
		case step.name == "action":
			// Another picture is asked of TCB, which mints nothing.
		default:
			// It is TestCodeFlow that posts for other origins.
		}
	}
	if got := x.s.backend.count(""); got != calls {
		t.Errorf("TCB was called %d times", got-calls)
	}
	if got := x.s.log.count() - lines; got != requests {
		t.Errorf("%d log lines for %d requests", got, requests)
	}
}

// rejected checks the page that refuses a target: nothing on it leads there.
func rejected(t *testing.T, p *page, uri, host string) {
	t.Helper()
	if p.status != http.StatusBadRequest || p.name() != "error" {
		t.Errorf("%s %s: status %d, page %q, want 400 and the error page", p.method, p.url.Path, p.status, p.name())
	}
	for _, name := range []string{"Location", "Refresh", "Link", "Set-Cookie2"} {
		if v := p.header.Get(name); v != "" {
			t.Errorf("%s %s: %s: %s", p.method, p.url.Path, name, v)
		}
	}
	for _, c := range (&http.Response{Header: p.header}).Cookies() {
		if c.Name == "a" {
			t.Errorf("%s %s: the value set a cookie", p.method, p.url.Path)
		}
	}
	leads := func(s string) bool {
		return uri != "" && (strings.Contains(s, uri) || strings.Contains(s, url.QueryEscape(uri))) ||
			strings.Contains(host, ".") && host != "login.example.net" && strings.Contains(s, host)
	}
	for _, n := range p.all(func(*html.Node) bool { return true }) {
		for _, a := range n.Attr {
			if leads(a.Val) {
				t.Errorf("%s %s: <%s %s=%q> repeats the value", p.method, p.url.Path, n.Data, a.Key, a.Val)
			}
		}
		if n.Data == "script" && n.FirstChild != nil {
			t.Errorf("%s %s: a script on the error page: %s", p.method, p.url.Path, n.FirstChild.Data)
		}
	}
}

func TestRedirectCases(t *testing.T) {
	t.Parallel()
	cases := readRedirectCases(t)
	x := newTargets(t, cases)
	const ids = "env_id=demo&client_id=demo&config_version=env"
	for _, c := range cases.Cases {
		t.Run("cases/"+c.ID, func(t *testing.T) {
			x.run(t, ids+"&"+pkce+"&redirect_uri="+url.QueryEscape(c.URI), c.Expect, c.URI, c.BrowserHost)
		})
	}
	// Without all of PKCE no other origin is a target, registered or not.
	for name, lacking := range map[string]string{
		"no response_type":    "code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWPhzxR0JqRZM",
		"token":               "response_type=token&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWPhzxR0JqRZM",
		"code and token":      "response_type=code%20token&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWPhzxR0JqRZM",
		"no challenge":        "response_type=code&code_challenge_method=S256",
		"short challenge":     "response_type=code&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWPhzxR0JqRZ",
		"no method":           "response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWPhzxR0JqRZM",
		"plain method":        "response_type=code&code_challenge_method=plain&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWPhzxR0JqRZM",
		"first method counts": "response_type=code&code_challenge_method=plain&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWPhzxR0JqRZM",
	} {
		t.Run("pkce/"+name, func(t *testing.T) {
			for _, uri := range cases.AllowList {
				rejected(t, x.do(http.MethodGet, x.s.base+"/?"+ids+"&"+lacking+"&redirect_uri="+url.QueryEscape(uri), nil, nil), uri, "")
			}
		})
	}
	for _, c := range cases.OwnOrigin {
		t.Run("own_origin/"+c.ID, func(t *testing.T) {
			x.run(t, ids+"&redirect_uri="+url.QueryEscape(c.URI), c.Expect, c.URI, c.BrowserHost)
		})
		t.Run("own_origin with code flow/"+c.ID, func(t *testing.T) {
			x.run(t, ids+"&"+pkce+"&redirect_uri="+url.QueryEscape(c.URI), c.Expect, c.URI, c.BrowserHost)
		})
	}
	for i, c := range cases.RequestCases {
		t.Run(fmt.Sprintf("request_cases/%d", i), func(t *testing.T) {
			query := c.Query
			for _, missing := range []string{"env_id=demo", "client_id=demo", "config_version=env", "response_type=code",
				"code_challenge_method=S256", "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWPhzxR0JqRZM"} {
				if name, _, _ := strings.Cut(missing, "="); !strings.Contains(query, name+"=") {
					query += "&" + missing
				}
			}
			expect := c.Expect
			if expect == "reject-or-default" {
				expect = "reject"
			}
			x.run(t, strings.TrimPrefix(query, "&"), expect, "", "evil.com")
		})
	}
}

// TestRepeatedParameters: what two readers could understand differently is
// refused; of everything else the first counts.
func TestRepeatedParameters(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	whole := entryQuery(appPage) + "&" + pkce + "&state=x&scope=x&nonce=x&prompt=x&max_age=1&login_hint=x&response_mode=query&display=x&ui_locales=x&claims=x&id_token_hint=x&acr_values=x"
	for _, name := range []string{
		"app_id", "env_id", "client_id", "config_version", "redirect_uri", "response_type", "code_challenge",
		"code_challenge_method", "state", "scope", "nonce", "prompt", "max_age", "login_hint", "response_mode", // where a code is asked for
		"display", "ui_locales", "claims", "id_token_hint", "acr_values",
	} {
		for _, more := range []string{
			name + "=", name + "=demo", name, name + "[]=x", name + "%5B%5D=x", name + "[0]=x", name + "%5b", strings.Replace(name, "e", "%65", 1) + "=x",
		} {
			for _, query := range []string{whole + "&" + more, more + "&" + whole} {
				p := b.do(http.MethodGet, s.base+"/?"+query, nil, nil)
				if p.status != http.StatusBadRequest || !p.has("error.page.parameter") {
					t.Errorf("%s: status %d, messages %q, want 400 and error.page.parameter", query, p.status, p.keys())
				}
			}
		}
	}
	whole = entryQuery(appPage)
	p := b.get(s.base+"/?"+whole+"&lang=zh-CN&lang=en&login_hint=first&login_hint=second&unknown=1&unknown[]=2&x;y=%zz&a=b=c").want(http.StatusOK, "sign-in")
	if p.lang() != "zh-CN" || p.value("username") != "first" {
		t.Errorf("language %q, username %q: the first parameter must count", p.lang(), p.value("username"))
	}
	if !strings.Contains(p.action(), "&unknown=1&unknown[]=2&x;y=%zz&a=b=c") {
		t.Errorf("the form posts to %s, want the query string as it came", p.action())
	}
	// What is no text is for the app to read. What we read must be some.
	for query, carried := range map[string]string{
		"%ff=1": "", "x=%ff": "", "a%00b=1": "", "x=\xff": "x=%FF", "x=%D6%D0": "", "x=\xd6\xd0&y=\"<'>": "x=%D6%D0&y=%22%3C'%3E", "x=%00": "",
	} {
		p := b.get(s.base+"/?"+whole+"&"+query).want(http.StatusOK, "sign-in")
		if !strings.HasSuffix(p.action(), "&"+cmp.Or(carried, query)) {
			t.Errorf("%q is carried on to %s", query, p.action())
		}
		if to := b.get(s.base + "/account?" + whole + "&" + query); to.status != http.StatusOK {
			t.Errorf("%q: the portal's status is %d", query, to.status)
		}
	}
	for _, query := range []string{"lang=%ff", "login_hint=%D6%D0", "state=%80", "flow=%ff", "next=%ff", "link=%ff", "via=%ff", "prompt[]=1&prompt[%ff]=2", "prompt[x]=%ff", "env_id%00=other", "redirect_uri%00x=https://evil.example/"} {
		b.do(http.MethodGet, s.base+"/?"+whole+"&"+query, nil, nil).want(http.StatusBadRequest, "error", "error.page.parameter")
	}
	b.do(http.MethodGet, s.base+"/?"+whole+"&x="+strings.Repeat("y", 12<<10), nil, nil).want(http.StatusBadRequest, "error", "error.page.parameter")
	b.do(http.MethodGet, s.base+"/?"+whole+"&x="+strings.Repeat("y", 6<<10), nil, nil).want(http.StatusBadRequest, "error", "error.page.too_large")
}

// TestDefaultTarget: without redirect_uri the operator's default counts, never Referer.
func TestDefaultTarget(t *testing.T) {
	t.Parallel()
	backend := newSite(t).backend
	tests := []struct {
		name, target string
		demo         *Demo
		status       int
	}{
		{"no default", "", nil, http.StatusBadRequest},
		{"a page of ours", publicOrigin + "/home", nil, http.StatusOK},
		{"not ours", "https://evil.com/", nil, http.StatusBadRequest},
		{"the demo app", "", &Demo{}, http.StatusOK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, oneEnvironment, func(c *siteConfig) {
				c.backend, c.demo = backend, tt.demo
				c.settings.Environments[0].DefaultRedirectURI = tt.target
			})
			b := s.browser()
			b.header.Set("Referer", publicOrigin+"/from")
			p := b.get(s.base + "/")
			if p.status != tt.status {
				t.Fatalf("status %d, want %d: %q", p.status, tt.status, p.keys())
			}
			if tt.status != http.StatusOK {
				return
			}
			want := tt.target
			if want == "" {
				want = publicOrigin + "/"
			}
			if done := b.submit(p, fields{"username": "demo", "password": demoPassword}).completed(); done.RedirectURI != want {
				t.Errorf("redirect_uri %q, want %q", done.RedirectURI, want)
			}
			// An empty one is not an absent one.
			b.get(s.base+"/?redirect_uri=").want(http.StatusBadRequest, "error", "error.page.redirect")
		})
	}
}

// TestInternalTargets puts addresses where a route's name belongs. Every page
// that comes back is looked over by the browser: no address on it leads away.
func TestInternalTargets(t *testing.T) {
	t.Parallel()
	cases := readRedirectCases(t)
	values := []string{"https://evil.com/callback", "javascript:alert(1)", "evil.com", "sign-in/../../evil", "/__auth/sign-in", "sign-up-nothing", "sign-in-sms-code/"}
	for _, c := range cases.NextParam {
		values = append(values, c.URI)
	}
	s := newSite(t)
	b := s.browser()
	signIn := b.open("/sign-in")
	for i, v := range values {
		t.Run(fmt.Sprintf("%d %q", i, v), func(t *testing.T) {
			b := b.on(t, s)
			refused := func(p *page) {
				t.Helper()
				if p.status != http.StatusBadRequest && p.status != http.StatusNotFound || p.header.Get("Location") != "" {
					t.Errorf("%s %s: status %d, Location %q, want 400 or 404 and none", p.method, p.url, p.status, p.header.Get("Location"))
				}
				rejected := strings.TrimSpace(v)
				for _, n := range p.all(byTag("a", "form", "button", "meta")) {
					for _, a := range n.Attr {
						if a.Val == rejected {
							t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
						}
					}
				}
			}
			calls := s.backend.count("")
			for name, value := range showsAgain {
				form := with(with(signIn.filled(nil), "form", v), name, value)
				refused(b.do(http.MethodPost, s.base+"/sign-in?"+entryQuery(appPage), form, nil))
			}
			var named []string
			for _, name := range []string{"via", "flow", "next", "link", "to", "return_to", "lang", "login_hint", "prompt", "state"} {
				named = append(named, name+"="+url.QueryEscape(v))
			}
			for _, path := range []string{"/", "/sign-in", "/sign-in/email", "/sign-up", "/reset-password", "/sign-out", "/account", "/account/verify"} {
				if p := b.open(path, named...); p.status != http.StatusOK {
					t.Errorf("GET %s: status %d, %q", path, p.status, p.keys())
				}
			}
			form := signIn.filled(fields{"username": "", "password": ""})
			b.do(http.MethodPost, s.base+"/sign-in?"+entryQuery(appPage, named...), form, nil)
			form.Set("lang", "zh-CN")
			b.do(http.MethodPost, s.base+"/sign-in?"+entryQuery(appPage, named...), form, nil)
			for _, path := range []string{v, "/" + v, s.base + v, s.base + "/" + v, s.base + "/sign-in/" + v, s.base + "/static/" + v} {
				if strings.TrimSuffix(path, "/") == s.base+"/sign-in" {
					continue
				}
				if u := (&url.URL{Path: path}).EscapedPath(); strings.HasPrefix(u, "/") && !strings.HasPrefix(u, "//") {
					refused(b.do(http.MethodGet, u, nil, nil))
				}
				if raw := strings.Map(func(r rune) rune {
					if r <= ' ' {
						return -1
					}
					return r
				}, path); strings.HasPrefix(raw, "/") && raw != s.base+"/sign-in" && raw != "/__auth/__auth/sign-in" {
					resp := s.raw(t, "GET "+raw+" HTTP/1.1\r\nHost: login.example.net\r\nConnection: close\r\n\r\n")
					if loc := resp.Header.Get("Location"); loc != "" {
						t.Errorf("GET %s leads to %s", raw, loc)
					}
				}
			}
			if got := s.backend.count(""); got != calls {
				t.Errorf("TCB was called %d times", got-calls)
			}
		})
	}
	// Where via= comes back in an address, it is one of its two values.
	for i, v := range values {
		if strings.ContainsRune(v, 0) {
			continue
		}
		p := b.at(fmt.Sprintf("192.0.2.%d", i+1)).post(b.open("/sign-up", "via="+url.QueryEscape(v)), fields{"phone_country": "CN", "phone_number": fmt.Sprintf("137%08d", i)})
		loc, err := url.Parse(p.header.Get("Location"))
		if p.status != http.StatusSeeOther || err != nil || loc.Host != "" && loc.Host != "login.example.net" || loc.Query().Get("via") != "phone" {
			t.Errorf("via=%q: status %d, Location %q", v, p.status, p.header.Get("Location"))
		}
	}
}

// raw sends bytes as they are and reads one answer.
func (s *site) raw(t testing.TB, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("reading the answer to %q: %v", shorten(request), err)
	}
	return resp
}

// TestWellKnown: password managers are led to our page, not with what they brought.
func TestWellKnown(t *testing.T) {
	t.Parallel()
	s := newSite(t, oneEnvironment, func(c *siteConfig) { c.settings.Environments[0].DefaultRedirectURI = publicOrigin + "/" })
	b := s.browser()
	p := b.do(http.MethodGet, "/.well-known/change-password?redirect_uri=https://evil.com", nil, nil)
	if p.status != http.StatusSeeOther || p.location() != publicOrigin+"/__auth/account/password" {
		t.Errorf("status %d, Location %q", p.status, p.header.Get("Location"))
	}
	b.follow(p).want(http.StatusOK, "hand-off") // and on, once it is known whose
}

// TestRegisteredEntries: the settings' own checks let the cases' list through.
func TestRegisteredEntries(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("environments:\n  - id: demo\n    clients:\n      - id: demo\n        redirect_uris:\n")
	for _, uri := range readRedirectCases(t).AllowList {
		fmt.Fprintf(&b, "          - %q\n", uri)
	}
	parsed, problems := settings.Parse("settings.yaml", []byte(b.String()), settings.Launch{})
	if problems.HasErrors() {
		t.Fatalf("the settings refuse what a client may register:\n%v", problems)
	}
	if got := len(parsed.Environments[0].Clients[0].RedirectURIs); got != len(readRedirectCases(t).AllowList) {
		t.Errorf("%d redirect_uris are left", got)
	}
}
