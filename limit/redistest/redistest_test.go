package redistest

import (
	"fmt"
	"testing"
)

// A verdict is a test that notes how it ends.
type verdict struct {
	testing.TB
	said string
}

func (v *verdict) Helper()           {}
func (v *verdict) Skip(args ...any)  { v.said = "skip: " + fmt.Sprint(args...); panic(v) }
func (v *verdict) Fatal(args ...any) { v.said = "fail: " + fmt.Sprint(args...); panic(v) }

// TestMissing: without a redis-server a test is skipped on somebody's machine, and fails in CI, where
// nobody would see that it did not run.
func TestMissing(t *testing.T) {
	for ci, want := range map[string]string{"": "skip: " + missing, "1": "fail: " + missing, "true": "fail: " + missing} {
		t.Setenv("CI", ci)
		v := &verdict{TB: t}
		func() {
			defer func() { _ = recover() }()
			find(v, "no-such-redis-server", "")
		}()
		if v.said != want {
			t.Errorf("CI=%q: %q, want %q", ci, v.said, want)
		}
	}
}
