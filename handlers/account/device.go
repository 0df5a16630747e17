package account

import (
	"context"
	"errors"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/rules"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/limit"
	"tcb-login/views"
)

// A device without a browser, or a tool on a command line, shows a code and the address of this
// page (RFC 8628). Whoever says yes here signs that device in as themselves, and the code can be
// anybody's: a link with a stranger's code in it is the whole attack (§5.4). So
//
//   - the page names the person, the client that it lets in, and the code. Nothing of that comes
//     from the address but the code, and TCB is told the client: a code of another one is refused.
//   - a code that came with the address is shown, to be compared, and is never a reason to skip the
//     question.
//   - the person has signed in or stepped up on our own pages within 15 minutes. A login that the
//     app handed over has no such time, so that it steps up.
//   - yes is a POST. No asks TCB for nothing: its API has no call for that, and the code expires.
//   - wrong codes are counted, so that nobody finds out which ones wait.

const (
	formDevice    = "device"
	deviceNo      = "no" // the button
	deviceDone    = "account.done.device"
	deviceRefused = "account.done.device_refused"
)

// withTypedCode keeps a code that was typed in the address: who has to step up first comes back to
// it.
func withTypedCode(r *web.Request) *web.Request {
	code, ok := identifier.ParseUserCode(r.Form.Line("user_code"))
	if !ok {
		return r
	}
	return r.As(r.WithUserCode(code))
}

func (a *Room) devicePage(r *web.Request, login *visitor.Login, code string, compare bool) *views.DevicePage {
	another := r.WithUserCode("")
	p := &views.DevicePage{
		Base:   a.Form(r, login, formDevice, i18n.Msg("device.title"), entry.PathDevice, ""),
		Person: a.visitor.Person(login.Me), AppName: r.LoginPage.Name, Client: r.Client.ID,
		Code: code, Compare: compare,
		Other: portal.LinkTo("device", another.Into(entry.PathDevice), "device.other"),
	}
	return p
}

func (a *Room) getDevice(r *web.Request, login *visitor.Login) (web.Reply, error) {
	code, ok := identifier.ParseUserCode(r.UserCode)
	page := a.devicePage(r, login, code, ok)
	if !ok && r.UserCode != "" {
		page.Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("device.bad_link")}
	}
	return web.OK(page)
}

// typedDevice is the page as it was posted.
func (a *Room) typedDevice(r *web.Request, login *visitor.Login) *views.DevicePage {
	typed := web.Cut(r.Form.Line("user_code"), rules.MaxIdentifier)
	code, ok := identifier.ParseUserCode(typed)
	if !ok {
		return a.devicePage(r, login, typed, false)
	}
	return a.devicePage(r, login, code, r.Form.Value("compared") != "")
}

func (a *Room) rebuildDevice(r *web.Request, login *visitor.Login) (views.Page, error) {
	return a.typedDevice(r, login), nil
}

// deviceForm is what the form brings.
type deviceForm struct {
	UserCode string `form:"user_code" validate:"required,usercode"`
}

// deviceRefusals: TCB's documents name no codes for this call. Those that can be about the code say
// as much as they do at other calls; RFC 8628 has a name for one that is too old.
var deviceRefusals = refusal.Table{
	"invalid_argument":    wrongDevice,
	"not_found":           wrongDevice,
	"invalid_grant":       wrongDevice,
	"expired_token":       {Status: 422, Key: "device.expired", Field: "user_code"},
	"failed_precondition": {Status: 422, Key: "device.used", Field: "user_code"},
	"already_exists":      {Status: 422, Key: "device.used", Field: "user_code"},
	// No word on the step-up, which TCB does not ask for here.
	"permission_denied": refusal.Meaning("access_denied"),
}

var wrongDevice = refusal.Refusal{Status: 422, Key: "device.wrong", Field: "user_code"}

func (a *Room) postDevice(r *web.Request, login *visitor.Login) (web.Reply, error) {
	done := r.As(r.WithUserCode("")) // what follows has no use for the code
	if r.Form.Pressed() == deviceNo {
		return a.Finished(done, login, entry.PathDevice, deviceRefused)
	}
	page := a.typedDevice(r, login)
	if rules.Check(&page.Errors, deviceForm{page.Code}); page.Invalid() {
		return web.Invalid(page)
	}
	tries := a.Reserve()
	key := limit.Key(r.Env.ID, login.Me.Sub, r.Caller.Network.Key)
	if err := tries.Take(r.Context(), limits.RuleDevice, "device.limit", time.Minute, key); err != nil {
		return web.Refuse(page, err, nil)
	}
	err := a.AsPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
		return user.AuthorizeDevice(ctx, authclient.AuthorizeDeviceRequest{UserCode: page.Code, ClientID: r.Client.ID}, opts...)
	})
	if deviceRefusals[refusal.CodeOf(err)].Field != "" {
		page.Compare = false // there is nothing to compare it with: another is to be typed
	}
	// Whatever TCB calls it, a refusal may be of a wrong code: its words for one are not documented.
	if err == nil || web.CaptchaAsked(err) || refusal.IsOutage(err) || errors.Is(err, authclient.ErrUnauthenticated) {
		tries.Refund(r.Context())
	}
	if err != nil {
		return a.Refuse(r, login, page, err, deviceRefusals)
	}
	r.Trace.Note(audit.Event{Name: audit.Authorized, Outcome: audit.OK, What: audit.DeviceLogin, Sub: login.Me.Sub})
	return a.Finished(done, login, entry.PathDevice, deviceDone)
}

// deviceEnd is the page after an answer, whose title that is.
func (a *Room) deviceEnd(r *web.Request, login *visitor.Login, title string) views.Page {
	p := &views.NoticePage{Base: a.Plain(r, login, "device-refused", i18n.Msg(title)), Lead: i18n.Msg("device.refused.lead")}
	if title == deviceDone {
		p.Page, p.Mark, p.Lead = "device-done", "ok", i18n.Msg("device.done.lead")
		p.Others = []views.Link{a.Link(r, "account-sessions", "account.sessions.title")}
	}
	// The address says it again for as long as it is good, and leads to the page after that.
	web.LinkLanguages(&p.Base, func(other entry.Differ) string { return r.Into(entry.PathDevice, other, entry.Add("done", r.Done)) })
	return p
}

func (a *Room) deviceSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	const code = "WDJB-MJHX"
	all := sample.Form("device", entry.PathDevice,
		func() (views.Page, error) { return a.devicePage(r, login, "", false), nil },
		sample.State{Name: "compare", Change: func(p views.Page) {
			page := p.(*views.DevicePage)
			page.Code, page.Compare = code, true
		}},
		sample.Alert("bad-link", views.AlertInfo, i18n.Msg("device.bad_link")),
		sample.Alert("limited-codes", views.AlertError, i18n.Message{Key: "device.limit", N: 9}),
		sample.FieldErrors("required", "user_code", "error.required.user_code"),
		sample.FieldErrors("form", "user_code", "device.form"),
		sample.FieldErrors("wrong", "user_code", "device.wrong"),
		sample.FieldErrors("expired", "user_code", "device.expired"),
		sample.FieldErrors("used", "user_code", "device.used"),
	)
	for _, end := range []struct{ name, done string }{{"device-done", deviceDone}, {"device-refused", deviceRefused}} {
		all = append(all, sample.Plain(end.name, entry.PathDevice+"/"+end.name, func() (views.Page, error) {
			return a.deviceEnd(r, login, end.done), nil
		})...)
	}
	return all
}
