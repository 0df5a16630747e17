package account

import (
	"tcb-login/handlers/entry"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

func linkTo(name, address, label string) views.Link {
	return views.Link{To: name, URL: address, Label: i18n.Msg(label)}
}

// plain is a page of the portal without a form.
func (a *Room) plain(r *web.Request, login *visitor.Login, name string, title i18n.Message) views.Base {
	b := a.Page(&r.LoginRequest, name, title)
	web.LinkLanguages(&b, r.InOther)
	return a.framed(r, login, b)
}

// form is a page of the portal whose form posts to path. sealed is the step that goes along, if
// any.
func (a *Room) form(r *web.Request, login *visitor.Login, name string, title i18n.Message, path, sealed string) views.Base {
	return a.framed(r, login, a.PortalFormPage(&r.LoginRequest, name, title, path, sealed))
}

// framed puts the portal around a page.
func (a *Room) framed(r *web.Request, login *visitor.Login, b views.Base) views.Base {
	b.Portal = &views.Portal{Person: a.visitor.Person(login.Me), SignOut: r.To(entry.PathSignOut)}
	if r.Path != entry.PathAccount {
		b.Portal.Home = r.Into(entry.PathAccount)
	}
	if r.OwnTarget() {
		b.Portal.App = r.RedirectURI
	}
	b.Form.DeviceID = r.Device // that the login was made with: it is no other because this is another page
	b.Guard = visitor.Guard(r, views.GuardPortal, a.signInHere(r), login)
	return b
}
