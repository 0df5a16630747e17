package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcb-login/config/settings"
)

// TestOneProcess: a data folder is for one process, until it ends in whatever way.
func TestOneProcess(t *testing.T) {
	t.Parallel()
	binary := buildBinary(t)
	data := filepath.Join(t.TempDir(), "data")
	first := startBinary(t, binary, data)
	listen := []string{"-listen", "127.0.0.1:0", "-emulator-listen", "127.0.0.1:0", "-admin-listen", "127.0.0.1:0", "-data", data}
	noKey := settingsFile(t, "environments: [{id: demo}]\n")
	want := fmt.Sprintf("another tcb-login (process %d) runs with the data folder %s", first.cmd.Process.Pid, data)
	for name, args := range map[string][]string{
		"the demo": listen, "a generated session key": append([]string{"-settings", noKey}, listen...),
		"the emulator": append([]string{"-emulator", "-settings", noKey}, listen...),
	} {
		if code, _, stderr := runOnce(t, nil, args...); code != 1 || !strings.Contains(stderr, want) || strings.Contains(stderr, "listening") {
			t.Errorf("%s: exit code %d, want 1 and %q in\n%s", name, code, want, stderr)
		}
	}
	if err := signIn(t.Context(), first.pages); err != nil {
		t.Errorf("the first: %v", err)
	}
	first.kill(t)
	second := startBinary(t, binary, data)
	if err := signIn(t.Context(), second.pages); err != nil {
		t.Errorf("after kill -9: %v", err)
	}
}

// TestKeptKey: the key in the data folder is the same after an editor has put a line end behind it.
func TestKeptKey(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	made, err := sessionKeys(&settings.Settings{}, data)
	if err != nil {
		t.Fatal(err)
	}
	for _, around := range [][2]string{{"", ""}, {"", "\n"}, {"\ufeff", "\r\n"}} {
		if err := os.WriteFile(filepath.Join(data, "session.key"), []byte(around[0]+string(made[0])+around[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := sessionKeys(&settings.Settings{}, data); err != nil || len(got) != 1 || string(got[0]) != string(made[0]) {
			t.Errorf("between %+q: another key, %v", around, err)
		}
	}
}

// TestNoDataFolder: with keys of the operator's and no emulator there is nothing to
// keep, so that instances may share a folder, or have none they can write to.
func TestNoDataFolder(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	file := settingsFile(t, "session: {keys: [tests-alone-Kq7vXw2Zp9LmB4nRt8Ys]}\nenvironments: [{id: demo, endpoint: \"http://127.0.0.1:1\"}]\n")
	for range 2 {
		start(t, 1, nil, "-settings", file, "-listen", "127.0.0.1:0", "-data", data)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data folder: %v, want none", err)
	}
}

// TestReloadLocks: who begins to use the data folder's key at a reload takes the folder as at the start, or stays with
// the settings from before; who ceases to use it leaves it to others.
func TestReloadLocks(t *testing.T) {
	t.Parallel()
	binary := buildBinary(t)
	r := startReloaded(t, binary, sealedUnder(reloadKey)+reloadBase)
	data := filepath.Join(filepath.Dir(r.file), "data")
	const refused = "settings not taken over: those from before stay in force"
	first := startBinary(t, binary, data)
	r.reload(reloadBase)
	want := fmt.Sprintf("another tcb-login (process %d) runs with the data folder %s", first.cmd.Process.Pid, data)
	if line := r.until(refused, "settings read anew"); line.Msg != refused || !strings.Contains(line.Error, want) {
		t.Errorf("to the key of a folder that another process has: %+v, want %q", line, want)
	}
	if status, _ := r.signInPage("my-env"); status != http.StatusOK {
		t.Errorf("with the key from before: %d", status)
	}
	first.kill(t)
	if got := r.taken(reloadBase); got != "session.keys" {
		t.Errorf("changed: %s", got)
	}
	r.taken(strings.Replace(reloadBase, "First", "Second", 1)) // it has the folder already
	want = fmt.Sprintf("another tcb-login (process %d)", r.cmd.Process.Pid)
	if code, _, stderr := runOnce(t, nil, append(anywhere(t), "-data", data)...); code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("beside it: exit code %d, want 1 and %q in\n%s", code, want, stderr)
	}
	r.taken(sealedUnder(reloadKey) + reloadBase)
	third := startBinary(t, binary, data)
	third.kill(t)
}
