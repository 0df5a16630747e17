package web

import (
	"github.com/gofiber/fiber/v2"

	"tcb-login/handlers/entry"
	"tcb-login/i18n"
	"tcb-login/views"
)

// languageQuery is the login request of what has only a language, as the demo app.
func (s *Site) languageQuery(c *fiber.Ctx) string {
	if lang := string(c.Context().QueryArgs().Peek("lang")); lang != "" {
		if _, ok := s.places.Messages.Locale(lang); ok {
			return "lang=" + lang
		}
	}
	return ""
}

// getDemo is the app before the login page that a newcomer sees. Who has one in development is led
// to it: our address is not where it is used.
func (s *Site) getDemo(c *fiber.Ctx) error {
	if s.Demo.App != "" {
		return c.Redirect(s.Demo.App+"/", fiber.StatusSeeOther)
	}
	r, err := s.prepare(c, s.languageQuery(c), Row{OnWay: true})
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
