package web

import (
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tcb-login/handlers/refusal"
	"tcb-login/handlers/repeat"
	"tcb-login/session"
)

// repeated stands before what a form's POST does. The same form, posted again at once or by going
// back, comes to what it came to the first time: a code is spent by the first of two clicks, and the
// browser shows what the second one brought.
//
// Only what went well is kept. A refusal, a captcha or an outage leaves the next one free to try.
func (s *Site) repeated(c *fiber.Ctx) error {
	name, ok := repeatOf(c, c.OriginalURL())
	if !ok {
		return c.Next()
	}
	return s.repeatedAs(c, name)
}

// askedAgain is repeated for a question: the two clicks of a double one are one, in the same second or
// over its end, and one that is asked later has an answer of its own.
func (s *Site) askedAgain(c *fiber.Ctx) error {
	r, second := requestOf(c), s.Now().Unix()
	at := func(second int64) string { return c.OriginalURL() + "\n" + strconv.FormatInt(second, 10) }
	before, _ := repeatOf(c, at(second-1))
	name, ok := repeatOf(c, at(second))
	if !ok {
		return c.Next()
	}
	if value, ok, err := s.outcomes.Look(r.ctx, before.Group, before.Key); err == nil && ok && s.giveAgain(c, before, value) {
		return nil
	}
	return s.repeatedAs(c, name)
}

// solvedAgain is repeated for what may be posted twice, but not with the same captcha, which is used up:
// the answer to a picture, or the way back from TCB's page.
func (s *Site) solvedAgain(c *fiber.Ctx) error {
	if f := requestOf(c).Form; f.captcha.key == "" && f.back == nil {
		return c.Next()
	}
	return s.repeated(c)
}

// repeatOf is the name of a form's POST to an address, where the same one would be the same.
func repeatOf(c *fiber.Ctx, address string) (name session.Repeat, ok bool) {
	r := requestOf(c)
	if r.Form.switches() || r.Form.refreshes() { // each press means something
		return name, false
	}
	return r.Session.Repeats(r.Form.Value("csrf_token"), repeat.RequestOf(address, postedForm(c), "csrf_token"))
}

func (s *Site) repeatedAs(c *fiber.Ctx, name session.Repeat) error {
	r := requestOf(c)
	value, ok, err := s.outcomes.Look(r.ctx, name.Group, name.Key)
	switch {
	case err != nil:
		return errRepeated
	case ok && s.giveAgain(c, name, value):
		return nil
	case name.Old || r.Session.Denied(): // good for the look alone
		return c.Next()
	}
	end, first := s.outcomes.Begin(r.ctx, name.Group, name.Key)
	if !first { // another was faster since the look
		return s.repeatedAs(c, name)
	}
	// Not before the answer leaves: who waits for it would leave with it, and tell by the time what
	// the floor hides.
	r.Trace.after = func() { end(nil) }
	if err := c.Next(); err != nil {
		return err
	}
	if kept := repeat.AnswerOf(c, session.RepeatBefore, session.RepeatAfter); kept != nil {
		// What came before under another id of the session is over too.
		sealed, others := name.Seal(kept), r.Session.RepeatGroups()
		others = slices.DeleteFunc(others, func(group string) bool { return group == name.Group })
		r.Trace.after = func() {
			s.outcomes.Forget(r.ctx, others...)
			end(sealed)
		}
	}
	return nil
}

// errRepeated is for who has waited too long for the first of them, or with too many others.
var errRepeated = &refusal.Problem{Status: fiber.StatusServiceUnavailable, Title: "error.title_unavailable", Lead: "error.unavailable", Reason: refusal.ReasonBusy}

// giveAgain answers with what was kept. The cookies of the first answer are the browser's already
// where it has another session id since, and may be older than what it has.
func (s *Site) giveAgain(c *fiber.Ctx, name session.Repeat, sealed []byte) bool {
	plain, ok := name.Open(sealed)
	return ok && repeat.Give(c, plain, !name.Old)
}
