package signin

import (
	"cmp"
	"context"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/views"
)

// factorSpec is the second factor's code flow. A right code in it proves who is there.
var factorSpec = code.Spec{
	Name: "second-factor", Path: entry.PathSecondFactor, Phone: true, Email: true, Usage: "SIGN_IN",
	OnWay: true, Proof: true, After: true, Last: []string{"-confirmed"},
}

// secondFactor is a code besides the password: to the number or the address that TCB has named of
// the account, which no page shows but masked, or to what the person says is bound to it. TCB judges
// whether it is.
type secondFactor struct {
	in    *Room
	id    string // that what was given is kept under
	with  given
	begun string // the sealed first step
}

// factorTargets are the number and the address of TCB's refusal, as far as a code can be sent there.
func factorTargets(r *web.Request, err error) (phone, email string) {
	phone, email = authclient.FactorTargets(err)
	if number, err := identifier.ParsePhone(phone, "CN"); err != nil || !r.Env.Texts() {
		phone = ""
	} else {
		phone = number
	}
	if address, ok := identifier.ParseEmail(email); !ok {
		email = ""
	} else {
		email = address
	}
	return phone, email
}

// factor is the flow of the request's step; nil where nothing was given before it.
func (in *Room) factor(r *web.Request) (*secondFactor, error) {
	id, with, ok := in.kept(r, factorSpec)
	if !ok {
		return nil, nil
	}
	begun, err := code.Begin(r, factorSpec, id)
	return &secondFactor{in: in, id: id, with: with, begun: begun}, err
}

// factorRow is the second factor's page.
func (in *Room) factorRow() web.Row {
	after := func(handle func(*web.Request, code.Flow) (web.Reply, error)) web.Handler {
		return func(r *web.Request) (web.Reply, error) {
			f, err := in.factor(r)
			switch {
			case err != nil:
				return web.Reply{}, err
			case f == nil:
				return in.lost(r)
			}
			return handle(r, f)
		}
	}
	row := web.Row{
		Path: factorSpec.Path, Get: after(in.codes.Get), Post: after(in.codes.Post),
		Form: factorSpec.Name, Forms: map[string]web.Rebuild{},
	}
	for _, name := range code.Forms(factorSpec) {
		row.Forms[name] = func(r *web.Request) (views.Page, error) {
			f, err := in.factor(r)
			switch {
			case err != nil:
				return nil, err
			case f == nil:
				return in.lostPage(r)
			}
			return in.codes.Rebuild(r, f)
		}
	}
	return row
}

func (f *secondFactor) Spec() code.Spec { return factorSpec }
func (f *secondFactor) Owner() string   { return f.id }

// named reports that TCB has said where a code can go.
func (f *secondFactor) named() bool { return f.with.Phone != "" || f.with.Email != "" }

func (f *secondFactor) Channels(r *web.Request) (phone, email bool) {
	if !f.named() {
		return r.Env.Texts(), true
	}
	return f.with.Phone != "", f.with.Email != ""
}

// Target is anybody: where the person has typed it, no answer tells who has an account.
func (f *secondFactor) Target(*web.Request) authclient.Target { return authclient.TargetAny }

func (f *secondFactor) Fixed(r *web.Request) (code.Destination, bool) {
	switch {
	case !f.named():
		return code.Destination{}, false
	case code.ByPhone(r, f):
		return code.ToPhone(f.with.Phone), true
	}
	return code.ToEmail(f.with.Email), true
}

func (f *secondFactor) Validate(*web.Request, code.Destination) string { return "" }

func (f *secondFactor) First(r *web.Request, typed code.Destination) views.Page {
	to, fixed := f.Fixed(r)
	if !fixed {
		p := code.SendPage(r, f, typed, "second.title", "second.ask_phone", "second.ask_email")
		for i, l := range f.other(r) { // with SendPage's words: among fields, "Email" would name one
			p.Via[i].URL = l.URL
		}
		p.Methods.Others = f.back(r)
		return p
	}
	p := &views.StepUpPage{Base: f.Base(r, factorSpec.Name, i18n.Msg("second.title"), ""), Methods: f.methods(r)}
	lead := "second.lead_email"
	if to.Phone != "" {
		lead = "second.lead_phone"
	}
	p.Lead = i18n.Message{Key: lead, Args: i18n.Args{"to": code.Masked(web.Target{Phone: to.Phone, Email: to.Address})}}
	return p
}

// other is the way to the other channel, where there is one.
func (f *secondFactor) other(r *web.Request) []views.Link {
	phone, email := f.Channels(r)
	if !phone || !email {
		return nil
	}
	link := views.Link{To: "via-email", Label: i18n.Msg("second.by_email")}
	via := "email"
	if !code.ByPhone(r, f) {
		link, via = views.Link{To: "via-phone", Label: i18n.Msg("second.by_phone")}, "phone"
	}
	link.URL = r.To(factorSpec.Path, entry.Add("via", via), entry.Add("flow", f.begun))
	return []views.Link{link}
}

