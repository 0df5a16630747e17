// Package stepup is the step-up: before a change that could lock somebody out of their account, they
// prove again who they are, once per fifteen minutes. TCB decides how (SDK docs, Auth.sudo): who has
// a phone number by a code, others by their password or by a code to their e-mail address. Who has
// none of these gets an empty sudo_token from TCB just for asking; we give it only to who comes back
// from an identity provider as one of the account's own identities.
//
// It is one page of the portal. Which pages want it of whom is in portal, whose entrance leads here.
package stepup

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/journal"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/provider"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/rules"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/limit"
	"tcb-login/password"
	"tcb-login/session"
	"tcb-login/views"
)

// Room holds what the functions of this package share.
type Room struct {
	*portal.Room
	visitor   *visitor.Room
	codes     *code.Codes
	providers *provider.Providers
}

// New makes the room, and registers what it goes to identity providers for.
func New(p *portal.Room, v *visitor.Room, codes *code.Codes, providers *provider.Providers) *Room {
	s := &Room{Room: p, visitor: v, codes: codes, providers: providers}
	providers.Register(purpose, stepUpBy{s})
	return s
}

// Page is the step-up's row in the portal's table.
func (s *Room) Page() portal.Page {
	return portal.Page{
		Path: entry.PathVerify, OnWay: true, Get: s.getVerify, Post: s.postVerify,
		Forms: s.stepUpForms(), Samples: s.stepUpSamples,
	}
}

// Ways to step up, by the value of via=.
const (
	byPhoneCode = "phone"
	byEmailCode = "email"
	byPassword  = "password"
	byProvider  = "provider"
)

// Forms of the step-up, beside those of its code flow.
const (
	formStepUp         = "step-up"
	formStepUpPassword = "step-up-password"
	formStepUpProvider = "step-up-provider"
)

// stepUpWays are those that somebody has, the first one to begin with.
func stepUpWays(r *web.Request, me *authclient.UserInfo) []string {
	var ways []string
	if me.PhoneNumber != "" && r.Env.Texts() {
		ways = append(ways, byPhoneCode)
	}
	if me.PhoneNumber == "" && me.HasPassword {
		ways = append(ways, byPassword)
	}
	if me.Email != "" {
		ways = append(ways, byEmailCode)
	}
	if me.PhoneNumber == "" && me.Email == "" && !me.HasPassword && len(providersToGoTo(r, me)) > 0 {
		ways = append(ways, byProvider)
	}
	return ways
}

// providersToGoTo are the account's identities at providers that have a page to send a browser to. A
// mini program has none.
func providersToGoTo(r *web.Request, me *authclient.UserInfo) []authclient.ProfileProvider {
	return slices.DeleteFunc(slices.Clone(me.Providers), func(b authclient.ProfileProvider) bool {
		return b.ID == r.LoginPage.MiniProgram
	})
}

func stepUpWay(r *web.Request, me *authclient.UserInfo) string {
	ways := stepUpWays(r, me)
	switch {
	case slices.Contains(ways, r.Via):
		return r.Via
	case len(ways) > 0:
		return ways[0]
	}
	return ""
}

// stepUpWords are the words for each way: the lead, and the link to it with its icon.
var stepUpWords = map[string]struct{ form, icon, label string }{
	byPhoneCode: {formStepUp, "sign-in-sms", "step-up.by_phone"},
	byEmailCode: {formStepUp, "sign-in-email", "step-up.by_email"},
	byPassword:  {formStepUpPassword, "sign-in", "step-up.by_password"},
	byProvider:  {formStepUpProvider, "", ""},
}

