package web

import (
	"slices"

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
	r := requestOf(c)
	if r.Form.switches() || r.Form.refreshes() { // each press means something
		return c.Next()
	}
	name, ok := r.Session.Repeats(r.Form.Value("csrf_token"), repeat.RequestOf(c.OriginalURL(), postedForm(c), "csrf_token"))
	if !ok {
		return c.Next()
	}
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
		return s.repeated(c)
	}
	// Not before the answer leaves: who waits for it would leave with it, and tell by the time what
	// the floor hides.
	r.Trace.after = func() { end(nil) }
	if err := c.Next(); err != nil {
		return err
	}
	if kept := repeat.AnswerOf(c); kept != nil {
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
