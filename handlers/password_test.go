package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
