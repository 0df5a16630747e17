package repeat

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// RequestOf is all that makes a form's POST the same as another: its address and its fields, but for
// the token, which every page has another spelling of.
func RequestOf(address string, form *fasthttp.Args, token string) []byte {
	var fields [][]byte
	for name, value := range form.All() {
		if string(name) != token {
			field, _ := json.Marshal([2]string{string(name), string(value)})
			fields = append(fields, field)
		}
	}
	slices.SortFunc(fields, bytes.Compare)
	return append([]byte(address+"\n"), bytes.Join(fields, []byte("\n"))...)
}

// answer is an answer as it can be given again.
type answer struct {
	Status  int         `json:"s"`
	Headers [][2]string `json:"h"`
	Cookies []string    `json:"c"`
	Page    []byte      `json:"p"`
}

// kept are the headers that an answer of its own has; the others are the same for all.
var kept = []string{"Content-Type", "Location", "Referrer-Policy", "Retry-After"}

// AnswerOf is the answer that was just made, nil unless it says that all went well.
func AnswerOf(c *fiber.Ctx) []byte {
	resp := c.Response()
	a := answer{Status: resp.StatusCode(), Page: c.Response().Body()}
	if a.Status >= fiber.StatusBadRequest {
		return nil
	}
	for _, name := range kept {
		if value := resp.Header.Peek(name); len(value) > 0 {
			a.Headers = append(a.Headers, [2]string{name, string(value)})
		}
	}
	for _, cookie := range resp.Header.Cookies() {
		a.Cookies = append(a.Cookies, string(cookie))
	}
	out, _ := json.Marshal(a) // of bytes and strings alone
	return out
}

// Give answers with what AnswerOf has made, with its cookies or without. It reports false for
// anything else.
func Give(c *fiber.Ctx, made []byte, cookies bool) bool {
	var a answer
	if json.Unmarshal(made, &a) != nil {
		return false
	}
	for _, h := range a.Headers {
		c.Set(h[0], h[1])
	}
	if cookies {
		for _, cookie := range a.Cookies {
			c.Response().Header.Add("Set-Cookie", cookie)
		}
	}
	c.Status(a.Status).Response().SetBody(a.Page)
	return true
}
