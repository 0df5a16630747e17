package visitor

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/web"
	"tcb-login/identifier"
	"tcb-login/limit"
	"tcb-login/session"
)

// Session hand-off: the SDK in the app keeps its login in localStorage, where our script finds it
// and posts it here. The refresh token passes through when the access token has run out, and is
// never kept: TCB changes it at every refresh, and the one who holds it is the SDK.
//
// Several tabs hand the same login over when a browser restores them. The script lets them do it
// one after the other, as far as the browser can; the session's cookie is whose answer came last,
// so a refused token brings a fresh one, what the session has already changes nothing, and a page
// that has lost the login to another tab's first visit asks for it again.

// handedOver is what account.js posts: a login, or nothing, which drops ours.
type handedOver struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"` // only when the other has expired
	DeviceID     string `json:"device_id"`
}

// handOffAnswer is the answer. Credentials are the new ones after a refresh, also when nothing else
// went well: they are the only ones that live then.
type handOffAnswer struct {
	Sub         string                  `json:"sub,omitempty"`
	Error       string                  `json:"error,omitempty"`
	CSRF        string                  `json:"csrf_token,omitempty"` // of the session as it is from now on
	Credentials *authclient.Credentials `json:"credentials,omitempty"`
}

// Rows are where the browser's login is posted.
func (v *Room) Rows() []web.Row {
	return []web.Row{{Path: entry.PathSession, Post: v.postSession, JSON: true, OnWay: true}}
}

// postSession takes a login over. web has seen that the request is from a page of this origin; the
// token says that it is a page of ours, and which.
func (v *Room) postSession(r *web.Request) (web.Reply, error) {
	if !r.Session.CSRFValid(r.Header("X-CSRF-Token")) {
		r.Trace.Because(refusal.ReasonCSRF)
		out := handOffAnswer{Error: "csrf"}
		// Only a page of this origin may have the session's token; "none" is no page's asking.
		if r.FromPage() {
			out.CSRF = r.Session.CSRFToken()
		}
		return web.JSON(403, out)
	}
	var in handedOver
	if err := r.PostedJSON(&in); err != nil {
		return web.JSON(400, handOffAnswer{Error: "invalid_request"})
	}
	if identifier.IsDeviceID(in.DeviceID) {
		r = r.OnDevice(in.DeviceID)
	}
	if in.AccessToken == "" {
		r.Session.DropAccess()
		return web.JSON(200, handOffAnswer{})
	}
	return v.handOver(r, in)
}

func (v *Room) handOver(r *web.Request, in handedOver) (web.Reply, error) {
	had, here := r.Session.Access()
	known := here && had.AccessToken == in.AccessToken && in.RefreshToken == ""
	var out handOffAnswer
	counts := v.Reserve()
	if !known {
		if err := counts.Take(r.Context(), limits.RuleHandOff, "", time.Second, r.Caller.Network.Key); err != nil {
			return limited(out, err)
		}
	}
	if in.RefreshToken != "" {
		creds, err := r.Auth().RefreshToken(r.Context(), in.RefreshToken, r.Options()...)
		if err != nil {
			return notHandedOver(r, out, err)
		}
		out.Credentials, in.AccessToken = creds, creds.AccessToken
		// Nothing else lives any more: whatever goes wrong from here on, the browser must have it.
		r.Trace.JSON = handOffAnswer{Error: web.Unavailable, Credentials: creds}
	}
	claims, ok := ReadClaims(in.AccessToken)
	if !ok || !claims.Meant(&r.LoginRequest) {
		out.Error = "other_client"
		r.Trace.Because(refusal.ReasonNoLogin)
		r.Session.DropAccess()
		return web.JSON(400, out)
	}
	me, err := r.Auth().AsUser(in.AccessToken).GetUserInfo(r.Context(), r.Options()...)
	if err != nil {
		return notHandedOver(r, out, err)
	}
	if out.Sub = me.Sub; known && had.Sub == me.Sub {
		// Another tab was faster: a new id would only cost it what it has just got.
		out.CSRF = r.Session.CSRFToken()
		return web.JSON(200, out)
	}
	if err := counts.Take(r.Context(), limits.RuleHandOffPerson, "", time.Second, limit.Key(r.Env.ID, me.Sub)); err != nil {
		return limited(out, err)
	}
	// The step-up of the login before is not this one's.
	access := session.Access{
		AccessToken: in.AccessToken, Sub: me.Sub, ExpiresAt: claims.ExpiresAt, DeviceID: r.Device, Anonymous: claims.Anonymous(),
	}
	if here && had.Sub == me.Sub { // its tokens were refreshed
		access.Login, access.AuthAt = cmp.Or(had.Login, LoginName(had.AccessToken)), had.AuthAt
	}
	if err := r.Session.BeginLogin(r.Context(), access); err != nil {
		return web.Reply{}, err
	}
	r.Trace.Note(audit.Event{Name: audit.HandOff, Outcome: audit.OK, Sub: me.Sub})
	out.CSRF = r.Session.CSRFToken()
	return web.JSON(200, out)
}

// limited answers that there were too many; the page's own link leads on.
func limited(out handOffAnswer, err error) (web.Reply, error) {
	out.Sub, out.Error = "", "limited"
	reply, _ := web.JSON(429, out)
	if limited := (*refusal.Limited)(nil); errors.As(err, &limited) {
		reply.RetryAfter = limited.Wait
	}
	return reply, nil
}

// notHandedOver answers a refusal of TCB's. One that says that the login is over ends ours as well:
// the browser's storage names somebody whom we cannot show.
func notHandedOver(r *web.Request, out handOffAnswer, err error) (web.Reply, error) {
	r.Trace.Refused(err)
	switch {
	case errors.Is(err, authclient.ErrInvalidGrant):
		out.Error = "invalid_grant"
	case errors.Is(err, authclient.ErrUnauthenticated):
		out.Error = "unauthenticated"
	default:
		r.Trace.Err = err
		out.Error = web.Unavailable
		reply, _ := web.JSON(503, out)
		if api := (*authclient.Error)(nil); errors.As(err, &api) {
			reply.RetryAfter = api.RetryAfter
		}
		return reply, nil
	}
	r.Session.DropAccess()
	return web.JSON(401, out)
}

// LoginName names a login by its token. The last part, the signature, has bits that mean nothing, so
// that one token can be written in several ways.
func LoginName(token string) string {
	if end := strings.LastIndexByte(token, '.'); end > 0 {
		token = token[:end]
	}
	return web.HashOf(token)
}
