package handlers

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tcb-login/config"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/provider"
	"tcb-login/handlers/web"
	"tcb-login/identifier"
)

// withProvider offers the emulator's demo provider beside the built-in ways.
func withProvider(c *siteConfig) {
	c.logins = config.BuiltInPages(c.settings)
	login := c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion})
	login.Methods = append(login.Methods, loginpage.SignInMethod{ID: "demo", Label: "Demo provider"})
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
	leaving.want(http.StatusOK, "interstitial").script("departure", &where)
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

// comesBack has a provider say who somebody is, and goes on with that.
func (b *browser) comesBack(leaving *page, sub, email string) *page {
	b.t.Helper()
	back := b.get(b.consent(leaving, "allow", sub, email)).want(http.StatusOK, "provider-return")
	return b.submit(back, nil)
}

// parameter is a parameter of the address that a link leads to.
func (p *page) parameter(to, name string) string {
	p.t.Helper()
	u, err := url.Parse(p.link(to))
	if err != nil {
		p.t.Fatalf("link to %s: %v", to, err)
	}
	return u.Query().Get(name)
}

// parameterOf is a parameter of an address.
func (p *page) parameterOf(address, name string) string {
	p.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		p.t.Fatal(err)
	}
	return u.Query().Get(name)
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
	b.do(http.MethodPost, s.base+entry.PathVerify+"?"+entryQuery(appPage), func() url.Values {
		v := b.open(entry.PathVerify).filled(nil)
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
	b.submit(b.open("/sign-out", "state=x"), nil).want(http.StatusOK, "interstitial").script("departure", &where)
	u, err := url.Parse(where.To)
	if err != nil || !strings.HasPrefix(where.To, s.backend.srv.URL+"/demo-idp/") || u.Query().Get("redirect_uri") != appPage || u.Query().Get("state") != "x" {
		t.Errorf("leads to %s", where.To)
	}
	if !slices.Contains(where.Forget, "credentials_demo") {
		t.Errorf("%+v", where)
	}
}

// TestProviderRegisters: what the login config says of new accounts holds for a provider's people too.
func TestProviderRegisters(t *testing.T) {
	t.Parallel()
	file := func(registry map[string]any, required ...string) string {
		fields := []any{map[string]any{"name": "name", "required": false}}
		for _, name := range required {
			fields = append(fields, map[string]any{"name": name, "required": true})
		}
		return loginJSON(t, map[string]any{
			"web": webMethods("__password", "email", "demo"), "userRegistry": registry,
			"tcbLogin": map[string]any{"signUp": map[string]any{"fields": fields}},
		})
	}
	auto := map[string]any{"enable": true, "registerType": "auto"}
	split := map[string]any{"enable": true, "registerType": "split", "web": webMethods("email")}
	s := newSite(t, withFiles(t, map[string]string{
		"app-a/login.config.auto.json":  file(auto),
		"app-a/login.config.must.json":  file(auto, "username"),
		"app-a/login.config.split.json": file(split),
		"app-a/login.config.long.json":  file(split, "username"),
		"app-a/login.config.off.json":   file(map[string]any{"enable": false, "registerType": "auto"}),
	}))
	tests := []struct {
		version   string
		registers bool   // by itself
		signUp    string // else the page to get an account on
	}{
		{"auto", true, ""},
		{"must", false, "sign-in-email"},
		{"split", true, ""},
		{"long", false, "sign-up"},
		{"off", false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.version, func(t *testing.T) {
			b := s.browser()
			b.t = t
			p := b.comesBack(b.toProvider(b.openAs("/sign-in", "app-a", tt.version), "demo"), "new-"+tt.version, "")
			body := last(s.backend.callsTo("/v1/signin/with/provider")).body
			if forbids := strings.Contains(body, `"force_disable_sign_up":true`); forbids == tt.registers {
				t.Errorf("TCB was asked with %s", body)
			}
			if tt.registers {
				p.completed()
				return
			}
			p.want(http.StatusOK, "provider-unknown")
			b.click(p, "sign-in").want(http.StatusOK, "sign-in")
			if tt.signUp == "" {
				if p.link("sign-up") != "" {
					t.Errorf("registration is off, and the page leads to %s", p.link("sign-up"))
				}
				return
			}
			to := tt.version + "@example.com"
			p = b.submit(b.click(p, "sign-up").want(http.StatusOK, tt.signUp), fields{"email": to})
			p = b.submit(p, fields{"verification_code": s.backend.code(to)}).want(http.StatusOK, tt.signUp+"-details", "provider.signing_up")
			b.submit(p, nil).want(http.StatusUnprocessableEntity, tt.signUp+"-details", "error.required.new_username")
			b.submit(p, fields{"username": "of-" + tt.version}).completed()
			p = b.comesBack(b.toProvider(b.openAs("/sign-in", "app-a", tt.version), "demo"), "new-"+tt.version, "")
			if done := p.completed(); done.UserInfo.Email != to {
				t.Errorf("the identity signs in %+v", done.UserInfo)
			}
		})
	}
}

// TestProviderOnly: on a page that has nothing but providers.
func TestProviderOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{"web": webMethods("demo", "wx_open")})}))
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	for _, query := range []string{"", "prompt=create", "prompt=login", "prompt=select_account"} {
		s.browser().open("/", query).want(http.StatusOK, "choose")
	}

	// Nobody is known, and nothing else could tell who it is: there is but the way back.
	b := s.browser()
	unknown := b.comesBack(b.pressWay(b.open("/"), "provider-demo", nil), "p-1", "").want(http.StatusOK, "provider-unknown", "provider.unknown.only")
	if unknown.link("app") != appPage || unknown.link("sign-in") != "" || unknown.link("sign-up") != "" {
		t.Errorf("the page leads to the app at %q, sign-in %q, sign-up %q", unknown.link("app"), unknown.link("sign-in"), unknown.link("sign-up"))
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
	p = b.get(b.consent(leaving, "deny", "w-1", "")).want(http.StatusOK, "provider-failed") // changed their mind, and again
	leaving = b.toProvider(b.click(p, "sign-in").want(http.StatusOK, "sign-in"), "wx_open")
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

// TestLostTrip: who comes back from a provider to nothing is led to the app,
// whatever is known of what they wanted.
func TestLostTrip(t *testing.T) {
	t.Parallel()
	several := newSite(t, withProvider)
	one := newSite(t, oneEnvironment, withProvider, func(c *siteConfig) { c.backend, c.clock = several.backend, several.clock })
	for _, s := range []*site{several, one} {
		b := s.browser()
		lost := []*page{b.get(s.base + "/provider/callback?code=x&state=y")}
		p := b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", ""))
		b.submit(p, nil).completed()
		for _, p := range append(lost, b.post(p, nil)) {
			p.want(http.StatusBadRequest, "error", "provider.lost")
			if got := p.link("app"); got != publicOrigin+"/" {
				t.Errorf("%s leads to %q, want the app's first page", p.method, got)
			}
		}
	}
}

// TestProviderByGet: an address that only takes a form leads to where the form is.
func TestProviderByGet(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b := s.browser()
	query := entryQuery(appPage, "state=s", "link=abc", "next=account-email")
	for _, id := range []string{"demo", "nobody"} {
		p := b.do(http.MethodGet, s.base+"/provider/"+id+"?"+query, nil, nil)
		if p.status != http.StatusSeeOther {
			t.Fatalf("%s: status %d", id, p.status)
		}
		u, err := url.Parse(p.location())
		if err != nil || u.Path != s.base+"/" || u.Query().Get("link") != "abc" || u.Query().Get("next") != "account-email" || u.Query().Get("state") != "s" {
			t.Errorf("%s leads to %s", id, p.location())
		}
		b.follow(p).want(http.StatusOK, "sign-in")
	}
}

// identityIsFree reports that an identity is nobody's yet.
func (s *site) identityIsFree(t *testing.T, begin func(*browser) *page, sub string) bool {
	t.Helper()
	b := s.browser().on(t, s)
	p := b.comesBack(begin(b), sub, "")
	return p.name() == "provider-unknown"
}

// TestRegisteringNamesTheIdentity: a new account gets the identity that waits
// from the form of a page that named both, in every way that makes accounts, and
// never otherwise: who left it waiting on a shared machine would later sign in as
// the person that registers there now.
func TestRegisteringNamesTheIdentity(t *testing.T) {
	t.Parallel()
	file := func(fields []any, registry map[string]any) string {
		return loginJSON(t, map[string]any{
			"web": webMethods("__password", "__sms", "email", "demo"), "userRegistry": registry,
			"tcbLogin": map[string]any{"signUp": map[string]any{"fields": fields}},
		})
	}
	auto := map[string]any{"enable": true, "registerType": "auto"}
	split := map[string]any{"enable": true, "registerType": "split", "web": webMethods("__sms", "email")}
	optional := []any{map[string]any{"name": "name", "required": false}}
	s := newSite(t, withFiles(t, map[string]string{
		"app-a/login.config.plain.json":    file([]any{}, auto),                                                 // a right code registers at once
		"app-a/login.config.asks.json":     file([]any{map[string]any{"name": "name", "required": true}}, auto), // after the details
		"app-a/login.config.signup.json":   file([]any{}, split),                                                // sign-up without anything to ask
		"app-a/login.config.optional.json": file(optional, split),
	}))
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	begin := func(version string) func(*browser) *page {
		return func(b *browser) *page {
			return b.pressWay(b.openAs("/sign-in", "app-a", version), "provider-demo", nil)
		}
	}
	n := 0
	for _, tt := range []struct {
		name, version string
		email         bool
		typed         fields
	}{
		{"code, at once", "plain", false, nil},
		{"code by e-mail, at once", "plain", true, nil},
		{"code, with details", "asks", false, fields{"name": "New"}},
		{"sign-up, nothing asked", "signup", false, nil},
		{"sign-up by e-mail, nothing asked", "signup", true, nil},
		{"sign-up, details", "optional", true, fields{"name": "New"}},
	} {
		// verified goes from an identity that nobody has up to a right code, and gives the page after it.
		verified := func(t *testing.T) (b *browser, p *page, sub, to string, calls func() int) {
			n++
			b = s.browser().on(t, s).at(fmt.Sprintf("192.0.2.%d", n))
			sub, to = fmt.Sprintf("shared-%d", n), fmt.Sprintf("+86 1380000%04d", n)
			typed := fields{"phone_country": "CN", "phone_number": to[4:]}
			p = b.comesBack(begin(tt.version)(b), sub, "").want(http.StatusOK, "provider-unknown")
			p = b.click(p, "sign-up")
			if tt.email {
				to = fmt.Sprintf("shared-%d@example.com", n)
				typed = fields{"email": to}
				switch {
				case p.link("via-email") != "":
					p = b.click(p, "via-email")
				case p.name() == "sign-in-sms":
					p = b.click(p, "sign-in-email")
				}
			}
			p = b.submit(p, typed)
			signUps := s.backend.count("/v1/signup")
			calls = func() int { return s.backend.count("/v1/signup") - signUps }
			return b, b.submit(p, fields{"verification_code": s.backend.code(to)}), sub, to, calls
		}
		named := func(t *testing.T, p *page, sub, to string, calls func() int) {
			t.Helper()
			if !strings.HasSuffix(p.name(), "-details") || !p.has("provider.signing_up") || calls() != 0 {
				t.Fatalf("page %q with %d, %q after %d sign-ups, want one that names the identity, before any", p.name(), p.status, p.keys(), calls())
			}
			masked := identifier.MaskPhone(to)
			if tt.email {
				masked = identifier.MaskEmail(to)
			}
			for _, want := range []string{"Person " + sub, masked} {
				if !strings.Contains(p.text(), want) {
					t.Errorf("the page does not name %q: %s", want, p.text())
				}
			}
		}
		t.Run(tt.name+": linked", func(t *testing.T) {
			b, p, sub, to, calls := verified(t)
			named(t, p, sub, to, calls)
			if p.status != http.StatusOK || p.has("error.stale") {
				t.Errorf("a right code gets %d, %q", p.status, p.keys())
			}
			p = b.press(p, "lang=zh-CN", tt.typed)
			named(t, p, sub, to, calls)
			s.backend.captcha("always")
			p = b.submit(p, nil)
			s.backend.captcha("never")
			if p.picture() == "" || !p.has("provider.signing_up") {
				t.Errorf("a captcha on the way loses the page: %q", p.keys())
			}
			done := b.submit(p, fields{"captcha_key": s.backend.key()}).completed()
			if done.RedirectURI != appPage {
				t.Errorf("leads to %s, want the app", done.RedirectURI)
			}
			other := s.browser().on(t, s)
			if again := other.comesBack(begin(tt.version)(other), sub, "").completed(); again.Credentials.Sub != done.Credentials.Sub {
				t.Error("the identity signs in somebody else")
			}
		})
		t.Run(tt.name+": not me", func(t *testing.T) {
			b, p, sub, to, calls := verified(t)
			named(t, p, sub, to, calls)
			s.backend.captcha("always")
			p = b.press(p, "action="+web.ActionNotMe, tt.typed)
			s.backend.captcha("never")
			if p.has("provider.signing_up") || strings.Contains(p.body, "link=") || strings.Contains(p.text(), "Person "+sub) {
				t.Error("the captcha's page has the identity again")
			}
			done := b.submit(p, fields{"captcha_key": s.backend.key()}).completed()
			if done.RedirectURI != appPage {
				t.Errorf("leads to %s, want the app", done.RedirectURI)
			}
			if !s.identityIsFree(t, begin(tt.version), sub) {
				t.Error("the identity was bound to somebody who said that it is not theirs")
			}
		})
		t.Run(tt.name+": a form that did not name it", func(t *testing.T) {
			b, p, sub, to, calls := verified(t)
			other := b.comesBack(begin(tt.version)(b), "other-"+sub, "").want(http.StatusOK, "provider-unknown")
			for name, identity := range map[string]string{"none": "", "nonsense": "x", "another sealed value": p.parameterOf(p.action(), "link")} {
				form := p.filled(tt.typed)
				form.Set("identity", identity)
				named(t, b.follow(b.do(http.MethodPost, p.action(), form, nil)), sub, to, calls)
				if name == "none" { // another identity has come to wait than the page has named
					swapped := strings.Replace(p.action(), p.parameterOf(p.action(), "link"), other.parameter("sign-up", "link"), 1)
					named(t, b.follow(b.do(http.MethodPost, swapped, p.filled(tt.typed), nil)), "other-"+sub, to, calls)
				}
			}
			if calls() != 0 {
				t.Errorf("%d accounts were made", calls())
			}
		})
	}
}

// TestWaitingIdentityEnds: an identity that waits is void after a sign-out, in
// another browser and after an hour, and one that waits for one person's account
// goes into no other.
func TestWaitingIdentityEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	begin := func(b *browser) *page { return b.toProvider(b.open("/sign-in"), "demo") }
	// register goes on from an address of sign-up, and tells whether the identity came up on the way.
	n := 0
	register := func(t *testing.T, b *browser, address string) (came bool) {
		t.Helper()
		n++
		to := fmt.Sprintf("later-%d@example.com", n)
		b = b.at(fmt.Sprintf("192.0.2.%d", n))
		p := b.submit(b.click(b.get(address).want(http.StatusOK, "sign-up"), "via-email"), fields{"email": to}).want(http.StatusOK, "sign-up-code")
		p = b.submit(p, fields{"verification_code": s.backend.code(to)}).want(http.StatusOK, "sign-up-details")
		came = p.has("provider.signing_up")
		if done := b.submit(p, nil).completed(); done.RedirectURI != appPage {
			t.Errorf("leads to %s", done.RedirectURI)
		}
		return came
	}
	for _, tt := range []struct {
		name  string
		after func(t *testing.T, b *browser) *browser
		comes bool
	}{
		{"at once", func(_ *testing.T, b *browser) *browser { return b }, true},
		{"after a sign-in beside it", func(_ *testing.T, b *browser) *browser {
			b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			return b
		}, true}, // its page says whose it is
		{"after a sign-out", func(_ *testing.T, b *browser) *browser {
			b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
			return b
		}, false},
		{"after a sign-out of nobody", func(_ *testing.T, b *browser) *browser {
			b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
			return b
		}, false},
		{"in another browser", func(t *testing.T, _ *browser) *browser { return s.browser().on(t, s) }, false},
		{"an hour later", func(_ *testing.T, b *browser) *browser {
			s.clock.advance(provider.LinkLife)
			return b
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browser().on(t, s)
			sub := "waits-" + strings.ReplaceAll(tt.name, " ", "-")
			p := b.comesBack(begin(b), sub, "").want(http.StatusOK, "provider-unknown")
			b = tt.after(t, b)
			if came := register(t, b, p.link("sign-up")); came != tt.comes {
				t.Errorf("the identity came up: %v, want %v", came, tt.comes)
			}
			if free := s.identityIsFree(t, begin, sub); free == tt.comes {
				t.Errorf("the identity is free: %v", free)
			}
		})
	}
	t.Run("of somebody's portal", func(t *testing.T) {
		b, _ := s.signedIn(t)
		b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
		bind := b.comesBack(b.pressOnly(b.open("/account/providers"), "action=link:demo", nil), "mine", "").want(http.StatusOK, "account-bind")
		link := "link=" + bind.url.Query().Get("link")
		if register(t, b, s.base+"/sign-up?"+entryQuery(appPage, link)) {
			t.Error("sign-up offers an identity that waits for another account")
		}
		other := s.otherPerson()
		if done := b.submit(b.open("/sign-in", link), other).completed(); done.RedirectURI != appPage {
			t.Errorf("somebody else's sign-in leads to %s", done.RedirectURI)
		}
		if !s.identityIsFree(t, begin, "mine") {
			t.Error("it was bound")
		}
	})
}

