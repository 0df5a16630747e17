//go:build unix

package audit

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// within fails where something waits for what never comes.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s never ends", what)
	}
}

// TestNoFile: what is no regular file, or cannot be made, is told at once, by the check too, which leaves nothing
// behind.
func TestNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, file := filepath.Join(dir, "pipe"), filepath.Join(dir, "file")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		pipe: "pipe is not a regular file", dir: "is not a regular file", os.DevNull: "is not a regular file",
		filepath.Join(dir, "none", "audit.jsonl"): "no such file", filepath.Join(file, "audit.jsonl"): "not a directory",
		file: "", filepath.Join(dir, "audit.jsonl"): "",
	} {
		within(t, path, func() {
			if err := Check(path); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("Check(%s): %v, want %q", path, err, want)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
				t.Errorf("Check(%s) has made something: %v, %v", path, entries, err)
			}
			if want == "" {
				return
			}
			if _, err := Open(Config{Path: path, Key: testKey}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Open(%s): %v, want %q", path, err, want)
			}
		})
	}
}

// TestPipeLater: what comes into the file's place while the program runs keeps nobody waiting either.
func TestPipeLater(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := Open(Config{Path: path, Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	within(t, "a line", func() { l.Write(full) })
	if n, err := l.Lost(); n != 1 || err == nil {
		t.Errorf("%d lines lost, %v", n, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l.Write(full)
	if n, err := l.Lost(); n != 1 || err != nil {
		t.Errorf("afterwards: %d lines lost, %v", n, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
