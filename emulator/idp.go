package emulator

import (
	"bytes"
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// The pages that a browser is sent to: the identity providers' consent, scan and sign-out pages
// under /demo-idp/, the captcha page and the device page. Whoever opens them may be whoever they
// like. All work without script.

var pageTemplates = sync.OnceValue(func() *template.Template { return template.Must(template.ParseFS(web, "web/pages.html")) })

// pageData is what the pages show.
type pageData struct {
	Lang     string
	Provider string // its name
	Profile  providerProfile
	Wechat   bool
	Redirect string
	Action   string // where the form goes
	Notice   string
	Error    string
	UserCode string
	Picture  template.URL
	Token    string
	Over     bool // no more tries
}

// T picks a sentence by the page's language.
func (d pageData) T(chinese, english string) string { return text{chinese, english}.in(d.Lang) }

// in is the sentence in a language.
func (t text) in(locale string) string {
	if locale == localeEnglish {
		return t.en
	}
	return t.zh
}

func (e *Emulator) pageRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /demo-idp/pages.css":                                  e.getAsset("pages.css", "text/css; charset=utf-8"),
		"GET /demo-idp/{env}/{provider}/authorize":                 e.getConsent,
		"POST /demo-idp/{env}/{provider}/authorize":                e.postConsent,
		"GET /demo-idp/{env}/{provider}/connect/qrconnect":         e.getConsent,
		"POST /demo-idp/{env}/{provider}/connect/qrconnect":        e.postConsent,
		"GET /demo-idp/{env}/{provider}/connect/oauth2/authorize":  e.getConsent,
		"POST /demo-idp/{env}/{provider}/connect/oauth2/authorize": e.postConsent,
		"GET /demo-idp/{env}/{provider}/scan":                      e.getScan,
		"POST /demo-idp/{env}/{provider}/scan":                     e.postScan,
		"GET /demo-idp/{env}/{provider}/signout":                   e.getProviderSignOut,
		"GET /captcha/{id}":                                        e.getCaptchaPage,
		"POST /captcha/{id}":                                       e.postCaptchaPage,
		"GET /device":                                              e.getDevicePage,
		"POST /device":                                             e.postDevicePage,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r); err != nil {
				e.sendPageError(w, r, err)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		e.sendError(w, r, failText("not_found", textNoRoute))
	})
	return mux
}

// sendPageOf renders one of the pages, whole or not at all.
func (e *Emulator) sendPageOf(w http.ResponseWriter, r *http.Request, status int, name string, data pageData) error {
	data.Lang = localeOf(r)
	var page bytes.Buffer
	if err := pageTemplates().ExecuteTemplate(&page, name, data); err != nil {
		return fmt.Errorf("emulator: render %s: %w", name, err)
	}
	header := w.Header()
	// No form-action: the forms end in a redirect to the app, which the browser would hold against
	// it.
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data: http: https:; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the peer may be gone
	return nil
}

// sendPageError tells people what is wrong, in a page.
func (e *Emulator) sendPageError(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *apiError
	if errors.As(err, &refusal) {
		err = e.sendPageOf(w, r, cmp.Or(refusal.status, errorKinds[refusal.code].status), "notice",
			pageData{Error: refusal.describe(localeOf(r) == localeChinese)})
		if err == nil {
			return
		}
	}
	e.sendError(w, r, err)
}

// idpPage is a page of a provider.
func idpPage(c *call, provider, page string) string {
	return origin(c.request) + "/demo-idp/" + url.PathEscape(c.env()) + "/" + url.PathEscape(provider) + "/" + page
}

// consentPage is the address of a provider's consent page. WeChat's have WeChat's form.
func (e *Emulator) consentPage(c *call, provider, redirect, state, scope, kind string) string {
	var query strings.Builder // not url.Values: WeChat wants this order
	add := func(key, value string) {
		if query.Len() > 0 {
			query.WriteByte('&')
		}
		query.WriteString(key + "=" + url.QueryEscape(value))
	}
	page, appKey, app, scope0, fragment := "authorize", "client_id", c.client.id, "openid profile", ""
	switch provider {
	case providerOpen:
		page, appKey, app, scope0, fragment = "connect/qrconnect", "appid", wechatApp(c.env(), provider), "snsapi_login", "#wechat_redirect"
	case providerMP:
		page, appKey, app, scope0, fragment = "connect/oauth2/authorize", "appid", wechatApp(c.env(), provider), "snsapi_userinfo", "#wechat_redirect"
	}
	add(appKey, app)
	add("redirect_uri", redirect)
	add("response_type", cmp.Or(kind, "code"))
	add("scope", cmp.Or(scope, scope0))
	add("state", state)
	return idpPage(c, provider, page) + "?" + query.String() + fragment
}

// consent is what a consent page was asked for.
type consent struct {
	env, provider, kind, state string
	redirect                   *url.URL
	rawRedirect                string
	wechat                     bool
}

// readConsent checks the address of a consent page.
func (e *Emulator) readConsent(r *http.Request) (consent, error) {
	query := r.URL.Query()
	asked := consent{env: r.PathValue("env"), provider: r.PathValue("provider"), state: query.Get("state"), rawRedirect: query.Get("redirect_uri")}
	if err := e.checkPlace(asked.env, asked.provider); err != nil {
		return asked, err
	}
	asked.wechat = asked.provider == providerOpen || asked.provider == providerMP || miniProgram.MatchString(asked.provider)
	if app := query.Get("appid"); asked.wechat && !miniProgram.MatchString(asked.provider) && app != wechatApp(asked.env, asked.provider) {
		return asked, failText("invalid_argument", text{"appid 错误", "Unknown appid"})
	}
	if asked.kind = providerKinds[cmp.Or(query.Get("response_type"), "code")]; asked.kind == "" || asked.wechat && asked.kind != "code" {
		return asked, fail("unsupported_response_type")
	}
	var err error
	asked.redirect, err = e.registeredRedirect(asked.env, asked.rawRedirect)
	return asked, err
}

