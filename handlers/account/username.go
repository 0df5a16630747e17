package account

import (
	"errors"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/rules"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/views"
)

// The username is a way to sign in, so that a change wants a step-up before its form, as one of
// phone number, e-mail address and password does.

var usernameLine = factLine("username", "field.username", "account-username")

func (a *Room) usernameRow(_ *web.Request, login *visitor.Login) (views.Row, bool) {
	return views.Row{Line: usernameLine, Value: login.Me.Username}, true
}

func (a *Room) usernamePage(r *web.Request, login *visitor.Login, username string) *views.UsernamePage {
	return &views.UsernamePage{
		Base:     a.Form(r, login, "account-username", i18n.Msg("account.username.title"), "/account/username", ""),
		Username: username,
		Was:      []views.Hidden{{Name: web.WasField("username"), Value: r.Form.Was("username", login.Me.Username)}},
	}
}

func (a *Room) typedUsername(r *web.Request, login *visitor.Login) *views.UsernamePage {
	return a.usernamePage(r, login, web.Cut(identifier.Plain(r.Form.Line("username")), rules.MaxIdentifier))
}

func (a *Room) getUsername(r *web.Request, login *visitor.Login) (web.Reply, error) {
	return web.OK(a.usernamePage(r, login, login.Me.Username))
}

func (a *Room) rebuildUsername(r *web.Request, login *visitor.Login) (views.Page, error) {
	return a.typedUsername(r, login), nil
}

// usernameForm is what the form brings, beside the username as it is. One that is set cannot go
// again.
type usernameForm struct {
	Username string `form:"username" validate:"required,nefield=Is,username" say:"required=error.required.new_username nefield=account.username.same"`
	Is       string
}

// usernameRefusals: a call that changes nothing else is refused for the name. That of permission is
// no word on the step-up, which TCB does not ask for here.
var usernameRefusals = refusal.Table{
	"already_exists":      {Status: 422, Key: "error.username_taken", Field: "username"},
	"failed_precondition": {Status: 422, Key: "error.username_taken", Field: "username"},
	"permission_denied":   refusal.Meaning("invalid_argument"),
}

func (a *Room) postUsername(r *web.Request, login *visitor.Login) (web.Reply, error) {
	page := a.typedUsername(r, login)
	if is := login.Me.Username; page.Username == is && r.Form.Was("username", is) != is { // by this form, whose answer was lost
		return a.Finished(r, login, entry.PathAccount, "account.done.username")
	}
	if rules.Check(&page.Errors, usernameForm{page.Username, login.Me.Username}); page.Invalid() {
		return web.Invalid(page)
	}
	// That a name is taken is as limited to learn as at sign-up.
	asked := a.Reserve()
	if err := asked.Take(r.Context(), limits.RuleUsername, "error.too_many_wait", time.Second, r.Caller.Network.Key); err != nil {
		return web.Refuse(page, err, nil)
	}
	err := a.update(r, login, authclient.UserUpdate{Username: &page.Username})
	if !errors.Is(err, authclient.ErrAlreadyExists) && !errors.Is(err, authclient.ErrFailedPrecondition) {
		asked.Refund(r.Context())
	}
	a.NoteChange(r, login, audit.Event{What: audit.Username}, err)
	if err != nil {
		return a.Refuse(r, login, page, err, usernameRefusals)
	}
	return a.Finished(r, login, entry.PathAccount, "account.done.username")
}

func (a *Room) usernameSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	return sample.Form("account-username", "/account/username",
		func() (views.Page, error) { return a.usernamePage(r, login, login.Me.Username), nil },
		sample.FieldErrors("required", "username", "error.required.new_username"),
		sample.FieldErrors("invalid", "username", "error.username_form"),
		sample.FieldErrors("same", "username", "account.username.same"),
		sample.FieldErrors("taken", "username", "error.username_taken"),
	)
}
