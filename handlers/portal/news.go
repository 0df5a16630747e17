package portal

import (
	"strings"
	"time"

	"tcb-login/authclient"
	"tcb-login/handlers/notes"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/useragent"
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
	newsRows   = 20              // of the history, that are looked through
	newsEvents = 3               // that the banner names
	// newsClocks is how much TCB's clock may be ahead of ours: what somebody has just changed here
	// themselves is no news.
	newsClocks = 5 * time.Second
)

// news are the changes that the person has not seen yet; nil where there are none.
func (po *Room) news(r *web.Request, login *visitor.Login) *views.News {
	now, noted := po.Now(), r.Session.Notes().Of(login.Me.Sub)
	switch {
	case noted.Seen == 0: // the first time here
		po.knowsAll(r, login)
		return nil
	case !noted.News && noted.Own <= noted.Asked && now.Sub(time.Unix(noted.Asked, 0)) < newsEvery:
		return nil
	}
	ctx, cancel := r.Within(newsWait)
	defer cancel()
	page, err := User(r, login).GetSecurityHistory(ctx, authclient.SecurityHistoryRequest{Kind: authclient.HistoryChanges, Limit: newsRows}, r.Options()...)
	if err != nil { // the banner waits
		r.Trace.Refused(err)
		r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.Asked = now.Unix() })
		return nil
	}
	var fresh []authclient.SecurityEvent
	for _, row := range page.Rows {
		at, err := time.Parse(time.RFC3339, row.CreatedAt)
		if err == nil && at.After(time.Unix(noted.Seen, 0)) && !noted.IsOwn(at, newsClocks) {
			fresh = append(fresh, row)
		}
	}
	if len(fresh) == 0 {
		po.knowsAll(r, login)
		r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.Asked = now.Unix() })
		return nil
	}
	if !noted.News {
		r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.News, p.Asked = true, now.Unix() })
	}
	return po.newsOf(r, login, fresh)
}

// changedOwn notes that the person has changed something themselves, between the beginning of the request
// and now. It says nothing of what others have changed just before, which they have not seen.
func (po *Room) changedOwn(r *web.Request, login *visitor.Login) {
	r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.OwnFrom, p.Own = r.Trace.Began().Unix(), po.Now().Unix() })
}

// knowsAll notes that the person knows of all changes up to now.
func (po *Room) knowsAll(r *web.Request, login *visitor.Login) {
	until := po.Now().Add(newsClocks).Unix()
	r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.Seen, p.News, p.OwnFrom, p.Own = until, false, 0, 0 })
}

func (po *Room) newsOf(r *web.Request, login *visitor.Login, fresh []authclient.SecurityEvent) *views.News {
	n := &views.News{Links: []views.Link{
		po.Link(r, "account-history", "account.news.history"),
		po.Link(r, "account-password", "account.news.password"),
		po.Link(r, "account-sessions", "account.news.sessions"),
	}}
	for _, row := range fresh[:min(len(fresh), newsEvents)] {
		n.Events = append(n.Events, EventOf(r, row))
	}
	n.More = len(fresh) - len(n.Events)
	return n
}

// NewsSample is the overview of somebody whose sign-in methods somebody has changed.
func (po *Room) NewsSample(r *web.Request, login *visitor.Login) sample.State {
	return sample.State{Name: "news", Change: func(p views.Page) {
		page, err := po.History(r, login, authclient.SecurityHistoryRequest{Kind: authclient.HistoryChanges})
		if err == nil {
			p.Frame().Portal.News = po.newsOf(r, login, page.Rows)
		}
	}}
}

// History is a page of what happened to the account, as TCB has it.
func (po *Room) History(r *web.Request, login *visitor.Login, in authclient.SecurityHistoryRequest) (*authclient.SecurityHistory, error) {
	ctx, cancel := r.Within(po.Timeout)
	defer cancel()
	return User(r, login).GetSecurityHistory(ctx, in, r.Options()...)
}

// eventKeys are TCB's actions in words. Its documents name USER_LOGIN alone, so one that is not
// here is a change of some kind.
var eventKeys = map[string]string{
	"USER_UPDATE_PASSWORD":     "account.event.password",
	"USER_RESET_PASSWORD":      "account.event.reset",
	"USER_UPDATE_PHONE_NUMBER": "account.event.phone",
	"USER_UPDATE_EMAIL":        "account.event.email",
	"USER_UPDATE_USERNAME":     "account.event.username",
	"USER_BIND_PROVIDER":       "account.event.linked",
	"USER_UNBIND_PROVIDER":     "account.event.unlinked",
}

// EventOf is a row of the history in words.
func EventOf(r *web.Request, row authclient.SecurityEvent) views.Event {
	e := views.Event{What: i18n.Msg("account.event.other"), Address: row.IP, When: visitor.When(r, row.CreatedAt)}
	e.Device = visitor.Device(r, useragent.Parse(row.UserAgent))
	if key := eventKeys[row.Action]; key != "" {
		e.What.Key = key
	}
	if e.What.Key == "account.event.linked" || e.What.Key == "account.event.unlinked" {
		id, _ := strings.CutPrefix(row.Meta.From, "provider:")
		e.What.Args = i18n.Args{"provider": r.ProviderName(id, "")}
	}
	return e
}
