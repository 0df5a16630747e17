package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"tcb-login/config"
	"tcb-login/config/loginpage"
)

// A form that is posted twice, by two clicks or by going back, comes to the same both times, and TCB
// is asked once.

// twiceSite has a way in of each kind.
func twiceSite(t *testing.T) *site {
	s := newSite(t, twiceChanges)
	s.backend.captcha("never")
	s.backend.register(knownPhone, "phoned", "Phone-pass-1")
	return s
}

func twiceChanges(c *siteConfig) {
	c.logins = config.BuiltInPages(c.settings)
	login := c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion})
	login.Methods = append(login.Methods, loginpage.SignInMethod{ID: "demo", Label: "Demo provider"})
	login.Anonymous = true
	login.Registration = loginpage.RegistrationSplit
}

// A twiceForm is a form to be posted twice.
type twiceForm struct {
	name  string
	reach func(s *site, b *browser) (action string, values url.Values)
	ends  bool // the login, so that nobody gets anything under the next session
}

func filledWith(typed fields, action ...string) func(p *page) (string, url.Values) {
	return func(p *page) (string, url.Values) {
		values := p.filled(typed)
		if len(action) > 0 {
			values.Set("action", action[0])
		}
		return p.action(), values
	}
}

// twiceForms are all forms whose POST changes anything.
func twiceForms() []twiceForm {
	at := func(name, path string, typed fields, more ...string) twiceForm {
		return twiceForm{name: name, reach: func(_ *site, b *browser) (string, url.Values) {
			return filledWith(typed)(b.open(path, more...))
		}}
	}
	coded := func(name, path, to string, typed fields) twiceForm {
		return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
			p := sendCode(b, path, typed)
			return filledWith(fields{"verification_code": s.backend.code(to)})(p)
		}}
	}
	after := func(name, path, to string, typed, last fields) twiceForm {
		return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
			p := sendCode(b, path, typed)
			p = b.submit(p, fields{"verification_code": s.backend.code(to)})
			return filledWith(last)(p)
		}}
	}
	mine := func(name, path string, stepUp bool, typed fields, action ...string) twiceForm {
		return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
			b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			if stepUp {
				return filledWith(typed, action...)(b.stepUp(path, demoPassword))
			}
			return filledWith(typed, action...)(b.open(path))
		}}
	}
	mineCoded := func(name, path, to string, typed fields) twiceForm {
		return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
			b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			p := b.submit(b.stepUp(path, demoPassword), typed)
			return filledWith(fields{"verification_code": s.backend.code(to)})(p)
		}}
	}
	ending := func(f twiceForm) twiceForm {
		f.ends = true
		return f
	}
	return []twiceForm{
		at("password", "/sign-in", fields{"username": "demo", "password": demoPassword}),
		at("SMS", "/sign-in/sms", fields{"phone_country": "CN", "phone_number": "13900000001"}),
		at("email", "/sign-in/email", fields{"email": demoEmail}),
		at("email that TCB withholds", "/sign-in/email", fields{"email": "nobody@example.com"}),
		coded("code by SMS", "/sign-in/sms", knownPhone, fields{"phone_country": "CN", "phone_number": "13800138000"}),
		coded("code by email", "/sign-in/email", demoEmail, fields{"email": demoEmail}),
		at("sign-up", "/sign-up", fields{"email": "one@example.com"}, "via=email"),
		coded("sign-up, code", "/sign-up", "two@example.com", fields{"email": "two@example.com"}),
		after("sign-up, details", "/sign-up", "three@example.com", fields{"email": "three@example.com"},
			fields{"username": "three", "name": "Three", "password": "Quiet-river-7"}),
		after("sign-up of who has an account", "/sign-up", knownPhone, fields{"phone_country": "CN", "phone_number": "13800138000"}, nil),
		at("reset", "/reset-password", fields{"email": demoEmail}, "via=email"),
		coded("reset, code", "/reset-password", demoEmail, fields{"email": demoEmail}),
		after("reset, new password", "/reset-password", demoEmail, fields{"email": demoEmail}, fields{"new_password": "Quiet-river-7"}),
		{name: "without an account", reach: func(s *site, b *browser) (string, url.Values) {
			p := b.open("/sign-in")
			return s.base + "/anonymous?" + p.url.RawQuery, p.filled(nil)
		}},
		{name: "back from a provider", reach: func(_ *site, b *browser) (string, url.Values) {
			p := b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", ""))
			return filledWith(nil)(p)
		}},
		ending(mine("sign-out", "/sign-out", false, nil)),
		mine("step-up by password", "/account/verify", false, fields{"password": demoPassword}),
		mine("step-up, send", "/account/verify?via=email&", false, nil),
		mine("profile", "/account/profile", false, fields{"name": "Somebody"}),
		mine("username", "/account/username", true, fields{"username": "another.name"}),
		mine("phone", "/account/phone", true, fields{"phone_country": "CN", "phone_number": "13900139000"}),
		mineCoded("phone, code", "/account/phone", newPhone, fields{"phone_country": "CN", "phone_number": "13900139000"}),
		mine("new email", "/account/email", true, fields{"email": "new@example.com"}),
		mineCoded("new email, code", "/account/email", "new@example.com", fields{"email": "new@example.com"}),
		mine("new password", "/account/password", true, fields{"new_password": "Quiet-river-7"}),
		mine("all other devices", "/account/sessions", false, nil, "others"),
		ending(mine("every device", "/account/sessions", false, nil, "everywhere")),
		ending(mine("deletion", "/account/delete", true, fields{"confirm": "delete"})),
	}
}

