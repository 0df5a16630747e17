package visitor

import (
	"tcb-login/handlers/entry"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Guard is what account.js needs on a page that is of login, or looks for one. signIn is where to
// go when nobody is signed in.
func Guard(r *web.Request, mode, signIn string, login *Login) *views.Guard {
	g := &views.Guard{Mode: mode, EnvID: r.Env.ID, ClientID: r.Client.ID, Query: r.Query}
	g.Session, g.Here, g.SignIn = g.Brief(r.To(entry.PathSession)), g.Brief(r.Here()), g.Brief(signIn)
	if login != nil {
		g.Sub, g.UserInfo = login.Me.Sub, login.Me.Raw
	}
	return g
}

// HandOffPage is the page that looks for the SDK's login in the browser's storage. It loads what the page
// does that most often comes in its place.
func (v *Room) HandOffPage(r *web.Request, signIn string) *views.HandOffPage {
	p := &views.HandOffPage{
		Base:   v.Page(&r.LoginRequest, "hand-off", i18n.Msg("hand-off.title")),
		Lead:   i18n.Msg("hand-off.lead"),
		Button: views.Link{To: "sign-in", URL: signIn, Label: i18n.Msg("sign-in.button")},
		Retry:  views.Link{To: "retry", URL: r.Here(), Label: i18n.Msg("error.retry")},
	}
	p.Guard, p.Lean = Guard(r, views.GuardHandOff, signIn, nil), r.Path == entry.PathAccount
	web.LinkLanguages(&p.Base, r.InOther)
	return p
}
