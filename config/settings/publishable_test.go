package settings

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"tcb-login/authclient"
)

// publishableOf is a key of the claims; the sample's are those of a key that TCB made.
func publishableOf(changes ...string) string {
	const sample = `{"iss":"https://one.ap-shanghai.tcb-api.tencentcloudapi.com","sub":"anon","aud":"one","exp":4090990906,"name":"Anonymous",` +
		`"scope":"anonymous","project_id":"one","meta":{"platform":"PublishableKey"},"role":"anon","is_anonymous":true,"user_type":"",` +
		`"client_type":"client_user","is_system_admin":false}`
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(strings.NewReplacer(changes...).Replace(sample))) + ".c2lnbmF0dXJl"
}

func TestPublishableKeySetting(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, key, want string }{
		{"a publishable key", publishableOf(), ""},
		{"an older one", publishableOf(`"role":"anon","is_anonymous":true,`, ""), ""},
		{"none", "", ""},
		{"of another environment", publishableOf(`"project_id":"one"`, `"project_id":"two"`), "another environment"},
		{"an administrator's", publishableOf(`"is_system_admin":false`, `"is_system_admin":true`), "another kind of key"},
		{"silent about administrators", publishableOf(`,"is_system_admin":false`, ``), "another kind of key"},
		{"an API key", publishableOf(`PublishableKey`, `ApiKey`), "another kind of key"},
		{"of a service", publishableOf(`"role":"anon"`, `"role":"service_role"`), "another kind of key"},
		{"a user's token", publishableOf(`"platform":"PublishableKey"`, `"wxOpenId":""`), "another kind of key"},
		{"of a server", publishableOf(`client_user`, `client_server`), "another kind of key"},
		{"of another scope", publishableOf(`"scope":"anonymous"`, `"scope":"user"`), "another kind of key"},
		{"no JWT", "AKID-something", "another kind of key"},
		{"no payload", "a.b.c", "another kind of key"},
		{"unsigned", strings.TrimSuffix(publishableOf(), "c2lnbmF0dXJl"), "another kind of key"},
		{"with its scheme", "Bearer " + publishableOf(), "another kind of key"},
		{"longer than any", publishableOf() + strings.Repeat("A", 8<<10), "another kind of key"},
		{"expired", publishableOf(`4090990906`, `1700000000`), "has expired"},
		{"without an end", publishableOf(`"exp":4090990906,`, ``), "has expired"},
	} {
		// Before the id too: the order of keys in a mapping means nothing.
		for _, yaml := range []string{
			"environments: [{id: one, publishable_key: \"env:PK\"}]", "environments: [{publishable_key: \"env:PK\", id: one}]",
		} {
			if tt.key == "" {
				yaml = "environments: [{id: one, publishable_key: \"\"}]"
			}
			s, problems := Parse("settings.yaml", []byte(yaml), Launch{Env: func(string) (string, bool) { return tt.key, true }})
			told := problems.String()
			if tt.want == "" && (strings.Contains(told, "publishable_key") || s.Environments[0].PublishableKey.Reveal() != tt.key) {
				t.Errorf("%s: %s", tt.name, told)
			}
			if tt.want != "" && (!problems.HasErrors() || !strings.Contains(told, tt.want)) {
				t.Errorf("%s: got %q, want an error with %q", tt.name, told, tt.want)
			}
			if tt.key != "" && strings.Contains(told, tt.key) {
				t.Errorf("%s: the key is told", tt.name)
			}
		}
	}
}

// FuzzPublishableKey: the settings and the client that sends it take the same keys, so that -check says no more
// and no less than the start; and what they take is never an administrator's.
func FuzzPublishableKey(f *testing.F) {
	encode := base64.RawURLEncoding.EncodeToString
	f.Add("", publishableOf())
	for _, claims := range []string{"{}", "[]", "null", `{"is_system_admin":false,"IS_SYSTEM_ADMIN":true}`, `{"project_id":"one","exp":1e400}`} {
		f.Add(claims, "")
	}
	parts := strings.Split(publishableOf(), ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(payload), "")
	now := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, claims, key string) {
		if claims != "" {
			key = encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(claims)) + ".c2ln"
		}
		if key == "" {
			return
		}
		complaint := checkPublishableKey(key, "one", now)
		_, err := authclient.New(authclient.Config{Env: "one", PublishableKey: key, Now: func() time.Time { return now }})
		if (complaint == "") != (err == nil) {
			t.Errorf("the settings say %q, the client %v", complaint, err)
		}
		if len(key) > 20 && (strings.Contains(complaint, key) || err != nil && strings.Contains(err.Error(), key)) {
			t.Error("the key is told")
		}
		if complaint == "" && !strings.Contains(strings.ToLower(claims+string(decoded(key))), "publishablekey") {
			t.Error("taken without being one")
		}
	})
}

// decoded is the payload of a JWT.
func decoded(key string) []byte {
	payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(key, ".")[1])
	return payload
}
