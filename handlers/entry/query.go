package entry

import (
	"strings"
	"unicode/utf8"
)

// param is one parameter of a query string: as it is carried on, and as it reads. What is no text is
// for the app to read, in whichever encoding it wrote that.
type param struct {
	raw, key, value string
	text            bool
}

const (
	maxEntryQuery = 6 << 10  // of what the app sent
	maxQuery      = 12 << 10 // with a step of ours
)

// parseQuery splits a query string the way browsers' URLSearchParams does. The
// SDK appends its caller's values unencoded, so what url.ParseQuery refuses (a
// broken %, a semicolon) is read literally instead. It appends to params, and
// answers false for what is too long.
func parseQuery(params []param, raw string) ([]param, bool) {
	if len(raw) > maxQuery {
		return nil, false
	}
	for part := ""; raw != ""; {
		if part, raw, _ = strings.Cut(raw, "&"); part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		p := param{raw: Escape(part), key: Unescape(key), value: Unescape(value)}
		p.text = utf8.ValidString(p.key) && utf8.ValidString(p.value) && !strings.ContainsRune(p.key, 0)
		params = append(params, p)
	}
	return params, true
}

// Escape writes what may not stand in an address (RFC 3986 §2) as %xx: it goes into headers and
// pages of ours. What is escaped already stays as it is.
func Escape(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && !mustEscape(s[i])
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; mustEscape(c) {
			const digits = "0123456789ABCDEF"
			b.WriteString("%" + digits[c>>4:c>>4+1] + digits[c&15:c&15+1])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func mustEscape(c byte) bool { return escaped[c] }

var escaped = func() (table [256]bool) {
	for c := range table {
		table[c] = c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", byte(c)) >= 0
	}
	return table
}()

// hint reads login_hint= as it was meant. The SDK's callers write it unencoded, and then a plus is
// one: no address has a blank in it that would be written so.
func hint(raw string) string {
	_, value, _ := strings.Cut(raw, "=")
	s := Unescape(strings.ReplaceAll(value, "+", "%2B"))
	if len(s) > 0 && !strings.Contains(s, "@") { // a number, whose blanks may have been written so
		s = s[:1] + strings.ReplaceAll(s[1:], "+", " ")
	}
	return s
}

// Unescape decodes + and %xx, once; a % that starts no escape stays.
func Unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteByte(fromHex(s[i+1])<<4 | fromHex(s[i+2]))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func fromHex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&0xdf - 'A' + 10
}
