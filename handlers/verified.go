package handlers

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/i18n"
	"tcb-login/views"
)

// What the four flows do with a right code.

func (h *Handler) signInBySMS() *codeFlow {
	cf := &codeFlow{
		h: h, name: "sign-in-sms", method: loginpage.MethodSMS, path: "/sign-in/sms", phone: true,
		target: authclient.TargetAny, usage: "SIGN_IN",
		title: "sign-in.sms.title", leadPhone: "sign-in.sms.lead",
		question: "sign-up.question", link: "sign-up.link", counterpart: "sign-up",
	}
	h.signsIn(cf)
	return cf
}

func (h *Handler) signInByEmail() *codeFlow {
	cf := &codeFlow{
		h: h, name: "sign-in-email", method: loginpage.MethodEmail, path: "/sign-in/email", email: true,
		target: authclient.TargetAny, usage: "SIGN_IN",
		title: "sign-in.email.title", leadEmail: "sign-in.email.lead",
		question: "sign-up.question", link: "sign-up.link", counterpart: "sign-up",
	}
	h.signsIn(cf)
	return cf
}

// signsIn lets a flow sign in at once. Its verified step is for when that
// fails: a button to try again with the same code. New people get sign-up's
// last step instead, where the page wants to know something of them.
func (h *Handler) signsIn(cf *codeFlow) {
	cf.offered = func(l *loginpage.Page) bool { return l.Offers(cf.method) }
	cf.last = []string{"-confirmed", "-details"}
	cf.form = func(c *fiber.Ctx, f *flow) (form, error) {
		if asksNew(requestOf(c), f) {
			_, form, err := cf.details(c, f)
			return form, err
		}
		return cf.confirmed(c, f, i18n.Msg("confirmed.title"))
	}
	cf.finish = func(c *fiber.Ctx, f *flow) error {
		if asksNew(requestOf(c), f) {
			return cf.showVerified(c, f)
		}
		creds, err := h.signInVerified(c, f)
		if errors.Is(err, errAsksMore) {
			return cf.showVerified(c, f)
		}
		if err == nil {
			return h.complete(c, creds)
		}
		form, formErr := cf.form(c, f)
		if formErr != nil {
			return formErr
		}
		return h.refuse(c, form, err, nil)
	}
	cf.submit = func(c *fiber.Ctx, f *flow) error {
		if asksNew(requestOf(c), f) {
			return cf.postDetails(c, f)
		}
		return cf.finish(c, f)
	}
}

// asksNew reports that whoever signs in by this code is new and is asked for
// more before there is an account: whether an identity belongs to it, or what
// AsksFields says.
func asksNew(r *request, f *flow) bool {
	if f.isUser() || r.login.Registration != loginpage.RegistrationAuto {
		return false
	}
	_, waits := waitingLink(r)
	return waits || r.login.AsksFields()
}

// confirmed is the page with a button alone.
func (cf *codeFlow) confirmed(c *fiber.Ctx, f *flow, title i18n.Message) (form, error) {
	r := requestOf(c)
	sealed, err := sealFlow(r, cf.name, f)
	if err != nil {
		return form{}, err
	}
	p := &views.ConfirmedPage{
		Base:   *cf.h.formPage(r, cf.name+"-confirmed", title, cf.path, sealed),
		Lead:   i18n.Message{Key: "confirmed.lead", Args: i18n.Args{"who": f.masked()}},
		Button: i18n.Msg("sign-in.button"),
		Other:  views.Link{To: "sign-in", URL: r.to("/"), Label: i18n.Msg("sign-in.back")},
	}
	if cf.name == "sign-up" {
		p.Lead.Key, p.Button = "exists.lead", i18n.Msg("exists.button")
		p.Other = views.Link{To: "sign-up", URL: r.to("/sign-up"), Label: i18n.Msg("exists.other")}
	}
	return form{base: &p.Base, view: func() templ.Component { return views.Confirmed(*p) }}, nil
}

