package portal

import (
	"cmp"
	"errors"
	"time"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/notes"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/views"
)

// enter lets somebody to a page of the portal. Where they get another page instead that is an
// error, as everything is that keeps a handler from its work.
func (po *Room) enter(r *web.Request, p Page) (*web.Request, *visitor.Login, error) {
	if p.Texts && !r.Env.Texts() {
		return r, nil, refusal.ErrDisabled
	}
	login, err := po.visitor.Load(r)
	switch {
	case err != nil:
		return r, nil, err
	case login == nil:
		po.keep(r)
		return r, nil, instead(po.handOffPage(r))
	}
	r = visitor.Asking(r, login.Access)
	switch {
	case login.Access.Anonymous && r.Form.Others:
		return r, nil, OfOther(r, web.Reply{Page: po.offerRegistration(r, login)})
	case login.Access.Anonymous:
		return r, nil, instead(po.offerRegistration(r, login))
	case reviewDue(r, login, p):
		return r, nil, &web.Instead{Reply: web.Reply{To: r.To(entry.PathReview, entry.Next(cmp.Or(p.Name, "account")))}}
	case r.Form.Others:
		return r, nil, po.afresh(r, login, p)
	case !po.Proven(p, login):
		if !r.Posted() || login.Access.SudoUntil != 0 { // else they have never seen the form
			po.keep(r)
		}
		return r, nil, &web.Instead{Reply: web.Reply{To: po.StepUpFor(r, p.Name)}}
	}
	return r, login, nil
}

// afresh answers a form that somebody else had opened: with the page as it is for who is signed in
// now, or with the overview where they would have to step up first, for what they have not asked for.
func (po *Room) afresh(r *web.Request, login *visitor.Login, p Page) error {
	if !po.Proven(p, login) {
		p = po.Named("account")
		r = r.As(r.At(p.Path, true, p.OnWay))
	}
	reply, err := po.get(r, login, p)
	if err != nil {
		return err
	}
	return OfOther(r, reply)
}

// OfOther is the answer to a form that somebody else had opened: a page of who is signed in now, which
// says why nothing was done. A reply that shows nobody's page, since the login has just ended say, is
// sent as it is.
func OfOther(r *web.Request, reply web.Reply) error {
	if reply.Page == nil || reply.Page.Frame().Guard == nil || reply.Page.Frame().Guard.Sub == "" {
		return &web.Instead{Reply: reply}
	}
	frame := reply.Page.Frame()
	frame.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.other_person")}
	frame.Canonical = r.Here()
	reply.Status = 422
	r.Trace.Because(refusal.ReasonOtherPerson)
	return &web.Instead{Reply: reply}
}

// Proven reports that a page wants no step-up of who is there.
func (po *Room) Proven(p Page, login *visitor.Login) bool {
	return (!p.StepUp || login.HasSudo(po.Now())) && (!p.Proved || login.ProvedLately(po.Now()))
}

func instead(p views.Page) error { return &web.Instead{Reply: web.Reply{Status: 200, Page: p}} }

// nameHere is the page that a login or a step-up on the way leads to: the one at hand, or where
// that one leads.
func (po *Room) nameHere(r *web.Request) string {
	return cmp.Or(po.nameAt(r.Path), r.Next, "account")
}

// signInHere leads to sign-in, and from there back to the page at hand.
func (po *Room) signInHere(r *web.Request) string {
	return r.To(entry.PathEntry, entry.Next(po.nameHere(r)))
}

// StepUpFor is the way to the step-up, and from there to a page of the portal.
func (po *Room) StepUpFor(r *web.Request, name string) string {
	return r.To(entry.PathVerify, entry.Next(name))
}

// AskStepUp leads to the step-up, and from there back to the page at hand.
func (po *Room) AskStepUp(r *web.Request) (web.Reply, error) {
	po.keep(r)
	return web.SeeOther(po.StepUpFor(r, po.nameHere(r)))
}

