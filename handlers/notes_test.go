package handlers

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNews: what somebody else has changed about how a person signs in stands on every page of the
// portal until they have opened the history; what they changed here themselves is no news.
func TestNews(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	asked := func() int { return s.backend.count("/v1/user/security/history") }
	b, _ := s.signedIn(t)
	quiet := func(p *page) {
		t.Helper()
		if p.has("account.news.title") {
			t.Fatalf("there is news: %s", p.text())
		}
	}
	rename := func(b *browser, name string) *page {
		t.Helper()
		return b.submit(b.open("/account/username"), fields{"username": name}).want(http.StatusOK, "account")
	}
	quiet(b.open("/account").want(http.StatusOK, "account"))
	if asked() != 0 {
		t.Error("TCB was asked for news of somebody who has never been here")
	}
	b.stepUp("/account/username", demoPassword)
	quiet(rename(b, "demo.one"))
	s.clock.advance(11 * time.Minute)
	quiet(b.open("/account").want(http.StatusOK, "account"))
	quiet(b.open("/account/profile").want(http.StatusOK, "account-profile"))
	if asked() != 2 { // on the second page, and after ten minutes
		t.Errorf("TCB was asked %d times in a visit, want 2", asked())
	}

	thief := s.browser().at("192.0.2.66")
	thief.header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0")
	thief.submit(thief.open("/sign-in"), fields{"username": "demo.one", "password": demoPassword}).completed()
	s.clock.advance(11 * time.Minute)
	thief.stepUp("/account/username", demoPassword)
	for _, name := range []string{"demo.two", "demo.three", "demo.four", "demo.five"} {
		rename(thief, name)
	}
	s.clock.advance(time.Minute)
	for path, name := range map[string]string{"/account": "account", "/account/profile": "account-profile", "/account/sessions": "account-sessions", "/account/password": "step-up-password"} {
		p := b.open(path).want(http.StatusOK, name, "account.news.title")
		if events := p.all(func(n *htmlNode) bool { return attr(n, "data-event") == "account.event.username" }); len(events) != 3 || !strings.Contains(p.text(), "And 1 more change") || !strings.Contains(p.text(), "Firefox · Windows") {
			t.Errorf("%s names %d events: %s", path, len(events), p.text())
		}
		for _, to := range []string{"account-history", "account-password", "account-sessions"} {
			if p.link(to) == "" {
				t.Errorf("%s: no link to %s", path, to)
			}
		}
	}
	if p := b.open("/account/profile"); !b.submit(p, fields{"name": "Ada"}).has("account.news.title") {
		t.Error("saving a profile has dismissed the news")
	}
	// It is about this browser.
	fresh := s.browser()
	fresh.submit(fresh.open("/sign-in"), fields{"username": "demo.five", "password": demoPassword}).completed()
	quiet(fresh.open("/account").want(http.StatusOK, "account"))

	// A history that cannot be had costs the page nothing, and the news waits.
	s.backend.refuse("/v1/user/security/history", http.StatusServiceUnavailable, "unavailable")
	quiet(b.open("/account").want(http.StatusOK, "account"))
	s.backend.answer("", nil)
	b.open("/account").want(http.StatusOK, "account", "account.news.title")
	quiet(b.click(b.open("/account"), "account-history").want(http.StatusOK, "account-history"))
	before := asked()
	quiet(b.open("/account").want(http.StatusOK, "account"))
	if asked() != before {
		t.Error("TCB was asked again at once")
	}
	s.clock.advance(11 * time.Minute)
	quiet(b.open("/account").want(http.StatusOK, "account"))

	// And about this person.
	s.clock.advance(time.Minute)
	thief.submit(thief.open("/account/username"), fields{"username": "demo.six"})
	s.clock.advance(11 * time.Minute)
	mei := s.otherPerson()
	b.submit(b.open("/sign-in"), mei).completed()
	quiet(b.open("/account").want(http.StatusOK, "account"))
	b.submit(b.open("/sign-in"), fields{"username": "demo.six", "password": demoPassword}).completed()
	b.open("/account").want(http.StatusOK, "account", "account.news.title")
}

