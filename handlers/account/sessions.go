package account

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/notes"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/session"
	"tcb-login/useragent"
	"tcb-login/views"
)

// Where somebody signed in lately. TCB has no list of sessions: its security history has a row for
// every sign-in, with the device, and a device's logins can be ended.

const (
	historyRows  = 20
	historyPages = 5 // of sign-ins, that are looked through for devices
	deviceTokens = "device"

	devicesAtOnce = 8 // whose logins are ended: each is a call
)

var sessionsLine = hintLine("sessions", "account.sessions.title", "account.row.sessions", "account-sessions")

func (a *Room) sessionsRow(*web.Request, *visitor.Login) (views.Row, bool) {
	return views.Row{Line: sessionsLine}, true
}

// device is the newest sign-in on one device.
type device struct {
	authclient.SecurityEvent
	over bool // a change of the password has ended it, or the person in this browser
}

// this reports that it is the device that the login at hand was made with.
func (d device) this(login *visitor.Login) bool {
	return d.DeviceID != "" && d.DeviceID == login.Access.DeviceID
}

// place is this device's before those of the others, and theirs that are over after them.
func (d device) place(login *visitor.Login) int {
	switch {
	case d.this(login):
		return 0
	case d.over:
		return 2
	}
	return 1
}

// devices reads the history for each device that signed in, in the order in which they are listed. A
// sign-out has no row there.
func (a *Room) devices(r *web.Request, login *visitor.Login) ([]device, error) {
	var found []device
	seen, noted := map[string]bool{}, r.Session.Notes().Of(login.Me.Sub)
	var password []authclient.SecurityEvent // changes of it, which sign out all other devices
	token := ""
	for range historyPages {
		page, err := a.History(r, login, authclient.SecurityHistoryRequest{PageToken: token, Limit: 100})
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			key := cmp.Or(row.DeviceID, "? "+row.UserAgent)
			switch {
			case row.Action == "USER_UPDATE_PASSWORD" || row.Action == "USER_RESET_PASSWORD":
				password = append(password, row)
			case row.Action == "USER_LOGIN" && !seen[key]:
				seen[key] = true
				ended := slices.ContainsFunc(password, func(e authclient.SecurityEvent) bool { return e.DeviceID != row.DeviceID })
				found = append(found, device{row, ended || noted.HasEnded(row.DeviceID, row.CreatedAt)})
			}
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	slices.SortStableFunc(found, func(x, y device) int { return cmp.Compare(x.place(login), y.place(login)) })
	return found, nil
}

func (a *Room) sessionsPage(r *web.Request, login *visitor.Login) (*views.SessionsPage, []device, error) {
	all, err := a.devices(r, login)
	if err != nil {
		return nil, nil, err
	}
	p := &views.SessionsPage{
		Base:      a.Form(r, login, "account-sessions", i18n.Msg("account.sessions.title"), "/account/sessions", ""),
		Addresses: r.Env.TCBSeesClientAddress,
		History:   a.Link(r, "account-history", "account.sessions.history"),
	}
	for _, d := range all {
		agent := useragent.Parse(d.UserAgent)
		shown := views.Device{
			Name: visitor.Device(r, agent), Kind: cmp.Or(agent.Kind, useragent.Desktop), Address: d.IP, When: visitor.When(r, d.CreatedAt), This: d.this(login),
		}
		shown.Over = d.over && !shown.This
		if d.DeviceID != "" && !shown.This && !shown.Over {
			p.Others = true
			// Sealed: a device_id is a secret, for anonymous sign-in needs nothing else.
			if shown.Token, err = r.Session.Seal(deviceTokens, d.DeviceID, session.MaxAge); err != nil {
				return nil, nil, err
			}
		}
		p.Devices = append(p.Devices, shown)
	}
	return p, all, nil
}

func (a *Room) getSessions(r *web.Request, login *visitor.Login) (web.Reply, error) {
	page, _, err := a.sessionsPage(r, login)
	if err != nil {
		return a.Over(r, err)
	}
	return web.OK(page)
}

func (a *Room) rebuildSessions(r *web.Request, login *visitor.Login) (views.Page, error) {
	page, _, err := a.sessionsPage(r, login)
	return page, err
}

func (a *Room) postSessions(r *web.Request, login *visitor.Login) (web.Reply, error) {
	page, all, err := a.sessionsPage(r, login)
	if err != nil {
		return a.Over(r, err)
	}
	button := r.Form.Button()
	sealed, one := strings.CutPrefix(button, "end:")
	switch {
	case one:
		var id string
		if !r.Session.Open(deviceTokens, sealed, &id) {
			page.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.stale")}
			return web.Invalid(page)
		}
		if err := a.endDevice(r, login, id); err != nil {
			return a.Refuse(r, login, page, err, nil)
		}
		return a.Finished(r, login, "/account/sessions", "account.done.ended")
	case button == "others":
		if err := a.endOthers(r, login, page, all); err != nil {
			return a.Refuse(r, login, page, err, nil)
		}
		return a.Finished(r, login, "/account/sessions", "account.done.others")
	case button == "everywhere":
		err := a.AsPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
			return user.RevokeAllDevices(ctx, opts...)
		})
		if a.over(r, login, err) {
			err = nil
		}
		portal.NoteEnd(r, login, audit.Event{Name: audit.SessionEnded, What: audit.Everywhere}, err)
		if err != nil {
			return a.Refuse(r, login, page, err, nil)
		}
		return a.visitor.SignedOut(r, i18n.Msg("account.sessions.everywhere_done"), true, visitor.WithState(r.RedirectURI, r.State))
	}
	page.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.refused")}
	return web.Invalid(page)
}

