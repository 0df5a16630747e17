package identifier

import (
	"strings"
	"testing"
)

func TestParseEmail(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 242) + "@example.com" // 254
	tests := []struct{ in, want string }{
		{"someone@example.com", "someone@example.com"},
		{"  someone@example.com\n", "someone@example.com"},
		{"Some.One+Tag@Example.COM", "Some.One+Tag@example.com"},
		{"ｓｏｍｅｏｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "someone@example.com"},
		{"someone@example。com", "someone@example.com"},
		{"\u200bsomeone@example.com\ufeff", "someone@example.com"},
		{"o'brien!#$%&*/=?^_`{|}~-@example.co.uk", "o'brien!#$%&*/=?^_`{|}~-@example.co.uk"},
		{"a..b@example.com", "a..b@example.com"}, // HTML takes it, and such addresses are in use
		{"1@2.cn", "1@2.cn"},
		{"a@xn--fiqs8s.xn--fiqs8s", "a@xn--fiqs8s.xn--fiqs8s"},
		{"ana@bücher.example", "ana@xn--bcher-kva.example"},
		{"Ana+Tag@BÜCHER.Example", "Ana+Tag@xn--bcher-kva.example"},
		{"ana@bu\u0308cher.example", "ana@xn--bcher-kva.example"},
		{"ana@XN--BCHER-KVA.example", "ana@xn--bcher-kva.example"},
		{"someone@例子.中国", "someone@xn--fsqu00a.xn--fiqs8s"},
		{"someone@例子。中国", "someone@xn--fsqu00a.xn--fiqs8s"},
		{"someone＠例子．中国", "someone@xn--fsqu00a.xn--fiqs8s"},
		{"ANA@Example.COM", "ANA@example.com"},
		{"ANA@Bu\u0308cher.Example", "ANA@xn--bcher-kva.example"},
		{"\u212aarl@\u212aoeln.example", "Karl@koeln.example"}, // a Kelvin sign is a K
		{"ana@cafe\u0301.example", "ana@xn--caf-dma.example"},
		{"jose\u0301@example.com", ""},
		{"jos\u00e9@example.com", ""},
		{"a@straße.example", "a@xn--strae-oqa.example"},
		{"a@mail.bücher.example", "a@mail.xn--bcher-kva.example"},
		{"a@ab--cd.example", "a@ab--cd.example"}, // what IDNA has against it is not ours
		{long, long},
		{"a" + long, ""},
		{"", ""},
		{"@", ""},
		{"someone", ""},
		{"someone@", ""},
		{"@example.com", ""},
		{"someone@localhost", ""},
		{"someone@@example.com", ""},
		{"some@one@example.com", ""},
		{"someone@example..com", ""},
		{"someone@.example.com", ""},
		{"someone@example.com.", ""},
		{"someone@-example.com", ""},
		{"someone@exa_mple.com", ""},
		{"some one@example.com", ""},
		{"someone@exam ple.com", ""},
		{"<someone@example.com>", ""},
		{"someone@[127.0.0.1]", ""},
		{"某人@example.com", ""},
		{"ana@bücher", ""},
		{"ana@-bücher.example", ""},
		{"ana@bücher..example", ""},
		{"ana@bü cher.example", ""},
		{"ana@bü_cher.example", ""},
		{"ana@bücher.example.", ""},
		{"ana@\u0301bücher.example", ""},
		{"ana@xn--a.example", ""},
		{"ana@xn--bcher-kva8445foa.xn--\u00fc", ""},
		{"ana@☃★\u2028.example", ""},
		{"ana@" + strings.Repeat("ü", 64) + ".example", ""},
		{"ana@" + strings.Repeat("ü.", 5000) + "example", ""},
		{"bücher@bücher.example", ""},
		{"someone@example.com\r\nBcc: other@example.com", ""},
		{"someone@example.com,other@example.com", ""},
	}
	for _, tt := range tests {
		got, ok := ParseEmail(tt.in)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("ParseEmail(%q) = %q, %t, want %q", tt.in, got, ok, tt.want)
		}
	}
}

func FuzzParseEmail(f *testing.F) {
	for _, s := range []string{"someone@example.com", " Ａ@Example.COM", "a。b@c。d", "a@b@c.d", "ana@bücher.example", "a@xn--a.b", "a@例子.中国"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		email, ok := ParseEmail(s)
		if !ok {
			return
		}
		if strings.Count(email, "@") != 1 || len(email) > 254 || strings.ContainsFunc(email, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Errorf("ParseEmail(%q) = %q", s, email)
		}
		if again, ok := ParseEmail(email); !ok || again != email {
			t.Errorf("ParseEmail(%q) = %q, and of that %q, %t", s, email, again, ok)
		}
		masked := MaskEmail(email)
		if shown := strings.LastIndexByte(masked, '@') - len("***"); shown > 2 || shown > strings.IndexByte(email, '@')/2 {
			t.Errorf("MaskEmail(%q) = %q tells %d characters", email, masked, shown)
		}
	})
}
