package visitor

import (
	"tcb-login/handlers/entry"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Samples are the pages between here and the app.
func (v *Room) Samples(r *web.Request) (all []web.Sample) {
	all = web.Samples("complete", "/complete", func() (views.Page, error) { return v.completePage(r, views.Completion{}), nil })
	all = append(all, web.Samples("leaving", "/leaving", func() (views.Page, error) {
		reply, err := web.Leave(&views.LeavingPage{
			Base: v.Page(&r.LoginRequest, "leaving", i18n.Msg("sign-out.done")), Lead: i18n.Msg("leaving.lead"),
			Data: views.Departure{To: r.RedirectURI},
		})
		return reply.Page, err
	})...)
	const path = entry.PathAccount + "/take-over"
	handOff := r.AsSample(func(l *entry.LoginRequest) { l.Path, l.Portal, l.OnWay = path, true, false })
	return append(all, web.Samples("take-over", path, func() (views.Page, error) {
		return v.HandOffPage(handOff, handOff.To(entry.PathEntry)), nil
	})...)
}
