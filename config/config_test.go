package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
)

var (
	demo  = loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}
	other = loginpage.Key{Env: "other", Version: loginpage.EnvVersion}
)

// load writes settings of two environments, the first with a login config, and loads them.
func load(t *testing.T, listen, page string) (*settings.Settings, *loginpage.Pages, string) {
	t.Helper()
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree", "__auth", "env")
	if err := os.MkdirAll(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	yaml := "listen: " + listen + "\nenvironments: [{id: demo, login_configs: tree}, {id: other, name: Other, region: ap-guangzhou}]\n"
	for file, content := range map[string]string{
		filepath.Join(dir, "settings.yaml"):      yaml,
		filepath.Join(tree, "login.config.json"): page,
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, pages, problems := Load(filepath.Join(dir, "settings.yaml"), settings.Launch{Emulator: true}, nil)
	return s, pages, strings.ReplaceAll(filepath.ToSlash(problems.String()), filepath.ToSlash(dir)+"/", "")
}

func TestLoad(t *testing.T) {
	t.Parallel()
	s, pages, problems := load(t, "127.0.0.1:80", `{"name": "Shop", "web": [{"id": "__sms", "enable": true}]}`)
	if s == nil || pages == nil {
		t.Fatalf("problems:\n%s", problems)
	}
	if page := pages.Find(demo); page == nil || page.Name != "Shop" || !page.Offers(loginpage.KindSMS) {
		t.Errorf("the page of a config: %+v", page)
	}
	// An environment without a tree has the built-in page, and outside of Shanghai no text
	// messages.
	if page := pages.Find(other); page == nil || page.File != "" || page.Name != "Other" || page.Offers(loginpage.KindSMS) {
		t.Errorf("the built-in page: %+v", page)
	}
	if page := BuiltInPages(s).Find(demo); page == nil || page.File != "" || !page.Offers(loginpage.KindSMS) {
		t.Errorf("BuiltInPages has %+v", page)
	}
	if s.Environments[0].LoginConfigs == "" {
		t.Error("BuiltInPages has changed the settings")
	}
}

// What is wrong with the one file does not hide what is wrong with the other.
func TestLoadProblems(t *testing.T) {
	t.Parallel()
	s, pages, problems := load(t, "nowhere", `{"web": 1}`)
	if s != nil || pages != nil {
		t.Errorf("settings %v, pages %v", s, pages)
	}
	for _, want := range []string{
		`settings.yaml:1:9: error: listen: want an address like "127.0.0.1:8080" or ":8080", found "nowhere"`,
		"tree/__auth/env/login.config.json:1:9: error: web: want a list, found a number",
	} {
		if !strings.Contains(problems, want) {
			t.Errorf("no problem %s in\n%s", want, problems)
		}
	}
	missing := filepath.Join(t.TempDir(), "settings.yaml")
	if _, _, problems := Load(missing, settings.Launch{}, nil); problems.String() != missing+": error: cannot be read: no such file or directory\n" {
		t.Errorf("without a file: %s", problems)
	}
}
