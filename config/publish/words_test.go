package publish

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tcb-login/config/loginpage"
	"tcb-login/theme"
)

// whole is a version in which every field has a value.
func whole() loginpage.Version {
	picture := func(name string) *loginpage.Media {
		return &loginpage.Media{Name: name, Type: "image/svg+xml", Data: []byte(name), Width: 40, Height: 30}
	}
	return loginpage.Version{Page: &loginpage.Page{
		Name: "Shop", Logo: picture("logo"), LogoDark: picture("dark"), Background: picture("behind"),
		Methods:      []loginpage.SignInMethod{{ID: "__sms", Label: "Text"}, {ID: "wx_open", Icon: picture("wx")}, {ID: "email"}},
		Default:      loginpage.KindSMS,
		Registration: loginpage.RegistrationAuto, SignUpPage: true, SignUpWith: []loginpage.Kind{loginpage.KindSMS, loginpage.KindEmail},
		SignUpFields: []loginpage.SignUpField{{Name: loginpage.SignUpName}, {Name: loginpage.SignUpUsername, Required: true}},
		Anonymous:    true, Skippable: true,
		Agreements: []loginpage.Agreement{{Label: "Terms", Text: []loginpage.Block{{Kind: loginpage.BlockParagraph, Runs: []loginpage.Run{{Text: "Be kind.", Strong: true, URL: "https://example.com/"}}}}}},
		Countries:  loginpage.Countries{Default: "CN", Allowed: []string{"CN", "HK"}},
		Links:      []loginpage.FooterLink{{Label: loginpage.Localized{"en": "Help", "zh-CN": "帮助"}, URL: "https://example.com/help"}},
		Locales:    []string{"en", "zh-CN"},
		Texts:      map[string]map[string]loginpage.Text{"en": {"sign-in.button": {"other": "Let me in"}}},
		Theme:      theme.Default(),
	}}
}

// Whatever of a page can be different is told: each field is changed alone.
func TestDifferencesTellAll(t *testing.T) {
	t.Parallel()
	silent := []string{"Key", "File", "Hash"}       // of Page: where it comes from
	pictures := []string{"Type", "Width", "Height"} // of Media: they follow from its data
	leaves := 0
	var walk func(path string, find func(loginpage.Version) reflect.Value)
	try := func(path string, change func(loginpage.Version)) {
		leaves++
		before, after := whole(), whole()
		change(after)
		if words := differences(before, after); len(words) == 0 {
			t.Errorf("nothing is told of %s", path)
		}
	}
	walk = func(path string, find func(loginpage.Version) reflect.Value) {
		v := find(whole())
		switch v.Kind() {
		case reflect.Pointer:
			if v.IsNil() {
				return
			}
			try(path, func(b loginpage.Version) { find(b).SetZero() })
			walk(path, func(b loginpage.Version) reflect.Value { return find(b).Elem() })
		case reflect.Struct:
			for i := range v.NumField() {
				name := v.Type().Field(i).Name
				if path == "" && slices.Contains(silent, name) || v.Type() == reflect.TypeFor[loginpage.Media]() && slices.Contains(pictures, name) {
					continue
				}
				walk(path+"."+name, func(b loginpage.Version) reflect.Value { return find(b).Field(i) })
			}
		case reflect.Slice:
			if v.Type().Elem().Kind() == reflect.Uint8 {
				try(path, func(b loginpage.Version) { find(b).SetBytes([]byte("other")) })
				return
			}
			try(path, func(b loginpage.Version) { find(b).SetZero() })
			try(path, func(b loginpage.Version) { find(b).Set(find(b).Slice(0, find(b).Len()-1)) })
			if v.Len() > 1 {
				try(path, func(b loginpage.Version) { reflect.Swapper(find(b).Interface())(0, v.Len()-1) })
			}
			for i := range v.Len() {
				walk(fmt.Sprintf("%s[%d]", path, i), func(b loginpage.Version) reflect.Value { return find(b).Index(i) })
			}
		case reflect.Map:
			try(path, func(b loginpage.Version) { find(b).Clear() })
			for _, key := range v.MapKeys() {
				if v.Type().Elem().Kind() != reflect.String {
					walk(path, func(b loginpage.Version) reflect.Value { return find(b).MapIndex(key) })
					continue
				}
				try(path, func(b loginpage.Version) { find(b).SetMapIndex(key, reflect.ValueOf("other")) })
				try(path, func(b loginpage.Version) { find(b).SetMapIndex(key, reflect.Value{}) })
				try(path, func(b loginpage.Version) { find(b).SetMapIndex(reflect.ValueOf("ja"), reflect.ValueOf("more")) })
			}
		case reflect.Bool:
			try(path, func(b loginpage.Version) { find(b).SetBool(!find(b).Bool()) })
		case reflect.String:
			try(path, func(b loginpage.Version) { find(b).SetString("other") })
		case reflect.Int:
			try(path, func(b loginpage.Version) { find(b).SetInt(3) })
		case reflect.Uint8:
			try(path, func(b loginpage.Version) { find(b).SetUint(find(b).Uint() ^ 1) })
		default:
			t.Fatalf("%s is a %s", path, v.Kind())
		}
	}
	walk("", func(v loginpage.Version) reflect.Value { return reflect.ValueOf(v.Page).Elem() })
	if leaves < 100 {
		t.Errorf("only %d changes", leaves)
	}
	if words := differences(whole(), whole()); len(words) > 0 {
		t.Errorf("of nothing is told %q", words)
	}
}

