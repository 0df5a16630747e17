package account

import (
	"slices"

	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// A page is a row of the portal's table.
type page struct {
	name   string // for next=, links to it and its form; empty where nothing leads to it by name
	path   string
	stepUp bool // who is there has proven lately that it is them
	proved bool // or signed in lately, on our own pages
	texts  bool // TCB sends text messages in this environment
	onWay  bool // as a web.Row's

	repeatable bool // as a web.Row's

	takesLink bool // an identity that waits is bound here

	get, post handler
	typed     func(*web.Request) *web.Request                       // keeps in the address what a POST brings, for who is led elsewhere before
	confirm   func(*web.Request, *visitor.Login, string) views.Page // in the page's place, after a change; nil: an alert on it
	forms     map[string]rebuild                                    // by the form's name; the page's own name is the one that a POST without one is of

	overview []summary // what the overview says of it
	samples  func(*web.Request, *visitor.Login) []sample.Sample
}

// A handler answers a request to a page of somebody's.
type handler func(*web.Request, *visitor.Login) (web.Reply, error)

// A rebuild makes a form of a page again, with what was typed.
type rebuild func(*web.Request, *visitor.Login) (views.Page, error)

// table is all pages of the portal.
func (a *Room) table() []page {
	all := []page{
		{name: "account", path: entry.PathAccount, get: a.getOverview, samples: a.overviewSamples},
		{
			name: "account-profile", path: "/account/profile", get: a.getProfile, post: a.postProfile,
			forms:    map[string]rebuild{"account-profile": a.rebuildProfile},
			overview: []summary{{"profile", 1, a.nameRow}, {"profile", 3, a.moreRow}}, samples: a.profileSamples,
		},
		{
			path: entry.PathVerify, onWay: true, get: a.getVerify, post: a.postVerify,
			forms: a.stepUpForms(), samples: a.stepUpSamples,
		},
		{
			name: "account-username", path: "/account/username", stepUp: true, get: a.getUsername, post: a.postUsername,
			forms:    map[string]rebuild{"account-username": a.rebuildUsername},
			overview: []summary{{"profile", 2, a.usernameRow}}, samples: a.usernameSamples,
		},
		a.contactPage(phoneContact, page{
			name: "account-phone", path: entry.PathPhone, stepUp: true, texts: true,
			overview: []summary{{"sign-in", 1, a.phoneRow}},
		}),
		a.contactPage(emailContact, page{
			name: "account-email", path: "/account/email", stepUp: true,
			overview: []summary{{"sign-in", 2, a.emailRow}},
		}),
		{
			name: "account-password", path: PathPassword, stepUp: true, get: a.getPassword, post: a.postPassword,
			forms:    map[string]rebuild{"account-password": a.rebuildPassword},
			overview: []summary{{"sign-in", 3, a.passwordRow}}, samples: a.passwordSamples,
		},
		{ // its changes ask for a step-up themselves
			name: "account-providers", path: entry.PathProviders, takesLink: true, get: a.getProviders, post: a.postProviders,
			forms:    map[string]rebuild{"account-providers": a.rebuildProviders, "account-bind": a.rebuildBind},
			overview: []summary{{"sign-in", 4, a.providersRow}}, samples: a.providersSamples,
		},
		{
			name: "account-sessions", path: "/account/sessions", get: a.getSessions, post: a.postSessions,
			forms:    map[string]rebuild{"account-sessions": a.rebuildSessions},
			overview: []summary{{"safety", 1, a.sessionsRow}}, samples: a.sessionsSamples,
		},
		{
			name: "account-history", path: "/account/history", get: a.getHistory,
			overview: []summary{{"safety", 2, a.historyRow}}, samples: a.historySamples,
		},
	}
	return append(all, a.wholePages()...)
}

// wholePages are those about the account as a whole.
func (a *Room) wholePages() []page {
	return []page{
		{
			name: formData, path: pathData, stepUp: true, repeatable: true, get: a.getData, post: a.postData,
			forms:    map[string]rebuild{formData: a.rebuildData},
			overview: []summary{{"safety", 4, a.dataRow}}, samples: a.dataSamples,
		},
		{
			name: formReview, path: pathReview, onWay: true, get: a.getReview, post: a.postReview,
			forms:    map[string]rebuild{formReview: a.rebuildReview},
			overview: []summary{{"safety", 0, a.reviewRow}}, samples: a.reviewSamples,
		},
		{
			name: "account-delete", path: "/account/delete", stepUp: true, get: a.getDelete, post: a.postDelete,
			forms:    map[string]rebuild{"account-delete": a.rebuildDelete},
			overview: []summary{{"danger", 1, a.deleteRow}}, samples: a.deleteSamples,
		},
		{
			name: "device", path: entry.PathDevice, proved: true, get: a.getDevice, post: a.postDevice,
			typed: withTypedCode, confirm: a.deviceEnd,
			forms:   map[string]rebuild{"device": a.rebuildDevice},
			samples: a.deviceSamples,
		},
	}
}

// named is the page of a name.
func (a *Room) named(name string) page {
	i := slices.IndexFunc(a.pages, func(p page) bool { return p.name == name })
	if i < 0 {
		return page{}
	}
	return a.pages[i]
}

// nameAt is the name of the page at a path; empty where none has it.
func (a *Room) nameAt(path string) string {
	for _, p := range a.pages {
		if p.path == path {
			return p.name
		}
	}
	return ""
}

// row is a page as web hangs it.
func (a *Room) row(p page) web.Row {
	row := web.Row{Path: p.path, Portal: true, OnWay: p.onWay, Repeatable: p.repeatable, Form: p.name, Forms: map[string]web.Rebuild{}}
	row.Get = func(r *web.Request) (web.Reply, error) {
		r, login, err := a.enter(r, p)
		if err != nil {
			return web.Reply{}, err
		}
		done := a.doneOf(r, login)
		if done != "" && p.confirm != nil {
			return web.OK(p.confirm(r, login, done))
		}
		reply, err := p.get(r, login)
		if err != nil || reply.Page == nil {
			return reply, err
		}
		frame := reply.Page.Frame()
		if done != "" {
			frame.Alert = views.Alert{Kind: views.AlertOK, Message: i18n.Msg(done)}
		}
		switch {
		case frame.Portal == nil:
		case p.name == "account-history": // where they all are
			a.knowsAll(r, login)
		default:
			frame.Portal.News = a.news(r, login)
		}
		return reply, nil
	}
	if p.post != nil {
		row.Post = func(r *web.Request) (web.Reply, error) {
			r, login, err := a.enter(p.typing(r), p)
			if err != nil {
				return web.Reply{}, err
			}
			return p.post(r, login)
		}
	}
	for name, make := range p.forms {
		row.Forms[name] = func(r *web.Request) (views.Page, error) {
			r, login, err := a.enter(p.typing(r), p)
			if err != nil {
				return nil, err
			}
			return make(r, login)
		}
	}
	return row
}

// typing is a POST to the page, with what it brings in its address.
func (p page) typing(r *web.Request) *web.Request {
	if p.typed == nil {
		return r
	}
	return p.typed(r)
}

// flowPage is the page of a code flow of somebody's.
func (a *Room) flowPage(p page, spec code.Spec, of func(*visitor.Login) code.Flow) page {
	p.get = func(r *web.Request, login *visitor.Login) (web.Reply, error) { return a.codes.Get(r, of(login)) }
	p.post = func(r *web.Request, login *visitor.Login) (web.Reply, error) { return a.codes.Post(r, of(login)) }
	p.forms = a.flowForms(spec, of)
	return p
}

func (a *Room) flowForms(spec code.Spec, of func(*visitor.Login) code.Flow) map[string]rebuild {
	forms := map[string]rebuild{}
	for _, name := range code.Forms(spec) {
		forms[name] = func(r *web.Request, login *visitor.Login) (views.Page, error) { return a.codes.Rebuild(r, of(login)) }
	}
	return forms
}
