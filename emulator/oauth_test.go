package emulator

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

func TestAuthorizationCode(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	demo := f.signInDemo()
	token := demo.str("access_token")
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	authorize := func(change object) answer {
		body := object{"response_type": "code", "redirect_uri": callback, "state": "s", "scope": "openid profile", "client_id": "app",
			"code_challenge": challenge, "code_challenge_method": "S256", "nonce": "n-1"}
		for key, value := range change {
			body[key] = value
		}
		return f.as(token, "POST", "/v1/user/authorize", body)
	}
	redeem := func(code string, change object) answer {
		body := object{"grant_type": "authorization_code", "client_id": "app", "code": code, "redirect_uri": callback, "code_verifier": verifier}
		for key, value := range change {
			body[key] = value
		}
		return f.do("POST", "/auth/v1/token", encode(t, body))
	}
	a := authorize(nil).ok()
	if a.str("state") != "s" || a.str("scope") != "openid profile" || a.body["expires_in"] != 300.0 {
		t.Errorf("authorize: %v", a.body)
	}
	code := a.str("code")
	for name, change := range map[string]object{
		"verifier":     {"code_verifier": "x"},
		"no verifier":  {"code_verifier": ""},
		"redirect_uri": {"redirect_uri": callback + "/"},
		"client":       {"client_id": "demo"},
		"code":         {"code": "x"},
	} {
		t.Run(name, func(t *testing.T) { answerFor(t, redeem(code, change)).fails("invalid_grant") })
	}
	in := redeem(code, nil).ok()
	if in.str("sub") != demo.str("sub") || in.str("scope") != "openid profile" {
		t.Errorf("token: %v", in.body)
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(in.str("id_token"), claims); err != nil || claims["nonce"] != "n-1" || claims["aud"] != "app" {
		t.Errorf("id_token: %v, %v", claims, err)
	}
	f.me(in.str("access_token")).ok()
	again := f.do("POST", "/auth/v1/token", encode(t, object{"grant_type": "refresh_token", "client_id": "app", "refresh_token": in.str("refresh_token")})).ok()
	if again.str("scope") != "openid profile" {
		t.Errorf("a refresh changed the scope: %v", again.body)
	}
	redeem(code, nil).fails("invalid_grant") // once only, and now the session is over as well
	f.me(again.str("access_token")).fails("unauthenticated")

	// Without PKCE a client with a secret has to show it.
	code = authorize(object{"code_challenge": "", "code_challenge_method": ""}).ok().str("code")
	redeem(code, object{"code_verifier": ""}).fails("unauthorized_client")
	redeem(code, object{"client_secret": "s3cret"}).fails("invalid_grant") // a verifier that nobody asked for
	redeem(code, object{"code_verifier": "", "client_secret": "s3cret"}).ok()
	code = authorize(object{"code_challenge": "plainplain", "code_challenge_method": "plain", "scope": ""}).ok().str("code")
	if got := redeem(code, object{"code_verifier": "plainplain"}).ok().str("scope"); got != "user" {
		t.Errorf("no scope: got %q", got)
	}
	code = authorize(nil).ok().str("code")
	f.clock.advance(authorizationCodeLife)
	redeem(code, nil).fails("invalid_grant")
	code = authorize(nil).ok().str("code")
	f.setStatus(demo.str("sub"), "BLOCKED")
	redeem(code, nil).fails("invalid_grant")
	f.setStatus(demo.str("sub"), "ACTIVE")

	// The other response types, and what is refused.
	implicit := authorize(object{"response_type": "token", "client_id": ""}).ok()
	f.me(implicit.str("access_token")).ok()
	if implicit.str("token_type") != "Bearer" || implicit.body["refresh_token"] != nil {
		t.Errorf("token: %v", implicit.body)
	}
	authorize(object{"response_type": "id_token"}).ok().str("id_token")
	for name, test := range map[string]struct {
		change object
		want   string
	}{
		"response_type": {object{"response_type": "x"}, "unsupported_response_type"},
		"scope":         {object{"scope": "everything"}, "invalid_scope"},
		"redirect_uri":  {object{"redirect_uri": "javascript:1"}, "invalid_argument"},
		"method":        {object{"code_challenge_method": "S512"}, "invalid_request"},
		"method alone":  {object{"code_challenge": ""}, "invalid_request"},
		"client":        {object{"client_id": "nobody"}, "unauthorized_client"},
		"another env":   {object{"client_id": "west"}, "unauthorized_client"},
	} {
		t.Run("authorize "+name, func(t *testing.T) { answerFor(t, authorize(test.change)).fails(test.want) })
	}
	anonymous := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-1").ok().str("access_token")
	f.as(anonymous, "POST", "/v1/user/authorize", object{"response_type": "code", "redirect_uri": callback}).fails("permission_denied")
	f.post("/v1/token", object{"grant_type": "x"}).fails("invalid_request")
}

func TestRegisteredRedirects(t *testing.T) {
	t.Parallel()
	c := &clock{}
	config := testConfig("", c)
	config.Environments[0].Clients[0].RedirectURIs = []string{callback}
	e, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	client, _ := e.clients.find("demo")
	client.redirectURIs = append(client.redirectURIs, "http://127.0.0.1/cb")
	e.clients.put(client)
	for redirect, want := range map[string]bool{
		callback: true, callback + "/": false, "https://evil.example/cb": false,
		"http://127.0.0.1:50123/cb": true, "http://127.0.0.1:50123/other": false, "http://localhost:50123/cb": false,
	} {
		if err := e.checkRedirect(client, redirect); (err == nil) != want {
			t.Errorf("%s: %v", redirect, err)
		}
	}
}

// TestTokenForm: OAuth's own clients post forms, with the client in Authorization or in the form.
func TestTokenForm(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.signInDemo().str("access_token")
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	form := func(change url.Values) string {
		code := f.as(token, "POST", "/v1/user/authorize", object{
			"response_type": "code", "redirect_uri": callback, "client_id": "app", "scope": "user",
			"code_challenge": base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method": "S256",
		}).ok().str("code")
		values := url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}, "client_id": {"app"},
		}
		for name, value := range change {
			values[name] = value
		}
		return values.Encode()
	}
	kind := []string{"Content-Type", "application/x-www-form-urlencoded;charset=UTF-8"}
	f.do("POST", "/auth/v1/token", form(nil), kind...).ok().str("access_token")
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("app:s3cret"))
	f.do("POST", "/auth/v1/token", form(url.Values{"client_id": nil}), append(kind, "Authorization", basic)...).ok()
	f.do("POST", "/auth/v1/token", form(url.Values{"code_verifier": {"x"}}), kind...).fails("invalid_grant")
	f.do("POST", "/auth/v1/token", form(url.Values{"code_verifier": {verifier, "x"}}), kind...).fails("invalid_argument")
	f.do("POST", "/auth/v1/token", "%zz", kind...).fails("invalid_argument")
	// Elsewhere a form is no body: the API is JSON.
	f.do("POST", "/auth/v1/signin?client_id=demo", "username=demo", kind...).fails("invalid_argument")
}

