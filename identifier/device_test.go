package identifier

import (
	"strings"
	"testing"
)

func TestIsDeviceID(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"": false, strings.Repeat("a", 15): false, strings.Repeat("a", 16): true, strings.Repeat("a", 48): true, strings.Repeat("a", 49): false,
		"0b7e6a52-8d5c-4f6e-9a55-0c1d2e3f4a5b": true, strings.Repeat("a", 16) + "\n": false, strings.Repeat("_", 16): false, strings.Repeat("é", 16): false,
	} {
		if got := IsDeviceID(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}
