package handlers

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/cut"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/preview"
	"tcb-login/views"
)

// Values that a common page has of its own, and what stands for them while it is rendered.
var (
	cutMarks = []cut.Mark{
		cut.NewMark("q=%s&r=%s", "5cb1d2"), cut.NewMark("https://%s.invalid/?a&b", "5cb1d2"),
		cut.NewMark("%s-csrf", "5cb1d2"), cut.NewMark("%s-device", "5cb1d2"),
	}
	// By language: one of a hostile app as it is carried on, and a plain query as the SDK sends it.
	cutQueries = map[string]string{
		"en":    "redirect_uri=%22%3E%3Cb%3E'&x=$1&amp;=%00&a='+b&%5C%5C=%E4&lt;",
		"zh-CN": "env_id=demo&client_id=demo&config_version=env&redirect_uri=https%3A%2F%2Fapp.example.com%2F",
	}
	cutTarget = "https://app.example.com/?a=1&b='2'#'"
)

// rendered is a page with values of a session.
func rendered(t *testing.T, page views.Page, csrf, device string) []byte {
	t.Helper()
	page.Frame().Form.CSRF, page.Frame().Form.DeviceID = csrf, device
	var out bytes.Buffer
	if err := page.Component().Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// unsealed leaves out values that are sealed, which are others each time: words of 300 letters and more.
func unsealed(page []byte) []byte {
	var out []byte
	for len(page) > 0 {
		end := bytes.IndexFunc(page, func(r rune) bool {
			return !strings.ContainsRune("-_", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
		})
		if end < 0 {
			end = len(page)
		}
		if end < 300 {
			out = append(out, page[:end]...)
		}
		next := min(len(page), end+1)
		out = append(out, page[end:next]...)
		page = page[next:]
	}
	return out
}

// differ are the places from which on two pages differ.
func differ(a, b []byte) (string, string) {
	if bytes.Equal(a, b) {
		return "", ""
	}
	a, b = unsealed(a), unsealed(b)
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	return string(a[at:min(len(a), at+80)]), string(b[at:min(len(b), at+80)])
}

// TestCutPages: every page in every state that the preview shows is the same whether it is rendered
// or cut; and those that are kept can be cut.
func TestCutPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider, withQR, func(c *siteConfig) {
		page := c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion})
		page.Anonymous, page.Skippable = true, true
	})
	cfg := s.cfg
	cfg.NewAuth = preview.NewAuth
	rooms, err := newRooms(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var common []string
	for _, row := range rooms.table() {
		if row.Common {
			common = append(common, row.Path)
		}
	}
	if len(common) < 6 {
		t.Errorf("only %q are common", common)
	}
	for locale, query := range cutQueries {
		base, err := rooms.site.SampleRequest(t.Context(), loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}, locale, query)
		if err != nil {
			t.Fatal(err)
		}
		plain := rooms.samples(base.AsSample(func(l *entry.LoginRequest) { l.RedirectURI = cutTarget }))
		marked := rooms.samples(base.AsSample(func(l *entry.LoginRequest) { l.Query, l.RedirectURI = cutMarks[0].Text, cutMarks[1].Text }))
		same := 0
		for i, sample := range plain {
			if locale != "en" && sample.State != "empty" {
				continue // the words differ, and nothing else
			}
			want, err := sample.Make()
			if err != nil {
				t.Fatal(err)
			}
			with, err := marked[i].Make()
			if err != nil {
				t.Fatal(err)
			}
			page, ok := cut.Make(rendered(t, with, cutMarks[2].Text, cutMarks[3].Text), cutMarks...)
			if !ok {
				if sample.State == "empty" && slices.Contains(common, sample.Path) {
					t.Errorf("%s cannot be cut", sample.Path)
				}
				continue
			}
			var got bytes.Buffer
			if err := page.Write(&got, query, cutTarget, "c'srf", "device"); err != nil {
				t.Fatal(err)
			}
			if got, want := differ(got.Bytes(), rendered(t, want, "c'srf", "device")); got != want {
				t.Errorf("%s %s: cut: …%s…, rendered: …%s…", sample.Page, sample.State, got, want)
			}
			same++
		}
		if locale == "en" && same < len(plain)/2 {
			t.Errorf("of %d samples only %d could be cut", len(plain), same)
		}
	}
}

