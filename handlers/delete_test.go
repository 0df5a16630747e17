package handlers

import (
	"net/http"
	"slices"
	"testing"
)

func TestDelete(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	p := b.stepUp("/account/delete", demoPassword).want(http.StatusOK, "account-delete")
	p = b.submit(p, fields{"confirm": ""}).want(http.StatusUnprocessableEntity, "account-delete", "error.required.confirm")
	p = b.submit(p, fields{"confirm": "yes"}).want(http.StatusUnprocessableEntity, "account-delete", "account.delete.mistyped").wantValue(fields{"confirm": "yes"})
	s.backend.refuse("/v1/user/me", http.StatusServiceUnavailable, "unavailable")
	b.submit(p, fields{"confirm": "delete"}).want(http.StatusServiceUnavailable, "error")
	s.backend.answer("", nil)
	p = b.submit(p, fields{"confirm": "Delete"}).want(http.StatusOK, "goodbye")
	var where departure
	if p.script("departure", &where); where.To != "" || !slices.Equal(where.Forget, []string{"credentials_demo", "user_info_demo"}) {
		t.Errorf("%+v", where)
	}
	if p.link("app") != appPage {
		t.Errorf("the way back is %q", p.link("app"))
	}
	if len(s.backend.users("demo")) != 0 {
		t.Error("the account is still there")
	}
	b.open("/account").want(http.StatusOK, "hand-off")
}

const goodbyePath = "/account/goodbye"

// TestGoodbye: it can be loaded again, in another language too, by the browser that has deleted an
// account, for a while, and as long as nobody is signed in there.
func TestGoodbye(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	p := b.submit(b.stepUp("/account/delete", demoPassword), fields{"confirm": "delete"}).want(http.StatusOK, "goodbye")
	chinese := b.get(p.switched("zh-CN")).want(http.StatusOK, "goodbye")
	if chinese.lang() != "zh-CN" {
		t.Errorf("the link leads to a page in %q", chinese.lang())
	}
	b.get(chinese.switched("en")).want(http.StatusOK, "goodbye")
	s.browser().get(p.url.String()).want(http.StatusOK, "sign-in")
	b.open(goodbyePath).want(http.StatusOK, "sign-in")

	s.backend.register("new@example.com", "newcomer", demoPassword)
	b.submit(b.open("/sign-in"), fields{"username": "newcomer", "password": demoPassword}).completed()
	if again := b.get(p.url.String()); again.name() == "goodbye" {
		t.Error("it says goodbye to who has signed in since")
	}
}
