package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"tcb-login/handlers/rules"
	"testing"
	"time"
)

// TestLinks: the pages lead to each other, and the login request goes along.
func TestLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	for _, tt := range []struct {
		path  string
		page  string
		links []string
	}{
		{"/", "sign-in", []string{"sign-in-sms", "sign-in-email", "sign-up", "reset-password"}},
		{"", "sign-in", nil},
		{"/sign-in/sms", "sign-in-sms", []string{"sign-in", "sign-in-email", "sign-up"}},
		{"/sign-in/email", "sign-in-email", []string{"sign-in", "sign-in-sms", "sign-up"}},
		{"/sign-up", "sign-up", []string{"sign-in"}},
		{"/reset-password", "reset-password", []string{"sign-in"}},
	} {
		p := b.open(tt.path, "state=s", "custom=x%zz;y").want(http.StatusOK, tt.page)
		for _, to := range tt.links {
			link := p.link(to)
			if !strings.HasSuffix(link, entryQuery(appPage, "state=s", "custom=x%zz;y")) {
				t.Errorf("%s: the link to %s is %q", tt.page, to, link)
				continue
			}
			b.click(p, to).want(http.StatusOK, to)
		}
	}
	for _, path := range []string{"/sign-up", "/reset-password"} {
		byPhone := b.open(path)
		if _, ok := byPhone.controls()["phone_number"]; !ok {
			t.Errorf("%s begins with %v, want a phone number", path, byPhone.controls())
		}
		byEmail := b.click(byPhone, "via-email")
		if _, ok := byEmail.controls()["email"]; !ok {
			t.Errorf("%s by e-mail has %v", path, byEmail.controls())
		}
		if _, ok := b.click(byEmail, "via-phone").controls()["phone_number"]; !ok {
			t.Errorf("%s does not lead back to a phone number", path)
		}
	}
}

func TestEntry(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	get := func(query string) *page { return b.get(s.base + "/?" + query) }
	b.open("/", "prompt=create").want(http.StatusOK, "sign-up")
	b.open("/", "prompt=login").want(http.StatusOK, "sign-in")
	b.open("/", "prompt=anything").want(http.StatusOK, "sign-in")
	get(entryQuery(appPage)+"&client_id=").want(http.StatusBadRequest, "error") // twice
	target := "redirect_uri=" + url.QueryEscape(appPage)
	get("env_id=demo&"+target).want(http.StatusOK, "sign-in") // client_id defaults to the environment's id
	get("env_id=demo&client_id=second&"+target).want(http.StatusOK, "sign-in")
	get("env_id=demo&client_id=&config_version=&app_id=&"+target).want(http.StatusOK, "sign-in")
	get(target).want(http.StatusBadRequest, "error", "error.page.env_missing") // three environments: none is meant
	get("env_id=demo&client_id=other&"+target).want(http.StatusBadRequest, "error", "error.page.client")
	get("env_id=elsewhere&"+target).want(http.StatusBadRequest, "error", "error.page.env")
	for _, version := range []string{"v1_x", "ENV", "env.json", "x", "login.config"} {
		get("env_id=demo&config_version="+version+"&"+target).want(http.StatusBadRequest, "error", "error.page.app_missing")
	}
	get("env_id=demo&app_id=app-orders&config_version=v1_x&"+target).want(http.StatusBadRequest, "error", "error.page.app")
	for _, bad := range []string{"config_version=../../etc/passwd", "config_version=%2e%2e", "app_id=a/b", "env_id=demo%00", "client_id=d%20o",
		"env_id=" + strings.Repeat("x", 65), "app_id=<script>", "config_version=.hidden"} {
		get(bad+"&"+target).want(http.StatusBadRequest, "error", "error.page.parameter")
	}
	one := newSite(t, oneEnvironment, func(c *siteConfig) { c.backend = s.backend })
	one.browser().get(one.base+"/?"+target).want(http.StatusOK, "sign-in") // one environment, one client: they are meant
	if got := s.backend.count(""); got != 0 {
		t.Errorf("TCB was called %d times", got)
	}
	// Who comes by a client signs in by that client, and gets its login.
	p := get("env_id=demo&client_id=second&" + target)
	if done := b.submit(p, fields{"username": "demo", "password": demoPassword}).completed(); done.ClientID != "second" {
		t.Errorf("signed in for %s", done.ClientID)
	}
	if call := last(s.backend.callsTo("/v1/signin")); call.query.Get("client_id") != "second" {
		t.Errorf("TCB was asked by client %v", call.query)
	}
}

// TestErrorPageLeadsOn: an error page has a way on wherever there is one that is known to be good.
func TestErrorPageLeadsOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, oneEnvironment, func(c *siteConfig) { c.settings.Environments[0].DefaultRedirectURI = publicOrigin + "/" })
	b := s.browser()
	p := b.open("/", "env_id=demo").want(http.StatusBadRequest, "error")
	b.click(p, "entry").want(http.StatusOK, "sign-in")
	p = b.do(http.MethodPost, s.base+"/sign-in?"+entryQuery(appPage), url.Values{}, http.Header{"Sec-Fetch-Site": {"cross-site"}}).want(http.StatusForbidden, "error")
	if link := p.link("entry"); !strings.HasSuffix(link, entryQuery(appPage)) {
		t.Errorf("the way on from a refused form is %q: the target is lost", link)
	}
}

