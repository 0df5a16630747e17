package signin

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/code"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/rules"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/views"
)

// detailsForm is what sign-up's last step brings. Which of it must be there the login page says.
type detailsForm struct {
	Name     string `form:"name" validate:"omitempty,max=64,visible"`
	Username string `form:"username" validate:"omitempty,username"`
	Password string
	Lost     bool // one was kept for the form, and is not any more
}

// details is sign-up's last step, with what was typed if this is its POST.
func (in *Room) details(r *web.Request, f registering, step *code.Step) (*views.SignUpDetailsPage, detailsForm, error) {
	var form detailsForm
	sealed, err := code.Seal(r, f.Spec(), step)
	if err != nil {
		return nil, form, err
	}
	p := &views.SignUpDetailsPage{
		Base:       f.Base(r, f.Spec().Name+"-details", i18n.Msg("details.title"), sealed),
		Identifier: step.To(),
		Lead:       i18n.Msg("details.lead"),
		Button:     i18n.Msg("details.button"),
	}
	for _, field := range f.fields(r.LoginPage) {
		shown := views.SignUpField{Name: field.Name, Optional: !field.Required}
		if r.Form.Posted(p.Form.Name) {
			switch field.Name {
			case loginpage.SignUpName:
				form.Name = r.Form.Shown(field.Name)
				shown.Value = form.Name
			case loginpage.SignUpUsername:
				form.Username = identifier.Plain(r.Form.Line(field.Name))
				shown.Value = form.Username
			case loginpage.SignUpPassword:
				form.Password = r.Form.NewSecret(field.Name)
				form.Lost = form.Password == "" && r.Form.Value("kept") != ""
			}
		}
		if field.Required {
			p.Lead = i18n.Msg("details.lead_required")
		}
		p.Fields = append(p.Fields, shown)
	}
	visitor.ForgetGone(r)
	if w := waitingFor(r); w.any() {
		err = in.nameWaiting(r, p, w, step)
	}
	return p, form, err
}

// nameWaiting makes the page one that names what waits and the account to be made, before the one
// goes to the other by its POST.
func (in *Room) nameWaiting(r *web.Request, p *views.SignUpDetailsPage, w waiting, step *code.Step) (err error) {
	if p.Named, err = r.Session.Seal(namedPurpose(p.Form.Name), namedOf(r, w, step), code.StepLife); err != nil {
		return err
	}
	if len(p.Fields) == 0 {
		p.Lead = i18n.Message{}
	}
	p.Anonymous = w.anonymous != ""
	p.Button = i18n.Msg("details.keep")
	if !w.linking {
		return nil
	}
	p.Button = i18n.Msg("provider.new.button")
	name := r.ProviderName(w.link.Provider, w.link.Called)
	p.Styled = true
	p.Identity = &views.NewIdentity{
		Provider: name, Person: in.PersonOf(w.link.Name, w.link.Picture), Account: step.Masked(),
		Lead: i18n.Message{Key: "provider.signing_up", Args: i18n.Args{"name": w.link.Name, "provider": name}},
	}
	return nil
}

// namedWaiting is what a page has named: what waits, by hashes, and the account to be made.
type namedWaiting struct {
	Link      string `json:"l,omitempty"`
	Anonymous string `json:"a,omitempty"`
	To        string `json:"t"`
}

func namedOf(r *web.Request, w waiting, step *code.Step) namedWaiting {
	n := namedWaiting{To: step.To()}
	if w.linking {
		n.Link = web.HashOf(r.Link)
	}
	if w.anonymous != "" {
		n.Anonymous = web.HashOf(w.anonymous)
	}
	return n
}

func namedPurpose(form string) string { return "named " + form }

// named reports that the form at hand is of a page that named all that waits, and the account to be
// made. It may have named more, which a button of it has left out.
func named(r *web.Request, w waiting, step *code.Step) bool {
	var said namedWaiting
	if !r.Session.Open(namedPurpose(r.Form.Name), r.Form.Value("identity"), &said) {
		return false
	}
	waits := namedOf(r, w, step)
	return said.To == waits.To && (waits.Link == "" || said.Link == waits.Link) && (waits.Anonymous == "" || said.Anonymous == waits.Anonymous)
}