// errAsksMore: the account is gone since the code was sent, and a new one is not
// made before the page has asked what it wants to know.
var errAsksMore = errors.New("a new account is to be asked for more")

// signInVerified signs in with a verification_token, or up where there is no
// account yet (registerType auto). What TCB said of the account when it sent
// the code may have changed since: then the other way is tried once.
func (h *Handler) signInVerified(c *fiber.Ctx, f *flow) (*authclient.Credentials, error) {
	r := requestOf(c)
	var creds *authclient.Credentials
	signIn := func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.client.auth.SignIn(ctx, authclient.SignInRequest{Username: f.to(), VerificationToken: f.VerificationToken}, opts...)
		return err
	}
	if f.isUser() || r.login.Registration != loginpage.RegistrationAuto {
		err := h.guarded(c, authclient.CallSignIn, false, signIn)
		if !errors.Is(err, authclient.ErrNotFound) || r.login.Registration != loginpage.RegistrationAuto {
			return creds, err
		}
		if f.setUser(false); asksNew(r, f) || r.login.SignUpPage && strings.HasPrefix(r.form, "sign-up") {
			return nil, errAsksMore
		}
		return h.register(c, f, authclient.SignUpRequest{})
	}
	creds, err := h.register(c, f, authclient.SignUpRequest{})
	if !errors.Is(err, authclient.ErrFailedPrecondition) && !errors.Is(err, authclient.ErrAlreadyExists) {
		return creds, err
	}
	f.setUser(true)
	return creds, h.guarded(c, authclient.CallSignIn, false, signIn)
}

func (h *Handler) signUp() *codeFlow {
	cf := &codeFlow{
		h: h, name: "sign-up", path: "/sign-up", phone: true, email: true,
		target: authclient.TargetAny, usage: "REGISTER",
		title: "sign-up.title", leadPhone: "sign-up.lead_phone", leadEmail: "sign-up.lead_email",
		question: "sign-up.have", link: "sign-up.sign_in", counterpart: "sign-in",
		offered: (*loginpage.Page).SignsUp,
	}
	cf.last = []string{"-details", "-confirmed"}
	cf.finish = func(c *fiber.Ctx, f *flow) error {
		r := requestOf(c)
		if _, waits := waitingLink(r); !f.isUser() && !waits && len(r.login.SignUpFields) == 0 {
			return cf.postDetails(c, f) // there is nothing to ask
		}
		return cf.showVerified(c, f)
	}
	cf.form = func(c *fiber.Ctx, f *flow) (form, error) {
		if f.isUser() {
			return cf.confirmed(c, f, i18n.Msg("exists.title"))
		}
		_, form, err := cf.details(c, f)
		return form, err
	}
	cf.submit = func(c *fiber.Ctx, f *flow) error {
		if f.isUser() {
			return cf.signInInstead(c, f)
		}
		return cf.postDetails(c, f)
	}
	return cf
}

// showVerified leads to the verified step's page.
func (cf *codeFlow) showVerified(c *fiber.Ctx, f *flow) error {
	r := requestOf(c)
	sealed, err := sealFlow(r, cf.name, f)
	if err != nil {
		return err
	}
	return cf.h.seeOther(c, r.to(cf.path, "via="+cf.viaOf(f), "flow="+sealed))
}

// signInInstead is the button for whoever has an account already.
func (cf *codeFlow) signInInstead(c *fiber.Ctx, f *flow) error {
	form, err := cf.form(c, f)
	if err != nil {
		return err
	}
	creds, err := cf.h.signInVerified(c, f)
	if errors.Is(err, errAsksMore) {
		return cf.showVerified(c, f)
	}
	if err != nil {
		return cf.h.refuse(c, form, err, nil)
	}
	return cf.h.complete(c, creds)
}

