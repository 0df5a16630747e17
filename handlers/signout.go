package handlers

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"

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
	p.Guard = h.guard(r, "sign-out")
	p.Guard.Here = r.to("/sign-out")
	return form{base: &p.Base, view: func() templ.Component { return views.SignOut(*p) }}
}

func (h *Handler) getSignOut(c *fiber.Ctx) error {
	return h.show(c, fiber.StatusOK, h.signOutForm(c))
}

// postSignOut ends the login at TCB, here and in the browser's storage. It does
// not fail: whoever wants out of a shared computer gets out of it, whether TCB
// answers or not. The SDK's login may be another than the access cookie's: script
// sends it along, or TCB would go on taking its tokens.
func (h *Handler) postSignOut(c *fiber.Ctx) error {
	r := requestOf(c)
	h.readForm(c, r, "sign-out")
	var calls []endLogin
	access, ok := r.session.Access(r.scope())
	if ok {
		calls = append(calls, h.ender(c)(access.AccessToken))
	}
	if login, ok := postedLogin(c); ok && login.AccessToken != access.AccessToken {
		calls = append(calls, h.endPosted(c, login))
	}
	revoked, to := h.endAll(c, calls)
	return h.signedOutHere(c, i18n.Msg("sign-out.done"), revoked, to)
}

// endLogin ends one login at TCB, and gives the URL that TCB names for what follows.
type endLogin func(context.Context) (string, error)

// endAll makes the calls side by side: nobody waits twice for a TCB that does not
// answer. It reports whether logins ended and none is left, and where to go.
func (h *Handler) endAll(c *fiber.Ctx, calls []endLogin) (revoked bool, to string) {
	r := requestOf(c)
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	uris, errs := make([]string, len(calls)), make([]error, len(calls))
	var group sync.WaitGroup
	for i, call := range calls {
		group.Go(func() { uris[i], errs[i] = call(ctx) })
	}
	group.Wait()
	revoked, to = len(calls) > 0, withState(r.RedirectURI, r.State)
	for i, err := range errs {
		var api *authclient.Error
		if errors.As(err, &api) {
			traceOf(c).code, traceOf(c).err = api.Code, err
		}
		revoked = revoked && err == nil
		if providerSignOut(r, uris[i]) {
			to = uris[i]
		}
	}
	return revoked, to
}

// ender ends logins by their access tokens.
func (h *Handler) ender(c *fiber.Ctx) func(token string) endLogin {
	r := requestOf(c)
	var in authclient.SignOutRequest
	if r.hasRedirect {
		in = authclient.SignOutRequest{RedirectURI: r.RedirectURI, State: r.State}
	}
	auth, opts := r.client.auth, h.options(c)
	return func(token string) endLogin {
		return func(ctx context.Context) (string, error) {
			out, err := auth.AsUser(token).SignOut(ctx, in, opts...)
			return out.RedirectURI, err
		}
	}
}

const maxToken = 4096 // characters that a token of TCB's has at most

// postedLogin is the SDK's login in the form, if it can be one.
func postedLogin(c *fiber.Ctx) (handedOver, bool) {
	in := handedOver{AccessToken: field(c, "access_token"), RefreshToken: field(c, "refresh_token")}
	return in, in.AccessToken != "" && len(in.AccessToken) <= maxToken && len(in.RefreshToken) <= maxToken
}

// errNotMeant: what came with the form is no login of this client's.
var errNotMeant = errors.New("sign-out: no login of this client's")

// endPosted ends a login that the form brought. One that has run out is refreshed
// first: by its old token TCB may end nothing. Another client's is left alone.
func (h *Handler) endPosted(c *fiber.Ctx, login handedOver) endLogin {
	r, opts, end := requestOf(c), h.options(c), h.ender(c)
	meant := func(token string) bool {
		claims, ok := readClaims(token)
		return ok && claims.meant(r)
	}
	return func(ctx context.Context) (string, error) {
		token := login.AccessToken
		if !meant(token) {
			return "", errNotMeant
		}
		if login.RefreshToken != "" {
			creds, err := r.client.auth.RefreshToken(ctx, login.RefreshToken, opts...)
			switch {
			case errors.Is(err, authclient.ErrInvalidGrant): // it is over, or was refreshed meanwhile
			case err != nil:
				return "", err
			case !meant(creds.AccessToken):
				return "", errNotMeant
			default:
				token = creds.AccessToken
			}
		}
		return end(token)(ctx)
	}
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
	if err := r.session.Rotate(context.Background(), ""); err != nil {
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
