package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tcb-login/handlers/entry"
)

// A form of the portal says whose it is, since somebody else may have signed in since in another window
// of the browser. That person's account is not changed by it, whatever it is: they get the page as it is
// for them, which is told why. TCB is asked no more than for that page.
func TestFormOfOther(t *testing.T) {
	t.Parallel()
	for _, row := range newSite(t).rows(t) {
		if !row.Portal && row.Path != entry.PathContinue || row.Post == nil {
			continue
		}
		t.Run(row.at(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.backend.captcha("never")
			b, login := s.signedIn(t)
			if row.Path != entry.PathVerify { // which has no form for who has just been there
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
			drawn, calls := asked(func() *page { return b.do(http.MethodGet, target, nil, nil) })
			if drawn.doc != nil && drawn.form() != nil && drawn.byID("guard") != nil && drawn.value("sub") != login.Credentials.Sub {
				t.Errorf("the form is of %q", drawn.value("sub"))
			}
			var posts []url.Values
			for name := range row.Forms {
				for _, more := range []url.Values{{}, {"lang": {"zh-CN"}}, {"action": {"resend"}}, {"action": {"captcha"}}} {
					more.Set("form", name)
					posts = append(posts, more)
				}
			}
			if posts == nil {
				t.Fatal("no form")
			}
			for _, more := range posts {
				form := url.Values{
					"sub": {"somebody"}, "name": {"Other"}, "username": {"other"}, "email": {"other@example.com"},
					"phone": {"13700000000"}, "country": {"CN"}, "confirm": {"delete"}, "password": {demoPassword}, "new_password": {"Quiet-river-8"},
					"verification_code": {"000000"}, "user_code": {"AAAA-BBBB"},
				}
				for name, values := range more {
					form[name] = values
				}
				p, got := asked(func() *page { return b.do(http.MethodPost, target, form, nil) })
				if !slices.Equal(got, calls) {
					t.Errorf("%v: TCB is asked %q, for the page itself %q", more, got, calls)
				}
				if drawn.status == http.StatusSeeOther {
					if strings.TrimSuffix(p.location(), "&lang=zh-CN") != drawn.location() {
						t.Errorf("%v: leads to %s, the page to %s", more, p.location(), drawn.location())
					}
					continue
				}
				p.want(http.StatusUnprocessableEntity, drawn.name(), "error.other_person")
				for name := range form {
					if got := p.value(name); got != drawn.value(name) && name != "csrf_token" && name != "lang" {
						t.Errorf("%v: %s is %q, not %q", more, name, got, drawn.value(name))
					}
				}
			}
		})
	}
}
