package handlers

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/i18n"
	"tcb-login/session"
	"tcb-login/views"
)

// Where somebody signed in lately, and what changed about how. TCB has no list
// of sessions: its security history has a row for every sign-in, with the
// device, and a device's logins can be ended.

const (
	historyRows  = 20
	historyPages = 5 // of sign-ins, that are looked through for devices
	deviceTokens = "device"
)

// device is the newest sign-in on one device.
type device struct{ authclient.SecurityEvent }

// devices reads the history of sign-ins, each device once, the newest first.
func (h *Handler) devices(c *fiber.Ctx) ([]device, error) {
	var found []device
	seen := map[string]bool{}
	token := ""
	for range historyPages {
		page, err := h.history(c, authclient.HistorySignIns, token, 100)
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

func (h *Handler) history(c *fiber.Ctx, kind authclient.HistoryKind, token string, limit int) (*authclient.SecurityHistory, error) {
	r := requestOf(c)
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	return r.user().GetSecurityHistory(ctx, authclient.SecurityHistoryRequest{Kind: kind, Limit: limit, PageToken: token}, h.options(c)...)
}

func (h *Handler) sessionsPage(c *fiber.Ctx) (*views.SessionsPage, []device, form, error) {
	r := requestOf(c)
	all, err := h.devices(c)
	if err != nil {
		return nil, nil, form{}, err
	}
	p := &views.SessionsPage{
		Base:      *h.portalForm(r, "account-sessions", i18n.Msg("account.sessions.title"), "/account/sessions"),
		Addresses: r.env.TCBSeesClientAddress,
		History:   views.Link{To: "account-history", URL: r.to("/account/history"), Label: i18n.Msg("account.sessions.history")},
	}
	for _, d := range all {
		shown := views.Device{Name: h.agentName(r, d.UserAgent), Address: d.IP, When: h.when(r, d.CreatedAt), This: d.this(r)}
		if d.DeviceID != "" && !shown.This {
			p.Others = true
			// Sealed: a device_id is a secret, for anonymous sign-in needs nothing else.
			if shown.Token, err = r.session.Seal(r.scope(), deviceTokens, d.DeviceID, session.MaxAge); err != nil {
				return nil, nil, form{}, err
			}
		}
		p.Devices = append(p.Devices, shown)
	}
	return p, all, form{base: &p.Base, view: func() templ.Component { return views.Sessions(*p) }}, nil
}

// this reports that it is the device that the login at hand was made with.
func (d device) this(r *request) bool { return d.DeviceID != "" && d.DeviceID == r.access.DeviceID }

func (h *Handler) getSessions(c *fiber.Ctx) error {
	_, _, f, err := h.sessionsPage(c)
	if err != nil {
		return h.portalError(c, err)
	}
	return h.show(c, fiber.StatusOK, f)
}

func (h *Handler) postSessions(c *fiber.Ctx) error {
	r := requestOf(c)
	h.readForm(c, r, "account-sessions")
	page, all, f, err := h.sessionsPage(c)
	if err != nil {
		return h.portalError(c, err)
	}
	action := field(c, "action")
	if action == "" {
		action = r.captcha.Action
	}
	sealed, one := strings.CutPrefix(action, "end:")
	switch {
	case one:
		var id string
		if !r.session.Open(r.scope(), deviceTokens, sealed, &id) {
			page.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.stale")}
			return h.show(c, fiber.StatusUnprocessableEntity, f)
		}
		if err := h.endDevice(c, id); err != nil {
			return h.refusePortal(c, f, err, nil)
		}
		return h.finished(c, "/account/sessions", "ended")
	case action == "others":
		for _, d := range all {
			if d.DeviceID == "" || d.this(r) {
				continue
			}
			if err := h.endDevice(c, d.DeviceID); err != nil {
				return h.refusePortal(c, f, err, nil)
			}
		}
		return h.finished(c, "/account/sessions", "others")
	case action == "everywhere":
		err := h.asPerson(c, func(ctx context.Context, login *authclient.User, opts ...authclient.CallOption) error {
			return login.RevokeAllDevices(ctx, opts...)
		})
		if err != nil {
			return h.refusePortal(c, f, err, nil)
		}
		return h.signedOutHere(c, i18n.Msg("account.sessions.everywhere_done"), true, withState(r.RedirectURI, r.State))
	}
	page.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.refused")}
	return h.show(c, fiber.StatusUnprocessableEntity, f)
}

// endDevice ends the logins of a device. That it has none any more is fine.
func (h *Handler) endDevice(c *fiber.Ctx, id string) error {
	err := h.asPerson(c, func(ctx context.Context, login *authclient.User, opts ...authclient.CallOption) error {
		return login.RevokeDevice(ctx, id, opts...)
	})
	if errors.Is(err, authclient.ErrNotFound) {
		return nil
	}
	return err
}

// eventKeys are TCB's actions in words. Its documents name USER_LOGIN alone, so
// one that is not here is a change of some kind.
var eventKeys = map[string]string{
	"USER_UPDATE_PASSWORD":     "account.event.password",
	"USER_RESET_PASSWORD":      "account.event.reset",
	"USER_UPDATE_PHONE_NUMBER": "account.event.phone",
	"USER_UPDATE_EMAIL":        "account.event.email",
	"USER_UPDATE_USERNAME":     "account.event.username",
	"USER_BIND_PROVIDER":       "account.event.linked",
	"USER_UNBIND_PROVIDER":     "account.event.unlinked",
}

func (h *Handler) event(r *request, row authclient.SecurityEvent) views.Event {
	e := views.Event{
		What: i18n.Msg("account.event.other"), Device: h.agentName(r, row.UserAgent), Address: row.IP, When: h.when(r, row.CreatedAt),
	}
	if key := eventKeys[row.Action]; key != "" {
		e.What.Key = key
	}
	if e.What.Key == "account.event.linked" || e.What.Key == "account.event.unlinked" {
		id, _ := strings.CutPrefix(row.Meta.From, "provider:")
		e.What.Args = i18n.Args{"provider": h.providerName(r, id, "")}
	}
	return e
}

func (h *Handler) getHistory(c *fiber.Ctx) error {
	f, err := h.historyPage(c)
	if r := requestOf(c); errors.Is(err, authclient.ErrInvalidArgument) && r.page != "" { // no page_token of TCB's
		return h.seeOther(c, r.to("/account/history"))
	}
	if err != nil {
		return h.portalError(c, err)
	}
	return h.show(c, fiber.StatusOK, f)
}

func (h *Handler) historyPage(c *fiber.Ctx) (form, error) {
	r := requestOf(c)
	rows, err := h.history(c, authclient.HistoryChanges, cut(r.page, 512), historyRows)
	if err != nil {
		return form{}, err
	}
	p := &views.HistoryPage{Base: *h.portalBase(r, "account-history", i18n.Msg("account.history.title")), Addresses: r.env.TCBSeesClientAddress}
	for _, row := range rows.Rows {
		p.Events = append(p.Events, h.event(r, row))
	}
	if r.page != "" {
		p.First = views.Link{To: "first", URL: r.to("/account/history"), Label: i18n.Msg("account.history.first")}
	}
	if rows.NextPageToken != "" {
		p.More = views.Link{To: "more", URL: r.to("/account/history", "page_token="+url.QueryEscape(rows.NextPageToken)), Label: i18n.Msg("account.history.more")}
	}
	return form{base: &p.Base, view: func() templ.Component { return views.History(*p) }}, nil
}

// portalError is what a page of the portal makes of a failed look at TCB: a
// login that has just ended is looked for again.
func (h *Handler) portalError(c *fiber.Ctx, err error) error {
	r := requestOf(c)
	if errors.Is(err, authclient.ErrUnauthenticated) {
		traceOf(c).code = codeOf(err)
		addCookies(c, r.session.ClearAccess(r.scope()))
		return h.show(c, fiber.StatusOK, h.takeOver(r))
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
func (h *Handler) agentName(r *request, agent string) string {
	var parts []string
	for _, list := range [][]struct{ mark, name string }{agents, systems} {
		i := slices.IndexFunc(list, func(a struct{ mark, name string }) bool { return strings.Contains(agent, a.mark) })
		if i >= 0 {
			parts = append(parts, list[i].name)
		}
	}
	if len(parts) == 0 {
		return r.loc.T("account.sessions.unknown")
	}
	return strings.Join(parts, " · ")
}
