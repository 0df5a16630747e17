package i18n

import (
	"slices"
	"strings"
	"testing"
)

// forms is a text in config.Text's shape.
type forms = map[string]string

func TestCheckText(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	tests := []struct {
		locale, key string
		forms       forms
		want        string // in the error; empty: fine
	}{
		{"en", "sign-in.title", forms{"other": "Welcome to {app}"}, ""},
		{"en", "sign-in.title", forms{"other": "Welcome"}, ""},
		{"ZH-tw", "sign-in.title", forms{"other": "歡迎"}, ""},
		{"en", "code.life", forms{"other": "Valid for {n} min."}, ""},
		{"en", "code.life", forms{"other": "Valid for a while."}, ""},
		{"en", "code.life", forms{"one": "Valid for one minute.", "other": "Valid for {n} minutes."}, ""},
		{"en", "format.date", forms{"other": "01/02/2006"}, ""},
		{"en", "format.datetime", forms{"other": "Jan 2, 2006, 3:04 PM"}, ""},

		{"fi", "sign-in.title", forms{"other": "x"}, `no language "fi"; there are en, `},
		{"en-XA", "sign-in.title", forms{"other": "x"}, `no language "en-XA"`},
		{"en", "sign-in.titel", forms{"other": "x"}, `unknown key "sign-in.titel"; did you mean "sign-in.title"?`},
		{"en", "Sign_in.title", forms{"other": "x"}, `did you mean "sign-in.title"?`},
		{"en", "nothing at all like it", forms{"other": "x"}, `unknown key "nothing at all like it"`},
		{"en", strings.Repeat("x", 1<<20), forms{"other": "x"}, "unknown key"},
		{"en", "language.dir", forms{"other": "rtl"}, "language.dir cannot be replaced"},
		{"en", "language.name", forms{"other": "x"}, "language.name cannot be replaced"},
		{"en", "sign-in.title", nil, `no text for "other"`},
		{"en", "code.life", forms{"one": "{n} minute"}, `no text for "other"`},
		{"en", "sign-in.title", forms{"other": ""}, `"other": empty`},
		{"en", "sign-in.title", forms{"other": " \n\u3000"}, `"other": empty`},
		{"en", "code.life", forms{"one": "", "other": "{n}"}, `"one": empty`},
		{"en", "sign-in.title", forms{"other": "{ap}"}, `"other": unknown placeholder {ap}; this message has {app}`},
		{"en", "sign-in.title", forms{"other": "{}"}, "unknown placeholder {}"},
		{"en", "sign-in.title", forms{"other": "{n}"}, "unknown placeholder {n}; this message has {app}"},
		{"en", "sign-in.button", forms{"other": "Enter {app}"}, "unknown placeholder {app}; this message has none"},
		{"en", "code.life", forms{"one": "{m}", "other": "{n}"}, `"one": unknown placeholder {m}; this message has {n}`},
		{"en", "sign-in.title", forms{"other": "{app"}, "a brace without its other half"},
		{"en", "sign-in.title", forms{"other": "app}"}, "a brace without its other half"},
		{"en", "sign-in.title", forms{"other": "{{app}}"}, "a brace without its other half"},
		{"en", "sign-in.title", forms{"one": "x", "other": "x"}, `sign-in.title counts nothing: "one" has no place beside "other"`},
		{"ja", "code.life", forms{"one": "x", "other": "x"}, `ja has no plural category "one"; it has other`},
		{"en", "code.life", forms{"few": "x", "other": "x"}, `en has no plural category "few"; it has one, other`},
		{"en", "code.life", forms{"some": "x", "other": "x"}, `en has no plural category "some"`},
		{"en", "format.date", forms{"other": "DD.MM.YYYY"}, `the layout "DD.MM.YYYY" does not show the year`},
		{"en", "format.date", forms{"other": "2 2006"}, "does not show the month"},
		{"en", "format.date", forms{"other": "Jan 2006"}, "does not show the day"},
		{"en", "format.datetime", forms{"other": "2 Jan 2006"}, "does not show the hour"},
		{"en", "format.datetime", forms{"other": "2 Jan 2006 15h"}, "does not show the minute"},
		{"en", "format.datetime", forms{"other": "2 Jan 2006 3:04"}, "does not show the half of the day"},
	}
	for _, tt := range tests {
		err := b.CheckText(tt.locale, tt.key, tt.forms)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %.40s %q: %v, want %q", tt.locale, tt.key, tt.forms, err, tt.want)
		}
	}
}

