// Package provider is a mechanism that sign-in and the portal share: out to an identity provider
// and back.
//
//	a POST (sign-in, or the portal's that link or step up)
//	  → interstitial to the provider's consent page, with a cookie for the way back
//	GET  /provider/callback   the provider's redirect: code and state
//	  → a page whose button, pressed by script, posts both to
//	POST /provider/callback   → what the purpose makes of who came back
//
// Providers compare the callback's address byte for byte and some take no more than 128 characters
// of state (WeChat), so the login request cannot ride in either: it waits in a cookie, sealed for
// this session. A state whose cookie this browser has not is somebody else's, and a login of theirs
// (login CSRF, RFC 6749 §10.12); one that has been used is used up.
//
// The redirect is answered with a form and not with the outcome, since what comes after signs
// somebody in: a GET of ours changes nothing, so that no reload, prefetch or link from elsewhere
// does, and credentials are in the answer to a POST alone.
package provider

import (
	"context"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"tcb-login/authclient"
	"tcb-login/config/settings"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/pattern"
	"tcb-login/session"
	"tcb-login/views"
)

// An Authorization is a way to a provider and back, as it waits in the cookie of its state.
type Authorization struct {
	Provider string `json:"p"`
	Name     string `json:"m,omitempty"` // what TCB calls it, where we know
	For      string `json:"f"`           // the purpose, by the name that it is registered under
	Env      string `json:"e"`
	Client   string `json:"c"`
	Query    string `json:"q"`           // the entry query string
	Long     string `json:"k,omitempty"` // the state, by which Query is found where it is too long for the cookie: see lost.go
	Next     string `json:"n,omitempty"`
	Link     string `json:"l,omitempty"` // an identity that waits to be bound, from another provider
	Sub      string `json:"s,omitempty"` // who went, where somebody was signed in
	Entry    bool   `json:"u,omitempty"` // the provider sends browsers to the base path itself
	Ended    bool   `json:"x,omitempty"` // they came back: nothing but the way on is left of it
}

// A Purpose is what somebody goes to a provider for.
type Purpose interface {
	// Receive is asked before the code is exchanged, and refuses somebody whose authorization it is
	// not. What it returns goes on with the identity that came back.
	Receive(*web.Request, Authorization) (func(*authclient.ProviderToken) (web.Reply, error), error)
	// Back leads to where the authorization began.
	Back(*web.Request) views.Link
	// Cancelled is the page there, for somebody who came back without saying who they are.
	Cancelled(*web.Request, Authorization) (views.Page, error)
	// After is the path that leads on where an authorization has ended before.
	After() string
}

// Providers runs authorizations.
type Providers struct {
	*web.Site
	purposes map[string]Purpose
}

// New is for all purposes of a site.
func New(s *web.Site) *Providers {
	return &Providers{Site: s, purposes: map[string]Purpose{}}
}

// Register adds a purpose, before any request is served.
func (p *Providers) Register(name string, purpose Purpose) { p.purposes[name] = purpose }

const (
	pathCallback = settings.ProviderCallback
	life         = 10 * time.Minute
	cookie       = "provider authorization"
	formReturn   = "provider-return"
)

var ruleState = limit.Rule{Name: "provider state", N: 1, Per: time.Hour}

// Rows are the callback's.
func (p *Providers) Rows() []web.Row {
	return []web.Row{{
		Path: pathCallback, Get: p.getCallback, Post: p.postCallback, Bare: true, OnWay: true,
		Form: formReturn, Forms: map[string]web.Rebuild{formReturn: func(r *web.Request) (views.Page, error) { return p.typed(r), nil }},
	}}
}