// details is sign-up's last step, with what was typed if this is its POST.
func (cf *codeFlow) details(c *fiber.Ctx, f *flow) (*views.SignUpDetailsPage, form, error) {
	r := requestOf(c)
	sealed, err := sealFlow(r, cf.name, f)
	if err != nil {
		return nil, form{}, err
	}
	p := &views.SignUpDetailsPage{
		Base:       *cf.h.formPage(r, cf.name+"-details", i18n.Msg("details.title"), cf.path, sealed),
		Identifier: f.to(),
		Lead:       i18n.Msg("details.lead"),
	}
	asked := r.login.SignUpFields
	if cf.method != "" && !r.login.AsksFields() { // it is the identity alone that this is about
		asked = nil
	}
	for _, field := range asked {
		shown := views.SignUpField{Name: field.Name, Optional: !field.Required}
		switch {
		case field.Name != loginpage.SignUpPassword:
			shown.Value = line(c, field.Name)
		case r.form == p.Form.Name:
			r.secret = cf.h.password(c, r, field.Name)
		}
		if field.Required {
			p.Lead = i18n.Msg("details.lead_required")
		}
		p.Fields = append(p.Fields, shown)
	}
	if l, ok := waitingLink(r); ok {
		if err := cf.nameIdentity(r, p, l, f); err != nil {
			return nil, form{}, err
		}
	}
	return p, form{base: &p.Base, view: func() templ.Component { return views.SignUpDetails(*p) }}, nil
}

// nameIdentity makes the page one that names an identity and the account to be
// made, before the one is bound to the other by its POST.
func (cf *codeFlow) nameIdentity(r *request, p *views.SignUpDetailsPage, l pendingLink, f *flow) error {
	said, err := r.session.Seal(r.scope(), identityPurpose(p.Form.Name), identityOf(r, f), flowLife)
	if err != nil {
		return err
	}
	provider := cf.h.providerName(r, l.Provider, l.Called)
	if len(p.Fields) == 0 {
		p.Lead = i18n.Message{}
	}
	p.Styled = true
	p.Identity = &views.NewIdentity{
		Said: said, Provider: provider, Person: cf.h.personOf(l.Name, l.Picture), Account: f.masked(),
		Lead: i18n.Message{Key: "provider.signing_up", Args: i18n.Args{"name": l.Name, "provider": provider}},
	}
	return nil
}

// actionNotMe is the button that makes an account without the identity on the page.
const actionNotMe = "not-me"

// namedIdentity is what a page has named: an identity and the account to be made.
type namedIdentity struct {
	Link string `json:"l"`
	To   string `json:"t"`
}

func identityOf(r *request, f *flow) namedIdentity {
	return namedIdentity{Link: tokenHash(r.link), To: f.to()}
}

func identityPurpose(form string) string { return "identity " + form }

// named reports that the form at hand is of a page that named the identity which
// waits and the account to be made.
func named(c *fiber.Ctx, r *request, f *flow) bool {
	var said namedIdentity
	return r.session.Open(r.scope(), identityPurpose(r.form), field(c, "identity"), &said) && said == identityOf(r, f)
}

// requiredOfNew is what to say where a field is empty that a new account must have.
var requiredOfNew = map[string]string{
	loginpage.SignUpName:     "error.required.new_name",
	loginpage.SignUpUsername: "error.required.new_username",
	loginpage.SignUpPassword: "error.required.new_password",
}

// judgeDetails checks what sign-up's last step brought and answers the values
// by the API's names, the password left out.
func judgeDetails(r *request, p *views.SignUpDetailsPage) map[string]string {
	values := map[string]string{}
	for _, f := range p.Fields {
		value := f.Value
		if f.Name == loginpage.SignUpPassword {
			value = r.secret
		} else {
			values[f.Name] = value
		}
		if value == "" && !f.Optional {
			wrong(&p.Base, f.Name, requiredOfNew[f.Name])
		}
		switch f.Name {
		case loginpage.SignUpName:
			tooLong(&p.Base, f.Name, value, maxName)
		case loginpage.SignUpUsername:
			if value != "" && !validUsername(value) {
				wrong(&p.Base, f.Name, "error.username_form")
			}
		}
	}
	checkNewPassword(&p.Base, loginpage.SignUpPassword, r.secret, values[loginpage.SignUpUsername], p.Identifier)
	return values
}

