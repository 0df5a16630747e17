package handlers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/session"
	"tcb-login/views"
)

// Identity providers: out to one and back.
//
//	POST /provider/:id        (sign-in), or the portal's POSTs that link or step up
//	  → leaving page to the provider's consent page, with a cookie for the way back
//	GET  /provider/callback   the provider's redirect: code and state
//	  → a page whose button, pressed by script, posts both to
//	POST /provider/callback   → sign-in, a page to link, or a step-up
//
// Providers compare the callback's address byte for byte and some take no more
// than 128 characters of state (WeChat), so the login request cannot ride in
// either: it waits in a cookie, sealed for this session. A state whose cookie
// this browser has not is somebody else's, and a login of theirs (login CSRF,
// RFC 6749 §10.12); one that has been used is used up.
//
// The redirect is answered with a form and not with the outcome, since what
// comes after signs somebody in: a GET of ours changes nothing, so that no
// reload, prefetch or link from elsewhere does, and credentials are in the
// answer to a POST alone.

// What a trip to a provider is for.
const (
	tripSignIn = "sign-in"
	tripLink   = "link"
	tripVerify = "verify"
)

// trip is a way to a provider and back.
type trip struct {
	Provider string `json:"p"`
	Name     string `json:"m,omitempty"` // what TCB calls it, where we know
	For      string `json:"f"`
	Env      string `json:"e"`
	Client   string `json:"c"`
	Query    string `json:"q"` // the entry query string
	Next     string `json:"n,omitempty"`
	Link     string `json:"l,omitempty"` // an identity that waits to be bound, from another provider
	Sub      string `json:"s,omitempty"` // who went, where somebody was signed in
}

const (
	tripLife   = 10 * time.Minute
	tripCookie = "provider trip"
	linkLife   = time.Hour        // of a provider_token
	sudoLife   = 15 * time.Minute // of a proof of who is there, a sign-in too
)

var ruleState = limit.Rule{Name: "provider state", N: 1, Per: time.Hour}

// postProvider sends somebody who signs in to a provider.
func (h *Handler) postProvider(c *fiber.Ctx) error {
	r := requestOf(c)
	id := c.Params("id")
	if !offersProvider(r, id) {
		return errDisabled
	}
	f, ok, err := h.startWay(c)
	if !ok {
		return err
	}
	return h.goToProvider(c, f, id, "", tripSignIn)
}

// goToProvider leads to a provider's consent page; f is what to show when TCB
// does not say where that is.
func (h *Handler) goToProvider(c *fiber.Ctx, f form, id, name, purpose string) error {
	r := requestOf(c)
	var b [16]byte
	if _, err := io.ReadFull(h.rand, b[:]); err != nil {
		return err
	}
	state := hex.EncodeToString(b[:])
	t := trip{Provider: id, Name: name, For: purpose, Env: r.env.ID, Client: r.client.ID, Query: r.query, Next: r.next, Link: r.link}
	if purpose != tripSignIn {
		t.Sub = r.me.Sub
	}
	cookies, err := r.session.FlowCookies(tripCookie, state, t, tripLife)
	if errors.Is(err, session.ErrTooLarge) {
		return badRequest("error.page.too_large", nil)
	}
	if err != nil {
		return err
	}
	counted := &taken{counter: h.counter}
	demand := counted.takeSoft(c.UserContext(), r.counts(ruleProvider)...) || r.env.Limits.AttackMode
	var out *authclient.ProviderRedirectURI
	err = h.guarded(c, authclient.CallGenProviderRedirectURI, demand, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		out, err = r.client.auth.GenProviderRedirectURI(ctx, authclient.GenProviderRedirectURIRequest{
			ProviderID: id, ProviderRedirectURI: h.callback(r), State: state,
		}, opts...)
		return err
	})
	switch {
	case err != nil && purpose == tripSignIn:
		return h.refuseStart(c, f, err, id)
	case err != nil:
		return h.refuse(c, f, err, nil)
	}
	if !leadsOut(out.URI) {
		return &authclient.Error{Op: "GenProviderRedirectURI", Code: "unknown", Remaining: -1}
	}
	addCookies(c, cookies)
	r.me = nil
	return h.leave(c, views.LeavingPage{
		Base: h.page(r, "leaving", i18n.Msg("provider.leaving")),
		Lead: i18n.Message{Key: "provider.leaving_lead", Args: i18n.Args{"provider": h.providerName(r, id, name)}},
		Data: views.Departure{To: out.URI},
	})
}

