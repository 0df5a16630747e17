package settings

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPrint: all settings are there, with where they come from, secrets are masked, and what is printed is a file
// that says the same.
func TestPrint(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "settings.yaml")
	const source = `public_origins: ["https://app.example.com"]
trusted_proxies: [10.0.0.5]
session:
  keys: [env:KEY, "a literal of more than thirty-two bytes"]
refusal_floor: 250ms
environments:
  - id: one
    name: "true"
    limits: {attack_mode: true}
    clients: [{id: app, secret: env:SHORT}]
  - id: two
    region: ap-singapore
`
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	launch := Launch{Env: testEnv, Listen: "127.0.0.1:0"}
	s, problems := Load(file, launch)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	var out bytes.Buffer
	if err := s.Print(&out, file, launch); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"listen: 127.0.0.1:0 # -listen ($TCB_LOGIN_LISTEN)\n",
		"base_path: /__auth # default\n",
		"public_origins: ['https://app.example.com'] # line 1\n",
		"trusted_proxies: [10.0.0.5/32] # line 2\n",
		"session: # line 3\n",
		"keys: ['[redacted]', '[redacted]'] # line 4, env:KEY, literal\n",
		"backend_timeout: 10s # default\n",
		"refusal_floor: 250ms # line 5\n",
		"  - id: one # line 7\n",
		"    name: \"true\" # line 8\n",
		"      attack_mode: true # line 9\n",
		"      sms_per_hour: 1000 # default\n",
		"secret: '[redacted]' # line 10, env:SHORT\n", "store_key: null # default\n",
		"    region: ap-singapore # line 12\n",
		"    endpoint_mode: gateway # default: gateway with a publishable_key, and for regions outside China; else cloud_api\n",
		"    intl: true # default: true for regions outside China\n",
		"    provider_callback: /__auth/provider/callback # default: /__auth/provider/callback\n",
		"    issuer: http://two.ap-singapore.tcb-api.tencentcloudapi.com # default",
		"log_level: info # default\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	for _, secret := range []string{"s3cr3t", "a literal of"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("a secret is told:\n%s", out.String())
		}
	}
	// Masked secrets are too short for keys; all else must be as it was.
	printed := strings.ReplaceAll(out.String(), "[redacted]", longSecret)
	again, problems := Parse("printed", []byte(printed), Launch{Env: testEnv})
	if problems.HasErrors() {
		t.Fatalf("%s\n%s", problems, printed)
	}
	var second bytes.Buffer
	if err := again.Print(&second, "nowhere", Launch{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(withoutOrigins(out.String()), withoutOrigins(second.String())); diff != "" {
		t.Errorf("(-printed +read again):\n%s", diff)
	}
}

// withoutOrigins are the lines of printed settings without where they come from.
func withoutOrigins(printed string) (all []string) {
	for line := range strings.Lines(printed) {
		value, _, _ := strings.Cut(line, " # ")
		all = append(all, strings.TrimSpace(value))
	}
	return all
}
