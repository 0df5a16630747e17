// Package files serves what pages load: our scripts and style sheets, the style sheet of each login
// page, and its pictures. Each has its content's hash in its name, and so never changes.
package files

import (
	"log/slog"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/headers"
	"tcb-login/handlers/refusal"
	"tcb-login/i18n"
	"tcb-login/static"
)

// Config is all that files come from.
type Config struct {
	Base         string // the base path
	Static       *static.Files
	Pages        *loginpage.Pages
	Environments map[string]*entry.Environment // those that have login pages
	Messages     *i18n.Bundle
	Logger       *slog.Logger
}

// Files are all of them.
type Files struct{ themes *themes }

// New reads no login page yet: a theme is made when it is first needed.
func New(cfg Config) *Files {
	f := &Files{&themes{Config: cfg}}
	f.themes = newThemes(cfg, f.Asset("app.css"), f.Asset("portal.css"), f.Asset("overview.css"))
	return f
}

// ThemeOf is the theme of a login page.
func (f *Files) ThemeOf(l *loginpage.Page) (*entry.Theme, error) { return f.themes.of(l) }

// BuiltIn is the theme of pages without a login config.
func (f *Files) BuiltIn() *entry.Theme { return f.themes.builtIn }

// Asset is the address of a file of ours.
func (f *Files) Asset(file string) string {
	return f.themes.Base + "/static/" + f.themes.Static.Name(file)
}

// Countries is the address of the list of all countries in a language; in English where there is none
// in it.
func (f *Files) Countries(locale string) string {
	name := "countries." + locale + ".json"
	if f.themes.Static.Name(name) == "" {
		name = "countries.en.json"
	}
	return f.Asset(name)
}

// Media is the address of a picture of a login page; empty when there is none.
func (f *Files) Media(m *loginpage.Media) string { return mediaAt(f.themes.Base, m) }

func mediaAt(base string, m *loginpage.Media) string {
	if m == nil {
		return ""
	}
	return base + "/media/" + m.Name
}

// Handlers serve them, by path below the base path.
func (f *Files) Handlers() map[string]fiber.Handler {
	return map[string]fiber.Handler{"/static/:name": f.getStatic, "/theme/:name": f.getTheme, "/media/:name": f.getMedia}
}

func (f *Files) getStatic(c *fiber.Ctx) error {
	file, ok := f.themes.Static.Lookup(c.Params("name"))
	if !ok {
		return refusal.ErrMissing
	}
	return send(c, file)
}

// getTheme serves the stylesheet of a login page.
func (f *Files) getTheme(c *fiber.Ctx) error {
	sheet, ok := find(f.themes, c.Params("name"), func() map[string]sheet { return f.themes.sheets })
	if !ok {
		return refusal.ErrMissing
	}
	file, err := sheet()
	if err != nil {
		return err
	}
	return send(c, file)
}

// getMedia serves a logo or background of a login page. The picture is the operator's, but its
// address can be opened by anybody: an SVG must not be a document with a script on the app's
// origin.
func (f *Files) getMedia(c *fiber.Ctx) error {
	m, ok := find(f.themes, c.Params("name"), func() map[string]*loginpage.Media { return f.themes.media })
	if !ok {
		return refusal.ErrMissing
	}
	header := &c.Response().Header
	headers.File(c)
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	header.Set("Content-Type", m.Type)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	return c.Send(m.Data)
}

func send(c *fiber.Ctx, file *static.File) error {
	header := &c.Response().Header
	header.Set("Content-Type", file.Type)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("Vary", "Accept-Encoding")
	headers.File(c)
	accepts := c.Get("Accept-Encoding")
	switch {
	case file.Brotli != nil && acceptsEncoding(accepts, "br"):
		header.Set("Content-Encoding", "br")
		return c.Send(file.Brotli)
	case file.Gzip != nil && acceptsEncoding(accepts, "gzip"):
		header.Set("Content-Encoding", "gzip")
		return c.Send(file.Gzip)
	}
	return c.Send(file.Plain)
}

// acceptsEncoding looks for a coding that is not ruled out by q=0 (RFC 9110 §12.5.3).
func acceptsEncoding(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			weight = strings.ReplaceAll(weight, " ", "")
			return weight == "" || strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != ""
		}
	}
	return false
}
