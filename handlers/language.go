package handlers

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"tcb-login/config/loginpage"
)

// postLanguage shows a form again in another language, with everything that
// was typed, and calls nothing.
func (h *Handler) postLanguage(c *fiber.Ctx) error {
	r := requestOf(c)
	if chosen, ok := r.look.messages.Locale(field(c, "lang")); ok {
		r.loc = chosen
		r.query = r.inLanguage(chosen.Locale())
		r.session.SetLocale(chosen.Locale())
	}
	r.keep = true
	f, err := h.typedForm(c)
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, f)
}

// typedForm is the form that was posted to a shared route, with what was typed,
// unjudged. The form is named from a closed list, never by a URL.
func (h *Handler) typedForm(c *fiber.Ctx) (form, error) {
	r := requestOf(c)
	name := field(c, "form")
	if name == "" {
		name = strings.ReplaceAll(strings.Trim(r.path, "/"), "/", "-")
	}
	if f, ok, err := h.typedPortal(c, name); ok || err != nil {
		return f, err
	}
	switch name {
	case "provider-return":
		return h.typedReturn(c), nil
	case "sign-in":
		if !r.login.Offers(loginpage.MethodPassword) {
			return form{}, errDisabled
		}
		_, f := h.typedSignIn(c)
		return f, nil
	case "choose":
		h.readForm(c, r, name)
		return h.choosePage(r), nil
	case formAnonymous, formProvider:
		if field(c, "form") != "" {
			return h.typedStart(c, name)
		}
	case "sign-out":
		return h.signOutForm(c), nil
	}
	for _, flow := range h.flows {
		if step, ok := strings.CutPrefix(name, flow.name); ok {
			if f, ok := flow.typedForm(c, step); ok {
				return f, nil
			}
		}
	}
	return form{}, badRequest("error.page.parameter", nil)
}
