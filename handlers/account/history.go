package account

import (
	"cmp"
	"errors"
	"net/url"
	"strings"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/useragent"
	"tcb-login/views"
)

// What changed about how somebody signs in.

func (a *Room) historyRow(r *web.Request, _ *visitor.Login) (views.Row, bool) {
	return a.hint(r, "history", "account.history.title", "account.row.history", "account-history"), true
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

func event(r *web.Request, row authclient.SecurityEvent) views.Event {
	e := views.Event{What: i18n.Msg("account.event.other"), Address: row.IP, When: visitor.When(r, row.CreatedAt)}
	e.Device = cmp.Or(useragent.Parse(row.UserAgent).String(), r.Loc.T("account.sessions.unknown"))
	if key := eventKeys[row.Action]; key != "" {
		e.What.Key = key
	}
	if e.What.Key == "account.event.linked" || e.What.Key == "account.event.unlinked" {
		id, _ := strings.CutPrefix(row.Meta.From, "provider:")
		e.What.Args = i18n.Args{"provider": r.ProviderName(id, "")}
	}
	return e
}

func (a *Room) getHistory(r *web.Request, login *visitor.Login) (web.Reply, error) {
	page, err := a.historyPage(r, login)
	switch {
	case errors.Is(err, authclient.ErrInvalidArgument) && r.PageToken != "": // no page_token of TCB's
		return web.SeeOther(r.Here())
	case err != nil:
		return a.over(r, err)
	}
	return web.OK(page)
}

func (a *Room) historyPage(r *web.Request, login *visitor.Login) (*views.HistoryPage, error) {
	rows, err := a.history(r, login, authclient.SecurityHistoryRequest{
		Kind: authclient.HistoryChanges, PageToken: web.Cut(r.PageToken, 512), Limit: historyRows,
	})
	if err != nil {
		return nil, err
	}
	p := &views.HistoryPage{Base: a.plain(r, login, "account-history", i18n.Msg("account.history.title")), Addresses: r.Env.TCBSeesClientAddress}
	for _, row := range rows.Rows {
		p.Events = append(p.Events, event(r, row))
	}
	if r.PageToken != "" {
		p.First = linkTo("first", r.Here(), "account.history.first")
	}
	if rows.NextPageToken != "" {
		p.More = linkTo("more", r.InOther(entry.Add("page_token", url.QueryEscape(rows.NextPageToken))), "account.history.more")
	}
	return p, nil
}

func (a *Room) historySamples(r *web.Request, login *visitor.Login) []sample.Sample {
	return sample.Plain("account-history", "/account/history", func() (views.Page, error) { return a.historyPage(r, login) })
}
