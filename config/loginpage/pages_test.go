package loginpage

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcb-login/config/input"
)

var update = flag.Bool("update", false, "write the golden files anew")

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

// testCatalogue knows English and Chinese, and the messages of the tests.
type testCatalogue struct{}

func (testCatalogue) HasLocale(tag string) bool { return tag == "en" || tag == "zh-CN" }

func (testCatalogue) CheckText(_, key string, forms map[string]string) error {
	switch {
	case key == "unknown.key":
		return errors.New("there is no message unknown.key")
	case key == "codes.left" && len(forms) < 2:
		return errors.New("codes.left counts")
	}
	return nil
}

// testTree writes files, by their paths, into a tree of their own, and those of testdata/files.
func testTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/files")); err != nil {
		t.Fatal(err)
	}
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
func sourceOf(dir string) Source { return Source{Env: "demo", Name: "Demo", Tree: dir, Texts: true} }

var envKey = Key{Env: "demo", Version: EnvVersion}

// problemsIn are the problems without the tree's own path.
func problemsIn(dir string, ps input.Problems) string {
	return strings.ReplaceAll(filepath.ToSlash(ps.String()), filepath.ToSlash(dir)+"/", "")
}

// Each config in testdata/bad has its problems beside it, each with the place that it is about.
func TestGoldenProblems(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := testTree(t, map[string]string{envConfig: string(data)})
			pages, problems := Load([]Source{sourceOf(dir)}, testCatalogue{})
			if (pages.Find(envKey) == nil) != problems.HasErrors() {
				t.Errorf("no page: %t, errors: %t", pages.Find(envKey) == nil, problems.HasErrors())
			}
			golden(t, strings.TrimSuffix(file, ".json")+".problems", problemsIn(dir, problems))
		})
	}
}

