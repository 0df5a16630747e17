package web

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/handlers/headers"
	"tcb-login/handlers/refusal"
	"tcb-login/views"
)

// A Reply is what a handler has to say: a page, the way to another, or JSON.
type Reply struct {
	Status     int
	Page       views.Page    // or
	To         string        // where a 303 leads: to a page of ours, or a GET's back to an app (sendBack), or
	JSON       any           // an answer to a script, or
	File       *File         // to be kept by the person
	RetryAfter time.Duration // said where it is not 0
	NoReferrer bool          // the address of this page is for nobody
}

// A File is downloaded: the browser shows nothing of it.
type File struct {
	Name string // of letters, digits, - and .
	Type string // media type
	Data []byte
}

// A Handler answers a request. What it cannot answer is an error, of which Site.answer makes a
// page.
type Handler func(*Request) (Reply, error)

// Show is a page.
func Show(status int, page views.Page) (Reply, error) { return Reply{Status: status, Page: page}, nil }

// OK is a page that was asked for.
func OK(page views.Page) (Reply, error) { return Show(fiber.StatusOK, page) }

// Invalid is a form again, whose page says what is wrong with it.
func Invalid(page views.Page) (Reply, error) { return Show(fiber.StatusUnprocessableEntity, page) }

// SeeOther leads to another page of ours, by an address that To or Into made.
func SeeOther(to string) (Reply, error) { return Reply{To: to}, nil }

// Leave is the page that leads away: a POST must not redirect off our origin, since Chromium holds
// form-action against the whole redirect chain.
func Leave(page *views.InterstitialPage) (Reply, error) {
	page.Languages = nil
	page.Refresh = "2; url=" + page.Data.To
	return Reply{Status: fiber.StatusOK, Page: page, NoReferrer: true}, nil
}

// JSON answers a script.
func JSON(status int, v any) (Reply, error) { return Reply{Status: status, JSON: v}, nil }

// write sends a reply, with all cookies that it owes.
func (s *Site) write(c *fiber.Ctx, r *Request, reply Reply) error {
	if reply.Page != nil {
		if err := s.finish(r, reply.Page.Frame()); err != nil {
			return err
		}
	}
	cookies, err := r.Session.Cookies()
	if err != nil {
		return err
	}
	if reply.Page != nil {
		if err := render(c, reply.Status, reply.Page); err != nil {
			return err
		}
	}
	addCookies(c, cookies)
	setRetryAfter(c, reply.RetryAfter)
	if reply.Status >= fiber.StatusBadRequest {
		r.Trace.Because(reasonOf(r, reply.Status))
	}
	if reply.NoReferrer {
		c.Set("Referrer-Policy", "no-referrer")
	}
	switch {
	case reply.To != "":
		return c.Redirect(reply.To, fiber.StatusSeeOther)
	case reply.JSON != nil:
		return writeJSON(c, reply.Status, reply.JSON)
	case reply.File != nil:
		c.Set("Content-Type", reply.File.Type)
		c.Set("Content-Disposition", `attachment; filename="`+reply.File.Name+`"`)
		return c.Status(reply.Status).Send(reply.File.Data)
	}
	return nil
}

// reasonOf is why a page has a status of failure, where nobody has said it: something is wrong with
// what was typed, unless the status says otherwise.
func reasonOf(r *Request, status int) refusal.Reason {
	switch {
	case status == fiber.StatusTooManyRequests:
		return refusal.ReasonLimit
	case status == fiber.StatusUnauthorized:
		return refusal.ReasonNoLogin
	case status >= fiber.StatusInternalServerError:
		return refusal.ReasonTCBAway
	case r.Form.Stale:
		return refusal.ReasonCSRF
	case r.Trace.Code != "":
		return refusal.ReasonRefused
	}
	return refusal.ReasonForm
}

func setRetryAfter(c *fiber.Ctx, wait time.Duration) {
	if wait > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
}

func addCookies(c *fiber.Ctx, cookies []string) {
	for _, cookie := range cookies {
		c.Response().Header.Add("Set-Cookie", cookie) // c.Append would join them into one
	}
}

// finish gives a page what only the end of a request knows: the CSRF token of the session as it is
// now, the captcha, and a password to be kept.
func (s *Site) finish(r *Request, b *views.Base) error {
	b.Form.CSRF = r.Session.CSRFToken()
	if b.Guard != nil {
		b.Guard.CSRF = r.Session.CSRFToken()
	}
	if b.Form.DeviceID == "" {
		b.Form.DeviceID = r.Device
	}
	if r.posted {
		b.Canonical = cmp.Or(b.Form.Action, b.Canonical)
	}
	return r.Form.carry(b)
}

// render renders into the body of the answer. What there is of it when that fails goes: half a page is
// worse than an error page.
func render(c *fiber.Ctx, status int, page views.Page) error {
	c.Response().ResetBody()
	if err := page.Component().Render(context.WithoutCancel(c.UserContext()), c.Response().BodyWriter()); err != nil {
		c.Response().ResetBody()
		return fmt.Errorf("rendering: %w", err)
	}
	c.Set("Content-Type", "text/html; charset=utf-8")
	c.Status(status)
	return nil
}

func writeJSON(c *fiber.Ctx, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	headers.File(c)
	c.Set("Content-Type", "application/json")
	return c.Status(status).Send(body)
}
