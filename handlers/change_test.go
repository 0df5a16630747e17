package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

// wantChange has TCB want another password of everybody who has not chosen their own.
func (b *backend) wantChange() {
	b.t.Helper()
	b.login(map[string]any{"PwdUpdateStrategy": map[string]bool{"FirstLoginUpdate": true}})
}

// age has TCB want another password of everybody, as after two weeks.
func (s *site) age() {
	s.t.Helper()
	s.backend.login(map[string]any{"PwdUpdateStrategy": map[string]any{"PeriodUpdate": true, "PeriodValue": 2, "PeriodType": "WEEK"}})
	s.clock.advance(15 * 24 * time.Hour)
}

// toChange is the page that a right password leads to.
func (b *browser) toChange(username, password string) *page {
	b.t.Helper()
	return b.submit(b.open("/sign-in"), fields{"username": username, "password": password}).want(http.StatusOK, "change-password")
}

// TestForcedChange: a password that somebody else chose, or one that is too old, is changed before it
// signs in.
func TestForcedChange(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.wantChange()
	b := s.browser()
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	p := b.toChange("demo", demoPassword)
	if got := attr(p.byID("identifier"), "value"); got != "demo" {
		t.Errorf("the page is for %q", got)
	}
	for typed, key := range map[string]string{
		"": "error.required.new_password", "Shrt-1": "error.password_weak", "Password1!": "error.password_common",
		"My-demo-pass-1": "error.password_personal",
	} {
		if got := b.submit(p, fields{"new_password": typed}).want(http.StatusUnprocessableEntity, "change-password"); got.fieldKey("new_password") != key {
			t.Errorf("%q: %q", typed, got.fieldKey("new_password"))
		}
	}
	if n := s.backend.count("/v2/signin/password/update"); n != 0 {
		t.Errorf("TCB was asked %d times about passwords that break the rules", n)
	}
	kept := b.press(p, "lang=zh-CN", fields{"new_password": "Quiet-river-7"}).want(http.StatusOK, "change-password")
	if got := b.submit(kept, nil).completed(); got.UserInfo.Username != "demo" || got.RedirectURI != appPage {
		t.Errorf("signed in as %+v, leading to %s", got.UserInfo, got.RedirectURI)
	}
	b.keepsNothing()
	if n := s.backend.count("/v2/signin/publichkey"); n != 1 {
		t.Errorf("TCB's key was asked for %d times for one change", n)
	}
	b.submit(p, fields{"new_password": "Quiet-river-8"}).want(http.StatusUnprocessableEntity, "sign-in", "error.session_over")

	s.age()
	again := s.browser()
	again.submit(again.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	p = again.toChange("demo@example.com", "Quiet-river-7")
	p = again.submit(p, fields{"new_password": "Quiet-river-7"}).want(http.StatusUnprocessableEntity, "change-password")
	if got := p.fieldKey("new_password"); got != "error.password_same" {
		t.Errorf("the same password: %q", got)
	}
	again.submit(p, fields{"new_password": "Quiet-river-8"}).completed()
	if n := s.backend.count("/v2/signin/publichkey"); n != 2 {
		t.Errorf("TCB's key was asked for %d times for two changes", n)
	}
	again.submit(again.open("/sign-in"), fields{"username": "demo", "password": "Quiet-river-8"}).completed()
}

// TestForcedChangeThenFactor: the sign-in after a change is one like any other.
func TestForcedChangeThenFactor(t *testing.T) {
	t.Parallel()
	s := withBoth(t)
	s.age()
	b := s.browser()
	p := b.submit(b.toChange("both", bothPassword), fields{"new_password": "Quiet-river-8"}).want(http.StatusOK, "second-factor").hides(bothPhone, bothEmail)
	code := b.submit(p, nil).want(http.StatusOK, "second-factor-code")
	if got := b.submit(code, fields{"verification_code": s.backend.code(bothPhone)}).completed(); got.UserInfo.Username != "both" {
		t.Errorf("signed in as %+v", got.UserInfo)
	}
}

// TestForcedChangeTellsNothing: what became of the account since the sign-in is refused as sign-in
// refuses it, each try counts as one there, and the page is the same to the byte.
func TestForcedChangeTellsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	names := []string{"chgd", "bloc", "pend", "gone", "lock"}
	for i, name := range names {
		s.backend.register(fmt.Sprintf("user%d@example.com", i), name, bothPassword)
	}
	s.age()
	browsers, pages := map[string]*browser{}, map[string]*page{}
	for i, name := range names {
		browsers[name] = s.browser().at(fmt.Sprintf("192.0.2.%d", i+1))
		pages[name] = browsers[name].toChange(name, bothPassword)
	}
	s.backend.setPassword("chgd", bothPassword, "Quiet-river-9")
	s.backend.setStatus("bloc", "BLOCKED")
	s.backend.setStatus("pend", "PENDING")
	s.backend.remove("gone", bothPassword)
	s.backend.lock("lock")
	type answer struct {
		Status int
		Header http.Header
		Body   string
	}
	var want []answer
	for _, name := range names {
		b, p := browsers[name], pages[name]
		var got []answer
		for i := range 5 { // the fifth meets our own limit
			p := b.submit(p, fields{"new_password": fmt.Sprintf("Quiet-lake-%d", i)})
			got = append(got, answer{p.status, visible(p), masked(p, name)})
			if p.link("sign-in") == "" || p.link("reset-password") == "" {
				t.Errorf("%s: a refusal has no way on", name)
			}
			if i < 4 {
				p.want(http.StatusUnprocessableEntity, "change-password", "error.sign_in_failed")
			} else {
				p.want(http.StatusTooManyRequests, "change-password", "error.password_limit")
			}
		}
		if want == nil {
			want = got
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s differs from a password that was changed (-changed +this):\n%s", name, diff)
		}
		b.submit(b.open("/sign-in"), fields{"username": name, "password": "Wrong-pass-1"}).want(http.StatusTooManyRequests, "sign-in", "error.password_limit")
	}
}

