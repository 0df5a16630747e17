package entry

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{"", "&", "=", "a=b&c=d", "a=%41+%zz%4", "a;b=c", "%5b%5D=1&x[]=2", "a=%ff", "a%00=1", "x=%E4%B8%AD&&y", strings.Repeat("a=b&", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		params, ok := parseQuery(nil, raw)
		if len(raw) > maxQuery {
			if ok {
				t.Fatal("too long, and read")
			}
			return
		}
		if !ok {
			t.Fatalf("%q is refused", raw)
		}
		std, err := url.ParseQuery(raw)
		var parts []string
		got := url.Values{}
		for _, p := range params {
			parts = append(parts, p.raw)
			got.Add(p.key, p.value)
			if p.text != (utf8.ValidString(p.key) && utf8.ValidString(p.value) && !strings.ContainsRune(p.key, 0)) || p.raw == "" {
				t.Fatalf("%q has the parameter %+v", raw, p)
			}
			if strings.ContainsAny(p.raw, "&\"<> ") || strings.ContainsFunc(p.raw, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("%q is carried on as %q", raw, p.raw)
			}
		}
		// Read again, what we carry along is the same.
		again, ok := parseQuery(nil, strings.Join(parts, "&"))
		if !ok || !slices.Equal(again, params) {
			t.Fatalf("%q is %v, and once more %v", raw, params, again)
		}
		if err == nil && std.Encode() != got.Encode() {
			t.Fatalf("%q is %v, net/url reads %v", raw, got, std)
		}
	})
}
