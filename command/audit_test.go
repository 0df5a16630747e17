package command

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcb-login/audit"
)

const (
	logKey = "a log key of more than thirty-two bytes"
	oldKey = "an older key of more than thirty-two bytes"
	// Who searches the log has none of the other secrets.
	audited = `session: {keys: [env:NOT_HERE], store: "redis://127.0.0.1", store_password: env:NOT_HERE, store_key: "file:not.here"}
audit: {to: stdout, keys: [{id: new, key: ` + logKey + `}, {id: old, key: env:OLD}]}
environments: [{id: one, publishable_key: env:NOT_HERE, clients: [{id: one, secret: env:NOT_HERE}]}%s]
`
)

func TestAudit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, two := file("one.yaml", fmt.Sprintf(audited, "")), file("two.yaml", fmt.Sprintf(audited, ", {id: two}"))
	none := file("none.yaml", "session: {keys: [\"a session key of more than thirty-two bytes\"]}\nenvironments: [{id: one}]\n")
	missing := file("missing.yaml", strings.Replace(fmt.Sprintf(audited, ""), "env:OLD", "env:GONE", 1))
	hashes := func(env string, who ...string) string {
		var b strings.Builder
		for _, k := range []audit.Key{{ID: "new", Bytes: []byte(logKey)}, {ID: "old", Bytes: []byte(oldKey)}} {
			for _, w := range who {
				fmt.Fprintf(&b, "%s\tperson\t%s\n%s\tidentifier\t%s\n", k.ID, k.Person(env, w), k.ID, k.Identifier(env, w))
			}
		}
		return b.String()
	}
	tests := []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"a person", []string{"id", "-settings", one, "wang@example.com"}, 0, hashes("one", "wang@example.com"), ""},
		{"several", []string{"id", "123", "-settings", one, "+86 13800138000"}, 0, hashes("one", "123", "+86 13800138000"), ""},
		{"of an environment", []string{"-env", "two", "id", "-settings", two, "123"}, 0, hashes("two", "123"), ""},
		{"which environment", []string{"id", "-settings", two, "123"}, 2, "", "-env is missing"},
		{"no such environment", []string{"id", "-settings", two, "-env", "three", "123"}, 2, "", `no environment "three"`},
		{"its key is not here", []string{"id", "-settings", missing, "123"}, 1, "", "GONE is not set"},
		{"no keys", []string{"id", "-settings", none, "123"}, 1, "", "no audit: keys"},
		{"nobody", []string{"id", "-settings", one}, 2, "", "usage:"},
		{"an empty one", []string{"id", "-settings", one, ""}, 2, "", "empty"},
		{"nothing to do", nil, 2, "", "usage:"},
		{"something else", []string{"list", "-settings", one, "x"}, 2, "", "usage:"},
		{"no settings", []string{"id", "123"}, 2, "", "TCB_LOGIN_SETTINGS"},
		{"settings that are not there", []string{"id", "-settings", filepath.Join(dir, "x.yaml"), "123"}, 1, "", "cannot be read"},
		{"no such flag", []string{"id", "-x"}, 2, "", "-x"},
		{"help", []string{"-h"}, 0, "", "usage:"},
		{"schema", []string{"schema"}, 0, string(audit.Schema), ""},
	}
	for _, tt := range tests {
		var stdout, stderr bytes.Buffer
		code := Audit(tt.args, Process{Stdout: &stdout, Stderr: &stderr, Env: func(name string) (string, bool) {
			if name == "OLD" {
				return oldKey, true
			}
			return "", false
		}})
		if code != tt.code || stdout.String() != tt.stdout || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("%s: %d\n%s\n%s", tt.name, code, stdout.String(), stderr.String())
		}
		if strings.Contains(stdout.String()+stderr.String(), oldKey) {
			t.Errorf("%s: a key is printed", tt.name)
		}
	}
}
