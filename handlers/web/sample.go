package web

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/browser"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/sample"
	"tcb-login/i18n"
	"tcb-login/redirect"
	"tcb-login/session"
	"tcb-login/views"
)

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
	loaded := s.sessions.Load(ctx, "", true)
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
	r.Session = browser.New(browser.Config{Loaded: loaded, Now: s.now})
	r.Session.Enter(session.Scope{Env: env.ID, Client: client.ID})
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
func (s *Site) ErrorSamples(r *Request) (all []sample.Sample) {
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
		{"form", &refusal.Problem{Title: "error.title_unavailable", Lead: "error.unavailable"}},
		{"broken", &refusal.Problem{Title: "error.title_unavailable", Lead: "error.broken"}},
		{"timeout", &refusal.Problem{Title: "error.title", Lead: "error.page.timeout"}},
		{"internal", &refusal.Problem{Title: "error.title", Lead: "error.page.internal"}},
	} {
		all = append(all, sample.Sample{Page: "error", Path: "/error", State: e.state, Make: func() (views.Page, error) {
			page := s.errorPage(&r.LoginRequest, e.Problem, fmt.Sprintf("%016x", 0x5a3d9c0f1e2b))
			if e.state == "form" {
				page.Form = views.Form{Name: "error", Action: r.Here()}
			}
			return page, nil
		}})
	}
	return all
}
