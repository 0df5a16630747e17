package handlers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tcb-login/config/settings"
	"tcb-login/handlers/entry"
	"tcb-login/limit"
)

// TestHead: HEAD answers as GET does, without a body.
func TestHead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.strict = false
	names := func(h http.Header) (names []string) {
		for name := range h {
			if name != "Content-Length" { // may be left out for HEAD (RFC 9110 §9.3.2)
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	b.open("/")
	for _, path := range []string{"/", "/sign-in", "/sign-in/sms", "/sign-in/email", "/sign-up", "/reset-password", "/sign-out",
		"/nothing", "/static/" + s.cfg.Static.Name("app.css"), "/sign-in?env_id=x", "/static/x"} {
		target := s.base + path
		if !strings.Contains(path, "?") {
			target += "?" + entryQuery(appPage)
		}
		get, head := b.do(http.MethodGet, target, nil, nil), b.do(http.MethodHead, target, nil, nil)
		if head.status != get.status || head.body != "" || !slices.Equal(names(head.header), names(get.header)) {
			t.Errorf("HEAD %s: %d with %v and %d bytes, GET: %d with %v", path, head.status, names(head.header), len(head.body), get.status, names(get.header))
		}
		for _, name := range []string{"Content-Security-Policy", "Cache-Control", "Content-Type", "Location"} {
			if head.header.Get(name) != get.header.Get(name) {
				t.Errorf("HEAD %s: %s is %q, with GET %q", path, name, head.header.Get(name), get.header.Get(name))
			}
		}
	}
}

// TestReadingChangesNothing: no GET calls TCB or ends anything.
func TestReadingChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	code := b.submit(b.open("/sign-up", "via=email"), fields{"email": "new@example.com"})
	details := b.submit(code, fields{"verification_code": s.backend.code("new@example.com")}).want(http.StatusOK, "sign-up-details")
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	calls := s.backend.count("")
	for _, p := range []*page{code, details} {
		b.get(p.action() + "&action=resend&verification_code=123456&password=x")
	}
	for _, path := range []string{"/", "/sign-in", "/sign-in/sms", "/sign-up", "/reset-password", "/sign-out"} {
		b.open(path, "username=demo&password=x&form=sign-in&lang=zh-CN&prompt=create")
	}
	if got := s.backend.count(""); got != calls {
		t.Errorf("GETs made %d calls", got-calls)
	}
	b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	if s.backend.count("/v1/user/signout") != 1 {
		t.Error("the login was gone before sign-out")
	}
}

func TestStrictTransportSecurity(t *testing.T) {
	t.Parallel()
	backend := newSite(t).backend
	for _, tt := range []struct {
		origin string
		age    time.Duration
		want   string
	}{
		{publicOrigin, 0, ""},
		{publicOrigin, 30 * 24 * time.Hour, "max-age=2592000"},
		{"http://login.example.net", 30 * 24 * time.Hour, ""},
	} {
		s := newSite(t, func(c *siteConfig) {
			c.backend, c.settings.HSTSMaxAge, c.settings.PublicOrigins = backend, tt.age, []string{tt.origin}
		})
		b := s.browser()
		b.target = tt.origin + "/"
		if got := b.open("/").want(http.StatusOK, "sign-in").header.Get("Strict-Transport-Security"); got != tt.want {
			t.Errorf("%s with max-age %v: %q, want %q", tt.origin, tt.age, got, tt.want)
		}
	}
}

func TestImageHosts(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) {
		c.settings.ImageHosts = []string{"https://cdn.example.com", "https://img.example.org"}
	})
	p := s.browser().open("/").want(http.StatusOK, "sign-in")
	if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "; img-src 'self' data: https://cdn.example.com https://img.example.org;") {
		t.Errorf("CSP %s", csp)
	}
}

// TestLog: one line a request, with what an operator needs and nothing that people typed.
func TestLog(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.submit(b.open("/sign-in", "login_hint=hinted%40example.com"), fields{"username": "+86 13912345678", "password": "Some-secret-1"})
	b.submit(b.open("/sign-in/email"), fields{"email": "typed@example.com"})
	b.get(s.base + "/nothing?x=secret-in-query")
	var routes []string
	ids := map[string]bool{}
	for _, line := range s.log.lines(t) {
		routes = append(routes, line.Method+" "+line.Route)
		ids[line.RequestID] = true
		if line.Msg != "request" || line.Status == 0 || line.Address == "" {
			t.Errorf("log line %+v", line)
		}
	}
	want := []string{"GET /__auth/sign-in", "POST /__auth/sign-in", "GET /__auth/sign-in/email", "POST /__auth/sign-in/email", "GET /__auth/sign-in/email", "GET /"}
	if !slices.Equal(routes, want) || len(ids) != len(want) {
		t.Errorf("log lines for %q with %d ids, want %q", routes, len(ids), want)
	}
	if code := s.log.lines(t)[1].Code; code != "not_found" {
		t.Errorf("the refused sign-in is logged with code %q", code)
	}
	for _, secret := range []string{"Some-secret-1", "13912345678", "typed@example.com", "hinted", "secret-in-query", "orders"} {
		if strings.Contains(s.log.text(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, s.log.text())
		}
	}
}

