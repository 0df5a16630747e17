package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tcb-login/handlers/entry"
)

// A form of the portal says whose it is, since somebody else may have signed in since in another window
// of the browser. That person's account is not changed by it, whatever it is: they get the page as it is
// for them, which says why, or the overview where that page wants a step-up. TCB is asked no more than
// for that.
func TestFormOfOther(t *testing.T) {
	t.Parallel()
	for _, row := range newSite(t).rows(t) {
		if !row.Portal && row.Path != entry.PathContinue || row.Post == nil {
			continue
		}
		for _, proven := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, step-up %v", row.at(), proven), func(t *testing.T) {
				t.Parallel()
				formsOfOther(t, row, proven)
			})
		}
	}
}

func formsOfOther(t *testing.T, row row, proven bool) {
	s := newSite(t)
	s.backend.captcha("never")
	b, login := s.signedIn(t)
	if proven {
		b.stepUp("/account/delete", demoPassword)
	}
	asked := func(do func() *page) (*page, []string) {
		before := s.backend.count("")
		p := do()
		var paths []string
		for _, call := range s.backend.callsTo("")[before:] {
			paths = append(paths, call.path)
		}
		return p, paths
	}
	for range 2 { // the second page asks for what is news, which is then known for a while
		b.open("/account")
	}
	target := s.base + row.at() + "?" + entryQuery(b.target)
	get := func(at string) func() *page { return func() *page { return b.do(http.MethodGet, at, nil, nil) } }
	own, calls := asked(get(target))
	if own.status == http.StatusSeeOther && strings.Contains(own.location(), entry.PathVerify+"?") {
		own, calls = asked(get(s.base + entry.PathAccount + "?" + entryQuery(b.target)))
	}
	if own.doc != nil && own.form() != nil && own.byID("guard") != nil && own.value("sub") != login.Credentials.Sub {
		t.Errorf("the form is of %q", own.value("sub"))
	}
	if len(row.Forms) == 0 {
		t.Fatal("no form")
	}
	for name := range row.Forms {
		for _, more := range []url.Values{{}, {"lang": {"zh-CN"}}, {"action": {"resend"}}, {"action": {"captcha"}}} {
			form := url.Values{
				"form": {name}, "sub": {"somebody"}, "name": {"Other"}, "username": {"other"}, "email": {"other@example.com"},
				"phone": {"13700000000"}, "country": {"CN"}, "confirm": {"delete"}, "password": {demoPassword}, "new_password": {"Quiet-river-8"},
				"verification_code": {"000000"}, "user_code": {"AAAA-BBBB"}, "device_id": {strings.Repeat("a", 32)}, "agreement": {"yes"},
			}
			for name, values := range more {
				form[name] = values
			}
			p, got := asked(func() *page { return b.do(http.MethodPost, target, form, nil) })
			if !slices.Equal(got, calls) {
				t.Errorf("%s, %v: TCB is asked %q, for the page itself %q", name, more, got, calls)
			}
			if own.status == http.StatusSeeOther {
				if p.location() != own.location() {
					t.Errorf("%s, %v: leads to %s, the page to %s", name, more, p.location(), own.location())
				}
				continue
			}
			p.want(http.StatusUnprocessableEntity, own.name(), "error.other_person")
			if shown := attr(p.find(byTag("body")), "data-url"); !strings.HasPrefix(shown, own.url.Path+"?") {
				t.Errorf("%s, %v: the address %q, want one of %s", name, more, shown, own.url.Path)
			}
			if got := last(s.log.lines(t)).Reason; got != "other_person" {
				t.Errorf("%s, %v: the reason %q", name, more, got)
			}
			for name := range form {
				if got := p.value(name); got != own.value(name) && name != "csrf_token" {
					t.Errorf("%v: %s is %q, not %q", more, name, got, own.value(name))
				}
			}
		}
	}
}

// TestFormOfOtherElsewhere: whose portal is to begin with something else gets that.
func TestFormOfOtherElsewhere(t *testing.T) {
	t.Parallel()
	post := func(b *browser) *page {
		return b.do(http.MethodPost, b.s.base+"/account/profile?"+entryQuery(b.target), url.Values{"form": {"account-profile"}, "sub": {"somebody"}, "name": {"Other"}}, nil)
	}
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"web": webMethods("__password", "email"), "tcbLogin": map[string]any{"anonymous": true},
	})}))
	b := s.browser()
	b.pressWay(b.open("/sign-in"), "anonymous", nil).completed()
	post(b).want(http.StatusUnprocessableEntity, "account-anonymous", "error.other_person")

	b = s.browser()
	code := sendCode(b, "/reset-password", fields{"email": demoEmail})
	p := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "reset-password-new")
	b.submit(p, fields{"new_password": "Fresh-pass-2"}).completed()
	b.follow(post(b)).want(http.StatusOK, "account-review")

	b = s.browser()
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Fresh-pass-2"}).completed()
	s.backend.refuse("/v1/user/security/history", http.StatusUnauthorized, "unauthenticated")
	form := url.Values{"form": {"account-sessions"}, "sub": {"somebody"}, "action": {"others"}}
	b.do(http.MethodPost, s.base+"/account/sessions?"+entryQuery(b.target), form, nil).want(http.StatusOK, "hand-off")

	b = s.browser()
	s.backend.answer("", nil)
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Fresh-pass-2"}).completed()
	s.backend.refuse("/v1/user/me", http.StatusUnauthorized, "unauthenticated")
	post(b).want(http.StatusOK, "hand-off")
}

// TestConsentOfOther: nobody has agreed to what somebody else has ticked before.
func TestConsentOfOther(t *testing.T) {
	t.Parallel()
	config := func(text string) string {
		return loginJSON(t, map[string]any{"web": webMethods("__password"), "agreement": map[string]any{
			"enable": true, "items": []map[string]any{{"label": "Terms", "enable": true, "value": text}},
		}})
	}
	dir := writeTree(t, map[string]string{envFile: config("Be kind.")})
	s := newSite(t, withTree(dir))
	b := s.browser()
	signIn := func(who fields) {
		t.Helper()
		who["agreement"] = "yes"
		b.submit(b.open("/sign-in"), who).completed()
	}
	signIn(fields{"username": "demo", "password": demoPassword})
	asks := b.get(s.codeApp(t, "demo").entry()).want(http.StatusOK, "authorize")
	signIn(s.otherPerson())
	if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(envFile)), []byte(config("Be very kind.")), 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, problems := s.cfg.LoginPages.Reload(); !changed || problems.HasErrors() {
		t.Fatal(changed, problems)
	}
	posted := func(p *page, name, key string) *page {
		t.Helper()
		form := p.filled(nil)
		form.Set("agreement", "yes")
		if form.Has("sub") {
			form.Set("sub", "somebody")
		}
		got := b.do(http.MethodPost, p.action(), form, nil).want(http.StatusUnprocessableEntity, name, key)
		box := got.byID("agreement")
		if box == nil {
			t.Fatalf("page %q asks for no consent", name)
		}
		if _, ticked := attribute(box, "checked"); ticked {
			t.Errorf("page %q: the tick of somebody else's stays", name)
		}
		return got
	}
	p := posted(b.open("/continue").want(http.StatusOK, "continue"), "continue", "error.other_person")
	b.submit(p, nil).want(http.StatusUnprocessableEntity, "continue", "error.required.agreement")
	posted(asks, "authorize", "authorize.changed")
	b.submit(p, fields{"agreement": "yes"}).want(http.StatusOK, "interstitial")
}
