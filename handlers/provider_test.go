package handlers

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tcb-login/config"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
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

// consent answers on the provider's page that a leaving page leads to, and gives the address it
// sends back to.
func (b *browser) consent(leaving *page, decision, sub, email string) string {
	b.t.Helper()
	return b.consentAt("/provider/callback", leaving, decision, sub, email)
}

// consentAt is consent where the provider sends browsers to another path of ours.
func (b *browser) consentAt(path string, leaving *page, decision, sub, email string) string {
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
	if !strings.HasPrefix(back, b.origin+b.s.base+path+"?") {
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
	// Used up, on both steps: who is signed in by it is led on, and TCB hears nothing of it.
	s.clock.advance(repeatLife)
	granted := s.backend.count("/v1/provider/token")
	b.get(back).want(http.StatusOK, "continue")
	b.submit(p, nil).want(http.StatusOK, "continue")
	if s.backend.count("/v1/provider/token") != granted {
		t.Error("the code was offered to TCB a second time")
	}
	b.submit(b.open("/sign-out"), nil)
	b.get(back).want(http.StatusBadRequest, "error", "provider.lost")

	// The same person again is the same account.
	other := s.browser()
	p = other.get(other.consent(other.toProvider(other.open("/sign-in"), "demo"), "allow", "p-1", ""))
	if again := other.submit(p, nil).completed(); again.Credentials.Sub != done.Credentials.Sub {
		t.Errorf("signed in as %s, want %s", again.Credentials.Sub, done.Credentials.Sub)
	}
	b.toProvider(b.open("/sign-in"), "wx_open").want(http.StatusNotFound, "error", "error.disabled")
	b.toProvider(b.open("/sign-in"), "__sms").want(http.StatusNotFound, "error", "error.disabled")
}

// TestProviderReplay: what came back from a provider serves once, also with the cookie that was
// removed, and only in the browser that went, and only for a while.
func TestProviderReplay(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b, thief := s.browser(), s.browser()
	back := b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")
	p := b.get(back).want(http.StatusOK, "provider-return")
	copied := b.copy()

	thief.open("/sign-in")
	thief.get(back).want(http.StatusOK, "sign-in", "provider.again")
	thief.do(http.MethodPost, p.action(), p.filled(nil), nil).want(http.StatusOK, "sign-in", "provider.again")
	if calls := s.backend.count("/v1/provider/token"); calls != 0 {
		t.Errorf("somebody else's code was offered to TCB %d times", calls)
	}

	b.submit(p, nil).completed()
	granted := s.backend.count("/v1/provider/token")
	s.clock.advance(repeatLife)
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
	p := b.get(b.consent(b.toProvider(signIn, "demo"), "deny", "p-1", "")).want(http.StatusOK, "sign-in", "provider.cancelled")
	b.submit(p, fields{"username": "demo", "password": demoPassword}).completed() // where the login led before
	b.forget()
	signIn = b.open("/sign-in")
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

// TestProviderRefuses: who has proven who they are hears what TCB says of their account; of what
// only a form can have, nothing.
func TestProviderRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	failed := map[string]bool{
		"error.refused": true, "error.exists": true, "error.sign_in_failed": true, "error.password_weak": true,
		"error.code_wrong": true, "error.session_over": true, "error.captcha_failed": true,
		"error.two_factor": true,
	}
	notices := map[string]string{"two_factor_required": "second-factor-needed", "mfa_phone_required": "phone-needed"}
	for _, code := range slices.Sorted(maps.Keys(refusal.Codes)) {
		meaning := refusal.Codes[code]
		if meaning.Status >= 500 || code == "not_found" || code == "user_not_found" {
			continue // outages are elsewhere, and these ask whether there is an account
		}
		s.backend.refuse("/v1/signin/with/provider", http.StatusBadRequest, code)
		b := s.browser()
		p := b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", ""))
		want := meaning.Key
		if failed[want] {
			want = "provider.failed"
		}
		if notice := notices[code]; notice != "" { // none of these goes along with an identity
			b.submit(p, nil).want(http.StatusUnprocessableEntity, notice, want)
			continue
		}
		b.submit(p, nil).want(http.StatusOK, "provider-failed", want)
	}
}

// TestProviderWithoutState: some providers forget the state when they say that it was cancelled. One
// way there can only be that one; nothing is used up by anybody's word.
func TestProviderWithoutState(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	cancelled := s.base + "/provider/callback?error=access_denied&error_description=%3Cb%3Eno"
	b := s.browser()
	b.get(cancelled).want(http.StatusBadRequest, "error", "provider.lost")
	leaving := b.toProvider(b.open("/sign-in"), "demo")
	for range 2 {
		p := b.get(cancelled).want(http.StatusOK, "sign-in", "provider.cancelled")
		if !strings.Contains(p.action(), entryQuery(appPage)) {
			t.Errorf("the page has lost where the login leads: %s", p.action())
		}
		if strings.Contains(p.body, "<b>no") {
			t.Error("the provider's words are markup")
		}
	}
	b.get(s.base+"/provider/callback?error=user_cancelled_login&state=&code=").want(http.StatusOK, "sign-in", "provider.cancelled")
	b.get(s.base+"/provider/callback?error=server_error").want(http.StatusOK, "provider-failed", "provider.failed")
	s.browser().get(cancelled).want(http.StatusBadRequest, "error", "provider.lost")
	b.comesBack(leaving, "p-1", "").completed()                            // it was not used up
	b.get(cancelled).want(http.StatusBadRequest, "error", "provider.lost") // now it is
	// Of two nobody knows which.
	b = s.browser()
	one, two := b.toProvider(b.open("/sign-in"), "demo"), b.toProvider(b.open("/sign-in"), "demo")
	b.get(cancelled).want(http.StatusBadRequest, "error", "provider.lost")
	b.get(b.consent(one, "deny", "p-2", "")).want(http.StatusOK, "sign-in", "provider.cancelled")
	b.comesBack(two, "p-2", "").completed()
}

// TestCancelledInPortal: cancelling leads back to the page that it began on.
func TestCancelledInPortal(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b, _ := s.signedIn(t)
	b.stepUp("/account/password", demoPassword)
	leaving := b.press(b.open("/account/providers"), "action=link:demo", nil).want(http.StatusOK, "interstitial")
	p := b.get(b.consent(leaving, "deny", "p-1", "")).want(http.StatusOK, "account-providers", "provider.cancelled")
	back := b.consent(b.press(p, "action=link:demo", nil).want(http.StatusOK, "interstitial"), "allow", "p-1", "")
	b.submit(b.get(back), nil).want(http.StatusOK, "account-bind")
	s.clock.advance(repeatLife)
	b.get(back).want(http.StatusOK, "account-providers") // from the history
}

// TestCancelledStepUp: so does a step-up; a page that has providers alone has them for another try.
func TestCancelledStepUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b := s.browser()
	b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-1", "").completed()
	p := b.open("/account/email").want(http.StatusOK, "step-up-provider")
	p = b.get(b.consent(b.pressOnly(p, "action=provider:demo", nil), "deny", "p-1", "")).want(http.StatusOK, "step-up-provider", "provider.cancelled")
	// Enter in a captcha's field goes on to the provider that the captcha stood in the way of.
	s.backend.refuse("/v1/provider/uri", http.StatusBadRequest, "captcha_required")
	p = b.press(p, "action=provider:demo", nil).want(http.StatusUnprocessableEntity, "step-up-provider", "captcha.ask")
	s.backend.answer("", nil)
	p = b.submit(b.get(b.consent(b.solve(p), "allow", "p-1", "")), nil)
	p.want(http.StatusOK, "account-email")

	s = newSite(t, withFiles(t, map[string]string{
		"app-a/login.config.1.json": loginJSON(t, map[string]any{"web": webMethods("demo")}),
	}))
	b = s.browser()
	p = b.openAs("/", "app-a", "1").want(http.StatusOK, "choose")
	leave := func(p *page) *page {
		button := p.find(func(n *htmlNode) bool { return attr(n, "data-to") == "provider-demo" })
		return b.do(http.MethodPost, p.resolve(attr(button, "formaction")), p.filled(nil), nil)
	}
	p = b.get(b.consent(leave(p), "deny", "p-1", "")).want(http.StatusOK, "choose", "provider.cancelled")
	b.comesBack(leave(p), "p-1", "").completed()
}

// TestProviderAlone: somebody who has nothing but a provider's identity cannot lose it, and steps
// up by it alone.
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

// TestProviderRegisters: what the login config says of new accounts holds for a provider's people
// too.
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
		s.clock.advance(repeatLife)
		b.submit(b.open("/sign-out"), nil)
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
