package handlers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The ways of this file go through several features at once: what each of them keeps must be there
// when another has stood in between.

// TestCodeFlowThroughDemands: whatever TCB wants of who signs in to an app on another origin, they
// come to the page that asks, and to one code.
func TestCodeFlowThroughDemands(t *testing.T) {
	t.Parallel()
	s := withBoth(t, withCaptchaPage)
	s.age() // a forced change, then the second factor
	s.backend.captcha("always")
	app := s.codeApp(t, "demo", "openid")
	b := s.browser()
	s.secret("password", bothPassword)
	captchas := 0
	submit := func(p *page, typed fields) *page {
		t.Helper()
		for p = b.submit(p, typed); p.name() == "interstitial" && captchas < 10; captchas++ {
			p = b.solved(p)
		}
		return p
	}
	p := b.get(app.entry("nonce=n-1")).want(http.StatusOK, "sign-in")
	p = submit(p, fields{"username": "both", "password": bothPassword}).want(http.StatusOK, "change-password")
	p = submit(p, fields{"new_password": "Quiet-river-8"}).want(http.StatusOK, "second-factor").hides(bothPhone, bothEmail)
	p = submit(p, nil).want(http.StatusOK, "second-factor-code")
	p = submit(p, fields{"verification_code": s.backend.code(bothPhone)}).want(http.StatusOK, "authorize")
	if captchas < 2 {
		t.Errorf("%d captchas on the way", captchas)
	}
	if s.minted() != 0 {
		t.Fatalf("%d codes before anybody pressed anything", s.minted())
	}
	if got := app.answer(b.post(p, nil)).Get("code"); got == "" || s.minted() != 1 {
		t.Errorf("code %q, %d codes", got, s.minted())
	}
	if strings.Contains(p.body, "refresh_token") || strings.Contains(p.body, "access_token") {
		t.Error("the page holds a token")
	}
}

// TestSecondFactorElsewhere: the try that a second factor gives back is of the network that had it:
// nobody else's wrong ones become fewer.
func TestSecondFactorElsewhere(t *testing.T) {
	t.Parallel()
	s := withBoth(t)
	s.backend.captcha("never")
	const there = "192.0.2.88"
	b, thief := s.browser(), s.browser().at(there)
	code := b.submit(b.half("both", bothPassword), nil).want(http.StatusOK, "second-factor-code")
	guess := func(i int) *page {
		p := thief.submit(thief.open("/sign-in"), fields{"username": "both", "password": fmt.Sprintf("Wrong-pass-%d", i)})
		if p.picture() != "" {
			p = thief.solve(p)
		}
		return p
	}
	for i := range 4 {
		guess(i).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	}
	b.at(there).submit(code, fields{"verification_code": s.backend.code(bothPhone)}).completed()
	guess(5).want(http.StatusTooManyRequests, "sign-in", "error.password_limit")
}

// TestPromptNoneEverywhere: no page makes a code for a request with prompt=none, and none is a way
// round the answer that the app gets.
func TestPromptNoneEverywhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, withQR)
	app := s.codeApp(t, "demo")
	b := s.browser()
	asks := app.signIn(b)
	for _, row := range s.rows(t) {
		at := strings.Replace(app.entry("prompt=none"), s.base+"/?", s.base+row.at()+"?", 1)
		if row.Get != nil {
			if p := b.do(http.MethodGet, at, nil, nil); strings.Contains(p.header.Get("Location"), "?code=") {
				t.Errorf("GET %s: a code", row.Path)
			}
		}
		if row.Post == nil || row.Path == "/sign-out" || row.JSON {
			continue
		}
		form := asks.filled(nil)
		if row.Form != "" {
			form.Set("form", row.Form)
		}
		if p := b.do(http.MethodPost, at+"&"+"flow="+asks.parameterOf(asks.action(), "flow"), form, nil); strings.Contains(p.body, registered+"?code=") {
			t.Errorf("POST %s: a code", row.Path)
		}
	}
	if s.minted() != 0 {
		t.Errorf("%d codes", s.minted())
	}
	// A sign-in that such a request leads to is one, and the app hears that somebody has to be asked.
	fresh := s.browser()
	at := strings.Replace(app.entry("prompt=none"), s.base+"/?", s.base+"/sign-in?", 1)
	p := fresh.post(fresh.do(http.MethodGet, at, nil, nil).want(http.StatusOK, "sign-in"), fields{"username": "demo", "password": demoPassword})
	if got := app.answer(fresh.do(http.MethodGet, p.location(), nil, nil)).Get("error"); got != "interaction_required" {
		t.Errorf("after a sign-in: %q", got)
	}
}

