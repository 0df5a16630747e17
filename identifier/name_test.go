package identifier

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"韩梅梅", "韩梅梅"},
		{"Ana María", "Ana María"},
		{"Ana Mari\u0301a", "Ana Mar\u00eda"},
		{"\u1112\u1161\u11ab", "\ud55c"},
		{"J.", "J."},
		{"7", "7"},
		{"❤️", "❤️"},
		{"👩\u200d🚀", "👩\u200d🚀"}, // an emoji with a joiner
		{"می\u200cخواهم", "می\u200cخواهم"},
		{"\u200fعلي", "\u200fعلي"},
		{" Ana ", " Ana "},
		{"Ａｎａ", "Ａｎａ"},
		{"", ""},
		{" ", ""},
		{"\u3000\u00a0", ""},
		{"\x00", ""},
		{"\a", ""},
		{"\u3164", ""},
		{"\u3164\u3164 \u3164", ""},
		{"\u115f\u1160\uffa0", ""},
		{"\u200b", ""},
		{"\u200b\u200d\u2060\ufeff", ""},
		{"\u202e\u2066", ""},
		{"\u00ad", ""},
		{"\u2800", ""},
		{"\ufe0f", ""},
		{"\u0301", ""},
		{"\U000e0041", ""},
		{"\ue000", ""}, // private use: nobody knows what it shows
		{"\u0378", ""}, // no character
		{"\ufffd", ""},
		{"Ana\x00", ""},
		{"A\ana", ""},
		{"A\nB", ""},
		{"A\tB", ""},
		{"A\u0085B", ""},
		{"A\u2028B", ""},
		{"A\xff", ""},
	}
	for _, tt := range tests {
		if got, ok := ParseName(tt.in); got != tt.want || ok != (tt.want != "") {
			t.Errorf("ParseName(%+q) = %+q, %t, want %+q", tt.in, got, ok, tt.want)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"韩梅梅", "Mari\u0301a", "\u3164", "\x00", "👩\u200d🚀", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, ok := ParseName(s)
		if !ok {
			return
		}
		if again, ok := ParseName(name); !ok || again != name {
			t.Errorf("ParseName(%+q) = %+q, and of that %+q, %t", s, name, again, ok)
		}
		if !norm.NFC.IsNormalString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.TrimSpace(name) == "" {
			t.Errorf("ParseName(%+q) = %+q", s, name)
		}
	})
}
