package code

import (
	"context"
	"errors"
	"math"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/journal"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/rules"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/limit"
	"tcb-login/views"
)

// Start is the first step, whatever step is under way.
func (c *Codes) Start(r *web.Request, f Flow) (web.Reply, error) {
	return web.OK(f.First(r, hinted(r, f)))
}

// Get is the page of the step that the address names.
func (c *Codes) Get(r *web.Request, f Flow) (web.Reply, error) {
	step, found := Open(r, f)
	switch {
	case !found, step != nil && step.begun():
		return c.Start(r, f)
	case step == nil || c.over(step):
		page, lost := f.First(r, hinted(r, f)), "error.code_lost"
		if step != nil {
			lost = "error.session_over"
		}
		page.Frame().Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg(lost)}
		return web.OK(page)
	case step.Verified():
		page, err := f.Last(r, step)
		return web.Reply{Status: 200, Page: page}, err
	}
	page, err := c.CodePage(r, f, step)
	return web.Reply{Status: 200, Page: page}, err
}

// over reports that a right code has been left for too long.
func (c *Codes) over(step *Step) bool {
	return step.Verified() && c.Now().Unix() >= step.TokenUntil
}

// Post handles the form of the step that the address names.
func (c *Codes) Post(r *web.Request, f Flow) (web.Reply, error) {
	step, found := Open(r, f)
	switch {
	case step == nil && found:
		// The session is gone, or the step is over. The form brought the number along, so all it
		// costs is another code.
		r.Trace.Because(refusal.ReasonStep)
		return again(f.First(r, typed(r, f)), "error.code_lost")
	case step == nil, step.begun():
		return c.postSend(r, f)
	case c.over(step):
		r.Trace.Because(refusal.ReasonStep)
		return again(f.First(r, step.destination()), "error.session_over")
	case step.Verified():
		return f.Submit(r, step)
	}
	return c.postCode(r, f, step)
}

func again(page views.Page, key string) (web.Reply, error) {
	page.Frame().Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg(key)}
	return web.Invalid(page)
}

// CodePage is the second step.
func (c *Codes) CodePage(r *web.Request, f Flow, step *Step) (*views.CodePage, error) {
	spec := f.Spec()
	sealed, err := Seal(r, spec, step)
	if err != nil {
		return nil, err
	}
	lead := "code.lead_email"
	if step.Phone != "" {
		lead = "code.lead_phone"
	}
	if f.Target(r) == authclient.TargetUser { // the page must not say that something was sent
		lead += "_maybe"
	}
	_, fixed := f.Fixed(r)
	p := &views.CodePage{
		Fixed:   fixed,
		Base:    f.Base(r, spec.Name+"-code", i18n.Msg("code.title"), sealed),
		Lead:    i18n.Message{Key: lead, Args: i18n.Args{"to": step.Masked()}},
		Button:  i18n.Msg("code.continue"),
		Wait:    c.SendWait(r, step.Target()),
		Minutes: int(math.Ceil(float64(step.CodeUntil-c.Now().Unix()) / 60)),
	}
	switch { // what is fixed stands on no page but masked: whoever sits here need not know it
	case fixed:
	case step.Phone != "":
		p.Phone = &views.PhoneField{}
		p.Phone.Country, p.Phone.Number = identifier.SplitPhone(step.Phone)
	default:
		p.Email = step.Email
	}
	f.Dress(r, p, sealed)
	switch {
	case p.Minutes <= 0:
		p.Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("code.expired")}
	case step.Again:
		p.Alert = views.Alert{Kind: views.AlertOK, Message: i18n.Msg("code.again")}
	}
	return p, nil
}

// codeForm is the second step's form.
type codeForm struct {
	Code string `form:"verification_code" validate:"required,code"`
}

// postCode handles the second step's form: its code, or its other buttons.
func (c *Codes) postCode(r *web.Request, f Flow, step *Step) (web.Reply, error) {
	step.Again = false
	text := r.Form.Line("verification_code")
	action := r.Form.Pressed()
	if text == "" {
		action = r.Form.Button() // a captcha may have stood between the button and what it does
	}
	switch action {
	case "change":
		return web.OK(f.First(r, step.destination()))
	case "resend":
		return c.send(r, f, func() (views.Page, error) { return c.codePageAgain(r, f, step) }, &Step{Phone: step.Phone, Email: step.Email, Again: true})
	}
	code := identifier.NormalizeCode(text)
	var wrong views.FieldErrors
	if rules.Check(&wrong, codeForm{code}); len(wrong) > 0 {
		page, err := c.codePageAgain(r, f, step)
		if err != nil {
			return web.Reply{}, err
		}
		page.Errors = append(page.Errors, wrong...)
		return web.Invalid(page)
	}
	if err := c.verify(r, f.Spec(), step, code); err != nil {
		page, failed := c.codePageAgain(r, f, step)
		if failed != nil {
			return web.Reply{}, failed
		}
		if aboutCode(err) {
			page.Code = "" // nobody wants to edit a wrong code
		}
		return f.Refuse(r, page, err, codeRefusals)
	}
	r.Session.ForgetFlow(underWayState(r, f))
	return f.Verified(r, step)
}

