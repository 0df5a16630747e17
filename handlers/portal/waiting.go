package portal

import (
	"errors"
	"slices"
	"strings"
	"time"

	"tcb-login/handlers/refusal"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/views"
)

// A form of somebody's, for which they have to prove first who they are: a login has run out, or a
// step-up. Their browser keeps what they typed in a sealed cookie, and the page that they come back to
// shows it. Nothing is done with it before they press its button again.

const (
	waitingPurpose = "waiting form"
	waitingLife    = 15 * time.Minute
)

type waitingForm struct {
	Path     string      `json:"p"`
	Flow     string      `json:"f,omitempty"` // its step
	Form     string      `json:"n"`
	Password bool        `json:"s,omitempty"` // one was typed, which does not wait
	Fields   [][2]string `json:"t"`
	Until    int64       `json:"u"` // Unix seconds
}

// waitingState is that of a client's cookie: there is one form that waits, the last.
func waitingState(r *web.Request) string { return limit.Key(r.Env.ID, r.Client.ID, waitingPurpose) }

// keep has the form of a POST wait, whose sender has to prove first who they are. A form that does not say
// whose it is, or has nothing typed into it, does not wait. One that waits already is sealed anew for what is
// left of its time: there may be more to prove than one thing, and each gives the session another id.
func (po *Room) keep(r *web.Request) {
	var w waitingForm
	switch {
	case r.Posted() && po.nameAt(r.Path) != "": // the step-up's own leads nowhere by name
		fields, password := r.Form.Typed()
		w = waitingForm{Path: r.Path, Flow: r.Flow, Form: r.Form.Name, Password: password != "", Fields: fields, Until: po.Now().Add(waitingLife).Unix()}
		typed := w.Password || w.Flow != "" || slices.ContainsFunc(w.Fields, isTyped)
		if r.Form.Stale || r.Form.Value("sub") == "" || !typed || po.Named(po.nameAt(r.Path)).Typed != nil {
			return
		}
	case !r.Session.FlowValue(waitingPurpose, waitingState(r), &w):
		return
	}
	left := time.Unix(w.Until, 0).Sub(po.Now())
	if waiting, err := r.Session.SealFlow(waitingPurpose, waitingState(r), w, left); err == nil { // else it is too long
		r.Session.SendFlow(waiting)
	}
}

// isTyped reports that a field holds what somebody typed, and is none that each form has.
func isTyped(field [2]string) bool {
	name, value := field[0], field[1]
	return value != "" && !slices.Contains([]string{"sub", "device_id", "lang", "texts", "pressed"}, name) && !strings.HasPrefix(name, web.WasField(""))
}

// show is a page, or the form of it that waits for who has just proven who they are.
func (po *Room) show(r *web.Request, login *visitor.Login, p Page) (web.Reply, error) {
	var w waitingForm
	if r.Posted() || !r.Session.FlowValue(waitingPurpose, waitingState(r), &w) || w.Path != r.Path {
		return p.Get(r, login)
	}
	l := r.LoginRequest
	l.Flow = w.Flow
	back := r.As(l).Filled(w.Form, w.Fields)
	if back.Form.Value("sub") != login.Me.Sub || p.Forms[w.Form] == nil {
		return p.Get(r, login)
	}
	page, err := p.Forms[w.Form](back, login)
	switch {
	case errors.Is(err, refusal.ErrNoForm):
		return p.Get(r, login)
	case err != nil:
		return web.Reply{}, err
	}
	r.Session.ForgetFlow(waitingState(r))
	b := page.Frame()
	b.Canonical = b.Form.Action
	switch {
	case !b.Alert.Message.IsZero(): // its step is over
	case w.Password:
		b.Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("error.stale_password")}
	default:
		b.Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("error.stale")}
	}
	return web.OK(page)
}
