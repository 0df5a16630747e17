// Package handlers is the web side of the login page: New hangs the rooms below it together, in one
// table of pages. Each room is a package with a doc comment of its own:
//
//	web        what every page shares; its comment says how a request goes
//	visitor    whose login this browser has, how it begins and ends
//	code       a code that is sent and checked
//	provider   out to an identity provider and back
//	signin     the ways in and out
//	account    the pages of the account portal, with what they share in portal, and stepup
//	authorize  a code for an app on another origin
//	preview    every page in every state, for the operator
package handlers

import (
	"slices"

	"github.com/gofiber/fiber/v2"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/account"
	"tcb-login/handlers/authorize"
	"tcb-login/handlers/code"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/preview"
	"tcb-login/handlers/provider"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/signin"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/metrics"
)

// Config is everything the pages need.
type Config = web.Config

// Demo turns on the demo app at /.
type Demo = web.Demo

// PathHealth is what -health asks for, below the base path.
const PathHealth = web.PathHealth

// NewMetrics are all series, with labels that are as bounded as the lists that they come from.
func NewMetrics(version string) *metrics.Set {
	return metrics.New(metrics.Config{
		Version: version, Codes: authclient.Codes(), Events: texts(audit.Names), Outcomes: texts(audit.Outcomes),
		Methods: texts(audit.Methods), Reasons: texts(refusal.Reasons),
	})
}

func texts[T ~string](list []T) (all []string) {
	for _, v := range list {
		all = append(all, string(v))
	}
	return all
}

// SessionQuota is the quota of session ids that Config.Sessions wants.
var SessionQuota = limits.SessionQuota

// rooms are those of a site.
type rooms struct {
	site      *web.Site
	visitor   *visitor.Room
	providers *provider.Providers
	signin    *signin.Room
	account   *account.Room
	authorize *authorize.Room
}

func newRooms(cfg Config) (*rooms, error) {
	site, err := web.NewSite(cfg)
	if err != nil {
		return nil, err
	}
	codes, providers := code.New(site), provider.New(site)
	v := &visitor.Room{Site: site, Follow: provider.Follow, Authorize: authorize.Address}
	elsewhere := authorize.New(site, v)
	in := signin.New(site, v, codes, providers, elsewhere.Resume)
	return &rooms{
		site: site, visitor: v, providers: providers, signin: in, authorize: elsewhere,
		account: account.New(site, v, codes, providers, in.WithNewPassword),
	}, nil
}

// table is the whole of what we serve, beside files. What is not in it does not exist.
func (r *rooms) table() []web.Row {
	return slices.Concat(
		r.providers.Rows(), // before sign-in's /provider/:id, of which the callback is none
		r.signin.Rows(),
		r.account.Rows(),
		r.visitor.Rows(),
		r.authorize.Rows(),
	)
}

func (r *rooms) samples(of *web.Request) []sample.Sample {
	return slices.Concat(r.signin.Samples(of), r.account.Samples(of), r.authorize.Samples(of), r.visitor.Samples(of), r.providers.Samples(of), r.site.CaptchaSamples(of), r.site.ErrorSamples(of))
}

// New checks cfg and assembles the app: what main, tests and benchmarks run.
func New(cfg Config) (*fiber.App, error) {
	r, err := newRooms(cfg)
	if err != nil {
		return nil, err
	}
	app := r.site.NewApp()
	r.site.Install(app, r.table(), account.PathPassword)
	return app, nil
}

// NewPreview is a preview of what New would serve with the same Config.
func NewPreview(cfg Config) (*preview.Preview, error) {
	settings := *cfg.Settings
	settings.BasePath = preview.Path
	cfg.Settings, cfg.NewAuth = &settings, preview.NewAuth
	r, err := newRooms(cfg)
	if err != nil {
		return nil, err
	}
	return preview.New(r.site, r.samples), nil
}