// TestConsentForApps: who signs in to an app on another origin, or goes on there as who they are,
// agrees to the texts as everybody; it is on record, and no later person's.
func TestConsentForApps(t *testing.T) {
	t.Parallel()
	config := func(text string) string {
		return loginJSON(t, map[string]any{"web": webMethods("__password", "email"), "agreement": map[string]any{
			"enable": true, "items": []map[string]any{{"label": "Terms", "enable": true, "value": text}},
		}})
	}
	dir := writeTree(t, map[string]string{envFile: config("Be kind.")})
	s := newSite(t, withTree(dir))
	s.backend.register("second@example.com", "second.person", "Second-pass-2")
	records := func() int { return strings.Count(s.log.text(), `"agreed":"`) }
	app := s.codeApp(t, "demo")
	b := s.browser()
	typed := fields{"username": "demo", "password": demoPassword, "agreement": "yes"}
	p := b.submit(b.get(app.entry()).want(http.StatusOK, "sign-in"), typed).want(http.StatusOK, "authorize")
	if p.byID("agreement") != nil || records() != 1 {
		t.Errorf("asked again at once: %v; %d records, want 1", p.byID("agreement") != nil, records())
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(envFile)), []byte(config("Be very kind.")), 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, problems := s.cfg.LoginPages.Reload(); !changed || problems.HasErrors() {
		t.Fatal(changed, problems)
	}
	p = b.get(app.entry()).want(http.StatusOK, "authorize")
	if p.byID("agreement") == nil || p.link("agreement") == "" {
		t.Fatalf("not asked for other texts: %s", p.text())
	}
	p = b.submit(p, nil).want(http.StatusUnprocessableEntity, "authorize", "error.required.agreement")
	if s.minted() != 0 {
		t.Fatalf("%d codes without consent", s.minted())
	}
	p = b.press(p, "lang=zh-CN", fields{"agreement": "yes"}).want(http.StatusOK, "authorize")
	if app.answer(b.post(p, fields{"agreement": "yes"})).Get("code") == "" || records() != 2 {
		t.Errorf("%d records, want 2", records())
	}
	if b.get(app.entry()).want(http.StatusOK, "authorize").byID("agreement") != nil {
		t.Error("asked again after the answer")
	}
	if got := app.answer(b.pressOnly(b.get(app.entry("prompt=consent")), "action=deny", nil)).Get("error"); got != "access_denied" {
		t.Errorf("no: %q", got)
	}

	// The next person in this browser has agreed to nothing by that.
	clean := b.submit(b.open("/sign-in"), fields{"username": "second.person", "password": "Second-pass-2", "agreement": "yes"}).completed()
	if clean.RedirectURI != appPage || records() != 3 {
		t.Errorf("%d records, want one of each sign-in", records())
	}
}

// TestResetForApps: a reset on the way to an app on another origin is of who has made it. Whoever
// signs in later in this browser is not told to look over theirs.
func TestResetForApps(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.register("second@example.com", "second.person", "Second-pass-2")
	app := s.codeApp(t, "demo")
	b := s.browser()
	at := strings.Replace(app.entry("via=email"), s.base+"/?", s.base+"/reset-password?", 1)
	code := b.submit(b.get(at).want(http.StatusOK, "reset-password"), fields{"email": demoEmail}).want(http.StatusOK, "reset-password-code")
	p := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "reset-password-new")
	b.submit(p, fields{"new_password": "Fresh-pass-2"}).want(http.StatusOK, "authorize")
	b.submit(b.open("/sign-in"), fields{"username": "second.person", "password": "Second-pass-2"}).completed()
	b.open("/account").want(http.StatusOK, "account")
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Fresh-pass-2"}).completed()
	// An address of anybody's making is no way round the list.
	b.open("/account", "done=x").want(http.StatusOK, "account-review")
}

