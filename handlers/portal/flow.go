package portal

import (
	"context"

	"tcb-login/authclient"
	"tcb-login/handlers/code"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// NoStates are for code.Codes.Samples: the page of a flow of the portal has none of its own.
func NoStates(views.Page) []sample.State { return nil }

// Personal is what the code flows of the portal have in common: they are somebody's own. A flow
// embeds it.
type Personal struct {
	Login *visitor.Login
	spec  code.Spec
}

// PersonalFlow begins a flow of somebody's.
func PersonalFlow(login *visitor.Login, spec code.Spec) Personal { return Personal{login, spec} }

// Spec is what the flow was made with.
func (p *Personal) Spec() code.Spec { return p.spec }

// Owner is the person's sub.
func (p *Personal) Owner() string { return p.Login.Me.Sub }

// Channels are those of the spec.
func (p *Personal) Channels(*web.Request) (phone, email bool) { return p.spec.Phone, p.spec.Email }

// Dress adds nothing to the page of the code.
func (p *Personal) Dress(*web.Request, *views.CodePage, string) {}

// Others are no other ways.
func (p *Personal) Others(*web.Request) []views.Link { return nil }

// Send has TCB send the code for the person.
func (p *Personal) Send(ctx context.Context, r *web.Request, in authclient.GetVerificationRequest, opts ...authclient.CallOption) (*authclient.Verification, error) {
	return User(r, p.Login).GetVerification(ctx, in, opts...)
}

// SpentToken is of a call after a right code: all that is left for TCB to object to is its token.
var SpentToken = refusal.Table{"invalid_argument": {Status: 422, Key: "error.session_over"}}

// PressAgain is the verified step's page where TCB failed after a right code.
func PressAgain(r *web.Request, f code.Flow, step *code.Step) (views.Page, error) {
	spec := f.Spec()
	sealed, err := code.Seal(r, spec, step)
	if err != nil {
		return nil, err
	}
	base := f.Base(r, spec.Name+"-confirmed", i18n.Msg("confirmed.title"), sealed)
	base.Mark = "ok"
	return &views.ConfirmedPage{
		Base:   base,
		Lead:   i18n.Message{Key: "step-up.again", Args: i18n.Args{"to": step.Masked()}},
		Button: i18n.Msg("step-up.button"), // as the lead calls it
		Other:  LinkTo(spec.Name, code.Address(r, spec), "step-up.restart"),
	}, nil
}

// FlowPage is the page of a code flow of somebody's.
func (po *Room) FlowPage(p Page, spec code.Spec, of func(*visitor.Login) code.Flow) Page {
	p.Get = func(r *web.Request, login *visitor.Login) (web.Reply, error) { return po.codes.Get(r, of(login)) }
	p.Post = func(r *web.Request, login *visitor.Login) (web.Reply, error) { return po.codes.Post(r, of(login)) }
	p.Forms = po.FlowForms(spec, of)
	return p
}

// FlowForms are the forms of a code flow of somebody's.
func (po *Room) FlowForms(spec code.Spec, of func(*visitor.Login) code.Flow) map[string]Rebuild {
	forms := map[string]Rebuild{}
	for _, name := range code.Forms(spec) {
		forms[name] = func(r *web.Request, login *visitor.Login) (views.Page, error) { return po.codes.Rebuild(r, of(login)) }
	}
	return forms
}
