package admin

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/preview"
	"tcb-login/views"
)

// The preview of login pages: an operator picks an environment, app, version,
// language, scheme and width, and sees every page in every state. Every config
// of the trees can be picked, also a draft, and one that no app asks for yet.

// everything is the choice of all pages, or of all states.
const everything = "all"

// widths are those that can be picked, in CSS pixels, each with a height that
// screens of that width have.
var widths = []views.PreviewOption{{Value: "360", Label: "360 px, phone"}, {Value: "768", Label: "768 px, tablet"}, {Value: "1280", Label: "1280 px, desktop"}}

var heights = map[string]string{"360": "740", "768": "900", "1280": "800"}

// picked is what the operator's form holds.
type picked struct {
	preview.Query
	page, width string
}

func (p picked) encode() string {
	v, _ := url.ParseQuery(p.Query.Encode()) // of our own making
	v.Set("page", p.page)
	v.Set("width", p.width)
	return v.Encode()
}

func (a *listener) getPreview(c *fiber.Ctx) error {
	get := func(name string) string { return c.Query(name) }
	p := picked{preview.DecodeQuery(get), get("page"), get("width")}
	keys := a.narrow(c.UserContext(), &p)
	page := views.PreviewPage{Style: a.preview.Asset("preview.css"), Script: a.preview.Asset("preview.js"), Width: p.width, Height: heights[p.width]}
	for _, problem := range a.logins.ProblemsOf(p.Key) {
		page.Problems = append(page.Problems, problem.String())
	}
	pages := a.preview.Pages(c.UserContext(), p.Query)
	if !slices.ContainsFunc(pages, func(q preview.Page) bool { return q.Name == p.page }) {
		p.page = everything
	}
	states := statesOf(pages, p.page)
	if p.State != everything && !slices.Contains(states, p.State) {
		p.State = states[0]
	}
	page.Choices = a.choices(c.UserContext(), p, keys, pages, states)
	page.Frames = frames(p, pages)
	var buf bytes.Buffer
	if err := views.Preview(page).Render(c.UserContext(), &buf); err != nil {
		return err
	}
	c.Set("Content-Type", "text/html; charset=utf-8")
	c.Set("Cache-Control", "no-store")
	c.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	return c.Send(buf.Bytes())
}

// narrow replaces what cannot be picked by what can, and answers the keys of
// the environment.
func (a *listener) narrow(ctx context.Context, p *picked) []loginpage.Key {
	if !slices.ContainsFunc(a.environments, func(env string) bool { return env == p.Key.Env }) {
		p.Key.Env = a.environments[0]
	}
	keys := append(a.logins.Keys(p.Key.Env), a.logins.Drafts(p.Key.Env)...)
	slices.SortStableFunc(keys, func(k, l loginpage.Key) int {
		return cmp.Or(cmp.Compare(k.App, l.App), cmp.Compare(k.Version, l.Version))
	})
	if !slices.Contains(keys, p.Key) {
		same := slices.IndexFunc(keys, func(k loginpage.Key) bool { return k.App == p.Key.App })
		switch {
		case same >= 0:
			p.Key = keys[same]
		case len(keys) > 0:
			p.Key = keys[0]
		}
	}
	if heights[p.width] == "" {
		p.width = widths[0].Value
	}
	if p.Scheme != "dark" {
		p.Scheme = "light"
	}
	offered := a.preview.Locales(ctx, p.Key)
	for _, l := range offered {
		if l.Locale() == p.Locale {
			return keys
		}
	}
	p.Locale = offered[0].Locale()
	return keys
}

// statesOf are the states that can be picked for a page; of all pages, those
// that any of them has.
func statesOf(pages []preview.Page, name string) []string {
	states := []string{"empty"}
	for _, p := range pages {
		if name != everything && p.Name != name {
			continue
		}
		for _, s := range p.States {
			if !slices.Contains(states, s) {
				states = append(states, s)
			}
		}
		if p.Name == name && !slices.Contains(p.States, "empty") {
			states = states[1:]
		}
	}
	return states
}

func (a *listener) choices(ctx context.Context, p picked, keys []loginpage.Key, pages []preview.Page, states []string) []views.PreviewChoice {
	var envs, apps, versions, locales []views.PreviewOption
	for _, env := range a.environments {
		envs = append(envs, views.PreviewOption{Value: env, Label: env})
	}
	for _, k := range keys {
		app := views.PreviewOption{Value: k.App, Label: cmp.Or(k.App, "(the environment's)")}
		if !slices.Contains(apps, app) {
			apps = append(apps, app)
		}
		if k.App == p.Key.App {
			version := views.PreviewOption{Value: preview.Version(k), Label: cmp.Or(k.Version, "(none)")}
			if k.Draft {
				version.Label += ", draft"
			}
			versions = append(versions, version)
		}
	}
	for _, l := range a.preview.Locales(ctx, p.Key) {
		locales = append(locales, views.PreviewOption{Value: l.Locale(), Label: l.Name()})
	}
	pageOptions := []views.PreviewOption{{Value: everything, Label: "all pages"}}
	for _, q := range pages {
		pageOptions = append(pageOptions, views.PreviewOption{Value: q.Name, Label: q.Name})
	}
	var stateOptions []views.PreviewOption
	if p.page != everything || p.State == everything { // all states of all pages are hundreds: only for who asks by hand
		stateOptions = append(stateOptions, views.PreviewOption{Value: everything, Label: "all states"})
	}
	for _, s := range states {
		stateOptions = append(stateOptions, views.PreviewOption{Value: s, Label: strings.TrimPrefix(s, "error.")})
	}
	return []views.PreviewChoice{
		{Name: "env", Label: "Environment", Value: p.Key.Env, Options: envs},
		{Name: "app", Label: "App", Value: p.Key.App, Options: apps},
		{Name: "version", Label: "Version", Value: preview.Version(p.Key), Options: versions},
		{Name: "locale", Label: "Language", Value: p.Locale, Options: locales},
		{Name: "scheme", Label: "Scheme", Value: p.Scheme, Options: []views.PreviewOption{{Value: "light", Label: "light"}, {Value: "dark", Label: "dark"}}},
		{Name: "width", Label: "Width", Value: p.width, Options: widths},
		{Name: "page", Label: "Page", Value: p.page, Options: pageOptions},
		{Name: "state", Label: "State", Value: p.State, Options: stateOptions},
	}
}

// frames are the pages to show. A page that has no such state is left out.
func frames(p picked, pages []preview.Page) []views.Frame {
	var out []views.Frame
	for _, q := range pages {
		if p.page != everything && q.Name != p.page {
			continue
		}
		for _, s := range q.States {
			if p.State != everything && s != p.State {
				continue
			}
			one := p
			one.page, one.State = q.Name, s
			out = append(out, views.Frame{
				Title: fmt.Sprintf("%s, %s", q.Name, strings.TrimPrefix(s, "error.")),
				URL:   preview.Path + q.Path + "?" + one.Query.Encode(),
				Only:  "/preview/?" + one.encode(),
			})
		}
	}
	return out
}
