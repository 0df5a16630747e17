// Package password judges new passwords: by the rule that pages state, and by what breached sites
// and the person's own name tell of them.
package password

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// Normalize composes a new password (NFC, as NIST SP 800-63B-4 wants one form of them), so that "é"
// is the same from a keyboard that types it as a letter and from one that types an accent to it.
func Normalize(password string) string { return norm.NFC.String(password) }

// Forms are what a password may have been set as that somebody has typed, at most two: as it was typed,
// by an app, or composed, as our pages do it.
func Forms(typed string) []string {
	if composed := Normalize(typed); composed != typed {
		return []string{typed, composed}
	}
	return []string{typed}
}

// Strong reports that a password meets the rule that the page states. TCB is
// who decides; this only tells what a refusal of TCB's is about.
func Strong(password string) bool {
	n := utf8.RuneCountInString(password)
	return n >= 8 && n <= 64 && strings.ContainsFunc(password, unicode.IsUpper) &&
		strings.ContainsFunc(password, unicode.IsLower) && strings.ContainsFunc(password, unicode.IsDigit) &&
		strings.ContainsFunc(password, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// passwords.txt are the ten thousand passwords that breached sites had most
// often, lower-cased, one a line (from the lists of zxcvbn, MIT licence, Dan
// Wheeler and Dropbox, with some that people in China are fond of).
//
//go:embed passwords.txt
var commonList string

var commonPasswords = sync.OnceValue(func() map[string]bool {
	list := map[string]bool{}
	for line := range strings.Lines(commonList) {
		list[strings.TrimSpace(line)] = true
	}
	return list
})

// leet are the letters that people put signs for.
var leet = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t")

// Common reports a password of everybody's in one of the disguises that a rule
// like TCB's makes people put on: capitals, signs for letters, and digits and
// signs around it (NIST SP 800-63B-4 §3.1.1.2 wants such ones refused).
func Common(password string) bool {
	folded := strings.ToLower(width.Fold.String(password))
	sign := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	other := func(r rune) bool { return !unicode.IsLetter(r) }
	for _, form := range []string{folded, leet.Replace(folded)} {
		for _, stripped := range []string{
			form, strings.TrimRightFunc(form, sign), strings.TrimFunc(form, sign),
			strings.TrimRightFunc(form, other), strings.TrimFunc(form, other),
		} {
			if commonPasswords()[stripped] {
				return true
			}
		}
	}
	// Signs for letters among trailing digits: P@ssw0rd1!
	return commonPasswords()[leet.Replace(strings.TrimRightFunc(folded, other))]
}

// Personal reports a password with the person's own name in it: the first thing
// that anybody tries.
func Personal(password string, about ...string) bool {
	folded := strings.ToLower(width.Fold.String(password))
	for _, name := range about {
		name, _, _ = strings.Cut(strings.ToLower(name), "@")
		if strings.HasPrefix(name, "+") {
			_, name, _ = strings.Cut(name, " ")
		}
		if utf8.RuneCountInString(name) >= 4 && strings.Contains(folded, name) {
			return true
		}
	}
	return false
}
