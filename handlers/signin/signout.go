package signin

import (
	"context"
	"errors"
	"net/url"
	"sync"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/config/input"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

const formSignOut = "sign-out"

func (in *Room) signOutPage(r *web.Request) *views.SignOutPage {
	p := &views.SignOutPage{
		Base: in.FormPage(&r.LoginRequest, formSignOut, i18n.Msg("sign-out.title"), entry.PathSignOut, ""),
		Back: r.RedirectURI,
	}
	p.Guard = visitor.Guard(r, views.GuardSignOut, r.To(entry.PathEntry), nil)
	return p
}

func (in *Room) getSignOut(r *web.Request) (web.Reply, error) { return web.OK(in.signOutPage(r)) }

// postSignOut ends the login at TCB, here and in the browser's storage. It does not fail: whoever
// wants out of a shared computer gets out of it, whether TCB answers or not. The SDK's login may be
// another than the access cookie's: script sends it along, or TCB would go on taking its tokens.
func (in *Room) postSignOut(r *web.Request) (web.Reply, error) {
	var calls []endLogin
	access, ok := r.Session.AccessToEnd()
	if ok {
		calls = append(calls, ender(r)(access.AccessToken))
	}
	if login, ok := postedLogin(r.Form); ok && login.AccessToken != access.AccessToken {
		calls = append(calls, endPosted(r, login))
	}
	revoked, to := in.endAll(r, calls)
	if len(calls) > 0 {
		r.Trace.Note(audit.Event{Name: audit.SessionEnded, Outcome: endedAtTCB(revoked), Reason: unless(revoked), What: audit.BySignOut, Sub: access.Sub})
	}
	return in.visitor.SignedOut(r, i18n.Msg("sign-out.done"), revoked, to)
}

// endedAtTCB is how it went: here a login has ended in any case.
func endedAtTCB(revoked bool) audit.Outcome {
	if revoked {
		return audit.OK
	}
	return audit.Failed
}

func unless(revoked bool) string {
	if revoked {
		return ""
	}
	return string(refusal.ReasonTCBAway)
}

// endLogin ends one login at TCB, and gives the URL that TCB names for what follows.
type endLogin func(context.Context) (string, error)

// endAll makes the calls side by side: nobody waits twice for a TCB that does not answer. It
// reports whether logins ended and none is left, and where to go.
func (in *Room) endAll(r *web.Request, calls []endLogin) (revoked bool, to string) {
	ctx, cancel := r.Within(in.Timeout)
	defer cancel()
	uris, errs := make([]string, len(calls)), make([]error, len(calls))
	var group sync.WaitGroup
	for i, call := range calls {
		group.Go(func() { uris[i], errs[i] = call(ctx) })
	}
	group.Wait()
	revoked, to = len(calls) > 0, visitor.WithState(r.RedirectURI, r.State)
	for i, err := range errs {
		var api *authclient.Error
		if errors.As(err, &api) {
			r.Trace.Code, r.Trace.Err = api.Code, err
		}
		revoked = revoked && err == nil
		if providerSignOut(r, uris[i]) {
			to = uris[i]
		}
	}
	return revoked, to
}

// ender ends logins by their access tokens.
func ender(r *web.Request) func(token string) endLogin {
	var in authclient.SignOutRequest
	if r.HasRedirect {
		in = authclient.SignOutRequest{RedirectURI: r.RedirectURI, State: r.State}
	}
	auth, opts := r.Auth(), r.Options()
	return func(token string) endLogin {
		return func(ctx context.Context) (string, error) {
			out, err := auth.AsUser(token).SignOut(ctx, in, opts...)
			return out.RedirectURI, err
		}
	}
}

const maxToken = 4096 // characters that a token of TCB's has at most

// sdkLogin is the SDK's login in the form.
type sdkLogin struct{ AccessToken, RefreshToken string }

// postedLogin is the SDK's login in the form, if it can be one.
func postedLogin(f *web.Form) (sdkLogin, bool) {
	in := sdkLogin{AccessToken: f.Value("access_token"), RefreshToken: f.Value("refresh_token")}
	return in, in.AccessToken != "" && len(in.AccessToken) <= maxToken && len(in.RefreshToken) <= maxToken
}

// errNotMeant: what came with the form is no login of this client's.
var errNotMeant = errors.New("sign-out: no login of this client's")

// endPosted ends a login that the form brought. One that has run out is refreshed first: by its old
// token TCB may end nothing. Another client's is left alone.
func endPosted(r *web.Request, login sdkLogin) endLogin {
	auth, opts, end, request := r.Auth(), r.Options(), ender(r), r.LoginRequest
	meant := func(token string) bool {
		claims, ok := visitor.ReadClaims(token)
		return ok && claims.Meant(&request)
	}
	return func(ctx context.Context) (string, error) {
		token := login.AccessToken
		if !meant(token) {
			return "", errNotMeant
		}
		if login.RefreshToken != "" {
			creds, err := auth.RefreshToken(ctx, login.RefreshToken, opts...)
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

// providerSignOut reports that TCB leads to an identity provider's sign-out, which comes back by
// itself. Its other answer is the redirect_uri, which we have, state and all, byte for byte: TCB writes it
// in its own way, also where it is an app's on another origin.
func providerSignOut(r *web.Request, uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return false
	}
	app, err := url.Parse(r.RedirectURI)
	return input.OriginOf(u) != r.Origin.Text && (err != nil || input.OriginOf(u) != input.OriginOf(app))
}
