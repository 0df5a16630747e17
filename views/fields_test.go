package views

import (
	"testing"

	"tcb-login/i18n"
)

// TestFocuses: at most one thing on a page takes the focus, and what is wrong comes first.
func TestFocuses(t *testing.T) {
	t.Parallel()
	wrong := func(fields ...string) (errors []FieldError) {
		for _, f := range fields {
			errors = append(errors, FieldError{f, i18n.Msg("error.required.password")})
		}
		return errors
	}
	tests := []struct {
		name string
		base Base
		want string
	}{
		{"the first", Base{}, "username"},
		{"a captcha", Base{Captcha: &Captcha{}}, "captcha_key"},
		{"what is wrong", Base{Errors: wrong("password")}, "password"},
		{"what is wrong, in two ways", Base{Errors: wrong("password", "password")}, "password"},
		{"what is wrong beside a captcha", Base{Errors: wrong("password"), Captcha: &Captcha{}}, "password"},
		{"the summary of two", Base{Errors: wrong("username", "password")}, ""},
		{"the page's error", Base{Alert: Alert{Kind: AlertError}}, ""},
		{"one of many pages", Base{Still: true, Errors: wrong("password")}, ""},
	}
	for _, tt := range tests {
		for _, field := range []string{"username", "password", "captcha_key"} {
			if got := tt.base.focuses(field, field == "username"); got != (field == tt.want) {
				t.Errorf("%s: %s takes the focus: %v", tt.name, field, got)
			}
		}
	}
}

// TestNames: a label names what an account can have, and nothing else.
func TestNames(t *testing.T) {
	t.Parallel()
	for names, want := range map[Names]string{
		{Phone: true, Email: true}: "field.identifier", {Phone: true}: "field.identifier_phone",
		{Email: true}: "field.identifier_email", {}: "field.identifier_name",
	} {
		if got := names.Key("field.identifier"); got != want {
			t.Errorf("%+v: %s, want %s", names, got, want)
		}
	}
}
