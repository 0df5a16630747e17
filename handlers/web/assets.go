package web

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/i18n"
	"tcb-login/static"
	"tcb-login/views"
)

// Asset is the address of a file of ours, with its content's hash in it.
func (s *Site) Asset(file string) string { return s.places.Base + "/static/" + s.static.Name(file) }

// getStatic serves a file, which never changes under its name.
func (s *Site) getStatic(c *fiber.Ctx) error {
	file, ok := s.static.Lookup(c.Params("name"))
	if !ok {
		return refusal.ErrMissing
	}
	return sendAsset(c, file)
}

func sendAsset(c *fiber.Ctx, file *static.File) error {
	header := &c.Response().Header
	header.Set("Content-Type", file.Type)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("Vary", "Accept-Encoding")
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

// demoQuery is the login request of the demo app, which has only a language.
func (s *Site) demoQuery(c *fiber.Ctx) string {
	if lang := string(c.Context().QueryArgs().Peek("lang")); lang != "" {
		if _, ok := s.places.Messages.Locale(lang); ok {
			return "lang=" + lang
		}
	}
	return ""
}

// getDemo is the app before the login page that a newcomer sees.
func (s *Site) getDemo(c *fiber.Ctx) error {
	r, err := s.prepare(c, s.demoQuery(c), Row{OnWay: true})
	if err != nil {
		return err
	}
	page := &views.DemoPage{
		Base:      s.Page(&r.LoginRequest, "demo", i18n.Msg("demo.title")),
		EnvID:     r.Env.ID,
		ClientID:  r.Client.ID,
		Outbox:    s.Demo.Outbox,
		LoginPage: s.places.Base + entry.PathEntry,
		SignOut:   s.places.Base + entry.PathSignOut,
		Account:   s.places.Base + entry.PathAccount,
	}
	for i, l := range s.places.Messages.Locales() {
		page.Languages[i].URL = "/?lang=" + l.Locale()
	}
	return s.write(c, r, Reply{Status: fiber.StatusOK, Page: page})
}
