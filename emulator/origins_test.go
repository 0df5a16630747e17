package emulator

import (
	"net/http"
	"strings"
	"testing"
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

	f.settings(`{"security_domains":["app.example.com","localhost:5173","[::1]:3000"]}`)
	for _, tt := range []struct{ origin, refusedAs string }{
		{"", ""}, // a server
		{"https://app.example.com", ""},
		{"http://app.example.com", ""},
		{"https://APP.example.com", ""},
		{"http://localhost:5173", ""},
		{"http://[::1]:3000", ""},
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
