package refusal

import (
	"net/http"
	"strconv"
	"time"

	"tcb-login/i18n"
)

// A Problem is an error that has a page of its own.
type Problem struct {
	Status int
	Title  string // message keys
	Lead   string
	Args   i18n.Args
	Value  string        // what was refused, shown as text
	Reason Reason        // for the log, where Lead does not say it
	Wait   time.Duration // Retry-After, where it is not 0
	// Again is where the same is said to whoever comes without a state. No login request is known, so
	// that the way on is to the app at this origin. Empty for all other problems.
	Again string
}

func (p *Problem) Error() string { return "problem: " + p.Lead }

// Shown is Value as text: bounded, and with everything that could make it read otherwise escaped.
func (p *Problem) Shown() string {
	const most = 200
	if p.Value == "" {
		return ""
	}
	runes := []rune(p.Value)
	if len(runes) > most {
		runes = append(runes[:most], '…')
	}
	quoted := strconv.QuoteToGraphic(string(runes))
	return quoted[1 : len(quoted)-1]
}

// BadRequest is the problem of an address that leads nowhere.
func BadRequest(lead string, args i18n.Args) *Problem {
	return &Problem{Status: http.StatusBadRequest, Title: "error.title_request", Lead: lead, Args: args}
}

func BadParameter(name string) *Problem {
	return BadRequest("error.page.parameter", i18n.Args{"name": name})
}

// Problems that several pages have.
var (
	ErrMissing  = &Problem{Status: http.StatusNotFound, Title: "error.title_missing", Lead: "error.page.missing"}
	ErrDisabled = &Problem{Status: http.StatusNotFound, Title: "error.title_missing", Lead: "error.disabled"}
	// ErrNoForm is for a form that no page has.
	ErrNoForm = BadParameter("form")
	// errUnreadable is for bodies that are compressed, in parts or otherwise not what a form of
	// ours sends.
	ErrUnreadable = &Problem{Status: http.StatusUnsupportedMediaType, Title: "error.title", Lead: "error.page.unreadable"}
	// errCrossSite is for POSTs from pages that are not of our origin.
	ErrCrossSite = &Problem{Status: http.StatusForbidden, Title: "error.title", Lead: "error.page.cross_site"}
)
