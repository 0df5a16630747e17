package authorize

import (
	"cmp"
	"net/url"
	"strings"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/session"
	"tcb-login/views"
)

const maxScopes = 50 // that a page lists

// pageOf is the page with the button. It names the host that the code goes to, as the browser will
// show it: the app's name is only what somebody has registered.
func (z *Room) pageOf(r *web.Request, login *visitor.Login, info *authclient.AuthorizeInfo, sealed string) *views.AuthorizePage {
	p := &views.AuthorizePage{
		Base:   z.FormPage(&r.LoginRequest, formAuthorize, r.Title(), entry.PathAuthorize, sealed),
		Person: z.visitor.Person(login.Me),
		Host:   hostOf(r.RedirectURI),
		Other:  views.Link{To: "sign-in", URL: r.To(entry.PathEntry, entry.With("prompt", "login")), Label: i18n.Msg("continue.other")},
	}
	p.Styled = true
	p.Name = cmp.Or(r.LoginPage.Name, p.Host)
	if name := oneLine(info.Client.Name); name != "" && name != r.Client.ID {
		p.Name = name
		p.Title = i18n.Message{Key: "sign-in.title", Args: i18n.Args{"app": name}}
	}
	p.Button = i18n.Message{Key: "continue.button", Args: i18n.Args{"name": p.Person.Name}}
	for _, s := range info.Scopes {
		p.Scopes = appendScope(p.Scopes, s, 2)
	}
	return p
}

// appendScope lists a scope, and its parts below it.
func appendScope(list []views.Scope, s authclient.Scope, depth int) []views.Scope {
	if len(list) >= maxScopes {
		return list
	}
	shown := views.Scope{Name: cmp.Or(oneLine(s.Name), oneLine(s.ID)), Detail: oneLine(s.Description)}
	if depth > 0 {
		for _, part := range s.Children {
			shown.Parts = appendScope(shown.Parts, part, depth-1)
		}
	}
	return append(list, shown)
}

// oneLine is a text of TCB's as it fits a line.
func oneLine(s string) string { return web.Cut(strings.Join(strings.Fields(s), " "), 200) }

// hostOf is where a code goes. The address is a registered one, so that everybody reads it alike.
func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return uri
	}
	return u.Host
}

// Samples are the pages of the room.
func (z *Room) Samples(r *web.Request) []sample.Sample {
	const name = formAuthorize
	of := r.AsSample(func(l *entry.LoginRequest) {
		l.Path, l.RedirectURI = entry.PathAuthorize, "https://orders.example.com/callback"
	})
	user := r.Auth().AsUser("sample")
	me, err := user.GetUserInfo(r.Context())
	if err != nil {
		return sample.Plain(name, entry.PathAuthorize, func() (views.Page, error) { return nil, err })
	}
	info, err := user.AuthorizeInfo(r.Context(), authclient.AuthorizeInfoRequest{})
	if err != nil {
		return sample.Plain(name, entry.PathAuthorize, func() (views.Page, error) { return nil, err })
	}
	login := &visitor.Login{Me: me, Access: session.Access{AccessToken: "sample", Sub: me.Sub}}
	plain := *info
	plain.Scopes = nil
	states := []sample.State{
		{Name: "scopes", Change: func(p views.Page) {
			p.(*views.AuthorizePage).Scopes = z.pageOf(of, login, info, "").Scopes
		}},
		sample.Alert("changed", views.AlertError, i18n.Msg("authorize.changed")),
	}
	if asked := web.Consent(&of.LoginRequest, of.Form); asked != nil { // of who has agreed to other texts
		states = append(states, sample.State{Name: "agree", Change: func(p views.Page) { p.Frame().Consent = asked }})
	}
	return sample.Form(name, entry.PathAuthorize, func() (views.Page, error) { return z.pageOf(of, login, &plain, ""), nil }, states...)
}
