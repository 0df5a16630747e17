package views

import (
	"errors"
	"io"
)

// What generated components call in the place of templ's own functions, which make a string of each
// of theirs: see command generate.

// joinStringErrs is templ.JoinStringErrs for strings.
func joinStringErrs(s string, errs ...error) (string, error) { return s, errors.Join(errs...) }

// writeEscaped writes what templ.EscapeString makes of s.
func writeEscaped[T ~string](w io.StringWriter, s T) error { return escapeTo(w, string(s)) }

// escapes are what html.EscapeString has in place of characters.
var escapes = [256]string{'&': "&amp;", '\'': "&#39;", '<': "&lt;", '>': "&gt;", '"': "&#34;"}

func escapeTo(w io.StringWriter, s string) error {
	written := 0
	for i := range len(s) {
		escape := escapes[s[i]]
		if escape == "" {
			continue
		}
		if _, err := w.WriteString(s[written:i]); err != nil {
			return err
		}
		if _, err := w.WriteString(escape); err != nil {
			return err
		}
		written = i + 1
	}
	_, err := w.WriteString(s[written:])
	return err
}
