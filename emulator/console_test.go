package emulator

import (
	"bytes"
	"cmp"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// form posts a form as a browser does from the console.
func (f *fixture) form(path string, pairs ...string) answer {
	f.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return f.do("POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin", "Origin", f.url)
}

// leads wants a form to have led to a page, and returns that.
func (a answer) leads(f *fixture, to string) string {
	f.t.Helper()
	location := a.header.Get("Location")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(location, to) {
		f.t.Fatalf("%s: got %d to %q, want 303 to %s\n%v", a.what, a.status, location, to, a.body)
	}
	path, _, _ := strings.Cut(location, "#")
	page := f.do("GET", path, "").ok().str("raw")
	if !strings.Contains(page, `class="note done"`) {
		f.t.Errorf("%s: the page does not say that it is done", a.what)
	}
	return page
}

// refused wants the form again, with a sentence.
func (a answer) refused(f *fixture, sentence string) string {
	f.t.Helper()
	page := a.str("raw")
	if a.status != http.StatusUnprocessableEntity || !strings.Contains(page, `role="alert"`) || !strings.Contains(page, sentence) {
		f.t.Fatalf("%s: got %d, want 422 with %q in\n%s", a.what, a.status, sentence, page)
	}
	return page
}

func TestConsolePages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, path := range []string{"/__emulator/", "/__emulator/ui/users", "/__emulator/ui/new-user", "/__emulator/ui/settings"} {
		page := f.do("GET", path, "").ok()
		csp := page.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "form-action 'self'") || strings.Contains(csp, "unsafe") || page.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, page.header)
		}
		for _, link := range []string{`href="/__emulator/"`, `href="/__emulator/ui/users"`, `href="/__emulator/ui/settings"`} {
			if !strings.Contains(page.str("raw"), link) {
				t.Errorf("%s lacks %s", path, link)
			}
		}
		if strings.Contains(page.str("raw"), "sign-out") {
			t.Errorf("%s: a way out where nobody signed in", path)
		}
	}
	if a := f.do("GET", "/__emulator/ui/users/demo/1", ""); a.status != 404 || !strings.Contains(a.str("raw"), "No such user") {
		t.Errorf("nobody's page: %d", a.status)
	}
	f.do("GET", "/__emulator/ui/nothing", "").fails("not_found")
	// A form of another site, and of another port of this host, changes nothing.
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://127.0.0.1:1"}} {
		f.do("POST", "/__emulator/ui/reset", "", header...).fails("permission_denied")
	}
}

