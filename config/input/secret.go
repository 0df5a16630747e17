package input

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TrimSecret takes away what editors, shells and secret stores put around a secret: a byte order
// mark in front, and blanks and line ends on both sides. Random bytes that are no text keep all but
// line ends behind them.
//
// Invisible names a character that nobody sees at either end of what is left, as U+200B out of a
// chat or U+00A0 out of a web page, and is "" where there is none. It may be meant, so it stays.
func TrimSecret(s string) (secret, invisible string) {
	const blanks = " \t\r\n"
	if !utf8.ValidString(s) {
		return strings.TrimRight(s, "\r\n"), ""
	}
	s = strings.TrimRight(strings.TrimLeft(s, "\ufeff"+blanks), blanks)
	if s == "" {
		return "", ""
	}
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	for _, r := range []rune{first, last} {
		if unicode.In(r, unicode.C, unicode.Z, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || r == '\u2800' {
			return s, fmt.Sprintf("%U", r)
		}
	}
	return s, ""
}