// endDevice ends the logins of a device.
func (a *Room) endDevice(r *web.Request, login *visitor.Login, id string) error {
	err := a.AsPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
		return revoke(ctx, user, id, opts)
	})
	portal.NoteEnd(r, login, audit.Event{Name: audit.SessionEnded, What: audit.ByDevice}, err)
	if err == nil {
		r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.End(id, a.Now()) })
	}
	return err
}

// revoke ends the logins of a device. That it has none any more is fine.
func revoke(ctx context.Context, user entry.User, id string, opts []authclient.CallOption) error {
	if err := user.RevokeDevice(ctx, id, opts...); err != nil && !errors.Is(err, authclient.ErrNotFound) {
		return err
	}
	return nil
}

// endOthers ends the logins of all devices but the one at hand, several at a time: TCB has no call for
// that. Where one fails the page says which have ended.
func (a *Room) endOthers(r *web.Request, login *visitor.Login, page *views.SessionsPage, all []device) error {
	var others []int
	for i, d := range all {
		if d.DeviceID != "" && !d.over && !d.this(login) {
			others = append(others, i)
		}
	}
	err := a.AsPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
		var calls errgroup.Group
		calls.SetLimit(devicesAtOnce)
		for _, i := range others {
			calls.Go(func() error {
				if all[i].over { // before a captcha was asked for
					return nil
				}
				err := revoke(ctx, user, all[i].DeviceID, opts)
				all[i].over = err == nil
				return err
			})
		}
		return calls.Wait()
	})
	for _, i := range slices.Backward(others) {
		if all[i].over {
			page.Devices[i].Over, page.Devices[i].Token = true, ""
			r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.End(all[i].DeviceID, a.Now()) })
			portal.NoteEnd(r, login, audit.Event{Name: audit.SessionEnded, What: audit.ByDevice}, nil)
		}
	}
	if err == nil {
		r.Session.Notes().Change(login.Me.Sub, func(p *notes.Person) { p.EndOthers(login.Access.DeviceID, a.Now()) })
	} else {
		portal.NoteEnd(r, login, audit.Event{Name: audit.SessionEnded, What: audit.ByDevice}, err)
	}
	return err
}

func (a *Room) sessionsSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	return sample.Form("account-sessions", "/account/sessions", func() (views.Page, error) { return a.rebuildSessions(r, login) })
}