// codePageAgain is the second step with what was typed.
func (c *Codes) codePageAgain(r *web.Request, f Flow, step *Step) (*views.CodePage, error) {
	page, err := c.CodePage(r, f, step)
	if err == nil {
		page.Code = web.Cut(r.Form.Line("verification_code"), 64)
	}
	return page, err
}

func aboutCode(err error) bool {
	var field *refusal.FieldError
	_, about := codeRefusals[refusal.CodeOf(err)]
	return about || errors.As(err, &field)
}

// wrongCode is one refusal for all: how many tries are left is counted here, for a decoy too.
var wrongCode = refusal.Refusal{Status: 422, Key: "error.code_wrong", Field: "verification_code"}

// codeRefusals are TCB's answers to a code (SDK docs, "Verification Code Related Errors").
var codeRefusals = refusal.Table{
	"invalid_argument":          wrongCode,
	"invalid_verification_code": wrongCode,
	"not_found":                 wrongCode,
	"permission_denied":         wrongCode,
	"aborted":                   wrongCode,
}

// verify checks a code under the limit on tries, which are counted before the call: fifty at once
// get no further than five. On success the step is verified.
func (c *Codes) verify(r *web.Request, spec Spec, step *Step, code string) error {
	key := limit.Key(r.Env.ID, web.HashOf(step.VerificationID))
	usedUp := &refusal.FieldError{Field: "verification_code", Key: "error.code_tries"}
	tries := c.Reserve()
	if tries.Take(r.Context(), limits.RuleCode, "", time.Minute, key) != nil {
		return usedUp
	}
	var got *authclient.VerificationToken
	err := c.Guarded(r, authclient.Call{}, false, c.Watched(r, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		got, err = r.Auth().Verify(ctx, authclient.VerifyRequest{VerificationID: step.VerificationID, VerificationCode: code}, opts...)
		return err
	}, limits.FloorCode, r.Env.ID))
	if outcome, why, tcb := journal.Outcome(err); outcome != "" {
		r.Trace.Note(noted(r, spec, step, audit.Event{Name: audit.CodeChecked, Outcome: outcome, Reason: why, Code: tcb}))
	}
	if err == nil {
		step.VerificationToken = got.VerificationToken
		step.TokenUntil = c.Now().Unix() + int64(got.ExpiresIn)
		return nil
	}
	if _, about := codeRefusals[refusal.CodeOf(err)]; !about {
		tries.Refund(r.Context())
		return err
	}
	r.Trace.Alike()
	if c.UsedUp(r.Context(), limits.Count{Rule: limits.RuleCode, Key: key}) {
		r.Trace.Refused(err)
		return usedUp // the last try: say so now, and for a code never sent too
	}
	return err
}

// Rebuild is one of the flow's forms with what was typed.
func (c *Codes) Rebuild(r *web.Request, f Flow) (views.Page, error) {
	spec, posted := f.Spec(), r.Form.Posted
	step, _ := Open(r, f)
	switch {
	case posted(spec.Name):
		return f.First(r, typed(r, f)), nil
	case step == nil: // lost on the way; the number is in the form
		page := f.First(r, typed(r, f))
		page.Frame().Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.code_lost")}
		return page, nil
	case step.begun(): // its form is the first
	case posted(spec.Name+stepCode) && !step.Verified():
		step.Again = false
		return c.codePageAgain(r, f, step)
	case !posted(spec.Name+stepCode) && step.Verified():
		return f.Last(r, step)
	}
	return nil, refusal.ErrNoForm
}

const stepCode = "-code"

// Forms are the names of all forms of a flow.
func Forms(spec Spec) []string {
	names := []string{spec.Name, spec.Name + stepCode}
	for _, last := range spec.Last {
		names = append(names, spec.Name+last)
	}
	return names
}

// SeeVerified leads to the verified step's page.
func SeeVerified(r *web.Request, f Flow, step *Step) (web.Reply, error) {
	sealed, err := Seal(r, f.Spec(), step)
	if err != nil {
		return web.Reply{}, err
	}
	return web.SeeOther(At(r, f.Spec(), step, sealed))
}
