package web

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/gofiber/fiber/v2"

	"tcb-login/handlers/refusal"
	"tcb-login/session"
)

// repeated stands before what a form's POST does. The same form, posted again at once or by going
// back, comes to what it came to the first time: a code is spent by the first of two clicks, and the
// browser shows what the second one brought.
//
// Only what went well is kept. A refusal, a captcha or an outage leaves the next one free to try.
func (s *Site) repeated(c *fiber.Ctx) error {
	r := requestOf(c)
	name, ok := r.Session.s.Repeats(r.Form.Value("csrf_token"), requestBytes(c))
	if !ok {
		return c.Next()
	}
	value, ok, err := s.outcomes.Look(r.ctx, name.Key)
	switch {
	case err != nil:
		return errRepeated
	case ok && giveAgain(c, name, value):
		return nil
	case name.Old || r.Session.s.Denied(): // good for the look alone
		return c.Next()
	}
	end, first := s.outcomes.Begin(name.Key)
	if !first { // another was faster since the look
		return s.repeated(c)
	}
	// Not before the answer leaves: who waits for it would leave with it, and tell by the time what
	// the floor hides.
	r.Trace.after = func() { end(nil) }
	if err := c.Next(); err != nil {
		return err
	}
	if kept := outcomeOf(c); kept != nil {
		sealed, groups := name.Seal(kept), []string{name.Group, r.Session.s.RepeatGroups()[0]}
		r.Trace.after = func() { end(sealed, groups...) }
	}
	return nil
}

// errRepeated is for who has waited too long for the first of them, or with too many others.
var errRepeated = &refusal.Problem{Status: fiber.StatusServiceUnavailable, Title: "error.title_unavailable", Lead: "error.unavailable"}

// requestBytes is all that makes a POST the same as another: its address and its fields, but for the
// token, which every page has another spelling of.
func requestBytes(c *fiber.Ctx) []byte {
	var fields [][]byte
	for name, value := range postedForm(c).All() {
		if string(name) != "csrf_token" {
			field, _ := json.Marshal([2]string{string(name), string(value)})
			fields = append(fields, field)
		}
	}
	slices.SortFunc(fields, bytes.Compare)
	return append([]byte(c.OriginalURL()+"\n"), bytes.Join(fields, []byte("\n"))...)
}

// keptAnswer is an answer as it can be given again.
type keptAnswer struct {
	Status  int         `json:"s"`
	Headers [][2]string `json:"h"`
	Cookies []string    `json:"c"`
	Page    []byte      `json:"p"`
}

// keptHeaders are those that an answer of its own has; the others are the same for all.
var keptHeaders = []string{"Content-Type", "Location", "Referrer-Policy", "Retry-After"}

// outcomeOf is the answer that was just made, nil unless it says that all went well.
func outcomeOf(c *fiber.Ctx) []byte {
	resp := c.Response()
	kept := keptAnswer{Status: resp.StatusCode(), Page: c.Response().Body()}
	if kept.Status >= fiber.StatusBadRequest {
		return nil
	}
	for _, name := range keptHeaders {
		if value := resp.Header.Peek(name); len(value) > 0 {
			kept.Headers = append(kept.Headers, [2]string{name, string(value)})
		}
	}
	for _, cookie := range resp.Header.Cookies() {
		kept.Cookies = append(kept.Cookies, string(cookie))
	}
	out, _ := json.Marshal(kept) // of bytes and strings alone
	return out
}

// giveAgain answers with what was kept. The cookies of the first answer are the browser's already
// where it has another session id since, and may be older than what it has.
func giveAgain(c *fiber.Ctx, name session.Repeat, sealed []byte) bool {
	plain, ok := name.Open(sealed)
	var kept keptAnswer
	if !ok || json.Unmarshal(plain, &kept) != nil {
		return false
	}
	for _, h := range kept.Headers {
		c.Set(h[0], h[1])
	}
	if !name.Old {
		addCookies(c, kept.Cookies)
	}
	c.Status(kept.Status).Response().SetBody(kept.Page)
	return true
}