// handOffPage looks for the SDK's login in the browser's storage.
func (po *Room) handOffPage(r *web.Request) *views.HandOffPage {
	return po.visitor.HandOffPage(r, po.signInHere(r))
}

// offerRegistration is the portal of somebody who has not registered: all that there is to do is
// that. Sign-up then keeps the account, by its anonymous_token.
func (po *Room) offerRegistration(r *web.Request, login *visitor.Login) *views.NoticePage {
	p := &views.NoticePage{
		Base: po.Page(&r.LoginRequest, "account-anonymous", i18n.Msg("account.anonymous.title")),
		Lead: i18n.Msg("account.anonymous.lead"),
	}
	p.Guard = visitor.Guard(r, views.GuardPortal, po.signInHere(r), login) // they may have signed in to the app since
	web.LinkLanguages(&p.Base, r.InOther)
	next, again := entry.Next(po.nameHere(r)), entry.With("prompt", "login")
	if path := r.LoginPage.RegisterPath(); path != "" {
		p.Button = LinkTo("sign-up", r.To(path, next, again), "account.anonymous.button")
	}
	p.Others = []views.Link{LinkTo("sign-in", r.To(entry.PathEntry, next, again), "account.anonymous.sign_in")}
	if r.OwnTarget() {
		p.Others = append(p.Others, LinkTo("app", r.RedirectURI, "account.app"))
	}
	p.Others = append(p.Others, LinkTo("sign-out", r.To(entry.PathSignOut), "sign-out.button"))
	return p
}

// Over is what a page of the portal makes of a failed look at TCB: a login that has just ended is
// looked for again.
func (po *Room) Over(r *web.Request, err error) (web.Reply, error) {
	if !errors.Is(err, authclient.ErrUnauthenticated) {
		return web.Reply{}, err
	}
	r.Trace.Refused(err)
	r.Session.DropAccess()
	po.keep(r)
	return web.OK(po.handOffPage(r))
}

// ruleAskedAgain: a step-up that TCB does not accept is asked for once more. After that it is not what
// TCB objects to, and asking would go round for ever.
var ruleAskedAgain = limit.Rule{Name: "step-up asked again", N: 1, Per: 15 * time.Minute}

// Refuse is web.Refuse for a change in the portal: a login that has ended meanwhile is looked for
// again, and a step-up that TCB does not accept any more is asked for again.
func (po *Room) Refuse(r *web.Request, login *visitor.Login, page views.Page, denied error, special refusal.Table) (web.Reply, error) {
	_, said := special[refusal.CodeOf(denied)]
	if !errors.Is(denied, authclient.ErrPermissionDenied) || said || login.Access.SudoUntil == 0 {
		return po.RefuseStepUp(r, page, denied, special)
	}
	if first, err := po.Once(r.Context(), ruleAskedAgain, web.HashOf(login.Access.AccessToken)); err == nil && !first {
		return po.RefuseStepUp(r, page, denied, refusal.Table{"permission_denied": refusal.Meaning("invalid_argument")})
	}
	r.Trace.Refused(denied)
	access := login.Access
	access.SudoToken, access.SudoUntil = "", 0
	r.Session.KeepAccess(access)
	return po.AskStepUp(r)
}

// RefuseStepUp is Refuse for the step-up itself.
func (po *Room) RefuseStepUp(r *web.Request, page views.Page, err error, special refusal.Table) (web.Reply, error) {
	if errors.Is(err, authclient.ErrUnauthenticated) {
		return po.Over(r, err)
	}
	return web.Refuse(page, err, special)
}

// reviewDue reports that the list of ways back in is to be shown before the page at hand.
func reviewDue(r *web.Request, login *visitor.Login, p Page) bool {
	_, confirming := confirms(r, login)
	return (!r.Posted() || r.Form.Others) && !p.OnWay && !confirming && r.Session.Notes().Of(login.Me.Sub).Review == notes.ReviewDue
}