// TestCaptchaPageBesideSteps: the cookie of a way to TCB's captcha page takes the place of no other
// that its form goes on with, however many tabs have gone there and with how long an address.
func TestCaptchaPageBesideSteps(t *testing.T) {
	t.Parallel()
	for _, long := range []int{10, 700, 1000, 1300, 1600, 2000, 3000} {
		t.Run(fmt.Sprint(long), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, withCaptchaPage)
			s.backend.wantChange()
			s.backend.captcha("never")
			b := s.browser()
			x := "x=" + strings.Repeat("a", long)
			p := b.submit(b.open("/sign-in", x), fields{"username": "demo", "password": demoPassword}).want(http.StatusOK, "change-password")
			s.backend.captcha("always")
			b.submit(b.open("/sign-in/email", x), fields{"email": "tab@example.com"}) // in another tab, and stays there
			asked := 0
			for p = b.submit(p, fields{"new_password": "Quiet-river-7"}); p.name() != "complete" && asked < 5; asked++ {
				if p.name() == "interstitial" {
					p = b.solved(p)
				} else {
					p = b.solve(p.want(http.StatusUnprocessableEntity, "change-password", "captcha.ask"))
				}
			}
			if got := p.completed(); got.RedirectURI != appPage {
				t.Errorf("leads to %s", got.RedirectURI)
			}
		})
	}
}

