package handlers

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The tests of this file are about an identity provider's way back that is somebody else's, or meant
// for another page.

// exchanged is how many codes of providers TCB was given.
func (s *site) exchanged() int { return s.backend.count("/v1/provider/token") }

// TestCallbackOfAnotherClient: a way to a provider that began for one client signs in to no other.
func TestCallbackOfAnotherClient(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b := s.browser()
	p := b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")).want(http.StatusOK, "provider-return")
	for _, to := range []string{"env_id=demo&client_id=second", "env_id=other&client_id=other"} {
		at := strings.Replace(p.action(), "env_id=demo&client_id=demo", to, 1)
		if got := b.do(http.MethodPost, at, p.filled(nil), nil); s.exchanged() != 0 || got.name() == "complete" {
			t.Fatalf("%s: page %q, %d codes exchanged", to, got.name(), s.exchanged())
		}
	}
	if done := b.submit(p, nil).completed(); done.ClientID != "demo" {
		t.Errorf("signed in to %s", done.ClientID)
	}
}

// TestCallbackTwice: a state that has been used is used up, for who has the browser's cookies of
// before too, and for many at once.
func TestCallbackTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b := s.browser()
	p := b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")).want(http.StatusOK, "provider-return")
	thief := b.copy()
	b.submit(p, nil).completed()
	s.clock.advance(repeatLife) // else it is the same POST again
	if got := thief.submit(p, nil); got.name() == "complete" || s.exchanged() != 1 {
		t.Errorf("page %q, %d codes exchanged", got.name(), s.exchanged())
	}
}

// TestCallbackAsItBegan: the code is exchanged with the address that the browser was sent with,
// whatever the settings say since.
func TestCallbackAsItBegan(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/provider/callback", "/"} {
		callback := func(path string) func(*siteConfig) {
			return func(c *siteConfig) { c.settings.Environments[0].ProviderCallback = c.settings.BasePath + path }
		}
		before := newSite(t, withMethods("demo"), callback(path))
		after := newSite(t, withMethods("demo"), callback(map[string]string{"/": "/provider/callback", "/provider/callback": "/"}[path]), func(c *siteConfig) {
			c.backend, c.clock, c.memory = before.backend, before.clock, before.memory
		})
		b := before.browser()
		back := b.consentAt(path, b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")
		b = b.on(t, after)
		b.submit(b.get(back).want(http.StatusOK, "provider-return"), nil).completed()
		if got := last(before.backend.callsTo("/v1/provider/token")).body; !strings.Contains(got, `"`+publicOrigin+before.base+path+`"`) {
			t.Errorf("the code that came to %s is exchanged with %s", path, got)
		}
	}
}

// TestErrorAtEntry: an error without a state at the entry is the app's own, unless a provider was told
// to send browsers there.
func TestErrorAtEntry(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b := s.browser()
	b.toProvider(b.open("/sign-in"), "demo").want(http.StatusOK, "interstitial")
	p := b.open("/", "error=access_denied").want(http.StatusOK, "sign-in")
	if p.has("provider.cancelled") || !strings.Contains(p.action(), "error=access_denied") {
		t.Errorf("the app's own error is taken for a provider's: %q, %s", p.keys(), p.action())
	}
}

// TestLostBringsNoIdentity: who comes back without cookies finds the page and the target, and no
// identity that waited.
func TestLostBringsNoIdentity(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	b := s.browser()
	unknown := b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-9", "").want(http.StatusOK, "provider-unknown")
	p := b.click(unknown, "sign-in").want(http.StatusOK, "sign-in")
	if !strings.Contains(p.action(), "link=") {
		t.Fatalf("no identity waits: %s", p.action())
	}
	back := b.consent(b.toProvider(p, "demo"), "allow", "p-10", "")
	b.forget()
	if p = b.get(back).want(http.StatusOK, "sign-in", "provider.again"); strings.Contains(p.body, "link=") {
		t.Errorf("the page has an identity: %s", p.action())
	}
}

// TestCarriedBytes: what somebody wrote into an address unencoded is encoded wherever it goes on to.
func TestCarriedBytes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	bytes := "x=\"<\xe9\xff`{|}^\\'>&y=\xe4\xb8\xad"
	request := fmt.Sprintf("GET /__auth/?%s&code=a&state=%032x&%s HTTP/1.1\r\nHost: login.example.net\r\n\r\n", entryQuery(appPage), 7, bytes)
	p := s.browser().rawPage(request)
	to := p.header.Get("Location")
	if p.status != http.StatusSeeOther || strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>`{|}^\\", r) }) || !strings.Contains(to, "x=%22%3C%E9%FF%60") {
		t.Errorf("status %d, Location %q", p.status, to)
	}
	if strings.Contains(to, "state=") || strings.Contains(to, "code=") {
		t.Errorf("Location %q", to)
	}
}

// TestCodesEndAsTCBSays: a mini program's code that TCB gives less than two minutes has no more.
func TestCodesEndAsTCBSays(t *testing.T) {
	t.Parallel()
	s := newSite(t, withQR)
	s.backend.answer("/v1/qrcode/generate", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"qr_code":"https://example.com/scan","qr_code_id":"i","expires_in":30}`))
	})
	b := s.browser()
	p := b.showQR()
	s.clock.advance(30 * time.Second)
	asked := s.backend.count("/v1/qrcode/get/status")
	b.pressTo(p, "check").want(http.StatusOK, "qr-code", "qr.expired")
	if s.backend.count("/v1/qrcode/get/status") != asked {
		t.Error("TCB is asked about a code that is over")
	}
}

