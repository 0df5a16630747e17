// Package headers is what browsers are told with every page: what it may load, where it may be
// shown, what it may use.
package headers

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/config/input"
)

// Headers are those that depend on where a page is.
type Headers struct {
	policies   map[string]string // Content-Security-Policy, by origin
	hsts       string
	imageHosts []string
}

// New is for the origins of the pages. imageHosts are origins that pages may show pictures of; hsts
// is how long browsers are to come by https alone, 0 for no word about it.
func New(origins []string, base string, imageHosts []string, hsts time.Duration) *Headers {
	h := &Headers{policies: map[string]string{}, imageHosts: imageHosts}
	if hsts > 0 {
		// Never for subdomains: the host is the app's, and so is that decision.
		h.hsts = fmt.Sprintf("max-age=%d", int(hsts.Seconds()))
	}
	for _, o := range origins {
		h.policies[o] = policy(o, base, imageHosts)
	}
	return h
}

// SetAny sets what every HTML answer carries; assets overwrite some of it.
func SetAny(c *fiber.Ctx) {
	header := &c.Response().Header
	for _, h := range always {
		header.SetCanonical(h.name, h.value)
	}
}

type field struct{ name, value []byte }

// always are the headers of every answer, their names as they are written.
var always = []field{
	{[]byte("Content-Security-Policy"), []byte(fallbackPolicy)},
	{[]byte("X-Content-Type-Options"), []byte("nosniff")},
	{[]byte("Referrer-Policy"), []byte("same-origin")},
	{[]byte("Cross-Origin-Opener-Policy"), []byte("same-origin")},
	{[]byte("Cross-Origin-Resource-Policy"), []byte("same-origin")},
	{[]byte("Permissions-Policy"), []byte(permissionsPolicy)},
	{[]byte("Cache-Control"), []byte("no-store")},
	{[]byte("X-Robots-Tag"), []byte("noindex")},
}

// File leaves away what means nothing for what is no page: a file that pages load, and JSON that scripts read.
func File(c *fiber.Ctx) {
	header := &c.Response().Header
	for _, name := range []string{"Content-Security-Policy", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Permissions-Policy", "X-Robots-Tag"} {
		header.Del(name)
	}
}

// Set sets what differs at an origin.
func (h *Headers) Set(c *fiber.Ctx, origin string) {
	c.Set("Content-Security-Policy", h.policies[origin])
	if h.hsts != "" && strings.HasPrefix(origin, "https://") {
		c.Set("Strict-Transport-Security", h.hsts)
	}
}

// ShowsImage reports that the policy lets pages load a picture. No host but the operator's ever
// hears of who opens the portal.
func (h *Headers) ShowsImage(picture string) bool {
	u, err := url.Parse(picture)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	return slices.ContainsFunc(h.imageHosts, func(source string) bool {
		host, err := url.Parse(source)
		return err == nil && input.OriginOf(host) == input.OriginOf(u)
	})
}

// ShowsImages reports that pages may load pictures of some host.
func (h *Headers) ShowsImages() bool { return len(h.imageHosts) > 0 }

// fallbackPolicy is for pages that no origin is known for.
const fallbackPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func policy(origin, base string, imageHosts []string) string {
	img := "'self' data:"
	for _, host := range imageHosts {
		img += " " + host
	}
	return "default-src 'none'" +
		"; script-src " + origin + base + "/static/" +
		"; style-src " + origin + base + "/static/ " + origin + base + "/theme/" +
		"; img-src " + img +
		"; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}

// permissionsPolicy turns off every feature that browsers know by this header; there is no
// wildcard. otp-credentials alone (Web OTP) is left on.
var permissionsPolicy = strings.Join([]string{
	"accelerometer", "autoplay", "camera", "clipboard-read", "clipboard-write", "display-capture", "encrypted-media",
	"fullscreen", "gamepad", "geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection", "local-fonts",
	"magnetometer", "microphone", "midi", "payment", "picture-in-picture", "publickey-credentials-create",
	"publickey-credentials-get", "screen-wake-lock", "serial", "storage-access", "usb", "window-management", "xr-spatial-tracking",
}, "=(), ") + "=(), otp-credentials=(self)"
