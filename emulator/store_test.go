package emulator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBrokenDatabase: who has a file that is no database is told which one.
func TestBrokenDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "emulator.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{Path: path, Environments: []Environment{{ID: "demo"}}})
	if err == nil {
		t.Fatal("it was opened", e.Close())
	}
	if !strings.Contains(err.Error(), path) {
		t.Errorf("the error is %v, without %s", err, path)
	}
}
