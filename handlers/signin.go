package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/views"
)

// getEntry shows the first way to sign in, or sign-up where the app asks for it.
func (h *Handler) getEntry(c *fiber.Ctx) error {
	r := requestOf(c)
	r.flow = "" // an app's own parameter, if anything: a step of ours has a page of its own
	r.entry = true
	for _, flow := range h.flows {
		if flow.method == r.login.Default && flow.method != "" || flow.name == "sign-up" && r.Prompt == "create" && flow.offered(r.login) {
			return flow.get(c)
		}
	}
	if r.login.Default == "" {
		return h.show(c, fiber.StatusOK, h.choosePage(r))
	}
	return h.getSignIn(c)
}

// getEntryAgain answers a GET of an address that only takes a form.
func (h *Handler) getEntryAgain(c *fiber.Ctx) error {
	return h.seeOther(c, requestOf(c).to("/"))
}

func (h *Handler) signInPage(r *request, username string) (*views.SignInPage, form) {
	p := &views.SignInPage{
		Base:     *h.formPage(r, "sign-in", r.title(), "/sign-in", ""),
		Username: username,
		Ways:     h.ways(r, loginpage.MethodPassword),
	}
	p.Consent = h.consent(r)
	if r.login.CanReset() {
		p.Reset = views.Link{To: "reset-password", URL: r.to("/reset-password"), Label: i18n.Msg("sign-in.forgot")}
	}
	if r.login.SignUpPage {
		p.SignUp = views.Link{To: "sign-up", URL: r.to("/sign-up"), Label: i18n.Msg("sign-up.link")}
	}
	return p, form{base: &p.Base, view: func() templ.Component { return views.SignIn(*p) }}
}

func (h *Handler) getSignIn(c *fiber.Ctx) error {
	r := requestOf(c)
	if !r.login.Offers(loginpage.MethodPassword) {
		return errDisabled
	}
	_, f := h.signInPage(r, cut(r.LoginHint, maxIdentifier))
	return h.show(c, fiber.StatusOK, f)
}

// typedSignIn is the page with what was typed, unjudged.
func (h *Handler) typedSignIn(c *fiber.Ctx) (*views.SignInPage, form) {
	r := requestOf(c)
	h.readForm(c, r, "sign-in")
	r.secret = h.password(c, r, "password")
	return h.signInPage(r, line(c, "username"))
}

func (h *Handler) postSignIn(c *fiber.Ctx) error {
	r := requestOf(c)
	if !r.login.Offers(loginpage.MethodPassword) {
		return errDisabled
	}
	if r.target == targetCode {
		return errNotYet
	}
	page, f := h.typedSignIn(c)
	need(&page.Base, "username", page.Username)
	tooLong(&page.Base, "username", page.Username, maxIdentifier)
	need(&page.Base, "password", r.secret)
	tooLong(&page.Base, "password", r.secret, maxPassword)
	needConsent(r, &page.Base)
	if page.Invalid() {
		return h.show(c, fiber.StatusUnprocessableEntity, f)
	}
	name := identifier(page.Username)
	creds, err := h.signInWithPassword(c, name, r.secret)
	if err != nil {
		h.otherWays(page, err)
		return h.refuse(c, f, err, passwordRefusals)
	}
	return h.complete(c, creds)
}

// passwordRefusals: who has no account, no password or no access hears the same
// as who mistyped; the page must not tell strangers who has an account.
var passwordRefusals = map[string]refusal{
	"not_found":        refusals["invalid_password"],
	"user_not_found":   refusals["invalid_password"],
	"user_pending":     refusals["invalid_password"],
	"user_blocked":     refusals["invalid_password"],
	"invalid_status":   refusals["invalid_password"], // only accounts that exist are locked
	"invalid_argument": refusals["invalid_password"], // TCB's word for a name that cannot be one
}

// otherWays offers code and reset beside a refusal that they get around.
func (h *Handler) otherWays(page *views.SignInPage, err error) {
	var lim *limited
	page.Refused = wrongPassword(err)
	if page.Refused || errors.As(err, &lim) {
		h.waysAround(page)
	}
}

func (h *Handler) waysAround(page *views.SignInPage) {
	for _, w := range page.Ways.Others {
		if !w.Provider {
			page.Alert.Links = append(page.Alert.Links, views.Link{To: w.To, URL: w.URL, Label: i18n.Msg("sign-in.with_code")})
			break
		}
	}
	if page.Reset.URL != "" {
		page.Alert.Links = append(page.Alert.Links, views.Link{To: "reset-password", URL: page.Reset.URL, Label: i18n.Msg("sign-in.reset")})
	}
}

// signInWithPassword calls TCB under the limits on guessing. A try is counted
// before the call, so that many at once get no further than one after another,
// and given back unless the password was wrong.
func (h *Handler) signInWithPassword(c *fiber.Ctx, name, password string) (*authclient.Credentials, error) {
	r := requestOf(c)
	ctx := context.Background()
	person := limit.Key(r.env.ID, limit.NormalizeIdentifier(name))
	tries := &taken{counter: h.counter}
	if err := tries.take(ctx, rulePassword, "error.password_limit", time.Minute, limit.Key(person, r.network)); err != nil {
		return nil, err
	}
	soft := append(r.counts(rulePasswordNetwork), count{rulePasswordPerson, person})
	demand := tries.takeSoft(ctx, soft...) || r.env.Limits.AttackMode
	var creds *authclient.Credentials
	err := h.guarded(c, authclient.CallSignIn, demand, h.watched(c, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.client.auth.SignIn(ctx, authclient.SignInRequest{Username: name, Password: password}, opts...)
		return err
	}, floorPassword, r.env.ID))
	if wrongPassword(err) {
		alike(c)
	} else {
		tries.refund(ctx)
	}
	return creds, err
}

// wrongPassword reports that a call was a guess that failed.
func wrongPassword(err error) bool {
	var api *authclient.Error
	return errors.As(err, &api) && refusalOf(api, passwordRefusals).key == "error.sign_in_failed"
}
