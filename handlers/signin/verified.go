package signin

import (
	"context"
	"errors"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/provider"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// What sign-in and sign-up do with a right code.

// waiting is what a new account takes along from this browser: an identity that came from a
// provider, what was done without an account. Either may be somebody else's, on a shared machine:
// who left the identity would later sign in as the person that registers now, and who went on
// without an account may have kept its tokens. So both are named by a page first, and taken by that
// page's form alone.
type waiting struct {
	link      provider.Link
	linking   bool
	anonymous string // the access token
}

func waitingFor(r *web.Request) waiting {
	w := waiting{anonymous: visitor.Anonymous(r)}
	if l, ok := provider.Waiting(r); ok {
		w.link, w.linking = l, true
	}
	return w
}

func (w waiting) any() bool { return w.linking || w.anonymous != "" }

// asksNew reports that whoever signs in by this code is new and is asked for more before there is
// an account: whether what waits belongs to it, or what the page asks.
func asksNew(r *web.Request, step *code.Step) bool {
	if step.IsUser() || r.LoginPage.Registration != loginpage.RegistrationAuto {
		return false
	}
	visitor.ForgetGone(r)
	return waitingFor(r).any() || r.LoginPage.AsksFields()
}

// enterVerified signs in by a code that was right, and makes the account where there is none.
func (in *Room) enterVerified(r *web.Request, f registering, step *code.Step) (web.Reply, error) {
	creds, bound, err := in.signInVerified(r, f, step)
	if bound {
		r = r.As(r.WithoutLink())
	}
	if errors.Is(err, errAsksMore) {
		return code.SeeVerified(r, f, step)
	}
	reply, err := in.admit(r, given{by: audit.By(step.Phone != ""), who: step.To()}, creds, err)
	if err == nil {
		return reply, nil
	}
	page, pageErr := f.Last(r, step)
	if pageErr != nil {
		return web.Reply{}, pageErr
	}
	return web.Refuse(page, err, nil)
}

// errAsksMore: a new account is not made before the page has asked what it wants to know: the
// account is gone since the code was sent, or what waits was not named yet.
var errAsksMore = errors.New("a new account is to be asked for more")

// signInVerified signs in with a verification_token, or up where there is no account yet
// (registerType auto). What TCB said of the account when it sent the code may have changed since:
// then the other way is tried once. bound says that the identity which waited belongs to the
// account.
func (in *Room) signInVerified(r *web.Request, f registering, step *code.Step) (creds *authclient.Credentials, bound bool, err error) {
	signIn := authclient.SignInRequest{Username: step.To(), VerificationToken: step.VerificationToken}
	if step.IsUser() || r.LoginPage.Registration != loginpage.RegistrationAuto {
		creds, err = in.signInCall(r, false, signIn)
		if !errors.Is(err, authclient.ErrNotFound) || r.LoginPage.Registration != loginpage.RegistrationAuto {
			return creds, false, err
		}
		if step.SetUser(false); asksNew(r, step) || f.asksAll(r.LoginPage) {
			return nil, false, errAsksMore
		}
		return in.register(r, step, authclient.SignUpRequest{})
	}
	creds, bound, err = in.register(r, step, authclient.SignUpRequest{})
	if !errors.Is(err, authclient.ErrFailedPrecondition) && !errors.Is(err, authclient.ErrAlreadyExists) {
		return creds, bound, err
	}
	step.SetUser(true)
	creds, err = in.signInCall(r, false, signIn)
	return creds, false, err
}

// register signs up who has verified a number or address: with what they asked for, and what
// waited. bound says that an identity was among that.
func (in *Room) register(r *web.Request, step *code.Step, with authclient.SignUpRequest) (creds *authclient.Credentials, bound bool, err error) {
	w := waitingFor(r)
	if w.any() && !named(r, w, step) {
		return nil, false, errAsksMore
	}
	with.ProviderToken = w.link.Token
	with.PhoneNumber, with.Email, with.VerificationToken = step.Phone, step.Email, step.VerificationToken
	with.AnonymousToken = visitor.AnonymousToken(r)
	err = in.Guarded(r, authclient.CallSignUp, false, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.Auth().SignUp(ctx, with, opts...)
		return err
	})
	if err == nil {
		r.Trace.Note(audit.Event{Name: audit.AccountMade, Outcome: audit.OK, Method: audit.By(step.Phone != ""), Sub: creds.Sub, Identifier: step.To()})
		if w.linking {
			r.Trace.Note(audit.Event{Name: audit.MethodChanged, Outcome: audit.OK, What: audit.Linked, Provider: w.link.Provider, Sub: creds.Sub})
		}
	}
	return creds, err == nil && w.linking, err
}

// confirmed is the page with a button alone, for when TCB failed after a right code.
func (in *Room) confirmed(r *web.Request, f code.Flow, step *code.Step) (*views.ConfirmedPage, error) {
	sealed, err := code.Seal(r, f.Spec(), step)
	if err != nil {
		return nil, err
	}
	base := f.Base(r, f.Spec().Name+"-confirmed", i18n.Msg("confirmed.title"), sealed)
	base.Mark = "ok"
	return &views.ConfirmedPage{
		Base:   base,
		Lead:   i18n.Message{Key: "confirmed.lead", Args: i18n.Args{"who": step.Masked()}},
		Button: i18n.Msg("sign-in.button"),
		Other:  views.Link{To: "sign-in", URL: r.To(entry.PathEntry), Label: i18n.Msg("sign-in.back")},
	}, nil
}

// exists is for whoever signs up and has an account already.
func (in *Room) exists(r *web.Request, f code.Flow, step *code.Step) (*views.ConfirmedPage, error) {
	sealed, err := code.Seal(r, f.Spec(), step)
	if err != nil {
		return nil, err
	}
	return &views.ConfirmedPage{
		Base:   f.Base(r, f.Spec().Name+"-confirmed", i18n.Msg("exists.title"), sealed),
		Lead:   i18n.Message{Key: "exists.lead", Args: i18n.Args{"who": step.Masked()}},
		Button: i18n.Msg("exists.button"),
		Other:  views.Link{To: "sign-up", URL: r.To(entry.PathSignUp), Label: i18n.Msg("exists.other")},
	}, nil
}
