package handlers

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestAgreement: unchecked, it holds back every way in; what was typed stays.
func TestAgreement(t *testing.T) {
	t.Parallel()
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"web":          webMethods("__password", "__sms", "email", "demo"),
		"userRegistry": map[string]any{"enable": true, "registerType": "split"},
		"agreement": map[string]any{"enable": true, "items": []map[string]any{
			{"label": "User agreement", "enable": true, "value": "<h2>One</h2><p>Be <b>kind</b>.<script>alert(1)</script></p><ul><li>a</li></ul>"},
			{"label": "Hidden", "enable": false, "value": "no"},
			{"label": "Privacy", "enable": true, "value": "We keep <little>."},
		}},
		"tcbLogin": map[string]any{"anonymous": true},
	})}))
	b := s.browser()
	signIn := b.open("/").want(http.StatusOK, "sign-in")
	tests := []struct {
		name  string
		post  func(fields) *page
		typed fields
	}{
		{"sign-in", func(f fields) *page { return b.post(signIn, f) }, fields{"username": "demo", "password": demoPassword}},
		{"sign-in-sms", func(f fields) *page { return b.post(b.open("/sign-in/sms"), f) }, fields{"phone_number": "13900139000"}},
		{"sign-in-email", func(f fields) *page { return b.post(b.open("/sign-in/email"), f) }, fields{"email": demoEmail}},
		{"sign-up", func(f fields) *page { return b.post(b.open("/sign-up"), f) }, fields{"phone_number": "13900139001"}},
		{"reset-password", func(f fields) *page { return b.post(b.open("/reset-password"), f) }, fields{"phone_number": "13900139002"}},
		{"sign-in", func(f fields) *page { return b.pressWay(signIn, "anonymous", f) }, fields{"username": "half typed"}},
	}
	for _, tt := range tests {
		before := s.backend.count("")
		p := tt.post(tt.typed).want(http.StatusUnprocessableEntity, tt.name, "error.required.agreement")
		if got := p.fieldKey("agreement"); got != "error.required.agreement" {
			t.Errorf("%s: the message is not beside the checkbox, there is %q", tt.name, got)
		}
		for name, value := range tt.typed {
			if name != "password" {
				p.wantValue(fields{name: value})
			}
		}
		if calls := s.backend.count("") - before; calls != 0 {
			t.Errorf("%s: %d calls of TCB without an agreement", tt.name, calls)
		}
	}
	b.submit(signIn, fields{"username": "demo", "password": demoPassword, "agreement": "yes"}).completed()
	if done := b.pressWay(b.open("/"), "anonymous", fields{"agreement": "yes"}).completed(); done.Credentials.Scope != "anonymous" {
		t.Errorf("scope %q, want anonymous", done.Credentials.Scope)
	}
	// Switching the language keeps the tick.
	p := b.press(b.open("/"), "lang=zh-CN", fields{"agreement": "yes", "username": "demo"}).want(http.StatusOK, "sign-in")
	if box := p.byID("agreement"); box == nil || !slices.ContainsFunc(box.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
		t.Error("the agreement has to be checked again in another language")
	}
	text := b.open("/agreement/1").want(http.StatusOK, "agreement")
	if got := text.text(); !strings.Contains(got, "Be kind.") || strings.Contains(got, "alert") {
		t.Errorf("the agreement reads %q", got)
	}
	if h1 := textOf(text.find(byTag("h1"))); h1 != "User agreement" {
		t.Errorf("its title is %q", h1)
	}
	if got := textOf(b.open("/agreement/2").want(http.StatusOK, "agreement").find(byTag("h1"))); got != "Privacy" {
		t.Errorf("the second agreement is %q", got)
	}
	for _, none := range []string{"0", "3", "x", "-1"} {
		b.open("/agreement/"+none).want(http.StatusNotFound, "error", "error.page.missing")
	}
}

// withAgreedMethods is a login page with an agreement and with every kind of way in.
func withAgreedMethods(t *testing.T) func(*siteConfig) {
	return withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"web":       webMethods("__password", "email", "demo"),
		"agreement": map[string]any{"enable": true, "items": []map[string]any{{"label": "Terms", "enable": true, "value": "text"}}},
		"tcbLogin":  map[string]any{"anonymous": true},
	})})
}

