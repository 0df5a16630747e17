package code

import (
	"context"
	"encoding/base64"
	"errors"
	"sync"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/web"
	"tcb-login/identifier"
	"tcb-login/limit"
	"tcb-login/views"
)

// A form makes the page at hand once more. It is called for who has to see it again, which most never
// do.
type form func() (views.Page, error)

// postSend handles the first step's form.
func (c *Codes) postSend(r *web.Request, f Flow) (web.Reply, error) {
	to := typed(r, f)
	wrong := wrongWith(r, f, to)
	if len(wrong) == 0 {
		return c.send(r, f, func() (views.Page, error) { return f.First(r, to), nil }, &Step{Phone: to.Phone, Email: to.Address})
	}
	page := f.First(r, to)
	page.Frame().Errors = append(page.Frame().Errors, wrong...)
	return web.Invalid(page)
}

// wrongWith is what is wrong with what was typed into the first step's form.
func wrongWith(r *web.Request, f Flow, to Destination) (wrong views.FieldErrors) {
	field := "email"
	_, fixed := f.Fixed(r)
	switch byPhone := ByPhone(r, f); {
	case fixed:
	case byPhone:
		field = "phone_number"
		switch {
		case to.Number == "":
			wrong.Add(field, "error.required.phone_number")
		case to.Phone == "" && to.Country == views.OtherCountry:
			wrong.Add(field, "error.phone_other")
		case len(to.Asks) > 0:
			wrong.Add(field, "error.phone_which")
		case to.Elsewhere:
			wrong.Add(field, "error.phone_country")
		case to.Phone == "":
			wrong.Add(field, "error.phone")
		}
	case to.Email == "":
		wrong.Add(field, "error.required.email")
	case to.Address == "":
		wrong.Add(field, "error.email")
	}
	if f.Spec().Consent {
		web.RequireConsent(r, web.Consent(&r.LoginRequest, r.Form), &wrong)
	}
	if len(wrong) == 0 {
		if key := f.Validate(r, to); key != "" {
			wrong.Add(field, key)
		}
	}
	return wrong
}

// send has a code sent and leads to the step that asks for it; shown is what to show when it cannot
// be. It is made then, after what was counted is given back: the page says how long to wait.
func (c *Codes) send(r *web.Request, f Flow, shown form, step *Step) (web.Reply, error) {
	_, fixed := f.Fixed(r)
	typed, target := !fixed, f.Target(r) // what was typed may be anybody's, also of who is signed in
	refuse := func(err error, ways ...views.Link) (web.Reply, error) {
		page, failed := shown()
		if failed != nil {
			return web.Reply{}, failed
		}
		alert := &page.Frame().Alert
		alert.Links = append(alert.Links, ways...)
		return f.Refuse(r, page, err, nil)
	}
	counted, demand, err := c.ReserveSend(r, step.Target())
	if err != nil {
		if under, sealed := c.underWay(r, f, step); under != nil && !step.Again {
			return c.goOn(r, f, under, sealed)
		}
		return refuse(err, f.Others(r)...) // the pause may be of a stranger's making
	}
	if typed {
		r.Trace.Alike()
	}
	var sent *authclient.Verification
	err = c.Guarded(r, authclient.CallGetVerification, demand, c.Watched(r, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		sent, err = f.Send(ctx, r, authclient.GetVerificationRequest{
			PhoneNumber: step.Phone, Email: step.Email, Target: target, Usage: f.Spec().Usage,
		}, opts...)
		return err
	}, limits.FloorSend, r.Env.ID, step.Via()))
	var ways []views.Link
	if refusal.Elsewhere(err) {
		ways = f.Others(r)
	}
	switch {
	case err == nil:
		c.issued.note(r, step, sent)
		r.Trace.Note(noted(r, f.Spec(), step, audit.Event{Name: audit.CodeSent, Outcome: audit.OK}))
	case typed && (refusal.AboutAccount(refusal.CodeOf(err)) || target == authclient.TargetUser && errors.Is(err, authclient.ErrResourceExhausted)):
		// TCB would not send because of who has, or has not, an account. That is between TCB and
		// the owner: the page goes on as if it had, to a code that nobody can know.
		r.Trace.Refused(err)
		r.Trace.Because(refusal.ReasonWithheld)
		r.Trace.Note(noted(r, f.Spec(), step, audit.Event{Name: audit.CodeSent, Outcome: audit.Withheld, Reason: string(refusal.ReasonWithheld), Code: refusal.CodeOf(err)}))
		if sent, err = c.decoy(r, step); err != nil {
			return web.Reply{}, err
		}
	case refusal.IsOutage(err) && !notSent(err):
		// The message may be on its way all the same. It counts, but nobody has to wait a minute
		// because TCB failed.
		counted.RefundPause(r.Context())
		return refuse(err, ways...)
	default:
		counted.Refund(r.Context())
		return refuse(err, ways...)
	}
	return c.sentTo(r, f, step, sent)
}