// stepUpPage is the first step, by the way that was chosen.
func (s *Room) stepUpPage(r *web.Request, login *visitor.Login) views.Page {
	me, way := login.Me, stepUpWay(r, login.Me)
	if way == "" {
		p := &views.NoticePage{
			Base: s.Plain(r, login, "step-up-impossible", i18n.Msg("step-up.title")), Lead: i18n.Msg("step-up.impossible"),
		}
		if s.Named(r.Next).Proved { // to sign in does as well
			p.Lead = i18n.Msg("step-up.sign_in_again")
			p.Button = portal.LinkTo("sign-in", r.To(entry.PathEntry, entry.With("prompt", "login")), "step-up.sign_in")
		}
		return p
	}
	p := &views.StepUpPage{Base: s.stepUpBase(r, login, stepUpWords[way].form, i18n.Msg("step-up.title"), "")}
	switch way {
	case byPhoneCode:
		to := web.Target{Phone: me.PhoneNumber}
		p.Lead = i18n.Message{Key: "step-up.lead_phone", Args: i18n.Args{"to": code.Masked(to)}}
		p.Wait = s.SendWait(r, to)
	case byEmailCode:
		p.Lead = i18n.Message{Key: "step-up.lead_email", Args: i18n.Args{"to": identifier.MaskEmail(me.Email)}}
		p.Wait = s.SendWait(r, web.Target{Email: me.Email})
	case byPassword:
		p.Lead, p.Password, p.Known = i18n.Msg("step-up.lead_password"), true, visitor.KnownAs(me)
	case byProvider:
		p.Lead = i18n.Msg("step-up.lead_provider")
		for _, b := range providersToGoTo(r, me) {
			p.Providers = append(p.Providers, views.Choice{Value: b.ID, Label: r.ProviderName(b.ID, "")})
		}
	}
	for _, other := range stepUpWays(r, me) {
		if other != way {
			words := stepUpWords[other]
			p.Methods.Others = append(p.Methods.Others, views.Method{Link: portal.LinkTo(words.icon, r.To(entry.PathVerify, entry.Add("via", other)), words.label)})
		}
	}
	return p
}

func (s *Room) stepUpBase(r *web.Request, login *visitor.Login, name string, title i18n.Message, sealed string) views.Base {
	return s.Framed(r, login, s.FormPage(&r.LoginRequest, name, title, entry.PathVerify, sealed))
}

func (s *Room) getVerify(r *web.Request, login *visitor.Login) (web.Reply, error) {
	f := s.stepUp(login)
	if s.steppedUpAlready(r, login) && !underWay(r, f) {
		return s.afterStepUp(r)
	}
	return s.codes.Get(r, f)
}

func (s *Room) postVerify(r *web.Request, login *visitor.Login) (web.Reply, error) {
	f, way := s.stepUp(login), stepUpWay(r, login.Me)
	if id, ok := strings.CutPrefix(r.Form.Button(), "provider:"); ok {
		if way != byProvider || !provider.BoundTo(login.Me, id, "") {
			return web.Reply{}, refusal.ErrDisabled
		}
		return s.providers.Go(r, s.stepUpPage(r, login), provider.Authorization{Provider: id, For: purpose, Sub: login.Me.Sub})
	}
	if r.Form.Posted(formStepUpPassword) && way == byPassword {
		return s.postStepUpPassword(r, login)
	}
	if s.steppedUpAlready(r, login) && r.Flow != "" && !underWay(r, f) { // the step-up of another tab ended this one's
		return s.afterStepUp(r)
	}
	return s.codes.Post(r, f)
}

// steppedUpAlready reports that nothing is left to prove for the page that asked for the step-up.
func (s *Room) steppedUpAlready(r *web.Request, login *visitor.Login) bool {
	if p := s.Named(r.Next); p.Proved {
		return s.Proven(p, login)
	}
	return login.HasSudo(s.Now())
}

// underWay reports that flow= is a step-up's that goes on here.
func underWay(r *web.Request, f code.Flow) bool {
	step, _ := code.Open(r, f)
	return step != nil
}

// stepUpForms are the forms of the page.
func (s *Room) stepUpForms() map[string]portal.Rebuild {
	forms := s.FlowForms(stepUpSpec, s.stepUp)
	typed := func(r *web.Request, login *visitor.Login) (views.Page, error) {
		r.Form.Secret("password") // the page keeps it
		return s.stepUpPage(r, login), nil
	}
	forms[formStepUpPassword], forms[formStepUpProvider] = typed, typed
	return forms
}