// TestAgreementBeforeMethods: a way in begins on a page with the agreement, or on
// one that comes after it, whatever form a request says it is.
func TestAgreementBeforeMethods(t *testing.T) {
	t.Parallel()
	s := newSite(t, withAgreedMethods(t))
	b := s.browser()
	signIn := b.open("/").want(http.StatusOK, "sign-in")
	tests := []struct {
		form, flow string
		status     int
		key        string
	}{
		{"sign-in", "", http.StatusUnprocessableEntity, "error.required.agreement"},
		{"sign-in-email", "", http.StatusUnprocessableEntity, "error.required.agreement"},
		{"sign-in-email-code", "", http.StatusUnprocessableEntity, "error.required.agreement"},
		{"sign-in-email-code", "abc", http.StatusUnprocessableEntity, "error.required.agreement"}, // no step of ours
		{"sign-out", "", http.StatusBadRequest, "error.page.parameter"},
		{"sign-out", "abc", http.StatusBadRequest, "error.page.parameter"},
		{"provider-return", "", http.StatusBadRequest, "error.page.parameter"},
		{"sign-in-email-confirmed", "", http.StatusUnprocessableEntity, "error.required.agreement"},
		{"account-profile", "", http.StatusBadRequest, "error.page.parameter"},
		{"", "", http.StatusBadRequest, "error.page.parameter"},
		{"x", "", http.StatusBadRequest, "error.page.parameter"},
	}
	before := s.backend.count("")
	for _, path := range []string{"/provider/demo", "/anonymous"} {
		for _, tt := range tests {
			form := signIn.filled(nil)
			form.Set("form", tt.form)
			query := entryQuery(appPage)
			if tt.flow != "" {
				query += "&flow=" + tt.flow
			}
			p := b.do(http.MethodPost, s.base+path+"?"+query, form, nil)
			if p.status != tt.status || !p.has(tt.key) {
				t.Errorf("%s, form %q, flow %q: page %q with status %d and messages %q, want status %d and %s", path, tt.form, tt.flow, p.name(), p.status, p.keys(), tt.status, tt.key)
			}
		}
	}
	if calls := s.backend.count("") - before; calls != 0 {
		t.Errorf("%d calls of TCB without an agreement", calls)
	}
	b.pressWay(signIn, "provider-demo", fields{"agreement": "yes"}).want(http.StatusOK, "interstitial")
	code := b.submit(b.open("/sign-in/email"), fields{"email": demoEmail, "agreement": "yes"}).want(http.StatusOK, "sign-in-email-code")
	b.pressWay(code, "provider-demo", nil).want(http.StatusOK, "interstitial") // it was agreed to a page before
}

// TestAgreementNotOfThePortal: the portal's page that asks for a code comes after no agreement.
func TestAgreementNotOfThePortal(t *testing.T) {
	t.Parallel()
	s := newSite(t, withAgreedMethods(t))
	b := s.browser()
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword, "agreement": "yes"}).completed()
	p := b.submit(b.open("/account/verify", "via=email"), nil).want(http.StatusOK, "step-up-code")
	for _, path := range []string{"/anonymous", "/provider/demo"} {
		b.do(http.MethodPost, s.base+path+"?"+p.url.RawQuery, p.filled(nil), nil).want(http.StatusBadRequest, "error", "error.page.parameter")
	}
}

// TestAgreementBeforeCaptcha: the page of a way's own captcha has the agreement too, as far as it
// was given a page before.
func TestAgreementBeforeCaptcha(t *testing.T) {
	t.Parallel()
	s := newSite(t, withAgreedMethods(t), func(c *siteConfig) { c.settings.Environments[0].Limits.AttackMode = true })
	b := s.browser()
	signIn := b.open("/sign-in")
	sent := b.submit(b.open("/sign-in/email"), fields{"email": demoEmail, "agreement": "yes"}).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.ask")
	code := b.solve(sent).want(http.StatusOK, "sign-in-email-code")
	for from, typed := range map[*page]fields{code: nil, signIn: {"agreement": "yes"}} {
		p := b.pressWay(from, "provider-demo", typed).want(http.StatusUnprocessableEntity, "provider", "captcha.ask")
		if p.value("agreement") != "yes" {
			t.Error("the agreement is lost on the way to the captcha")
		}
		missing := p.filled(fields{"captcha_key": s.backend.key()})
		missing.Del("agreement")
		b.do(http.MethodPost, p.action(), missing, nil).want(http.StatusUnprocessableEntity, "provider", "error.required.agreement")
		b.solve(p).want(http.StatusOK, "interstitial")
	}
}

