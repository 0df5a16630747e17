package emulator

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bound is the list of the providers that are bound.
func (f *fixture) bound(token string) map[string]string {
	f.t.Helper()
	got := map[string]string{}
	a := f.as(token, "GET", "/v1/user/provider", nil).ok()
	for _, one := range a.body["data"].([]any) {
		if one := one.(object); one["bind"] == true {
			got[one["id"].(string)] = one["provider_user_id"].(string)
		}
	}
	return got
}

func TestBinding(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	demo := f.signInDemo().str("access_token")
	bind := func(token, provider string) answer {
		return f.as(token, "POST", "/v1/user/provider/bind", object{"provider_token": provider})
	}
	list := f.as(demo, "GET", "/v1/user/provider", nil, "Accept-Language", "en-US").ok()
	want := object{"total": 3.0, "data": []any{
		object{"id": "demo", "name": "Demo identity provider", "provider_user_id": "", "provider_user_name": "", "bind": false},
		object{"id": "wx_mp", "name": "WeChat Official Account", "provider_user_id": "", "provider_user_name": "", "bind": false},
		object{"id": "wx_open", "name": "WeChat Open Platform", "provider_user_id": "", "provider_user_name": "", "bind": false},
	}}
	if diff := cmp.Diff(want, list.body); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	bind(demo, "x").fails("permission_denied")
	bind(demo, f.providerToken("demo", "sub", "a", "name", "Ann")).ok()
	bind(demo, f.providerToken("demo", "sub", "a")).ok() // once more is fine
	bind(demo, f.providerToken("demo", "sub", "b")).fails("failed_precondition")
	if diff := cmp.Diff(map[string]string{"demo": "a"}, f.bound(demo)); diff != "" {
		t.Errorf("bound: %s", diff)
	}
	other := f.signInProvider(f.providerToken("wx_open", "sub", "o-1")).ok()
	token := f.providerToken("wx_open", "sub", "o-1")
	refusal := bind(demo, token).fails("already_exists")
	if refusal.detail("provider_trans_token") != token {
		t.Errorf("details: %v", refusal.body)
	}

	// The last way to sign in stays.
	f.as(other.str("access_token"), "DELETE", "/v1/user/provider/wx_open", nil).fails("failed_precondition")
	f.as(demo, "DELETE", "/v1/user/provider/wx_open", nil).fails("not_found")
	f.as(demo, "DELETE", "/v1/user/provider/demo", nil).ok()
	if diff := cmp.Diff(map[string]string{}, f.bound(demo)); diff != "" {
		t.Errorf("bound: %s", diff)
	}

	// Taking over closes an account that has nothing else.
	trans := func(provider string, body object) answer {
		return f.as(demo, "POST", "/v1/user/provider/"+provider+"/trans", body)
	}
	trans("demo", object{"provider_trans_token": token}).fails("invalid_argument")
	trans("wx_open", object{"provider_trans_token": "x"}).fails("permission_denied")
	if got := trans("wx_open", object{"provider_trans_token": token}).ok().str("client_id"); got != "demo" {
		t.Errorf("client_id %s", got)
	}
	f.me(other.str("access_token")).fails("unauthenticated")
	if diff := cmp.Diff(map[string]string{"wx_open": "o-1"}, f.bound(demo)); diff != "" {
		t.Errorf("bound: %s", diff)
	}
	trans("wx_open", object{"provider_trans_token": f.providerToken("wx_open", "sub", "o-1")}).ok() // ours already
	trans("wx_open", object{"provider_trans_token": f.providerToken("wx_open", "sub", "o-2")}).ok() // nobody's: instead of the other
	if diff := cmp.Diff(map[string]string{"wx_open": "o-2"}, f.bound(demo)); diff != "" {
		t.Errorf("bound: %s", diff)
	}

	anonymous := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-1").ok().str("access_token")
	bind(anonymous, f.providerToken("demo")).fails("permission_denied")
	f.as(anonymous, "POST", "/v1/user/provider/demo/trans", object{}).fails("permission_denied")
	f.do("GET", "/auth/v1/user/provider?client_id=demo", "").fails("unauthenticated")
}

func TestTransByProvider(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	trans := func(token, provider string) answer {
		return f.as(token, "PATCH", "/v1/user/trans/by/provider", object{"provider_token": provider})
	}
	anonymous := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-1").ok()
	trans(anonymous.str("access_token"), "x").fails("permission_denied")
	up := trans(anonymous.str("access_token"), f.providerToken("demo", "sub", "a", "name", "Ann")).ok() // nobody's: it becomes theirs
	if up.str("sub") != anonymous.str("sub") || up.str("scope") != "user" {
		t.Errorf("got %v", up.body)
	}
	f.me(anonymous.str("access_token")).fails("unauthenticated")
	if got := f.me(up.str("access_token")).str("name"); got != "Ann" {
		t.Errorf("name %q", got)
	}
	demo := f.signInDemo()
	over := trans(demo.str("access_token"), f.providerToken("demo", "sub", "a")).ok() // somebody's: over to them
	if over.str("sub") != up.str("sub") {
		t.Errorf("got %s, want %s", over.str("sub"), up.str("sub"))
	}
	f.me(demo.str("access_token")).fails("unauthenticated")
	trans(over.str("access_token"), f.providerToken("demo", "sub", "b")).fails("failed_precondition")
	f.setStatus(up.str("sub"), "BLOCKED")
	trans(f.signInDemo().str("access_token"), f.providerToken("demo", "sub", "a")).fails("user_blocked")
}
