package handlers

import (
	"cmp"
	"errors"
	"reflect"
	"regexp"
	"strings"

	"github.com/go-playground/validator/v10"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/config/input"
	"tcb-login/config/loginpage"
	"tcb-login/i18n"
	"tcb-login/session"
)

// loginRequest is the query string that the SDK's toDefaultLoginPage builds,
// and what we add to it.
type loginRequest struct {
	AppID         string `param:"app_id" validate:"omitempty,max=64,tcbid"`
	EnvID         string `param:"env_id" validate:"omitempty,max=64,tcbid"`
	ClientID      string `param:"client_id" validate:"omitempty,max=64,tcbid"`
	ConfigVersion string `param:"config_version" validate:"omitempty,max=128,tcbid"`
	RedirectURI   string `param:"redirect_uri" validate:"omitempty,max=4096"`
	ResponseType  string `param:"response_type" validate:"omitempty,max=64"`
	CodeChallenge string `param:"code_challenge" validate:"omitempty,max=128"`

	Lang         string // the rest is read as far as it makes sense
	LoginHint    string
	Prompt       string
	State        string
	ChallengeHow string
	hasRedirect  bool
}

// single are the parameters that decide who gets a login: what two readers
// could understand differently (twice, or with brackets) is refused.
var single = map[string]func(*loginRequest) *string{
	"app_id":         func(q *loginRequest) *string { return &q.AppID },
	"env_id":         func(q *loginRequest) *string { return &q.EnvID },
	"client_id":      func(q *loginRequest) *string { return &q.ClientID },
	"config_version": func(q *loginRequest) *string { return &q.ConfigVersion },
	"redirect_uri":   func(q *loginRequest) *string { return &q.RedirectURI },
	"response_type":  func(q *loginRequest) *string { return &q.ResponseType },
	"code_challenge": func(q *loginRequest) *string { return &q.CodeChallenge },
}

// first are those of which the first counts.
var first = map[string]func(*loginRequest) *string{
	"lang":                  func(q *loginRequest) *string { return &q.Lang },
	"login_hint":            func(q *loginRequest) *string { return &q.LoginHint },
	"prompt":                func(q *loginRequest) *string { return &q.Prompt },
	"state":                 func(q *loginRequest) *string { return &q.State },
	"code_challenge_method": func(q *loginRequest) *string { return &q.ChallengeHow },
}

var sealedText = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	if err := v.RegisterValidation("tcbid", func(f validator.FieldLevel) bool {
		return input.IsID(f.Field().String())
	}); err != nil {
		panic(err) // the tag's name is a constant
	}
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("param") })
	return v
}

// request is one request to a page: the login request judged, and who asks.
type request struct {
	loginRequest
	origin origin
	base   string // base path
	query  string // the entry query string as it came, without our own per-step parameters
	flow   string // sealed step under way, if any
	via    string // phone or email, where a page offers both
	path   string // of the page below the base path
	next   string // name of the portal's page that a sign-in or step-up leads to, if any
	entry  bool   // the page that people come to first
	done   string // name of the change that the page confirms, out of
	// sealedDone, which is from the address: see readDone
	sealedDone string
	page       string // page_token of a list
	link       string // sealed: an identity to bind, once it is known to which account; see provider.go

	env     *environment
	client  *client
	login   *loginpage.Page
	look    *look
	target  targetKind
	session *session.Session
	access  session.Access       // the login, on pages that need one
	me      *authclient.UserInfo // whose it is
	loc     *i18n.Localizer
	proven  bool // a POST that the browser says is from a page of our origin; see checkOrigin
	stale   bool // a POST from a page of another session

	address  string        // the person's, for TCB and the log
	network  string        // what limits count by: see networkOf
	wide     []wideNetwork // the blocks around it
	form     string        // name of the form that was posted
	deviceID string
	captcha  captchaState // what the form brought, and what the next one will carry
	secret   string       // the password that was typed
	agreed   bool         // whether the form's agreement was checked
	keep     bool         // whether the next form keeps it, sealed, although it asks no captcha
}

func requestOf(c *fiber.Ctx) *request {
	return c.Locals(localRequest).(*request)
}

func (r *request) scope() session.Scope { return session.Scope{Env: r.env.ID, Client: r.client.ID} }

// to is the address of a page of ours, with the entry query string, and on the
// way into the portal with where in it that leads.
func (r *request) to(path string, extra ...string) string {
	var b strings.Builder
	b.WriteString(r.base)
	b.WriteString(path)
	if !inPortal(path) || path == pathVerify {
		if r.next != "" {
			extra = append([]string{"next=" + r.next}, extra...)
		}
		if r.link != "" {
			extra = append([]string{"link=" + r.link}, extra...)
		}
	}
	sep := byte('?')
	for _, q := range append([]string{r.query}, extra...) {
		if q != "" {
			b.WriteByte(sep)
			b.WriteString(q)
			sep = '&'
		}
	}
	return b.String()
}

// readRequest is the middleware before every page.
func (h *Handler) readRequest(c *fiber.Ctx) error {
	if err := h.prepare(c, rawQuery(c)); err != nil {
		return err
	}
	return c.Next()
}

func rawQuery(c *fiber.Ctx) string { return string(c.Request().URI().QueryString()) }

