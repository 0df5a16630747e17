package code

import (
	"slices"
	"time"

	"tcb-login/handlers/entry"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Samples are the pages of a flow in all their states, by each channel that it can go by. states
// are those of a last step's page, beside what every form can get into.
func (c *Codes) Samples(r *web.Request, f Flow, states func(last views.Page) []sample.State) (all []sample.Sample) {
	spec := f.Spec()
	if phone, email := f.Channels(r); !phone || !email {
		return c.samples(r, f, spec.Name, spec.Path, states)
	}
	byPhone := r.AsSample(func(l *entry.LoginRequest) { l.Via = "phone" })
	byEmail := r.AsSample(func(l *entry.LoginRequest) { l.Via = "email" })
	return append(
		c.samples(byPhone, f, spec.Name, spec.Path, states),
		c.samples(byEmail, f, spec.Name+" (email)", spec.Path+"/by-email", states)...,
	)
}

func (c *Codes) samples(r *web.Request, f Flow, name, path string, states func(views.Page) []sample.State) []sample.Sample {
	all := sample.Form(name, path, func() (views.Page, error) { return f.First(r, Destination{}), nil }, firstStates(r, f)...)
	all = append(all, sample.Form(name+stepCode, path+"/code", func() (views.Page, error) {
		return c.CodePage(r, f, c.SampleStep(r, f))
	}, codeStates...)...)
	for _, user := range []bool{false, true} { // people without an account, and with one
		make := func() (views.Page, error) {
			step := c.SampleStep(r, f)
			step.SetUser(user)
			step.VerificationToken = "sample"
			return f.Last(r, step)
		}
		last, err := make()
		if err != nil {
			all = append(all, sample.Sample{Page: name, Path: path + "/verified", State: "empty", Make: make})
			continue
		}
		form := last.Frame().Form.Name
		if slices.ContainsFunc(all, func(have sample.Sample) bool { return have.Path == path+"/"+form }) {
			continue // it is the same for both
		}
		shown := name + form[min(len(f.Spec().Name), len(form)):]
		all = append(all, sample.Form(shown, path+"/"+form, make, states(last)...)...)
	}
	return all
}

// SampleStep is a step under way, by phone where the flow can be.
func (c *Codes) SampleStep(r *web.Request, f Flow) *Step {
	step := &Step{VerificationID: "sample", CodeUntil: c.Now().Add(10 * time.Minute).Unix()}
	if ByPhone(r, f) {
		step.Phone = "+86 13800000000"
	} else {
		step.Email = "someone@example.com"
	}
	return step
}

// firstStates are those of the page that asks where to send a code.
func firstStates(r *web.Request, f Flow) (states []sample.State) {
	field, invalid := "email", "error.email"
	if ByPhone(r, f) {
		field, invalid = "phone_number", "error.phone"
	}
	if _, fixed := f.Fixed(r); !fixed { // else there is nothing to type
		states = append(states,
			sample.FieldErrors("required", field, "error.required."+field),
			sample.FieldErrors("invalid", field, invalid),
			sample.Alert("limited-sends", views.AlertError, i18n.Message{Key: "error.send_wait", N: 12}),
			sample.Alert("lost", views.AlertError, i18n.Msg("error.code_lost")),
		)
		if field == "phone_number" {
			states = append(states, sample.State{Name: "which-number", Change: func(p views.Page) {
				if page, ok := p.(*views.SendCodePage); ok {
					*page.Phone = *PhoneField(r, Destination{Country: "DE", Number: "138 0013 8000", Asks: []string{"+86 13800138000", "+49 13800138000"}})
				}
				p.Frame().Errors.Add(field, "error.phone_which")
			}})
		}
		if field == "phone_number" && len(r.LoginPage.Countries.Allowed) > 0 {
			states = append(states, sample.FieldErrors("other-country", field, "error.phone_country"))
		}
	}
	if f.Owner() == "" {
		states = append(states, sample.Consent(r.LoginPage)...)
	}
	return states
}

// codeStates are those of the page that asks for the code.
var codeStates = []sample.State{
	{Name: "waiting", Change: func(p views.Page) { p.(*views.CodePage).Wait = 42 }},
	sample.Alert("again", views.AlertOK, i18n.Msg("code.again")),
	{Name: "expired", Change: func(p views.Page) {
		page := p.(*views.CodePage)
		page.Minutes = 0
		page.Alert.Kind, page.Alert.Message = views.AlertInfo, i18n.Msg("code.expired")
	}},
	sample.FieldErrors("required", "verification_code", "error.required.verification_code"),
	sample.FieldErrors("invalid", "verification_code", "error.code_format"),
	sample.FieldErrors("wrong", "verification_code", "error.code_wrong"),
	sample.FieldErrors("used-up", "verification_code", "error.code_tries"),
	sample.Alert("limited-sends", views.AlertError, i18n.Message{Key: "error.send_wait", N: 42}),
}
