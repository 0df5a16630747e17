package identifier

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ParseName reads a name that others will see, and returns it composed (NFC), so that the same name
// is the same bytes from every keyboard. It refuses what shows nothing, blanks and invisible
// characters alone, and control characters and line ends anywhere. Joiners within a name are part
// of how some languages and emoji are written, and stay.
func ParseName(s string) (name string, ok bool) {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, isControl) || !strings.ContainsFunc(s, isVisible) {
		return "", false
	}
	return norm.NFC.String(s), true
}

func isControl(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }

// isVisible reports whether a character shows by itself.
func isVisible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !isInvisible(r)
}

// AllVisible reports that a text has no blank, invisible or control character, as an address has none.
func AllVisible(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return isInvisible(r) || !isVisible(r) && !unicode.Is(unicode.M, r)
	})
}
