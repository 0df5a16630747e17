package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tcb-login/authclient"
	"tcb-login/config/settings"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/web"
	"tcb-login/limit"
)

// rawPage sends bytes as they are and reads the answer as a page.
func (b *browser) rawPage(request string) *page {
	b.t.Helper()
	resp := b.s.raw(b.t, request)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	u, err := url.Parse(b.origin + b.s.base + "/")
	if err != nil {
		b.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	p := &page{t: b.t, b: b, url: u, method: method, status: resp.StatusCode, header: resp.Header, body: string(data)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		if p.doc, err = html.Parse(strings.NewReader(p.body)); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, wrong := range p.check() {
		b.t.Errorf("%s: %d: %s", shorten(request), p.status, wrong)
	}
	return p
}

// brokenDeny is a deny list whose store is away.
type brokenDeny struct{}

func (brokenDeny) Add(context.Context, string, time.Duration) error {
	return errors.New("store is away")
}
func (brokenDeny) Has(context.Context, string) (bool, error) {
	return false, errors.New("store is away")
}

// panicking is a client with a bug.
type panicking struct{ entry.Auth }

func (panicking) SignIn(context.Context, authclient.SignInRequest, ...authclient.CallOption) (*authclient.Credentials, error) {
	panic("a bug")
}

// TestErrorPages asks for every kind of error page; that all of them have all
// headers is for the browser to see.
func TestErrorPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const host = "Host: login.example.net\r\n"
	whole := "?" + entryQuery(appPage)
	tests := []struct {
		name, request string
		status        int
		key           string
	}{
		{"parameter", "GET /__auth/?env_id=../x HTTP/1.1\r\n" + host + "\r\n", 400, "error.page.parameter"},
		{"environment", "GET /__auth/?env_id=nowhere HTTP/1.1\r\n" + host + "\r\n", 400, "error.page.env"},
		{"no environment", "GET /__auth/ HTTP/1.1\r\n" + host + "\r\n", 400, "error.page.env_missing"},
		{"client", "GET /__auth/?env_id=demo&client_id=nobody HTTP/1.1\r\n" + host + "\r\n", 400, "error.page.client"},
		{"other environment's client", "GET /__auth/?env_id=other&client_id=demo HTTP/1.1\r\n" + host + "\r\n", 400, "error.page.client"},
		{"config_version", "GET /__auth/?env_id=demo&client_id=demo&config_version=v1_nothing HTTP/1.1\r\n" + host + "\r\n", 400, "error.page.app_missing"},
		{"no target", "GET /__auth/?env_id=demo&client_id=demo HTTP/1.1\r\n" + host + "\r\n", 400, "error.page.redirect_missing"},
		{"missing", "GET /__auth/nothing" + whole + " HTTP/1.1\r\n" + host + "\r\n", 404, "error.page.missing"},
		{"missing above", "GET / HTTP/1.1\r\n" + host + "\r\n", 404, "error.page.missing"},
		{"missing asset", "GET /__auth/static/app.css HTTP/1.1\r\n" + host + "\r\n", 404, "error.page.missing"},
		{"PUT", "PUT /__auth/sign-in" + whole + " HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n", 405, "error.page.method"},
		{"DELETE", "DELETE /__auth/sign-up" + whole + " HTTP/1.1\r\n" + host + "\r\n", 405, "error.page.method"},
		{"POST to the entry", "POST /__auth/" + whole + " HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n", 405, "error.page.method"},
		{"TRACE", "TRACE /__auth/sign-in" + whole + " HTTP/1.1\r\n" + host + "\r\n", 405, "error.page.method"},
		{"OPTIONS", "OPTIONS /__auth/sign-in" + whole + " HTTP/1.1\r\n" + host + "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n", 405, "error.page.method"},
		{"OPTIONS of it all", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 404, "error.page.missing"},
		{"CONNECT", "CONNECT login.example.net:443 HTTP/1.1\r\n" + host + "\r\n", 404, "error.page.missing"},
		{"CONNECT to a page", "CONNECT /__auth/ HTTP/1.1\r\n" + host + "\r\n", 405, "error.page.method"},
		{"a method of nobody's", "FOO /__auth/" + whole + " HTTP/1.1\r\n" + host + "\r\n", 501, "error.page.method"},
		{"a method in small letters", "get /__auth/" + whole + " HTTP/1.1\r\n" + host + "\r\n", 501, "error.page.method"},
		{"our word for a method of nobody's", "UNKNOWN /__auth/sign-in" + whole + " HTTP/1.1\r\n" + host + "\r\n", 501, "error.page.method"},
		{"WebDAV", "PROPFIND /nothing HTTP/1.1\r\n" + host + "\r\n", 501, "error.page.method"},
		{"a method of nobody's, to a route without a login request", "FOO /__auth/static/app.css HTTP/1.1\r\n" + host + "\r\n", 501, "error.page.method"},
		{"a method of nobody's, to another host", "FOO /__auth/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, "error.page.host"},
		{"two lengths", "POST /__auth/sign-in" + whole + " HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy", 400, "error.page.malformed"},
		{"large body", "POST /__auth/sign-in" + whole + " HTTP/1.1\r\n" + host + fmt.Sprintf("Content-Length: %d\r\n\r\n", web.BodyLimit+1), 413, "error.page.too_large"},
		{"large headers", "GET /__auth/" + whole + " HTTP/1.1\r\n" + host + "X-Large: " + strings.Repeat("x", headerLimit) + "\r\n\r\n", 431, "error.page.too_large"},
		{"other host", "GET /__auth/" + whole + " HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, "error.page.host"},
		{"no host", "GET /__auth/" + whole + " HTTP/1.0\r\n\r\n", 421, "error.page.host"},
		{"other port", "GET /__auth/" + whole + " HTTP/1.1\r\nHost: login.example.net:8443\r\n\r\n", 421, "error.page.host"},
		{"host to be continued", "GET /__auth/" + whole + " HTTP/1.1\r\nHost: login.example.net.evil.example\r\n\r\n", 421, "error.page.host"},
		{"forwarded host", "GET /__auth/" + whole + " HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: login.example.net\r\n\r\n", 421, "error.page.host"},
		{"unknown host's POST", "POST /__auth/sign-in" + whole + " HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n", 421, "error.page.host"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browser()
			b.t = t
			lines := s.log.count()
			p := b.rawPage(tt.request)
			p.want(tt.status, "error", tt.key)
			if line := last(s.log.lines(t)); s.log.count() != lines+1 || line.Status != tt.status {
				t.Errorf("%d log lines, the last %+v", s.log.count()-lines, line)
			}
			if loc := p.header.Get("Location"); loc != "" {
				t.Errorf("Location: %s", loc)
			}
			if tt.status == http.StatusMethodNotAllowed && p.header.Get("Allow") == "" {
				t.Error("405 without Allow (RFC 9110 §15.5.6)")
			}
		})
	}
	t.Run("a large host picks nothing in Chinese", func(t *testing.T) {
		b := s.browser()
		b.t = t
		p := b.rawPage("GET /__auth/nothing?lang=zh-CN HTTP/1.1\r\n"+host+"\r\n").want(404, "error")
		if p.lang() != "zh-CN" {
			t.Errorf("the error page's language is %q", p.lang())
		}
	})
	t.Run("deny list away", func(t *testing.T) {
		broken := newSite(t, func(c *siteConfig) { c.backend, c.deny = s.backend, brokenDeny{} })
		b := broken.browser()
		b.open("/sign-in").want(http.StatusOK, "sign-in") // a newcomer has no id to look up
		b.open("/sign-in").want(http.StatusInternalServerError, "error", "error.page.internal")
		b.forget()
		p := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword})
		p.want(http.StatusInternalServerError, "error", "error.page.internal")
		if line := last(broken.log.lines(t)); line.Level != "ERROR" || !strings.Contains(line.Error, "store is away") {
			t.Errorf("log line %+v", line)
		}
		if strings.Contains(p.body, "store is away") {
			t.Error("the page tells what broke inside")
		}
	})
	t.Run("a bug", func(t *testing.T) {
		broken := newSite(t, func(c *siteConfig) {
			c.backend, c.wrap = s.backend, func(a entry.Auth) entry.Auth { return panicking{a} }
		})
		b := broken.browser()
		p := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword})
		p.want(http.StatusInternalServerError, "error", "error.page.internal")
		line := last(broken.log.lines(t))
		if line.Level != "ERROR" || line.RequestID == "" || !strings.Contains(p.body, line.RequestID) {
			t.Errorf("log line %+v; its request id must be on the page", line)
		}
		b.open("/sign-in").want(http.StatusOK, "sign-in")
	})
}

