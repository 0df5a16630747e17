// Package authorize gives an app on another origin its authorization code (RFC 6749 §4.1 with PKCE,
// RFC 7636): TCB makes the code and trades it for tokens, we are the page between.
//
//	GET  /?response_type=code&…   sign-in's entry, which asks Resume first
//	  → a way in, and Address after it, or at once where somebody is signed in
//	GET  /authorize               who goes on, to which app, and what it asks for
//	POST /authorize               the code, through the interstitial; or access_denied
//
// The login here is our access cookie alone, without the guard that pages of the portal have: such an
// app never writes our origin's localStorage. So it counts for visitor.AppLoginLife after somebody
// has signed in or stepped up on our own pages, and one that was handed over from an app on our
// origin counts for nothing: when it began, nobody here knows.
//
// A code is minted by the form's POST alone. What the form was made of rides in its address as
// flow=, sealed to this browser's session: who was shown, and the request. So a form from another
// browser, of another person or for another request mints nothing, and a GET never does, whatever
// prompt= says.
//
// Errors go back to the app by LoginRequest.SendBack. An outage does not: the page that was asked
// for says so and can be tried again, and its "cancel" leads back.
package authorize

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Room holds what the functions of this package share.
type Room struct {
	*web.Site
	visitor *visitor.Room
}

// New makes the room.
func New(s *web.Site, v *visitor.Room) *Room { return &Room{Site: s, visitor: v} }

const (
	formAuthorize = "authorize"
	actionDeny    = "deny"

	purpose = "authorization"
	// formLife is the seal's. It ends with the login that it names, at the latest.
	formLife = visitor.AppLoginLife
	// freshFor is how long a sign-in is one that the request itself has asked for, by prompt=login
	// or max_age=0.
	freshFor = 5 * time.Minute
)

// Rows are the pages of the room.
func (z *Room) Rows() []web.Row {
	return []web.Row{{
		Path: entry.PathAuthorize, Get: z.get, Post: z.post, OnWay: true, Form: formAuthorize,
		Forms: map[string]web.Rebuild{formAuthorize: z.rebuild},
	}}
}

// An intent is what somebody is about to let happen, sealed into flow=.
type intent struct {
	Sub      string `json:"s"`
	Request  string `json:"r"`
	SignedIn int64  `json:"t,omitempty"` // when, if it was for this request (Unix seconds)
}

// fingerprint is of all that a code or the person's decision depends on. The language is not, which
// the page itself changes.
func fingerprint(r *web.Request) string {
	return web.HashOf(fmt.Sprintf("%q", []string{
		r.Env.ID, r.Client.ID, r.RedirectURI, r.CodeChallenge, r.State, r.Scope, r.Nonce, r.Prompt, r.MaxAge,
	}))
}

// intended is the intent that the address brings, if it is one of this browser's for this request.
func intended(r *web.Request) (in intent, ok bool) {
	ok = r.Flow != "" && r.Session.OpenProof(purpose, r.Flow, &in) && in.Request == fingerprint(r)
	if !ok {
		return intent{}, false
	}
	return in, true
}

func seal(r *web.Request, in intent) (string, error) {
	in.Request = fingerprint(r)
	return r.Session.Seal(purpose, in, formLife)
}

// Address is the page for somebody who has just signed in: visitor.Room.Authorize.
func Address(r *web.Request, sub string) (string, error) {
	access, _ := r.Session.Access()
	sealed, err := seal(r, intent{Sub: sub, SignedIn: access.AuthAt})
	return r.To(entry.PathAuthorize, entry.Add("flow", sealed)), err
}

// Resume implements signin.Resume: it replies at the entry where no way in is to be shown.
func (z *Room) Resume(r *web.Request) (reply web.Reply, answered bool, err error) {
	switch {
	case r.Prompts("none"):
		return reply, true, z.silent(r)
	case r.Prompts("create") || !z.counts(r, intent{}):
		return reply, false, nil
	}
	reply, err = web.SeeOther(r.To(entry.PathAuthorize))
	return reply, true, err
}