// leadsOut reports that an address of TCB's is one for a browser to go to.
func leadsOut(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

// callback is provider_redirect_uri, the same for everybody and everything.
func (h *Handler) callback(r *request) string { return r.origin.text + h.base + "/provider/callback" }

// getCallback answers a provider's redirect. It reads no entry query: the trip
// brings its own.
func (h *Handler) getCallback(c *fiber.Ctx) error {
	query := c.Context().QueryArgs()
	arg := func(name string) string { return cut(string(query.Peek(name)), 4096) }
	state, code := arg("state"), arg("code")
	s, err := h.sessions.Load(c.UserContext(), c.Get("Cookie"), c.Locals(localOrigin).(origin).secure())
	if err != nil {
		return err
	}
	var t trip
	if !s.FlowValue(tripCookie, state, &t) {
		if err := h.prepare(c, ""); err != nil && problemOf(&trace{}, err).status >= fiber.StatusInternalServerError {
			return err
		}
		return errTripLost
	}
	if err := h.prepare(c, t.Query); err != nil {
		return err
	}
	r := requestOf(c)
	r.next, r.link = t.Next, t.Link
	if code == "" {
		traceOf(c).code = codeName(arg("error"))
		return h.tripFailed(c, t, "provider.cancelled")
	}
	_, f := h.returnPage(r, code, state)
	return h.show(c, fiber.StatusOK, f)
}

// codeName keeps what a provider calls an error out of the log, unless it is a name.
func codeName(s string) string {
	if !errorName.MatchString(s) {
		return "provider_error"
	}
	return s
}

// errorName is what RFC 6749 §4.1.2.1 calls errors.
var errorName = regexp.MustCompile(`^[a-z_]{1,64}$`)

func (h *Handler) returnPage(r *request, code, state string) (*views.ReturnPage, form) {
	r.path = "/provider/callback"
	p := &views.ReturnPage{
		Base: *h.formPage(r, "provider-return", i18n.Msg("provider.return.title"), "/provider/callback", ""),
		Code: code, State: state,
	}
	p.Canonical = r.to("/") // the address loses code and state
	return p, form{base: &p.Base, view: func() templ.Component { return views.Return(*p) }}
}

// typedReturn is the page as it was posted.
func (h *Handler) typedReturn(c *fiber.Ctx) form {
	r := requestOf(c)
	h.readForm(c, r, "provider-return")
	_, f := h.returnPage(r, cut(field(c, "code"), 4096), cut(field(c, "state"), 256))
	return f
}

// errTripLost: it was begun elsewhere, or too long ago, or it is used up.
var errTripLost = &problem{status: fiber.StatusBadRequest, title: "provider.lost_title", lead: "provider.lost", home: true}

// tripFailed says that a provider did not tell who came, with the way back.
func (h *Handler) tripFailed(c *fiber.Ctx, t trip, lead string) error {
	return h.send(c, fiber.StatusOK, h.tripFailedPage(requestOf(c), t, lead).view())
}

func (h *Handler) tripFailedPage(r *request, t trip, lead string) form {
	r.me = nil
	back := views.Link{To: "sign-in", URL: r.to("/"), Label: i18n.Msg("sign-in.back")}
	switch t.For {
	case tripLink:
		back = views.Link{To: "account-providers", URL: r.to("/account/providers"), Label: i18n.Msg("account.back")}
	case tripVerify:
		back = views.Link{To: "step-up", URL: r.to(pathVerify), Label: i18n.Msg("account.back")}
	}
	p := &views.NoticePage{
		Base:   h.page(r, "provider-failed", i18n.Msg("provider.failed_title")),
		Lead:   i18n.Message{Key: lead, Args: i18n.Args{"provider": h.providerName(r, t.Provider, t.Name)}},
		Button: back,
	}
	p.Languages = nil
	return form{base: &p.Base, view: func() templ.Component { return views.Notice(*p) }}
}

// postCallback goes on with what a provider said.
func (h *Handler) postCallback(c *fiber.Ctx) error {
	r := requestOf(c)
	f := h.typedReturn(c)
	code, state := field(c, "code"), field(c, "state")
	var t trip
	if !r.session.FlowValue(tripCookie, state, &t) || t.Env != r.env.ID || t.Client != r.client.ID || code == "" {
		return errTripLost
	}
	r.next, r.link = t.Next, t.Link
	if t.For != tripSignIn {
		ok, err := h.loadPerson(c)
		if err != nil {
			return err
		}
		if !ok || r.me.Sub != t.Sub { // somebody else, by now
			return errTripLost
		}
	}
	var granted *authclient.ProviderToken
	err := h.guarded(c, authclient.Call{}, false, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		// Counted here, where no captcha can come in between any more. An outage of
		// the counter is one of ours: a state that could be used again is none.
		sum := sha256.Sum256([]byte(state))
		key := hex.EncodeToString(sum[:])
		d, err := h.counter.Take(ctx, ruleState, key)
		if err != nil {
			return err
		}
		if !d.OK {
			return errTripLost
		}
		granted, err = r.client.auth.GrantProviderToken(ctx, authclient.GrantProviderTokenRequest{
			ProviderID: t.Provider, ProviderRedirectURI: h.callback(r), ProviderCode: code,
		}, opts...)
		if errors.Is(err, authclient.ErrCaptchaRequired) || errors.Is(err, authclient.ErrCaptchaInvalid) {
			_ = h.counter.Refund(ctx, ruleState, key) // the form comes again
		}
		return err
	})
	var asked *captchaAsked
	switch {
	case errors.As(err, &asked):
		return h.refuse(c, f, err, nil)
	case err != nil:
		var api *authclient.Error
		if !errors.As(err, &api) || isOutage(err) {
			return err
		}
		traceOf(c).code = api.Code
		return h.tripFailed(c, t, "provider.failed")
	}
	addCookies(c, []string{r.session.ForgetFlow(state)})
	switch t.For {
	case tripLink:
		return h.confirmLink(c, t, granted)
	case tripVerify:
		return h.verifiedByProvider(c, t, granted)
	}
	return h.signInByProvider(c, t, granted)
}

