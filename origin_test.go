package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// developing runs the demo for apps in development, and a server before each as developers have one.
// The first writes our address into Host, as Vite and Next.js do; the second leaves Host alone.
func developing(t *testing.T) (s *started, rewriting, plain string) {
	t.Helper()
	servers := [2]*httptest.Server{}
	var login atomic.Pointer[url.URL] // there once the demo is
	login.Store(&url.URL{Scheme: "http", Host: freeAddress(t)})
	for i := range servers {
		servers[i] = httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(login.Load())
			r.Out.Header.Set("X-Forwarded-Host", r.In.Host)
			if i == 1 {
				r.Out.Host = r.In.Host
			}
		}})
		t.Cleanup(servers[i].Close)
	}
	rewriting, plain = servers[0].URL, servers[1].URL
	s = start(t, 3, nil, anywhere(t, "-origin", rewriting+","+plain)...)
	address, err := url.Parse(s.urls["login"])
	if err != nil {
		t.Fatal(err)
	}
	login.Store(address)
	return s, rewriting, plain
}

// TestOrigin: an app in development signs people in at its own address, whether its server leaves Host
// as it was or not.
func TestOrigin(t *testing.T) {
	t.Parallel()
	s, rewriting, plain := developing(t)
	for _, origin := range []string{rewriting, plain} {
		if err := signIn(t.Context(), origin); err != nil {
			t.Errorf("%s: %v", origin, err)
		}
	}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.urls["login"], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	host := func(origin string) string { return strings.TrimPrefix(origin, "http://") }
	entry := "/__auth/?env_id=demo&client_id=demo&redirect_uri="
	tests := map[string]struct {
		method, path, host, origin string
		status                     int
		location                   string
	}{
		"the page, Host rewritten":         {"GET", entry + url.QueryEscape(rewriting+"/orders/7?a=b#c"), "127.0.0.1:" + port, "", 200, ""},
		"the page, Host rewritten by name": {"GET", entry + url.QueryEscape(rewriting+"/"), "localhost:" + port, "", 200, ""},
		"the page, Host as it was":         {"GET", entry + url.QueryEscape(plain+"/"), host(plain), "", 200, ""},
		"back to another app":              {"GET", entry + url.QueryEscape("http://localhost:1/"), host(plain), "", 400, ""},
		"a Host of nobody's":               {"GET", entry, "evil.example", "", 421, ""},
		"a form of the app's origin":       {"POST", "/__auth/sign-in?env_id=demo", "127.0.0.1:" + port, rewriting, 422, ""},
		"a form of our own address":        {"POST", "/__auth/sign-in?env_id=demo", "127.0.0.1:" + port, s.urls["login"], 403, ""},
		"a form of another site":           {"POST", "/__auth/sign-in?env_id=demo", "127.0.0.1:" + port, "https://evil.example", 403, ""},
		"a form of the other app":          {"POST", "/__auth/sign-in?env_id=demo", "127.0.0.1:" + port, plain, 403, ""},
		"the demo app":                     {"GET", "/", "127.0.0.1:" + port, "", 303, rewriting + "/"},
	}
	for name, tt := range tests {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, s.urls["login"]+tt.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = tt.host
		if tt.origin != "" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Origin", tt.origin)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.status || tt.location != "" && resp.Header.Get("Location") != tt.location {
			t.Errorf("%s: status %d to %q, want %d to %q", name, resp.StatusCode, resp.Header.Get("Location"), tt.status, tt.location)
		}
	}
}

// TestOriginOwn: who names the demo's own address has the demo app there, as without.
func TestOriginOwn(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	s := start(t, 3, nil, anywhere(t, "-listen", address, "-origin", "http://"+address)...)
	resp, err := http.DefaultTransport.RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.urls["login"]+"/", http.NoBody))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d, want 200", resp.StatusCode)
	}
	if err := signIn(t.Context(), s.urls["login"]); err != nil {
		t.Error(err)
	}
}

// Without -origin the page is its own app's: one that lives elsewhere is not led back to.
func TestOriginUnknown(t *testing.T) {
	t.Parallel()
	s := start(t, 3, nil, anywhere(t)...)
	resp, err := http.Get(s.urls["login"] + "/__auth/?env_id=demo&client_id=demo&redirect_uri=http%3A%2F%2Flocalhost%3A5173%2F")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d, want 400", resp.StatusCode)
	}
}
