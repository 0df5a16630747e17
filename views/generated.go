package views

import (
	"errors"
	"io"
	"strings"
)

// What generated components call in the place of templ's own functions, which make a string of each
// of theirs: see command generate.

// joinStringErrs is templ.JoinStringErrs for strings.
func joinStringErrs(s string, errs ...error) (string, error) { return s, errors.Join(errs...) }

// writeEscaped writes what templ.EscapeString makes of s.
func writeEscaped[T ~string](w io.Writer, s T) error {
	_, err := escaper.WriteString(w, string(s))
	return err
}

// escaper escapes what html.EscapeString does, in the same way.
var escaper = strings.NewReplacer("&", "&amp;", "'", "&#39;", "<", "&lt;", ">", "&gt;", `"`, "&#34;")
