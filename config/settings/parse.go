package settings

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tcb-login/config/input"
)

// parse reports whether there are settings to speak of.
func (p *parser) parse(data []byte) bool {
	docs, err := documents(data)
	if err != nil {
		p.syntax(data, err)
		return false
	}
	if len(docs) > 1 {
		p.errorf(docs[1], "a second YAML document: settings are one document")
	}
	root := &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	if len(docs) > 0 && len(docs[0].Content) > 0 && !isNull(docs[0].Content[0]) {
		root = docs[0].Content[0]
	}
	s := p.settings
	var environments *yaml.Node
	ok := p.mapping("the settings", root, fields{
		"listen":          func(v *yaml.Node) { p.places.listen = v; p.text("listen", v, &s.Listen, listenRules) },
		"base_path":       func(v *yaml.Node) { p.text("base_path", v, &s.BasePath, basePathRules) },
		"public_origins":  p.publicOrigins,
		"trusted_proxies": p.trustedProxies,
		"session":         p.session,
		"environments":    func(v *yaml.Node) { environments = v; p.environments(v) },
		"image_hosts":     p.imageHosts,
		"hsts_max_age":    p.hstsMaxAge,
		"backend_timeout": p.backendTimeout,
		"refusal_floor":   p.refusalFloor,

		"backend_in_flight": p.backendInFlight,
		"audit":             p.audit,

		"log_level": p.logLevel,
	})
	if ok && environments == nil {
		p.errorf(root, "environments is missing: name at least one TCB environment")
	}
	if p.places.root = root; p.launch.Listen != "" {
		s.Listen = p.launch.Listen
	}
	return ok
}

func (p *parser) publicOrigins(n *yaml.Node) {
	p.places.origins = n
	p.list("public_origins", n, func(name string, item *yaml.Node) {
		var origin string
		if !p.text(name, item, &origin, originRules) {
			return
		}
		if slices.Contains(p.settings.PublicOrigins, origin) {
			p.errorf(item, "%s: %s is listed twice", name, input.Quote(origin))
			return
		}
		p.settings.PublicOrigins = append(p.settings.PublicOrigins, origin)
		if host, ok := strings.CutPrefix(origin, "http://"); ok && !input.IsLoopback(input.Hostname(host)) {
			p.warnf(item, "%s: plain http: passwords can be read on the way", name)
		}
	})
}

func (p *parser) trustedProxies(n *yaml.Node) {
	p.places.proxies = n
	p.list("trusted_proxies", n, func(name string, item *yaml.Node) {
		var s string
		if !p.text(name, item, &s, nil) {
			return
		}
		prefix, ok := parsePrefix(s)
		if !ok {
			p.errorf(item, `%s: want an address or a range like "10.0.0.0/24", found %s`, name, input.Quote(s))
			return
		}
		p.trusted = append(p.trusted, trustedRange{name, item, prefix})
		p.settings.TrustedProxies = append(p.settings.TrustedProxies, prefix)
	})
}

func parsePrefix(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(s)
	// A range of mapped addresses would match nothing: peers are compared unmapped.
	if err != nil || prefix.Addr().Is4In6() {
		return netip.Prefix{}, false
	}
	return prefix.Masked(), true
}

func (p *parser) session(n *yaml.Node) {
	p.places.session = n
	p.mapping("session", n, fields{
		"store": func(v *yaml.Node) {
			p.text("store", v, &p.settings.Session.Store, storeRules)
		},
		"keys": func(v *yaml.Node) {
			p.places.keys = v
			p.list("keys", v, func(name string, item *yaml.Node) {
				key, ok := p.secret(name, item)
				if !ok {
					return
				}
				if got := len(key.Reveal()); got < minSessionKey {
					p.errorf(item, "%s: too short: %d bytes, a session key needs at least %d random ones", name, got, minSessionKey)
					return
				}
				p.keys = append(p.keys, sessionKey{name, item, key})
				p.settings.Session.Keys = append(p.settings.Session.Keys, key)
			})
		},
	})
}

func (p *parser) imageHosts(n *yaml.Node) {
	p.list("image_hosts", n, func(name string, item *yaml.Node) {
		var s string
		if !p.text(name, item, &s, imageHostRules) {
			return
		}
		source := "https://" + strings.TrimPrefix(s, "https://")
		if !slices.Contains(p.settings.ImageHosts, source) {
			p.settings.ImageHosts = append(p.settings.ImageHosts, source)
		}
	})
}

func (p *parser) hstsMaxAge(n *yaml.Node) {
	v := resolve(n)
	value := v.Value
	if v.Kind == yaml.ScalarNode && v.ShortTag() == "!!int" {
		value += "s" // a bare number is seconds, as in the header
	}
	p.duration("hsts_max_age", n, value, 0, maxHSTSAge, &p.settings.HSTSMaxAge)
}

func (p *parser) backendTimeout(n *yaml.Node) {
	p.duration("backend_timeout", n, resolve(n).Value, 100*time.Millisecond, maxTimeout, &p.settings.BackendTimeout)
}

func (p *parser) refusalFloor(n *yaml.Node) {
	p.duration("refusal_floor", n, resolve(n).Value, time.Millisecond, 2*time.Second, &p.settings.RefusalFloor)
}

func (p *parser) logLevel(n *yaml.Node) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	var s string
	if p.text("log_level", n, &s, logLevelRules) {
		p.settings.LogLevel = levels[s]
	}
}
