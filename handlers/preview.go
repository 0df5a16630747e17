package handlers

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/config/loginpage"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Preview shows the pages of any login config with sample data, for the
// operator's listener. It signs nobody in and calls nothing: the pages are made
// by the constructors that the real ones come from, and posting their forms is
// forbidden to the browser.
type Preview struct{ h *Handler }

// PreviewPath is where the previewed pages are on the operator's listener.
const PreviewPath = "/preview/pages"

// PreviewQuery says what to show. Its query string rides in every link of a
// previewed page, so that one leads to the next.
type PreviewQuery struct {
	Key    loginpage.Key
	Locale string // of the page, or of a pseudo-locale
	Scheme string // light, dark or what the browser prefers
	State  string // "empty" when empty
}

// Encode is q as a query string.
func (q PreviewQuery) Encode() string {
	v := url.Values{}
	for name, value := range map[string]string{
		"env": q.Key.Env, "app": q.Key.App, "version": q.Key.Version, "locale": q.Locale, "scheme": q.Scheme, "state": q.State,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v.Encode()
}

// DecodePreviewQuery reads what Encode wrote.
func DecodePreviewQuery(get func(string) string) PreviewQuery {
	return PreviewQuery{
		Key:    loginpage.Key{Env: get("env"), App: get("app"), Version: get("version")},
		Locale: get("locale"), Scheme: get("scheme"), State: get("state"),
	}
}

// NewPreview is a preview of what New would serve with the same Config.
func NewPreview(cfg Config) (*Preview, error) {
	settings := *cfg.Settings
	settings.BasePath = PreviewPath
	cfg.Settings, cfg.NewAuth = &settings, sampleAuth
	h, err := newHandler(cfg)
	if err != nil {
		return nil, err
	}
	return &Preview{h}, nil
}

// Install adds the pages and what they load to app.
func (p *Preview) Install(app *fiber.App) {
	app.Get(PreviewPath+"/static/:name", p.inScheme(p.h.getStatic))
	app.Get(PreviewPath+"/theme/:name", p.inScheme(p.h.getTheme))
	app.Get(PreviewPath+"/media/:name", p.h.getMedia)
	app.Get(PreviewPath+"/*", p.getPage)
}

// Asset is the address of one of our files on the operator's listener.
func (p *Preview) Asset(file string) string { return p.h.asset(file) }

// Locales are those that a login config offers, and then the pseudo-locales.
func (p *Preview) Locales(key loginpage.Key) []*i18n.Localizer {
	offered := p.h.messages
	if l := p.h.logins.Find(key); l != nil {
		if look, err := p.h.lookOf(l); err == nil {
			offered = look.messages
		}
	}
	return append(slices.Clone(offered.Locales()), offered.Pseudo()...)
}

// PreviewPage is a page of a login config and the states that it can be in.
type PreviewPage struct {
	Name   string // its data-page
	Path   string // below PreviewPath
	States []string
}

// Pages are all that a login config has, none when there is no such config.
func (p *Preview) Pages(c *fiber.Ctx, q PreviewQuery) []PreviewPage {
	r := p.request(q)
	if r == nil {
		return nil
	}
	var pages []PreviewPage
	for _, s := range p.h.samples(c, r) {
		if n := len(pages); n == 0 || pages[n-1].Name != s.page {
			pages = append(pages, PreviewPage{Name: s.page, Path: s.path})
		}
		last := &pages[len(pages)-1]
		last.States = append(last.States, s.state)
	}
	return pages
}

// request is a request for the page that q asks for, as if from the app; nil
// when there is none.
func (p *Preview) request(q PreviewQuery) *request {
	h := p.h
	env := h.environments[q.Key.Env]
	login := h.logins.Find(q.Key)
	if env == nil || login == nil {
		return nil
	}
	look, err := h.lookOf(login)
	if err != nil {
		return nil
	}
	session, err := h.sessions.Load(context.Background(), "", true)
	if err != nil {
		return nil
	}
	const app = "https://app.example.com"
	r := &request{
		loginRequest: loginRequest{EnvID: env.ID, RedirectURI: app + "/orders"},
		origin:       origin{scheme: "https", text: app},
		base:         h.base, env: env, login: login, look: look, target: targetOwn, session: session,
		loc: look.messages.Match(q.Locale),
	}
	if r.client = env.onlyClient; r.client == nil {
		r.client = env.clients[env.Clients[0].ID]
	}
	if pseudo, ok := look.messages.PseudoLocale(q.Locale); ok {
		r.loc = pseudo
	}
	q.State = "" // a link leads to another page
	r.query = q.Encode()
	return r
}

func (p *Preview) getPage(c *fiber.Ctx) error {
	q := DecodePreviewQuery(func(name string) string { return c.Query(name) })
	r := p.request(q)
	if r == nil {
		return fiber.ErrNotFound
	}
	path := "/" + c.Params("*")
	if path == "/" {
		path = r.entryPath()
	}
	for _, s := range p.h.samples(c, r) {
		if s.path != path || s.state != q.State && (q.State != "" || s.state != "empty") {
			continue
		}
		var buf bytes.Buffer
		if err := s.render(func(b *views.Base) { p.dress(b, r, q, path) }).Render(c.UserContext(), &buf); err != nil {
			return err
		}
		c.Set("Content-Type", "text/html; charset=utf-8")
		c.Set("Cache-Control", "no-store")
		c.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'none'; form-action 'none'; frame-ancestors 'self'; base-uri 'none'"+
			"; script-src "+c.BaseURL()+p.h.asset("app.js"))
		return c.Send(buf.Bytes())
	}
	return fiber.ErrNotFound
}

