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
		{[]string{"ar-XB"}, "ar"}, // the real language, not the pseudo-locale
		{[]string{"ar-EG,ar;q=0.9,en;q=0.8"}, "ar"},
		{[]string{"ar-SA"}, "ar"},
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

// TestMatchChinese: Chinese has many names, in Accept-Language and in a lang parameter alike.
func TestMatchChinese(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	for want, wishes := range map[string]string{
		"zh-CN": `yue yue-CN yue-Hans yue-Hans-CN yue-Hans-HK zh-yue zh-yue-Hans zh-cmn zh-cmn-Hans-CN zh-guoyu cmn cmn-CN cmn-Hans cmn-Hans-TW
			wuu wuu-CN hak nan nan-CN hsn gan cdo cjy cpx czh czo mnp lzh zh-min-nan zh-hakka zh-xiang zh-gan i-hak zho YUE-hans
			yue;q=0.9,en;q=0.8 yue,en;q=0.9 fi,wuu;q=0.8,en;q=0.5 nan-Hans-TW`,
		"zh-TW": `yue-HK yue-MO yue-TW yue-Hant yue-Hant-HK yue-Hant-CN zh-yue-HK zh-yue-Hant zh-cmn-Hant cmn-TW cmn-HK cmn-Hant cmn-Hant-CN
			wuu-Hant hak-TW hak-HK nan-TW nan-Hant nan-Hant-TW zh-min-nan-TW lzh-Hant gan-Hant Yue-hant-hk
			hnm,zh-TW;q=0.9 ../../etc,nan-TW;q=0.8,en;q=0.1 en;q=0.1,zh-hakka-TW;q=0.9,zh-HK;q=0.8
			yue-HK,yue;q=0.9,zh;q=0.8,en;q=0.7 yue-Hant-HK,zh-CN;q=0.9 fi,nan-TW;q=0.8,en;q=0.5 yue-HK-u-ca-buddhist nan-TW-x-own`,
		"en": "en,yue;q=0.9 en-HK,yue-HK;q=0.9 yue-Latn nan-Latn-TW ii yuf",
		"ja": "ja,yue-HK;q=0.9 jpn yue-Latn,ja;q=0.5",
		"ko": "ko,zh-yue;q=0.9 kor",
	} {
		for wish := range strings.FieldsSeq(wishes) {
			if got := b.Match(wish).Locale(); got != want {
				t.Errorf("%s gets %s, want %s", wish, got, want)
			}
			if got := b.Match("", wish, "ko").Locale(); got != want && want != "en" {
				t.Errorf("%s before ko gets %s, want %s", wish, got, want)
			}
		}
	}
}

// TestMatchArabic: phones name the Arabic that somebody speaks, and all who speak one read Arabic.
func TestMatchArabic(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	for want, wishes := range map[string]string{
		"ar": `arz arz-EG ary ary-MA apc apc-LB acm acm-IQ ajp ajp-JO afb afb-KW arb arb-SA ara ar-arz ar-apc-SY ARY-ma aeb-TN arq-DZ
			acq-YE acw-SA ars apd-SD ayl-LY shu-TD avl aao auz acx-OM ssh-AE ayn ayh ayp abv adf aec acy abh bbz pga
			arz;q=0.9,en;q=0.8 ary-MA,fr-MA;q=0.9,en;q=0.5 fi,apc;q=0.8,en;q=0.5 arz-Arab arz-EG-u-nu-latn`,
		"en":    "en,arz;q=0.9 arz-Latn ar-Latn-EG mt fa ur arc ug",
		"zh-CN": "zh,arz;q=0.9 arz-Latn,zh;q=0.5",
	} {
		for wish := range strings.FieldsSeq(wishes) {
			if got := b.Match(wish).Locale(); got != want {
				t.Errorf("%s gets %s, want %s", wish, got, want)
			}
		}
	}
}
