package settings

import (
	"encoding/base64"
	"strings"
	"testing"
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
