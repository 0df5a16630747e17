package settings

import (
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tcb-login/config/input"
)

func (p *parser) environments(n *yaml.Node) {
	if l := resolve(n); l.Kind == yaml.SequenceNode && len(l.Content) == 0 {
		p.errorf(n, "environments is empty: name at least one TCB environment")
	}
	p.list("environments", n, func(name string, item *yaml.Node) {
		if e, ok := p.environment(name, item); ok {
			p.settings.Environments = append(p.settings.Environments, e)
		}
	})
}

// environmentNodes are where an environment has what is judged once all of it is read; nil:
// nowhere.
type environmentNodes struct{ whole, id, region, mode, intl, endpoint, published *yaml.Node }

func (p *parser) environment(name string, n *yaml.Node) (Environment, bool) {
	e, at := environmentDefaults(), environmentNodes{whole: n}
	if !p.mapping(name, n, p.environmentFields(&e, &at)) {
		return e, false
	}
	if at.id == nil {
		p.errorf(n, "%s: id is missing", name)
	}
	if at.published != nil && at.id != nil {
		if complaint := checkPublishableKey(e.PublishableKey.Reveal(), e.ID, p.launch.now()); complaint != "" {
			p.errorf(at.published, "publishable_key: %s", complaint)
		}
	}
	if at.region != nil && e.Region != phoneRegion {
		p.warnf(at.region, "region: TCB offers phone numbers only in %s: sign-in and sign-up by phone are hidden", phoneRegion)
	}
	if len(e.Clients) == 0 {
		e.Clients = []Client{{ID: e.ID}}
	}
	p.endpoint(at.endpoint, &e)
	p.address(at, &e)
	return e, true
}

func (p *parser) environmentFields(e *Environment, at *environmentNodes) fields {
	return fields{
		"id": func(v *yaml.Node) {
			at.id = v
			if p.text("id", v, &e.ID, environmentIDRules) && p.settings.Environment(e.ID) != nil {
				p.errorf(v, "id: a second environment %s", input.Quote(e.ID))
			}
		},
		"name": func(v *yaml.Node) { p.text("name", v, &e.Name, nameRules) },
		"region": func(v *yaml.Node) {
			if p.text("region", v, &e.Region, regionRules) {
				at.region = v
			}
		},
		"endpoint_mode": func(v *yaml.Node) { at.mode = v; p.text("endpoint_mode", v, &e.EndpointMode, endpointModeRules) },
		"intl":          func(v *yaml.Node) { at.intl = v; p.boolean("intl", v, &e.Intl) },
		"endpoint": func(v *yaml.Node) {
			if p.text("endpoint", v, &e.Endpoint, endpointRules) {
				at.endpoint, e.Endpoint = v, strings.TrimRight(e.Endpoint, "/")
			}
		},
		"publishable_key": func(v *yaml.Node) {
			if key, ok := p.secret("publishable_key", v); ok && key.IsSet() {
				e.PublishableKey, at.published = key, v
			}
		},
		"login_configs": func(v *yaml.Node) {
			var dir string
			if p.text("login_configs", v, &dir, nil) && dir != "" {
				if !filepath.IsAbs(dir) {
					dir = filepath.Join(filepath.Dir(p.file), dir)
				}
				e.LoginConfigs = dir
			}
		},
		"default_redirect_uri": func(v *yaml.Node) {
			var uri string
			if !p.text("default_redirect_uri", v, &uri, defaultTargetRules) {
				return
			}
			e.DefaultRedirectURI = uri
			p.last = append(p.last, func() { p.onPublicOrigin(v, uri) })
		},
		"captcha": func(v *yaml.Node) { p.text("captcha", v, &e.Captcha, captchaRules) },
		"provider_callback": func(v *yaml.Node) {
			if p.text("provider_callback", v, &e.ProviderCallback, nil) {
				path := e.ProviderCallback
				p.last = append(p.last, func() { p.providerCallback(v, path) })
			}
		},
		"tcb_sees_client_address": func(v *yaml.Node) { p.boolean("tcb_sees_client_address", v, &e.TCBSeesClientAddress) },
		"issuer":                  func(v *yaml.Node) { p.text("issuer", v, &e.Issuer, issuerRules) },
		"limits":                  func(v *yaml.Node) { p.limits(v, &e.Limits) },
		"clients":                 func(v *yaml.Node) { e.Clients = p.clients(v) },
	}
}

