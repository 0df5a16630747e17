package web

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/rules"
	"tcb-login/i18n"
	"tcb-login/redirect"
	"tcb-login/session"
	"tcb-login/views"
)

// A Sample is a page in one state, for the operator's preview. Each room has those of its pages,
// made by the constructors that the real ones come from.
type Sample struct {
	Page  string // its data-page, and what tells it from another of the same
	Path  string // below the preview's base path
	State string // "empty" for the page as it is at first
	Make  func() (views.Page, error)
}

// A SampleState is what a page can get into.
type SampleState struct {
	Name   string
	Change func(views.Page)
}

// Samples are a page in some states, beside the one that it is in at first.
func Samples(page, path string, make func() (views.Page, error), states ...SampleState) []Sample {
	samples := []Sample{{page, path, "empty", make}}
	for _, state := range states {
		samples = append(samples, Sample{page, path, state.Name, func() (views.Page, error) {
			p, err := make()
			if err != nil {
				return nil, err
			}
			state.Change(p)
			return p, nil
		}})
	}
	return samples
}

// FormSamples are a page with a form: as it is at first, in states of its own, and in every state
// that any form can get into.
func FormSamples(page, path string, make func() (views.Page, error), own ...SampleState) []Sample {
	states := append(slices.Clone(own),
		SampleAlert("limited", views.AlertError, i18n.Message{Key: "error.too_many_wait", N: 34}),
		SampleState{"captcha", func(p views.Page) {
			b := p.Frame()
			b.Alert.Kind, b.Alert.Message = views.AlertInfo, i18n.Msg("captcha.ask")
			b.Captcha = sampleCaptcha
		}},
		SampleState{"captcha-wrong", func(p views.Page) {
			p.Frame().Captcha = sampleCaptcha
			rules.Broken(p.Frame(), "captcha_key", "error.captcha_wrong")
		}},
	)
	for _, key := range refusalKeys() {
		states = append(states, SampleAlert(key, views.AlertError, i18n.Msg(key)))
	}
	return Samples(page, path, make, states...)
}

// SampleAlert is the state in which a page says something of itself.
func SampleAlert(name string, kind views.AlertKind, m i18n.Message) SampleState {
	return SampleState{name, func(p views.Page) { p.Frame().Alert.Kind, p.Frame().Alert.Message = kind, m }}
}

// SampleFieldErrors is the state in which fields are refused: pairs are names and messages.
func SampleFieldErrors(name string, pairs ...string) SampleState {
	return SampleState{name, func(p views.Page) {
		for i := 0; i < len(pairs); i += 2 {
			rules.Broken(p.Frame(), pairs[i], pairs[i+1])
		}
	}}
}

// SampleConsent is the state in which the agreement was not agreed to, of a page that has one.
func SampleConsent(r *Request) []SampleState {
	if len(r.LoginPage.Agreements) == 0 {
		return nil
	}
	return []SampleState{SampleFieldErrors("agreement", "agreement", "error.required.agreement")}
}

// refusalKeys are the messages that any call of TCB's may lead to.
func refusalKeys() []string {
	var keys []string
	for _, out := range refusal.Codes {
		if out.Field == "" && !slices.Contains(keys, out.Key) {
			keys = append(keys, out.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

var sampleCaptcha = &views.Captcha{Picture: "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(
	`<svg xmlns="http://www.w3.org/2000/svg" width="140" height="48"><rect width="140" height="48" fill="#fff"/>`+
		`<path d="M4 34C40 8 90 44 136 16" stroke="#8aa" fill="none" stroke-width="2"/>`+
		`<text x="22" y="34" font-family="monospace" font-size="28" letter-spacing="8" fill="#246" transform="skewX(-8)">k7mf</text></svg>`))}

// errNoSample: there is no such environment or login page.
var errNoSample = errors.New("no such login page")

// SampleRequest is a request for the entry of a login page, as if from an app, without a form or a
// login. Its links carry query.
func (s *Site) SampleRequest(ctx context.Context, key loginpage.Key, locale, query string) (*Request, error) {
	env, page := s.places.Environments[key.Env], s.places.LoginPages.Find(key)
	if env == nil || page == nil {
		return nil, errNoSample
	}
	theme, err := s.ThemeOf(page)
	if err != nil {
		return nil, err
	}
	loaded, err := s.sessions.Load(ctx, "", true)
	if err != nil {
		return nil, err
	}
	client := env.OnlyClient
	if client == nil {
		client = env.Clients[env.Environment.Clients[0].ID]
	}
	loc := theme.Messages.Match(locale)
	if pseudo, ok := theme.Messages.PseudoLocale(locale); ok {
		loc = pseudo
	}
	const app = "https://app.example.com"
	r := &Request{ctx: ctx, Trace: &Trace{}, LoginRequest: entry.LoginRequest{
		Params: entry.Params{EnvID: env.ID, RedirectURI: app + "/orders"},
		Origin: entry.Origin{Scheme: "https", Text: app}, Base: s.places.Base, Path: entry.PathEntry, OnWay: true, Query: query,
		Env: env, Client: client, LoginPage: page, Theme: theme, Target: redirect.OwnOrigin, Loc: loc,
	}}
	r.Session = &Session{s: loaded, now: s.now, scope: session.Scope{Env: env.ID, Client: client.ID}}
	r.Form = &Form{session: r.Session}
	return r, nil
}

// AsSample is the sample of a request to another page, or for another step.
func (r *Request) AsSample(change func(*entry.LoginRequest)) *Request {
	l := r.LoginRequest
	change(&l)
	return r.As(l)
}

// ErrorSamples are the error pages.
func (s *Site) ErrorSamples(r *Request) (all []Sample) {
	for _, e := range []struct {
		state string
		*refusal.Problem
	}{
		{"missing", refusal.ErrMissing},
		{"disabled", refusal.ErrDisabled},
		{"cross-site", refusal.ErrCrossSite},
		{"redirect", &refusal.Problem{Title: "error.title_request", Lead: "error.page.redirect", Value: "https://evil.example/steal?from=" + strings.Repeat("app", 30)}},
		{"parameter", refusal.BadParameter("redirect_uri")},
		{"environment", refusal.BadRequest("error.page.env", i18n.Args{"id": "no-such-environment"})},
		{"client", refusal.BadRequest("error.page.client", i18n.Args{"id": "no-such-client"})},
		{"version", refusal.BadRequest("error.page.app", i18n.Args{"id": "v1_1700000000", "app": "app-orders"})},
		{"unavailable", &refusal.Problem{Title: "error.title_unavailable", Lead: "error.unavailable"}},
		{"broken", &refusal.Problem{Title: "error.title_unavailable", Lead: "error.broken"}},
		{"timeout", &refusal.Problem{Title: "error.title", Lead: "error.page.timeout"}},
		{"internal", &refusal.Problem{Title: "error.title", Lead: "error.page.internal"}},
	} {
		all = append(all, Sample{Page: "error", Path: "/error", State: e.state, Make: func() (views.Page, error) {
			return s.errorPage(&r.LoginRequest, e.Problem, fmt.Sprintf("%016x", 0x5a3d9c0f1e2b)), nil
		}})
	}
	return all
}
