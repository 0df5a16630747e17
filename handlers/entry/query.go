package entry

import (
	"strings"
	"unicode/utf8"
)

// param is one parameter of a query string, as it stood there and as it reads.
type param struct{ raw, key, value string }

const (
	maxEntryQuery = 6 << 10  // of what the app sent
	maxQuery      = 12 << 10 // with a step of ours
)

// parseQuery splits a query string the way browsers' URLSearchParams does. The
// SDK appends its caller's values unencoded, so what url.ParseQuery refuses (a
// broken %, a semicolon) is read literally instead. It answers false for what
// is no text at all or too long.
func parseQuery(raw string) ([]param, bool) {
	if len(raw) > maxQuery {
		return nil, false
	}
	var params []param
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		p := param{raw: part, key: Unescape(key), value: Unescape(value)}
		if !utf8.ValidString(p.key) || !utf8.ValidString(p.value) || strings.ContainsRune(p.key, 0) {
			return nil, false
		}
		params = append(params, p)
	}
	return params, true
}

// Unescape decodes + and %xx, once; a % that starts no escape stays.
func Unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
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