// prepare leaves in Locals what a page needs of the request, as much of it as
// there is when it answers an error: the error's page needs it too.
func (h *Handler) prepare(c *fiber.Ctx, query string) error {
	r := &request{
		origin: c.Locals(localOrigin).(origin),
		base:   h.base,
		path:   strings.TrimPrefix(c.Path(), h.base),
	}
	addr := h.clientAddress(c)
	from := networkOf(addr)
	r.address, r.network, r.wide = addr.String(), from.key, from.wide
	c.Locals(localRequest, r)
	var err error
	if r.session, err = h.sessions.Load(c.UserContext(), c.Get("Cookie"), r.origin.secure()); err != nil {
		return err
	}
	if c.Method() != fiber.MethodPost {
		r.session.LeaveReplaced()
	}
	bad := h.readQuery(r, query)
	r.loc = h.messages.Match(r.Lang, r.session.Locale(), c.Get("Accept-Language"))
	if bad == nil {
		bad = h.resolve(r)
	}
	if r.login != nil {
		if r.look, err = h.lookOf(r.login); err != nil {
			return err
		}
		r.loc = r.look.messages.Match(r.Lang, r.session.Locale(), c.Get("Accept-Language"))
	}
	if bad != nil {
		return bad
	}
	return nil
}

// readQuery parses the query string into r. It reads as much as it can even
// when it answers a problem, since the language of the error page is in there.
func (h *Handler) readQuery(r *request, raw string) *problem {
	params, ok := parseQuery(raw)
	if !ok {
		return badRequest("error.page.parameter", i18n.Args{"name": "?"})
	}
	var bad *problem
	var carried []string
	seen := map[string]bool{}
	for _, p := range params {
		if name, _, bracketed := strings.Cut(p.key, "["); bracketed && single[name] != nil {
			bad = badRequest("error.page.parameter", i18n.Args{"name": name})
		}
		switch p.key {
		case "flow":
			r.flow = cmp.Or(r.flow, p.value)
			continue
		case "via":
			r.via = cmp.Or(r.via, p.value)
			continue
		case "next":
			if portalRoutes[p.value].path != "" && r.next == "" { // else it is the app's own
				r.next = p.value
				continue
			}
		case "link":
			if sealedText.MatchString(p.value) { // else it is the app's own
				r.link = cmp.Or(r.link, p.value)
				continue
			}
		}
		if inPortal(r.path) { // elsewhere these two are the app's own, if anything
			switch p.key {
			case "done":
				r.sealedDone = cmp.Or(r.sealedDone, p.value)
				continue
			case "page_token":
				r.page = cmp.Or(r.page, p.value)
				continue
			}
		}
		carried = append(carried, p.raw)
		if field := single[p.key]; field != nil {
			if seen[p.key] {
				bad = badRequest("error.page.parameter", i18n.Args{"name": p.key})
			}
			*field(&r.loginRequest) = p.value
			r.hasRedirect = r.hasRedirect || p.key == "redirect_uri"
		} else if field := first[p.key]; field != nil && !seen[p.key] {
			*field(&r.loginRequest) = p.value
		}
		seen[p.key] = true
	}
	r.query = strings.Join(carried, "&")
	if len(r.query) > maxEntryQuery {
		return badRequest("error.page.too_large", nil)
	}
	if bad != nil {
		return bad
	}
	if err := h.validate.Struct(&r.loginRequest); err != nil {
		name := "?"
		if fields := (validator.ValidationErrors)(nil); errors.As(err, &fields) && len(fields) > 0 {
			name = fields[0].Field()
		}
		return badRequest("error.page.parameter", i18n.Args{"name": name})
	}
	return nil
}

// resolve finds environment, client and login page, and judges the target.
func (h *Handler) resolve(r *request) *problem {
	switch {
	case r.EnvID != "":
		r.env = h.environments[r.EnvID]
	case h.onlyEnv != nil:
		r.env = h.onlyEnv
	default:
		return badRequest("error.page.env_missing", nil)
	}
	if r.env == nil {
		return badRequest("error.page.env", i18n.Args{"id": r.EnvID})
	}
	if r.ClientID != "" {
		r.client = r.env.clients[r.ClientID]
	} else {
		r.client = r.env.onlyClient
	}
	if r.client == nil && r.ClientID == "" {
		return badRequest("error.page.client_missing", nil)
	}
	if r.client == nil {
		return badRequest("error.page.client", i18n.Args{"id": r.ClientID})
	}
	key := loginpage.Key{Env: r.env.ID, App: r.AppID, Version: r.ConfigVersion}
	if key.Version == "" && key.App == "" {
		key.Version = loginpage.EnvVersion
	}
	if key.Version == loginpage.EnvVersion {
		key.App = "" // the page is the environment's, whichever app asks
	}
	switch r.login = h.logins.Find(key); {
	case r.login == nil && key.App == "" && key.Version != loginpage.EnvVersion:
		return badRequest("error.page.app_missing", i18n.Args{"id": key.Version})
	case r.login == nil && key.App != "":
		return badRequest("error.page.app", i18n.Args{"id": key.Version, "app": key.App})
	case r.login == nil:
		return badRequest("error.page.config_version", i18n.Args{"id": key.Version})
	}
	return h.resolveTarget(r)
}

func (h *Handler) resolveTarget(r *request) *problem {
	if !r.hasRedirect {
		r.RedirectURI = r.env.DefaultRedirectURI
		if r.RedirectURI == "" && h.demo != nil {
			r.RedirectURI = r.origin.text + "/"
		}
		if r.RedirectURI == "" {
			return badRequest("error.page.redirect_missing", nil)
		}
	}
	codeFlow := r.ResponseType == "code" && r.ChallengeHow == "S256" && challenge.MatchString(r.CodeChallenge)
	r.target = judge(r.origin.text, r.RedirectURI, r.client.RedirectURIs, codeFlow)
	if r.target != targetRefused {
		return nil
	}
	refused := badRequest("error.page.redirect", nil)
	refused.value = r.RedirectURI
	if !codeFlow && judge(r.origin.text, r.RedirectURI, r.client.RedirectURIs, true) == targetCode {
		refused.lead, refused.value = "error.page.pkce", ""
	}
	return refused
}
