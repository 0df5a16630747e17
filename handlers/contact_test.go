package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestContact(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.register("taken@example.com", "taken", "Quiet-river-7")
	b, _ := s.signedIn(t)
	b.stepUp("/account/email", demoPassword)
	p := b.open("/account/email").want(http.StatusOK, "account-email")
	for _, same := range []string{demoEmail, strings.ToUpper(demoEmail)} {
		b.submit(p, fields{"email": same}).want(http.StatusUnprocessableEntity, "account-email", "account.email.same")
	}
	b.submit(p, fields{"email": "x"}).want(http.StatusUnprocessableEntity, "account-email", "error.email")
	p = b.submit(p, fields{"email": "new@example.com"}).want(http.StatusOK, "account-email-code")
	p = b.press(p, "lang=zh-CN", nil).want(http.StatusOK, "account-email-code")
	b.submit(p, fields{"verification_code": s.backend.code("new@example.com")}).want(http.StatusOK, "account", "account.done.email")
	if got := s.backend.user("demo").Email; got != "new@example.com" {
		t.Errorf("the address is %s", got)
	}
	p = b.open("/account/phone").want(http.StatusOK, "account-phone")
	p = b.submit(p, fields{"phone_country": "CN", "phone_number": "13900139000"}).want(http.StatusOK, "account-phone-code")
	b.submit(p, fields{"verification_code": s.backend.code(newPhone)}).want(http.StatusOK, "account", "account.done.phone")

	// Another account has it: nothing happens that was not chosen.
	conflict := func() *page {
		t.Helper()
		s.clock.advance(61 * time.Second)
		p := b.submit(b.open("/account/email"), fields{"email": "taken@example.com"}).want(http.StatusOK, "account-email-code")
		return b.submit(p, fields{"verification_code": s.backend.code("taken@example.com")}).want(http.StatusOK, "account-email-conflict")
	}
	p = conflict()
	calls := s.backend.count("/v1/user/contact")
	p = b.submit(p, fields{"conflict_resolution": ""}).want(http.StatusUnprocessableEntity, "account-email-conflict", "account.conflict.none")
	b.submit(p, fields{"conflict_resolution": "DEFAULT"}).want(http.StatusOK, "account")
	if s.backend.count("/v1/user/contact") != calls {
		t.Error("leaving everything as it is has called TCB")
	}
	// What may be the end of the other account wants the word, as the deletion of one's own does.
	for _, choice := range []string{"TRANSFER", "DELETE_ACCOUNT_TRANSFER"} {
		p = b.submit(conflict(), fields{"conflict_resolution": choice}).want(http.StatusUnprocessableEntity, "account-email-conflict", "error.required.confirm")
		p = b.submit(p, fields{"confirm": "yes"}).want(http.StatusUnprocessableEntity, "account-email-conflict", "account.delete.mistyped")
		p = b.press(p, "lang=en", nil).wantValue(fields{"confirm": "yes"})
		p = b.submit(p, fields{"confirm": "注销账号"}).want(http.StatusUnprocessableEntity, "account-email-conflict", "account.delete.mistyped")
		b.press(p, "lang=zh-CN", nil)
	}
	if s.backend.count("/v1/user/contact") != calls {
		t.Error("TCB is called without the word")
	}
	b.submit(conflict(), fields{"conflict_resolution": "TRANSFER", "confirm": "注销账号"}).want(http.StatusOK, "account", "account.done.email")
	if mine, other := s.backend.user("demo"), s.backend.users("taken"); mine.Email != "taken@example.com" || len(other) != 1 || other[0].Email != "" {
		t.Errorf("%+v and %+v", mine, other)
	}

	// In another region there are no text messages.
	north := newSite(t, func(c *siteConfig) {
		c.backend = s.backend
		c.settings.Environments[0].Region = "ap-guangzhou"
		c.clock = s.clock
	})
	b, _ = north.signedIn(t)
	b.open("/account/phone").want(http.StatusNotFound, "error", "error.disabled")
}
