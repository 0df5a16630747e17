package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tcb-login/handlers/provider"
	"tcb-login/handlers/web"
	"tcb-login/identifier"
)

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
		// verified goes from an identity that nobody has up to a right code, and gives the page
		// after it.
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
	// register goes on from an address of sign-up, and tells whether the identity came up on the
	// way.
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
			foreign := p.filled(nil)
			foreign.Set("action", web.ActionNotMine)
			b.do(http.MethodPost, p.action(), foreign, http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}).
				want(http.StatusForbidden, "error", "error.page.cross_site")
			if _, ok := accessCookieOf(b); !ok {
				t.Error("another site's form forgets what was done here")
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
		// What TCB has forgotten cannot be kept, and no page offers it.
		b := s.browser()
		guest := b.pressWay(b.open("/sign-in"), "anonymous", nil).completed()
		client, err := s.cfg.NewAuth(s.cfg.Settings.Environments[0], s.cfg.Settings.Environments[0].Clients[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Revoke(t.Context(), guest.Credentials.AccessToken); err != nil {
			t.Fatal(err)
		}
		p := b.submit(b.open(path, "via=email"), fields{"email": "gone@example.com"})
		if p = b.submit(p, fields{"verification_code": s.backend.code("gone@example.com")}); p.has("details.anonymous") {
			t.Errorf("%s: the page offers to keep what is gone", path)
		}
	}
	b := s.browser()
	b.pressWay(b.open("/sign-in"), "anonymous", nil).completed()
	p := b.submit(b.open("/sign-in/email"), fields{"email": demoEmail})
	b.submit(p, fields{"verification_code": s.backend.code(demoEmail)}).completed() // has an account: nothing is made
}

// TestNamedForOneAccount: what a page has named goes to the account that it named, and to none that
// another tab makes.
func TestNamedForOneAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	begin := func(b *browser) *page { return b.toProvider(b.open("/sign-in"), "demo") }
	b := s.browser()
	unknown := b.comesBack(begin(b), "p-1", "").want(http.StatusOK, "provider-unknown")
	details := func(to string) *page {
		p := b.submit(b.click(b.get(unknown.link("sign-up")).want(http.StatusOK, "sign-up"), "via-email"), fields{"email": to}).want(http.StatusOK, "sign-up-code")
		return b.submit(p, fields{"verification_code": s.backend.code(to)}).want(http.StatusOK, "sign-up-details", "provider.signing_up")
	}
	one, two := details("one@example.com"), details("two@example.com")
	form := two.filled(nil)
	form.Set("identity", one.value("identity"))
	again := b.do(http.MethodPost, two.action(), form, nil).want(http.StatusUnprocessableEntity, "sign-up-details", "error.stale", "provider.signing_up")
	if len(s.backend.users("two@example.com")) != 0 || !strings.Contains(again.text(), identifier.MaskEmail("two@example.com")) {
		t.Errorf("by what another page has named: %s", again.text())
	}
	done := b.submit(again, nil).completed()
	other := s.browser()
	if got := other.comesBack(begin(other), "p-1", "").completed(); got.Credentials.Sub != done.Credentials.Sub {
		t.Error("the identity signs in somebody else")
	}
}

// TestNamedGuest: what a page has named of one guest is not another's, who has come since.
func TestNamedGuest(t *testing.T) {
	t.Parallel()
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"web": webMethods("__password", "email"), "tcbLogin": map[string]any{"anonymous": true},
		"userRegistry": map[string]any{"enable": true, "registerType": "auto"},
	})}))
	b, other := s.browser(), s.browser()
	b.pressWay(b.open("/sign-in"), "anonymous", nil).completed()
	stranger := other.pressWay(other.open("/sign-in"), "anonymous", nil).completed()
	p := b.submit(b.open("/sign-in/email"), fields{"email": "new@example.com"})
	p = b.submit(p, fields{"verification_code": s.backend.code("new@example.com")})
	if !p.has("details.anonymous") {
		t.Fatalf("page %q, messages %q", p.name(), p.keys())
	}
	token := map[string]string{"access_token": stranger.Credentials.AccessToken}
	if status, out := b.handOver(b.open("/account"), token, nil); status != http.StatusOK || out.Sub != stranger.Credentials.Sub {
		t.Fatalf("%d %+v", status, out)
	}
	again := b.submit(p, nil)
	if len(s.backend.users("new@example.com")) != 0 || again.status != http.StatusUnprocessableEntity || !again.has("details.anonymous") {
		t.Errorf("page %q with status %d, messages %q", again.name(), again.status, again.keys())
	}
}
