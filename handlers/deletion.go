package handlers

import (
	"context"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Deleting the account: what is lost, a word to type, and then it is gone.

func (h *Handler) deletePage(c *fiber.Ctx) (*views.DeletePage, form) {
	r := requestOf(c)
	p := &views.DeletePage{
		Base:    *h.portalForm(r, "account-delete", i18n.Msg("account.delete.title"), "/account/delete"),
		Word:    r.loc.T("account.delete.word"),
		Account: nameOf(r.me),
		Losses: []i18n.Message{
			i18n.Msg("account.delete.loss_profile"), i18n.Msg("account.delete.loss_ways"),
			i18n.Msg("account.delete.loss_devices"), i18n.Msg("account.delete.loss_data"),
		},
	}
	if c.Method() == fiber.MethodPost {
		h.readForm(c, r, "account-delete")
		p.Typed = cut(line(c, "confirm"), 64)
	}
	return p, form{base: &p.Base, view: func() templ.Component { return views.Delete(*p) }}
}

func (h *Handler) getDelete(c *fiber.Ctx) error {
	_, f := h.deletePage(c)
	return h.show(c, fiber.StatusOK, f)
}

func (h *Handler) postDelete(c *fiber.Ctx) error {
	r := requestOf(c)
	page, f := h.deletePage(c)
	need(&page.Base, "confirm", page.Typed)
	if page.Typed != "" && !strings.EqualFold(page.Typed, page.Word) {
		wrong(&page.Base, "confirm", "account.delete.mistyped")
	}
	if page.Invalid() {
		return h.show(c, fiber.StatusUnprocessableEntity, f)
	}
	err := h.asPerson(c, func(ctx context.Context, login *authclient.User, opts ...authclient.CallOption) error {
		_, err := login.DeleteMe(ctx, r.access.SudoToken, opts...)
		return err
	})
	if err != nil {
		return h.refusePortal(c, f, err, nil)
	}
	return h.goodbye(c)
}

// goodbye forgets the login here and in the browser, and stays: whoever has
// just deleted an account is not to be led into an app that asks to sign in.
func (h *Handler) goodbye(c *fiber.Ctx) error {
	r := requestOf(c)
	if err := h.forget(c); err != nil {
		return err
	}
	return h.send(c, fiber.StatusOK, h.goodbyePage(r).view())
}

func (h *Handler) goodbyePage(r *request) form {
	p := &views.NoticePage{
		Base: h.page(r, "goodbye", i18n.Msg("account.delete.done")),
		Lead: i18n.Msg("account.delete.done_lead"),
		Data: &views.Departure{Forget: h.storageKeys(r)},
	}
	p.Languages = nil
	if r.target == targetOwn {
		p.Button = views.Link{To: "app", URL: r.RedirectURI, Label: i18n.Msg("account.app")}
	}
	return form{base: &p.Base, view: func() templ.Component { return views.Notice(*p) }}
}
