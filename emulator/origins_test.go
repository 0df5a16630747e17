package emulator

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The documents: "cors permission denied,please check if {url} in your client {env} domains".
func TestSecurityDomains(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.signInDemo().str("access_token")
	key := f.publishable("west")
	const signIn = "/auth/v1/signin?client_id=demo"
	body := encode(t, object{"username": "demo", "password": demoPassword})
	f.do("POST", signIn, body, "Origin", "https://anywhere.example").ok() // none are set

	f.settings(`{"security_domains":["app.example.com","localhost:5173","[::1]:3000","Shop.example.com:443","xn--bcher-kva.example"]}`)
	for _, tt := range []struct{ origin, refusedAs string }{
		{"", ""}, // a server
		{"https://app.example.com", ""},
		{"http://app.example.com", ""},
		{"https://APP.example.com", ""},
		{"http://localhost:5173", ""},
		{"http://[::1]:3000", ""},
		{"https://app.example.com:443", ""}, // the scheme's own port is none
		{"https://shop.example.com", ""},
		{"https://bücher.example", ""},
		{"http://shop.example.com", "shop.example.com"},
		{"http://app.example.com:443", "app.example.com:443"},
		{"https://app.example.com:8443", "app.example.com:8443"}, // the port counts
		{"http://localhost", "localhost"},
		{"https://sub.app.example.com", "sub.app.example.com"},
		{"https://app.example.com.evil.example", "app.example.com.evil.example"},
		{"https://evil.example/app.example.com", "evil.example"},
		{"https://app.example.com@evil.example", "evil.example"},
		{"null", "null"},
		{"app.example.com", "app.example.com"}, // no origin at all, though it looks like a domain
	} {
		var header []string
		if tt.origin != "" {
			header = []string{"Origin", tt.origin}
		}
		a := f.do("POST", signIn, body, header...)
		if tt.refusedAs == "" {
			a.ok()
		} else if want := "cors permission denied,please check if " + tt.refusedAs + " in your client demo domains"; a.fails("permission_denied").str("error_description") != want {
			t.Errorf("%s: %q, want %q", tt.origin, a.body["error_description"], want)
		}
		// The app has to be able to read the refusal, so the preflight and the headers let it.
		preflight := f.do("OPTIONS", signIn, "", append(header, "Access-Control-Request-Method", "POST")...)
		if preflight.status != http.StatusNoContent || preflight.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: preflight %d %v, then %v", tt.origin, preflight.status, preflight.header, a.header)
		}
	}
	// The environment is the call's, however it says so, and nothing has happened.
	for _, tt := range []struct{ env, method, path, authorization string }{
		{"west", "POST", "/auth/v1/signin?client_id=west", ""},
		{"west", "POST", "/auth/v1/verification", "Bearer " + key},
		{"demo", "DELETE", "/auth/v1/user/revoke/all", "Bearer " + token},
		{"demo", "POST", "/auth/v1/token", "Basic YXBwOnMzY3JldA=="},
	} {
		a := f.do(tt.method, tt.path, "{}", "Origin", "https://evil.example", "Authorization", tt.authorization).fails("permission_denied")
		if !strings.HasSuffix(a.str("error_description"), " evil.example in your client "+tt.env+" domains") {
			t.Errorf("%s: %q", tt.path, a.body["error_description"])
		}
	}
	f.me(token).ok()

	for _, bad := range []string{`[""]`, `["https://app.example.com"]`, `["app.example.com/"]`, `["a b"]`, `["u@h"]`, `["h:port"]`, `[":80"]`, `"app.example.com"`} {
		f.do("PUT", "/__emulator/settings", `{"security_domains":`+bad+`}`).fails("invalid_argument")
	}
	f.settings(`{"security_domains":[]}`)
	f.do("POST", signIn, body, "Origin", "https://evil.example").ok()
}

