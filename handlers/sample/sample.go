// Package sample has pages in their states, for the operator's preview. Each room makes those of its
// pages, with the constructors that the real ones come from.
package sample

import (
	"encoding/base64"
	"slices"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/refusal"
	"tcb-login/i18n"
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

// A State is what a page can get into.
type State struct {
	Name   string
	Change func(views.Page)
}

// Plain is a page in some states, beside the one that it is in at first.
func Plain(page, path string, make func() (views.Page, error), states ...State) []Sample {
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

// Form is a page with a form: as it is at first, in states of its own, and in every state
// that any form can get into.
func Form(page, path string, make func() (views.Page, error), own ...State) []Sample {
	states := append(slices.Clone(own),
		Alert("limited", views.AlertError, i18n.Message{Key: "error.too_many_wait", N: 34}),
		State{"captcha", func(p views.Page) {
			b := p.Frame()
			b.Alert.Kind, b.Alert.Message = views.AlertInfo, i18n.Msg("captcha.ask")
			b.Captcha = sampleCaptcha
		}},
		State{"captcha-wrong", func(p views.Page) {
			p.Frame().Captcha = sampleCaptcha
			p.Frame().Errors.Add("captcha_key", "error.captcha_wrong")
		}},
	)
	for _, key := range refusalKeys() {
		states = append(states, Alert(key, views.AlertError, i18n.Msg(key)))
	}
	return Plain(page, path, make, states...)
}

// Alert is the state in which a page says something of itself.
func Alert(name string, kind views.AlertKind, m i18n.Message) State {
	return State{name, func(p views.Page) { p.Frame().Alert.Kind, p.Frame().Alert.Message = kind, m }}
}

// FieldErrors is the state in which fields are refused: pairs are names and messages.
func FieldErrors(name string, pairs ...string) State {
	return State{name, func(p views.Page) {
		for i := 0; i < len(pairs); i += 2 {
			p.Frame().Errors.Add(pairs[i], pairs[i+1])
		}
	}}
}

// Consent is the state in which the agreement was not agreed to, of a page that has one.
func Consent(p *loginpage.Page) []State {
	if len(p.Agreements) == 0 {
		return nil
	}
	return []State{FieldErrors("agreement", "agreement", "error.required.agreement")}
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
