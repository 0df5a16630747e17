package handlers

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"tcb-login/config"
	"tcb-login/config/loginpage"
)

// People write what they have in more than one way.

// asked are the usernames that TCB was asked about, since the nth call.
func (b *backend) asked(since int) (names []string) {
	b.t.Helper()
	for _, call := range b.callsTo("/v1/signin")[since:] {
		var in struct{ Username string }
		decode(b.t, strings.NewReader(call.body), &in)
		names = append(names, in.Username)
	}
	return names
}

// TestUsernameOfDigits: digits alone are a phone number, and where that is refused a username; TCB is
// asked twice whether there is anybody or not, and both times count as one.
func TestUsernameOfDigits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	s.backend.register("one@example.com", "13812345678", "Their-pass-1") // as TCB's own page lets people
	s.backend.register("+86 13812345678", "owner", "Owner-pass-1")
	s.backend.register("two@example.com", "10086", "Short-pass-1")
	for _, tt := range []struct {
		username, password string
		asked              []string
		status             int
	}{
		{"13812345678", "Owner-pass-1", []string{"+86 13812345678"}, 200},
		{"13812345678", "Their-pass-1", []string{"+86 13812345678", "13812345678"}, 200},
		{"13812345678", "Wrong-pass-1", []string{"+86 13812345678", "13812345678"}, 422},
		{"13900000000", "Wrong-pass-1", []string{"+86 13900000000", "13900000000"}, 422},
		{"138 1234 5678", "Their-pass-1", []string{"+86 13812345678"}, 422},
		{"+8613812345678", "Their-pass-1", []string{"+86 13812345678"}, 422},
		{"10086", "Short-pass-1", []string{"10086"}, 200}, // no number
	} {
		b := s.browser()
		n := s.backend.count("/v1/signin")
		p := b.submit(b.open("/sign-in"), fields{"username": tt.username, "password": tt.password})
		if p.status != tt.status {
			t.Errorf("%q with %q: status %d, %q", tt.username, tt.password, p.status, p.keys())
		}
		if got := s.backend.asked(n); fmt.Sprint(got) != fmt.Sprint(tt.asked) {
			t.Errorf("%q: TCB was asked about %q, want %q", tt.username, got, tt.asked)
		}
		s.clock.advance(15 * time.Minute)
	}
	// Four tries, not two.
	b := s.browser().at("192.0.2.77")
	for i := range 5 {
		p := b.submit(b.open("/sign-in"), fields{"username": "13899999999", "password": fmt.Sprintf("Wrong-pass-%d", i)})
		if want := map[bool]int{true: 422, false: 429}[i < 4]; p.status != want {
			t.Errorf("try %d: status %d, want %d", i+1, p.status, want)
		}
	}
	p := b.submit(b.open("/sign-up", "via=email"), fields{"email": "new@example.com"})
	p = b.submit(p, fields{"verification_code": s.backend.code("new@example.com")})
	for _, name := range []string{"13812345678", "10086", "+8613812345678", "one@example.com"} {
		b.submit(p, fields{"username": name, "name": "N", "password": "Quiet-river-7"}).want(http.StatusUnprocessableEntity, "sign-up-details", "error.username_form")
	}
	if n := s.backend.count("/v1/checkIfUserExist"); n != 0 {
		t.Errorf("TCB was asked %d times whether a number or an address is a username that is taken", n)
	}
}

