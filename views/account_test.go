package views

import (
	"strings"
	"testing"
)

// TestBrief: a guard's addresses come out of the page as they went in, and those with its query string
// are shorter there.
func TestBrief(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ query, address, want string }{
		{"env_id=e&x=%5E", "/__auth/session?env_id=e&x=%5E", "/__auth/session?^"},
		{"env_id=e", "/__auth/account?env_id=e&done=y", "/__auth/account?^&done=y"},
		{"env_id=e", "/__auth/sign-in?prompt=login", "/__auth/sign-in?prompt=login"},
		{"s", "/__auth/session?s", "/__auth/^ession?s"}, // as short as can be: it still comes out
		{"env_id=e", "", ""},
		{"", "/__auth/session", "/__auth/session"},
	} {
		g := Guard{Query: tt.query}
		got := g.Brief(tt.address)
		if got != tt.want {
			t.Errorf("%s beside %s is %s, want %s", tt.address, tt.query, got, tt.want)
		}
		if back := strings.Replace(got, "^", tt.query, 1); back != tt.address {
			t.Errorf("%s beside %s comes out as %s", tt.address, tt.query, back)
		}
	}
}
