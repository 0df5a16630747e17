package handlers

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tcb-login/config"
)

// withProvider offers the emulator's demo provider beside the built-in ways.
func withProvider(c *siteConfig) {
	c.logins = config.BuiltInLogins(c.settings)
	login := c.logins.Find(config.LoginKey{Env: "demo", Version: config.EnvVersion})
	login.Ways = append(login.Ways, config.Way{ID: "demo", Label: "Demo provider"})
}

// provider changes the demo provider's settings at the emulator.
func (b *backend) provider(change map[string]bool) {
	b.t.Helper()
	b.control("PUT", "settings", map[string]any{"providers": map[string]any{"demo": change}}, nil)
}

// consent answers on the provider's page that a leaving page leads to, and gives the address it sends back to.
func (b *browser) consent(leaving *page, decision, sub, email string) string {
	b.t.Helper()
	var where departure
	leaving.want(http.StatusOK, "leaving").script("departure", &where)
	form := url.Values{"decision": {decision}, "sub": {sub}, "name": {"Person " + sub}, "email": {email}}
	client := *b.s.backend.srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.PostForm(where.To, form)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	back := resp.Header.Get("Location")
	if !strings.HasPrefix(back, b.origin+b.s.base+"/provider/callback?") {
		body, _ := io.ReadAll(resp.Body)
		b.t.Fatalf("the provider leads to %q: %.200s", back, body)
	}
	return back
}

// toProvider presses a provider's button on a sign-in page.
func (b *browser) toProvider(p *page, id string) *page {
	b.t.Helper()
	target := strings.Replace(p.action(), "/sign-in?", "/provider/"+id+"?", 1)
	return b.do(http.MethodPost, target, p.filled(nil), nil)
}

func TestProviderSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b := s.browser()
	leaving := b.toProvider(b.open("/sign-in"), "demo")
	asked := last(s.backend.callsTo("/v1/provider/uri"))
	if got := asked.query.Get("redirect_uri"); got != publicOrigin+"/__auth/provider/callback" {
		t.Errorf("provider_redirect_uri is %q", got)
	}
	if state := asked.query.Get("state"); len(state) != 32 {
		t.Errorf("state is %q; WeChat takes letters and digits, 128 at most", state)
	}
	back := b.consent(leaving, "allow", "p-1", "p-1@example.com")
	calls := s.backend.count("")
	p := b.get(back).want(http.StatusOK, "provider-return")
	if s.backend.count("") != calls {
		t.Error("a GET has called TCB")
	}
	p = b.press(p, "lang=zh-CN", nil).want(http.StatusOK, "provider-return")
	done := b.submit(p, nil).completed()
	if done.RedirectURI != appPage || done.UserInfo.Email != "p-1@example.com" {
		t.Errorf("%+v", done.UserInfo)
	}
	// Used up, on both steps.
	b.get(back).want(http.StatusBadRequest, "error", "provider.lost")
	b.post(p, nil).want(http.StatusBadRequest, "error", "provider.lost")

	// The same person again is the same account.
	other := s.browser()
	p = other.get(other.consent(other.toProvider(other.open("/sign-in"), "demo"), "allow", "p-1", ""))
	if again := other.submit(p, nil).completed(); again.Credentials.Sub != done.Credentials.Sub {
		t.Errorf("signed in as %s, want %s", again.Credentials.Sub, done.Credentials.Sub)
	}
	b.toProvider(b.open("/sign-in"), "wx_open").want(http.StatusNotFound, "error", "error.disabled")
	b.toProvider(b.open("/sign-in"), "__sms").want(http.StatusNotFound, "error", "error.disabled")
}

// TestProviderReplay: what came back from a provider serves once, also with the cookie that was removed, and only
// in the browser that went, and only for a while.
func TestProviderReplay(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b, thief := s.browser(), s.browser()
	back := b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")
	p := b.get(back).want(http.StatusOK, "provider-return")
	copied := b.copy()

	thief.open("/sign-in")
	thief.get(back).want(http.StatusBadRequest, "error", "provider.lost")
	thief.do(http.MethodPost, p.action(), p.filled(nil), nil).want(http.StatusBadRequest, "error", "provider.lost")

	b.submit(p, nil).completed()
	granted := s.backend.count("/v1/provider/token")
	copied.do(http.MethodPost, p.action(), p.filled(nil), nil).want(http.StatusBadRequest, "error", "provider.lost")
	if s.backend.count("/v1/provider/token") != granted {
		t.Error("the code was offered to TCB a second time")
	}
	for _, query := range []string{"", "?state=x&code=y", "?code=y", "?state=&code="} {
		b.do(http.MethodGet, s.base+"/provider/callback"+query, nil, nil).want(http.StatusBadRequest, "error", "provider.lost")
	}
	b = s.browser()
	back = b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")
	s.clock.advance(tripLife)
	b.get(back).want(http.StatusBadRequest, "error", "provider.lost")
}

