package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tcb-login/config"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/web"
)

// Every form of every page is posted twice. Which there are the router says: a form without a case
// here fails TestEveryPostTwice. The cases of the portal are in twiceportal_test.go.

// A twiceForm is a form to be posted twice.
type twiceForm struct {
	name  string
	reach func(s *site, b *browser) (action string, values url.Values)
	ends  bool // the login, so that nobody gets anything under the next session
	again bool // each POST means something of its own, and asks TCB anew
	site  func(*siteConfig)
}

// twiceNot are the POSTs that no form makes.
var twiceNot = map[string]string{
	"/session":           "a hand-off by script: TestHandOffTwiceAtOnce",
	"/sign-in/qr/status": "a question of script's, which asks again and again",
}

// twiceSite has a way in of each kind.
func (f *twiceForm) newSite(t *testing.T) *site {
	s := newSite(t, twiceChanges, func(c *siteConfig) {
		if f.site != nil {
			f.site(c)
		}
	})
	s.backend.captcha("never")
	s.backend.register(knownPhone, "phoned", "Phone-pass-1")
	return s
}

func twiceSite(t *testing.T) *site { return (&twiceForm{}).newSite(t) }

func twiceChanges(c *siteConfig) {
	c.logins = config.BuiltInPages(c.settings)
	login := twicePage(c)
	login.Methods = append(login.Methods, loginpage.SignInMethod{ID: "demo", Label: "Demo provider"})
	login.Anonymous = true
	login.Registration = loginpage.RegistrationSplit
}

// twicePage is the login page of the cases.
func twicePage(c *siteConfig) *loginpage.Page {
	return c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion})
}

// registersByCode has a code lead to an account, where there is none, by way of the details.
func registersByCode(c *siteConfig) {
	login := twicePage(c)
	login.Registration = loginpage.RegistrationAuto
	login.SignUpFields = []loginpage.SignUpField{{Name: loginpage.SignUpName, Required: true}}
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

// twiceForms are all forms, with each button that does something else.
func twiceForms() []twiceForm {
	return slices.Concat(twiceEntries(), twiceCodes(), twiceDemands(), twiceQR(), twicePortal(), twiceContacts(), twiceIdentities())
}

// opened is a form of a page as it opens.
func opened(name, path string, typed fields, more ...string) twiceForm {
	return twiceForm{name: name, reach: func(_ *site, b *browser) (string, url.Values) {
		return filledWith(typed)(b.open(path, more...))
	}}
}

// coded is a form with a code that was sent.
func coded(name, path, to string, typed fields) twiceForm {
	return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
		p := sendCode(b, path, typed)
		return filledWith(fields{"verification_code": s.backend.code(to)})(p)
	}}
}

// afterCode is the form that comes after the right code.
func afterCode(name, path, to string, typed, last fields, action ...string) twiceForm {
	return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
		p := sendCode(b, path, typed)
		p = b.submit(p, fields{"verification_code": s.backend.code(to)})
		return filledWith(last, action...)(p)
	}}
}

// pressedAgain is the form of a page whose code was right when TCB failed.
func pressedAgain(name, path, to string, typed fields, call string) twiceForm {
	return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
		p := sendCode(b, path, typed)
		s.backend.refuse(call, http.StatusServiceUnavailable, "unavailable")
		p = b.submit(p, fields{"verification_code": s.backend.code(to)})
		s.backend.answer("", nil)
		return filledWith(nil)(p)
	}}
}

// onSite is the case on another site.
func (f twiceForm) onSite(change func(*siteConfig)) twiceForm {
	f.site = change
	return f
}

func (f twiceForm) ending() twiceForm {
	f.ends = true
	return f
}

func (f twiceForm) each() twiceForm {
	f.again = true
	return f
}

