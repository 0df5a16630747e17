package identifier

import "strings"

// MaskPhone hides the middle of a number, so that its owner recognises it and nobody else learns
// it: "+86 138****8000". The stars are always four and do not tell how many digits they stand for.
func MaskPhone(phone string) string {
	const stars = "****"
	code, national, ok := strings.Cut(phone, " ")
	if !ok {
		return stars
	}
	head, tail := 0, 1
	switch n := len(national); {
	case n >= 11:
		head, tail = 3, 4
	case n >= 9:
		head, tail = 2, 3
	case n >= 7:
		head, tail = 1, 2
	case n < minNational:
		return code + " " + stars
	}
	return code + " " + national[:head] + stars + national[len(national)-tail:]
}

// MaskEmail hides the name before the @ but for its first characters, at most two and at most half.
func MaskEmail(email string) string {
	const stars = "***"
	at := strings.LastIndexByte(email, '@')
	if at < 0 {
		return stars
	}
	local := []rune(email[:at])
	return string(local[:min(2, len(local)/2)]) + stars + email[at:]
}
