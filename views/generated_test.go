package views

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

// TestWriteEscaped: a component writes what templ's own function would.
func TestWriteEscaped(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for c := range 256 {
		all.WriteByte(byte(c))
	}
	for _, s := range []string{all.String(), "", "<>&'\"", `"><script>alert(1)</script>`, "a&amp;b", "/__auth/?env_id=a&lang=en", "名前<b>\x00"} {
		var got strings.Builder
		if err := writeEscaped(&got, s); err != nil {
			t.Fatal(err)
		}
		if want := templ.EscapeString(s); got.String() != want {
			t.Errorf("%q is written as %q, want %q", s, got.String(), want)
		}
	}
}

// TestGenerated: what templ generates calls the functions of this package, and nothing writes a value
// that is not escaped.
func TestGenerated(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*_templ.go")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []string{"templ.JoinStringErrs(", "templ.EscapeString(", "Buffer.WriteString("} {
			if strings.Contains(string(source), call) {
				t.Errorf("%s has a %s…): run make generate", name, call)
			}
		}
	}
}