// noted is a security event of a code: where it goes, and what for.
func noted(r *web.Request, spec Spec, step *Step, e audit.Event) audit.Event {
	e.Method, e.Flow, e.Identifier = audit.By(step.Phone != ""), spec.Name, step.To()
	if step.Phone != "" {
		e.Calling = identifier.CallingCode(step.Phone)
	}
	return e
}

// notSent reports that TCB never heard of it.
func notSent(err error) bool {
	var api *authclient.Error
	return errors.As(err, &api) && api.NotSent
}

// sentTo leads to the step that asks for the code.
func (c *Codes) sentTo(r *web.Request, f Flow, step *Step, sent *authclient.Verification) (web.Reply, error) {
	step.Sub = f.Owner()
	step.VerificationID = sent.VerificationID
	step.SetUser(sent.IsUser)
	step.CodeUntil = c.Now().Unix() + int64(sent.ExpiresIn)
	sealed, err := Seal(r, f.Spec(), step)
	if err != nil {
		return web.Reply{}, err
	}
	// The step is in the cookie as it is in the address, where its length tells nothing. Without the
	// cookie the way back is a longer one.
	if cookie, err := r.Session.SealFlow(underWayPurpose, underWayState(r, f), sealed, limits.RuleSendPause.Per); err == nil {
		r.Session.SendFlow(cookie)
	}
	return c.goOn(r, f, step, sealed)
}

// A code that was just sent is under way in a cookie of this session, form and target: who goes back
// and sends the form again gets to the page that asks for that code, and not to a wait with no way
// there.
const underWayPurpose = "under way"

func underWayState(r *web.Request, f Flow) string {
	return limit.Key(r.Env.ID, r.Client.ID, f.Spec().Name, f.Owner())
}

// underWay is the step that waits for a code to the same target, as it was sealed; nil where there
// is none.
func (c *Codes) underWay(r *web.Request, f Flow, to *Step) (step *Step, sealed string) {
	if !r.Session.FlowValue(underWayPurpose, underWayState(r, f), &sealed) {
		return nil, ""
	}
	if step = open(r, f, sealed); step == nil || limit.NormalizeIdentifier(step.To()) != limit.NormalizeIdentifier(to.To()) || step.CodeUntil <= c.Now().Unix() {
		return nil, ""
	}
	return step, sealed
}

// goOn leads to the page that asks for a code.
func (c *Codes) goOn(r *web.Request, f Flow, step *Step, sealed string) (web.Reply, error) {
	spec := f.Spec()
	if r.Via != "" && spec.Phone && spec.Email {
		return web.SeeOther(At(r, spec, step, sealed))
	}
	return web.SeeOther(Address(r, spec, entry.Add("flow", sealed)))
}

// issued is what a verification of TCB's looks like from outside.
type issued struct{ length, expiresIn int }

// lastIssued are the last ones seen of each client, by SMS and by e-mail: each environment has
// settings of its own.
type lastIssued struct{ seen sync.Map }

func (l *lastIssued) key(r *web.Request, step *Step) string {
	return limit.Key(r.Env.ID, r.Client.ID, step.Via())
}

func (l *lastIssued) note(r *web.Request, step *Step, sent *authclient.Verification) {
	l.seen.Store(l.key(r, step), issued{length: len(sent.VerificationID), expiresIn: sent.ExpiresIn})
}

// like is what a verification looks like that TCB would issue now. The first one is as the documents
// have it: ten minutes.
func (l *lastIssued) like(r *web.Request, step *Step) issued {
	if seen, ok := l.seen.Load(l.key(r, step)); ok {
		return seen.(issued)
	}
	return issued{length: 43, expiresIn: 600}
}

// decoy is a verification that TCB never issued, as long and as long-lived as those it does, so
// that neither page nor address tells.
func (c *Codes) decoy(r *web.Request, step *Step) (*authclient.Verification, error) {
	like := c.issued.like(r, step)
	b := make([]byte, like.length)
	if err := c.Random(b); err != nil {
		return nil, err
	}
	return &authclient.Verification{
		VerificationID: base64.RawURLEncoding.EncodeToString(b)[:like.length],
		ExpiresIn:      like.expiresIn,
	}, nil
}
