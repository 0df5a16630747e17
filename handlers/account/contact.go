package account

import (
	"context"
	"errors"
	"strings"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/views"
)

// The phone number and the e-mail address of the account: the first one, or another. A code goes to
// the new one; where it is another account's, the person decides what becomes of that.

var (
	phoneLine  = factLine("phone", "field.phone", "account-phone")
	phoneStays = &views.Line{Name: phoneLine.Name, Label: phoneLine.Label} // where no code can be sent to another
)

func (a *Room) phoneRow(r *web.Request, login *visitor.Login) (views.Row, bool) {
	row := views.Row{Line: phoneLine, Value: identifier.ShowPhone(login.Me.PhoneNumber)}
	if !r.Env.Texts() {
		row.Line = phoneStays
	}
	return row, r.Env.Texts() || login.Me.PhoneNumber != ""
}

var emailLine = factLine("email", "field.email", "account-email")

func (a *Room) emailRow(_ *web.Request, login *visitor.Login) (views.Row, bool) {
	return views.Row{Line: emailLine, Value: login.Me.Email}, true
}

// A contactKind is how the flow of a phone number differs from that of an e-mail address.
type contactKind struct {
	spec        code.Spec
	title, lead string
	same        string // what to say of the one that the account has
	done        string // and when another is bound
	other       string // a link to begin with another one
	is          func(*authclient.UserInfo) string
	bind        func(context.Context, entry.User, contactBinding, ...authclient.CallOption) error
}

// A contactBinding is what TCB wants to know of a number or address to bind.
type contactBinding struct {
	step      *code.Step
	sudoToken string
	// conflict says what becomes of the account that has it; empty: TCB is to refuse then.
	conflict authclient.ConflictResolution
}

var phoneContact = contactKind{
	spec:  code.Spec{Name: "account-phone", Path: "/account/phone", Phone: true, Usage: "PHONE_NUMBER_CHANGE", Last: contactLast},
	title: "account.phone.title", lead: "account.phone.lead", same: "account.phone.same", done: "account.done.phone", other: "account.conflict.other_phone",
	is: func(me *authclient.UserInfo) string { return me.PhoneNumber },
	bind: func(ctx context.Context, user entry.User, b contactBinding, opts ...authclient.CallOption) error {
		return user.BindPhoneNumber(ctx, authclient.BindPhoneNumberRequest{
			PhoneNumber: b.step.Phone, SudoToken: b.sudoToken, VerificationToken: b.step.VerificationToken, ConflictResolution: b.conflict,
		}, opts...)
	},
}

var emailContact = contactKind{
	spec:  code.Spec{Name: "account-email", Path: "/account/email", Email: true, Usage: "EMAIL_ADDRESS_CHANGE", Last: contactLast},
	title: "account.email.title", lead: "account.email.lead", same: "account.email.same", done: "account.done.email", other: "account.conflict.other_email",
	is: func(me *authclient.UserInfo) string { return me.Email },
	bind: func(ctx context.Context, user entry.User, b contactBinding, opts ...authclient.CallOption) error {
		return user.BindEmail(ctx, authclient.BindEmailRequest{
			Email: b.step.Email, SudoToken: b.sudoToken, VerificationToken: b.step.VerificationToken, ConflictResolution: b.conflict,
		}, opts...)
	},
}

// contactLast are the forms of the last step: to press again where TCB has failed, and to decide
// where another account has the number or address.
var contactLast = []string{"-confirmed", "-conflict"}

// contactPage is the page of a kind.
func (a *Room) contactPage(kind contactKind, p portal.Page) portal.Page {
	of := func(login *visitor.Login) code.Flow { return &contact{portal.PersonalFlow(login, kind.spec), a, kind} }
	p.Samples = func(r *web.Request, login *visitor.Login) []sample.Sample {
		return a.codes.Samples(r, of(login), conflictStates)
	}
	p = a.FlowPage(p, kind.spec, of)
	post := p.Post
	p.Post = func(r *web.Request, login *visitor.Login) (web.Reply, error) {
		if kind.bound(r, login, of(login)) {
			return a.Finished(r, login, entry.PathAccount, kind.done)
		}
		return post(r, login)
	}
	return p
}

// bound reports that the form at hand has done what it is for: who goes back to it and presses its
// button again must not hear that the code, which is spent, is wrong. No code goes to what the account
// has already.
func (k contactKind) bound(r *web.Request, login *visitor.Login, f code.Flow) bool {
	step, _ := code.Open(r, f)
	return step != nil && k.has(login.Me, step.To()) && r.Form.Pressed() == ""
}

// has reports that the account has a number or an address, by capitals or by small letters.
func (k contactKind) has(me *authclient.UserInfo, to string) bool {
	return to != "" && strings.EqualFold(to, k.is(me))
}

// contact is the flow of somebody's new phone number or e-mail address.
type contact struct {
	portal.Personal
	a    *Room
	kind contactKind
}

func (f *contact) Target(*web.Request) authclient.Target { return authclient.TargetAny }

func (f *contact) Fixed(*web.Request) (code.Destination, bool) { return code.Destination{}, false }

func (f *contact) Validate(_ *web.Request, to code.Destination) string {
	if f.kind.has(f.Login.Me, to.Phone+to.Address) {
		return f.kind.same
	}
	return ""
}

