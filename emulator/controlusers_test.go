package emulator

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// signIn signs in by password.
func (f *fixture) signIn(username, password string) answer {
	f.t.Helper()
	return f.post("/v1/signin", object{"username": username, "password": password})
}

// newUserByControls makes a user of the environment "demo".
func (f *fixture) newUserByControls(body string) answer {
	f.t.Helper()
	a := f.do("POST", "/__emulator/users", body)
	if a.status != 201 {
		f.t.Fatalf("%s: got %d %v, want 201", a.what, a.status, a.body)
	}
	return a
}

func TestUserControls(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	sub := f.newUserByControls(`{"username": "wang", "password": "Wang-pass-1", "email": "Wang@Example.com", "phone_number": "+86 13800000000",
		"name": "王", "picture": "https://example.com/p.png", "gender": "FEMALE", "groups": ["admin", "staff"], "status": "ACTIVE",
		"providers": [{"id": "demo", "provider_user_id": "w1", "name": "W", "email": "w@example.org"}]}`).str("sub")
	token := f.signIn("wang", "Wang-pass-1").ok().str("access_token")
	me := f.me(token).ok()
	want := object{
		"name": "王", "email": "wang@example.com", "phone_number": "+86 13800000000", "gender": "FEMALE", "picture": "https://example.com/p.png",
		"groups":    []any{object{"id": "admin"}, object{"id": "staff"}},
		"providers": []any{object{"id": "demo", "provider_user_id": "w1", "name": "W", "meta": object{}}},
	}
	for key, value := range want {
		if diff := cmp.Diff(value, me.body[key]); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}

	one := "/__emulator/users/" + sub
	if diff := cmp.Diff(f.do("GET", "/__emulator/users.json?sub="+sub, "").ok().body["users"].([]any)[0], any(f.do("GET", one, "").ok().body)); diff != "" {
		t.Errorf("listed and alone: %s", diff)
	}
	// A change is of what it names.
	changed := f.do("PUT", one, `{"username": "lin", "email": "", "groups": []}`).ok()
	if changed.str("username") != "lin" || changed.str("email") != "" || changed.str("phone_number") == "" || changed.body["has_password"] != true {
		t.Errorf("changed: %v", changed.body)
	}
	f.signIn("wang", "Wang-pass-1").fails("not_found")
	f.signIn("lin", "Wang-pass-1").ok()
	f.do("PUT", one, `{"password": "Other-pass-1"}`).ok()
	f.signIn("lin", "Wang-pass-1").fails("invalid_password")
	f.signIn("lin", "Other-pass-1").ok()
	f.do("PUT", one, `{"password": ""}`).ok()
	f.signIn("lin", "Other-pass-1").fails("password_not_set")
	f.do("PUT", one, `{"providers": []}`).ok()
	if got := f.me(token).ok().body["providers"]; len(got.([]any)) != 0 {
		t.Errorf("providers: %v", got)
	}

	f.do("DELETE", one, "").ok()
	f.do("DELETE", one, "").fails("not_found")
	f.do("GET", one, "").fails("not_found")
	f.do("PUT", one, `{"name": "x"}`).fails("not_found")
	f.me(token).fails("unauthenticated")
}

func TestUserControlRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newUserByControls(`{"username": "wang", "email": "wang@example.com", "phone_number": "+86 13800000000", "providers": [{"id": "demo", "provider_user_id": "w1"}]}`)
	sub := f.newUserByControls(`{"sub": "42", "username": "lin"}`).str("sub")
	one := "/__emulator/users/" + sub
	for body, code := range map[string]string{
		"": "invalid_argument", "{}": "invalid_argument", `{"name": "x"}`: "invalid_argument", `{"username": "x y"}`: "invalid_argument",
		`{"username": "new", "pass": "x"}`: "invalid_argument", `{"username": "new", "env": "nowhere"}`: "invalid_argument",
		`{"username": "WANG"}`: "already_exists", `{"email": "Wang@example.com"}`: "already_exists", `{"phone_number": "+86 13800000000"}`: "already_exists",
		`{"providers": [{"id": "demo", "provider_user_id": "w1"}]}`: "already_exists", `{"username": "new", "sub": "42"}`: "already_exists",
	} {
		f.do("POST", "/__emulator/users", body).fails(code)
	}
	for body, code := range map[string]string{
		"": "invalid_argument", "{}": "invalid_argument", `{"username": ""}`: "invalid_argument", `{"sub": "43"}`: "invalid_argument",
		`{"env": "west"}`: "invalid_argument", `{"email": "wang@example.com"}`: "already_exists", `{"password": "short"}`: "invalid_argument",
		`{"providers": [{"id": "demo", "provider_user_id": "w1"}]}`: "already_exists",
	} {
		f.do("PUT", one, body).fails(code)
	}
	if a := f.do("POST", "/__emulator/users", "{\n  \"username\": \"new\",\n  \"email\": \"x\"}", "Accept-Language", "en-US"); a.detail("line") != 3.0 ||
		!strings.Contains(a.str("error_description"), "line 3, column 12: email: want an address") {
		t.Errorf("where it is wrong: %v", a.body)
	}
	// Nobody gets a name that way who signed in without one.
	anonymous := f.post("/v1/signin/anonymously", object{}, "x-device-id", "device-12345678901234").ok().str("sub")
	f.do("PUT", "/__emulator/users/"+anonymous, `{"username": "somebody"}`).fails("invalid_argument")
	f.do("PUT", "/__emulator/users/"+anonymous, `{"status": "BLOCKED"}`).ok()
	// Two environments can have one sub.
	f.do("POST", "/__emulator/users?env=west", `{"sub": "42", "username": "lin"}`)
	f.do("GET", one, "").fails("invalid_argument")
	f.do("DELETE", one, "").fails("invalid_argument")
	if got := f.do("GET", one+"?env=west", "").ok().str("env"); got != "west" {
		t.Errorf("env %q", got)
	}
	f.do("DELETE", one+"?env=west", "").ok()
	f.do("GET", one, "").ok()
}

func TestUserList(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, body := range []string{
		`{"username": "wang", "name": "王 Fang", "email": "fang@example.com"}`, `{"phone_number": "+86 13800000001", "name": "100%"}`,
		`{"email": "lin@example.com", "sub": "lin-1"}`,
	} {
		f.newUserByControls(body)
	}
	for query, want := range map[string]int{
		"q=fang": 1, "q=FANG": 1, "q=王": 1, "q=example.com": 4, "q=138": 1, "q=%2B86 138": 1, "q=lin-": 1, "q=100%25": 1, "q=_": 0, "q=nobody": 0,
		"q=example.com&env=demo": 3, "limit=2": 2, "limit=2&offset=4": 1, "offset=9": 0, "limit=0": 0, "limit=99999": 5,
	} {
		query = strings.ReplaceAll(query, " ", "%20")
		a := f.do("GET", "/__emulator/users.json?"+strings.ReplaceAll(query, "王", url.QueryEscape("王")), "").ok()
		if got := len(a.body["users"].([]any)); got != want {
			t.Errorf("%s: %d users, want %d", query, got, want)
		}
		if total := a.body["total"].(float64); strings.HasPrefix(query, "limit") && total != 5 {
			t.Errorf("%s: %v in all", query, total)
		}
	}
	for _, bad := range []string{"limit=-1", "limit=x", "offset=99999999999"} {
		f.do("GET", "/__emulator/users.json?"+bad, "").fails("invalid_argument")
	}
}