// Go leads to a provider's consent page; page is what to show when TCB does not say where that is.
func (p *Providers) Go(r *web.Request, page views.Page, a Authorization) (web.Reply, error) {
	var b [16]byte
	if err := p.Random(b[:]); err != nil {
		return web.Reply{}, err
	}
	state := hex.EncodeToString(b[:])
	a.Entry = r.Env.ProviderCallback == p.Base()+entry.PathEntry
	a.Env, a.Client, a.Query, a.Next, a.Link = r.Env.ID, r.Client.ID, r.Query, r.Next, r.Link
	inCookie := a
	waiting, err := r.Session.SealFlow(cookie, state, inCookie, life)
	if errors.Is(err, session.ErrTooLarge) {
		inCookie.Query, inCookie.Long = "", state
		waiting, err = r.Session.SealFlow(cookie, state, inCookie, life)
	}
	if err != nil {
		return web.Reply{}, err
	}
	demand := p.Reserve().TakeSoft(r.Context(), r.Caller.Network.Counts(limits.RuleProvider)...) || r.Env.Limits.AttackMode
	var out *authclient.ProviderRedirectURI
	err = p.Guarded(r, authclient.CallGenProviderRedirectURI, demand, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		out, err = r.Auth().GenProviderRedirectURI(ctx, authclient.GenProviderRedirectURIRequest{
			ProviderID: a.Provider, ProviderRedirectURI: p.callback(r, a), State: state,
		}, opts...)
		return err
	})
	if err != nil {
		return web.Refuse(page, err, nil)
	}
	if !leadsOut(out.URI) {
		return web.Reply{}, &authclient.Error{Op: "GenProviderRedirectURI", Code: "unknown", Remaining: -1}
	}
	r.Session.SendFlow(waiting)
	p.keepLost(r, state, a)
	return web.Leave(&views.InterstitialPage{
		Base: p.Page(&r.LoginRequest, "interstitial", i18n.Msg("provider.interstitial")),
		Lead: i18n.Message{Key: "provider.interstitial_lead", Args: i18n.Args{"provider": r.ProviderName(a.Provider, a.Name)}},
		Data: views.Departure{To: out.URI},
	})
}

