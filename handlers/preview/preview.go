// Package preview shows the pages of any login config with sample data, for the operator's
// listener. It signs nobody in and calls nothing: the pages are samples that the rooms make by the
// constructors that the real ones come from, and posting their forms is forbidden to the browser.
package preview

import (
	"bytes"
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Preview is all pages of a site in all their states.
type Preview struct {
	site    *web.Site
	samples func(*web.Request) []sample.Sample
}

// Path is where the previewed pages are on the operator's listener.
const Path = "/preview/pages"

// New is a preview of the samples of a site, whose base path is Path.
func New(site *web.Site, samples func(*web.Request) []sample.Sample) *Preview {
	return &Preview{site, samples}
}

// A Query says what to show. Its query string rides in every link of a previewed page, so that one
// leads to the next.
type Query struct {
	Key    loginpage.Key
	Locale string // of the page, or of a pseudo-locale
	Scheme string // light, dark or what the browser prefers
	State  string // "empty" when empty
}

// draftSuffix marks the version of a draft. No config_version ends like this.
const draftSuffix = ".draft"

// Version is a key's version as a Query writes it, which tells a draft from its page.
func Version(key loginpage.Key) string {
	if key.Draft {
		return key.Version + draftSuffix
	}
	return key.Version
}

// Encode is q as a query string.
func (q Query) Encode() string {
	v := url.Values{}
	for name, value := range map[string]string{
		"env": q.Key.Env, "app": q.Key.App, "version": Version(q.Key), "locale": q.Locale, "scheme": q.Scheme, "state": q.State,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v.Encode()
}

// DecodeQuery reads what Encode wrote.
func DecodeQuery(get func(string) string) Query {
	version, draft := strings.CutSuffix(get("version"), draftSuffix)
	return Query{
		Key:    loginpage.Key{Env: get("env"), App: get("app"), Version: version, Draft: draft},
		Locale: get("locale"), Scheme: get("scheme"), State: get("state"),
	}
}

// Install adds the pages and what they load to app.
func (p *Preview) Install(app *fiber.App) {
	for path, serve := range p.site.Handlers() {
		app.Get(Path+path, inScheme(serve))
	}
	app.Get(Path+"/*", p.getPage)
}

// Asset is the address of one of our files on the operator's listener.
func (p *Preview) Asset(file string) string { return p.site.Asset(file) }

// Locales are those that a login config offers, and then the pseudo-locales.
func (p *Preview) Locales(ctx context.Context, key loginpage.Key) []*i18n.Localizer {
	offered := p.site.Messages()
	if r, err := p.request(ctx, Query{Key: key}); err == nil {
		offered = r.Theme.Messages
	}
	return append(slices.Clone(offered.Locales()), offered.Pseudo()...)
}

// A Page is a page of a login config and the states that it can be in.
type Page struct {
	Name   string // see sample.Sample
	Path   string // below Path
	States []string
}

// Pages are all that a login config has, none when there is no such config.
func (p *Preview) Pages(ctx context.Context, q Query) []Page {
	r, err := p.request(ctx, q)
	if err != nil {
		return nil
	}
	var pages []Page
	for _, s := range p.samples(r) {
		if n := len(pages); n == 0 || pages[n-1].Name != s.Page {
			pages = append(pages, Page{Name: s.Page, Path: s.Path})
		}
		last := &pages[len(pages)-1]
		last.States = append(last.States, s.State)
	}
	return pages
}

// request is a request for the page that q asks for, as if from the app.
func (p *Preview) request(ctx context.Context, q Query) (*web.Request, error) {
	q.State = "" // a link leads to another page
	return p.site.SampleRequest(ctx, q.Key, q.Locale, q.Encode())
}

func (p *Preview) getPage(c *fiber.Ctx) error {
	q := DecodeQuery(func(name string) string { return c.Query(name) })
	r, err := p.request(c.UserContext(), q)
	if err != nil {
		return fiber.ErrNotFound
	}
	path := "/" + c.Params("*")
	if path == "/" {
		path = entryPath(r)
	}
	for _, s := range p.samples(r) {
		if s.Path != path || s.State != q.State && (q.State != "" || s.State != "empty") {
			continue
		}
		page, err := s.Make()
		if err != nil {
			return err
		}
		dress(page.Frame(), q, r.Base+path)
		var buf bytes.Buffer
		if err := page.Component().Render(c.UserContext(), &buf); err != nil {
			return err
		}
		c.Set("Content-Type", "text/html; charset=utf-8")
		c.Set("Cache-Control", "no-store")
		c.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'none'; form-action 'none'; frame-ancestors 'self'; base-uri 'none'"+
			"; script-src http://"+string(c.Request().Header.Host())+p.site.Asset("app.js")) // which browsers also match over https
		return c.Send(buf.Bytes())
	}
	return fiber.ErrNotFound
}

// entryPath is the page that the entry shows.
func entryPath(r *web.Request) string {
	switch r.LoginPage.Default {
	case loginpage.KindSMS:
		return entry.PathSignInSMS
	case loginpage.KindEmail:
		return entry.PathSignInEmail
	case loginpage.KindPassword:
		return entry.PathSignIn
	}
	return entry.PathEntry
}

// dress gives a page what a preview of it has differently: the scheme that was picked, and a
// language switch that leads to the preview in that language.
func dress(b *views.Base, q Query, address string) {
	if q.Scheme != "" {
		for _, sheet := range []*string{&b.Assets.Style, &b.Assets.PortalStyle, &b.Assets.OverviewStyle} {
			*sheet += "?scheme=" + url.QueryEscape(q.Scheme)
		}
		if q.Scheme == "dark" && b.App.LogoDark != "" {
			b.App.Logo = b.App.LogoDark
		}
		b.App.LogoDark = ""
	}
	b.Assets.Complete, b.Assets.Account, b.Assets.PortalScript, b.Resume = "", "", "", ""
	if b.Guard != nil {
		b.Guard = &views.Guard{} // there is no storage to compare with
	}
	b.Form.DeviceID = strings.Repeat("0", 32)
	b.Canonical, b.Refresh, b.Still = "", "", true
	b.Form.Name = "" // the language switch is links then
	for i, l := range b.Languages {
		other := q
		other.Locale = l.Tag
		b.Languages[i].URL = address + "?" + other.Encode()
	}
}

// inScheme serves a file as if the browser preferred the scheme that the query of a stylesheet
// names: the server cannot make it prefer one.
func inScheme(serve fiber.Handler) fiber.Handler {
	const media, either = "@media(prefers-color-scheme:dark)", "color-scheme:light dark"
	return func(c *fiber.Ctx) error {
		scheme := c.Query("scheme")
		if scheme != "light" && scheme != "dark" {
			return serve(c)
		}
		c.Request().Header.Del("Accept-Encoding")
		if err := serve(c); err != nil {
			return err
		}
		if !strings.HasPrefix(string(c.Response().Header.ContentType()), "text/css") {
			return nil
		}
		always := "@media not all"
		if scheme == "dark" {
			always = "@media all"
		}
		return c.SendString(strings.NewReplacer(media, always, either, "color-scheme:"+scheme).Replace(string(c.Response().Body())))
	}
}
