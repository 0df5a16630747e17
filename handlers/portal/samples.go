package portal

import (
	"strings"

	"tcb-login/handlers/entry"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/session"
	"tcb-login/views"
)

// SampleLogin is the login of the person whom the preview's client of TCB knows.
func (po *Room) SampleLogin(r *web.Request) (*visitor.Login, error) {
	me, err := r.Auth().AsUser("sample").GetUserInfo(r.Context())
	if err != nil {
		return nil, err
	}
	return &visitor.Login{Me: me, Access: session.Access{
		AccessToken: "sample", Sub: me.Sub, DeviceID: strings.Repeat("0", 32), ExpiresAt: po.Now().Unix() + 7200,
	}}, nil
}

// PageSamples are the pages in all their states, and the portal of who has not registered.
func (po *Room) PageSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	var all []sample.Sample
	for _, p := range po.pages {
		if !p.Texts || r.Env.Texts() {
			all = append(all, p.Samples(po.AtPage(r, p), login)...)
		}
	}
	in := po.AtPage(r, po.Named("account"))
	return append(all, sample.Plain("account-anonymous", "/account/anonymous", func() (views.Page, error) { return po.offerRegistration(in, login), nil })...)
}

// AtPage is a sample of a request to a page.
func (po *Room) AtPage(r *web.Request, p Page) *web.Request {
	return r.AsSample(func(l *entry.LoginRequest) { l.Path, l.Portal, l.OnWay = p.Path, true, p.OnWay })
}
