package web

import (
	"cmp"
	"errors"
	"math"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/framing"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/headers"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/i18n"
	"tcb-login/redirect"
	"tcb-login/views"
)

// Instead is an error that brings its own answer: another page than the one that was asked for.
type Instead struct{ Reply Reply }

func (*Instead) Error() string { return "another page instead" }

// refused is a form that is shown again with what is wrong with it.
type refused struct {
	page    views.Page
	err     error
	special refusal.Table
}

func (r *refused) Error() string { return r.err.Error() }
func (r *refused) Unwrap() error { return r.err }

// Refuse shows a form again because of err: a refusal of TCB's, a limit, a field, a captcha that is
// asked for. special are the refusals that mean something else on this page. An error that says
// nothing to a person becomes an error page.
func Refuse(page views.Page, err error, special refusal.Table) (Reply, error) {
	return Reply{}, &refused{page, err, special}
}

// answer makes the answer to an error, whatever it is and wherever it comes from. A panic ends here:
// some of what calls it has nobody else who would stop one.
func (s *Site) answer(c *fiber.Ctx, err error) (failed error) {
	r, t := requestOf(c), traceOf(c)
	defer func() {
		if p := recover(); p != nil {
			s.notePanic(t, p)
			failed = s.sendLastResort(c, t)
		}
	}()
	if again, ok := errors.AsType[*refused](err); ok {
		if away, ok := errors.AsType[*captchaAway](again.err); ok {
			var reply Reply
			if reply, err = s.leaveForCaptcha(r, again.page, away); err == nil {
				if err = s.write(c, r, reply); err == nil {
					return nil
				}
			}
		}
	}
	if back, ok := errors.AsType[*entry.AuthorizationError](err); ok && !t.json {
		if err = s.sendBack(c, r, back); err == nil {
			return nil
		}
	} else if again, ok := errors.AsType[*refused](err); ok {
		reply, known := again.reply(t)
		if known {
			r.Form.Keep = r.Form.Keep || reply.Status >= fiber.StatusInternalServerError // the same may go well in a moment
			if err = s.write(c, r, reply); err == nil {
				return nil
			}
		}
	} else if instead, ok := errors.AsType[*Instead](err); ok {
		if err = s.write(c, r, instead.Reply); err == nil {
			return nil
		}
	}
	return s.writeProblem(c, r, t, err)
}

// reply is the form, with the words of what refused it. It reports false for an error that is none
// of a person's.
func (r *refused) reply(t *Trace) (Reply, bool) {
	var (
		say i18n.Message
		out refusal.Refusal
	)
	b := r.page.Frame()
	if asked, ok := errors.AsType[*captchaAsked](r.err); ok {
		if asked.key == "" {
			t.Because(refusal.ReasonCaptcha)
			b.Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("captcha.ask")}
			return Reply{Status: fiber.StatusUnprocessableEntity, Page: r.page}, true
		}
		t.Because(refusal.ReasonCaptchaBad)
		out = refusal.Refusal{Status: 422, Field: "captcha_key", Key: asked.key}
	} else if errors.Is(r.err, limits.ErrBusy) {
		t.Because(refusal.ReasonBusy)
		out = refusal.Refusal{Status: 503, Key: "error.busy", Wait: limits.BusyWait}
	} else if field, ok := errors.AsType[*refusal.FieldError](r.err); ok {
		out = refusal.Refusal{Status: 422, Field: field.Field, Key: field.Key}
	} else if lim, ok := errors.AsType[*refusal.Limited](r.err); ok {
		out = refusal.Refusal{Status: 429, Key: lim.Key, Wait: lim.Wait}
		say.N = int(math.Ceil(lim.Wait.Seconds() / lim.Unit.Seconds()))
	} else if api, ok := errors.AsType[*authclient.Error](r.err); ok {
		t.Code = api.Code
		out = refusal.Of(api, r.special)
		if _, own := r.special[api.Code]; !own {
			out.Field = "" // the table knows no form, so no fields
		}
		if out.Status >= 500 {
			t.Err = r.err
		}
		out, say.N = refusal.WithWait(out, api.RetryAfter)
	} else {
		return Reply{}, false
	}
	t.Because(refusal.ReasonOf(r.err))
	reply := Reply{Status: out.Status, Page: r.page}
	switch {
	case out.Status != 429 && out.Status != 503:
		// A wait that TCB names for what we do not tell apart would tell it.
	case out.Wait > 0:
		reply.RetryAfter = out.Wait
	default:
		reply.RetryAfter = time.Minute
	}
	say.Key = out.Key
	if out.Field != "" {
		b.Errors = append(b.Errors, views.FieldError{Field: out.Field, Message: say})
	} else {
		b.Alert.Kind, b.Alert.Message = views.AlertError, say
	}
	return reply, true
}