// outcome is what an answer comes to.
func (p *page) outcome() string {
	to, _, _ := strings.Cut(p.header.Get("Location"), "flow=") // a sealed value is another each time
	to, _, _ = strings.Cut(to, "done=")
	return fmt.Sprintf("%d %s %s", p.status, p.name(), to)
}

// TestEveryPostTwice posts each form once more: at once, as a double click does; with the cookies of
// before, as the second click of a slow line; and with those of after, as who goes back.
func TestEveryPostTwice(t *testing.T) {
	t.Parallel()
	for _, tt := range twiceForms() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := twiceSite(t)
			b := s.browser().on(t, s)
			action, values := tt.reach(s, b)
			onDevice(values)
			before := b.copy()
			calls := s.backend.count("")
			first := b.do(http.MethodPost, action, values, nil)
			if first.status >= http.StatusBadRequest {
				t.Fatalf("once: %s, %q", first.outcome(), first.keys())
			}
			once := s.backend.count("") - calls
			late, err := before.lax().try(http.MethodPost, action, values, nil)
			if err != nil || late.outcome() != first.outcome() {
				t.Errorf("with the cookies of before: %s, want %s: %v", late.outcome(), first.outcome(), err)
			}
			if n := s.backend.count("") - calls; n != once {
				t.Errorf("TCB got %d calls, want %d", n, once)
			}
			// The late one's browser is where the first's is.
			for _, path := range []string{"/account", "/sign-in"} {
				if one, other := b.open(path), before.open(path); one.name() != other.name() {
					t.Errorf("%s is %q after the first, and %q after the second", path, one.name(), other.name())
				}
			}
			if !tt.ends {
				back, err := b.lax().try(http.MethodPost, action, values, nil)
				if err != nil || back.outcome() != first.outcome() {
					t.Errorf("going back: %s, want %s: %v", back.outcome(), first.outcome(), err)
				}
			}

			// At once, somewhere else.
			s = twiceSite(t)
			b = s.browser().on(t, s)
			action, values = tt.reach(s, b)
			onDevice(values)
			calls = s.backend.count("")
			var wg sync.WaitGroup
			got := make(chan string, 2)
			for range 2 {
				other := b.copy().lax()
				wg.Go(func() {
					p, err := other.try(http.MethodPost, action, values, nil)
					if err != nil {
						t.Error(err)
						got <- ""
						return
					}
					got <- p.outcome()
				})
			}
			wg.Wait()
			if one, other := <-got, <-got; one != first.outcome() || other != one {
				t.Errorf("at once: %s and %s, want %s", one, other, first.outcome())
			}
			if n := s.backend.count("") - calls; n != once {
				t.Errorf("at once: TCB got %d calls, want %d", n, once)
			}
		})
	}
}

