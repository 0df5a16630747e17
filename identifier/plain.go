package identifier

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// Plain is a text that somebody has typed or pasted as far as one can see it: without characters that
// show nothing and blanks around it, composed (NFC), with full-width characters made plain. It is for
// what stands for somebody or something, and not for names and passwords.
func Plain(typed string) string {
	return strings.TrimSpace(norm.NFC.String(dropInvisible(narrow(typed))))
}

// narrow makes full-width characters plain. Most of what is typed has none, and needs no second look.
func narrow(s string) string {
	if isASCII(s) {
		return s
	}
	return width.Fold.String(s)
}

// dropInvisible removes what comes along with a text that is copied from a chat, an address book or a
// page.
func dropInvisible(s string) string {
	return strings.Map(func(r rune) rune {
		if isInvisible(r) {
			return -1
		}
		return r
	}, s)
}

// isInvisible reports a character that shows nothing by itself: a format character, as zero-width
// spaces, joiners, direction and byte order marks are; a variation selector; a filler, which is a
// letter to Unicode; the blank Braille pattern; and what stands for a picture or for bytes that got
// lost on the way.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		r == '\u2800' || r == '\ufffc' || r == unicode.ReplacementChar
}
