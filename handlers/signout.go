package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	// The login to end may be the SDK's alone: script brings it before, or TCB
	// would go on taking its tokens.
	p.Guard = h.guard(r, "sign-out")
	p.Guard.Here = r.to("/sign-out")
	if access, ok := r.session.Access(r.scope()); ok {
		p.Guard.Token = tokenHash(access.AccessToken)
	}
	return form{base: &p.Base, view: func() templ.Component { return views.SignOut(*p) }}
}

// tokenHash tells script whether two access tokens are the same one, and nothing else.
func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
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
	to := withState(r.RedirectURI, r.State)
	if access, ok := r.session.Access(r.scope()); ok {
		r.access = access
		ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
		defer cancel()
		var in authclient.SignOutRequest
		if r.hasRedirect {
			in = authclient.SignOutRequest{RedirectURI: r.RedirectURI, State: r.State}
		}
		out, err := r.state(h.now()).SignOut(ctx, in, h.options(c)...)
		var api *authclient.Error
		revoked = err == nil
		if !revoked && errors.As(err, &api) {
			traceOf(c).code, traceOf(c).err = api.Code, err
		}
		if providerSignOut(r, out.RedirectURI) {
			to = out.RedirectURI
		}
	}
	return h.signedOutHere(c, i18n.Msg("sign-out.done"), revoked, to)
}

// providerSignOut reports that TCB leads to an identity provider's sign-out,
// which comes back by itself. Its other answer is the redirect_uri, which we
// have, state and all, byte for byte.
func providerSignOut(r *request, uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && u.User == nil &&
		u.Scheme+"://"+u.Host != r.origin.text
}

// signedOutHere ends the login here and leads away.
func (h *Handler) signedOutHere(c *fiber.Ctx, title i18n.Message, revoked bool, to string) error {
	r := requestOf(c)
	if err := h.forget(c); err != nil {
		return err
	}
	return h.leave(c, views.LeavingPage{
		Base:    h.page(r, "leaving", title),
		Lead:    i18n.Msg("leaving.lead"),
		Revoked: revoked,
		Data:    views.Departure{To: to, Forget: h.storageKeys(r)},
	})
}

// forget drops the login of this browser, and with a new session id everything
// that belonged to it.
func (h *Handler) forget(c *fiber.Ctx) error {
	r := requestOf(c)
	if err := r.session.Rotate(context.Background(), false); err != nil {
		return err
	}
	addCookies(c, r.session.ClearAccess(r.scope()))
	r.me = nil // no page that follows is theirs
	return nil
}

// storageKeys are the SDK's in localStorage that hold a login.
func (h *Handler) storageKeys(r *request) []string {
	return []string{"credentials_" + r.client.ID, "user_info_" + r.env.ID}
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
