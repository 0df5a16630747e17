package identifier

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// emailShape is what <input type=email> takes (HTML, "valid e-mail address"), with at least one dot
// in the domain.
var emailShape = regexp.MustCompile("^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@" +
	`([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$`)

// ParseEmail reads an e-mail address as people type and paste it. The domain is lower-cased; the
// name before the @ is its owner's business.
func ParseEmail(s string) (string, bool) {
	s = strings.TrimSpace(dropInvisible(width.Fold.String(s)))
	s = strings.ReplaceAll(s, "。", ".") // what a Chinese keyboard puts for a dot
	if len(s) > 254 || !emailShape.MatchString(s) {
		return "", false
	}
	at := strings.LastIndexByte(s, '@')
	return s[:at] + strings.ToLower(s[at:]), true
}

// NormalizeCode cleans a verification code of what comes along when it is typed in groups or pasted
// out of a message: blanks, dashes, full-width digits. What is left may still be no code.
func NormalizeCode(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == '\u2212' {
			return -1
		}
		return r
	}, dropInvisible(width.Fold.String(strings.ToValidUTF8(s, ""))))
}

// dropInvisible removes format characters: zero-width spaces and joiners, direction and byte order
// marks.
func dropInvisible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
}