// What a page of ours answers to whoever follows it leads only to addresses that somebody has
// registered: the consent pages, those of WeChat's form too, a provider's sign-out and the captcha
// page.
func TestPagesRedirectToRegisteredAlone(t *testing.T) {
	t.Parallel()
	now := &clock{t: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	e, err := New(Config{
		Now: now.now, CheapPasswords: true, signingKey: testKey(),
		RedirectURIs: []string{"https://login.example.net", "https://exact.example.net/cb?x=1", "myapp://callback"},
		Environments: []Environment{
			{ID: "demo", Clients: []Client{{ID: "demo", RedirectURIs: []string{"https://other.example.com/callback"}}}},
			{ID: "west", Clients: []Client{{ID: "west", RedirectURIs: []string{"https://west.example.com/callback"}}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		server.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{Emulator: e, t: t, url: server.URL, clock: now}
	f.settings(`{"captcha":"always","security_domains":["app.example.org","dev.example.org:8443"]}`)
	app, mini := wechatApp("demo", "wx_open"), "wx0123456789"
	escaped := func(uri string) string { return url.QueryEscape(uri) }
	pages := map[string]func(uri string) answer{
		"consent": func(uri string) answer {
			return f.do("GET", "/demo-idp/demo/demo/authorize?redirect_uri="+escaped(uri), "")
		},
		"wx_open": func(uri string) answer {
			return f.do("GET", "/demo-idp/demo/wx_open/connect/qrconnect?appid="+app+"&redirect_uri="+escaped(uri), "")
		},
		"mini program": func(uri string) answer {
			return f.do("GET", "/demo-idp/demo/"+mini+"/authorize?redirect_uri="+escaped(uri), "")
		},
		"allow": func(uri string) answer {
			return f.submit("/demo-idp/demo/demo/authorize?redirect_uri="+escaped(uri), url.Values{"decision": {"allow"}, "sub": {"x"}})
		},
		"deny": func(uri string) answer {
			return f.submit("/demo-idp/demo/demo/authorize?redirect_uri="+escaped(uri), url.Values{"decision": {"deny"}})
		},
		"fail, with a token": func(uri string) answer {
			return f.submit("/demo-idp/demo/demo/authorize?response_type=token&redirect_uri="+escaped(uri), url.Values{"decision": {"fail"}})
		},
		"sign-out": func(uri string) answer {
			return f.do("GET", "/demo-idp/demo/demo/signout?redirect_uri="+escaped(uri), "")
		},
		"captcha": func(uri string) answer {
			now.advance(captchaPageRefresh) // an address gets so many pages a minute
			return f.post("/v1/captcha/init", object{"redirect_uri": uri, "state": "s"})
		},
	}
	tests := map[string]bool{
		"http://127.0.0.1:49152/__auth/provider/callback":    true, // a port that the system chose
		"http://localhost:5173/anything?x=1#y":               true,
		"http://[::1]:3000/":                                 true,
		"https://login.example.net/__auth/provider/callback": true,
		"https://LOGIN.example.net/app":                      true,
		"https://login.example.net:443/app":                  true,
		"HTTPS://App.example.org:443/":                       true,
		"https://exact.example.net/cb?x=1":                   true,
		"myapp://callback":                                   true,
		"https://other.example.com/callback":                 true,
		"https://app.example.org/any/path":                   true,
		"https://dev.example.org:8443/":                      true,

		"https://evil.example/":                     false,
		"https://exact.example.net/cb":              false,
		"https://exact.example.net/cb?x=1&y=2":      false,
		"https://exact.example.net/cb?x=1#f":        false,
		"http://login.example.net/":                 false,
		"http://login.example.net:443/":             false,
		"https://app.example.org:80/":               false,
		"https://login.example.net:8443/":           false,
		"https://login.example.net.evil.example/":   false,
		"https://login.example.net@evil.example/":   false,
		"https://evil@login.example.net/":           false,
		"https://login.example.net\\@evil.example/": false,
		"https://other.example.com/callback/":       false,
		"https://west.example.com/callback":         false, // another environment's
		"myapp://callback/x":                        false,
		"otherapp://callback":                       false,
		"ftp://127.0.0.1/":                          false,
		"otherapp://127.0.0.1/":                     false,
		"http://127.0.0.1.evil.example/":            false,
		"http://localhost.evil.example/":            false,
		"http://127.0.0.1@evil.example/":            false,
		"http://2130706433/":                        false,
		"http://0.0.0.0/":                           false,
		"//evil.example/":                           false,
		"https:/evil.example/":                      false,
		"javascript://127.0.0.1/%0aalert(1)":        false,
		"http://127.0.0.1\\.evil.example/":          false,
		"http://evil.example#@127.0.0.1/":           false,
		"http://evil.example?@127.0.0.1/":           false,
		" https://login.example.net/":               false,
		"https://dev.example.org/":                  false,
	}
	for uri, registered := range tests {
		for name, page := range pages {
			a := page(uri)
			location := a.header.Get("Location")
			refused := a.status == http.StatusBadRequest && location == ""
			if refused == registered || !registered && !refused {
				t.Errorf("%s with %s: got %d, Location %q; registered: %t", name, uri, a.status, location, registered)
			}
		}
	}
	if _, err := New(Config{Environments: []Environment{{ID: "demo"}}, RedirectURIs: []string{"app.example.com"}, CheapPasswords: true, signingKey: testKey()}); err == nil {
		t.Error("a redirect URI that is none was taken")
	}
}
