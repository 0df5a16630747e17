package emulator

import (
	"context"
	"maps"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestControlGuards(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tests := map[string]struct {
		method, peer, host string
		header             [2]string
		want               int
	}{
		"this machine":        {peer: "127.0.0.1:1", host: "127.0.0.1:8081", want: 200},
		"localhost":           {peer: "127.0.0.1:1", host: "LOCALHOST:8081", want: 200},
		"with its last dot":   {peer: "127.0.0.1:1", host: "localhost.:8081", want: 200},
		"no port":             {peer: "127.0.0.1:1", host: "localhost", want: 200},
		"IPv6":                {peer: "[::1]:1", host: "[::1]:8081", want: 200},
		"IPv6, no port":       {peer: "[::1]:1", host: "[::1]", want: 200},
		"mapped":              {peer: "[::ffff:127.0.0.1]:1", host: "127.0.0.1", want: 200},
		"another machine":     {peer: "192.0.2.1:1", host: "127.0.0.1:8081", want: 403},
		"no peer":             {peer: "", host: "127.0.0.1:8081", want: 403},
		"rebound name":        {peer: "127.0.0.1:1", host: "evil.example:8081", want: 403},
		"localhost lookalike": {peer: "127.0.0.1:1", host: "localhost.evil.example", want: 403},
		"no host":             {peer: "127.0.0.1:1", host: "", want: 403},
		"proxied":             {peer: "127.0.0.1:1", host: "app.example.com", want: 403},
		"forwarded":           {"", "127.0.0.1:1", "127.0.0.1:8081", [2]string{"X-Forwarded-For", "203.0.113.5"}, 403},
		"forwarded, by name":  {"", "127.0.0.1:1", "127.0.0.1:8081", [2]string{"Forwarded", "for=203.0.113.5"}, 403},
		"forwarded, nginx":    {"", "127.0.0.1:1", "127.0.0.1:8081", [2]string{"X-Real-IP", "203.0.113.5"}, 403},
		"forwarded, via":      {"", "127.0.0.1:1", "127.0.0.1:8081", [2]string{"Via", "1.1 proxy"}, 403},
		"forwarded host":      {"", "127.0.0.1:1", "127.0.0.1:8081", [2]string{"X-Forwarded-Host", "app.example.com"}, 403},
		"write":               {method: "PUT", peer: "127.0.0.1:1", host: "127.0.0.1:8081", want: 200},
		"write, same origin":  {"PUT", "127.0.0.1:1", "127.0.0.1:8081", [2]string{"Origin", "http://127.0.0.1:8081"}, 200},
		"write, other case":   {"PUT", "127.0.0.1:1", "LOCALHOST:80", [2]string{"Origin", "http://localhost"}, 200},
		"write, other origin": {"PUT", "127.0.0.1:1", "127.0.0.1:8081", [2]string{"Origin", "http://127.0.0.1:8080"}, 403},
		"write, null origin":  {"PUT", "127.0.0.1:1", "127.0.0.1:8081", [2]string{"Origin", "null"}, 403},
		"write, cross-site":   {"PUT", "127.0.0.1:1", "127.0.0.1:8081", [2]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"write, same-site":    {"PUT", "127.0.0.1:1", "127.0.0.1:8081", [2]string{"Sec-Fetch-Site", "same-site"}, 403},
		"write, by the page":  {"PUT", "127.0.0.1:1", "127.0.0.1:8081", [2]string{"Sec-Fetch-Site", "same-origin"}, 200},
		"preflight":           {"OPTIONS", "127.0.0.1:1", "127.0.0.1:8081", [2]string{"Origin", "http://evil.example"}, 403},
	}
	for name, test := range tests {
		method := test.method
		if method == "" {
			method = "GET"
		}
		r := httptest.NewRequestWithContext(t.Context(), method, "/__emulator/settings", strings.NewReader("{}"))
		r.RemoteAddr, r.Host = test.peer, test.host
		if test.header[0] != "" {
			r.Header.Set(test.header[0], test.header[1])
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s: got %d %s, want %d", name, w.Code, w.Body, test.want)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: the controls have CORS headers", name)
		}
	}
	// "null" says nothing: with another word for the page it is as good as absent.
	for site, want := range map[string]int{"same-origin": 200, "cross-site": 403, "none": 403} {
		r := httptest.NewRequestWithContext(t.Context(), "PUT", "/__emulator/settings", strings.NewReader("{}"))
		r.RemoteAddr, r.Host = "127.0.0.1:1", "127.0.0.1:8081"
		r.Header.Set("Origin", "null")
		r.Header.Set("Sec-Fetch-Site", site)
		w := httptest.NewRecorder()
		if f.ServeHTTP(w, r); w.Code != want {
			t.Errorf("Origin null, Sec-Fetch-Site %s: got %d, want %d", site, w.Code, want)
		}
	}
}

func TestOutbox(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.post("/v1/verification", object{"phone_number": "+86 13800000000", "usage": "<b>"}).ok()
	f.clock.advance(time.Second)
	f.post("/v1/verification", object{"email": "A+b@example.com"}, "Accept-Language", "en-US").ok()
	f.post("/v1/verification?client_id=west", object{"email": "w@example.com"}).ok()

	list := func(query string) []any {
		t.Helper()
		return f.do("GET", "/__emulator/outbox.json"+query, "").ok().body["messages"].([]any)
	}
	all := list("")
	if len(all) != 3 || all[0].(object)["to"] != "w@example.com" || all[0].(object)["env"] != "west" {
		t.Fatalf("not newest first: %v", all)
	}
	sms := all[2].(object)
	want := object{
		"id": "1", "env": "demo", "channel": "sms", "to": "+86 13800000000", "code": sms["code"], "usage": "<b>", "locale": "zh-CN",
		"body": messageBody("zh-CN", sms["code"].(string)), "created_at": "2026-11-22T12:00:00.000Z",
	}
	if diff := cmp.Diff(want, sms); diff != "" {
		t.Error(diff)
	}
	if got := all[1].(object); got["channel"] != "email" || got["locale"] != "en-US" || !strings.Contains(got["body"].(string), "verification code is") {
		t.Errorf("e-mail: %v", got)
	}
	for query, want := range map[string]int{
		"?to=%2B86%2013800000000": 1, "?to=+86+13800000000": 1, "?to=8613800000000": 1, "?to=%2B8613800000000": 1, "?to=13800000000": 0,
		"?to=a%2Bb@example.com": 1, "?to=a+b@example.com": 1, "?to=A%2BB@EXAMPLE.com": 1, "?to=x@example.com": 0,
	} {
		if got := len(list(query)); got != want {
			t.Errorf("%s: %d messages, want %d", query, got, want)
		}
	}

	page := f.do("GET", "/__emulator/", "").ok()
	html := page.body["raw"].(string)
	for _, text := range []string{sms["code"].(string), "Development emulator", "&#43;86 13800000000", "&lt;b&gt;", demoPassword} {
		if !strings.Contains(html, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	if csp := page.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") {
		t.Errorf("CSP: %q", csp)
	}
	for path, contentType := range map[string]string{"ui/console.css": "text/css; charset=utf-8", "ui/console.js": "text/javascript; charset=utf-8"} {
		a := f.do("GET", "/__emulator/"+path, "").ok()
		if a.header.Get("Content-Type") != contentType || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
	if a := f.do("GET", "/__emulator", ""); a.status != 303 || a.header.Get("Location") != "/__emulator/" {
		t.Errorf("/__emulator: %d %v", a.status, a.header)
	}
	f.do("POST", "/__emulator/reset", "").ok()
	if html := f.do("GET", "/__emulator/", "").ok().body["raw"].(string); !strings.Contains(html, "Nothing yet") {
		t.Error("the empty outbox says nothing")
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	source := func(signOut bool) object {
		return object{
			"On": true, "AutoSignUpWithProviderUser": true, "ReuseUserId": false, "AutoSignInWhenEmailMatch": true,
			"AutoSignInWhenPhoneNumberMatch": true, "SignOut": signOut, "ProviderSubType": "",
		}
	}
	login := object{
		"PhoneNumberLogin": true, "EmailLogin": true, "UserNameLogin": true, "AnonymousLogin": true,
		"SmsVerificationConfig": object{"Type": "default", "Name": "", "Method": "", "SmsDayLimit": 30.0},
		"MfaConfig":             object{"On": false, "Sms": true, "Email": true, "RequiredBindPhone": false},
		"PwdUpdateStrategy":     object{"FirstLoginUpdate": false, "PeriodUpdate": false, "PeriodValue": 1.0, "PeriodType": "YEAR"},
	}
	want := object{
		"captcha": "risk", "password_strength": "length", "security_domains": []any{}, "verification_uri": "", "qr_code": "picture", "latency_ms": 0.0, "clock_offset_s": 0.0, "faults": []any{}, "login": login,
		"client": object{"AccessTokenExpiresIn": 7200.0, "RefreshTokenExpiresIn": 2592000.0, "MaxDevice": -1.0},
		"providers": object{
			"demo": source(true), "wx_open": source(false), "wx_mp": source(false), "wx_micro_app": source(false), "custom": source(false),
		},
	}
	if diff := cmp.Diff(want, f.do("GET", "/__emulator/settings", "").ok().body); diff != "" {
		t.Errorf("defaults: %s", diff)
	}
	f.settings(`{"captcha":"never","faults":[{"path":"/auth/v1/signin","status":503,"error":"unavailable","times":2}]}`)
	f.settings(`{"latency_ms":1,"login":{"EmailLogin":false}}`) // the others stay
	login["EmailLogin"] = false
	want["captcha"], want["latency_ms"] = "never", 1.0
	want["faults"] = []any{object{"path": "/auth/v1/signin", "status": 503.0, "error": "unavailable", "body": "", "times": 2.0}}
	if diff := cmp.Diff(want, f.do("GET", "/__emulator/settings", "").ok().body); diff != "" {
		t.Errorf("merged: %s", diff)
	}
	f.settings(`{"providers":{"demo":{"On":false},"weda":{"ProviderSubType":"NO_AUTH_LOGIN"}},"client":{"MaxDevice":2}}`)
	want["providers"].(object)["demo"].(object)["On"] = false
	want["providers"].(object)["weda"] = source(false)
	want["providers"].(object)["weda"].(object)["ProviderSubType"] = "NO_AUTH_LOGIN"
	want["client"].(object)["MaxDevice"] = 2.0
	f.settings(`{"faults":[{"status":500}]}`) // nothing of the old fault remains
	want["faults"] = []any{object{"path": "", "status": 500.0, "error": "", "body": "", "times": 0.0}}
	if diff := cmp.Diff(want, f.do("GET", "/__emulator/settings", "").ok().body); diff != "" {
		t.Errorf("replaced: %s", diff)
	}
	for _, bad := range []string{
		"", "[]", `{"captcha":"sometimes"}`, `{"captcha":1}`, `{"latency":5}`, `{"latency_ms":-1}`, `{"clock_offset_s":99999999999}`,
		`{"login":{"Email":false}}`, `{"faults":[{"status":42}]}`, `{"faults":[{}]}`, `{"faults":[{"status":500,"times":-1}]}`, `{} {}`,
		`{"providers":{"demo":{"Off":true}}}`, `{"providers":{"":{}}}`, `{"providers":[]}`, `{"providers":{"demo":{"On":"TRUE"}}}`,
		`{"client":{"MaxDevice":51}}`, `{"client":{"MaxDevice":-2}}`, `{"client":{"AccessTokenExpiresIn":1799}}`,
		`{"client":{"AccessTokenExpiresIn":2592000}}`, `{"client":{"RefreshTokenExpiresIn":2592001}}`,
		`{"login":{"SmsVerificationConfig":{"SmsDayLimit":-2}}}`, `{"login":{"PwdUpdateStrategy":{"PeriodType":"DAY"}}}`,
	} {
		f.do("PUT", "/__emulator/settings", bad).fails("invalid_argument")
	}
	if diff := cmp.Diff(want, f.do("GET", "/__emulator/settings", "").ok().body); diff != "" {
		t.Errorf("a refused change left its mark: %s", diff)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	right := object{"username": "demo", "password": demoPassword}
	f.settings(`{"faults":[
		{"path":"/auth/v1/signin","status":503,"error":"unavailable","times":2},
		{"path":"/auth/v1/signin","status":502,"body":"<html>bad gateway</html>","times":1},
		{"path":"/auth/v1/signin","status":200,"body":"{\"error\":\"two_factor_required\"}","times":1},
		{"path":"/auth/v1/signin","status":500,"times":1},
		{"path":"/auth/v1/signin","error":"resource_exhausted","times":1},
		{"path":"/auth/v1/signin","error":"two_factor_required","times":1}]}`)
	f.do("OPTIONS", "/auth/v1/signin", "") // costs no fault
	f.post("/v1/signin", right).fails("unavailable")
	f.post("/v1/signin", right).fails("unavailable")
	if a := f.post("/v1/signin", right); a.status != 502 || a.body["raw"] != "<html>bad gateway</html>" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("raw body: %d %v %v", a.status, a.body, a.header)
	}
	if a := f.post("/v1/signin", right); a.status != 200 || a.body["error"] != "two_factor_required" {
		t.Errorf("raw JSON: %d %v", a.status, a.body)
	}
	if a := f.post("/v1/signin", right); a.status != 500 || a.body["raw"] != "" || a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("empty: %d %v", a.status, a.body)
	}
	if got := f.post("/v1/signin", right).fails("resource_exhausted").detail("retry_in"); got != 30.0 {
		t.Errorf("retry_in %v", got)
	}
	if a := f.post("/v1/signin", right); a.status != 400 || a.body["error"] != "two_factor_required" || a.body["error_description"] == "" {
		t.Errorf("unlisted code: %d %v", a.status, a.body)
	}
	f.post("/v1/signin", right).ok() // all used up

	f.settings(`{"faults":[{"error":"internal"}]}`) // every path, until cleared
	for range 3 {
		f.post("/v1/signin", right).fails("internal")
		f.do("GET", "/auth/v1/certs", "").fails("internal")
	}
	f.settings(`{"faults":[]}`)
	f.post("/v1/signin", right).ok()
}

func TestLatency(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"latency_ms":1}`)
	f.do("GET", "/auth/v1/certs", "").ok()
	f.settings(`{"latency_ms":600000}`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // a caller that is gone is not waited for
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/auth/v1/certs", nil))
	if w.Body.Len() != 0 {
		t.Errorf("got %s", w.Body)
	}
	f.do("OPTIONS", "/auth/v1/certs", "")
	f.do("GET", "/__emulator/settings", "").ok() // the controls are never slowed
}

func TestClockOffset(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.signInDemo().str("access_token")
	f.settings(`{"clock_offset_s":7199}`)
	f.me(token).ok()
	f.settings(`{"clock_offset_s":7200}`)
	f.me(token).fails("unauthenticated")
	f.settings(`{"clock_offset_s":-60}`)
	f.me(token).ok()
}

func TestUsers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	sub := f.signUp("+86 13800000000", object{"username": "wang", "name": "王"}).str("sub")
	find := func(query string) []any {
		t.Helper()
		return f.do("GET", "/__emulator/users.json"+query, "").ok().body["users"].([]any)
	}
	want := []any{object{
		"env": "demo", "sub": sub, "username": "wang", "name": "王", "email": "", "phone_number": "+86 13800000000", "status": "ACTIVE",
		"picture": "", "gender": "", "birthdate": "", "locale": "", "zoneinfo": "", "description": "", "groups": []any{"user"}, "providers": []any{},
		"anonymous": false, "has_password": false, "created_at": "2026-11-22T12:00:00Z", "updated_at": "2026-11-22T12:00:00Z",
	}}
	for _, query := range []string{"?username=wang", "?username=%2B86+13800000000", "?username=8613800000000", "?sub=" + sub, "?username=WANG&env=demo"} {
		if diff := cmp.Diff(want, find(query)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	for query, want := range map[string]int{"": 3, "?env=west": 1, "?username=demo": 2, "?username=Demo@example.com&env=west": 1, "?username=nobody": 0} {
		if got := len(find(query)); got != want {
			t.Errorf("%s: %d users, want %d", query, got, want)
		}
	}
	if got := f.do("PUT", "/__emulator/users/"+sub, `{"status":"BLOCKED"}`).ok().str("status"); got != "BLOCKED" {
		t.Errorf("status %q", got)
	}
	f.do("PUT", "/__emulator/users/"+sub, `{"status":"blocked"}`).fails("invalid_argument")
	f.do("PUT", "/__emulator/users/"+sub, `{"state":"BLOCKED"}`).fails("invalid_argument")
	f.do("PUT", "/__emulator/users/1", `{"status":"BLOCKED"}`).fails("not_found")
}

func TestResetControl(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.signUp("gone@example.com", object{"username": "gone"})
	f.settings(`{"captcha":"always","clock_offset_s":5}`)
	kid := f.do("GET", "/auth/v1/certs", "").ok().body["keys"].([]any)[0].(object)["kid"]
	f.do("POST", "/__emulator/reset", "").ok()
	f.me(a.str("access_token")).fails("unauthenticated")
	f.signInDemo()
	if users := f.do("GET", "/__emulator/users.json", "").ok().body["users"].([]any); len(users) != 2 {
		t.Errorf("after the reset: %v", users)
	}
	if messages := f.do("GET", "/__emulator/outbox.json", "").ok().body["messages"].([]any); len(messages) != 0 {
		t.Errorf("after the reset: %v", messages)
	}
	if got := f.do("GET", "/auth/v1/certs", "").ok().body["keys"].([]any)[0].(object)["kid"]; got != kid {
		t.Error("the reset took the key")
	}
	f.send("gone@example.com") // no limit left over
}

// The page about the emulator has every control and every setting, and no other.
func TestControlsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, controls, _ := strings.Cut(string(page), "## Controls")
	controls, _, _ = strings.Cut(controls, "## Who may")
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(controls, -1) {
		documented = append(documented, row[1])
	}
	f := newFixture(t)
	want := slices.Concat(slices.Collect(maps.Keys(f.controlTable())), slices.Collect(maps.Keys(f.do("GET", "/__emulator/settings", "").ok().body)))
	slices.Sort(documented)
	slices.Sort(want)
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Error(diff)
	}
}
