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

// Printable shows a refused value as text: bounded, and with everything that could make it read
// otherwise escaped.
func Printable(value string) string {
	const most = 200
	if value == "" {
		return ""
	}
	runes := []rune(value)
	if len(runes) > most {
		runes = append(runes[:most], '…')
	}
	quoted := strconv.QuoteToGraphic(string(runes))
	return quoted[1 : len(quoted)-1]
}
