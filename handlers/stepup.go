package handlers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/views"
)

// The step-up: before a change that could lock somebody out of their account,
// they prove again who they are, once per fifteen minutes. TCB decides how (SDK
// docs, Auth.sudo): who has a phone number by a code, others by their password
// or by a code to their e-mail address. Who has none of these gets an empty
// sudo_token from TCB just for asking; we give it only to who comes back from
// an identity provider as one of the account's own identities (provider.go).

// Ways to step up, by the value of via=.
const (
	byPhoneCode = "phone"
	byEmailCode = "email"
	byPassword  = "password"
	byProvider  = "provider"
)

// flowStepUp is the name of the step-up's code flow.
const flowStepUp = "step-up"

// stepUpWays are those that somebody has, the first one to begin with.
func stepUpWays(r *request) []string {
	var ways []string
	me := r.me
	if me.PhoneNumber != "" && r.env.Texts() {
		ways = append(ways, byPhoneCode)
	}
	if me.PhoneNumber == "" && me.HasPassword {
		ways = append(ways, byPassword)
	}
	if me.Email != "" {
		ways = append(ways, byEmailCode)
	}
	if me.PhoneNumber == "" && me.Email == "" && !me.HasPassword && len(me.Providers) > 0 {
		ways = append(ways, byProvider)
	}
	return ways
}

func stepUpWay(r *request) string {
	ways := stepUpWays(r)
	switch {
	case slices.Contains(ways, r.via):
		return r.via
	case len(ways) > 0:
		return ways[0]
	}
	return ""
}

func (h *Handler) stepUpFlow() *codeFlow {
	cf := &codeFlow{
		h: h, name: flowStepUp, path: pathVerify, phone: true, email: true, portal: true,
		target: authclient.TargetCurUser, usage: "reauthentication",
		offered: func(*loginpage.Page) bool { return true },
		bound: func(r *request) destination {
			if stepUpWay(r) == byPhoneCode {
				return (&flow{Phone: r.me.PhoneNumber}).destination()
			}
			return destination{email: r.me.Email, address: r.me.Email}
		},
	}
	cf.first = func(r *request) form { return h.stepUpPage(r) }
	cf.last = []string{"-confirmed"}
	cf.form = cf.pressAgain
	cf.finish = func(c *fiber.Ctx, f *flow) error {
		err := h.sudo(c, authclient.SudoRequest{VerificationToken: f.VerificationToken})
		if err == nil {
			return h.steppedUp(c)
		}
		form, formErr := cf.form(c, f)
		if formErr != nil {
			return formErr
		}
		return cf.refuse(c, form, err, spentToken)
	}
	cf.submit = cf.finish
	return cf
}

// spentToken: what is left for TCB to object to after a right code is its token.
var spentToken = map[string]refusal{"invalid_argument": {status: 422, key: "error.session_over"}}

// pressAgain is the verified step's page where TCB failed after a right code.
func (cf *codeFlow) pressAgain(c *fiber.Ctx, f *flow) (form, error) {
	r := requestOf(c)
	sealed, err := sealFlow(r, cf.name, f)
	if err != nil {
		return form{}, err
	}
	p := &views.ConfirmedPage{
		Base:   *cf.h.formPage(r, cf.name+"-confirmed", i18n.Msg("confirmed.title"), cf.path, sealed),
		Lead:   i18n.Message{Key: "step-up.again", Args: i18n.Args{"to": f.masked()}},
		Button: i18n.Msg("code.continue"),
		Other:  views.Link{To: cf.name, URL: r.to(cf.path), Label: i18n.Msg("step-up.restart")},
	}
	return form{base: &p.Base, view: func() templ.Component { return views.Confirmed(*p) }}, nil
}