func TestEveryColorHasWords(t *testing.T) {
	t.Parallel()
	for _, name := range theme.Colors() {
		if colorWords[name] == "" {
			t.Errorf("no words for %s", name)
		}
	}
}

// What is told of two configs, word by word.
func TestDifferences(t *testing.T) {
	t.Parallel()
	const plain = `{"name": "Shop", ` + emailOnly + `}`
	tests := []struct{ name, before, after, want string }{
		{"nothing", plain, "\n\n" + plain, ``},
		{"unknown fields", plain, strings.Replace(plain, "{", `{"note": 1, `, 1), ``},
		{"a colour named as it is derived", plain, `{"name": "Shop", ` + emailOnly + `, "tcbLogin": {"radius": 10}}`, ``},
		{"the primary colour", `{` + emailOnly + `, "tcbLogin": {"colors": {"brand": "#1a1a1a"}}}`, `{` + emailOnly + `, "tcbLogin": {"colors": {"brand": "#0052d9"}}}`,
			`The primary colour changes from #1a1a1a to #0052d9`},
		{"in the dark", `{` + emailOnly + `}`, `{` + emailOnly + `, "tcbLogin": {"colors": {"dark": {"brand": "#ffb38a"}}}}`,
			`In the dark scheme the primary colour changes from`},
		{"SMS", `{"web": [{"id": "__sms", "enable": true}, {"id": "email", "enable": true}], "userRegistry": {"enable": false}}`,
			`{"web": [{"id": "__sms", "enable": false}, {"id": "email", "enable": true}], "userRegistry": {"enable": false}}`, `
SMS sign-in is no longer offered
The form that is shown first changes from SMS to Email`},
		{"languages", `{` + emailOnly + `, "tcbLogin": {"locales": ["en", "ja"]}}`, `{` + emailOnly + `, "tcbLogin": {"locales": ["zh-CN", "en"]}}`, `
The page is no longer there in ja
The page is there in zh-CN
People who speak none of the languages get zh-CN instead of en`},
		{"an agreement", `{` + emailOnly + `, "agreement": {"enable": true, "items": [{"label": "Terms", "value": "<p>One.</p><p>Two.</p>", "enable": true}]}}`,
			`{` + emailOnly + `, "agreement": {"enable": true, "items": [{"label": "Terms", "value": "<p>One.</p><p>Three.</p><p>Four.</p>", "enable": true}]}}`,
			`The text of the agreement "Terms" changes: 1 paragraph gone, 2 paragraphs new`},
		{"a text", `{` + emailOnly + `, "tcbLogin": {"texts": {"en": {"a.b": "100% sure"}}}}`, `{` + emailOnly + `, "tcbLogin": {"texts": {"en": {"a.b": {"one": "x", "other": "y"}}}}}`,
			`The text a.b in en changes from "100% sure" to "x" (one) "y" (other)`},
	}
	for _, tt := range tests {
		dir := testTree(t, map[string]string{envConfig: tt.before, "__auth/env/login.config.draft.json": tt.after})
		c, err := Diff(sourceOf(dir), nil, envKey)
		got := strings.Join(c.Words, "\n")
		if want := strings.TrimPrefix(tt.want, "\n"); err != nil || got != want && (want == "" || !strings.HasPrefix(got, want)) {
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.name, err, got, want)
		}
	}
}