// verifiedByProvider ends a step-up: whoever came back must be one of the
// account's own identities. TCB asks nothing of people who have no other way to
// prove who they are, so that it is them is for us to see.
func (h *Handler) verifiedByProvider(c *fiber.Ctx, t trip, granted *authclient.ProviderToken) error {
	r := requestOf(c)
	if sub := granted.ProviderProfile.Sub; sub == "" || !boundTo(r.me, t.Provider, sub) {
		return h.tripFailed(c, t, "provider.other_identity")
	}
	if stepUpWay(r) != byProvider {
		return h.seeOther(c, r.to(pathVerify))
	}
	if err := h.sudo(c, authclient.SudoRequest{}); err != nil {
		return h.refusePortal(c, h.stepUpPage(r), err, nil)
	}
	return h.steppedUp(c)
}

// boundTo reports that an identity is one of the account's; any of the provider's when sub is empty.
func boundTo(me *authclient.UserInfo, provider, sub string) bool {
	return slices.ContainsFunc(me.Providers, func(p authclient.ProfileProvider) bool {
		return p.ID == provider && (sub == "" || p.ProviderUserID == sub)
	})
}

// signInByProvider signs in with a provider_token. Where nobody has the
// identity, the person says whether they have an account.
func (h *Handler) signInByProvider(c *fiber.Ctx, t trip, granted *authclient.ProviderToken) error {
	r := requestOf(c)
	var creds *authclient.Credentials
	err := h.guarded(c, authclient.Call{}, false, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.client.auth.SignInWithProvider(ctx, authclient.SignInWithProviderRequest{
			ProviderToken: granted.ProviderToken, ProviderID: t.Provider, ForceDisableSignUp: !r.login.RegistersByItself(),
		}, opts...)
		return err
	})
	switch {
	case err == nil:
		return h.complete(c, creds)
	case errors.Is(err, authclient.ErrNotFound), errors.Is(err, authclient.ErrUserNotFound):
		traceOf(c).code = codeOf(err)
		return h.offerToLink(c, t, granted)
	}
	if asked := (*captchaAsked)(nil); errors.As(err, &asked) { // the code is spent: a new try brings another
		return h.tripFailed(c, t, "provider.failed")
	}
	var api *authclient.Error
	if !errors.As(err, &api) || isOutage(err) {
		return err
	}
	traceOf(c).code = api.Code
	return h.tripFailed(c, t, refusalWords(api))
}

