package account

import (
	"context"
	"errors"
	"slices"
	"strings"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/session"
	"tcb-login/views"
)

// Where somebody signed in lately. TCB has no list of sessions: its security history has a row for
// every sign-in, with the device, and a device's logins can be ended.

const (
	historyRows  = 20
	historyPages = 5 // of sign-ins, that are looked through for devices
	deviceTokens = "device"
)

func (a *Room) sessionsRow(r *web.Request, _ *visitor.Login) (views.Row, bool) {
	return a.hint(r, "sessions", "account.sessions.title", "account.row.sessions", "account-sessions", "account.view"), true
}

// device is the newest sign-in on one device.
type device struct{ authclient.SecurityEvent }

// this reports that it is the device that the login at hand was made with.
func (d device) this(login *visitor.Login) bool {
	return d.DeviceID != "" && d.DeviceID == login.Access.DeviceID
}

// devices reads the history of sign-ins, each device once, the newest first.
func (a *Room) devices(r *web.Request, login *visitor.Login) ([]device, error) {
	var found []device
	seen := map[string]bool{}
	token := ""
	for range historyPages {
		page, err := a.history(r, login, authclient.SecurityHistoryRequest{Kind: authclient.HistorySignIns, PageToken: token, Limit: 100})
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			key := row.DeviceID
			if key == "" {
				key = "? " + row.UserAgent
			}
			if !seen[key] {
				seen[key] = true
				found = append(found, device{row})
			}
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	return found, nil
}

func (a *Room) history(r *web.Request, login *visitor.Login, in authclient.SecurityHistoryRequest) (*authclient.SecurityHistory, error) {
	ctx, cancel := r.Within(a.Timeout)
	defer cancel()
	return user(r, login).GetSecurityHistory(ctx, in, r.Options()...)
}

func (a *Room) sessionsPage(r *web.Request, login *visitor.Login) (*views.SessionsPage, []device, error) {
	all, err := a.devices(r, login)
	if err != nil {
		return nil, nil, err
	}
	p := &views.SessionsPage{
		Base:      a.form(r, login, "account-sessions", i18n.Msg("account.sessions.title"), "/account/sessions", ""),
		Addresses: r.Env.TCBSeesClientAddress,
		History:   a.link(r, "account-history", "account.sessions.history"),
	}
	for _, d := range all {
		shown := views.Device{Name: agentName(r, d.UserAgent), Address: d.IP, When: when(r, login, d.CreatedAt), This: d.this(login)}
		if d.DeviceID != "" && !shown.This {
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
		return a.over(r, err)
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
		return a.over(r, err)
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
			return a.refuse(r, login, page, err, nil)
		}
		return a.finished(r, login, "/account/sessions", "account.done.ended")
	case button == "others":
		for _, d := range all {
			if d.DeviceID == "" || d.this(login) {
				continue
			}
			if err := a.endDevice(r, login, d.DeviceID); err != nil {
				return a.refuse(r, login, page, err, nil)
			}
		}
		return a.finished(r, login, "/account/sessions", "account.done.others")
	case button == "everywhere":
		err := a.asPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
			return user.RevokeAllDevices(ctx, opts...)
		})
		if err != nil {
			return a.refuse(r, login, page, err, nil)
		}
		r.Trace.Note(audit.Event{Name: audit.SessionEnded, Outcome: audit.OK, What: audit.Everywhere, Sub: login.Me.Sub})
		return a.visitor.SignedOut(r, i18n.Msg("account.sessions.everywhere_done"), true, visitor.WithState(r.RedirectURI, r.State))
	}
	page.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.refused")}
	return web.Invalid(page)
}

// endDevice ends the logins of a device. That it has none any more is fine.
func (a *Room) endDevice(r *web.Request, login *visitor.Login, id string) error {
	err := a.asPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
		return user.RevokeDevice(ctx, id, opts...)
	})
	if errors.Is(err, authclient.ErrNotFound) {
		return nil
	}
	if err == nil {
		r.Trace.Note(audit.Event{Name: audit.SessionEnded, Outcome: audit.OK, What: audit.ByDevice, Sub: login.Me.Sub})
	}
	return err
}

// agents are the browsers and systems that people know, the more special first.
var (
	agents = []struct{ mark, name string }{
		{"MicroMessenger/", "WeChat"}, {"wxwork/", "WeCom"}, {"DingTalk/", "DingTalk"}, {"QQ/", "QQ"}, {"HuaweiBrowser/", "Huawei Browser"},
		{"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"Edg/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"MiuiBrowser/", "MIUI Browser"},
		{"UCBrowser/", "UC Browser"}, {"CriOS/", "Chrome"}, {"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = []struct{ mark, name string }{
		{"OpenHarmony", "HarmonyOS"}, {"HarmonyOS", "HarmonyOS"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"},
		{"Windows", "Windows"}, {"Macintosh", "Mac"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// agentName is a User-Agent as people would say it.
func agentName(r *web.Request, agent string) string {
	var parts []string
	for _, list := range [][]struct{ mark, name string }{agents, systems} {
		i := slices.IndexFunc(list, func(a struct{ mark, name string }) bool { return strings.Contains(agent, a.mark) })
		if i >= 0 {
			parts = append(parts, list[i].name)
		}
	}
	if len(parts) == 0 {
		return r.Loc.T("account.sessions.unknown")
	}
	return strings.Join(parts, " · ")
}

func (a *Room) sessionsSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	return sample.Form("account-sessions", "/account/sessions", func() (views.Page, error) { return a.rebuildSessions(r, login) })
}
