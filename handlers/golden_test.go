package handlers

import (
	"flag"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	regexp.MustCompile(`(value="end:|done=)[A-Za-z0-9_-]+`),    // sealed
	regexp.MustCompile(`(<p class="request">[^<]*<code>)[0-9a-f]{16}`),
}

// golden compares a page with the one in testdata/golden, tag by line.
func golden(t *testing.T, name string, p *page) {
	t.Helper()
	got := masked(p)
	for _, token := range goldenTokens {
		got = token.ReplaceAllString(got, "${1}…")
	}
	for _, q := range []string{entryQuery(appPage), shortQuery(appPage)} {
		got = strings.ReplaceAll(got, html.EscapeString(q), "…entry…")
	}
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
		t.Fatalf("%v; write it with: make golden", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs from %s (-want +got); if it should, run: make golden\n%s", p.name(), file, diff)
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
		golden(t, "error."+lang, b.get(s.base+"/?"+entryQuery("https://evil.example/\u202e<b>")).want(http.StatusBadRequest, "error"))
		s.backend.wantChange()
		golden(t, "change-password."+lang, b.toChange("demo", demoPassword))
		s.backend.login(map[string]any{"PwdUpdateStrategy": map[string]bool{"FirstLoginUpdate": false}})
		s.backend.wantFactor()
		s.clock.advance(repeatLife)
		factor := b.half(demoEmail, demoPassword) // these count as tries, and for that name
		golden(t, "second-factor."+lang, factor)
		s.clock.advance(time.Minute)
		golden(t, "second-factor-code."+lang, b.submit(factor, nil).want(http.StatusOK, "second-factor-code"))
		s.backend.login(map[string]any{"MfaConfig": map[string]bool{"RequiredBindPhone": true}})
		s.clock.advance(repeatLife)
		golden(t, "phone-needed."+lang, b.submit(b.open("/sign-in"), fields{"username": demoEmail, "password": demoPassword}).want(http.StatusUnprocessableEntity, "phone-needed"))
		s.backend.login(map[string]any{"MfaConfig": map[string]bool{"On": false, "RequiredBindPhone": false}})
		s.backend.captcha("always")
		golden(t, "captcha."+lang, b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask"))
		s.backend.captcha("never")
		done := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword})
		done.completed()
		golden(t, "complete."+lang, done)
		out := b.open("/sign-out").want(http.StatusOK, "sign-out")
		golden(t, "sign-out."+lang, out)
		golden(t, "interstitial."+lang, b.submit(out, nil).want(http.StatusOK, "interstitial"))
		elsewhere := b.get(s.base + "/?" + entryQuery(registered, pkce, "scope=openid+phone", "state=x"))
		golden(t, "authorize."+lang, b.submit(elsewhere, fields{"username": "demo", "password": demoPassword}).want(http.StatusOK, "authorize"))
		s.clock.advance(time.Hour)
	}
}

// TestGoldenPortal is TestGoldenPages for the account portal and the identity providers.
func TestGoldenPortal(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "zh-CN"} {
		s := newSite(t, withProvider, withPictures)
		s.backend.captcha("never")
		s.backend.register("taken@example.com", "taken", "Quiet-river-7")
		b := s.browser()
		b.header.Set("Accept-Language", lang)
		golden(t, "hand-off."+lang, b.open("/account").want(http.StatusOK, "hand-off"))
		b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		golden(t, "continue."+lang, b.open("/continue").want(http.StatusOK, "continue"))
		profile := b.open("/account/profile").want(http.StatusOK, "account-profile")
		golden(t, "account-profile-refused."+lang, b.submit(profile, fields{"birthdate": "x", "picture": "x"}).want(http.StatusUnprocessableEntity, "account-profile"))
		golden(t, "account."+lang, b.submit(profile, nil).want(http.StatusOK, "account", "account.done.profile"))
		stepUp := b.open("/account/email").want(http.StatusOK, "step-up-password")
		golden(t, "step-up-password."+lang, stepUp)
		golden(t, "step-up."+lang, b.click(stepUp, "sign-in-email").want(http.StatusOK, "step-up"))
		email := b.submit(stepUp, fields{"password": demoPassword}).want(http.StatusOK, "account-email")
		for _, name := range slices.Sorted(maps.Keys(portalRoutes)) {
			if name != "account" { // above, with what has been done
				golden(t, name+"."+lang, b.open(portalRoutes[name].path).want(http.StatusOK, name))
			}
		}
		code := b.submit(email, fields{"email": "taken@example.com"}).want(http.StatusOK, "account-email-code")
		golden(t, "account-email-conflict."+lang, b.submit(code, fields{"verification_code": s.backend.code("taken@example.com")}).want(http.StatusOK, "account-email-conflict"))
		compare := b.open("/device", "user_code=WDJB-MJHX").want(http.StatusOK, "device")
		golden(t, "device-compare."+lang, compare)
		golden(t, "device-refused."+lang, b.press(compare, "action=no", nil).want(http.StatusOK, "device-refused"))
		providers := b.open("/account/providers").want(http.StatusOK, "account-providers")
		back := b.consent(b.pressOnly(providers, "action=link:demo", nil), "allow", "p-1", "")
		returned := b.get(back).want(http.StatusOK, "provider-return")
		golden(t, "account-bind."+lang, b.submit(returned, nil).want(http.StatusOK, "account-bind"))
		s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
		fresh := s.browser().at("192.0.2.7")
		fresh.header.Set("Accept-Language", lang)
		unknown := fresh.comesBack(fresh.toProvider(fresh.open("/sign-in"), "demo"), "p-2", "")
		up := fresh.click(fresh.click(unknown.want(http.StatusOK, "provider-unknown"), "sign-up"), "via-email")
		code = fresh.submit(up, fields{"email": "up-2@example.com"}).want(http.StatusOK, "sign-up-code")
		golden(t, "sign-up-linking."+lang, fresh.submit(code, fields{"verification_code": s.backend.code("up-2@example.com")}).want(http.StatusOK, "sign-up-details"))
		golden(t, "goodbye."+lang, b.submit(b.open("/account/delete"), fields{"confirm": mustLoad(t, messages).Match(lang).T("account.delete.word")}).want(http.StatusOK, "goodbye"))
	}
}
