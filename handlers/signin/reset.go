package signin

import (
	"context"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/code"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/rules"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// newPasswordForm is what the last step of a reset brings.
type newPasswordForm struct {
	Password string `form:"new_password" validate:"required"`
}

// newPassword is the last step of a reset, with what was typed if this is its POST.
func (in *Room) newPassword(r *web.Request, f code.Flow, step *code.Step) (*views.NewPasswordPage, newPasswordForm, error) {
	var form newPasswordForm
	sealed, err := code.Seal(r, f.Spec(), step)
	if err != nil {
		return nil, form, err
	}
	p := &views.NewPasswordPage{
		Base:       f.Base(r, f.Spec().Name+"-new", i18n.Msg("reset.new_title"), sealed),
		Identifier: step.To(),
	}
	if r.Form.Posted(p.Form.Name) {
		form.Password = r.Form.NewSecret("new_password")
	}
	return p, form, nil
}

func (in *Room) postNewPassword(r *web.Request, f code.Flow, step *code.Step) (web.Reply, error) {
	page, form, err := in.newPassword(r, f, step)
	if err != nil {
		return web.Reply{}, err
	}
	rules.Check(&page.Errors, form)
	rules.NewPassword(&page.Errors, "new_password", form.Password, step.To())
	if page.Invalid() {
		return web.Invalid(page)
	}
	err = in.Guarded(r, authclient.Call{}, false, func(ctx context.Context, opts ...authclient.CallOption) error {
		return r.Auth().ResetPassword(ctx, authclient.ResetPasswordRequest{
			PhoneNumber: step.Phone, Email: step.Email, NewPassword: form.Password, VerificationToken: step.VerificationToken,
		}, opts...)
	})
	if err != nil {
		special := refusal.Table{}
		rules.WeakPassword(special, "new_password", form.Password)
		return web.Refuse(page, err, special)
	}
	r.Trace.Note(audit.Event{Name: audit.MethodChanged, Outcome: audit.OK, What: audit.Password, Identifier: step.To()})
	// Whoever had the account may have left a way in of theirs: the portal lists them all next.
	r.Session.Notes().ResetPassword()
	return in.WithNewPassword(r, step.To(), form.Password)
}
