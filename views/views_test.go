package views

import (
	"strings"
	"testing"

	"tcb-login/i18n"
)

// TestConsentSentence: titles are joined as the language joins words.
func TestConsentSentence(t *testing.T) {
	t.Parallel()
	bundle, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ locale, between string }{
		{"en", `</a> and <a `},
		{"ko", `</a> 및 <a `},
		{"zh-CN", `</a>和<a `},
		{"ja", `</a>と<a `},
		{"ar", `</a> و<a `},
	}
	for _, tt := range tests {
		l, ok := bundle.Locale(tt.locale)
		if !ok {
			t.Fatalf("no %s", tt.locale)
		}
		page := Base{T: l, Consent: &Consent{Texts: []Link{
			{Label: i18n.Message{Text: "Terms"}, URL: "/terms"}, {Label: i18n.Message{Text: "Privacy"}, URL: "/privacy"},
		}}}
		var s strings.Builder
		if err := page.consentSentence().Render(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(s.String(), tt.between) {
			t.Errorf("%s: %s has no %q", tt.locale, s.String(), tt.between)
		}
		if got, want := strings.Contains(s.String(), `dir="auto"`), l.Dir() == "rtl"; got != want {
			t.Errorf("%s: a direction of their own for titles: %v, want %v", tt.locale, got, want)
		}
	}
}

// TestDocumentTitle: a title names the app once.
func TestDocumentTitle(t *testing.T) {
	t.Parallel()
	bundle, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	l, _ := bundle.Locale("en")
	to := i18n.Message{Key: "sign-in.title", Args: i18n.Args{"app": "Orders"}}
	tests := []struct {
		page Base
		want string
	}{
		{Base{Title: i18n.Message{Text: "Email"}, App: App{Name: "Orders"}}, "Email · Orders"},
		{Base{Title: i18n.Message{Text: "Email"}}, "Email"},
		{Base{Title: i18n.Message{Text: "Orders"}, App: App{Name: "Orders"}}, "Orders"},
		{Base{Title: to, App: App{Name: "Orders"}}, "Sign in to Orders"},
		{Base{Title: to, App: App{Name: "Orders"}, Errors: FieldErrors{{Field: "username"}}}, "Error: Sign in to Orders"},
	}
	for _, tt := range tests {
		tt.page.T = l
		if got := tt.page.documentTitle(); got != tt.want {
			t.Errorf("the title is %q, want %q", got, tt.want)
		}
	}
}
