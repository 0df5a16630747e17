// Package visitor is about this browser's login on our pages: whose it is, how it begins and how it
// ends, and that no page of somebody shows while the browser is somebody else's.
package visitor

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"tcb-login/authclient"
	"tcb-login/handlers/web"
	"tcb-login/identifier"
	"tcb-login/session"
	"tcb-login/useragent"
	"tcb-login/views"
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
// more ends here too. It is one call, to which the client gives its time.
func (v *Room) Load(r *web.Request) (*Login, error) {
	access, ok := r.Session.Access()
	if !ok {
		return nil, nil
	}
	on := Asking(r, access)
	me, err := r.Auth().AsUser(access.AccessToken).GetUserInfo(r.Context(), on.Options()...)
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

// Person is how pages show somebody: by a name, and by what tells two accounts of one name apart.
// Numbers and addresses are masked, as somebody may look over their shoulder.
func (v *Room) Person(me *authclient.UserInfo) views.Person {
	p := personOf(me)
	p.Picture = v.PersonOf(p.Name, me.Picture).Picture
	return p
}

func personOf(me *authclient.UserInfo) views.Person {
	name := cmp.Or(me.Name, me.Username)
	var details []string
	if me.PhoneNumber != "" {
		details = append(details, strings.ReplaceAll(identifier.MaskPhone(me.PhoneNumber), " ", "\u00a0")) // one line
	}
	if me.Email != "" {
		details = append(details, identifier.MaskEmail(me.Email))
	}
	switch last := len(details) - 1; {
	case name == "" && last >= 0:
		name, details = details[last], details[:last:last]
	case name == "":
		name = me.Sub
	case last < 0 && me.Username != "" && me.Username != name:
		details = []string{me.Username}
	}
	return views.Person{Name: name, Initial: views.LetterOf(name), Details: details}
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

// Device is what people call a browser and its system, with WeChat's name in their language.
func Device(r *web.Request, agent useragent.Agent) string {
	if agent.Browser == useragent.WeChat {
		agent.Browser = r.Loc.T("provider.wechat")
	}
	return cmp.Or(agent.String(), r.Loc.T("account.sessions.unknown"))
}

// When is a moment in UTC, which it says: script knows the browser's time zone.
func When(r *web.Request, instant string) views.Moment {
	t, err := time.Parse(time.RFC3339, instant)
	if err != nil {
		return views.Moment{Text: instant}
	}
	t = t.UTC()
	return views.Moment{ISO: t.Format(time.RFC3339), Text: r.Loc.DateTime(t) + " UTC"}
}