// dress gives a page what a preview of it has differently: the scheme that was
// picked, and a language switch that leads to the preview in that language.
func (p *Preview) dress(b *views.Base, r *request, q PreviewQuery, path string) {
	if q.Scheme != "" {
		b.Assets.Style += "?scheme=" + url.QueryEscape(q.Scheme)
		if q.Scheme == "dark" && b.App.LogoDark != "" {
			b.App.Logo = b.App.LogoDark
		}
		b.App.LogoDark = ""
	}
	b.Assets.Complete, b.Assets.Account, b.Resume = "", "", ""
	if b.Guard != nil {
		b.Guard = &views.Guard{} // there is no storage to compare with
	}
	b.Form.DeviceID = strings.Repeat("0", 32)
	b.Canonical, b.Refresh, b.Still = "", "", true
	b.Form.Name = "" // the language switch is links then
	for i, l := range b.Languages {
		other := q
		other.Locale = l.Tag
		b.Languages[i].URL = r.base + path + "?" + other.Encode()
	}
}

// inScheme serves a stylesheet as if the browser preferred the scheme that the
// query names: the server cannot make it prefer one.
func (p *Preview) inScheme(serve fiber.Handler) fiber.Handler {
	const media, either = "@media(prefers-color-scheme:dark)", "color-scheme:light dark"
	return func(c *fiber.Ctx) error {
		scheme := c.Query("scheme")
		if scheme != "light" && scheme != "dark" {
			return serve(c)
		}
		c.Request().Header.Del("Accept-Encoding")
		if err := serve(c); err != nil {
			return err
		}
		always := "@media not all"
		if scheme == "dark" {
			always = "@media all"
		}
		return c.SendString(strings.NewReplacer(media, always, either, "color-scheme:"+scheme).Replace(string(c.Response().Body())))
	}
}

// sample is a page in one state.
type sample struct {
	page, path, state string
	render            func(dress func(*views.Base)) templ.Component
}

// samples are all pages of a login config in all their states.
func (h *Handler) samples(c *fiber.Ctx, r *request) []sample {
	s := &sampler{h: h, c: c, r: r}
	s.signIn()
	for _, cf := range h.flows {
		if cf.offered(r.login) {
			s.codeFlow(cf)
		}
	}
	s.ends()
	s.portal()
	return s.all
}

// entryPath is the page that the entry shows.
func (r *request) entryPath() string {
	switch r.login.Default {
	case loginpage.MethodSMS:
		return "/sign-in/sms"
	case loginpage.MethodEmail:
		return "/sign-in/email"
	case loginpage.MethodPassword:
		return "/sign-in"
	}
	return "/"
}

// sampler makes samples. c is a request to the operator's listener: some
// constructors look for what a form brought, and there find nothing.
type sampler struct {
	h   *Handler
	c   *fiber.Ctx
	r   *request
	all []sample
}