func (cf *codeFlow) postDetails(c *fiber.Ctx, f *flow) error {
	h, r := cf.h, requestOf(c)
	page, form, err := cf.details(c, f)
	if err != nil {
		return err
	}
	values := judgeDetails(r, page)
	if page.Invalid() {
		return h.show(c, fiber.StatusUnprocessableEntity, form)
	}
	name := values[loginpage.SignUpUsername]
	if err := cf.checkUsername(c, name); err != nil {
		return h.refuse(c, form, err, nil)
	}
	creds, err := h.register(c, f, authclient.SignUpRequest{
		Username: name, Password: r.secret, Name: values[loginpage.SignUpName], Locale: r.loc.Locale(),
	})
	switch {
	case err == nil:
		return h.complete(c, creds)
	case errors.Is(err, errAsksMore): // the page was not yet, or too long ago, one that names the identity
		form.base.Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("error.stale")}
		return h.show(c, fiber.StatusUnprocessableEntity, form)
	case errors.Is(err, authclient.ErrFailedPrecondition), errors.Is(err, authclient.ErrAlreadyExists) && name == "":
		f.setUser(true) // somebody registered the number meanwhile: the person may go in
		traceOf(c).code = codeOf(err)
		return cf.showVerified(c, f)
	}
	special := map[string]refusal{"already_exists": {status: 422, key: "error.username_taken", field: "username"}}
	if r.secret != "" {
		weakPassword(special, "password", r.secret)
	}
	return h.refuse(c, form, err, special)
}

// register signs up who has verified a number or address: what they asked for,
// the account that they had without registering, and the identity that they
// came from a provider with. That is bound only by the form of a page that named
// it: on a shared machine it may be somebody else's, who would then sign in as
// the person that registers now.
func (h *Handler) register(c *fiber.Ctx, f *flow, in authclient.SignUpRequest) (creds *authclient.Credentials, err error) {
	r := requestOf(c)
	l, linking := waitingLink(r)
	if linking {
		if !named(c, r, f) {
			return nil, errAsksMore
		}
		in.ProviderToken = l.Token
	}
	in.PhoneNumber, in.Email, in.VerificationToken = f.Phone, f.Email, f.VerificationToken
	in.AnonymousToken = h.anonymousToken(c)
	err = h.guarded(c, authclient.CallSignUp, false, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.client.auth.SignUp(ctx, in, opts...)
		return err
	})
	if err == nil && linking {
		r.link = "" // it is bound
	}
	return creds, err
}

// anonymousToken is the access token of somebody who has used the app without an
// account: with it the new account is the one they had. A token that TCB does
// not know any more would only be in the way.
func (h *Handler) anonymousToken(c *fiber.Ctx) string {
	r := requestOf(c)
	access, ok := r.session.Access(r.scope())
	if !ok || !access.Anonymous {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), profileWait)
	defer cancel()
	if _, err := r.client.auth.AsUser(access.AccessToken).GetUserInfo(ctx, h.options(c)...); errors.Is(err, authclient.ErrUnauthenticated) {
		return ""
	}
	return access.AccessToken
}

// weakPassword says what TCB's invalid_argument is about, which may be the
// password or the verification_token: a password that meets the rule leaves the
// token, spent or expired.
func weakPassword(special map[string]refusal, field, password string) {
	weak := refusal{status: 422, key: "error.password_weak", field: field}
	special["weak_password"] = weak
	special["invalid_argument"] = weak
	if strong(password) {
		special["invalid_argument"] = refusals["permission_denied"]
	}
}

