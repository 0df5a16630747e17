package emulator

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const callback = "https://app.example.com/cb"

// as calls the API with a Bearer token.
func (f *fixture) as(token, method, path string, body object, header ...string) answer {
	f.t.Helper()
	var encoded string
	if body != nil {
		encoded = encode(f.t, body)
	}
	return f.do(method, "/auth"+path, encoded, append(header, "Authorization", "Bearer "+token)...)
}

// uri asks for the address of a consent page and returns its path.
func (f *fixture) uri(provider string, more ...string) string {
	f.t.Helper()
	query := url.Values{"client_id": {"demo"}, "provider_id": {provider}, "redirect_uri": {callback}, "state": {"st"}}
	for i := 0; i < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return strings.TrimPrefix(f.do("GET", "/auth/v1/provider/uri?"+query.Encode(), "").ok().str("uri"), f.url)
}

func (f *fixture) submit(path string, form url.Values) answer {
	f.t.Helper()
	return f.do("POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Accept-Language", "en-US")
}

// location is where an answer redirects to, and its parameters.
func (a answer) location() (string, url.Values) {
	a.t.Helper()
	parsed, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther {
		a.t.Fatalf("%s: got %d, Location %q, body %v", a.what, a.status, a.header.Get("Location"), a.body)
	}
	query := parsed.Query()
	parsed.RawQuery = ""
	return parsed.String(), query
}

// code is a provider's code for somebody.
func (f *fixture) code(provider string, who ...string) string {
	f.t.Helper()
	form := url.Values{"decision": {"allow"}, "sub": {"somebody"}}
	for i := 0; i < len(who); i += 2 {
		form.Set(who[i], who[i+1])
	}
	_, query := f.submit(f.uri(provider), form).location()
	return query.Get("code")
}

// providerToken is a provider_token for somebody.
func (f *fixture) providerToken(provider string, who ...string) string {
	f.t.Helper()
	return f.post("/v1/provider/token", object{
		"provider_id": provider, "provider_redirect_uri": callback, "provider_code": f.code(provider, who...),
	}).ok().str("provider_token")
}

func (f *fixture) signInProvider(token string) answer {
	f.t.Helper()
	return f.post("/v1/signin/with/provider", object{"provider_token": token})
}