// back is the way to begin anew.
func (f *secondFactor) back(r *web.Request) []views.Method {
	return []views.Method{{Link: views.Link{To: "sign-in", URL: r.To(r.SignInPath()), Label: i18n.Msg("sign-in.back")}}}
}

// methods are the other ways on.
func (f *secondFactor) methods(r *web.Request) (m views.Methods) {
	for _, l := range f.other(r) {
		icon := "sign-in-email"
		if l.To == "via-phone" {
			icon = "sign-in-sms"
		}
		l.To = icon
		m.Others = append(m.Others, views.Method{Link: l})
	}
	m.Others = append(m.Others, f.back(r)...)
	return m
}

func (f *secondFactor) Base(r *web.Request, form string, title i18n.Message, sealed string) views.Base {
	return f.in.FormPage(&r.LoginRequest, form, title, factorSpec.Path, cmp.Or(sealed, f.begun))
}

func (f *secondFactor) Dress(r *web.Request, page *views.CodePage, _ string) {
	page.Button = i18n.Msg("sign-in.button")
	page.Methods = f.methods(r)
}

func (f *secondFactor) Others(r *web.Request) []views.Link { return f.other(r) }

func (f *secondFactor) Send(ctx context.Context, r *web.Request, in authclient.GetVerificationRequest, opts ...authclient.CallOption) (*authclient.Verification, error) {
	return r.Auth().GetVerification(ctx, in, opts...)
}

func (f *secondFactor) Refuse(_ *web.Request, page views.Page, err error, special refusal.Table) (web.Reply, error) {
	return web.Refuse(page, err, special)
}

// wrongFactor is for a code that was right, and none of the account's: of another number or address,
// or of too long ago. The name and the password were right a moment ago, so it is the token that
// TCB's invalid_argument is about.
var wrongFactor = refusal.Table{
	"invalid_two_factor":        refusal.Meaning("invalid_two_factor"),
	"two_factor_required":       refusal.Meaning("invalid_two_factor"),
	"invalid_argument":          refusal.Meaning("invalid_two_factor"),
	"invalid_verification_code": refusal.Meaning("invalid_two_factor"),
}

// Verified signs in once more, with the password and the code's token.
func (f *secondFactor) Verified(r *web.Request, step *code.Step) (web.Reply, error) {
	creds, err := f.in.signInCall(r, false, authclient.SignInRequest{
		Username: f.with.Username, Password: f.with.Password, VerificationToken: step.VerificationToken,
	})
	_, wrong := wrongFactor[refusal.CodeOf(err)]
	f.with.by = audit.BySecondFactor
	switch {
	case err == nil:
		f.in.refundGuess(r, f.with)
		r.Session.ForgetFlow(f.id)
	case wrong:
		noteSignIn(r, f.with, nil, err)
		return web.Refuse(f.First(r, code.Destination{}), err, wrongFactor)
	case wrongPassword(err): // it was changed meanwhile, or TCB lets nobody in any more
		r.Session.ForgetFlow(f.id)
		noteSignIn(r, f.with, nil, err)
		return f.in.refusePassword(r, f.with.Username, err)
	}
	reply, err := f.in.admit(r, f.with, creds, err)
	if err == nil {
		return reply, nil
	}
	page, pageErr := f.Last(r, step)
	if pageErr != nil {
		return web.Reply{}, pageErr
	}
	return web.Refuse(page, err, nil)
}

// Last is for when TCB failed after a right code.
func (f *secondFactor) Last(r *web.Request, step *code.Step) (views.Page, error) {
	return f.in.confirmed(r, f, step)
}

func (f *secondFactor) Submit(r *web.Request, step *code.Step) (web.Reply, error) {
	return f.Verified(r, step)
}

// refusePassword is sign-in with what it says of a wrong password.
func (in *Room) refusePassword(r *web.Request, username string, err error) (web.Reply, error) {
	if !r.LoginPage.Offers(loginpage.KindPassword) {
		page, pageErr := in.entryPage(r)
		if pageErr != nil {
			return web.Reply{}, pageErr
		}
		return web.Refuse(page, err, passwordRefusals)
	}
	page := in.SignInPage(r, username)
	in.offerOthers(r, page, err)
	return web.Refuse(page, err, passwordRefusals)
}

// refundGuess gives back the try of a sign-in that a second factor has completed, where all that it
// counts for has counted it.
func (in *Room) refundGuess(r *web.Request, with given) {
	if with.Network != r.Caller.Network.Key {
		return
	}
	person := personOf(r, with.Username)
	counts := append(softCounts(r, person), limits.Count{Rule: limits.RulePassword, Key: shareOf(r, person)})
	limits.GiveBack(r.Context(), in.Counter, counts...)
}
