package i18n

import (
	"slices"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	tests := []struct {
		wishes []string
		want   string
	}{
		{nil, "en"},
		{[]string{""}, "en"},
		{[]string{"zh-CN"}, "zh-CN"},
		{[]string{"zh"}, "zh-CN"},
		{[]string{"zh-Hans-SG"}, "zh-CN"},
		{[]string{"ZH-cn"}, "zh-CN"},
		{[]string{"zh-SG"}, "zh-CN"},
		{[]string{"zh-Hans"}, "zh-CN"},
		{[]string{"zh-Hans-HK"}, "zh-CN"}, // the script counts, not the place
		{[]string{"zh-Hant"}, "zh-TW"},
		{[]string{"zh-TW"}, "zh-TW"},
		{[]string{"zh-HK"}, "zh-TW"},
		{[]string{"zh-MO"}, "zh-TW"},
		{[]string{"zh-Hant-HK"}, "zh-TW"},
		{[]string{"zh-HK,zh;q=0.9,en;q=0.8"}, "zh-TW"},
		{[]string{"en-US,zh-TW;q=0.9,zh;q=0.8"}, "en"},
		{[]string{"ja"}, "ja"},
		{[]string{"ja-JP"}, "ja"},
		{[]string{"ko-KR,ko;q=0.9,en-US;q=0.8"}, "ko"},
		{[]string{"ko-KP"}, "ko"},
		{[]string{"en-GB"}, "en"},
		{[]string{"en-XA"}, "en"}, // a pseudo-locale is for nobody
		{[]string{"ar-XB"}, "en"},
		{[]string{"fi"}, "en"},
		{[]string{"", "zh-CN", "en"}, "zh-CN"},
		{[]string{"en", "zh-CN"}, "en"},
		{[]string{"fi", "zh-CN"}, "zh-CN"}, // the first that names a language we have
		{[]string{"../../etc", "zh"}, "zh-CN"},
		{[]string{"fi;q=0.9, zh;q=0.8, en;q=0.1"}, "zh-CN"},
		{[]string{"en;q=0.1, zh;q=0.8"}, "zh-CN"},
		{[]string{"*"}, "en"},
		{[]string{strings.Repeat("zh,", 200), "zh"}, "zh-CN"},
		{[]string{strings.Repeat("zh,", 200)}, "en"}, // too long to read
	}
	for _, tt := range tests {
		if got := b.Match(tt.wishes...).Locale(); got != tt.want {
			t.Errorf("%.60q: %s, want %s", tt.wishes, got, tt.want)
		}
	}
	if l, ok := b.Locale("ZH-cn"); !ok || l.Locale() != "zh-CN" {
		t.Error("zh-CN is not found by its tag")
	}
	for _, tag := range []string{"", "zh", "fi", "zh-CN ", "en-XA", "ar-XB"} {
		if _, ok := b.Locale(tag); ok {
			t.Errorf("%q is found, which is no tag of ours", tag)
		}
	}
}

func FuzzMatch(f *testing.F) {
	b := mustLoad(f)
	f.Add("zh-CN,zh;q=0.9", "en")
	f.Add("*;q=0.1", "\xff")
	f.Fuzz(func(t *testing.T, a, c string) {
		if l := b.Match(a, c); l == nil || !slices.Contains(b.Locales(), l) {
			t.Fatalf("Match(%q, %q) = %v", a, c, l)
		}
	})
}
