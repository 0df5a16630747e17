package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkFiles runs the program with -check over a settings file beside a tree of login configs.
func checkFiles(t *testing.T, files map[string]string) (code int, out string) {
	t.Helper()
	return checkWith(t, nil, files)
}

// checkWith is checkFiles with more flags.
func checkWith(t *testing.T, flags []string, files map[string]string) (code int, out string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	var stdout bytes.Buffer
	code = run(t.Context(), append([]string{"-check", "-settings", filepath.Join(dir, "settings.yaml")}, flags...), nil, &stdout, stderr)
	return code, strings.ReplaceAll(stdout.String(), dir+string(filepath.Separator), "")
}

const checkedSettings = `public_origins: ["https://app.example.com"]
trusted_proxies: [10.0.0.5]
session: {keys: [tests-alone-Kq7vXw2Zp9LmB4nRt8Ys]}
environments:
  - id: my-env
    login_configs: tree
`

// audited are settings with an audit log.
func audited(to string) string {
	return checkedSettings + "audit: {to: " + to + ", keys: [{id: a, key: tests-alone-audit-7vXw2Zp9LmB4nRt8Ys}]}\n"
}

// TestCheck: every problem of settings and login configs is printed at once, with
// file, line and column, and the exit code says whether any is an error.
func TestCheck(t *testing.T) {
	t.Parallel()
	good := `{"name": "Fine", "web": [{"id": "__password", "enable": true}]}`
	tests := []struct {
		name     string
		settings string
		tree     map[string]string
		code     int
		want     []string
	}{
		{"fine", checkedSettings, map[string]string{"__auth/env/login.config.json": good}, 0, []string{"settings are fine"}},
		{"warnings", checkedSettings, map[string]string{"__auth/env/login.config.json": `{"nme": "x", "web": [{"id": "__password", "enable": true}]}`}, 0,
			[]string{"tree/__auth/env/login.config.json:1:2: warning:", `"name"`}},
		{"code flow", checkedSettings + "    clients: [{id: a, code_flow: true, redirect_uris: [\"https://b.example.com/cb\"]}]\n",
			map[string]string{"__auth/env/login.config.json": good}, 0,
			[]string{"settings.yaml:7:34: warning: code_flow: it is unproven that TCB checks code_verifier and redirect_uri, and takes a code once", "docs/code-flow.md"}},
		{"settings and configs at once", "log_level: loud\n" + checkedSettings,
			map[string]string{"__auth/env/login.config.json": good}, 1, []string{"settings.yaml:1:12: error: log_level"}},
		{"script in a label", checkedSettings,
			map[string]string{"__auth/env/login.config.json": `{"web": [{"id": "demo", "label": "<script>alert(1)</script>", "enable": true}]}`}, 1,
			[]string{"login.config.json:1:34: error:", "markup"}},
		{"address in a colour", checkedSettings,
			map[string]string{"__auth/env/login.config.json": `{"web": [{"id": "email", "enable": true}], "tcbLogin": {"colors": {"brand": "url(https://evil.example)"}}}`}, 1,
			[]string{"error:", "brand", "want a colour"}},
		{"script behind a link", checkedSettings,
			map[string]string{"__auth/env/login.config.json": `{"web": [{"id": "email", "enable": true}], "tcbLogin": {"links": [{"label": "x", "url": "javascript:alert(1)"}]}}`}, 1,
			[]string{"error:", "javascript"}},
		{"logo of another host", checkedSettings,
			map[string]string{"__auth/env/login.config.json": `{"web": [{"id": "email", "enable": true}], "logo": "https://evil.example/x.png"}`}, 1,
			[]string{"error:", "logo", "tree"}},
		{"logo above the tree", checkedSettings,
			map[string]string{"__auth/env/login.config.json": `{"web": [{"id": "email", "enable": true}], "logo": "../../../settings.yaml"}`}, 1,
			[]string{"error:", "logo", "tree"}},
		{"version that is a path", checkedSettings,
			map[string]string{"__auth/env/login.config.json": good, "app-a/login.config.v1_..x.json": good}, 1,
			[]string{"app-a/login.config.v1_..x.json: error:"}},
		{"app that is no id", checkedSettings,
			map[string]string{"__auth/env/login.config.json": good, "__auth/app/..a/login.config.v1_1.json": good, "__auth/app/a b/login.config.v1_1.json": good}, 1,
			[]string{"__auth/app/a b", "error:"}},
		{"ten megabytes", checkedSettings,
			map[string]string{"__auth/env/login.config.json": `{"name": "` + strings.Repeat("x", 10<<20) + `"}`}, 1,
			[]string{"login.config.json: error:", "larger"}},
		{"deep", checkedSettings,
			map[string]string{"__auth/env/login.config.json": `{"web": ` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`}, 1,
			[]string{"login.config.json:1:", "error:", "deep"}},
		{"contrast", checkedSettings,
			map[string]string{"__auth/env/login.config.json": `{"web": [{"id": "email", "enable": true}], "tcbLogin": {"colors": {"brand": "#ffd400", "brandInk": "#ffffff"}}}`}, 1,
			[]string{"error:", "#ffd400", "#ffffff", ":1", "4.5"}},
		{"unknown text", checkedSettings,
			map[string]string{"__auth/env/login.config.json": `{"web": [{"id": "email", "enable": true}], "tcbLogin": {"texts": {"en": {"sign-in.titel": "x"}}}}`}, 1,
			[]string{"error:", "sign-in.titel", `"sign-in.title"`}},
		{"language that we do not have", checkedSettings,
			map[string]string{"__auth/env/login.config.json": `{"web": [{"id": "email", "enable": true}], "tcbLogin": {"locales": ["en", "tlh"]}}`}, 1,
			[]string{"error:", "tlh"}},
		{"an audit log", audited("log.jsonl"), map[string]string{"__auth/env/login.config.json": good}, 0, []string{"settings are fine"}},
		{"an audit log in no folder", audited("none/log.jsonl"), map[string]string{"__auth/env/login.config.json": good}, 1, []string{"settings.yaml: error: audit: to: none/log.jsonl cannot be made", "no such file"}},
		{"an audit log that is a folder", audited("tree"), map[string]string{"__auth/env/login.config.json": good}, 1, []string{"error: audit: to: tree is not a regular file"}},
		{"an audit log in other capitals", audited("STDOUT"), map[string]string{"__auth/env/login.config.json": good}, 1, []string{`settings.yaml:7:13: error: audit: to: want "stdout", as the program's own log is on stderr, or a path of a file; found "STDOUT"`}},
		{"an audit log in the program's own", audited("stderr"), map[string]string{"__auth/env/login.config.json": good}, 1, []string{"error: audit: to: want"}},
		{"no tree", checkedSettings, nil, 1, []string{"error:", "tree"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"settings.yaml": tt.settings}
			for name, content := range tt.tree {
				files["tree/"+name] = content
			}
			code, out := checkFiles(t, files)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in:\n%.600s", want, out)
				}
			}
		})
	}
	t.Run("two files and the settings", func(t *testing.T) {
		t.Parallel()
		_, out := checkFiles(t, map[string]string{
			"settings.yaml":                     "log_level: loud\n" + checkedSettings,
			"tree/__auth/env/login.config.json": `{"web": 1}`,
			"tree/app-a/login.config.2.json":    `{"web": [{"id": "email", "enable": true}], "logo": 2}`,
		})
		// A setting that is wrong must not hide what is wrong with the trees.
		for _, want := range []string{"settings.yaml:1:12", "tree/__auth/env/login.config.json:1:9", "tree/app-a/login.config.2.json:1:52"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s is not in:\n%s", want, out)
			}
		}
	})
}

// TestSampleConfigs: what stands in deploy/ passes the program's own check, words
// and languages included.
func TestSampleConfigs(t *testing.T) {
	t.Parallel()
	for _, tree := range []string{"one-environment", "two-apps"} {
		path, err := filepath.Abs(filepath.Join("deploy", "login-configs", tree))
		if err != nil {
			t.Fatal(err)
		}
		settings := strings.Replace(checkedSettings, "login_configs: tree", "login_configs: "+path, 1)
		if code, out := checkFiles(t, map[string]string{"settings.yaml": settings}); code != 0 || out != "settings are fine\n" {
			t.Errorf("%s: exit code %d\n%s", tree, code, out)
		}
	}
}
