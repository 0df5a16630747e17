package account

import (
	"bytes"
	"slices"
	"testing"

	"tcb-login/handlers/cut"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/i18n"
	"tcb-login/views"
)

// What is cut together is what is rendered for one request, whatever the values are, and whichever
// lines there are.
func TestOverviewCut(t *testing.T) {
	t.Parallel()
	messages, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	lines := []*views.Line{nameLine, usernameLine, moreLine, phoneLine, phoneStays, emailLine, passwordLine, noPasswordLine, providersLine, sessionsLine, historyLine, dataLine, deleteLine}
	var pages []portal.Page
	for i := range maxLines {
		pages = append(pages, portal.Page{Overview: []portal.Summary{{Section: sections[i%len(sections)].name, Place: i}}})
	}
	a := &Room{Room: &portal.Room{}, overview: overviewOf(pages), overviews: cut.NewCache[overviewKey](commonOverviews)}
	odd := []string{"^", "\x00a\x00", "q=\x00&r=\x00", `<b>&amp;'"`, "\xff", "{what}", "&#39;", "", " ", "小林"}
	for _, loc := range messages.Locales() {
		for shift := range 4 {
			for _, query := range []string{"", "client_id=a&x=\x00b\x00'%22", "redirect_uri=https%3A%2F%2Fapp.example%2F"} {
				r := &entry.LoginRequest{Base: "/__auth", Query: query, Loc: loc}
				key, values := overviewKey{loc: loc, query: query != ""}, []string{query}
				for i := range maxLines {
					value := odd[(i+shift)%len(odd)]
					if (i+shift)%5 > 0 {
						key.lines[i] = lines[(i*shift+i)%len(lines)]
					}
					key.valued[i] = value != "" && key.lines[i] != nil
					values = append(values, value)
				}
				page := a.commonSections(t.Context(), r, &key)
				if page == nil {
					t.Fatalf("%s: the sections cannot be cut", loc.Locale())
				}
				var got, want bytes.Buffer
				if err := views.Sections(loc, a.sections(r, &key, values)).Render(t.Context(), &want); err != nil {
					t.Fatal(err)
				}
				if err := page.Write(&got, values...); err != nil {
					t.Fatal(err)
				}
				if got.String() != want.String() {
					t.Errorf("%s, query %q:\ncut:      %s\nrendered: %s", loc.Locale(), query, &got, &want)
				}
				if a.commonSections(t.Context(), r, &key) != page {
					t.Errorf("%s: rendered again", loc.Locale())
				}
			}
		}
	}
}

// More lines than there is room for are found out as the program starts.
func TestOverviewLines(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	overviewOf([]portal.Page{{Overview: make([]portal.Summary, maxLines)}, {Overview: slices.Repeat([]portal.Summary{{Section: "danger"}}, maxLines+1)}})
}
