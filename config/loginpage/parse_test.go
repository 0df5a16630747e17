package loginpage

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"tcb-login/config/input"
	"tcb-login/theme"
)

const emailOnly = `"web": [{"id": "email", "enable": true}]`

// parsed is the page of a config, which must have no errors.
func parsed(t *testing.T, config string, cat Catalogue, texts bool) (*Page, input.Problems) {
	t.Helper()
	source := sourceOf(testTree(t, map[string]string{envConfig: config}))
	source.Texts = texts
	pages, problems := Load([]Source{source}, cat)
	if problems.HasErrors() {
		t.Fatalf("problems:\n%s", problems)
	}
	// What is a page is right for editors too.
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.TrimPrefix(config, "\ufeff")))
	if err != nil {
		t.Fatal(err)
	}
	if says := schemaSaysOf(t, compiled(t), withoutTexts(doc)); len(says) > 0 {
		t.Errorf("the schema refuses %s: %q", config, says)
	}
	return pages.Find(envKey), problems
}

func TestFields(t *testing.T) {
	t.Parallel()
	email := func(l Page) Page { // what emailOnly makes, and the changes to it
		l.Key = envKey
		if l.Methods == nil {
			l.Methods = []SignInMethod{{ID: "email"}}
		}
		if l.Default == "" {
			l.Default = KindEmail
		}
		if l.Registration == "" {
			l.Registration, l.SignUpWith = RegistrationAuto, []Kind{KindEmail}
		}
		if l.Theme == (theme.Theme{}) {
			l.Theme = theme.Default()
		}
		return l
	}
	themed := func(f func(*theme.Theme)) theme.Theme {
		look := theme.Default()
		f(&look)
		return look
	}
	paragraph := func(s string) []Block { return []Block{{Kind: BlockParagraph, Runs: []Run{{Text: s}}}} }
	all := []SignUpField{{Name: "name"}, {Name: "username"}, {Name: "password"}}
	const every = `"web": [
		{"id": "__sms", "label": "短信登录", "type": "PHONE", "icon": "https://cdn.example.com/sms.svg", "enable": true, "extraLink": ""},
		{"id": "wx_open", "label": " 微信 ", "enable": true},
		{"id": "__password", "enable": true},
		{"id": "__miniprogram_phone", "enable": false},
		{"id": "github", "enable": false, "icon": "gone.svg"},
		{"id": "email", "enable": true}]`
	ways := []SignInMethod{{ID: "__sms", Label: "短信登录"}, {ID: "wx_open", Label: "微信"}, {ID: "__password"}, {ID: "email"}}
	both := []Kind{KindSMS, KindEmail}
	tests := []struct {
		name, config string
		want         Page
	}{
		{"the least", `{` + emailOnly + `}`, email(Page{})},
		{"nulls", `{"logo": null, "name": null, ` + emailOnly + `, "agreement": null, "tcbLogin": null, "access": null}`, email(Page{})},
		{"every way", `{"name": "  商店  ", ` + every + `}`, email(Page{
			Name: "商店", Methods: ways, Default: KindSMS, Registration: RegistrationAuto, SignUpWith: both,
		})},
		{"order and default", `{` + every + `, "tcbLogin": {"methodOrder": ["email", "wx_open"], "defaultMethod": "__password"}}`, email(Page{
			Methods: []SignInMethod{ways[3], ways[1], ways[0], ways[2]}, Default: KindPassword, Registration: RegistrationAuto, SignUpWith: []Kind{KindEmail, KindSMS},
		})},
		{"a mini program's code", `{` + every + `, "tcbLogin": {"miniProgram": "wx0123456789abcdef", "methodOrder": ["__qrcode", "email"]}}`, email(Page{
			Methods: []SignInMethod{{ID: "__qrcode"}, ways[3], ways[0], ways[1], ways[2]}, MiniProgram: "wx0123456789abcdef",
			Default: KindEmail, Registration: RegistrationAuto, SignUpWith: []Kind{KindEmail, KindSMS},
		})},
		{"a code beside providers", `{"web": [{"id": "wx_open", "enable": true}], "tcbLogin": {"miniProgram": "wx0123456789abcdef"}}`, Page{
			Key: envKey, Methods: []SignInMethod{{ID: "wx_open"}, {ID: "__qrcode"}}, MiniProgram: "wx0123456789abcdef",
			Registration: RegistrationAuto, Theme: theme.Default(),
		}},
		{"providers alone", `{"web": [{"id": "wx_open", "enable": true, "icon": "logo.svg"}]}`, Page{
			Key: envKey, Methods: []SignInMethod{{ID: "wx_open", Icon: &Media{Name: "68a9c914"}}}, Registration: RegistrationAuto, Theme: theme.Default(),
		}},
		{"no registration", `{` + every + `, "userRegistry": {"enable": false, "registerType": "split"}}`, email(Page{
			Methods: ways, Default: KindSMS, Registration: RegistrationOff,
		})},
		{"registration by TCB's default", `{` + every + `, "userRegistry": {"enable": true, "miniprogram": [
			{"id": "__miniprogram_phone", "registerLabel": "x"}, {"id": "__openid_login"}]}}`, email(Page{
			Methods: ways, Default: KindSMS, Registration: RegistrationAuto, SignUpWith: []Kind{KindSMS},
		})},
		{"split registration", `{` + every + `, "userRegistry": {"enable": true, "registerType": "split", "web": [
			{"id": "email", "registerLabel": "x"}, {"id": "email"}, {"id": "__sms", "enable": false}], "miniprogram": [{"id": "__sms"}]}}`, email(Page{
			Methods: ways, Default: KindSMS, Registration: RegistrationSplit, SignUpPage: true, SignUpWith: []Kind{KindEmail}, SignUpFields: all,
		})},
		{"a page beside auto", `{` + emailOnly + `, "access": {"disabledCollectUserInfo": true}, "tcbLogin": {"signUp": {"page": true}}}`, email(Page{
			SignUpPage: true, SignUpFields: all[1:],
		})},
		{"own fields", `{` + emailOnly + `, "access": {"disabledCollectUserInfo": true},
			"tcbLogin": {"signUp": {"fields": ["name", {"name": "username", "required": true}]}}}`, email(Page{
			SignUpFields: []SignUpField{{Name: "name"}, {Name: "username", Required: true}},
		})},
		{"no fields", `{` + emailOnly + `, "tcbLogin": {"signUp": {"page": true, "fields": []}}}`, email(Page{SignUpPage: true, SignUpFields: []SignUpField{}})},
		{"skippable", `{` + emailOnly + `, "access": {"needLogin": false}}`, email(Page{Skippable: true})},
		{"not skippable, but anonymous", `{` + emailOnly + `, "access": {"needLogin": true}, "tcbLogin": {"anonymous": true}}`, email(Page{Anonymous: true})},
		{"pictures", `{"logo": "/__auth/env/logo.svg", ` + emailOnly + `, "tcbLogin": {"logoDark": "logo.svg", "background": "__auth/env/logo.svg", "layout": "split"}}`, email(Page{
			Logo: &Media{Name: "68a9c914"}, LogoDark: &Media{Name: "68a9c914"}, Background: &Media{Name: "68a9c914"},
			Theme: themed(func(t *theme.Theme) { t.Layout = theme.LayoutSplit }),
		})},
		{"no pictures", `{"logo": "", ` + emailOnly + `, "backgroundColor": ""}`, email(Page{})},
		{"shape", `{` + emailOnly + `, "tcbLogin": {"radius": 0, "density": "compact", "layout": "card"}}`, email(Page{
			Theme: themed(func(t *theme.Theme) { t.Radius, t.Density = 0, theme.DensityCompact }),
		})},
		{"colours", `{` + emailOnly + `, "tcbLogin": {"colors": {"line": "#ABC", "dark": {"line": "#010203"}}}}`, email(Page{
			Theme: themed(func(t *theme.Theme) {
				t.Light.Line, t.Dark.Line = theme.Color{R: 0xaa, G: 0xbb, B: 0xcc}, theme.Color{R: 1, G: 2, B: 3}
			}),
		})},
		{"agreements by value", `{` + emailOnly + `, "agreement": {"enable": true, "path": "__auth/env/agreement/gone", "items": [
			{"label": "隐私", "type": "privacy", "value": "One.", "enable": true}, {"label": "off", "value": "x", "enable": false},
			{"label": "", "value": "x", "enable": true}, {"label": "B", "value": "<h1>Two", "enable": true}]}}`, email(Page{
			Agreements: []Agreement{{"隐私", paragraph("One.")}, {"B", []Block{{BlockHeading, []Run{{Text: "Two"}}}}}},
		})},
		{"agreements off", `{` + emailOnly + `, "agreement": {"enable": false, "path": "gone", "items": [{"label": "A", "enable": true}]}}`, email(Page{})},
		{"agreement file", `{` + emailOnly + `, "agreement": {"enable": true, "path": "__auth/env/agreement/both.txt", "items": [
			{"label": "A", "enable": true}, {"label": "B", "value": "Own.", "enable": true}]}}`, email(Page{
			Agreements: []Agreement{{"A", append(paragraph("One."), paragraph("Two.")...)}, {"B", paragraph("Own.")}},
		})},
		{"agreement list", `{` + emailOnly + `, "agreement": {"enable": true, "path": "/__auth/env/agreement/list.json", "items": [
			{"label": "A", "enable": false}, {"label": "B", "enable": true}]}}`, email(Page{Agreements: []Agreement{{"B", paragraph("Be kind.")}}})},
		{"agreement object", `{` + emailOnly + `, "agreement": {"enable": true, "path": "./__auth/env/agreement/object.json", "items": [
			{"label": "A", "type": "privacy", "enable": true}, {"label": "Terms", "type": "user", "enable": true}]}}`, email(Page{
			Agreements: []Agreement{{"A", paragraph("By type.")}, {"Terms", paragraph("By label.")}},
		})},
		{"languages and words", `{` + emailOnly + `, "tcbLogin": {"locales": ["zh-CN", "en"], "texts": {"zh-CN": {"a": "甲"}, "en": {
			"codes.left": {"one": "{n} left", "other": "{n} left"}}},
			"links": [{"label": {"en": "Help", "zh-CN": "帮助"}, "url": "https://example.com/help?x=1#y"}, {"label": "Mail", "url": "mailto:help@example.com?subject=Hi"},
			{"label": "Call", "url": "tel:+86-400-123-4567"}]}}`, email(Page{
			Locales: []string{"zh-CN", "en"},
			Texts:   map[string]map[string]Text{"zh-CN": {"a": {"other": "甲"}}, "en": {"codes.left": {"one": "{n} left", "other": "{n} left"}}},
			Links: []FooterLink{
				{Localized{"en": "Help", "zh-CN": "帮助"}, "https://example.com/help?x=1#y"}, {Localized{"": "Mail"}, "mailto:help@example.com?subject=Hi"},
				{Localized{"": "Call"}, "tel:+86-400-123-4567"},
			},
		})},
		{"countries", `{` + emailOnly + `, "tcbLogin": {"countries": {"default": "CN", "allowed": ["HK", "CN", "US"]}}}`, email(Page{
			Countries: Countries{Default: "CN", Allowed: []string{"HK", "CN", "US"}},
		})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, problems := parsed(t, tt.config, testCatalogue{}, true)
			if len(problems) > 0 {
				t.Errorf("problems:\n%s", problems)
			}
			diff := cmp.Diff(&tt.want, got, cmpopts.IgnoreFields(Page{}, "File", "Hash"),
				cmp.Comparer(func(a, b *Media) bool {
					return (a == nil) == (b == nil) && (a == nil || a.Name[:8] == b.Name[:8])
				}))
			if diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
		})
	}
}

