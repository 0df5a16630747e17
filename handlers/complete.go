package handlers

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/i18n"
	"tcb-login/views"
)

// profileWait is how long a sign-in waits for the profile that it can do without.
const profileWait = 3 * time.Second

// complete answers the POST that signed somebody in: a new session id, and the
// page that hands the login to the browser. It is the only answer that ever
// holds credentials, and there is none for a target on another origin.
func (h *Handler) complete(c *fiber.Ctx, creds *authclient.Credentials) error {
	r := requestOf(c)
	if r.target != targetOwn {
		return errNotYet
	}
	device := h.device(r) // before the session's own changes
	link, linking := openLink(r)
	linking = linking && creds.Scope != "anonymous" && (link.Sub == "" || link.Sub == creds.Sub)
	if err := r.session.Rotate(context.Background(), accountKey(r, creds.Sub)); err != nil {
		return err
	}
	life := time.Duration(creds.ExpiresIn) * time.Second
	access, err := r.session.AccessCookies(r.scope(), h.access(creds, device), life)
	if err != nil {
		return err
	}
	to := r.destination()
	if linking { // the identity that came before this login waits to be bound to it, and to no other
		link.Sub, link.SignIn = creds.Sub, true
		if r.link, err = h.sealLink(r, link, sudoLife); err != nil {
			return err
		}
		to = r.origin.text + r.to("/account/providers", "link="+r.link)
	}
	r.link, r.me = "", nil
	tokens, err := json.Marshal(creds)
	if err != nil {
		return err
	}
	page := views.CompletePage{
		Base: h.page(r, "complete", i18n.Msg("complete.title")),
		Data: views.Completion{
			EnvID:       r.env.ID,
			ClientID:    r.client.ID,
			Credentials: tokens,
			UserInfo:    h.profile(c, creds),
			RedirectURI: to,
			Back:        r.to(r.signInPath()),
		},
	}
	page.Languages = nil // a way out of this page would leave the login behind
	addCookies(c, access)
	c.Set("Referrer-Policy", "no-referrer")
	return h.send(c, fiber.StatusOK, views.Complete(page))
}

// profile asks who signed in. Nothing comes of it when TCB does not say: the
// SDK asks again by itself.
func (h *Handler) profile(c *fiber.Ctx, creds *authclient.Credentials) json.RawMessage {
	ctx, cancel := context.WithTimeout(context.Background(), profileWait)
	defer cancel()
	me, err := requestOf(c).client.auth.AsUser(creds.AccessToken).GetUserInfo(ctx, h.options(c)...)
	if err != nil {
		traceOf(c).code = codeOf(err)
		return nil
	}
	return me.Raw
}
