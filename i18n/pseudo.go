package i18n

import (
	"maps"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// Pseudo-locales are English in disguise, for tests and previews: they show,
// to whoever reads English, what a translation will do to a page.
//
//	en-XA  accented, some 40 % longer and in brackets: words that are not from
//	       a catalogue stay plain, and cut-off text lacks its bracket
//	ar-XB  mirrored, from right to left: what does not turn around shows
//
// The tags are those that Android and others use for the same.

// Pseudo lists the pseudo-locales. No person is offered one: neither Locale nor
// Match finds them.
func (b *Bundle) Pseudo() []*Localizer { return b.pseudo }

// PseudoLocale finds a pseudo-locale by its exact tag.
func (b *Bundle) PseudoLocale(tag string) (*Localizer, bool) { return byTag(b.pseudo, tag) }

func pseudoLocales(english *Localizer) []*Localizer {
	return []*Localizer{
		disguise(english, "en-XA", "English (accented)", "ltr", accented),
		disguise(english, "ar-XB", "English (right to left)", "rtl", mirrored),
	}
}

// disguise copies a catalogue with every text changed but those that are no words.
func disguise(english *Localizer, tag, name, dir string, change func(string) string) *Localizer {
	head := map[string]text{"language.name": {other: name}, "language.dir": {other: dir}}
	l := newLocalizer(language.MustParse(tag), head)
	l.texts = sync.OnceValue(func() map[string]text {
		texts := make(map[string]text, len(english.texts()))
		for key, t := range english.texts() {
			if !strings.HasPrefix(key, "format.") {
				t = t.changed(change)
			}
			texts[key] = t
		}
		maps.Copy(texts, head)
		return texts
	})
	return l
}

func (t text) changed(change func(string) string) text {
	t.other, t.forms = change(t.other), maps.Clone(t.forms)
	for form, s := range t.forms {
		t.forms[form] = change(s)
	}
	return t
}

var accents = strings.NewReplacer(
	"a", "å", "b", "ƀ", "c", "ç", "d", "ð", "e", "é", "f", "ƒ", "g", "ĝ", "h", "ĥ", "i", "î", "j", "ĵ", "k", "ķ", "l", "ļ", "m", "ɱ",
	"n", "ñ", "o", "ö", "p", "þ", "q", "ǫ", "r", "ŕ", "s", "š", "t", "ţ", "u", "û", "v", "ṽ", "w", "ŵ", "x", "ẋ", "y", "ý", "z", "ž",
	"A", "Å", "B", "Ɓ", "C", "Ç", "D", "Ð", "E", "É", "F", "Ƒ", "G", "Ĝ", "H", "Ĥ", "I", "Î", "J", "Ĵ", "K", "Ķ", "L", "Ļ", "M", "Ṁ",
	"N", "Ñ", "O", "Ö", "P", "Þ", "Q", "Ǫ", "R", "Ŕ", "S", "Š", "T", "Ţ", "U", "Û", "V", "Ṽ", "W", "Ŵ", "X", "Ẋ", "Y", "Ý", "Z", "Ž",
)

func accented(s string) string {
	letters := 0
	s = outsidePlaceholders(s, func(part string) string {
		letters += utf8.RuneCountInString(part)
		return accents.Replace(part)
	})
	// In pieces of a word's length: one long piece would not wrap, where real text does.
	pad := ""
	for left := (letters*2 + 4) / 5; left > 0; left -= 6 {
		pad += " " + strings.Repeat("~", min(left, 6))
	}
	return "[" + s + pad + "]"
}

var word = regexp.MustCompile(`\S+`)

// mirrored turns each word around by right-to-left override (UAX 9), as if its
// letters were Hebrew or Arabic ones.
func mirrored(s string) string {
	return outsidePlaceholders(s, func(part string) string {
		return word.ReplaceAllString(part, "\u202e$0\u202c")
	})
}

func outsidePlaceholders(s string, change func(string) string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "{")
		b.WriteString(change(before))
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		b.WriteString("{" + name + "}")
		s = after
	}
}
