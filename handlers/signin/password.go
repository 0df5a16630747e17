package signin

import (
	"context"
	"errors"
	"slices"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/rules"
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
		Names:    namesOf(r),
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

// namesOf are what people sign in with at the login page, besides a username.
func namesOf(r *web.Request) views.Names {
	return views.Names{Phone: r.LoginPage.VerifiesBy(loginpage.KindSMS), Email: r.LoginPage.VerifiesBy(loginpage.KindEmail)}
}

func (in *Room) getSignIn(r *web.Request) (web.Reply, error) {
	if !r.LoginPage.Offers(loginpage.KindPassword) {
		return web.Reply{}, refusal.ErrDisabled
	}
	return web.OK(in.SignInPage(r, web.Cut(identifier.Plain(r.LoginHint), rules.MaxIdentifier)))
}

// signInForm is what the form brings.
type signInForm struct {
	Username string `form:"username" validate:"required,max=254"`
	Password string `form:"password" validate:"required,max=256"`
}

// typedSignIn is what was typed.
func typedSignIn(r *web.Request) signInForm {
	form := signInForm{Username: r.Form.Line("username"), Password: r.Form.Secret("password")}
	if identifier.Plain(form.Username) == "" { // nothing that shows
		form.Username = ""
	}
	return form
}

// checkSignIn is what is wrong with the form.
func checkSignIn(r *web.Request, form signInForm) (wrong views.FieldErrors) {
	rules.Check(&wrong, form)
	for i, e := range wrong { // the words name what the label names
		if e.Message.Key == "error.required.username" {
			wrong[i].Message.Key = namesOf(r).Key(e.Message.Key)
		}
	}
	web.RequireConsent(r, web.Consent(&r.LoginRequest, r.Form), &wrong)
	return wrong
}

func (in *Room) rebuildSignIn(r *web.Request) (views.Page, error) {
	if !r.LoginPage.Offers(loginpage.KindPassword) {
		return nil, refusal.ErrDisabled
	}
	return in.SignInPage(r, typedSignIn(r).Username), nil
}

func (in *Room) postSignIn(r *web.Request) (web.Reply, error) {
	if !r.LoginPage.Offers(loginpage.KindPassword) {
		return web.Reply{}, refusal.ErrDisabled
	}
	form := typedSignIn(r)
	if wrong := checkSignIn(r, form); len(wrong) > 0 {
		page := in.SignInPage(r, form.Username)
		page.Errors = wrong
		return web.Invalid(page)
	}
	with, creds, err := in.signInWithPassword(r, form)
	with.by, with.who = audit.ByPassword, form.Username
	reply, err := in.admit(r, with, creds, err)
	if err != nil {
		page := in.SignInPage(r, form.Username)
		in.offerOthers(r, page, err)
		return web.Refuse(page, err, passwordRefusals)
	}
	return reply, nil
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
func (in *Room) offerOthers(r *web.Request, page *views.SignInPage, err error) {
	page.Refused = wrongPassword(err)
	switch {
	case page.Refused, isLimit(err):
		page.Alert.Links = around(r, byForm(page.Methods))
	case refusal.Elsewhere(err):
		page.Alert.Links = byForm(page.Methods)
	}
}

func isLimit(err error) bool {
	var limited *refusal.Limited
	return errors.As(err, &limited)
}

// around are the ways in for who has no password that works: a code, by the first of some forms, and a
// new password.
func around(r *web.Request, codes []views.Link) (links []views.Link) {
	if len(codes) > 0 {
		codes[0].Label = i18n.Msg("sign-in.with_code")
		links = codes[:1]
	}
	if r.LoginPage.CanReset() {
		links = append(links, views.Link{To: "reset-password", URL: r.To(entry.PathResetPassword), Label: i18n.Msg("sign-in.reset")})
	}
	return links
}

// A guess is a name and a password that TCB is asked about.
type guess struct{ name, password string }

// id names a guess to nobody who does not know it.
func (g guess) id() string { return web.HashOf(g.name + "\n" + g.password) }

// guesses are what somebody may have meant, at most two. Digits alone are a phone number first, and
// then a username, which TCB's own page takes them for; a password is then taken as it was typed.
func guesses(form signInForm) []guess {
	names, secrets := identifier.Names(form.Username), password.Forms(form.Password)
	if len(names) > 1 {
		secrets = secrets[:1]
	}
	var all []guess
	for _, name := range names {
		for _, secret := range secrets {
			all = append(all, guess{name, secret})
		}
	}
	return all
}

// signInWithPassword asks TCB about each guess until one is right, and stops at anything but a wrong
// password. A captcha in between goes on with the guess that it was asked for. with is the guess that
// TCB was asked about last.
func (in *Room) signInWithPassword(r *web.Request, form signInForm) (with given, creds *authclient.Credentials, err error) {
	all := guesses(form)
	first := max(0, slices.IndexFunc(all, func(g guess) bool { return r.Form.At() == g.id() }))
	person := personOf(r, form.Username)
	tries, refused, beyond := in.Reserve(), false, false
	for i := first; i < len(all); i++ {
		demand := false
		if i == first || all[i].name == all[i-1].name {
			if demand, err = in.countGuess(r, tries, person); err != nil {
				return with, nil, err
			}
		}
		beyond = beyond || demand
		with = given{Username: all[i].name, Password: all[i].password}
		r.Form.GoOnAt(all[i].id())
		creds, err = in.guess(r, all[i], demand)
		if !wrongPassword(err) {
			switch demands := authclient.DemandOf(err); {
			case refused:
			case demands != authclient.DemandSecondFactor && demands != authclient.DemandPhone:
				tries.Refund(r.Context())
			case !beyond: // a right password alone stays counted: it must not be tried without end
				with.Network = r.Caller.Network.Key
			}
			return with, creds, err
		}
		refused = true
	}
	r.Form.GoOnAt("")
	r.Trace.Alike()
	return with, nil, err
}

// personOf is whom guesses at a name count for: both names of digits count as one, for whose they
// are, if they are two, is nobody's business.
func personOf(r *web.Request, username string) string {
	return limit.Key(r.Env.ID, limit.NormalizeIdentifier(identifier.Names(username)[0]))
}

// shareOf is a network's share of the guesses at somebody.
func shareOf(r *web.Request, person string) string { return limit.Key(person, r.Caller.Network.Key) }

// softCounts are those beyond which a guess only wants a captcha.
func softCounts(r *web.Request, person string) []limits.Count {
	return append(r.Caller.Network.Counts(limits.RulePasswordNetwork), limits.Count{Rule: limits.RulePasswordPerson, Key: person})
}

// countGuess takes a try before the call, so that many at once get no further than one after another.
// It is given back unless the password was wrong. demand says that the call needs a captcha of ours.
func (in *Room) countGuess(r *web.Request, tries *limits.Reservation, person string) (demand bool, err error) {
	if err := tries.Take(r.Context(), limits.RulePassword, "error.password_limit", time.Minute, shareOf(r, person)); err != nil {
		return false, err
	}
	return tries.TakeSoft(r.Context(), softCounts(r, person)...) || r.Env.Limits.AttackMode, nil
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

// wrongPassword reports that a call was a guess that failed. One that TCB only demands more of was
// right.
func wrongPassword(err error) bool {
	return authclient.DemandOf(err) == authclient.NoDemand && guessedWrong(err, passwordRefusals)
}

// guessedWrong is wrongPassword where codes mean what a table says.
func guessedWrong(err error, table refusal.Table) bool {
	var api *authclient.Error
	return errors.As(err, &api) && refusal.Of(api, table).Key == "error.sign_in_failed"
}
