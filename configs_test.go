package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// configsTree is a settings file that names a tree with a page of an app, and its draft.
func configsTree(t *testing.T, draft string) (settings, tree string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"settings.yaml":                       strings.Replace(checkedSettings, "tests-alone-Kq7vXw2Zp9LmB4nRt8Ys", "env:NOT_SET_HERE", 1),
		"tree/__auth/env/login.config.json":   `{"name": "Own", "web": [{"id": "__password", "enable": true}]}`,
		"tree/shop/login.config.2.json":       `{"name": "Shop", "web": [{"id": "__sms", "enable": true}, {"id": "email", "enable": true}], "tcbLogin": {"colors": {"brand": "#1a1a1a"}}}`,
		"tree/shop/login.config.2.draft.json": draft,
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "settings.yaml"), filepath.Join(dir, "tree")
}

const newShop = `{"name": "Shop", "web": [{"id": "email", "enable": true}], "tcbLogin": {"colors": {"brand": "#0052d9"}}}`

// TestConfigs: what the command says, to whom, and how it ends. It needs no secret of the settings.
func TestConfigs(t *testing.T) {
	t.Parallel()
	settings, tree := configsTree(t, newShop)
	tests := []struct {
		name   string
		args   []string
		code   int
		stdout []string
		stderr []string
	}{
		{"no action", []string{"configs"}, 2, nil, []string{"usage: tcb-login configs"}},
		{"an action that is none", []string{"configs", "delete", "shop/2"}, 2, nil, []string{"usage:"}},
		{"help", []string{"configs", "-h"}, 0, nil, []string{"usage:", "rollback"}},
		{"the schema", []string{"configs", "schema"}, 0, []string{`"$schema": "http://json-schema.org/draft-07/schema#"`, `"tcbLogin"`}, nil},
		{"no page", []string{"configs", "diff", "-settings", settings}, 2, nil, []string{"name the page"}},
		{"two pages", []string{"configs", "diff", "-settings", settings, "shop/2", "env"}, 2, nil, []string{`unexpected argument "env"`}},
		{"a flag that is none", []string{"configs", "diff", "-force", "shop/2"}, 2, nil, []string{"-force"}},
		{"no settings", []string{"configs", "diff", "shop/2"}, 2, nil, []string{"-settings ($TCB_LOGIN_SETTINGS)"}},
		{"a path for a page", []string{"configs", "diff", "-settings", settings, "../shop"}, 2, nil, []string{"app_id: want letters"}},
		{"settings that are gone", []string{"configs", "diff", "-settings", settings + "x", "shop/2"}, 1, nil, []string{"cannot be read"}},
		{"another environment", []string{"configs", "diff", "-settings", settings, "-env", "other", "shop/2"}, 1, nil, []string{`no environment "other"`}},
		{"a page that is none", []string{"configs", "diff", "-settings", settings, "shop/3"}, 1, nil, []string{"diff of shop/3: there is no draft", "login.config.3.draft.json"}},
		{"diff", []string{"configs", "diff", "-settings", settings, "-env", "my-env", "shop/2"}, 0,
			[]string{"- SMS sign-in is no longer offered.\n", "- The primary colour changes from #1a1a1a to #0052d9.\n"}, nil},
		{"publish, with flags behind", []string{"configs", "publish", "shop/2", "-by", "ada", "-settings", settings}, 0,
			[]string{"- SMS sign-in is no longer offered.\n"}, []string{`"msg":"login config published"`, `"app_id":"shop"`, `"config_version":"2"`, `"by":"ada"`}},
		{"rollback", []string{"configs", "rollback", "-settings", settings, "shop/2"}, 0, []string{"- SMS sign-in is offered.\n"}, []string{`"msg":"login config rolled back"`}},
		{"retire", []string{"configs", "retire", "-settings", settings, "shop/2"}, 0, []string{"- The page is no longer in use"}, []string{`"msg":"login config retired"`}},
		{"retire again", []string{"configs", "retire", "-settings", settings, "shop/2"}, 1, nil, []string{"retired already"}},
		{"the last", []string{"configs", "retire", "-settings", settings, "env"}, 1, nil, []string{"last page"}},
	}
	for _, tt := range tests {
		code, stdout, stderr := runOnce(t, nil, tt.args...)
		if code != tt.code {
			t.Errorf("%s: exit code %d, want %d", tt.name, code, tt.code)
		}
		for _, want := range tt.stdout {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s: no %q in %q", tt.name, want, stdout)
			}
		}
		for _, want := range tt.stderr {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: no %q in %q", tt.name, want, stderr)
			}
		}
		if tt.stdout == nil && stdout != "" || tt.stderr == nil && stderr != "" {
			t.Errorf("%s: also says %q, %q", tt.name, stdout, stderr)
		}
	}
	history, err := os.ReadFile(filepath.Join(tree, ".login-configs.history.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for dec := json.NewDecoder(bytes.NewReader(history)); dec.More(); {
		var line struct{ Action, By string }
		if err := dec.Decode(&line); err != nil || line.By == "" {
			t.Fatalf("%+v, %v", line, err)
		}
		actions = append(actions, line.Action)
	}
	if got := strings.Join(actions, " "); got != "publish rollback retire" {
		t.Errorf("the history has %q", got)
	}
}