// request is c as a request for the page of r.
func (s *sampler) request() *fiber.Ctx {
	s.c.Locals(localRequest, s.r)
	return s.c
}

// forms adds a page with a form: as it is at first, and in every state that any
// form can get into.
func (s *sampler) forms(page, path string, make func() form, own ...formState) {
	states := append([]formState{{"empty", func(*views.Base) {}}}, own...)
	states = append(states,
		formState{"limited", func(b *views.Base) {
			s.alert(b, views.AlertError, i18n.Message{Key: "error.too_many_wait", N: 34})
		}},
		formState{"captcha", func(b *views.Base) {
			s.alert(b, views.AlertInfo, i18n.Msg("captcha.ask"))
			b.Captcha = sampleCaptcha
		}},
		formState{"captcha-wrong", func(b *views.Base) {
			b.Captcha = sampleCaptcha
			wrong(b, "captcha_key", "error.captcha_wrong")
		}},
	)
	for _, key := range refusalKeys {
		states = append(states, formState{key, func(b *views.Base) { s.alert(b, views.AlertError, i18n.Msg(key)) }})
	}
	for _, st := range states {
		s.all = append(s.all, sample{page, path, st.name, func(dress func(*views.Base)) templ.Component {
			f := make()
			st.change(f.base)
			dress(f.base)
			return f.view()
		}})
	}
}

func (s *sampler) alert(b *views.Base, kind views.AlertKind, m i18n.Message) {
	b.Alert.Kind, b.Alert.Message = kind, m
}

// page adds a page without states of a form.
func (s *sampler) page(page, path, state string, render func(dress func(*views.Base)) templ.Component) {
	s.all = append(s.all, sample{page, path, state, render})
}

type formState struct {
	name   string
	change func(*views.Base)
}

// fieldsWrong is the state in which fields are refused.
func fieldsWrong(name string, pairs ...string) formState {
	return formState{name, func(b *views.Base) {
		for i := 0; i < len(pairs); i += 2 {
			wrong(b, pairs[i], pairs[i+1])
		}
	}}
}

// refusalKeys are the messages that any call of TCB's may lead to.
var refusalKeys = func() []string {
	var keys []string
	for _, out := range refusals {
		if out.field == "" && !slices.Contains(keys, out.key) {
			keys = append(keys, out.key)
		}
	}
	slices.Sort(keys)
	return keys
}()

var sampleCaptcha = &views.Captcha{Picture: "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(
	`<svg xmlns="http://www.w3.org/2000/svg" width="140" height="48"><rect width="140" height="48" fill="#fff"/>`+
		`<path d="M4 34C40 8 90 44 136 16" stroke="#8aa" fill="none" stroke-width="2"/>`+
		`<text x="22" y="34" font-family="monospace" font-size="28" letter-spacing="8" fill="#246" transform="skewX(-8)">k7mf</text></svg>`))}

func (s *sampler) agreementState() []formState {
	if len(s.r.login.Agreements) == 0 {
		return nil
	}
	return []formState{fieldsWrong("agreement", "agreement", "error.required.agreement")}
}

func (s *sampler) signIn() {
	h, r := s.h, s.r
	if r.login.Default == "" {
		s.forms("choose", "/", func() form { return h.choosePage(r) }, s.agreementState()...)
	}
	if r.login.Anonymous {
		s.forms(formAnonymous, "/anonymous", func() form { return h.startPage(r, "") }, s.agreementState()...)
	}
	for _, w := range r.login.Ways {
		if w.Method() == "" {
			s.forms(formProvider+" ("+w.ID+")", "/provider/"+w.ID, func() form { return h.startPage(r, w.ID) }, s.agreementState()...)
		}
	}
	if !r.login.Offers(loginpage.MethodPassword) {
		return
	}
	var shown *views.SignInPage
	own := []formState{
		fieldsWrong("required", "username", "error.required.username", "password", "error.required.password"),
		{"refused", func(b *views.Base) {
			s.alert(b, views.AlertError, i18n.Msg("error.sign_in_failed"))
			shown.Refused = true
			h.waysAround(shown)
		}},
		{"limited-password", func(b *views.Base) {
			s.alert(b, views.AlertError, i18n.Message{Key: "error.password_limit", N: 9})
			h.waysAround(shown)
		}},
		{"stale", func(b *views.Base) { s.alert(b, views.AlertError, i18n.Msg("error.stale_password")) }},
		{"reset-done", func(b *views.Base) { s.alert(b, views.AlertOK, i18n.Msg("reset.done")) }},
	}
	s.forms("sign-in", "/sign-in", func() form {
		p, f := h.signInPage(r, "")
		shown = p
		return f
	}, append(own, s.agreementState()...)...)
}

