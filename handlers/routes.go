package handlers

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// route is one line of the table. What is not in the table does not exist.
type route struct {
	method, path string
	handle       fiber.Handler
	open         bool // needs no login request: assets, and who brings their own
	json         bool // takes and answers JSON
}

// routes is the whole of what we serve, below the base path.
func (h *Handler) routes() []route {
	var table []route
	add := func(method, path string, handle fiber.Handler) {
		table = append(table, route{method: method, path: path, handle: handle})
	}
	add("GET", "/", h.getEntry)
	add("GET", "/sign-in", h.getSignIn)
	add("POST", "/sign-in", h.postSignIn)
	for _, flow := range h.flows {
		add("GET", flow.path, flow.get)
		add("POST", flow.path, flow.post)
	}
	add("POST", "/anonymous", h.postAnonymous)
	add("GET", "/anonymous", h.getEntryAgain)
	add("GET", "/agreement/:n", h.getAgreement)
	add("GET", "/sign-out", h.getSignOut)
	add("POST", "/sign-out", h.postSignOut)
	add("POST", "/language", h.postLanguage)
	add("POST", "/captcha", h.postCaptcha)
	table = append(table, route{method: "POST", path: "/session", handle: h.postSession, json: true})
	add("GET", "/continue", h.getContinue)
	add("GET", "/account", h.portal(h.getAccount))
	add("GET", pathVerify, h.portal(h.getVerify))
	add("POST", pathVerify, h.portal(h.postVerify))
	for name, page := range map[string]struct{ get, post fiber.Handler }{
		"account-profile":   {h.getProfile, h.postProfile},
		"account-username":  {h.getUsername, h.postUsername},
		"account-phone":     {h.contacts[0].get, h.contacts[0].post},
		"account-email":     {h.contacts[1].get, h.contacts[1].post},
		"account-password":  {h.getPassword, h.postPassword},
		"account-providers": {h.getProviders, h.postProviders},
		"account-sessions":  {h.getSessions, h.postSessions},
		"account-delete":    {h.getDelete, h.postDelete},
	} {
		route := portalRoutes[name]
		add("GET", route.path, h.portalPage(route, page.get))
		add("POST", route.path, h.portalPage(route, page.post))
	}
	add("GET", "/account/history", h.portal(h.getHistory))
	add("POST", "/provider/callback", h.postCallback)
	add("POST", "/provider/:id", h.postProvider)
	table = append(table, route{method: "GET", path: "/provider/callback", handle: h.getCallback, open: true})
	add("GET", "/provider/:id", h.getEntryAgain) // after the callback, which is no provider
	add("GET", "/language", h.getEntryAgain)
	add("GET", "/captcha", h.getEntryAgain)
	table = append(table,
		route{method: "GET", path: "/static/:name", handle: h.getStatic, open: true},
		route{method: "GET", path: "/theme/:name", handle: h.getTheme, open: true},
		route{method: "GET", path: "/media/:name", handle: h.getMedia, open: true},
	)
	return table
}

// install hangs the table below the base path, and what stands outside of it.
func (h *Handler) install(app *fiber.App) {
	app.Use(h.observe, h.matchOrigin)
	for _, r := range h.routes() {
		chain := []fiber.Handler{h.readRequest, r.handle}
		switch {
		case r.open:
			chain = chain[1:]
		case r.json:
			chain = []fiber.Handler{h.readRequest, jsonOnly, h.checkOrigin, r.handle}
		case r.method == "POST":
			chain = []fiber.Handler{h.readRequest, formsOnly, h.checkOrigin, r.handle}
		}
		app.Add(r.method, h.base+r.path, chain...)
		if r.method == "GET" {
			app.Add("HEAD", h.base+r.path, chain...)
		}
	}
	// For password managers: https://w3c.github.io/webappsec-change-password-url/
	app.Get("/.well-known/change-password", func(c *fiber.Ctx) error {
		return c.Redirect(h.base+portalRoutes["account-password"].path, fiber.StatusSeeOther)
	})
	if h.demo != nil {
		app.Get("/", func(c *fiber.Ctx) error {
			if err := h.prepare(c, h.demoQuery(c)); err != nil {
				return err
			}
			return h.getDemo(c)
		})
	}
	app.Use(func(c *fiber.Ctx) error {
		if err := h.prepare(c, rawQuery(c)); err != nil && problemOf(&trace{}, err).status >= fiber.StatusInternalServerError {
			return err
		}
		if c.Method() == methodUnknown {
			return &problem{status: fiber.StatusNotImplemented, title: "error.title_request", lead: "error.page.method"}
		}
		if allowed := h.allowed(c.Path()); allowed != "" {
			c.Set("Allow", allowed)
			return fiber.ErrMethodNotAllowed
		}
		return errMissing
	})
}

// allowed lists the methods of a path that is in the table.
func (h *Handler) allowed(path string) string {
	var methods []string
	for _, r := range h.routes() {
		if path == h.base+r.path || path+"/" == h.base+r.path {
			methods = append(methods, r.method)
		}
	}
	return strings.Join(methods, ", ")
}
