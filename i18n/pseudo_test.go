package i18n

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPseudoLocales(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	english := b.Locales()[0]
	want := map[string]string{"en-XA": "ltr", "ar-XB": "rtl"}
	if len(b.Pseudo()) != len(want) {
		t.Fatalf("%d pseudo-locales", len(b.Pseudo()))
	}
	for _, l := range b.Pseudo() {
		if found, ok := b.PseudoLocale(l.Locale()); !ok || found != l || want[l.Locale()] != l.Dir() || !strings.HasPrefix(l.Name(), "English (") {
			t.Errorf("%s is %q, written %s", l.Locale(), l.Name(), l.Dir())
		}
		if _, ok := b.Locale(l.Locale()); ok || slices.Contains(b.Locales(), l) {
			t.Errorf("%s is on offer", l.Locale())
		}
		for key, message := range english.texts() {
			got := l.texts()[key]
			if len(got.forms) != len(message.forms) || (got.forms == nil) != (message.forms == nil) {
				t.Errorf("%s: %s has other plural forms", l.Locale(), key)
			}
			for _, s := range got.all() {
				names, err := placeholders(s)
				if own, _ := placeholders(message.other); err != nil || !slices.Equal(names, own) {
					t.Errorf("%s: %s is %q, its placeholders are not those of %q", l.Locale(), key, s, message.other)
				}
			}
			if strings.HasPrefix(key, "format.") != (got.other == message.other) && key != "language.dir" {
				t.Errorf("%s: %s is %q", l.Locale(), key, got.other)
			}
		}
	}
	if _, ok := b.PseudoLocale("en"); ok {
		t.Error("English is a pseudo-locale")
	}
}

func TestPseudoPrint(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	tests := []struct {
		tag  string
		m    Message
		want string
	}{
		{"en-XA", Msg("methods.or"), "[öŕ ~]"},
		{"en-XA", Message{Key: "sign-in.title", Args: Args{"app": "Orders"}}, "[Šîĝñ îñ ţö Orders ~~~~~]"},
		{"en-XA", Message{Key: "code.life", N: 1}, "[Ţĥé çöðé éẋþîŕéš îñ 1 ɱîñûţé. ~~~~~~ ~~~~~~]"},
		{"ar-XB", Msg("methods.or"), "\u202eor\u202c"},
		{"ar-XB", Message{Key: "sign-in.title", Args: Args{"app": "Orders"}}, "\u202eSign\u202c \u202ein\u202c \u202eto\u202c \u2068Orders\u2069"},
		{"ar-XB", Message{Key: "code.life", N: 2}, "\u202eThe\u202c \u202ecode\u202c \u202eexpires\u202c \u202ein\u202c \u20682\u2069 \u202eminutes.\u202c"},
	}
	for _, tt := range tests {
		l, _ := b.PseudoLocale(tt.tag)
		if got := l.Print(tt.m); got != tt.want {
			t.Errorf("%s: %s prints %q, want %q", tt.tag, tt.m.Key, got, tt.want)
		}
	}
}

var plainLetter = regexp.MustCompile(`[A-Za-z]`)

// TestAccented: no plain letter is left, and texts grow as German ones do.
func TestAccented(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	l, _ := b.PseudoLocale("en-XA")
	for key, message := range b.Locales()[0].texts() {
		if strings.HasPrefix(key, "format.") || strings.HasPrefix(key, "language.") {
			continue
		}
		got := l.texts()[key].other
		outsidePlaceholders(got, func(part string) string {
			if plainLetter.MatchString(part) {
				t.Errorf("%s: %q has plain letters", key, got)
			}
			return part
		})
		if before, after := utf8.RuneCountInString(message.other), utf8.RuneCountInString(got); before > 20 && (after*10 < before*13 || after*10 > before*18) {
			t.Errorf("%s: %d characters became %d", key, before, after)
		}
		if !strings.HasPrefix(got, "[") || !strings.HasSuffix(got, "~]") {
			t.Errorf("%s: %q has no brackets", key, got)
		}
	}
}
