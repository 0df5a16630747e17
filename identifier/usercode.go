package identifier

import (
	"strings"
	"unicode"
)

// The least and the most letters and digits of a user code.
const (
	minUserCode = 4
	maxUserCode = 16
)

// ParseUserCode reads the code that a device shows (RFC 8628 §6.1), however it was typed: in small
// letters, in full width, in groups with blanks or any dash between them, or in none. TCB's have
// eight characters, as WDJB-MJHX: one without groups gets theirs. Others keep their groups, since
// nobody says whether TCB compares those.
func ParseUserCode(s string) (string, bool) {
	if len(s) > 256 {
		return "", false
	}
	s = strings.ToUpper(dropInvisible(narrow(strings.ToValidUTF8(s, "?"))))
	groups := strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == '\u2212'
	})
	n := 0
	for _, group := range groups {
		if strings.ContainsFunc(group, func(r rune) bool { return !('A' <= r && r <= 'Z' || '0' <= r && r <= '9') }) {
			return "", false
		}
		n += len(group)
	}
	if n < minUserCode || n > maxUserCode {
		return "", false
	}
	if n == 8 {
		code := strings.Join(groups, "")
		return code[:4] + "-" + code[4:], true
	}
	return strings.Join(groups, "-"), true
}
