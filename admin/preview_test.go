package admin

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/net/html"

	"tcb-login/config"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/handlers"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/preview"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/session"
	"tcb-login/static"
	"tcb-login/views"
)

// configOf is a site over the sample trees of deploy/.
func configOf(t *testing.T, trees map[string]string) (cfg handlers.Config, envs []string) {
	t.Helper()
	s := settings.Demo()
	s.Environments = nil
	for id, tree := range trees {
		s.Environments = append(s.Environments, settings.Environment{
			ID: id, Name: "App of " + id, Region: settings.DefaultRegion, Captcha: settings.CaptchaPicture,
			Clients: []settings.Client{{ID: id}}, LoginConfigs: tree,
		})
		envs = append(envs, id)
	}
	messages, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	logins, _ := config.LoadPages(s, messages)
	assets, err := static.Load()
	if err != nil {
		t.Fatal(err)
	}
	memory := limit.NewMemory(limit.MemoryConfig{})
	sessions, err := session.New(session.Config{Keys: [][]byte{[]byte(strings.Repeat("k", session.MinKey))}, Deny: memory, BasePath: s.BasePath})
	if err != nil {
		t.Fatal(err)
	}
	return handlers.Config{
		Context: t.Context(), Settings: s, LoginPages: logins, Sessions: sessions, Counter: memory, Outcomes: memory, Values: memory, Messages: messages, Static: assets,
		NewAuth: func(settings.Environment, settings.Client) (entry.Auth, error) { return nil, nil }, // a preview calls nothing
		Logger:  slog.New(slog.DiscardHandler),
	}, envs
}

// previewOf is the operator's listener over a site.
func previewOf(t *testing.T, trees map[string]string) (*fiber.App, *loginpage.Pages) {
	t.Helper()
	cfg, envs := configOf(t, trees)
	preview, err := handlers.NewPreview(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Preview: preview, Logins: cfg.LoginPages, Environments: envs}), cfg.LoginPages
}

// TestPreviewOfBroken: a page that cannot be made is an error of its own, and one whose constructor
// panics does not end the process.
func TestPreviewOfBroken(t *testing.T) {
	t.Parallel()
	cfg, envs := configOf(t, map[string]string{"plain": ""})
	site, err := web.NewSite(cfg)
	if err != nil {
		t.Fatal(err)
	}
	broken := preview.New(site, func(*web.Request) []sample.Sample {
		return []sample.Sample{
			{Page: "fails", Path: "/fails", State: "empty", Make: func() (views.Page, error) { return nil, errors.New("made of secrets") }},
			{Page: "panics", Path: "/panics", State: "empty", Make: func() (views.Page, error) { panic("made of secrets") }},
			{Page: "is nil", Path: "/nil", State: "empty", Make: func() (views.Page, error) { return (*views.ErrorPage)(nil), nil }},
		}
	})
	app := New(Config{Preview: broken, Logins: cfg.LoginPages, Environments: envs})
	for _, page := range []string{"fails", "panics", "nil"} {
		resp, body := fetch(t, app, "/preview/pages/"+page+"?env=plain&version=env")
		if resp.StatusCode != http.StatusInternalServerError || strings.Contains(body, "secrets") {
			t.Errorf("%s: status %d, %s", page, resp.StatusCode, body)
		}
	}
	if resp, _ := fetch(t, app, "/healthz"); resp.StatusCode != http.StatusOK {
		t.Errorf("healthz answers %d then", resp.StatusCode)
	}
}

