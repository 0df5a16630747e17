package web

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/valyala/fasthttp"
)

// TestFormValue: a field is as it was posted, and nothing where it is no text: as JSON for TCB that would
// be another password than the one that was typed.
func TestFormValue(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "a": "a", "密码": "密码", "a\x00b": "a\x00b", "�": "�",
		"a\xff": "", "\xe5\xaf": "", "\xed\xa0\x80": "",
	} {
		var values fasthttp.Args
		values.Set("field", in)
		f := &Form{values: &values}
		if got := f.Value("field"); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
		if got := f.Value("other"); got != "" {
			t.Errorf("%q: another field is %q", in, got)
		}
	}
	if got := new(Form).Value("field"); got != "" {
		t.Errorf("nothing was posted, and a field is %q", got)
	}
}

// TestCut: what is cut has no more bytes than it may, and ends with a whole letter.
func TestCut(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "abc", "中文", "a中", strings.Repeat("é", 300)} {
		for n := range len(in) + 2 {
			got := Cut(in, n)
			if len(got) > n || !utf8.ValidString(got) || !strings.HasPrefix(in, got) || len(got) < min(n, len(in))-2 {
				t.Errorf("%.20q in %d bytes is %.20q", in, n, got)
			}
		}
	}
}
