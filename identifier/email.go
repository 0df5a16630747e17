package identifier

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"tcb-login/pattern"
)

// emailShape is what <input type=email> takes (HTML, "valid e-mail address"), with at least one dot
// in the domain.
var emailShape = pattern.New("^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@" +
	`([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$`)

// ParseEmail reads an e-mail address as people type and paste it. The domain is lower-cased, and in
// the form that DNS has (IDNA), which browsers make of it as long as they see that it is an
// address. The name before the @ is its owner's business.
func ParseEmail(s string) (string, bool) {
	s = strings.ReplaceAll(Plain(s), "。", ".") // what a Chinese keyboard puts for a dot
	name, domain, _ := strings.Cut(s, "@")
	domain, ok := asciiDomain(domain)
	if s = name + "@" + domain; !ok || len(s) > 254 || !emailShape.MatchString(s) {
		return "", false
	}
	return s, true
}

// asciiDomain converts a domain with other letters, and checks one that is converted already. Plain
// ones are left to emailShape: IDNA refuses hyphens in some that exist.
func asciiDomain(domain string) (string, bool) {
	domain = strings.ToLower(domain)
	if len(domain) > 4*253 { // no domain, in no alphabet
		return "", false
	}
	if isASCII(domain) && !strings.HasPrefix(domain, "xn--") && !strings.Contains(domain, ".xn--") {
		return domain, true
	}
	domain, err := idna.Lookup.ToASCII(domain)
	return domain, err == nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
