package portal

import (
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// A Page is a row of the portal's table.
type Page struct {
	Name   string // for next=, links to it and its form; empty where nothing leads to it by name
	Path   string
	StepUp bool // who is there has proven lately that it is them
	Proved bool // or signed in lately, on our own pages
	Texts  bool // TCB sends text messages in this environment
	OnWay  bool // as a web.Row's

	Repeatable bool // as a web.Row's

	TakesLink    bool // an identity that waits is bound here
	ListsChanges bool // all that the news are of: whoever opens it knows of them

	Get, Post Handler
	Typed     func(*web.Request) *web.Request                       // keeps in the address what a POST brings, for who is led elsewhere before
	Confirm   func(*web.Request, *visitor.Login, string) views.Page // in the page's place, after a change; nil: an alert on it
	Forms     map[string]Rebuild                                    // by the form's name; the page's own name is the one that a POST without one is of

	Overview []Summary // what the overview says of it
	Samples  func(*web.Request, *visitor.Login) []sample.Sample
}

// A Handler answers a request to a page of somebody's.
type Handler func(*web.Request, *visitor.Login) (web.Reply, error)

// A Rebuild makes a form of a page again, with what was typed.
type Rebuild func(*web.Request, *visitor.Login) (views.Page, error)

// A Summary is a line of the overview, in a section and at a place of it. A page that has nothing
// to say there returns false. The row's Line is one that is there for good, as a variable of the package:
// rendered lines are kept by it.
type Summary struct {
	Section string
	Place   int
	Row     func(*web.Request, *visitor.Login) (views.Row, bool)
}

// Named is the page of a name.
func (po *Room) Named(name string) Page {
	for i := range po.pages {
		if po.pages[i].Name == name {
			return po.pages[i]
		}
	}
	return Page{}
}

// nameAt is the name of the page at a path; empty where none has it.
func (po *Room) nameAt(path string) string {
	for i := range po.pages {
		if po.pages[i].Path == path {
			return po.pages[i].Name
		}
	}
	return ""
}

// row is a page as web hangs it.
func (po *Room) row(p Page) web.Row {
	row := web.Row{Path: p.Path, Portal: true, OnWay: p.OnWay, Repeatable: p.Repeatable, Form: p.Name, Forms: map[string]web.Rebuild{}}
	row.Get = func(r *web.Request) (web.Reply, error) {
		r, login, err := po.enter(r, p)
		if err != nil {
			return web.Reply{}, err
		}
		return po.get(r, login, p)
	}
	if p.Post != nil {
		row.Post = func(r *web.Request) (web.Reply, error) {
			r, login, err := po.enter(p.typing(r), p)
			if err != nil {
				return web.Reply{}, err
			}
			return p.Post(r, login)
		}
	}
	for name, make := range p.Forms {
		row.Forms[name] = func(r *web.Request) (views.Page, error) {
			r, login, err := po.enter(p.typing(r), p)
			if err != nil {
				return nil, err
			}
			return make(r, login)
		}
	}
	return row
}

// get is a page for somebody who has been let in.
func (po *Room) get(r *web.Request, login *visitor.Login, p Page) (web.Reply, error) {
	done := po.doneOf(r, login, p)
	if done != "" && p.Confirm != nil {
		return web.OK(p.Confirm(r, login, done))
	}
	reply, err := po.show(r, login, p)
	if err != nil || reply.Page == nil {
		return reply, err
	}
	frame := reply.Page.Frame()
	if done != "" {
		frame.Alert = views.Alert{Kind: views.AlertOK, Message: i18n.Msg(done)}
	}
	switch {
	case frame.Portal == nil:
	case p.ListsChanges:
		po.knowsAll(r, login)
	default:
		frame.Portal.News = po.news(r, login)
	}
	return reply, nil
}

// typing is a POST to the page, with what it brings in its address.
func (p Page) typing(r *web.Request) *web.Request {
	if p.Typed == nil {
		return r
	}
	return p.Typed(r)
}
