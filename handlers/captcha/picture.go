// Package captcha judges what TCB and its captcha page say, before a page of ours has it. How a
// captcha gets in the way of a call is in handlers/web.
//
// A captcha's picture comes from TCB as a data URL and travels in the form that asks for it: an
// empty answer and another language show the same one again without a call, and whichever instance
// gets the form has it.
package captcha

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"tcb-login/pattern"
)

// MaxPicture is how long a picture may be in a form's body, where some characters of
// base64 take three bytes. It holds an image of 256 KB and more; TCB's are a few.
const MaxPicture = 384 << 10

// dataURL is what a data URL of a picture begins with (RFC 2397; browsers take any
// case and parameters). SVG is none of these: it is a document, and not a picture.
var dataURL = pattern.New(`(?i)^data:\s*image/(?:png|x-png|gif|jpeg|jpg|pjpeg|webp)\s*(?:;[^,;]*)*;\s*base64\s*,`)

// Picture reads a data URL as browsers do and gives it as pages have it: of the type
// that its bytes are, in plain base64.
func Picture(data string) (string, bool) {
	head := dataURL.Regexp().FindString(data[:min(len(data), 256)])
	if head == "" || len(data) > 3*MaxPicture {
		return "", false
	}
	body, _, _ := strings.Cut(data[len(head):], "#") // a fragment is no part of the resource
	if strings.Contains(body, "%") {
		var err error
		if body, err = url.PathUnescape(body); err != nil {
			return "", false
		}
	}
	// https://infra.spec.whatwg.org/#forgiving-base64-decode: blanks do not count, and
	// padding may be left out.
	body = strings.TrimRight(strings.NewReplacer(" ", "", "\t", "", "\n", "", "\f", "", "\r", "").Replace(body), "=")
	raw, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil {
		return "", false
	}
	kind := http.DetectContentType(raw) // by the WHATWG's signatures, as browsers
	switch kind {
	case "image/png", "image/gif", "image/jpeg", "image/webp":
	default:
		return "", false
	}
	out := "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(raw)
	return out, postedLength(out) <= MaxPicture
}

// postedLength is how many bytes a value takes in a form's body
// (application/x-www-form-urlencoded).
func postedLength(s string) int {
	n := len(s)
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '*', c == '-', c == '.', c == '_', c == ' ':
		default:
			n += 2
		}
	}
	return n
}
