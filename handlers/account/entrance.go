package account

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/views"
)

// enter lets somebody to a page of the portal. Where they get another page instead that is an
// error, as everything is that keeps a handler from its work.
func (a *Room) enter(r *web.Request, p page) (*web.Request, *visitor.Login, error) {
	if p.texts && !r.Env.Texts() {
		return r, nil, refusal.ErrDisabled
	}
	login, err := a.visitor.Load(r)
	switch {
	case err != nil:
		return r, nil, err
	case login == nil:
		return r, nil, instead(a.handOffPage(r))
	}
	r = visitor.Asking(r, login.Access)
	switch {
	case login.Access.Anonymous:
		return r, nil, instead(a.offerRegistration(r, login))
	case reviewDue(r, login, p):
		return r, nil, &web.Instead{Reply: web.Reply{To: r.To(pathReview, entry.Next(cmp.Or(p.name, "account")))}}
	case !a.proven(p, login):
		return r, nil, &web.Instead{Reply: web.Reply{To: a.stepUpFor(r, p.name)}}
	}
	return r, login, nil
}

// proven reports that a page wants no step-up of who is there.
func (a *Room) proven(p page, login *visitor.Login) bool {
	return (!p.stepUp || login.HasSudo(a.Now())) && (!p.proved || login.ProvedLately(a.Now()))
}

func instead(p views.Page) error { return &web.Instead{Reply: web.Reply{Status: 200, Page: p}} }

// nameHere is the page that a login or a step-up on the way leads to: the one at hand, or where
// that one leads.
func (a *Room) nameHere(r *web.Request) string {
	return cmp.Or(a.nameAt(r.Path), r.Next, "account")
}

// signInHere leads to sign-in, and from there back to the page at hand.
func (a *Room) signInHere(r *web.Request) string {
	return r.To(entry.PathEntry, entry.Next(a.nameHere(r)))
}

// stepUpFor is the way to the step-up, and from there to a page of the portal.
func (a *Room) stepUpFor(r *web.Request, name string) string {
	return r.To(entry.PathVerify, entry.Next(name))
}

// askStepUp leads to the step-up, and from there back to the page at hand.
func (a *Room) askStepUp(r *web.Request) (web.Reply, error) {
	return web.SeeOther(a.stepUpFor(r, a.nameHere(r)))
}

// handOffPage looks for the SDK's login in the browser's storage.
func (a *Room) handOffPage(r *web.Request) *views.HandOffPage {
	return a.visitor.HandOffPage(r, a.signInHere(r))
}

// offerRegistration is the portal of somebody who has not registered: all that there is to do is
// that. Sign-up then keeps the account, by its anonymous_token.
func (a *Room) offerRegistration(r *web.Request, login *visitor.Login) *views.NoticePage {
	p := &views.NoticePage{
		Base: a.Page(&r.LoginRequest, "account-anonymous", i18n.Msg("account.anonymous.title")),
		Lead: i18n.Msg("account.anonymous.lead"),
	}
	p.Guard = visitor.Guard(r, views.GuardPortal, a.signInHere(r), login) // they may have signed in to the app since
	web.LinkLanguages(&p.Base, r.InOther)
	next, again := entry.Next(a.nameHere(r)), entry.With("prompt", "login")
	if path := r.LoginPage.RegisterPath(); path != "" {
		p.Button = linkTo("sign-up", r.To(path, next, again), "account.anonymous.button")
	}
	p.Others = []views.Link{linkTo("sign-in", r.To(entry.PathEntry, next, again), "account.anonymous.sign_in")}
	if r.OwnTarget() {
		p.Others = append(p.Others, linkTo("app", r.RedirectURI, "account.app"))
	}
	p.Others = append(p.Others, linkTo("sign-out", r.To(entry.PathSignOut), "sign-out.button"))
	return p
}

// over is what a page of the portal makes of a failed look at TCB: a login that has just ended is
// looked for again.
func (a *Room) over(r *web.Request, err error) (web.Reply, error) {
	if !errors.Is(err, authclient.ErrUnauthenticated) {
		return web.Reply{}, err
	}
	r.Trace.Refused(err)
	r.Session.DropAccess()
	return web.OK(a.handOffPage(r))
}

// refuse is web.Refuse for a change in the portal: a login that has ended meanwhile is looked for
// again, and a step-up that TCB does not accept any more is asked for again.
func (a *Room) refuse(r *web.Request, login *visitor.Login, page views.Page, err error, special refusal.Table) (web.Reply, error) {
	_, said := special[refusal.CodeOf(err)]
	if !errors.Is(err, authclient.ErrPermissionDenied) || said || login.Access.SudoUntil == 0 {
		return a.refuseStepUp(r, page, err, special)
	}
	r.Trace.Refused(err)
	access := login.Access
	access.SudoToken, access.SudoUntil = "", 0
	r.Session.KeepAccess(access)
	return a.askStepUp(r)
}

// refuseStepUp is refuse for the step-up itself.
func (a *Room) refuseStepUp(r *web.Request, page views.Page, err error, special refusal.Table) (web.Reply, error) {
	if errors.Is(err, authclient.ErrUnauthenticated) {
		return a.over(r, err)
	}
	return web.Refuse(page, err, special)
}

// A change is one that went well, on the way to the page that says so. It is sealed: a page that
// would say whatever its address does could be made to tell somebody that their password is
// changed, who then goes on to where they can "undo" it.
type change struct {
	Done string `json:"d"` // the message, account.done.…
	Sub  string `json:"s"` // whose account it was
}

const (
	doneLife    = 2 * time.Minute
	donePurpose = "done"
)

// ruleDone: it is said once.
var ruleDone = limit.Rule{Name: "done", N: 1, Per: doneLife}

// noteChange puts on record that one of the person's ways to sign in is another from now on.
func noteChange(r *web.Request, login *visitor.Login, e audit.Event) {
	e.Name, e.Outcome, e.Sub = audit.MethodChanged, audit.OK, login.Me.Sub
	r.Trace.Note(e)
}

// finished answers a change that went well: the page at path says so once, by the message done.
func (a *Room) finished(r *web.Request, login *visitor.Login, path, done string) (web.Reply, error) {
	if slices.Contains(ownChanges, done) {
		a.changedOwn(r, login)
	}
	sealed, err := r.Session.Seal(donePurpose, change{Done: done, Sub: login.Me.Sub}, doneLife)
	if err != nil {
		return web.Reply{}, err
	}
	return web.SeeOther(r.Into(path, entry.Add("done", sealed)))
}

// doneOf is the message of the change that the page at hand is to confirm, if any.
func (a *Room) doneOf(r *web.Request, login *visitor.Login) string {
	did, ok := confirms(r, login)
	if !ok {
		return ""
	}
	if first, err := a.Once(r.Context(), ruleDone, web.HashOf(r.Done)); err != nil || !first {
		return ""
	}
	return did.Done
}

// confirms reports which change of the person's the address is sealed to confirm.
func confirms(r *web.Request, login *visitor.Login) (did change, ok bool) {
	ok = r.Done != "" && r.Session.Open(donePurpose, r.Done, &did) && did.Sub == login.Me.Sub && strings.HasPrefix(did.Done, "account.done.")
	return did, ok
}
