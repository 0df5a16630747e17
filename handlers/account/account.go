// Package account is the pages of the account portal, and "continue as …", which offers the login that
// the browser has in the place of a sign-in.
//
// Its pages are one table (pages.go). A page is a row there, a file with its handlers, its view and
// its words; routes, next=, the overview, the language switch and previews read the row. What a row
// can say, what stands before every page and what is around it is in portal; the step-up, by which
// somebody proves again who they are before a change that could lock them out, is a page of its own
// in stepup.
package account

import (
	"tcb-login/handlers/code"
	"tcb-login/handlers/cut"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/provider"
	"tcb-login/handlers/stepup"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
)

// Room holds what the functions of this package share.
type Room struct {
	*portal.Room
	visitor     *visitor.Room
	codes       *code.Codes
	providers   *provider.Providers
	signInAgain SignInAgain
	overview    []section
	overviews   *cut.Cache[overviewKey]
}

// SignInAgain signs in somebody whose new password is set, with all that TCB may want besides.
type SignInAgain func(r *web.Request, username, password string) (web.Reply, error)

// New makes the room, hangs its pages, and registers what they go to identity providers for.
func New(s *web.Site, v *visitor.Room, codes *code.Codes, providers *provider.Providers, signInAgain SignInAgain) *Room {
	a := &Room{Room: portal.New(s, v, codes), visitor: v, codes: codes, providers: providers, signInAgain: signInAgain}
	a.overviews = cut.NewCache[overviewKey](commonOverviews)
	a.Hang(a.table(stepup.New(a.Room, v, codes, providers)))
	a.overview = overviewOf(a.Pages())
	providers.Register(purposeBind, bind{a})
	return a
}

// PathPassword is where password managers lead to.
const PathPassword = "/account/password"

// Rows are the pages of the room.
func (a *Room) Rows() []web.Row {
	return append(a.PageRows(),
		web.Row{Path: pathGoodbye, Get: a.getGoodbye, Portal: true},
		web.Row{
			Path: entry.PathContinue, Get: a.getContinue, Post: a.postContinue, OnWay: true,
			Form: formContinue, Forms: map[string]web.Rebuild{formContinue: a.rebuildContinue},
		},
	)
}