func TestConsoleUsers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.form("/__emulator/ui/new-user", "username", "x y", "password", "Secret-pass-1").refused(f, "username: want 2 to 48")
	again := f.form("/__emulator/ui/new-user", "username", "demo", "name", "<i>", "password", "Secret-pass-1", "env", "west").refused(f, "Another user has this username")
	if !strings.Contains(again, `value="demo"`) || !strings.Contains(again, "&lt;i&gt;") || strings.Contains(again, "Secret-pass-1") || !strings.Contains(again, "<option selected>west") {
		t.Errorf("the form does not keep what was typed:\n%s", again)
	}
	page := f.form("/__emulator/ui/new-user", "env", "demo", "username", "wang", "email", "wang@example.com", "password", "Wang-pass-1",
		"groups", " admin  staff ", "providers", "demo w1\r\n\r\nwx_open o-1 \r\n", "status", "ACTIVE", "gender", "").leads(f, "/__emulator/ui/users/demo/")
	for _, want := range []string{`value="wang"`, `value="admin staff"`, "demo w1\nwx_open o-1\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	f.signIn("wang", "Wang-pass-1").ok()
	sub := f.do("GET", "/__emulator/users.json?username=wang", "").ok().body["users"].([]any)[0].(object)["sub"].(string)
	own := "/__emulator/ui/users/demo/" + sub
	f.do("PUT", "/__emulator/users/"+sub, `{"providers": [{"id": "demo", "provider_user_id": "w1", "name": "Kept"}]}`).ok()
	fields := []string{"username", "lin", "email", "", "providers", "demo w1", "status", "ACTIVE"}
	f.form(own, fields...).leads(f, own)
	f.signIn("lin", "Wang-pass-1").ok() // the password stays where none is typed
	user := f.do("GET", "/__emulator/users/"+sub, "").ok()
	if user.str("email") != "" || user.body["providers"].([]any)[0].(object)["name"] != "Kept" {
		t.Errorf("saved: %v", user.body)
	}
	f.form(own, append(fields, "no_password", "on")...).leads(f, own)
	f.signIn("lin", "Wang-pass-1").fails("password_not_set")
	f.form(own, "username", "").refused(f, "a user has a username")

	list := f.do("GET", "/__emulator/ui/users?q=lin", "").ok().str("raw")
	if !strings.Contains(list, own) || strings.Contains(list, "demo@example.com") {
		t.Errorf("found by lin:\n%s", list)
	}
	f.form(own+"/delete").leads(f, "/__emulator/ui/users")
	f.do("GET", "/__emulator/users/"+sub, "").fails("not_found")
	for range usersOnPage {
		f.newUserByControls(`{"email": "` + f.hexToken(4) + `@example.com"}`)
	}
	first := f.do("GET", "/__emulator/ui/users", "").ok().str("raw")
	if !strings.Contains(first, "1–50 of 52") || !strings.Contains(first, "offset=50") || strings.Contains(first, `rel="prev"`) {
		t.Errorf("the first page of the list:\n%s", first)
	}
	last := f.do("GET", "/__emulator/ui/users?offset=50", "").ok().str("raw")
	if !strings.Contains(last, "51–52 of 52") || strings.Contains(last, `rel="next"`) || !strings.Contains(last, `rel="prev"`) {
		t.Errorf("the last page of the list:\n%s", last)
	}
}

// upload posts a file as the page does.
func (f *fixture) upload(name, content string) answer {
	f.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile(name, "users.json")
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	if err == nil {
		err = form.WriteField("env", "west")
	}
	if err = cmp.Or(err, form.Close()); err != nil {
		f.t.Fatal(err)
	}
	return f.do("POST", "/__emulator/ui/import", body.String(), "Content-Type", form.FormDataContentType(), "Sec-Fetch-Site", "same-origin")
}

func TestConsoleImport(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if page := f.upload("file", `{"users": [{"username": "demo"}, {"username": "wang"}]}`).ok().str("raw"); !strings.Contains(page, "Imported: 1 created, 1 changed.") {
		t.Errorf("after an import:\n%s", page)
	}
	if got := f.do("GET", "/__emulator/users.json?username=wang", "").ok().body["users"].([]any)[0].(object)["env"]; got != "west" {
		t.Errorf("imported to %v", got)
	}
	f.upload("file", "{\"users\": [\n{\"username\": \"x\"}, {\"mail\": \"x\"}]}").refused(f, "line 2, column 14: users[0].username")
	f.upload("other", "{}").refused(f, "Choose a file")
	f.do("POST", "/__emulator/ui/import", "").refused(f, "Choose a file")
	if a := f.do("GET", "/__emulator/ui/export?env=west", ""); a.header.Get("Content-Disposition") == "" || len(a.body["users"].([]any)) != 2 {
		t.Errorf("export: %v %v", a.header, a.body)
	}
}

