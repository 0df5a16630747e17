package handlers

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/framing"
	"tcb-login/i18n"
	"tcb-login/views"
)

// problem is an error of ours that has a page of its own.
type problem struct {
	status int
	title  string // message keys
	lead   string
	args   i18n.Args
	value  string // what was refused, shown as text
	home   bool   // the way on is to the app at this origin: no login request is known
}

func (p *problem) Error() string { return "problem: " + p.lead }

func badRequest(lead string, args i18n.Args) *problem {
	return &problem{status: fiber.StatusBadRequest, title: "error.title_request", lead: lead, args: args}
}

var (
	errMissing  = &problem{status: fiber.StatusNotFound, title: "error.title_missing", lead: "error.page.missing"}
	errDisabled = &problem{status: fiber.StatusNotFound, title: "error.title_missing", lead: "error.disabled"}
	// errUnreadable is for bodies that are compressed, in parts or otherwise not what a form of ours sends.
	errUnreadable = &problem{status: fiber.StatusUnsupportedMediaType, title: "error.title", lead: "error.page.unreadable"}
	errNotYet     = &problem{status: fiber.StatusNotImplemented, title: "error.title_not_yet", lead: "error.page.not_yet"}
)

// fieldProblem refuses what was typed into one field.
type fieldProblem struct{ field, key string }

func (p *fieldProblem) Error() string { return p.field + ": " + p.key }

// refusal is what a page says when TCB, or a limit of ours, says no.
type refusal struct {
	status int
	key    string
	field  string        // the field it is about, else the whole form
	wait   time.Duration // Retry-After, and what a counting message counts
}

// limited is a refusal of our own counters.
type limited struct {
	key  string
	wait time.Duration
	unit time.Duration // of the message's count
}

func (l *limited) Error() string { return "limited: " + l.key }

// refusals says for every code of TCB's what to answer where the flow has
// nothing more exact to say.
var refusals = map[string]refusal{
	"unreachable":       {status: 503, key: "error.unavailable"},
	"unavailable":       {status: 503, key: "error.unavailable"},
	"deadline_exceeded": {status: 503, key: "error.unavailable"},
	"cancelled":         {status: 503, key: "error.unavailable"},

	"temporarily_unavailable": {status: 503, key: "error.unavailable"},

	"internal":     {status: 502, key: "error.broken"},
	"server_error": {status: 502, key: "error.broken"},
	"data_loss":    {status: 502, key: "error.broken"},

	"provider_error": {status: 502, key: "error.broken"},

	"unknown": {status: 502, key: "error.broken"},
	"local":   {status: 502, key: "error.broken"},

	"resource_exhausted": {status: 429, key: "error.too_many"},
	"aborted":            {status: 429, key: "error.too_many"},

	"not_found":                    {status: 422, key: "error.no_account"},
	"user_not_found":               {status: 422, key: "error.no_account"},
	"failed_precondition":          {status: 422, key: "error.refused"},
	"invalid_argument":             {status: 422, key: "error.refused"},
	"out_of_range":                 {status: 422, key: "error.refused"},
	"already_exists":               {status: 422, key: "error.exists"},
	"invalid_password":             {status: 422, key: "error.sign_in_failed"},
	"wrong_password":               {status: 422, key: "error.sign_in_failed"},
	"invalid_credentials":          {status: 422, key: "error.sign_in_failed"},
	"invalid_username_or_password": {status: 422, key: "error.sign_in_failed"},
	"password_not_set":             {status: 422, key: "error.sign_in_failed"},
	"invalid_status":               {status: 422, key: "error.sign_in_failed"},
	"weak_password":                {status: 422, key: "error.password_weak"},
	"user_pending":                 {status: 422, key: "error.user_pending"},
	"user_blocked":                 {status: 422, key: "error.user_blocked"},
	"under_review":                 {status: 422, key: "error.under_review"},
	"invalid_verification_code":    {status: 422, key: "error.code_wrong", field: "verification_code"},
	"two_factor_required":          {status: 422, key: "error.two_factor"},
	"mfa_phone_required":           {status: 422, key: "error.two_factor"},
	"invalid_two_factor":           {status: 422, key: "error.two_factor"},
	"invalid_two_factor_recovery":  {status: 422, key: "error.two_factor"},

	"unauthenticated":            {status: 422, key: "error.session_over"},
	"permission_denied":          {status: 422, key: "error.session_over"},
	"invalid_grant":              {status: 422, key: "error.session_over"},
	"interaction_required":       {status: 422, key: "error.session_over"},
	"login_required":             {status: 422, key: "error.session_over"},
	"account_selection_required": {status: 422, key: "error.session_over"},
	"consent_required":           {status: 422, key: "error.session_over"},
	"access_denied":              {status: 422, key: "error.access_denied"},

	"captcha_required": {status: 422, key: "error.captcha_failed"},
	"captcha_invalid":  {status: 422, key: "error.captcha_failed"},

	"unimplemented":              {status: 422, key: "error.disabled"},
	"provider_not_enabled":       {status: 422, key: "error.disabled"},
	"login_method_disabled":      {status: 422, key: "error.disabled"},
	"login_type_disabled":        {status: 422, key: "error.disabled"},
	"registration_not_supported": {status: 422, key: "error.no_registration"},

	"payment_required": {status: 503, key: "error.quota"},
	"license_required": {status: 503, key: "error.quota"},

	"unauthorized_client":       {status: 502, key: "error.misconfigured"},
	"invalid_request":           {status: 502, key: "error.misconfigured"},
	"invalid_scope":             {status: 502, key: "error.misconfigured"},
	"unsupported_response_type": {status: 502, key: "error.misconfigured"},
	"invalid_request_uri":       {status: 502, key: "error.misconfigured"},
	"invalid_request_object":    {status: 502, key: "error.misconfigured"},
	"request_not_supported":     {status: 502, key: "error.misconfigured"},
	"request_uri_not_supported": {status: 502, key: "error.misconfigured"},
}