// sendBack tells an app elsewhere that it gets no code.
func (s *Site) sendBack(c *fiber.Ctx, r *Request, back *entry.AuthorizationError) error {
	r.Trace.Code = back.Code
	r.Trace.Because(refusal.ReasonSentBack)
	reply, err := Reply{To: back.To, NoReferrer: true}, error(nil)
	if r.posted {
		reply, err = Leave(&views.InterstitialPage{
			Base: s.Page(&r.LoginRequest, "interstitial", i18n.Msg("authorize.back")), Lead: i18n.Msg("interstitial.lead"),
			Data: views.Departure{To: back.To},
		})
	}
	if err != nil {
		return err
	}
	return s.write(c, r, reply)
}

// writeProblem makes the page of an error that no form shows.
func (s *Site) writeProblem(c *fiber.Ctx, r *Request, t *Trace, err error) error {
	p := problemOf(t, err)
	t.Because(p.Because())
	t.Parameter = p.Args["name"]
	if p == errHost {
		t.Host = Cut(string(c.Request().Header.Host()), 128)
	}
	c.Response().ResetBody()
	c.Response().Header.Del("Location")
	c.Set("Referrer-Policy", "no-referrer")
	setRetryAfter(c, p.Wait)
	var login entry.LoginRequest
	if r != nil {
		login = r.LoginRequest
		if cookies, err := r.Session.LoginCookies(); err == nil {
			addCookies(c, cookies)
		}
	}
	if login.Loc == nil {
		lang := entry.Unescape(string(c.Context().QueryArgs().Peek("lang")))
		login = entry.LoginRequest{Base: s.places.Base, Loc: s.places.Messages.Match(lang, c.Get("Accept-Language"))}
	}
	if t.json {
		return writeJSON(c, p.Status, t.problemJSON(p.Status))
	}
	if p == refusal.ErrMissing {
		if page := s.missing(r); page != nil {
			c.Set("Content-Type", "text/html; charset=utf-8")
			c.Status(p.Status)
			return page.Write(c.Response().BodyWriter(), r.Query, r.RedirectURI, t.Names.RequestID)
		}
	}
	page := s.errorPage(&login, p, t.Names.RequestID)
	if r != nil && r.posted && r.Portal && outage(p.Status) {
		s.postAgain(r, page)
	}
	if err := render(c, p.Status, page); err != nil {
		t.Err = err
		return s.sendLastResort(c, t)
	}
	return nil
}

// problemJSON is what a script gets in place of an error page.
func (t *Trace) problemJSON(status int) any {
	switch {
	case t.JSON != nil:
		return t.JSON
	case !outage(status):
		return map[string]string{"error": "invalid_request"}
	}
	return map[string]string{"error": Unavailable}
}

// outage reports that a status says nothing about what was asked, which may go well later.
func outage(status int) bool {
	return status >= fiber.StatusInternalServerError || status == fiber.StatusTooManyRequests
}

// sendLastResort answers where making an answer has failed.
func (s *Site) sendLastResort(c *fiber.Ctx, t *Trace) error {
	c.Response().Header.Del("Location")
	if t.json {
		return writeJSON(c, fiber.StatusInternalServerError, t.problemJSON(fiber.StatusInternalServerError))
	}
	c.Set("Content-Type", "text/html; charset=utf-8")
	return c.Status(fiber.StatusInternalServerError).Send(s.lastResort())
}

func (s *Site) errorPage(r *entry.LoginRequest, p *refusal.Problem, id string) *views.ErrorPage {
	if r.Target == redirect.Refused {
		refused := *r
		refused.Query = "" // must not be repeated in a link
		r = &refused
	}
	page := &views.ErrorPage{
		Base:  s.Page(r, "error", i18n.Msg(p.Title)),
		Lead:  i18n.Message{Key: p.Lead, Args: p.Args},
		Value: p.Shown(),
	}
	for i, l := range page.Languages { // those of an error lead to the entry
		page.Languages[i].URL = entry.Join(r.Base, "/", entry.WithParam(r.Query, "lang", l.Tag))
	}
	page.Alert.Kind = views.AlertError // the title says that this is an error
	page.RequestID = id
	again := &views.Link{To: "entry", URL: s.places.Base + "/", Label: i18n.Msg("error.start")}
	switch only := s.places.OnlyEnv; {
	case p.Again != "":
		for i, l := range page.Languages { // at the entry there would be another error
			page.Languages[i].URL = entry.Join(r.Base, p.Again, "lang="+l.Tag)
		}
		page.Button = &views.Link{To: "app", URL: "/", Label: i18n.Msg("account.app")}
	case r.OwnTarget() && r.LoginPage == nil: // to start again would come to the same
		page.Button = &views.Link{To: "app", URL: r.RedirectURI, Label: i18n.Msg("account.app")}
	case r.Target != redirect.Refused && r.LoginPage != nil && r.Portal && outage(p.Status):
		page.Button = &views.Link{To: "retry", URL: r.Here(), Label: i18n.Msg("error.retry")}
	case r.Target != redirect.Refused && r.LoginPage != nil:
		again.URL = r.To("/")
		page.Button = again
	case only != nil && (only.DefaultRedirectURI != "" || s.places.Demo):
		page.Button = again
	}
	return page
}

