package account

import (
	"context"
	"errors"

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
	"tcb-login/views"
)

// The password of the account: the first one, or another.

var (
	passwordLine = &views.Line{
		Name: "password", Label: "field.password", Empty: "account.password.is_set", To: "account-password", Action: "account.password.title",
	}
	noPasswordLine = &views.Line{
		Name: "password", Label: "field.password", Empty: "account.password.unset", To: "account-password", Action: "account.password.title_first",
	}
)

func (a *Room) passwordRow(_ *web.Request, login *visitor.Login) (views.Row, bool) {
	if login.Me.HasPassword {
		return views.Row{Line: passwordLine}, true
	}
	return views.Row{Line: noPasswordLine}, true
}

func (a *Room) passwordPage(r *web.Request, login *visitor.Login) *views.PasswordPage {
	p := &views.PasswordPage{First: !login.Me.HasPassword, Identifier: visitor.KnownAs(login.Me)}
	title := "account.password.title"
	if p.First {
		title = "account.password.title_first"
	}
	p.Base = a.Form(r, login, "account-password", i18n.Msg(title), PathPassword, "")
	return p
}

func (a *Room) getPassword(r *web.Request, login *visitor.Login) (web.Reply, error) {
	return web.OK(a.passwordPage(r, login))
}

// passwordForm is what the form brings.
type passwordForm struct {
	New string `form:"new_password" validate:"required"`
}

func (a *Room) rebuildPassword(r *web.Request, login *visitor.Login) (views.Page, error) {
	r.Form.Secret("new_password") // the page keeps it
	return a.passwordPage(r, login), nil
}

func (a *Room) postPassword(r *web.Request, login *visitor.Login) (web.Reply, error) {
	page, form := a.passwordPage(r, login), passwordForm{r.Form.NewSecret("new_password")}
	rules.Check(&page.Errors, form)
	rules.NewPassword(&page.Errors, "new_password", form.New, login.Me.Username, login.Me.Email, login.Me.PhoneNumber)
	if page.Invalid() {
		return web.Invalid(page)
	}
	err := a.AsPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
		return user.SetPassword(ctx, authclient.SetPasswordRequest{NewPassword: form.New, SudoToken: login.Access.SudoToken}, opts...)
	})
	a.NoteChange(r, login, audit.Event{What: audit.Password}, err)
	if err != nil {
		special := refusal.Table{}
		rules.WeakPassword(special, "new_password", form.New)
		return a.Refuse(r, login, page, err, special)
	}
	return a.afterPassword(r, login, form.New)
}

// afterPassword goes on after a new password. TCB signs other devices out then; should it have
// ended this login as well, the new password begins another.
func (a *Room) afterPassword(r *web.Request, login *visitor.Login, password string) (web.Reply, error) {
	ctx, cancel := r.Within(a.Timeout)
	defer cancel()
	_, err := portal.User(r, login).GetUserInfo(ctx, r.Options()...)
	if !errors.Is(err, authclient.ErrUnauthenticated) {
		return a.Finished(r, login, entry.PathAccount, "account.done.password")
	}
	r.Session.DropAccess()
	return a.signInAgain(r.As(r.Toward("account", entry.PathAccount)), visitor.KnownAs(login.Me), password)
}

func (a *Room) passwordSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	return sample.Form("account-password", PathPassword,
		func() (views.Page, error) { return a.passwordPage(r, login), nil },
		sample.FieldErrors("required", "new_password", "error.required.new_password"),
		sample.FieldErrors("weak", "new_password", "error.password_weak", "new_password", "error.password_personal"),
		sample.FieldErrors("common", "new_password", "error.password_common"),
		sample.FieldErrors("personal", "new_password", "error.password_personal"),
	)
}
