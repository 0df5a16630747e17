package refusal

import (
	"errors"

	"tcb-login/authclient"
)

// A Reason is why a request got no what it asked for, as the log says it: one of the list below,
// so that who reads it can count, and knows what to look for.
type Reason string

// All there are. What is TCB's doing begins with tcb_, and its error code stands beside it.
const (
	ReasonHost        Reason = "host_unknown"      // not one of public_origins
	ReasonMethod      Reason = "method"            // a page that has no such method
	ReasonMissing     Reason = "not_found"         // no such page
	ReasonDisabled    Reason = "disabled"          // a page that this login page does not have
	ReasonMalformed   Reason = "malformed"         // no request of HTTP's, or one that can be read in two ways
	ReasonTooLarge    Reason = "too_large"         // address, head or body
	ReasonTimeout     Reason = "timeout"           // it did not arrive in time
	ReasonUnreadable  Reason = "body_unreadable"   // a body of another kind, or compressed
	ReasonParameter   Reason = "parameter"         // twice, or not as it must be; parameter names it
	ReasonEnv         Reason = "env_unknown"       // env_id is missing, or none of the settings'
	ReasonClient      Reason = "client_unknown"    // client_id is missing, or none of the environment's
	ReasonConfig      Reason = "config_unknown"    // app_id or config_version is none that there is
	ReasonRedirect    Reason = "redirect_refused"  // redirect_uri is missing, or not allowed
	ReasonPKCE        Reason = "pkce"              // code_challenge is missing, or not S256
	ReasonCrossSite   Reason = "cross_site"        // posted by a page of another site
	ReasonOrigin      Reason = "origin_unsaid"     // a script that does not say where it is from
	ReasonCSRF        Reason = "csrf"              // the token is not of this session
	ReasonOtherPerson Reason = "other_person"      // the form is somebody else's, who was signed in when they opened it
	ReasonForm        Reason = "form"              // what was typed is missing, or not as it must be
	ReasonStep        Reason = "step_lost"         // the step before is over, used up or of another browser
	ReasonProvider    Reason = "provider_lost"     // the way to a provider was begun elsewhere, or too long ago
	ReasonCaptchaLost Reason = "captcha_lost"      // the way to TCB's captcha page was
	ReasonCaptcha     Reason = "captcha_asked"     // it goes on with a captcha
	ReasonCaptchaBad  Reason = "captcha_wrong"     // which was not solved
	ReasonLimit       Reason = "limit"             // of ours; rule names it
	ReasonBusy        Reason = "busy"              // too many answers wait already
	ReasonNoLogin     Reason = "no_login"          // the login is over, or another client's
	ReasonRefused     Reason = "tcb_refused"       // TCB said no
	ReasonTCBLimit    Reason = "tcb_limit"         // a limit of TCB's
	ReasonTCBAway     Reason = "tcb_unavailable"   // no answer, or one that says that TCB is away
	ReasonTCBHeld     Reason = "tcb_held_back"     // not sent: TCB is away, or too many calls are in flight
	ReasonTCBBroken   Reason = "tcb_broken"        // an answer that is none, or says that something broke
	ReasonMisconfig   Reason = "tcb_misconfigured" // the environment does not know this client, or what it asks for
	ReasonWithheld    Reason = "code_withheld"     // TCB sent no code, which the page does not tell
	ReasonSentBack    Reason = "sent_back"         // to the app, with an error of OAuth's
	ReasonInternal    Reason = "internal"          // a bug of ours
)

// Reasons are all.
var Reasons = []Reason{
	ReasonHost, ReasonMethod, ReasonMissing, ReasonDisabled, ReasonMalformed, ReasonTooLarge, ReasonTimeout,
	ReasonUnreadable, ReasonParameter, ReasonEnv, ReasonClient, ReasonConfig, ReasonRedirect, ReasonPKCE, ReasonCrossSite,
	ReasonOrigin, ReasonCSRF, ReasonOtherPerson, ReasonForm, ReasonStep, ReasonProvider, ReasonCaptchaLost, ReasonCaptcha, ReasonCaptchaBad,
	ReasonLimit, ReasonBusy, ReasonNoLogin, ReasonRefused, ReasonTCBLimit, ReasonTCBAway, ReasonTCBHeld, ReasonTCBBroken,
	ReasonMisconfig, ReasonWithheld, ReasonSentBack, ReasonInternal,
}

// leads say for each problem by what it tells people, its reason.
var leads = map[string]Reason{
	"error.page.host":             ReasonHost,
	"error.page.method":           ReasonMethod,
	"error.page.missing":          ReasonMissing,
	"error.disabled":              ReasonDisabled,
	"error.page.malformed":        ReasonMalformed,
	"error.page.too_large":        ReasonTooLarge,
	"error.page.timeout":          ReasonTimeout,
	"error.page.unreadable":       ReasonUnreadable,
	"error.page.parameter":        ReasonParameter,
	"error.page.env":              ReasonEnv,
	"error.page.env_missing":      ReasonEnv,
	"error.page.client":           ReasonClient,
	"error.page.client_missing":   ReasonClient,
	"error.page.app":              ReasonConfig,
	"error.page.app_missing":      ReasonConfig,
	"error.page.config_version":   ReasonConfig,
	"error.page.redirect":         ReasonRedirect,
	"error.page.redirect_missing": ReasonRedirect,
	"error.page.pkce":             ReasonPKCE,
	"error.page.cross_site":       ReasonCrossSite,
	"provider.lost":               ReasonProvider,
	"captcha.lost":                ReasonCaptchaLost,
	"error.unavailable":           ReasonTCBAway,
	"error.broken":                ReasonTCBBroken,
	"error.misconfigured":         ReasonMisconfig,
	"error.payment":               ReasonRefused,
	"error.license":               ReasonRefused,
	"error.page.internal":         ReasonInternal,
}

// Because is why a problem is one.
func (p *Problem) Because() Reason {
	if p.Reason != "" {
		return p.Reason
	}
	return leads[p.Lead]
}

// ReasonOf is why an error is a refusal; empty for one that is none.
func ReasonOf(err error) Reason {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Because()
	}
	if _, ok := errors.AsType[*FieldError](err); ok {
		return ReasonForm
	}
	if _, ok := errors.AsType[*Limited](err); ok {
		return ReasonLimit
	}
	if api, ok := errors.AsType[*authclient.Error](err); ok {
		return reasonOf(api)
	}
	return ""
}

func reasonOf(api *authclient.Error) Reason {
	out := Of(api, nil)
	switch {
	case api.NotSent && api.Code != "local": // which nothing but ourselves has held back
		return ReasonTCBHeld
	case out.Status == 429:
		return ReasonTCBLimit
	case out.Status >= 500: // what the error page gives as its reason
		return leads[out.Key]
	}
	return ReasonRefused
}
