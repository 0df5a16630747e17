package publish

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tcb-login/config/loginpage"
)

var publishedAt = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

func publisher(t *testing.T, dir string) *Publisher {
	t.Helper()
	p, err := Open(sourceOf(dir), nil, "ada", func() time.Time { return publishedAt })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// tree is what is in the app's folder: the files' names without what all have, and their pages' names.
func tree(t *testing.T, dir, app string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(dir, app))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, app, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var page struct{ Name string }
		if err := json.Unmarshal(data, &page); err != nil {
			page.Name = "broken"
		}
		all[strings.TrimSuffix(strings.TrimPrefix(e.Name(), "login.config."), ".json")] = page.Name
	}
	return all
}

// One thing after the other is done to a page, and each leaves what it must.
func TestPublisher(t *testing.T) {
	t.Parallel()
	dir := testTree(t, map[string]string{envConfig: named("env"), "a/login.config.2.json": named("one")})
	p := publisher(t, dir)
	key := loginpage.Key{App: "a", Version: "2"}
	draft := func(content string) func() { return func() { write(t, dir, "a/login.config.2.draft.json", content) } }
	nothing := func() {}
	steps := []struct {
		name string
		do   func()
		act  func(loginpage.Key) (Change, error)
		err  string   // what the refusal says
		told []string // words and problems
		want map[string]string
	}{
		{"no draft", nothing, p.Publish, "there is no draft", nil, map[string]string{"2": "one"}},
		{"nothing before", nothing, p.Rollback, "nothing to go back to", nil, map[string]string{"2": "one"}},
		{"publish", draft(named("two")), p.Publish, "", []string{`The name of the app changes from "one" to "two"`}, map[string]string{"2": "two", "2.previous": "one"}},
		{"a broken draft", draft(`{"name": 1,` + "\n" + `"logo": 2}`), p.Publish, "has errors",
			[]string{"a/login.config.2.draft.json:1:10: error: name: want text", "a/login.config.2.draft.json:2:9: error: logo: want text", "web is missing"},
			map[string]string{"2": "two", "2.previous": "one", "2.draft": "broken"}},
		{"the same again", draft(named("two")), p.Publish, "is what is published already", nil, map[string]string{"2": "two", "2.previous": "one", "2.draft": "two"}},
		{"the same in other words", draft("\n" + named("two")), p.Publish, "", nil, map[string]string{"2": "two", "2.previous": "two"}},
		{"publish again", draft(named("three")), p.Publish, "", nil, map[string]string{"2": "three", "2.previous": "two"}},
		{"rollback", draft(named("four")), p.Rollback, "", []string{`from "three" to "two"`}, map[string]string{"2": "two", "2.previous": "three", "2.draft": "four"}},
		{"rollback of the rollback", nothing, p.Rollback, "", []string{`from "two" to "three"`}, map[string]string{"2": "three", "2.previous": "two", "2.draft": "four"}},
		{"what was before is broken", func() { write(t, dir, "a/login.config.2.previous.json", "{") }, p.Rollback, "has errors",
			[]string{"login.config.2.previous.json:1:2: error"}, map[string]string{"2": "three", "2.previous": "broken", "2.draft": "four"}},
		{"retire", nothing, p.Retire, "", []string{"no longer in use"}, map[string]string{"2.retired": "three", "2.previous": "broken", "2.draft": "four"}},
		{"retire again", nothing, p.Retire, "retired already", nil, map[string]string{"2.retired": "three", "2.previous": "broken", "2.draft": "four"}},
		{"back", nothing, p.Rollback, "", []string{"in use again"}, map[string]string{"2": "three", "2.previous": "broken", "2.draft": "four"}},
		{"retire once more", nothing, p.Retire, "", nil, map[string]string{"2.retired": "three", "2.previous": "broken", "2.draft": "four"}},
		{"publish what was retired", nothing, p.Publish, "", []string{"The page is new", "Email sign-in is offered"}, map[string]string{"2": "four", "2.previous": "three"}},
		{"what is published broke", func() { write(t, dir, "a/login.config.2.json", "{"); draft(named("five"))() }, p.Publish, "",
			[]string{"cannot be compared"}, map[string]string{"2": "five", "2.previous": "broken"}},
		{"removed by hand", func() {
			write(t, dir, "a/login.config.2.previous.json", named("six"))
			if err := os.Remove(filepath.Join(dir, "a/login.config.2.json")); err != nil {
				t.Fatal(err)
			}
		}, p.Retire, "no such page", nil, map[string]string{"2.previous": "six"}},
		{"back from that", nothing, p.Rollback, "", nil, map[string]string{"2": "six"}},
	}
	done := 0
	for _, step := range steps {
		step.do()
		change, err := step.act(key)
		if (err == nil) != (step.err == "") || err != nil && !strings.Contains(err.Error(), step.err) {
			t.Errorf("%s: %v, want %q", step.name, err, step.err)
		}
		if err == nil {
			done++
		}
		told := strings.Join(change.Words, "\n") + "\n" + problemsIn(dir, change.Problems)
		for _, want := range step.told {
			if !strings.Contains(told, want) {
				t.Errorf("%s: told %q, want %q", step.name, told, want)
			}
		}
		if got := tree(t, dir, "a"); !maps.Equal(got, step.want) {
			t.Errorf("%s: the files are %v, want %v", step.name, got, step.want)
		}
	}
	lines, err := os.ReadFile(filepath.Join(dir, historyFile))
	if err != nil {
		t.Fatal(err)
	}
	var history []Change
	for s := bufio.NewScanner(bytes.NewReader(lines)); s.Scan(); {
		var c Change
		if err := json.Unmarshal(s.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		history = append(history, c)
	}
	if len(history) != done {
		t.Fatalf("%d lines for %d changes", len(history), done)
	}
	if c := history[0]; c.Action != "publish" || c.By != "ada" || !c.At.Equal(publishedAt) || c.Env != "demo" || c.App != "a" || c.Version != "2" ||
		len(c.From) != 64 || len(c.To) != 64 || c.From == c.To || len(c.Words) != 1 {
		t.Errorf("the history begins %+v", c)
	}
	if first, back := history[2], history[3]; first.From != back.To || first.To != back.From {
		t.Errorf("a rollback is %s to %s, after %s to %s", back.From, back.To, first.From, first.To)
	}
}

// The last page of an environment cannot be retired, and the environment's own can like any other.
func TestRetireLast(t *testing.T) {
	t.Parallel()
	dir := testTree(t, map[string]string{envConfig: named("env"), "a/login.config.draft.json": named("draft")})
	p := publisher(t, dir)
	if _, err := p.Retire(loginpage.Key{Version: loginpage.EnvVersion}); err == nil || !strings.Contains(err.Error(), "last page") {
		t.Errorf("the last page: %v", err)
	}
	if _, err := p.Publish(loginpage.Key{App: "a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Retire(loginpage.Key{Version: loginpage.EnvVersion}); err != nil {
		t.Errorf("one of two: %v", err)
	}
	if _, problems := loginpage.Load([]loginpage.Source{sourceOf(dir)}, nil); problems.HasErrors() {
		t.Errorf("a start then: %v", problems)
	}
}

// A published file can be read by whom it could be read before, also where who publishes is careful
// about their own files.
func TestPublishedMode(t *testing.T) {
	t.Parallel()
	dir := testTree(t, map[string]string{envConfig: named("env"), "__auth/env/login.config.draft.json": named("two")})
	for name, mode := range map[string]fs.FileMode{envConfig: 0o664, "__auth/env/login.config.draft.json": 0o600} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := publisher(t, dir).Publish(envKey); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{envConfig, "__auth/env/login.config.previous.json"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o664 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// A link in the place of a page is somebody's arrangement, which publishing would undo.
func TestPublishOverLink(t *testing.T) {
	t.Parallel()
	dir := testTree(t, map[string]string{envConfig: named("env"), "a/1.json": named("one"), "a/login.config.draft.json": named("two")})
	if err := os.Symlink("1.json", filepath.Join(dir, "a/login.config.json")); err != nil {
		t.Fatal(err)
	}
	for name, act := range map[string]func(*Publisher, loginpage.Key) (Change, error){"publish": (*Publisher).Publish, "rollback": (*Publisher).Rollback, "retire": (*Publisher).Retire} {
		p := publisher(t, dir)
		if _, err := act(p, loginpage.Key{App: "a"}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", name, err)
		}
		p.Close()
	}
}

// One at a time: the second is told who is at work.
func TestPublishersAtOnce(t *testing.T) {
	t.Parallel()
	dir := testTree(t, map[string]string{envConfig: named("env")})
	first := publisher(t, dir)
	if _, err := Open(sourceOf(dir), nil, "bob", time.Now); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("the second: %v", err)
	}
	first.Close()
	publisher(t, dir)
	if _, err := Open(sourceOf(filepath.Join(dir, "gone")), nil, "bob", time.Now); err == nil {
		t.Error("published in a folder that is not there")
	}
}

// What was cut off at any place is finished, or had not begun, and nothing is lost.
func TestCutOff(t *testing.T) {
	t.Parallel()
	const live, previous = "a/login.config.2.json", "a/login.config.2.previous.json"
	const rollback, publish = "a/.login.config.2.json.rollback", "a/.login.config.2.json.publish"
	tests := []struct {
		name  string
		files map[string]string
		want  map[string]string // before the publishing that follows
	}{
		{"a rollback, before the previous page took its place", map[string]string{live: "new", previous: "old", rollback: "new"},
			map[string]string{"2": "new", "2.previous": "old"}},
		{"a rollback, after it", map[string]string{live: "old", rollback: "new"}, map[string]string{"2": "old", "2.previous": "new"}},
		{"before the draft took its place", map[string]string{live: "old", previous: "older", publish: "old"}, map[string]string{"2": "old", "2.previous": "older"}},
		{"before that, the first time", map[string]string{live: "old", publish: "old"}, map[string]string{"2": "old"}},
		{"after it", map[string]string{live: "new", previous: "older", publish: "old"}, map[string]string{"2": "new", "2.previous": "old"}},
		{"after it, the first time", map[string]string{live: "new", publish: "old"}, map[string]string{"2": "new", "2.previous": "old"}},
	}
	for _, tt := range tests {
		files := map[string]string{envConfig: named("env")}
		for name, page := range tt.files {
			files[name] = named(page)
		}
		dir := testTree(t, files)
		if _, err := publisher(t, dir).Publish(loginpage.Key{App: "a", Version: "2"}); err == nil {
			t.Errorf("%s: published without a draft", tt.name)
		}
		if got := tree(t, dir, "a"); !maps.Equal(got, tt.want) {
			t.Errorf("%s: the files are %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Where something cannot be written, all pages stay, the one that can be gone back to among them.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	const live, previous, draft = "a/login.config.2.json", "a/login.config.2.previous.json", "a/login.config.2.draft.json"
	for _, inTheWay := range []string{"a/.login.config.2.json.new", "a/..login.config.2.json.publish.new"} {
		dir := testTree(t, map[string]string{envConfig: named("env"), live: named("two"), previous: named("one"), draft: named("three")})
		if err := os.Mkdir(filepath.Join(dir, inTheWay), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := publisher(t, dir).Publish(loginpage.Key{App: "a", Version: "2"}); err == nil {
			t.Errorf("%s: published", inTheWay)
		}
		if err := os.Remove(filepath.Join(dir, inTheWay)); err != nil {
			t.Fatal(err)
		}
		if got, want := tree(t, dir, "a"), map[string]string{"2": "two", "2.previous": "one", "2.draft": "three"}; !maps.Equal(got, want) {
			t.Errorf("%s: the files are %v, want %v", inTheWay, got, want)
		}
	}
}

// While pages are published and rolled back all the time, a server finds a whole page whenever it
// looks, and never a problem.
func TestPublishUnderLoad(t *testing.T) {
	t.Parallel()
	dir := testTree(t, map[string]string{envConfig: named("one")})
	pages, problems := loginpage.Load([]loginpage.Source{sourceOf(dir)}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p := publisher(t, dir)
	done := make(chan error)
	go func() {
		var err error
		for i := range 50 {
			name := []string{"two", "three"}[i%2]
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, "__auth/env/.d"), []byte(named(name)), 0o600),
				os.Rename(filepath.Join(dir, "__auth/env/.d"), filepath.Join(dir, "__auth/env/login.config.draft.json")))
			_, published := p.Publish(envKey)
			_, back := p.Rollback(envKey)
			_, forth := p.Rollback(envKey)
			err = errors.Join(err, published, back, forth)
		}
		done <- err
	}()
	for looks := 0; ; looks++ {
		select {
		case err := <-done:
			if err != nil || looks < 10 {
				t.Errorf("%d looks: %v", looks, err)
			}
			return
		default:
		}
		if _, problems := pages.Reload(); len(problems) > 0 || pages.Find(envKey) == nil {
			t.Fatalf("look %d: %v", looks, problems)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	dir := testTree(t, map[string]string{envConfig: named("one"), "__auth/env/login.config.draft.json": named("two"), "a/login.config.draft.json": "{"})
	c, err := Diff(sourceOf(dir), nil, envKey)
	if err != nil || !slices.Equal(c.Words, []string{`The name of the app changes from "one" to "two"`}) {
		t.Errorf("%q, %v", c.Words, err)
	}
	if c, err := Diff(sourceOf(dir), nil, loginpage.Key{App: "a"}); !errors.Is(err, errBroken) || len(c.Problems) == 0 {
		t.Errorf("a broken draft: %v, %v", err, c.Problems)
	}
	if _, err := Diff(sourceOf(dir), nil, loginpage.Key{App: "b"}); err == nil || !strings.Contains(err.Error(), "there is no draft") {
		t.Errorf("no draft: %v", err)
	}
	for _, name := range []string{lockFile, historyFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
