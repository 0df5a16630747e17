package identifier

import (
	"regexp"
	"strings"
	"testing"
)

func TestParseUserCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ typed, want string }{
		{"WDJB-MJHX", "WDJB-MJHX"},
		{"wdjb-mjhx", "WDJB-MJHX"},
		{"wdjbmjhx", "WDJB-MJHX"},
		{"  WDJB MJHX\n", "WDJB-MJHX"},
		{"WDJB–MJHX", "WDJB-MJHX"},
		{"WDJB\u2212MJHX", "WDJB-MJHX"},
		{"ＷＤＪＢ－ＭＪＨＸ", "WDJB-MJHX"},
		{"WD-JB-MJ-HX", "WDJB-MJHX"},
		{"WDJB\u200b-MJHX", "WDJB-MJHX"},
		{"123-456-789", "123-456-789"},
		{"abcdef", "ABCDEF"},
		{"0123", "0123"},
		{"abc", ""},
		{"", ""},
		{"-", ""},
		{"WDJB_MJHX", ""},
		{"WDJB-MJHX&x=1", ""},
		{"ＷＤＪＢ－ＭＪＨＸ中", ""},
		{"WDJB\x00MJHX", ""},
		{"\xffWDJBMJHX", ""},
		{"ßßßß", ""},
		{"ABCDEFGHJKLMNPQR", "ABCDEFGHJKLMNPQR"},
		{"ABCDEFGHJKLMNPQRS", ""},
		{strings.Repeat("A", 8<<10), ""},
	} {
		got, ok := ParseUserCode(tt.typed)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("%q: got %q, %v, want %q", tt.typed, got, ok, tt.want)
		}
	}
}

// FuzzParseUserCode: what comes out needs no escaping in an address, and is read again as it is.
func FuzzParseUserCode(f *testing.F) {
	for _, seed := range []string{"WDJB-MJHX", "wdjb mjhx", "ＷＤＪＢ－ＭＪＨＸ", "a b c d", "\xff", "ſſſſ", "1-2-3-4"} {
		f.Add(seed)
	}
	shape := regexp.MustCompile(`^[A-Z0-9]+(-[A-Z0-9]+)*$`)
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := ParseUserCode(typed)
		if !ok {
			if code != "" {
				t.Errorf("%q: refused, and %q", typed, code)
			}
			return
		}
		if !shape.MatchString(code) || len(code) > 2*maxUserCode {
			t.Errorf("%q: got %q", typed, code)
		}
		if again, ok := ParseUserCode(code); !ok || again != code {
			t.Errorf("%q: got %q, and of that %q, %v", typed, code, again, ok)
		}
	})
}
