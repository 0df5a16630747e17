package settings

import (
	"strings"
	"testing"
)

// TestStore: what is wrong with a store is told where it stands, and no message repeats a password.
func TestStore(t *testing.T) {
	t.Parallel()
	const (
		head   = "environments: [{id: a}]\nsession:\n  keys: ['" + longSecret + "']\n"
		ownKey = "  store_key: 'quite another secret than the keys, it is'\n"
	)
	store := func(address, more string) string { return head + "  store: '" + address + "'\n" + more }
	tests := []struct {
		name, yaml string
		want       []string // beginnings of the problems
	}{
		{"none", head, nil},
		{"cookie", store("cookie", ""), nil},
		{"redis", store("redis://10.0.0.5:6379", ownKey), nil},
		{"redis with all", store("redis://app@10.0.0.5:6379/15", ownKey), nil},
		{"without a port", store("redis://cache", ownKey), nil},
		{"a slash", store("redis://cache/", ownKey), nil},
		{"IPv6", store("redis://[fd00::5]:6379", ownKey), nil},
		{"TLS", store("rediss://cache.example.com:6380/0", ownKey+"  store_password: hunter2\n"), nil},
		{"a password beside", store("redis://10.0.0.5", ownKey+"  store_password: hunter2\n"), nil},
		{"a password beside, in a network of containers", store("redis://cache", ownKey+"  store_password: hunter2\n"), nil},
		{"a password beside, far away", store("redis://cache.example.com", ownKey+"  store_password: hunter2\n"), []string{"4:10: warning: store: plain redis://"}},
		{"a password in a variable that is not set", store("redis://cache", ownKey+"  store_password: env:NOTHING\n"), []string{"6:19: error: store_password: the environment variable NOTHING"}},
		{"no key", store("redis://cache", ""), []string{"4:10: error: session.store_key is missing: with redis"}},
		{"a short key", store("redis://cache", "  store_key: hunter2\n"), []string{"5:14: error: store_key: too short: 7 bytes"}},
		{"a weak key", store("redis://cache", "  store_key: "+strings.Repeat("hunter2", 6)+"\n"), []string{"5:14: warning: store_key: a short pattern, repeated: whoever"}},
		{"a session key", store("redis://cache", "  store_key: '"+longSecret+"'\n"), []string{"5:14: error: store_key: must be another"}},
		{"a key for nothing", head + ownKey, []string{"4:14: warning: store_key is not used"}},
		{"a password for nothing", store("cookie", "  store_password: hunter2\n"), []string{"5:19: warning: store_password is not used"}},
		{"another word", store("memory", ""), []string{"4:10: error: store: want \"cookie\", or an address like \"redis://10.0.0.5:6379\", found \"memory\""}},
		{"another scheme", store("http://hunter2@cache", ownKey), []string{"4:10: error: store: want \"cookie\", or an address that begins"}},
		{"a password in it", store("redis://:hunter2@cache", ownKey), []string{"4:10: error: store: must not hold a password"}},
		{"a password of a user in it", store("rediss://app:hunter2@cache", ownKey), []string{"4:10: error: store: must not hold a password"}},
		{"a strange user", store("redis://a%40b@cache", ownKey), []string{"4:10: error: store: the user name"}},
		{"no host", store("redis://", ownKey), []string{"4:10: error: store: the host is missing"}},
		{"a port alone", store("redis://:6379", ownKey), []string{"4:10: error: store: "}},
		{"a port too large", store("redis://cache:66666", ownKey), []string{"4:10: error: store: "}},
		{"no number", store("redis://cache/one", ownKey), []string{"4:10: error: store: after the host"}},
		{"a query", store("redis://cache/0?max_retries=3", ownKey), []string{"4:10: error: store: after the host"}},
		{"a query without a path", store("redis://cache?a=hunter2", ownKey), []string{"4:10: error: store: after the host"}},
	}
	for _, tt := range tests {
		s, problems := Parse("s", []byte(tt.yaml), Launch{Env: testEnv})
		var got []string
		for _, p := range problems {
			got = append(got, strings.TrimPrefix(p.String(), "s:"))
			if strings.Contains(p.String(), "hunter2") || strings.Contains(p.String(), longSecret) {
				t.Errorf("%s: %v tells a secret", tt.name, p)
			}
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			continue
		}
		for i, begin := range tt.want {
			if !strings.HasPrefix(got[i], begin) {
				t.Errorf("%s: %q, want it to begin %q", tt.name, got[i], begin)
			}
		}
		if len(tt.want) == 0 && s.Session.Shared() != strings.Contains(tt.yaml, "redis") {
			t.Errorf("%s: shared is %v", tt.name, s.Session.Shared())
		}
	}
}
