package handlers

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/i18n"
	"tcb-login/views"
)

// page is the Base of a page without a form.
func (h *Handler) page(r *request, name string, title i18n.Message) views.Base {
	shown := r.look
	if shown == nil {
		shown = h.builtIn
	}
	b := views.Base{
		T:     r.loc,
		Page:  name,
		Title: title,
		Assets: views.Assets{
			Style:    shown.style,
			Script:   h.asset("app.js"),
			Complete: h.asset("complete.js"),
			Demo:     h.asset("demo.js"),

			AccountStyle: h.asset("account.css"),
			Account:      h.asset("account.js"),
		},
	}
	if app := h.appName(r); app != "" {
		initial, _ := utf8.DecodeRuneInString(app)
		b.App = views.App{Name: app, Initial: string(unicode.ToUpper(initial))}
	}
	if r.login != nil {
		b.App.Logo, b.App.LogoDark = h.media(r.login.Logo), h.media(r.login.LogoDark)
		for _, l := range r.login.Links {
			b.Footer = append(b.Footer, views.Link{URL: l.URL, Label: i18n.Message{Text: l.Label.In(r.loc.Locale())}})
		}
	}
	for _, l := range shown.messages.Locales() {
		b.Languages = append(b.Languages, views.Language{Tag: l.Locale(), Name: l.Name(), Current: l == r.loc})
	}
	if r.entry && r.Prompt != "login" && r.Prompt != "create" && (r.target == targetOwn || r.next != "") {
		b.Resume, b.Client = h.asset("account.js"), r.client.ID
	}
	if r.me != nil && !r.access.Anonymous {
		h.portalFrame(r, &b)
	}
	return b
}

// appName is the app's, also on an error page that came before the app was
// known, where there is only one.
func (h *Handler) appName(r *request) string {
	switch {
	case r.login != nil:
		return r.login.Name
	case h.onlyEnv != nil:
		return h.onlyEnv.Name
	}
	return ""
}

// formPage is the Base of a page whose form posts to path. flow is the sealed
// step that goes along, if any.
func (h *Handler) formPage(r *request, name string, title i18n.Message, path, flow string) *views.Base {
	b := h.page(r, name, title)
	extra := []string{}
	if r.via != "" {
		extra = append(extra, "via="+url.QueryEscape(r.via))
	}
	if flow != "" {
		extra = append(extra, "flow="+flow)
	}
	b.Form.Name = name
	b.Form.Action = r.to(path, extra...)
	b.LanguageAction = r.to("/language", extra...)
	b.CaptchaAction = r.to("/captcha", extra...)
	return &b
}

// inLanguage is the entry query string with another lang= in it.
func (r *request) inLanguage(tag string) string { return r.with("lang", tag) }

// with is the entry query string with another value of one parameter, of which
// the first would count if both stood there.
func (r *request) with(name, value string) string {
	var parts []string
	for part := range strings.SplitSeq(r.query, "&") {
		if key, _, _ := strings.Cut(part, "="); part != "" && unescape(key) != name {
			parts = append(parts, part)
		}
	}
	return strings.Join(append(parts, name+"="+value), "&")
}

// prompting is the address of a page of ours with another prompt= in it.
func (r *request) prompting(prompt, path string) string {
	other := *r
	other.query = r.with("prompt", prompt)
	return other.to(path)
}

// title is "Sign in to App", or without the app where it has no name.
func (r *request) title() i18n.Message {
	if r.login.Name == "" {
		return i18n.Msg("sign-in.title_plain")
	}
	return i18n.Message{Key: "sign-in.title", Args: i18n.Args{"app": r.login.Name}}
}

// show finishes a form, with what only the end of the request knows (CSRF token
// of the session as it is now, captcha, a kept password), and sends it.
func (h *Handler) show(c *fiber.Ctx, status int, f form) error {
	r := requestOf(c)
	b := f.base
	b.Form.CSRF = r.session.CSRFToken()
	if b.Guard != nil {
		b.Guard.CSRF = r.session.CSRFToken()
	}
	b.Form.DeviceID = r.deviceID
	if b.Form.DeviceID == "" {
		b.Form.DeviceID = r.session.DeviceID()
	}
	if err := h.carryCaptcha(r, b); err != nil {
		return err
	}
	if c.Method() == fiber.MethodPost {
		b.Canonical = b.Form.Action
	}
	return h.send(c, status, f.view())
}

// send writes a page and the session's cookies.
func (h *Handler) send(c *fiber.Ctx, status int, page templ.Component) error {
	cookies, err := requestOf(c).session.Cookies()
	if err != nil {
		return err
	}
	addCookies(c, cookies)
	return h.write(c, status, page)
}

func addCookies(c *fiber.Ctx, cookies []string) {
	for _, cookie := range cookies {
		c.Response().Header.Add("Set-Cookie", cookie) // c.Append would join them into one
	}
}

// seeOther answers a POST that went well.
func (h *Handler) seeOther(c *fiber.Ctx, to string) error {
	cookies, err := requestOf(c).session.Cookies()
	if err != nil {
		return err
	}
	addCookies(c, cookies)
	return c.Redirect(to, fiber.StatusSeeOther)
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// write renders into a buffer first: half a page is worse than an error page.
func (h *Handler) write(c *fiber.Ctx, status int, page templ.Component) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer func() {
		buf.Reset()
		buffers.Put(buf)
	}()
	if err := page.Render(context.Background(), buf); err != nil {
		return fmt.Errorf("rendering: %w", err)
	}
	c.Set("Content-Type", "text/html; charset=utf-8")
	c.Status(status).Response().SetBody(buf.Bytes()) // copies, where Send would keep the buffer
	return nil
}

// renderLastResort makes the page for when rendering itself fails.
func (h *Handler) renderLastResort() error {
	r := &request{base: h.base, loc: h.messages.Match()}
	var buf bytes.Buffer
	err := views.Error(views.ErrorPage{
		Base: h.page(r, "error", i18n.Msg("error.title")),
		Lead: i18n.Msg("error.page.internal"),
	}).Render(context.Background(), &buf)
	h.lastResort = buf.Bytes()
	return err
}