func TestProviderFails(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b := s.browser()
	signIn := b.open("/sign-in")
	p := b.get(b.consent(b.toProvider(signIn, "demo"), "deny", "p-1", "")).want(http.StatusOK, "provider-failed", "provider.cancelled")
	b.click(p, "sign-in").want(http.StatusOK, "sign-in")
	p = b.get(b.consent(b.toProvider(signIn, "demo"), "fail", "p-1", "")).want(http.StatusOK, "provider-return")
	b.submit(p, nil).want(http.StatusOK, "provider-failed", "provider.failed")

	s.backend.refuse("/v1/provider/uri", http.StatusBadRequest, "provider_not_enabled")
	b.toProvider(signIn, "demo").want(http.StatusUnprocessableEntity, "sign-in", "error.disabled")
	s.backend.answer("/v1/provider/uri", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"uri":"javascript:alert(1)"}`) })
	b.toProvider(signIn, "demo").want(http.StatusBadGateway, "error")
	s.backend.answer("", nil)
	p = b.get(b.consent(b.toProvider(signIn, "demo"), "allow", "p-1", ""))
	s.backend.refuse("/v1/provider/token", http.StatusServiceUnavailable, "unavailable")
	b.submit(p, nil).want(http.StatusServiceUnavailable, "error")
	s.backend.answer("", nil)
}

// TestProviderUnknown: an identity that nobody has is linked by signing in, or by registering, never by itself.
func TestProviderUnknown(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	unknown := func(b *browser, sub string) *page {
		b.t.Helper()
		p := b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", sub, ""))
		return b.submit(p, nil).want(http.StatusOK, "provider-unknown")
	}
	t.Run("sign in", func(t *testing.T) {
		b := s.browser()
		b.t = t
		p := b.click(unknown(b, "p-1"), "sign-in").want(http.StatusOK, "sign-in")
		p = b.submit(p, fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in")
		done := b.submit(p, fields{"username": "demo", "password": demoPassword}).completed()
		bound := s.backend.count("/v1/user/provider/bind")
		p = b.get(done.RedirectURI).want(http.StatusOK, "account-bind")
		for _, want := range []string{"Person p-1", "Demo", "demo"} {
			if !strings.Contains(p.text(), want) {
				t.Errorf("the page does not name %s: %s", want, p.text())
			}
		}
		if p.link("app") != appPage {
			t.Errorf("not linking leads to %q", p.link("app"))
		}
		p = b.press(p, "lang=zh-CN", nil).want(http.StatusOK, "account-bind")
		if s.backend.count("/v1/user/provider/bind") != bound {
			t.Error("it was bound before the person said so")
		}
		var where departure
		if b.submit(p, nil).want(http.StatusOK, "leaving").script("departure", &where); where.To != appPage || len(where.Forget) > 0 {
			t.Errorf("%+v", where)
		}
		other := s.browser()
		other.t = t
		p = other.get(other.consent(other.toProvider(other.open("/sign-in"), "demo"), "allow", "p-1", ""))
		if again := other.submit(p, nil).completed(); again.Credentials.Sub != done.Credentials.Sub {
			t.Error("the identity signs in somebody else")
		}
	})
	t.Run("register", func(t *testing.T) {
		b := s.browser().at("192.0.2.9")
		b.t = t
		p := b.click(unknown(b, "p-2"), "sign-up").want(http.StatusOK, "sign-up")
		p = b.submit(b.click(p, "via-email"), fields{"email": "p-2@example.com"}).want(http.StatusOK, "sign-up-code")
		p = b.submit(p, fields{"verification_code": s.backend.code("p-2@example.com")}).want(http.StatusOK, "sign-up-details", "provider.signing_up")
		done := b.submit(p, nil).completed()
		if done.RedirectURI != appPage {
			t.Errorf("leads to %s", done.RedirectURI)
		}
		other := s.browser()
		other.t = t
		p = other.get(other.consent(other.toProvider(other.open("/sign-in"), "demo"), "allow", "p-2", ""))
		if again := other.submit(p, nil).completed(); again.Credentials.Sub != done.Credentials.Sub {
			t.Error("the identity signs in somebody else")
		}
	})
	t.Run("a link from another browser", func(t *testing.T) {
		b := s.browser()
		b.t = t
		p := unknown(b, "p-3")
		u, err := url.Parse(p.link("sign-in"))
		if err != nil || u.Query().Get("link") == "" {
			t.Fatalf("link %q: %v", p.link("sign-in"), err)
		}
		victim, _ := s.signedIn(t)
		victim.open("/account/providers", "link="+u.Query().Get("link")).want(http.StatusOK, "account-providers")
	})
}

func TestLinking(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b, _ := s.signedIn(t)
	p := b.open("/account/providers").want(http.StatusOK, "account-providers")
	p = b.press(p, "action=link:demo", nil).want(http.StatusOK, "step-up-password")
	p = b.submit(p, fields{"password": demoPassword}).want(http.StatusOK, "account-providers")
	leaving := b.pressOnly(p, "action=link:demo", nil)
	p = b.get(b.consent(leaving, "allow", "p-1", "")).want(http.StatusOK, "provider-return")
	p = b.submit(p, nil).want(http.StatusOK, "account-bind")
	p = b.submit(p, nil).want(http.StatusOK, "account-providers", "account.done.linked")
	b.press(p, "action=unlink:demo", nil).want(http.StatusOK, "account-providers", "account.done.unlinked")

	// What somebody else has cannot be taken.
	other := s.browser()
	back := other.consent(other.toProvider(other.open("/sign-in"), "demo"), "allow", "p-2", "")
	other.submit(other.get(back), nil).completed()
	p = b.open("/account/providers")
	p = b.submit(b.get(b.consent(b.pressOnly(p, "action=link:demo", nil), "allow", "p-2", "")), nil).want(http.StatusOK, "account-bind")
	b.submit(p, nil).want(http.StatusUnprocessableEntity, "account-bind", "provider.bind.taken")

	// Whoever went must be who comes back.
	back = b.consent(b.pressOnly(b.open("/account/providers"), "action=link:demo", nil), "allow", "p-3", "")
	returned := b.get(back).want(http.StatusOK, "provider-return")
	s.backend.register("mei@example.com", "hanmeimei", "Quiet-river-7")
	b.submit(b.open("/sign-in"), fields{"username": "hanmeimei", "password": "Quiet-river-7"}).completed()
	b.submit(returned, nil).want(http.StatusBadRequest, "error", "provider.lost")

	form := b.open("/account/providers").filled(nil)
	for _, action := range []string{"", "link:nobody", "unlink:demo", "x"} {
		form.Set("action", action)
		b.do(http.MethodPost, s.base+"/account/providers?"+entry(appPage), form, nil).want(http.StatusUnprocessableEntity, "account-providers", "error.refused")
	}
}

// TestProviderAlone: somebody who has nothing but a provider's identity cannot lose it, and steps up by it alone.
func TestProviderAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b := s.browser()
	b.submit(b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")), nil).completed()
	p := b.open("/account/providers").want(http.StatusOK, "account-providers", "account.providers.last")
	if p.find(func(n *htmlNode) bool { return attr(n, "value") == "unlink:demo" }) != nil {
		t.Error("the last way to sign in can be unlinked")
	}
	form := p.filled(nil)
	form.Set("action", "unlink:demo")
	b.do(http.MethodPost, p.action(), form, nil).want(http.StatusUnprocessableEntity, "account-providers", "account.providers.last")

	verify := func(sub string) *page {
		t.Helper()
		p := b.open("/account/email").want(http.StatusOK, "step-up-provider")
		return b.submit(b.get(b.consent(b.pressOnly(p, "action=provider:demo", nil), "allow", sub, "")), nil)
	}
	sudo := s.backend.count("/v1/user/sudo")
	verify("p-2").want(http.StatusOK, "provider-failed", "provider.other_identity")
	if s.backend.count("/v1/user/sudo") != sudo {
		t.Error("TCB was asked for a sudo_token for somebody else")
	}
	p = verify("p-1").want(http.StatusOK, "account-email")
	p = b.submit(p, fields{"email": "p-1@example.com"}).want(http.StatusOK, "account-email-code")
	b.submit(p, fields{"verification_code": s.backend.code("p-1@example.com")}).want(http.StatusOK, "account", "account.done.email")

	// With an address there is another way: an empty sudo_token serves no more.
	s.clock.advance(16 * time.Minute)
	b.open("/account/email").want(http.StatusOK, "step-up")
	b.do(http.MethodPost, s.base+pathVerify+"?"+entry(appPage), func() url.Values {
		v := b.open(pathVerify).filled(nil)
		v.Set("action", "provider:demo")
		return v
	}(), nil).want(http.StatusNotFound, "error")
}

// TestProviderSignOut: TCB leads to the provider's own sign-out, which leads back.
func TestProviderSignOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b := s.browser()
	b.submit(b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")), nil).completed()
	var where departure
	b.submit(b.open("/sign-out", "state=x"), nil).want(http.StatusOK, "leaving").script("departure", &where)
	u, err := url.Parse(where.To)
	if err != nil || !strings.HasPrefix(where.To, s.backend.srv.URL+"/demo-idp/") || u.Query().Get("redirect_uri") != appPage || u.Query().Get("state") != "x" {
		t.Errorf("leads to %s", where.To)
	}
	if !slices.Contains(where.Forget, "credentials_demo") {
		t.Errorf("%+v", where)
	}
}