// sampleFlow is a step under way, by phone where the flow can be.
func (s *sampler) sampleFlow(cf *codeFlow) *flow {
	f := &flow{VerificationID: "sample", CodeUntil: s.h.now().Add(10 * time.Minute).Unix()}
	if cf.byPhone(s.r) {
		f.Phone = "+86 13800000000"
	} else {
		f.Email = "someone@example.com"
	}
	return f
}

func (s *sampler) codeFlow(cf *codeFlow) {
	vias := []string{""}
	if phone, email := cf.channels(s.r.login); phone && email {
		vias = []string{"phone", "email"}
	}
	for _, via := range vias {
		r := *s.r
		r.via = via
		of := &sampler{h: s.h, c: s.c, r: &r}
		name, path := cf.name, cf.path
		if via == "email" {
			name, path = name+" (email)", path+"/by-email"
		}
		of.codePages(cf, name, path)
		s.take(of)
	}
}

func (s *sampler) codePages(cf *codeFlow, name, path string) {
	r := s.r
	field, bad := "email", "error.email"
	if cf.byPhone(r) {
		field, bad = "phone_number", "error.phone"
	}
	own := []formState{
		fieldsWrong("required", field, "error.required."+field),
		fieldsWrong("invalid", field, bad),
		{"limited-sends", func(b *views.Base) {
			s.alert(b, views.AlertError, i18n.Message{Key: "error.send_wait", N: 12})
		}},
		{"lost", func(b *views.Base) { s.alert(b, views.AlertError, i18n.Msg("error.code_lost")) }},
	}
	if cf.bound != nil { // there is nothing to type
		own = nil
	} else if field == "phone_number" && len(r.login.Countries.Allowed) > 0 {
		own = append(own, fieldsWrong("other-country", field, "error.phone_country"))
	}
	s.forms(name, path, func() form { return cf.sendPage(r, destination{}) }, append(own, s.agreementState()...)...)

	var code *views.CodePage
	s.forms(name+"-code", path+"/code", func() form {
		p, f, err := cf.codePage(r, s.sampleFlow(cf))
		if err != nil {
			panic(err) // only a flow that cannot be JSON
		}
		code = p
		return f
	},
		formState{"waiting", func(*views.Base) { code.Wait = 42 }},
		formState{"again", func(b *views.Base) { s.alert(b, views.AlertOK, i18n.Msg("code.again")) }},
		formState{"expired", func(b *views.Base) {
			code.Minutes = 0
			s.alert(b, views.AlertInfo, i18n.Msg("code.expired"))
		}},
		fieldsWrong("required", "verification_code", "error.required.verification_code"),
		fieldsWrong("invalid", "verification_code", "error.code_format"),
		fieldsWrong("wrong", "verification_code", "error.code_wrong"),
		fieldsWrong("used-up", "verification_code", "error.code_tries"),
		formState{"limited-sends", func(b *views.Base) {
			s.alert(b, views.AlertError, i18n.Message{Key: "error.send_wait", N: 42})
		}},
	)
	for _, user := range []int{0, 1} {
		s.verified(cf, name, path, user)
	}
}