// TestCheckTextTakesOurs: what the catalogues say is usable.
func TestCheckTextTakesOurs(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	for _, l := range b.Locales() {
		for key, message := range l.texts() {
			given := forms{"other": message.other}
			for name, form := range pluralForms {
				if s, ok := message.forms[form]; ok {
					given[name] = s
				}
			}
			if err := b.CheckText(l.Locale(), key, given); err != nil && key != "language.name" && key != "language.dir" {
				t.Errorf("%s: %s: %v", l.Locale(), key, err)
			}
		}
	}
}

func TestHasLocale(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	for tag, want := range map[string]bool{"en": true, "ja": true, "zh-tw": true, "zh": false, "fi": false, "": false, "en-XA": false} {
		if got := b.HasLocale(tag); got != want {
			t.Errorf("HasLocale(%q) = %v", tag, got)
		}
	}
}

func TestWith(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	original := b.Locales()[0].T("sign-in.button")

	// As it is.
	same := b.With(nil, nil)
	if !slices.Equal(same.Locales(), b.Locales()) || same.Match("ko") != b.Match("ko") {
		t.Error("With(nil, nil) is another bundle than before")
	}

	// A choice, in its order; what does not exist and what is there twice is passed over.
	some := b.With([]string{"zh-TW", "fi", "en", "ZH-TW", "en-XA"}, nil)
	if want := []string{"zh-TW", "en"}; !slices.Equal(some.tags(), want) {
		t.Errorf("offers %q, want %q", some.tags(), want)
	}
	for wish, want := range map[string]string{
		"": "zh-TW", "fi": "zh-TW", "ja": "zh-TW", "zh-CN": "zh-TW", "en-GB": "en", "ja,en;q=0.5": "en", "en-XA": "en",
	} {
		if got := some.Match(wish).Locale(); got != want {
			t.Errorf("%q gets %s, want %s", wish, got, want)
		}
	}
	if some.HasLocale("zh-CN") || !some.HasLocale("en") || len(some.Pseudo()) != len(b.Pseudo()) {
		t.Error("the choice is not what it offers, or the pseudo-locales are lost")
	}
	if none := b.With([]string{"fi"}, nil); !slices.Equal(none.Locales(), b.Locales()) {
		t.Error("a choice of nothing does not offer everything")
	}

	// Other words, in one language.
	own := b.With([]string{"ja", "en"}, map[string]map[string]map[string]string{
		"EN": {
			"sign-in.title":  {"other": "Welcome to {app}!"},
			"sign-in.button": {"other": "Enter"},
			"code.life":      {"one": "{n} minute left", "other": "{n} minutes left"},
			"error.too_long": {"other": "Not {this}"},        // which CheckText refuses
			"sign-up.link":   {"other": "x", "one": "y"},     // so is this
			"code.missing":   {},                             // and this
			"no.such_key":    {"other": "x"},                 // and this
			"format.date":    {"other": "Monday, 02-Jan-06"}, // that is one
			"error.no_such":  {"other": "x"},                 //
		},
		"zh-CN": {"sign-in.button": {"other": "not offered"}},
		"fi":    {"sign-in.button": {"other": "not there"}},
	})
	en, _ := own.Locale("en")
	for _, tt := range []struct {
		m    Message
		want string
	}{
		{Message{Key: "sign-in.title", Args: Args{"app": "Orders"}}, "Welcome to Orders!"},
		{Msg("sign-in.button"), "Enter"},
		{Message{Key: "code.life", N: 1}, "1 minute left"},
		{Message{Key: "code.life", N: 5}, "5 minutes left"},
		{Msg("error.too_long"), "This is too long."},
		{Msg("sign-up.link"), "Create one"},
		{Msg("code.missing"), "Didn't get the code?"},
		{Msg("no.such_key"), "no.such_key"},
		{Msg("field.password"), "Password"},
	} {
		if got := en.Print(tt.m); got != tt.want {
			t.Errorf("%s prints %q, want %q", tt.m.Key, got, tt.want)
		}
	}
	if ja, _ := b.Locale("ja"); own.Locales()[0] != ja {
		t.Error("a catalogue without other words is copied")
	}
	if got := own.Match("en-US"); got != en {
		t.Error("Match finds the words from before")
	}
	if got := b.Locales()[0].T("sign-in.button"); got != original {
		t.Errorf("the bundle that it came from now says %q", got)
	}

	// One text for all counts.
	flat := b.With(nil, map[string]map[string]map[string]string{"en": {"code.life": {"other": "Valid for {n} min."}}})
	if got := flat.Locales()[0].Print(Message{Key: "code.life", N: 1}); got != "Valid for 1 min." {
		t.Errorf("prints %q", got)
	}
}
