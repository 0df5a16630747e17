package handlers

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // people's time zones, wherever we run
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/session"
	"tcb-login/views"
)

// What the pages of the account portal have in common: who they are of, and
// what must be so before they show anything.

// portalRoute is a page of the portal, and what must be so before its form is
// shown: by its own address, and by any other that shows a form again.
type portalRoute struct {
	path   string
	stepUp bool // who is there has proven it lately
	texts  bool // TCB sends text messages in this environment
}

// portalRoutes are the pages of the portal, by the names that next= may have.
var portalRoutes = map[string]portalRoute{
	"account":           {path: "/account"},
	"account-profile":   {path: "/account/profile"},
	"account-username":  {path: "/account/username", stepUp: true},
	"account-phone":     {path: "/account/phone", stepUp: true, texts: true},
	"account-email":     {path: "/account/email", stepUp: true},
	"account-password":  {path: "/account/password", stepUp: true},
	"account-providers": {path: "/account/providers"}, // its changes ask for a step-up themselves
	"account-sessions":  {path: "/account/sessions"},
	"account-history":   {path: "/account/history"},
	"account-delete":    {path: "/account/delete", stepUp: true},
}

const pathVerify = "/account/verify"

func inPortal(path string) bool { return path == "/account" || strings.HasPrefix(path, "/account/") }

// routeName is the name of the portal's page at a path; the overview's for the
// step-up, which is no place to come back to.
func routeName(path string) string {
	for name, route := range portalRoutes {
		if route.path == path {
			return name
		}
	}
	return "account"
}

// doneKeys are the confirmations that a page shows after a change.
var doneKeys = map[string]string{
	"profile":  "account.done.profile",
	"username": "account.done.username",
	"phone":    "account.done.phone",
	"email":    "account.done.email",
	"password": "account.done.password",
	"linked":   "account.done.linked",
	"unlinked": "account.done.unlinked",
	"ended":    "account.done.ended",
	"others":   "account.done.others",
}

// portal is the middleware of the portal's pages: it finds out whose they are,
// asking TCB each time, or shows the page that looks for a login.
func (h *Handler) portal(next fiber.Handler) fiber.Handler {
	return h.portalPage(portalRoute{}, next)
}

// portalPage is portal for a page that wants more than a login. Both it and
// typedPortal are for entrance to decide.
func (h *Handler) portalPage(route portalRoute, next fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		instead, err := h.entrance(c, route)
		switch {
		case err != nil:
			return err
		case instead != nil:
			return h.show(c, fiber.StatusOK, *instead)
		}
		h.readDone(c)
		return next(c)
	}
}

// entrance lets somebody to a page of the portal, or says what they get instead:
// another page, or the way to the step-up, which is an error here as everything is
// that keeps a handler from its work.
func (h *Handler) entrance(c *fiber.Ctx, route portalRoute) (instead *form, err error) {
	r := requestOf(c)
	if route.texts && !r.env.Texts() {
		return nil, errDisabled
	}
	ok, err := h.loadPerson(c)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		f := h.takeOver(r)
		return &f, nil
	case r.access.Anonymous:
		f := h.offerRegistration(r)
		return &f, nil
	case route.stepUp && !h.hasSudo(r):
		return nil, errStepUp
	}
	return nil, nil
}

// errStepUp is answered with the way to the step-up: see handleError.
var errStepUp = errors.New("a step-up comes first")

func (h *Handler) hasSudo(r *request) bool { return h.now().Unix() < r.access.SudoUntil }

// askSudo leads to the step-up, and from there back to the page at hand.
func (h *Handler) askSudo(c *fiber.Ctx) error {
	r := requestOf(c)
	r.next = routeName(r.path)
	return h.seeOther(c, r.to(pathVerify))
}

