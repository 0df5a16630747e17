package main

import (
	"context"
	"slices"

	"tcb-login/config/input"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/handlers/entry"
	"tcb-login/online"
	"tcb-login/upstream"
)

// checkOnline asks TCB whether it goes together with the settings, as far as that can be asked without
// side effects.
func checkOnline(ctx context.Context, file string, s *settings.Settings, logins *loginpage.Pages) (problems input.Problems) {
	for _, env := range s.Environments {
		problems = append(problems, online.Check(ctx, online.Config{
			Network: upstream.NewNetwork(1, s.BackendTimeout), Timeout: s.BackendTimeout,
			UserAgent: "tcb-login/" + buildVersion(), File: file,
		}, questionsOf(s, env, logins))...)
		for _, c := range env.Clients {
			if c.CodeFlow {
				problems = append(problems, input.Problem{File: file, Severity: input.SeverityWarning, Message: "environment " + env.ID + ": code_flow of " + c.ID +
					": no question tells whether TCB's tokens have the iss " + env.TokenIssuer() + ", which codes come with: the third command of docs/code-flow.md shows it; see issuer"})
			}
		}
	}
	return problems
}

// questionsOf is what there is to ask about an environment: what its pages need of TCB.
func questionsOf(s *settings.Settings, env settings.Environment, logins *loginpage.Pages) online.Environment {
	ask := online.Environment{
		ID: env.ID, Region: env.Region, Intl: env.Intl, Address: addressOf(env),
		PublishableKey: env.PublishableKey.Reveal(), Origins: s.PublicOrigins,
		Offers: online.Offers{ProviderCallback: s.ProviderCallback(&env)},
	}
	for _, c := range env.Clients {
		ask.Clients = append(ask.Clients, online.Client{ID: c.ID, Secret: c.Secret.Reveal()})
	}
	if env.Captcha == settings.CaptchaPage {
		ask.Offers.CaptchaCallback = s.BasePath + entry.PathCaptchaCallback
	}
	for _, key := range logins.Keys(env.ID) {
		page := logins.Find(key)
		if page == nil {
			continue
		}
		o := &ask.Offers
		o.Password = o.Password || page.Offers(loginpage.KindPassword)
		o.SMS = o.SMS || page.VerifiesBy(loginpage.KindSMS)
		o.Email = o.Email || page.VerifiesBy(loginpage.KindEmail)
		for _, m := range page.Methods {
			if m.Kind() == "" && !slices.Contains(o.Providers, m.ID) {
				o.Providers = append(o.Providers, m.ID)
			}
		}
	}
	return ask
}
