package spell

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"base_path", "listen", "LISTENERS", "log_level"}
	tests := []struct {
		name, word string
		within     int
		want       string
	}{
		{"itself", "listen", 0, "listen"},
		{"one letter less", "liste", 1, "listen"},
		{"two letters changed places", "lisetn", 2, "listen"},
		{"too far", "lisetn", 1, ""},
		{"case and dashes do not count", "Log-Level", 0, "log_level"},
		{"those of the known neither", "listeners", 0, "LISTENERS"},
		{"the nearest of several", "listener", 3, "LISTENERS"},
		{"nothing like it", "environments", 4, ""},
		{"empty", "", 2, ""},
		{"too long to be a name", strings.Repeat("listen", 11), 60, ""},
	}
	for _, tt := range tests {
		if got := Nearest(tt.word, known, tt.within); got != tt.want {
			t.Errorf("%s: Nearest(%q, %d) = %q, want %q", tt.name, tt.word, tt.within, got, tt.want)
		}
	}
	if got := Nearest("ac", []string{"ab", "ad"}, 1); got != "ab" {
		t.Errorf("of two that are as near: %q, want the first", got)
	}
	if got := Nearest("a", nil, 5); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"same", "same", 0},
	}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