// requiredOfNew is what to say where a field is empty that a new account must have.
var requiredOfNew = map[string]string{
	loginpage.SignUpName:     "error.required.new_name",
	loginpage.SignUpUsername: "error.required.new_username",
	loginpage.SignUpPassword: "error.required.first_password",
}

// validateDetails checks what sign-up's last step brought.
func validateDetails(p *views.SignUpDetailsPage, form detailsForm) {
	values := map[string]string{
		loginpage.SignUpName: form.Name, loginpage.SignUpUsername: form.Username, loginpage.SignUpPassword: form.Password,
	}
	for _, f := range p.Fields {
		if values[f.Name] == "" && (!f.Optional || f.Name == loginpage.SignUpPassword && form.Lost) {
			p.Errors.Add(f.Name, requiredOfNew[f.Name])
		}
	}
	rules.Check(&p.Errors, form)
	rules.NewPassword(&p.Errors, loginpage.SignUpPassword, form.Password, form.Username, p.Identifier)
	place := func(e views.FieldError) int {
		return slices.IndexFunc(p.Fields, func(f views.SignUpField) bool { return f.Name == e.Field })
	}
	slices.SortStableFunc(p.Errors, func(a, b views.FieldError) int { return cmp.Compare(place(a), place(b)) })
}

func (in *Room) postDetails(r *web.Request, f registering, step *code.Step) (web.Reply, error) {
	if r.Form.Pressed() == web.ActionNotMine && visitor.Anonymous(r) != "" {
		r.Session.DropAccess() // no page that follows has it
	}
	page, form, err := in.details(r, f, step)
	if err != nil {
		return web.Reply{}, err
	}
	if validateDetails(page, form); page.Invalid() {
		return web.Invalid(page)
	}
	if err := in.checkUsername(r, form.Username); err != nil {
		return web.Refuse(page, err, nil)
	}
	creds, bound, err := in.register(r, step, authclient.SignUpRequest{
		Username: form.Username, Password: form.Password, Name: form.Name, Locale: r.Loc.Locale(),
	})
	if bound {
		r = r.As(r.WithoutLink())
	}
	switch {
	case errors.Is(err, errAsksMore): // the page was not yet, or too long ago, one that names what waits
		page.Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("error.stale")}
		return web.Invalid(page)
	case errors.Is(err, authclient.ErrFailedPrecondition), errors.Is(err, authclient.ErrAlreadyExists) && form.Username == "":
		step.SetUser(true) // somebody registered the number meanwhile: the person may go in
		r.Trace.Refused(err)
		return code.SeeVerified(r, f, step)
	}
	// With the password that they chose, whoever is asked for a second factor signs in.
	reply, err := in.admit(r, given{Username: step.To(), Password: form.Password, by: audit.BySignUp}, creds, err)
	if err == nil {
		return reply, nil
	}
	special := refusal.Table{"already_exists": {Status: 422, Key: "error.username_taken", Field: "username"}}
	if form.Password != "" {
		rules.WeakPassword(special, "password", form.Password)
	}
	return web.Refuse(page, err, special)
}

// checkUsername asks TCB whether a chosen username is taken, which sign-up's own error does not
// tell from a number that is. It is the one question about accounts that a page answers to anybody,
// so it is limited.
func (in *Room) checkUsername(r *web.Request, name string) error {
	if name == "" {
		return nil
	}
	asked := in.Reserve()
	if err := asked.Take(r.Context(), limits.RuleUsername, "error.too_many_wait", time.Second, r.Caller.Network.Key); err != nil {
		return err
	}
	var exists bool
	err := in.Guarded(r, authclient.CallSignUp, false, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		exists, err = r.Auth().IsUsernameRegistered(ctx, name, opts...)
		return err
	})
	if err != nil { // nothing was told
		asked.Refund(r.Context())
		return err
	}
	if exists {
		return &refusal.FieldError{Field: "username", Key: "error.username_taken"}
	}
	return nil
}
