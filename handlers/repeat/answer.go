// Package repeat is about a POST that comes again: what makes it the same, and its answer as one that
// can be given once more. Where outcomes are kept, and for how long, is package limit's.
package repeat

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tcb-login/parts"
)

// RequestOf is all that makes a form's POST the same as another: its address and its fields, but for
// the token, which every page has another spelling of. Each part has its length before it, so that no
// two differing forms give the same bytes.
func RequestOf(address string, form *fasthttp.Args, token string) []byte {
	type field struct{ name, value []byte }
	fields := make([]field, 0, form.Len())
	size := sizeOf(len(address))
	for name, value := range form.All() {
		if string(name) != token {
			fields = append(fields, field{name, value})
			size += sizeOf(len(name)) + sizeOf(len(value))
		}
	}
	slices.SortFunc(fields, func(a, b field) int {
		if order := bytes.Compare(a.name, b.name); order != 0 {
			return order
		}
		return bytes.Compare(a.value, b.value)
	})
	out := parts.Append(make([]byte, 0, size), address)
	for _, f := range fields {
		out = parts.Append(parts.Append(out, f.name), f.value)
	}
	return out
}

// kept are the headers that an answer of its own has; the others are the same for all.
var kept = [...]string{"Content-Type", "Location", "Referrer-Policy", "Retry-After"}

// AnswerOf is the answer that was just made, nil unless it says that all went well: its status, its
// headers of kept, an empty one where it has none, how many cookies it sets, the cookies, and the page.
// There are before bytes free in front of it, and there is room for after bytes behind it, so that
// it can be sealed where it is.
func AnswerOf(c *fiber.Ctx, before, after int) []byte {
	resp := c.Response()
	if resp.StatusCode() >= fiber.StatusBadRequest {
		return nil
	}
	var headers [len(kept)][]byte
	page := c.Response().Body()
	size := 2*binary.MaxVarintLen32 + sizeOf(len(page))
	for i, name := range kept {
		headers[i] = resp.Header.Peek(name)
		size += sizeOf(len(headers[i]))
	}
	cookies := 0
	for _, cookie := range resp.Header.Cookies() {
		cookies++
		size += sizeOf(len(cookie))
	}
	out := make([]byte, before, before+size+after)
	out = binary.AppendUvarint(out, uint64(resp.StatusCode()))
	for _, value := range headers {
		out = parts.Append(out, value)
	}
	out = binary.AppendUvarint(out, uint64(cookies))
	for _, cookie := range resp.Header.Cookies() {
		out = parts.Append(out, cookie)
	}
	return parts.Append(out, page)
}

// Give answers with what AnswerOf has made, with its cookies or without. It reports false for
// anything else.
func Give(c *fiber.Ctx, made []byte, cookies bool) bool {
	r := parts.NewReader(made)
	status := r.Uint()
	var headers [len(kept)][]byte
	for i := range headers {
		headers[i] = r.Part()
	}
	var set [][]byte
	for n := r.Uint(); n > 0 && !r.Failed(); n-- {
		set = append(set, r.Part())
	}
	page := r.Part()
	if !r.Whole() {
		return false
	}
	for i, value := range headers {
		if len(value) > 0 {
			c.Response().Header.SetBytesV(kept[i], value)
		}
	}
	if cookies {
		for _, cookie := range set {
			c.Response().Header.AddBytesV("Set-Cookie", cookie)
		}
	}
	c.Status(int(status)).Response().SetBody(page)
	return true
}

// sizeOf is what a part of so many bytes takes at most.
func sizeOf(n int) int { return parts.MaxLength + n }
