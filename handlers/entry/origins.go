package entry

import (
	"fmt"
	"slices"
	"strings"
)

// Origin is one address at which browsers reach us.
type Origin struct {
	Scheme string
	Text   string // scheme://host[:port], byte for byte what browsers send as Origin
}

// Secure reports that it is https.
func (o Origin) Secure() bool { return o.Scheme == "https" }

// Origins are where browsers reach us, by host.
type Origins map[string][]Origin

// NewOrigins reads origins, each as scheme://host[:port].
func NewOrigins(texts []string) (Origins, error) {
	origins := Origins{}
	for _, text := range texts {
		scheme, host, ok := strings.Cut(text, "://")
		if !ok || host == "" {
			return nil, fmt.Errorf("handlers: %q is no origin", text)
		}
		origins[host] = append(origins[host], Origin{Scheme: scheme, Text: text})
	}
	return origins, nil
}

// At finds the origins of a host, as hosts are compared: in any case, with the dot at its end that
// makes it absolute, and with the port that its scheme has anyway (RFC 9110 §4.2.3).
func (o Origins) At(host string) []Origin {
	if found := o[host]; len(found) > 0 {
		return found
	}
	name, port := CutPort(strings.ToLower(host))
	name = strings.TrimSuffix(name, ".")
	if found := o[name+port]; len(found) > 0 {
		return found
	}
	scheme := map[string]string{":443": "https", ":80": "http"}[port]
	return slices.DeleteFunc(slices.Clone(o[name]), func(at Origin) bool { return at.Scheme != scheme })
}

// CutPort splits a Host before the colon of its port.
func CutPort(host string) (name, port string) {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i], host[i:]
	}
	return host, ""
}