func last[T any](list []T) (v T) {
	if len(list) > 0 {
		v = list[len(list)-1]
	}
	return v
}

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
	for _, path := range []string{"/", "/sign-in", "/sign-in/sms", "/sign-in/email", "/sign-up", "/reset-password", "/sign-out", "/language",
		"/captcha", "/nothing", "/static/" + s.cfg.Static.Name("app.css"), "/sign-in?env_id=x", "/static/x"} {
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
	for _, path := range []string{"/", "/sign-in", "/sign-in/sms", "/sign-up", "/reset-password", "/sign-out", "/language", "/captcha"} {
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

// TestPageOrigin: Host decides which page this is; the scheme is the operator's
// word, and a trusted proxy's only where both are listed.
func TestPageOrigin(t *testing.T) {
	t.Parallel()
	backend := newSite(t).backend
	proxy := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	listed := []string{"https://both.example.net", "http://both.example.net", "http://plain.example.net:8080", "https://secure.example.net", "http://[::1]:8080"}
	trusting := newSite(t, func(c *siteConfig) {
		c.backend, c.settings.PublicOrigins, c.settings.TrustedProxies = backend, listed, proxy
	})
	trustless := newSite(t, func(c *siteConfig) {
		c.backend, c.settings.PublicOrigins, c.settings.TrustedProxies = backend, listed, nil
	})
	tests := []struct {
		name        string
		s           *site
		host, proto string
		want        string
	}{
		{"https only", trusting, "secure.example.net", "", "https://secure.example.net"},
		{"https only, whatever is forwarded", trusting, "secure.example.net", "http", "https://secure.example.net"},
		{"http only, whatever is forwarded", trusting, "plain.example.net:8080", "https", "http://plain.example.net:8080"},
		{"IPv6", trusting, "[::1]:8080", "", "http://[::1]:8080"},
		{"both", trusting, "both.example.net", "http", "http://both.example.net"},
		{"both, https", trusting, "both.example.net", "https", "https://both.example.net"},
		{"both, the first listed", trusting, "both.example.net", "", "https://both.example.net"},
		{"both, nonsense", trusting, "both.example.net", "gopher", "https://both.example.net"},
		{"both, from nobody we trust", trustless, "both.example.net", "http", "https://both.example.net"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := tt.s.browser()
			b.t, b.origin = t, tt.want
			b.target = tt.want + "/"
			b.header.Set("Host", tt.host)
			if tt.proto != "" {
				b.header.Set("X-Forwarded-Proto", tt.proto)
			}
			p := b.open("/").want(http.StatusOK, "sign-in") // the target and CSP are judged by the page's own origin
			if cookies := (&http.Response{Header: p.header}).Cookies(); len(cookies) != 1 || cookies[0].Secure != strings.HasPrefix(tt.want, "https:") {
				t.Errorf("cookies %v on %s", cookies, tt.want)
			}
		})
	}
}

// TestClientAddress reads the caller's address off the log and off what TCB is told.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	backend := newSite(t).backend
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	trusting := newSite(t, func(c *siteConfig) { c.backend, c.settings.TrustedProxies = backend, proxies })
	trustless := newSite(t, func(c *siteConfig) { c.backend, c.settings.TrustedProxies = backend, nil })
	tests := []struct {
		name      string
		s         *site
		forwarded []string
		want      string
	}{
		{"nothing forwarded", trusting, nil, "127.0.0.1"},
		{"one hop", trusting, []string{"203.0.113.9"}, "203.0.113.9"},
		{"the rightmost we do not trust", trusting, []string{"1.1.1.1, 203.0.113.9, 10.1.2.3"}, "203.0.113.9"},
		{"over several lines", trusting, []string{"1.1.1.1", "203.0.113.9, 10.1.2.3", "10.9.9.9"}, "203.0.113.9"},
		{"all trusted", trusting, []string{"10.1.1.1, 10.2.2.2"}, "10.1.1.1"},
		{"IPv6", trusting, []string{"2001:db8:2::7, 2001:db8:1::1"}, "2001:db8:2::7"},
		{"with a port", trusting, []string{"203.0.113.9:4711"}, "203.0.113.9"},
		{"IPv6 with a port", trusting, []string{"[2001:db8:2::7]:4711"}, "2001:db8:2::7"},
		{"IPv4 in IPv6", trusting, []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"trusted IPv4 in IPv6", trusting, []string{"203.0.113.9, ::ffff:10.1.1.1"}, "203.0.113.9"},
		{"nonsense hides what is left of it", trusting, []string{"203.0.113.9, unknown, 10.1.1.1"}, "10.1.1.1"},
		{"nonsense alone", trusting, []string{"<script>"}, "127.0.0.1"},
		{"empty", trusting, []string{""}, "127.0.0.1"},
		{"an empty element is none", trusting, []string{"203.0.113.9, ", " ,10.1.1.1"}, "203.0.113.9"},
		{"null", trusting, []string{"null"}, "127.0.0.1"},
		{"from nobody we trust", trustless, []string{"203.0.113.9"}, "127.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := tt.s.browser()
			b.t = t
			if tt.forwarded != nil {
				b.header["X-Forwarded-For"] = tt.forwarded
			}
			b.header.Set("X-Real-IP", "9.9.9.9")
			b.header.Set("Forwarded", "for=9.9.9.9")
			b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			if got := last(tt.s.log.lines(t)).Address; got != tt.want {
				t.Errorf("the log says %s, want %s", got, tt.want)
			}
			for _, call := range backend.callsTo("/v1/signin") {
				if got := call.header.Get("X-Forwarded-For"); got == "9.9.9.9" || call.header.Get("X-Forwarded-Proto") != "" {
					t.Errorf("TCB was told %v", call.header)
				}
			}
			if got := last(backend.callsTo("/v1/signin")).header.Get("X-Forwarded-For"); got != tt.want {
				t.Errorf("TCB was told %s, want %s", got, tt.want)
			}
		})
	}
}

