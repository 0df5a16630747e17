package visitor

import (
	"encoding/json"
	"time"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/session"
	"tcb-login/views"
)

// profileWait is how long a sign-in waits for the profile that it can do without.
const profileWait = 3 * time.Second

// Complete answers the POST that signed somebody in: a new session id, and the page that hands the
// login to the browser and leads to an address. It is the only answer that ever holds credentials.
// For an app on another origin there is none: see completeForApp.
func (v *Room) Complete(r *web.Request, creds *authclient.Credentials, to string) (web.Reply, error) {
	access := v.accessOf(creds, r.Device)
	access.AuthAt = v.Now().Unix()
	return v.complete(r, creds, access, to)
}

// CompleteElsewhere is Complete for a sign-in that somebody has confirmed on another device. It does
// not prove who sits before this one: what wants such a proof asks for a step-up.
func (v *Room) CompleteElsewhere(r *web.Request, creds *authclient.Credentials, to string) (web.Reply, error) {
	return v.complete(r, creds, v.accessOf(creds, r.Device), to)
}

func (v *Room) complete(r *web.Request, creds *authclient.Credentials, access session.Access, to string) (web.Reply, error) {
	if !r.OwnTarget() {
		return v.completeForApp(r, access)
	}
	follow := v.Follow(r, creds)
	if err := begin(r, access); err != nil {
		return web.Reply{}, err
	}
	if instead, err := follow(); err != nil {
		return web.Reply{}, err
	} else if instead != "" {
		to = instead
	}
	page := v.completePage(r, views.Completion{
		EnvID:       r.Env.ID,
		ClientID:    r.Client.ID,
		Credentials: creds,
		UserInfo:    profile(r, creds),
		RedirectURI: to,
	})
	return web.Reply{Status: 200, Page: page, NoReferrer: true}, nil
}

// begin makes it the browser's login. What was agreed to or reset before is of who has signed in now,
// and of nobody who does so later, wherever the login leads.
func begin(r *web.Request, access session.Access) error {
	if err := r.Session.BeginLogin(r.Context(), access); err != nil {
		return err
	}
	r.Trace.Person, r.Trace.Agreed = access.Sub, r.Session.Notes().SignIn(access.Sub, r.LoginPage)
	return nil
}

// AppLoginLife is how long a login counts for apps on other origins, from when somebody signed in or
// stepped up on our own pages. It is our cookie alone: such an app never writes localStorage here, so
// there is nothing that would say sooner that they have left.
const AppLoginLife = 15 * time.Minute

// completeForApp is Complete for an app on another origin: the browser keeps our cookie, and nothing
// of the credentials. The refresh token is nobody's.
func (v *Room) completeForApp(r *web.Request, access session.Access) (web.Reply, error) {
	access.ExpiresAt = min(access.ExpiresAt, v.Now().Unix()+int64(AppLoginLife.Seconds()))
	if err := begin(r, access); err != nil {
		return web.Reply{}, err
	}
	to, err := v.Authorize(r, access.Sub)
	if err != nil {
		return web.Reply{}, err
	}
	return web.SeeOther(to)
}

func (v *Room) completePage(r *web.Request, data views.Completion) *views.CompletePage {
	data.Back = r.To(r.SignInPath(), entry.Link(""))
	page := &views.CompletePage{Base: v.Page(&r.LoginRequest, "complete", i18n.Msg("complete.title")), Data: data}
	if r.NextPath != "" {
		page.GoOn = r.Into(r.NextPath)
	}
	page.Mark = "ok"
	page.Languages = nil // a way out of this page would leave the login behind
	return page
}

// profile asks who signed in. Nothing comes of it when TCB does not say: the SDK asks again by
// itself.
func profile(r *web.Request, creds *authclient.Credentials) json.RawMessage {
	ctx, cancel := r.Within(profileWait)
	defer cancel()
	me, err := r.Auth().AsUser(creds.AccessToken).GetUserInfo(ctx, r.Options()...)
	if err != nil {
		r.Trace.Refused(err)
		return nil
	}
	return me.Raw
}

// Anonymous is the access token of somebody who has used the app in this browser without an
// account, or empty: with it a new account is the one they had.
func Anonymous(r *web.Request) string {
	access, ok := r.Session.Access()
	if !ok || !access.Anonymous {
		return ""
	}
	return access.AccessToken
}

// ForgetGone forgets a login without an account that TCB knows no more, before a page offers to keep
// what was done in it.
func ForgetGone(r *web.Request) {
	if Anonymous(r) != "" && AnonymousToken(r) == "" {
		r.Session.DropAccess()
	}
}

// AnonymousToken is Anonymous where TCB still knows the token. One that it does not would only be
// in the way of a new account.
func AnonymousToken(r *web.Request) string {
	token := Anonymous(r)
	if token == "" {
		return ""
	}
	ctx, cancel := r.Within(profileWait)
	defer cancel()
	if _, err := r.Auth().AsUser(token).GetUserInfo(ctx, r.Options()...); isOver(err) {
		return ""
	}
	return token
}
