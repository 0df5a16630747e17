//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestNginx: behind a real nginx whose owner has hardened everything, all works. What is told of it
// is the one header that gives something away.
func TestNginx(t *testing.T) {
	t.Parallel()
	s := start(t, options{proxy: "nginx", nginx: `
		add_header Content-Security-Policy "default-src 'self'; img-src 'self' data:; form-action 'self'; object-src 'none'" always;
		add_header Cross-Origin-Opener-Policy same-origin-allow-popups always;
		add_header Cross-Origin-Embedder-Policy require-corp always;
		add_header X-Frame-Options SAMEORIGIN always;
		add_header X-Content-Type-Options nosniff always;
		add_header Permissions-Policy "geolocation=(), camera=()" always;
		add_header Referrer-Policy unsafe-url always;
	`})
	v := s.visit(t)
	b := v.enter(t, where)
	b.typePassword(t, demoName, demoPassword)
	b.finish(t, where)
	b.goTo(t, s.portal("/profile"))
	b.at(t, "account-profile")
	b.fill(t, "name", "Behind nginx")
	b.submit(t)
	b.at(t, "account")
	if got := b.row(t, "name"); got != "Behind nginx" {
		t.Errorf("name %q", got)
	}
	b.follow(t, "sign-out")
	b.at(t, "sign-out")
	b.press(t, b.primary())
	b.back(t, where)
	if got := b.stored(t, "credentials_demo"); got != "" {
		t.Error("the login is left in localStorage")
	}
	s.emulator.set(t, settings{Captcha: "always"})
	b = v.enter(t, where)
	b.follow(t, "sign-in-email")
	b.fill(t, "email", demoEmail)
	b.submit(t)
	b.at(t, "sign-in-email")
	b.solve(t) // its picture is a data: URL
	b.submit(t)
	b.at(t, "sign-in-email-code")
	b.fill(t, "verification_code", s.emulator.code(t, demoEmail))
	b.finish(t, where)
	s.logged(t, "a header that is not ours")
	var said struct{ Warnings []string }
	status, body := s.operator(t, "/readyz")
	if err := json.Unmarshal([]byte(body), &said); err != nil || status != http.StatusOK ||
		len(said.Warnings) != 1 || !strings.Contains(said.Warnings[0], "Referrer-Policy") {
		t.Errorf("readyz: %d, %s", status, body)
	}
}

// TestNginxBreaks: a header that keeps the pages from working is named by /readyz, which stays ready,
// and in the log.
func TestNginxBreaks(t *testing.T) {
	t.Parallel()
	s := start(t, options{proxy: "nginx", nginx: `
		add_header X-Frame-Options DENY always;
		add_header Content-Security-Policy "default-src 'none'; script-src https://cdn.example.net" always;
		add_header Referrer-Policy unsafe-url always;
	`})
	s.logged(t, `"problem":"Referrer-Policy \"unsafe-url\"`)
	status, body := s.operator(t, "/readyz")
	for _, want := range []string{"keeps the pages' scripts from running", "captcha pictures", "unsafe-url"} {
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("readyz: %d, %s, want %s", status, body, want)
		}
	}
}

// logged waits until the program has logged something.
func (p *program) logged(t *testing.T, text string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		p.mu.Lock()
		lines, changed := strings.Join(p.lines, "\n"), p.changed
		p.mu.Unlock()
		if strings.Contains(lines, text) {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("%q is not in the log after %v", text, patience)
		}
	}
}
