package refusal

import (
	"strings"
	"testing"
)

// TestShown: a refused value is shown as it is, and as nothing else.
func TestShown(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":                         "",
		"https://evil.example/a b": "https://evil.example/a b",
		"a\u202eb":                 `a\u202eb`,
		"a\r\nb\x00":               `a\r\nb\x00`,
		"中文":                       "中文",
		strings.Repeat("x", 300):   strings.Repeat("x", 200) + "…",
	} {
		if got := (&Problem{Value: value}).Shown(); got != want {
			t.Errorf("%q is shown as %q, want %q", value, got, want)
		}
	}
}