// twiceEntries are the ways in, and out.
func twiceEntries() []twiceForm {
	password := fields{"username": "demo", "password": demoPassword}
	return []twiceForm{
		opened("password", "/sign-in", password),
		{name: "password with a captcha", reach: func(s *site, b *browser) (string, url.Values) {
			s.backend.captcha("always")
			p := b.submit(b.open("/sign-in"), password).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
			return filledWith(fields{"captcha_key": s.backend.key()})(p)
		}},
		opened("SMS", "/sign-in/sms", fields{"phone_country": "CN", "phone_number": "13900000001"}),
		opened("email", "/sign-in/email", fields{"email": demoEmail}),
		opened("email that TCB withholds", "/sign-in/email", fields{"email": "nobody@example.com"}),
		opened("sign-up", "/sign-up", fields{"email": "one@example.com"}, "via=email"),
		opened("reset", "/reset-password", fields{"email": demoEmail}, "via=email"),
		{name: "without an account", reach: func(s *site, b *browser) (string, url.Values) {
			p := b.open("/sign-in")
			return s.base + "/anonymous?" + p.url.RawQuery, p.filled(nil)
		}},
		{name: "without an account, with a captcha", reach: func(s *site, b *browser) (string, url.Values) {
			s.backend.refuse("/v1/signin/anonymously", http.StatusBadRequest, "captcha_required")
			p := b.pressWay(b.open("/sign-in"), "anonymous", nil).want(http.StatusUnprocessableEntity, "anonymous", "captcha.ask")
			s.backend.answer("", nil)
			return filledWith(fields{"captcha_key": s.backend.key()})(p)
		}},
		{name: "to a provider, with a captcha", reach: func(s *site, b *browser) (string, url.Values) {
			s.backend.refuse("/v1/provider/uri", http.StatusBadRequest, "captcha_required")
			p := b.toProvider(b.open("/sign-in"), "demo").want(http.StatusUnprocessableEntity, "provider", "captcha.ask")
			s.backend.answer("", nil)
			return filledWith(fields{"captcha_key": s.backend.key()})(p)
		}},
		{name: "password, back from TCB's captcha page", site: withCaptchaPage, reach: func(s *site, b *browser) (string, url.Values) {
			s.backend.captcha("always")
			back := b.atCaptchaPage(b.submit(b.open("/sign-in"), password), "solve")
			return filledWith(nil)(b.get(back).want(http.StatusOK, "captcha-return"))
		}},
		{name: "to a provider, back from TCB's captcha page", site: withCaptchaPage, reach: func(s *site, b *browser) (string, url.Values) {
			s.backend.captcha("always")
			s.backend.refuse("/v1/provider/uri", http.StatusBadRequest, "captcha_required")
			back := b.atCaptchaPage(b.toProvider(b.open("/sign-in"), "demo"), "solve")
			s.backend.answer("", nil)
			return filledWith(nil)(b.get(back).want(http.StatusOK, "captcha-return"))
		}},
		{name: "to a provider", again: true, reach: func(s *site, b *browser) (string, url.Values) {
			p := b.open("/sign-in")
			return s.base + "/provider/demo?" + p.url.RawQuery, p.filled(nil)
		}},
		{name: "back from a provider", reach: func(_ *site, b *browser) (string, url.Values) {
			p := b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", ""))
			return filledWith(nil)(p)
		}},
		{name: "back from a provider, unknown there", reach: func(s *site, b *browser) (string, url.Values) {
			s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
			p := b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", ""))
			return filledWith(nil)(p)
		}},
		{name: "password of who came by an identity", reach: func(s *site, b *browser) (string, url.Values) {
			s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
			p := b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-1", "").want(http.StatusOK, "provider-unknown")
			return filledWith(password)(b.click(p, "sign-in"))
		}},
		mine("sign-out", "/sign-out", false, nil).ending(),
		{name: "agreement of who goes on", site: agreed, reach: func(s *site, b *browser) (string, url.Values) {
			other := s.browser()
			login := other.submit(other.open("/sign-in"), fields{"username": "demo", "password": demoPassword, "agreement": "yes"}).completed()
			b.handOver(b.open("/account"), map[string]string{"access_token": login.Credentials.AccessToken}, nil)
			return filledWith(fields{"agreement": "yes"})(b.open("/continue").want(http.StatusOK, "continue"))
		}},
		{name: "a code for an app", reach: func(s *site, b *browser) (string, url.Values) {
			return filledWith(nil)(s.codeApp(b.t, "demo").signIn(b))
		}},
		{name: "no code for an app", reach: func(s *site, b *browser) (string, url.Values) {
			return filledWith(nil, "deny")(s.codeApp(b.t, "demo").signIn(b))
		}},
	}
}

