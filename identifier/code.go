package identifier

import (
	"cmp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tcb-login/pattern"
)

var code = pattern.New(`^[0-9]{6}$`)

// maxMessage is more than the longest text message has: 10 parts of 153 characters.
const maxMessage = 6000

// IsCode reports whether a text is a verification code as TCB sends them: six digits.
func IsCode(s string) bool { return code.MatchString(s) }

// NormalizeCode finds a verification code in what was typed or pasted. In a whole message that is a
// number of exactly six digits, also in groups, "123456" in "【App2】验证码：123 456，5分钟内有效": the first
// whose nearest word says that it is a code, else the first that nothing says to be something else,
// else the first. Otherwise blanks, dashes and invisible characters are taken out, as people type codes in groups.
// What is left may still be no code.
//
// Script does so as somebody pastes where one number stands alone (static/src/app.js), and leaves
// the rest to this; both are tested with testdata/codes.json.
func NormalizeCode(s string) string {
	s = plainCode(s[:min(len(s), maxMessage)])
	if found := findCode(s); found != "" {
		return found
	}
	s = ungrouped.Replace(s)
	if !IsCode(s) && findCode(s) != "" {
		// Two numbers of a message are no code for standing side by side now.
		s = strings.Trim(strings.Map(func(r rune) rune {
			if '0' <= r && r <= '9' {
				return -1
			}
			return r
		}, s), " ")
	}
	return norm.NFC.String(s) // what stood apart may be one letter now
}

var ungrouped = strings.NewReplacer(" ", "", "-", "")

// plainCode writes digits as 0 to 9, blanks as " " and dashes as "-". Arabic and Persian digits are
// what keyboards of one of our languages type.
func plainCode(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case '٠' <= r && r <= '٩', '۰' <= r && r <= '۹':
			return '0' + r&15
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Pd, r), r == '\u2212':
			return '-'
		}
		return r
	}, dropInvisible(norm.NFKC.String(strings.ToValidUTF8(s, ""))))
}

func findCode(s string) string {
	var first string
	end := 0
	for _, at := range number.Regexp().FindAllStringIndex(s, -1) {
		before := s[end:at[0]]
		end = at[1]
		from, to := codeIn(s[at[0]:at[1]])
		if to == 0 {
			continue
		}
		from, to = at[0]+from, at[0]+to
		found := ungrouped.Replace(s[from:to])
		switch says(before) {
		case aCode:
			return found
		case nothing:
			if first == "" && !partBefore.MatchString(s[max(0, from-8):from]) && !partAfter.MatchString(s[to:]) {
				first = found
			}
		}
	}
	return cmp.Or(first, lone(s))
}

// lone is the first run of six digits and no more.
func lone(s string) string {
	for _, run := range digitRuns.Regexp().FindAllString(s, -1) {
		if IsCode(run) {
			return run
		}
	}
	return ""
}

// codeIn is where a code stands in a number that may have groups, or 0, 0.
func codeIn(number string) (from, to int) {
	for _, p := range []*pattern.Pattern{sixDigits, twoGroups, moreGroups} {
		if m := p.Regexp().FindStringSubmatchIndex(number); m != nil {
			return m[2], m[3]
		}
	}
	return 0, 0
}

// What the words before a number say that it is.
const (
	nothing = iota
	aCode
	another
)

func says(before string) int {
	all := label.Regexp().FindAllStringSubmatchIndex(before, -1)
	if len(all) == 0 {
		return nothing
	}
	last := all[len(all)-1]
	switch {
	case !clause.MatchString(before[last[1]:]):
		return nothing
	case last[2] >= 0:
		return another
	}
	return aCode
}

var (
	digitRuns  = pattern.New(`[0-9]+`)
	number     = pattern.New(`[0-9]+(?:[ -]+[0-9]+)*`)
	sixDigits  = pattern.New(`(?:^| )([0-9]{6})(?: |$)`)
	twoGroups  = pattern.New(`^([0-9]{3}[ -][0-9]{3})(?: [0-9]{1,2})?$`)
	moreGroups = pattern.New(`^([0-9]{2} [0-9]{2} [0-9]{2}|(?:[0-9][ -]){5}[0-9])$`)

	// Words of our pages' languages for numbers, in the group those that are no codes. The nearest
	// to a number counts; it is read from the left, so that the longer of two goes first.
	label  = pattern.New(`(?i)((?:post|postal|zip|bar|qr|promo|coupon|gift|error|area|country|order|booking|tracking|item) ?code|[号號编編条條维維形][码碼]|邮编|[订訂]单|訂單|[单單尾水][号號]|番号|번호|رقم|\b(?:order|ref|reference|invoice|account|card|case|ticket|ending|number|no|tel|phone|call)\b)|(?:[证證証認认]|確認|인증|확인|verification|security|confirmation) ?(?:番号|号码|號碼|번호|number)|[码碼]|code|コード|코드|\b(?:otp|pin)\b|password|رمز|كود`)
	clause = pattern.New(`^[^,;、。.!?([【]{0,30}[([【「『<《"“' ]*$`)

	// An amount, a time, an address, or letters and digits together.
	partBefore = pattern.New(`(?i)(?:[a-z+/¥$€£₩]|[0-9][.:])$`)
	partAfter  = pattern.New(`(?i)^(?:[a-z元円원%€]|[.:/][0-9])`)
)