// TestAgreementKeepsTheWay: reading an agreement in another language loses neither
// where the sign-in leads nor what waits for it.
func TestAgreementKeepsTheWay(t *testing.T) {
	t.Parallel()
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"agreement": map[string]any{"enable": true, "items": []map[string]any{{"label": "Terms", "enable": true, "value": "text"}}},
	})}))
	b := s.browser()
	p := b.open("/agreement/1", "next=account-email", "link=abc", "state=s").want(http.StatusOK, "agreement")
	languages := 0
	for _, n := range p.all(func(n *html.Node) bool { return n.Data == "a" && strings.Contains(attr(n, "href"), "lang=") }) {
		languages++
		other := b.get(p.resolve(attr(n, "href"))).want(http.StatusOK, "agreement")
		for name, want := range map[string]string{"next": "account-email", "link": "abc", "state": "s"} {
			if got := other.parameter("entry", name); got != want {
				t.Errorf("%s: from there %s is %q, want %q", other.lang(), name, got, want)
			}
		}
	}
	if languages < 2 {
		t.Errorf("%d other languages", languages)
	}
}

// TestAgreementChanged: nobody agrees to texts that came after the page they have open, and their form
// comes back unticked and says so; what else was typed is kept. The same is so for a form that has waited
// at TCB's captcha page.
func TestAgreementChanged(t *testing.T) {
	t.Parallel()
	config := func(text string) string {
		return loginJSON(t, map[string]any{
			"web":       webMethods("__password", "email", "demo"),
			"agreement": map[string]any{"enable": true, "items": []map[string]any{{"label": "Terms", "enable": true, "value": text}}},
			"tcbLogin":  map[string]any{"anonymous": true},
		})
	}
	dir := writeTree(t, map[string]string{envFile: config("Be kind.")})
	s := newSite(t, withTree(dir))
	b := s.browser()
	become := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(envFile)), []byte(config(text)), 0o600); err != nil {
			t.Fatal(err)
		}
		if changed, problems := s.cfg.LoginPages.Reload(); !changed || problems.HasErrors() {
			t.Fatal(changed, problems)
		}
	}
	consents := func() (n int) {
		for _, line := range s.audited() {
			if line.Event == "consent" {
				n++
			}
		}
		return n
	}
	signIn, email := b.open("/sign-in"), b.open("/sign-in/email")
	become("Be very kind.")
	yes := fields{"agreement": "yes"}
	for name, p := range map[string]*page{
		"password":  b.submit(signIn, fields{"username": "demo", "password": demoPassword, "agreement": "yes"}),
		"anonymous": b.pressWay(signIn, "anonymous", yes),
		"provider":  b.pressWay(signIn, "provider-demo", yes),
		"code":      b.submit(email, fields{"email": demoEmail, "agreement": "yes"}),
	} {
		if p.status != http.StatusUnprocessableEntity || p.fieldKey("agreement") != "error.agreement_changed" {
			t.Errorf("%s: %d, the field says %q", name, p.status, p.fieldKey("agreement"))
			continue
		}
		if _, checked := attribute(p.byID("agreement"), "checked"); checked {
			t.Errorf("%s: the box is ticked for texts that nobody has seen", name)
		}
	}
	p := b.press(email, "lang=zh-CN", fields{"email": demoEmail, "agreement": "yes"}).want(http.StatusOK, "sign-in-email").wantValue(fields{"email": demoEmail})
	if _, checked := attribute(p.byID("agreement"), "checked"); checked {
		t.Error("in another language the box is ticked for texts that nobody has seen")
	}
	if consents() != 0 {
		t.Fatalf("%d consents on record", consents())
	}
	again := b.submit(signIn, fields{"username": "demo", "password": demoPassword, "agreement": "yes"})
	b.submit(again, fields{"password": demoPassword, "agreement": "yes"}).completed()
	if consents() != 1 {
		t.Errorf("%d consents on record, want 1", consents())
	}
}
