package handlers

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestCommonKeys: a page that is kept for all is the page that each would get alone, whoever asked
// before. Each case differs from the first in one thing that a page can follow from.
func TestCommonKeys(t *testing.T) {
	t.Parallel()
	const other = "https://other.example.net"
	files := withFiles(t, map[string]string{
		envFile: loginJSON(t, nil), "desk/login.config.1.json": loginJSON(t, map[string]any{"name": "Desk"}),
	})
	changes := []func(*siteConfig){files, func(c *siteConfig) { c.settings.PublicOrigins = []string{publicOrigin, other} }}
	desk := strings.NewReplacer("app_id=", "app_id=desk", "version=env", "version=1").Replace(entryQuery(appPage))
	asked := []struct {
		path, query string
		header      http.Header
	}{
		{path: "/sign-in", query: entryQuery(appPage)},
		{path: "/sign-in/sms", query: entryQuery(appPage)},
		{path: "/sign-in/email", query: entryQuery(appPage)},
		{path: "/sign-up", query: entryQuery(appPage)},
		{path: "/sign-up", query: entryQuery(appPage, "via=email")},
		{path: "/sign-up", query: entryQuery(appPage, "via=phone")},
		{path: "/reset-password", query: entryQuery(appPage, "via=email")},
		{path: "/nowhere", query: entryQuery(appPage)},
		{path: "/nowhere", query: entryQuery(appPage, "lang=ja")},
		{path: "/nowhere", query: entryQuery(appPage), header: http.Header{"Accept-Language": {"ja"}}},
		{path: "/nowhere", query: ""},
		{path: "/nowhere", query: entryQuery(appPage, "via=email")},
		{path: "/nowhere", query: strings.Replace(entryQuery(appPage), "client_id=demo", "client_id=second", 1)},
		{path: "/nowhere", query: desk},
		{path: "/nowhere", query: entryQuery(other), header: http.Header{"Host": {"other.example.net"}}},
		{path: "/nowhere", query: entryQuery(appPage), header: http.Header{"User-Agent": {weChatAgent}}},
		{path: "/nowhere", query: entryQuery(registered, pkce)},
		{path: "/nowhere", query: entryQuery(appPage, "env_id=x")},
		{path: "/sign-in", query: entryQuery(appPage), header: http.Header{"Accept-Language": {"ja"}}},
		{path: "/sign-in", query: strings.Replace(entryQuery(appPage), "client_id=demo", "client_id=second", 1)},
		{path: "/sign-in", query: desk},
		{path: "/sign-in", query: entryQuery(other), header: http.Header{"Host": {"other.example.net"}}},
		{path: "/sign-in", query: entryQuery(appPage), header: http.Header{"User-Agent": {weChatAgent}}},
		{path: "/sign-in", query: entryQuery(registered, pkce)},
		{path: "/sign-in", query: entryQuery(appPage, "env_id=x")},
		{path: "/sign-in", query: entryQuery(appPage, "flow=x")},
		{path: "/sign-in", query: entryQuery(appPage, "link=x")},
		{path: "/sign-in", query: entryQuery(appPage, "next=account-email")},
		{path: "/sign-in/sms", query: entryQuery(appPage, "login_hint=13800138000")},
		{path: "/sign-in", query: entryQuery(appPage, "prompt=create")},
	}
	together := newSite(t, changes...)
	got := make([]string, len(asked))
	bare := func(s *site, i int) string {
		b, a := s.browser(), asked[i]
		if slices.Contains(a.header["Host"], "other.example.net") {
			b.origin = other
		}
		p := b.do(http.MethodGet, s.base+a.path+"?"+a.query, nil, a.header)
		own := []string{p.value("csrf_token"), p.value("device_id")}
		for _, n := range p.all(byTag("code")) {
			own = append(own, textOf(n))
		}
		body := p.body
		for _, value := range own {
			if value != "" {
				body = strings.ReplaceAll(body, value, "OWN")
			}
		}
		return p.header.Get("Location") + string(unsealed([]byte(body)))
	}
	for range 2 {
		for i := range asked {
			got[i] = bare(together, i)
		}
	}
	for i := range asked {
		if want := bare(newSite(t, changes...), i); got[i] != want {
			a, b := differ([]byte(got[i]), []byte(want))
			t.Errorf("%s?%s %v: after others: …%s…, alone: …%s…", asked[i].path, asked[i].query, asked[i].header, a, b)
		}
	}
}
