// Package portal is what every page of the account portal shares, whichever package the page is in:
//
//	page.go      a Page, the row that says all about one, and what web hangs for it
//	entrance.go  what stands before every page, and before a form of it is shown again elsewhere:
//	             somebody is signed in and registered, knows what a reset has left, and has proven
//	             who they are where the row asks for it. Whoever is not is led where they can. A form that
//	             was opened by somebody else, who was signed in here before, does nothing
//	waiting.go   what somebody typed waits meanwhile
//	frame.go     the portal around a page: whose it is, the ways out, the guard
//	done.go      the word that a change has been made, which is said once
//	news.go      what others may have changed, which every page says
//	flow.go      what the code flows of somebody who is signed in have in common
//
// It knows no page: package account has them all, in one table, and hangs them here. The step-up
// that the entrance leads to is package stepup. Whose login a browser has is known to visitor, which
// the ways in have too.
package portal

import (
	"context"

	"tcb-login/authclient"
	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/provider"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Room holds what the functions of this package share. Packages with pages of the portal embed it.
type Room struct {
	*web.Site
	visitor *visitor.Room
	codes   *code.Codes
	pages   []Page
}

// New makes the room. It has no pages before Hang.
func New(s *web.Site, v *visitor.Room, codes *code.Codes) *Room {
	return &Room{Site: s, visitor: v, codes: codes}
}

// Hang gives the room its pages, once, and tells the site which of them next= may name.
func (po *Room) Hang(pages []Page) {
	po.pages = pages
	next := map[string]string{}
	for _, p := range pages {
		if p.Name != "" {
			next[p.Name] = p.Path
		}
	}
	po.SetPortal(next)
}

// Pages are all pages of the portal, in the order of the table.
func (po *Room) Pages() []Page { return po.pages }

// PageRows are the pages as web hangs them.
func (po *Room) PageRows() []web.Row {
	var rows []web.Row
	for _, p := range po.pages {
		rows = append(rows, po.row(p))
	}
	return rows
}

// User makes a person's own calls.
func User(r *web.Request, login *visitor.Login) entry.User {
	return r.Auth().AsUser(login.Access.AccessToken)
}

// A UserCall is a person's own call, with what a captcha adds to it.
type UserCall func(context.Context, entry.User, ...authclient.CallOption) error

// AsPerson makes one call of the person's, which TCB may want a captcha for.
func (po *Room) AsPerson(r *web.Request, login *visitor.Login, do UserCall) error {
	return po.Guarded(r, authclient.Call{}, false, func(ctx context.Context, opts ...authclient.CallOption) error {
		return do(ctx, User(r, login), opts...)
	})
}

// Link leads to a page of the portal, by its name.
func (po *Room) Link(r *web.Request, name, label string) views.Link {
	return LinkTo(name, po.Address(r, name), label)
}

// Address is that of a page of the portal, by its name.
func (po *Room) Address(r *web.Request, name string) string { return r.Into(po.Named(name).Path) }

// LinkTo leads to an address, under the name that scripts and tests know it by.
func LinkTo(name, address, label string) views.Link {
	return views.Link{To: name, URL: address, Label: i18n.Msg(label)}
}

// CameBack is the login of who went to an identity provider; an error where it is somebody else's by
// now.
func (po *Room) CameBack(r *web.Request, authorization provider.Authorization) (*visitor.Login, error) {
	login, err := po.visitor.Load(r)
	if err != nil {
		return nil, err
	}
	if login == nil || login.Me.Sub != authorization.Sub {
		return nil, provider.ErrLost
	}
	return login, nil
}
