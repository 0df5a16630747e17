package account

import (
	"slices"
	"strings"

	"tcb-login/handlers/entry"
	"tcb-login/handlers/notes"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/views"
)

// After a reset of the password the account has a phone number, an e-mail address and identities
// that whoever was in it may have left there to come back by. The next page of the portal is the
// list of them. TCB can unlink an identity, but has no call that only removes a number or an
// address: another takes its place.

const (
	formReview = "account-review"
)

var reviewLine = hintLine("review", "account.review.title", "account.row.review", formReview)

func (a *Room) reviewRow(r *web.Request, login *visitor.Login) (views.Row, bool) {
	if r.Session.Notes().Of(login.Me.Sub).Review == notes.ReviewNone {
		return views.Row{}, false
	}
	return views.Row{Line: reviewLine}, true
}

func (a *Room) reviewPage(r *web.Request, login *visitor.Login) *views.ReviewPage {
	p := &views.ReviewPage{
		Base: a.Framed(r, login, a.FormPage(&r.LoginRequest, formReview, i18n.Msg("account.review.title"), entry.PathReview, "")),
	}
	add := func(name, label, value, page, action string) {
		if value != "" {
			p.Rows = append(p.Rows, views.Row{
				Line: &views.Line{Name: name, Label: label, To: page, Action: action}, Value: value, URL: a.Address(r, page),
			})
		}
	}
	me := login.Me
	if r.Env.Texts() {
		add("phone", "field.phone", identifier.ShowPhone(me.PhoneNumber), "account-phone", "account.review.replace")
	}
	add("email", "field.email", me.Email, "account-email", "account.review.replace")
	var names []string
	for _, b := range me.Providers {
		names = append(names, r.ProviderName(b.ID, ""))
	}
	add("providers", "account.providers.title", strings.Join(names, ", "), "account-providers", "account.review.remove")
	return p
}

func (a *Room) getReview(r *web.Request, login *visitor.Login) (web.Reply, error) {
	if r.Session.Notes().Of(login.Me.Sub).Review == notes.ReviewDue {
		r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.Review = notes.ReviewListed })
	}
	return web.OK(a.reviewPage(r, login))
}

func (a *Room) rebuildReview(r *web.Request, login *visitor.Login) (views.Page, error) {
	return a.reviewPage(r, login), nil
}

// postReview is the person's word that all of it is theirs.
func (a *Room) postReview(r *web.Request, login *visitor.Login) (web.Reply, error) {
	r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.Review = notes.ReviewNone })
	if slices.Contains([]string{"", "account", formReview}, r.Next) {
		return a.Finished(r, login, entry.PathAccount, "account.done.review")
	}
	return web.SeeOther(r.Into(r.NextPath))
}

func (a *Room) reviewSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	return sample.Form(formReview, entry.PathReview, func() (views.Page, error) { return a.reviewPage(r, login), nil })
}