// sudoRefusals: somebody who is signed in may hear what is wrong.
var sudoRefusals = refusal.Table{
	"invalid_password":             wrongPassword,
	"wrong_password":               wrongPassword,
	"invalid_credentials":          wrongPassword,
	"invalid_username_or_password": wrongPassword,
	"invalid_argument":             wrongPassword,
	"password_not_set":             {Status: 422, Key: "step-up.other_way"},
	"failed_precondition":          {Status: 422, Key: "step-up.other_way"}, // a phone number was bound meanwhile
	"invalid_status":               {Status: 429, Key: "error.too_many"},
}

var wrongPassword = refusal.Refusal{Status: 422, Key: "step-up.wrong", Field: "password"}

// stepUpForm is what the form brings.
type stepUpForm struct {
	Password string `form:"password" validate:"required,max=256"`
}

// postStepUpPassword checks the password under the limits on guessing: whoever sits down before
// somebody's open portal gets as few tries as at sign-in.
func (s *Room) postStepUpPassword(r *web.Request, login *visitor.Login) (web.Reply, error) {
	form := stepUpForm{r.Form.Secret("password")}
	page := s.stepUpPage(r, login)
	if rules.Check(&page.Frame().Errors, form); page.Frame().Invalid() {
		return web.Invalid(page)
	}
	var tries []*limits.Reservation
	var wrong error
	secrets := password.Forms(form.Password)
	asked := slices.IndexFunc(secrets, func(secret string) bool { return r.Form.At() == web.HashOf(secret) })
	for _, secret := range secrets[max(0, asked):] { // a captcha goes on with the form that it was asked for
		try, reply, err := s.countTry(r, login, page)
		if try == nil {
			return reply, err
		}
		tries = append(tries, try)
		r.Form.GoOnAt(web.HashOf(secret))
		access, err := s.sudo(r, login, authclient.SudoRequest{Password: secret})
		switch {
		case err == nil:
			for _, try := range tries {
				try.Refund(r.Context())
			}
			return s.steppedUp(r, access)
		case sudoRefusals[refusal.CodeOf(err)].Field == "":
			try.Refund(r.Context()) // a form that was wrong before it stays counted
			return s.RefuseStepUp(r, page, err, sudoRefusals)
		case s.UsedUp(r.Context(), loginCounts(r, login)...):
			r.Trace.Refused(err)
			return s.endStolen(r, login)
		}
		wrong = err
	}
	r.Form.GoOnAt("")
	return s.RefuseStepUp(r, page, wrong, sudoRefusals)
}

// countTry takes a try before the call, one for each form of a password. Where none is left it is nil,
// and reply is the answer.
func (s *Room) countTry(r *web.Request, login *visitor.Login, page views.Page) (try *limits.Reservation, reply web.Reply, err error) {
	try = s.Reserve()
	person := limit.Key(r.Env.ID, limit.NormalizeIdentifier(login.Me.Sub))
	if err := try.Take(r.Context(), limits.RulePassword, "step-up.limit", time.Minute, limit.Key(person, r.Caller.Network.Key)); err != nil {
		reply, err = web.Refuse(page, err, nil)
		return nil, reply, err
	}
	// From many addresses a login would have many tries. Beyond ten it is the login that ends, and
	// no other: nothing is refused to its owner elsewhere.
	if try.TakeSoft(r.Context(), loginCounts(r, login)...) {
		reply, err = s.endStolen(r, login)
		return nil, reply, err
	}
	if login.Access.AuthAt == 0 && try.TakeSoft(r.Context(), limits.Count{Rule: limits.RuleStepUpHandedOver, Key: person}) {
		try.Refund(r.Context())
		reply, err = web.Show(429, s.signInFirst(r, login))
		return nil, reply, err
	}
	return try, reply, nil
}