// checkPlace refuses pages of environments and providers that there are not.
func (e *Emulator) checkPlace(env, provider string) error {
	if !slices.ContainsFunc(e.environments, func(one *Environment) bool { return one.ID == env }) {
		return failText("not_found", textNoRoute)
	}
	_, err := e.enabledProvider(provider)
	return err
}

// suggestion is who a consent page suggests to be. Parameters of the page's address say otherwise.
func suggestion(provider string, wechat bool, query url.Values) providerProfile {
	profile := providerProfile{ProviderID: provider, Sub: "demo-1", Name: "Demo Person", Email: "demo.person@example.org"}
	if wechat {
		profile = providerProfile{ProviderID: provider, Sub: "oDemo-openid-1", Name: "微信用户", Meta: providerMeta{UnionID: "oDemo-unionid-1"}}
	}
	for key, field := range map[string]*string{
		"sub": &profile.Sub, "name": &profile.Name, "picture": &profile.Picture, "email": &profile.Email, "phone_number": &profile.PhoneNumber,
	} {
		if query.Has(key) {
			*field = query.Get(key)
		}
	}
	return profile
}

// readProfile takes the identity that was chosen on a page.
func readProfile(r *http.Request, provider string, wechat bool) (*providerProfile, error) {
	value := func(key string) string { return strings.TrimSpace(cut(r.PostFormValue(key), 2048)) }
	profile := &providerProfile{ProviderID: provider, Sub: value("sub"), Name: value("name"), Picture: value("picture")}
	if profile.Sub == "" || len(profile.Sub) > 128 || len(profile.Name) > 256 {
		return nil, failText("invalid_argument", textBadProfile)
	}
	if email := value("email"); email != "" {
		id, err := parseEmail(email)
		if err != nil {
			return nil, err
		}
		profile.Email = id.value
	}
	if phone := value("phone_number"); phone != "" {
		id, err := parsePhone(phone)
		if err != nil {
			return nil, err
		}
		profile.PhoneNumber = id.value
	}
	if wechat {
		profile.Meta = providerMeta{AppID: cmp.Or(r.URL.Query().Get("appid"), provider), OpenID: profile.Sub, UnionID: value("unionid")}
	}
	return profile, nil
}

// getConsent shows who to be, and asks.
func (e *Emulator) getConsent(w http.ResponseWriter, r *http.Request) error {
	asked, err := e.readConsent(r)
	if err != nil {
		return err
	}
	return e.sendPageOf(w, r, http.StatusOK, "consent", pageData{
		Provider: providerName(asked.provider, localeOf(r) == localeChinese), Wechat: asked.wechat, Redirect: asked.rawRedirect,
		Profile: suggestion(asked.provider, asked.wechat, r.URL.Query()), Action: r.URL.RequestURI(),
	})
}

// postConsent sends the browser back. The field decision is allow; deny; or fail, which hands out a
// code that the provider will not answer for.
func (e *Emulator) postConsent(w http.ResponseWriter, r *http.Request) error {
	asked, err := e.readConsent(r)
	if err != nil {
		return err
	}
	var profile string
	switch r.PostFormValue("decision") {
	case "deny":
		return redirectTo(w, withQuery(asked.redirect, "error", "access_denied",
			"error_description", errorKinds["access_denied"].text.in(localeOf(r)), "state", asked.state))
	case "allow":
		chosen, err := readProfile(r, asked.provider, asked.wechat)
		if err != nil {
			return err
		}
		profile = encodeProfile(chosen)
	case "fail":
	default:
		return fail("invalid_argument")
	}
	code := e.token(24)
	ctx := r.Context()
	err = e.store.write(ctx, func(tx *sql.Tx) error {
		_, err := run(ctx, tx, "INSERT INTO provider_codes (hash, kind, env, provider_id, redirect_uri, profile, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			hashOf(code), asked.kind, asked.env, asked.provider, asked.rawRedirect, profile, e.now().Add(providerCodeLife).UnixMilli())
		return err
	})
	if err != nil {
		return err
	}
	if asked.kind == "code" {
		return redirectTo(w, withQuery(asked.redirect, "code", code, "state", asked.state))
	}
	target := *asked.redirect // tokens travel in the fragment (RFC 6749 §4.2.2)
	target.Fragment = ""
	return redirectTo(w, target.String()+"#"+url.Values{asked.kind: {code}, "state": {asked.state}}.Encode())
}

// redirectTo is http.Redirect without its rewriting: an app's own scheme has to pass as it is.
func redirectTo(w http.ResponseWriter, target string) error {
	w.Header().Set("Location", target)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// getProviderSignOut is a provider's end of session: there is none to end, so it sends people on.
func (e *Emulator) getProviderSignOut(w http.ResponseWriter, r *http.Request) error {
	if err := e.checkPlace(r.PathValue("env"), r.PathValue("provider")); err != nil {
		return err
	}
	query := r.URL.Query()
	if query.Get("redirect_uri") == "" {
		return e.sendPageOf(w, r, http.StatusOK, "notice", pageData{
			Notice: text{"已退出身份源。", "You are signed out of the identity provider."}.in(localeOf(r)),
		})
	}
	target, err := e.registeredRedirect(r.PathValue("env"), query.Get("redirect_uri"))
	if err != nil {
		return err
	}
	return redirectTo(w, withQuery(target, "state", query.Get("state")))
}
