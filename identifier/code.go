package identifier

import (
	"cmp"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"tcb-login/pattern"
)

var code = pattern.New(`^[0-9]{6}$`)

// IsCode reports whether a text is a verification code as TCB sends them: six digits.
func IsCode(s string) bool { return code.MatchString(s) }

// NormalizeCode finds a verification code in what was typed or pasted. In a whole message that is a
// run of exactly six digits, "123456" in "【App2】验证码：123456，5分钟内有效"; among several, the first that
// stands close behind a word for code, else the first. Without such a run, blanks, dashes and
// invisible characters are taken out first, as people type codes in groups. What is left may still
// be no code.
func NormalizeCode(s string) string {
	s = dropInvisible(width.Fold.String(strings.ToValidUTF8(s, "")))
	if run := findCode(s); run != "" {
		return run
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == '\u2212' {
			return -1
		}
		return r
	}, s)
	return cmp.Or(findCode(s), s)
}

func findCode(s string) string {
	for _, p := range []*pattern.Pattern{namedDigits, digitRun} {
		for _, m := range p.Regexp().FindAllStringSubmatch(s, -1) {
			if IsCode(m[1]) {
				return m[1]
			}
		}
	}
	return ""
}

var (
	digitRun = pattern.New(`([0-9]+)`)
	// A word for code in the languages of our pages, and digits a few characters on in its
	// sentence.
	namedDigits = pattern.New(`(?i)(?:码|碼|code|コード|코드|번호)[^0-9.。!?\n]{0,12}([0-9]+)`)
)