// verified adds the page of a flow's last step, for people who have an account
// and for those who have none.
func (s *sampler) verified(cf *codeFlow, name, path string, user int) {
	make := func() form {
		f := s.sampleFlow(cf)
		f.User, f.VerificationToken = user, "sample"
		form, err := cf.form(s.request(), f)
		if err != nil {
			panic(err)
		}
		return form
	}
	first := make()
	last := first.base.Form.Name
	if slices.ContainsFunc(s.all, func(have sample) bool { return strings.HasPrefix(have.page, name) && have.path == path+"/"+last }) {
		return
	}
	own := []formState{}
	if strings.HasSuffix(last, "-details") {
		own = append(own,
			fieldsWrong("required", "username", "error.required.new_username", "password", "error.required.new_password"),
			fieldsWrong("invalid", "name", "error.too_long", "username", "error.username_form"),
			fieldsWrong("taken", "username", "error.username_taken"),
			fieldsWrong("weak", "password", "error.password_weak"),
		)
	}
	if strings.HasSuffix(last, "-new") {
		own = append(own,
			fieldsWrong("required", "new_password", "error.required.new_password"),
			fieldsWrong("weak", "new_password", "error.password_weak"),
		)
	}
	s.forms(strings.Replace(last, cf.name, name, 1), path+"/"+last, make, own...)
	if user == 0 && (cf.name == "sign-up" || cf.method != "" && s.r.login.Registration == loginpage.RegistrationAuto) {
		s.linking(cf, name, path)
	}
}

// linking adds the page that names an identity and the account to be made.
func (s *sampler) linking(cf *codeFlow, name, path string) {
	s.page(name+"-details", path+"/"+cf.name+"-details", "linking", func(dress func(*views.Base)) templ.Component {
		r := *s.r
		var err error
		if r.link, err = s.h.sealLink(&r, sampleLink, linkLife); err != nil {
			panic(err) // only a link that cannot be JSON
		}
		of := &sampler{h: s.h, c: s.c, r: &r}
		f := of.sampleFlow(cf)
		f.VerificationToken = "sample"
		_, form, err := cf.details(of.request(), f)
		if err != nil {
			panic(err)
		}
		dress(form.base)
		return form.view()
	})
}

var sampleLink = pendingLink{Token: "sample", Provider: "wx_open", Name: "小雨"}

// ends are the pages that end a visit, well or badly.
func (s *sampler) ends() {
	h, r := s.h, s.r
	for i := range r.login.Agreements {
		s.page("agreement", agreementPath(i), "empty", func(dress func(*views.Base)) templ.Component {
			p := h.agreementPage(r, i)
			dress(&p.Base)
			return views.Agreement(p)
		})
	}
	s.page("complete", "/complete", "empty", func(dress func(*views.Base)) templ.Component {
		p := views.CompletePage{Base: h.page(r, "complete", i18n.Msg("complete.title")), Data: views.Completion{Back: r.to(r.signInPath())}}
		dress(&p.Base)
		p.Languages = nil
		return views.Complete(p)
	})
	s.forms("sign-out", "/sign-out", func() form { return h.signOutForm(s.request()) })
	s.page("leaving", "/leaving", "empty", func(dress func(*views.Base)) templ.Component {
		p := views.LeavingPage{
			Base: h.page(r, "leaving", i18n.Msg("sign-out.done")), Lead: i18n.Msg("leaving.lead"),
			Data: views.Departure{To: r.RedirectURI},
		}
		dress(&p.Base)
		p.Languages = nil
		return views.Leaving(p)
	})
	for _, e := range []struct {
		state string
		*problem
	}{
		{"missing", errMissing},
		{"disabled", errDisabled},
		{"not-yet", errNotYet},
		{"cross-site", &problem{title: "error.title_request", lead: "error.page.cross_site"}},
		{"redirect", &problem{title: "error.title_request", lead: "error.page.redirect", value: "https://evil.example/steal?from=" + strings.Repeat("app", 30)}},
		{"parameter", badRequest("error.page.parameter", i18n.Args{"name": "redirect_uri"})},
		{"environment", badRequest("error.page.env", i18n.Args{"id": "no-such-environment"})},
		{"client", badRequest("error.page.client", i18n.Args{"id": "no-such-client"})},
		{"version", badRequest("error.page.app", i18n.Args{"id": "v1_1700000000", "app": "app-orders"})},
		{"unavailable", &problem{title: "error.title_unavailable", lead: "error.unavailable"}},
		{"broken", &problem{title: "error.title_unavailable", lead: "error.broken"}},
		{"timeout", &problem{title: "error.title", lead: "error.page.timeout"}},
		{"internal", &problem{title: "error.title", lead: "error.page.internal"}},
	} {
		s.page("error", "/error", e.state, func(dress func(*views.Base)) templ.Component {
			p := h.errorPage(r, e.problem, fmt.Sprintf("%016x", 0x5a3d9c0f1e2b))
			dress(&p.Base)
			return views.Error(p)
		})
	}
}
