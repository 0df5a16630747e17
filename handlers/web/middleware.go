package web

import (
	"errors"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/handlers/deadline"
	"tcb-login/handlers/journal"
	"tcb-login/handlers/origins"
	"tcb-login/metrics"
)

// Keys of Fiber's Locals.
const (
	localTrace   = "trace"
	localOrigin  = "origin"
	localRequest = "request"
)

// Trace is what is gathered of a request on its way: what is put on record of it, and what its answer
// waits for.
type Trace struct {
	journal.Entry

	// JSON is the answer to an error of a page that answers JSON, where it has to bring more than
	// the error: see Row.
	JSON any

	caller netip.Addr // which Address is the text of

	early bool // refused before there was a request
	json  bool // the page answers JSON

	called  time.Time // the first watched call, by the floor's clock
	calls   int       // how many there were
	watched string    // the kind of the last one
	alike   bool      // see Alike
	after   func()    // runs as the answer leaves
	leave   func()    // gives back the answer's place, which it has from the first watched call on
}

// Alike notes that the answer must look like others of its kind, so that it waits for the kind's
// floor where a watched call was made. The one that lets somebody in need not: it tells by itself.
func (t *Trace) Alike() { t.alike = true }

func traceOf(c *fiber.Ctx) *Trace {
	if t, ok := c.Locals(localTrace).(*Trace); ok {
		return t
	}
	return &Trace{}
}

// observe gives every request its names, a deadline and one log line: never its query, form, cookies
// or error texts of TCB's, which can hold what people typed.
func (s *Site) observe(c *fiber.Ctx) error {
	t := &Trace{}
	if err := s.begin(c, t); err != nil {
		return err
	}
	t.Route = s.nowhereCount
	ctx := deadline.New(t.Context(s.ctx), time.Now().Add(s.Timeout+grace))
	defer ctx.End()
	c.SetUserContext(ctx)
	err := s.finished(c, t)
	if t.after != nil {
		t.after()
	}
	if s.leaving() { // who would send the next request on it goes elsewhere
		c.Context().SetConnectionClose()
	}
	s.logRequest(c, t)
	return err
}

// finished answers, whatever happens on the way, no sooner than the answer may leave.
func (s *Site) finished(c *fiber.Ctx, t *Trace) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.notePanic(t, p)
			err = s.answer(c, t.Err)
		}
		s.settle(t)
	}()
	if err := c.Next(); err != nil {
		return s.answer(c, err)
	}
	return nil
}

// begin names a request. What a proxy of the operator's has named keeps its name.
func (s *Site) begin(c *fiber.Ctx, t *Trace) (err error) {
	s.journal.Begin(&t.Entry)
	c.Locals(localTrace, t)
	t.caller = s.clientAddress(c)
	t.Address = t.caller.String()
	id, parent := "", ""
	if s.proxies.Trust(peerAddress(c)) {
		id, parent = origins.Only(c, "X-Request-Id"), origins.Only(c, "Traceparent")
	}
	t.Names, err = journal.Names(s.rand, id, parent)
	return err
}

// notePanic logs a bug.
func (s *Site) notePanic(t *Trace, p any) {
	t.Err = errors.New("panic")
	s.log.Error("panic", "request_id", t.Names.RequestID, "panic", p, "stack", string(debug.Stack()))
}

// logRequest puts the request on record.
func (s *Site) logRequest(c *fiber.Ctx, t *Trace) {
	line := journal.Line{Status: c.Response().StatusCode()}
	if !t.early { // else they are left over, or the caller's own words
		line.Method, line.Route = c.Method(), c.Route().Path
	}
	t.Write(line)
}

// counting is the middleware before a page, whose requests count for it.
func counting(route *metrics.Route) fiber.Handler {
	return func(c *fiber.Ctx) error {
		traceOf(c).Route = route
		return c.Next()
	}
}
