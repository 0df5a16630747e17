package stepup

import (
	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/views"
)

// stepUpSamples are the ways in which TCB may want to know who is there.
func (s *Room) stepUpSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	as := func(me authclient.UserInfo) *visitor.Login { return &visitor.Login{Access: login.Access, Me: &me} }
	all := s.codes.Samples(r, s.stepUp(login), portal.NoStates)
	me := *login.Me
	me.PhoneNumber = ""
	alone := me
	alone.Email, alone.HasPassword = "", false
	return append(append(append(all,
		sample.Form(formStepUpPassword, entry.PathVerify+"/password",
			func() (views.Page, error) { return s.stepUpPage(r, as(me)), nil },
			sample.FieldErrors("required", "password", "error.required.password"),
			sample.FieldErrors("wrong", "password", "step-up.wrong"),
		)...),
		sample.Form(formStepUpProvider, entry.PathVerify+"/provider", func() (views.Page, error) { return s.stepUpPage(r, as(alone)), nil })...,
	), sample.Plain("step-up-sign-in", entry.PathVerify+"/sign-in", func() (views.Page, error) { return s.signInFirst(r, login), nil })...)
}
