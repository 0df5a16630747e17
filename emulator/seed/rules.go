package seed

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"tcb-login/config/input"
	"tcb-login/pattern"
)

var (
	phonePattern    = pattern.New(`^\+[1-9][0-9]{0,2} [0-9]{4,14}$`)
	emailPattern    = pattern.New(`^[^\s@\x00-\x1f]{1,64}@[^\s@\x00-\x1f]+\.[^\s@.\x00-\x1f]+$`)
	usernamePattern = pattern.New(`^[A-Za-z0-9][A-Za-z0-9_.-]{1,47}$`)
	subPattern      = pattern.New(`^[A-Za-z0-9_-]{1,64}$`)
)

// IsPhoneNumber wants "+CC number" with one space, as TCB does.
func IsPhoneNumber(s string) bool { return phonePattern.MatchString(s) }

// IsEmail says whether a code can be sent there.
func IsEmail(s string) bool {
	return len(s) <= 254 && utf8.ValidString(s) && emailPattern.MatchString(s)
}

// IsUsername is the rule for new usernames. A username has neither "+" nor "@", so that nobody can
// register somebody else's address or number as a username.
func IsUsername(s string) bool { return usernamePattern.MatchString(s) }

// A rule returns what a text should be instead, or "".
type rule func(s string) string

func atMost(runes int) rule {
	return func(s string) string {
		if utf8.RuneCountInString(s) > runes {
			return fmt.Sprintf("want at most %d characters", runes)
		}
		return ""
	}
}

func oneOf(values ...string) rule {
	return func(s string) string {
		for _, v := range values {
			if s == v {
				return ""
			}
		}
		return "want " + strings.Join(values, ", ")
	}
}

func thatIs(is func(string) bool, want string) rule {
	return func(s string) string {
		if !is(s) {
			return "want " + want
		}
		return ""
	}
}

var (
	envRule      = thatIs(input.IsID, "an environment's id")
	subRule      = thatIs(subPattern.MatchString, "1 to 64 letters, digits, _ or -")
	usernameRule = thatIs(IsUsername, "2 to 48 letters, digits, _ . or -, a letter or digit first")
	emailRule    = thatIs(IsEmail, `an address like "wang@example.com"`)
	phoneRule    = thatIs(IsPhoneNumber, `a number like "+86 13800000000"`)
	groupRule    = thatIs(isWord, "1 to 64 characters without blanks")
	providerRule = thatIs(isWord, "1 to 64 characters without blanks")
	dateRule     = thatIs(isDate, `a date like "1990-01-31"`)
	statusRule   = oneOf(Active, Pending, Blocked)
	genderRule   = oneOf("MALE", "FEMALE", "UNKNOWN")
)

func isWord(s string) bool {
	return len(s) <= 64 && len(strings.Fields(s)) == 1 && strings.TrimSpace(s) == s
}

func isDate(s string) bool {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

// passwordRule is what the documents' samples keep to.
func passwordRule(s string) string {
	if n := utf8.RuneCountInString(s); n < 8 || n > 64 {
		return "want 8 to 64 characters"
	}
	return ""
}

func hashRule(s string) string {
	if _, err := ParseHash(s); err != nil {
		return err.Error()
	}
	return ""
}