// TestReview: after a reset of the password the next page of the portal lists what else the account
// can be entered by, whichever page was asked for, and once. It stays at hand until the person has
// said that all of it is theirs.
func TestReview(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	reset := func(b *browser, password string) *page {
		t.Helper()
		code := sendCode(b, "/reset-password", fields{"email": demoEmail})
		p := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "reset-password-new")
		return b.submit(p, fields{"new_password": password})
	}
	hint := func(b *browser) bool {
		t.Helper()
		return b.open("/account").want(http.StatusOK, "account").find(func(n *htmlNode) bool { return attr(n, "data-row") == "review" }) != nil
	}
	b := s.browser()
	reset(b, "Fresh-pass-2").completed()
	p := b.open("/account/password").want(http.StatusOK, "account-review")
	if row := p.find(func(n *htmlNode) bool { return attr(n, "data-row") == "email" }); row == nil || !strings.Contains(textOf(row), demoEmail) || !strings.HasPrefix(p.link("account-email"), publicOrigin+s.base+"/account/email?") {
		t.Errorf("the list is %s, the link %q", p.text(), p.link("account-email"))
	}
	b.click(p, "account-email").want(http.StatusOK, "step-up-password") // and not the list again
	if !hint(b) {
		t.Error("the overview has no way back to the list")
	}
	b.submit(p, nil).want(http.StatusOK, "step-up-password")
	if p.parameter("account-email", "next") != "" {
		t.Error("the way on of the list is lost")
	}
	if hint(b) {
		t.Error("the overview still points to the list")
	}
	b.submit(b.open("/account/review").want(http.StatusOK, "account-review"), nil).want(http.StatusOK, "account", "account.done.review")

	// The same where the new password did not sign in by itself.
	s.clock.advance(time.Minute)
	b = s.browser()
	code := sendCode(b, "/reset-password", fields{"email": demoEmail})
	p = b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "reset-password-new")
	s.backend.refuse("/v1/signin", http.StatusServiceUnavailable, "unavailable")
	p = b.submit(p, fields{"new_password": "Newer-pass-3"}).want(http.StatusOK, "sign-in", "reset.done")
	s.backend.answer("", nil)
	b.submit(p, fields{"password": "Newer-pass-3"}).completed()
	b.open("/account").want(http.StatusOK, "account-review")
	if b.open("/account").want(http.StatusOK, "account"); !hint(b) {
		t.Error("the list was shown once, and is out of reach")
	}

	// Whoever signs in without a reset sees none.
	fresh := s.browser()
	fresh.submit(fresh.open("/sign-in"), fields{"username": "demo", "password": "Newer-pass-3"}).completed()
	if hint(fresh) {
		t.Error("a list without a reset")
	}
}

// TestPersonalData: a file of what is kept, behind the step-up, with nobody's secrets in it.
func TestPersonalData(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b, _ := s.signedIn(t)
	b.open("/account/data").want(http.StatusOK, "step-up-password")
	p := b.stepUp("/account/data", demoPassword).want(http.StatusOK, "account-data")
	get := func() *page {
		t.Helper()
		file := b.post(p, nil)
		if file.status != http.StatusOK || file.header.Get("Content-Type") != "application/json" || file.header.Get("Content-Disposition") != `attachment; filename="account-2026-11-23.json"` ||
			file.header.Get("Cache-Control") != "no-store" || file.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("%d %v\n%s", file.status, file.header, file.body)
		}
		return file
	}
	var data struct {
		EnvID      string `json:"env_id"`
		Profile    struct{ Sub, Username, Email string }
		Identities []struct{ Provider string }
		History    []map[string]string
	}
	file := get()
	if err := json.Unmarshal([]byte(file.body), &data); err != nil {
		t.Fatal(err)
	}
	if data.EnvID != "demo" || data.Profile.Username != "demo" || data.Profile.Email != demoEmail || data.Profile.Sub == "" || data.Identities == nil ||
		len(data.History) == 0 || data.History[len(data.History)-1]["action"] != "USER_LOGIN" {
		t.Errorf("%+v", data)
	}
	for _, secret := range []string{"device_id", "127.0.0.1", "token", `"ip"`} {
		if strings.Contains(file.body, secret) {
			t.Errorf("the file has %s", secret)
		}
	}
	before := s.backend.count("/v1/user/security/history")
	get()
	if s.backend.count("/v1/user/security/history") == before {
		t.Error("the file was kept from the time before")
	}
	s.backend.refuse("/v1/user/security/history", http.StatusServiceUnavailable, "unavailable")
	b.submit(p, nil).want(http.StatusServiceUnavailable, "account-data")
	s.backend.answer("", nil)
	s.clock.advance(16 * time.Minute)
	b.submit(p, nil).want(http.StatusOK, "step-up-password")
}

