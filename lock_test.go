package main

import (
	"fmt"
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