// TestCommonPages: what one person's page holds of their own is in no other's.
func TestCommonPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	type seen struct{ csrf, device string }
	before := map[seen]bool{}
	for i, path := range []string{"/", "/", "/sign-in", "/sign-in/sms", "/sign-in/sms", "/sign-in/email", "/sign-up", "/sign-up", "/reset-password"} {
		own := "own" + string(rune('a'+i))
		for _, lang := range []string{"en", "zh-CN"} {
			b := s.browser()
			b.header.Set("Accept-Language", lang)
			p := b.open(path, "x="+own+"&y='")
			if p.status != http.StatusOK || strings.Count(p.body, "x="+own+"&amp;y=&#39;") < 3 {
				t.Fatalf("%s: %d, %s", path, p.status, p.body)
			}
			if p.lang() != lang {
				t.Errorf("%s is in %s, want %s", path, p.lang(), lang)
			}
			now := seen{p.value("csrf_token"), p.value("device_id")}
			if now.csrf == "" || now.device == "" || before[now] {
				t.Errorf("%s: %+v", path, now)
			}
			before[now] = true
			if again := b.open(path, "x="+own+"&y='"); again.value("csrf_token") == now.csrf || again.value("device_id") != now.device {
				t.Errorf("%s again: token %t, device %q, %q", path, again.value("csrf_token") == now.csrf, again.value("device_id"), now.device)
			}
		}
	}
	// What makes a page another one: also after the one that it is not.
	b := s.browser()
	for _, client := range []string{"demo", "second", "demo"} {
		p := b.get(s.base+"/sign-in?env_id=demo&client_id="+client+"&redirect_uri="+url.QueryEscape(appPage)).want(http.StatusOK, "sign-in")
		if got := attr(p.find(byTag("body")), "data-client"); got != client {
			t.Errorf("the page of client %s is %q's", client, got)
		}
	}
	small := newSite(t, oneEnvironment, func(c *siteConfig) { c.settings.Environments[0].DefaultRedirectURI = appPage })
	for _, query := range []string{"", "?x=1", ""} {
		if action := small.browser().get(small.base+"/sign-in"+query).want(http.StatusOK, "sign-in").action(); !strings.HasSuffix(action, small.base+"/sign-in"+query) {
			t.Errorf("with the query %q the form goes to %s", query, action)
		}
	}
	for _, query := range []string{"lang=ja", "l%61ng=ja"} {
		if got := b.open("/sign-in/sms", query).lang(); got != "ja" {
			t.Errorf("with %s the page is in %s", query, got)
		}
	}
	for _, test := range []struct{ path, query, wants string }{
		{"/sign-in", "login_hint=ana%40example.com", `value="ana@example.com"`},
		{"/sign-up", "via=email", `name="email"`},
		{"/sign-up", "via=phone", `name="phone_number"`},
		{"/", "prompt=create", `data-page="sign-up"`},
	} {
		b.open(test.path)
		if p := b.open(test.path, test.query); !strings.Contains(p.body, test.wants) {
			t.Errorf("%s?%s has no %s:\n%s", test.path, test.query, test.wants, p.body)
		}
	}
	// Another login page of the same client, in the same words, is another page.
	versions := newSite(t, withFiles(t, map[string]string{
		"desk/login.config.1.json": loginJSON(t, map[string]any{"name": "One"}), "desk/login.config.2.json": loginJSON(t, map[string]any{"name": "Two"}),
		envFile: loginJSON(t, nil),
	}))
	for version, name := range map[string]string{"1": "One", "2": "Two"} {
		if got := textOf(versions.browser().openAs("/sign-in", "desk", version).find(byTag("h1"))); !strings.Contains(got, name) {
			t.Errorf("version %s is %q", version, got)
		}
	}
}