// endpoint decides between the address of the settings and the emulator. Who asks for the emulator
// tries things out: nothing may then reach real accounts, so the address is forgotten where it is
// read.
func (p *parser) endpoint(n *yaml.Node, e *Environment) {
	if e.Endpoint == "" {
		return
	}
	if p.launch.Emulator {
		e.Endpoint = ""
		p.warnf(n, "endpoint: not used: -emulator stands in for TCB in environment %s", input.Quote(e.ID))
		return
	}
	if host, ok := strings.CutPrefix(e.Endpoint, "http://"); ok && !input.IsLoopback(input.Hostname(host)) {
		p.warnf(n, "endpoint: plain http: passwords can be read on the way")
	}
}

// providerCallback checks where identity providers send browsers. The base path may stand below it
// in the file.
func (p *parser) providerCallback(n *yaml.Node, path string) {
	if base := p.settings.BasePath; path != base+ProviderCallback && path != base+"/" {
		p.errorf(n, "provider_callback: want %q or %q, found %s", base+ProviderCallback, base+"/", input.Quote(path))
	}
}

// onPublicOrigin reports a default target that no page of ours could lead to.
func (p *parser) onPublicOrigin(n *yaml.Node, uri string) {
	origins := p.settings.PublicOrigins
	if uri == "" || len(origins) == 0 || slices.Contains(origins, originOf(uri)) {
		return
	}
	p.errorf(n, "default_redirect_uri: %s is not on one of public_origins (%s)", input.Quote(uri), strings.Join(origins, ", "))
}

// originOf cuts an absolute URL after its authority.
func originOf(uri string) string {
	scheme, rest, _ := strings.Cut(uri, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return scheme + "://" + rest
}

func (p *parser) clients(n *yaml.Node) (clients []Client) {
	p.list("clients", n, func(name string, item *yaml.Node) {
		var c Client
		var id, flow, uris *yaml.Node
		ok := p.mapping(name, item, fields{
			"id": func(v *yaml.Node) {
				id = v
				if !p.text("id", v, &c.ID, clientIDRules) {
					return
				}
				if slices.ContainsFunc(clients, func(o Client) bool { return o.ID == c.ID }) {
					p.errorf(v, "id: a second client %s in this environment", input.Quote(c.ID))
				}
			},
			"secret": func(v *yaml.Node) { c.Secret, _ = p.secret("secret", v) },
			"code_flow": func(v *yaml.Node) {
				p.boolean("code_flow", v, &c.CodeFlow)
				flow = v
			},
			"redirect_uris": func(v *yaml.Node) {
				uris = v
				p.list("redirect_uris", v, func(name string, item *yaml.Node) {
					var uri string
					if !p.text(name, item, &uri, redirectURIRules) {
						return
					}
					if slices.Contains(c.RedirectURIs, uri) {
						p.errorf(item, "%s: %s is listed twice", name, input.Quote(uri))
						return
					}
					c.RedirectURIs = append(c.RedirectURIs, uri)
				})
			},
		})
		if !ok {
			return
		}
		if id == nil {
			p.errorf(item, "%s: id is missing", name)
		}
		p.codeFlow(flow, uris, c)
		clients = append(clients, c)
	})
	return clients
}

// codeFlow is about apps on other origins. What TCB enforces of a code is its own affair, and all
// that keeps a stolen one from being of use: whoever switches it on is told what nobody has seen yet.
func (p *parser) codeFlow(flow, uris *yaml.Node, c Client) {
	switch {
	case c.CodeFlow && isEmpty(uris):
		p.errorf(flow, "code_flow: needs redirect_uris: without any there is no app that a code could go to")
	case c.CodeFlow && !p.launch.Emulator:
		p.warnf(flow, "code_flow: it is unproven that TCB checks code_verifier and redirect_uri, and takes a code once: prove it with the three commands of docs/code-flow.md")
	case !c.CodeFlow && !isEmpty(uris):
		p.warnf(uris, "redirect_uris: not used: no login leads to another origin without code_flow: true")
	}
}

func (p *parser) limits(n *yaml.Node, l *Limits) {
	number := func(name string, most int, to *int) func(*yaml.Node) {
		return func(v *yaml.Node) { p.number("limits: "+name, v, most, to) }
	}
	p.mapping("limits", n, fields{
		"sms_per_number":      number("sms_per_number", maxPerTarget, &l.SMSPerNumber),
		"emails_per_address":  number("emails_per_address", maxPerTarget, &l.EmailsPerAddress),
		"sms_per_hour":        number("sms_per_hour", 1_000_000, &l.SMSPerHour),
		"sms_per_hour_abroad": number("sms_per_hour_abroad", 1_000_000, &l.SMSPerHourAbroad),
		"attack_mode":         func(v *yaml.Node) { p.boolean("attack_mode", v, &l.AttackMode) },
	})
}
