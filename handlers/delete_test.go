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
