package seed

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const cheapHash = "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// full is a user with every field there is.
const full = `{"users": [{
	"env": "my-env", "sub": "42", "username": "wang", "email": "Wang@Example.com", "phone_number": "+86 13800000000",
	"password_hash": "` + cheapHash + `", "password_initial": false, "password_updated_at": "2026-01-31T12:00:00Z",
	"name": "王", "picture": "https://example.com/p.png", "gender": "FEMALE", "birthdate": "1990-01-31", "locale": "zh-CN",
	"zoneinfo": "Asia/Shanghai", "description": "x", "status": "BLOCKED", "groups": ["admin", "a b"],
	"providers": [{"id": "wx_open", "provider_user_id": "o1", "name": "W", "picture": "p", "email": "w@example.com",
		"phone_number": "+86 13800000001", "meta": {"appid": "wx1", "openid": "o1", "unionid": "u1"}}],
	"created_at": "2026-01-30T12:00:00.5Z"
}]}`

func TestParse(t *testing.T) {
	t.Parallel()
	initial := false
	want := []User{{
		Env: "my-env", Sub: "42", Username: "wang", Email: "wang@example.com", PhoneNumber: "+86 13800000000", PasswordHash: cheapHash,
		PasswordInitial: &initial, PasswordUpdatedAt: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Name: "王", Picture: "https://example.com/p.png",
		Gender: "FEMALE", Birthdate: "1990-01-31", Locale: "zh-CN", Zoneinfo: "Asia/Shanghai", Description: "x", Status: Blocked, Groups: []string{"admin"},
		Providers: []Provider{{ID: "wx_open", ProviderUserID: "o1", Name: "W", Picture: "p", Email: "w@example.com", PhoneNumber: "+86 13800000001",
			Meta: Meta{AppID: "wx1", OpenID: "o1", UnionID: "u1"}}},
		CreatedAt: time.Date(2026, 1, 30, 12, 0, 0, 5e8, time.UTC),
	}}
	users, problems := Parse("f", []byte(strings.Replace(full, `, "a b"`, "", 1)))
	if diff := cmp.Diff(want, users); diff != "" || len(problems) > 0 {
		t.Errorf("%v\n%s", problems, diff)
	}
	encoded, err := Encode(users)
	if err != nil {
		t.Fatal(err)
	}
	again, problems := Parse("f", encoded)
	if diff := cmp.Diff(users, again); diff != "" || len(problems) > 0 {
		t.Errorf("written and read: %v\n%s", problems, diff)
	}
	fields := reflect.TypeFor[User]().NumField()
	for i := range fields { // what Encode writes Parse has to know
		if reflect.ValueOf(users[0]).Field(i).IsZero() && reflect.TypeFor[User]().Field(i).Name != "Password" {
			t.Errorf("the test lacks %s", reflect.TypeFor[User]().Field(i).Name)
		}
	}
}