// stepUpPage is the first step, by the way that was chosen.
func (h *Handler) stepUpPage(r *request) form {
	way := stepUpWay(r)
	name := "step-up"
	if way == byPassword || way == byProvider {
		name += "-" + way
	}
	p := &views.StepUpPage{Base: *h.formPage(r, name, i18n.Msg("step-up.title"), pathVerify, "")}
	view := func() templ.Component { return views.StepUp(*p) }
	switch way {
	case byPhoneCode:
		p.Lead = i18n.Message{Key: "step-up.lead_phone", Args: i18n.Args{"to": (&flow{Phone: r.me.PhoneNumber}).masked()}}
	case byEmailCode:
		p.Lead = i18n.Message{Key: "step-up.lead_email", Args: i18n.Args{"to": maskEmail(r.me.Email)}}
	case byPassword:
		p.Lead, p.Password, p.Known = i18n.Msg("step-up.lead_password"), true, knownAs(r.me)
	case byProvider:
		p.Lead = i18n.Msg("step-up.lead_provider")
		for _, b := range r.me.Providers {
			p.Providers = append(p.Providers, views.Choice{Value: b.ID, Label: h.providerName(r, b.ID, "")})
		}
	default:
		n := &views.NoticePage{Base: *h.portalBase(r, "step-up-impossible", i18n.Msg("step-up.title")), Lead: i18n.Msg("step-up.impossible")}
		return form{base: &n.Base, view: func() templ.Component { return views.Notice(*n) }}
	}
	labels := map[string]string{byPhoneCode: "step-up.by_phone", byEmailCode: "step-up.by_email", byPassword: "step-up.by_password"}
	icons := map[string]string{byPhoneCode: "sign-in-sms", byEmailCode: "sign-in-email", byPassword: "sign-in"}
	for _, other := range stepUpWays(r) {
		if other != way {
			p.Ways.Others = append(p.Ways.Others, views.Way{Link: views.Link{To: icons[other], URL: r.to(pathVerify, "via="+other), Label: i18n.Msg(labels[other])}})
		}
	}
	return form{base: &p.Base, view: view}
}

func (h *Handler) getVerify(c *fiber.Ctx) error {
	r := requestOf(c)
	if h.hasSudo(r) && !h.stepUpUnderWay(r) {
		return h.afterStepUp(c)
	}
	return h.stepUp.get(c)
}

func (h *Handler) postVerify(c *fiber.Ctx) error {
	r := requestOf(c)
	if id, ok := strings.CutPrefix(field(c, "action"), "provider:"); ok {
		h.readForm(c, r, "step-up-provider")
		if stepUpWay(r) != byProvider || !boundTo(r.me, id, "") {
			return errDisabled
		}
		return h.goToProvider(c, h.stepUpPage(r), id, "", tripVerify)
	}
	if field(c, "form") == "step-up-password" && stepUpWay(r) == byPassword {
		return h.postStepUpPassword(c)
	}
	if h.hasSudo(r) && r.flow != "" && !h.stepUpUnderWay(r) { // the step-up of another tab ended this one's
		return h.afterStepUp(c)
	}
	return h.stepUp.post(c)
}

// stepUpUnderWay reports that flow= is a step-up's that goes on here.
func (h *Handler) stepUpUnderWay(r *request) bool {
	f, _ := h.stepUp.opened(r)
	return f != nil
}

// typedStepUp is the page with what was typed.
func (h *Handler) typedStepUp(c *fiber.Ctx) form {
	r := requestOf(c)
	h.readForm(c, r, "step-up-password")
	r.secret = h.password(c, r, "password")
	return h.stepUpPage(r)
}

// sudoRefusals: somebody who is signed in may hear what is wrong.
var sudoRefusals = map[string]refusal{
	"invalid_password":             {status: 422, key: "step-up.wrong", field: "password"},
	"wrong_password":               {status: 422, key: "step-up.wrong", field: "password"},
	"invalid_credentials":          {status: 422, key: "step-up.wrong", field: "password"},
	"invalid_username_or_password": {status: 422, key: "step-up.wrong", field: "password"},
	"invalid_argument":             {status: 422, key: "step-up.wrong", field: "password"},
	"password_not_set":             {status: 422, key: "step-up.other_way"},
	"failed_precondition":          {status: 422, key: "step-up.other_way"}, // a phone number was bound meanwhile
	"invalid_status":               {status: 429, key: "error.too_many"},
}

