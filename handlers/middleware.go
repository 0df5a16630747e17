package handlers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/i18n"
	"tcb-login/views"
)

var defaultRand io.Reader = rand.Reader

// Keys of Fiber's Locals.
const (
	localTrace   = "trace"
	localOrigin  = "origin"
	localRequest = "request"
)

// trace is what the log line of a request tells.
type trace struct {
	id    string
	code  string // TCB's error code, if a call was refused, or what was wrong with the bytes
	err   error  // a bug or an outage; never shown to people
	early bool   // refused before there was a request

	arrived time.Time // by the floor's clock
	watched string    // the kind of the last watched call
	alike   bool      // see alike
	leave   func()    // gives back the answer's place, which it has from the first watched call on
}

func traceOf(c *fiber.Ctx) *trace {
	if t, ok := c.Locals(localTrace).(*trace); ok {
		return t
	}
	return &trace{}
}

// observe gives every request an id and one log line: never its query, form,
// cookies or error texts of TCB's, which can hold what people typed.
func (h *Handler) observe(c *fiber.Ctx) (err error) {
	start := h.now()
	t := &trace{arrived: h.floor.clock()}
	if t.id, err = h.newID(); err != nil {
		return err
	}
	c.Locals(localTrace, t)
	defer func() {
		if p := recover(); p != nil {
			t.err = errors.New("panic")
			h.log.Error("panic", "request_id", t.id, "panic", p, "stack", string(debug.Stack()))
			err = h.handleError(c, t.err)
		}
		h.settle(t)
		h.logRequest(c, t, start)
	}()
	if err := c.Next(); err != nil {
		if err := h.handleError(c, err); err != nil {
			return err
		}
	}
	return nil
}

// newID is by what people and operators find a log line.
func (h *Handler) newID() (string, error) {
	var b [8]byte
	_, err := io.ReadFull(h.rand, b[:])
	return hex.EncodeToString(b[:]), err
}

func (h *Handler) logRequest(c *fiber.Ctx, t *trace, start time.Time) {
	level := slog.LevelInfo
	if t.err != nil {
		level = slog.LevelError
	}
	if !h.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", t.id),
	}
	if !t.early { // else they are left over, or the caller's own words
		attrs = append(attrs, slog.String("method", c.Method()), slog.String("route", c.Route().Path))
	}
	attrs = append(attrs,
		slog.Int("status", c.Response().StatusCode()),
		slog.Float64("took_ms", float64(h.now().Sub(start).Microseconds())/1000),
		slog.String("address", h.clientAddress(c).String()),
	)
	if t.code != "" {
		attrs = append(attrs, slog.String("code", t.code))
	}
	if t.err != nil {
		attrs = append(attrs, slog.String("error", loggable(t.err)))
	}
	h.log.LogAttrs(context.Background(), level, "request", attrs...)
}

// loggable is an error's text where it cannot hold what a person typed:
// *authclient.Error leaves TCB's description out of its text for that reason.
func loggable(err error) string {
	var api *authclient.Error
	if errors.As(err, &api) {
		return api.Error() + ", request " + api.RequestID
	}
	return err.Error()
}

// origin is one address at which browsers reach us.
type origin struct {
	scheme string
	text   string // scheme://host[:port], byte for byte what browsers send as Origin
}

func (o origin) secure() bool { return o.scheme == "https" }

// matchOrigin finds which page this is by Host, the scheme included: what we
// are reached at is for the operator to say, not for the request. The response
// gets its headers here, so that error pages have them too.
func (h *Handler) matchOrigin(c *fiber.Ctx) error {
	h.setHeaders(c, fallbackCSP)
	o, ok := h.originOf(c)
	if !ok {
		if strings.HasPrefix(c.Path(), h.base+"/static/") {
			return c.Next() // the look of the page that says so
		}
		return &problem{status: fiber.StatusMisdirectedRequest, title: "error.title_request", lead: "error.page.host"}
	}
	c.Locals(localOrigin, o)
	c.Set("Content-Security-Policy", h.csp[o.text])
	if h.hsts != "" && o.secure() {
		c.Set("Strict-Transport-Security", h.hsts)
	}
	return c.Next()
}

func (h *Handler) originOf(c *fiber.Ctx) (origin, bool) {
	candidates := h.origins[string(c.Request().Header.Host())]
	if len(candidates) == 0 {
		return origin{}, false
	}
	if len(candidates) > 1 && h.trusted(peerAddress(c)) {
		proto := c.Get("X-Forwarded-Proto")
		for _, o := range candidates {
			if o.scheme == proto {
				return o, true
			}
		}
	}
	return candidates[0], true
}