// TestCaptchaPageOnTheWayToADevice: a step-up that TCB wants a captcha for comes back to the code.
func TestCaptchaPageOnTheWayToADevice(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage)
	s.backend.captcha("never")
	_, login := s.signedIn(t)
	d := s.device(t, "demo")
	b := s.browser()
	if status, out := b.handOver(b.open("/account"), map[string]string{"access_token": login.Credentials.AccessToken}, nil); status != http.StatusOK {
		t.Fatalf("%d %+v", status, out)
	}
	s.backend.captcha("always")
	captchas := 0
	for _, path := range []string{"/v1/user/sudo", "/v1/user/device/authorize"} {
		first := true
		s.backend.answer(path, func(w http.ResponseWriter, r *http.Request) {
			if first {
				first = false
				captchas++
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"error":"captcha_required","error_code":4001}`))
				return
			}
			s.backend.em.ServeHTTP(w, r)
		})
		p := b.open(devicePath, "user_code="+d.code.UserCode)
		if path == "/v1/user/sudo" {
			p = b.solved(b.submit(p.want(http.StatusOK, "step-up-password"), fields{"password": demoPassword})).want(http.StatusOK, "device")
			if p.value("user_code") != d.code.UserCode {
				t.Fatalf("the code is %q", p.value("user_code"))
			}
			continue
		}
		b.solved(b.submit(p.want(http.StatusOK, "device"), nil)).want(http.StatusOK, "device-done")
	}
	if captchas != 2 || d.sub() == "" {
		t.Errorf("%d captchas; the device is signed in as %q", captchas, d.sub())
	}
}

// TestQRForApps: a phone's yes proves nothing of who sits here, so there is no such way to a code for
// an app on another origin: neither a new one, nor one that was made on the way to this origin.
func TestQRForApps(t *testing.T) {
	t.Parallel()
	s := newSite(t, withQR)
	app := s.codeApp(t, "demo")
	b := s.browser()
	if tos := b.get(app.entry()).want(http.StatusOK, "sign-in").tos(); strings.Contains(strings.Join(tos, " "), "qr") {
		t.Errorf("the ways are %q", tos)
	}
	p := b.showQR()
	_, phone := s.backend.phone(t)
	s.backend.onPhone(t, phone, "allow", "openid-9")
	s.clock.advance(2 * time.Second)
	flow := url.QueryEscape(p.parameterOf(p.action(), "flow"))
	for _, path := range []string{"/sign-in/qr", "/sign-in/qr/check", "/sign-in/qr/enter"} {
		at := strings.Replace(app.entry(), s.base+"/?", s.base+path+"?flow="+flow+"&", 1)
		b.do(http.MethodPost, at, p.filled(nil), nil).want(http.StatusNotFound, "error", "error.disabled")
	}
	if s.backend.count("/v1/signin/with/provider") != 0 {
		t.Error("somebody is signed in")
	}
	// Nor does a login that began so get a code.
	b.pressTo(p, "enter").completed()
	b.get(app.entry()).want(http.StatusOK, "sign-in")
	b.get(app.authorizeAt()).want(http.StatusOK, "sign-in")
}

// TestOwnChangeHidesNobodys: somebody's own change does not make that of another news of before.
func TestOwnChangeHidesNobodys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	b.open("/account").want(http.StatusOK, "account")
	b.stepUp("/account/username", demoPassword)
	b.open("/account").want(http.StatusOK, "account") // TCB has just been asked
	thief := s.browser().at("192.0.2.66")
	thief.submit(thief.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	thief.stepUp("/account/username", demoPassword)
	s.clock.advance(time.Minute)
	thief.submit(thief.open("/account/username"), fields{"username": "demo.thief"}).want(http.StatusOK, "account")
	s.clock.advance(time.Minute)
	p := b.submit(b.open("/account/username"), fields{"username": "demo.mine"}).want(http.StatusOK, "account", "account.done.username", "account.news.title")
	if events := p.all(func(n *htmlNode) bool { return attr(n, "data-event") == "account.event.username" }); len(events) != 1 {
		t.Errorf("the banner names %d events, want the other one alone", len(events))
	}
	b.open("/account/history").want(http.StatusOK, "account-history")
	if b.open("/account").want(http.StatusOK, "account").has("account.news.title") {
		t.Error("there is news after all was seen")
	}
}

// TestDeviceCodesOfAnyName: a refusal counts as a wrong code, whatever TCB calls it.
func TestDeviceCodesOfAnyName(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	for i, code := range []string{"permission_denied", "invalid_user_code", "out_of_range", "aborted", "resource_exhausted", "x"} {
		s.backend.refuse("/v1/user/device/authorize", http.StatusBadRequest, code)
		p := b.submit(b.open(devicePath), fields{"user_code": fmt.Sprintf("AAAA-%04d", i)})
		if want := i == 5; p.has("device.limit") != want {
			t.Errorf("%d refusals: %d %q", i+1, p.status, p.keys())
		}
	}
}

// TestSealedValuesElsewhere: what was sealed for one step is nothing at another: each value that
// this browser has been given, in each parameter and field that takes one, on each page.
func TestSealedValuesElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, withQR, func(c *siteConfig) { c.counter = limitless{} })
	s.backend.register(bothEmail, "both", bothPassword)
	s.backend.captcha("never")
	b := s.browser()
	values := map[string]string{}
	of := func(name string, p *page) {
		t.Helper()
		if values[name] = p.parameterOf(p.action(), "flow"); values[name] == "" {
			t.Fatalf("%s: no step in %s", name, p.action())
		}
	}
	sms := sendCode(b, "/sign-in/sms", fields{"phone_country": "CN", "phone_number": "13900000001"})
	of("/sign-in/sms", sms)
	of("/sign-up", b.submit(sendCode(b, "/sign-up", fields{"email": "new@example.com"}), fields{"verification_code": s.backend.code("new@example.com")}).want(http.StatusOK, "sign-up-details"))
	of("/reset-password", b.submit(sendCode(b, "/reset-password", fields{"email": bothEmail}), fields{"verification_code": s.backend.code(bothEmail)}).want(http.StatusOK, "reset-password-new"))
	of("/sign-in/qr", b.showQR())
	s.backend.wantChange()
	of("/sign-in/new-password", b.toChange("demo", demoPassword))
	s.backend.wantFactor()
	of("/sign-in/second-factor", b.half("both", bothPassword))
	s.backend.captcha("always")
	values["captcha"] = b.submit(b.open("/sign-in/email"), fields{"email": "one@example.com"}).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.ask").value("captcha")
	s.backend.captcha("never")
	enters := []string{"/v1/signin", "/v1/signup", "/v1/signin/with/provider", "/v1/reset", "/v2/signin/password/update", "/v1/user/authorize", "/v1/user/device/authorize", "/v1/verification/verify"}
	before := map[string]int{}
	for _, path := range enters {
		before[path] = s.backend.count(path)
	}
	tried := 0
	for _, row := range s.rows(t) {
		if row.Post == nil || row.JSON || row.Path == "/sign-out" {
			continue
		}
		for name, value := range values {
			form := sms.filled(nil)
			form.Set("verification_code", "123456")
			form.Set("new_password", "Quiet-river-9")
			form.Set("password", "")
			if row.Form != "" {
				form.Set("form", row.Form)
			}
			for _, field := range []string{"captcha", "kept", "captcha_return", "identity", "state"} {
				if field != name {
					form.Set(field, value)
				}
			}
			query := entryQuery(appPage, "link="+value, "done="+value)
			if !strings.HasPrefix(row.Path, name) {
				query += "&flow=" + value
			}
			p := b.do(http.MethodPost, s.base+row.at()+"?"+query, form, nil)
			if tried++; p.status >= http.StatusInternalServerError {
				t.Errorf("%s with what is %s's: status %d", row.Path, name, p.status)
			}
			for _, path := range enters {
				if n := s.backend.count(path); n != before[path] {
					t.Errorf("%s with what is %s's: TCB was called at %s", row.Path, name, path)
					before[path] = n
				}
			}
			if p.name() == "complete" {
				t.Fatalf("%s with what is %s's: signed in", row.Path, name)
			}
		}
	}
	if tried < 100 {
		t.Errorf("%d requests", tried)
	}
}

// TestStaleFormKeepsNoPassword: a form whose token is of no session keeps no password, although a
// captcha of this session's came along: its page may be somebody else's.
func TestStaleFormKeepsNoPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always")
	b := s.browser()
	b.fetch = fetchNothing
	asked := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	if asked.value("kept") == "" {
		t.Fatal("the password is not kept for the captcha")
	}
	form := asked.filled(nil)
	form.Set("csrf_token", s.browser().open("/sign-in").value("csrf_token"))
	form.Set("password", "Their-pass-1")
	p := b.do(http.MethodPost, asked.action(), form, nil).want(http.StatusUnprocessableEntity, "sign-in", "error.stale_password")
	if p.picture() == "" || p.value("kept") != "" {
		t.Errorf("the page has a picture: %v; it keeps %q", p.picture() != "", p.value("kept"))
	}
}

// TestDraftsByAddress: nobody sees a draft, a retired page or the one before by asking for it.
func TestDraftsByAddress(t *testing.T) {
	t.Parallel()
	file := func(name string) string { return loginJSON(t, map[string]any{"name": name}) }
	s := newSite(t, withFiles(t, map[string]string{
		envFile: file("Live"), "__auth/env/login.config.draft.json": file("Unseen env"), "__auth/env/login.config.previous.json": file("Unseen before"),
		"a/login.config.2.json": file("Two"), "a/login.config.2.draft.json": file("Unseen two"),
		"a/login.config.3.draft.json":               file("Unseen alone"),
		"__auth/app/a/login.config.v1_x.json":       file("Old"),
		"__auth/app/a/login.config.v1_x.draft.json": file("Unseen old"),
	}))
	b := s.browser()
	for _, app := range []string{"", "a", "__auth/app/a", "env", "..%2fa", "a%00"} {
		for _, version := range []string{
			"draft", "env.draft", "2.draft", "3", "3.draft", "v1_x.draft", "env.previous", "previous", "2.retired", "draft.json", "2.draft.json",
			"2.DRAFT", "2%00.draft", "2/draft", "..%2f..%2fa%2flogin.config.2.draft", "",
		} {
			for _, more := range []string{"", "&draft=1", "&Draft=true", "&version=2.draft", "&config_version[]=2.draft"} {
				at := s.base + "/sign-in?env_id=demo&client_id=demo&app_id=" + app + "&config_version=" + version + more + "&redirect_uri=" + url.QueryEscape(appPage)
				p := b.do(http.MethodGet, at, nil, nil)
				if strings.Contains(p.body, "Unseen") || p.status != http.StatusOK && p.status != http.StatusBadRequest {
					t.Errorf("app_id=%s config_version=%s%s: status %d: %.200s", app, version, more, p.status, p.text())
				}
			}
		}
	}
	body, err := json.Marshal(b.open("/sign-in").text())
	if err != nil || !strings.Contains(string(body), "Live") {
		t.Errorf("the page itself reads %s, %v", body, err)
	}
}

// TestClientIsGone: a form of the portal that was open while the settings lost its client is not for
// the login that the browser has with the one that is left.
func TestClientIsGone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	second := strings.Replace(entryQuery(appPage), "client_id=demo", "client_id=second", 1)
	s.backend.register("second@example.com", "somebody", "Second-pass-1")
	b.submit(b.get(s.base+"/sign-in?"+second), fields{"username": "somebody", "password": "Second-pass-1"}).completed()
	profile := b.open("/account/profile").want(http.StatusOK, "account-profile")
	less := testSettings()
	less.Environments[0].Clients = less.Environments[0].Clients[1:]
	after := newSite(t, func(c *siteConfig) { c.settings, c.backend, c.clock, c.memory = less, s.backend, s.clock, s.memory })
	b = b.on(t, after)
	b.submit(profile, fields{"name": "Not somebody"}).want(http.StatusBadRequest, "error", "error.page.client")
	b.get(s.base+"/account/profile?"+second).want(http.StatusOK, "account-profile").wantValue(fields{"name": "somebody"})
}