func TestLoginHint(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	tests := []struct {
		path, hint string
		want       fields
	}{
		{"/", "demo", fields{"username": "demo"}},
		{"/", "\" autofocus onfocus=alert(1) x=\"", fields{"username": "\" autofocus onfocus=alert(1) x=\""}},
		{"/sign-in/email", demoEmail, fields{"email": demoEmail}},
		{"/sign-in/email", "demo", fields{"email": ""}},
		{"/sign-in/sms", "+86 13800138000", fields{"phone_country": "CN", "phone_number": "13800138000"}},
		{"/sign-in/sms", "+447400123456", fields{"phone_country": "GB", "phone_number": "7400123456"}},
		{"/sign-in/sms", demoEmail, fields{"phone_number": ""}},
	}
	for _, tt := range tests {
		b.open(tt.path, "login_hint="+url.QueryEscape(tt.hint)).want(http.StatusOK, strings.TrimSuffix("sign-in-"+strings.TrimPrefix(tt.path, "/sign-in/"), "-/")).wantValue(tt.want)
	}
	long := b.open("/", "login_hint="+strings.Repeat("x", 1000)).want(http.StatusOK, "sign-in")
	if n := len(long.value("username")); n > rules.MaxIdentifier {
		t.Errorf("a hint of %d characters is in the field", n)
	}
	// A hint is a hint: what is typed counts.
	p := b.open("/", "login_hint=somebody")
	if done := b.submit(p, fields{"username": "demo", "password": demoPassword}).completed(); done.UserInfo.Username != "demo" {
		t.Errorf("signed in as %+v", done.UserInfo)
	}
}

// TestRegionWithoutPhones: TCB sends text messages in one region; elsewhere no page asks for a
// number.
func TestRegionWithoutPhones(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	query := "env_id=north&redirect_uri=" + url.QueryEscape(appPage)
	get := func(path string) *page { return b.get(s.base + path + "?" + query) }
	p := get("/").want(http.StatusOK, "sign-in")
	if p.link("sign-in-sms") != "" || p.link("sign-in-email") == "" {
		t.Error("the page offers text messages, or no e-mail")
	}
	get("/sign-in/sms").want(http.StatusNotFound, "error", "error.disabled")
	form := p.filled(nil)
	b.do(http.MethodPost, s.base+"/sign-in/sms?"+query, form, nil).want(http.StatusNotFound, "error", "error.disabled")
	form.Set("form", "sign-in-sms")
	for name, value := range showsAgain {
		b.do(http.MethodPost, s.base+"/sign-in/email?"+query, with(form, name, value), nil).want(http.StatusBadRequest, "error")
	}
	for _, path := range []string{"/sign-up", "/reset-password", "/sign-up?via=phone", "/reset-password?via=phone"} {
		p := get(strings.Replace(path, "?", "?x&", 1))
		if strings.Contains(path, "?") {
			p = b.get(s.base + path + "&" + query)
		}
		if _, ok := p.controls()["email"]; !ok || p.link("via-phone")+p.link("via-email") != "" {
			t.Errorf("%s asks for %v", path, p.controls())
		}
	}
	if got := s.backend.count(""); got != 0 {
		t.Errorf("TCB was called %d times", got)
	}
	// The rest works there.
	code := b.submit(get("/sign-in/email"), fields{"email": "x@example.com"}).want(http.StatusOK, "sign-in-email-code")
	b.submit(code, fields{"verification_code": s.backend.code("x@example.com")}).completed()
}

// TestTabs: two sign-ins of one browser at once, for two targets, do not mix.
func TestTabs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	one, two := s.browser(), s.browser()
	two.client.Jar = one.client.Jar
	one.target, two.target = publicOrigin+"/one", publicOrigin+"/two"
	first := sendCode(one, "/sign-in/email", fields{"email": "one@example.com"})
	second := sendCode(two, "/sign-in/email", fields{"email": "two@example.com"})
	done := one.submit(first, fields{"verification_code": s.backend.code("one@example.com")}).completed()
	if done.RedirectURI != one.target || done.UserInfo.Email != "one@example.com" {
		t.Errorf("the first tab: %+v", done)
	}
	done = two.submit(second, fields{"verification_code": s.backend.code("two@example.com")}).completed()
	if done.RedirectURI != two.target || done.UserInfo.Email != "two@example.com" {
		t.Errorf("the second tab: %+v", done)
	}
}

