package input

// IsID reports whether a text is made of what TCB's ids and config versions are made of: letters,
// digits, and between them dashes, underscores and single dots. They end up in file names, so a path
// is none.
func IsID(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
		case i == 0:
			return false
		case c == '.' && s[i-1] != '.' && i < len(s)-1:
		case c != '-' && c != '_':
			return false
		}
	}
	return s != ""
}