// leadsOut reports that an address of TCB's is one for a browser to go to.
func leadsOut(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

// callback is provider_redirect_uri, the same for everybody and everything: as it was when the
// authorization began, since a provider compares the two.
func (p *Providers) callback(r *web.Request, a Authorization) string {
	if a.Entry {
		return r.Origin.Text + p.Base() + entry.PathEntry
	}
	return r.Origin.Text + p.Base() + pathCallback
}

// getCallback answers a provider's redirect. It reads no entry query: the authorization brings its
// own.
func (p *Providers) getCallback(r *web.Request) (web.Reply, error) {
	r.HideAddress()
	state, code, failed := r.Arg("state"), r.Arg("code"), r.Arg("error")
	var a Authorization
	underWay := func() bool { return !a.Ended && p.purposes[a.For] != nil }
	found := r.Session.FlowValue(cookie, state, &a)
	if state == "" && code == "" && failed != "" {
		// An error without a state uses nothing up: it only has to lead back.
		found = r.Session.OnlyFlow(cookie, &a, underWay)
	}
	if found && a.Long != "" {
		found = p.recallQuery(r, &a)
	}
	if !found || p.purposes[a.For] == nil {
		return p.beginAgain(r, state)
	}
	r, err := p.Recall(r, a.entryQuery())
	switch {
	case err != nil:
		return web.Reply{}, err
	case a.Ended:
		return web.SeeOther(r.To(p.purposes[a.For].After()))
	case code != "":
		return web.OK(p.returnPage(r, code, state))
	}
	r.Trace.Code = codeName(failed)
	if failed != "" && !isCancelled(failed) {
		return p.Failed(r, a, "provider.failed")
	}
	return p.backAt(r, a, views.Alert{
		Kind: views.AlertInfo, Message: i18n.Message{Key: "provider.cancelled", Args: i18n.Args{"provider": r.ProviderName(a.Provider, a.Name)}},
	})
}

// backAt is the page where an authorization began, which nothing has come of.
func (p *Providers) backAt(r *web.Request, a Authorization, say views.Alert) (web.Reply, error) {
	page, err := p.purposes[a.For].Cancelled(r, a)
	if err != nil {
		return web.Reply{}, err
	}
	b := page.Frame()
	b.Alert = say
	b.Canonical = p.purposes[a.For].Back(r).URL // the address loses code and state
	return web.OK(page)
}

// isCancelled reports that an error says that the person did not want to: the one of RFC 6749, or what
// Apple, LinkedIn, WeChat and others have instead, however they write it.
func isCancelled(failed string) bool {
	switch unspelt.Replace(strings.ToLower(web.Cut(failed, 64))) {
	case "accessdenied", "authdeny", "authdenied", "authorizationdenied", "cancel", "cancelled", "consentdenied", "denied",
		"usercancel", "usercancelled", "usercancelledauthorize", "usercancelledlogin", "userdenied":
		return true
	}
	return false
}

// unspelt takes out what the spellings of an error differ in.
var unspelt = strings.NewReplacer("_", "", "-", "", " ", "", ".", "", "canceled", "cancelled")

// codeName keeps what a provider calls an error out of the log, unless it is a name.
func codeName(s string) string {
	if !errorName.MatchString(s) {
		return "provider_error"
	}
	return s
}

// errorName is what RFC 6749 §4.1.2.1 calls errors.
var errorName = pattern.New(`^[a-z_]{1,64}$`)

func (p *Providers) returnPage(r *web.Request, code, state string) *views.ReturnPage {
	page := &views.ReturnPage{
		Base: p.FormPage(&r.LoginRequest, formReturn, i18n.Msg("provider.return.title"), pathCallback, ""),
		Code: code, State: state,
	}
	page.Canonical = r.To(entry.PathEntry) // the address loses code and state
	return page
}

// typed is the page as it was posted.
func (p *Providers) typed(r *web.Request) *views.ReturnPage {
	return p.returnPage(r, web.Cut(r.Form.Value("code"), 4096), web.Cut(r.Form.Value("state"), 256))
}

// ErrLost says that the authorization was begun elsewhere, or too long ago, or it is used up.
var ErrLost = &refusal.Problem{Status: 400, Title: "provider.lost_title", Lead: "provider.lost", Again: pathCallback}

// Failed says that a provider did not tell who came, with the way back.
func (p *Providers) Failed(r *web.Request, a Authorization, lead string) (web.Reply, error) {
	return web.OK(p.failedPage(r, a, lead))
}

func (p *Providers) failedPage(r *web.Request, a Authorization, lead string) *views.NoticePage {
	back := p.purposes[a.For].Back(r)
	page := &views.NoticePage{
		Base:   p.Page(&r.LoginRequest, "provider-failed", i18n.Msg("provider.failed_title")),
		Lead:   i18n.Message{Key: lead, Args: i18n.Args{"provider": r.ProviderName(a.Provider, a.Name)}},
		Button: back,
	}
	path, query, _ := strings.Cut(back.URL, "?")
	for i, l := range page.Languages { // those lead on as the button does
		page.Languages[i].URL = path + "?" + entry.WithParam(query, "lang", l.Tag)
	}
	return page
}

// postCallback goes on with what a provider said.
func (p *Providers) postCallback(r *web.Request) (web.Reply, error) {
	page := p.typed(r)
	code, state := r.Form.Value("code"), r.Form.Value("state")
	var a Authorization
	if !r.Session.FlowValue(cookie, state, &a) || a.Env != r.Env.ID || a.Client != r.Client.ID || code == "" || p.purposes[a.For] == nil {
		return p.beginAgain(r, state)
	}
	if a.Ended {
		return web.SeeOther(r.To(p.purposes[a.For].After()))
	}
	goOn, err := p.purposes[a.For].Receive(r, a)
	if err != nil {
		return web.Reply{}, err
	}
	granted, err := p.exchange(r, a, code, state)
	switch {
	case web.CaptchaAsked(err):
		return web.Refuse(page, err, nil)
	case err != nil:
		var api *authclient.Error
		if !errors.As(err, &api) || refusal.IsOutage(err) {
			return web.Reply{}, err
		}
		r.Trace.Code = api.Code
		return p.Failed(r, a, "provider.failed")
	}
	if a.Long == "" {
		p.Values.Remove(r.Context(), lostKey(state))
	}
	// Who loads the redirect again, from the history say, is led on.
	a.Ended, a.Link = true, ""
	if ended, err := r.Session.SealFlow(cookie, state, a, life); err == nil {
		r.Session.SendFlow(ended)
	} else { // it is a few bytes longer
		r.Session.ForgetFlow(state)
	}
	return goOn(granted)
}

// exchange gets a provider_token for a code, once for a state.
func (p *Providers) exchange(r *web.Request, a Authorization, code, state string) (granted *authclient.ProviderToken, err error) {
	err = p.Guarded(r, authclient.Call{}, false, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		// Counted here, where no captcha can come in between any more.
		key := web.HashOf(state)
		first, err := p.Once(ctx, ruleState, key)
		if err != nil {
			return err
		}
		if !first {
			return ErrLost
		}
		granted, err = r.Auth().GrantProviderToken(ctx, authclient.GrantProviderTokenRequest{
			ProviderID: a.Provider, ProviderRedirectURI: p.callback(r, a), ProviderCode: code,
		}, opts...)
		if errors.Is(err, authclient.ErrCaptchaRequired) || errors.Is(err, authclient.ErrCaptchaInvalid) {
			_ = p.Counter.Refund(ctx, ruleState, key) // the form comes again
		}
		return err
	})
	return granted, err
}

// BoundTo reports that an identity is one of the account's; any of the provider's when sub is
// empty.
func BoundTo(me *authclient.UserInfo, provider, sub string) bool {
	return slices.ContainsFunc(me.Providers, func(b authclient.ProfileProvider) bool {
		return b.ID == provider && (sub == "" || b.ProviderUserID == sub)
	})
}

// Samples are the pages of the package.
func (p *Providers) Samples(r *web.Request) []sample.Sample {
	return sample.Plain("provider-return", "/provider/return", func() (views.Page, error) { return p.returnPage(r, "sample", "sample"), nil })
}
