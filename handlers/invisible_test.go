package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// invisible are some of the characters that come along with what is copied, or show nothing.
var invisible = []string{"\u200b", "\ufeff", "\u3164", "\u00ad", "\u2060", "\u180e", "\u115f", "\u200e", "\u202a", "\u202e", "\u2066", "\ufe0f", "\U000e0041", "\u2800"}

// TestInvisibleCharacters: what shows nothing is left out of numbers, addresses, codes, usernames and
// words, and is no name, picture, language or time zone.
func TestInvisibleCharacters(t *testing.T) {
	t.Parallel()
	s := newSite(t, withPictures, func(c *siteConfig) { c.counter = limitless{} })
	s.backend.captcha("never")
	s.backend.register("+86 13655554444", "pasted", "Pasted-pass-1")
	for i, c := range invisible {
		in := func(s string) string { return c + s[:3] + c + s[3:] + c }
		s.clock.advance(2 * time.Minute)
		b := s.browser()
		b.submit(b.open("/sign-in"), fields{"username": in("demo"), "password": demoPassword}).completed()
		b.submit(b.open("/account/profile"), fields{"name": c + " " + c}).want(http.StatusUnprocessableEntity, "account-profile", "error.name_invisible")
		p := b.open("/account/profile")
		for field, typed := range map[string]string{
			"locale": "zh" + c + "-CN", "zoneinfo": "Asia/" + c + "Tokyo", "gender": "MALE" + c, "birthdate": "2000-01-0" + c + "2",
			"picture": "https://example.com/" + c + "a.png",
		} {
			if got := b.post(p, fields{"name": "Demo", field: typed}); got.fieldKey(field) == "" {
				t.Errorf("%s %+q: status %d, %q", field, typed, got.status, got.keys())
			}
		}
		p = b.stepUp("/account/username", demoPassword).want(http.StatusOK, "account-username")
		b.submit(p, fields{"username": c + c}).want(http.StatusUnprocessableEntity, "account-username", "error.required.new_username")
		b.submit(p, fields{"username": in("demo" + string(rune('a'+i)))}).want(http.StatusOK, "account", "account.done.username")
		if got := s.backend.user(demoEmail).Username; got != "demo"+string(rune('a'+i)) {
			t.Errorf("%+q: the username is %+q", c, got)
		}
		b.submit(b.open("/account/username"), fields{"username": "demo"}).want(http.StatusOK, "account", "account.done.username")

		b = s.browser()
		n := s.backend.count("")
		b.submit(b.open("/sign-in"), fields{"username": c + " " + c, "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in")
		if got := s.backend.count("") - n; got != 0 {
			t.Errorf("%+q alone: %d calls", c, got)
		}
		p = b.submit(b.open("/sign-in/sms"), fields{"phone_country": "CN", "phone_number": in("136 5555 4444")}).want(http.StatusOK, "sign-in-sms-code")
		b.submit(p, fields{"verification_code": in(s.backend.code("+86 13655554444"))}).completed()

		b = s.browser()
		to := strings.Repeat("n", i+3) + "@example.com"
		p = b.submit(b.open("/sign-up", "via=email"), fields{"email": in(to)}).want(http.StatusOK, "sign-up-code")
		p = b.submit(p, fields{"verification_code": in(s.backend.code(to))}).want(http.StatusOK, "sign-up-details")
		b.submit(p, fields{"name": c + c}).want(http.StatusUnprocessableEntity, "sign-up-details", "error.name_invisible")
		p = b.submit(p, fields{"username": in("new" + string(rune('a'+i))), "name": "New", "password": "Quiet-river-7"})
		p.completed()
		if got := s.backend.user(to).Username; got != "new"+string(rune('a'+i)) {
			t.Errorf("%+q: the username is %+q", c, got)
		}
		if i == 0 {
			p = b.stepUp("/account/delete", "Quiet-river-7").want(http.StatusOK, "account-delete")
			b.submit(p, fields{"confirm": "d" + c}).want(http.StatusUnprocessableEntity, "account-delete", "account.delete.mistyped")
			b.submit(p, fields{"confirm": in("delete")}).want(http.StatusOK, "goodbye")
		}
	}
	// An app's hint is shown without them: they would turn what stands beside them.
	for path, field := range map[string]string{"/sign-in": "username", "/sign-in/sms": "phone_number"} {
		p := s.browser().open(path, "login_hint=%E2%80%AE13655554444%E2%80%AC", "lang=ja")
		if got := p.value(field); got != "13655554444" {
			t.Errorf("%s: the hint is shown as %+q", path, got)
		}
	}
	// The marks around a copied address are no part of it.
	b, _ := s.signedIn(t)
	for _, c := range []string{"\u200b", "\u202a", "\u2068", "\ufeff"} {
		typed := "https://example.com/" + strings.Repeat("p", int([]rune(c)[0])%7) + ".png"
		b.submit(b.open("/account/profile"), fields{"name": "Demo", "picture": c + typed + c}).want(http.StatusOK, "account", "account.done.profile")
		if got := b.open("/account/profile").value("picture"); got != typed {
			t.Errorf("%+q around an address: it is %+q", c, got)
		}
	}
}
