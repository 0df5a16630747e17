package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// securityDomain says whether a setting is a host, with a port or without.
func securityDomain(domain string) bool {
	parsed, err := url.Parse("http://" + domain)
	return err == nil && parsed.Host == domain && parsed.Hostname() != "" && parsed.User == nil
}

// allowedOrigin refuses the pages of other hosts than the environment's security domains, where it has any. The documents show the
// refusal as an answer that the app reads, text and all, so neither the preflight nor the CORS headers may keep it from the page.
// Callers that send no Origin are servers, which security domains are not about.
func (e *Emulator) allowedOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	domains := e.settings.get().SecurityDomains
	if origin == "" || len(domains) == 0 {
		return nil
	}
	host := ""
	if parsed, err := url.Parse(origin); err == nil {
		host = parsed.Host // with its port, unless that is the scheme's
	}
	if host != "" && slices.ContainsFunc(domains, func(domain string) bool { return strings.EqualFold(domain, host) }) {
		return nil
	}
	if host == "" {
		host = cut(origin, 256) // "null", say
	}
	sentence := strings.NewReplacer("{url}", host, "{env}", e.envOf(r)).Replace(textForeignOrigin)
	return failText("permission_denied", text{sentence, sentence})
}

// envOf is the environment that a call is about, before anything else is known of it; "" where it does not say.
func (e *Emulator) envOf(r *http.Request) string {
	if client, ok := e.clients[r.URL.Query().Get("client_id")]; ok {
		return client.env.ID
	}
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		if parsed, err := e.parseToken(strings.TrimSpace(token), true); err == nil {
			return parsed.Project
		}
	}
	if id, _, ok := r.BasicAuth(); ok {
		if client, ok := e.clients[id]; ok {
			return client.env.ID
		}
	}
	if len(e.environments) == 1 {
		return e.environments[0].ID
	}
	return ""
}
