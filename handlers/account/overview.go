package account

import (
	"cmp"
	"slices"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// sections of the overview, by name and title.
var sections = []struct{ name, title string }{
	{"profile", "account.section.profile"},
	{"sign-in", "account.section.sign_in"},
	{"safety", "account.section.safety"},
	{"danger", "account.section.danger"},
}

// A section is what the portal's pages say in a section of the overview, in the order of their places.
type section struct {
	name, title string
	lines       []portal.Summary
}

// overviewOf are the sections of the overview, by what the pages say of themselves.
func overviewOf(pages []portal.Page) []section {
	all := make([]section, len(sections))
	for i, s := range sections {
		all[i].name, all[i].title = s.name, s.title
		for _, page := range pages {
			for _, line := range page.Overview {
				if line.Section == s.name {
					all[i].lines = append(all[i].lines, line)
				}
			}
		}
		slices.SortStableFunc(all[i].lines, func(x, y portal.Summary) int { return cmp.Compare(x.Place, y.Place) })
	}
	return all
}

func (a *Room) getOverview(r *web.Request, login *visitor.Login) (web.Reply, error) {
	return web.OK(a.overviewPage(r, login))
}

func (a *Room) overviewPage(r *web.Request, login *visitor.Login) *views.AccountPage {
	p := &views.AccountPage{
		Base:     a.Plain(r, login, "account", i18n.Msg("account.title")),
		Sections: make([]views.Section, len(a.overview)),
	}
	lines := 0
	for _, s := range a.overview {
		lines += len(s.lines)
	}
	rows := make([]views.Row, 0, lines)
	for i, s := range a.overview {
		first := len(rows)
		for _, line := range s.lines {
			if row, ok := line.Row(r, login); ok {
				rows = append(rows, row)
			}
		}
		p.Sections[i] = views.Section{Name: s.name, Title: i18n.Msg(s.title), Rows: rows[first:]}
	}
	return p
}

// fact is a line with a value, which a page adds or changes.
func (a *Room) fact(r *web.Request, name, label, value, page string) views.Row {
	action := "account.change"
	if value == "" {
		action = "account.add"
	}
	return views.Row{Name: name, Label: label, Value: value, Empty: "account.empty", To: page, URL: a.Address(r, page), Action: action}
}

// hint is a line that says what a page is for.
func (a *Room) hint(r *web.Request, name, label, hint, page string) views.Row {
	return views.Row{Name: name, Label: label, Hint: hint, To: page, URL: a.Address(r, page), Action: label}
}

func (a *Room) overviewSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	make := func() (views.Page, error) { return a.overviewPage(r, login), nil }
	fresh := *login
	fresh.Me = &authclient.UserInfo{Sub: login.Me.Sub, PhoneNumber: login.Me.PhoneNumber}
	return append(
		sample.Plain("account", entry.PathAccount, make, sample.Alert("done", views.AlertOK, i18n.Msg("account.done.password")), a.NewsSample(r, login)),
		sample.Sample{Page: "account", Path: entry.PathAccount, State: "new-account", Make: func() (views.Page, error) {
			return a.overviewPage(r, &fresh), nil
		}},
	)
}