// TestConsentAgain: who goes on with a login of before agrees anew where the texts are others, and
// where this browser does not know that they have agreed. That they have is on record.
func TestConsentAgain(t *testing.T) {
	t.Parallel()
	config := func(name, text string) string {
		return loginJSON(t, map[string]any{"name": name, "web": webMethods("__password", "email"), "agreement": map[string]any{
			"enable": true, "items": []map[string]any{{"label": "Terms", "enable": true, "value": text}},
		}})
	}
	dir := writeTree(t, map[string]string{envFile: config("Acme", "Be kind.")})
	s := newSite(t, withTree(dir))
	publish := func(config string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(envFile)), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		if changed, problems := s.cfg.LoginPages.Reload(); !changed || problems.HasErrors() {
			t.Fatal(changed, problems)
		}
	}
	asks := func(p *page) bool { return p.want(http.StatusOK, "continue").byID("agreement") != nil }
	records := func() int { return strings.Count(s.log.text(), `"agreed":"`) }
	b := s.browser()
	done := b.submit(b.open("/"), fields{"username": "demo", "password": demoPassword, "agreement": "yes"}).completed()
	if records() != 1 {
		t.Errorf("%d records of an agreement, want 1", records())
	}
	if asks(b.open("/continue")) {
		t.Error("asked again at once")
	}
	if publish(config("Other", "Be kind.")); asks(b.open("/continue")) {
		t.Error("asked again for another name of the app")
	}
	publish(config("Other", "Be very kind."))
	p := b.open("/continue")
	if !asks(p) || !strings.Contains(p.text(), "have changed") || p.link("app") != "" || p.link("agreement") == "" {
		t.Errorf("not asked for other texts: %s", p.text())
	}
	b.submit(p, nil).want(http.StatusUnprocessableEntity, "continue", "error.required.agreement")
	if b.press(p, "lang=zh-CN", fields{"agreement": "yes"}).want(http.StatusOK, "continue"); !asks(b.open("/continue")) {
		t.Error("another language counts as consent")
	}
	var to departure
	b.submit(b.open("/continue"), fields{"agreement": "yes"}).want(http.StatusOK, "interstitial").script("departure", &to)
	if to.To != appPage || records() != 2 {
		t.Errorf("leads to %q, %d records", to.To, records())
	}
	if asks(b.open("/continue")) {
		t.Error("asked again after the answer")
	}

	// Another person in the same browser has not agreed by that, nor the same one in another.
	other := b.copy()
	if status, out := other.handOver(other.open("/account"), map[string]string{"access_token": done.Credentials.AccessToken}, nil); status != http.StatusOK {
		t.Fatalf("%d %+v", status, out)
	}
	if asks(other.open("/continue")) {
		t.Error("asked for an app's login of who has agreed here")
	}
	fresh := s.browser()
	if status, out := fresh.handOver(fresh.open("/account"), map[string]string{"access_token": done.Credentials.AccessToken}, nil); status != http.StatusOK {
		t.Fatalf("%d %+v", status, out)
	}
	p = fresh.open("/continue", "next=account-profile")
	if !asks(p) || strings.Contains(p.text(), "have changed") {
		t.Errorf("in a browser that knows nothing: %s", p.text())
	}
	fresh.submit(p, fields{"agreement": "yes"}).want(http.StatusOK, "account-profile")

	// Nobody to go on as.
	fresh.forget()
	p = s.browser().on(t, s).open("/continue")
	p.want(http.StatusOK, "hand-off")
	anybody := s.browser()
	form := b.open("/").filled(fields{"agreement": "yes"})
	form.Set("form", "continue")
	anybody.open("/")
	if got := anybody.do(http.MethodPost, s.base+"/continue?"+entryQuery(appPage), form, nil); got.status == http.StatusOK && got.name() == "interstitial" {
		t.Error("goes on as nobody")
	}
}
