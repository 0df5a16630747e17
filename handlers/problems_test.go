package handlers

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/web"
	"tcb-login/session"
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

func (brokenDeny) Deny(context.Context, string, bool, time.Duration) error {
	return errors.New("store is away")
}

func (brokenDeny) Denied(context.Context, string, time.Time) (denied, sure bool) { return false, false }

// panicking is a client with a bug.
type panicking struct{ entry.Auth }

func (panicking) SignIn(context.Context, authclient.SignInRequest, ...authclient.CallOption) (*authclient.Credentials, error) {
	panic("a bug")
}

// panickingUser is a client with a bug in what follows a refresh.
type panickingUser struct{ entry.Auth }

func (panickingUser) AsUser(string) entry.User { panic("a bug") }

// bounded is a source of randomness that ends.
type bounded struct{ left atomic.Int64 }

func (r *bounded) Read(b []byte) (int, error) {
	if r.left.Add(-1) < 0 {
		return 0, errors.New("there is no more")
	}
	return rand.Read(b)
}

// TestPanicOfThePanicsAnswer: what the answer to a panic needs may be broken too. The process goes
// on, and there is an answer.
func TestPanicOfThePanicsAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	random := &bounded{}
	random.left.Store(1 << 40)
	sessions, err := session.New(session.Config{Keys: [][]byte{sessionKey}, BasePath: s.base, Now: s.clock.Now, Deny: s.memory, Rand: random})
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.Sessions = sessions
	s.serve()
	for left := range int64(4) {
		random.left.Store(1 << 40)
		b := s.browser()
		p := b.open("/sign-in")
		random.left.Store(left)
		got, err := b.try(http.MethodPost, p.action(), p.filled(fields{"username": "demo", "password": demoPassword}), nil)
		if err != nil || left < 2 && (got.status != http.StatusInternalServerError || got.body == "") {
			t.Errorf("after %d reads: status %d, %v", left, status(got), err)
		}
	}
	random.left.Store(1 << 40)
	s.browser().open("/sign-in").want(http.StatusOK, "sign-in")
}

// TestErrorsOfScripts: the page that answers JSON does so whatever goes wrong, and what a refresh has
// brought is in it: nothing else lives any more.
func TestErrorsOfScripts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, login := s.signedIn(t)
	in := map[string]string{"access_token": login.Credentials.AccessToken, "refresh_token": login.Credentials.RefreshToken}
	bug := newSite(t, func(c *siteConfig) {
		c.backend, c.wrap = s.backend, func(a entry.Auth) entry.Auth { return panickingUser{a} }
	})
	b := bug.browser()
	status, out := b.handOver(b.open("/account"), in, nil)
	if status != http.StatusInternalServerError || out.Error != "unavailable" || out.Credentials == nil {
		t.Fatalf("a panic after a refresh: %d %+v", status, out)
	}
	in = map[string]string{"access_token": out.Credentials.AccessToken, "refresh_token": out.Credentials.RefreshToken}
	b = s.browser()
	if status, out = b.handOver(b.open("/account"), in, nil); status != http.StatusOK || out.Sub == "" {
		t.Errorf("the credentials of its answer: %d %+v", status, out)
	}
	for _, address := range []string{"/session?env_id=nowhere", "/session?client_id=demo&client_id=demo", "/session"} {
		resp := s.raw(t, "POST "+s.base+address+" HTTP/1.1\r\nHost: login.example.net\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
		var said struct{ Error string }
		err := json.NewDecoder(resp.Body).Decode(&said)
		resp.Body.Close()
		if err != nil || said.Error == "" || resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d, error %q, %v", address, resp.StatusCode, said.Error, err)
		}
	}
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
		{"half a host", "GET /__auth/" + whole + " HTTP/1.1\r\nHost: login.example\r\n\r\n", 421, "error.page.host"},
		{"the other scheme's port", "GET /__auth/" + whole + " HTTP/1.1\r\nHost: login.example.net:80\r\n\r\n", 421, "error.page.host"},
		{"no host", "GET /__auth/" + whole + " HTTP/1.0\r\n\r\n", 421, "error.page.host"},
		{"other port", "GET /__auth/" + whole + " HTTP/1.1\r\nHost: login.example.net:8443\r\n\r\n", 421, "error.page.host"},
		{"host to be continued", "GET /__auth/" + whole + " HTTP/1.1\r\nHost: login.example.net.evil.example\r\n\r\n", 421, "error.page.host"},
		{"no file, of another host", "GET /__auth/static/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, "error.page.host"},
		{"a form to a file, of another host", "POST /__auth/static/x HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n", 421, "error.page.host"},
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
		b.open("/sign-in").want(http.StatusOK, "sign-in")
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
