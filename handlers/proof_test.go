package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tcb-login/handlers/entry"
)

// Who may change how somebody signs in has just proven to be that person. The
// login of a browser alone proves little: it may be an open portal's.

// otherPerson registers somebody with a password, beside the seeded user.
func (s *site) otherPerson() fields {
	s.backend.register("mei@example.com", "hanmeimei", "Quiet-river-7")
	return fields{"username": "hanmeimei", "password": "Quiet-river-7"}
}

// TestLinkNeedsSignIn: an identity that came up at a sign-in is bound to who
// signs in after it, and not to who happens to be signed in.
func TestLinkNeedsSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	mei := s.otherPerson()
	b, demo := s.signedIn(t)
	binds := func() int { return s.backend.count("/v1/user/provider/bind") }
	unknown := func(sub string) *page {
		t.Helper()
		return b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), sub, "").want(http.StatusOK, "provider-unknown")
	}

	p := unknown("p-1")
	link := "link=" + p.parameter("sign-in", "link")
	if link == "link=" {
		t.Fatal("the page carries no link")
	}
	for _, sudo := range []bool{false, true} { // a step-up proves who is there, not whose the identity is
		if sudo {
			b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
		}
		list := b.open("/account/providers", link).want(http.StatusOK, "account-providers")
		b.do(http.MethodPost, s.base+"/account/providers?"+entryQuery(appPage, link), list.filled(nil), nil).
			want(http.StatusUnprocessableEntity, "account-providers", "error.refused")
	}
	// Who goes on by the login that is there leaves the identity behind.
	p = unknown("p-1")
	b.open("/continue", "link="+p.parameter("sign-in", "link")).want(http.StatusOK, "continue")
	p = b.click(p, "sign-in").want(http.StatusOK, "sign-in")
	if p.resumes() {
		t.Error("the sign-in that is to prove something takes a login over")
	}

	// By the page, it serves for a quarter of an hour.
	done := b.submit(p, fields{"username": "demo", "password": demoPassword}).completed()
	s.clock.advance(sudoLife - time.Second)
	bind := b.get(done.RedirectURI).want(http.StatusOK, "account-bind")
	s.clock.advance(time.Second)
	b.get(done.RedirectURI).want(http.StatusOK, "account-providers")
	b.submit(bind, nil).want(http.StatusUnprocessableEntity, "account-providers", "error.refused")

	// Nor does it serve whoever signs in next.
	done = b.submit(b.click(unknown("p-2"), "sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	bind = b.get(done.RedirectURI).want(http.StatusOK, "account-bind")
	b.submit(b.open("/sign-in"), mei).completed()
	b.get(done.RedirectURI).want(http.StatusOK, "account-providers")
	for _, p := range []*page{b.press(bind, "lang=zh-CN", nil), b.submit(bind, nil)} {
		p.want(http.StatusUnprocessableEntity, "account-providers", "error.other_person")
		if strings.Contains(p.text(), "Person p-2") {
			t.Errorf("somebody else is shown: %s", p.text())
		}
	}
	b.nameless = true
	if got := b.press(bind, "lang=zh-CN", nil); got.name() != "error" || strings.Contains(got.text(), "Person p-2") {
		t.Errorf("another language shows %q to somebody else: %s", got.name(), got.text())
	}
	b.submit(bind, nil).want(http.StatusUnprocessableEntity, "account-providers", "error.refused")
	b.nameless = false
	if binds() != 0 {
		t.Fatalf("%d identities were bound", binds())
	}

	done = b.submit(b.click(unknown("p-3"), "sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	b.submit(b.get(done.RedirectURI).want(http.StatusOK, "account-bind"), nil).want(http.StatusOK, "interstitial")
	other := s.browser()
	again := other.comesBack(other.toProvider(other.open("/sign-in"), "demo"), "p-3", "").completed()
	if binds() != 1 || again.Credentials.Sub != demo.Credentials.Sub {
		t.Errorf("%d identities were bound; it signs in %s, want %s", binds(), again.Credentials.Sub, demo.Credentials.Sub)
	}
}

// TestLinkOutlivesStepUp: who linked in the portal and was away for long proves
// anew who is there, and then goes on where they were.
func TestLinkOutlivesStepUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b, _ := s.signedIn(t)
	b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	leaving := b.pressOnly(b.open("/account/providers"), "action=link:demo", nil)
	bind := b.comesBack(leaving, "p-1", "").want(http.StatusOK, "account-bind")
	s.clock.advance(15 * time.Minute)
	b.get(bind.url.String()).want(http.StatusOK, "step-up-password")
	ask := b.submit(bind, nil).want(http.StatusOK, "step-up-password")
	if got := s.backend.count("/v1/user/provider/bind"); got != 0 {
		t.Fatalf("%d identities were bound without a proof", got)
	}
	ask = b.press(ask, "lang=zh-CN", nil).want(http.StatusOK, "step-up-password")
	ask = b.submit(ask, fields{"password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "step-up-password", "step-up.wrong")
	again := ask.url.String()
	bind = b.submit(ask, fields{"password": demoPassword}).want(http.StatusOK, "account-bind")
	b.get(again).want(http.StatusOK, "account-bind") // also when the step-up was done in another tab
	b.submit(bind, nil).want(http.StatusOK, "account-providers", "account.done.linked")
}

// TestPortalStepsOfOnePerson: a step begun in one person's portal is none in
// another's, in the same browser too: the code went to the first one.
func TestPortalStepsOfOnePerson(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	mei := s.otherPerson()
	b := s.browser()
	// Somebody with nothing but a provider's identity, whose step-up TCB grants for the asking.
	victim := b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-1", "").completed()
	b.open("/account/email").want(http.StatusOK, "step-up-provider")
	token := map[string]string{"access_token": victim.Credentials.AccessToken}

	b.submit(b.open("/sign-in"), mei).completed()
	code := b.submit(b.open(entry.PathVerify, "via=email").want(http.StatusOK, "step-up"), nil).want(http.StatusOK, "step-up-code")
	right := fields{"verification_code": s.backend.code("mei@example.com")}
	if status, out := b.handOver(b.open("/account"), token, nil); status != http.StatusOK || out.Sub != victim.Credentials.Sub {
		t.Fatalf("%d %+v", status, out)
	}
	b.nameless = true // a form that says whose it is does not come so far
	verified, sudo := s.backend.count("/v1/verification/verify"), s.backend.count("/v1/user/sudo")
	for name, p := range map[string]*page{
		"the code's page":    b.get(code.url.String()),
		"the right code":     b.submit(code, right),
		"another language":   b.press(code, "lang=zh-CN", right),
		"the page once more": b.open("/account/email"),
	} {
		if p.name() != "step-up-provider" {
			t.Errorf("%s: page %q with status %d, want step-up-provider", name, p.name(), p.status)
		}
		if strings.Contains(p.text(), "example.com") {
			t.Errorf("%s: the page names the other person's address: %s", name, p.text())
		}
	}
	if got := s.backend.count("/v1/verification/verify"); got != verified {
		t.Errorf("the code was verified %d times", got-verified)
	}
	if got := s.backend.count("/v1/user/sudo"); got != sudo {
		t.Errorf("TCB was asked %d times for a sudo_token", got-sudo)
	}
}

// second is an entry query of the environment's other client.
func second(more ...string) string {
	return strings.Replace(entryQuery(appPage, more...), "client_id=demo", "client_id=second", 1)
}

// TestStepUpEndsWithNextSignIn: a step-up proves who sits there, until somebody else does, for
// whichever client or environment that is. It does not come back either.
func TestStepUpEndsWithNextSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mei := s.otherPerson()
	_, apps := s.signedIn(t)
	signIn := func(query string, who fields) func(*browser) {
		return func(b *browser) {
			b.submit(b.get(s.base+"/sign-in?"+query), who).completed()
		}
	}
	demo := fields{"username": "demo", "password": demoPassword}
	tests := []struct {
		name  string
		after func(*browser)
		stays bool // whose portal the first client's is, and that it is open
	}{
		{"somebody else, for another client", signIn(second(), mei), true},
		{"the same person, for another client", signIn(second(), demo), true},
		{"for another environment", signIn(strings.NewReplacer("env_id=demo", "env_id=other", "client_id=demo", "client_id=other").Replace(entryQuery(appPage)), demo), true},
		{"the same person again", signIn(entryQuery(appPage), demo), true},
		{"somebody else", signIn(entryQuery(appPage), mei), false},
		{"a hand-off of another login", func(b *browser) {
			if status, out := b.handOver(b.open("/account"), map[string]string{"access_token": apps.Credentials.AccessToken}, nil); status != http.StatusOK {
				b.t.Fatalf("%d %+v", status, out)
			}
		}, true},
		{"a step-up for another client", func(b *browser) {
			signIn(second(), demo)(b)
			p := b.get(s.base+"/account/password?"+second()).want(http.StatusOK, "step-up-password")
			b.submit(p, fields{"password": demoPassword}).want(http.StatusOK, "account-password")
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, _ := s.signedIn(t)
			b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
			form := b.open("/account/password").want(http.StatusOK, "account-password")
			tt.after(b)
			b.nameless = true
			changed := s.backend.count("/v1/user/password")
			after := b.submit(form, fields{"new_password": "Quite-new-4711"})
			page := b.open("/account/password")
			if after.name() == "account" || page.name() == "account-password" {
				t.Errorf("the step-up is still good: %q, %q", after.name(), page.name())
			}
			if got := s.backend.count("/v1/user/password"); got != changed {
				t.Errorf("the password was changed %d times", got-changed)
			}
			if tt.stays {
				b.open("/account").want(http.StatusOK, "account")
			}
		})
	}
	t.Run("the new step-up is good", func(t *testing.T) {
		b, _ := s.signedIn(t)
		signIn(second(), mei)(b)
		b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
		b.open("/account/password").want(http.StatusOK, "account-password")
		b.get(s.base+"/account?"+second()).want(http.StatusOK, "account")
	})
}

// TestRightCodeEndsWithNextSignIn: a right code that TCB has not yet given a sudo_token for is a
// step-up all the same.
func TestRightCodeEndsWithNextSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mei := s.otherPerson()
	b, _ := s.signedIn(t)
	code := b.submit(b.open(entry.PathVerify, "via=email").want(http.StatusOK, "step-up"), nil).want(http.StatusOK, "step-up-code")
	s.backend.refuse("/v1/user/sudo", http.StatusServiceUnavailable, "unavailable")
	right := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusServiceUnavailable, "step-up-confirmed")
	s.backend.answer("", nil)
	b.submit(b.get(s.base+"/sign-in?"+second()), mei).completed()
	b.open("/account").want(http.StatusOK, "account")
	asked := s.backend.count("/v1/user/sudo")
	if p := b.submit(right, nil); p.name() != "step-up" && p.name() != "step-up-password" {
		t.Errorf("page %q with status %d", p.name(), p.status)
	}
	b.get(right.action()).want(http.StatusOK, "step-up")
	if got := s.backend.count("/v1/user/sudo"); got != asked {
		t.Errorf("TCB was asked %d times for a sudo_token", got-asked)
	}
	b.open("/account/password").want(http.StatusOK, "step-up-password")

	// What another tab has proven since leads on from here.
	b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	b.submit(right, nil).want(http.StatusOK, "account")
}

// TestLinkProofEndsWithNextSignIn: who signed in to bind an identity has proven who they are, until
// the next one does.
func TestLinkProofEndsWithNextSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	mei := s.otherPerson()
	b := s.browser()
	p := b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-9", "").want(http.StatusOK, "provider-unknown")
	done := b.submit(b.click(p, "sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	bind := b.get(done.RedirectURI).want(http.StatusOK, "account-bind")
	b.submit(b.get(s.base+"/sign-in?"+second()), mei).completed()
	b.submit(bind, nil).want(http.StatusOK, "step-up-password")
	if got := s.backend.count("/v1/user/provider/bind"); got != 0 {
		t.Errorf("%d identities were bound", got)
	}
}