func TestConsoleSettings(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	set := func(section string, pairs ...string) settings {
		t.Helper()
		f.form("/__emulator/ui/settings/"+section, pairs...).leads(f, "/__emulator/ui/settings?done=saved#")
		return f.Emulator.settings.get()
	}
	before := f.Emulator.settings.get()
	s := set("methods", "EmailLogin", "on", "MfaOn", "on", "MfaEmail", "on", "SmsDayLimit", "5")
	if l := s.Login; l.PhoneNumberLogin || !l.EmailLogin || l.UserNameLogin || l.AnonymousLogin || !l.MfaConfig.On || l.MfaConfig.Sms || l.SmsVerificationConfig.SmsDayLimit != 5 ||
		l.PwdUpdateStrategy != before.Login.PwdUpdateStrategy {
		t.Errorf("methods: %+v", l)
	}
	s = set("passwords", "password_strength", "strict", "FirstLoginUpdate", "on", "PeriodValue", "3", "PeriodType", "MONTH")
	if s.PasswordStrength != strengthStrict || s.Login.PwdUpdateStrategy != (pwdUpdateStrategy{true, false, 3, "MONTH"}) || s.Login.PhoneNumberLogin {
		t.Errorf("passwords: %+v", s)
	}
	if set("captcha", "captcha", "always").Captcha != captchaAlways {
		t.Error("captcha")
	}
	if got := set("domains", "security_domains", "app.example.com\r\nlocalhost:5173\r\n").SecurityDomains; strings.Join(got, " ") != "app.example.com localhost:5173" {
		t.Errorf("domains: %q", got)
	}
	if len(set("domains", "security_domains", " ").SecurityDomains) != 0 {
		t.Error("domains stay")
	}
	set("clock", "clock_offset_s", "-60")
	if got := set("clock", "by", "3600").ClockOffsetS; got != 3540 {
		t.Errorf("clock: %d", got)
	}
	if set("latency", "latency_ms", "1").LatencyMS != 1 {
		t.Error("latency")
	}
	set("fault", "path", "/auth/v1/signin", "error", "unavailable", "times", "2")
	if got := set("fault", "status", "502", "body", "<html>").Faults; len(got) != 2 || got[0] != (fault{Path: "/auth/v1/signin", Error: "unavailable", Times: 2}) || got[1] != (fault{Status: 502, Body: "<html>"}) {
		t.Errorf("faults: %+v", got)
	}
	if got := set("unfault", "at", "0").Faults; len(got) != 1 || got[0].Status != 502 {
		t.Errorf("one fault cleared: %+v", got)
	}
	if len(set("unfault", "at", "all").Faults) != 0 {
		t.Error("faults stay")
	}
	if p := set("providers", "on demo", "on", "register wx_mp", "on").Providers; !p["demo"].On || p["demo"].AutoSignUpWithProviderUser || p["wx_mp"].On || !p["demo"].SignOut {
		t.Errorf("providers: %+v", p)
	}
	for section, pairs := range map[string][]string{
		"methods": {"SmsDayLimit", "many"}, "passwords": {"PeriodValue", "1", "PeriodType", "DAY"}, "captcha": {"captcha", "sometimes"},
		"domains": {"security_domains", "https://x.example"}, "clock": {"clock_offset_s", "x"}, "latency": {"latency_ms", "-1"},
		"fault": {"path", "/auth/v1/signin"}, "unfault": {"at", "7"},
	} {
		f.form("/__emulator/ui/settings/"+section, pairs...).refused(f, "Unknown key or bad value")
	}
	if a := f.form("/__emulator/ui/settings/nothing"); a.status != 404 {
		t.Errorf("no section: %d", a.status)
	}
	f.form("/__emulator/ui/clients", "id", "mobile", "secret", "s", "redirect_uris", "https://a.example/\nhttps://b.example/", "env", "west").leads(f, "/__emulator/ui/settings")
	if c, _ := f.clients.find("mobile"); c.secret != "s" || len(c.redirectURIs) != 2 || c.env.ID != "west" {
		t.Errorf("client: %+v", c)
	}
	f.form("/__emulator/ui/clients", "id", "a b").refused(f, "a client&#39;s id")
	f.form("/__emulator/ui/clients/mobile/delete").leads(f, "/__emulator/ui/settings")
	f.form("/__emulator/ui/clients/west/delete").refused(f, "An environment keeps one client")
	f.form("/__emulator/ui/reset").leads(f, "/__emulator/ui/settings")
	if f.Emulator.settings.get().Captcha != captchaRisk {
		t.Error("the reset left settings")
	}
}

const controlToken = "0123456789abcdefghijklmnopqrstuv"

