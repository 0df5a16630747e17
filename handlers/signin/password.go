package signin

import (
	"context"
	"errors"
	"slices"
	"time"

	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/limit"
	"tcb-login/password"
	"tcb-login/views"
)

const formSignIn = "sign-in"

// SignInPage is sign-in by password.
func (in *Room) SignInPage(r *web.Request, username string) *views.SignInPage {
	p := &views.SignInPage{
		Base:     in.FormPage(&r.LoginRequest, formSignIn, r.Title(), entry.PathSignIn, ""),
		Username: username,
		Methods:  in.Methods(&r.LoginRequest, loginpage.KindPassword),
	}
	p.Consent = web.Consent(&r.LoginRequest, r.Form)
	if r.LoginPage.CanReset() {
		p.Reset = views.Link{To: "reset-password", URL: r.To(entry.PathResetPassword), Label: i18n.Msg("sign-in.forgot")}
	}
	if r.LoginPage.SignUpPage {
		p.SignUp = views.Link{To: "sign-up", URL: r.To(entry.PathSignUp), Label: i18n.Msg("sign-up.link")}
	}
	return p
}

// PasswordSet is sign-in for somebody whose new password is set, and who has to sign in with it.
func (in *Room) PasswordSet(r *web.Request, username string) (web.Reply, error) {
	p := in.SignInPage(r, username)
	p.Alert = views.Alert{Kind: views.AlertOK, Message: i18n.Msg("reset.done")}
	return web.OK(p)
}

func (in *Room) getSignIn(r *web.Request) (web.Reply, error) {
	if !r.LoginPage.Offers(loginpage.KindPassword) {
		return web.Reply{}, refusal.ErrDisabled
	}
	return web.OK(in.SignInPage(r, web.Cut(r.LoginHint, web.MaxIdentifier)))
}

// signInForm is what the form brings.
type signInForm struct {
	Username string `form:"username" validate:"required,max=254"`
	Password string `form:"password" validate:"required,max=256"`
}

// typedSignIn is the page with what was typed.
func (in *Room) typedSignIn(r *web.Request) (*views.SignInPage, signInForm) {
	form := signInForm{Username: r.Form.Line("username"), Password: r.Form.Secret("password")}
	return in.SignInPage(r, form.Username), form
}

func (in *Room) rebuildSignIn(r *web.Request) (views.Page, error) {
	if !r.LoginPage.Offers(loginpage.KindPassword) {
		return nil, refusal.ErrDisabled
	}
	p, _ := in.typedSignIn(r)
	return p, nil
}

func (in *Room) postSignIn(r *web.Request) (web.Reply, error) {
	if !r.LoginPage.Offers(loginpage.KindPassword) {
		return web.Reply{}, refusal.ErrDisabled
	}
	if !r.OwnTarget() {
		return web.Reply{}, refusal.ErrNotYet
	}
	page, form := in.typedSignIn(r)
	web.Validate(&page.Base, form)
	web.RequireConsent(&page.Base, r.Form)
	if page.Invalid() {
		return web.Invalid(page)
	}
	creds, err := in.signInWithPassword(r, form)
	if err != nil {
		offerOthers(page, err)
		return web.Refuse(page, err, passwordRefusals)
	}
	return in.visitor.Complete(r, creds, r.Destination())
}

// passwordRefusals: who has no account, no password or no access hears the same as who mistyped;
// the page must not tell strangers who has an account.
var passwordRefusals = func() refusal.Table {
	table := refusal.Table{"invalid_argument": refusal.Meaning("invalid_password")} // TCB's word for a name that cannot be one
	for code := range refusal.Codes {
		if refusal.AboutAccount(code) {
			table[code] = refusal.Meaning("invalid_password")
		}
	}
	return table
}()

// offerOthers offers code and reset beside a refusal that they get around.
func offerOthers(page *views.SignInPage, err error) {
	var limited *refusal.Limited
	page.Refused = wrongPassword(err)
	if page.Refused || errors.As(err, &limited) {
		methodsAround(page)
	}
}

