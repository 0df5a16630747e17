//go:build unix

package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFull: where the disk is full in the middle of a line, each line that counts as written can be read
// once there is room again, and the log says once that lines are lost and once how many were.
func TestFull(t *testing.T) {
	t.Parallel()
	const child = "TEST_AUDIT_FULL"
	if path := os.Getenv(child); path != "" {
		fill(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFull$") // since a limit is its process' own
	cmd.Env = append(os.Environ(), child+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if whole, torn := lines(string(text)); whole != 4 || torn != 1 {
		t.Errorf("%d whole lines and %d pieces, want 4 and 1:\n%s", whole, torn, text)
	}
}

// fill writes a line, three for which there is no room, and three more.
func fill(t *testing.T, path string) {
	signal.Ignore(syscall.SIGXFSZ)
	var told bytes.Buffer
	l, err := Open(Config{Path: path, Key: testKey, Logger: slog.New(slog.NewTextHandler(&told, nil))})
	if err != nil {
		t.Fatal(err)
	}
	l.Write(full)
	room(t, path, 100)
	for range 3 {
		l.Write(full)
	}
	if n, err := l.Lost(); n != 3 || !errors.Is(err, syscall.EFBIG) {
		t.Errorf("%d lines lost, %v", n, err)
	}
	room(t, path, 1<<20)
	for range 3 {
		l.Write(full)
	}
	if n, err := l.Lost(); n != 3 || err != nil {
		t.Errorf("%d lines lost, %v", n, err)
	}
	log := told.String()
	if strings.Count(log, "level=ERROR") != 1 || strings.Count(log, "level=WARN") != 1 || strings.Count(log, "\n") != 2 || !strings.Contains(log, "lost=3") {
		t.Errorf("the log says:\n%s", log)
	}
}

// room has a file grow by no more than this.
func room(t *testing.T, path string, more uint64) {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = min(uint64(info.Size())+more, limit.Max)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
}

// lines counts those that can be read and those that cannot.
func lines(text string) (whole, torn int) {
	for line := range strings.Lines(text) {
		if json.Valid([]byte(line)) {
			whole++
		} else {
			torn++
		}
	}
	return whole, torn
}

// TestTornByCrash: a line is not added to a piece of one that a process left which is no more.
func TestTornByCrash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	for range 2 {
		l, err := Open(Config{Path: path, Key: testKey})
		if err != nil {
			t.Fatal(err)
		}
		l.Write(full)
		l.Write(full)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text[:len(text)-10], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if whole, torn := lines(string(text)); whole != 2 || torn != 2 {
		t.Errorf("%d whole lines and %d pieces, want 2 and 2:\n%s", whole, torn, text)
	}
}
