package signin

import (
	"strings"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/code"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/provider"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Samples are the pages of the room, in all their states.
func (in *Room) Samples(r *web.Request) (all []sample.Sample) {
	if r.LoginPage.Default == "" {
		all = append(all, sample.Form("choose", entry.PathEntry, func() (views.Page, error) { return in.choosePage(r), nil }, sample.Consent(r.LoginPage)...)...)
	}
	if r.LoginPage.Offers(loginpage.KindPassword) {
		all = append(all, sample.Form("sign-in", entry.PathSignIn, func() (views.Page, error) { return in.SignInPage(r, ""), nil },
			append(in.signInStates(r), sample.Consent(r.LoginPage)...)...)...)
	}
	if r.LoginPage.Anonymous {
		all = append(all, sample.Form("anonymous", entry.PathAnonymous, func() (views.Page, error) { return in.startPage(r, startAnonymous), nil }, sample.Consent(r.LoginPage)...)...)
	}
	for _, w := range r.LoginPage.Methods {
		if w.Kind() == "" {
			all = append(all, sample.Form("provider ("+w.ID+")", entry.PathProvider+"/"+w.ID, func() (views.Page, error) { return in.startPage(r, startAt(r, w.ID)), nil }, sample.Consent(r.LoginPage)...)...)
		}
	}
	if r.LoginPage.Offers(loginpage.KindQR) {
		all = append(all, in.qrSamples(r)...)
	}
	for _, f := range in.flows {
		if f.offered(r.LoginPage) {
			all = append(all, in.codes.Samples(r, f, lastStates)...)
			all = append(all, in.identitySample(r, f)...)
		}
	}
	all = append(all, in.demandSamples(r)...)
	for i := range r.LoginPage.Agreements {
		all = append(all, sample.Plain("agreement", entry.AgreementPath(i), func() (views.Page, error) { return in.agreementPage(&r.LoginRequest, i), nil })...)
	}
	all = append(all, sample.Form("sign-out", entry.PathSignOut, func() (views.Page, error) { return in.signOutPage(r), nil })...)
	return append(all, in.providerSamples(r)...)
}

func (in *Room) signInStates(r *web.Request) []sample.State {
	return []sample.State{
		sample.Alert("cancelled", views.AlertInfo, i18n.Message{Key: "provider.cancelled", Args: i18n.Args{"provider": r.ProviderName("wx_open", "")}}),
		{Name: "required", Change: func(p views.Page) {
			page := p.(*views.SignInPage)
			page.Errors.Add("username", page.Names.Key("error.required.username"))
			page.Errors.Add("password", "error.required.password")
		}},
		{Name: "refused", Change: func(p views.Page) {
			page := p.(*views.SignInPage)
			page.Alert.Kind, page.Alert.Message = views.AlertError, i18n.Msg("error.sign_in_failed")
			page.Refused = true
			page.Alert.Links = around(r, byForm(page.Methods))
		}},
		{Name: "limited-password", Change: func(p views.Page) {
			page := p.(*views.SignInPage)
			page.Alert.Kind, page.Alert.Message = views.AlertError, i18n.Message{Key: "error.password_limit", N: 9}
			page.Alert.Links = around(r, byForm(page.Methods))
		}},
		sample.Alert("stale", views.AlertError, i18n.Msg("error.stale_password")),
		sample.Alert("reset-done", views.AlertOK, i18n.Msg("reset.done")),
	}
}

// lastStates are those of the last steps' pages.
func lastStates(last views.Page) []sample.State {
	switch last.(type) {
	case *views.SignUpDetailsPage:
		return []sample.State{
			sample.FieldErrors("required", "username", "error.required.new_username", "password", "error.required.first_password"),
			sample.FieldErrors("invalid", "name", "error.too_long", "username", "error.username_form"),
			sample.FieldErrors("taken", "username", "error.username_taken"),
			sample.FieldErrors("weak", "password", "error.password_weak", "password", "error.password_personal"),
			{Name: "anonymous", Change: func(p views.Page) {
				page := p.(*views.SignUpDetailsPage)
				page.Anonymous, page.Named, page.Button = true, "sample", i18n.Msg("details.keep")
			}},
		}
	case *views.NewPasswordPage:
		return []sample.State{
			sample.FieldErrors("required", "new_password", "error.required.new_password"),
			sample.FieldErrors("weak", "new_password", "error.password_weak", "new_password", "error.password_personal"),
		}
	}
	return nil
}

// demandSamples are the pages of what TCB can demand besides: of an account that has a number and an
// address, and of one of which TCB does not say.
func (in *Room) demandSamples(r *web.Request) (all []sample.Sample) {
	of := func(path string) *web.Request {
		return r.AsSample(func(l *entry.LoginRequest) { l.Path, l.Flow = path, "sample" })
	}
	with := given{Username: "someone", Password: "sample", Email: "someone@example.com"}
	if r.Env.Texts() {
		with.Phone = "+86 13800000000"
	}
	named := &secondFactor{in: in, with: with, begun: "sample"}
	all = in.codes.Samples(of(factorSpec.Path), named, lastStates)
	wrong := sample.Alert("wrong", views.AlertError, i18n.Msg("error.two_factor"))
	asking := &secondFactor{in: in, with: given{Username: "someone"}, begun: "sample"}
	for _, via := range []string{"phone", "email"} {
		asked := r.AsSample(func(l *entry.LoginRequest) { l.Path, l.Via = factorSpec.Path, via })
		all = append(all, sample.Form(factorSpec.Name+" (asked, "+via+")", factorSpec.Path+"/asked/"+via, func() (views.Page, error) {
			return asking.First(asked, code.Destination{}), nil
		}, wrong)...)
	}
	all = append(all, sample.Form(formChange, changeSpec.Path, func() (views.Page, error) { return in.changePage(of(changeSpec.Path), with), nil },
		sample.FieldErrors("required", "new_password", "error.required.new_password"),
		sample.FieldErrors("weak", "new_password", "error.password_weak", "new_password", "error.password_personal"),
		sample.FieldErrors("same", "new_password", "error.password_same"),
		sample.FieldErrors("other", "new_password", "error.password_other"),
		sample.State{Name: "refused", Change: func(p views.Page) {
			b := p.Frame()
			b.Alert.Kind, b.Alert.Message, b.Alert.Links = views.AlertError, i18n.Msg("error.sign_in_failed"), in.afterWrong(r)
		}},
		sample.State{Name: "limited-password", Change: func(p views.Page) {
			b := p.Frame()
			b.Alert.Kind, b.Alert.Message, b.Alert.Links = views.AlertError, i18n.Message{Key: "error.password_limit", N: 9}, in.afterWrong(r)
		}},
	)...)
	all = append(all, sample.Plain("second-factor-needed", factorSpec.Path+"/needed", func() (views.Page, error) { return in.factorNeeded(r), nil })...)
	return append(all, sample.Plain("phone-needed", factorSpec.Path+"/phone", func() (views.Page, error) { return in.phoneNeeded(r), nil })...)
}

var sampleLink = provider.Link{Token: "sample", Provider: "wx_open", Name: "小雨"}

// identitySample is the page that names an identity and the account to be made, of a flow that can
// make one.
func (in *Room) identitySample(r *web.Request, f flow) []sample.Sample {
	makes, ok := f.(registering)
	if _, signsIn := f.(*byCode); !ok || signsIn && r.LoginPage.Registration != loginpage.RegistrationAuto {
		return nil
	}
	spec := f.Spec()
	form := spec.Name + "-details"
	return []sample.Sample{{Page: form, Path: spec.Path + "/" + form, State: "linking", Make: func() (views.Page, error) {
		sealed, err := provider.SealLink(r, sampleLink, provider.LinkLife)
		if err != nil {
			return nil, err
		}
		linking := r.AsSample(func(l *entry.LoginRequest) { l.Link = sealed })
		step := in.codes.SampleStep(linking, f)
		step.VerificationToken = "sample"
		page, _, err := in.details(linking, makes, step)
		return page, err
	}}}
}

// providerSamples are the pages on the way back from an identity provider.
func (in *Room) providerSamples(r *web.Request) (all []sample.Sample) {
	all = sample.Plain("provider-unknown", "/provider/unknown", func() (views.Page, error) { return in.unknownPage(r, sampleLink, ""), nil })
	for _, lead := range []string{"provider.failed", "provider.other_identity"} {
		all = append(all, sample.Sample{Page: "provider-failed", Path: "/provider/failed", State: strings.TrimPrefix(lead, "provider."), Make: func() (views.Page, error) {
			reply, err := in.providers.Failed(r, provider.Authorization{Provider: sampleLink.Provider, For: purpose}, lead)
			return reply.Page, err
		}})
	}
	return all
}
