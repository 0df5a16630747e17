package account

import (
	"tcb-login/handlers/entry"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// signInAgain is sign-in by somebody who does not go on with the login at hand: what led here is
// not to be tried there again.
func signInAgain(r *web.Request) string {
	return r.To(entry.PathEntry, entry.With("prompt", "login"))
}

// getContinue offers the login that the browser has. It is led to by the script that has just
// handed that over; as on the portal's pages nothing shows before script has seen that localStorage
// still names the same person.
func (a *Room) getContinue(r *web.Request) (web.Reply, error) {
	if r.ForCode() {
		return web.SeeOther(r.To(entry.PathAuthorize))
	}
	login, err := a.visitor.Load(r)
	if err != nil {
		return web.Reply{}, err
	}
	anonymous := login != nil && login.Access.Anonymous
	switch {
	case r.Prompts("login") || anonymous:
		return web.SeeOther(signInAgain(r))
	case login == nil: // another tab's first visit may have cost it since
		return web.OK(a.visitor.HandOffPage(r, signInAgain(r)))
	}
	return web.OK(a.continuePage(r, login))
}

func (a *Room) continuePage(r *web.Request, login *visitor.Login) *views.ContinuePage {
	p := &views.ContinuePage{Base: a.Page(&r.LoginRequest, "continue", r.Title()), Person: a.person(login)}
	p.Guard = visitor.Guard(r, views.GuardContinue, signInAgain(r), login)
	web.LinkLanguages(&p.Base, r.InOther)
	p.Button = views.Link{To: "app", URL: r.Destination(), Label: i18n.Message{Key: "continue.button", Args: i18n.Args{"name": p.Person.Name}}}
	p.Other = linkTo("sign-in", signInAgain(r), "continue.other")
	return p
}