// brokenCounter is a store of limits that is away.
type brokenCounter struct{}

func (brokenCounter) Take(context.Context, limit.Rule, string) (limit.Decision, error) {
	return limit.Decision{}, errors.New("store is away")
}
func (brokenCounter) Peek(context.Context, limit.Rule, string) (limit.Decision, error) {
	return limit.Decision{}, errors.New("store is away")
}
func (brokenCounter) Refund(context.Context, limit.Rule, string) error {
	return errors.New("store is away")
}

// TestBrokenCounter: the outage of the limits' store must not become ours.
func TestBrokenCounter(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) { c.counter = brokenCounter{} })
	b := s.browser()
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	code := b.submit(b.open("/sign-in/email"), fields{"email": demoEmail}).want(http.StatusOK, "sign-in-email-code")
	b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).completed()
}

// TestAssets: hashed names, for ever; nothing under any other name.
func TestAssets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	p := b.open("/")
	for _, n := range p.all(byTag("link", "script")) {
		address := attr(n, "href") + attr(n, "src")
		if address == "data:," {
			continue
		}
		for accept, want := range map[string]string{
			"": "", "gzip": "gzip", "gzip, br": "br", "br;q=0, gzip": "gzip", "br;q=0.0,gzip;q=0": "", "identity": "", "GZIP;q=0.5": "gzip", "xbr": "",
		} {
			got := b.do(http.MethodGet, address, nil, http.Header{"Accept-Encoding": {accept}})
			if got.status != http.StatusOK || got.header.Get("Content-Encoding") != want || got.header.Get("Vary") != "Accept-Encoding" ||
				got.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || got.header.Get("X-Content-Type-Options") != "nosniff" ||
				len(got.header.Values("Set-Cookie")) > 0 {
				t.Errorf("%s for %q: %d %v", address, accept, got.status, got.header)
			}
		}
		if b.do(http.MethodGet, flip(address, len(address)-6), nil, nil).status != http.StatusNotFound {
			t.Errorf("%s is served under another hash", address)
		}
	}
}

func TestNewRefusesHalfAConfig(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, change := range map[string]func(*Config){
		"no settings": func(c *Config) { c.Settings = nil },
		"no client":   func(c *Config) { c.NewAuth = nil },
		"no sessions": func(c *Config) { c.Sessions = nil },
		"no counter":  func(c *Config) { c.Counter = nil },
		"no outcomes": func(c *Config) { c.Outcomes = nil },
		"no values":   func(c *Config) { c.Values = nil },
		"no messages": func(c *Config) { c.Messages = nil },
		"no assets":   func(c *Config) { c.Static = nil },
		"no logger":   func(c *Config) { c.Logger = nil },
		"an origin":   func(c *Config) { c.Origins = []string{"login.example.net"} },
		"a broken client": func(c *Config) {
			c.NewAuth = func(settings.Environment, settings.Client) (entry.Auth, error) { return nil, errors.New("broken") }
		},
	} {
		cfg := s.cfg
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestHeadersOfFiles: what pages load carries what means something on it, and nothing else; a picture
// of the operator's, which anybody can open by itself, can do nothing there.
func TestHeadersOfFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"logo": "/__auth/env/mark.svg", "tcbLogin": map[string]any{"radius": 4},
	}), "__auth/env/mark.svg": mark}))
	b := s.browser()
	var addresses []string
	for _, path := range []string{"/sign-in/sms", "/account"} {
		for _, n := range b.open(path).all(func(n *html.Node) bool { return true }) {
			for _, name := range []string{"href", "src", "data-countries"} {
				if a := attr(n, name); strings.Contains(a, "/static/") || strings.Contains(a, "/theme/") || strings.Contains(a, "/media/") {
					addresses = append(addresses, a)
				}
			}
		}
	}
	if len(addresses) < 6 {
		t.Errorf("pages load %q", addresses)
	}
	for _, address := range addresses {
		got := b.get(address)
		want := map[string]string{
			"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin",
			"Content-Security-Policy": "", "Referrer-Policy": "", "Cross-Origin-Opener-Policy": "", "Permissions-Policy": "", "X-Robots-Tag": "", "Set-Cookie": "",
		}
		if strings.Contains(address, "/media/") {
			want["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
		}
		for name, value := range want {
			if has := got.header.Get(name); got.status != http.StatusOK || has != value {
				t.Errorf("%s: %d, %s is %q, want %q", address, got.status, name, has, value)
			}
		}
	}
}
