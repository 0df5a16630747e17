package web

import (
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/handlers/captcha"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/methods"
	"tcb-login/handlers/refusal"
	"tcb-login/views"
)

// A Rebuild makes a form of a page again, with what was typed, and judges nothing.
type Rebuild func(*Request) (views.Page, error)

// A Row is one page: where it is, what answers, and how its forms are made again.
type Row struct {
	Path       string // below the base path, with Fiber's parameters
	Get, Post  Handler
	Form       string             // the name of the form that a POST without one is of
	Forms      map[string]Rebuild // by the form's name
	Portal     bool               // a page of the account portal
	OnWay      bool               // next= and link= go on through the page: see LoginRequest
	JSON       bool               // takes and answers JSON, errors too
	Repeatable bool               // to post it twice does no harm, and may mean two things
	Question   bool               // to post it changes nothing, and a moment later the answer may be another
	Before     Before             // may answer a GET before its login request is read
	Bare       bool               // the handler reads the login request itself: see Site.Recall
	Common     bool               // the page of Get follows from the login request alone where that is Common
}

// A Before answers a GET whose query is no login request of ours, or reports false. Its request has
// none: see Site.Recall.
type Before func(*Request) (Reply, bool, error)

// Rows are all pages: those of the rooms, and those that no room has.
func (s *Site) Rows(rooms []Row) []Row {
	return append(slices.Clone(rooms),
		Row{Path: entry.PathCaptchaCallback, Get: s.getCaptchaCallback, Bare: true, OnWay: true},
	)
}

// Install hangs rows below the base path, and what stands outside of it. changePassword is the path
// of the page that password managers lead to.
func (s *Site) Install(app *fiber.App, rows []Row, changePassword string) {
	s.rows = s.Rows(rows)
	app.Use(s.observe, s.matchOrigin)
	for _, row := range s.rows {
		s.hang(app, row)
		if row.Get != nil {
			s.allowed.Add(s.places.Base+row.Path, fiber.MethodGet)
		}
		if row.Post != nil {
			s.allowed.Add(s.places.Base+row.Path, fiber.MethodPost)
		}
	}
	app.Get(s.places.Base+PathHealth, counting(s.metrics.Route(fiber.MethodGet, PathHealth)), getHealth)
	for path, serve := range s.Handlers() {
		app.Get(s.places.Base+path, counting(s.metrics.Route(fiber.MethodGet, path)), serve)
		s.allowed.Add(s.places.Base+path, fiber.MethodGet)
	}
	// For password managers: https://w3c.github.io/webappsec-change-password-url/
	app.Get("/.well-known/change-password", func(c *fiber.Ctx) error {
		return c.Redirect(s.places.Base+changePassword, fiber.StatusSeeOther)
	})
	if s.Demo != nil {
		app.Get("/", s.getDemo)
	}
	app.Use(s.nowhere)
}

// PathHealth is what -health asks for, below the base path: whether this listener answers. It has a
// place among the files, which are there for any Host.
const PathHealth = "/static/health"

func getHealth(c *fiber.Ctx) error {
	traceOf(c).Quiet = true
	return c.SendStatus(fiber.StatusNoContent)
}

func (s *Site) hang(app *fiber.App, row Row) {
	get, post := counting(s.metrics.Route(fiber.MethodGet, row.Path)), counting(s.metrics.Route(fiber.MethodPost, row.Path))
	read := s.reading(row)
	if row.Bare {
		read = s.readingBare
	}
	if row.Before != nil {
		app.Get(s.places.Base+row.Path, get, s.before(row))
	}
	if row.Get != nil {
		serve := s.serve(row.Get)
		if row.Common {
			serve = s.serveCommon(row.Path, row.Get)
		}
		app.Get(s.places.Base+row.Path, get, read, serve) // HEAD too
	}
	switch {
	case row.Post == nil:
	case row.JSON:
		app.Post(s.places.Base+row.Path, post, answersJSON, s.reading(row), jsonOnly, s.provenOnly, s.serve(row.Post))
	default:
		chain := []fiber.Handler{s.reading(row), formsOnly, s.formRead(row), s.checkOrigin, s.repeated, s.checkToken, s.captchaReturned, s.serve(s.posted(row.Post))}
		switch {
		case row.Repeatable:
			chain[4] = s.solvedAgain
		case row.Question:
			chain[4] = s.askedAgain
		}
		app.Post(s.places.Base+row.Path, slices.Insert(chain, 0, post)...)
	}
}

// serve is a handler of ours as Fiber's.
func (s *Site) serve(handle Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		reply, err := handle(requestOf(c))
		if err != nil {
			return err
		}
		return s.write(c, requestOf(c), reply)
	}
}

