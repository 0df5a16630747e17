package limit

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestKey(t *testing.T) {
	t.Parallel()
	lists := [][]string{
		{}, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"ab", "c"}, {"a", "bc"}, {"abc"},
		{"1:a"}, {"a1:", "b"}, {"a", "1:b"}, {"a1:b"}, {"\x00"}, {"1", "2", "3"}, {"12", "3"},
	}
	seen := map[string][]string{}
	for _, l := range lists {
		k := Key(l...)
		if other, ok := seen[k]; ok {
			t.Errorf("Key(%q) and Key(%q) are both %q", l, other, k)
		}
		seen[k] = l
	}
}

// TestKeySpelling: instances of several versions count under the same keys, and hashes in audit logs are
// of them.
func TestKeySpelling(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	if got, want := Key("a", "", "bc", long), "1:a0:2:bc300:"+long; got != want {
		t.Errorf("Key is %q, want %q", got, want)
	}
	if got, want := string(AppendKey(AppendKey([]byte("b"), "a", ""), "bc")), "b1:a0:2:bc"; got != want {
		t.Errorf("AppendKey gives %q, want %q", got, want)
	}
}

func TestNormalizeIdentifier(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"", ""},
		{"   ", ""},
		{"demo", "demo"},
		{"  Demo\t", "demo"},
		{"DEMO@Example.COM", "demo@example.com"},
		{"ｄｅｍｏ＠ｅｘａｍｐｌｅ．ｃｏｍ", "demo@example.com"},
		{"\u3000demo\u3000", "demo"},
		{"de\u200bmo", "demo"},
		{"\ufeffdemo\u0000", "demo"},
		{"de mo", "de mo"},
		{"de-mo", "de-mo"},
		{"Ünïcode", "ünïcode"},
		{"de\xffmo", "demo"},
		{"+86 13800138000", "+8613800138000"},
		{"+8613800138000", "+8613800138000"},
		{"+86 138-0013-8000", "+8613800138000"},
		{"+86\u00a0138\u20110013\u20118000", "+8613800138000"},
		{"＋８６　１３８００１３８０００", "+8613800138000"},
		{"(+86) 138.0013.8000", "+8613800138000"},
		{"138-0013-8000", "13800138000"},
		{"138 0013 8000", "13800138000"},
		{"13800138000", "13800138000"},
		{"1+3800138000", "1+3800138000"},
		{"12-34", "12-34"},
		{"12-34-56", "123456"},
		{"+", "+"},
		{"-", "-"},
		{"a13800138000", "a13800138000"},
	}
	for _, tt := range tests {
		if got := NormalizeIdentifier(tt.in); got != tt.want {
			t.Errorf("NormalizeIdentifier(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzNormalizeIdentifier(f *testing.F) {
	for _, s := range []string{"demo", " Demo ", "+86 138-0013-8000", "ＤＥＭＯ", "\u0130", "\u212a", "a\u200b b", "\xff1", "ﾊﾞ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := NormalizeIdentifier(s)
		if again := NormalizeIdentifier(got); again != got {
			t.Errorf("NormalizeIdentifier(%q) = %q, and of that %q", s, got, again)
		}
		if !utf8.ValidString(got) || got != strings.TrimSpace(got) {
			t.Errorf("NormalizeIdentifier(%q) = %q, not valid or not trimmed", s, got)
		}
		if padded := NormalizeIdentifier(" " + strings.ToValidUTF8(s, "") + "\u3000"); padded != got {
			t.Errorf("NormalizeIdentifier(%q) = %q, but %q with blanks around it", s, got, padded)
		}
	})
}
