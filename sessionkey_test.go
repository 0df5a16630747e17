//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestKeyWithoutRoom: a session key for which there is no room is not there at all, so that the next start
// makes one.
func TestKeyWithoutRoom(t *testing.T) {
	t.Parallel()
	const child = "TEST_KEY_WITHOUT_ROOM"
	if data := os.Getenv(child); data != "" {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 10, Max: 10}); err != nil {
			t.Fatal(err)
		}
		if _, err := keptKey(data); !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), data) {
			t.Errorf("no room: %v", err)
		}
		return
	}
	data := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKeyWithoutRoom$") // since a limit is its process' own
	cmd.Env = append(os.Environ(), child+"="+data)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if left, err := filepath.Glob(filepath.Join(data, "*")); err != nil || len(left) > 0 {
		t.Errorf("there are %q, %v", left, err)
	}
	if _, err := keptKey(data); err != nil {
		t.Errorf("with room: %v", err)
	}
}

// TestCutKey: who has a file with a piece of a key is told which one, and what to do.
func TestCutKey(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"", "a piece"} {
		data := t.TempDir()
		file := filepath.Join(data, "session.key")
		if err := os.WriteFile(file, []byte(piece), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := runOnce(t, nil, append(anywhere(t), "-data", data)...)
		if code != 1 || !strings.Contains(stderr, file) || !strings.Contains(stderr, "remove the file") {
			t.Errorf("%q: exit code %d, and\n%s", piece, code, stderr)
		}
	}
}
