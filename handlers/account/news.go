package account

import (
	"time"

	"tcb-login/authclient"
	"tcb-login/handlers/notes"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/views"
)

// What changed about how somebody signs in since they were last here. Who gets into an account adds
// a way in of their own first, and the owner would find it in the history only if they looked: so
// every page of the portal says it, until the history is opened.
//
// Up to when they have seen the changes stands in the browser's notes, so a browser that nobody was
// in before says nothing. TCB is asked every ten minutes, after each change of their own, and on
// every page while there is something to say.

const (
	newsEvery  = 10 * time.Minute
	newsWait   = 3 * time.Second // for the history: a page does without
	newsEvents = 3               // that the banner names
	// newsClocks is how much TCB's clock may be ahead of ours: what somebody has just changed here
	// themselves is no news.
	newsClocks = 5 * time.Second
)

// news are the changes that the person has not seen yet; nil where there are none.
func (a *Room) news(r *web.Request, login *visitor.Login) *views.News {
	now, noted := a.Now(), r.Session.Notes().Of(login.Me.Sub)
	switch {
	case noted.Seen == 0: // the first time here
		a.knowsAll(r, login)
		return nil
	case !noted.News && noted.Own <= noted.Asked && now.Sub(time.Unix(noted.Asked, 0)) < newsEvery:
		return nil
	}
	ctx, cancel := r.Within(newsWait)
	defer cancel()
	page, err := user(r, login).GetSecurityHistory(ctx, authclient.SecurityHistoryRequest{Kind: authclient.HistoryChanges, Limit: historyRows}, r.Options()...)
	if err != nil { // the banner waits
		r.Trace.Refused(err)
		r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.Asked = now.Unix() })
		return nil
	}
	var fresh []authclient.SecurityEvent
	for _, row := range page.Rows {
		at, err := time.Parse(time.RFC3339, row.CreatedAt)
		if err == nil && at.After(time.Unix(noted.Seen, 0)) && at.Sub(time.Unix(noted.Own, 0)).Abs() > newsClocks {
			fresh = append(fresh, row)
		}
	}
	if len(fresh) == 0 {
		a.knowsAll(r, login)
		r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.Asked = now.Unix() })
		return nil
	}
	if !noted.News {
		r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.News, p.Asked = true, now.Unix() })
	}
	return a.newsOf(r, login, fresh)
}

// changedOwn notes that the person has changed something themselves. It says nothing of what others
// have changed just before, which they have not seen.
func (a *Room) changedOwn(r *web.Request, login *visitor.Login) {
	r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.Own = a.Now().Unix() })
}

// knowsAll notes that the person knows of all changes up to now.
func (a *Room) knowsAll(r *web.Request, login *visitor.Login) {
	until := a.Now().Add(newsClocks).Unix()
	r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.Seen, p.News, p.Own = until, false, 0 })
}

func (a *Room) newsOf(r *web.Request, login *visitor.Login, fresh []authclient.SecurityEvent) *views.News {
	n := &views.News{Links: []views.Link{
		a.link(r, "account-history", "account.news.history"),
		a.link(r, "account-password", "account.news.password"),
		a.link(r, "account-sessions", "account.news.sessions"),
	}}
	for _, row := range fresh[:min(len(fresh), newsEvents)] {
		n.Events = append(n.Events, event(r, row))
	}
	n.More = len(fresh) - len(n.Events)
	return n
}

// ownChanges are the confirmations of changes that TCB writes into the history.
var ownChanges = []string{
	"account.done.username", "account.done.phone", "account.done.email", "account.done.password", "account.done.linked", "account.done.unlinked",
}

// newsSample is the overview of somebody whose sign-in methods somebody has changed.
func (a *Room) newsSample(r *web.Request, login *visitor.Login) sample.State {
	return sample.State{Name: "news", Change: func(p views.Page) {
		page, err := a.history(r, login, authclient.SecurityHistoryRequest{Kind: authclient.HistoryChanges})
		if err == nil {
			p.Frame().Portal.News = a.newsOf(r, login, page.Rows)
		}
	}}
}
