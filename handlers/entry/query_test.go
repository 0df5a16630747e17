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
		params, ok := parseQuery(raw)
		if len(raw) > maxQuery {
			if ok {
				t.Fatal("too long, and read")
			}
			return
		}
		std, err := url.ParseQuery(raw)
		if !ok {
			text := true
			for k, vs := range std {
				text = text && utf8.ValidString(k) && !strings.ContainsRune(k, 0)
				for _, v := range vs {
					text = text && utf8.ValidString(v)
				}
			}
			if err == nil && text {
				t.Fatalf("%q is refused, net/url reads %v", raw, std)
			}
			return
		}
		var parts []string
		got := url.Values{}
		for _, p := range params {
			parts = append(parts, p.raw)
			got.Add(p.key, p.value)
			if !utf8.ValidString(p.key) || !utf8.ValidString(p.value) || strings.ContainsRune(p.key, 0) || strings.Contains(p.raw, "&") || p.raw == "" {
				t.Fatalf("%q has the parameter %+v", raw, p)
			}
		}
		// Read again, what we carry along is the same.
		again, ok := parseQuery(strings.Join(parts, "&"))
		if !ok || !slices.Equal(again, params) {
			t.Fatalf("%q is %v, and once more %v", raw, params, again)
		}
		if err == nil && std.Encode() != got.Encode() {
			t.Fatalf("%q is %v, net/url reads %v", raw, got, std)
		}
	})
}
