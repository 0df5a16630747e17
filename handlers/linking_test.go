package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestProviderUnknown: an identity that nobody has is linked by signing in, or by registering,
// never by itself.
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
		for _, want := range []string{"Person p-1", "Demo", "de***@example.com"} {
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
		if b.submit(p, nil).want(http.StatusOK, "interstitial").script("departure", &where); where.To != appPage || len(where.Forget) > 0 {
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
		b.do(http.MethodPost, s.base+"/account/providers?"+entryQuery(appPage), form, nil).want(http.StatusUnprocessableEntity, "account-providers", "error.refused")
	}
}

// TestLinkByAnotherProvider: an identity that nobody has waits while the person
// comes in by another provider, and is bound after that.
func TestLinkByAnotherProvider(t *testing.T) {
	t.Parallel()
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{"web": webMethods("__password", "demo", "wx_open")})}))
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	first := s.browser()
	known := first.comesBack(first.toProvider(first.open("/sign-in"), "wx_open"), "w-1", "").completed()

	b := s.browser()
	p := b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-1", "").want(http.StatusOK, "provider-unknown")
	p = b.click(p, "sign-in").want(http.StatusOK, "sign-in")
	leaving := b.toProvider(p, "wx_open")
	p = b.get(b.consent(leaving, "deny", "w-1", "")).want(http.StatusOK, "sign-in") // changed their mind, and again
	leaving = b.toProvider(p, "wx_open")
	done := b.comesBack(leaving, "w-1", "").completed()
	p = b.get(done.RedirectURI).want(http.StatusOK, "account-bind")
	b.submit(p, nil).want(http.StatusOK, "interstitial")

	other := s.browser()
	again := other.comesBack(other.toProvider(other.open("/sign-in"), "demo"), "p-1", "").completed()
	if again.Credentials.Sub != known.Credentials.Sub {
		t.Errorf("the identity signs in %s, want %s", again.Credentials.Sub, known.Credentials.Sub)
	}
}

// TestLastWay: a way to sign in that the page does not offer is none.
func TestLastWay(t *testing.T) {
	t.Parallel()
	s := newSite(t, withFiles(t, map[string]string{
		"app-a/login.config.alone.json":    loginJSON(t, map[string]any{"web": webMethods("demo")}),
		"app-a/login.config.password.json": loginJSON(t, map[string]any{"web": webMethods("__password", "demo")}),
		"app-a/login.config.sms.json":      loginJSON(t, map[string]any{"web": webMethods("__sms", "demo")}),
		"app-a/login.config.email.json":    loginJSON(t, map[string]any{"web": webMethods("email", "demo")}),
	}))
	b := s.browser()
	begin := b.openAs("/", "app-a", "alone")
	b.comesBack(b.pressWay(begin, "provider-demo", nil), "p-1", "p-1@example.com").completed()
	for _, tt := range []struct {
		version string
		last    bool
	}{
		{"alone", true},
		{"password", true}, // the account has none
		{"sms", true},      // nor a number
		{"email", false},
	} {
		p := b.openAs("/account/providers", "app-a", tt.version).want(http.StatusOK, "account-providers")
		button := p.find(func(n *htmlNode) bool { return attr(n, "value") == "unlink:demo" }) != nil
		if button == tt.last || p.has("account.providers.last") != tt.last {
			t.Errorf("%s: it can be unlinked: %v; messages %q", tt.version, button, p.keys())
		}
		form := p.filled(nil)
		form.Set("action", "unlink:demo")
		p = b.follow(b.do(http.MethodPost, p.action(), form, nil))
		if tt.last {
			p.want(http.StatusUnprocessableEntity, "account-providers", "account.providers.last")
			continue
		}
		p.want(http.StatusOK, "step-up")
	}
}

// TestWeChatOnce: TCB has WeChat's platforms as providers of their own, which it calls by long names.
// To people it is one, by the mark and name that they know from signing in; the platform that this
// browser cannot go to is not there to link.
func TestWeChatOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	s.backend.answer("/v1/user/provider", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"total":2,"data":[{"id":"wx_mp","name":"WeChat Official Accounts","bind":false},{"id":"wx_open","name":"WeChat Open Platform","bind":false}]}`))
	})
	linkable := func() (ids []string) {
		p := b.open("/account/providers").want(http.StatusOK, "account-providers")
		for _, button := range p.all(func(n *htmlNode) bool { return n.Data == "button" && attr(n, "name") == "action" }) {
			ids = append(ids, attr(button, "value")+" "+attr(button, "aria-label"))
		}
		if p.find(func(n *htmlNode) bool { return attr(n, "class") == "mark wechat" }) == nil || strings.Contains(p.text(), "Platform") {
			t.Errorf("WeChat is not as where one signs in: %s", p.text())
		}
		return ids
	}
	if got := linkable(); !slices.Equal(got, []string{"link:wx_open Link WeChat"}) {
		t.Errorf("in a browser: %q", got)
	}
	b.header.Set("User-Agent", "Mozilla/5.0 (iPhone) MicroMessenger/8.0")
	if got := linkable(); !slices.Equal(got, []string{"link:wx_mp Link WeChat"}) {
		t.Errorf("in WeChat: %q", got)
	}
}
