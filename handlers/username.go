package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/i18n"
	"tcb-login/views"
)

// The username is a way to sign in, so that a change wants a step-up before its
// form, as one of phone number, e-mail address and password does.

// usernamePage is the form, of what is or of what was typed.
func (h *Handler) usernamePage(c *fiber.Ctx) (*views.UsernamePage, form) {
	r := requestOf(c)
	p := &views.UsernamePage{
		Base:     *h.portalForm(r, "account-username", i18n.Msg("account.username.title"), "/account/username"),
		Username: r.me.Username,
	}
	if c.Method() == fiber.MethodPost {
		h.readForm(c, r, "account-username")
		p.Username = cut(line(c, "username"), maxIdentifier)
	}
	return p, form{base: &p.Base, view: func() templ.Component { return views.Username(*p) }}
}

func (h *Handler) getUsername(c *fiber.Ctx) error {
	_, f := h.usernamePage(c)
	return h.show(c, fiber.StatusOK, f)
}

// usernameRefusals: a call that changes nothing else is refused for the name. That
// of permission is no word on the step-up, which TCB does not ask for here.
var usernameRefusals = map[string]refusal{
	"already_exists":      {status: 422, key: "error.username_taken", field: "username"},
	"failed_precondition": {status: 422, key: "error.username_taken", field: "username"},
	"permission_denied":   refusals["invalid_argument"],
}

func (h *Handler) postUsername(c *fiber.Ctx) error {
	r := requestOf(c)
	page, f := h.usernamePage(c)
	switch name := page.Username; {
	case name == "": // one that is set cannot go again
		wrong(&page.Base, "username", "error.required.new_username")
	case name == r.me.Username:
		wrong(&page.Base, "username", "account.username.same")
	case !validUsername(name):
		wrong(&page.Base, "username", "error.username_form")
	}
	if page.Invalid() {
		return h.show(c, fiber.StatusUnprocessableEntity, f)
	}
	// That a name is taken is as limited to learn as at sign-up.
	asked := &taken{counter: h.counter}
	if err := asked.take(context.Background(), ruleUsername, "error.too_many_wait", time.Second, r.network); err != nil {
		return h.refuse(c, f, err, nil)
	}
	err := h.updateProfile(c, authclient.UserUpdate{Username: &page.Username})
	if !errors.Is(err, authclient.ErrAlreadyExists) && !errors.Is(err, authclient.ErrFailedPrecondition) {
		asked.refund(context.Background())
	}
	if err != nil {
		return h.refusePortal(c, f, err, usernameRefusals)
	}
	return h.finished(c, "/account", "username")
}