// TestDigitsAndCaptcha: a captcha that TCB asks for the second of the two calls goes on with it, and
// an outage stops before it.
func TestDigitsAndCaptcha(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	s.backend.register("one@example.com", "13812345678", "Their-pass-1")
	s.backend.answer("/v1/signin", func(w http.ResponseWriter, r *http.Request) {
		body := bodyOf(t, r)
		if strings.Contains(body, `"13812345678"`) && r.URL.Query().Get("captcha_token") == "" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"captcha_required","error_code":4001,"error_description":"a captcha"}`)
			return
		}
		s.backend.em.ServeHTTP(w, r)
	})
	b := s.browser()
	p := b.submit(b.open("/sign-in"), fields{"username": "13812345678", "password": "Their-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	n := s.backend.count("/v1/signin")
	b.solve(p).completed()
	if got := s.backend.asked(n); fmt.Sprint(got) != "[13812345678]" {
		t.Errorf("after the captcha TCB was asked about %q", got)
	}
	// Another password is another guess, from the beginning.
	b = s.browser()
	p = b.submit(b.open("/sign-in"), fields{"username": "13812345678", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	n = s.backend.count("/v1/signin")
	b.submit(p, fields{"captcha_key": s.backend.key(), "password": "Their-pass-1"}).completed()
	if got := s.backend.asked(n); fmt.Sprint(got) != "[+86 13812345678 13812345678]" {
		t.Errorf("with another password TCB was asked about %q", got)
	}
	s.backend.refuse("/v1/signin", http.StatusServiceUnavailable, "unavailable")
	n = s.backend.count("/v1/signin")
	b.submit(b.open("/sign-in"), fields{"username": "13812345678", "password": "Their-pass-1"}).want(http.StatusServiceUnavailable, "sign-in")
	if got := s.backend.count("/v1/signin") - n; got != 1 {
		t.Errorf("an outage: %d calls", got)
	}
}

// TestPasswordForms: a letter with an accent is one character or two, by the keyboard. A password is
// set in one form, and asked about in both.
func TestPasswordForms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	composed, decomposed := norm.NFC.String("Réservé-à-7"), norm.NFD.String("Réservé-à-7")
	s.backend.register("old@example.com", "old", decomposed) // by an app
	s.backend.register("new@example.com", "fresh", composed)
	for _, tt := range []struct {
		username, typed string
		calls, status   int
	}{
		{"old", decomposed, 1, 200}, {"old", composed, 1, 422}, {"fresh", composed, 1, 200}, {"fresh", decomposed, 2, 200},
		{"old", "Plain-pass-1", 1, 422}, {"nobody", composed, 1, 422}, {"nobody", decomposed, 2, 422},
	} {
		b := s.browser()
		n := s.backend.count("/v1/signin")
		if p := b.submit(b.open("/sign-in"), fields{"username": tt.username, "password": tt.typed}); p.status != tt.status {
			t.Errorf("%s: status %d, %q", tt.username, p.status, p.keys())
		}
		if got := s.backend.count("/v1/signin") - n; got != tt.calls {
			t.Errorf("%s with %+q: %d calls, want %d", tt.username, tt.typed, got, tt.calls)
		}
		s.clock.advance(15 * time.Minute)
	}
	// Each call counts.
	b := s.browser().at("192.0.2.78")
	for i := range 3 {
		p := b.submit(b.open("/sign-in"), fields{"username": "somebody", "password": norm.NFD.String(fmt.Sprintf("Résumé-%d", i))})
		if want := map[bool]int{true: 422, false: 429}[i < 2]; p.status != want {
			t.Errorf("try %d: status %d, want %d", i+1, p.status, want)
		}
	}
	// Set decomposed, asked for composed: at sign-up, reset and in the portal.
	setForms := map[string]func(b *browser, to string) *page{
		"/sign-up": func(b *browser, to string) *page {
			p := b.submit(b.open("/sign-up", "via=email"), fields{"email": to})
			p = b.submit(p, fields{"verification_code": s.backend.code(to)})
			return b.submit(p, fields{"username": "accents", "name": "A", "password": decomposed})
		},
		"/reset-password": func(b *browser, to string) *page {
			s.backend.register(to, "reset", demoPassword)
			p := b.submit(b.open("/reset-password", "via=email"), fields{"email": to})
			p = b.submit(p, fields{"verification_code": s.backend.code(to)})
			return b.submit(p, fields{"new_password": decomposed})
		},
	}
	for path, set := range setForms {
		to := strings.Trim(path, "/") + "@example.com"
		set(s.browser(), to).completed()
		n := s.backend.count("/v1/signin")
		b := s.browser()
		b.submit(b.open("/sign-in"), fields{"username": to, "password": composed}).completed()
		if got := s.backend.count("/v1/signin") - n; got != 1 {
			t.Errorf("%s: it was not set composed", path)
		}
	}
}

// TestVisibleNames: what others see shows something, and nothing that cannot be shown.
func TestVisibleNames(t *testing.T) {
	t.Parallel()
	s := newSite(t, withPictures)
	b, _ := s.signedIn(t)
	signUp := b.submit(s.browser().open("/sign-up", "via=email"), fields{"email": "name@example.com"})
	signUp = b.submit(signUp, fields{"verification_code": s.backend.code("name@example.com")}).want(http.StatusOK, "sign-up-details")
	for name, ok := range map[string]bool{
		"\x00": false, "\a": false, "\u3164": false, "\u200b": false, "\u2800": false, "\u202e": false, "a\x00b": false, "a\u2028b": false, "\ufeff \u2060": false,
		"安": true, "Zoe\u0308": true, "👩‍👩‍👧": true, "O’Brien, Jr.": true, "नमस्ते": true, "…": true,
	} {
		p := b.post(b.open("/account/profile"), fields{"name": name})
		if (p.status == http.StatusSeeOther) != ok || !ok && p.fieldKey("name") != "error.name_invisible" {
			t.Errorf("profile, %+q: status %d, %q", name, p.status, p.keys())
		}
		if ok {
			if got := s.backend.user("demo").Name; got != norm.NFC.String(name) {
				t.Errorf("%+q is kept as %+q", name, got)
			}
		}
		p = b.post(signUp, fields{"name": name, "username": "-"})
		if (p.fieldKey("name") == "") != ok {
			t.Errorf("sign-up, %+q: %q", name, p.keys())
		}
	}
	for picture, ok := range map[string]bool{
		"https://example.com/p.png": true, "https://example.com/图.png": true, "https://example.com/\u3164": false, "https://\u200b/": false, "https://example.com/a\u202eb": false,
	} {
		if p := b.post(b.open("/account/profile"), fields{"name": "A", "picture": picture}); (p.fieldKey("picture") == "") != ok {
			t.Errorf("picture %+q: status %d, %q", picture, p.status, p.keys())
		}
	}
}

// TestWhichNumber: a number of mainland China that was typed for another country may be a stranger's
// there: nothing is sent before the person has said which it is.
func TestWhichNumber(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) { c.counter = limitless{} })
	s.backend.captcha("never")
	sends := func() int { return s.backend.count("/v1/verification") }
	for _, tt := range []struct {
		path, country, typed string
		asks                 []string
	}{
		{"/sign-in/sms", "HK", "13800138000", []string{"+86 13800138000"}},
		{"/sign-in/sms", "MO", "138 0013 8000", []string{"+86 13800138000"}},
		{"/sign-up", "JP", "15012345678", nil},
		{"/reset-password", "US", "18612345678", nil},
		{"/sign-in/sms", "SG", "008613800138000", []string{}},
		{"/sign-in/sms", "HK", "+86 138 0013 8000", []string{}},
		{"/sign-in/sms", "CN", "13800138000", []string{}},
	} {
		b := s.browser()
		n := sends()
		p := b.post(b.open(tt.path), fields{"phone_country": tt.country, "phone_number": tt.typed})
		asks := p.all(func(n *htmlNode) bool { return n.Data == "input" && attr(n, "name") == "phone_number_is" })
		if tt.asks != nil && len(tt.asks) == 0 {
			if len(asks) != 0 || p.status != http.StatusSeeOther {
				t.Errorf("%s %s: status %d, %d questions", tt.country, tt.typed, p.status, len(asks))
			}
			s.clock.advance(2 * time.Minute)
			continue
		}
		if p.fieldKey("phone_number") != "error.phone_which" || len(asks) == 0 || sends() != n {
			t.Errorf("%s %s: status %d, %q, %d questions, %d sends", tt.country, tt.typed, p.status, p.keys(), len(asks), sends()-n)
			continue
		}
		p.wantValue(fields{"phone_number": tt.typed})
		for i, ask := range asks {
			if tt.asks != nil && attr(ask, "value") != tt.asks[i] {
				t.Errorf("%s %s: asks for %q, want %q", tt.country, tt.typed, attr(ask, "value"), tt.asks)
			}
		}
		// Not a word, and a word about another number.
		nothing := p.filled(nil)
		nothing.Del("phone_number_is")
		b.do(http.MethodPost, p.action(), nothing, nil).want(http.StatusUnprocessableEntity, p.name(), "error.phone_which")
		other := p.filled(nil)
		other.Set("phone_number_is", "+86 13900139000")
		b.do(http.MethodPost, p.action(), other, nil).want(http.StatusUnprocessableEntity, p.name(), "error.phone_which")
		if sends() != n {
			t.Errorf("%s %s: something was sent before the person said where", tt.country, tt.typed)
		}
		for _, ask := range asks {
			said := p.filled(nil)
			said.Set("phone_number_is", attr(ask, "value"))
			if got := b.do(http.MethodPost, p.action(), said, nil); got.picture() != "" { // for other countries
				b.solve(got)
			}
			if call := s.backend.callsTo("/v1/verification"); !strings.Contains(call[len(call)-1].body, attr(ask, "value")) {
				t.Errorf("%s %s: %s was chosen, and sent was %s", tt.country, tt.typed, attr(ask, "value"), call[len(call)-1].body)
			}
			s.clock.advance(2 * time.Minute)
		}
	}
	// A page that takes no number of the mainland does not ask.
	abroad := newSite(t, func(c *siteConfig) {
		c.logins = config.BuiltInPages(c.settings)
		c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}).Countries.Allowed = []string{"HK", "US"}
	})
	b := abroad.browser()
	b.post(b.open("/sign-in/sms"), fields{"phone_country": "HK", "phone_number": "13800138000"}).
		want(http.StatusUnprocessableEntity, "sign-in-sms", "error.phone_country")
}

// TestHints: login_hint comes as apps write it, and chooses the form that it fits.
func TestHints(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	for _, tt := range []struct {
		path, hint, field, want string
	}{
		{"/", "login_hint=ana+tag@example.com", "username", "ana+tag@example.com"},
		{"/", "login_hint=ana%2Btag%40example.com", "username", "ana+tag@example.com"},
		{"/sign-in/email", "login_hint=ana+tag@example.com", "email", "ana+tag@example.com"},
		{"/sign-up", "login_hint=ana+tag@example.com", "email", "ana+tag@example.com"},
		{"/reset-password", "login_hint=ana%40example.com", "email", "ana@example.com"},
		{"/sign-in/sms", "login_hint=13800138000", "phone_number", "13800138000"},
		{"/sign-in/sms", "login_hint=+8613800138000", "phone_number", "13800138000"},
		{"/sign-in/sms", "login_hint=%2B86+13800138000", "phone_number", "13800138000"},
		{"/sign-up", "login_hint=13800138000", "phone_number", "13800138000"},
		{"/sign-up", "login_hint=ana@example.com&via=phone", "phone_number", ""},
		{"/", "login_hint=", "username", ""},
	} {
		p := b.open(tt.path, tt.hint)
		if p.status != http.StatusOK || p.value(tt.field) != tt.want {
			t.Errorf("%s?%s: status %d, %s is %q, want %q", tt.path, tt.hint, p.status, tt.field, p.value(tt.field), tt.want)
		}
	}
}

// TestAllOfAPassword: what is wrong with a new password is said at once, by the rule that the page
// states, on each page that takes one.
func TestAllOfAPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	s.backend.register("quuxley@example.com", "quuxley", demoPassword)
	b := s.browser()
	b.submit(b.open("/sign-in"), fields{"username": "quuxley", "password": demoPassword}).completed()
	at := func(path, to string) *page {
		b := s.browser()
		p := b.submit(b.open(path, "via=email"), fields{"email": to})
		return b.submit(p, fields{"verification_code": s.backend.code(to)})
	}
	pages := map[string]*page{
		"password":     at("/sign-up", "quuxley@example.org"),
		"new_password": at("/reset-password", "quuxley@example.com"),
		"portal":       b.stepUp("/account/password", demoPassword),
	}
	for name, p := range pages {
		field := strings.Replace(name, "portal", "new_password", 1)
		if !strings.Contains(p.text(), "8 to 64 characters") || !strings.Contains(p.text(), "Not a common password") {
			t.Errorf("%s: the page does not state its rule: %s", name, p.text())
		}
		for typed, keys := range map[string][]string{
			"iloveyou":                 {"error.password_weak", "error.password_common"},
			"quiet-river7":             {"error.password_weak"},
			"Woaini1314!":              {"error.password_common"},
			"my-quuxley":               {"error.password_weak", "error.password_personal"},
			strings.Repeat("Aa1-", 17): {"error.password_weak"},
		} {
			calls := s.backend.count("") - s.backend.count("/v1/user/me")
			got := p.b.submit(p, fields{field: typed})
			for _, key := range keys {
				if !got.has(key) {
					t.Errorf("%s, %q: messages %q lack %s", name, typed, got.keys(), key)
				}
			}
			if n := s.backend.count("") - s.backend.count("/v1/user/me") - calls; got.status != http.StatusUnprocessableEntity || n != 0 {
				t.Errorf("%s, %q: status %d, %d calls of TCB", name, typed, got.status, n)
			}
		}
	}
}

// bodyOf reads a request's body and leaves it to be read again.
func bodyOf(t *testing.T, r *http.Request) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

// TestAddressesOfOtherAlphabets: an address is the same on every page that takes one, in letters or as
// DNS has them, with accents of their own and in capitals.
func TestAddressesOfOtherAlphabets(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) { c.counter = limitless{} })
	s.backend.captcha("never")
	const address = "ana@xn--bcher-kva.example"
	s.backend.register(address, "ana", "Ana-pass-12")
	for _, typed := range []string{
		"ana@bücher.example", "ana@bu\u0308cher.example", "ana@BÜCHER.Example", "ana@XN--bcher-KVA.example", "ａｎａ＠ｂücher。example", "\u2068ana@bücher.example\u2069 ",
	} {
		s.clock.advance(2 * time.Minute)
		b := s.browser()
		b.submit(b.open("/sign-in"), fields{"username": typed, "password": "Ana-pass-12"}).completed()
		for _, path := range []string{"/sign-in/email", "/reset-password", "/sign-up"} {
			s.clock.advance(2 * time.Minute)
			n := s.backend.count("/v1/verification")
			b := s.browser()
			p := b.submit(b.open(path, "via=email"), fields{"email": typed})
			var in struct{ Email string }
			if calls := s.backend.callsTo("/v1/verification")[n:]; len(calls) == 1 {
				decode(t, strings.NewReader(calls[0].body), &in)
			}
			if in.Email != address || p.name() != strings.TrimPrefix(strings.ReplaceAll(path, "/", "-"), "-")+"-code" {
				t.Errorf("%s, %+q: page %q with %q, sent to %q", path, typed, p.name(), p.keys(), in.Email)
			}
		}
		p := b.open("/sign-in/email", "login_hint="+url.PathEscape(typed))
		if got := p.value("email"); got != address {
			t.Errorf("login_hint %+q fills in %q", typed, got)
		}
	}
	// The name before the @ stays as it was typed, and TCB knows it in small letters too.
	b := s.browser()
	b.submit(b.open("/sign-in"), fields{"username": "ANA@Bücher.Example", "password": "Ana-pass-12"}).completed()
	for _, typed := range []string{"jose\u0301@example.com", "josé@bücher.example", "ana@bücher", "ana@-bücher.example", "ana@bücher..example"} {
		b := s.browser()
		n := s.backend.count("")
		if p := b.submit(b.open("/sign-in/email"), fields{"email": typed}); p.status != http.StatusUnprocessableEntity || p.fieldKey("email") == "" {
			t.Errorf("%+q: status %d, %q", typed, p.status, p.keys())
		}
		if s.backend.count("") != n {
			t.Errorf("%+q was sent to TCB", typed)
		}
	}
}
