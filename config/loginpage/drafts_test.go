package loginpage

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func named(name string) string { return `{"name": "` + name + `", ` + emailOnly + `}` }

// Every page has three more files, and only its own key finds a draft.
func TestRoles(t *testing.T) {
	t.Parallel()
	tests := []struct {
		key                            Key
		live, draft, previous, retired string
	}{
		{envKey, "__auth/env/login.config.json", "__auth/env/login.config.draft.json",
			"__auth/env/login.config.previous.json", "__auth/env/login.config.retired.json"},
		{Key{App: "a"}, "a/login.config.json", "a/login.config.draft.json", "a/login.config.previous.json", "a/login.config.retired.json"},
		{Key{App: "a", Version: "2"}, "a/login.config.2.json", "a/login.config.2.draft.json",
			"a/login.config.2.previous.json", "a/login.config.2.retired.json"},
		{Key{App: "a", Version: "v1_x.y"}, "__auth/app/a/login.config.v1_x.y.json", "__auth/app/a/login.config.v1_x.y.draft.json",
			"__auth/app/a/login.config.v1_x.y.previous.json", "__auth/app/a/login.config.v1_x.y.retired.json"},
	}
	for _, tt := range tests {
		files := map[string]string{envConfig: named("env")}
		for r, want := range map[Role]string{RoleLive: tt.live, RoleDraft: tt.draft, RolePrevious: tt.previous, RoleRetired: tt.retired} {
			if got := FileOf(tt.key, r); got != want {
				t.Errorf("the %q of %v is %s, want %s", r, tt.key, got, want)
			}
			files[want] = named(string(r))
		}
		tt.key.Env = "demo"
		pages, problems := Load([]Source{sourceOf(testTree(t, files))}, nil)
		if len(problems) > 0 {
			t.Errorf("problems: %v", problems)
		}
		if p := pages.Find(tt.key); p == nil || p.Name != "" {
			t.Errorf("%v: the page %v", tt.key, p)
		}
		draft := tt.key
		draft.Draft = true
		if p := pages.Find(draft); p == nil || p.Name != "draft" || p.Key != draft {
			t.Errorf("%v: the draft %v", tt.key, p)
		}
		if keys := pages.Drafts("demo"); !slices.Equal(keys, []Key{draft}) {
			t.Errorf("drafts %v, want %v alone", keys, draft)
		}
		for _, key := range pages.Keys("demo") {
			if key.Draft {
				t.Errorf("%v is among the pages", key)
			}
		}
		// What an address can say.
		for _, version := range []string{"draft", "previous", "retired", "2.draft", "env.draft", "v1_x.y.draft", "v1_x.y.retired"} {
			for _, app := range []string{"", "a"} {
				if p := pages.Find(Key{Env: "demo", App: app, Version: version}); p != nil {
					t.Errorf("config_version %s of app %q finds %s", version, app, p.File)
				}
			}
		}
	}
}

// What becomes of pages and problems while drafts come and go, and pages are retired.
func TestDraftsReload(t *testing.T) {
	t.Parallel()
	dir := testTree(t, map[string]string{envConfig: named("env"), "a/login.config.2.json": named("two"), "a/login.config.2.draft.json": `{"web": 1}`})
	pages, problems := Load([]Source{sourceOf(dir)}, nil)
	two := Key{Env: "demo", App: "a", Version: "2"}
	draft := two
	draft.Draft = true
	const broken = "a/login.config.2.draft.json:1:9: warning: a draft that cannot be published: web: want a list, found a number\n"
	if got := problemsIn(dir, problems); got != broken {
		t.Errorf("problems %q, want %q", got, broken)
	}
	rename := func(from, to string) {
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	name := func(key Key) string {
		if p := pages.Find(key); p != nil {
			return p.Name
		}
		return "-"
	}
	steps := []struct {
		name        string
		do          func()
		live, draft string
		problems    string // of pages
	}{
		{"a broken draft", func() {}, "two", "-", ""},
		{"mended", func() { write(t, dir, "a/login.config.2.draft.json", named("three")) }, "two", "three", ""},
		{"broken again", func() { write(t, dir, "a/login.config.2.draft.json", `{`) }, "two", "three", ""},
		{"mended again", func() { write(t, dir, "a/login.config.2.draft.json", named("four")) }, "two", "four", ""},
		{"published by hand", func() { rename("a/login.config.2.draft.json", "a/login.config.2.json") }, "four", "-", ""},
		{"gone", func() { rename("a/login.config.2.json", "x") }, "four", "-", "a/login.config.2.json: warning: not there any more"},
		{"back", func() { rename("x", "a/login.config.2.json") }, "four", "-", ""},
		{"retired", func() { rename("a/login.config.2.json", "a/login.config.2.retired.json") }, "-", "-", ""},
		{"still", func() {}, "-", "-", ""},
		{"in use again", func() { write(t, dir, "a/login.config.2.json", named("five")) }, "five", "-", ""},
		{"with no folder", func() { rename("a", ".y") }, "five", "-", "a/login.config.2.json: warning: not there any more"},
		{"with the folder", func() { rename(".y", "a") }, "five", "-", ""},
	}
	for _, step := range steps {
		step.do()
		_, problems := pages.Reload()
		if name(two) != step.live || name(draft) != step.draft {
			t.Errorf("%s: the page %q, the draft %q, want %q and %q", step.name, name(two), name(draft), step.live, step.draft)
		}
		if got := problemsIn(dir, problems); !strings.HasPrefix(got, step.problems) || step.problems == "" && got != "" {
			t.Errorf("%s: problems %q, want %q", step.name, got, step.problems)
		}
		if told := pages.ProblemsOf(draft); strings.HasPrefix(step.name, "broken") && len(told) < 2 {
			t.Errorf("%s: the preview is told %v", step.name, told)
		}
	}
}
