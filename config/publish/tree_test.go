package publish

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcb-login/config/input"
	"tcb-login/config/loginpage"
)

const (
	envConfig = "__auth/env/login.config.json"
	emailOnly = `"web": [{"id": "email", "enable": true}]`
)

var envKey = loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}

// named is a login config with a name.
func named(name string) string { return `{"name": "` + name + `", ` + emailOnly + `}` }

// testTree writes files, by their paths, into a tree of their own.
func testTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, dir, name, content)
	}
	return dir
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sourceOf is an environment with text messages whose pages are in the tree at dir.
func sourceOf(dir string) loginpage.Source {
	return loginpage.Source{Env: "demo", Name: "Demo", Tree: dir, Texts: true}
}

// problemsIn are the problems without the tree's own path.
func problemsIn(dir string, ps input.Problems) string {
	return strings.ReplaceAll(filepath.ToSlash(ps.String()), filepath.ToSlash(dir)+"/", "")
}
