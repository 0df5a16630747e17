package handlers

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/session"
	"tcb-login/views"
)

// Session hand-off: the SDK in the app keeps its login in localStorage, where our
// script finds it and posts it here. The refresh token passes through when the
// access token has run out, and is never kept: TCB changes it at every refresh,
// and the one who holds it is the SDK.
//
// Several tabs hand the same login over when a browser restores them. The script
// lets them do it one after the other, as far as the browser can; the session's
// cookie is whose answer came last, so a refused token brings a fresh one, what
// the session has already changes nothing, and a page that has lost the login
// to another tab's first visit asks for it again.

// handedOver is what account.js posts: a login, or nothing, which drops ours.
type handedOver struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"` // only when the other has expired
	DeviceID     string `json:"device_id"`
}

// takenOver is the answer. Credentials are the new ones after a refresh, also
// when nothing else went well: they are the only ones that live then.
type takenOver struct {
	Sub         string                  `json:"sub,omitempty"`
	Error       string                  `json:"error,omitempty"`
	CSRF        string                  `json:"csrf_token,omitempty"` // of the session as it is from now on
	Credentials *authclient.Credentials `json:"credentials,omitempty"`
}

// postSession takes a login over. checkOrigin has seen that the request is from
// a page of this origin; the token says that it is a page of ours, and which.
func (h *Handler) postSession(c *fiber.Ctx) error {
	r := requestOf(c)
	if !r.session.CSRFValid(c.Get("X-CSRF-Token")) {
		out := takenOver{Error: "csrf"}
		// Only a page of this origin may have the session's token; "none" is no page's asking.
		if r.proven && said(c, "Sec-Fetch-Site") != "none" {
			out.CSRF = r.session.CSRFToken()
		}
		return h.sendJSON(c, fiber.StatusForbidden, out)
	}
	var in handedOver
	if err := postedJSON(c, &in); err != nil {
		return h.sendJSON(c, fiber.StatusBadRequest, takenOver{Error: "invalid_request"})
	}
	if deviceID.MatchString(in.DeviceID) {
		r.deviceID = in.DeviceID
	}
	if in.AccessToken == "" {
		return h.dropLogin(c, fiber.StatusOK, takenOver{})
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout+grace)
	defer cancel()
	had, here := r.session.Access(r.scope())
	known := here && had.AccessToken == in.AccessToken && in.RefreshToken == ""
	var out takenOver
	counts := &taken{counter: h.counter}
	if !known {
		if err := counts.take(ctx, ruleHandOff, "", time.Second, r.network); err != nil {
			return h.handOffLimited(c, out, err)
		}
	}
	if in.RefreshToken != "" {
		creds, err := r.client.auth.RefreshToken(ctx, in.RefreshToken, h.options(c)...)
		if err != nil {
			return h.notTakenOver(c, out, err)
		}
		out.Credentials, in.AccessToken = creds, creds.AccessToken
	}
	claims, ok := readClaims(in.AccessToken)
	if !ok || !claims.meant(r) {
		out.Error = "other_client"
		return h.dropLogin(c, fiber.StatusBadRequest, out)
	}
	me, err := r.client.auth.AsUser(in.AccessToken).GetUserInfo(ctx, h.options(c)...)
	if err != nil {
		return h.notTakenOver(c, out, err)
	}
	if out.Sub = me.Sub; known && had.Sub == me.Sub {
		// Another tab was faster: a new id would only cost it what it has just got.
		out.CSRF = r.session.CSRFToken()
		return h.sendJSON(c, fiber.StatusOK, out)
	}
	if err := counts.take(ctx, ruleHandOffPerson, "", time.Second, limit.Key(r.env.ID, me.Sub)); err != nil {
		return h.handOffLimited(c, out, err)
	}
	device := h.device(r)
	if err := r.session.Rotate(ctx, accountKey(r, me.Sub)); err != nil {
		return h.lostHalfWay(c, out, err)
	}
	// The step-up of the login before is not this one's.
	access := session.Access{
		AccessToken: in.AccessToken, Sub: me.Sub, ExpiresAt: claims.Expires, DeviceID: device,
		Anonymous: claims.Scope == "anonymous",
	}
	if here && had.Sub == me.Sub { // its tokens were refreshed
		access.Login = cmp.Or(had.Login, tokenHash(had.AccessToken))
	}
	if err := h.keepAccess(c, access); err != nil {
		return h.lostHalfWay(c, out, err)
	}
	out.CSRF = r.session.CSRFToken()
	return h.sendJSON(c, fiber.StatusOK, out)
}

// handOffLimited answers that there were too many; the page's own link leads on.
func (h *Handler) handOffLimited(c *fiber.Ctx, out takenOver, err error) error {
	var lim *limited
	if errors.As(err, &lim) {
		c.Set("Retry-After", strconv.Itoa(int((lim.wait+time.Second-1)/time.Second)))
	}
	out.Sub, out.Error = "", "limited"
	return h.sendJSON(c, fiber.StatusTooManyRequests, out)
}