// refusalWords says why TCB lets a known identity not in.
func refusalWords(api *authclient.Error) string {
	if key := refusalOf(api, nil).key; key == "error.user_blocked" || key == "error.user_pending" {
		return key
	}
	return "provider.failed"
}

// pendingLink is an identity that is to be bound to an account.
type pendingLink struct {
	Token    string `json:"t"`
	Provider string `json:"p"`
	Called   string `json:"c,omitempty"` // the provider, by TCB
	Name     string `json:"n"`           // of the person there
	Picture  string `json:"i,omitempty"`
	SignIn   bool   `json:"s,omitempty"` // it came up at a sign-in: the app is where this leads
	Sub      string `json:"u,omitempty"` // whose account it may be bound to; nobody's yet when empty
}

func (h *Handler) sealLink(r *request, l pendingLink, life time.Duration) (string, error) {
	return r.session.Seal(r.scope(), "link", l, life)
}

// openLink reads link=. That somebody has just signed in to bind it counts as a
// step-up, and ends with the next sign-in as that does.
func openLink(r *request) (l pendingLink, ok bool) {
	if r.link == "" {
		return l, false
	}
	if r.session.OpenProof(r.scope(), "link", r.link, &l) {
		return l, true
	}
	if ok = r.session.Open(r.scope(), "link", r.link, &l); ok && l.Sub != "" {
		l.SignIn = false
	}
	return l, ok
}

// waitingLink is an identity that waits for an account, whoever's that will be.
func waitingLink(r *request) (pendingLink, bool) {
	l, ok := openLink(r)
	return l, ok && l.Sub == ""
}

func linkOf(t trip, granted *authclient.ProviderToken) pendingLink {
	who := granted.ProviderProfile
	l := pendingLink{Token: granted.ProviderToken, Provider: t.Provider, Called: t.Name, Picture: cut(who.Picture, 512)}
	for _, name := range []string{who.Name, who.Email, who.PhoneNumber, who.Sub} {
		if l.Name == "" {
			l.Name = cut(name, 128)
		}
	}
	return l
}

// offerToLink is for an identity that no account has.
func (h *Handler) offerToLink(c *fiber.Ctx, t trip, granted *authclient.ProviderToken) error {
	r := requestOf(c)
	l := linkOf(t, granted)
	l.SignIn = true
	var err error
	if r.link, err = h.sealLink(r, l, linkLife); err != nil {
		return err
	}
	return h.send(c, fiber.StatusOK, h.unknownPage(r, l).view())
}