// With a token, all controls want it, from this machine too; what tells nothing wants none.
func TestControlToken(t *testing.T) {
	t.Parallel()
	f := soleFixture(t, func(c *Config) { c.ControlToken = controlToken })
	for pattern := range f.controlTable() {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{sub}", "1", "{client}", "shop", "{token}", "latest").Replace(path)
		a := f.do(method, path, "{}")
		if open := path == "/__emulator/ready"; open != (a.status == 200) || !open && (a.body["error"] != "unauthenticated" || a.header.Get("WWW-Authenticate") == "") {
			t.Errorf("%s without the token: %d %v", pattern, a.status, a.body)
		}
		if a = f.do(method, path, "{}", "Authorization", "Bearer "+controlToken, "Host", "tcb:8081", "X-Forwarded-For", "203.0.113.5"); a.status == 401 || a.status == 403 {
			t.Errorf("%s with the token: %d %v", pattern, a.status, a.body)
		}
	}
	for pattern := range f.consoleTable() {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{$}", "", "{env}", "shop", "{sub}", "1", "{client}", "shop", "{section}", "captcha").Replace(path)
		a := f.do(method, path, "")
		open := method == "GET" && (strings.HasSuffix(path, "/sign-in") || strings.Contains(path, "/console."))
		if want := map[bool]int{true: 200, false: 401}[open]; a.status != want && !strings.HasSuffix(path, "/sign-in") {
			t.Errorf("%s without the token: %d, want %d", pattern, a.status, want)
		}
	}
	if body := f.do("POST", "/__emulator/import", strings.Repeat("x", 17<<20)); body.status != 401 {
		t.Errorf("a stranger's body is read: %d", body.status)
	}
	// The page's way in: a form, a cookie, and back to where somebody wanted to go.
	page := f.do("GET", "/__emulator/ui/users?q=x", "")
	if page.status != 401 || !strings.Contains(page.str("raw"), `name="next" value="/__emulator/ui/users?q=x"`) {
		t.Errorf("asked for the token: %d\n%s", page.status, page.str("raw"))
	}
	f.form("/__emulator/ui/sign-in", "token", controlToken[1:], "next", "/__emulator/ui/users").refused(f, "not the token")
	in := f.form("/__emulator/ui/sign-in", "token", controlToken, "next", "/__emulator/ui/users?q=x")
	cookie, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
	if in.status != 303 || in.header.Get("Location") != "/__emulator/ui/users?q=x" || !strings.Contains(in.header.Get("Set-Cookie"), "HttpOnly; SameSite=Strict") {
		t.Fatalf("signed in: %d %v", in.status, in.header)
	}
	for _, elsewhere := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "", "/auth/", "/__emulator/ui/\\x", "javascript:1"} {
		if to := f.form("/__emulator/ui/sign-in", "token", controlToken, "next", elsewhere).header.Get("Location"); to != "/__emulator/" {
			t.Errorf("%q leads to %q", elsewhere, to)
		}
	}
	if shown := f.do("GET", "/__emulator/", "", "Cookie", cookie); shown.status != 200 || !strings.Contains(shown.str("raw"), "Sign out") {
		t.Errorf("with the cookie: %d", shown.status)
	}
	f.do("GET", "/__emulator/outbox.json", "", "Cookie", cookie).fails("unauthenticated")
	f.do("POST", "/__emulator/ui/reset", "", "Cookie", cookie, "Origin", "http://127.0.0.1:1").fails("permission_denied")
	if out := f.do("POST", "/__emulator/ui/sign-out", "", "Cookie", cookie); out.status != 303 || !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("signed out: %d %v", out.status, out.header)
	}
	if _, err := New(Config{Environments: []Environment{{ID: "shop"}}, ControlToken: "short", signingKey: testKey()}); err == nil {
		t.Error("a short token is taken")
	}
}

// Anybody may ask whether the emulator is ready, and learns nothing else.
func TestReady(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/__emulator/ready", nil)
	r.RemoteAddr, r.Host = "192.0.2.1:1", "tcb:8081"
	r.Header.Set("X-Forwarded-For", "203.0.113.5")
	w := httptest.NewRecorder()
	if f.ServeHTTP(w, r); w.Code != 200 || w.Body.String() != `{"status":"ready"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