func methodsAround(page *views.SignInPage) {
	for _, w := range page.Methods.Others {
		if !w.Provider {
			page.Alert.Links = append(page.Alert.Links, views.Link{To: w.To, URL: w.URL, Label: i18n.Msg("sign-in.with_code")})
			break
		}
	}
	if page.Reset.URL != "" {
		page.Alert.Links = append(page.Alert.Links, views.Link{To: "reset-password", URL: page.Reset.URL, Label: i18n.Msg("sign-in.reset")})
	}
}

// A guess is a name and a password that TCB is asked about.
type guess struct{ name, password string }

// id names a guess to nobody who does not know it.
func (g guess) id() string { return web.HashOf(g.name + "\n" + g.password) }

// guesses are what somebody may have meant, at most two. Digits alone are a phone number first, and
// then a username, which TCB's own page takes them for. A password may have been set as it is typed,
// by an app, or composed, as our pages do it.
func guesses(form signInForm) []guess {
	var all []guess
	for _, name := range identifier.Names(form.Username) {
		all = append(all, guess{name, form.Password})
	}
	if composed := password.Normalize(form.Password); len(all) == 1 && composed != form.Password {
		all = append(all, guess{all[0].name, composed})
	}
	return all
}

// signInWithPassword asks TCB about each guess until one is right, and stops at anything but a wrong
// password. A captcha in between goes on with the guess that it was asked for.
func (in *Room) signInWithPassword(r *web.Request, form signInForm) (creds *authclient.Credentials, err error) {
	all := guesses(form)
	first := max(0, slices.IndexFunc(all, func(g guess) bool { return r.Form.At() == g.id() }))
	// Both names of digits count as one: whose they are, if they are two, is nobody's business.
	person := limit.Key(r.Env.ID, limit.NormalizeIdentifier(all[0].name))
	tries, refused := in.Reserve(), false
	for i := first; i < len(all); i++ {
		demand := false
		if i == first || all[i].name == all[i-1].name {
			if demand, err = in.countGuess(r, tries, person); err != nil {
				return nil, err
			}
		}
		r.Form.GoOnAt(all[i].id())
		creds, err = in.guess(r, all[i], demand)
		if !wrongPassword(err) {
			if !refused {
				tries.Refund(r.Context())
			}
			return creds, err
		}
		refused = true
	}
	r.Form.GoOnAt("")
	r.Trace.Alike()
	return nil, err
}

// countGuess takes a try before the call, so that many at once get no further than one after another.
// It is given back unless the password was wrong. demand says that the call needs a captcha of ours.
func (in *Room) countGuess(r *web.Request, tries *limits.Reservation, person string) (demand bool, err error) {
	if err := tries.Take(r.Context(), limits.RulePassword, "error.password_limit", time.Minute, limit.Key(person, r.Caller.Network.Key)); err != nil {
		return false, err
	}
	soft := append(r.Caller.Network.Counts(limits.RulePasswordNetwork), limits.Count{Rule: limits.RulePasswordPerson, Key: person})
	return tries.TakeSoft(r.Context(), soft...) || r.Env.Limits.AttackMode, nil
}

func (in *Room) guess(r *web.Request, g guess, demand bool) (creds *authclient.Credentials, err error) {
	err = in.Guarded(r, authclient.CallSignIn, demand, in.Watched(r, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.Auth().SignIn(ctx, authclient.SignInRequest{Username: g.name, Password: g.password}, opts...)
		return err
	}, limits.FloorPassword, r.Env.ID))
	return creds, err
}

// signInCall is TCB's sign-in.
func (in *Room) signInCall(r *web.Request, demand bool, with authclient.SignInRequest) (creds *authclient.Credentials, err error) {
	err = in.Guarded(r, authclient.CallSignIn, demand, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.Auth().SignIn(ctx, with, opts...)
		return err
	})
	return creds, err
}

// wrongPassword reports that a call was a guess that failed.
func wrongPassword(err error) bool {
	var api *authclient.Error
	return errors.As(err, &api) && refusal.Of(api, passwordRefusals).Key == "error.sign_in_failed"
}
