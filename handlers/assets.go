package handlers

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"tcb-login/i18n"
	"tcb-login/static"
	"tcb-login/views"
)

// asset is the address of a file of ours, with its content's hash in it.
func (h *Handler) asset(file string) string { return h.base + "/static/" + h.static.Name(file) }

// getStatic serves a file, which never changes under its name.
func (h *Handler) getStatic(c *fiber.Ctx) error {
	file, ok := h.static.Lookup(c.Params("name"))
	if !ok {
		return errMissing
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
func (h *Handler) demoQuery(c *fiber.Ctx) string {
	if lang := string(c.Context().QueryArgs().Peek("lang")); lang != "" {
		if _, ok := h.messages.Locale(lang); ok {
			return "lang=" + lang
		}
	}
	return ""
}

// getDemo is the app before the login page that a newcomer sees.
func (h *Handler) getDemo(c *fiber.Ctx) error {
	r := requestOf(c)
	page := views.DemoPage{
		Base:      h.page(r, "demo", i18n.Msg("demo.title")),
		EnvID:     r.env.ID,
		ClientID:  r.client.ID,
		Outbox:    h.demo.Outbox,
		LoginPage: h.base + "/",
		SignOut:   h.base + "/sign-out",
		Account:   h.base + "/account",
	}
	for i, l := range h.messages.Locales() {
		page.Languages[i].URL = "/?lang=" + l.Locale()
	}
	return h.send(c, fiber.StatusOK, views.Demo(page))
}