func (f *contact) Base(r *web.Request, form string, title i18n.Message, sealed string) views.Base {
	return f.a.Form(r, f.Login, form, title, f.kind.spec.Path, sealed)
}

func (f *contact) First(r *web.Request, to code.Destination) views.Page {
	return code.SendPage(r, f, to, f.kind.title, f.kind.lead, f.kind.lead)
}

func (f *contact) Refuse(r *web.Request, page views.Page, err error, special refusal.Table) (web.Reply, error) {
	return f.a.Refuse(r, f.Login, page, err, special)
}

func (f *contact) Verified(r *web.Request, step *code.Step) (web.Reply, error) {
	if step.IsUser() {
		return code.SeeVerified(r, f, step)
	}
	return f.bind(r, step, "")
}

func (f *contact) Last(r *web.Request, step *code.Step) (views.Page, error) {
	if step.IsUser() {
		return f.conflictPage(r, step)
	}
	return portal.PressAgain(r, f, step)
}

func (f *contact) Submit(r *web.Request, step *code.Step) (web.Reply, error) {
	if step.IsUser() {
		return f.postConflict(r, step)
	}
	return f.bind(r, step, "")
}

// bind asks TCB to bind what was verified.
func (f *contact) bind(r *web.Request, step *code.Step, conflict authclient.ConflictResolution) (web.Reply, error) {
	binding := contactBinding{step: step, sudoToken: f.Login.Access.SudoToken, conflict: conflict}
	err := f.a.AsPerson(r, f.Login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
		return f.kind.bind(ctx, user, binding, opts...)
	})
	what := audit.Email
	if f.kind.spec.Phone {
		what = audit.Phone
	}
	f.a.NoteChange(r, f.Login, audit.Event{What: what, Identifier: step.To()}, err)
	taken := errors.Is(err, authclient.ErrFailedPrecondition) || errors.Is(err, authclient.ErrAlreadyExists)
	switch {
	case err == nil:
		return f.a.Finished(r, f.Login, entry.PathAccount, f.kind.done)
	case taken && !step.IsUser(): // registered since the code was sent
		r.Trace.Refused(err)
		step.SetUser(true)
		return code.SeeVerified(r, f, step)
	}
	page, pageErr := f.Last(r, step)
	if pageErr != nil {
		return web.Reply{}, pageErr
	}
	return f.Refuse(r, page, err, portal.SpentToken)
}

// conflictChoices are TCB's conflict_resolution, in words. None is chosen to begin with: each has
// its price.
var conflictChoices = []views.Option{
	{Value: string(authclient.ConflictDefault), Label: i18n.Msg("account.conflict.leave"), Help: i18n.Msg("account.conflict.leave_help")},
	{Value: string(authclient.ConflictTransfer), Label: i18n.Msg("account.conflict.move"), Help: i18n.Msg("account.conflict.move_help"), Costs: true},
	{Value: string(authclient.ConflictDeleteAccount), Label: i18n.Msg("account.conflict.delete"), Help: i18n.Msg("account.conflict.delete_help"), Costs: true, Grave: true},
}

func (f *contact) conflictPage(r *web.Request, step *code.Step) (*views.ConflictPage, error) {
	sealed, err := code.Seal(r, f.kind.spec, step)
	if err != nil {
		return nil, err
	}
	to := step.Email
	if step.Phone != "" {
		to = identifier.ShowPhone(step.Phone)
	}
	return &views.ConflictPage{
		Base:    f.Base(r, f.kind.spec.Name+"-conflict", i18n.Msg("account.conflict.title"), sealed),
		Lead:    i18n.Message{Key: "account.conflict.lead", Args: i18n.Args{"to": to}},
		Choices: conflictChoices,
		Chosen:  r.Form.Value("conflict_resolution"),
		Confirm: typedWord(r),
		Back:    portal.LinkTo(f.kind.spec.Name, r.Into(f.kind.spec.Path), f.kind.other),
	}, nil
}

// conflictStates are those of the page of a conflict, and of no other that ends the flow.
func conflictStates(last views.Page) []sample.State {
	if _, ok := last.(*views.ConflictPage); !ok {
		return nil
	}
	return []sample.State{
		sample.FieldErrors("unchosen", "conflict_resolution", "account.conflict.none"),
		{Name: "mistyped", Change: func(p views.Page) {
			page := p.(*views.ConflictPage)
			page.Chosen, page.Confirm.Typed = string(authclient.ConflictDeleteAccount), "?"
			page.Errors.Add("confirm", "account.delete.mistyped")
		}},
	}
}

func (f *contact) postConflict(r *web.Request, step *code.Step) (web.Reply, error) {
	page, err := f.conflictPage(r, step)
	if err != nil {
		return web.Reply{}, err
	}
	switch choice := authclient.ConflictResolution(page.Chosen); choice {
	case authclient.ConflictDefault:
		return web.SeeOther(r.Into(entry.PathAccount))
	case authclient.ConflictTransfer, authclient.ConflictDeleteAccount: // either may be the end of the other account
		if checkWord(&page.Base, page.Confirm); page.Invalid() {
			return web.Invalid(page)
		}
		return f.bind(r, step, choice)
	}
	page.Errors.Add("conflict_resolution", "account.conflict.none")
	return web.Invalid(page)
}
