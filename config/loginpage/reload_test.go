package loginpage

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tcb-login/config/input"
)

func TestReload(t *testing.T) {
	t.Parallel()
	const withAll = `{"name": "NAME", "logo": "logo.svg", "web": [{"id": "email", "enable": true}],
		"agreement": {"enable": true, "path": "__auth/env/agreement/both.txt", "items": [{"label": "A", "enable": true}]}}`
	config := func(name string) string { return strings.Replace(withAll, "NAME", name, 1) }
	app := Key{Env: "demo", App: "app"}
	dir := testTree(t, map[string]string{envConfig: config("one")})
	pages, problems := Load([]Source{sourceOf(dir)}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	first := pages.Find(envKey)
	remove := func(name string) {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	outside := t.TempDir()
	away := func(name string) {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(outside, "x"+name)); err != nil {
			t.Fatal(err)
		}
	}
	back := func(name string) {
		if err := os.Rename(filepath.Join(outside, "x"+name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	const gone = ": warning: not there any more: kept the last good version of this page until the file is back, or to the end of this run\n"
	const kept = "__auth/env/login.config.json: warning: kept the last good version of this page until the errors below are mended\n"
	// Each step does one thing to the tree and then says what must be.
	steps := []struct {
		name     string
		do       func()
		changed  bool
		title    string // of the environment's page
		problems string
	}{
		{"nothing", func() {}, false, "one", ""},
		{"still nothing", func() {}, false, "one", ""},
		{"touched", func() { write(t, dir, envConfig, config("one")) }, false, "one", ""},
		{"changed", func() { write(t, dir, envConfig, config("two")) }, true, "two", ""},
		{"changed in the same tick", func() { write(t, dir, envConfig, config("six")) }, true, "six", ""},
		{"half written", func() { write(t, dir, envConfig, config("three")[:40]) }, false, "six",
			kept + "__auth/env/login.config.json:1:41: error: not valid JSON: unexpected end of JSON input\n"},
		{"still half written", func() {}, false, "six",
			kept + "__auth/env/login.config.json:1:41: error: not valid JSON: unexpected end of JSON input\n"},
		{"repaired", func() { write(t, dir, envConfig, config("three")) }, true, "three", ""},
		{"the picture changes", func() {
			write(t, dir, "__auth/env/logo.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>`)
		}, true, "three", ""},
		{"the text changes", func() { write(t, dir, "__auth/env/agreement/both.txt", "Other.") }, true, "three", ""},
		{"the picture goes", func() { remove("__auth/env/logo.svg") }, false, "three",
			kept + "__auth/env/login.config.json:1:27: error: logo: \"__auth/env/logo.svg\" cannot be read: no such file or directory\n"},
		{"the same picture comes back", func() {
			write(t, dir, "__auth/env/logo.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>`)
		}, false, "three", ""},
		{"a page comes", func() { write(t, dir, "app/login.config.json", `{"web": [{"id": "email", "enable": true}]}`) }, true, "three", ""},
		{"a broken page comes", func() { write(t, dir, "app/login.config.2.json", `{`) }, true, "three",
			"app/login.config.2.json:1:2: error: not valid JSON: unexpected end of JSON input\n"},
		{"it goes", func() { remove("app/login.config.2.json") }, true, "three", ""},
		{"emptied while it is copied", func() { write(t, dir, envConfig, "") }, false, "three",
			kept + "__auth/env/login.config.json:1:1: error: not valid JSON: unexpected end of JSON input\n"},
		{"the picture and the text are emptied too", func() {
			write(t, dir, envConfig, config("three"))
			write(t, dir, "__auth/env/logo.svg", "")
			write(t, dir, "__auth/env/agreement/both.txt", "")
		}, false, "three", kept +
			"__auth/env/login.config.json:1:27: error: logo: \"logo.svg\": not a picture: want PNG, JPEG, GIF, WebP or SVG\n" +
			"__auth/env/login.config.json:2:84: error: items[0]: no text: give it a value, or name the file that holds it in path\n"},
		{"the environment's goes", func() { away("__auth") }, false, "three", "__auth/env/login.config.json" + gone},
		{"still gone", func() {}, false, "three", "__auth/env/login.config.json" + gone},
		{"a new page beside it", func() { write(t, dir, "app/login.config.7.json", `{`+emailOnly+`}`) }, true, "three", "__auth/env/login.config.json" + gone},
		{"back half", func() { back("__auth") }, false, "three", kept +
			"__auth/env/login.config.json:1:27: error: logo: \"logo.svg\": not a picture: want PNG, JPEG, GIF, WebP or SVG\n" +
			"__auth/env/login.config.json:2:84: error: items[0]: no text: give it a value, or name the file that holds it in path\n"},
		{"back whole", func() {
			write(t, dir, "__auth/env/logo.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>`)
			write(t, dir, "__auth/env/agreement/both.txt", "Other.")
		}, false, "three", ""},
		{"a file in the folder's place", func() { away("app"); write(t, dir, "app", "") }, false, "three",
			"app/login.config.7.json" + gone + "app/login.config.json" + gone},
		{"the folder again", func() { remove("app"); back("app") }, false, "three", ""},
		{"its own page alone goes", func() { remove(envConfig) }, false, "three", "__auth/env/login.config.json" + gone},
		{"it comes back as another", func() { write(t, dir, envConfig, config("five")) }, true, "five", ""},
		{"the tree goes", func() { away("") }, false, "five",
			"TREE: error: the login configs cannot be read: no such file or directory\n" +
				"__auth/env/login.config.json" + gone + "app/login.config.7.json" + gone + "app/login.config.json" + gone},
		{"a file in its place", func() {
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, false, "five", "TREE: error: the login configs cannot be read: not a directory\n" +
			"__auth/env/login.config.json" + gone + "app/login.config.7.json" + gone + "app/login.config.json" + gone},
		{"an empty one", func() {
			remove("")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}, false, "five", "__auth/env/login.config.json" + gone + "app/login.config.7.json" + gone + "app/login.config.json" + gone},
		{"something new in it", func() { write(t, dir, "new/login.config.json", `{`+emailOnly+`}`) }, true, "five",
			"__auth/env/login.config.json" + gone + "app/login.config.7.json" + gone + "app/login.config.json" + gone},
		{"the old tree comes back", func() { remove(""); back("") }, false, "five", "new/login.config.json" + gone},
		{"changed as ever", func() { write(t, dir, envConfig, config("four")) }, true, "four", "new/login.config.json" + gone},
	}
	for _, step := range steps {
		step.do()
		hashes := pages.Find(envKey)
		changed, problems := pages.Reload()
		got := strings.ReplaceAll(problemsIn(dir, problems), dir, "TREE")
		if changed != step.changed || got != step.problems {
			t.Errorf("%s: changed %t, want %t; problems\n%s\nwant\n%s", step.name, changed, step.changed, got, step.problems)
		}
		if now := pages.Problems(); now.String() != problems.String() {
			t.Errorf("%s: Problems() = %s", step.name, now)
		}
		title := ""
		if l := pages.Find(envKey); l != nil {
			title = l.Name
			if hashes != nil && hashes != l && hashes.Hash == l.Hash {
				t.Errorf("%s: another page with the same hash", step.name)
			}
		}
		if title != step.title {
			t.Errorf("%s: the page is %q, want %q", step.name, title, step.title)
		}
		if wantApp := step.name == "a page comes"; wantApp && pages.Find(app) == nil {
			t.Errorf("%s: no page", step.name)
		}
	}
	if first.Name != "one" {
		t.Error("a page that was handed out has changed")
	}
}

// A folder that cannot be listed for once does not take its pages along.
func TestReloadUnreadableFolder(t *testing.T) {
	t.Parallel()
	app := Key{Env: "demo", App: "app", Version: "v1_a"}
	dir := testTree(t, map[string]string{envConfig: `{` + emailOnly + `}`, "__auth/app/app/login.config.v1_a.json": `{` + emailOnly + `}`})
	pages, _ := Load([]Source{sourceOf(dir)}, nil)
	folder := filepath.Join(dir, appFolder)
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	write(t, dir, appFolder, "a file in its place")
	if changed, problems := pages.Reload(); changed || !problems.HasErrors() || pages.Find(app) == nil {
		t.Errorf("unreadable: changed %t, problems %v", changed, problems)
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	if changed, problems := pages.Reload(); changed || problems.HasErrors() || pages.Find(app) == nil {
		t.Errorf("gone: changed %t, problems %v", changed, problems)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	dir := testTree(t, map[string]string{envConfig: `{"name": "one", ` + emailOnly + `}`})
	pages, _ := Load([]Source{sourceOf(dir)}, nil)
	type told struct {
		changed  []Key
		problems string
	}
	tell := make(chan told)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		pages.Watch(ctx, time.Millisecond, func(changed []Key, problems input.Problems) {
			select {
			case tell <- told{changed, problems.String()}:
			case <-ctx.Done():
			}
		})
	})
	// next waits for what a change of the tree makes Watch tell. A write is not one step, so that a
	// file half-way is told too.
	next := func(what string, want func(told) bool) {
		t.Helper()
		deadline := time.After(10 * time.Second)
		for {
			select {
			case got := <-tell:
				if want(got) {
					return
				}
			case <-deadline:
				t.Fatalf("%s: not told", what)
			}
		}
	}
	write(t, dir, envConfig, `{"name": "two", `+emailOnly+`}`)
	next("change", func(got told) bool {
		return slices.Equal(got.changed, []Key{envKey}) && got.problems == "" && pages.Find(envKey).Name == "two"
	})
	write(t, dir, envConfig, `{"name": 2, `+emailOnly+`}`)
	next("broken", func(got told) bool {
		return got.changed == nil && strings.Contains(got.problems, "want text") && strings.Contains(got.problems, "kept the last good")
	})
	write(t, dir, envConfig, `{"name": "two", `+emailOnly+`}`)
	next("repaired", func(got told) bool { return got.changed == nil && got.problems == "" })
	// Somebody else may reload in between: it is told all the same.
	write(t, dir, "app/login.config.json", `{`+emailOnly+`}`)
	pages.Reload()
	next("a page comes", func(got told) bool {
		return slices.Contains(got.changed, Key{Env: "demo", App: "app"}) && got.problems == ""
	})
	// What is gone is told once, not at every look: the next thing told is what happens next.
	if err := os.RemoveAll(filepath.Join(dir, "__auth")); err != nil {
		t.Fatal(err)
	}
	next("gone", func(got told) bool {
		return got.changed == nil && strings.Contains(got.problems, envConfig+": warning: not there")
	})
	for range 3 {
		pages.Reload()
	}
	write(t, dir, "app/login.config.json", `{"name": "next", `+emailOnly+`}`)
	select {
	case got := <-tell:
		if len(got.changed) == 0 && !strings.Contains(got.problems, "app/login.config.json:") { // which a file half-way has
			t.Errorf("told again: %v", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("the page after it: not told")
	}
	cancel()
	wg.Wait()
}

// Pages are read while others reload.
func TestPagesConcurrently(t *testing.T) {
	t.Parallel()
	dir := testTree(t, map[string]string{envConfig: `{"name": "x", ` + emailOnly + `}`})
	pages, _ := Load([]Source{sourceOf(dir)}, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if pages.Find(envKey) == nil || len(pages.Keys("demo")) != 1 {
					t.Error("the page is gone")
				}
				pages.Problems()
				pages.ProblemsOf(envKey)
			}
		})
		wg.Go(func() {
			for i := range 20 {
				// In place, so at times half-way.
				config := strings.Repeat(" ", i) + `{"name": "x", ` + emailOnly + `}`
				if err := os.WriteFile(filepath.Join(dir, envConfig), []byte(config), 0o600); err != nil {
					t.Error(err)
				}
				pages.Reload()
			}
		})
	}
	wg.Wait()
}

func BenchmarkReloadIdle(b *testing.B) {
	dir := b.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/files")); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, envConfig), []byte(`{"logo": "logo.svg", `+emailOnly+`}`), 0o600); err != nil {
		b.Fatal(err)
	}
	pages, problems := Load([]Source{sourceOf(dir)}, nil)
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	for b.Loop() {
		pages.Reload()
	}
}

// TestBecome: pages of other sources take the place of those that there are, for whoever has them; from then on the
// other sources are looked at.
func TestBecome(t *testing.T) {
	t.Parallel()
	config := func(name string) string { return `{"name": "` + name + `", "web": [{"id": "email", "enable": true}]}` }
	before, after := testTree(t, map[string]string{envConfig: config("before")}), testTree(t, map[string]string{envConfig: config("after")})
	pages, problems := Load([]Source{sourceOf(before)}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	fresh, problems := Load([]Source{sourceOf(after)}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	generation := pages.Generation()
	pages.Become(fresh, []string{envKey.Env})
	if got := pages.Find(envKey).Name; got != "after" {
		t.Errorf("the page is %q", got)
	}
	if pages.Generation() <= generation {
		t.Error("who keeps what was made of the pages does not learn that they are others")
	}
	write(t, before, envConfig, config("of no use"))
	write(t, after, envConfig, config("later"))
	if changed, problems := pages.Reload(); !changed || len(problems) > 0 {
		t.Errorf("changed: %t, %v", changed, problems)
	}
	if got := pages.Find(envKey).Name; got != "later" {
		t.Errorf("after a change of the other source the page is %q", got)
	}
}

// TestBecomeWithout: an environment that others were not read for keeps its pages and is looked at as before. One
// that is not in force gets none.
func TestBecomeWithout(t *testing.T) {
	t.Parallel()
	tree := testTree(t, map[string]string{envConfig: `{"name": "Tree", "web": [{"id": "email", "enable": true}]}`})
	builtIn := Key{Env: "built-in", Version: EnvVersion}
	pages, problems := Load([]Source{sourceOf(tree), {Env: builtIn.Env, Name: "Built in"}}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	added := Key{Env: "added", Version: EnvVersion}
	fresh, problems := Load([]Source{{Env: added.Env}}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	pages.Become(fresh, []string{envKey.Env, builtIn.Env})
	for key, want := range map[Key]string{envKey: "Tree", builtIn: "Built in"} {
		if page := pages.Find(key); page == nil || page.Name != want {
			t.Errorf("the page of %s: %+v", key.Env, page)
		}
	}
	if page := pages.Find(added); page != nil {
		t.Errorf("an environment that is not in force has the page %+v", page)
	}
	write(t, tree, envConfig, `{"name": "Later", "web": [{"id": "email", "enable": true}]}`)
	if changed, problems := pages.Reload(); !changed || len(problems) > 0 || pages.Find(envKey).Name != "Later" {
		t.Errorf("changed: %t, %v, %+v", changed, problems, pages.Find(envKey))
	}
}
