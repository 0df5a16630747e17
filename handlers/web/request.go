package web

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/handlers/browser"
	"tcb-login/handlers/deadline"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/session"
)

// A Request is one request to a page: what it asks for, who asks, and the form that came with it.
type Request struct {
	entry.LoginRequest
	Session *browser.Session
	Form    *Form
	Caller  Caller
	Device  string // the device_id that TCB sees of the browser
	Proven  bool   // a POST that the browser says is from a page of our origin
	Trace   *Trace

	ctx    context.Context
	c      *fiber.Ctx
	posted bool
}

// Caller is who asks, as far as an address tells.
type Caller struct {
	Address string
	Network limits.Network
	Agent   string // User-Agent, at most 256 bytes
}

// Context ends with the request's deadline, or when the server has waited for it long enough.
func (r *Request) Context() context.Context { return r.ctx }

// Within is Context with less time. The caller ends it before the request's own end, which it need not
// have.
func (r *Request) Within(d time.Duration) (context.Context, context.CancelFunc) {
	if ctx, ok := r.ctx.(*deadline.Context); ok {
		return ctx.Within(d)
	}
	return context.WithTimeout(r.ctx, d)
}

// Posted reports that it is a POST.
func (r *Request) Posted() bool { return r.posted }

// Header is a request header's value, the first of several.
func (r *Request) Header(name string) string { return r.c.Get(name) }

// HideAddress keeps the address of the page at hand from whatever that page loads or leads to: it
// holds what another site sent the browser here with.
func (r *Request) HideAddress() { r.c.Set("Referrer-Policy", "no-referrer") }

// Param is a part of the path that the route names.
func (r *Request) Param(name string) string { return r.c.Params(name) }

// Arg is a parameter of the query string as another site wrote it, at most 4 KB of it.
func (r *Request) Arg(name string) string {
	return Cut(string(r.c.Context().QueryArgs().Peek(name)), 4096)
}

// RawQuery is the query string as it came, with what may not stand in an address escaped.
func (r *Request) RawQuery() string { return entry.Escape(rawQuery(r.c)) }

// Auth makes the calls that need nobody signed in.
func (r *Request) Auth() entry.Auth { return r.Client.Auth }

// Options tells TCB who is calling through us.
func (r *Request) Options(more ...authclient.CallOption) []authclient.CallOption {
	return append([]authclient.CallOption{authclient.WithPerson(authclient.Person{
		Locale: tcbLocale(r.Loc.Locale()), DeviceID: r.Device, UserAgent: r.Caller.Agent, ClientAddress: r.Caller.Address,
	})}, more...)
}

// tcbLocale is the nearer of the two locales that TCB writes messages in.
func tcbLocale(locale string) string {
	if strings.HasPrefix(locale, "zh") {
		return "zh-CN"
	}
	return "en-US"
}

// As is the request with another login request: in another language, say. The session, the form and
// what they will owe are the same.
func (r *Request) As(l entry.LoginRequest) *Request {
	other := *r
	other.LoginRequest = l
	return &other
}

// OnDevice is the request of a browser that has said which device it is.
func (r *Request) OnDevice(id string) *Request {
	other := *r
	other.Device = id
	return &other
}

// prepare reads a request. What it returns beside an error holds as much as there is, which the
// error's page needs.
func (s *Site) prepare(c *fiber.Ctx, query string, row Row) (*Request, error) {
	t := traceOf(c)
	o := c.Locals(localOrigin).(*entry.Origin)
	r := &Request{
		c: c, ctx: c.UserContext(), Trace: t, posted: c.Method() == fiber.MethodPost,
		Caller: Caller{Address: t.Address, Network: limits.NetworkOf(t.caller), Agent: Cut(c.Get("User-Agent"), 256)},
	}
	loaded := s.sessions.Load(c.UserContext(), c.Get("Cookie"), o.Secure())
	if r.posted {
		loaded.Settle()
	}
	r.Session = browser.New(browser.Config{
		Loaded: loaded, Context: r.ctx, Now: s.now, Network: r.Caller.Network.Whole(), Forget: s.outcomes.Forget,
	})
	r.Form = &Form{session: r.Session}
	bad := s.places.Parse(entry.Raw{
		Origin: *o, Path: strings.TrimPrefix(c.Path(), s.places.Base), Query: query, Portal: row.Portal, OnWay: row.OnWay,
		Locale: loaded.Locale(), AcceptLanguage: c.Get("Accept-Language"), UserAgent: r.Caller.Agent,
	}, &r.LoginRequest)
	r.Device = loaded.DeviceID()
	t.Session = loaded.ID()
	t.EnvID, t.ClientID, t.ConfigVersion = r.Names()
	if r.Env != nil && r.Client != nil {
		r.Session.Enter(session.Scope{Env: r.Env.ID, Client: r.Client.ID})
	}
	c.Locals(localRequest, r)
	return r, bad
}

// SignedInTo is the query string of the portal of who is signed in on our pages, for a request whose
// address names no client; the first by name of several. Where no setting says to what they go back from
// there, it is the root of our origin, which is the app's.
func (s *Site) SignedInTo(r *Request) (query string, ok bool) {
	for _, env := range slices.Sorted(maps.Keys(s.places.Environments)) {
		for _, client := range slices.Sorted(maps.Keys(s.places.Environments[env].Clients)) {
			r.Session.Enter(session.Scope{Env: env, Client: client})
			if _, ok := r.Session.Access(); ok {
				to := cmp.Or(s.places.Environments[env].DefaultRedirectURI, r.Origin.Text+"/")
				return url.Values{"env_id": {env}, "client_id": {client}, "redirect_uri": {to}}.Encode(), true
			}
		}
	}
	return "", false
}

// requestOf is what prepare has left; nil before that.
func requestOf(c *fiber.Ctx) *Request {
	r, _ := c.Locals(localRequest).(*Request)
	return r
}

// reading is the middleware before every page: the request is read, and the form of a POST.
func (s *Site) reading(row Row) fiber.Handler {
	return func(c *fiber.Ctx) error {
		_, err := s.prepare(c, rawQuery(c), row)
		if err != nil {
			return err
		}
		return c.Next()
	}
}

// formRead is the middleware that reads the form of a POST.
func (s *Site) formRead(row Row) fiber.Handler {
	return func(c *fiber.Ctx) error {
		r := requestOf(c)
		r.Form = readForm(c, r.Session, row.Form)
		s.returnFrom(r)
		r.disown()
		r.agreedTo()
		if r.Form.device != "" {
			r.Device = r.Form.device
		}
		if r.Form.action == ActionNotMe {
			c.Locals(localRequest, r.As(r.WithoutLink())) // no page that follows has it
		}
		return c.Next()
	}
}

func rawQuery(c *fiber.Ctx) string { return string(c.Request().URI().QueryString()) }