func fetch(t *testing.T, app *fiber.App, target string) (*http.Response, string) {
	t.Helper()
	resp, err := app.Test(local(http.MethodGet, target), -1)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// elements are those of a page with a tag.
func elements(t *testing.T, page, tag string) (found []*html.Node) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

const samples = "../deploy/login-configs"

// rawKey is what a message looks like that no catalogue has.
var rawKey = regexp.MustCompile(`>\s*(sign-in|sign-up|error|code|account|reset|details|agreement|method)\.[a-z_.-]+\s*<`)

// TestPreview: every page of every sample config renders, in a language of the
// config and in both pseudo-locales, and in every state in one of them.
func TestPreview(t *testing.T) {
	t.Parallel()
	app, logins := previewOf(t, map[string]string{"apps": samples + "/two-apps", "one": samples + "/one-environment", "plain": ""})
	pages := map[string]bool{}
	for _, env := range []string{"apps", "one", "plain"} {
		for _, key := range logins.Keys(env) {
			for _, locale := range []string{"zh-CN", "en-XA", "ar-XB"} {
				state, least := "empty", 25
				if env == "plain" && locale == "en-XA" || key.App == "app-desk" && locale == "zh-CN" {
					state, least = "all", 300
				}
				q := url.Values{"env": {env}, "app": {key.App}, "version": {key.Version}, "locale": {locale}, "page": {"all"}, "state": {state}}
				resp, body := fetch(t, app, "/preview/?"+q.Encode())
				if resp.StatusCode != http.StatusOK {
					t.Fatalf("%v: status %d", key, resp.StatusCode)
				}
				frames := elements(t, body, "iframe")
				if len(frames) < least {
					t.Errorf("%v in %s: only %d pages and states", key, locale, len(frames))
				}
				for _, f := range frames {
					resp, page := fetch(t, app, attr(f, "src"))
					root := elements(t, page, "html")[0]
					switch {
					case resp.StatusCode != http.StatusOK || attr(root, "lang") != locale:
						t.Errorf("%s: status %d, lang %q", attr(f, "src"), resp.StatusCode, attr(root, "lang"))
					case rawKey.MatchString(page):
						t.Errorf("%s shows a key: %s", attr(f, "src"), rawKey.FindString(page))
					case !strings.Contains(resp.Header.Get("Content-Security-Policy"), "form-action 'none'"):
						t.Errorf("%s can be posted", attr(f, "src"))
					}
					pages[attr(elements(t, page, "body")[0], "data-page")] = true
				}
			}
		}
	}
	// A few of each room; that every page has samples is a test of theirs.
	for _, want := range []string{"sign-in", "sign-in-sms-code", "sign-up-details", "agreement", "complete", "sign-out", "interstitial", "error",
		"account", "account-email", "account-phone-conflict", "step-up-code", "hand-off", "continue", "provider-unknown", "provider-return", "device-done"} {
		if !pages[want] {
			t.Errorf("no preview of %s", want)
		}
	}
}

// TestPreviewScheme: the scheme is the picked one, whatever the browser prefers.
func TestPreviewScheme(t *testing.T) {
	t.Parallel()
	app, _ := previewOf(t, map[string]string{"apps": samples + "/two-apps"})
	sheets := map[string]bool{}
	for scheme, want := range map[string]string{"dark": "@media all", "light": "@media not all"} {
		for _, name := range []string{"sign-in", "account", "account/profile", "sign-out"} {
			_, page := fetch(t, app, "/preview/pages/"+name+"?env=apps&version=env&locale=en&scheme="+scheme)
			style := ""
			for _, l := range elements(t, page, "link") {
				if attr(l, "rel") == "stylesheet" {
					style = attr(l, "href")
				}
			}
			resp, css := fetch(t, app, style)
			if resp.StatusCode != http.StatusOK || !strings.Contains(css, want) || strings.Contains(css, "prefers-color-scheme") || !strings.Contains(css, "color-scheme:"+scheme) {
				t.Errorf("%s, %s: the stylesheet %s (%d) leaves the scheme to the browser", name, scheme, style, resp.StatusCode)
			}
			if strings.Contains(page, "<source") {
				t.Errorf("%s, %s: the logo is left to the browser's scheme", name, scheme)
			}
			sheets[style] = true
		}
	}
	if len(sheets) != 6 {
		t.Errorf("the pages have %v, want three stylesheets in each scheme", sheets)
	}
}

// TestPreviewOfDraft: a config can be seen that no app asks for yet, and one
// that is broken says why it cannot.
func TestPreviewOfDraft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("__auth/env/login.config.json", `{"name":"Live","web":[{"id":"__password","enable":true}]}`)
	write("app-a/login.config.draft.json", `{"name":"Draft","web":[{"id":"email","enable":true}]}`)
	write("app-a/login.config.broken.json", `{"name":"<b>","web":[{"id":"email","enable":true}]}`)
	app, logins := previewOf(t, map[string]string{"e": dir})
	_, body := fetch(t, app, "/preview/?env=e&app=app-a&version=draft&locale=en")
	if _, page := fetch(t, app, attr(elements(t, body, "iframe")[0], "src")); !strings.Contains(page, "Draft") {
		t.Error("the draft is not shown")
	}
	_, body = fetch(t, app, "/preview/?env=e&app=app-a&version=broken&locale=en")
	if !strings.Contains(body, "login.config.broken.json:1:9") {
		t.Errorf("nothing says what is wrong with the broken config:\n%s", body)
	}
	resp, ready := fetch(t, app, "/readyz")
	if resp.StatusCode != http.StatusOK || !strings.Contains(ready, "login.config.broken.json") {
		t.Errorf("readyz: %d %s, want ready with a warning", resp.StatusCode, ready)
	}
	// It was good once: then that version is shown, with what is wrong now.
	write("app-a/login.config.draft.json", `{"name":"Draft","web":`)
	if _, problems := logins.Reload(); !problems.HasErrors() {
		t.Fatal("half a file is no problem")
	}
	_, body = fetch(t, app, "/preview/?env=e&app=app-a&version=draft&locale=en")
	if !strings.Contains(body, "last good version") || len(elements(t, body, "iframe")) == 0 {
		t.Error("the last good version is not shown, or is not said to be one")
	}
}