// TestCookies wants them word for word.
func TestCookies(t *testing.T) {
	t.Parallel()
	backend := newSite(t).backend
	for _, tt := range []struct{ origin, session, access, attributes string }{
		{publicOrigin, "__Host-tcb_login=", "__Secure-tcb_login_at_", "; HttpOnly; Secure; SameSite=Lax"},
		{"http://127.0.0.1:8080", "tcb_login=", "tcb_login_at_", "; HttpOnly; SameSite=Lax"},
	} {
		t.Run(tt.origin, func(t *testing.T) {
			s := newSite(t, func(c *siteConfig) { c.backend, c.settings.PublicOrigins = backend, []string{tt.origin} })
			b := s.browser()
			b.t, b.target = t, tt.origin+"/"
			p := b.open("/sign-in").want(http.StatusOK, "sign-in")
			set := p.header.Values("Set-Cookie")
			if len(set) != 1 || !strings.HasPrefix(set[0], tt.session) || !strings.HasSuffix(set[0], "; Path=/"+tt.attributes) {
				t.Errorf("Set-Cookie %q", set)
			}
			before := b.cookies()[0].Value
			p = b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword})
			p.completed()
			set = p.header.Values("Set-Cookie")
			if len(set) != 2 || !slices.ContainsFunc(set, func(c string) bool {
				return strings.HasPrefix(c, tt.session) && strings.HasSuffix(c, "; Path=/"+tt.attributes) && !strings.Contains(c, before)
			}) || !slices.ContainsFunc(set, func(c string) bool {
				return strings.HasPrefix(c, tt.access) && strings.HasSuffix(c, "; Path=/__auth; Max-Age=7200"+tt.attributes)
			}) {
				t.Errorf("Set-Cookie %q", set)
			}
			// What does not change is not sent again.
			if set := b.open("/sign-in").header.Values("Set-Cookie"); len(set) != 0 {
				t.Errorf("Set-Cookie %q on a page that changes nothing", set)
			}
			p = b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
			if !slices.ContainsFunc(p.header.Values("Set-Cookie"), func(c string) bool {
				return strings.HasPrefix(c, tt.access) && strings.HasSuffix(c, "=; Path=/__auth; Max-Age=0"+tt.attributes)
			}) {
				t.Errorf("sign-out leaves the access cookie: %q", p.header.Values("Set-Cookie"))
			}
		})
	}
}

