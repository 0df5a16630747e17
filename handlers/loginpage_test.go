package handlers

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

const (
	envFile = "__auth/env/login.config.json"
	mark    = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="20" fill="#c2410c"/></svg>`
)

// writeTree lays files below a new folder.
func writeTree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// withTree gives environment demo the login configs of a tree.
func withTree(dir string) func(*siteConfig) {
	return func(c *siteConfig) { c.settings.Environments[0].LoginConfigs = dir }
}

func withFiles(t testing.TB, files map[string]string) func(*siteConfig) {
	return withTree(writeTree(t, files))
}

// loginJSON is a login config with all methods and what a test wants besides.
func loginJSON(t testing.TB, change map[string]any) string {
	t.Helper()
	file := map[string]any{"name": "Acme", "web": webMethods("__password", "__sms", "email")}
	maps.Copy(file, change)
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func webMethods(ids ...string) (list []map[string]any) {
	for _, id := range ids {
		list = append(list, map[string]any{"id": id, "enable": true})
	}
	return list
}

// openAs opens a page with a query string of its own.
func (b *browser) openAs(path, app, version string) *page {
	b.t.Helper()
	return b.get(b.s.base + path + "?" + url.Values{
		"app_id": {app}, "env_id": {"demo"}, "client_id": {"demo"}, "config_version": {version}, "redirect_uri": {appPage},
	}.Encode())
}

// tos are the data-to of the ways in beside the form, in their order.
func (p *page) tos() (tos []string) {
	for _, n := range p.all(func(n *html.Node) bool { return strings.Contains(" "+attr(n, "class")+" ", " method ") }) {
		tos = append(tos, attr(n, "data-to"))
	}
	return tos
}

// button is what a button beside the form posts to.
func (b *browser) pressWay(p *page, to string, typed fields) *page {
	b.t.Helper()
	node := p.find(func(n *html.Node) bool { return n.Data == "button" && attr(n, "data-to") == to })
	if node == nil {
		b.t.Fatalf("page %q has no button to %s", p.name(), to)
	}
	return b.do(http.MethodPost, p.resolve(attr(node, "formaction")), p.filled(typed), nil)
}

func TestLoginConfigRouting(t *testing.T) {
	t.Parallel()
	s := newSite(t, withFiles(t, map[string]string{
		envFile: loginJSON(t, map[string]any{"name": "Everyone"}),
		"__auth/app/app-orders/login.config.v1_7.json": loginJSON(t, map[string]any{"name": "Orders"}),
		"app-desk/login.config.2.json":                 loginJSON(t, map[string]any{"name": "Desk"}),
		"app-desk/login.config.json":                   loginJSON(t, map[string]any{"name": "Desk at first"}),
	}))
	b := s.browser()
	tests := []struct {
		app, version string
		want         string // name of the app, or the message of the error
	}{
		{"", "env", "Everyone"},
		{"app-orders", "env", "Everyone"},
		{"", "", "Everyone"},
		{"app-orders", "v1_7", "Orders"},
		{"app-desk", "2", "Desk"},
		{"app-desk", "", "Desk at first"},
		{"app-desk", "v1_7", "error.page.app"},
		{"app-orders", "v1_8", "error.page.app"},
		{"app-orders", "2", "error.page.app"},
		{"app-nobody", "env2", "error.page.app"},
		{"", "v1_7", "error.page.app_missing"},
		{"", "2", "error.page.app_missing"},
	}
	for _, tt := range tests {
		p := b.openAs("/", tt.app, tt.version)
		if strings.HasPrefix(tt.want, "error.") {
			// To start again would come to the same: the way on is back to the app.
			if p.want(http.StatusBadRequest, "error", tt.want); p.link("app") != appPage || p.link("entry") != "" {
				t.Errorf("app %q, version %q: links to %q and %q", tt.app, tt.version, p.link("app"), p.link("entry"))
			}
			continue
		}
		if p.want(http.StatusOK, "sign-in"); textOf(p.find(byTag("h1"))) != "Sign in to "+tt.want {
			t.Errorf("app %q, version %q: %q, want the page of %s", tt.app, tt.version, textOf(p.find(byTag("h1"))), tt.want)
		}
	}
	for _, refused := range []string{"https://evil.example/", registered, "javascript:alert(1)"} {
		p := b.get(s.base + "/?env_id=demo&client_id=demo&app_id=app-desk&config_version=9&redirect_uri=" + url.QueryEscape(refused))
		if p.want(http.StatusBadRequest, "error", "error.page.app"); p.link("app") != "" || strings.Contains(p.body, "evil.example") {
			t.Errorf("for %s: a link to %q\n%s", refused, p.link("app"), p.text())
		}
	}
	// Another environment has nothing of it.
	b.get(s.base+"/?env_id=other&app_id=app-orders&config_version=v1_7&redirect_uri="+url.QueryEscape(appPage)).
		want(http.StatusBadRequest, "error", "error.page.app")
}

func TestMethods(t *testing.T) {
	t.Parallel()
	labelled := []map[string]any{
		{"id": "email", "label": "Mail me", "enable": true},
		{"id": "wx_open", "label": "微信登录", "enable": true},
		{"id": "__password", "label": "账号密码登录", "enable": true},
		{"id": "__sms", "label": "短信", "enable": false},
		{"id": "demo", "label": "Demo ID", "enable": true},
	}
	s := newSite(t, withFiles(t, map[string]string{
		envFile:                         loginJSON(t, map[string]any{"web": labelled}),
		"app-a/login.config.1.json":     loginJSON(t, map[string]any{"web": webMethods("wx_open", "demo")}),
		"app-a/login.config.2.json":     loginJSON(t, map[string]any{"web": webMethods("__sms")}),
		"app-a/login.config.3.json":     loginJSON(t, map[string]any{"tcbLogin": map[string]any{"methodOrder": []string{"__sms"}, "defaultMethod": "email"}}),
		"app-a/login.config.skip.json":  loginJSON(t, map[string]any{"access": map[string]any{"needLogin": false}}),
		"app-a/login.config.plain.json": loginJSON(t, nil),
	}))
	b := s.browser()
	p := b.openAs("/", "", "env").want(http.StatusOK, "sign-in-email")
	if got, want := p.tos(), []string{"provider-wx_open", "sign-in", "provider-demo"}; !slices.Equal(got, want) {
		t.Errorf("other ways %v, want %v", got, want)
	}
	for _, want := range []string{"WeChat", "Password", "Demo ID"} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("the page does not say %q: %s", want, p.text())
		}
	}
	zh := s.browser()
	zh.header.Set("Accept-Language", "zh-CN")
	if p := zh.openAs("/", "", "env"); !strings.Contains(p.text(), "微信登录") || !strings.Contains(p.text(), "账号密码登录") {
		t.Errorf("a Chinese page lacks TCB's labels: %s", p.text())
	}
	b.openAs("/sign-in/sms", "", "env").want(http.StatusNotFound, "error", "error.disabled")

	choose := b.openAs("/", "app-a", "1").want(http.StatusOK, "choose")
	if got := choose.tos(); !slices.Equal(got, []string{"provider-wx_open", "provider-demo"}) {
		t.Errorf("ways to choose from: %v", got)
	}
	b.openAs("/sign-in", "app-a", "1").want(http.StatusNotFound, "error", "error.disabled")

	only := b.openAs("/", "app-a", "2").want(http.StatusOK, "sign-in-sms")
	if len(only.tos()) > 0 || only.link("reset-password") != "" {
		t.Errorf("a page with one way has others: %v", only.tos())
	}
	b.openAs("/reset-password", "app-a", "2").want(http.StatusNotFound, "error", "error.disabled")

	ordered := b.openAs("/", "app-a", "3").want(http.StatusOK, "sign-in-email")
	if got := ordered.tos(); !slices.Equal(got, []string{"sign-in-sms", "sign-in"}) {
		t.Errorf("ways in another order: %v", got)
	}
	if skip := b.openAs("/", "app-a", "skip").link("skip"); skip != appPage {
		t.Errorf("not now leads to %q, want the app", skip)
	}
	if plain := b.openAs("/", "app-a", "plain"); plain.link("skip") != "" || plain.link("sign-up") != "" {
		t.Error("a page that needs a login can be skipped, or has a sign-up that registerType auto has not")
	}
}

// TestRegistration: which numbers TCB is asked to send to, and what becomes of
// people who have no account.
func TestRegistration(t *testing.T) {
	t.Parallel()
	file := func(registry map[string]any) string { return loginJSON(t, map[string]any{"userRegistry": registry}) }
	s := newSite(t, withFiles(t, map[string]string{
		"app-a/login.config.auto.json":  file(map[string]any{"enable": true, "registerType": "auto"}),
		"app-a/login.config.split.json": file(map[string]any{"enable": true, "registerType": "split", "web": []map[string]any{{"id": "email"}}}),
		"app-a/login.config.off.json":   file(map[string]any{"enable": false, "registerType": "auto"}),
		"app-a/login.config.none.json":  loginJSON(t, nil),
	}))
	tests := []struct {
		version, target string
		signUp          bool
		registers       bool
	}{
		{"auto", "ANY", false, true},
		{"none", "ANY", false, true},
		{"split", "USER", true, false},
		{"off", "USER", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.version, func(t *testing.T) {
			b := s.browser()
			b.t = t
			to := tt.version + "@example.com"
			before := len(s.backend.callsTo("/v1/verification"))
			send := b.openAs("/sign-in/email", "app-a", tt.version).want(http.StatusOK, "sign-in-email")
			if got := send.link("sign-up") != ""; got != tt.signUp {
				t.Errorf("a link to sign-up: %v, want %v", got, tt.signUp)
			}
			code := b.submit(send, fields{"email": to}).want(http.StatusOK, "sign-in-email-code")
			calls := s.backend.callsTo("/v1/verification")[before:]
			if len(calls) != 1 || !strings.Contains(calls[0].body, `"target":"`+tt.target+`"`) {
				t.Errorf("calls %v, want one with target %s", calls, tt.target)
			}
			if sent := len(s.backend.messages(to)) == 1; sent != tt.registers {
				t.Errorf("a code was sent to somebody without an account: %v, want %v", sent, tt.registers)
			}
			if tt.registers {
				b.submit(code, fields{"verification_code": s.backend.code(to)}).completed()
				return
			}
			// It says nothing of who has an account, and nobody gets in.
			if !strings.Contains(code.text(), "If ") {
				t.Errorf("the page claims that a code was sent: %s", code.text())
			}
			b.submit(code, fields{"verification_code": "123456"}).want(http.StatusUnprocessableEntity, "sign-in-email-code", "error.code_wrong")
			b.openAs("/sign-up", "app-a", "auto").want(http.StatusNotFound, "error", "error.disabled")
			if !tt.signUp {
				b.openAs("/sign-up", "app-a", tt.version).want(http.StatusNotFound, "error", "error.disabled")
				return
			}
			up := b.openAs("/sign-up", "app-a", tt.version).want(http.StatusOK, "sign-up")
			if up.link("via-phone") != "" {
				t.Error("sign-up offers a channel that userRegistry has not")
			}
			s.clock.advance(61e9)
			up = b.submit(up, fields{"email": "new-" + to}).want(http.StatusOK, "sign-up-code")
			up = b.submit(up, fields{"verification_code": s.backend.code("new-" + to)}).want(http.StatusOK, "sign-up-details")
			b.submit(up, nil).completed()
			// Now there is an account, and signing in finds it.
			s.clock.advance(61e9)
			code = b.submit(b.openAs("/sign-in/email", "app-a", tt.version), fields{"email": "new-" + to}).want(http.StatusOK, "sign-in-email-code")
			b.submit(code, fields{"verification_code": s.backend.code("new-" + to)}).completed()
		})
	}
}

func TestSignUpFields(t *testing.T) {
	t.Parallel()
	signUp := func(registerType string, fields ...any) string {
		if fields == nil {
			fields = []any{} // none, where null would be the default
		}
		return loginJSON(t, map[string]any{
			"userRegistry": map[string]any{"enable": true, "registerType": registerType},
			"tcbLogin":     map[string]any{"signUp": map[string]any{"fields": fields}},
		})
	}
	required := func(name string) any { return map[string]any{"name": name, "required": true} }
	s := newSite(t, withFiles(t, map[string]string{
		"app-a/login.config.must.json":    signUp("split", required("password"), required("username")),
		"app-a/login.config.nothing.json": signUp("split"),
		"app-a/login.config.auto.json":    signUp("auto", required("name")),
	}))
	b := s.browser()
	verified := func(flow, version, to string) *page {
		t.Helper()
		send := b.openAs(flow, "app-a", version)
		if send.link("via-email") != "" { // sign-up begins with the phone
			send = b.click(send, "via-email")
		}
		code := b.submit(send, fields{"email": to})
		return b.submit(code, fields{"verification_code": s.backend.code(to)})
	}
	p := verified("/sign-up", "must", "must@example.com").want(http.StatusOK, "sign-up-details")
	if p.byID("name") != nil {
		t.Error("sign-up asks for a name that the config leaves out")
	}
	p = b.submit(p, nil).want(http.StatusUnprocessableEntity, "sign-up-details", "error.required.first_password", "error.required.new_username")
	b.submit(p, fields{"username": "must_have", "password": "Strong-pass-1"}).completed()
	if s.backend.user("must_have").Email != "must@example.com" {
		t.Error("the account lacks what was asked for")
	}

	verified("/sign-up", "nothing", "nothing@example.com").completed()

	p = verified("/sign-in/email", "auto", "auto@example.com").want(http.StatusOK, "sign-in-email-details")
	p = b.submit(p, nil).want(http.StatusUnprocessableEntity, "sign-in-email-details", "error.required.new_name")
	b.submit(p, fields{"name": "Somebody"}).completed()
	s.clock.advance(61e9)
	verified("/sign-in/email", "auto", "auto@example.com").completed() // known now: nothing is asked
}

// TestFormsOfPagesThatAreOff: nobody is shown by another route what the config leaves out.
func TestFormsOfPagesThatAreOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"web": webMethods("email"), "userRegistry": map[string]any{"enable": false},
	})}))
	b := s.browser()
	form := b.open("/").want(http.StatusOK, "sign-in-email").filled(nil)
	form.Set("lang", "zh-CN")
	for name, want := range map[string]struct {
		status int
		key    string
	}{
		"sign-in":        {http.StatusNotFound, "error.disabled"},
		"sign-in-sms":    {http.StatusBadRequest, "error.page.parameter"},
		"sign-up":        {http.StatusBadRequest, "error.page.parameter"},
		"reset-password": {http.StatusBadRequest, "error.page.parameter"},
	} {
		form.Set("form", name)
		p := b.do(http.MethodPost, s.base+"/sign-in/email?"+entryQuery(appPage), form, nil)
		if p.status != want.status || !p.has(want.key) {
			t.Errorf("form %s: page %q with status %d and messages %q, want status %d and %s", name, p.name(), p.status, p.keys(), want.status, want.key)
		}
	}
}

// TestTheme: one stylesheet and the pictures of a config, under names of their
// content, which still answer after the config has changed.
func TestTheme(t *testing.T) {
	t.Parallel()
	themed := func(brand string) string {
		return loginJSON(t, map[string]any{
			"logo": "/__auth/env/mark.svg",
			"tcbLogin": map[string]any{
				"colors": map[string]any{"brand": brand}, "radius": 4, "density": "compact", "layout": "split", "background": "/__auth/env/mark.svg",
				"links":   []any{map[string]any{"label": map[string]any{"en": "Help", "zh-CN": "帮助"}, "url": "https://example.com/help"}},
				"locales": []string{"zh-CN", "en"},
				"texts":   map[string]any{"en": map[string]any{"sign-in.button": "Let me in"}},
			},
		})
	}
	dir := writeTree(t, map[string]string{envFile: themed("#c2410c"), "__auth/env/mark.svg": mark})
	s := newSite(t, withTree(dir))
	b := s.browser()
	p := b.open("/").want(http.StatusOK, "sign-in")
	style := attr(p.find(func(n *html.Node) bool { return attr(n, "rel") == "stylesheet" }), "href")
	if !strings.HasPrefix(style, s.base+"/theme/") {
		t.Fatalf("the stylesheet is %s", style)
	}
	sheets := p.all(func(n *html.Node) bool { return attr(n, "rel") == "stylesheet" })
	if len(sheets) != 1 {
		t.Errorf("%d stylesheets, want 1", len(sheets))
	}
	css := b.get(style)
	if css.status != http.StatusOK || !strings.Contains(css.header.Get("Cache-Control"), "immutable") {
		t.Errorf("the stylesheet: %d, Cache-Control %q", css.status, css.header.Get("Cache-Control"))
	}
	for _, want := range []string{"--brand:#c2410c", "--radius:4px", "url(" + s.base + "/media/", "--control:44px", ".primary{"} {
		if !strings.Contains(css.body, want) {
			t.Errorf("the stylesheet lacks %s", want)
		}
	}
	logo := attr(p.find(func(n *html.Node) bool { return attr(n, "class") == "logo" }), "src")
	picture := b.get(logo)
	if picture.status != http.StatusOK || picture.body != mark || picture.header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("the logo: %d, %s", picture.status, picture.header.Get("Content-Type"))
	}
	if csp := picture.header.Get("Content-Security-Policy"); !strings.Contains(csp, "sandbox") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("the logo as a document of its own may do anything: %q", csp)
	}
	if got := textOf(p.find(func(n *html.Node) bool { return attr(n, "class") == "primary" })); got != "Let me in" {
		t.Errorf("the button says %q", got)
	}
	if langs := p.all(func(n *html.Node) bool { return attr(n, "name") == "lang" }); len(langs) != 1 {
		t.Errorf("%d other languages, want 1 of the 2 offered", len(langs))
	}
	if foot := p.find(byTag("footer")); foot == nil || textOf(foot) != "Help" {
		t.Error("the footer lacks the operator's link")
	}
	ja := s.browser()
	ja.header.Set("Accept-Language", "ja")
	if got := ja.open("/").lang(); got != "zh-CN" {
		t.Errorf("who speaks none of the languages offered gets %s, want the first", got)
	}

	if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(envFile)), []byte(themed("#0f766e")), 0o644); err != nil {
		t.Fatal(err)
	}
	if changed, problems := s.cfg.LoginPages.Reload(); !changed || len(problems) > 0 {
		t.Fatalf("Reload: %v, %v", changed, problems)
	}
	again := attr(b.open("/").find(func(n *html.Node) bool { return attr(n, "rel") == "stylesheet" }), "href")
	if again == style {
		t.Error("another colour has the same address")
	}
	for _, address := range []string{style, again, logo} {
		if got := b.get(address); got.status != http.StatusOK {
			t.Errorf("%s answers %d", address, got.status)
		}
	}
	// A new instance serves what it has not shown yet.
	fresh := newSite(t, withTree(dir)).browser()
	portal := attr(b.open("/account").find(func(n *html.Node) bool { return attr(n, "rel") == "stylesheet" }), "href")
	if portal == again {
		t.Error("the portal has the stylesheet of forms alone")
	}
	for _, address := range []string{again, logo, portal} {
		if got := fresh.get(address); got.status != http.StatusOK {
			t.Errorf("a new instance answers %d for %s", got.status, address)
		}
	}
	fresh.get(s.base+"/theme/000000000000.css").want(http.StatusNotFound, "error")
	fresh.get(s.base+"/media/0000000000000000.png").want(http.StatusNotFound, "error")
}

func TestAnonymousDisabled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	p := b.open("/")
	b.do(http.MethodPost, s.base+"/anonymous?"+entryQuery(appPage), p.filled(nil), nil).want(http.StatusNotFound, "error", "error.disabled")
	b.open("/anonymous") // a GET leads to the entry
}

// TestManyLooks: what live configs look like is there however many there are, and
// what is no look of any costs nothing after the first time.
func TestManyLooks(t *testing.T) {
	t.Parallel()
	const many = maxOutdated + 10
	files := map[string]string{envFile: loginJSON(t, nil)}
	for i := range many {
		files[fmt.Sprintf("app-%d/login.config.1.json", i)] = loginJSON(t, map[string]any{"name": fmt.Sprint("App ", i)})
	}
	dir := writeTree(t, files)
	s := newSite(t, withTree(dir))
	b := s.browser()
	b.strict = false // the same page again and again
	sheet := func(i int) string {
		p := b.openAs("/", fmt.Sprintf("app-%d", i), "1").want(http.StatusOK, "sign-in")
		return attr(p.find(func(n *html.Node) bool { return attr(n, "rel") == "stylesheet" }), "href")
	}
	first := sheet(0)
	for i := range many {
		name := fmt.Sprintf("app-%d/login.config.1.json", i)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(loginJSON(t, map[string]any{"name": fmt.Sprint("App ", i), "tcbLogin": map[string]any{"colors": map[string]any{"brand": fmt.Sprintf("#20%02x6f", 20+i)}}})), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if changed, problems := s.cfg.LoginPages.Reload(); !changed || len(problems) > 0 {
		t.Fatalf("Reload: %v, %v", changed, problems)
	}
	for range 2 {
		b.get(s.base+"/theme/000000000000.css").want(http.StatusNotFound, "error")
	}
	var sheets []string // all pages first: opening one makes its look again
	for i := range many {
		sheets = append(sheets, sheet(i))
	}
	for i, address := range sheets {
		if got := b.get(address); got.status != http.StatusOK {
			t.Fatalf("the stylesheet of app-%d answers %d", i, got.status)
		}
	}
	if got := b.get(first); got.status != http.StatusOK {
		t.Errorf("the stylesheet from before the change answers %d", got.status)
	}
}