// clientAddress is the caller's: the peer's, or, as far as proxies are trusted,
// the first untrusted one of X-Forwarded-For from the right. Everything left of
// that is the caller's own writing.
func (h *Handler) clientAddress(c *fiber.Ctx) netip.Addr {
	addr := peerAddress(c)
	if !h.trusted(addr) {
		return addr
	}
	var hops []string
	for _, line := range c.Request().Header.PeekAll("X-Forwarded-For") {
		hops = append(hops, strings.Split(string(line), ",")...)
	}
	for i := len(hops) - 1; i >= 0; i-- {
		if strings.TrimSpace(hops[i]) == "" { // an empty element is none (RFC 9110 §5.6.1)
			continue
		}
		hop, ok := parseHop(hops[i])
		if !ok {
			return addr
		}
		addr = hop
		if !h.trusted(addr) {
			return addr
		}
	}
	return addr
}

// parseHop reads an entry of X-Forwarded-For, which some proxies write with a port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap().WithZone(""), err == nil
}

func peerAddress(c *fiber.Ctx) netip.Addr {
	addr, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	return addr.Unmap()
}

func (h *Handler) trusted(addr netip.Addr) bool {
	for _, p := range h.proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// fallbackCSP is for pages that no origin is known for.
const fallbackCSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func contentSecurityPolicy(origin, base string, imageHosts []string) string {
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

// setHeaders sets what every HTML answer carries; assets overwrite some of it.
func (h *Handler) setHeaders(c *fiber.Ctx, csp string) {
	header := &c.Response().Header
	header.Set("Content-Security-Policy", csp)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", permissionsPolicy)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Robots-Tag", "noindex")
}

// permissionsPolicy turns off every feature that browsers know by this header;
// there is no wildcard. otp-credentials alone (Web OTP) is left on.
var permissionsPolicy = strings.Join([]string{
	"accelerometer", "autoplay", "camera", "clipboard-read", "clipboard-write", "display-capture", "encrypted-media",
	"fullscreen", "gamepad", "geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection", "local-fonts",
	"magnetometer", "microphone", "midi", "payment", "picture-in-picture", "publickey-credentials-create",
	"publickey-credentials-get", "screen-wake-lock", "serial", "storage-access", "usb", "window-management", "xr-spatial-tracking",
}, "=(), ") + "=(), otp-credentials=(self)"

// checkOrigin refuses POSTs that another site made. Browsers say so in
// Sec-Fetch-Site or Origin; for those that say nothing, the form's token must
// be of this session. A token that is not (the page was open for long, or the
// cookie is gone) costs nobody their input: the form is shown again.
func (h *Handler) checkOrigin(c *fiber.Ctx) error {
	r := requestOf(c)
	foreign := false
	if r.proven, foreign = h.saidOrigin(c, r.origin.text); foreign {
		return &problem{status: fiber.StatusForbidden, title: "error.title_request", lead: "error.page.cross_site"}
	}
	if r.proven || r.session.CSRFValid(field(c, "csrf_token")) {
		return c.Next()
	}
	r.stale = true
	f, err := h.typedForm(c)
	if err != nil {
		return err
	}
	switch {
	case f.base.Invalid(): // more was lost than the session
	case r.secret != "": // it is not kept: see carryCaptcha
		f.base.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.stale_password")}
	default:
		f.base.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.stale")}
	}
	return h.show(c, fiber.StatusUnprocessableEntity, f)
}

// saidOrigin is what the browser says of the page that a POST comes from: that it
// is of our origin, that it is of another, or neither.
//
// Origin is "null" where the browser will not say: from a page whose proxy has
// added "Referrer-Policy: no-referrer", after a redirect between sites, in a
// sandboxed frame. That is no answer, and never a wrong one. Sec-Fetch-Site
// proves the page all the same, since neither of the latter two is same-origin.
// Its "none" is an action of the person's own and not of any page; a POST that is
// repeated with a restored tab can carry it, so that it says nothing either.
// What is said twice, and differently, is not believed: see said.
func (h *Handler) saidOrigin(c *fiber.Ctx, own string) (proven, foreign bool) {
	site, from := said(c, "Sec-Fetch-Site"), said(c, "Origin")
	if from == "null" {
		from = ""
	}
	probe := &http.Request{
		Method: c.Method(),
		Host:   string(c.Request().Header.Host()),
		URL:    &url.URL{},
		Header: http.Header{},
	}
	if site != "" {
		probe.Header.Set("Sec-Fetch-Site", site)
	}
	if from != "" {
		probe.Header.Set("Origin", from)
	}
	if h.crossOrigin.Check(probe) != nil || from != "" && from != own {
		return false, true
	}
	return site == "same-origin" || from == own, false
}

// said is a header of one value. One that stands there twice with two values is
// joined as its grammar has no word for, so that whoever judges it refuses it: of
// two readers each could take another.
func said(c *fiber.Ctx, name string) string {
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
