// Package origins finds by Host which of our pages a request is for, and what the browser says of the
// page that it comes from.
package origins

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tcb-login/handlers/entry"
)

// Hosts are the origins that browsers reach us at, by Host.
type Hosts map[string][]entry.Origin

// New reads origins, each as scheme://host[:port].
func New(texts []string) (Hosts, error) {
	h := Hosts{}
	for _, text := range texts {
		scheme, host, ok := strings.Cut(text, "://")
		if !ok || host == "" {
			return nil, fmt.Errorf("handlers: %q is no origin", text)
		}
		h[host] = append(h[host], entry.Origin{Scheme: scheme, Text: text})
	}
	return h, nil
}

// Rewritten says that a proxy before us puts these hosts into Host where the browser is at an
// origin. A host that has an origin of its own keeps it.
func (h Hosts) Rewritten(hosts []string, origin string) {
	scheme, _, _ := strings.Cut(origin, "://")
	for _, host := range hosts {
		if len(h[host]) == 0 {
			h[host] = []entry.Origin{{Scheme: scheme, Text: origin}}
		}
	}
}

// At finds the origins of a host, as hosts are compared: in any case, with the dot at its end that
// makes it absolute, and with the port that its scheme has anyway (RFC 9110 §4.2.3).
func (h Hosts) At(host string) []entry.Origin {
	if o := h[host]; len(o) > 0 {
		return o
	}
	name, port := CutPort(strings.ToLower(host))
	name = strings.TrimSuffix(name, ".")
	if o := h[name+port]; len(o) > 0 {
		return o
	}
	scheme := map[string]string{":443": "https", ":80": "http"}[port]
	return slices.DeleteFunc(slices.Clone(h[name]), func(o entry.Origin) bool { return o.Scheme != scheme })
}

// CutPort splits a Host before the colon of its port.
func CutPort(host string) (name, port string) {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i], host[i:]
	}
	return host, ""
}

// crossOrigin knows what browsers say; it keeps nothing.
var crossOrigin = http.NewCrossOriginProtection()

// Said is what the browser says of the page that a POST comes from: that it is of our origin,
// that it is of another, or neither.
//
// Origin is "null" where the browser will not say: from a page whose proxy has added
// "Referrer-Policy: no-referrer", after a redirect between sites, in a sandboxed frame. That is no
// answer, and never a wrong one. Sec-Fetch-Site proves the page all the same, since neither of the
// latter two is same-origin. Its "none" is an action of the person's own and not of any page; a
// POST that is repeated with a restored tab can carry it, so that it says nothing either. What is
// said twice, and differently, is not believed: see Header.
func Said(c *fiber.Ctx, own string) (proven, foreign bool) {
	site, from := Header(c, "Sec-Fetch-Site"), Header(c, "Origin")
	_, host, _ := strings.Cut(own, "://")
	if from == "null" {
		from = ""
	}
	probe := &http.Request{
		Method: c.Method(),
		Host:   host,
		URL:    &url.URL{},
		Header: http.Header{},
	}
	if site != "" {
		probe.Header.Set("Sec-Fetch-Site", site)
	}
	if from != "" {
		probe.Header.Set("Origin", from)
	}
	if crossOrigin.Check(probe) != nil || from != "" && from != own {
		return false, true
	}
	return site == "same-origin" || from == own, false
}

// Header is a header of one value. One that stands there twice with two values is joined as its
// grammar has no word for, so that whoever judges it refuses it: of two readers each could take
// another.
func Header(c *fiber.Ctx, name string) string {
	var value string
	for _, line := range c.Request().Header.PeekAll(name) {
		switch next := strings.TrimSpace(string(line)); {
		case next == "" || next == value:
		case value == "":
			value = next
		default:
			return value + ", " + next
		}
	}
	return value
}

// Only is a header that stands there once; empty otherwise.
func Only(c *fiber.Ctx, name string) string {
	if lines := c.Request().Header.PeekAll(name); len(lines) == 1 {
		return string(lines[0])
	}
	return ""
}
