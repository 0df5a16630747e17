package account

import (
	"strings"

	"tcb-login/handlers/entry"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/session"
	"tcb-login/views"
)

// Samples are the pages of the portal in all their states, for the person whom the preview's client
// of TCB knows.
func (a *Room) Samples(r *web.Request) []sample.Sample {
	me, err := r.Auth().AsUser("sample").GetUserInfo(r.Context())
	if err != nil {
		return sample.Plain("account", entry.PathAccount, func() (views.Page, error) { return nil, err })
	}
	login := &visitor.Login{Me: me, Access: session.Access{
		AccessToken: "sample", Sub: me.Sub, DeviceID: strings.Repeat("0", 32), ExpiresAt: a.Now().Unix() + 7200,
	}}
	var all []sample.Sample
	for _, p := range a.pages {
		if !p.texts || r.Env.Texts() {
			all = append(all, p.samples(a.atPage(r, p), login)...)
		}
	}
	in := a.atPage(r, a.named("account"))
	all = append(all, sample.Plain("account-anonymous", "/account/anonymous", func() (views.Page, error) { return a.offerRegistration(in, login), nil })...)
	all = append(all, sample.Plain("goodbye", "/goodbye", func() (views.Page, error) { return a.goodbyePage(in), nil })...)
	return append(all, a.continueSamples(r, login)...)
}

// atPage is a sample of a request to a page.
func (a *Room) atPage(r *web.Request, p page) *web.Request {
	return r.AsSample(func(l *entry.LoginRequest) { l.Path, l.Portal, l.OnWay = p.path, true, p.onWay })
}