// Outside of Shanghai, TCB has no phone numbers: what depends on them goes, and says so.
func TestNoTexts(t *testing.T) {
	t.Parallel()
	const config = `{
"web": [{"id": "__sms", "enable": true}, {"id": "email", "enable": true}],
"userRegistry": {"enable": true, "registerType": "split", "web": [{"id": "__sms"}, {"id": "email"}]},
"tcbLogin": {"defaultMethod": "__sms", "methodOrder": ["__sms"]}}`
	got, problems := parsed(t, config, nil, false)
	if len(got.Methods) != 1 || got.Default != KindEmail || len(got.SignUpWith) != 1 || !got.SignUpPage {
		t.Errorf("page: %+v", got)
	}
	if len(problems) != 2 || problems[0].Line != 2 || problems[0].Column != 16 || problems[1].Line != 3 {
		t.Errorf("problems:\n%s", problems)
	}
	// Who may sign up by phone alone may not sign up by other means instead.
	got, problems = parsed(t, `{`+emailOnly+`, "userRegistry": {"enable": true, "registerType": "split", "web": [{"id": "__sms"}]}}`, nil, false)
	if len(got.SignUpWith) != 0 || got.SignUpPage || len(problems) != 2 {
		t.Errorf("page: %+v, problems:\n%s", got, problems)
	}
	source := sourceOf(testTree(t, map[string]string{envConfig: `{"web": [{"id": "__sms", "enable": true}]}`}))
	source.Texts = false
	if pages, problems := Load([]Source{source}, nil); pages.Find(envKey) != nil || !problems.HasErrors() {
		t.Errorf("a page that nobody can sign in on; problems:\n%s", problems)
	}
}

// TCB's own colour of the page is that of the light scheme, and gives the dark one its hue.
func TestBackgroundColor(t *testing.T) {
	t.Parallel()
	got, _ := parsed(t, `{"backgroundColor": "#cfe8d5", `+emailOnly+`}`, nil, true)
	if got.Theme.Light.Page != (theme.Color{R: 0xcf, G: 0xe8, B: 0xd5}) || got.Theme.Dark.Page == theme.Default().Dark.Page {
		t.Errorf("pages %v and %v", got.Theme.Light.Page, got.Theme.Dark.Page)
	}
	got, _ = parsed(t, `{"backgroundColor": "#cfe8d5", `+emailOnly+`, "tcbLogin": {"colors": {"page": "#fff", "dark": {"page": "#000"}}}}`, nil, true)
	if got.Theme.Light.Page != (theme.Color{R: 255, G: 255, B: 255}) || got.Theme.Dark.Page != (theme.Color{}) {
		t.Errorf("named pages became %v and %v", got.Theme.Light.Page, got.Theme.Dark.Page)
	}
}
