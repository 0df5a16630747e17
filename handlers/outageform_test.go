package handlers

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestOutageLosesNoForm: a form that TCB's being away stops before there is a page for it can be posted once
// more, with all that was typed, also in another language; and then it does what it was for.
func TestOutageLosesNoForm(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reach func(s *site, b *browser) *page
		typed fields
		press string
		done  string
	}{
		"profile":  {func(_ *site, b *browser) *page { return b.open("/account/profile") }, fields{"name": "Ada <b>", "birthdate": "1990-01-31"}, "", "account.done.profile"},
		"username": {func(_ *site, b *browser) *page { return b.stepUp("/account/username", demoPassword) }, fields{"username": "demo.new"}, "", "account.done.username"},
		"password": {func(_ *site, b *browser) *page { return b.stepUp("/account/password", demoPassword) }, fields{"new_password": "Quiet-river-7"}, "", "account.done.password"},
		"devices":  {func(_ *site, b *browser) *page { return b.open("/account/sessions") }, nil, "action=everywhere", ""},
		"step-up":  {func(_ *site, b *browser) *page { return b.open("/account/verify", "next=account-username") }, fields{"password": demoPassword}, "", ""},
		"code": {func(s *site, b *browser) *page {
			return b.submit(b.stepUp("/account/email", demoPassword), fields{"email": "new@example.com"}).want(http.StatusOK, "account-email-code")
		}, fields{"verification_code": "the one that was sent"}, "", "account.done.email"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b, _ := s.signedIn(t)
			b.t = t
			form := tt.reach(s, b)
			if _, asks := tt.typed["verification_code"]; asks {
				tt.typed = fields{"verification_code": s.backend.code("new@example.com")}
			}
			s.backend.refuse("/v1/user/me", http.StatusServiceUnavailable, "unavailable")
			post := func(p *page, typed fields) *page {
				if tt.press != "" && typed != nil {
					return b.press(p, tt.press, typed)
				}
				return b.submit(p, typed)
			}
			if tt.typed == nil {
				tt.typed = fields{}
			}
			p := post(form, tt.typed).want(http.StatusServiceUnavailable, "error", "error.unavailable").wantRetryAfter("60")
			for _, secret := range []string{demoPassword, "Quiet-river-7"} {
				if strings.Contains(p.body, secret) {
					t.Error("the page shows a password")
				}
			}
			p = b.press(p, "lang=zh-CN", nil).want(http.StatusServiceUnavailable, "error", "error.unavailable")
			if p.lang() != "zh-CN" {
				t.Errorf("the page is in %s", p.lang())
			}
			p = b.submit(p, nil).want(http.StatusServiceUnavailable, "error", "error.unavailable")
			s.backend.answer("", nil)
			if p = b.submit(p, nil); p.status != http.StatusOK || tt.done != "" && !p.has(tt.done) {
				t.Errorf("%d %s %s", p.status, p.name(), p.text())
			}
			switch name {
			case "profile":
				b.open("/account/profile").wantValue(tt.typed)
			case "devices":
				b.open("/account").want(http.StatusOK, "hand-off")
			case "step-up":
				p.want(http.StatusOK, "account-username")
			}
		})
	}
}

// TestOutageOfSomebodyElse: the form that waits in the page of an outage is still that person's alone.
func TestOutageOfSomebodyElse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	them := s.otherPerson()
	b, _ := s.signedIn(t)
	form := b.open("/account/profile")
	s.backend.refuse("/v1/user/me", http.StatusTooManyRequests, "resource_exhausted")
	p := b.submit(form, fields{"name": "Ada"}).want(http.StatusTooManyRequests, "error", "error.unavailable")
	s.backend.answer("", nil)
	sub := p.find(func(n *html.Node) bool { return attr(n, "name") == "sub" })
	if sub == nil || attr(sub, "value") == "" {
		t.Fatal("the form does not say whose it is")
	}
	b.submit(b.open("/sign-in", "prompt=login"), them).completed()
	b.submit(p, nil).want(http.StatusUnprocessableEntity, "account-profile", "error.other_person")
}

// TestOutageOfSwitch: who chose another language while TCB was away has pressed no button of the form: the
// page of the outage shows it again, in that language, and does not do what it is for.
func TestOutageOfSwitch(t *testing.T) {
	t.Parallel()
	for _, pressed := range []string{"lang=zh-CN", "action=captcha"} {
		t.Run(pressed, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b, _ := s.signedIn(t)
			b.t = t
			form := b.stepUp("/account/delete", demoPassword).want(http.StatusOK, "account-delete")
			typed := form.filled(fields{"confirm": "delete"})
			name, value, _ := strings.Cut(pressed, "=")
			typed.Set(name, value)
			s.backend.refuse("/v1/user/me", http.StatusServiceUnavailable, "unavailable")
			p := b.do(http.MethodPost, form.action(), typed, nil).want(http.StatusServiceUnavailable, "error", "error.unavailable")
			s.backend.answer("", nil)
			button := p.find(func(n *html.Node) bool { return n.Data == "button" && attr(n, "class") == "primary" })
			b.press(p, attr(button, "name")+"="+attr(button, "value"), nil).want(http.StatusOK, "account-delete").wantValue(fields{"confirm": "delete"})
			if len(s.backend.users("demo")) != 1 {
				t.Error("the account is gone")
			}
		})
	}
}

// TestOutageInCaptcha: the button that a captcha stood in the way of is the one that is pressed again.
func TestOutageInCaptcha(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	s.backend.refuse("/v1/user/revoke/all", http.StatusBadRequest, "captcha_required")
	asked := b.press(b.open("/account/sessions"), "action=everywhere", nil).want(http.StatusUnprocessableEntity, "account-sessions", "captcha.ask")
	s.backend.refuse("/v1/user/me", http.StatusServiceUnavailable, "unavailable")
	p := b.submit(asked, fields{"captcha_key": s.backend.key()}).want(http.StatusServiceUnavailable, "error", "error.unavailable")
	s.backend.answer("", nil)
	b.submit(p, nil).want(http.StatusOK, "interstitial")
}

// TestOutageTellsNoToken: the page of an outage holds no token that script has put into a form, and offers
// no form where another try cannot go well.
func TestOutageTellsNoToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b := s.browser()
	back := b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")).want(http.StatusOK, "provider-return")
	s.backend.refuse("/v1/provider/token", http.StatusServiceUnavailable, "unavailable")
	p := b.submit(back, nil).want(http.StatusServiceUnavailable, "error", "error.unavailable")
	if p.find(byTag("form")) != nil {
		t.Error("there is a form to be posted again, with a code that is used up")
	}
	s.backend.answer("", nil)
	signedIn, _ := s.signedIn(t)
	form := signedIn.open("/account/profile")
	values := form.filled(fields{"name": "Ada"})
	values.Set("access_token", "SECRET.ACCESS.TOKEN")
	values.Set("refresh_token", "SECRET-REFRESH")
	s.backend.refuse("/v1/user/me", http.StatusServiceUnavailable, "unavailable")
	p = signedIn.do(http.MethodPost, form.action(), values, nil).want(http.StatusServiceUnavailable, "error")
	if p.value("name") != "Ada" || strings.Contains(p.body, "SECRET") {
		t.Errorf("the page holds a token, or lacks what was typed: %s", p.body)
	}
}
