package visitor

import (
	"tcb-login/handlers/entry"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Samples are the pages between here and the app.
func (v *Room) Samples(r *web.Request) (all []sample.Sample) {
	all = sample.Plain("complete", "/complete", func() (views.Page, error) { return v.completePage(r, views.Completion{}), nil })
	all = append(all, sample.Plain("interstitial", "/interstitial", func() (views.Page, error) {
		base := v.signedOutBase(r, i18n.Msg("sign-out.done"))
		reply, err := web.Leave(&views.InterstitialPage{Base: base, Lead: i18n.Msg("interstitial.lead"), Data: views.Departure{To: r.RedirectURI}})
		return reply.Page, err
	})...)
	const path = entry.PathAccount + "/hand-off"
	handOff := r.AsSample(func(l *entry.LoginRequest) { l.Path, l.Portal, l.OnWay = entry.PathAccount, true, false })
	return append(all, sample.Plain("hand-off", path, func() (views.Page, error) {
		return v.HandOffPage(handOff, handOff.To(entry.PathEntry)), nil
	})...)
}
