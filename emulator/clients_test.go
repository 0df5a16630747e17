package emulator

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClientControls(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	list := func(query string) []any {
		t.Helper()
		return f.do("GET", "/__emulator/clients"+query, "").ok().body["clients"].([]any)
	}
	want := []any{
		object{"env": "demo", "id": "app", "has_secret": true, "redirect_uris": []any{}},
		object{"env": "demo", "id": "demo", "has_secret": false, "redirect_uris": []any{}},
	}
	if diff := cmp.Diff(want, list("?env=demo")); diff != "" {
		t.Error(diff)
	}
	made := f.do("PUT", "/__emulator/clients/mobile", `{"env": "west", "secret": "s", "redirect_uris": ["https://app.example.com/cb"]}`).ok()
	if diff := cmp.Diff(object{"env": "west", "id": "mobile", "has_secret": true, "redirect_uris": []any{"https://app.example.com/cb"}}, made.body); diff != "" {
		t.Error(diff)
	}
	right := object{"username": demoUsername, "password": demoPassword, "client_secret": "s"}
	token := f.post("/v1/signin?client_id=mobile", right).ok().str("access_token")
	right["client_secret"] = "wrong"
	f.post("/v1/signin?client_id=mobile", right).fails("unauthorized_client")
	if changed := f.do("PUT", "/__emulator/clients/mobile", `{"redirect_uris": []}`).ok(); changed.body["has_secret"] != true || changed.str("env") != "west" {
		t.Errorf("a change takes what it does not name: %v", changed.body)
	}
	for path, body := range map[string]string{
		"mobile": `{"env": "demo"}`, "x": `{"env": "nowhere"}`, "y": `{"redirect_uris": ["/cb"]}`, "z": `{"name": "x"}`, "a%20b": `{}`, "b": "",
	} {
		f.do("PUT", "/__emulator/clients/"+path, body).fails("invalid_argument")
	}
	f.do("DELETE", "/__emulator/clients/mobile", "").ok()
	f.me(token).fails("unauthenticated")
	f.post("/v1/signin?client_id=mobile", object{}).fails("unauthorized_client")
	f.do("DELETE", "/__emulator/clients/mobile", "").fails("not_found")
	f.do("DELETE", "/__emulator/clients/west", "").fails("failed_precondition")
	// Made again, the client does not bring back logins of before.
	f.do("PUT", "/__emulator/clients/mobile", `{"env": "west"}`).ok()
	f.me(token).fails("unauthenticated")
	f.do("DELETE", "/__emulator/clients/app", "").ok()
	f.do("POST", "/__emulator/reset", "").ok()
	if diff := cmp.Diff(want, list("?env=demo")); diff != "" || len(list("")) != 3 {
		t.Errorf("after a reset: %s", diff)
	}
}
