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