func TestAuthorizeInfo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	info := func(query, authorization string) answer {
		return f.do("GET", "/auth/v1/user/authorize/info?"+query, "", "Authorization", authorization, "Accept-Language", "en-US")
	}
	query := "response_type=code&redirect_uri=" + url.QueryEscape(callback) + "&state=s&scope=openid+email"
	want := object{
		"client": object{"id": "app", "name": "app"},
		"scopes": []any{object{"id": "openid", "name": "Your user id"}, object{"id": "email", "name": "Your e-mail address"}},
	}
	bearer := "Bearer " + f.signInDemo().str("access_token")
	for name, a := range map[string]answer{"basic": info(query, basic("app", "")), "bearer": info(query+"&client_id=app", bearer)} {
		if diff := cmp.Diff(want, a.ok().body); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := info(query+"&locale=zh-CN", bearer).ok().body["scopes"].([]any)[0].(object)["name"]; got != "你的用户标识" {
		t.Errorf("locale: %v", got)
	}
	info("scope=x", bearer).fails("invalid_scope")
	info("response_type=x", bearer).fails("unsupported_response_type")
	info("redirect_uri=x", bearer).fails("invalid_argument")
}

func TestDeviceCode(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	start := func() answer { return f.post("/v1/device/code", object{"scope": "profile"}).ok() }
	poll := func(code string) answer {
		return f.post("/v1/token", object{"grant_type": "device_code", "device_code": code})
	}
	demo := f.signInDemo()
	allow := func(code string) answer {
		return f.as(demo.str("access_token"), "POST", "/v1/user/device/authorize", object{"user_code": code, "state": "s"})
	}
	a := start()
	if !regexp.MustCompile(`^[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}$`).MatchString(a.str("user_code")) || a.body["expires_in"] != 600.0 ||
		a.body["interval"] != 3.0 || a.str("verification_uri_complete") != f.url+"/device?user_code="+a.str("user_code") {
		t.Errorf("got %v", a.body)
	}
	device := a.str("device_code")
	poll(device).fails("authorization_pending")
	poll(device).fails("slow_down") // and now every 8 seconds
	f.clock.advance(deviceInterval * 1e9)
	poll(device).fails("slow_down")
	allow("XXXX-XXXX").fails("invalid_argument")
	allow(strings.ToLower(strings.ReplaceAll(a.str("user_code"), "-", " "))).ok()
	allow(a.str("user_code")).fails("failed_precondition") // already
	f.clock.advance(13 * 1e9)
	in := poll(device).ok()
	if in.str("sub") != demo.str("sub") || in.str("scope") != "profile" {
		t.Errorf("got %v", in.body)
	}
	poll(device).fails("invalid_grant")
	allow(a.str("user_code")).fails("failed_precondition")

	a = start()
	f.clock.advance(deviceCodeLife)
	allow(a.str("user_code")).fails("expired_token")
	poll(a.str("device_code")).fails("expired_token")

	a = start()
	if got := f.do("GET", strings.TrimPrefix(a.str("verification_uri_complete"), f.url), "").str("raw"); !strings.Contains(got, a.str("user_code")) {
		t.Errorf("the page does not show the code: %s", got)
	}
	f.submit("/device", url.Values{"user_code": {a.str("user_code")}})
	poll(a.str("device_code")).fails("access_denied")
	allow(a.str("user_code")).fails("failed_precondition")

	a = start()
	named := func(client string) answer {
		return f.as(demo.str("access_token"), "POST", "/v1/user/device/authorize", object{"user_code": a.str("user_code"), "client_id": client})
	}
	named("app").fails("invalid_argument") // another client's
	named("demo").ok()

	a = start()
	allow(a.str("user_code")).ok()
	f.setStatus(demo.str("sub"), "BLOCKED")
	poll(a.str("device_code")).fails("access_denied")
	f.post("/v1/device/code", object{"scope": "x"}).fails("invalid_scope")
	anonymous := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-1").ok().str("access_token")
	f.as(anonymous, "POST", "/v1/user/device/authorize", object{"user_code": "x"}).fails("permission_denied")
}

