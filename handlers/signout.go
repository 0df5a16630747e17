package handlers

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/i18n"
	"tcb-login/views"
)

func (h *Handler) signOutForm(c *fiber.Ctx) form {
	r := requestOf(c)
	p := &views.SignOutPage{
		Base: *h.formPage(r, "sign-out", i18n.Msg("sign-out.title"), "/sign-out", ""),
		Back: r.RedirectURI,
	}
	return form{base: &p.Base, view: func() templ.Component { return views.SignOut(*p) }}
}

func (h *Handler) getSignOut(c *fiber.Ctx) error {
	return h.show(c, fiber.StatusOK, h.signOutForm(c))
}

// postSignOut ends the login at TCB, here and in the browser's storage. It does
// not fail: whoever wants out of a shared computer gets out of it, whether TCB
// answers or not.
func (h *Handler) postSignOut(c *fiber.Ctx) error {
	r := requestOf(c)
	h.readForm(c, r, "sign-out")
	revoked := false
	if access, ok := r.session.Access(r.scope()); ok {
		ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
		defer cancel()
		err := r.client.auth.Revoke(ctx, access.AccessToken, h.options(c)...)
		var api *authclient.Error
		revoked = err == nil || errors.Is(err, authclient.ErrUnauthenticated)
		if !revoked && errors.As(err, &api) {
			traceOf(c).code, traceOf(c).err = api.Code, err
		}
	}
	if err := r.session.Rotate(context.Background(), false); err != nil {
		return err
	}
	addCookies(c, r.session.ClearAccess(r.scope()))
	return h.leave(c, views.LeavingPage{
		Base:    h.page(r, "leaving", i18n.Msg("sign-out.done")),
		Lead:    i18n.Msg("leaving.lead"),
		Revoked: revoked,
		Data: views.Departure{
			To:     withState(r.RedirectURI, r.State),
			Forget: []string{"credentials_" + r.client.ID, "user_info_" + r.env.ID},
		},
	})
}

// leave shows the page that leads away: a POST must not redirect off our
// origin, since Chromium holds form-action against the whole redirect chain.
func (h *Handler) leave(c *fiber.Ctx, page views.LeavingPage) error {
	page.Languages = nil
	page.Refresh = "2; url=" + page.Data.To
	c.Set("Referrer-Policy", "no-referrer")
	return h.send(c, fiber.StatusOK, views.Leaving(page))
}

// withState appends state to a URL's query, before its hash.
func withState(uri, state string) string {
	if state == "" {
		return uri
	}
	before, hash, hashed := strings.Cut(uri, "#")
	sep := "?"
	if strings.Contains(before, "?") {
		sep = "&"
	}
	before += sep + "state=" + url.QueryEscape(state)
	if hashed {
		before += "#" + hash
	}
	return before
}
