package limit

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// minPhoneDigits is how many digits make something a phone number rather than a short user name
// like "2024-1".
const minPhoneDigits = 6

// Key joins parts into one key, each with its length in front, so that no part can be written to
// run into the next: Key("a", "bc") and Key("ab", "c") differ whatever the parts hold.
func Key(parts ...string) string {
	var most [256]byte
	return string(AppendKey(most[:0], parts...))
}

// AppendKey appends a Key: that of some parts and then that of others is that of all.
func AppendKey(b []byte, parts ...string) []byte {
	for _, p := range parts {
		b = strconv.AppendInt(b, int64(len(p)), 10)
		b = append(b, ':')
		b = append(b, p...)
	}
	return b
}

// NormalizeIdentifier brings the ways of writing one account to one form: white space around it,
// letter case, full-width characters and invisible ones make no difference. In a phone number (only
// digits, a leading plus, and the signs people put between: six digits at least) blanks, dashes,
// dots and parentheses are dropped, so "+86 138-0013 8000" is "+8613800138000".
//
// The result names a counter, nothing else: it is never shown and never sent. That is why it may
// join what the backend tells apart (a user name "12-34-56" counts with "123456"), which costs such
// a pair a shared limit. A number without its country keeps its digits only and is not guessed to
// be Chinese: "13800138000" and "+8613800138000" count apart, since the backend does not take one
// for the other either.
func NormalizeIdentifier(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 { // ASCII is folded already
		s = width.Fold.String(strings.ToValidUTF8(s, ""))
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf):
			return -1
		}
		return unicode.ToLower(r)
	}, s)
	s = strings.TrimSpace(s)
	if phone, ok := phoneDigits(s); ok {
		return phone
	}
	return s
}

// phoneDigits strips s to an optional plus and digits, and reports whether it was a phone number.
func phoneDigits(s string) (string, bool) {
	var b strings.Builder
	b.Grow(len(s))
	digits := 0
	for _, r := range s {
		switch {
		case '0' <= r && r <= '9':
			digits++
			b.WriteRune(r)
		case r == '+':
			if b.Len() > 0 {
				return "", false
			}
			b.WriteRune(r)
		case r == ' ' || r == '.' || r == '(' || r == ')' || r == '\u2212' || unicode.Is(unicode.Pd, r):
			// between digits, or around an area code
		default:
			return "", false
		}
	}
	return b.String(), digits >= minPhoneDigits
}