// TestCookiesLost: in-app browsers drop cookies between two windows. It costs a
// code, not the way back to the app, and nothing typed.
func TestCookiesLost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, mode := range []fetchMode{fetchMetadata, fetchNothing} {
		b := s.browser()
		b.fetch = mode
		p := b.open("/sign-in")
		b.forget()
		p = b.submit(p, fields{"username": "demo", "password": demoPassword})
		if mode == fetchNothing {
			p.want(http.StatusUnprocessableEntity, "sign-in", "error.stale_password").wantValue(fields{"username": "demo"})
			p = b.submit(p, fields{"password": demoPassword})
		}
		if done := p.completed(); done.RedirectURI != appPage {
			t.Errorf("back to %q", done.RedirectURI)
		}
		code := sendCode(b, "/sign-in/email", fields{"email": demoEmail})
		typed := fields{"verification_code": s.backend.code(demoEmail)}
		b.forget()
		p = b.submit(code, typed).want(http.StatusUnprocessableEntity, "sign-in-email", "error.code_lost").wantValue(fields{"email": demoEmail})
		s.clock.advance(time.Minute)
		code = b.submit(p, nil).want(http.StatusOK, "sign-in-email-code")
		if done := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).completed(); done.RedirectURI != appPage {
			t.Errorf("back to %q", done.RedirectURI)
		}
		s.clock.advance(time.Minute)
	}
}

// TestLongRequest: the largest request that is let in gets through the whole
// flow, with what else browsers send beside it.
func TestLongRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.target = publicOrigin + "/?q=" + strings.Repeat("x", 3000)
	more := "custom=" + strings.Repeat("y", 6<<10-len(entryQuery(b.target))-len("&custom="))
	b.header.Set("Referer", publicOrigin+"/"+strings.Repeat("r", 4000)) // browsers cut a longer one down to the origin
	b.header.Set("User-Agent", strings.Repeat("u", 300))
	b.open("/", more, "z").want(http.StatusBadRequest, "error", "error.page.too_large")
	p := b.open("/sign-in/email", more).want(http.StatusOK, "sign-in-email")
	code := b.submit(p, fields{"email": strings.Repeat("e", 60) + "@" + strings.Repeat("d.", 80) + "example.com"}).want(http.StatusOK, "sign-in-email-code")
	code = b.submit(code, fields{"verification_code": "1"}).want(http.StatusUnprocessableEntity, "sign-in-email-code")
	done := b.submit(code, fields{"verification_code": s.backend.messages("")[0].Code}).completed()
	if done.RedirectURI != b.target {
		t.Errorf("back to %.60s…", done.RedirectURI)
	}
	b.open("/sign-in", more).want(http.StatusOK, "sign-in") // with the login's cookies, too
}

// TestRoutes: what is not in the table does not exist, a slash more or less aside.
func TestRoutes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	for path, status := range map[string]int{
		"/__auth": 200, "/__auth/": 200, "/__auth/sign-in": 200, "/__auth/sign-in/sms": 200,
		"/__AUTH/sign-in": 404, "/__auth/Sign-In": 404, "/__auth/sign-in/password": 404, "/__auth/account": 200, "/__auth/session": 405, "/__auth/account/nothing": 404,
		"/__auth/static/": 404, "/__auth/static/../sign-in": 404, "/sign-in": 404, "/": 404, "/__authx": 404, "/__auth/index.html": 404,
		"/__auth/%73ign-in": 404, "/robots.txt": 404, "/__emulator/": 404, "/healthz": 404,
	} {
		resp := s.raw(t, "GET "+path+"?"+entryQuery(appPage)+" HTTP/1.1\r\nHost: login.example.net\r\nConnection: close\r\n\r\n")
		if resp.StatusCode != status {
			t.Errorf("GET %s: status %d, want %d", path, resp.StatusCode, status)
		}
	}
	for _, path := range []string{"/sign-in", "/sign-in/sms", "/sign-in/email", "/sign-up", "/reset-password", "/sign-out"} {
		if p := b.open(path + "/"); p.status != http.StatusOK && p.status != http.StatusNotFound {
			t.Errorf("%s/: status %d", path, p.status)
		}
	}
}

// TestDemo: the demo app stands before the login page, and only where it is asked for.
func TestDemo(t *testing.T) {
	t.Parallel()
	s := newSite(t, oneEnvironment, func(c *siteConfig) { c.demo = &Demo{Outbox: "http://127.0.0.1:8081/__emulator/"} })
	b := s.browser()
	p := b.get("/").want(http.StatusOK, "demo")
	for _, address := range []string{"/__auth/", "/__auth/sign-out", "http://127.0.0.1:8081/__emulator/"} {
		if p.find(func(n *htmlNode) bool { return n.Data == "a" && attr(n, "href") == address }) == nil {
			t.Errorf("no link to %s", address)
		}
	}
	if p := b.get("/?lang=zh-CN&redirect_uri=https://evil.example/").want(http.StatusOK, "demo"); p.lang() != "zh-CN" || strings.Contains(p.body, "evil") {
		t.Errorf("the page is in %s", p.lang())
	}
	done := b.submit(b.get(s.base+"/"), fields{"username": "demo", "password": demoPassword}).completed()
	if done.RedirectURI != publicOrigin+"/" {
		t.Errorf("back to %s", done.RedirectURI)
	}
}
