package filelock

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestTake(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		t.Helper()
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	first := open()
	if holder, err := Take(first); holder != "" || err != nil {
		t.Fatalf("the first: %q, %v", holder, err)
	}
	if holder, err := Take(open()); holder != strconv.Itoa(os.Getpid()) || !errors.Is(err, ErrLocked) {
		t.Errorf("the second: %q, %v", holder, err)
	}
	first.Close()
	if holder, err := Take(open()); holder != "" || err != nil {
		t.Errorf("once the first has let go: %q, %v", holder, err)
	}
}
