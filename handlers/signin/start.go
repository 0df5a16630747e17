package signin

import (
	"cmp"

	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Forms of the pages that begin a way in which has no form of its own.
const (
	formAnonymous = "anonymous"
	formProvider  = "provider"
)

// A start is a way in that has no form of its own.
type start struct {
	form, path string
	title      i18n.Message
	provider   string // the identity provider's id, if it is one's
}

// The ways without an account and by a mini program's code.
var (
	startAnonymous = start{form: formAnonymous, path: entry.PathAnonymous, title: i18n.Msg("anonymous.button")}
	startQR        = start{form: formQR, path: entry.PathSignInQR, title: i18n.Msg("qr.title")}
)

// startAt is the way by an identity provider.
func startAt(r *web.Request, provider string) start {
	title := i18n.Message{Key: "start.provider", Args: i18n.Args{"provider": r.ProviderName(provider, "")}}
	return start{formProvider, entry.PathProvider + "/" + provider, title, provider}
}

// startPage begins such a way.
func (in *Room) startPage(r *web.Request, way start) *views.StartPage {
	p := &views.StartPage{
		Base:     in.FormPage(&r.LoginRequest, way.form, way.title, way.path, ""),
		Provider: way.provider,
		Back:     views.Link{To: "sign-in", URL: r.To(r.SignInPath()), Label: i18n.Msg("sign-in.back")},
	}
	p.Consent = web.Consent(&r.LoginRequest, r.Form)
	return p
}

func (in *Room) rebuildAnonymous(r *web.Request) (views.Page, error) {
	if !offersAnonymous(r) {
		return nil, refusal.ErrDisabled
	}
	return in.startPage(r, startAnonymous), nil
}

func (in *Room) rebuildProvider(r *web.Request) (views.Page, error) {
	id := cmp.Or(r.Param("id"), r.Form.Value("provider")) // on the way back from TCB's captcha page there is no field
	if !offersProvider(r, id) {
		return nil, refusal.ErrDisabled
	}
	return in.startPage(r, startAt(r, id)), nil
}

// offersAnonymous: an app on another origin gets a code, which is for somebody.
func offersAnonymous(r *web.Request) bool { return r.LoginPage.Anonymous && !r.ForCode() }

func offersProvider(r *web.Request, id string) bool {
	way, ok := r.LoginPage.Method(id)
	return ok && way.Kind() == ""
}

// agreedBefore reports that the page before this one had the agreement.
func agreedBefore(page views.Page) bool {
	switch page := page.(type) {
	case *views.CodePage:
		return page.Agreed
	case *views.QRPage: // there is none but of a code that was asked for with it
		return true
	}
	return false
}

// refuseStart shows the page again that a way in began on. A captcha is shown on a page of the
// way's own: that other page's button is for something else, and wants fields that this needs
// nothing of.
func (in *Room) refuseStart(r *web.Request, page views.Page, err error, way start) (web.Reply, error) {
	if web.CaptchaAsked(err) {
		start := in.startPage(r, way)
		if start.Consent != nil && agreedBefore(page) {
			start.Consent.Checked = true
		}
		page = start
	}
	return web.Refuse(page, err, nil)
}
