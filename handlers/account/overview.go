package account

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"

	"tcb-login/authclient"
	"tcb-login/handlers/cut"
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
	all, lines := make([]section, len(sections)), 0
	for i, s := range sections {
		all[i].name, all[i].title = s.name, s.title
		for _, page := range pages {
			for _, line := range page.Overview {
				if line.Section == s.name {
					all[i].lines = append(all[i].lines, line)
					lines++
				}
			}
		}
		slices.SortStableFunc(all[i].lines, func(x, y portal.Summary) int { return cmp.Compare(x.Place, y.Place) })
	}
	if lines > maxLines {
		panic("account: the overview has more lines than maxLines") // the pages are written down in pages.go
	}
	return all
}

func (a *Room) getOverview(r *web.Request, login *visitor.Login) (web.Reply, error) {
	return web.OK(a.overviewPage(r, login))
}

func (a *Room) overviewPage(r *web.Request, login *visitor.Login) *views.AccountPage {
	key := overviewKey{loc: r.Loc, query: r.Query != ""}
	values := make([]string, len(overviewMarks))
	values[0] = r.Query
	at := 0
	for _, s := range a.overview {
		for _, line := range s.lines {
			if row, ok := line.Row(r, login); ok {
				key.lines[at], key.valued[at] = row.Line, row.Value != ""
				values[1+at] = row.Value
			}
			at++
		}
	}
	p := &views.AccountPage{Base: a.Plain(r, login, "account", i18n.Msg("account.title"))}
	p.Lean = true
	if page := a.commonSections(r.Context(), &r.LoginRequest, &key); page != nil {
		p.Rendered = func(w io.Writer) error { return page.Write(w, values...) }
	} else {
		p.Sections = a.sections(&r.LoginRequest, &key, values)
	}
	return p
}

// The sections are the same for all who have the same lines in a language, but for the values and the
// query string of the addresses. They are rendered once for all of them: see package cut.

// maxLines is how many lines the overview can have, and commonOverviews how many variants are kept.
const maxLines, commonOverviews = 16, 256

// overviewKey is all that the sections follow from, besides what is cut in and what is the same for the
// whole site, as the pages' paths.
type overviewKey struct {
	loc    *i18n.Localizer
	query  bool                  // there is one
	lines  [maxLines]*views.Line // by their places; nil where there is none
	valued [maxLines]bool
}

// overviewMarks stand for the query string and the lines' values. Nothing of a person is in the
// sections while they are cut, and no message has the character that marks are spelt with.
var overviewMarks = func() (marks [1 + maxLines]cut.Mark) {
	marks[0] = cut.NewMark("q=%s&r=%s", "\x00")
	for i := range maxLines {
		marks[1+i] = cut.NewMark("%s"+string(rune('a'+i))+"%s", "\x00")
	}
	return marks
}()

// commonSections are the sections to be written with the query string and the values of one request;
// nil where they are to be rendered for it alone.
func (a *Room) commonSections(ctx context.Context, r *entry.LoginRequest, key *overviewKey) *cut.Page {
	if page := a.overviews.Get(*key); page != nil {
		return page
	}
	marked, marks := *r, make([]string, len(overviewMarks))
	for i, m := range overviewMarks {
		marks[i] = m.Text
	}
	if key.query {
		marked.Query = marks[0]
	}
	var out bytes.Buffer
	if err := views.Sections(r.Loc, a.sections(&marked, key, marks)).Render(context.WithoutCancel(ctx), &out); err != nil {
		return nil
	}
	page, ok := cut.Make(out.Bytes(), overviewMarks[:]...)
	if !ok {
		return nil
	}
	a.overviews.Put(*key, page)
	return page
}

// sections are those of a key, with the values of the lines that have one.
func (a *Room) sections(r *entry.LoginRequest, key *overviewKey, values []string) []views.Section {
	all := make([]views.Section, len(a.overview))
	at := 0
	for i, s := range a.overview {
		all[i] = views.Section{Name: s.name, Title: i18n.Msg(s.title)}
		for range s.lines {
			if line := key.lines[at]; line != nil {
				row := views.Row{Line: line}
				if key.valued[at] {
					row.Value = values[1+at]
				}
				if line.To != "" {
					row.URL = r.Into(a.Named(line.To).Path)
				}
				all[i].Rows = append(all[i].Rows, row)
			}
			at++
		}
	}
	return all
}

// factLine is a line with a value, which a page adds or changes.
func factLine(name, label, page string) *views.Line {
	return &views.Line{Name: name, Label: label, Empty: "account.empty", To: page, Action: "account.change", Add: "account.add"}
}

// hintLine is a line that says what a page is for.
func hintLine(name, label, hint, page string) *views.Line {
	return &views.Line{Name: name, Label: label, Hint: hint, To: page, Action: label}
}

func (a *Room) overviewSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	make := func() (views.Page, error) { return a.overviewPage(r, login), nil }
	fresh := *login
	fresh.Me = &authclient.UserInfo{Sub: login.Me.Sub, PhoneNumber: login.Me.PhoneNumber}
	return append(
		sample.Plain("account", entry.PathAccount, make, sample.Alert("done", views.AlertOK, i18n.Msg("account.done.password")),
			sample.Alert("other-person", views.AlertError, i18n.Msg("error.other_person")), a.NewsSample(r, login)),
		sample.Sample{Page: "account", Path: entry.PathAccount, State: "new-account", Make: func() (views.Page, error) {
			return a.overviewPage(r, &fresh), nil
		}},
	)
}