// loadPerson reads the login and asks TCB whose it is. A login that TCB does
// not know any more ends here too.
func (h *Handler) loadPerson(c *fiber.Ctx) (ok bool, err error) {
	r := requestOf(c)
	if r.me != nil {
		return true, nil
	}
	access, ok := r.session.Access(r.scope())
	if !ok {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	r.access = access
	r.deviceID = access.DeviceID
	me, err := r.client.auth.AsUser(access.AccessToken).GetUserInfo(ctx, h.options(c)...)
	switch {
	case errors.Is(err, authclient.ErrUnauthenticated):
		traceOf(c).code = codeOf(err)
		r.access = session.Access{}
		addCookies(c, r.session.ClearAccess(r.scope()))
		return false, nil
	case err != nil:
		return false, err
	}
	r.me = me
	return true, nil
}

// user makes the person's calls.
func (r *request) user() *authclient.User { return r.client.auth.AsUser(r.access.AccessToken) }

// person is whose page it is.
func (h *Handler) person(r *request) views.Person {
	return h.personOf(nameOf(r.me), r.me.Picture)
}

func (h *Handler) personOf(name, picture string) views.Person {
	p := views.Person{Name: name, Initial: initialOf(name)}
	if h.showsImage(picture) {
		p.Picture = picture
	}
	return p
}

// nameOf is what to call somebody by.
func nameOf(me *authclient.UserInfo) string {
	for _, name := range []string{me.Name, me.Username, me.Email, me.PhoneNumber} {
		if name != "" {
			return name
		}
	}
	return me.Sub
}

// knownAs is what somebody signs in with, for password managers.
func knownAs(me *authclient.UserInfo) string {
	for _, name := range []string{me.Username, me.PhoneNumber, me.Email} {
		if name != "" {
			return name
		}
	}
	return nameOf(me)
}

func initialOf(name string) string {
	initial, _ := utf8.DecodeRuneInString(name)
	if initial == utf8.RuneError {
		return ""
	}
	return string(unicode.ToUpper(initial))
}

// showsImage reports that the CSP lets pages load a picture. No host but the
// operator's ever hears of who opens the portal.
func (h *Handler) showsImage(picture string) bool {
	u, err := url.Parse(picture)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	return slices.Contains(h.imageHosts, u.Scheme+"://"+u.Host)
}

// portalFrame puts the portal around a page.
func (h *Handler) portalFrame(r *request, b *views.Base) {
	b.Portal = &views.Portal{Person: h.person(r), SignOut: r.to("/sign-out")}
	if r.path != "/account" {
		b.Portal.Home = r.to("/account")
	}
	if r.target == targetOwn {
		b.Portal.App = r.RedirectURI
	}
	b.Guard = h.guard(r, "portal")
}

// guard is what account.js needs on a page.
func (h *Handler) guard(r *request, mode string) *views.Guard {
	g := &views.Guard{
		Mode: mode, EnvID: r.env.ID, ClientID: r.client.ID,
		Session: r.to("/session"), Here: r.to(r.path),
	}
	if mode != "sign-out" {
		signIn := *r
		signIn.next = r.next
		if inPortal(r.path) {
			signIn.next = routeName(r.path)
			if r.path == pathVerify && r.next != "" {
				signIn.next = r.next
			}
		} else { // what did not work here is not to be tried there again
			signIn.query = r.with("prompt", "login")
		}
		g.SignIn = signIn.to("/")
	}
	if r.me != nil {
		g.Sub, g.UserInfo = r.me.Sub, r.me.Raw
	}
	return g
}

// portalBase is a page of the portal without a form.
func (h *Handler) portalBase(r *request, name string, title i18n.Message) *views.Base {
	b := h.page(r, name, title)
	h.linkLanguages(r, &b)
	h.sayDone(r, &b)
	return &b
}

// portalForm is a page of the portal whose form posts to its own path.
func (h *Handler) portalForm(r *request, name string, title i18n.Message, path string) *views.Base {
	b := h.formPage(r, name, title, path, "")
	h.sayDone(r, b)
	return b
}

func (h *Handler) linkLanguages(r *request, b *views.Base) {
	for i, l := range b.Languages {
		other := *r
		other.query = r.inLanguage(l.Tag)
		b.Languages[i].URL = other.to(r.path)
	}
}

func (h *Handler) sayDone(r *request, b *views.Base) {
	if key := doneKeys[r.done]; key != "" && r.form == "" {
		b.Alert = views.Alert{Kind: views.AlertOK, Message: i18n.Msg(key)}
	}
}

// change is one that went well, on the way to the page that says so. It is sealed:
// a page that would say whatever its address does could be made to tell somebody
// that their password is changed, who then goes on to where they can "undo" it.
type change struct {
	Done string `json:"d"` // of doneKeys
	Sub  string `json:"s"` // whose account it was
}

const (
	doneLife    = 2 * time.Minute
	donePurpose = "done"
)

// ruleDone: it is said once.
var ruleDone = limit.Rule{Name: "done", N: 1, Per: doneLife}

// finished answers a change that went well: the page at path says so once.
func (h *Handler) finished(c *fiber.Ctx, path, done string) error {
	r := requestOf(c)
	sealed, err := r.session.Seal(r.scope(), donePurpose, change{Done: done, Sub: r.me.Sub}, doneLife)
	if err != nil {
		return err
	}
	return h.seeOther(c, r.to(path, "done="+sealed))
}

// readDone finds out which change the page at hand is to confirm.
func (h *Handler) readDone(c *fiber.Ctx) {
	r := requestOf(c)
	var did change
	if r.sealedDone == "" || !r.session.Open(r.scope(), donePurpose, r.sealedDone, &did) || did.Sub != r.me.Sub {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	if first, err := h.counter.Take(ctx, ruleDone, tokenHash(r.sealedDone)); err == nil && first.OK {
		r.done = did.Done
	}
}

// takeOver is the page that looks for the SDK's login in the browser's storage.
func (h *Handler) takeOver(r *request) form {
	p := &views.NoticePage{Base: h.page(r, "take-over", i18n.Msg("take-over.title")), Lead: i18n.Msg("take-over.lead")}
	p.Guard = h.guard(r, "take-over")
	p.Button = views.Link{To: "sign-in", URL: p.Guard.SignIn, Label: i18n.Msg("sign-in.button")}
	h.linkLanguages(r, &p.Base)
	return form{base: &p.Base, view: func() templ.Component { return views.TakeOver(*p) }}
}

// offerRegistration is the portal of somebody who has not registered: all that
// there is to do is that. Sign-up then keeps the account, by its anonymous_token.
func (h *Handler) offerRegistration(r *request) form {
	b := h.page(r, "account-anonymous", i18n.Msg("account.anonymous.title"))
	p := &views.NoticePage{Base: b, Lead: i18n.Msg("account.anonymous.lead")}
	p.Guard = h.guard(r, "portal") // they may have signed in to the app since
	h.linkLanguages(r, &p.Base)
	entry := *r
	entry.next = "account"
	if path := r.login.RegisterPath(); path != "" {
		p.Button = views.Link{To: "sign-up", URL: entry.prompting("login", path), Label: i18n.Msg("account.anonymous.button")}
	}
	p.Others = []views.Link{{To: "sign-in", URL: entry.prompting("login", "/"), Label: i18n.Msg("account.anonymous.sign_in")}}
	return form{base: &p.Base, view: func() templ.Component { return views.Notice(*p) }}
}

// when is a moment as the person reads it: in their own time zone, else in UTC,
// which it then says.
func (h *Handler) when(r *request, instant string) string {
	t, err := time.Parse(time.RFC3339, instant)
	if err != nil {
		return instant
	}
	if zone, err := time.LoadLocation(r.me.Zoneinfo); err == nil && r.me.Zoneinfo != "" {
		return r.loc.DateTime(t.In(zone))
	}
	return r.loc.DateTime(t.UTC()) + " UTC"
}

// keepAccess writes the login anew, with what changed in it.
func (h *Handler) keepAccess(c *fiber.Ctx, a session.Access) error {
	r := requestOf(c)
	r.access = a
	life := time.Unix(a.ExpiresAt, 0).Sub(h.now())
	cookies, err := r.session.AccessCookies(r.scope(), a, max(life, time.Minute))
	if err != nil {
		return err
	}
	addCookies(c, cookies)
	return nil
}

// asPerson makes one call of the person's, which TCB may want a captcha for.
func (h *Handler) asPerson(c *fiber.Ctx, call func(context.Context, *authclient.User, ...authclient.CallOption) error) error {
	r := requestOf(c)
	return h.guarded(c, authclient.Call{}, false, func(ctx context.Context, opts ...authclient.CallOption) error {
		return call(ctx, r.user(), opts...)
	})
}

// refusePortal is refuse for a change in the portal: a login that has ended
// meanwhile is looked for again, and a step-up that TCB does not accept any
// more is asked for again.
func (h *Handler) refusePortal(c *fiber.Ctx, f form, err error, special map[string]refusal) error {
	r := requestOf(c)
	_, said := special[codeOf(err)]
	switch {
	case errors.Is(err, authclient.ErrUnauthenticated):
		return h.portalError(c, err)
	case errors.Is(err, authclient.ErrPermissionDenied) && !said && r.access.SudoUntil > 0 && r.path != pathVerify:
		traceOf(c).code = codeOf(err)
		a := r.access
		a.SudoToken, a.SudoUntil = "", 0
		if err := h.keepAccess(c, a); err != nil {
			return err
		}
		return h.askSudo(c)
	}
	return h.refuse(c, f, err, special)
}

// formPath is the page that a form of the portal is on, by the form's name; ""
// where it is no form of the portal's.
func formPath(name string) string {
	if name == "account-bind" {
		return "/account/providers"
	}
	if strings.HasPrefix(name, "step-up") {
		return pathVerify
	}
	parts := strings.Split(name, "-") // a step of a flow adds its own word
	if len(parts) < 2 {
		return ""
	}
	return portalRoutes[parts[0]+"-"+parts[1]].path
}

// typedPortal is a form of the portal with what was typed, where name is one's. It
// asks before what the page itself asks before.
func (h *Handler) typedPortal(c *fiber.Ctx, name string) (f form, found bool, err error) {
	path := formPath(name)
	if path == "" {
		return form{}, false, nil
	}
	r := requestOf(c)
	r.path = path
	var route portalRoute
	if path != pathVerify {
		route = portalRoutes[routeName(path)]
	}
	instead, err := h.entrance(c, route)
	switch {
	case err != nil:
		return form{}, false, err
	case instead != nil:
		return *instead, true, nil
	}
	switch name {
	case "step-up-" + byPassword, "step-up-" + byProvider:
		return h.typedStepUp(c), true, nil
	case "account-profile":
		_, f = h.profilePage(c)
		return f, true, nil
	case "account-username":
		_, f = h.usernamePage(c)
		return f, true, nil
	case "account-password":
		_, f = h.passwordPage(c)
		return f, true, nil
	case "account-delete":
		_, f = h.deletePage(c)
		return f, true, nil
	case "account-providers":
		h.readForm(c, r, name)
		_, _, f, err = h.providersPage(c)
		return f, err == nil, err
	case "account-sessions":
		h.readForm(c, r, name)
		_, _, f, err = h.sessionsPage(c)
		return f, err == nil, err
	case "account-bind":
		h.readForm(c, r, name)
		l, ok, err := h.linkToBind(r)
		if ok {
			f = h.bindPage(r, l)
		}
		return f, ok, err
	}
	for _, flow := range append([]*codeFlow{h.stepUp}, h.contacts...) {
		if step, ok := strings.CutPrefix(name, flow.name); ok {
			f, ok := flow.typedForm(c, step)
			return f, ok, nil
		}
	}
	return form{}, false, nil
}