// agreed is a page with an agreement.
func agreed(c *siteConfig) { twicePage(c).Agreements = []loginpage.Agreement{{Label: "Terms"}} }

// twiceCodes are the forms after a code was sent, but those of the portal.
func twiceCodes() []twiceForm {
	phone, email := fields{"phone_country": "CN", "phone_number": "13800138000"}, fields{"email": demoEmail}
	fresh := func(name string) fields { return fields{"email": name + "@example.com"} }
	button := func(name, path string, typed fields, action string) twiceForm {
		return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
			p := sendCode(b, path, typed)
			s.clock.advance(time.Minute)
			return filledWith(nil, action)(p)
		}}
	}
	guest := func(name string, action ...string) twiceForm {
		return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
			b.pressWay(b.open("/sign-in"), "anonymous", nil).completed()
			p := b.submit(b.open("/sign-up", "via=email"), fresh("guest"))
			p = b.submit(p, fields{"verification_code": s.backend.code("guest@example.com")})
			if !p.has("details.anonymous") {
				b.t.Fatalf("page %q, %q: nobody is named", p.name(), p.keys())
			}
			return filledWith(nil, action...)(p)
		}}
	}
	identity := func(name string, action ...string) twiceForm {
		return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
			s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
			p := b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-1", "").want(http.StatusOK, "provider-unknown")
			p = b.submit(b.click(b.click(p, "sign-up"), "via-email"), fresh("named"))
			p = b.submit(p, fields{"verification_code": s.backend.code("named@example.com")}).want(http.StatusOK, "sign-up-details", "provider.signing_up")
			return filledWith(nil, action...)(p)
		}}
	}
	return []twiceForm{
		coded("code by SMS", "/sign-in/sms", knownPhone, phone),
		coded("code by email", "/sign-in/email", demoEmail, email),
		button("another code", "/sign-in/email", email, "resend"),
		button("another address", "/sign-in/email", email, "change"),
		pressedAgain("code by SMS, again", "/sign-in/sms", knownPhone, phone, "/v1/signin"),
		pressedAgain("code by email, again", "/sign-in/email", demoEmail, email, "/v1/signin"),
		afterCode("code by SMS, details", "/sign-in/sms", "+86 13600136000", fields{"phone_country": "CN", "phone_number": "13600136000"}, fields{"name": "New"}).onSite(registersByCode),
		afterCode("code by email, details", "/sign-in/email", "new@example.com", fresh("new"), fields{"name": "New"}).onSite(registersByCode),
		coded("sign-up, code", "/sign-up", "two@example.com", fresh("two")),
		afterCode("sign-up, details", "/sign-up", "three@example.com", fresh("three"), fields{"username": "three", "name": "Three", "password": "Quiet-river-7"}),
		afterCode("sign-up of who has an account", "/sign-up", knownPhone, phone, nil),
		guest("sign-up of a guest"),
		guest("sign-up of somebody else than the guest", web.ActionNotMine),
		identity("sign-up with an identity"),
		identity("sign-up without the identity", web.ActionNotMe),
		coded("reset, code", "/reset-password", demoEmail, email),
		afterCode("reset, new password", "/reset-password", demoEmail, email, fields{"new_password": "Quiet-river-7"}),
	}
}

