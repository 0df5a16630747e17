package settings

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/config/input"
)

var update = flag.Bool("update", false, "write the golden files anew")

const longSecret = "S3CR3T-of-thirty-two-bytes-or-more"

func testEnv(name string) (string, bool) {
	values := map[string]string{"KEY": longSecret, "EMPTY": "", "SHORT": "s3cr3t"}
	v, ok := values[name]
	return v, ok
}

// Each YAML file in testdata has its problems beside it.
func TestGoldenProblems(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			_, problems := Load(file, Launch{Env: testEnv})
			got := filepath.ToSlash(problems.String())
			if strings.Contains(got, "hunter2") {
				t.Errorf("a secret is told:\n%s", got)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".problems", got)
		})
	}
}

// golden compares with what a file holds, or writes the file with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// full settings say everything, and in none of it the default.
const full = `
listen: :9000
base_path: /login/v1
public_origins: ["https://app.example.com", "http://app.example.com", "https://app.example.com:8443", "http://[::1]:8080"]
trusted_proxies: ["10.1.2.3/8", 192.0.2.7, "2001:db8::/32", "::ffff:192.0.2.8"]
session:
  store: rediss://app@cache.example.com:6380/2
  store_key: "a literal of the store alone, also long enough"
  store_password: env:SHORT
  keys: ["env:KEY", "file:testdata/key.secret", "a literal of more than thirty-two bytes"]
image_hosts: [cdn.example.com, "https://img.example.com:8443", "https://cdn.example.com"]
hsts_max_age: 3600
backend_timeout: 1500ms
refusal_floor: 250ms
backend_in_flight: 32
audit: {to: /var/log/audit.jsonl, keys: [{id: "2026-11", key: a log key of more than thirty-two bytes}, {id: old, key: another key of more than thirty-two bytes}]}
log_level: debug
environments:
  - &first
    id: one-1a2b
    name: 示例
    region: ap-shanghai
    endpoint_mode: gateway
    intl: true
    endpoint: https://gateway.example.com/tcb/
    captcha: page
    provider_callback: /login/v1/
    issuer: https://issuer.example.com/one
    default_redirect_uri: https://app.example.com/?a=1#/home
    limits: {sms_per_number: 3, emails_per_address: 4, sms_per_hour: 5000, sms_per_hour_abroad: 6, attack_mode: true}
    clients:
      - id: AOJ8yAABzNsMXf0IcKc
        secret: env:SHORT
        code_flow: true
        redirect_uris: ["https://other.example.com/callback?x=%", "http://127.0.0.1/cb", "http://[::1]:1/cb", "http://localhost:3000"]
      - {id: second}
  - id: two
    endpoint:
    login_configs: configs
    default_redirect_uri: ""
    clients: ~
`

