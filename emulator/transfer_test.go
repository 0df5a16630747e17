package emulator

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/emulator/seed"
)

// soleFixture has the one environment "shop" with these users.
func soleFixture(t *testing.T, change func(*Config)) *fixture {
	t.Helper()
	c := &clock{t: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	cfg := Config{
		Path: filepath.Join(t.TempDir(), "emulator.db"), Now: c.now, CheapPasswords: true, signingKey: testKey(),
		Environments: []Environment{{ID: "shop"}},
	}
	change(&cfg)
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return serveFixture(t, e, c)
}

// Who could sign in before an export can after an import elsewhere, in the same ways.
func TestExportAndImport(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newUserByControls(`{"username": "wang", "password": "Wang-pass-1", "email": "wang@example.com", "password_initial": false,
		"providers": [{"id": "demo", "provider_user_id": "w1", "name": "W", "meta": {"unionid": "u"}}], "groups": ["admin"]}`)
	f.newUserByControls(`{"phone_number": "+86 13800000000", "status": "BLOCKED"}`)
	f.post("/v1/signin/anonymously", object{}, "x-device-id", "device-12345678901234").ok()
	exported := f.do("GET", "/__emulator/export?env=demo", "")
	if exported.status != 200 || exported.header.Get("Content-Disposition") != `attachment; filename="users-demo.json"` {
		t.Fatalf("export: %d %v", exported.status, exported.header)
	}
	file := encode(t, exported.body)
	for _, secret := range []string{"Wang-pass-1", demoPassword, `"password":`, `"env":`} {
		if strings.Contains(file, secret) {
			t.Errorf("the export has %s", secret)
		}
	}
	other := soleFixture(t, func(*Config) {})
	done := other.do("POST", "/__emulator/import", file).ok()
	if diff := cmp.Diff(object{"created": 2.0, "changed": 1.0}, done.body); diff != "" { // the demo user is there already
		t.Error(diff)
	}
	signIn := func(username, password string) answer {
		return other.do("POST", "/auth/v1/signin?client_id=shop", encode(t, object{"username": username, "password": password}))
	}
	for _, name := range []string{"wang", "wang@example.com"} {
		signIn(name, "Wang-pass-1").ok()
		signIn(name, "Wang-pass-2").fails("invalid_password")
	}
	signIn(demoUsername, demoPassword).ok()
	if diff := cmp.Diff(exported.body, other.do("GET", "/__emulator/export", "").ok().body); diff != "" {
		t.Errorf("exported again: %s", diff)
	}
	if diff := cmp.Diff(object{"created": 0.0, "changed": 3.0}, other.do("POST", "/__emulator/import", file).ok().body); diff != "" {
		t.Errorf("imported again: %s", diff)
	}
	all := f.do("GET", "/__emulator/export", "").ok() // of both environments, who then say which
	if users := all.body["users"].([]any); len(users) != 4 || users[0].(object)["env"] == nil {
		t.Errorf("export of all: %v", users)
	}
	f.do("GET", "/__emulator/export?env=nowhere", "").fails("not_found")
}

// An export can be taken back in whatever its users have become since: what they had went to others of them,
// in a ring, and to somebody who has another id in the file.
func TestImportAfterSwaps(t *testing.T) {
	t.Parallel()
	f := soleFixture(t, func(*Config) {})
	people := []string{
		`{"sub": "one", "username": "an", "email": "an@example.com", "phone_number": "+86 13800000001", "password": "First-pass-1", "providers": [{"id": "demo", "provider_user_id": "p1"}]}`,
		`{"sub": "two", "username": "bo", "email": "bo@example.com", "phone_number": "+86 13800000002", "password": "Other-pass-1", "providers": [{"id": "demo", "provider_user_id": "p2"}]}`,
		`{"sub": "three", "username": "cy", "email": "cy@example.com"}`,
	}
	for _, one := range people {
		f.clock.advance(time.Second) // which the order of an export is by
		f.newUserByControls(one)
	}
	exported := f.do("GET", "/__emulator/export", "").ok()
	file := encode(t, exported.body)
	login := f.do("POST", "/auth/v1/signin?client_id=shop", `{"username": "bo", "password": "Other-pass-1"}`).ok().str("refresh_token")
	back := func(changed, created float64) {
		t.Helper()
		if diff := cmp.Diff(object{"created": created, "changed": changed}, f.do("POST", "/__emulator/import", file).ok().body); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(exported.body, f.do("GET", "/__emulator/export", "").ok().body); diff != "" {
			t.Errorf("what came back: %s", diff)
		}
	}
	f.do("PUT", "/__emulator/users/one", `{"username": "aside", "email": "", "phone_number": "", "providers": []}`).ok()
	f.do("PUT", "/__emulator/users/two", `{"username": "an", "email": "an@example.com", "phone_number": "+86 13800000001", "providers": [{"id": "demo", "provider_user_id": "p1"}]}`).ok()
	f.do("PUT", "/__emulator/users/three", `{"username": "bo", "email": "bo@example.com", "phone_number": "+86 13800000002", "providers": [{"id": "demo", "provider_user_id": "p2"}]}`).ok()
	f.do("PUT", "/__emulator/users/one", `{"username": "cy", "email": "cy@example.com"}`).ok()
	back(4, 0) // and the demo user
	f.do("POST", "/auth/v1/token", encode(t, object{"client_id": "shop", "grant_type": "refresh_token", "refresh_token": login})).ok()

	f.do("DELETE", "/__emulator/users/one", "").ok()
	f.do("PUT", "/__emulator/users/two", `{"username": "an"}`).ok() // in the file it is the one's, who is gone
	back(3, 1)

	for name, refused := range map[string]string{
		"users[1]: Another user has this username": `{"users": [{"username": "new"}, {"env": "shop", "sub": "one", "username": "new"}]}`,
		"users[1]: Another user has this sub":      `{"users": [{"sub": "new", "username": "new"}, {"env": "shop", "sub": "new", "username": "other"}]}`,
		"users[0]: Another user has this email":    `{"users": [{"sub": "one", "email": "bo@example.com"}]}`,
	} {
		a := f.do("POST", "/__emulator/import", refused, "Accept-Language", "en-US").fails("already_exists")
		if !strings.Contains(a.str("error_description"), name) {
			t.Errorf("%s: %s", refused, a.str("error_description"))
		}
	}
	if diff := cmp.Diff(exported.body, f.do("GET", "/__emulator/export", "").ok().body); diff != "" {
		t.Errorf("a refused import changed: %s", diff)
	}
}

func TestImportRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newUserByControls(`{"username": "wang", "email": "wang@example.com"}`)
	f.newUserByControls(`{"username": "lin", "email": "lin@example.com"}`)
	hash := func(cost string) string {
		return `{"users": [{"username": "new", "password_hash": "$argon2id$v=19$` + cost + `$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`
	}
	tests := []struct{ file, code, want string }{
		{"", "invalid_argument", "ends too early"},
		{`{"users": [{"username": "new"}, {"mail": "x"}]}`, "invalid_argument", `users[1]: unknown field "mail"`},
		{`{"users": [{"username": "new"}, {"username": "wang", "email": "lin@example.com"}]}`, "already_exists", "users[1]: Another user has this email"},
		{`{"users": [{"username": "new"}, {"username": "other", "env": "nowhere"}]}`, "invalid_argument", "users[1]: No such environment: nowhere"},
		{hash("m=2097152,t=1,p=1"), "invalid_argument", "the hash costs too much"},
		{hash("m=8,t=100,p=1"), "invalid_argument", "the hash costs too much"},
	}
	for _, tt := range tests {
		a := f.do("POST", "/__emulator/import", tt.file, "Accept-Language", "en-US").fails(tt.code)
		if !strings.Contains(a.str("error_description"), tt.want) {
			t.Errorf("%s: %q, want %q", tt.file, a.str("error_description"), tt.want)
		}
	}
	if users := f.do("GET", "/__emulator/users.json?username=new", "").ok().body["users"].([]any); len(users) != 0 {
		t.Errorf("a refused import left %v", users)
	}
	f.do("POST", "/__emulator/import", hash("m=8,t=1,p=1")).ok()
	if a := f.do("POST", "/__emulator/import?env=west", `{"users": [{"username": "new"}]}`).ok(); a.body["created"] != 1.0 {
		t.Errorf("another environment: %v", a.body)
	}
	many := make([]string, 600)
	for i := range many {
		many[i] = fmt.Sprintf(`{"email": "somebody-%d@example.com", "picture": %q}`, i, strings.Repeat("x", 2000))
	}
	if a := f.do("POST", "/__emulator/import", `{"users": [`+strings.Join(many, ",")+`]}`).ok(); a.body["created"] != 600.0 {
		t.Errorf("many: %v", a.body) // more than other bodies may have
	}
}

