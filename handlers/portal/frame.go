package portal

import (
	"tcb-login/handlers/entry"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Plain is a page of the portal without a form.
func (po *Room) Plain(r *web.Request, login *visitor.Login, name string, title i18n.Message) views.Base {
	b := po.Page(&r.LoginRequest, name, title)
	web.LinkLanguages(&b, r.InOther)
	return po.Framed(r, login, b)
}

// Form is a page of the portal whose form posts to path. sealed is the step that goes along, if
// any.
func (po *Room) Form(r *web.Request, login *visitor.Login, name string, title i18n.Message, path, sealed string) views.Base {
	return po.Framed(r, login, po.PortalFormPage(&r.LoginRequest, name, title, path, sealed))
}

// Framed puts the portal around a page.
func (po *Room) Framed(r *web.Request, login *visitor.Login, b views.Base) views.Base {
	b.Portal = &views.Portal{Person: po.visitor.Person(login.Me), SignOut: r.To(entry.PathSignOut)}
	if r.Path != entry.PathAccount {
		b.Portal.Home = r.Into(entry.PathAccount)
	}
	if r.OwnTarget() {
		b.Portal.App = r.RedirectURI
	}
	b.Form.DeviceID = r.Device // that the login was made with: it is no other because this is another page
	b.Guard = visitor.Guard(r, views.GuardPortal, po.signInHere(r), login)
	return b
}