// form is a page with a form under way: what to show again when it is refused.
type form struct {
	base *views.Base
	view func() templ.Component // made when shown, of what base holds then
}

// refuse shows a form again with what is wrong. special are the refusals that
// mean something else in this flow, by TCB's code. An error that says nothing
// to a person goes up to become an error page.
func (h *Handler) refuse(c *fiber.Ctx, f form, err error, special map[string]refusal) error {
	var (
		api   *authclient.Error
		lim   *limited
		field *fieldProblem
		asked *captchaAsked
		say   i18n.Message
		out   refusal
	)
	switch {
	case errors.As(err, &asked):
		if asked.key == "" {
			f.base.Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("captcha.ask")}
			return h.show(c, fiber.StatusUnprocessableEntity, f)
		}
		out = refusal{status: 422, field: "captcha_key", key: asked.key}
	case errors.Is(err, errBusy):
		out = refusal{status: 503, key: "error.busy", wait: busyWait}
	case errors.As(err, &field):
		out = refusal{status: 422, field: field.field, key: field.key}
	case errors.As(err, &lim):
		out = refusal{status: 429, key: lim.key, wait: lim.wait}
		say.N = int(math.Ceil(lim.wait.Seconds() / lim.unit.Seconds()))
	case errors.As(err, &api):
		traceOf(c).code = api.Code
		out = refusalOf(api, special)
		if _, own := special[api.Code]; !own {
			out.field = "" // the table knows no form, so no fields
		}
		if out.status >= 500 {
			traceOf(c).err = err
		}
		out, say.N = withWait(out, api.RetryAfter)
	default:
		return err
	}
	switch {
	case out.status != 429 && out.status != 503:
		// A wait that TCB names for what we do not tell apart would tell it.
	case out.wait > 0:
		c.Set("Retry-After", strconv.Itoa(int(math.Ceil(out.wait.Seconds()))))
	default:
		c.Set("Retry-After", "60")
	}
	say.Key = out.key
	if out.field != "" {
		f.base.Errors = append(f.base.Errors, views.FieldError{Field: out.field, Message: say})
	} else {
		f.base.Alert.Kind, f.base.Alert.Message = views.AlertError, say
	}
	return h.show(c, out.status, f)
}

// refusalOf is what an error of TCB's means: what the flow says of its code, else
// what the table does. An answer that is none of TCB's (a proxy's page, nothing
// at all) is a broken service, unless its status says that it is merely away; a
// code that nobody documents is a refusal where the status says so.
func refusalOf(api *authclient.Error, special map[string]refusal) refusal {
	if out, ok := special[api.Code]; ok {
		return out
	}
	out, known := refusals[api.Code]
	answered := api.Code == "unreachable" && api.Status != 0 && !errors.Is(api, context.DeadlineExceeded)
	switch {
	case !known && api.Status >= 400 && api.Status < 500:
		return refusals["invalid_argument"]
	case !known:
		return refusals["unknown"]
	case answered && (api.Status < 502 || api.Status > 504):
		return refusals["unknown"]
	}
	return out
}

// withWait puts TCB's own waiting time into the words.
func withWait(out refusal, wait time.Duration) (refusal, int) {
	if wait <= 0 {
		return out, 0
	}
	out.wait = wait
	if out.key != "error.too_many" {
		return out, 0
	}
	out.key = "error.too_many_wait"
	return out, int(math.Ceil(wait.Seconds()))
}