// TestAnonymousLeavesTheIdentity: who goes on without an account has none that an
// identity could be bound to; who registers after that is asked as anybody is.
func TestAnonymousLeavesTheIdentity(t *testing.T) {
	t.Parallel()
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"web": webMethods("__password", "email", "demo"), "tcbLogin": map[string]any{"anonymous": true},
	})}))
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	b := s.browser()
	unknown := b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-1", "").want(http.StatusOK, "provider-unknown")
	p := b.click(unknown, "sign-in").want(http.StatusOK, "sign-in")
	done := b.pressWay(p, "anonymous", nil).completed()
	if done.RedirectURI != appPage {
		t.Errorf("an anonymous sign-in leads to %s, want the app", done.RedirectURI)
	}
	p = b.click(unknown, "sign-up")
	p = b.submit(p, fields{"email": "p-1@example.com"})
	p = b.submit(p, fields{"verification_code": s.backend.code("p-1@example.com")})
	if !p.has("provider.signing_up") {
		t.Fatalf("page %q, messages %q: the identity is not named", p.name(), p.keys())
	}
	up := b.press(p, "action="+web.ActionNotMe, nil).completed()
	if up.Credentials.Sub != done.Credentials.Sub {
		t.Errorf("the account is %s, want the anonymous one %s", up.Credentials.Sub, done.Credentials.Sub)
	}
	if !s.identityIsFree(t, func(b *browser) *page { return b.toProvider(b.open("/sign-in"), "demo") }, "p-1") {
		t.Error("it was bound")
	}
}

