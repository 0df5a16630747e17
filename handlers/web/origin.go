package web

import (
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tcb-login/handlers/entry"
	"tcb-login/handlers/headers"
	"tcb-login/handlers/origins"
	"tcb-login/handlers/refusal"
	"tcb-login/i18n"
	"tcb-login/views"
)

// matchOrigin finds which page this is by Host, the scheme included: what we are reached at is for
// the operator to say, not for the request. The response gets its headers here, so that error pages
// have them too.
func (s *Site) matchOrigin(c *fiber.Ctx) error {
	headers.SetAny(c)
	o := s.originOf(c)
	if o == nil {
		if strings.HasPrefix(c.Path(), s.places.Base+"/static/") {
			return c.Next() // the look of the page that says so
		}
		return errHost
	}
	if name, _ := origins.CutPort(string(c.Request().Header.Host())); strings.HasSuffix(name, ".") && c.Method() != fiber.MethodPost {
		// To browsers that is another origin, with other storage than the app's.
		return c.Redirect(o.Text+string(c.Request().URI().RequestURI()), fiber.StatusPermanentRedirect) // begins with a slash
	}
	c.Locals(localOrigin, o)
	s.headers.Set(c, o.Text)
	return c.Next()
}

// errHost is for a Host that none of our pages has.
var errHost = &refusal.Problem{Status: fiber.StatusMisdirectedRequest, Title: "error.title_request", Lead: "error.page.host"}

// originOf is which of our origins a request is for, nil where it is none of them. All requests share it.
func (s *Site) originOf(c *fiber.Ctx) *entry.Origin {
	candidates := s.origins.At(string(c.Request().Header.Host()))
	if len(candidates) == 0 {
		return nil
	}
	if len(candidates) > 1 && s.proxies.Trust(peerAddress(c)) {
		proto := c.Get("X-Forwarded-Proto")
		for i := range candidates {
			if candidates[i].Scheme == proto {
				return &candidates[i]
			}
		}
	}
	return &candidates[0]
}

func (s *Site) clientAddress(c *fiber.Ctx) netip.Addr {
	return s.proxies.Caller(peerAddress(c), c.Request().Header.PeekAll("X-Forwarded-For"))
}

func peerAddress(c *fiber.Ctx) netip.Addr {
	addr, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	return addr.Unmap()
}

// checkOrigin refuses POSTs that another site made. Browsers say so in Sec-Fetch-Site or Origin;
// for those that say nothing checkToken decides.
func (s *Site) checkOrigin(c *fiber.Ctx) error {
	r := requestOf(c)
	foreign := false
	if r.Proven, foreign = origins.Said(c, r.Origin.Text); foreign {
		return refusal.ErrCrossSite
	}
	return c.Next()
}

// checkToken wants the form's token to be of this session, where the browser does not say where a
// POST comes from. A token that is not (the page was open for long, or the cookie is gone) costs
// nobody their input: the form is shown again.
func (s *Site) checkToken(c *fiber.Ctx) error {
	r := requestOf(c)
	if r.Proven || r.Session.CSRFValid(r.Form.Value("csrf_token")) {
		return c.Next()
	}
	r.Form.Stale = true
	page, err := s.Rebuild(r)
	if err != nil {
		return err
	}
	b := page.Frame()
	switch {
	case b.Invalid(): // more was lost than the session
	case r.Form.secret != "": // it is not kept: see carry
		b.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.stale_password")}
	default:
		b.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.stale")}
	}
	return s.write(c, r, Reply{Status: fiber.StatusUnprocessableEntity, Page: page})
}

// provenOnly stands before what a script of ours posts, and no form: there is nothing to show
// again, so who does not say where they come from is refused like who comes from elsewhere.
func (s *Site) provenOnly(c *fiber.Ctx) error {
	r := requestOf(c)
	foreign := false
	switch r.Proven, foreign = origins.Said(c, r.Origin.Text); {
	case r.Proven:
		return c.Next()
	case foreign:
		r.Trace.Because(refusal.ReasonCrossSite)
		return writeJSON(c, fiber.StatusForbidden, map[string]string{"error": "cross_site"})
	}
	r.Trace.Because(refusal.ReasonOrigin)
	return writeJSON(c, fiber.StatusBadRequest, map[string]string{"error": "origin_unsaid"})
}

// FromPage reports that a page of our origin asks, and nobody's own action: such a page may have
// the session's token.
func (r *Request) FromPage() bool { return r.Proven && origins.Header(r.c, "Sec-Fetch-Site") != "none" }