// TestCrossSite: what another site's page sends does nothing.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.fetch = fetchNothing
	signIn := b.open("/sign-in")
	good := signIn.filled(fields{"username": "demo", "password": demoPassword})
	paths := []string{"/sign-in", "/sign-in/sms", "/sign-in/email", "/sign-up", "/reset-password", "/sign-out", "/language", "/captcha"}
	for _, tt := range []struct {
		name   string
		header http.Header
	}{
		{"cross-site", http.Header{"Sec-Fetch-Site": {"cross-site"}}},
		{"same-site", http.Header{"Sec-Fetch-Site": {"same-site"}}},
		{"cross-site with our origin", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {publicOrigin}}},
		{"same-origin with another origin", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"https://evil.example"}}},
		{"another origin", http.Header{"Origin": {"https://evil.example"}}},
		{"our host on http", http.Header{"Origin": {"http://login.example.net"}}},
		{"our host on another port", http.Header{"Origin": {publicOrigin + ":8443"}}},
		{"cross-site with no origin to speak of", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"null"}}},
		{"same-site with no origin to speak of", http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"null"}}},
		{"typed by the person, from another origin", http.Header{"Sec-Fetch-Site": {"none"}, "Origin": {"https://evil.example"}}},
		{"two origins", http.Header{"Origin": {publicOrigin, "https://evil.example"}}},
		{"two origins the other way", http.Header{"Origin": {"https://evil.example", publicOrigin}}},
		{"two origins in a line", http.Header{"Origin": {publicOrigin + ", " + publicOrigin}}},
		{"two sites", http.Header{"Sec-Fetch-Site": {"same-origin", "cross-site"}}},
		{"one of null and one of another", http.Header{"Origin": {"null", "https://evil.example"}}},
		{"Null", http.Header{"Origin": {"Null"}}}, // browsers write it small
		{"nonsense", http.Header{"Sec-Fetch-Site": {"x"}}},
	} {
		for _, path := range paths {
			p := b.do(http.MethodPost, s.base+path+"?"+entryQuery(appPage), good, tt.header)
			if p.status != http.StatusForbidden || !p.has("error.page.cross_site") || len(p.header.Values("Set-Cookie")) > 0 {
				t.Errorf("%s to %s: status %d, %q", tt.name, path, p.status, p.keys())
			}
		}
	}
	if got := s.backend.count(""); got != 0 {
		t.Errorf("TCB was called %d times", got)
	}
	for _, header := range []http.Header{
		{"Sec-Fetch-Site": {"same-origin"}, "Origin": {publicOrigin}},
		{"Sec-Fetch-Site": {"same-origin"}},
		{"Origin": {publicOrigin}},
		{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"null"}}, // our page behind a proxy that adds no-referrer
		{"Sec-Fetch-Site": {""}, "Origin": {publicOrigin}},
		{"Sec-Fetch-Site": {"same-origin", "same-origin"}, "Origin": {"", publicOrigin}},
		{}, {"Sec-Fetch-Site": {"none"}}, {"Origin": {"null"}}, {"Origin": {""}}, {"Sec-Fetch-Site": {""}, "Origin": {"null"}}, // by the token alone
	} {
		good := b.open("/sign-in").filled(fields{"username": "demo", "password": demoPassword})
		b.do(http.MethodPost, s.base+"/sign-in?"+entryQuery(appPage), good, header).completed()
	}
	// Where the browser vouches for the page, a lost token costs nothing.
	good.Set("csrf_token", "lost")
	for _, header := range []http.Header{{"Origin": {publicOrigin}}, {"Sec-Fetch-Site": {"same-origin"}, "Origin": {"null"}}} {
		b.do(http.MethodPost, s.base+"/sign-in?"+entryQuery(appPage), good, header).completed()
	}
	// Where it does not, the form comes back and nothing is called.
	calls := s.backend.count("")
	for _, header := range []http.Header{{}, {"Origin": {"null"}}, {"Origin": {""}}, {"Sec-Fetch-Site": {"none"}, "Origin": {"null"}}} {
		p := b.do(http.MethodPost, s.base+"/sign-in?"+entryQuery(appPage), good, header)
		p.want(http.StatusUnprocessableEntity, "sign-in", "error.stale_password").wantValue(fields{"username": "demo"})
	}
	if got := s.backend.count(""); got != calls {
		t.Errorf("TCB was called %d times", got-calls)
	}
}

