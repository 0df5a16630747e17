package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
)

// A password that was typed is asked about in two forms at most, wherever it proves who somebody is,
// and each call of TCB counts as a guess.

// provesBy is a page on which somebody proves by their password who they are.
type provesBy struct {
	path, after string // after is the page that a right password leads to
	call        string
	open        func(b *browser, username string) *page
}

// provingPages are all of them; those of the portal are reached with a login that came by a code.
func provingPages(s *site) []provesBy {
	stepUp := func(path, after string) provesBy {
		return provesBy{path, after, "/v1/user/sudo", func(b *browser, username string) *page {
			to := username + "@example.com"
			p := b.submit(b.open("/sign-in/email"), fields{"email": to})
			b.submit(p, fields{"verification_code": s.backend.code(to)}).completed()
			s.clock.advance(time.Hour)
			return b.open(path).want(http.StatusOK, "step-up-password")
		}}
	}
	return []provesBy{
		stepUp("/account/verify", "account"),
		stepUp("/account/password", "account-password"),
		stepUp("/account/delete", "account-delete"),
		{"/sign-in", "complete", "/v1/signin", func(b *browser, _ string) *page { return b.open("/sign-in") }},
		{"link", "complete", "/v1/signin", func(b *browser, username string) *page {
			p := b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-"+username, "").want(http.StatusOK, "provider-unknown")
			return b.click(p, "sign-in").want(http.StatusOK, "sign-in")
		}},
	}
}

// TestPasswordFormsEverywhere: what was set composed is found when it is typed decomposed, by a second
// call; what is wrong is so after two, and two of those are the four guesses that there are.
func TestPasswordFormsEverywhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	s.backend.captcha("never")
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	composed, decomposed := norm.NFC.String("Früh-übt-sich-7"), norm.NFD.String("Früh-übt-sich-7")
	for i, tt := range provingPages(s) {
		username, other := fmt.Sprintf("proves%d", i), fmt.Sprintf("fails%d", i)
		s.backend.register(username+"@example.com", username, composed)
		s.backend.register(other+"@example.com", other, composed)
		typed := func(secret string) fields { return fields{"username": username, "password": secret} }
		if !strings.Contains(tt.call, "signin") {
			typed = func(secret string) fields { return fields{"password": secret} }
		}
		b := s.browser().at(fmt.Sprintf("192.0.2.%d", 10+i))
		p := tt.open(b, username)
		calls := s.backend.count(tt.call)
		asked := func() []string {
			var forms []string
			for _, c := range s.backend.callsTo(tt.call)[calls:] {
				var in struct{ Password string }
				decode(t, strings.NewReader(c.body), &in)
				forms = append(forms, in.Password)
			}
			return forms
		}
		if got := b.submit(p, typed(decomposed)); got.name() != tt.after {
			t.Errorf("%s: decomposed leads to %q with %q, want %q", tt.path, got.name(), got.keys(), tt.after)
		}
		if got := asked(); fmt.Sprintf("%+q", got) != fmt.Sprintf("%+q", []string{decomposed, composed}) {
			t.Errorf("%s: TCB was asked about %+q", tt.path, got)
		}

		b = s.browser().at(fmt.Sprintf("192.0.2.%d", 110+i))
		username = other
		p = tt.open(b, username)
		calls = s.backend.count(tt.call)
		for n := range 3 {
			secret := norm.NFD.String(fmt.Sprintf("Zürich-falsch-%d", n))
			got := b.submit(p, typed(secret))
			if want := []int{422, 422, 429}[n]; got.status != want {
				t.Errorf("%s, wrong password %d: status %d, %q, want %d", tt.path, n+1, got.status, got.keys(), want)
			}
			if got, want := len(asked()), min(4, 2*(n+1)); got != want {
				t.Errorf("%s, wrong password %d: %d calls, want %d", tt.path, n+1, got, want)
			}
		}
	}
}

