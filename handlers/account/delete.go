package account

import (
	"context"
	"strings"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/rules"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Deleting the account: what is lost, a word to type, and then it is gone.

func (a *Room) deleteRow(r *web.Request, _ *visitor.Login) (views.Row, bool) {
	return a.hint(r, "delete", "account.delete.title", "account.row.delete", "account-delete"), true
}

func (a *Room) deletePage(r *web.Request, login *visitor.Login, typed string) *views.DeletePage {
	return &views.DeletePage{
		Base:    a.Form(r, login, "account-delete", i18n.Msg("account.delete.title"), "/account/delete", ""),
		Word:    r.Loc.T("account.delete.word"),
		Typed:   typed,
		Account: a.visitor.Person(login.Me).Name,
		Losses: []i18n.Message{
			i18n.Msg("account.delete.loss_profile"), i18n.Msg("account.delete.loss_ways"),
			i18n.Msg("account.delete.loss_devices"), i18n.Msg("account.delete.loss_data"),
		},
	}
}

func (a *Room) typedDelete(r *web.Request, login *visitor.Login) *views.DeletePage {
	return a.deletePage(r, login, web.Cut(r.Form.Line("confirm"), 64))
}

func (a *Room) getDelete(r *web.Request, login *visitor.Login) (web.Reply, error) {
	return web.OK(a.deletePage(r, login, ""))
}

func (a *Room) rebuildDelete(r *web.Request, login *visitor.Login) (views.Page, error) {
	return a.typedDelete(r, login), nil
}

// deleteForm is what the form brings, and the word that it must bring, both in small letters.
type deleteForm struct {
	Confirm string `form:"confirm" validate:"required,eqfield=Word" say:"eqfield=account.delete.mistyped"`
	Word    string
}

func (a *Room) postDelete(r *web.Request, login *visitor.Login) (web.Reply, error) {
	page := a.typedDelete(r, login)
	if rules.Check(&page.Base, deleteForm{strings.ToLower(page.Typed), strings.ToLower(page.Word)}); page.Invalid() {
		return web.Invalid(page)
	}
	err := a.AsPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
		_, err := user.DeleteMe(ctx, login.Access.SudoToken, opts...)
		return err
	})
	if err != nil {
		return a.Refuse(r, login, page, err, nil)
	}
	r.Trace.Note(audit.Event{Name: audit.AccountGone, Outcome: audit.OK, Sub: login.Me.Sub})
	// Whoever has just deleted an account is not to be led into an app that asks to sign in.
	if err := visitor.Forget(r); err != nil {
		return web.Reply{}, err
	}
	return web.OK(a.goodbyePage(r))
}

// goodbyePage stays where it is, and has the browser forget the login.
func (a *Room) goodbyePage(r *web.Request) *views.NoticePage {
	p := &views.NoticePage{
		Base: a.Page(&r.LoginRequest, "goodbye", i18n.Msg("account.delete.done")),
		Lead: i18n.Msg("account.delete.done_lead"),
		Data: &views.Departure{Forget: visitor.StorageKeys(&r.LoginRequest)},
	}
	p.Languages, p.Mark = nil, "ok"
	if r.OwnTarget() {
		p.Button = portal.LinkTo("app", r.RedirectURI, "account.app")
	}
	return p
}

func (a *Room) deleteSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	return sample.Form("account-delete", "/account/delete",
		func() (views.Page, error) { return a.deletePage(r, login, ""), nil },
		sample.FieldErrors("required", "confirm", "error.required.confirm"),
		sample.FieldErrors("mistyped", "confirm", "account.delete.mistyped"),
	)
}
