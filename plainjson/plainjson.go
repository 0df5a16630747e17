// Package plainjson writes texts as JSON where nothing in them has to be escaped, which is most of what
// a server writes into its logs. What has to be is left to a package that knows all of JSON.
package plainjson

// Append appends a text in quotes. It takes printable ASCII without quotes, backslashes and what HTML has
// a meaning for; of all else it reports false, and appends nothing, since encoding/json or log/slog
// escapes some of that.
func Append(b []byte, text string) (appended []byte, plain bool) {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return b, false
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"'), true
}
