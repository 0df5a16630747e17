//go:build unix

package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcb-login/config/loginpage"
)

const (
	testUID = 4321
	testGID = 4322
)

// ownedTree has pages of another user: one that is published and one that is new.
func ownedTree(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root makes files of others")
	}
	dir := testTree(t, map[string]string{
		envConfig: named("one"), "__auth/env/login.config.draft.json": named("two"), "a/login.config.draft.json": named("new"),
	})
	for _, name := range []string{envConfig, "a/login.config.draft.json"} {
		if err := os.Chown(filepath.Join(dir, name), testUID, testGID); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func ownerOf(t *testing.T, file string) string {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	is := info.Sys().(*syscall.Stat_t)
	return fmt.Sprint(is.Uid, " ", is.Gid)
}

// What root publishes stays its owner's, who runs the server.
func TestPublishedOwner(t *testing.T) {
	t.Parallel()
	dir := ownedTree(t)
	p := publisher(t, dir)
	if _, err := p.Publish(envKey); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Publish(loginpage.Key{App: "a"}); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		for _, name := range []string{envConfig, "__auth/env/login.config.previous.json", "a/login.config.json"} {
			if got, want := ownerOf(t, filepath.Join(dir, name)), fmt.Sprint(testUID, " ", testGID); got != want {
				t.Errorf("%s, %s is of %s, want %s", when, name, got, want)
			}
		}
	}
	check("published")
	if _, err := p.Rollback(envKey); err != nil {
		t.Fatal(err)
	}
	check("rolled back")
}

// Who cannot leave a page to its owner does not publish it, and nothing is another then.
func TestOwnerCannotStay(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("TEST_PUBLISH_IN"); dir != "" { // the process below
		p, err := Open(sourceOf(dir), nil, "ada", func() time.Time { return publishedAt })
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if _, err := p.Publish(envKey); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("user %d and group %d", testUID, testGID)) {
			t.Errorf("published, with %v", err)
		}
		return
	}
	dir := ownedTree(t)
	everybody := func(path string) {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	everybody(dir)
	everybody(filepath.Dir(dir)) // the test's own
	everybody(filepath.Join(dir, "__auth/env"))
	self, err := os.ReadFile(os.Args[0]) // which is in a folder of root's
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "test")
	if err := os.WriteFile(binary, self, 0o755); err != nil {
		t.Fatal(err)
	}
	everybody(filepath.Dir(binary)) // in the same folder of the test's
	cmd := exec.CommandContext(t.Context(), binary, "-test.run=^TestOwnerCannotStay$")
	cmd.Dir = filepath.Dir(binary)
	cmd.Env = append(os.Environ(), "TEST_PUBLISH_IN="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: testUID + 10, Gid: testGID + 10}}
	switch out, err := cmd.CombinedOutput(); {
	case errors.Is(err, fs.ErrPermission):
		t.Skip("tests have a folder that only root gets to: ", err)
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	}
	if got := tree(t, dir, "__auth/env"); len(got) != 2 || got["json"] != "one" || got["draft"] != "two" {
		t.Errorf("the files are %v", got)
	}
}
