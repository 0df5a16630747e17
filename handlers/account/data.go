package account

import (
	"encoding/json"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// What is kept about a person, as a file: their profile, their identities, and what happened to the
// account, all as TCB has it, since nothing of it is here. It is behind the step-up, and posted for:
// whoever finds an open portal does not leave with it.

const (
	formData = "account-data"
	pathData = "/account/data"
	maxData  = 20 // pages of the history, of 100 rows
)

var dataLine = hintLine("data", "account.data.title", "account.row.data", formData)

func (a *Room) dataRow(*web.Request, *visitor.Login) (views.Row, bool) {
	return views.Row{Line: dataLine}, true
}

// personalData is the file.
type personalData struct {
	ExportedAt  time.Time       `json:"exported_at"`
	Environment string          `json:"env_id"`
	Profile     json.RawMessage `json:"profile"` // as TCB's API gives it
	Identities  []dataIdentity  `json:"identities"`
	History     []dataEvent     `json:"history"` // the newest first
	HistoryCut  bool            `json:"history_cut,omitempty"`
}

type dataIdentity struct {
	Provider string `json:"provider"`
	Name     string `json:"name,omitempty"`
}

// dataEvent is an event without its device_id, which is a secret: anonymous sign-in needs nothing
// else.
type dataEvent struct {
	Action    string `json:"action"`
	At        string `json:"at"`
	UserAgent string `json:"user_agent,omitempty"`
	IP        string `json:"ip,omitempty"` // where TCB knows the person's, and not ours
	ClientID  string `json:"client_id,omitempty"`
	Means     string `json:"means,omitempty"`
}

func (a *Room) dataPage(r *web.Request, login *visitor.Login) *views.DataPage {
	return &views.DataPage{Base: a.Form(r, login, formData, i18n.Msg("account.data.title"), pathData, "")}
}

func (a *Room) getData(r *web.Request, login *visitor.Login) (web.Reply, error) {
	return web.OK(a.dataPage(r, login))
}

func (a *Room) rebuildData(r *web.Request, login *visitor.Login) (views.Page, error) {
	return a.dataPage(r, login), nil
}

func (a *Room) postData(r *web.Request, login *visitor.Login) (web.Reply, error) {
	data, err := a.personalData(r, login)
	if err != nil {
		return a.Refuse(r, login, a.dataPage(r, login), err, nil)
	}
	body, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return web.Reply{}, err
	}
	r.Trace.Note(audit.Event{Name: audit.DataExported, Outcome: audit.OK, Sub: login.Me.Sub})
	return web.Reply{Status: 200, File: &web.File{Name: "account-" + a.Now().UTC().Format(time.DateOnly) + ".json", Type: "application/json", Data: body}}, nil
}

func (a *Room) personalData(r *web.Request, login *visitor.Login) (*personalData, error) {
	data := &personalData{
		ExportedAt: a.Now().UTC().Truncate(time.Second), Environment: r.Env.ID, Profile: login.Me.Raw,
		Identities: []dataIdentity{}, History: []dataEvent{},
	}
	ctx, cancel := r.Within(a.Timeout)
	defer cancel()
	bound, err := portal.User(r, login).GetProviders(ctx, r.Options()...)
	if err != nil {
		return nil, err
	}
	for _, b := range bound {
		if b.Bind {
			data.Identities = append(data.Identities, dataIdentity{b.ID, b.ProviderUserName})
		}
	}
	token := ""
	for range maxData {
		page, err := a.History(r, login, authclient.SecurityHistoryRequest{PageToken: token, Limit: 100})
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			e := dataEvent{Action: row.Action, At: row.CreatedAt, UserAgent: row.UserAgent, ClientID: row.ClientID, Means: row.Meta.From}
			if r.Env.TCBSeesClientAddress {
				e.IP = row.IP
			}
			data.History = append(data.History, e)
		}
		if token = page.NextPageToken; token == "" {
			return data, nil
		}
	}
	data.HistoryCut = true
	return data, nil
}

func (a *Room) dataSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	return sample.Form(formData, pathData, func() (views.Page, error) { return a.dataPage(r, login), nil })
}
