package stepup

import (
	"tcb-login/authclient"
	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// stepUpSpec is the step-up's code flow. A right code in it proves who is there.
var stepUpSpec = code.Spec{
	Name: formStepUp, Path: entry.PathVerify, Phone: true, Email: true, Usage: "reauthentication",
	OnWay: true, Proof: true, Last: []string{"-confirmed"},
}

func (s *Room) stepUp(login *visitor.Login) code.Flow {
	return &stepUpFlow{portal.PersonalFlow(login, stepUpSpec), s}
}

// stepUpFlow sends its code to where the account has it.
type stepUpFlow struct {
	portal.Personal
	room *Room
}

func (f *stepUpFlow) Channels(r *web.Request) (phone, email bool) {
	phone = stepUpWay(r, f.Login.Me) == byPhoneCode
	return phone, !phone
}

func (f *stepUpFlow) Target(*web.Request) authclient.Target { return authclient.TargetCurUser }

func (f *stepUpFlow) Fixed(r *web.Request) (code.Destination, bool) {
	if stepUpWay(r, f.Login.Me) == byPhoneCode {
		return code.ToPhone(f.Login.Me.PhoneNumber), true
	}
	return code.ToEmail(f.Login.Me.Email), true
}

func (f *stepUpFlow) Validate(*web.Request, code.Destination) string { return "" }

func (f *stepUpFlow) First(r *web.Request, _ code.Destination) views.Page {
	return f.room.stepUpPage(r, f.Login)
}

func (f *stepUpFlow) Base(r *web.Request, form string, title i18n.Message, sealed string) views.Base {
	return f.room.stepUpBase(r, f.Login, form, title, sealed)
}

func (f *stepUpFlow) Refuse(r *web.Request, page views.Page, err error, special refusal.Table) (web.Reply, error) {
	return f.room.RefuseStepUp(r, page, err, special)
}

func (f *stepUpFlow) Verified(r *web.Request, step *code.Step) (web.Reply, error) {
	access, err := f.room.sudo(r, f.Login, authclient.SudoRequest{VerificationToken: step.VerificationToken})
	if err == nil {
		return f.room.steppedUp(r, access)
	}
	page, pageErr := f.Last(r, step)
	if pageErr != nil {
		return web.Reply{}, pageErr
	}
	return f.Refuse(r, page, err, portal.SpentToken)
}

func (f *stepUpFlow) Last(r *web.Request, step *code.Step) (views.Page, error) {
	return portal.PressAgain(r, f, step)
}

func (f *stepUpFlow) Submit(r *web.Request, step *code.Step) (web.Reply, error) {
	return f.Verified(r, step)
}
