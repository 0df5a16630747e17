package input

import (
	"regexp"
	"testing"
)

// FuzzIsID compares with the pattern, which is too slow for every request.
func FuzzIsID(f *testing.F) {
	pattern := regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*\z`)
	for _, s := range []string{"", "a", "demo-1a2b3c", "1.0.2", "a_-", "-a", "_", ".a", "a.", "a..b", "a.-b", "a/b", "a\x00", "ä", "a b", "env\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := IsID(s), pattern.MatchString(s); got != want {
			t.Errorf("IsID(%q) = %t, the pattern says %t", s, got, want)
		}
	})
}
