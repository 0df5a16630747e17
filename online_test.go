package main

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcb-login/config"
	"tcb-login/config/settings"
	"tcb-login/emulator"
	"tcb-login/online"
)

// TestCheckOnline: what TCB says against settings stands beside what -check says without it, and decides the
// exit code; secrets are told nowhere.
func TestCheckOnline(t *testing.T) {
	t.Parallel()
	em, err := emulator.New(emulator.Config{
		Path: filepath.Join(t.TempDir(), "emulator.db"), CheapPasswords: true, RedirectURIs: []string{"https://app.example.com"},
		Environments: []emulator.Environment{{ID: "my-env", Clients: []emulator.Client{{ID: "my-env"}, {ID: "app", Secret: "s3cr3t-of-app"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tcb := httptest.NewServer(em)
	t.Cleanup(func() { tcb.Close(); em.Close() })
	good := checkedSettings + "    endpoint: " + tcb.URL + "\n    captcha: page\n    clients: [{id: my-env}, {id: app, secret: s3cr3t-of-app}]\n"
	const login = `{"name": "Fine", "web": [{"id": "__password", "enable": true}, {"id": "demo", "enable": true}]}`
	tests := []struct {
		name, settings, login string
		code                  int
		want                  []string
	}{
		{"all is well", good, login, 0, []string{"settings are fine, and TCB has nothing against them"}},
		{"a provider that TCB has not", good, strings.Replace(login, `"demo"`, `"nobody"`, 1), 1, []string{"settings.yaml: error: environment my-env: identity provider nobody: TCB has none"}},
		{"a callback that is not registered", strings.ReplaceAll(good, "app.example.com", "other.example.com"), login, 1, []string{"captcha: TCB's captcha page does not come back to https://other.example.com/__auth/captcha/callback"}},
		{"a wrong secret", strings.Replace(good, "s3cr3t-of-app", "s3cr3t-of-old", 1), login, 1, []string{"error: environment my-env: clients: the secret of app is wrong"}},
		{"a code for other origins", strings.Replace(good, "{id: my-env}", `{id: my-env, code_flow: true, redirect_uris: ["https://b.example.com/cb"]}`, 1), login, 0,
			[]string{"settings.yaml: warning: environment my-env: code_flow of my-env", "http://my-env.ap-shanghai.tcb-api.tencentcloudapi.com", "docs/code-flow.md"}},
		{"wrong without TCB", "log_level: loud\n" + good, login, 1, []string{"log_level"}},
		{"nobody there", strings.Replace(good, tcb.URL, "http://127.0.0.1:1", 1), login, 1, []string{"error: environment my-env: TCB cannot be reached at http://127.0.0.1:1"}},
	}
	for _, tt := range tests {
		code, out := checkWith(t, []string{"-online"}, map[string]string{"settings.yaml": tt.settings, "tree/__auth/env/login.config.json": tt.login})
		if code != tt.code {
			t.Errorf("%s: exit code %d, want %d\n%s", tt.name, code, tt.code, out)
		}
		for _, want := range tt.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is not in:\n%s", tt.name, want, out)
			}
		}
		if strings.Contains(out, "s3cr3t") {
			t.Errorf("%s: a secret is told:\n%s", tt.name, out)
		}
	}
	for _, args := range [][]string{{"-online", "-settings", "x"}, {"-check", "-online"}, {"-check", "-online", "-emulator", "-settings", "x"}} {
		if code, _, stderr := runOnce(t, nil, args...); code != 2 || !strings.Contains(stderr, "-online ($TCB_LOGIN_ONLINE) goes with") {
			t.Errorf("%q: exit code %d, %q", args, code, stderr)
		}
	}
}

// TestQuestionsOf: what is asked follows from what the pages of an environment offer.
func TestQuestionsOf(t *testing.T) {
	t.Parallel()
	s, problems := settings.Parse("s", []byte("base_path: /login\nenvironments: [{id: one, provider_callback: /login/, captcha: page}, {id: two, region: ap-singapore}]"), settings.Launch{})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	logins := config.BuiltInPages(s)
	want := []online.Environment{
		{ID: "one", Region: "ap-shanghai", Address: "https://one.ap-shanghai.tcb-api.tencentcloudapi.com", Clients: []online.Client{{ID: "one"}},
			Offers: online.Offers{Password: true, SMS: true, Email: true, ProviderCallback: "/login/", CaptchaCallback: "/login/captcha/callback"}},
		{ID: "two", Region: "ap-singapore", Intl: true, Address: "https://two.api.intl.tcloudbasegateway.com", Clients: []online.Client{{ID: "two"}},
			Offers: online.Offers{Password: true, Email: true, ProviderCallback: "/login/provider/callback"}},
	}
	for i, env := range s.Environments {
		if diff := cmp.Diff(want[i], questionsOf(s, env, logins)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", env.ID, diff)
		}
	}
}
