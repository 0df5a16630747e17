package account

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/provider"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Identities at other services: which are linked, another one, one less.

var providersLine = &views.Line{
	Name: "providers", Label: "account.providers.title", Empty: "account.providers.nothing",
	To: "account-providers", Action: "account.providers.title",
}

func (a *Room) providersRow(r *web.Request, login *visitor.Login) (views.Row, bool) {
	var names []string
	for _, p := range login.Me.Providers {
		if name := r.ProviderName(p.ID, ""); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return views.Row{Line: providersLine, Value: strings.Join(names, ", ")}, true
}

// providersPage lists identities, and gives TCB's list too.
func (a *Room) providersPage(r *web.Request, login *visitor.Login) (*views.ProvidersPage, []authclient.BoundProvider, error) {
	ctx, cancel := r.Within(a.Timeout)
	defer cancel()
	all, err := portal.User(r, login).GetProviders(ctx, r.Options()...)
	if err != nil {
		return nil, nil, err
	}
	p := &views.ProvidersPage{Base: a.Form(r, login, "account-providers", i18n.Msg("account.providers.title"), entry.PathProviders, "")}
	enters := func(id string) bool { // the built-in page has no say in which there are
		_, offered := r.LoginPage.Method(id)
		return offered || r.LoginPage.File == ""
	}
	bound := 0
	here, elsewhere := entry.WeChats(r.InWeChat)
	isThere := func(id string) bool {
		return slices.ContainsFunc(all, func(b authclient.BoundProvider) bool { return b.ID == id })
	}
	for _, b := range all {
		if b.Bind && enters(b.ID) {
			bound++
		}
	}
	p.Last = bound <= 1 && !entersWithout(r, login.Me)
	for _, b := range all {
		if !b.Bind && (!enters(b.ID) || b.ID == elsewhere && isThere(here)) {
			continue // who linked it could not come in by it
		}
		shown := views.Provider{
			ID: b.ID, Name: r.ProviderName(b.ID, b.Name), Who: b.ProviderUserName, Bound: b.Bind, Keep: b.Bind && p.Last,
		}
		way, _ := r.LoginPage.Method(b.ID)
		shown.Mark.Icon, shown.Mark.Mark = a.Media(way.Icon), cmp.Or(entry.ProviderMark(b.ID), views.InitialOf(shown.Name))
		p.Providers = append(p.Providers, shown)
	}
	return p, all, nil
}

// entersWithout reports that somebody can sign in on this page without any provider.
func entersWithout(r *web.Request, me *authclient.UserInfo) bool {
	return me.PhoneNumber != "" && r.Env.Texts() && r.LoginPage.VerifiesBy(loginpage.KindSMS) ||
		me.Email != "" && r.LoginPage.VerifiesBy(loginpage.KindEmail) ||
		me.HasPassword && r.LoginPage.Offers(loginpage.KindPassword)
}

// linkToBind is the identity that waits to be bound to the person's account, once it is proven who
// is there. What was proven before somebody went to the provider may be too long ago. Who came by
// the identity and then signed in has just proven it, see provider.Follow.
func (a *Room) linkToBind(r *web.Request, login *visitor.Login) (provider.Link, bool, error) {
	l, ok := provider.OpenLink(r)
	switch {
	case !ok, l.Sub != login.Me.Sub:
		return provider.Link{}, false, nil
	case !l.SignIn && !login.HasSudo(a.Now()):
		return provider.Link{}, false, &web.Instead{Reply: web.Reply{To: a.StepUpFor(r, "account-providers")}}
	}
	return l, true, nil
}

func (a *Room) getProviders(r *web.Request, login *visitor.Login) (web.Reply, error) {
	switch l, ok, err := a.linkToBind(r, login); {
	case err != nil:
		return web.Reply{}, err
	case ok:
		return web.OK(a.bindPage(r, login, l))
	}
	page, _, err := a.providersPage(r, login)
	if err != nil {
		return a.Over(r, err)
	}
	return web.OK(page)
}

func (a *Room) rebuildProviders(r *web.Request, login *visitor.Login) (views.Page, error) {
	page, _, err := a.providersPage(r, login)
	return page, err
}

func (a *Room) rebuildBind(r *web.Request, login *visitor.Login) (views.Page, error) {
	switch l, ok, err := a.linkToBind(r, login); {
	case err != nil:
		return nil, err
	case ok:
		return a.bindPage(r, login, l), nil
	}
	return nil, refusal.ErrNoForm
}

// bindPage names an identity and an account.
func (a *Room) bindPage(r *web.Request, login *visitor.Login, l provider.Link) *views.BindPage {
	p := &views.BindPage{
		Base:     a.Form(r, login, "account-bind", i18n.Msg("provider.bind.title"), entry.PathProviders, ""),
		Provider: r.ProviderName(l.Provider, l.Called), Identity: a.PersonOf(l.Name, l.Picture), Account: a.visitor.Person(login.Me),
		Skip: portal.LinkTo("account-providers", r.Into(entry.PathProviders), "provider.bind.skip"),
	}
	p.Form.Action = r.Into(entry.PathProviders, entry.Link(r.Link))
	if l.SignIn && r.OwnTarget() {
		p.Skip = portal.LinkTo("app", r.RedirectURI, "provider.bind.skip")
	}
	return p
}

// lastProvider is TCB's refusal to unlink the only way in.
var lastProvider = refusal.Table{"failed_precondition": {Status: 422, Key: "account.providers.last"}}

func (a *Room) postProviders(r *web.Request, login *visitor.Login) (web.Reply, error) {
	switch l, ok, err := a.linkToBind(r, login); {
	case err != nil:
		return web.Reply{}, err
	case ok:
		return a.postBind(r, login, l)
	}
	page, all, err := a.providersPage(r, login)
	if err != nil {
		return a.Over(r, err)
	}
	what, id, _ := strings.Cut(r.Form.Button(), ":")
	i := slices.IndexFunc(all, func(b authclient.BoundProvider) bool { return b.ID == id })
	switch {
	case i < 0, what != "link" && what != "unlink", all[i].Bind != (what == "unlink"):
		page.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.refused")}
		return web.Invalid(page)
	case what == "unlink" && page.Last:
		page.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("account.providers.last")}
		page.Last = false // once is enough
		return web.Invalid(page)
	case !login.HasSudo(a.Now()):
		// TCB asks no step-up for these; a way to sign in is worth one all the same.
		return a.AskStepUp(r)
	case what == "link":
		return a.providers.Go(r, page, provider.Authorization{Provider: id, Name: all[i].Name, For: purposeBind, Sub: login.Me.Sub})
	}
	err = a.AsPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
		return user.UnbindProvider(ctx, id, opts...)
	})
	if errors.Is(err, authclient.ErrNotFound) { // it is unlinked
		err = nil
	}
	a.NoteChange(r, login, audit.Event{What: audit.Unlinked, Provider: id}, err)
	if err != nil {
		return a.Refuse(r, login, page, err, lastProvider)
	}
	return a.Finished(r, login, entry.PathProviders, "account.done.unlinked")
}

