package web

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/handlers/refusal"
)

// Keys of Fiber's Locals.
const (
	localTrace   = "trace"
	localOrigin  = "origin"
	localRequest = "request"
)

// Trace is what the log line of a request tells.
type Trace struct {
	Code string // TCB's error code, if a call was refused, or what was wrong with the bytes
	Err  error  // a bug or an outage; never shown to people

	// JSON is the answer to an error of a page that answers JSON, where it has to bring more than
	// the error: see Row.
	JSON any

	id    string
	early bool // refused before there was a request
	json  bool // the page answers JSON

	called  time.Time // the first watched call, by the floor's clock
	calls   int       // how many there were
	watched string    // the kind of the last one
	alike   bool      // see Alike
	after   func()    // runs as the answer leaves
	leave   func()    // gives back the answer's place, which it has from the first watched call on
}

// Refused notes for the log line that TCB refused a call.
func (t *Trace) Refused(err error) { t.Code = refusal.CodeOf(err) }

// Alike notes that the answer must look like others of its kind, so that it waits for the kind's
// floor where a watched call was made. The one that lets somebody in need not: it tells by itself.
func (t *Trace) Alike() { t.alike = true }

func traceOf(c *fiber.Ctx) *Trace {
	if t, ok := c.Locals(localTrace).(*Trace); ok {
		return t
	}
	return &Trace{}
}

// observe gives every request an id, a deadline and one log line: never its query, form, cookies or
// error texts of TCB's, which can hold what people typed.
func (s *Site) observe(c *fiber.Ctx) (err error) {
	start := s.now()
	t := &Trace{}
	if t.id, err = s.newID(); err != nil {
		return err
	}
	c.Locals(localTrace, t)
	ctx, cancel := context.WithTimeout(s.ctx, s.Timeout+grace)
	defer cancel()
	c.SetUserContext(ctx)
	defer func() {
		if p := recover(); p != nil {
			s.notePanic(t, p)
			err = s.answer(c, t.Err)
		}
		s.settle(t)
		if t.after != nil {
			t.after()
		}
		if s.leaving() { // who would send the next request on it goes elsewhere
			c.Context().SetConnectionClose()
		}
		s.logRequest(c, t, start)
	}()
	if err := c.Next(); err != nil {
		if err := s.answer(c, err); err != nil {
			return err
		}
	}
	return nil
}

// notePanic logs a bug.
func (s *Site) notePanic(t *Trace, p any) {
	t.Err = errors.New("panic")
	s.log.Error("panic", "request_id", t.id, "panic", p, "stack", string(debug.Stack()))
}

// newID is by what people and operators find a log line.
func (s *Site) newID() (string, error) {
	var b [8]byte
	_, err := io.ReadFull(s.rand, b[:])
	return hex.EncodeToString(b[:]), err
}

func (s *Site) logRequest(c *fiber.Ctx, t *Trace, start time.Time) {
	level := slog.LevelInfo
	if t.Err != nil {
		level = slog.LevelError
	}
	if !s.log.Enabled(s.ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", t.id),
	}
	if !t.early { // else they are left over, or the caller's own words
		attrs = append(attrs, slog.String("method", c.Method()), slog.String("route", c.Route().Path))
	}
	attrs = append(attrs,
		slog.Int("status", c.Response().StatusCode()),
		slog.Float64("took_ms", float64(s.now().Sub(start).Microseconds())/1000),
		slog.String("address", s.clientAddress(c).String()),
	)
	if t.Code != "" {
		attrs = append(attrs, slog.String("code", t.Code))
	}
	if t.Err != nil {
		attrs = append(attrs, slog.String("error", loggable(t.Err)))
	}
	s.log.LogAttrs(s.ctx, level, "request", attrs...)
}

// loggable is an error's text where it cannot hold what a person typed: *authclient.Error leaves
// TCB's description out of its text for that reason.
func loggable(err error) string {
	var api *authclient.Error
	if errors.As(err, &api) {
		return api.Error() + ", request " + api.RequestID
	}
	return err.Error()
}
