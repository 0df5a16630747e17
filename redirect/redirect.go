// Package redirect decides whether the browser may be sent to a redirect_uri. It compares bytes and
// knows no HTTP.
package redirect

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tcb-login/pattern"
)

// Verdict says how a login may reach a redirect_uri.
type Verdict int

const (
	Refused   Verdict = iota
	OwnOrigin         // on the page's origin: through localStorage
	WithCode          // on another origin: by an authorization code, never with a token
)

// Check decides whether the browser may be sent to uri after sign-in.
//
// On the page's own origin any path will do. The comparison is of bytes, before
// anything parses: what is compared is what the browser goes to, and every
// parser between would be one to disagree with it. url.Parse is left out on
// purpose, since it also refuses what browsers send (a broken %).
//
// On another origin the whole of uri must be registered for the client, byte
// for byte (RFC 9700 §4.1), and the request must be for a code with PKCE.
func Check(origin, uri string, registered []string, codeFlow bool) Verdict {
	if ownOrigin(origin, uri) {
		return OwnOrigin
	}
	if codeFlow && isRegistered(uri, registered) {
		return WithCode
	}
	return Refused
}

func ownOrigin(origin, uri string) bool {
	_, afterScheme, ok := strings.Cut(uri, "://")
	if !ok {
		return false
	}
	authority := len(uri) - len(afterScheme)
	if i := strings.IndexAny(afterScheme, "/?#"); i >= 0 {
		authority += i
	} else {
		authority = len(uri)
	}
	return uri[:authority] == origin && cleanRest(uri[authority:])
}

// cleanRest refuses what makes a URL read, or split a header, other than it
// looks: controls, spaces, bidi marks, and a backslash in the path, which
// browsers take for a slash.
func cleanRest(rest string) bool {
	if !utf8.ValidString(rest) {
		return false
	}
	path := true
	for _, r := range rest {
		switch {
		case r == '?' || r == '#':
			path = false
		case r == '\\' && path,
			unicode.IsControl(r),
			unicode.IsSpace(r),
			unicode.Is(unicode.Bidi_Control, r):
			return false
		}
	}
	return true
}

// loopback splits an http URL on a loopback host at its port, which may be any:
// native apps cannot know theirs in advance (RFC 8252 §7.3).
var loopback = pattern.New(`^(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::([1-9][0-9]{0,4}))?(/.*)?$`)

func isRegistered(uri string, registered []string) bool {
	for _, entry := range registered {
		if uri == entry {
			return true
		}
		want, got := loopback.Regexp().FindStringSubmatch(entry), loopback.Regexp().FindStringSubmatch(uri)
		if want != nil && got != nil && want[1] == got[1] && want[3] == got[3] && isPort(got[2]) {
			return true
		}
	}
	return false
}

func isPort(digits string) bool {
	_, err := strconv.ParseUint(digits, 10, 16)
	return digits == "" || err == nil
}

// codeChallenge is an S256 code_challenge: 32 bytes in base64url (RFC 7636 §4.2).
var codeChallenge = pattern.New(`^[A-Za-z0-9_-]{43}$`)

// IsCodeChallenge reports whether a code_challenge can be one of the method S256.
func IsCodeChallenge(s string) bool { return codeChallenge.MatchString(s) }
