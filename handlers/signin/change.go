package signin

import (
	"context"
	"maps"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/rules"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/password"
	"tcb-login/views"
)

const formChange = "change-password"

// changeSpec is the step of a password that has to be changed. It has no codes: what it shares with
// their flows is how a step is sealed.
var changeSpec = code.Spec{Name: formChange, Path: entry.PathNewPassword, OnWay: true, Proof: true, After: true}

func (in *Room) changeRow() web.Row {
	return web.Row{
		Path: changeSpec.Path, Get: in.getChange, Post: in.postChange, Form: formChange,
		Forms: map[string]web.Rebuild{formChange: in.rebuildChange},
	}
}

// changePage says why, and asks for the new password alone: the old one was typed a moment ago.
func (in *Room) changePage(r *web.Request, with given) *views.NewPasswordPage {
	return &views.NewPasswordPage{
		Base: in.FormPage(&r.LoginRequest, formChange, i18n.Msg("change.title"), changeSpec.Path, r.Flow),
		Lead: i18n.Msg("change.lead"), Identifier: with.Username,
	}
}

func (in *Room) getChange(r *web.Request) (web.Reply, error) {
	_, with, ok := in.kept(r, changeSpec)
	if !ok {
		return in.lost(r)
	}
	return web.OK(in.changePage(r, with))
}

func (in *Room) rebuildChange(r *web.Request) (views.Page, error) {
	_, with, ok := in.kept(r, changeSpec)
	if !ok {
		return in.lostPage(r)
	}
	r.Form.Secret("new_password") // the page keeps it
	return in.changePage(r, with), nil
}

// changeRefusals are sign-in's: the call is a guess at the old password, by whoever makes it. What
// TCB finds wrong with a field is about the new one; the name was right a moment ago.
var changeRefusals = func() refusal.Table {
	table := maps.Clone(passwordRefusals)
	table["invalid_argument"] = refusal.Refusal{Status: 422, Key: "error.password_other", Field: "new_password"}
	table["weak_password"] = refusal.Refusal{Status: 422, Key: "error.password_weak", Field: "new_password"}
	return table
}()

// postChange changes the password and signs in with the new one. It counts as a guess before TCB is
// asked, and what is refused looks, and takes as long, as at sign-in.
func (in *Room) postChange(r *web.Request) (web.Reply, error) {
	id, with, ok := in.kept(r, changeSpec)
	if !ok {
		return in.lost(r)
	}
	page, form := in.changePage(r, with), newPasswordForm{r.Form.NewSecret("new_password")}
	rules.Check(&page.Errors, form)
	rules.NewPassword(&page.Errors, "new_password", form.Password, with.Username)
	if form.Password != "" && form.Password == password.Normalize(with.Password) {
		page.Errors.Add("new_password", "error.password_same")
	}
	if page.Invalid() {
		return web.Invalid(page)
	}
	tries := in.Reserve()
	demand, err := in.countGuess(r, tries, personOf(r, with.Username))
	if err == nil {
		err = in.change(r, demand, authclient.ModifyPasswordRequest{Username: with.Username, Password: with.Password, NewPassword: form.Password})
	}
	wrong := guessedWrong(err, changeRefusals)
	if !wrong {
		tries.Refund(r.Context())
	}
	switch {
	case err == nil:
		r.Session.ForgetFlow(id)
		r.Trace.Note(audit.Event{Name: audit.MethodChanged, Outcome: audit.OK, What: audit.Password, Identifier: with.Username})
		return in.WithNewPassword(r, with.Username, form.Password)
	case wrong:
		with.by = audit.ByPassword
		noteSignIn(r, with, nil, err)
		r.Trace.Alike()
	}
	if wrong || isLimit(err) {
		page.Alert.Links = in.afterWrong(r)
	}
	return web.Refuse(page, err, changeRefusals)
}

// afterWrong are the ways on from a refused change: the old password is not asked for here.
func (in *Room) afterWrong(r *web.Request) []views.Link {
	return append([]views.Link{{To: "sign-in", URL: r.To(r.SignInPath()), Label: i18n.Msg("sign-in.back")}}, around(r, in.others(r, loginpage.KindPassword))...)
}

// change is TCB's call, with its public key before it.
func (in *Room) change(r *web.Request, demand bool, with authclient.ModifyPasswordRequest) error {
	return in.Guarded(r, authclient.CallModifyPasswordWithoutLogin, demand, in.Watched(r, func(ctx context.Context, opts ...authclient.CallOption) error {
		return r.Auth().ModifyPasswordWithoutLogin(ctx, with, opts...)
	}, limits.FloorChange, r.Env.ID))
}
