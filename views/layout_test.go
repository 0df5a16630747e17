package views

import (
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"tcb-login/i18n"
)

// rendered is what a component comes to in English.
func rendered(t *testing.T, of func(*Base) templ.Component, b *Base) string {
	t.Helper()
	bundle, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	b.T, _ = bundle.Locale("en")
	var s strings.Builder
	if err := of(b).Render(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
	return s.String()
}

// TestLanguages: up to three languages stand in a row, more are behind one control. Either works
// without script, and posts the form where no address shows the page again.
func TestLanguages(t *testing.T) {
	t.Parallel()
	all := []Language{
		{Tag: "en", Name: "English", Current: true}, {Tag: "ja", Name: "日本語"}, {Tag: "ko", Name: "한국어"}, {Tag: "zh-CN", Name: "简体中文"},
	}
	for n := range len(all) + 1 {
		for _, linked := range []bool{true, false} {
			b := &Base{Languages: slices.Clone(all[:n])}
			for i := range b.Languages {
				if linked {
					b.Languages[i].URL = "/" + b.Languages[i].Tag
				}
			}
			got := rendered(t, languages, b)
			if folded := strings.Contains(got, "<summary>"); folded != (n > 3) {
				t.Errorf("%d languages: behind a control: %v", n, folded)
			}
			other := `<a href="/ja"`
			if !linked {
				other = `form="form" formnovalidate name="lang" value="ja"`
			}
			if has := strings.Contains(got, other); has != (n > 1) {
				t.Errorf("%d languages, linked %v: Japanese is offered: %v in %s", n, linked, has, got)
			}
			if current := strings.Contains(got, `aria-current="true">English`); current != (n > 0 && n <= 3) {
				t.Errorf("%d languages: the current one is marked: %v", n, current)
			}
		}
	}
}

// TestAlert: one wrong field needs no summary, several do, and an error of the page as a whole is in
// one whatever else is wrong.
func TestAlert(t *testing.T) {
	t.Parallel()
	wrong := func(fields ...string) (errors []FieldError) {
		for _, f := range fields {
			errors = append(errors, FieldError{f, i18n.Msg("error.required.password")})
		}
		return errors
	}
	refused := Alert{Kind: AlertError, Message: i18n.Msg("error.sign_in_failed")}
	asked := Alert{Kind: AlertInfo, Message: i18n.Msg("captcha.ask")}
	tests := []struct {
		name  string
		base  Base
		role  string
		links int
	}{
		{"nothing", Base{}, "", 0},
		{"one field", Base{Errors: wrong("password")}, "", 0},
		{"one field, twice", Base{Errors: wrong("password", "password")}, "", 0},
		{"two fields", Base{Errors: wrong("username", "password")}, "alert", 2},
		{"the page", Base{Alert: refused}, "alert", 0},
		{"the page and a field", Base{Alert: refused, Errors: wrong("password")}, "alert", 0},
		{"a question", Base{Alert: asked}, "status", 0},
		{"a question and a field", Base{Alert: asked, Errors: wrong("captcha_key")}, "status", 0},
	}
	for _, tt := range tests {
		got := rendered(t, alert, &tt.base)
		if links := strings.Count(got, `<a href="#`); links != tt.links {
			t.Errorf("%s: %d links to fields, want %d", tt.name, links, tt.links)
		}
		for _, role := range []string{"alert", "status"} {
			if has := strings.Contains(got, `role="`+role+`"`); has != (role == tt.role) {
				t.Errorf("%s: role %s: %v in %q", tt.name, role, has, got)
			}
		}
	}
}