// TestUnsaidHeaders: of each header that anything is judged by, an answer that is
// not there (absent, empty, "null") is no answer, and never a wrong one; and one
// that contradicts another decides nothing in the sender's favour.
func TestUnsaidHeaders(t *testing.T) {
	t.Parallel()
	proxy := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	s := newSite(t, func(c *siteConfig) {
		c.settings.TrustedProxies = proxy
		c.settings.PublicOrigins = []string{publicOrigin, "https://both.example.net", "http://both.example.net"}
	})
	// Sign-in with a right password, as browsers post it but for the header.
	for _, tt := range []struct {
		name   string
		values [][]string // of the header, each a request that must end signed in
	}{
		{"Origin", [][]string{nil, {""}, {"null"}}},
		{"Sec-Fetch-Site", [][]string{nil, {""}}},
		{"Referer", [][]string{nil, {""}, {"null"}, {"https://evil.example/"}, {publicOrigin, "https://evil.example/"}}},
		{"User-Agent", [][]string{nil, {""}, {"null"}, {"a", "b"}}},
		{"Accept-Language", [][]string{nil, {""}, {"null"}, {";;q=x"}, {"ja", "ko"}}},
		{"Accept", [][]string{nil, {""}, {"null"}}},
		{"Accept-Encoding", [][]string{nil, {""}, {"null"}, {"br;q=0"}}},
		{"X-Forwarded-For", [][]string{nil, {""}, {"null"}, {"null, null"}, {",,"}, {"203.0.113.1", "null"}}},
		{"X-Forwarded-Proto", [][]string{nil, {""}, {"null"}, {"http"}, {"https", "http"}}},
		{"X-Forwarded-Host", [][]string{nil, {""}, {"null"}, {"evil.example"}}},
		{"X-Csrf-Token", [][]string{nil, {""}, {"null"}}}, // of a form no header is asked
		{"Sec-Fetch-Mode", [][]string{nil, {""}, {"null"}, {"cors"}}},
	} {
		for i, values := range tt.values {
			t.Run(fmt.Sprintf("%s %d %q", tt.name, i, values), func(t *testing.T) {
				b := s.browser().on(t, s)
				header := http.Header{tt.name: values}
				p := b.open("/sign-in").want(http.StatusOK, "sign-in")
				b.do(http.MethodPost, p.action(), p.filled(fields{"username": "demo", "password": demoPassword}), header).completed()
			})
		}
	}
	t.Run("Cookie", func(t *testing.T) {
		b := s.browser().on(t, s)
		b.client.Jar = nil
		for _, values := range [][]string{nil, {""}, {"null"}, {"__Host-tcb_login="}, {"__Host-tcb_login=null; __Host-tcb_login=x"}} {
			p := b.do(http.MethodGet, s.base+"/sign-in?"+entryQuery(appPage), nil, http.Header{"Cookie": values}).want(http.StatusOK, "sign-in")
			if len(p.header.Values("Set-Cookie")) != 1 {
				t.Errorf("%q: no new session: %q", values, p.header.Values("Set-Cookie"))
			}
			// Without cookie and word of the browser, the form comes back whole.
			form := p.filled(fields{"username": "demo", "password": demoPassword})
			p = b.do(http.MethodPost, p.action(), form, http.Header{"Cookie": values, "Origin": {"null"}, "Sec-Fetch-Site": nil})
			p.want(http.StatusUnprocessableEntity, "sign-in", "error.stale_password").wantValue(fields{"username": "demo"})
		}
	})
	t.Run("Content-Type", func(t *testing.T) {
		b := s.browser().on(t, s)
		p := b.open("/sign-in")
		calls := s.backend.count("")
		for _, values := range [][]string{nil, {""}} {
			b.do(http.MethodPost, p.action(), p.filled(fields{"username": "demo"}), http.Header{"Content-Type": values}).
				want(http.StatusUnprocessableEntity, "sign-in")
		}
		for _, value := range []string{"null", "text/plain", "application/json"} {
			b.do(http.MethodPost, p.action(), p.filled(fields{"username": "demo"}), http.Header{"Content-Type": {value}}).
				want(http.StatusUnsupportedMediaType, "error", "error.page.unreadable")
		}
		if got := s.backend.count(""); got != calls {
			t.Errorf("TCB was called %d times for what is no form", got-calls)
		}
	})
	t.Run("Host", func(t *testing.T) {
		// Which page this is cannot go unsaid. No answer is the page that says so, and never another's.
		b := s.browser().on(t, s)
		b.rawPage("GET /__auth/?"+entryQuery(appPage)+" HTTP/1.0\r\n\r\n").want(http.StatusMisdirectedRequest, "error", "error.page.host")
		b.rawPage("GET /__auth/?"+entryQuery(appPage)+" HTTP/1.1\r\nHost: null\r\n\r\n").want(http.StatusMisdirectedRequest, "error", "error.page.host")
		b.rawPage("GET /__auth/?"+entryQuery(appPage)+" HTTP/1.1\r\nHost:\r\n\r\n").want(http.StatusBadRequest, "error", "error.page.malformed")
	})
	t.Run("X-Forwarded-Proto of one that is listed with both", func(t *testing.T) {
		for _, values := range [][]string{nil, {""}, {"null"}} {
			b := s.browser().on(t, s)
			b.origin, b.target = "https://both.example.net", "https://both.example.net/"
			b.header.Set("Host", "both.example.net")
			if values != nil {
				b.header["X-Forwarded-Proto"] = values
			}
			b.open("/").want(http.StatusOK, "sign-in") // the first that is listed, and its cookie and CSP
		}
	})
	t.Run("POST /session", func(t *testing.T) {
		b, login := s.signedIn(t)
		good := map[string]string{"access_token": login.Credentials.AccessToken}
		for name, tt := range map[string]struct {
			header http.Header
			want   int
		}{
			"null beside the proof":   {http.Header{"Origin": {"null"}}, http.StatusOK},
			"no Origin":               {http.Header{"Origin": nil}, http.StatusOK},
			"no Sec-Fetch-Site":       {http.Header{"Sec-Fetch-Site": nil}, http.StatusOK},
			"null alone":              {http.Header{"Origin": {"null"}, "Sec-Fetch-Site": nil}, http.StatusBadRequest},
			"null alone, token twice": {http.Header{"Origin": {"null"}, "Sec-Fetch-Site": nil, "X-Csrf-Token": {"a", "b"}}, http.StatusBadRequest},
			"null as the token":       {http.Header{"Origin": {"null"}, "X-Csrf-Token": {"null"}}, http.StatusForbidden},
			"an empty token":          {http.Header{"X-Csrf-Token": {""}}, http.StatusForbidden},
			"a named one beside":      {http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
			"cross-site, null":        {http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		} {
			if got, out := b.handOver(b.open("/account"), good, tt.header); got != tt.want {
				t.Errorf("%s: %d %+v, want %d", name, got, out, tt.want)
			}
		}
	})
}

// TestToken: without the browser's word the form's token decides, and a form
// without a good one comes back with what was typed, but for the password.
func TestToken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.fetch = fetchNothing
	stranger := s.browser()
	other := stranger.open("/sign-in").value("csrf_token")
	first, second := b.open("/sign-in"), b.open("/sign-in")
	if first.value("csrf_token") == second.value("csrf_token") {
		t.Error("two pages have the same token: it must be masked anew in each (BREACH)")
	}
	code := b.submit(b.open("/sign-up", "via=email"), fields{"email": "new@example.com"}).want(http.StatusOK, "sign-up-code")
	details := b.submit(code, fields{"verification_code": s.backend.code("new@example.com")}).want(http.StatusOK, "sign-up-details")
	resetCode := b.submit(b.open("/reset-password", "via=email"), fields{"email": demoEmail}).want(http.StatusOK, "reset-password-code")
	newPassword := b.submit(resetCode, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "reset-password-new")
	emailCode := b.at("192.0.2.2").submit(b.open("/sign-in/email"), fields{"email": "three@example.com"}).want(http.StatusOK, "sign-in-email-code")
	forms := []struct {
		name  string
		p     *page
		typed fields
	}{
		{"sign-in", first, fields{"username": "demo", "password": demoPassword}},
		{"sign-in-sms", b.open("/sign-in/sms"), fields{"phone_country": "CN", "phone_number": "13700000001"}},
		{"sign-in-email", b.open("/sign-in/email"), fields{"email": "one@example.com"}},
		{"sign-in-email-code", emailCode, fields{"verification_code": s.backend.code("three@example.com")}},
		{"sign-up", b.open("/sign-up", "via=email"), fields{"email": "two@example.com"}},
		{"sign-up-details", details, fields{"username": "newcomer", "name": "New Comer", "password": "New-pass-1!"}},
		{"reset-password", b.open("/reset-password", "via=email"), fields{"email": demoEmail}},
		{"reset-password-new", newPassword, fields{"new_password": "Other-pass-2"}},
		{"sign-out", b.open("/sign-out"), nil},
	}
	calls := s.backend.count("")
	for _, tt := range forms {
		for name, token := range map[string]string{
			"none": "", "nonsense": "x", "a stranger's": other, "a changed one": flip(first.value("csrf_token"), 50),
			"half of one": first.value("csrf_token")[:43], "all zero": strings.Repeat("A", 86),
		} {
			t.Run(tt.name+" with "+name, func(t *testing.T) {
				b := b.on(t, s)
				values := tt.p.filled(tt.typed)
				values.Set("csrf_token", token)
				p := b.do(http.MethodPost, tt.p.action(), values, nil)
				key := "error.stale"
				if tt.typed["password"]+tt.typed["new_password"] != "" {
					key = "error.stale_password"
				}
				p.want(http.StatusUnprocessableEntity, tt.name, key)
				want := fields{}
				for field, value := range tt.typed {
					if !strings.Contains(field, "password") && field != "verification_code" {
						want[field] = value
					}
				}
				p.wantValue(want)
				if _, kept := p.controls()["kept"]; kept {
					t.Error("a page that may be somebody else's keeps the password: its button would sign the person in as whoever wrote it")
				}
			})
		}
	}
	if got := s.backend.count(""); got != calls {
		t.Errorf("TCB was called %d times", got-calls)
	}
	// Nothing is lost: the page that came back works.
	values := first.filled(fields{"username": "demo"})
	values.Set("csrf_token", "")
	p := b.do(http.MethodPost, first.action(), values, nil).want(http.StatusUnprocessableEntity, "sign-in", "error.stale")
	p.wantValue(fields{"username": "demo"})
	b.submit(p, fields{"password": demoPassword}).completed()
}

// flip changes one character of a sealed value.
func flip(s string, at int) string {
	b := []byte(s)
	if b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	return string(b)
}

// TestLanguageAndCaptchaOfStrangers: the shared routes keep no password for a
// page that may be somebody else's either.
func TestLanguageAndCaptchaOfStrangers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.fetch = fetchNothing
	values := b.open("/sign-in").filled(fields{"username": "mallory", "password": "Mallory-pass-1"})
	values.Set("csrf_token", "")
	values.Set("lang", "zh-CN")
	for _, path := range []string{"/language", "/captcha"} {
		p := b.do(http.MethodPost, s.base+path+"?"+entryQuery(appPage), values, nil)
		p.wantValue(fields{"username": "mallory"})
		if _, kept := p.controls()["kept"]; kept || p.status != http.StatusUnprocessableEntity || !p.has("error.stale_password") {
			t.Errorf("%s: kept %v, messages %q", path, kept, p.keys())
		}
	}
	if p := b.open("/sign-in"); p.lang() != "en" {
		t.Error("a stranger's form chose the language of this browser for good")
	}
	if got := s.backend.count(""); got != 0 {
		t.Errorf("TCB was called %d times", got)
	}
}

