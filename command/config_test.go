package command

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcb-login/config/settings"
)

// TestConfig: what the command says, to whom, and how it ends.
func TestConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	for file, content := range map[string]string{good: "environments: [{id: one, clients: [{id: one, secret: env:SECRET}]}]\n", bad: "environments: [{id: one}]\nlog_level: loud\n"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"SECRET": "hunter2", "TCB_LOGIN_SETTINGS": ""}
	tests := []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"print", []string{"print", "-settings", good}, 0, "# one: TCB is called at https://one.example.com/auth\nlisten: 127.0.0.1:8080 # default\n", "session.keys is missing"},
		{"wrong settings", []string{"print", "-settings", bad}, 1, "", "bad.yaml:2:12: error: log_level"},
		{"no settings", []string{"print"}, 2, "", "-settings ($TCB_LOGIN_SETTINGS)"},
		{"schema", []string{"schema"}, 0, `"$schema": "http://json-schema.org/draft-07/schema#"`, ""},
		{"no action", nil, 2, "", "usage: tcb-login config print"},
		{"another action", []string{"show"}, 2, "", "usage: tcb-login config print"},
		{"help", []string{"-h"}, 0, "", "usage: tcb-login config print"},
		{"more", []string{"print", "-settings", good, "x"}, 2, "", `unexpected argument "x"`},
	}
	for _, tt := range tests {
		var stdout, stderr bytes.Buffer
		lookUp := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
		code := Config(tt.args, Process{Env: lookUp, Stdout: &stdout, Stderr: &stderr}, func(e settings.Environment) string { return "https://" + e.ID + ".example.com" })
		if code != tt.code || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", tt.name, code, stdout.String(), stderr.String())
		}
		if tt.stdout == "" && stdout.Len() > 0 || strings.Contains(stdout.String()+stderr.String(), "hunter2") {
			t.Errorf("%s: says too much: %q", tt.name, stdout.String())
		}
	}
}