// TestMissingPage: the page for what is not there is the same whether it is kept or rendered for one
// request alone, as it is where that says how the person is called.
func TestMissingPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	// bare is the page without what is the request's own.
	bare := func(path, query string) string {
		p := s.browser().open(path, query).want(http.StatusNotFound, "error")
		id := textOf(p.find(byTag("code")))
		if id == "" || strings.Count(p.body, id) != 1 || strings.Count(p.body, query) < 3 {
			t.Errorf("%s?%s: id %q, the query %d times", path, query, id, strings.Count(p.body, query))
		}
		return strings.NewReplacer(id, "ID", query, "QUERY").Replace(p.body)
	}
	want := bare("/nowhere", "login_hint=x")
	for _, query := range []string{"a=1", "b=2", "a=1"} {
		if got := bare("/nowhere/"+query, query); got != want {
			a, b := differ([]byte(got), []byte(want))
			t.Errorf("kept: …%s…, rendered: …%s…", a, b)
		}
	}
}

// TestMissingPageOfRefused: the page for what is not there leads to no address that the request before it,
// or after it, may lead to and this one may not. Nor does it name such an address.
func TestMissingPageOfRefused(t *testing.T) {
	t.Parallel()
	good := publicOrigin + "/orders"
	evil := []string{"https://evil.example/phish", "javascript:alert(1)", "//evil.example", publicOrigin + "@evil.example", ""}
	for _, config := range []struct{ name, query string }{
		{"a login page", "env_id=demo&client_id=demo"}, {"no login page", "env_id=demo&client_id=demo&app_id=x&config_version=none"},
	} {
		for _, first := range []string{"the good one", "the evil one"} {
			t.Run(config.name+", first "+first, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				asked := func(target string) *page {
					query := config.query + "&redirect_uri=" + url.QueryEscape(target)
					return s.browser().get(s.base+"/nowhere?"+query).want(http.StatusNotFound, "error")
				}
				wantGood := func() {
					t.Helper()
					if p := asked(good); !strings.Contains(p.body, url.QueryEscape(good)) {
						t.Errorf("the app's address is gone: %s", p.body)
					}
				}
				if first == "the good one" {
					wantGood()
				}
				for _, target := range evil {
					for range 2 {
						p := asked(target)
						for _, a := range p.all(byTag("a")) {
							href := attr(a, "href")
							if strings.Contains(href, "evil.example") || strings.Contains(href, "alert(1)") || !strings.HasPrefix(href, s.base+"/") {
								t.Errorf("%q: there is a way to %s", target, href)
							}
						}
					}
					wantGood()
				}
			})
		}
	}
}

// TestMissingPageInOther: on the page for what is not there each language is a link, which names that
// language alone, also where the address names one already.
func TestMissingPageInOther(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, query := range []string{"x=1", "lang=ja", "l%61ng=ja", "lang=ja&lang=ko"} {
		p := s.browser().open("/nowhere", query).want(http.StatusNotFound, "error")
		if want := map[bool]string{true: "en", false: "ja"}[query == "x=1"]; p.lang() != want {
			t.Errorf("with %s the page is in %s, want %s", query, p.lang(), want)
		}
		links := p.all(func(n *htmlNode) bool { return n.Data == "a" && attr(n, "hreflang") != "" })
		if len(links) < 2 {
			t.Errorf("with %s there are links to %d languages", query, len(links))
		}
		for _, n := range links {
			to, err := url.Parse(attr(n, "href"))
			if err != nil {
				t.Fatal(err)
			}
			if got := to.Query()["lang"]; !slices.Equal(got, []string{attr(n, "hreflang")}) {
				t.Errorf("with %s the link to %s leads to %q", query, attr(n, "hreflang"), got)
			}
		}
	}
}