// onDevice is a form as script fills it in: the device is the same in all sessions of a browser.
func onDevice(values url.Values) {
	if values.Has("device_id") {
		values.Set("device_id", strings.Repeat("d", 32))
	}
}

// lax is the browser without a look at each answer: copies of its cookies are no cookies of ours.
func (b *browser) lax() *browser {
	other := *b
	other.strict = false
	return &other
}

// TestRepeatedOnlyWithAll: what a POST came to goes to the same form alone, with the same cookie, for
// ten seconds, twice, and not after the sign-out.
func TestRepeatedOnlyWithAll(t *testing.T) {
	t.Parallel()
	s := twiceSite(t)
	sign := func() (b, before *browser, p *page, values url.Values) {
		b = s.browser()
		p = b.open("/sign-in")
		before = b.copy().lax()
		values = p.filled(fields{"username": "demo", "password": demoPassword})
		b.do(http.MethodPost, p.action(), values, nil).completed()
		return b, before, p, values
	}
	with := func(values url.Values, name, value string) url.Values {
		other := url.Values{}
		for k, v := range values {
			other[k] = v
		}
		other.Set(name, value)
		return other
	}
	calls := func() int { return s.backend.count("/v1/signin") }
	given := func(b *browser, action string, values url.Values) bool {
		t.Helper()
		n := calls()
		p, err := b.try(http.MethodPost, action, values, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p.name() == "complete" && calls() == n
	}
	b, before, p, values := sign()
	switch {
	case given(before.copy().lax(), p.action(), with(values, "password", "Wrong-pass-1")):
		t.Error("another password")
	case given(before.copy().lax(), p.action(), with(values, "username", demoEmail)):
		t.Error("another name")
	case given(before.copy().lax(), p.action()+"&x=1", values):
		t.Error("another address")
	case given(s.browser().lax(), p.action(), values):
		t.Error("another browser")
	}
	foreign := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}
	if got, err := before.copy().lax().try(http.MethodPost, p.action(), values, foreign); err != nil || got.status != http.StatusForbidden {
		t.Errorf("another site's form: status %d, %v", got.status, err)
	}
	if unsaid := before.copy().lax(); !given(func() *browser { unsaid.fetch = fetchNothing; return unsaid }(), p.action(), values) {
		t.Error("with its own token and no word of where it comes from")
	}
	unsaid := before.copy().lax()
	unsaid.fetch = fetchNothing
	if given(unsaid, p.action(), with(values, "csrf_token", "AAAA")) {
		t.Error("without its token")
	}
	b.open("/account").want(http.StatusOK, "account")

	_, before, p, values = sign()
	for i := range 3 {
		if got := given(before.copy().lax(), p.action(), values); got != (i < 2) {
			t.Errorf("for the time %d: %v", i+1, got)
		}
	}
	_, before, p, values = sign()
	s.clock.advance(repeatLife)
	if given(before.copy().lax(), p.action(), values) {
		t.Error("too late")
	}
	b, before, p, values = sign()
	b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	if given(before.copy().lax(), p.action(), values) {
		t.Error("after the sign-out")
	}
	// Who changes a name, and changes it back, has changed it twice.
	b, _, _, _ = sign()
	for _, name := range []string{"One", "Two", "One"} {
		b.submit(b.open("/account/profile"), fields{"name": name}).want(http.StatusOK, "account", "account.done.profile")
		if got := s.backend.user("demo").Name; got != name {
			t.Errorf("the name is %q, want %q", got, name)
		}
	}
}