func TestParse(t *testing.T) {
	t.Parallel()
	prefixes := func(list ...string) (out []netip.Prefix) {
		for _, s := range list {
			out = append(out, netip.MustParsePrefix(s))
		}
		return out
	}
	minimal := Demo()
	minimal.Environments[0] = Environment{ID: "x", Region: "ap-shanghai", EndpointMode: "cloud_api", Captcha: "picture", Limits: DefaultLimits, Clients: []Client{{ID: "x"}}}
	tests := []struct {
		name string
		yaml string
		want *Settings
	}{
		{"the least", "environments: [{id: x}]", minimal},
		{"byte order mark and CRLF", "\ufeffenvironments:\r\n  - id: x\r\n", minimal},
		{"JSON", `{"environments": [{"id": "x", "clients": []}]}`, minimal},
		{"alias", "environments: [{id: &id x, clients: [{id: *id}]}]", minimal},
		{"everything", full, &Settings{
			Listen:         ":9000",
			BasePath:       "/login/v1",
			PublicOrigins:  []string{"https://app.example.com", "http://app.example.com", "https://app.example.com:8443", "http://[::1]:8080"},
			TrustedProxies: prefixes("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "192.0.2.8/32"),
			Session: Session{Store: "rediss://app@cache.example.com:6380/2", StorePassword: NewSecret("s3cr3t"), StoreKey: NewSecret("a literal of the store alone, also long enough"), Keys: []Secret{
				NewSecret(longSecret), NewSecret("a-secret-of-more-than-thirty-two-bytes"), NewSecret("a literal of more than thirty-two bytes"),
			}},
			ImageHosts:     []string{"https://cdn.example.com", "https://img.example.com:8443"},
			HSTSMaxAge:     time.Hour,
			BackendTimeout: 1500 * time.Millisecond,
			RefusalFloor:   250 * time.Millisecond,
			LogLevel:       slog.LevelDebug,

			BackendInFlight: 32,
			Audit: Audit{To: "/var/log/audit.jsonl", Keys: []AuditKey{
				{"2026-11", NewSecret("a log key of more than thirty-two bytes")}, {"old", NewSecret("another key of more than thirty-two bytes")},
			}},
			Environments: []Environment{
				{
					ID: "one-1a2b", Name: "示例", Region: "ap-shanghai", EndpointMode: "gateway", Intl: true, Endpoint: "https://gateway.example.com/tcb", Captcha: "page", ProviderCallback: "/login/v1/",
					Issuer:             "https://issuer.example.com/one",
					DefaultRedirectURI: "https://app.example.com/?a=1#/home",
					Limits:             Limits{SMSPerNumber: 3, EmailsPerAddress: 4, SMSPerHour: 5000, SMSPerHourAbroad: 6, AttackMode: true},
					Clients: []Client{
						{ID: "AOJ8yAABzNsMXf0IcKc", Secret: NewSecret("s3cr3t"), CodeFlow: true, RedirectURIs: []string{
							"https://other.example.com/callback?x=%", "http://127.0.0.1/cb", "http://[::1]:1/cb", "http://localhost:3000",
						}},
						{ID: "second"},
					},
				},
				{ID: "two", Region: "ap-shanghai", EndpointMode: "cloud_api", LoginConfigs: "configs", Captcha: "picture", Limits: DefaultLimits, Clients: []Client{{ID: "two"}}},
			},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, problems := Parse("settings.yaml", []byte(tt.yaml), Launch{Env: testEnv})
			for _, p := range problems {
				if p.Severity == input.SeverityError {
					t.Errorf("problem: %v", p)
				}
			}
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, bytes.Repeat([]byte("#"), maxSettingsSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing.yaml")
	tests := []struct{ path, want string }{
		{missing, missing + ": error: cannot be read: no such file or directory\n"},
		{dir, dir + ": error: cannot be read: not a regular file\n"},
		{big, big + ": error: cannot be read: larger than 1048576 bytes\n"},
	}
	for _, tt := range tests {
		settings, problems := Load(tt.path, Launch{Env: testEnv})
		if settings.Listen != DefaultListen || problems.String() != tt.want {
			t.Errorf("Load(%q) = %v, %q, want the defaults, %q", tt.path, settings, problems, tt.want)
		}
	}
}

// What the program uses with nothing set is what its settings file would be.
func TestDemo(t *testing.T) {
	t.Parallel()
	parsed, problems := Parse("demo.yaml", []byte("environments: [{id: demo, name: Demo, tcb_sees_client_address: true, clients: [{id: demo}]}]"), Launch{Env: testEnv})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	parsed.Environments[0].Demo = true // which is no setting
	if diff := cmp.Diff(parsed, Demo()); diff != "" {
		t.Errorf("Demo() (-parsed +got):\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	s := Demo()
	if e := s.Environment("demo"); e != &s.Environments[0] {
		t.Errorf("Environment(demo) = %v", e)
	} else if c := e.Client("demo"); c != &e.Clients[0] {
		t.Errorf("Client(demo) = %v", c)
	} else if c := e.Client("Demo"); c != nil {
		t.Errorf("Client(Demo) = %v, want nil", c)
	}
	if e := s.Environment(""); e != nil {
		t.Errorf(`Environment("") = %v, want nil`, e)
	}
}

// The example that operators start from must be right.
func TestExampleSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "..", "deploy", "settings.example.yaml")
	_, problems := Load(file, Launch{Env: func(name string) (string, bool) {
		return longSecret, strings.HasPrefix(name, "TCB_")
	}})
	if len(problems) > 0 {
		t.Errorf("problems:\n%s", problems)
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	secret := NewSecret("hunter2")
	holder := struct {
		Public  Secret
		private Secret
	}{secret, secret}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("m", "secret", secret, "client", Client{ID: "c", Secret: secret})
	marshalled, err := json.Marshal(Client{ID: "c", Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	outputs := []string{
		secret.String(), secret.GoString(), logged.String(), string(marshalled),
		fmt.Sprint(secret), fmt.Sprintf("%v %+v %#v %s %q %x %d", secret, secret, secret, secret, secret, secret, secret),
		fmt.Sprintf("%v %+v %#v", holder, holder, holder), fmt.Sprintf("%+v", &holder),
		fmt.Sprintf("%+v", Settings{Session: Session{Keys: []Secret{secret}}}),
	}
	for _, out := range outputs {
		if strings.Contains(out, "hunter2") || strings.Contains(out, "68756e74657232") {
			t.Errorf("the secret is told: %s", out)
		}
	}
	if secret.Reveal() != "hunter2" || !secret.IsSet() || secret.String() != "[redacted]" {
		t.Errorf("Reveal %q, IsSet %t, String %q", secret.Reveal(), secret.IsSet(), secret)
	}
	if !secret.Equal(NewSecret("hunter2")) || secret.Equal(NewSecret("hunter3")) || secret.Equal(Secret{}) {
		t.Error("Equal is wrong")
	}
	none := NewSecret("")
	if none != (Secret{}) || none.IsSet() || none.Reveal() != "" || none.String() != "" {
		t.Errorf("an empty secret is set: %#v", none)
	}
}

// TestSecretEnds: what stands around a secret by accident is the same wherever it comes from, and
// what nobody sees and may be meant is warned of where it is named.
func TestSecretEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "settings.yaml")
	tests := []struct{ stored, want, warning string }{
		{"s3cr3t", "s3cr3t", ""},
		{"s3cr3t\n", "s3cr3t", ""},
		{"\ufeffs3cr3t\r\n", "s3cr3t", ""},
		{" s3cr3t\t\n\n", "s3cr3t", ""},
		{"s3cr3t\u200b\n", "s3cr3t\u200b", "U+200B"},
		{"\u00a0s3cr3t", "\u00a0s3cr3t", "U+00A0"},
	}
	for i, tt := range tests {
		path := filepath.Join(dir, fmt.Sprintf("%d.secret", i))
		if err := os.WriteFile(path, []byte(tt.stored), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{"env:STORED", "file:" + filepath.Base(path), tt.stored} {
			yaml := fmt.Sprintf("environments:\n  - id: x\n    clients:\n      - {id: x, secret: %+q}\n", from)
			s, problems := Parse(file, []byte(yaml), Launch{Env: func(string) (string, bool) { return tt.stored, true }})
			if problems.HasErrors() {
				t.Fatal(problems)
			}
			if got := s.Environments[0].Clients[0].Secret.Reveal(); got != tt.want {
				t.Errorf("%+q, from %.10q, is %+q, want %+q", tt.stored, from, got, tt.want)
			}
			told := ""
			for _, p := range problems {
				if strings.Contains(p.Message, "invisible") {
					told = p.String()
				}
			}
			at := file + ":4:25: warning: secret: "
			if tt.warning == "" && told != "" || tt.warning != "" && (!strings.HasPrefix(told, at) || !strings.Contains(told, tt.warning)) ||
				strings.Contains(told, "s3cr3t") {
				t.Errorf("%+q, from %.10q: problem %q, want one that begins %q and names %q", tt.stored, from, told, at, tt.warning)
			}
		}
	}
	for _, nothing := range []string{"\n", "\ufeff \r\n"} {
		path := filepath.Join(dir, "blank.secret")
		if err := os.WriteFile(path, []byte(nothing), 0o600); err != nil {
			t.Fatal(err)
		}
		for from, want := range map[string]string{"env:STORED": "the environment variable STORED is empty", "file:blank.secret": "blank.secret\" is empty", nothing: "secret: it is empty"} {
			yaml := fmt.Sprintf("environments: [{id: x, clients: [{id: x, secret: %+q}]}]", from)
			_, problems := Parse(file, []byte(yaml), Launch{Env: func(string) (string, bool) { return nothing, true }})
			if !strings.Contains(problems.String(), want) {
				t.Errorf("%+q, from %s: problems %q, want %q", nothing, from, problems, want)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	err := filepath.WalkDir("testdata", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".yaml") {
			data, err := os.ReadFile(path)
			f.Add(data)
			return err
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("session: {store: 'redis://a@[::1]:1/2', store_key: env:KEY, store_password: env:SHORT}\nenvironments: [{id: a}]"))
	f.Add([]byte("session: {keys: [env:KEY, env:SHORT]}\nenvironments: [{id: a, clients: [{secret: env:SHORT}]}]"))
	f.Add([]byte("&a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		settings, problems := Parse("f.yaml", data, Launch{Env: testEnv})
		lines := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) + bytes.Count(data, []byte("\u0085")) +
			bytes.Count(data, []byte("\u2028")) + bytes.Count(data, []byte("\u2029")) + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines+1 || p.Column < 1 || p.Message == "" || strings.ContainsAny(p.Message, "\r\n") {
				t.Errorf("odd problem %#v", p)
			}
			if !bytes.Contains(bytes.ToLower(data), []byte("s3cr3t")) && strings.Contains(strings.ToLower(p.Message), "s3cr3t") {
				t.Errorf("a secret is told: %v", p)
			}
		}
		if problems.HasErrors() {
			return
		}
		for _, e := range settings.Environments {
			if e.ID == "" || e.Region == "" || len(e.Clients) == 0 || e.Clients[0].ID == "" {
				t.Errorf("incomplete environment %+v", e)
			}
		}
		if len(settings.Environments) == 0 || settings.Listen == "" || settings.BackendTimeout <= 0 {
			t.Errorf("incomplete settings %+v", settings)
		}
	})
}
