package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tcb-login/password"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, login := s.signedIn(t)
	elsewhere, _ := s.signedIn(t)
	p := b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	for typed, key := range map[string]string{
		"": "error.required.new_password", "Shrt-1": "error.password_weak", "Password1!": "error.password_common", "P@ssw0rd123!": "error.password_common",
		"Woaini1314!": "error.password_common", "My-demo-pass-1": "error.password_personal",
	} {
		if got := b.submit(p, fields{"new_password": typed}).want(http.StatusUnprocessableEntity, "account-password", key); got.fieldKey("new_password") != key {
			t.Errorf("%q: %q", typed, got.fieldKey("new_password"))
		}
	}
	b.submit(p, fields{"new_password": "Quiet-river-7"}).want(http.StatusOK, "account", "account.done.password")
	elsewhere.open("/account").want(http.StatusOK, "hand-off")
	b.open("/account").want(http.StatusOK, "account")

	// Should TCB end this login as well, the new password begins another.
	p = b.open("/account/password").want(http.StatusOK, "account-password")
	s.backend.answer("/v1/user/password", func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		s.backend.em.ServeHTTP(rec, r)
		out := httptest.NewRequest(http.MethodDelete, "/auth/v1/user/revoke/all", nil)
		out.Header.Set("Authorization", r.Header.Get("Authorization"))
		s.backend.em.ServeHTTP(httptest.NewRecorder(), out)
		fmt.Fprint(w, rec.Body)
	})
	done := b.submit(p, fields{"new_password": "Quiet-river-8"}).completed()
	s.backend.answer("", nil)
	if done.Credentials.Sub != login.Credentials.Sub || !strings.HasPrefix(done.RedirectURI, publicOrigin+s.base+"/account?") {
		t.Errorf("signed in as %s, leading to %s", done.Credentials.Sub, done.RedirectURI)
	}
	b.open("/account").want(http.StatusOK, "account")
}

// TestPasswordThenSignIn: where TCB ends the login and has no other for the new password just then,
// the person signs in with it, and is in the portal again.
func TestPasswordThenSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	p := b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	s.backend.answer("/v1/user/password", func(w http.ResponseWriter, r *http.Request) {
		s.backend.em.ServeHTTP(w, r)
		out := httptest.NewRequest(http.MethodDelete, "/auth/v1/user/revoke/all", nil)
		out.Header.Set("Authorization", r.Header.Get("Authorization"))
		s.backend.em.ServeHTTP(httptest.NewRecorder(), out)
		s.backend.refuse("/v1/signin", http.StatusServiceUnavailable, "unavailable")
	})
	p = b.submit(p, fields{"new_password": "Quiet-river-8"}).want(http.StatusOK, "sign-in", "reset.done")
	s.backend.answer("", nil)
	done := b.submit(p, fields{"password": "Quiet-river-8"}).completed()
	if !strings.HasPrefix(done.RedirectURI, publicOrigin+s.base+"/account?") {
		t.Errorf("it leads to %s", done.RedirectURI)
	}
}

// TestPasswordRules: the rules that a page shows, for script to tick, are those that a new password
// is refused by.
func TestPasswordRules(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	var rules []*regexp.Regexp
	p := b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	for _, n := range p.all(func(n *htmlNode) bool { return attr(n, "data-rule") != "" }) {
		rules = append(rules, regexp.MustCompile(attr(n, "data-rule")))
	}
	if len(rules) == 0 || !strings.Contains(attr(p.byID("new_password"), "aria-describedby"), "new_password-help") {
		t.Fatal("the page states no rules")
	}
	for _, typed := range []string{
		"Quiet-river-7", "Quiet-r7", "Quiet-7", "quiet-river-7", "QUIET-RIVER-7", "Quiet-river-x", "Quietriver7", "Quiet river 7", "Ärger-älter-7",
		"密码密码密码密码", "Aa1-" + strings.Repeat("x", 60), "Aa1-" + strings.Repeat("x", 61), "Aa１-wide-digit", "",
	} {
		met := !slices.ContainsFunc(rules, func(r *regexp.Regexp) bool { return !r.MatchString(typed) })
		if strong := password.Strong(typed); met != strong {
			t.Errorf("%q meets the rules on the page: %v, and is strong: %v", typed, met, strong)
		}
	}
}
