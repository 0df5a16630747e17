package signin

import (
	"context"
	"errors"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/provider"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// start begins a way in whose button posts the form of another page: what was typed there is kept,
// and the agreement that it holds counts. Where something is wrong with that the page has errors.
func (in *Room) start(r *web.Request) (views.Page, error) {
	page, err := in.Rebuild(r)
	if instead := (*web.Instead)(nil); errors.As(err, &instead) && instead.Reply.Page != nil {
		page, err = instead.Reply.Page, nil
	}
	if err != nil {
		return nil, err
	}
	// A page without the agreement, that does not come after one that had it, is none that a way in
	// begins on.
	if page.Frame().Consent == nil && len(r.LoginPage.Agreements) > 0 && !agreedBefore(page) {
		return nil, refusal.ErrNoForm
	}
	web.RequireConsent(r, page.Frame().Consent, &page.Frame().Errors)
	return page, nil
}

// postAnonymous signs in without an account. TCB tells anonymous people apart by their device
// alone.
func (in *Room) postAnonymous(r *web.Request) (web.Reply, error) {
	if !offersAnonymous(r) {
		return web.Reply{}, refusal.ErrDisabled
	}
	page, err := in.start(r)
	if err != nil {
		return web.Reply{}, err
	}
	if page.Frame().Invalid() {
		return web.Invalid(page)
	}
	demand := in.Reserve().TakeSoft(r.Context(), r.Caller.Network.Counts(limits.RuleAnonymous)...) || r.Env.Limits.AttackMode
	var creds *authclient.Credentials
	err = in.Guarded(r, authclient.CallSignInAnonymously, demand, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.Auth().SignInAnonymously(ctx, opts...)
		return err
	})
	reply, err := in.admit(r, given{by: audit.Anonymously}, creds, err)
	if err != nil {
		return in.refuseStart(r, page, err, startAnonymous)
	}
	return reply, nil
}

// postProvider sends somebody who signs in to an identity provider.
func (in *Room) postProvider(r *web.Request) (web.Reply, error) {
	id := r.Param("id")
	if !offersProvider(r, id) {
		return web.Reply{}, refusal.ErrDisabled
	}
	page, err := in.start(r)
	if err != nil {
		return web.Reply{}, err
	}
	if page.Frame().Invalid() {
		return web.Invalid(page)
	}
	reply, err := in.providers.Go(r, page, provider.Authorization{Provider: id, For: purpose})
	if web.CaptchaAsked(err) {
		return in.refuseStart(r, page, err, startAt(r, id))
	}
	return reply, err
}

// purpose is sign-in's, at identity providers.
const purpose = "sign-in"

// enter goes on with an identity that came back.
type enter struct{ in *Room }

// Back leads to the ways in.
func (enter) Back(r *web.Request) views.Link {
	return views.Link{To: "sign-in", URL: r.To(entry.PathEntry), Label: i18n.Msg("sign-in.back")}
}

// Receive takes whoever comes, as long as the login page has the provider.
func (e enter) Receive(r *web.Request, a provider.Authorization) (func(*authclient.ProviderToken) (web.Reply, error), error) {
	if !offersProvider(r, a.Provider) {
		return nil, refusal.ErrDisabled
	}
	return func(granted *authclient.ProviderToken) (web.Reply, error) {
		return e.in.signInByProvider(r, a, granted)
	}, nil
}

// Cancelled is the page with the ways in.
func (e enter) Cancelled(r *web.Request, _ provider.Authorization) (views.Page, error) {
	return e.in.entryPage(r)
}

// After asks whether to go on as who has signed in.
func (enter) After() string { return entry.PathContinue }

// signInByProvider signs in with a provider_token. Where nobody has the identity, the person says
// whether they have an account.
func (in *Room) signInByProvider(r *web.Request, a provider.Authorization, granted *authclient.ProviderToken) (web.Reply, error) {
	var creds *authclient.Credentials
	err := in.Guarded(r, authclient.Call{}, false, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.Auth().SignInWithProvider(ctx, authclient.SignInWithProviderRequest{
			ProviderToken: granted.ProviderToken, ProviderID: a.Provider, ForceDisableSignUp: !r.LoginPage.RegistersByItself(),
		}, opts...)
		return err
	})
	reply, err := in.admit(r, given{by: audit.ByProvider, provider: a.Provider}, creds, err)
	var api *authclient.Error
	switch {
	case err == nil:
		return reply, nil
	case errors.Is(err, authclient.ErrNotFound), errors.Is(err, authclient.ErrUserNotFound):
		r.Trace.Refused(err)
		return in.offerToLink(r, a, granted)
	case web.CaptchaAsked(err): // the code is spent: a new try brings another
		return in.providers.Failed(r, a, "provider.failed")
	case !errors.As(err, &api), refusal.IsOutage(err):
		return web.Reply{}, err
	}
	r.Trace.Code = api.Code
	return in.providers.Failed(r, a, refusalWords(api))
}

// refusalWords says why TCB lets a known identity not in. Who comes from a provider has proven who
// they are, so what TCB says of their account is told; what it says of a form or of a login is not,
// since there is none.
func refusalWords(api *authclient.Error) string {
	key := refusal.Of(api, nil).Key
	switch key {
	case "error.refused", "error.exists", "error.sign_in_failed", "error.password_weak", "error.code_wrong", "error.session_over", "error.captcha_failed", "error.two_factor":
		return "provider.failed"
	}
	return key
}

// offerToLink is for an identity that no account has.
func (in *Room) offerToLink(r *web.Request, a provider.Authorization, granted *authclient.ProviderToken) (web.Reply, error) {
	l := provider.LinkOf(a, granted)
	l.SignIn = true
	sealed, err := provider.SealLink(r, l, provider.LinkLife)
	if err != nil {
		return web.Reply{}, err
	}
	return web.OK(in.unknownPage(r, l, sealed))
}

func (in *Room) unknownPage(r *web.Request, l provider.Link, sealed string) *views.NoticePage {
	link := entry.Link(sealed)
	signIn, label := link, "provider.unknown.sign_in"
	if r.ForCode() { // the portal links, and it is none for a login that an app elsewhere asked for
		signIn, label = entry.Link(""), "sign-in.button"
	}
	p := &views.NoticePage{
		Base:   in.Page(&r.LoginRequest, "provider-unknown", i18n.Msg("provider.unknown.title")),
		Lead:   i18n.Message{Key: "provider.unknown.lead", Args: i18n.Args{"name": l.Name, "provider": r.ProviderName(l.Provider, l.Called)}},
		Button: views.Link{To: "sign-in", URL: r.To(entry.PathEntry, signIn, entry.With("prompt", "login")), Label: i18n.Msg(label)},
	}
	web.LinkLanguages(&p.Base, func(other entry.Differ) string {
		return r.To(entry.PathEntry, signIn, entry.With("prompt", "login"), other)
	})
	if r.OwnTarget() && !hasForm(r.LoginPage) { // there is no other way to be found by
		p.Lead.Key = "provider.unknown.only"
		p.Button = views.Link{To: "app", URL: r.RedirectURI, Label: i18n.Msg("account.app")}
	}
	if path := r.LoginPage.RegisterPath(); path != "" {
		p.Others = append(p.Others, views.Link{To: "sign-up", URL: r.To(path, link), Label: i18n.Msg("provider.unknown.sign_up")})
	}
	return p
}

// hasForm reports that a page has a way in by a form of ours.
func hasForm(p *loginpage.Page) bool {
	for _, w := range p.Methods {
		if w.Kind().HasForm() {
			return true
		}
	}
	return false
}
