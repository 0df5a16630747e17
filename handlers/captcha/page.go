package captcha

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"tcb-login/config/input"
)

const (
	// leastToken is how long a captcha_token serves whose expires_in is none.
	leastToken = time.Minute
	maxToken   = time.Hour
	maxSaid    = 200 // characters
)

// PageAddress reports that a browser may go to an address of TCB's captcha page: over https, or to
// the emulator on this machine.
func PageAddress(page, endpoint string) bool {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	at, err := url.Parse(endpoint)
	return u.Scheme == "https" ||
		u.Scheme == "http" && input.IsLoopback(u.Hostname()) && err == nil && at.Scheme == "http" && input.IsLoopback(at.Hostname())
}

// IsToken reports that a captcha_token can be one.
func IsToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// TokenLife is how long a token serves: a little less than TCB says, as with pictures.
func TokenLife(expiresIn string) time.Duration {
	n, err := strconv.Atoi(expiresIn)
	if err != nil {
		return leastToken
	}
	return min(max(time.Duration(min(n, int(maxToken.Seconds())))*time.Second-10*time.Second, 0), maxToken)
}

// Said is somebody else's sentence as text of ours: on one line, with nothing that turns its
// direction or hides, at most 200 characters.
func Said(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r): // control, bidi and format characters
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > maxSaid {
		s = string(runes[:maxSaid]) + "…"
	}
	return s
}