// bindRefusals are TCB's to an identity.
var bindRefusals = refusal.Table{
	"already_exists":      {Status: 422, Key: "provider.bind.taken"},
	"failed_precondition": {Status: 422, Key: "provider.bind.another"},
	"permission_denied":   {Status: 422, Key: "error.session_over"},
}

// postBind binds an identity: the person has seen its name and the account's.
func (a *Room) postBind(r *web.Request, login *visitor.Login, l provider.Link) (web.Reply, error) {
	err := a.AsPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
		return user.BindWithProvider(ctx, l.Token, opts...)
	})
	a.NoteChange(r, login, audit.Event{What: audit.Linked, Provider: l.Provider}, err)
	if err != nil {
		return a.Refuse(r, login, a.bindPage(r, login, l), err, bindRefusals)
	}
	if l.SignIn && r.OwnTarget() {
		return web.Leave(&views.InterstitialPage{
			Base: a.Page(&r.LoginRequest, "interstitial", i18n.Msg("account.done.linked")),
			Lead: i18n.Msg("interstitial.lead"),
			Data: views.Departure{To: r.RedirectURI},
		})
	}
	return a.Finished(r, login, entry.PathProviders, "account.done.linked")
}

// purposeBind is what these pages go to identity providers for.
const purposeBind = "link"

// bind is to link an identity.
type bind struct{ a *Room }

// Back leads to the list.
func (bind) Back(r *web.Request) views.Link {
	return portal.LinkTo("account-providers", r.Into(entry.PathProviders), "account.back")
}

// Receive leads to the page that names identity and account.
func (b bind) Receive(r *web.Request, authorization provider.Authorization) (func(*authclient.ProviderToken) (web.Reply, error), error) {
	if _, err := b.a.CameBack(r, authorization); err != nil {
		return nil, err
	}
	return func(granted *authclient.ProviderToken) (web.Reply, error) {
		l := provider.LinkOf(authorization, granted)
		l.Sub = authorization.Sub
		sealed, err := provider.SealLink(r, l, provider.LinkLife)
		if err != nil {
			return web.Reply{}, err
		}
		return web.SeeOther(r.Into(entry.PathProviders, entry.Link(sealed)))
	}, nil
}

// Cancelled is the list.
func (b bind) Cancelled(r *web.Request, authorization provider.Authorization) (views.Page, error) {
	r = r.As(r.At(entry.PathProviders, true, false))
	login, err := b.a.CameBack(r, authorization)
	if err != nil {
		return nil, err
	}
	page, _, err := b.a.providersPage(r, login)
	return page, err
}

// After is the list.
func (bind) After() string { return entry.PathProviders }

var sampleLink = provider.Link{Token: "sample", Provider: "wx_open", Name: "小雨"}

func (a *Room) providersSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	return append(
		sample.Form("account-providers", entry.PathProviders,
			func() (views.Page, error) { return a.rebuildProviders(r, login) },
			sample.Alert("last", views.AlertError, i18n.Msg("account.providers.last")),
		),
		sample.Plain("account-bind", entry.PathProviders+"/bind", func() (views.Page, error) { return a.bindPage(r, login, sampleLink), nil })...,
	)
}