// TestConfigsBroken: a broken draft is told as -check tells a page, and stays where it is.
func TestConfigsBroken(t *testing.T) {
	t.Parallel()
	settings, tree := configsTree(t, "{\"name\": 1,\n \"web\": [{\"id\": \"email\", \"enable\": true}],\n \"tcbLogin\": {\"texts\": {\"en\": {\"sign-in.titel\": \"x\"}}}}")
	for _, action := range []string{"diff", "publish"} {
		code, stdout, stderr := runOnce(t, []string{"TCB_LOGIN_SETTINGS=" + settings}, "configs", action, "shop/2")
		for _, want := range []string{"login.config.2.draft.json:1:10: error: name: want text", "login.config.2.draft.json:3:", `"sign-in.title"`} {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s: no %q in %q", action, want, stdout)
			}
		}
		if code != 1 || !strings.Contains(stderr, "mend them first") {
			t.Errorf("%s: exit code %d, %q", action, code, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(tree, "shop", "login.config.2.draft.json")); err != nil {
		t.Errorf("the draft: %v", err)
	}
}

// TestConfigsLive: a server that runs shows what is published, what is put back, and nothing of
// what is retired; never a draft.
func TestConfigsLive(t *testing.T) {
	t.Parallel()
	settings, tree := configsTree(t, strings.Replace(newShop, `"Shop"`, `"Corner shop"`, 1))
	environ := []string{"NOT_SET_HERE=tests-alone-Kq7vXw2Zp9LmB4nRt8Ys"}
	configured, err := os.ReadFile(settings)
	if err != nil {
		t.Fatal(err)
	}
	local := strings.Replace(string(configured), "https://app.example.com", "http://127.0.0.1:8080", 1)
	if err := os.WriteFile(settings, []byte(strings.Replace(local, "trusted_proxies: [10.0.0.5]\n", "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, 1, environ, "-settings", settings, "-listen", "127.0.0.1:0", "-data", t.TempDir())
	show := func() (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			s.urls["login"]+"/__auth/?env_id=my-env&client_id=my-env&app_id=shop&config_version=2&redirect_uri=http://127.0.0.1:8080/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "127.0.0.1:8080"
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if status, body := show(); status != http.StatusOK || strings.Contains(body, "Corner shop") {
		t.Fatalf("before: %d\n%s", status, body)
	}
	steps := []struct {
		action string
		seen   func(status int, body string) bool
	}{
		{"publish", func(status int, body string) bool {
			return status == http.StatusOK && strings.Contains(body, "Corner shop")
		}},
		{"rollback", func(status int, body string) bool {
			return status == http.StatusOK && !strings.Contains(body, "Corner shop")
		}},
		{"retire", func(status int, body string) bool {
			return status == http.StatusBadRequest && strings.Contains(body, "config_version")
		}},
		{"rollback", func(status int, body string) bool { return status == http.StatusOK }},
	}
	for _, step := range steps {
		if code, _, stderr := runOnce(t, nil, "configs", step.action, "-settings", settings, "shop/2"); code != 0 {
			t.Fatalf("%s: %s", step.action, stderr)
		}
		deadline := time.Now().Add(10 * time.Second)
		for {
			status, body := show()
			if step.seen(status, body) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s is not live: %d\n%s", step.action, status, body)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(tree, "shop", "login.config.2.json")); err != nil {
		t.Error(err)
	}
}
