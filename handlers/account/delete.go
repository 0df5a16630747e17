package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/rules"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/views"
)

// Deleting the account: what is lost, a word to type, and then it is gone.

var deleteLine = hintLine("delete", "account.delete.title", "account.row.delete", "account-delete")

func (a *Room) deleteRow(*web.Request, *visitor.Login) (views.Row, bool) {
	return views.Row{Line: deleteLine}, true
}

// typedWord is the word to type before an account is deleted, with what was typed of it.
func typedWord(r *web.Request) views.TypedWord {
	return views.TypedWord{Word: r.Loc.T("account.delete.word"), Typed: web.Cut(r.Form.Line("confirm"), 64)}
}

// wordForm is what the form brings of the word, and the word that it must bring, both plain and in
// small letters.
type wordForm struct {
	Confirm string `form:"confirm" validate:"required,eqfield=Word" say:"eqfield=account.delete.mistyped"`
	Word    string
}

// checkWord wants a page's word typed, or copied with the marks of direction that the page has around
// it.
func checkWord(b *views.Base, w views.TypedWord) {
	plain := func(s string) string { return strings.ToLower(identifier.Plain(s)) }
	rules.Check(&b.Errors, wordForm{plain(w.Typed), plain(w.Word)})
}

func (a *Room) deletePage(r *web.Request, login *visitor.Login) *views.DeletePage {
	return &views.DeletePage{
		Base:    a.Form(r, login, "account-delete", i18n.Msg("account.delete.title"), "/account/delete", ""),
		Confirm: typedWord(r),
		Account: a.visitor.Person(login.Me).Name,
		Losses: []i18n.Message{
			i18n.Msg("account.delete.loss_profile"), i18n.Msg("account.delete.loss_ways"),
			i18n.Msg("account.delete.loss_devices"), i18n.Msg("account.delete.loss_data"),
		},
	}
}

func (a *Room) getDelete(r *web.Request, login *visitor.Login) (web.Reply, error) {
	return web.OK(a.deletePage(r, login))
}

func (a *Room) rebuildDelete(r *web.Request, login *visitor.Login) (views.Page, error) {
	return a.deletePage(r, login), nil
}

func (a *Room) postDelete(r *web.Request, login *visitor.Login) (web.Reply, error) {
	page := a.deletePage(r, login)
	if checkWord(&page.Base, page.Confirm); page.Invalid() {
		return web.Invalid(page)
	}
	err := a.AsPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
		_, err := user.DeleteMe(ctx, login.Access.SudoToken, opts...)
		return err
	})
	if a.over(r, login, err) {
		err = nil
	}
	portal.NoteEnd(r, login, audit.Event{Name: audit.AccountGone}, err)
	if err != nil {
		return a.Refuse(r, login, page, err, nil)
	}
	// Whoever has just deleted an account is not to be led into an app that asks to sign in.
	if err := visitor.Forget(r); err != nil {
		return web.Reply{}, err
	}
	sealed, err := r.Session.Seal(goodbyePurpose, true, goodbyeLife)
	if err != nil {
		return web.Reply{}, err
	}
	return web.SeeOther(r.Into(pathGoodbye, entry.Add("done", sealed)))
}

// overMargin is for clocks that differ, and for the calls themselves.
const overMargin = time.Minute

// over reports that TCB has ended the login at hand by a call whose answer was lost: it does not know it
// any more, although it has not run out.
func (a *Room) over(r *web.Request, login *visitor.Login, lost error) bool {
	if !refusal.Failed(lost) || a.Now().Add(overMargin).Unix() >= login.Access.ExpiresAt {
		return false
	}
	ctx, cancel := r.Within(a.Timeout)
	defer cancel()
	_, err := portal.User(r, login).GetUserInfo(ctx, r.Options()...)
	return errors.Is(err, authclient.ErrUnauthenticated)
}

// The goodbye has an address, so that it can be loaded again, in another language too. It is good for
// the browser that has deleted an account, a while, and while nobody is signed in there: the page has
// it forget its login.
const (
	pathGoodbye    = "/account/goodbye"
	goodbyePurpose = "goodbye"
	goodbyeLife    = 10 * time.Minute
)

func (a *Room) getGoodbye(r *web.Request) (web.Reply, error) {
	var gone bool
	if _, signedIn := r.Session.Access(); signedIn || !r.Session.OpenPersonal(goodbyePurpose, r.Done, &gone) {
		return web.SeeOther(r.To(entry.PathEntry))
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
	p.Mark = "ok"
	web.LinkLanguages(&p.Base, func(other entry.Differ) string { return r.Into(pathGoodbye, other, entry.Add("done", r.Done)) })
	if r.OwnTarget() {
		p.Button = portal.LinkTo("app", r.RedirectURI, "account.app")
	}
	return p
}

func (a *Room) deleteSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	return sample.Form("account-delete", "/account/delete",
		func() (views.Page, error) { return a.deletePage(r, login), nil },
		sample.FieldErrors("required", "confirm", "error.required.confirm"),
		sample.FieldErrors("mistyped", "confirm", "account.delete.mistyped"),
	)
}
