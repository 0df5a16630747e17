package handlers

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

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

// TestCrossSite: what another site's page sends does nothing.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.fetch = fetchNothing
	signIn := b.open("/sign-in")
	good := signIn.filled(fields{"username": "demo", "password": demoPassword})
	paths := []string{"/sign-in", "/sign-in/sms", "/sign-in/email", "/sign-up", "/reset-password", "/sign-out"}
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
		// Which page this is cannot go unsaid. No answer is the page that says so, and never
		// another's.
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
		// Only a page of ours is told the token: what no page asks for may be read by anybody.
		for site, told := range map[string]bool{"same-origin": true, "none": false} {
			header := http.Header{"Sec-Fetch-Site": {site}, "X-Csrf-Token": {"lost"}}
			if got, out := b.handOver(b.open("/account"), good, header); got != http.StatusForbidden || (out.CSRF != "") != told {
				t.Errorf("Sec-Fetch-Site %s: %d, a token is told: %t", site, got, out.CSRF != "")
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

// TestLanguageAndCaptchaOfStrangers: nor do the buttons that only show a form again keep a password
// for a page that may be somebody else's.
func TestLanguageAndCaptchaOfStrangers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.fetch = fetchNothing
	values := b.open("/sign-in").filled(fields{"username": "mallory", "password": "Mallory-pass-1"})
	values.Set("csrf_token", "")
	for name, value := range showsAgain {
		p := b.do(http.MethodPost, s.base+"/sign-in?"+entryQuery(appPage), with(values, name, value), nil)
		p.wantValue(fields{"username": "mallory"})
		if _, kept := p.controls()["kept"]; kept || p.status != http.StatusUnprocessableEntity || !p.has("error.stale_password") {
			t.Errorf("%s: kept %v, messages %q", name, kept, p.keys())
		}
	}
	if p := b.open("/sign-in"); p.lang() != "en" {
		t.Error("a stranger's form chose the language of this browser for good")
	}
	if got := s.backend.count(""); got != 0 {
		t.Errorf("TCB was called %d times", got)
	}
}

// TestKeptBesideCaptcha: beside a captcha a password need not be typed again; one of a page that may be
// somebody else's is not kept there either.
func TestKeptBesideCaptcha(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always")
	b := s.browser()
	asked := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	if asked.value("kept") == "" {
		t.Fatal("the password is asked for again")
	}
	calls := s.backend.count("")
	b.fetch = fetchNothing
	stale := with(asked.filled(fields{"password": "Mallory-pass-1"}), "csrf_token", "")
	p := b.do(http.MethodPost, asked.action(), stale, nil).want(http.StatusUnprocessableEntity, "sign-in", "error.stale_password")
	if p.picture() == "" || p.value("kept") != "" {
		t.Errorf("a picture: %t, and a stranger's password is kept: %t", p.picture() != "", p.value("kept") != "")
	}
	if got := s.backend.count(""); got != calls {
		t.Errorf("TCB was called %d times", got-calls)
	}
}

// TestHosts: a host is compared as one, whatever its spelling; to browsers one with a dot at its end
// is another origin, and they are led to ours.
func TestHosts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	whole := s.base + "/?" + entryQuery(appPage)
	for _, host := range []string{"LOGIN.example.net", "Login.Example.Net:443", "login.example.net:443"} {
		resp := s.raw(t, "GET "+whole+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", host, resp.StatusCode)
		}
		b := s.browser()
		p := b.open("/sign-in")
		values := p.filled(fields{"username": "demo", "password": demoPassword})
		got, err := b.lax().try(http.MethodPost, p.action(), values, http.Header{"Host": {host}})
		if err != nil || got.name() != "complete" {
			t.Errorf("%s: a form: status %d, %v", host, status(got), err)
		}
	}
	for _, host := range []string{"login.example.net.", "LOGIN.example.net.:443"} {
		resp := s.raw(t, "GET "+whole+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		resp.Body.Close()
		if resp.StatusCode != http.StatusPermanentRedirect || resp.Header.Get("Location") != publicOrigin+whole {
			t.Errorf("%s: status %d, to %s", host, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
	// A form is answered where it was posted, or not at all: a redirect would take what was typed along.
	for _, host := range []string{"login.example.net.", "LOGIN.example.net.:443"} {
		b := s.browser().lax()
		p := b.open("/sign-in")
		values := p.filled(fields{"username": "demo", "password": demoPassword})
		for _, header := range []http.Header{{}, {"Origin": {"https://login.example.net."}}, {"Origin": {"null"}, "Sec-Fetch-Site": nil}} {
			header.Set("Host", host)
			got := b.do(http.MethodPost, p.action(), values, header)
			if to := got.header.Get("Location"); to != "" || got.status >= 300 && got.status < 400 {
				t.Errorf("%s %q: a form: status %d, to %s", host, header["Origin"], got.status, to)
			}
		}
	}
	for _, target := range []string{".evil.example/", "http://evil.example/x", "http://login.example.net./x", "//evil.example/", "@evil.example/", "*"} {
		resp := s.raw(t, "GET "+target+" HTTP/1.1\r\nHost: login.example.net.\r\n\r\n")
		resp.Body.Close()
		if to := resp.Header.Get("Location"); to != "" && !strings.HasPrefix(to, publicOrigin+"/") {
			t.Errorf("%s: status %d leads to %s", target, resp.StatusCode, to)
		}
	}
	for _, host := range []string{"login.example.net..", ".login.example.net", "login.example.net:", "login.example.net:0443", "login.example.net:80", "evil.example", "[::1]", "login.example.net.evil.example."} {
		resp := s.raw(t, "GET "+whole+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("%s: status %d, want a refusal", host, resp.StatusCode)
		}
	}
}