// postAgain puts the form of a POST into the page of an outage, whose button posts it once more: with the
// password sealed, and without a captcha. Where no button of its own was pressed, it is only shown again.
func (s *Site) postAgain(r *Request, page *views.ErrorPage) {
	f := r.Form
	if f.values == nil || f.Name == "" || f.Stale || r.LoginPage == nil || r.Target == redirect.Refused {
		return
	}
	fields, password := f.Typed()
	for _, field := range fields {
		if name := field[0]; name != "lang" && name != "device_id" {
			page.Again = append(page.Again, views.Hidden{Name: name, Value: f.Value(name)})
		}
	}
	if before := f.Value("pressed"); before == "" && (f.switches() || f.refreshes()) {
		page.Show = r.Loc.Locale()
	} else if page.Again = append(page.Again, views.Hidden{Name: "action", Value: f.Button()}); before == "" {
		page.Again = append(page.Again, views.Hidden{Name: "pressed", Value: "yes"}) // for another language of this page
	}
	b := &page.Base
	b.Client, b.Form.Name, b.Form.CSRF, b.Form.DeviceID = r.Client.ID, f.Name, r.Session.CSRFToken(), r.Device
	f.Secret(password) // or what was kept before
	f.Keep, f.captcha = true, captchaState{}
	if f.carry(b) != nil {
		return
	}
	b.Form.Action = entry.Join(s.places.Base, r.Path, r.RawQuery())
	for i := range b.Languages { // buttons of the form
		b.Languages[i].URL = ""
	}
}

// refuseEarly is Fiber's ErrorHandler. It answers what never became a request (too large, too late,
// not HTTP), so no middleware of ours has run. That is the caller's doing, and no error of ours. A
// caller that is gone has asked nothing, and leaves no line.
func (s *Site) refuseEarly(c *fiber.Ctx, err error) error {
	conn, ok := c.Context().Conn().(*framing.Conn)
	if ok && conn.Gone() {
		return c.SendStatus(fiber.StatusBadRequest)
	}
	t := &Trace{early: true}
	if named := s.begin(c, t); named != nil {
		err = named
	}
	t.Route = s.nowhereCount
	headers.SetAny(c)
	if ok {
		if refused := conn.Refused(); refused != nil {
			t.Code = refused.Error()
		}
		c.Request().Header.Set("Accept-Language", conn.Language())
	}
	defer s.logRequest(c, t)
	var fe *fiber.Error
	if errors.As(err, &fe) {
		switch fe.Code {
		case fiber.StatusRequestEntityTooLarge, fiber.StatusRequestHeaderFieldsTooLarge, fiber.StatusRequestTimeout:
		default: // what Fiber takes for a bad gateway is a caller that hung up
			err = &refusal.Problem{Status: fiber.StatusBadRequest, Title: "error.title", Lead: "error.page.malformed"}
		}
	}
	return s.answer(c, err)
}

// problemOf finds the page that an error deserves and notes for the log what is not the person's
// doing.
func problemOf(t *Trace, err error) *refusal.Problem {
	var (
		p   *refusal.Problem
		fe  *fiber.Error
		api *authclient.Error
		own *entry.AuthorizationError
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &own): // where nothing is sent back: a script asks, or there is no such page
		t.Code = own.Code
		return &refusal.Problem{Status: fiber.StatusBadRequest, Title: "error.title_request", Lead: "error.page.malformed"}
	case errors.As(err, &api):
		t.Code, t.Err = api.Code, err
		t.Because(refusal.ReasonOf(api))
		out := refusal.Of(api, nil)
		switch {
		case out.Status == fiber.StatusTooManyRequests:
			out.Key = "error.unavailable" // who only opens a page has tried nothing too often
		case out.Status < 500:
			out = refusal.Codes["unknown"]
		}
		p := &refusal.Problem{Status: out.Status, Title: "error.title_unavailable", Lead: out.Key, Reason: refusal.ReasonOf(api)}
		if out.Status == fiber.StatusServiceUnavailable || out.Status == fiber.StatusTooManyRequests {
			p.Wait = cmp.Or(api.RetryAfter, time.Minute)
		}
		return p
	case errors.As(err, &fe):
		switch fe.Code {
		case fiber.StatusNotFound:
			return refusal.ErrMissing
		case fiber.StatusMethodNotAllowed:
			return &refusal.Problem{Status: fe.Code, Title: "error.title_request", Lead: "error.page.method"}
		case fiber.StatusRequestEntityTooLarge, fiber.StatusRequestHeaderFieldsTooLarge:
			return &refusal.Problem{Status: fe.Code, Title: "error.title", Lead: "error.page.too_large"}
		case fiber.StatusRequestTimeout:
			return &refusal.Problem{Status: fe.Code, Title: "error.title", Lead: "error.page.timeout"}
		}
		if fe.Code >= 400 && fe.Code < 500 {
			return &refusal.Problem{Status: fe.Code, Title: "error.title", Lead: "error.page.method"}
		}
	}
	t.Err = err
	return &refusal.Problem{Status: fiber.StatusInternalServerError, Title: "error.title", Lead: "error.page.internal"}
}