// TestRotation: signing in and out changes the session, and a cookie copied
// before is worth nothing after.
func TestRotation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	inOtherTab := b.submit(b.open("/sign-in/email"), fields{"email": "one@example.com"}).want(http.StatusOK, "sign-in-email-code")
	before := b.open("/sign-in")
	thief := b.copy()
	b.submit(before, fields{"username": "demo", "password": demoPassword}).completed()
	if same(b, thief) {
		t.Fatal("the session cookie is the same after sign-in")
	}
	// Without the browser's word only the token would do, and it was of the old session.
	thief.fetch = fetchNothing
	values := before.filled(fields{"username": "demo", "password": demoPassword})
	old := thief.copy().do(http.MethodPost, before.action(), values, nil)
	old.want(http.StatusUnprocessableEntity, "sign-in", "error.stale_password")
	if len(old.header.Values("Set-Cookie")) == 0 {
		t.Error("an old cookie was not replaced")
	}
	calls := s.backend.count("/v1/verification/verify")
	code := fields{"verification_code": s.backend.code("one@example.com")}
	thief.fetch = fetchMetadata
	thief.copy().submit(inOtherTab, code).want(http.StatusUnprocessableEntity, "sign-in-email", "error.code_lost")
	if got := s.backend.count("/v1/verification/verify"); got != calls {
		t.Error("a flow was gone on with by the old cookie")
	}
	// Of the same browser the other tab goes on.
	afterFirst := b.copy()
	b.submit(inOtherTab, code).completed()
	if same(b, afterFirst) {
		t.Error("the session cookie is the same after the second sign-in")
	}

	// Sign-out voids everything, the browser's own flows too.
	s.clock.advance(time.Minute)
	another := b.submit(b.open("/sign-in/email"), fields{"email": "two@example.com"}).want(http.StatusOK, "sign-in-email-code")
	signedIn := b.copy()
	b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	if same(b, signedIn) {
		t.Error("the session cookie is the same after sign-out")
	}
	b.submit(another, fields{"verification_code": s.backend.code("two@example.com")}).want(http.StatusUnprocessableEntity, "sign-in-email", "error.code_lost")
	revoked := s.backend.count("/v1/user/signout")
	signedIn.submit(signedIn.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	if got := s.backend.count("/v1/user/signout"); got != revoked {
		t.Error("the access cookie opens under a session that has ended")
	}
	// After 12 hours a session is over by itself.
	s.clock.advance(12 * time.Hour)
	if p := b.open("/sign-in"); len(p.header.Values("Set-Cookie")) != 1 {
		t.Error("a session lives for more than 12 hours")
	}
}