// before is the middleware of Row.Before. It looks at what has a state, or an error, alone: all else
// is the way that everybody comes.
func (s *Site) before(row Row) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if query := rawQuery(c); !entry.HasParam(query, "state") && !entry.HasParam(query, "error") {
			return c.Next()
		}
		if _, err := s.prepare(c, "", Row{OnWay: true}); err != nil && problemOf(&Trace{}, err).Status >= fiber.StatusInternalServerError {
			return err
		}
		reply, answered, err := row.Before(requestOf(c))
		switch {
		case err != nil:
			return err
		case !answered:
			return c.Next()
		}
		return s.write(c, requestOf(c), reply)
	}
}

// readingBare is the middleware before a page whose address holds no login request but a language.
func (s *Site) readingBare(c *fiber.Ctx) error {
	if _, err := s.prepare(c, s.languageQuery(c), Row{OnWay: true}); err != nil && problemOf(&Trace{}, err).Status >= fiber.StatusInternalServerError {
		return err
	}
	return c.Next()
}

// Recall is the request with a login request that waited while the browser was elsewhere.
func (s *Site) Recall(r *Request, query string) (*Request, error) {
	return s.prepare(r.c, query, Row{OnWay: true})
}

// nowhere answers for addresses and methods that are in no row.
func (s *Site) nowhere(c *fiber.Ctx) error {
	if _, ok := c.Locals(localOrigin).(*entry.Origin); !ok {
		return errHost
	}
	if _, err := s.prepare(c, rawQuery(c), Row{OnWay: true}); err != nil && problemOf(&Trace{}, err).Status >= fiber.StatusInternalServerError {
		return err
	}
	if c.Method() == methods.Unknown {
		return &refusal.Problem{Status: fiber.StatusNotImplemented, Title: "error.title_request", Lead: "error.page.method"}
	}
	if allowed := s.allowed.At(c.Path()); allowed != "" {
		c.Set("Allow", allowed)
		return fiber.ErrMethodNotAllowed
	}
	return refusal.ErrMissing
}

// Rebuild is the form that was posted, with what was typed, whichever page has it. Forms are named
// from a closed list, the rows', and never by a URL. It is made as at its own address.
func (s *Site) Rebuild(r *Request) (views.Page, error) {
	for _, row := range s.rows {
		if rebuild := row.Forms[r.Form.Name]; rebuild != nil {
			r = r.As(r.At(row.Path, row.Portal, row.OnWay))
			r.c.Locals(localRequest, r) // an error is that page's too
			return rebuild(r)
		}
	}
	return nil, refusal.ErrNoForm
}

// posted answers a form's POST. The language switch and the button for another picture are buttons
// of the same form, so that each page's query is in it once: they show it again, and post is for all
// others.
func (s *Site) posted(post Handler) Handler {
	return func(r *Request) (Reply, error) {
		switch {
		case r.Form.switches():
			return s.inOtherLanguage(r)
		case r.Form.refreshes():
			return s.withOtherPicture(r)
		}
		return post(r)
	}
}

// inOtherLanguage shows a form again in another language, with everything that was typed, and calls
// nothing.
func (s *Site) inOtherLanguage(r *Request) (Reply, error) {
	if chosen, ok := r.Theme.Messages.Locale(r.Form.Value("lang")); ok {
		r = r.As(r.InLanguage(chosen))
		r.c.Locals(localRequest, r) // an error is told in it too
		r.Session.SetLocale(chosen.Locale())
	}
	r.Form.Keep = true
	page, err := s.Rebuild(r)
	if err != nil {
		return Reply{}, err
	}
	return OK(page)
}

const (
	// BodyLimit is for a captcha's picture, and all else that a form can hold.
	BodyLimit   = captcha.MaxPicture + 64<<10
	headerLimit = 16 << 10
	// writeBuffer takes nearly every page and its headers, which then leave in one call of the system.
	writeBuffer = 12 << 10
	// grace is what a page gets on top of a call's own timeout, for the calls that follow it (a
	// captcha's picture, a profile).
	grace = 5 * time.Second
)

// NewApp is an app of Fiber's that serves s.
func (s *Site) NewApp() *fiber.App {
	app := fiber.New(fiber.Config{
		AppName:                      "tcb-login",
		BodyLimit:                    BodyLimit,
		DisablePreParseMultipartForm: true, // nobody here reads such bodies
		DisableStartupMessage:        true,
		WriteBufferSize:              writeBuffer,
		ErrorHandler:                 s.refuseEarly, // observe handles what handlers return
		Immutable:                    true,          // strings outlive the request's buffer
		ReadBufferSize:               headerLimit,
		ReadTimeout:                  15 * time.Second,
		WriteTimeout:                 s.Timeout + grace + 15*time.Second,
		IdleTimeout:                  75 * time.Second,
		CaseSensitive:                true, // as cookie paths and proxy rules are
		RequestMethods:               methods.All,
	})
	app.Server().CloseOnShutdown = true
	methods.Catch(app)
	return app
}
