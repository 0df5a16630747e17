// Package bodies says which bodies of requests are read at all: those of the media type that a route
// takes, as they came. What undoes an encoding, or takes a body apart, is never asked.
package bodies

import (
	"mime"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Encoded tells that a body would have to be decoded before anybody could read it.
func Encoded(c *fiber.Ctx) bool {
	for _, encodings := range c.Request().Header.PeekAll("Content-Encoding") {
		for encoding := range strings.SplitSeq(string(encodings), ",") {
			if e := strings.TrimSpace(encoding); e != "" && !strings.EqualFold(e, "identity") {
				return true
			}
		}
	}
	return false
}

// Readable tells that a body is of the media type that a route reads, as it is. The body itself is
// for web alone to look at, which knows whether it is empty.
func Readable(c *fiber.Ctx, mediaType string, empty bool) bool {
	if Encoded(c) {
		return false
	}
	if empty || c.Get("Content-Type") == "" {
		return true // nothing is read as a form then, and an absent word is no wrong one
	}
	given, _, err := mime.ParseMediaType(c.Get("Content-Type"))
	return err == nil && given == mediaType
}