// TestPreviewChoices: what cannot be picked is replaced by what can.
func TestPreviewChoices(t *testing.T) {
	t.Parallel()
	app, _ := previewOf(t, map[string]string{"apps": samples + "/two-apps"})
	_, body := fetch(t, app, "/preview/?env=nowhere&app=x&version=y&locale=xx&scheme=pink&width=1&page=none&state=none")
	picked := map[string]string{}
	for _, s := range elements(t, body, "select") {
		for o := range s.Descendants() {
			if slices.ContainsFunc(o.Attr, func(a html.Attribute) bool { return a.Key == "selected" }) {
				picked[attr(s, "name")] = attr(o, "value")
			}
		}
	}
	for name, want := range map[string]string{"env": "apps", "app": "", "version": "env", "scheme": "light", "width": "360", "page": "all", "state": "empty"} {
		if picked[name] != want {
			t.Errorf("%s is %q, want %q", name, picked[name], want)
		}
	}
	for _, target := range []string{"/preview/pages/nothing?env=apps&version=env", "/preview/pages/sign-in?env=apps&version=none", "/preview/pages/sign-in?env=x"} {
		if resp, _ := fetch(t, app, target); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s answers %d", target, resp.StatusCode)
		}
	}
}

// TestPreviewOfDrafts: a draft can be picked beside its page, also where there is no page yet. The
// people's pages show nothing of it: neither the page, nor its stylesheet, nor its pictures.
func TestPreviewOfDrafts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"__auth/env/login.config.json": `{"name": "Published", "web": [{"id": "email", "enable": true}]}`,
		"__auth/env/login.config.draft.json": `{"name": "Drafted", "logo": "new.svg", "web": [{"id": "email", "enable": true}],
			"tcbLogin": {"colors": {"brand": "#0052d9"}}}`,
		"__auth/env/new.svg":             `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 3 3"/>`,
		"shop/login.config.2.draft.json": `{"name": "Opening soon", "web": [{"id": "email", "enable": true}]}`,
		"shop/login.config.3.draft.json": `{"web": 1}`,
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	app, _ := previewOf(t, map[string]string{"e": dir})
	form := func(query string) string {
		t.Helper()
		resp, body := fetch(t, app, "/preview/?"+query)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", query, resp.Status)
		}
		return body
	}
	for query, wants := range map[string][]string{
		"env=e":                                {`value="env" selected>env<`, `value="env.draft">env, draft<`},
		"env=e&version=env.draft":              {`value="env.draft" selected`, "version=env.draft"},
		"env=e&app=shop":                       {`value="2.draft" selected>2, draft<`, `value="3.draft">3, draft<`},
		"env=e&app=shop&version=3.draft":       {"shop/login.config.3.draft.json:1:9: error: web: want a list", "There is no page to show"},
		"env=e&app=shop&version=2.draft.draft": {`value="2.draft" selected`},
	} {
		body := form(query)
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %s in\n%s", query, want, body)
			}
		}
	}
	const entryOf = "/preview/pages/sign-in/email?env=e&locale=en&version="
	_, published := fetch(t, app, entryOf+"env")
	_, drafted := fetch(t, app, entryOf+"env.draft")
	if !strings.Contains(published, "Published") || strings.Contains(published, "Drafted") || !strings.Contains(drafted, "Drafted") {
		t.Errorf("the page\n%s\nthe draft\n%s", published, drafted)
	}
	files := regexp.MustCompile(`/preview/pages/(theme|media)/[^"? ]+`).FindAllString(drafted, -1)
	if len(files) != 2 {
		t.Fatalf("the draft loads %q, want a stylesheet and a logo", files)
	}
	cfg, _ := configOf(t, map[string]string{"e": dir})
	cfg.Origins = []string{"http://127.0.0.1:8082"}
	site, err := handlers.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if resp, _ := fetch(t, app, file); resp.StatusCode != http.StatusOK {
			t.Errorf("the preview's %s: %s", file, resp.Status)
		}
		if resp, _ := fetch(t, site, strings.Replace(file, preview.Path, "/__auth", 1)); resp.StatusCode != http.StatusNotFound {
			t.Errorf("the pages' %s: %s", file, resp.Status)
		}
	}
	for _, query := range []string{"config_version=env.draft", "config_version=draft", "app_id=shop&config_version=2.draft", "app_id=shop&config_version=2"} {
		resp, body := fetch(t, site, "/__auth/?env_id=e&client_id=e&redirect_uri=http://127.0.0.1:8082/&"+query)
		if resp.StatusCode != http.StatusBadRequest || strings.Contains(body, "Drafted") || strings.Contains(body, "Opening") {
			t.Errorf("%s: %s\n%s", query, resp.Status, body)
		}
	}
}

// TestPreviewBelievesNoProxy: what a page may load is of the Host that it was asked under, whatever else
// the request says.
func TestPreviewBelievesNoProxy(t *testing.T) {
	t.Parallel()
	app, _ := previewOf(t, map[string]string{"plain": ""})
	req := local(http.MethodGet, "/preview/pages/sign-in?env=plain&version=env")
	req.Header.Set("X-Forwarded-Host", "elsewhere.example")
	req.Header.Set("X-Forwarded-Proto", "https")
	resp, err := app.Test(req, -1)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "; script-src http://"+req.Host+"/preview/pages/static/") {
		t.Errorf("status %d, the policy is %q", resp.StatusCode, policy)
	}
}
