package handlers

import (
	"encoding/json"
	"mime"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"golang.org/x/text/width"

	"tcb-login/i18n"
	"tcb-login/views"
)

// field is a value of the posted form, and of it alone: Fiber's FormValue looks
// into the query string first.
func field(c *fiber.Ctx, name string) string {
	v := string(postedForm(c).Peek(name))
	if !utf8.ValidString(v) {
		return ""
	}
	return v
}

// postedForm and postedJSON are the only readers of bodies, which
// formsOnly and jsonOnly have seen before. Both take the bytes as they came, and
// so as few as bodyLimit: Fiber's other readers undo Content-Encoding, where 275
// bytes become gigabytes, or take multipart apart.
func postedForm(c *fiber.Ctx) *fasthttp.Args { return c.Request().PostArgs() }

func postedJSON(c *fiber.Ctx, into any) error { return json.Unmarshal(c.Request().Body(), into) }

// readable tells that a body is of the media type that a route reads, as it is.
func readable(c *fiber.Ctx, mediaType string) bool {
	for _, encodings := range c.Request().Header.PeekAll("Content-Encoding") {
		for encoding := range strings.SplitSeq(string(encodings), ",") {
			if e := strings.TrimSpace(encoding); e != "" && !strings.EqualFold(e, "identity") {
				return false
			}
		}
	}
	if len(c.Request().Body()) == 0 || c.Get("Content-Type") == "" {
		return true // nothing is read as a form then, and an absent word is no wrong one
	}
	given, _, err := mime.ParseMediaType(c.Get("Content-Type"))
	return err == nil && given == mediaType
}

// formsOnly and jsonOnly stand before everything that reads a body.
func formsOnly(c *fiber.Ctx) error {
	if !readable(c, "application/x-www-form-urlencoded") {
		return errUnreadable
	}
	return c.Next()
}

func jsonOnly(c *fiber.Ctx) error {
	if !readable(c, "application/json") {
		return writeJSON(c, errUnreadable.status, takenOver{Error: "unsupported_body"})
	}
	return c.Next()
}

// line is a field of one line, trimmed.
func line(c *fiber.Ctx, name string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", " ", "\n", " ").Replace(field(c, name)))
}

// cut shortens s to n bytes at most, at a rune.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

const (
	maxIdentifier = 254 // of an e-mail address, RFC 5321
	maxName       = 64
	maxPassword   = 256 // far beyond TCB's 64: TCB is to say no, not we
)

// username is what a new one may be: TCB's rule (http-api, auth-sign-in) without
// what could be taken for an e-mail address.
var username = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{1,47}$`)

// validUsername also wants a letter: sign-in takes digits alone for a phone number.
func validUsername(s string) bool {
	return username.MatchString(s) && strings.ContainsFunc(s, unicode.IsLetter)
}

// strong reports that a password meets the rule that the page states. TCB is
// who decides; this only tells what a refusal of TCB's is about.
func strong(password string) bool {
	n := utf8.RuneCountInString(password)
	return n >= 8 && n <= 64 && strings.ContainsFunc(password, unicode.IsUpper) &&
		strings.ContainsFunc(password, unicode.IsLower) && strings.ContainsFunc(password, unicode.IsDigit) &&
		strings.ContainsFunc(password, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// identifier turns what people sign in with into TCB's form of it: a phone
// number gets its country and blank, an e-mail address is trimmed, anything
// else is a username, with full-width characters made plain.
func identifier(typed string) string {
	narrow := width.Fold.String(typed)
	if strings.Contains(narrow, "@") {
		if email, ok := parseEmail(narrow); ok {
			return email
		}
		return narrow
	}
	if strings.HasPrefix(narrow, "+") || mobile.MatchString(narrow) {
		if phone, ok := parsePhone(narrow, "CN"); ok {
			return phone
		}
	}
	return narrow
}

// mobile is a mainland Chinese number without the + of its country, as people type it.
var mobile = regexp.MustCompile(`^(?:(?:00)?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}$`)

// need notes that a required field is empty.
func need(b *views.Base, name, value string) {
	if value == "" {
		wrong(b, name, "error.required."+name)
	}
}

// wrong notes what is wrong with a field.
func wrong(b *views.Base, name, key string) {
	b.Errors = append(b.Errors, views.FieldError{Field: name, Message: i18n.Msg(key)})
}

// tooLong notes that a field is longer than it can be.
func tooLong(b *views.Base, name, value string, most int) {
	if utf8.RuneCountInString(value) > most {
		wrong(b, name, "error.too_long")
	}
}