func (h *Handler) unknownPage(r *request, l pendingLink) form {
	p := &views.NoticePage{
		Base:   h.page(r, "provider-unknown", i18n.Msg("provider.unknown.title")),
		Lead:   i18n.Message{Key: "provider.unknown.lead", Args: i18n.Args{"name": l.Name, "provider": h.providerName(r, l.Provider, l.Called)}},
		Button: views.Link{To: "sign-in", URL: r.prompting("login", "/"), Label: i18n.Msg("provider.unknown.sign_in")},
	}
	p.Languages = nil
	byForm := func(w loginpage.Way) bool { return w.Method() != "" }
	if r.target == targetOwn && !slices.ContainsFunc(r.login.Ways, byForm) { // there is no other way to be found by
		p.Lead.Key = "provider.unknown.only"
		p.Button = views.Link{To: "app", URL: r.RedirectURI, Label: i18n.Msg("account.app")}
	}
	if path := r.login.RegisterPath(); path != "" {
		p.Others = append(p.Others, views.Link{To: "sign-up", URL: r.to(path), Label: i18n.Msg("provider.unknown.sign_up")})
	}
	return form{base: &p.Base, view: func() templ.Component { return views.Notice(*p) }}
}

// confirmLink leads to the page that names identity and account.
func (h *Handler) confirmLink(c *fiber.Ctx, t trip, granted *authclient.ProviderToken) error {
	r := requestOf(c)
	l := linkOf(t, granted)
	l.Sub = r.me.Sub
	sealed, err := h.sealLink(r, l, linkLife)
	if err != nil {
		return err
	}
	return h.seeOther(c, r.to("/account/providers", "link="+sealed))
}

// providerName is a provider's name: the login config's, TCB's, or its id.
func (h *Handler) providerName(r *request, id, given string) string {
	way, _ := r.login.Way(id)
	name := cmp.Or(labelFor(r.loc, way.Label), given)
	if name == "" && strings.HasPrefix(id, "wx_") { // all of TCB's that begin so are WeChat's
		name = r.loc.T("provider.wechat")
	}
	return cmp.Or(name, way.Label, id)
}

// providersPage lists identities.
func (h *Handler) providersPage(c *fiber.Ctx) (*views.ProvidersPage, []authclient.BoundProvider, form, error) {
	r := requestOf(c)
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	all, err := r.user().GetProviders(ctx, h.options(c)...)
	if err != nil {
		return nil, nil, form{}, err
	}
	p := &views.ProvidersPage{Base: *h.portalForm(r, "account-providers", i18n.Msg("account.providers.title"), "/account/providers")}
	enters := func(id string) bool { // the built-in page has no say in which there are
		_, offered := r.login.Way(id)
		return offered || r.login.File == ""
	}
	bound := 0
	for _, b := range all {
		if b.Bind && enters(b.ID) {
			bound++
		}
	}
	p.Last = bound <= 1 && !entersWithout(r)
	for _, b := range all {
		if !b.Bind && !enters(b.ID) {
			continue // who linked it could not come in by it
		}
		name := h.providerName(r, b.ID, b.Name)
		p.Providers = append(p.Providers, views.Provider{
			ID: b.ID, Name: name, Who: b.ProviderUserName, Bound: b.Bind, Keep: b.Bind && p.Last, Initial: initialOf(name),
		})
	}
	return p, all, form{base: &p.Base, view: func() templ.Component { return views.Providers(*p) }}, nil
}

// entersWithout reports that somebody can sign in on this page without any provider.
func entersWithout(r *request) bool {
	me := r.me
	return me.PhoneNumber != "" && r.env.Texts() && r.login.VerifiesBy(loginpage.MethodSMS) ||
		me.Email != "" && r.login.VerifiesBy(loginpage.MethodEmail) ||
		me.HasPassword && r.login.Offers(loginpage.MethodPassword)
}

// linkToBind is the identity that waits to be bound to the person's account, once
// it is proven who is there. What was proven before the trip may be too long ago.
// Who came by the identity and then signed in has just proven it, see complete.
func (h *Handler) linkToBind(r *request) (pendingLink, bool, error) {
	l, ok := openLink(r)
	switch {
	case !ok, l.Sub != r.me.Sub:
		return pendingLink{}, false, nil
	case !l.SignIn && !h.hasSudo(r):
		return pendingLink{}, false, errStepUp
	}
	return l, true, nil
}

func (h *Handler) getProviders(c *fiber.Ctx) error {
	r := requestOf(c)
	switch l, ok, err := h.linkToBind(r); {
	case err != nil:
		return err
	case ok:
		return h.show(c, fiber.StatusOK, h.bindPage(r, l))
	}
	_, _, f, err := h.providersPage(c)
	if err != nil {
		return h.portalError(c, err)
	}
	return h.show(c, fiber.StatusOK, f)
}

