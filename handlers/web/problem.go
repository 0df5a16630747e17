package web

import (
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/i18n"
)

// A Problem is an error that has a page of its own.
type Problem struct {
	Status int
	Title  string // message keys
	Lead   string
	Args   i18n.Args
	Value  string // what was refused, shown as text
	Home   bool   // the way on is to the app at this origin: no login request is known
}

func (p *Problem) Error() string { return "problem: " + p.Lead }

// BadRequest is the problem of an address that leads nowhere.
func BadRequest(lead string, args i18n.Args) *Problem {
	return &Problem{Status: fiber.StatusBadRequest, Title: "error.title_request", Lead: lead, Args: args}
}

func badParameter(name string) *Problem {
	return BadRequest("error.page.parameter", i18n.Args{"name": name})
}

// Problems that several pages have.
var (
	ErrMissing  = &Problem{Status: fiber.StatusNotFound, Title: "error.title_missing", Lead: "error.page.missing"}
	ErrDisabled = &Problem{Status: fiber.StatusNotFound, Title: "error.title_missing", Lead: "error.disabled"}
	// ErrNoForm is for a form that no page has.
	ErrNoForm = badParameter("form")
	// errUnreadable is for bodies that are compressed, in parts or otherwise not what a form of ours sends.
	errUnreadable = &Problem{Status: fiber.StatusUnsupportedMediaType, Title: "error.title", Lead: "error.page.unreadable"}
	// ErrNotYet is for a login that is to reach another origin.
	ErrNotYet = &Problem{Status: fiber.StatusNotImplemented, Title: "error.title_not_yet", Lead: "error.page.not_yet"}
	// errCrossSite is for POSTs from pages that are not of our origin.
	errCrossSite = &Problem{Status: fiber.StatusForbidden, Title: "error.title_request", Lead: "error.page.cross_site"}
)

// problemOf finds the page that an error deserves and notes for the log what is not the person's doing.
func problemOf(t *Trace, err error) *Problem {
	var (
		p   *Problem
		fe  *fiber.Error
		api *authclient.Error
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &api):
		t.Code, t.Err = api.Code, err
		out := RefusalOf(api, nil)
		if out.Status < 500 {
			out = refusals["unknown"]
		}
		return &Problem{Status: out.Status, Title: "error.title_unavailable", Lead: out.Key}
	case errors.As(err, &fe):
		switch fe.Code {
		case fiber.StatusNotFound:
			return ErrMissing
		case fiber.StatusMethodNotAllowed:
			return &Problem{Status: fe.Code, Title: "error.title_request", Lead: "error.page.method"}
		case fiber.StatusRequestEntityTooLarge, fiber.StatusRequestHeaderFieldsTooLarge:
			return &Problem{Status: fe.Code, Title: "error.title", Lead: "error.page.too_large"}
		case fiber.StatusRequestTimeout:
			return &Problem{Status: fe.Code, Title: "error.title", Lead: "error.page.timeout"}
		}
		if fe.Code >= 400 && fe.Code < 500 {
			return &Problem{Status: fe.Code, Title: "error.title", Lead: "error.page.method"}
		}
	}
	t.Err = err
	return &Problem{Status: fiber.StatusInternalServerError, Title: "error.title", Lead: "error.page.internal"}
}

// printable shows a refused value as text: bounded, and with everything that could make it read
// otherwise escaped.
func printable(value string) string {
	const most = 200
	if value == "" {
		return ""
	}
	runes := []rune(value)
	if len(runes) > most {
		runes = append(runes[:most], '…')
	}
	quoted := strconv.QuoteToGraphic(string(runes))
	return quoted[1 : len(quoted)-1]
}