// badFiles are files and all that is wrong with them. Those the schema cannot tell begin with !.
var badFiles = map[string][]string{
	"":                           {"f:1:1: error: not valid JSON: it ends too early"},
	`{"users": [`:                {"f:1:12: error: not valid JSON: it ends too early"},
	`{"users": []} x`:            {"f:1:15: error: not valid JSON: something stands behind the end"},
	`{"users": []} {}`:           {"f:1:15: error: not valid JSON: something stands behind the end"},
	"{\"users\": [\n  {]}":       {"f:2:4: error: not valid JSON: invalid character ']' looking for beginning of object key string"},
	"\"\xff\"":                   {"f:1:2: error: not UTF-8"},
	`[]`:                         {`f:1:1: error: want an object, found a list`, `f:1:1: error: want {"users": […]}`},
	`{}`:                         {`f:1:1: error: want {"users": […]}`},
	`{"users": {}}`:              {"f:1:11: error: users: want a list, found an object"},
	`{"users": [1]}`:             {"f:1:12: error: users[0]: want an object, found a number"},
	`{"users": [], "user": []}`:  {`f:1:23: error: unknown field "user"`},
	`{"users": [], "users": []}`: {"!f:1:24: error: users: stands there twice"},
	`{"users": [{}]}`:            {"f:1:12: error: users[0]: want a username, email, phone_number or an entry in providers"},
	"{\"users\": [\n{\"username\": \"王\", \"mail\": \"x\"}]}": {
		"f:2:14: error: users[0].username: want 2 to 48 letters, digits, _ . or -, a letter or digit first",
		`f:2:27: error: users[0]: unknown field "mail"`,
	},
	`{"users": [{"username": "wang", "password": "short"}]}`:                                          {"f:1:45: error: users[0].password: want 8 to 64 characters"},
	`{"users": [{"username": "wang", "password": 12345678}]}`:                                         {"f:1:45: error: users[0].password: want a text, found a number"},
	`{"users": [{"username": "wang", "password": null}]}`:                                             {"f:1:45: error: users[0].password: want a text, found null"},
	`{"users": [{"username": "wang", "password_initial": null}]}`:                                     {"f:1:53: error: users[0].password_initial: want true or false, found null"},
	`{"users": [{"username": "wang", "email": "x"}]}`:                                                 {`f:1:42: error: users[0].email: want an address like "wang@example.com"`},
	`{"users": [{"phone_number": "+8613800000000"}]}`:                                                 {`f:1:29: error: users[0].phone_number: want a number like "+86 13800000000"`},
	`{"users": [{"username": "wang", "status": "blocked"}]}`:                                          {"f:1:43: error: users[0].status: want ACTIVE, PENDING, BLOCKED"},
	`{"users": [{"username": "wang", "created_at": "yesterday"}]}`:                                    {`!f:1:47: error: users[0].created_at: want a time like "2026-01-31T12:00:00Z"`},
	`{"users": [{"username": "wang", "groups": ["a b", ""]}]}`:                                        {"f:1:44: error: users[0].groups[0]: want 1 to 64 characters without blanks", "f:1:51: error: users[0].groups[1]: want 1 to 64 characters without blanks"},
	`{"users": [{"username": "wang", "providers": [{"id": "demo"}]}]}`:                                {"f:1:47: error: users[0].providers[0]: want id, which is the provider's, and provider_user_id, which is the person's there"},
	`{"users": [{"username": "wang", "password_hash": "$2b$10$x"}]}`:                                  {`f:1:50: error: users[0].password_hash: want argon2id in the PHC form, "$argon2id$v=19$m=19456,t=2,p=1$salt$hash"`},
	`{"users": [{"username": "wang", "env": "../x"}]}`:                                                {"f:1:40: error: users[0].env: want an environment's id"},
	`{"users": [{"username": "wang"}, {"username": "WANG"}]}`:                                         {"!f:1:34: error: users[1]: users[0] has the same username"},
	`{"users": [{"email": "a@b.cd"}, {"email": "A@b.cd", "env": ""}]}`:                                {"!f:1:33: error: users[1]: users[0] has the same email"},
	`{"users": [{"username": "wang", "password": "12345678", "password_hash": "` + cheapHash + `"}]}`: {"!f:1:12: error: users[0]: want password or password_hash, not both"},
	`{"users": [{"providers": [{"id": "demo", "provider_user_id": "1"}, {"id": "demo", "provider_user_id": "2"}]}]}`: {
		`!f:1:68: error: users[0].providers[1]: a user has one account of a provider, and there is one of "demo" already`},
	`{"users": [{"providers": [{"id": "demo", "provider_user_id": "1"}]}, {"providers": [{"id": "demo", "provider_user_id": "1"}]}]}`: {
		"!f:1:70: error: users[1]: users[0] has the same account at demo"},
}

