package account

import (
	"tcb-login/handlers/entry"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/web"
	"tcb-login/views"
)

// Samples are the pages of the portal in all their states, for the person whom the preview's client
// of TCB knows.
func (a *Room) Samples(r *web.Request) []sample.Sample {
	login, err := a.SampleLogin(r)
	if err != nil {
		return sample.Plain("account", entry.PathAccount, func() (views.Page, error) { return nil, err })
	}
	all := a.PageSamples(r, login)
	in := a.AtPage(r, a.Named("account"))
	all = append(all, sample.Plain("goodbye", "/goodbye", func() (views.Page, error) { return a.goodbyePage(in), nil })...)
	return append(all, a.continueSamples(r, login)...)
}
