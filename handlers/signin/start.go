package signin

import (
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

// startPage begins a way in that has no form of its own: an identity provider's, or without an
// account where that is empty.
func (in *Room) startPage(r *web.Request, provider string) *views.StartPage {
	name, path, title := formAnonymous, entry.PathAnonymous, i18n.Msg("anonymous.button")
	if provider != "" {
		name, path = formProvider, entry.PathProvider+"/"+provider
		title = i18n.Message{Key: "start.provider", Args: i18n.Args{"provider": r.ProviderName(provider, "")}}
	}
	p := &views.StartPage{
		Base:     in.FormPage(&r.LoginRequest, name, title, path, ""),
		Provider: provider,
		Back:     views.Link{To: "sign-in", URL: r.To(r.SignInPath()), Label: i18n.Msg("sign-in.back")},
	}
	p.Consent = web.Consent(&r.LoginRequest, r.Form)
	return p
}

func (in *Room) rebuildAnonymous(r *web.Request) (views.Page, error) {
	if !offersAnonymous(r) {
		return nil, refusal.ErrDisabled
	}
	return in.startPage(r, ""), nil
}

func (in *Room) rebuildProvider(r *web.Request) (views.Page, error) {
	id := r.Form.Value("provider")
	if !offersProvider(r, id) {
		return nil, refusal.ErrDisabled
	}
	return in.startPage(r, id), nil
}

// offersAnonymous: an app on another origin gets a code, which is for somebody.
func offersAnonymous(r *web.Request) bool { return r.LoginPage.Anonymous && !r.ForCode() }

func offersProvider(r *web.Request, id string) bool {
	way, ok := r.LoginPage.Method(id)
	return ok && way.Kind() == ""
}

// agreedBefore reports that the page before this one had the agreement.
func agreedBefore(page views.Page) bool {
	asks, ok := page.(*views.CodePage)
	return ok && asks.Agreed
}

// refuseStart shows the page again that a way in began on. A captcha is shown on a page of the
// way's own: that other page's button is for something else, and wants fields that this needs
// nothing of.
func (in *Room) refuseStart(r *web.Request, page views.Page, err error, provider string) (web.Reply, error) {
	if web.CaptchaAsked(err) {
		start := in.startPage(r, provider)
		if start.Consent != nil && agreedBefore(page) {
			start.Consent.Checked = true
		}
		page = start
	}
	return web.Refuse(page, err, nil)
}
