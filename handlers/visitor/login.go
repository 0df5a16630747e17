// Package visitor is about this browser's login on our pages: whose it is, how it begins and how it
// ends, and that no page of somebody shows while the browser is somebody else's.
package visitor

import (
	"errors"
	"time"

	"tcb-login/authclient"
	"tcb-login/handlers/web"
	"tcb-login/session"
)

// A Login is somebody who is signed in on our pages.
type Login struct {
	Access session.Access
	Me     *authclient.UserInfo
}

// Room holds what the functions of this package share.
type Room struct {
	*web.Site
	// Follow begins before a completed sign-in gives the session its new id, and what it returns
	// runs after: it gives another address to lead to, or an empty one.
	Follow func(*web.Request, *authclient.Credentials) func() (string, error)
	// Authorize is the address of the page that gives an app on another origin its code, for
	// somebody who has just signed in there.
	Authorize func(r *web.Request, sub string) (string, error)
}

// Load asks TCB whose login the browser has; nil where it has none. One that TCB does not know any
// more ends here too.
func (v *Room) Load(r *web.Request) (*Login, error) {
	access, ok := r.Session.Access()
	if !ok {
		return nil, nil
	}
	on := Asking(r, access)
	ctx, cancel := r.Within(v.Timeout)
	defer cancel()
	me, err := r.Auth().AsUser(access.AccessToken).GetUserInfo(ctx, on.Options()...)
	switch {
	case errors.Is(err, authclient.ErrUnauthenticated):
		r.Trace.Refused(err)
		r.Session.DropAccess()
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &Login{Access: access, Me: me}, nil
}

// Asking is the request of somebody whose login was made on a device that we know of.
func Asking(r *web.Request, access session.Access) *web.Request {
	if r.Form.Device() != "" {
		return r
	}
	if access.DeviceID == "" {
		return r
	}
	return r.OnDevice(access.DeviceID)
}

// HasSudo reports that who is there has proven it lately.
func (l *Login) HasSudo(now time.Time) bool { return now.Unix() < l.Access.SudoUntil }

// provedFor is how long somebody who has signed in or stepped up on our pages needs not do so again
// for what another device gets of it.
const provedFor = 15 * time.Minute

// ProvedLately reports that who is there has signed in or stepped up on our own pages, lately. A
// login that was handed over says nothing of when it began.
func (l *Login) ProvedLately(now time.Time) bool {
	return l.Access.AuthAt != 0 && now.Sub(time.Unix(l.Access.AuthAt, 0)) < provedFor
}

// NameOf is what to call somebody by.
func NameOf(me *authclient.UserInfo) string {
	for _, name := range []string{me.Name, me.Username, me.Email, me.PhoneNumber} {
		if name != "" {
			return name
		}
	}
	return me.Sub
}

// KnownAs is what somebody signs in with, for password managers.
func KnownAs(me *authclient.UserInfo) string {
	for _, name := range []string{me.Username, me.PhoneNumber, me.Email} {
		if name != "" {
			return name
		}
	}
	return NameOf(me)
}

// accessOf is a login that was just made, for our own pages.
func (v *Room) accessOf(creds *authclient.Credentials, device string) session.Access {
	return session.Access{
		AccessToken: creds.AccessToken, Sub: creds.Sub, DeviceID: device, Anonymous: creds.Scope == "anonymous",
		ExpiresAt: v.Now().Add(time.Duration(creds.ExpiresIn) * time.Second).Unix(),
	}
}