func TestParseProblems(t *testing.T) {
	t.Parallel()
	for file, want := range badFiles {
		_, problems := Parse("f", []byte(file))
		got := strings.Split(strings.TrimSpace(problems.String()), "\n")
		sorted := map[string]bool{}
		for _, line := range want {
			sorted[strings.TrimPrefix(line, "!")] = true
		}
		seen := map[string]bool{}
		for _, line := range got {
			seen[line] = true
		}
		if diff := cmp.Diff(sorted, seen); diff != "" {
			t.Errorf("%s\n%s", file, diff)
		}
	}
	_, problems := Parse("f", []byte(`{"users": [`+strings.Repeat(`{"x": 1},`, 500)+`{}]}`))
	if len(problems) != maxProblems {
		t.Errorf("%d problems, want %d", len(problems), maxProblems)
	}
}

// The schema takes and refuses what the parser does, but for what a schema cannot say.
func TestSchema(t *testing.T) {
	t.Parallel()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("seed.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("seed.json")
	if err != nil {
		t.Fatal(err)
	}
	valid := func(file string) error {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(file))
		if err != nil {
			return err
		}
		return schema.Validate(value)
	}
	example, err := os.ReadFile("../../examples/emulator-node/users.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{
		strings.Replace(full, `, "a b"`, "", 1), `{"users": []}`, string(example), `{"$schema": "x", "users": [{"email": "a@b.cd", "password": "12345678"}]}`,
	} {
		if err := valid(file); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if _, problems := Parse("f", []byte(file)); len(problems) > 0 {
			t.Errorf("%s: %v", file, problems)
		}
	}
	refused := 0
	for file, problems := range badFiles {
		beyond := strings.HasPrefix(problems[0], "!")
		if err := valid(file); !beyond && err == nil {
			t.Errorf("the schema takes %s", file)
		} else if !beyond {
			refused++
		}
	}
	if refused < 15 {
		t.Errorf("compared %d files", refused)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	old := User{Username: "wang", Email: "w@example.com", PasswordHash: cheapHash, Groups: []string{"a"}, Providers: []Provider{{ID: "demo", ProviderUserID: "1"}}}
	for change, want := range map[string]User{
		`{"email": ""}`:                {Username: "wang", PasswordHash: cheapHash, Groups: old.Groups, Providers: old.Providers},
		`{"password": ""}`:             {Username: "wang", Email: old.Email, Groups: old.Groups, Providers: old.Providers},
		`{"password": "12345678"}`:     {Username: "wang", Email: old.Email, Password: "12345678", Groups: old.Groups, Providers: old.Providers},
		`{"groups": [], "status": ""}`: {Username: "wang", Email: old.Email, PasswordHash: cheapHash, Providers: old.Providers},
		`{"providers": []}`:            {Username: "wang", Email: old.Email, PasswordHash: cheapHash, Groups: old.Groups},
	} {
		got, problems := Merge(old, []byte(change))
		if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
			t.Errorf("%s: %v\n%s", change, problems, diff)
		}
	}
	for _, bad := range []string{"", "{}", "[]", `{"users": []}`, `{"email": null}`} {
		if _, problems := Merge(old, []byte(bad)); len(problems) == 0 {
			t.Errorf("%q changes something", bad)
		}
	}
}

// FuzzParse: nothing panics; what is taken comes out and in again the same; a place is in the file.
func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	for file := range badFiles {
		f.Add([]byte(file))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		users, problems := Parse("f", data)
		for _, p := range problems {
			if p.Line < 1 || p.Line > bytes.Count(data, []byte{'\n'})+1 || p.Column < 1 || p.Column > len(data)+1 {
				t.Errorf("%s", p)
			}
		}
		if len(problems) > 0 {
			return
		}
		encoded, err := Encode(users)
		if err != nil {
			if strings.Contains(err.Error(), "MarshalJSON") { // a year that RFC 3339 has not
				return
			}
			t.Fatal(err)
		}
		again, problems := Parse("f", encoded)
		if len(problems) > 0 {
			t.Fatalf("%v\n%s", problems, encoded)
		}
		if diff := cmp.Diff(users, again); diff != "" {
			t.Error(diff)
		}
		if !json.Valid(encoded) {
			t.Errorf("%s", encoded)
		}
	})
}