// TestAnonymousIsNamed: what was done in this browser without an account goes to a new account only
// after a page that says so. It may be somebody else's, who has kept the tokens.
func TestAnonymousIsNamed(t *testing.T) {
	t.Parallel()
	var s *site
	for path, registerType := range map[string]string{"/sign-up": "split", "/sign-in/email": "auto"} {
		s = newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
			"web": webMethods("__password", "email"), "tcbLogin": map[string]any{"anonymous": true},
			"userRegistry": map[string]any{"enable": true, "registerType": registerType},
		})}))
		s.backend.captcha("never")
		for _, action := range []string{"", "action=" + web.ActionNotMine} {
			b := s.browser()
			guest := b.pressWay(b.open("/sign-in"), "anonymous", nil).completed()
			to := fmt.Sprintf("new%d@example.com", len(action))
			p := b.submit(b.open(path, "via=email"), fields{"email": to})
			code := s.backend.code(to)
			skipped := p.filled(fields{"verification_code": code})
			p = b.follow(b.do(http.MethodPost, p.action(), skipped, nil))
			if !p.has("details.anonymous") {
				t.Fatalf("%s: page %q, messages %q: what was done here is not named", path, p.name(), p.keys())
			}
			unsaid := p.filled(nil)
			unsaid.Del("identity")
			again := b.do(http.MethodPost, p.action(), unsaid, nil)
			if again.status != http.StatusUnprocessableEntity || !again.has("details.anonymous") || len(s.backend.users(to)) != 0 {
				t.Fatalf("%s: a form that named nothing: page %q with status %d", path, again.name(), again.status)
			}
			var done completion
			if action == "" {
				done = b.submit(p, nil).completed()
			} else {
				done = b.press(p, action, nil).completed()
			}
			if same := done.Credentials.Sub == guest.Credentials.Sub; same != (action == "") {
				t.Errorf("%s, %q: it is the same account: %v", path, action, same)
			}
		}
	}
	b := s.browser()
	b.pressWay(b.open("/sign-in"), "anonymous", nil).completed()
	p := b.submit(b.open("/sign-in/email"), fields{"email": demoEmail})
	b.submit(p, fields{"verification_code": s.backend.code(demoEmail)}).completed() // has an account: nothing is made
}