// TestVerificationURI: devices can be made to send people to another page.
func TestVerificationURI(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, tt := range []struct{ uri, want string }{
		{"https://app.example.com/__auth/device", "https://app.example.com/__auth/device?env_id=demo&client_id=demo"},
		{"https://app.example.com/d?client_id=x&lang=en", "https://app.example.com/d?client_id=x&lang=en&env_id=demo"},
		{"", f.url + "/device"},
	} {
		f.settings(`{"verification_uri":"` + tt.uri + `"}`)
		a := f.post("/v1/device/code", object{}).ok()
		sep := "?"
		if strings.Contains(tt.want, "?") {
			sep = "&"
		}
		if got, whole := a.str("verification_uri"), a.str("verification_uri_complete"); got != tt.want || whole != tt.want+sep+"user_code="+a.str("user_code") {
			t.Errorf("%q: got %s and %s, want %s", tt.uri, got, whole, tt.want)
		}
	}
	for _, bad := range []string{"/device", "javascript:alert(1)", "https://", "https://app.example.com/#x", "ftp://app.example.com/", "https://[::1"} {
		if err := f.SetVerificationURI(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
		f.do("PUT", "/__emulator/settings", `{"verification_uri":"`+bad+`"}`).fails("invalid_argument")
	}
	if err := f.SetVerificationURI("https://app.example.com/own"); err != nil {
		t.Fatal(err)
	}
	f.settings(`{"verification_uri":"https://app.example.com/other"}`)
	f.do("POST", "/__emulator/reset", "").ok()
	if got := f.post("/v1/device/code", object{}).ok().str("verification_uri"); !strings.HasPrefix(got, "https://app.example.com/own?") {
		t.Errorf("after a reset: %s", got)
	}
}

func TestClientCredentialsAndIntrospection(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	own := func(authorization string) answer {
		return f.do("POST", "/auth/v1/token", `{"grant_type":"client_credentials"}`, "Authorization", authorization)
	}
	own(basic("app", "")).fails("unauthorized_client")
	own(basic("demo", "x")).fails("unauthorized_client") // has no secret
	a := own(basic("app", "s3cret")).ok()
	if a.body["refresh_token"] != nil || a.str("sub") != "app" {
		t.Errorf("got %v", a.body)
	}
	f.me(a.str("access_token")).fails("unauthenticated") // nobody

	introspect := func(token, authorization string) answer {
		return f.do("GET", "/auth/v1/token/introspect?token="+token, "", "Authorization", authorization)
	}
	app := basic("app", "s3cret")
	if got := introspect(a.str("access_token"), app).ok().body; got["active"] != true || got["scope"] != "administrator" {
		t.Errorf("own: %v", got)
	}
	demo := f.signInDemo()
	token := demo.str("access_token")
	now := float64(f.clock.now().Unix())
	want := object{
		"active": true, "scope": "user", "client_id": "demo", "username": "demo", "token_type": "Bearer", "exp": now + 7200, "iat": now,
		"sub": demo.str("sub"), "aud": "demo", "iss": "http://demo.ap-shanghai.tcb-api.tencentcloudapi.com",
	}
	if diff := cmp.Diff(want, introspect(token, app).ok().body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	dead := object{"active": false}
	f.post("/v1/revoke", object{"token": token}).ok()
	for name, bad := range map[string]answer{
		"revoked": introspect(token, app), "garbage": introspect("x", app), "another env": introspect(a.str("access_token"), basic("west", "")),
	} {
		if diff := cmp.Diff(dead, bad.ok().body); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	introspect(token, basic("app", "")).fails("unauthorized_client")
	introspect("", app).fails("invalid_argument")
}

var hidden = regexp.MustCompile(`name="token" value="([^"]+)"`)

// The page's address is empty where no call asks for a captcha.
func TestCaptchaPageNotNeeded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	page := func() string {
		a := f.post("/v1/captcha/init", object{"redirect_uri": callback, "state": "st"}).ok()
		if a.body["expires_in"] != 600.0 {
			t.Errorf("got %v", a.body)
		}
		return a.str("url")
	}
	for i := range captchaPageMinute + 1 { // nor does asking in vain count
		if got := page(); got != "" {
			t.Fatalf("call %d, nothing happened: %q", i, got)
		}
	}
	for range 5 {
		if got := page(); got != "" {
			t.Fatalf("too few wrong passwords: %q", got)
		}
		f.post("/v1/signin", object{"username": "demo", "password": "wrong"}).fails("invalid_password")
	}
	if page() == "" {
		t.Error("after five wrong passwords there is no page")
	}
	f.settings(`{"captcha":"never"}`)
	if got := page(); got != "" {
		t.Errorf("never: %q", got)
	}
	f.settings(`{"captcha":"risk","login":{"SmsVerificationConfig":{"SmsDayLimit":1}}}`)
	f.clock.advance(failureWindow)
	if got := page(); got != "" {
		t.Errorf("later: %q", got)
	}
	f.send("+86 13800000001")
	if page() == "" {
		t.Error("at the limit of sends there is no page")
	}
	f.settings(`{"login":{"SmsVerificationConfig":{"SmsDayLimit":-1}}}`)
	if got := page(); got != "" {
		t.Errorf("without a limit: %q", got)
	}
	f.settings(`{"captcha":"always"}`)
	if page() == "" {
		t.Error("always: no page")
	}
}

func TestCaptchaPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"captcha":"always"}`)
	start := func() string {
		a := f.post("/v1/captcha/init", object{"redirect_uri": callback + "?a=b", "state": "st"}).ok()
		if a.body["expires_in"] != 600.0 {
			t.Errorf("got %v", a.body)
		}
		return strings.TrimPrefix(a.str("url"), f.url)
	}
	open := func(page string) string {
		found := hidden.FindStringSubmatch(f.do("GET", page, "").str("raw"))
		if found == nil {
			t.Fatal("no captcha on the page")
		}
		return found[1]
	}
	page := start()
	token := open(page)
	key := f.do("GET", "/__emulator/captcha/latest", "").ok()
	if key.str("token") != token {
		t.Errorf("latest is %v", key.body)
	}
	target, query := f.submit(page, url.Values{"token": {token}, "key": {key.str("key")}}).location()
	if target != callback || query.Get("a") != "b" || query.Get("state") != "st" || query.Get("expires_in") != "600" {
		t.Errorf("got %s %v", target, query)
	}
	f.settings(`{"captcha":"always"}`)
	f.post("/v1/verification?captcha_token="+query.Get("captcha_token"), object{"email": demoEmail}).ok()
	if got := f.do("GET", page, "").status; got != http.StatusNotFound {
		t.Errorf("a page that is done: got %d", got)
	}

	page = start()
	_, query = f.submit(page, url.Values{"action": {"back"}}).location()
	if query.Get("error") != "cancelled" || query.Get("state") != "st" || query.Get("error_description") == "" || query.Has("captcha_token") {
		t.Errorf("back: %v", query)
	}
	for try := range captchaPageTries {
		a := f.submit(page, url.Values{"token": {open(page)}, "key": {"????"}})
		if a.status != http.StatusBadRequest || strings.Contains(a.str("raw"), `name="key"`) != (try < captchaPageTries-1) {
			t.Errorf("wrong answer %d: got %d %s", try+1, a.status, a.str("raw"))
		}
	}
	if got := f.submit(page, url.Values{"token": {"x"}, "key": {"x"}}).status; got != http.StatusBadRequest {
		t.Errorf("after the last try: got %d", got)
	}
	_, query = f.submit(page, url.Values{"action": {"back"}}).location()
	if query.Get("error") != "captcha_invalid" {
		t.Errorf("back after wrong answers: %v", query)
	}
	for name, body := range map[string]object{
		"no state": {"redirect_uri": callback}, "no redirect_uri": {"state": "s"}, "a script": {"redirect_uri": "javascript:1", "state": "s"},
	} {
		t.Run(name, func(t *testing.T) { answerFor(t, f.post("/v1/captcha/init", body)).fails("invalid_argument") })
	}
	page = start()
	f.clock.advance(captchaPageLife)
	if got := f.do("GET", page, "").status; got != http.StatusNotFound {
		t.Errorf("an old page: got %d", got)
	}
	for range captchaPageMinute {
		start()
	}
	if got := f.post("/v1/captcha/init", object{"redirect_uri": callback, "state": "s"}).fails("resource_exhausted").detail("retry_in"); got != 60.0 {
		t.Errorf("retry_in %v", got)
	}
	f.clock.advance(captchaPageRefresh)
	start()
}
