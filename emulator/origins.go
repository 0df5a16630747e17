package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tcb-login/config/input"
	"tcb-login/emulator/guard"
)

// securityDomain says whether a setting is a host, with a port or without.
func securityDomain(domain string) bool {
	parsed, err := url.Parse("http://" + domain)
	return err == nil && parsed.Host == domain && parsed.Hostname() != "" && parsed.User == nil
}

// registeredRedirect takes an address that a page of ours may send a browser to. Registered are
//
//   - loopback, at any port and path: a program on the developer's own machine, whose port is known
//     only once it runs (RFC 8252 §7.3),
//   - Config.RedirectURIs,
//   - the redirect URIs of the environment's clients,
//   - every path of the hosts in the setting security_domains.
//
// Elsewhere an address of ours would carry whoever follows it to any site, with a code for it.
func (e *Emulator) registeredRedirect(env, raw string) (*url.URL, error) {
	parsed, err := parseRedirect(raw)
	if err != nil {
		return nil, err
	}
	exact := slices.Clone(e.redirectURIs)
	for _, client := range e.clients.of(env) {
		exact = append(exact, client.redirectURIs...)
	}
	if slices.Contains(exact, raw) {
		return parsed, nil
	}
	scheme := strings.ToLower(parsed.Scheme)
	if parsed.User == nil && (scheme == "http" || scheme == "https") {
		inDomain := func(domain string) bool { return isDomain(domain, parsed) }
		if guard.LoopbackHost(parsed.Host) || slices.ContainsFunc(e.settings.get().SecurityDomains, inDomain) {
			return parsed, nil
		}
		for _, uri := range e.redirectURIs {
			origin, err := url.Parse(uri)
			if err == nil && isOrigin(origin) && input.OriginOf(origin) == input.OriginOf(parsed) {
				return parsed, nil
			}
		}
	}
	return nil, failText("invalid_argument", textNotRegistered)
}

// isDomain says that a URL is on a security domain, which has no scheme.
func isDomain(domain string, u *url.URL) bool {
	named, err := url.Parse(u.Scheme + "://" + domain)
	return err == nil && input.OriginOf(named) == input.OriginOf(u)
}

// isOrigin says that an address has a scheme and a host, and nothing more.
func isOrigin(u *url.URL) bool {
	return u.Path == "" && u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" && u.User == nil
}

// allowedOrigin refuses the pages of other hosts than the environment's security domains, where it
// has any. The documents show the refusal as an answer that the app reads, text and all, so neither
// the preflight nor the CORS headers may keep it from the page. Callers that send no Origin are
// servers, which security domains are not about.
func (e *Emulator) allowedOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	domains := e.settings.get().SecurityDomains
	if origin == "" || len(domains) == 0 {
		return nil
	}
	host := ""
	if parsed, err := url.Parse(origin); err == nil {
		host = parsed.Host // with its port, unless that is the scheme's
		if host != "" && slices.ContainsFunc(domains, func(domain string) bool { return isDomain(domain, parsed) }) {
			return nil
		}
	}
	if host == "" {
		host = cut(origin, 256) // "null", say
	}
	sentence := strings.NewReplacer("{url}", host, "{env}", e.envOf(r)).Replace(textForeignOrigin)
	return failText("permission_denied", text{sentence, sentence})
}

// envOf is the environment that a call is about, before anything else is known of it; "" where it
// does not say.
func (e *Emulator) envOf(r *http.Request) string {
	if client, ok := e.clients.find(r.URL.Query().Get("client_id")); ok {
		return client.env.ID
	}
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		if parsed, err := e.parseToken(strings.TrimSpace(token), true); err == nil {
			return parsed.Project
		}
	}
	if id, _, ok := r.BasicAuth(); ok {
		if client, ok := e.clients.find(id); ok {
			return client.env.ID
		}
	}
	if len(e.environments) == 1 {
		return e.environments[0].ID
	}
	return ""
}