// refuseEarly is Fiber's ErrorHandler. It answers what never became a request
// (too large, too late, not HTTP), so no middleware of ours has run. That is the
// caller's doing, and no error of ours.
func (h *Handler) refuseEarly(c *fiber.Ctx, err error) error {
	t := &trace{early: true}
	var idErr error
	if t.id, idErr = h.newID(); idErr != nil {
		err = idErr
	}
	c.Locals(localTrace, t)
	h.setHeaders(c, fallbackCSP)
	if conn, ok := c.Context().Conn().(*framing.Conn); ok {
		if refused := conn.Refused(); refused != nil {
			t.code = refused.Error()
		}
		c.Request().Header.Set("Accept-Language", conn.Language())
	}
	defer h.logRequest(c, t, h.now())
	var fe *fiber.Error
	if errors.As(err, &fe) {
		switch fe.Code {
		case fiber.StatusRequestEntityTooLarge, fiber.StatusRequestHeaderFieldsTooLarge, fiber.StatusRequestTimeout:
		default: // what Fiber takes for a bad gateway is a caller that hung up
			err = &problem{status: fiber.StatusBadRequest, title: "error.title", lead: "error.page.malformed"}
		}
	}
	return h.handleError(c, err)
}

// handleError makes the page of an error that no form shows.
func (h *Handler) handleError(c *fiber.Ctx, err error) error {
	if errors.Is(err, errStepUp) {
		if err = h.askSudo(c); err == nil {
			return nil
		}
	}
	t := traceOf(c)
	p := problemOf(t, err)
	c.Response().ResetBody()
	c.Response().Header.Del("Location")
	c.Set("Referrer-Policy", "no-referrer")
	r, _ := c.Locals(localRequest).(*request)
	if r == nil || r.loc == nil {
		r = &request{base: h.base, loc: h.messages.Match(unescape(string(c.Context().QueryArgs().Peek("lang"))), c.Get("Accept-Language"))}
	}
	page := h.errorPage(r, p, t.id)
	if err := h.write(c, p.status, views.Error(page)); err != nil {
		t.err = err
		c.Set("Content-Type", "text/html; charset=utf-8")
		return c.Status(fiber.StatusInternalServerError).Send(h.lastResort)
	}
	return nil
}

func (h *Handler) errorPage(r *request, p *problem, id string) views.ErrorPage {
	r.flow, r.via, r.me = "", "", nil // nor is it whose page it was to be
	if r.target == targetRefused {
		r.query = "" // must not be repeated in a link
	}
	page := views.ErrorPage{
		Base:  h.page(r, "error", i18n.Msg(p.title)),
		Lead:  i18n.Message{Key: p.lead, Args: p.args},
		Value: printable(p.value),
	}
	for i, l := range page.Languages { // those of an error lead to the entry
		page.Languages[i].URL = h.base + "/?" + r.inLanguage(l.Tag)
	}
	page.Alert.Kind = views.AlertError // the title says that this is an error
	page.RequestID = id
	switch {
	case p.home:
		page.Languages = nil // whose addresses would lead to another error
		page.Button = &views.Link{To: "app", URL: "/", Label: i18n.Msg("account.app")}
	case r.target != targetRefused && inPortal(r.path) && p.status >= fiber.StatusInternalServerError:
		page.Button = &views.Link{To: "retry", URL: r.to(r.path), Label: i18n.Msg("error.retry")}
	case r.target != targetRefused:
		page.Button = &views.Link{To: "entry", URL: r.to("/"), Label: i18n.Msg("error.start")}
	case h.onlyEnv != nil && (h.onlyEnv.DefaultRedirectURI != "" || h.demo != nil):
		page.Button = &views.Link{To: "entry", URL: h.base + "/", Label: i18n.Msg("error.start")}
	}
	return page
}

// problemOf finds the page that an error deserves and notes for the log what is
// not the person's doing.
func problemOf(t *trace, err error) *problem {
	var (
		p   *problem
		fe  *fiber.Error
		api *authclient.Error
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &api):
		t.code, t.err = api.Code, err
		out := refusalOf(api, nil)
		if out.status < 500 {
			out = refusals["unknown"]
		}
		return &problem{status: out.status, title: "error.title_unavailable", lead: out.key}
	case errors.As(err, &fe):
		switch fe.Code {
		case fiber.StatusNotFound:
			return errMissing
		case fiber.StatusMethodNotAllowed:
			return &problem{status: fe.Code, title: "error.title_request", lead: "error.page.method"}
		case fiber.StatusRequestEntityTooLarge, fiber.StatusRequestHeaderFieldsTooLarge:
			return &problem{status: fe.Code, title: "error.title", lead: "error.page.too_large"}
		case fiber.StatusRequestTimeout:
			return &problem{status: fe.Code, title: "error.title", lead: "error.page.timeout"}
		}
		if fe.Code >= 400 && fe.Code < 500 {
			return &problem{status: fe.Code, title: "error.title", lead: "error.page.method"}
		}
	}
	t.err = err
	return &problem{status: fiber.StatusInternalServerError, title: "error.title", lead: "error.page.internal"}
}

// printable shows a refused value as text: bounded, and with everything that
// could make it read otherwise escaped.
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