// TestBackToTheCode: who goes back from the page that asks for a code, and sends the form again,
// gets there again. Another number is another code; a stranger has to wait.
func TestBackToTheCode(t *testing.T) {
	t.Parallel()
	s := twiceSite(t)
	for _, tt := range []struct {
		path       string
		typed      fields
		other, via string
	}{
		{"/sign-in/email", fields{"email": demoEmail}, "other@example.com", "via=email"},
		{"/sign-up", fields{"email": "new@example.com"}, "newer@example.com", "via=email"},
		{"/reset-password", fields{"email": demoEmail}, "third@example.com", "via=email"},
		{"/reset-password", fields{"email": "nobody@example.com"}, "fourth@example.com", "via=email"},
	} {
		b := s.browser()
		first := b.open(tt.path, tt.via)
		code := b.submit(first, tt.typed)
		s.clock.advance(2 * repeatLife)
		calls := s.backend.count("")
		again := b.submit(first, tt.typed)
		if again.status != http.StatusOK || again.name() != code.name() {
			t.Errorf("%s again: status %d, page %q, %q", tt.path, again.status, again.name(), again.keys())
			continue
		}
		if n := s.backend.count("") - calls; n != 0 {
			t.Errorf("%s again: %d calls of TCB", tt.path, n)
		}
		if wait := countdown(again); wait != "40" {
			t.Errorf("%s again: the page counts down from %s, want 40", tt.path, wait)
		}
		b.submit(first, fields{"email": tt.other}).want(http.StatusOK, code.name())
		stranger := s.browser().at("192.0.2.99")
		stranger.submit(stranger.open(tt.path, tt.via), tt.typed).want(http.StatusTooManyRequests, strings.TrimSuffix(code.name(), "-code"), "error.send_wait")
		s.clock.advance(time.Minute)
	}
}

// TestRepeatedIsNobodyElses: a page that was loaded since asks for something new, however alike it is
// filled: by whoever the app has signed in meanwhile, or by the same person whose login has ended.
func TestRepeatedIsNobodyElses(t *testing.T) {
	t.Parallel()
	s := twiceSite(t)
	press := func(b *browser, path string, typed fields, action string) *page {
		t.Helper()
		p := b.open(path)
		values := p.filled(typed)
		if action != "" {
			values.Set("action", action)
		}
		onDevice(values)
		return b.lax().do(http.MethodPost, p.action(), values, nil)
	}
	mei := s.otherPerson()
	elsewhere := s.browser()
	login := elsewhere.submit(elsewhere.open("/sign-in"), mei).completed()
	b, _ := s.signedIn(t)
	press(b, "/account/sessions", nil, "others")
	press(b, "/account/profile", fields{"name": "Somebody"}, "")
	status, out := b.handOver(b.open("/account"), map[string]string{"access_token": login.Credentials.AccessToken}, nil)
	if status != http.StatusOK || out.Sub != login.Credentials.Sub {
		t.Fatalf("%d %+v", status, out)
	}
	press(b, "/account/profile", fields{"name": "Somebody"}, "")
	if got := s.backend.user("hanmeimei").Name; got != "Somebody" {
		t.Errorf("the next person's name is %q: the answer was another's", got)
	}

	// The app ends a login at TCB, and the person signs in again.
	b = s.browser()
	sign := func() string {
		return press(b, "/sign-in", fields{"username": "demo", "password": demoPassword}, "").completed().Credentials.AccessToken
	}
	first := sign()
	client, err := s.cfg.NewAuth(s.cfg.Settings.Environments[0], s.cfg.Settings.Environments[0].Clients[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Revoke(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if again := sign(); again == first {
		t.Error("a sign-in brings a login that has ended")
	}

	// A click that comes late brings back no login that the app has dropped, or changed, since.
	for name, since := range map[string]map[string]string{
		"dropped": {}, "another's": {"access_token": login.Credentials.AccessToken},
	} {
		b = s.browser()
		p := b.open("/sign-in")
		values := p.filled(fields{"username": "demo", "password": demoPassword})
		before := b.copy().lax()
		b.do(http.MethodPost, p.action(), values, nil).completed()
		if status, out := b.handOver(b.open("/account"), since, nil); status != http.StatusOK {
			t.Fatalf("%s: %d %+v", name, status, out)
		}
		n := s.backend.count("/v1/signin")
		if late, err := before.try(http.MethodPost, p.action(), values, nil); err != nil || s.backend.count("/v1/signin") == n && late.name() == "complete" {
			t.Errorf("%s: a late click gets the login of before: %v", name, err)
		}
	}
}