// same reports whether two browsers have the same session cookie.
func same(a, b *browser) bool {
	session := func(b *browser) string {
		for _, c := range b.cookies() {
			if strings.HasSuffix(c.Name, "tcb_login") {
				return c.Value
			}
		}
		return ""
	}
	return session(a) == session(b)
}

// TestForeignFlows: a step under way belongs to one browser, environment,
// client and purpose, and to nobody who changes it.
func TestForeignFlows(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	code := b.submit(b.open("/sign-in/email"), fields{"email": "one@example.com"}).want(http.StatusOK, "sign-in-email-code")
	right := fields{"verification_code": s.backend.code("one@example.com")}
	u, err := url.Parse(code.action())
	if err != nil {
		t.Fatal(err)
	}
	flow := u.Query().Get("flow")
	if len(flow) < 100 {
		t.Fatalf("flow=%q", flow)
	}
	calls := s.backend.count("")
	refused := func(name string, b *browser, path, query string) {
		t.Helper()
		target := s.base + path + "?" + query
		p := b.do(http.MethodPost, target, code.filled(right), nil)
		if p.status != http.StatusUnprocessableEntity || !p.has("error.code_lost") || strings.HasSuffix(p.name(), "-code") {
			t.Errorf("%s: POST: status %d, page %q, messages %q", name, p.status, p.name(), p.keys())
		}
		if _, has := p.controls()["email"]; has {
			p.wantValue(fields{"email": "one@example.com"}) // what it costs is another code, not the typing
		}
		p = b.do(http.MethodGet, target, nil, nil)
		if p.status != http.StatusOK || strings.HasSuffix(p.name(), "-code") || !p.has("error.code_lost") {
			t.Errorf("%s: GET: status %d, page %q, messages %q", name, p.status, p.name(), p.keys())
		}
	}
	other := s.browser()
	other.open("/")
	refused("another browser", other, "/sign-in/email", entryQuery(appPage, "flow="+flow))
	refused("no cookies", s.browser(), "/sign-in/email", entryQuery(appPage, "flow="+flow))
	refused("another client", b, "/sign-in/email", strings.Replace(entryQuery(appPage, "flow="+flow), "client_id=demo", "client_id=second", 1))
	refused("another environment", b, "/sign-in/email", "env_id=other&client_id=other&redirect_uri="+url.QueryEscape(appPage)+"&flow="+flow)
	refused("another purpose", b, "/sign-up", entryQuery(appPage, "via=email", "flow="+flow))
	refused("another purpose", b, "/reset-password", entryQuery(appPage, "via=email", "flow="+flow))
	refused("another way", b, "/sign-in/sms", entryQuery(appPage, "flow="+flow))
	for _, at := range []int{0, 10, 32, 33, len(flow) / 2, len(flow) - 1} {
		if at == len(flow)-1 && len(flow)%4 != 0 {
			at-- // the last character's lower bits may be padding
		}
		refused("changed", b, "/sign-in/email", entryQuery(appPage, "flow="+flip(flow, at)))
	}
	refused("cut short", b, "/sign-in/email", entryQuery(appPage, "flow="+flow[:len(flow)-4]))
	refused("longer", b, "/sign-in/email", entryQuery(appPage, "flow="+flow+"AAAA"))
	refused("nonsense", b, "/sign-in/email", entryQuery(appPage, "flow=x"))
	if got := s.backend.count(""); got != calls {
		t.Errorf("TCB was called %d times", got-calls)
	}
	// The target is no part of the flow: it is judged with every request anyway.
	b.do(http.MethodPost, s.base+"/sign-in/email?"+entryQuery("https://evil.example/", "flow="+flow), code.filled(right), nil).
		want(http.StatusBadRequest, "error", "error.page.redirect")
	b.submit(code, right).completed()
}