// loginCounts are what the tries of a login count under: its token, and the first one that we have
// seen of it. Whoever refreshes the one has the other sealed in the cookie. Whoever refreshes it and
// drops the cookie too has a login that came from the app: those of an account count together, and
// beyond that one is led to sign-in, where guessing has limits of its own.
func loginCounts(r *web.Request, login *visitor.Login) []limits.Count {
	counts := []limits.Count{{Rule: limits.RuleStepUp, Key: limit.Key(r.Env.ID, visitor.LoginName(login.Access.AccessToken))}}
	if login.Access.Login != "" {
		counts = append(counts, limits.Count{Rule: limits.RuleStepUp, Key: limit.Key(r.Env.ID, login.Access.Login)})
	}
	return counts
}

// signInFirst leads a login that came from the app to sign-in, and from there to the page that asked
// for the step-up.
func (s *Room) signInFirst(r *web.Request, login *visitor.Login) views.Page {
	to := r.To(entry.PathEntry, entry.Next(cmp.Or(r.Next, "account")), entry.Link(""), entry.With("prompt", "login"))
	p := &views.NoticePage{
		Base: s.Plain(r, login, "step-up-sign-in", i18n.Msg("step-up.title")), Button: portal.LinkTo("sign-in", to, "step-up.sign_in"),
	}
	p.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("step-up.sign_in_first")}
	return p
}

// endStolen ends the login at hand, at TCB and here, and leads to sign-in.
func (s *Room) endStolen(r *web.Request, login *visitor.Login) (web.Reply, error) {
	ctx, cancel := r.Within(s.Timeout)
	defer cancel()
	err := r.Auth().Revoke(ctx, login.Access.AccessToken, r.Options()...)
	e := audit.Event{Name: audit.SessionEnded, Outcome: audit.OK, What: audit.ByGuessing, Sub: login.Me.Sub}
	if err != nil {
		e.Outcome, e.Reason, e.Code = journal.Outcome(err)
	}
	r.Trace.Note(e)
	if err != nil {
		r.Trace.Refused(err)
		r.Trace.Err = err
	}
	return s.visitor.SignedOut(r, i18n.Msg("step-up.ended"), err == nil, r.To(entry.PathEntry))
}

// sudo asks TCB for a sudo_token. It returns the login with it.
func (s *Room) sudo(r *web.Request, login *visitor.Login, in authclient.SudoRequest) (access session.Access, err error) {
	var got *authclient.SudoToken
	err = s.AsPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) (err error) {
		got, err = user.Sudo(ctx, in, opts...)
		if err == nil && got.SudoToken == "" && in != (authclient.SudoRequest{}) {
			err = &authclient.Error{Op: "Sudo", Code: "unknown", Remaining: -1} // an answer to who has proven nothing
		}
		return err
	})
	if outcome, why, tcb := journal.Outcome(err); outcome != "" {
		r.Trace.Note(audit.Event{Name: audit.StepUp, Outcome: outcome, Reason: why, Code: tcb, Method: provedBy(r, login, in), Sub: login.Me.Sub})
	}
	if err != nil {
		return access, err
	}
	access = login.Access
	access.SudoToken, access.AuthAt = got.SudoToken, s.Now().Unix()
	access.SudoUntil = s.Now().Unix() + int64(cmp.Or(got.ExpiresIn, 900))
	return access, nil
}

// provedBy is by what somebody proves who they are.
func provedBy(r *web.Request, login *visitor.Login, in authclient.SudoRequest) audit.Method {
	switch {
	case in.Password != "":
		return audit.ByPassword
	case in.VerificationToken != "":
		return audit.By(stepUpWay(r, login.Me) == byPhoneCode)
	}
	return audit.ByProvider
}

// steppedUp keeps the sudo_token, under a new session id, and goes on.
func (s *Room) steppedUp(r *web.Request, access session.Access) (web.Reply, error) {
	if err := r.Session.BeginLogin(r.Context(), access); err != nil {
		return web.Reply{}, err
	}
	return s.afterStepUp(r)
}

// afterStepUp leads to the page that asked for it, and there to what is to be bound.
func (s *Room) afterStepUp(r *web.Request) (web.Reply, error) {
	next := s.Named(cmp.Or(r.Next, "account"))
	if next.TakesLink {
		return web.SeeOther(r.Into(next.Path, entry.Link(r.Link)))
	}
	return web.SeeOther(r.Into(next.Path))
}
