package identifier

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Parse turns what people sign in with into TCB's form of it: a phone
// number gets its country and blank, an e-mail address is trimmed, anything
// else is a username, with full-width characters made plain.
func Parse(typed string) string {
	narrow := width.Fold.String(typed)
	if strings.Contains(narrow, "@") {
		if email, ok := ParseEmail(narrow); ok {
			return email
		}
		return narrow
	}
	if strings.HasPrefix(narrow, "+") || mobile.MatchString(narrow) {
		if phone, err := ParsePhone(narrow, "CN"); err == nil {
			return phone
		}
	}
	return narrow
}

// mobile is a mainland Chinese number without the + of its country, as people type it.
var mobile = regexp.MustCompile(`^(?:(?:00)?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}$`)

// username is what a new one may be: TCB's rule (http-api, auth-sign-in) without
// what could be taken for an e-mail address.
var username = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{1,47}$`)

// ValidUsername also wants a letter: sign-in takes digits alone for a phone number.
func ValidUsername(s string) bool {
	return username.MatchString(s) && strings.ContainsFunc(s, unicode.IsLetter)
}