// lostHalfWay answers a failure of ours. A refresh may have gone before it: the
// browser must have what that brought, since nothing else lives any more.
func (h *Handler) lostHalfWay(c *fiber.Ctx, out takenOver, err error) error {
	traceOf(c).err = err
	out.Sub, out.Error = "", "unavailable"
	return writeJSON(c, fiber.StatusServiceUnavailable, out)
}

// notTakenOver answers a refusal of TCB's. One that says that the login is over
// ends ours as well: the browser's storage names somebody whom we cannot show.
func (h *Handler) notTakenOver(c *fiber.Ctx, out takenOver, err error) error {
	t := traceOf(c)
	t.code = codeOf(err)
	switch {
	case errors.Is(err, authclient.ErrInvalidGrant):
		out.Error = "invalid_grant"
	case errors.Is(err, authclient.ErrUnauthenticated):
		out.Error = "unauthenticated"
	default:
		t.err = err
		out.Error = "unavailable"
		return h.sendJSON(c, fiber.StatusServiceUnavailable, out)
	}
	return h.dropLogin(c, fiber.StatusUnauthorized, out)
}

// dropLogin answers without a login of ours.
func (h *Handler) dropLogin(c *fiber.Ctx, status int, out takenOver) error {
	r := requestOf(c)
	addCookies(c, r.session.ClearAccess(r.scope()))
	return h.sendJSON(c, status, out)
}

func (h *Handler) sendJSON(c *fiber.Ctx, status int, v any) error {
	cookies, err := requestOf(c).session.Cookies()
	if err != nil {
		return err
	}
	addCookies(c, cookies)
	return writeJSON(c, status, v)
}

func writeJSON(c *fiber.Ctx, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.Set("Content-Type", "application/json")
	return c.Status(status).Send(body)
}

// claims are what we read of an access token. Nothing is believed of it before
// TCB has answered to the token.
type claims struct {
	Audience audience `json:"aud"`
	Project  string   `json:"project_id"` // the environment
	Scope    string   `json:"scope"`
	Expires  int64    `json:"exp"`
}

// audience is one string or several (RFC 7519 §4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

func readClaims(token string) (claims, bool) {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return c, false
	}
	return c, c.Expires > 0
}

// meant reports that a token is for the client at hand: another client's login
// is not to become this one's.
func (c claims) meant(r *request) bool {
	return slices.Contains(c.Audience, r.client.ID) && (c.Project == "" || c.Project == r.env.ID)
}

// device is the device_id that TCB sees of this request.
func (h *Handler) device(r *request) string {
	if r.deviceID != "" {
		return r.deviceID
	}
	return r.session.DeviceID()
}

// access is a login that was just made, for our own pages.
func (h *Handler) access(creds *authclient.Credentials, device string) session.Access {
	return session.Access{
		AccessToken: creds.AccessToken, Sub: creds.Sub, DeviceID: device, Anonymous: creds.Scope == "anonymous",
		ExpiresAt: h.now().Add(time.Duration(creds.ExpiresIn) * time.Second).Unix(),
	}
}

// getContinue offers the login that the browser has. It is led to by the script
// that has just handed that over; as on the portal's pages nothing shows before
// script has seen that localStorage still names the same person.
func (h *Handler) getContinue(c *fiber.Ctx) error {
	r := requestOf(c)
	ok, err := h.loadPerson(c)
	switch {
	case err != nil:
		return err
	case r.Prompt == "login" || r.access.Anonymous || r.next == "" && r.target != targetOwn:
		return h.seeOther(c, r.prompting("login", "/"))
	case !ok: // another tab's first visit may have cost it since
		return h.show(c, fiber.StatusOK, h.takeOver(r))
	}
	return h.show(c, fiber.StatusOK, h.continuePage(r))
}

func (h *Handler) continuePage(r *request) form {
	who := h.person(r)
	guard := h.guard(r, "continue")
	r.me = nil // not the portal's frame
	p := &views.ContinuePage{Base: h.page(r, "continue", r.title()), Person: who}
	p.Guard = guard
	h.linkLanguages(r, &p.Base)
	p.Button = views.Link{To: "app", URL: r.destination(), Label: i18n.Message{Key: "continue.button", Args: i18n.Args{"name": who.Name}}}
	p.Other = views.Link{To: "sign-in", URL: r.prompting("login", "/"), Label: i18n.Msg("continue.other")}
	return form{base: &p.Base, view: func() templ.Component { return views.Continue(*p) }}
}

// destination is where a sign-in leads.
func (r *request) destination() string {
	if route, ok := portalRoutes[r.next]; ok {
		return r.origin.text + r.to(route.path)
	}
	return r.RedirectURI
}
