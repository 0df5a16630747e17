package signin

import (
	"cmp"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/journal"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Every call that yields credentials ends in admit, whatever it was: a password, a code, a provider,
// a phone, a registration. So what TCB can demand besides (authclient.Demand) is met in one place, and no way
// in is one around it:
//
//	admit ─▶ visitor.Complete        the login
//	      ─▶ /sign-in/new-password   the password has to be changed: change.go
//	      ─▶ /sign-in/second-factor  a code besides the password: factor.go
//	      ─▶ a notice                a second factor that this way in cannot bring, a phone to bind
//
// What was given waits meanwhile in a cookie of a random id, sealed for this session, and the address
// has the id, sealed too: nobody comes to those pages but from a sign-in that TCB answered so, and
// with what was given there. Never in the address itself, which proxies log.

// given is what somebody gave to a call that yields credentials.
type given struct {
	Username string `json:"u"`           // as TCB was asked
	Password string `json:"p,omitempty"` // empty where the call took none
	Phone    string `json:"t,omitempty"` // where TCB says that a code can go
	Email    string `json:"e,omitempty"`
	Renewed  bool   `json:"r,omitempty"` // the password was set a moment ago
	Network  string `json:"n,omitempty"` // that has counted the try, see refundGuess

	elsewhere bool // on another device: there is no password then, so that nothing is kept

	by       audit.Method // what it was, for the record
	who      string       // what was typed, where it is not Username
	provider string       // the identity provider's id
}

const (
	keptPurpose = "given to sign in"
	keptLife    = 10 * time.Minute
)

// admit answers what a call that yields credentials came to: the login, or what TCB demands besides.
// An error that demands nothing is a refusal, and the page's that made the call.
func (in *Room) admit(r *web.Request, with given, creds *authclient.Credentials, err error) (web.Reply, error) {
	noteSignIn(r, with, creds, err)
	switch {
	case err == nil && with.elsewhere:
		return in.visitor.CompleteElsewhere(r, creds, r.Destination())
	case err == nil:
		return in.visitor.Complete(r, creds, r.Destination())
	}
	demand := authclient.DemandOf(err)
	if demand == authclient.DemandNewPassword && with.Renewed {
		return web.Reply{}, err // it says something else, then
	}
	switch demand {
	case authclient.DemandNewPassword:
		r.Trace.Refused(err)
		return in.keep(r, changeSpec, with)
	case authclient.DemandSecondFactor:
		r.Trace.Refused(err)
		if with.Password == "" {
			return web.Show(http.StatusUnprocessableEntity, in.factorNeeded(r))
		}
		with.Phone, with.Email = factorTargets(r, err)
		return in.keep(r, factorSpec, with)
	case authclient.DemandPhone:
		r.Trace.Refused(err)
		return web.Show(http.StatusUnprocessableEntity, in.phoneNeeded(r))
	}
	return web.Reply{}, err
}

// noteSignIn puts on record how somebody tried to come in, once it has come to something.
func noteSignIn(r *web.Request, with given, creds *authclient.Credentials, err error) {
	outcome, why, tcb := journal.Outcome(err)
	if outcome == "" {
		return
	}
	e := audit.Event{
		Name: audit.SignIn, Outcome: outcome, Reason: why, Code: tcb,
		Method: with.by, Provider: with.provider, Identifier: cmp.Or(with.who, with.Username),
	}
	if err == nil {
		e.Sub = creds.Sub
	}
	r.Trace.Note(e)
}

// keep leads to the page that meets a demand.
func (in *Room) keep(r *web.Request, spec code.Spec, with given) (web.Reply, error) {
	var b [16]byte
	if err := in.Random(b[:]); err != nil {
		return web.Reply{}, err
	}
	id := hex.EncodeToString(b[:])
	sealed, err := code.Begin(r, spec, id)
	if err != nil {
		return web.Reply{}, err
	}
	cookie, err := r.Session.SealFlow(keptPurpose, id, with, keptLife)
	if err != nil { // a name and a password of hundreds of signs that each take several bytes
		return web.Reply{}, refusal.BadRequest("error.page.too_large", nil)
	}
	r.Session.SendFlow(cookie)
	return web.SeeOther(r.To(spec.Path, entry.Add("flow", sealed)))
}

// kept is what the request's step comes after, and the id that it is kept under.
func (in *Room) kept(r *web.Request, spec code.Spec) (id string, with given, ok bool) {
	id = code.OwnerOf(r, spec)
	ok = id != "" && r.Session.FlowValue(keptPurpose, id, &with) && with.Password != ""
	return id, with, ok
}

// lostPage is for who comes to a demand's page without what it comes after, or too late: the ways in.
func (in *Room) lostPage(r *web.Request) (views.Page, error) {
	page, err := in.entryPage(r)
	if err != nil {
		return nil, err
	}
	b := page.Frame()
	b.Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("error.session_over")}
	if r.Posted() {
		b.Alert.Kind = views.AlertError
	}
	b.Canonical = r.To(entry.PathEntry)
	return page, nil
}