// silent is prompt=none, which never gets a code: without anybody pressing anything, any site
// could have one made, and learn from its app that somebody is signed in.
func (z *Room) silent(r *web.Request) error {
	login, err := z.login(r, intent{})
	switch {
	case err != nil && !refusal.IsOutage(err):
		return err
	case err != nil:
		r.Trace.Err = err
		return r.SendBack("temporarily_unavailable")
	case login == nil:
		return r.SendBack("login_required")
	}
	return r.SendBack("interaction_required")
}

// counts reports whether this browser's login is one for this request, as far as we can tell alone.
func (z *Room) counts(r *web.Request, in intent) bool {
	access, ok := r.Session.Access()
	if !ok || access.Anonymous {
		return false
	}
	claims, ok := visitor.ReadClaims(access.AccessToken)
	if !ok || !claims.Meant(&r.LoginRequest) || claims.Anonymous() {
		return false // a code for this client is made of a login of this client's
	}
	// One that was handed over has no AuthAt, which is too long ago for anything.
	since := z.Now().Sub(time.Unix(access.AuthAt, 0))
	fresh := in.SignedIn != 0 && in.Sub == access.Sub && access.AuthAt >= in.SignedIn && since < freshFor
	oldest, asked := r.OldestLogin()
	return since < visitor.AppLoginLife && (fresh || !r.Prompts("login") && (!asked || since <= oldest && oldest > 0))
}

// login is who goes on; nil where somebody has to sign in first.
func (z *Room) login(r *web.Request, in intent) (*visitor.Login, error) {
	if !z.counts(r, in) {
		return nil, nil
	}
	return z.visitor.Load(r)
}

// signIn leads to the ways in.
func signIn(r *web.Request) (web.Reply, error) { return web.SeeOther(r.To(entry.PathEntry)) }

func (z *Room) get(r *web.Request) (web.Reply, error) {
	switch {
	case !r.ForCode():
		return signIn(r)
	case r.Prompts("none"):
		return web.Reply{}, z.silent(r)
	}
	in, _ := intended(r)
	login, err := z.login(r, in)
	switch {
	case err != nil:
		return web.Reply{}, err
	case login == nil:
		return signIn(r)
	}
	page, err := z.page(r, login, in)
	if err != nil {
		return z.refused(r, nil, err)
	}
	return web.OK(page)
}

// rebuild is the form in another language, or with another captcha.
func (z *Room) rebuild(r *web.Request) (views.Page, error) {
	in, _ := intended(r)
	if !r.ForCode() || r.Prompts("none") {
		return nil, refusal.ErrNoForm
	}
	login, err := z.login(r, in)
	switch {
	case err != nil:
		return nil, err
	case login == nil:
		return nil, &web.Instead{Reply: web.Reply{To: r.To(entry.PathEntry)}}
	}
	page, err := z.page(r, login, in)
	if err != nil {
		reply, err := z.refused(r, nil, err)
		if err == nil {
			err = &web.Instead{Reply: reply}
		}
		return nil, err
	}
	return page, nil
}

// page asks TCB what the person would agree to.
func (z *Room) page(r *web.Request, login *visitor.Login, in intent) (*views.AuthorizePage, error) {
	ctx, cancel := r.Within(z.Timeout)
	defer cancel()
	info, err := r.Auth().AsUser(login.Access.AccessToken).AuthorizeInfo(ctx, authclient.AuthorizeInfoRequest{
		ClientID: r.Client.ID, ResponseType: "code", RedirectURI: r.RedirectURI, Scope: r.Scope, Locale: r.Loc.Locale(),
	}, r.Options()...)
	if err != nil {
		return nil, err
	}
	form := r.Form
	if in.Sub != login.Me.Sub { // who has opened it agrees to nothing for who is here
		in, form = intent{Sub: login.Me.Sub}, &web.Form{}
	}
	sealed, err := seal(r, in)
	if err != nil {
		return nil, err
	}
	page := z.pageOf(r, login, info, sealed)
	if r.Session.Notes().AgreedTo(login.Me.Sub, r.LoginPage) != r.LoginPage.Agreed() {
		page.Consent = web.Consent(&r.LoginRequest, form)
	}
	return page, nil
}