// postStepUpPassword checks the password under the limits on guessing: whoever
// sits down before somebody's open portal gets as few tries as at sign-in.
func (h *Handler) postStepUpPassword(c *fiber.Ctx) error {
	r := requestOf(c)
	f := h.typedStepUp(c)
	need(f.base, "password", r.secret)
	tooLong(f.base, "password", r.secret, maxPassword)
	if f.base.Invalid() {
		return h.show(c, fiber.StatusUnprocessableEntity, f)
	}
	ctx := context.Background()
	tries := &taken{counter: h.counter}
	person := accountKey(r, r.me.Sub)
	if err := tries.take(ctx, rulePassword, "step-up.limit", time.Minute, limit.Key(person, r.network)); err != nil {
		return h.refuse(c, f, err, nil)
	}
	// From many addresses a login would have many tries. Beyond ten it is the login that ends, and
	// no other: nothing is refused to its owner elsewhere.
	login := r.loginCounts()
	if tries.takeSoft(ctx, login...) {
		return h.endStolen(c)
	}
	err := h.sudo(c, authclient.SudoRequest{Password: r.secret})
	if err == nil {
		tries.refund(ctx)
		return h.steppedUp(c)
	}
	if sudoRefusals[codeOf(err)].field == "" {
		tries.refund(ctx)
	} else if h.usedUp(ctx, login...) {
		traceOf(c).code = codeOf(err)
		return h.endStolen(c)
	}
	return h.refusePortal(c, f, err, sudoRefusals)
}

// loginCounts are what the tries of the login at hand count under: its token, and the first one that
// we have seen of it. Whoever refreshes the one has the other sealed in the cookie.
func (r *request) loginCounts() []count {
	counts := []count{{ruleStepUp, limit.Key(r.env.ID, tokenHash(r.access.AccessToken))}}
	if r.access.Login != "" {
		counts = append(counts, count{ruleStepUp, limit.Key(r.env.ID, r.access.Login)})
	}
	return counts
}

// tokenHash names an access token and gives it to nobody.
func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// endStolen ends the login at hand, at TCB and here, and leads to sign-in.
func (h *Handler) endStolen(c *fiber.Ctx) error {
	r := requestOf(c)
	ctx, cancel := context.WithTimeout(c.UserContext(), h.timeout)
	defer cancel()
	err := r.client.auth.Revoke(ctx, r.access.AccessToken, h.options(c)...)
	if err != nil {
		traceOf(c).code, traceOf(c).err = codeOf(err), err
	}
	return h.signedOutHere(c, i18n.Msg("step-up.ended"), err == nil, r.to("/"))
}

// sudo asks TCB for a sudo_token and leaves it in r.access.
func (h *Handler) sudo(c *fiber.Ctx, in authclient.SudoRequest) error {
	r := requestOf(c)
	var got *authclient.SudoToken
	err := h.asPerson(c, func(ctx context.Context, login *authclient.User, opts ...authclient.CallOption) (err error) {
		got, err = login.Sudo(ctx, in, opts...)
		return err
	})
	if err != nil {
		return err
	}
	r.access.SudoToken = got.SudoToken
	r.access.SudoUntil = h.now().Unix() + int64(cmp.Or(got.ExpiresIn, 900))
	return nil
}

// steppedUp keeps the sudo_token, under a new session id, and goes on.
func (h *Handler) steppedUp(c *fiber.Ctx) error {
	r := requestOf(c)
	if err := r.session.Rotate(context.Background(), accountKey(r, r.me.Sub)); err != nil {
		return err
	}
	if err := h.keepAccess(c, r.access); err != nil {
		return err
	}
	return h.afterStepUp(c)
}

// afterStepUp leads to the page that asked for it.
func (h *Handler) afterStepUp(c *fiber.Ctx) error {
	r := requestOf(c)
	var extra []string
	if r.link != "" && r.next == "account-providers" { // what is to be bound there
		extra = append(extra, "link="+r.link)
	}
	return h.seeOther(c, r.to(portalRoutes[cmp.Or(r.next, "account")].path, extra...))
}