func (in *Room) lost(r *web.Request) (web.Reply, error) {
	page, err := in.lostPage(r)
	switch {
	case err != nil:
		return web.Reply{}, err
	case r.Posted():
		return web.Invalid(page)
	}
	return web.OK(page)
}

// entryPage is the page with the ways in.
func (in *Room) entryPage(r *web.Request) (views.Page, error) {
	reply, err := in.entry(r.As(r.At(entry.PathEntry, false, false)))
	if err == nil && reply.Page == nil {
		err = refusal.ErrNoForm // a page that leads away at once has no ways in
	}
	return reply.Page, err
}

// factorNeeded is for who came by something that a second factor cannot go along with.
func (in *Room) factorNeeded(r *web.Request) *views.NoticePage {
	p := &views.NoticePage{Base: in.Page(&r.LoginRequest, "second-factor-needed", i18n.Msg("second.needed.title")), Lead: i18n.Msg("error.two_factor_needed")}
	web.LinkLanguages(&p.Base, func(other entry.Differ) string { return r.To(entry.PathEntry, other) })
	p.Button = views.Link{To: "sign-in", URL: r.To(entry.PathSignIn), Label: i18n.Msg("second.needed.button")}
	if !r.LoginPage.Offers(loginpage.KindPassword) {
		p.Lead.Key = "second.needed.ask"
		p.Button = views.Link{To: "sign-in", URL: r.To(entry.PathEntry), Label: i18n.Msg("sign-in.back")}
	}
	return p
}

// phoneNeeded is for who has to have a phone number before the password lets them in. None is bound
// here, where nobody has shown who they are but by the password: it is in the portal, after another
// way in.
func (in *Room) phoneNeeded(r *web.Request) *views.NoticePage {
	p := &views.NoticePage{
		Base: in.Page(&r.LoginRequest, "phone-needed", i18n.Msg("second.phone.title")), Lead: i18n.Msg("error.two_factor_phone"),
		Button: views.Link{To: "sign-in", URL: r.To(entry.PathEntry), Label: i18n.Msg("sign-in.back")},
	}
	web.LinkLanguages(&p.Base, func(other entry.Differ) string { return r.To(entry.PathEntry, other) })
	then := r.As(r.Toward("account-phone", entry.PathPhone))
	ways := slices.DeleteFunc(in.others(then, loginpage.KindPassword), func(l views.Link) bool { return l.To == "sign-in-sms" })
	for i := range ways {
		if ways[i].To == "sign-in-email" { // "Email" alone says enough only among other ways
			ways[i].Label = i18n.Msg("sign-in.email.title")
		}
	}
	for _, w := range r.LoginPage.Methods {
		if w.Kind() == "" { // its button is on the entry page, or the one after
			ways = append(ways, views.Link{To: "entry", URL: then.To(then.SignInPath()), Label: i18n.Msg("methods.label")})
			break
		}
	}
	if len(ways) == 0 {
		p.Lead.Key = "second.phone.ask"
		return p
	}
	back := p.Button
	p.Button, p.Others = ways[0], append(ways[1:], back)
	return p
}

// WithNewPassword goes on after a password was set: it signs in at once, as the SDK does. Where that
// fails the person signs in with it themselves.
func (in *Room) WithNewPassword(r *web.Request, username, password string) (web.Reply, error) {
	creds, err := in.signInCall(r, false, authclient.SignInRequest{Username: username, Password: password})
	reply, err := in.admit(r, given{Username: username, Password: password, Renewed: true, by: audit.ByNewPassword}, creds, err)
	var api *authclient.Error
	if err == nil || !errors.As(err, &api) && !web.CaptchaAsked(err) {
		return reply, err
	}
	r.Trace.Refused(err) // the password is set all the same
	p := in.SignInPage(r, username)
	p.Alert = views.Alert{Kind: views.AlertOK, Message: i18n.Msg("reset.done")}
	return web.OK(p)
}