// TestDeviceID: TCB is told the browser's device_id, or one that stays the same.
func TestDeviceID(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	told := func() string { return last(s.backend.callsTo("/v1/signin")).header.Get("X-Device-Id") }
	wrong := fields{"username": "nobody", "password": "Wrong-pass-1"}
	first := b.open("/sign-in")
	made := first.value("device_id")
	if !web.IsDeviceID(made) || b.open("/sign-up").value("device_id") != made || s.browser().open("/").value("device_id") == made {
		t.Errorf("device_id %q must be one per session", made)
	}
	for _, tt := range []struct{ typed, want string }{
		{"0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"},
		{"0123456789abcdeF", "0123456789abcdeF"},
		{"0b5e2f6a-5f0b-4a53-9d1c-1f0c3a5b7d9e", "0b5e2f6a-5f0b-4a53-9d1c-1f0c3a5b7d9e"},
		{"short", made},
		{strings.Repeat("a", 49), made},
		{"0123456789abcdef\r\nX-Evil: 1", made},
		{"", made},
	} {
		p := b.at("192.0.2."+string(rune('1'+len(tt.typed)%9))).submit(first, fields{"device_id": tt.typed, "username": wrong["username"] + tt.typed[:min(3, len(tt.typed))], "password": wrong["password"]})
		p.want(http.StatusUnprocessableEntity, "sign-in")
		if got := told(); got != tt.want {
			t.Errorf("device_id %q: TCB was told %q, want %q", tt.typed, got, tt.want)
		}
		if got := p.value("device_id"); got != tt.want {
			t.Errorf("device_id %q: the next form has %q, want %q", tt.typed, got, tt.want)
		}
	}
}

// TestSealedFields: the captcha and a kept password belong to one browser, environment, client and form.
func TestSealedFields(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always")
	b := s.browser()
	asked := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	if asked.value("kept") == "" || asked.value("captcha") == "" {
		t.Fatal("the form keeps neither password nor picture")
	}
	other := s.browser()
	page := other.open("/sign-in")
	values := page.filled(fields{"username": "demo"})
	values.Set("kept", asked.value("kept"))
	p := other.do(http.MethodPost, page.action(), values, nil).want(http.StatusUnprocessableEntity, "sign-in")
	if p.fieldKey("password") != "error.required.password" {
		t.Errorf("another browser opened a kept password: %q", p.keys())
	}
	for name, query := range map[string]string{
		"client":      strings.Replace(entryQuery(appPage), "client_id=demo", "client_id=second", 1),
		"environment": "env_id=other&client_id=other&redirect_uri=" + url.QueryEscape(appPage),
	} {
		p := b.do(http.MethodPost, s.base+"/sign-in?"+query, asked.filled(fields{"captcha_key": s.backend.key()}), nil)
		if p.want(http.StatusUnprocessableEntity, "sign-in").fieldKey("password") != "error.required.password" || p.picture() != "" {
			t.Errorf("another %s: messages %q, picture %v", name, p.keys(), p.picture() != "")
		}
	}
	// Five minutes, no more.
	s.clock.advance(4*time.Minute + 59*time.Second)
	key := fields{"captcha_key": s.backend.key()}
	late := b.copy()
	s.clock.advance(time.Second)
	if p := late.submit(asked, key).want(http.StatusUnprocessableEntity, "sign-in"); p.fieldKey("password") != "error.required.password" {
		t.Errorf("a password was kept for more than five minutes: %q", p.keys())
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

// TestManyLogins: the logins of several clients, with the longest tokens that
// TCB issues, must not add up to more than a request may carry: nobody could
// get out of that again.
func TestManyLogins(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	s.backend.answer("/v1/signin", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"token_type":"Bearer","access_token":%q,"refresh_token":"m.one-that-nobody-has","expires_in":7200,"sub":"me"}`, strings.Repeat("t", 4096))
	})
	for _, ids := range []string{"env_id=demo&client_id=demo", "env_id=demo&client_id=second", "env_id=other", "env_id=north"} {
		p := b.get(s.base + "/sign-in?" + ids + "&redirect_uri=" + url.QueryEscape(appPage))
		if p.status != http.StatusOK {
			t.Fatalf("%s: status %d; the browser sends %d cookies", ids, p.status, len(b.cookies()))
		}
		b.submit(p, fields{"username": "demo", "password": demoPassword}).completed()
	}
	b.open("/sign-in").want(http.StatusOK, "sign-in")
	b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
}

func TestNewRefusesHalfAConfig(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, change := range map[string]func(*Config){
		"no settings": func(c *Config) { c.Settings = nil },
		"no client":   func(c *Config) { c.NewAuth = nil },
		"no sessions": func(c *Config) { c.Sessions = nil },
		"no counter":  func(c *Config) { c.Counter = nil },
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
