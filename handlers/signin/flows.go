package signin

import (
	"context"
	"slices"

	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// A flow is a code flow that anybody may begin.
type flow interface {
	code.Flow
	// offered reports that a login page has it.
	offered(*loginpage.Page) bool
	// first reports that it is what the entry page shows.
	first(*web.Request) bool
}

// A registering flow may end in a new account.
type registering interface {
	code.Flow
	// fields are what it asks of a new account.
	fields(*loginpage.Page) []loginpage.SignUpField
	// asksAll reports that it never makes an account before it has asked.
	asksAll(*loginpage.Page) bool
}

// public is what all flows here have in common.
type public struct {
	in     *Room
	spec   code.Spec
	target authclient.Target
	words  words
	can    func(*loginpage.Page, loginpage.Kind) bool // by which channels a page can send its codes
}

// words are a flow's own: the keys of its first page.
type words struct {
	title, leadPhone, leadEmail string
	question, link, to          string // the way to the page's counterpart
}

func (p *public) Spec() code.Spec { return p.spec }
func (p *public) Owner() string   { return "" }

func (p *public) Fixed(*web.Request) (code.Destination, bool)    { return code.Destination{}, false }
func (p *public) Validate(*web.Request, code.Destination) string { return "" }
func (p *public) Target(*web.Request) authclient.Target          { return p.target }
func (p *public) Others(r *web.Request) []views.Link             { return p.in.others(r, "") }

func (p *public) Dress(_ *web.Request, page *views.CodePage, _ string) { page.Agreed = true }

func (p *public) Channels(r *web.Request) (phone, email bool) {
	return p.spec.Phone && p.can(r.LoginPage, loginpage.KindSMS), p.spec.Email && p.can(r.LoginPage, loginpage.KindEmail)
}

func (p *public) Base(r *web.Request, form string, title i18n.Message, sealed string) views.Base {
	return p.in.FormPage(&r.LoginRequest, form, title, p.spec.Path, sealed)
}

func (p *public) Send(ctx context.Context, r *web.Request, in authclient.GetVerificationRequest, opts ...authclient.CallOption) (*authclient.Verification, error) {
	return r.Auth().GetVerification(ctx, in, opts...)
}

func (p *public) Refuse(_ *web.Request, page views.Page, err error, special refusal.Table) (web.Reply, error) {
	return web.Refuse(page, err, special)
}

// sendPage is the first step, with the agreement and the way to the page's counterpart.
func (p *public) sendPage(r *web.Request, f code.Flow, to code.Destination) *views.SendCodePage {
	page := code.SendPage(r, f, to, p.words.title, p.words.leadPhone, p.words.leadEmail)
	if f.Target(r) != p.target {
		page.Lead.Key += "_known"
	}
	if p.spec.Consent {
		page.Consent = web.Consent(&r.LoginRequest, r.Form)
	}
	path := "/" + p.words.to
	if p.words.to == "sign-in" {
		path = r.SignInPath()
	}
	if p.words.to != "sign-up" || r.LoginPage.SignUpPage {
		page.Other = views.Prompt{
			Question: i18n.Msg(p.words.question),
			Link:     views.Link{To: p.words.to, URL: r.To(path), Label: i18n.Msg(p.words.link)},
		}
	}
	return page
}

// byCode is sign-in by a code, on one channel. Its verified step is for when that fails: a button
// to try again with the same code. New people get sign-up's last step instead, where the page wants
// to know something of them.
type byCode struct {
	public
	method loginpage.Kind
}

func newByCode(in *Room, method loginpage.Kind, spec code.Spec, w words) *byCode {
	spec.Usage, spec.OnWay, spec.Consent, spec.Last = "SIGN_IN", true, true, []string{"-confirmed", "-details"}
	w.question, w.link, w.to = "sign-up.question", "sign-up.link", "sign-up"
	return &byCode{
		public: public{in: in, spec: spec, target: authclient.TargetAny, words: w, can: (*loginpage.Page).Offers},
		method: method,
	}
}

func bySMS(in *Room) flow {
	return newByCode(in, loginpage.KindSMS, code.Spec{Name: "sign-in-sms", Path: entry.PathSignInSMS, Phone: true},
		words{title: "sign-in.sms.title", leadPhone: "sign-in.sms.lead"})
}

func byEmail(in *Room) flow {
	return newByCode(in, loginpage.KindEmail, code.Spec{Name: "sign-in-email", Path: entry.PathSignInEmail, Email: true},
		words{title: "sign-in.email.title", leadEmail: "sign-in.email.lead"})
}

func (f *byCode) offered(p *loginpage.Page) bool { return p.Offers(f.method) }
func (f *byCode) first(r *web.Request) bool      { return r.LoginPage.Default == f.method }

// Target is as TCB's own page chooses it: those with an account alone, where signing in never
// registers.
func (f *byCode) Target(r *web.Request) authclient.Target {
	if r.LoginPage.Registration != loginpage.RegistrationAuto {
		return authclient.TargetUser
	}
	return f.target
}

func (f *byCode) First(r *web.Request, to code.Destination) views.Page {
	page := f.sendPage(r, f, to)
	page.Methods = f.in.Methods(&r.LoginRequest, f.method)
	return page
}

func (f *byCode) Others(r *web.Request) []views.Link { return f.in.others(r, f.method) }

// Dress adds the other ways in. A provider's button posts this page's form: the agreement came
// before it.
func (f *byCode) Dress(r *web.Request, page *views.CodePage, sealed string) {
	f.public.Dress(r, page, sealed)
	page.Button = i18n.Msg("sign-in.button")
	page.Methods = f.in.Methods(&r.LoginRequest, f.method, entry.Add("flow", sealed))
	page.Methods.Anonymous, page.Methods.Skip = "", ""
}

func (f *byCode) Verified(r *web.Request, step *code.Step) (web.Reply, error) {
	if asksNew(r, step) {
		return code.SeeVerified(r, f, step)
	}
	return f.in.enterVerified(r, f, step)
}

func (f *byCode) Last(r *web.Request, step *code.Step) (views.Page, error) {
	if asksNew(r, step) {
		page, _, err := f.in.details(r, f, step)
		return page, err
	}
	return f.in.confirmed(r, f, step)
}

func (f *byCode) Submit(r *web.Request, step *code.Step) (web.Reply, error) {
	if asksNew(r, step) {
		return f.in.postDetails(r, f, step)
	}
	return f.Verified(r, step)
}

// fields: sign-in asks new people for what an account must have, or about what waits alone.
func (f *byCode) fields(p *loginpage.Page) []loginpage.SignUpField {
	if !p.AsksFields() {
		return nil
	}
	return p.SignUpFields
}

func (f *byCode) asksAll(*loginpage.Page) bool { return false }

// joins is sign-up: a code, and then what a new account may have.
type joins struct{ public }

func signUp(in *Room) flow {
	return &joins{public{
		in: in, target: authclient.TargetAny,
		spec: code.Spec{
			Name: "sign-up", Path: entry.PathSignUp, Phone: true, Email: true, Usage: "REGISTER", OnWay: true, Consent: true,
			Last: []string{"-details", "-confirmed"},
		},
		words: words{
			title: "sign-up.title", leadPhone: "sign-up.lead_phone", leadEmail: "sign-up.lead_email",
			question: "sign-up.have", link: "sign-up.sign_in", to: "sign-in",
		},
		can: func(p *loginpage.Page, m loginpage.Kind) bool { return slices.Contains(p.SignUpWith, m) },
	}}
}

func (f *joins) offered(p *loginpage.Page) bool { return p.SignsUp() }
func (f *joins) first(r *web.Request) bool {
	return r.Prompts("create") && f.offered(r.LoginPage)
}

func (f *joins) First(r *web.Request, to code.Destination) views.Page { return f.sendPage(r, f, to) }

func (f *joins) Verified(r *web.Request, step *code.Step) (web.Reply, error) {
	if !step.IsUser() && !waitingFor(r).any() && len(r.LoginPage.SignUpFields) == 0 {
		return f.in.postDetails(r, f, step) // there is nothing to ask
	}
	return code.SeeVerified(r, f, step)
}

func (f *joins) Last(r *web.Request, step *code.Step) (views.Page, error) {
	if step.IsUser() {
		return f.in.exists(r, f, step)
	}
	page, _, err := f.in.details(r, f, step)
	return page, err
}

// Submit registers, or is the button for whoever has an account already.
func (f *joins) Submit(r *web.Request, step *code.Step) (web.Reply, error) {
	if !step.IsUser() {
		return f.in.postDetails(r, f, step)
	}
	return f.in.enterVerified(r, f, step)
}

func (f *joins) asksAll(p *loginpage.Page) bool { return p.SignUpPage }

func (f *joins) fields(p *loginpage.Page) []loginpage.SignUpField { return p.SignUpFields }

// resets is a new password for somebody who has forgotten theirs.
type resets struct{ public }

func resetPassword(in *Room) flow {
	return &resets{public{
		in: in, target: authclient.TargetUser,
		spec: code.Spec{
			Name: "reset-password", Path: entry.PathResetPassword, Phone: true, Email: true, Usage: "PASSWORD_RESET", OnWay: true, Consent: true,
			Last: []string{"-new"},
		},
		words: words{
			title: "reset.title", leadPhone: "reset.lead_phone", leadEmail: "reset.lead_email",
			question: "reset.remember", link: "sign-in.back", to: "sign-in",
		},
		can: (*loginpage.Page).VerifiesBy,
	}}
}

func (f *resets) offered(p *loginpage.Page) bool { return p.CanReset() }
func (f *resets) first(*web.Request) bool        { return false }

func (f *resets) First(r *web.Request, to code.Destination) views.Page { return f.sendPage(r, f, to) }

func (f *resets) Verified(r *web.Request, step *code.Step) (web.Reply, error) {
	return code.SeeVerified(r, f, step)
}

func (f *resets) Last(r *web.Request, step *code.Step) (views.Page, error) {
	page, _, err := f.in.newPassword(r, f, step)
	return page, err
}

func (f *resets) Submit(r *web.Request, step *code.Step) (web.Reply, error) {
	return f.in.postNewPassword(r, f, step)
}
