package emulator

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/image/draw"
)

// The pages that a browser is sent to: the identity providers' consent, scan and sign-out pages
// under /demo-idp/, the captcha page and the device page. Whoever opens them may be whoever they
// like. All work without script.

var pageTemplates = template.Must(template.ParseFS(web, "web/pages.html"))

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
	if err := pageTemplates.ExecuteTemplate(&page, name, data); err != nil {
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

// The states of a scan. TCB's own words are not documented.
const (
	scanWaiting   = "WAITING"
	scanScanned   = "SCANNED"
	scanConfirmed = "CONFIRMED"
	scanCancelled = "CANCELLED"
	scanExpired   = "EXPIRED"

	scanLife = 5 * time.Minute
)

// scanRequest names an environment and a mini program.
type scanRequest struct {
	ID    string `json:"qrCodeId"`
	Env   string `json:"envId"`
	AppID string `json:"wxAppId"`
}

func (e *Emulator) readScan(c *call) (scanRequest, error) {
	var req scanRequest
	if err := c.decode(&req); err != nil {
		return req, err
	}
	if req.Env != c.env() {
		return req, failText("invalid_argument", textOtherEnv)
	}
	if !miniProgram.MatchString(req.AppID) {
		return req, fail("provider_not_enabled")
	}
	_, err := e.enabledProvider(req.AppID)
	return req, err
}

// generateQRCode: POST /v1/qrcode/generate. The picture only looks like a code: instead of scanning
// it, open /demo-idp/{env}/{wxAppId}/scan?qr_code_id=….
func (e *Emulator) generateQRCode(ctx context.Context, c *call) (any, error) {
	req, err := e.readScan(c)
	if err != nil {
		return nil, err
	}
	answer := struct {
		QRCode    string `json:"qr_code"`
		ID        string `json:"qr_code_id"`
		ExpiresIn int    `json:"expires_in"`
	}{ID: e.token(24), ExpiresIn: int(scanLife / time.Second)}
	picture, err := drawScan(answer.ID)
	if err != nil {
		return nil, err
	}
	answer.QRCode = "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture)
	err = e.store.write(ctx, func(tx *sql.Tx) error {
		_, err := run(ctx, tx, "INSERT INTO scans (id, env, app_id, status, expires_at) VALUES (?, ?, ?, ?, ?)",
			answer.ID, c.env(), req.AppID, scanWaiting, e.now().Add(scanLife).UnixMilli())
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// qrCodeStatus: POST /v1/qrcode/get/status.
func (e *Emulator) qrCodeStatus(ctx context.Context, c *call) (any, error) {
	req, err := e.readScan(c)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Status        string `json:"status"`
		ProviderToken string `json:"provider_token"`
		ExpiresIn     int    `json:"expires_in"`
	}{}
	var expiresAt int64
	err = e.store.db.QueryRowContext(ctx, "SELECT status, provider_token, expires_at FROM scans WHERE id = ? AND env = ? AND app_id = ?",
		req.ID, c.env(), req.AppID).Scan(&answer.Status, &answer.ProviderToken, &expiresAt)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, failText("invalid_argument", textOtherEnv)
	}
	if err != nil {
		return nil, fmt.Errorf("emulator: read scan: %w", err)
	}
	left := time.UnixMilli(expiresAt).Sub(e.now())
	if answer.ExpiresIn = max(0, int(left/time.Second)); left <= 0 {
		answer.Status, answer.ProviderToken = scanExpired, ""
	}
	return answer, nil
}

// setScan moves a scan on, as far as it is still open.
func (e *Emulator) setScan(ctx context.Context, r *http.Request, status string, profile *providerProfile) error {
	return e.store.write(ctx, func(tx *sql.Tx) error {
		var token string
		if profile != nil {
			token = e.token(32)
			if err := e.saveProviderToken(ctx, tx, r.PathValue("env"), token, profile); err != nil {
				return err
			}
		}
		n, err := run(ctx, tx, `UPDATE scans SET status = ?, provider_token = ? WHERE id = ? AND env = ? AND app_id = ? AND expires_at > ?
			AND status IN (?, ?)`, status, token, r.URL.Query().Get("qr_code_id"), r.PathValue("env"), r.PathValue("provider"),
			e.now().UnixMilli(), scanWaiting, scanScanned)
		if err == nil && n == 0 {
			err = failText("not_found", textNoRoute)
		}
		return err
	})
}

// getScan is what the mini program shows after a scan.
func (e *Emulator) getScan(w http.ResponseWriter, r *http.Request) error {
	provider := r.PathValue("provider")
	if err := e.checkPlace(r.PathValue("env"), provider); err != nil {
		return err
	}
	if err := e.setScan(r.Context(), r, scanScanned, nil); err != nil {
		return err
	}
	return e.sendPageOf(w, r, http.StatusOK, "consent", pageData{
		Provider: providerName(provider, localeOf(r) == localeChinese), Wechat: true, Redirect: provider,
		Profile: suggestion(provider, true, r.URL.Query()), Action: r.URL.RequestURI(),
	})
}

// postScan answers for the person with the phone.
func (e *Emulator) postScan(w http.ResponseWriter, r *http.Request) error {
	provider := r.PathValue("provider")
	if err := e.checkPlace(r.PathValue("env"), provider); err != nil {
		return err
	}
	status, notice := scanCancelled, text{"已取消登录。", "You have said no."}
	var profile *providerProfile
	if r.PostFormValue("decision") == "allow" {
		var err error
		if profile, err = readProfile(r, provider, true); err != nil {
			return err
		}
		status, notice = scanConfirmed, text{"已确认登录，请回到电脑。", "Done. Go back to your computer."}
	}
	if err := e.setScan(r.Context(), r, status, profile); err != nil {
		return err
	}
	return e.sendPageOf(w, r, http.StatusOK, "notice", pageData{Notice: notice.in(localeOf(r))})
}

// drawScan draws something that looks like a code.
func drawScan(id string) ([]byte, error) {
	const modules, size, margin = 25, 6, 4
	canvas := image.NewGray(image.Rect(0, 0, (modules+2*margin)*size, (modules+2*margin)*size))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	sum := sha256.Sum256([]byte(id))
	square := func(x, y, n int, ink color.Color) {
		at := image.Rect((margin+x)*size, (margin+y)*size, (margin+x+n)*size, (margin+y+n)*size)
		draw.Draw(canvas, at, image.NewUniform(ink), image.Point{}, draw.Src)
	}
	for y := range modules {
		for x := range modules {
			bit := y*modules + x
			if sum[(bit/8)%len(sum)]^byte(bit/256*37)>>(bit%8)&1 == 1 || (sum[bit%len(sum)]>>(bit%7))&1 == 1 {
				square(x, y, 1, color.Black)
			}
		}
	}
	for _, corner := range []image.Point{{0, 0}, {modules - 7, 0}, {0, modules - 7}} {
		square(corner.X, corner.Y, 7, color.Black)
		square(corner.X+1, corner.Y+1, 5, color.White)
		square(corner.X+2, corner.Y+2, 3, color.Black)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, canvas); err != nil {
		return nil, fmt.Errorf("emulator: encode the code: %w", err)
	}
	return out.Bytes(), nil
}
