package identifier

import (
	"testing"

	"golang.org/x/text/unicode/norm"
)

// showsNothing are characters that a chat or an address book puts into what is copied from it, or that
// somebody uses to have a name that cannot be seen.
var showsNothing = []rune{
	0x00ad, 0x034f, 0x061c, 0x115f, 0x1160, 0x17b4, 0x180b, 0x180e, 0x180f, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c,
	0x202d, 0x202e, 0x2060, 0x2061, 0x2065, 0x2066, 0x2067, 0x2068, 0x2069, 0x206f, 0x2800, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xfff0,
	0xfff9, 0xfffc, 0xfffd, 0x1d173, 0xe0001, 0xe0041, 0xe007f, 0xe0100, 0xe01ef, 0xe0fff,
}

func TestShowsNothing(t *testing.T) {
	t.Parallel()
	for _, r := range showsNothing {
		c := string(r)
		if got, err := ParsePhone(c+"139"+c+c+" 0013 9000"+c, "CN"); got != "+86 13900139000" || err != nil {
			t.Errorf("%U in a number: %q, %v", r, got, err)
		}
		if got, err := ParsePhone(c+"+"+c+"852 6123 4567"+c, "CN"); got != "+852 61234567" || err != nil {
			t.Errorf("%U around a plus: %q, %v", r, got, err)
		}
		if got, ok := ParseEmail(c + "mei" + c + "@ex" + c + "ample.org" + c); got != "mei@example.org" || !ok {
			t.Errorf("%U in an address: %q", r, got)
		}
		if got := NormalizeCode(c + "40" + c + "1 776" + c); got != "401776" {
			t.Errorf("%U in a code: %q", r, got)
		}
		if got, ok := ParseUserCode(c + "bc" + c + "df-ghjk" + c); got != "BCDF-GHJK" || !ok {
			t.Errorf("%U in a user code: %q", r, got)
		}
		for _, typed := range []string{"li" + c + ".lei", c + "li.lei" + c, " " + c + " li.lei"} {
			if got := Plain(typed); got != "li.lei" {
				t.Errorf("%U in a username: %q", r, got)
			}
			if got := Names(typed); len(got) != 1 || got[0] != "li.lei" {
				t.Errorf("%U in a username: %q", r, got)
			}
		}
		if got := Names(c + "13900139000" + c); len(got) != 2 || got[0] != "+86 13900139000" || got[1] != "13900139000" {
			t.Errorf("%U around digits: %q", r, got)
		}
		for _, alone := range []string{c, c + c + c, " " + c + "\u00a0" + c, "\u3164" + c} {
			if got, ok := ParseName(alone); ok {
				t.Errorf("%+q is a name: %+q", alone, got)
			}
			if got := Plain(alone); got != "" {
				t.Errorf("%+q shows as %+q", alone, got)
			}
		}
		if AllVisible("https://example.org/a" + c + "b") {
			t.Errorf("%U is seen", r)
		}
	}
	// What is part of how a name is written stays in it.
	for _, name := range []string{"👩\u200d🏫", "❤\ufe0f", "نیم\u200cفاصله", "क्\u200dष", "葛\U000e0100", "ᠮᠣᠩᠭᠣᠯ\u180e"} {
		if got, ok := ParseName(name); !ok || got != name {
			t.Errorf("ParseName(%+q) = %+q, %t", name, got, ok)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"": "", "mei": "mei", "  Mei \t": "Mei", "ｍｅｉ．１": "mei.1", "me\u0301i": "m\u00e9i", "\u212aarl": "Karl",
		"\u2068حذف\u2069": "حذف", "\u1109\u1161\u11a8\u110c\u1166": "삭제", "a b": "a b", "\u3000删除\u3000": "删除",
	} {
		if got := Plain(typed); got != want {
			t.Errorf("Plain(%+q) = %+q, want %+q", typed, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"mei", "e\u200b\u0301", "\u3164", "\xff\u202a1", "\u0300\ufe0f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		plain := Plain(s)
		if again := Plain(plain); again != plain || !norm.NFC.IsNormalString(plain) {
			t.Errorf("Plain(%+q) = %+q, and of that %+q", s, plain, again)
		}
	})
}