// twiceDemands are the forms of what TCB wants besides a password.
func twiceDemands() []twiceForm {
	half := func(s *site, b *browser) *page {
		s.backend.register(bothEmail, "both", bothPassword)
		s.backend.bind("both", bothPassword, bothPhone)
		s.backend.wantFactor()
		return b.half("both", bothPassword)
	}
	return []twiceForm{
		{name: "second factor, send", reach: func(s *site, b *browser) (string, url.Values) {
			return filledWith(nil)(half(s, b))
		}},
		{name: "second factor, code", reach: func(s *site, b *browser) (string, url.Values) {
			p := b.submit(half(s, b), nil).want(http.StatusOK, "second-factor-code")
			return filledWith(fields{"verification_code": s.backend.code(bothPhone)})(p)
		}},
		{name: "second factor, again", reach: func(s *site, b *browser) (string, url.Values) {
			p := b.submit(half(s, b), nil).want(http.StatusOK, "second-factor-code")
			s.backend.refuse("/v1/signin", http.StatusServiceUnavailable, "unavailable")
			p = b.submit(p, fields{"verification_code": s.backend.code(bothPhone)})
			s.backend.answer("", nil)
			return filledWith(nil)(p)
		}},
		{name: "password that wants a second factor", reach: func(s *site, b *browser) (string, url.Values) {
			half(s, s.browser())
			s.clock.advance(repeatLife)
			return filledWith(fields{"username": "both", "password": bothPassword})(b.open("/sign-in"))
		}},
		{name: "forced change", reach: func(s *site, b *browser) (string, url.Values) {
			s.backend.wantChange()
			return filledWith(fields{"new_password": "Quiet-river-7"})(b.toChange("demo", demoPassword))
		}},
	}
}

// twiceQR are the forms of a mini program's code.
func twiceQR() []twiceForm {
	button := func(to, decision string) func(s *site, b *browser) (string, url.Values) {
		return func(s *site, b *browser) (string, url.Values) {
			p := b.showQR()
			if decision != "" {
				_, phone := s.backend.phone(b.t)
				s.backend.onPhone(b.t, phone, decision, "openid-1")
			}
			s.clock.advance(2 * time.Second)
			node := p.find(func(n *htmlNode) bool { return n.Data == "button" && attr(n, "data-to") == to })
			return p.resolve(attr(node, "formaction")), p.filled(nil)
		}
	}
	return []twiceForm{
		{name: "QR code", site: withQR, reach: func(_ *site, b *browser) (string, url.Values) {
			return filledWith(nil)(b.open("/sign-in/qr").want(http.StatusOK, "qr"))
		}},
		{name: "QR code, another", site: withQR, reach: button("new", "")},
		{name: "QR code, check", site: withQR, reach: button("check", "allow")},
		{name: "QR code, enter", site: withQR, reach: button("enter", "allow")},
	}
}

// posts notes which forms were posted, by the row of the router and the form's name.
type posts struct {
	mu   sync.Mutex
	seen map[string]bool
	ran  int
}

func (p *posts) note(rows []row, s *site, action string, values url.Values) {
	u, _ := url.Parse(action)
	path := strings.TrimPrefix(u.Path, s.base)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ran++
	for _, r := range rows {
		if r.Post != nil && (r.Path == path || r.at() == path) {
			p.seen[r.Path+" "+values.Get("form")] = true
			p.seen[r.Path] = true
			return
		}
	}
}

// missing are the forms that no case has posted.
func (p *posts) missing(rows []row) (missing []string) {
	for _, r := range rows {
		if r.Post == nil || twiceNot[r.Path] != "" {
			continue
		}
		if !p.seen[r.Path] {
			missing = append(missing, r.Path)
		}
		for form := range r.Forms {
			elsewhere := slices.ContainsFunc(rows, func(o row) bool { return p.seen[o.Path+" "+form] })
			if !p.seen[r.Path+" "+form] && !elsewhere {
				missing = append(missing, r.Path+" "+form)
			}
		}
	}
	slices.Sort(missing)
	return missing
}
