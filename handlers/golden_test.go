package handlers

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

// goldenTokens are what differs from run to run, or with every change of a stylesheet.
var goldenTokens = []*regexp.Regexp{
	regexp.MustCompile(`(/static/[a-z]+\.)[0-9a-f]{12}`),
	regexp.MustCompile(`(<script id="completion"[^>]*>)[^<]*`), // see TestCompletion
	regexp.MustCompile(`(<script id="guard"[^>]*>)[^<]*`),      // see TestGuard
	regexp.MustCompile(`(<p class="request">[^<]*<code>)[0-9a-f]{16}`),
}

// golden compares a page with the one in testdata/golden, tag by line.
func golden(t *testing.T, name string, p *page) {
	t.Helper()
	got := masked(p)
	for _, token := range goldenTokens {
		got = token.ReplaceAllString(got, "${1}…")
	}
	got = strings.ReplaceAll(got, html.EscapeString(entry(appPage)), "…entry…")
	got = strings.ReplaceAll(got, "><", ">\n<") + "\n"
	file := filepath.Join("testdata", "golden", name+".html")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with: go test ./handlers -run TestGoldenPages -update", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs from %s (-want +got); if it should, run: go test ./handlers -run TestGoldenPages -update\n%s", p.name(), file, diff)
	}
}

func TestGoldenPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	for _, lang := range []string{"en", "zh-CN"} {
		b := s.browser()
		b.header.Set("Accept-Language", lang)
		signIn := b.open("/").want(http.StatusOK, "sign-in")
		golden(t, "sign-in."+lang, signIn)
		golden(t, "sign-in-refused."+lang, b.submit(signIn, fields{"username": "nobody", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in"))
		golden(t, "sign-in-empty."+lang, b.submit(signIn, nil).want(http.StatusUnprocessableEntity, "sign-in"))
		golden(t, "sign-in-email."+lang, b.open("/sign-in/email").want(http.StatusOK, "sign-in-email"))
		code := sendCode(b, "/sign-in/email", fields{"email": "golden-" + lang + "@example.com"})
		golden(t, "sign-in-email-code."+lang, code)
		code = sendCode(b, "/sign-up", fields{"email": "up-" + lang + "@example.com"})
		details := b.submit(code, fields{"verification_code": s.backend.code("up-" + lang + "@example.com")}).want(http.StatusOK, "sign-up-details")
		golden(t, "sign-up-details."+lang, details)
		code = sendCode(b, "/reset-password", fields{"email": demoEmail})
		golden(t, "reset-password-code."+lang, code)
		newPassword := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "reset-password-new")
		golden(t, "reset-password-new."+lang, newPassword)
		golden(t, "error."+lang, b.get(s.base+"/?"+entry("https://evil.example/\u202e<b>")).want(http.StatusBadRequest, "error"))
		s.backend.captcha("always")
		golden(t, "captcha."+lang, b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask"))
		s.backend.captcha("never")
		done := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword})
		done.completed()
		golden(t, "complete."+lang, done)
		out := b.open("/sign-out").want(http.StatusOK, "sign-out")
		golden(t, "sign-out."+lang, out)
		golden(t, "leaving."+lang, b.submit(out, nil).want(http.StatusOK, "leaving"))
		s.clock.advance(time.Hour)
	}
}
