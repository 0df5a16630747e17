package entry

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestEscape: what may not stand in an address is written as %xx, for it goes into headers and pages;
// what is escaped already, and all else, stays.
func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "a=b&c=%20%zz+'()*;/?:@!$,-._~[]#": "a=b&c=%20%zz+'()*;/?:@!$,-._~[]#",
		" ": "%20", "\x00\t\r\n": "%00%09%0D%0A", "\x7f\x80\xff": "%7F%80%FF", "中": "%E4%B8%AD",
		"\"<>": "%22%3C%3E", "\\^`{|}": "%5C%5E%60%7B%7C%7D",
	} {
		if got := Escape(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

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
