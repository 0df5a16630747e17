//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestProxyLogs: whatever people do, the logs of the proxies that we ship files for hold no query of
// ours, which is where a login's codes and states are, and no Referer that has one. That goes for
// requests that were refused and for those of which nothing came, too.
func TestProxyLogs(t *testing.T) {
	t.Parallel()
	for _, proxy := range []string{"nginx", "caddy"} {
		t.Run(proxy, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{proxy: proxy, tree: treeOf(t, `{"name": "Shop", "web": [
				{"id": "__password", "enable": true}, {"id": "__sms", "enable": true}, {"id": "email", "enable": true}, {"id": "demo", "label": "Demo ID", "enable": true}],
				"userRegistry": {"enable": true, "registerType": "split"}}`)})
			s.walkEverywhere(t)
			s.sendOddRequests(t)
			_ = s.app.http.Close()
			s.raw(t, "GET", "/app/home?after=1", "Referer: "+s.origin+s.entry(s.origin+where, "flow", "a-secret-flow"))
			if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			s.ended <- <-s.ended
			s.raw(t, "GET", s.entry(s.origin+where, "state", "a-secret-state"), "Referer: "+s.origin+s.entry(s.origin+where))
			s.raw(t, "GET", "/__auth/last", "Connection: close")
			eventually(t, "logged", func() bool { return strings.Contains(s.proxyLog(), "/__auth/last") })
			log := s.proxyLog()
			for _, want := range []string{
				"/__auth/sign-in ", "/__auth/sign-in/email", "/__auth/sign-up", "/__auth/reset-password", "/__auth/provider/callback",
				"/__auth/account/profile", "/__auth/sign-out", "/__auth/device", "/.well-known/change-password", "/app/orders", " 502 ",
			} {
				if proxy == "caddy" { // in JSON
					want = strings.Replace(strings.ReplaceAll(want, " ", `"`), `"502"`, `"status":502`, 1)
				}
				if !strings.Contains(log, want) {
					t.Errorf("%s was not logged", want)
				}
			}
			for line := range strings.Lines(log) {
				for _, secret := range []string{"env_id", "client_id", "redirect_uri", "flow=", "state=", "code=", "a-secret", "auth?", "auth/?", `referrer: "`} {
					if strings.Contains(line, secret) {
						t.Errorf("%s is in the log: %s", secret, line)
					}
				}
			}
			if t.Failed() {
				t.Log(log)
			}
		})
	}
}

// eventually is for what nobody tells of.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.After(patience); !is(); {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("never %s", what)
		}
	}
}

// walkEverywhere goes all the ways that have something to hide in an address.
func (s *server) walkEverywhere(t *testing.T) {
	t.Helper()
	v := s.visit(t)
	b := v.enter(t, where)
	b.typePassword(t, demoName, "wrong-pass-1")
	b.submit(t)
	b.typePassword(t, demoName, demoPassword)
	b.finish(t, where)
	b.goTo(t, s.portal("/profile"))
	b.at(t, "account-profile")
	b.fill(t, "name", "Behind a proxy")
	b.submit(t)
	b.at(t, "account")
	b.follow(t, "sign-out")
	b.at(t, "sign-out")
	b.press(t, b.primary())
	b.back(t, where)
	b.goTo(t, s.origin+"/.well-known/change-password")

	v = s.visit(t)
	b = v.enter(t, where)
	b.provider(t, "demo")
	b.consent(t, "allow", "somebody", "somebody@example.com")
	b.back(t, where)

	s.emulator.set(t, settings{Captcha: "always"})
	v = s.visit(t)
	b = v.enter(t, where)
	b.follow(t, "sign-in-email")
	b.fill(t, "email", demoEmail)
	b.submit(t)
	b.press(t, b.Locator(`button[name=action][value=captcha]`)) // another picture
	s.emulator.set(t, settings{Captcha: "never"})

	v = s.visit(t)
	b = v.enter(t, where)
	b.signUp(t, newEmail(), newUsername(), "Somebody", "Long-enough-1")
	b.finish(t, where)
	v = s.visit(t)
	b = v.enter(t, where)
	b.resetPassword(t, demoEmail, "Another-pass-1")
	b.finish(t, where)
	b.goTo(t, strings.Replace(s.entry(s.origin+where, "user_code", "ABCD-EFGH"), "/__auth/?", s.origin+"/__auth/device?", 1))
}

// sendOddRequests sends what browsers do not: each is refused or answered before, or otherwise than, a
// page is.
func (s *server) sendOddRequests(t *testing.T) {
	t.Helper()
	entry := s.entry(s.origin+where, "flow", "a-secret-flow")
	query := strings.TrimPrefix(entry, "/__auth/")
	referer := "Referer: " + s.origin + entry
	for _, path := range []string{
		entry, "/__auth" + query, "//__auth/sign-in" + query, "/app/../__auth/sign-in" + query, "/%5F_auth/sign-in" + query,
		"/__auth/sign-in%3Fstate=a-secret-state" + query, "/__auth/sign-in%3fstate=a-secret-state",
		"/__auth/sign-in" + query + "#code=a-secret-code", s.origin + entry,
	} {
		s.raw(t, "GET", path, referer)
		s.raw(t, "POST", path, referer, "Content-Length: 3", "Content-Type: text/plain")
		s.raw(t, "BREW", path, referer)
	}
	s.raw(t, "GET", entry, referer, "X-Large: "+strings.Repeat("x", 64<<10))
	s.raw(t, "GET", entry, referer, "not a header")
	s.raw(t, "GET", entry+"&long="+strings.Repeat("x", 64<<10), referer)
	s.raw(t, "GET", entry, referer, "Content-Length: 99999999999")
	s.raw(t, "GET", entry, referer, "Host: other.example")
}

// raw sends a request as it is written here and reads what comes.
func (s *server) raw(t *testing.T, method, path string, headers ...string) {
	t.Helper()
	host := strings.TrimPrefix(s.origin, "http://")
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method, path, host)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\na=b")
	if _, err := c.Write(b.Bytes()); err != nil && method == http.MethodHead {
		t.Error(err)
	}
	_, _ = io.Copy(io.Discard, c) // it may be cut off, after what was wrong
}