// post mints the code, or says no to the app.
func (z *Room) post(r *web.Request) (web.Reply, error) {
	switch {
	case !r.ForCode():
		return signIn(r)
	case r.Form.Pressed() == actionDeny:
		return web.Reply{}, r.SendBack("access_denied")
	case r.Prompts("none"):
		return web.Reply{}, z.silent(r)
	}
	in, meant := intended(r)
	login, err := z.login(r, in)
	switch {
	case err != nil:
		return web.Reply{}, err
	case login == nil:
		return signIn(r)
	}
	page, err := z.page(r, login, in)
	if err != nil {
		return z.refused(r, nil, err)
	}
	if !meant || in.Sub != login.Me.Sub {
		page.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("authorize.changed")}
		return web.Invalid(page)
	}
	if web.RequireConsent(r, page.Consent, &page.Errors); page.Invalid() {
		return web.Invalid(page)
	}
	out, err := z.mint(r, login)
	if err != nil {
		return z.refused(r, page, err)
	}
	r.Trace.Note(audit.Event{Name: audit.Authorized, Outcome: audit.OK, What: audit.AppAuthorize, Sub: login.Me.Sub})
	r.Trace.Person, r.Trace.Agreed = login.Me.Sub, r.Session.Notes().SignIn(login.Me.Sub, r.LoginPage)
	claims, _ := visitor.ReadClaims(login.Access.AccessToken)
	issuer := r.Env.Issuer
	if issuer == "" {
		issuer = claims.Issuer // what the app will find in its tokens
	}
	if issuer == "" {
		issuer = r.Env.TokenIssuer()
	}
	return web.Leave(&views.InterstitialPage{
		Base: z.Page(&r.LoginRequest, "interstitial", i18n.Msg("authorize.done")),
		Lead: i18n.Msg("interstitial.lead"),
		Data: views.Departure{To: r.Callback(issuer, "code", out.Code)},
	})
}

func (z *Room) mint(r *web.Request, login *visitor.Login) (out *authclient.Authorization, err error) {
	err = z.Guarded(r, authclient.Call{}, false, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		out, err = r.Auth().AsUser(login.Access.AccessToken).Authorize(ctx, authclient.AuthorizeRequest{
			ClientID: r.Client.ID, ResponseType: "code", RedirectURI: r.RedirectURI, State: r.State, Scope: r.Scope,
			CodeChallenge: r.CodeChallenge, CodeChallengeMethod: r.ChallengeMethod, Nonce: r.Nonce,
		}, opts...)
		return err
	})
	if err == nil && out.Code == "" { // tokens, which are not for an address
		err = &authclient.Error{Op: "Authorize", Code: "unknown", Remaining: -1}
	}
	return out, err
}

// sentBack are the refusals of TCB's that are the app's to hear (RFC 6749 §4.1.2.1).
var sentBack = map[string]bool{
	"invalid_request": true, "unauthorized_client": true, "access_denied": true, "unsupported_response_type": true, "invalid_scope": true,
}

// errMisconfigured: TCB does not know the app as the settings do. It may be the address that it
// refuses, so nothing is sent there.
var errMisconfigured = &refusal.Problem{Status: 502, Title: "error.title_unavailable", Lead: "error.misconfigured"}

// refused is what a call has come to that TCB refused; page is the form to try again with, if there
// is one.
func (z *Room) refused(r *web.Request, page *views.AuthorizePage, err error) (web.Reply, error) {
	var api *authclient.Error
	if !errors.As(err, &api) {
		if page == nil {
			return web.Reply{}, err
		}
		return web.Refuse(page, err, nil)
	}
	r.Trace.Code = api.Code
	switch {
	case errors.Is(err, authclient.ErrUnauthenticated) && page != nil: // it has ended since the page was made
		r.Session.DropAccess()
		return signIn(r)
	case sentBack[api.Code]:
		return web.Reply{}, r.SendBack(api.Code)
	case refusal.Of(api, nil).Status < 500 && refusal.Of(api, nil).Status != 429:
		r.Trace.Err = err
		return web.Reply{}, errMisconfigured
	case page == nil:
		return web.Reply{}, err
	}
	return web.Refuse(page, err, nil)
}