// TestCancelledNames: whatever a provider calls it, who did not want to is back where they were, and
// nothing has failed.
func TestCancelledNames(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b := s.browser()
	back := b.consent(b.toProvider(b.open("/sign-in"), "demo"), "deny", "p-1", "")
	_, state, _ := strings.Cut(back, "state=")
	state, _, _ = strings.Cut(state, "&")
	for _, failed := range []string{
		"access_denied", "Access_Denied", "access-denied", "cancelled", "canceled", "cancel", "user_denied", "user_cancelled", "user_canceled",
		"user_cancel", "authdeny", "AuthDeny", "user_cancelled_authorize", "user_cancelled_login", "authorization_denied", "",
	} {
		for _, query := range []string{"?error=" + failed, "?state=" + state + "&error=" + failed} {
			if failed == "" && !strings.Contains(query, "state") {
				continue // it says nothing at all
			}
			b.get(s.base+"/provider/callback"+query).want(http.StatusOK, "sign-in", "provider.cancelled")
		}
	}
	for _, failed := range []string{"server_error", "temporarily_unavailable", "invalid_scope", "cancelled_by_fraud_check", "not_denied", "x" + strings.Repeat("y", 200) + "cancel"} {
		b.get(s.base+"/provider/callback?error="+failed).want(http.StatusOK, "provider-failed", "provider.failed")
	}
}

// TestFinishedCallback: who is signed in and loads the redirect again, from the history, is led on; at
// first to where it led, and to the portal once that is forgotten. Nobody else is.
func TestFinishedCallback(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/provider/callback", "/"} {
		s := newSite(t, withProvider, func(c *siteConfig) {
			c.settings.Environments[0].ProviderCallback = c.settings.BasePath + path
		})
		b := s.browser()
		back := b.consentAt(path, b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")
		p := b.get(back).want(http.StatusOK, "provider-return")
		stranger := b.copy()
		b.submit(p, nil).completed()
		other, _ := s.signedIn(t)
		unfinished := other.consentAt(path, other.toProvider(other.open("/sign-in"), "demo"), "allow", "p-2", "")

		s.clock.advance(repeatLife)
		b.get(back).want(http.StatusOK, "continue")
		s.clock.advance(tripLife)
		granted := s.exchanged()
		b.get(back).want(http.StatusOK, "account")
		if path == "/provider/callback" {
			b.submit(p, nil).want(http.StatusOK, "account")
		}
		stranger.get(back).want(http.StatusBadRequest, "error", "provider.lost")
		other.get(unfinished).want(http.StatusBadRequest, "error", "provider.lost") // that came to nothing
		if s.exchanged() != granted {
			t.Error("a code was offered to TCB again")
		}
		b.submit(b.open("/sign-out"), nil)
		b.get(back).want(http.StatusBadRequest, "error", "provider.lost")
	}
}

// TestProviderTakenOut: an identity provider that the login page no longer has signs nobody in, also who
// went there before.
func TestProviderTakenOut(t *testing.T) {
	t.Parallel()
	config := func(methods ...string) string { return loginJSON(t, map[string]any{"web": webMethods(methods...)}) }
	dir := writeTree(t, map[string]string{envFile: config("__password", "demo")})
	s := newSite(t, withTree(dir))
	b := s.browser()
	back := b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")).want(http.StatusOK, "provider-return")
	if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(envFile)), []byte(config("__password")), 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, problems := s.cfg.LoginPages.Reload(); !changed || problems.HasErrors() {
		t.Fatal(changed, problems)
	}
	b.submit(back, nil).want(http.StatusNotFound, "error", "error.disabled")
}

// TestProviderLongTarget: whatever address the pages take, a provider's button takes too, to the way on
// after it was used.
func TestProviderLongTarget(t *testing.T) {
	t.Parallel()
	for _, length := range []int{500, 1900, 2700, 4000} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, withProvider)
			b := s.browser()
			b.t = t
			target := publicOrigin + "/orders?filter=" + strings.Repeat("%25E4%25B8%25AD", length/15)
			open := b.get(s.base+"/sign-in?env_id=demo&client_id=demo&redirect_uri="+url.QueryEscape(target)).want(http.StatusOK, "sign-in")
			back := b.consent(b.toProvider(open, "demo"), "allow", "p-1", "")
			if done := b.submit(b.get(back).want(http.StatusOK, "provider-return"), nil).completed(); done.RedirectURI != target {
				t.Errorf("it leads to %.100s", done.RedirectURI)
			}
			cancelled := s.browser()
			cancelled.t = t
			cancelled.toProvider(cancelled.get(s.base+"/sign-in?env_id=demo&client_id=demo&redirect_uri="+url.QueryEscape(target)), "demo").want(http.StatusOK, "interstitial")
			cancelled.get(s.base+"/provider/callback?error=access_denied").want(http.StatusOK, "sign-in", "provider.cancelled")
			s.clock.advance(repeatLife)
			if again := b.get(back).want(http.StatusOK, "continue"); !strings.Contains(again.body, html.EscapeString(target)) {
				t.Errorf("loaded again it does not lead to the target: %.2000s", again.body)
			}
		})
	}
}