// What is wrong with places and names rather than with what is written.
func TestTreeProblems(t *testing.T) {
	t.Parallel()
	const good = `{"web": [{"id": "email", "enable": true}]}`
	long := strings.Repeat("a", 65)
	tests := []struct {
		name  string
		files map[string]string
		links map[string]string // what they lead to
		want  string
	}{
		{"odd names", map[string]string{
			envConfig:                              good,
			"a..b/login.config.json":               good,
			"app x/login.config.json":              good,
			long + "/login.config.json":            good,
			"app/login.config.a..b.json":           good,
			"app/login.config.<b>.json":            good,
			"app/login.config.v1_a.json":           good,
			"app/login.config.env.json":            good,
			"app/login.config.json~":               "an editor's",
			"app/login.config.1.json.part":         "an upload under way",
			".git/login.config.json":               "hidden",
			"__auth/app/b/login.config.2.json":     good,
			"__auth/app/b/login.config.json":       good,
			"__auth/app/..c/login.config.v1_.json": good,
			"__auth/app/_c/login.config.v1_.json":  good,
			"assets/index.js":                      "of the app's own",
		}, nil, `
__auth/app/_c/login.config.v1_.json: error: the folder's name is the app_id: want letters, digits, - and _, with single dots between, at most 64, found "_c"
__auth/app/b/login.config.2.json: warning: never used: here are versions that begin with v1_; this one belongs into b
__auth/app/b/login.config.json: warning: never used: here are versions that begin with v1_; this one belongs into b
a..b/login.config.json: error: the folder's name is the app_id: want letters, digits, - and _, with single dots between, at most 64, found "a..b"
` + long + `/login.config.json: error: the folder's name is the app_id: want letters, digits, - and _, with single dots between, at most 64, found "` + long[:60] + `…"
app x/login.config.json: error: the folder's name is the app_id: want letters, digits, - and _, with single dots between, at most 64, found "app x"
app/login.config.<b>.json: error: the file's name holds the config_version: want letters, digits, - and _, with single dots between, at most 128, found "<b>"
app/login.config.a..b.json: error: the file's name holds the config_version: want letters, digits, - and _, with single dots between, at most 128, found "a..b"
app/login.config.env.json: warning: never used: config_version "env" is __auth/env/login.config.json
app/login.config.v1_a.json: warning: never used: versions that begin with v1_ belong into __auth/app/app
`},
		{"no page of the environment", map[string]string{"app/login.config.json": good}, nil, `
TREE: warning: no __auth/env/login.config.json: the environment has no page of its own
`},
		{"nothing", map[string]string{"login.config.json": good}, nil, `
TREE: error: no login config in this folder: the environment's is __auth/env/login.config.json
`},
		{"too large", map[string]string{envConfig: strings.Repeat(" ", 10<<20) + good}, nil, `
__auth/env/login.config.json: error: cannot be read: larger than 262144 bytes
`},
		{"links out of the tree", map[string]string{
			"app/login.config.json": `{"logo": "logo.svg", "web": [{"id": "email", "enable": true}]}`,
		}, map[string]string{
			envConfig:      "OUTSIDE/login.config.json",
			"app/logo.svg": "OUTSIDE/logo.svg",
			"evil":         "OUTSIDE",
		}, `
__auth/env/login.config.json: error: cannot be read: a link leads out of the tree
app/login.config.json:1:10: error: logo: "app/logo.svg" cannot be read: a link leads out of the tree
evil: warning: passed over: a link leads out of the tree
`},
		{"links to nothing", nil, map[string]string{envConfig: "gone.json", "app": "gone"}, `
__auth/env/login.config.json: error: cannot be read: no such file or directory
app: warning: passed over: no such file or directory
`},
		{"a folder for a file", map[string]string{envConfig + "/x": "y"}, nil, `
__auth/env/login.config.json: error: cannot be read: not a regular file
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			outside := t.TempDir()
			write(t, outside, "login.config.json", good)
			write(t, outside, "logo.svg", `<svg xmlns="http://www.w3.org/2000/svg"/>`)
			dir := testTree(t, tt.files)
			for name, to := range tt.links {
				if err := os.Symlink(strings.Replace(to, "OUTSIDE", outside, 1), filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			_, problems := Load([]Source{sourceOf(dir)}, nil)
			got := strings.ReplaceAll(problemsIn(dir, problems), dir, "TREE")
			if want := strings.TrimPrefix(tt.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
	t.Run("no tree", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "gone")
		pages, problems := Load([]Source{sourceOf(dir)}, nil)
		if got, want := problems.String(), dir+": error: the login configs cannot be read: no such file or directory\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if pages.Find(envKey) != nil || len(pages.Keys("demo")) != 0 {
			t.Error("a page without a tree")
		}
		write(t, dir, envConfig, good)
		if changed, problems := pages.Reload(); !changed || len(problems) > 0 || pages.Find(envKey) == nil {
			t.Errorf("once the tree is there: changed %t, problems %v", changed, problems)
		}
	})
	t.Run("too many files", func(t *testing.T) {
		t.Parallel()
		root, err := os.OpenRoot(testTree(t, map[string]string{envConfig: good, "a/1": "", "a/2": "", "b/login.config.json": good}))
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		const there = 6 // __auth, a, b and what is in them
		if scan, err := scanTree(root, "demo", there); err != nil || len(scan.configs) != 2 {
			t.Errorf("as many as may be: %v", err)
		}
		for most := range there {
			if _, err := scanTree(root, "demo", most); err == nil || !strings.Contains(err.Error(), "more than") {
				t.Errorf("at most %d: %v", most, err)
			}
		}
	})
}

func TestFindAndKeys(t *testing.T) {
	t.Parallel()
	const good = `{"web": [{"id": "email", "enable": true}]}`
	dir := testTree(t, map[string]string{
		"app-b/login.config.json":                     good,
		"app-b/login.config.2.json":                   good,
		"__auth/app/app-a/login.config.v1.json":       good,
		"__auth/app/app-a/login.config.v1_x.y-2.json": "broken",
		envConfig: good,
	})
	pages, _ := Load([]Source{sourceOf(dir), {Env: "other", Name: "Other"}}, nil)
	want := []Key{
		envKey, {Env: "demo", App: "app-a", Version: "v1"}, {Env: "demo", App: "app-a", Version: "v1_x.y-2"}, {Env: "demo", App: "app-b", Version: ""}, {Env: "demo", App: "app-b", Version: "2"},
	}
	if got := pages.Keys("demo"); !slices.Equal(got, want) {
		t.Errorf("Keys = %v, want %v", got, want)
	}
	for _, key := range want {
		l := pages.Find(key)
		if broken := key.Version == "v1_x.y-2"; (l == nil) != broken || len(pages.ProblemsOf(key)) > 0 != broken {
			t.Errorf("Find(%v) = %v, problems %v", key, l, pages.ProblemsOf(key))
		}
		if l != nil && (l.Key != key || !strings.HasPrefix(l.File, dir) || len(l.Hash) != 32) {
			t.Errorf("Find(%v): key %v, file %q, hash %q", key, l.Key, l.File, l.Hash)
		}
	}
	for _, key := range []Key{
		{}, {Env: "demo", App: "", Version: ""}, {Env: "demo", App: "app-b", Version: "v1_x"}, {Env: "demo", App: "../app-b", Version: "2"}, {Env: "nobody", App: "", Version: "env"}, {Env: "demo", App: "app-c", Version: ""},
	} {
		if l := pages.Find(key); l != nil {
			t.Errorf("Find(%v) = %v", key, l)
		}
	}
	if l := pages.Find(Key{Env: "demo", App: "app-b", Version: "env"}); l == nil || l.Key != envKey {
		t.Errorf("the page of the environment, with an app_id: %v", l)
	}
	other := Key{Env: "other", Version: "env"}
	if l := pages.Find(other); l == nil || l.File != "" || l.Name != "Other" {
		t.Errorf("Find(%v) = %v, want the built-in one", other, l)
	}
}

// A config map is mounted as links to a hidden folder that is itself a link, which is then
// switched.
func TestConfigMap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	config := func(name string) string {
		return `{"name": "` + name + `", "web": [{"id": "email", "enable": true}]}`
	}
	write(t, dir, "..one/__auth/env/login.config.json", config("one"))
	write(t, dir, "..two/__auth/env/login.config.json", config("two"))
	write(t, dir, "..one/app/login.config.json", config("one"))
	link("..one", "..data")
	link("..data/__auth", "__auth")
	link("..data/app", "app")
	pages, problems := Load([]Source{sourceOf(dir)}, nil)
	if len(problems) > 0 || len(pages.Keys("demo")) != 2 || pages.Find(envKey).Name != "one" {
		t.Fatalf("pages %v, problems %v", pages.Keys("demo"), problems)
	}
	link("..two", "..new")
	if err := os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	changed, problems := pages.Reload()
	if !changed || pages.Find(envKey).Name != "two" || pages.Find(Key{Env: "demo", App: "app", Version: ""}) == nil ||
		!strings.Contains(problems.String(), filepath.Join("app", "login.config.json")+": warning: not there") {
		t.Errorf("after the switch: changed %t, problems %v, pages %v", changed, problems, pages.Keys("demo"))
	}
	// While the map is mounted anew there is no ..data, and all links lead nowhere.
	if err := os.Remove(filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if changed, _ := pages.Reload(); changed || pages.Find(envKey).Name != "two" {
		t.Errorf("in between: changed %t", changed)
	}
	link("..two", "..data")
	if changed, _ := pages.Reload(); changed || len(pages.ProblemsOf(envKey)) > 0 {
		t.Errorf("afterwards: changed %t, problems %v", changed, pages.ProblemsOf(envKey))
	}
}

// The trees that operators start from must be right, and everything in them is used.
func TestSampleTrees(t *testing.T) {
	t.Parallel()
	tests := []struct {
		tree string
		keys []Key
	}{
		{"one-environment", []Key{envKey}},
		{"two-apps", []Key{envKey, {Env: "demo", App: "app-desk", Version: "2"}, {Env: "demo", App: "app-orders", Version: "v1_2f8c61d0"}}},
	}
	for _, tt := range tests {
		dir := filepath.Join("..", "..", "deploy", "login-configs", tt.tree)
		pages, problems := Load([]Source{sourceOf(dir)}, nil)
		if len(problems) > 0 {
			t.Errorf("problems:\n%s", problems)
		}
		if got := pages.Keys("demo"); !slices.Equal(got, tt.keys) {
			t.Errorf("%s has %v, want %v", tt.tree, got, tt.keys)
		}
		used := map[string]bool{}
		for _, p := range pages.now.Load().entries {
			for name := range p.files {
				used[name] = true
			}
		}
		err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !used[name] {
				t.Errorf("%s: nothing uses %s", tt.tree, name)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
