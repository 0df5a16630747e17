// Package signin is the ways in and out: by password, by a code, by an identity provider, without
// an account; sign-up, a new password, and sign-out.
package signin

import (
	"strconv"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/provider"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Room holds what the functions of this package share.
type Room struct {
	*web.Site
	visitor   *visitor.Room
	codes     *code.Codes
	providers *provider.Providers
	flows     []flow
	resume    Resume
}

// Resume is asked by the entry of an app on another origin, before it shows a way in: it reports
// whether something else is the answer.
type Resume func(*web.Request) (reply web.Reply, answered bool, err error)

// New makes the room, and registers what it goes to providers for.
func New(s *web.Site, v *visitor.Room, codes *code.Codes, providers *provider.Providers, resume Resume) *Room {
	in := &Room{Site: s, visitor: v, codes: codes, providers: providers, resume: resume}
	in.flows = []flow{bySMS(in), byEmail(in), signUp(in), resetPassword(in)}
	providers.Register(purpose, enter{in})
	return in
}

// Rows are the pages of the room.
func (in *Room) Rows() []web.Row {
	entryAgain := func(r *web.Request) (web.Reply, error) { return web.SeeOther(r.To(entry.PathEntry)) }
	rows := []web.Row{
		{Path: entry.PathEntry, Before: in.providers.AtEntry, Get: in.getEntry, Common: true, Forms: map[string]web.Rebuild{"choose": in.rebuildChoose}},
		{Path: entry.PathSignIn, Get: in.getSignIn, Common: true, Post: in.postSignIn, Form: formSignIn, Forms: map[string]web.Rebuild{formSignIn: in.rebuildSignIn}},
	}
	for _, f := range in.flows {
		rows = append(rows, in.flowRow(f))
	}
	rows = append(rows, in.qrRows()...)
	rows = append(rows, in.factorRow(), in.changeRow(),
		web.Row{Path: entry.PathAnonymous, Get: entryAgain, Post: in.postAnonymous, Forms: map[string]web.Rebuild{formAnonymous: in.rebuildAnonymous}},
		web.Row{Path: "/agreement/:n", Get: in.getAgreement},
		web.Row{
			Path: entry.PathSignOut, Get: in.getSignOut, Post: in.postSignOut, Form: formSignOut,
			Forms: map[string]web.Rebuild{formSignOut: func(r *web.Request) (views.Page, error) { return in.signOutPage(r), nil }},
		},
		web.Row{Path: entry.PathProvider + "/:id", Get: entryAgain, Post: in.postProvider, Repeatable: true, Forms: map[string]web.Rebuild{formProvider: in.rebuildProvider}},
	)
	for i := range rows {
		rows[i].OnWay = true
	}
	return rows
}

// flowRow is the page of a flow, where the login page offers it.
func (in *Room) flowRow(f flow) web.Row {
	offered := func(handle func(*web.Request, code.Flow) (web.Reply, error)) web.Handler {
		return func(r *web.Request) (web.Reply, error) {
			if !f.offered(r.LoginPage) {
				return web.Reply{}, refusal.ErrDisabled
			}
			return handle(r, f)
		}
	}
	spec := f.Spec()
	row := web.Row{Path: spec.Path, Get: offered(in.codes.Get), Common: true, Post: offered(in.codes.Post), Form: spec.Name, Forms: map[string]web.Rebuild{}}
	for _, name := range code.Forms(spec) {
		row.Forms[name] = func(r *web.Request) (views.Page, error) {
			if !f.offered(r.LoginPage) {
				return nil, refusal.ErrNoForm
			}
			return in.codes.Rebuild(r, f)
		}
	}
	return row
}

// getEntry shows the first way to sign in, or sign-up where the app asks for it. A flow= is the
// app's own there, if anything: a step of ours has a page of its own.
func (in *Room) getEntry(r *web.Request) (web.Reply, error) {
	if r.ForCode() {
		if reply, answered, err := in.resume(r); answered || err != nil {
			return reply, err
		}
	}
	reply, err := in.entry(r)
	if err == nil && reply.Page != nil && !r.Prompts("login") && !r.Prompts("create") && r.OwnTarget() {
		b := reply.Page.Frame()
		b.Resume, b.Client = in.Asset("account.js"), r.Client.ID
	}
	return reply, err
}

func (in *Room) entry(r *web.Request) (web.Reply, error) {
	for _, f := range in.flows {
		if f.first(r) {
			return in.codes.Start(r, f)
		}
	}
	if r.LoginPage.Default == "" {
		return web.OK(in.choosePage(r))
	}
	return in.getSignIn(r)
}

// choosePage is the page of a login config that has identity providers alone.
func (in *Room) choosePage(r *web.Request) *views.ChoosePage {
	p := &views.ChoosePage{
		Base:    in.FormPage(&r.LoginRequest, "choose", r.Title(), entry.PathEntry, ""),
		Methods: in.Methods(&r.LoginRequest, ""),
	}
	p.Consent = web.Consent(&r.LoginRequest, r.Form)
	return p
}

func (in *Room) rebuildChoose(r *web.Request) (views.Page, error) { return in.choosePage(r), nil }

// getAgreement shows the text of the n-th agreement, counted from 1.
func (in *Room) getAgreement(r *web.Request) (web.Reply, error) {
	n, err := strconv.Atoi(r.Param("n"))
	if err != nil || n < 1 || n > len(r.LoginPage.Agreements) {
		return web.Reply{}, refusal.ErrMissing
	}
	return web.OK(in.agreementPage(&r.LoginRequest, n-1))
}

func (in *Room) agreementPage(r *entry.LoginRequest, i int) *views.AgreementPage {
	a := r.LoginPage.Agreements[i]
	p := &views.AgreementPage{
		Base: in.Page(r, "agreement", i18n.Message{Text: a.Label}),
		Back: views.Link{To: "entry", URL: r.To(entry.PathEntry), Label: i18n.Msg("sign-in.back")},
	}
	web.LinkLanguages(&p.Base, func(other entry.Differ) string { return r.To(entry.AgreementPath(i), other) })
	for _, b := range a.Text {
		block := views.Block{Kind: string(b.Kind)}
		for _, run := range b.Runs {
			block.Runs = append(block.Runs, views.Run(run))
		}
		p.Blocks = append(p.Blocks, block)
	}
	return p
}

// others are the ways to sign in by a form of ours, beside one method.
func (in *Room) others(r *web.Request, except loginpage.Kind) []views.Link {
	return byForm(in.Methods(&r.LoginRequest, except))
}

// byForm are those of the ways in that have a form of ours.
func byForm(m views.Methods) (links []views.Link) {
	for _, w := range m.Others {
		if !w.Provider {
			links = append(links, w.Link)
		}
	}
	return links
}