// TestForcedChangeRefused: what TCB says of the change that is none about the old password.
func TestForcedChangeRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.wantChange()
	b := s.browser()
	p := b.toChange("demo", demoPassword)
	const path = "/v2/signin/password/update"
	for range 3 { // none of these counts as a guess
		for code, want := range map[string]struct {
			status     int
			key, field string
		}{
			"invalid_argument": {422, "", "error.password_other"}, "weak_password": {422, "", "error.password_weak"},
			"unavailable": {503, "error.unavailable", ""}, "permission_denied": {422, "error.session_over", ""},
			"resource_exhausted": {429, "error.too_many", ""},
		} {
			s.backend.refuse(path, http.StatusBadRequest, code)
			got := b.submit(p, fields{"new_password": "Quiet-river-7"}).want(want.status, "change-password")
			if got.fieldKey("new_password") != want.field || want.key != "" && !got.has(want.key) {
				t.Errorf("%s: %q", code, got.keys())
			}
		}
	}
	s.backend.answer("/v2/signin/publichkey", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"public_key":"none","public_key_thumbprint":"x"}`)
	})
	b.submit(p, fields{"new_password": "Quiet-river-7"}).want(http.StatusServiceUnavailable, "change-password", "error.unavailable")
	s.backend.answer("", nil)

	s.backend.captcha("always")
	asked := b.submit(p, fields{"new_password": "Quiet-river-7"}).want(http.StatusUnprocessableEntity, "change-password", "captcha.ask")
	b.solve(asked).completed()
}

// TestForcedChangeThenSignIn: where TCB has no login for the new password just then, the person signs
// in with it. A password that was set a moment ago is not asked to be changed again.
func TestForcedChangeThenSignIn(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"unavailable", "failed_precondition"} {
		s := newSite(t)
		s.backend.wantChange()
		b := s.browser()
		p := b.toChange("demo", demoPassword)
		s.backend.refuse("/v1/signin", http.StatusBadRequest, code)
		change := p
		p = b.submit(p, fields{"new_password": "Quiet-river-7"}).want(http.StatusOK, "sign-in", "reset.done")
		s.backend.answer("", nil)
		b.submit(change, fields{"new_password": "Quiet-river-8"}).want(http.StatusUnprocessableEntity, "sign-in", "error.session_over") // what was given is gone
		b.submit(p, fields{"password": "Quiet-river-7"}).completed()
	}
}

// setPassword changes somebody's password elsewhere.
func (b *backend) setPassword(name, old, next string) {
	b.t.Helper()
	err := b.client().ModifyPasswordWithoutLogin(b.t.Context(), authclient.ModifyPasswordRequest{Username: name, Password: old, NewPassword: next})
	if err != nil {
		b.t.Fatal(err)
	}
}

// remove deletes somebody's account.
func (b *backend) remove(name, password string) {
	b.t.Helper()
	const last = "Quiet-river-0"
	b.setPassword(name, password, last)
	user, sudo := b.proven(name, last)
	if _, err := user.DeleteMe(b.t.Context(), sudo); err != nil {
		b.t.Fatal(err)
	}
}

// lock has TCB lock an account, after too many wrong passwords.
func (b *backend) lock(name string) {
	b.t.Helper()
	var err error
	for range 10 + 1 {
		_, err = b.client().SignIn(b.t.Context(), authclient.SignInRequest{Username: name, Password: "Wrong-pass-1"})
	}
	if !errors.Is(err, authclient.ErrInvalidStatus) {
		b.t.Fatalf("%s is not locked: %v", name, err)
	}
}
