package identifier

import (
	"strings"
	"unicode"

	"tcb-login/pattern"
)

// Parse turns what people sign in with into TCB's form of it: a phone
// number gets its country and blank, an e-mail address its domain as DNS has it, anything
// else is a username, with full-width characters made plain.
func Parse(typed string) string {
	narrow := Plain(typed)
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

// Names are what TCB may know somebody by who signs in as typed, in the order in which to try them:
// what Parse makes of it and, where that is a number that was typed as digits alone, these digits,
// which may be a username.
func Names(typed string) []string {
	name := Parse(typed)
	if digits := Plain(typed); strings.HasPrefix(name, "+") && strings.Trim(digits, "0123456789") == "" {
		return []string{name, digits}
	}
	return []string{name}
}

// mobile is a mainland Chinese number without the + of its country, as people type it.
var mobile = pattern.New(`^(?:(?:00)?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}$`)

// username is what a new one may be: TCB's rule (http-api, auth-sign-in) without
// what could be taken for an e-mail address.
var username = pattern.New(`^[A-Za-z0-9][A-Za-z0-9_.-]{1,47}$`)

// ValidUsername also wants a letter: sign-in takes digits alone for a phone number.
func ValidUsername(s string) bool {
	return username.MatchString(s) && strings.ContainsFunc(s, unicode.IsLetter)
}
