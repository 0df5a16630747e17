package handlers

import (
	"context"
	"errors"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/i18n"
	"tcb-login/views"
)

// The phone number and the e-mail address of the account: the first one, or
// another. A code goes to the new one; where it is another account's, the person
// decides what becomes of that.

func (h *Handler) newPhone() *codeFlow {
	cf := &codeFlow{
		h: h, name: "account-phone", path: "/account/phone", phone: true, portal: true,
		target: authclient.TargetAny, usage: "PHONE_NUMBER_CHANGE",
		title: "account.phone.title", leadPhone: "account.phone.lead",
		judge: func(r *request, d destination) string {
			if d.phone == r.me.PhoneNumber {
				return "account.phone.same"
			}
			return ""
		},
	}
	return cf.binds()
}

func (h *Handler) newEmail() *codeFlow {
	cf := &codeFlow{
		h: h, name: "account-email", path: "/account/email", email: true, portal: true,
		target: authclient.TargetAny, usage: "EMAIL_ADDRESS_CHANGE",
		title: "account.email.title", leadEmail: "account.email.lead",
		judge: func(r *request, d destination) string {
			if d.address == r.me.Email {
				return "account.email.same"
			}
			return ""
		},
	}
	return cf.binds()
}

// binds makes the flow end in a binding.
func (cf *codeFlow) binds() *codeFlow {
	cf.offered = func(*loginpage.Page) bool { return true } // what the page offers to sign in by is another matter
	cf.last = []string{"-confirmed", "-conflict"}
	cf.form = func(c *fiber.Ctx, f *flow) (form, error) {
		if f.isUser() {
			_, form, err := cf.conflict(c, f)
			return form, err
		}
		return cf.pressAgain(c, f)
	}
	cf.finish = func(c *fiber.Ctx, f *flow) error {
		if f.isUser() {
			return cf.showVerified(c, f)
		}
		return cf.bind(c, f, "")
	}
	cf.submit = func(c *fiber.Ctx, f *flow) error {
		if f.isUser() {
			return cf.postConflict(c, f)
		}
		return cf.bind(c, f, "")
	}
	return cf
}

// bind asks TCB to bind what was verified. conflict says what becomes of the
// account that has it; empty: TCB is to refuse then.
func (cf *codeFlow) bind(c *fiber.Ctx, f *flow, conflict authclient.ConflictResolution) error {
	h, r := cf.h, requestOf(c)
	sudo := r.access.SudoToken
	err := h.asPerson(c, func(ctx context.Context, login *authclient.User, opts ...authclient.CallOption) error {
		if f.Phone != "" {
			return login.BindPhoneNumber(ctx, authclient.BindPhoneNumberRequest{
				PhoneNumber: f.Phone, SudoToken: sudo, VerificationToken: f.VerificationToken, ConflictResolution: conflict,
			}, opts...)
		}
		return login.BindEmail(ctx, authclient.BindEmailRequest{
			Email: f.Email, SudoToken: sudo, VerificationToken: f.VerificationToken, ConflictResolution: conflict,
		}, opts...)
	})
	taken := errors.Is(err, authclient.ErrFailedPrecondition) || errors.Is(err, authclient.ErrAlreadyExists)
	switch {
	case err == nil:
		return h.finished(c, "/account", cf.viaOf(f))
	case taken && !f.isUser(): // registered since the code was sent
		traceOf(c).code = codeOf(err)
		f.setUser(true)
		return cf.showVerified(c, f)
	}
	form, formErr := cf.form(c, f)
	if formErr != nil {
		return formErr
	}
	return cf.refuse(c, form, err, spentToken)
}

// conflictChoices are TCB's conflict_resolution, in words. None is chosen to
// begin with: each has its price.
var conflictChoices = []views.Option{
	{Value: string(authclient.ConflictDefault), Label: i18n.Msg("account.conflict.leave"), Help: i18n.Msg("account.conflict.leave_help")},
	{Value: string(authclient.ConflictTransfer), Label: i18n.Msg("account.conflict.move"), Help: i18n.Msg("account.conflict.move_help")},
	{Value: string(authclient.ConflictDeleteAccount), Label: i18n.Msg("account.conflict.delete"), Help: i18n.Msg("account.conflict.delete_help")},
}

func (cf *codeFlow) conflict(c *fiber.Ctx, f *flow) (*views.ConflictPage, form, error) {
	r := requestOf(c)
	sealed, err := sealFlow(r, cf.name, f)
	if err != nil {
		return nil, form{}, err
	}
	p := &views.ConflictPage{
		Base:    *cf.h.formPage(r, cf.name+"-conflict", i18n.Msg("account.conflict.title"), cf.path, sealed),
		Lead:    i18n.Message{Key: "account.conflict.lead", Args: i18n.Args{"to": f.to()}},
		Choices: conflictChoices,
		Chosen:  field(c, "conflict_resolution"),
		Back:    views.Link{To: cf.name, URL: r.to(cf.path), Label: i18n.Msg("account.conflict.other")},
	}
	return p, form{base: &p.Base, view: func() templ.Component { return views.Conflict(*p) }}, nil
}

func (cf *codeFlow) postConflict(c *fiber.Ctx, f *flow) error {
	h, r := cf.h, requestOf(c)
	page, form, err := cf.conflict(c, f)
	if err != nil {
		return err
	}
	switch choice := authclient.ConflictResolution(page.Chosen); choice {
	case authclient.ConflictDefault:
		return h.seeOther(c, r.to("/account"))
	case authclient.ConflictTransfer, authclient.ConflictDeleteAccount:
		return cf.bind(c, f, choice)
	}
	wrong(&page.Base, "conflict_resolution", "account.conflict.none")
	return h.show(c, fiber.StatusUnprocessableEntity, form)
}