// The users that the emulator was given are there in the demo user's place, and again after a reset;
// a start leaves those as they are whom it finds.
func TestSeed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "emulator.db")
	users, problems := seed.Parse("f", []byte(`{"users": [{"username": "alice", "password": "Alice-pass-1"}, {"email": "bo@example.com"}]}`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	open := func() *fixture { return soleFixture(t, func(c *Config) { c.Path, c.Users = path, users }) }
	f := open()
	count := func() int { return len(f.do("GET", "/__emulator/users.json", "").ok().body["users"].([]any)) }
	if count() != 2 {
		t.Errorf("%d users, want 2", count())
	}
	signIn := func(password string) answer {
		return f.do("POST", "/auth/v1/signin?client_id=shop", encode(t, object{"username": "alice", "password": password}))
	}
	signIn("Alice-pass-1").ok()
	if strings.Contains(f.do("GET", "/__emulator/", "").ok().str("raw"), "Seeded user") {
		t.Error("the page names a demo user that is not there")
	}
	sub := f.do("GET", "/__emulator/users.json?username=alice", "").ok().body["users"].([]any)[0].(object)["sub"].(string)
	f.do("PUT", "/__emulator/users/"+sub, `{"password": "Other-pass-1"}`).ok()
	f = open() // a second one on the file, as after a restart
	signIn("Alice-pass-1").fails("invalid_password")
	signIn("Other-pass-1").ok()
	f.do("DELETE", "/__emulator/users/"+sub, "").ok()
	f.newUserByControls(`{"username": "new"}`)
	f.do("POST", "/__emulator/reset", "").ok()
	signIn("Alice-pass-1").ok()
	if count() != 2 {
		t.Errorf("%d users after the reset, want 2", count())
	}
	if _, err := New(Config{Environments: []Environment{{ID: "shop"}}, CheapPasswords: true, signingKey: testKey(), Users: []seed.User{{Env: "other", Username: "x"}}}); err == nil ||
		!strings.Contains(err.Error(), "No such environment: other") {
		t.Errorf("a user of nowhere: %v", err)
	}
}