func TestProviderURI(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	app := wechatApp("demo", "wx_open")
	mp := wechatApp("demo", "wx_mp")
	for name, test := range map[string]struct{ provider, want string }{
		"demo": {"demo", "/demo-idp/demo/demo/authorize?client_id=demo&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb&response_type=code&scope=openid+profile&state=st"},
		"open": {"wx_open", "/demo-idp/demo/wx_open/connect/qrconnect?appid=" + app + "&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb&response_type=code&scope=snsapi_login&state=st#wechat_redirect"},
		"mp":   {"wx_mp", "/demo-idp/demo/wx_mp/connect/oauth2/authorize?appid=" + mp + "&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb&response_type=code&scope=snsapi_userinfo&state=st#wechat_redirect"},
	} {
		if got := f.uri(test.provider); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
	a := f.do("GET", "/auth/v1/provider/uri?client_id=demo&provider_id=demo&redirect_uri="+url.QueryEscape(callback)+
		"&state=s&other_params[sign_out_uri]=https%3A%2F%2Fapp.example.com%2Fbye", "").ok()
	_, query := f.do("GET", strings.TrimPrefix(a.str("signout_uri"), f.url)+"&state=z", "").location()
	if got := query.Get("state"); got != "z" {
		t.Errorf("signout_uri: state is %q", got)
	}

	for _, provider := range []string{"demo", "wx_open", "wx_mp", "wx0123456789"} { // always there, as documented
		a := f.do("GET", "/auth/v1/provider/uri?client_id=demo&provider_id="+provider+"&state=s&redirect_uri="+url.QueryEscape(callback), "").ok()
		if page := f.do("GET", strings.TrimPrefix(a.str("signout_uri"), f.url), ""); page.status != http.StatusOK {
			t.Errorf("%s: signout_uri %q leads to %d", provider, a.str("signout_uri"), page.status)
		}
	}

	get := func(query string) answer {
		return f.do("GET", "/auth/v1/provider/uri?client_id=demo&state=s&"+query, "")
	}
	get("provider_id=nobody&redirect_uri=" + callback).fails("provider_not_enabled")
	get("redirect_uri=" + callback).fails("provider_not_enabled")
	get("provider_id=demo").fails("invalid_argument")
	for _, bad := range []string{"javascript:alert(1)", "javascript://x/%0aalert(1)", "/relative", "data:text/html,x", "https://", "https://a b/"} {
		get("provider_id=demo&redirect_uri=" + url.QueryEscape(bad)).fails("invalid_argument")
	}
	get("provider_id=demo&redirect_uri=" + callback + "&other_params[sign_out_uri]=x").fails("invalid_argument")
	get("provider_id=demo&redirect_uri=" + callback + "&response_type=password").fails("unsupported_response_type")
	f.settings(`{"providers":{"demo":{"On":false}}}`)
	get("provider_id=demo&redirect_uri=" + callback).fails("provider_not_enabled")
}

func TestConsentPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := f.uri("demo")
	page := f.do("GET", path+"&name=Eve%3Cb%3E", "", "Accept-Language", "en-US")
	for _, want := range []string{`<html lang="en-US">`, `name="sub" value="demo-1"`, `value="Eve&lt;b&gt;"`, "Demo identity provider", callback, `value="deny"`} {
		if !strings.Contains(page.str("raw"), want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if strings.Contains(page.header.Get("Content-Security-Policy"), "form-action") || page.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("headers: %v", page.header)
	}
	// What the SDK navigates to: the address decoded once more.
	decoded, err := url.PathUnescape(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.do("GET", decoded, "").status; got != http.StatusOK {
		t.Errorf("decoded address: got %d", got)
	}

	target, query := f.submit(path, url.Values{"decision": {"deny"}}).location()
	if target != callback || query.Get("error") != "access_denied" || query.Get("state") != "st" || query.Has("code") {
		t.Errorf("deny: got %s %v", target, query)
	}
	target, query = f.submit(path, url.Values{"decision": {"allow"}, "sub": {"x"}}).location()
	if target != callback || query.Get("code") == "" || query.Get("state") != "st" || query.Has("error") {
		t.Errorf("allow: got %s %v", target, query)
	}
	withQuery := f.uri("demo", "redirect_uri", "myapp://cb?a=b")
	if got := f.submit(withQuery, url.Values{"decision": {"allow"}, "sub": {"x"}}).header.Get("Location"); !strings.HasPrefix(got, "myapp://cb?a=b&code=") {
		t.Errorf("a redirect_uri with a query: got %s", got)
	}
	for name, form := range map[string]url.Values{
		"no decision": {"sub": {"x"}}, "no sub": {"decision": {"allow"}}, "bad e-mail": {"decision": {"allow"}, "sub": {"x"}, "email": {"x"}},
		"bad phone": {"decision": {"allow"}, "sub": {"x"}, "phone_number": {"1"}},
	} {
		if got := f.submit(path, form).status; got != http.StatusBadRequest {
			t.Errorf("%s: got %d, want 400", name, got)
		}
	}
	for name, bad := range map[string]string{
		"another appid":       strings.Replace(f.uri("wx_open"), "appid=wx", "appid=wy", 1),
		"no environment":      strings.Replace(path, "/demo-idp/demo/", "/demo-idp/nowhere/", 1),
		"no provider":         strings.Replace(path, "/demo/demo/", "/demo/nobody/", 1),
		"no redirect_uri":     "/demo-idp/demo/demo/authorize?client_id=demo",
		"a script":            "/demo-idp/demo/demo/authorize?redirect_uri=javascript:1",
		"a token of WeChat":   strings.Replace(f.uri("wx_open"), "response_type=code", "response_type=token", 1),
		"an unknown response": strings.Replace(path, "response_type=code", "response_type=x", 1),
	} {
		for _, method := range []string{"GET", "POST"} {
			if got := f.do(method, bad, ""); got.status < 400 || got.header.Get("Location") != "" {
				t.Errorf("%s %s: got %d", method, name, got.status)
			}
		}
	}
}

func TestProviderToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	grant := func(body object) answer { return f.post("/v1/provider/token", body) }
	code := f.code("demo", "sub", "u-1", "name", "Ann", "email", "Ann@Example.org", "picture", "https://example.org/a.png", "phone_number", "+86 13800000009")
	a := grant(object{"provider_id": "demo", "provider_redirect_uri": callback, "provider_code": code}).ok()
	want := object{
		"provider_token": a.str("provider_token"), "expires_in": 3600.0,
		"provider_profile": object{
			"provider_id": "demo", "sub": "u-1", "name": "Ann", "email": "ann@example.org", "picture": "https://example.org/a.png",
			"phone_number": "+86 13800000009", "meta": object{},
		},
	}
	if diff := cmp.Diff(want, a.body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	grant(object{"provider_id": "demo", "provider_code": code}).fails("failed_precondition") // used once

	wechat := grant(object{"provider_id": "wx_open", "provider_code": f.code("wx_open", "sub", "o-1", "unionid", "u-9")}).ok()
	if diff := cmp.Diff(object{"appid": wechatApp("demo", "wx_open"), "openid": "o-1", "unionid": "u-9"},
		wechat.body["provider_profile"].(object)["meta"].(object)); diff != "" {
		t.Errorf("wx_open: meta %s", diff)
	}
	for kind, field := range map[string]string{"token": "provider_access_token", "id_token": "provider_id_token"} {
		location := f.submit(f.uri("demo", "response_type", kind), url.Values{"decision": {"allow"}, "sub": {"f"}}).header.Get("Location")
		_, fragment, _ := strings.Cut(location, "#")
		values, err := url.ParseQuery(fragment)
		if err != nil || values.Get("state") != "st" {
			t.Fatalf("%s: %s: %v", kind, location, err)
		}
		grant(object{"provider_id": "demo", field: values.Get(strings.TrimPrefix(field, "provider_"))}).ok()
	}

	f.clock.advance(0)
	tests := map[string]struct {
		body object
		want string
	}{
		"nothing":               {object{"provider_id": "demo"}, "invalid_argument"},
		"unknown provider":      {object{"provider_id": "x", "provider_code": "y"}, "provider_not_enabled"},
		"unknown code":          {object{"provider_id": "demo", "provider_code": "y"}, "failed_precondition"},
		"another provider":      {object{"provider_id": "wx_mp", "provider_code": f.code("demo")}, "failed_precondition"},
		"another redirect_uri":  {object{"provider_id": "demo", "provider_code": f.code("demo"), "provider_redirect_uri": callback + "x"}, "failed_precondition"},
		"a code as a token":     {object{"provider_id": "demo", "provider_access_token": f.code("demo")}, "failed_precondition"},
		"the third party fails": {object{"provider_id": "demo", "provider_code": f.code("demo", "decision", "fail")}, "failed_precondition"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { answerFor(t, grant(test.body)).fails(test.want) })
	}
	old := f.code("demo")
	f.clock.advance(providerCodeLife)
	grant(object{"provider_id": "demo", "provider_code": old}).fails("failed_precondition")
}

// answerFor reports an answer's failures to a sub-test.
func answerFor(t *testing.T, a answer) answer {
	a.t = t
	return a
}

func TestMiniProgramCodes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const app = "wx0123456789abcdef"
	type params = object
	tests := map[string]struct {
		code   string
		params params
		sub    string // or an error
		phone  string
	}{
		"open_id":             {"openid:o1", params{"provider_code_type": "open_id", "appid": app}, "o1", ""},
		"union_id":            {"unionid:u1", params{"provider_code_type": "union_id"}, "u1", ""},
		"phone":               {"openid:o1", params{"provider_code_type": "phone", "code": "phone:13800000001"}, "o1", "+86 13800000001"},
		"phone alone":         {"", params{"provider_code_type": "phone", "code": "phone:+1 2025550123"}, "phone-12025550123", "+1 2025550123"},
		"phone as login code": {"phone:13800000001", params{"provider_code_type": "phone"}, "phone-8613800000001", "+86 13800000001"},
		"wrong kind":          {"unionid:u1", params{"provider_code_type": "open_id"}, "failed_precondition", ""},
		"empty id":            {"openid:", params{"provider_code_type": "open_id"}, "failed_precondition", ""},
		"made up":             {"0a1b", params{"provider_code_type": "union_id"}, "failed_precondition", ""},
		"bad phone":           {"openid:o1", params{"provider_code_type": "phone", "code": "phone:x"}, "failed_precondition", ""},
		"bad type":            {"openid:o1", params{"provider_code_type": "face"}, "invalid_argument", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := answerFor(t, f.post("/v1/provider/token", object{"provider_id": app, "provider_code": test.code, "provider_params": test.params}))
			if _, isError := errorKinds[test.sub]; isError {
				a.fails(test.sub)
				return
			}
			profile := a.ok().body["provider_profile"].(object)
			got, _ := profile["phone_number"].(string)
			if profile["sub"] != test.sub || got != test.phone {
				t.Errorf("got %v", profile)
			}
		})
	}
	token := f.post("/v1/provider/token", object{
		"provider_id": app, "provider_code": "openid:o1", "provider_params": params{"provider_code_type": "open_id"},
	}).ok().str("provider_token")
	patch := func(token string, params params) answer {
		return f.do("PATCH", "/auth/v1/provider/token?client_id=demo", encode(t, object{"provider_token": token, "provider_params": params}))
	}
	patch(token, params{"code": "x"}).fails("failed_precondition")
	patch("x", params{"code": "phone:13800000001"}).fails("permission_denied")
	patch(token, params{"encryptedData": "!"}).fails("failed_precondition")
	a := patch(token, params{"code": "phone:13800000001", "provider_code_type": "phone"}).ok()
	patch(token, params{"code": "phone:13800000001"}).fails("permission_denied") // replaced
	data := base64.StdEncoding.EncodeToString([]byte(`{"nickName":"N","avatarUrl":"https://p","unionId":"u7","phoneNumber":"13800000002"}`))
	a = patch(a.str("provider_token"), params{"encryptedData": data, "iv": "x"}).ok()
	want := object{
		"provider_id": app, "sub": "o1", "name": "N", "picture": "https://p", "phone_number": "+86 13800000002",
		"meta": object{"appid": app, "openid": "o1", "unionid": "u7"},
	}
	if diff := cmp.Diff(want, a.body["provider_profile"].(object)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// The tokens know the ids at WeChat.
	in := f.signInProvider(a.str("provider_token")).ok()
	parsed, err := f.parseToken(in.str("access_token"), false)
	if err != nil || parsed.Meta != (claimsMeta{"o1", "u7"}) {
		t.Errorf("claims: %+v, %v", parsed, err)
	}
	again := f.post("/v1/token", object{"grant_type": "refresh_token", "refresh_token": in.str("refresh_token")}).ok()
	if parsed, err = f.parseToken(again.str("access_token"), false); err != nil || parsed.Meta != (claimsMeta{"o1", "u7"}) {
		t.Errorf("claims after a refresh: %+v, %v", parsed, err)
	}

	f.settings(`{"providers":{"wx_micro_app":{"On":false}}}`)
	f.post("/v1/provider/token", object{"provider_id": app, "provider_code": "openid:o1", "provider_params": params{"provider_code_type": "open_id"}}).
		fails("provider_not_enabled")
}

func TestSignInWithProvider(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.providerToken("demo", "sub", "u-1", "name", "Ann", "email", "ann@example.org")
	first := f.signInProvider(token).ok()
	f.signInProvider(token).fails("permission_denied") // used once
	again := f.signInProvider(f.providerToken("demo", "sub", "u-1", "name", "Other")).ok()
	if first.str("sub") != again.str("sub") {
		t.Error("the same identity got another user")
	}
	me := f.me(again.str("access_token")).ok()
	if me.body["name"] != "Ann" || me.body["email"] != "ann@example.org" || me.body["loginType"] != "DEMO" {
		t.Errorf("user/me: %v", me.body)
	}
	provider := object{"id": "demo", "provider_user_id": "u-1", "name": "Ann", "meta": object{}}
	if diff := cmp.Diff([]any{provider}, me.body["providers"]); diff != "" {
		t.Errorf("providers: %s", diff)
	}
	f.post("/v2/signin/with/provider", object{
		"provider_token": f.providerToken("demo", "sub", "u-1", "name", "Synced"), "sync_profile": true, "provider_id": "demo",
	}).ok()
	if got := f.me(again.str("access_token")).str("name"); got != "Synced" {
		t.Errorf("sync_profile: the name is %s", got)
	}
	f.post("/v1/signin/with/provider", object{"provider_token": f.providerToken("demo"), "provider_id": "wx_open"}).fails("invalid_argument")

	// By e-mail and phone, which the provider vouches for.
	demo := f.signInDemo().str("sub")
	if got := f.signInProvider(f.providerToken("demo", "sub", "u-2", "email", "demo@example.com")).ok().str("sub"); got != demo {
		t.Errorf("e-mail match: got %s, want %s", got, demo)
	}
	phone := f.signUp("+86 13800000001", object{}).str("sub")
	if got := f.signInProvider(f.providerToken("demo", "sub", "u-3", "phone_number", "+86 13800000001")).ok().str("sub"); got != phone {
		t.Errorf("phone match: got %s, want %s", got, phone)
	}
	f.settings(`{"providers":{"demo":{"AutoSignInWhenEmailMatch":false,"ReuseUserId":true}}}`)
	reused := f.signInProvider(f.providerToken("demo", "sub", "user-4", "email", "demo@example.com")).ok()
	if reused.str("sub") != "user-4" {
		t.Errorf("ReuseUserId: got %s", reused.str("sub"))
	}
	if got := f.me(reused.str("access_token")).str("email"); got != "" {
		t.Errorf("without the match the address was taken over: %s", got)
	}

	// Nobody matches and nobody may be made.
	token = f.providerToken("demo", "sub", "u-5", "name", "Five")
	f.post("/v1/signin/with/provider", object{"provider_token": token, "force_disable_sign_up": true}).fails("not_found")
	f.settings(`{"providers":{"demo":{"AutoSignUpWithProviderUser":false}}}`)
	f.signInProvider(token).fails("not_found")
	up := f.signUp("five@example.com", object{"provider_token": token}) // still good: it binds
	if got := f.signInProvider(f.providerToken("demo", "sub", "u-5")).ok().str("sub"); got != up.str("sub") {
		t.Error("sign-up did not bind")
	}
	if got := f.me(up.str("access_token")).str("name"); got != "Five" {
		t.Errorf("sign-up took the name %q", got)
	}
	third := f.post("/v1/signup", object{"provider_token": f.providerToken("demo", "sub", "u-6")}).ok() // the third-party route
	f.me(third.str("access_token")).ok()
	f.post("/v1/signup", object{"provider_token": f.providerToken("demo", "sub", "u-6")}).fails("failed_precondition")
	f.post("/v1/signup", object{"provider_token": "x"}).fails("permission_denied")

	f.setStatus(third.str("sub"), "BLOCKED")
	f.signInProvider(f.providerToken("demo", "sub", "u-6")).fails("user_blocked")
	f.do("POST", "/auth/v1/signin/with/provider?client_id=west", encode(t, object{"provider_token": f.providerToken("demo")})).fails("permission_denied")
	token = f.providerToken("demo", "sub", "u-6")
	f.clock.advance(providerTokenLife)
	f.signInProvider(token).fails("permission_denied")
	token = f.providerToken("demo", "sub", "u-1")
	f.settings(`{"providers":{"demo":{"On":false}}}`)
	f.signInProvider(token).fails("provider_not_enabled")
}

func TestSignInWithWechat(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.post("/v1/signin/wechat/noauth", object{}).fails("failed_precondition")
	a := f.post("/v1/signin/wechat/noauth", object{}, "X-WX-OPENID", "o-1", "X-WX-APPID", "wx0123456789abcdef").ok()
	b := f.post("/v1/signin/wechat/noauth", object{}, "X-WX-OPENID", "o-1", "X-WX-APPID", "wx0123456789abcdef").ok()
	if a.str("sub") != b.str("sub") {
		t.Error("two users for one openid")
	}
	f.post("/v1/signin/wechat/noauth", object{}, "X-WX-OPENID", "o-2").ok()
	anonymous := func() answer {
		token := f.post("/v1/provider/token", object{
			"provider_id": "wx0123456789abcdef", "provider_code": "openid:o-9", "provider_params": object{"provider_code_type": "open_id"},
		}).ok().str("provider_token")
		return f.post("/v1/signin/anonymously", object{"provider_token": token}).ok()
	}
	if a, b := anonymous(), anonymous(); a.str("sub") != b.str("sub") || a.str("scope") != "anonymous" {
		t.Errorf("anonymous in a mini program: %v, %v", a.body, b.body)
	}
	f.post("/v1/signin/anonymously", object{"provider_token": "x"}).fails("permission_denied")

	if got := f.post("/v1/mgr/provider/providerSubType", object{"provider_id": "weda"}).ok().str("provider_sub_type"); got != "" {
		t.Errorf("providerSubType: %q", got)
	}
	f.settings(`{"providers":{"weda":{"ProviderSubType":"NO_AUTH_LOGIN"}}}`)
	want := object{"id": "weda", "provider_sub_type": "NO_AUTH_LOGIN"}
	if diff := cmp.Diff(want, f.post("/v1/mgr/provider/providerSubType", object{"provider_id": "weda"}).ok().body); diff != "" {
		t.Error(diff)
	}
}

func TestProviderSignOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signOut := func(body object) string {
		token := f.signInProvider(f.providerToken("demo")).ok().str("access_token")
		a := f.as(token, "POST", "/v1/user/signout", body).ok()
		f.me(token).fails("unauthenticated")
		got, _ := a.body["redirect_uri"].(string)
		return strings.TrimPrefix(got, f.url)
	}
	page := signOut(object{"redirect_uri": "https://app.example.com/bye?x=1", "state": "s&t"})
	if got := f.do("GET", page, "").header.Get("Location"); got != "https://app.example.com/bye?x=1&state=s%26t" {
		t.Errorf("%s leads to %q", page, got)
	}
	if got := f.do("GET", signOut(object{}), "").status; got != http.StatusOK {
		t.Errorf("without redirect_uri: got %d", got)
	}
	for _, bad := range []string{"/demo-idp/demo/demo/signout?redirect_uri=javascript:1", "/demo-idp/x/demo/signout", "/demo-idp/demo/x/signout"} {
		if a := f.do("GET", bad, ""); a.status < 400 {
			t.Errorf("%s: got %d", bad, a.status)
		}
	}
	f.settings(`{"providers":{"demo":{"SignOut":false}}}`)
	if got := signOut(object{"redirect_uri": "https://app.example.com/bye"}); got != "https://app.example.com/bye" {
		t.Errorf("SignOut off: got %s", got)
	}
}