// checkUsername asks TCB whether a chosen username is taken, which sign-up's
// own error does not tell from a number that is. It is the one question about
// accounts that a page answers to anybody, so it is limited.
func (cf *codeFlow) checkUsername(c *fiber.Ctx, name string) error {
	if name == "" {
		return nil
	}
	h, r := cf.h, requestOf(c)
	asked := &taken{counter: h.counter}
	if err := asked.take(context.Background(), ruleUsername, "error.too_many_wait", time.Second, r.network); err != nil {
		return err
	}
	var exists bool
	err := h.guarded(c, authclient.CallSignUp, false, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		exists, err = r.client.auth.IsUsernameRegistered(ctx, name, opts...)
		return err
	})
	if err != nil { // nothing was told
		asked.refund(context.Background())
	}
	if err == nil && exists {
		return &fieldProblem{field: "username", key: "error.username_taken"}
	}
	return err
}

func (h *Handler) resetPassword() *codeFlow {
	cf := &codeFlow{
		h: h, name: "reset-password", path: "/reset-password", phone: true, email: true,
		target: authclient.TargetUser, usage: "PASSWORD_RESET",
		title: "reset.title", leadPhone: "reset.lead_phone", leadEmail: "reset.lead_email",
		question: "reset.remember", link: "sign-in.back", counterpart: "sign-in",
		offered: (*loginpage.Page).CanReset,
	}
	cf.last = []string{"-new"}
	cf.finish = cf.showVerified
	cf.form = func(c *fiber.Ctx, f *flow) (form, error) {
		_, form, err := cf.newPassword(c, f)
		return form, err
	}
	cf.submit = cf.postNewPassword
	return cf
}

// newPassword is the last step of a reset.
func (cf *codeFlow) newPassword(c *fiber.Ctx, f *flow) (*views.NewPasswordPage, form, error) {
	r := requestOf(c)
	sealed, err := sealFlow(r, cf.name, f)
	if err != nil {
		return nil, form{}, err
	}
	p := &views.NewPasswordPage{
		Base:       *cf.h.formPage(r, "reset-password-new", i18n.Msg("reset.new_title"), cf.path, sealed),
		Identifier: f.to(),
	}
	if r.form == p.Form.Name {
		r.secret = cf.h.password(c, r, "new_password")
	}
	return p, form{base: &p.Base, view: func() templ.Component { return views.NewPassword(*p) }}, nil
}

func (cf *codeFlow) postNewPassword(c *fiber.Ctx, f *flow) error {
	h, r := cf.h, requestOf(c)
	page, form, err := cf.newPassword(c, f)
	if err != nil {
		return err
	}
	need(&page.Base, "new_password", r.secret)
	checkNewPassword(&page.Base, "new_password", r.secret, f.to())
	if page.Invalid() {
		return h.show(c, fiber.StatusUnprocessableEntity, form)
	}
	err = h.guarded(c, authclient.Call{}, false, func(ctx context.Context, opts ...authclient.CallOption) error {
		return r.client.auth.ResetPassword(ctx, authclient.ResetPasswordRequest{
			PhoneNumber: f.Phone, Email: f.Email, NewPassword: r.secret, VerificationToken: f.VerificationToken,
		}, opts...)
	})
	if err != nil {
		special := map[string]refusal{}
		weakPassword(special, "new_password", r.secret)
		return h.refuse(c, form, err, special)
	}
	// As the SDK does it: the new password signs in at once.
	var creds *authclient.Credentials
	err = h.guarded(c, authclient.CallSignIn, false, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.client.auth.SignIn(ctx, authclient.SignInRequest{Username: f.to(), Password: r.secret}, opts...)
		return err
	})
	if err == nil {
		return h.complete(c, creds)
	}
	// The password is set all the same. What is left is to sign in with it.
	traceOf(c).code = codeOf(err)
	signIn, signInForm := h.signInPage(r, f.to())
	signIn.Alert = views.Alert{Kind: views.AlertOK, Message: i18n.Msg("reset.done")}
	r.secret = ""
	return h.show(c, fiber.StatusOK, signInForm)
}
