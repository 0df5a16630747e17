package settings

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMerge: what is taken over, what waits for a restart, and by which names.
func TestMerge(t *testing.T) {
	t.Parallel()
	const before = `
session: {keys: [env:KEY]}
environments:
  - {id: one, limits: {sms_per_hour: 5}, clients: [{id: one, secret: env:SHORT}]}
  - {id: two}
`
	tests := []struct {
		name, after string
		want        Change
		merged      string // settings that say the same; empty: after
	}{
		{"nothing", before, Change{}, ""},
		{"a comment and the order of keys", "environments:\n  # first\n  - {clients: [{secret: env:SHORT, id: one}], limits: {sms_per_hour: 5}, id: one}\n  - {id: two}\nsession: {keys: [env:KEY]}", Change{}, ""},
		{"level and limits", `
log_level: debug
session: {keys: [env:KEY]}
environments:
  - {id: one, limits: {sms_per_hour: 5, attack_mode: true}, clients: [{id: one, secret: env:SHORT}]}
  - {id: two, name: Two}
`, Change{Taken: []string{"environments[one].limits.attack_mode", "environments[two].name", "log_level"}}, ""},
		{"a key, a secret, a client", `
session: {keys: ["a literal of more than thirty-two bytes", env:KEY]}
environments:
  - {id: one, limits: {sms_per_hour: 5}, clients: [{id: one, secret: env:KEY}]}
  - {id: two, clients: [{id: two}, {id: app}]}
`, Change{Taken: []string{"session.keys", "environments[one].clients", "environments[two].clients"}}, ""},
		{"what wants a restart, and what does not", `
listen: 127.0.0.1:9
backend_timeout: 3s
trusted_proxies: [10.0.0.5]
session: {keys: [env:KEY], store: redis://cache, store_key: quite another secret than the keys it is}
audit: {to: stdout, keys: [{id: a, key: a log key of more than thirty-two bytes}]}
environments:
  - {id: one, limits: {sms_per_hour: 5}, clients: [{id: one, secret: env:SHORT}]}
  - {id: two}
`, Change{Taken: []string{"trusted_proxies"}, Restart: []string{"listen", "session.store", "session.store_key", "backend_timeout", "audit"}}, "trusted_proxies: [10.0.0.5]" + before},
		{"environments that come and go", `
session: {keys: [env:KEY]}
environments:
  - {id: three}
  - {id: two, region: ap-guangzhou}
`, Change{Taken: []string{"environments[two].region"}, Restart: []string{"environments[one]", "environments[three]"}}, `
session: {keys: [env:KEY]}
environments:
  - {id: one, limits: {sms_per_hour: 5}, clients: [{id: one, secret: env:SHORT}]}
  - {id: two, region: ap-guangzhou}
`},
	}
	parse := func(text string) *Settings {
		s, problems := Parse("s", []byte(text), Launch{Env: testEnv})
		if problems.HasErrors() {
			t.Fatal(problems)
		}
		return s
	}
	for _, tt := range tests {
		running, read := parse(before), parse(tt.after)
		merged, got := Merge(running, read)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		want := read
		if tt.merged != "" {
			want = parse(tt.merged)
		}
		if diff := cmp.Diff(want, merged, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("%s: settings (-want +got):\n%s", tt.name, diff)
		}
		if !reflect.DeepEqual(running, parse(before)) {
			t.Errorf("%s: what is running was written to", tt.name)
		}
	}
}
