package input

import (
	"strconv"
	"strings"
)

// Quote shows a value in a message, but not one that may hold a password: in a URL, user
// information stands before an @.
func Quote(s string) string {
	if strings.Contains(s, "@") {
		return "(not shown)"
	}
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return strconv.Quote(s)
}
