package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

// TestNoDataFolder: with keys of the operator's and no emulator there is nothing to
// keep, so that instances may share a folder, or have none they can write to.
func TestNoDataFolder(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	settings := settingsFile(t, "session: {keys: [tests-alone-Kq7vXw2Zp9LmB4nRt8Ys]}\nenvironments: [{id: demo, endpoint: \"http://127.0.0.1:1\"}]\n")
	for range 2 {
		start(t, 1, nil, "-settings", settings, "-listen", "127.0.0.1:0", "-data", data)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data folder: %v, want none", err)
	}
}