// TestStepUpFormsAndLimits: of a step-up's two calls the second is made only where a guess is left for
// it, and a first one that was wrong counts whatever becomes of the second.
func TestStepUpFormsAndLimits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	wrong := func(n int) fields { return fields{"password": norm.NFD.String(fmt.Sprintf("Crème-brûlée-%d", n))} }
	calls := func() int { return s.backend.count("/v1/user/sudo") }

	b, _ := s.signedIn(t)
	p := b.open("/account/verify").want(http.StatusOK, "step-up-password")
	for n := range 3 {
		b.submit(p, fields{"password": fmt.Sprintf("Wrong-pass-%d", n)}).want(http.StatusUnprocessableEntity, "step-up-password", "step-up.wrong")
	}
	n := calls()
	b.submit(p, wrong(0)).want(http.StatusTooManyRequests, "step-up-password", "step-up.limit")
	if got := calls() - n; got != 1 {
		t.Errorf("with one guess left: %d calls", got)
	}

	// TCB goes away between the two.
	s = newSite(t)
	s.backend.captcha("never")
	b, _ = s.signedIn(t)
	p = b.open("/account/verify").want(http.StatusOK, "step-up-password")
	for n := range 3 {
		s.backend.answer("/v1/user/sudo", func(w http.ResponseWriter, r *http.Request) {
			if body := bodyOf(t, r); norm.NFC.IsNormalString(body) {
				http.Error(w, "away", http.StatusServiceUnavailable)
				return
			}
			s.backend.em.ServeHTTP(w, r)
		})
		if got := b.submit(p, wrong(n)); got.status != http.StatusServiceUnavailable {
			t.Errorf("an outage in between, time %d: status %d, %q", n+1, got.status, got.keys())
		}
	}
	s.backend.answer("", nil)
	b.submit(p, fields{"password": "Wrong-pass-8"}).want(http.StatusUnprocessableEntity, "step-up-password", "step-up.wrong")
	b.submit(p, fields{"password": "Wrong-pass-9"}).want(http.StatusTooManyRequests, "step-up-password", "step-up.limit")

	// The tenth call ends the login.
	s = newSite(t)
	s.backend.captcha("never")
	b, _ = s.signedIn(t)
	for n := range 5 {
		b = b.at(fmt.Sprintf("192.0.2.%d", n+1))
		p = b.submit(b.open("/account/verify").want(http.StatusOK, "step-up-password"), wrong(n))
		if ended := p.name() == "interstitial"; ended != (n == 4) {
			t.Errorf("wrong password %d: page %q, %q", n+1, p.name(), p.keys())
		}
		s.clock.advance(11 * time.Minute) // TCB's own lock
	}
	if got := calls(); got != 10 {
		t.Errorf("the login has ended after %d calls, want 10", got)
	}
}

// TestStepUpCaptchaGoesOn: a captcha that the second form was asked for goes on with that: the first one
// is not asked about, and not counted, once more.
func TestStepUpCaptchaGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	composed := norm.NFC.String("Früh-übt-sich-7")
	s.backend.register("ute@example.com", "ute", composed)
	b := s.browser()
	b.submit(b.open("/sign-in"), fields{"username": "ute", "password": composed}).completed()
	p := b.open("/account/verify").want(http.StatusOK, "step-up-password")
	ask := func(typed string) *page {
		var asked atomic.Bool
		s.backend.answer("/v1/user/sudo", func(w http.ResponseWriter, r *http.Request) {
			if body := bodyOf(t, r); norm.NFC.IsNormalString(body) && !asked.Swap(true) {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"error": "captcha_required", "error_code": 4001}`)
				return
			}
			s.backend.em.ServeHTTP(w, r)
		})
		p := b.submit(p, fields{"password": typed}).want(http.StatusUnprocessableEntity, "step-up-password", "captcha.ask")
		return b.submit(p, fields{"captcha_key": s.backend.key()})
	}
	calls := s.backend.count("/v1/user/sudo")
	ask(norm.NFD.String("Zürich-falsch-1")).want(http.StatusUnprocessableEntity, "step-up-password", "step-up.wrong")
	if got := s.backend.count("/v1/user/sudo") - calls; got != 3 {
		t.Errorf("a wrong password: %d calls, want 3", got)
	}
	// Two guesses of four are left.
	ask(norm.NFD.String(composed)).want(http.StatusOK, "account")
}

// TestDigitsInEverySpelling: a username of digits, in whatever way the digits are typed, is asked about
// at most twice, and so it is with a password that has two forms.
func TestDigitsInEverySpelling(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	secret := norm.NFD.String("Ålesund-på-7")
	s.backend.register("ole@example.com", "13712345678", secret)
	for i, tt := range []struct {
		typed, secret string
		asked         []string
		status        int
	}{
		{"13712345678", secret, []string{"+86 13712345678", "13712345678"}, 200},
		{"１３７１２３４５６７８", secret, []string{"+86 13712345678", "13712345678"}, 200},
		{"\u202a13712345678\u202c", secret, []string{"+86 13712345678", "13712345678"}, 200},
		{" 13712345678\u3000", secret, []string{"+86 13712345678", "13712345678"}, 200},
		{"8613712345678", secret, []string{"+86 13712345678", "8613712345678"}, 422},
		{"008613712345678", secret, []string{"+86 13712345678", "008613712345678"}, 422},
		// Somebody who writes it as a number means one.
		{"137 1234 5678", "Wrong-pass-1", []string{"+86 13712345678"}, 422},
		{"137-1234-5678", "Wrong-pass-1", []string{"+86 13712345678"}, 422},
		{"+8613712345678", "Wrong-pass-1", []string{"+86 13712345678"}, 422},
		{"＋８６ １３７ １２３４ ５６７８", "Wrong-pass-1", []string{"+86 13712345678"}, 422},
		{"\u2066+86 137 1234 5678\u2069", secret, []string{"+86 13712345678", "+86 13712345678"}, 422},
	} {
		b := s.browser().at(fmt.Sprintf("192.0.2.%d", i+1))
		n := s.backend.count("/v1/signin")
		p := b.submit(b.open("/sign-in"), fields{"username": tt.typed, "password": tt.secret})
		if p.status != tt.status {
			t.Errorf("%+q: status %d, %q, want %d", tt.typed, p.status, p.keys(), tt.status)
		}
		if got := s.backend.asked(n); fmt.Sprint(got) != fmt.Sprint(tt.asked) {
			t.Errorf("%+q: TCB was asked about %q, want %q", tt.typed, got, tt.asked)
		}
		s.clock.advance(25 * time.Hour)
	}
}
