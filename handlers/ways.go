package handlers

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/i18n"
	"tcb-login/views"
)

// ways are the ways in beside the form of one method.
func (h *Handler) ways(r *request, except loginpage.Method) views.Ways {
	var out views.Ways
	for _, w := range r.login.Ways {
		if m := w.Method(); m == "" || m != except {
			out.Others = append(out.Others, h.way(r, w))
		}
	}
	if r.login.Anonymous {
		out.Anonymous = r.to("/anonymous")
	}
	if r.login.Skippable && r.target == targetOwn {
		out.Skip = r.RedirectURI
	}
	return out
}

func (h *Handler) way(r *request, w loginpage.Way) views.Way {
	out := views.Way{Icon: h.media(w.Icon)}
	switch w.Method() {
	case loginpage.MethodPassword:
		out.Link = views.Link{To: "sign-in", URL: r.to("/sign-in"), Label: i18n.Msg("method.password")}
	case loginpage.MethodSMS:
		out.Link = views.Link{To: "sign-in-sms", URL: r.to("/sign-in/sms"), Label: i18n.Msg("method.sms")}
	case loginpage.MethodEmail:
		out.Link = views.Link{To: "sign-in-email", URL: r.to("/sign-in/email"), Label: i18n.Msg("method.email")}
	default:
		out.Provider = true
		name := h.providerName(r, w.ID, "")
		out.Link = views.Link{To: "provider-" + w.ID, URL: r.to("/provider/" + w.ID), Label: i18n.Message{Text: name}}
		out.Mark = initialOf(name)
		if strings.HasPrefix(w.ID, "wx_") {
			out.Mark = "wechat"
		}
	}
	if label := labelFor(r.loc, w.Label); label != "" {
		out.Label = i18n.Message{Text: label}
	}
	return out
}

// labelFor is an operator's label where it fits the page. TCB's own are in
// Chinese: on a page in another language our words are better.
func labelFor(loc *i18n.Localizer, label string) string {
	base, _ := loc.Tag().Base()
	if base.String() != "zh" && strings.ContainsFunc(label, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		return ""
	}
	return label
}

// consent is the checkbox of a page that begins a way in.
func (h *Handler) consent(r *request) *views.Consent {
	if len(r.login.Agreements) == 0 {
		return nil
	}
	out := &views.Consent{Checked: r.agreed}
	for i, a := range r.login.Agreements {
		out.Texts = append(out.Texts, views.Link{
			To: "agreement", URL: r.to(agreementPath(i)),
			Label: i18n.Message{Text: a.Label},
		})
	}
	return out
}

// needConsent notes that the agreement was not agreed to.
func needConsent(r *request, b *views.Base) {
	if b.Consent != nil && !r.agreed {
		wrong(b, "agreement", "error.required.agreement")
	}
}

// startWay begins a way in whose button posts the form of another: what was
// typed there is kept, and the agreement that it holds counts. It answers false
// when the form was shown again.
func (h *Handler) startWay(c *fiber.Ctx) (form, bool, error) {
	r := requestOf(c)
	if r.target == targetCode {
		return form{}, false, errNotYet
	}
	f, err := h.typedForm(c)
	if err != nil {
		return form{}, false, err
	}
	// A page that asks for a code comes after one that had the agreement; any
	// other without it is none that a way begins on.
	asksCode := r.flow != "" && strings.HasSuffix(r.form, "-code")
	r.agreed = r.agreed || asksCode && f.base.Consent == nil
	if f.base.Consent == nil && len(r.login.Agreements) > 0 && !asksCode {
		return form{}, false, badRequest("error.page.parameter", i18n.Args{"name": "form"})
	}
	if needConsent(r, f.base); f.base.Invalid() {
		return f, false, h.show(c, fiber.StatusUnprocessableEntity, f)
	}
	return f, true, nil
}

// postAnonymous signs in without an account. TCB tells anonymous people apart
// by their device alone.
func (h *Handler) postAnonymous(c *fiber.Ctx) error {
	r := requestOf(c)
	if !r.login.Anonymous {
		return errDisabled
	}
	f, ok, err := h.startWay(c)
	if !ok {
		return err
	}
	counted := &taken{counter: h.counter}
	demand := counted.takeSoft(c.UserContext(), r.counts(ruleAnonymous)...) || r.env.Limits.AttackMode
	var creds *authclient.Credentials
	err = h.guarded(c, authclient.CallSignInAnonymously, demand, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.client.auth.SignInAnonymously(ctx, opts...)
		return err
	})
	if err != nil {
		return h.refuseStart(c, f, err, "")
	}
	return h.complete(c, creds)
}

// Forms of a way's own page.
const (
	formAnonymous = "anonymous"
	formProvider  = "provider"
)

// startPage begins a way in that has no form of its own: an identity provider's, or without an
// account where that is empty.
func (h *Handler) startPage(r *request, provider string) form {
	name, path, title := formAnonymous, "/anonymous", i18n.Msg("anonymous.button")
	if provider != "" {
		name, path = formProvider, "/provider/"+provider
		title = i18n.Message{Key: "start.provider", Args: i18n.Args{"provider": h.providerName(r, provider, "")}}
	}
	p := &views.StartPage{
		Base:     *h.formPage(r, name, title, path, ""),
		Provider: provider,
		Back:     views.Link{To: "sign-in", URL: r.to(r.signInPath()), Label: i18n.Msg("sign-in.back")},
	}
	p.Consent = h.consent(r)
	return form{base: &p.Base, view: func() templ.Component { return views.Start(*p) }}
}

// typedStart is the page as it was posted.
func (h *Handler) typedStart(c *fiber.Ctx, name string) (form, error) {
	r := requestOf(c)
	h.readForm(c, r, name)
	if name == formAnonymous {
		if !r.login.Anonymous {
			return form{}, errDisabled
		}
		return h.startPage(r, ""), nil
	}
	id := field(c, "provider")
	if !offersProvider(r, id) {
		return form{}, errDisabled
	}
	return h.startPage(r, id), nil
}

func offersProvider(r *request, id string) bool {
	way, ok := r.login.Way(id)
	return ok && way.Method() == ""
}

// refuseStart shows the form again that a way began on. A captcha is shown on a page of the way's
// own: that other form's button is for something else, and wants fields that this needs nothing of.
func (h *Handler) refuseStart(c *fiber.Ctx, f form, err error, provider string) error {
	var asked *captchaAsked
	if errors.As(err, &asked) {
		r := requestOf(c)
		r.secret, r.captcha.Action = "", ""
		f = h.startPage(r, provider)
	}
	return h.refuse(c, f, err, nil)
}

// choosePage is the page of a login config that has identity providers alone.
func (h *Handler) choosePage(r *request) form {
	p := &views.ChoosePage{Base: *h.formPage(r, "choose", r.title(), "/", ""), Ways: h.ways(r, "")}
	p.Consent = h.consent(r)
	return form{base: &p.Base, view: func() templ.Component { return views.Choose(*p) }}
}

// signInPath is where the page's own way to sign in is.
func (r *request) signInPath() string {
	if r.login.Offers(loginpage.MethodPassword) {
		return "/sign-in"
	}
	return "/"
}
