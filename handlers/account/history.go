package account

import (
	"errors"
	"net/url"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// What changed about how somebody signs in.

var historyLine = hintLine("history", "account.history.title", "account.row.history", "account-history")

func (a *Room) historyRow(*web.Request, *visitor.Login) (views.Row, bool) {
	return views.Row{Line: historyLine}, true
}

func (a *Room) getHistory(r *web.Request, login *visitor.Login) (web.Reply, error) {
	page, err := a.historyPage(r, login)
	switch {
	case errors.Is(err, authclient.ErrInvalidArgument) && r.PageToken != "": // no page_token of TCB's
		return web.SeeOther(r.Here())
	case err != nil:
		return a.Over(r, err)
	}
	return web.OK(page)
}

func (a *Room) historyPage(r *web.Request, login *visitor.Login) (*views.HistoryPage, error) {
	rows, err := a.History(r, login, authclient.SecurityHistoryRequest{
		Kind: authclient.HistoryChanges, PageToken: web.Cut(r.PageToken, 512), Limit: historyRows,
	})
	if err != nil {
		return nil, err
	}
	p := &views.HistoryPage{Base: a.Plain(r, login, "account-history", i18n.Msg("account.history.title")), Addresses: r.Env.TCBSeesClientAddress}
	for _, row := range rows.Rows {
		p.Events = append(p.Events, portal.EventOf(r, row))
	}
	if r.PageToken != "" {
		p.First = portal.LinkTo("first", r.Here(), "account.history.first")
	}
	if rows.NextPageToken != "" {
		p.More = portal.LinkTo("more", r.InOther(entry.Add("page_token", url.QueryEscape(rows.NextPageToken))), "account.history.more")
	}
	return p, nil
}

func (a *Room) historySamples(r *web.Request, login *visitor.Login) []sample.Sample {
	return sample.Plain("account-history", "/account/history", func() (views.Page, error) { return a.historyPage(r, login) })
}