// bindPage names an identity and an account.
func (h *Handler) bindPage(r *request, l pendingLink) form {
	name := h.providerName(r, l.Provider, l.Called)
	p := &views.BindPage{
		Base:     *h.formPage(r, "account-bind", i18n.Msg("provider.bind.title"), "/account/providers", ""),
		Provider: name, Identity: h.personOf(l.Name, l.Picture), Account: h.person(r),
		Skip: views.Link{To: "account-providers", URL: r.to("/account/providers"), Label: i18n.Msg("provider.bind.skip")},
	}
	p.Form.Action = r.to("/account/providers", "link="+r.link)
	if known := knownAs(r.me); known != p.Account.Name {
		p.Detail = known
	}
	if l.SignIn && r.target == targetOwn {
		p.Skip = views.Link{To: "app", URL: r.RedirectURI, Label: i18n.Msg("provider.bind.skip")}
	}
	return form{base: &p.Base, view: func() templ.Component { return views.Bind(*p) }}
}

func (h *Handler) postProviders(c *fiber.Ctx) error {
	r := requestOf(c)
	switch l, ok, err := h.linkToBind(r); {
	case err != nil:
		return err
	case ok:
		return h.postBind(c, l)
	}
	h.readForm(c, r, "account-providers")
	page, all, f, err := h.providersPage(c)
	if err != nil {
		return h.portalError(c, err)
	}
	action := field(c, "action")
	if action == "" {
		action = r.captcha.Action
	}
	what, id, _ := strings.Cut(action, ":")
	i := slices.IndexFunc(all, func(b authclient.BoundProvider) bool { return b.ID == id })
	switch {
	case i < 0, what != "link" && what != "unlink", all[i].Bind != (what == "unlink"):
		page.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.refused")}
		return h.show(c, fiber.StatusUnprocessableEntity, f)
	case what == "unlink" && page.Last:
		page.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("account.providers.last")}
		page.Last = false // once is enough
		return h.show(c, fiber.StatusUnprocessableEntity, f)
	case !h.hasSudo(r):
		// TCB asks no step-up for these; a way to sign in is worth one all the same.
		return h.askSudo(c)
	case what == "link":
		return h.goToProvider(c, f, id, all[i].Name, tripLink)
	}
	err = h.asPerson(c, func(ctx context.Context, login *authclient.User, opts ...authclient.CallOption) error {
		return login.UnbindProvider(ctx, id, opts...)
	})
	if err != nil && !errors.Is(err, authclient.ErrNotFound) {
		return h.refusePortal(c, f, err, map[string]refusal{"failed_precondition": {status: 422, key: "account.providers.last"}})
	}
	return h.finished(c, "/account/providers", "unlinked")
}

// postBind binds an identity: the person has seen its name and the account's.
func (h *Handler) postBind(c *fiber.Ctx, l pendingLink) error {
	r := requestOf(c)
	h.readForm(c, r, "account-bind")
	err := h.asPerson(c, func(ctx context.Context, login *authclient.User, opts ...authclient.CallOption) error {
		return login.BindWithProvider(ctx, l.Token, opts...)
	})
	if err != nil {
		return h.refusePortal(c, h.bindPage(r, l), err, map[string]refusal{
			"already_exists":      {status: 422, key: "provider.bind.taken"},
			"failed_precondition": {status: 422, key: "provider.bind.another"},
			"permission_denied":   {status: 422, key: "error.session_over"},
		})
	}
	r.link = ""
	if l.SignIn && r.target == targetOwn {
		r.me = nil
		return h.leave(c, views.LeavingPage{
			Base: h.page(r, "leaving", i18n.Msg("account.done.linked")),
			Lead: i18n.Msg("leaving.lead"),
			Data: views.Departure{To: r.RedirectURI},
		})
	}
	return h.finished(c, "/account/providers", "linked")
}
