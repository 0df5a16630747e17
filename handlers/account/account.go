// Package account is the account portal, and what leads into it: the hand-off of a login that the
// SDK keeps in the browser, "continue as …", and the step-up, by which somebody proves again who
// they are before a change that could lock them out.
//
// Its pages are one table (pages.go). A page is a row there, a file with its handlers, its view and
// its words; routes, next=, the overview, the language switch and previews read the row. Before a
// page, and before a form of it is shown again elsewhere, stands the same entrance (entrance.go).
package account

import (
	"context"

	"tcb-login/authclient"
	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/provider"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/views"
)

// Room holds what the functions of this package share.
type Room struct {
	*web.Site
	visitor     *visitor.Room
	codes       *code.Codes
	providers   *provider.Providers
	signInAgain SignInAgain
	pages       []page
}

// SignInAgain signs in somebody whose new password is set, with all that TCB may want besides.
type SignInAgain func(r *web.Request, username, password string) (web.Reply, error)

// New makes the room, tells the site which pages next= may name, and registers what the portal goes
// to identity providers for.
func New(s *web.Site, v *visitor.Room, codes *code.Codes, providers *provider.Providers, signInAgain SignInAgain) *Room {
	a := &Room{Site: s, visitor: v, codes: codes, providers: providers, signInAgain: signInAgain}
	a.pages = a.table()
	next := map[string]string{}
	for _, p := range a.pages {
		if p.name != "" {
			next[p.name] = p.path
		}
	}
	s.SetPortal(next)
	providers.Register(purposeBind, bind{a})
	providers.Register(purposeStepUp, stepUpBy{a})
	return a
}

// PathPassword is where password managers lead to.
const PathPassword = "/account/password"

// Rows are the pages of the room.
func (a *Room) Rows() []web.Row {
	var rows []web.Row
	for _, p := range a.pages {
		rows = append(rows, a.row(p))
	}
	return append(rows,
		web.Row{
			Path: entry.PathContinue, Get: a.getContinue, Post: a.postContinue, OnWay: true,
			Form: formContinue, Forms: map[string]web.Rebuild{formContinue: a.rebuildContinue},
		},
	)
}

// user makes a person's own calls.
func user(r *web.Request, login *visitor.Login) entry.User {
	return r.Auth().AsUser(login.Access.AccessToken)
}

// userCall is a person's own call, with what a captcha adds to it.
type userCall func(context.Context, entry.User, ...authclient.CallOption) error

// asPerson makes one call of the person's, which TCB may want a captcha for.
func (a *Room) asPerson(r *web.Request, login *visitor.Login, do userCall) error {
	return a.Guarded(r, authclient.Call{}, false, func(ctx context.Context, opts ...authclient.CallOption) error {
		return do(ctx, user(r, login), opts...)
	})
}

// link leads to a page of the portal, by its name.
func (a *Room) link(r *web.Request, name, label string) views.Link {
	return linkTo(name, r.Into(a.named(name).path), label)
}
