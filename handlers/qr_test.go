package handlers

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tcb-login/config"
	"tcb-login/config/loginpage"
)

const miniProgram = "wx0123456789abcdef"

// withQR has the login page of environment demo offer a mini program's code.
func withQR(c *siteConfig) {
	if c.logins == nil {
		c.logins = config.BuiltInPages(c.settings)
	}
	login := c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion})
	login.MiniProgram = miniProgram
	login.Methods = append(login.Methods, loginpage.SignInMethod{ID: string(loginpage.KindQR)})
}

// qrKind says what TCB's codes are: picture or link.
func (b *backend) qrKind(kind string) {
	b.t.Helper()
	b.control("PUT", "settings", map[string]string{"qr_code": kind}, nil)
}

// phone is the newest code that waits, as a phone sees it.
func (b *backend) phone(t testing.TB) (id, address string) {
	t.Helper()
	var got struct{ Scans []struct{ ID, URL string } }
	b.control("GET", "scans.json", nil, &got)
	if len(got.Scans) == 0 {
		t.Fatal("no code waits")
	}
	return got.Scans[0].ID, got.Scans[0].URL
}

// scan is a phone that looks at a code, and answer says yes (allow) or no (deny) there.
func (b *backend) scan(t testing.TB, address string) {
	t.Helper()
	resp, err := b.srv.Client().Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("scanning: %d", resp.StatusCode)
	}
}

func (b *backend) onPhone(t testing.TB, address, decision, openID string) {
	t.Helper()
	resp, err := b.srv.Client().PostForm(address, url.Values{"decision": {decision}, "sub": {openID}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d", decision, resp.StatusCode)
	}
}

// poll asks as script does, with a token and with headers of a test's own.
func (b *browser) poll(p *page, token string, header http.Header) (status int, state string) {
	b.t.Helper()
	all := http.Header{"Content-Type": {"application/json"}, "X-Csrf-Token": {token}}
	maps.Copy(all, header)
	got := b.do(http.MethodPost, attr(p.byID("qr"), "data-status"), nil, all)
	var out struct{ State, Error string }
	if err := json.Unmarshal([]byte(got.body), &out); err != nil {
		b.t.Fatalf("%d %s: %v", got.status, got.body, err)
	}
	return got.status, cmp.Or(out.State, out.Error)
}

// pressTo presses a button by its data-to, and follows redirects.
func (b *browser) pressTo(p *page, to string) *page {
	b.t.Helper()
	return b.follow(b.pressWay(p, to, nil))
}

// showQR gets a code by the button of the sign-in page.
func (b *browser) showQR() *page {
	b.t.Helper()
	return b.pressWay(b.open("/sign-in"), "sign-in-qr", nil).want(http.StatusOK, "qr-code", "qr.waiting", "qr.lead")
}

func TestQR(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"link", "picture"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, withQR)
			s.backend.qrKind(kind)
			b := s.browser()
			p := b.showQR()
			if drawn := strings.Contains(p.body, "<svg viewBox"); drawn != (kind == "link") || strings.Contains(p.body, `src="data:image/png`) == drawn {
				t.Errorf("the code is drawn by us: %v", drawn)
			}
			if !strings.Contains(p.text(), "login.example.net") {
				t.Error("the page does not say where it is")
			}
			id, phone := s.backend.phone(t)
			check := func(p *page, key string) *page {
				t.Helper()
				s.clock.advance(2 * time.Second)
				return b.pressTo(p, "check").want(http.StatusOK, "qr-code", key)
			}
			p = check(p, "qr.waiting")
			s.backend.scan(t, phone)
			p = check(p, "qr.scanned")
			s.backend.onPhone(t, phone, "allow", "openid-1")
			p = check(p, "qr.confirmed")
			if calls := s.backend.count("/v1/signin/with/provider"); calls != 0 {
				t.Fatal("a look signs in")
			}
			done := b.pressTo(p, "enter")
			login := done.completed()
			if login.Credentials.Sub == "" || login.RedirectURI != appPage {
				t.Errorf("completed as %q, to %s", login.Credentials.Sub, login.RedirectURI)
			}
			in := last(s.backend.callsTo("/v1/signin/with/provider"))
			var sent struct {
				Token string `json:"provider_token"`
				ID    string `json:"provider_id"`
			}
			if err := json.Unmarshal([]byte(in.body), &sent); err != nil || sent.Token == "" || sent.ID != miniProgram {
				t.Fatalf("TCB was told %s", in.body)
			}
			for name, text := range map[string]string{"the page": p.body, "the completion": done.body, "the address": done.url.String()} {
				if strings.Contains(text, sent.Token) || kind == "picture" && strings.Contains(text, id) {
					t.Errorf("%s holds what is TCB's alone", name)
				}
			}
			// The phone's yes is no proof of who sits here.
			b.open("/account").want(http.StatusOK, "account")
			b.open("/device").want(http.StatusOK, "step-up-impossible")
			b.open("/account/password").want(http.StatusOK, "step-up-impossible")
			// It is used up.
			s.clock.advance(repeatLife)
			again := s.backend.count("/v1/signin/with/provider")
			b.pressTo(p, "enter").want(http.StatusUnprocessableEntity, "qr-code", "qr.expired")
			if s.backend.count("/v1/signin/with/provider") != again {
				t.Error("it signs in twice")
			}
		})
	}
}

// TestQRPolls: script is told each state, and no more than that.
func TestQRPolls(t *testing.T) {
	t.Parallel()
	s := newSite(t, withQR)
	b := s.browser()
	p := b.showQR()
	token := p.value("csrf_token")
	_, phone := s.backend.phone(t)
	poll := func(status int, state string) {
		t.Helper()
		s.clock.advance(2 * time.Second)
		if got, said := b.poll(p, token, nil); got != status || said != state {
			t.Errorf("%d %s, want %d %s", got, said, status, state)
		}
	}
	poll(200, "waiting")
	s.backend.scan(t, phone)
	poll(200, "scanned")
	s.backend.refuse("/v1/qrcode/get/status", http.StatusServiceUnavailable, "unavailable")
	poll(503, "unavailable")
	for word, state := range map[string]string{"CANCELED": "refused", "Scaned": "scanned", "timeout": "expired", "something else": "waiting"} {
		s.backend.answer("/v1/qrcode/get/status", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"status":%q}`, word) })
		poll(200, state)
	}
	s.backend.refuse("/v1/qrcode/get/status", http.StatusBadRequest, "invalid_argument")
	poll(200, "expired")
	s.backend.answer("", nil)
	s.backend.onPhone(t, phone, "allow", "openid-2")
	poll(200, "confirmed")

	// By the button the same: the page stays what it was.
	s.clock.advance(2 * time.Second)
	p = b.pressTo(p, "check").want(http.StatusOK, "qr-code", "qr.confirmed")
	b.pressTo(p, "check").want(http.StatusTooManyRequests, "qr-code", "qr.pause", "qr.confirmed").wantRetryAfter("1")
	s.clock.advance(2 * time.Second)
	poll(200, "confirmed")

	// Without the page's token, from elsewhere, or too soon, TCB is not asked.
	calls := s.backend.count("/v1/qrcode/get/status")
	if status, said := b.poll(p, token, nil); status != http.StatusTooManyRequests || said != "limited" {
		t.Errorf("at once: %d %s", status, said)
	}
	s.clock.advance(2 * time.Second)
	if status, said := b.poll(p, "x", nil); status != http.StatusForbidden || said != "csrf" {
		t.Errorf("without the token: %d %s", status, said)
	}
	if status, said := b.poll(p, token, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}); status != http.StatusForbidden || said != "cross_site" {
		t.Errorf("from elsewhere: %d %s", status, said)
	}
	if got := s.backend.count("/v1/qrcode/get/status"); got != calls {
		t.Errorf("TCB was asked %d times more", got-calls)
	}
	// A GET asks nothing.
	b.do(http.MethodGet, attr(p.byID("qr"), "data-status"), nil, nil).want(http.StatusMethodNotAllowed, "error")
}

// TestQRCap: a code is asked about so often and no more.
func TestQRCap(t *testing.T) {
	t.Parallel()
	s := newSite(t, withQR)
	b := s.browser()
	p := b.showQR()
	asked := 0
	for range 100 {
		s.clock.advance(1100 * time.Millisecond)
		status, said := b.poll(p, p.value("csrf_token"), nil)
		if status != http.StatusOK {
			t.Fatalf("poll %d: %d %s", asked+1, status, said)
		}
		if said == "expired" {
			break
		}
		asked++
	}
	if got := s.backend.count("/v1/qrcode/get/status"); got != asked || got < 60 || got > 75 {
		t.Errorf("TCB was asked %d times, %d of them answered", got, asked)
	}
}

// TestQRBound: a code is this session's, one at a time, and lives for two minutes.
func TestQRBound(t *testing.T) {
	t.Parallel()
	s := newSite(t, withQR)
	b := s.browser()
	p := b.showQR()
	_, phone := s.backend.phone(t)
	s.backend.onPhone(t, phone, "allow", "openid-3")

	// In another browser its address is nothing, with a token of that browser's own too.
	other := s.browser()
	foreign := other.open("/sign-in")
	calls := s.backend.count("/v1/qrcode/get/status")
	for _, to := range []string{"check", "enter"} {
		values := p.filled(nil)
		values.Set("csrf_token", foreign.value("csrf_token"))
		node := p.find(func(n *html.Node) bool { return n.Data == "button" && attr(n, "data-to") == to })
		other.do(http.MethodPost, p.resolve(attr(node, "formaction")), values, nil).want(http.StatusUnprocessableEntity, "qr", "qr.expired")
	}
	if status, said := other.poll(p, foreign.value("csrf_token"), nil); status != http.StatusOK || said != "expired" {
		t.Errorf("another browser hears %d %s", status, said)
	}
	if got := s.backend.count("/v1/qrcode/get/status"); got != calls {
		t.Error("TCB is asked about another browser's code")
	}

	// A new one ends the one before, in the tab beside.
	s.clock.advance(repeatLife) // else the button comes to the same code
	second := b.showQR()
	s.clock.advance(2 * time.Second)
	if _, said := b.poll(p, second.value("csrf_token"), nil); said != "expired" {
		t.Errorf("the first of two codes is %s", said)
	}
	b.pressTo(p, "enter").want(http.StatusUnprocessableEntity, "qr-code", "qr.expired")
	if _, said := b.poll(second, second.value("csrf_token"), nil); said != "waiting" {
		t.Errorf("the second is %s", said)
	}

	// Two minutes, although TCB gives it five; the button gets another.
	s.clock.advance(2 * time.Minute)
	if _, said := b.poll(second, second.value("csrf_token"), nil); said != "expired" {
		t.Errorf("after two minutes the code is %s", said)
	}
	expired := b.pressTo(second, "check").want(http.StatusOK, "qr-code", "qr.expired")
	if expired.find(func(n *html.Node) bool {
		_, hidden := attribute(n, "hidden")
		return attr(n, "data-to") == "new" && !hidden
	}) == nil {
		t.Error("no button gets a new code")
	}
	b.pressTo(expired, "new").want(http.StatusOK, "qr-code", "qr.waiting")

	// What the form brings back is shown for its own code alone.
	s.clock.advance(repeatLife)
	third := b.showQR()
	s.clock.advance(2 * time.Second)
	values := third.filled(fields{})
	values.Set("qr_code", "https://evil.example/scan")
	node := third.find(func(n *html.Node) bool { return n.Data == "button" && attr(n, "data-to") == "check" })
	if got := b.do(http.MethodPost, third.resolve(attr(node, "formaction")), values, nil).want(http.StatusOK, "qr-code", "qr.expired"); strings.Contains(got.body, "evil.example") {
		t.Error("the page shows a code that a form brought")
	}
	// A refusal has a page of its own.
	s.clock.advance(repeatLife)
	fourth := b.showQR()
	_, phone = s.backend.phone(t)
	s.backend.onPhone(t, phone, "deny", "")
	s.clock.advance(2 * time.Second)
	b.pressTo(fourth, "enter").want(http.StatusUnprocessableEntity, "qr-code", "qr.refused")
	s.clock.advance(repeatLife)
	b.pressTo(b.pressTo(fourth, "check").want(http.StatusOK, "qr-code", "qr.refused"), "new").want(http.StatusOK, "qr-code", "qr.waiting")
}

// TestQROff: a login page without a mini program has no such way.
func TestQROff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	if slices.Contains(b.open("/sign-in").tos(), "sign-in-qr") {
		t.Error("the page offers it")
	}
	for _, path := range []string{"/sign-in/qr", "/sign-in/qr/check", "/sign-in/qr/enter"} {
		b.open(path).want(http.StatusNotFound, "error", "error.disabled")
		b.do(http.MethodPost, s.base+path+"?"+entryQuery(appPage), url.Values{"form": {"sign-in"}}, nil).want(http.StatusNotFound, "error", "error.disabled")
	}
	if s.backend.count("") != 0 {
		t.Error("TCB is called")
	}
}

// TestQRRefusals: what TCB may say to a code and to a sign-in by it.
func TestQRRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t, withQR)
	b := s.browser()
	start := b.open("/sign-in/qr").want(http.StatusOK, "qr")
	s.backend.refuse("/v1/qrcode/generate", http.StatusServiceUnavailable, "unavailable")
	b.submit(start, nil).want(http.StatusServiceUnavailable, "qr", "error.unavailable")
	for _, answer := range []string{`{"qr_code":"data:text/html,x","qr_code_id":"i"}`, `{"qr_code":"` + strings.Repeat("x", 600) + `","qr_code_id":"i"}`, `{}`} {
		s.backend.answer("/v1/qrcode/generate", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) })
		b.submit(start, nil).want(http.StatusBadGateway, cmp.Or(map[string]string{`{}`: "qr"}[answer], "error"))
	}
	s.backend.answer("", nil)

	confirmed := func(openID string) *page {
		t.Helper()
		p := b.showQR()
		_, phone := s.backend.phone(t)
		s.backend.onPhone(t, phone, "allow", openID)
		return p
	}
	p := confirmed("openid-4")
	s.backend.refuse("/v1/signin/with/provider", http.StatusNotFound, "not_found")
	unknown := b.pressTo(p, "enter").want(http.StatusUnprocessableEntity, "qr-unknown", "qr.unknown.lead")
	if strings.Contains(unknown.body, "link=") {
		t.Error("an identity that nobody has named is offered to be linked")
	}
	s.backend.refuse("/v1/signin/with/provider", http.StatusBadRequest, "two_factor_required")
	b.pressTo(p, "enter").want(http.StatusUnprocessableEntity, "second-factor-needed", "error.two_factor_needed")
	s.backend.refuse("/v1/signin/with/provider", http.StatusBadRequest, "user_blocked")
	b.pressTo(p, "enter").want(http.StatusUnprocessableEntity, "qr-code", "error.user_blocked", "qr.confirmed")
	s.backend.answer("", nil)

	// A captcha is asked for in place, and another picture of it loses nothing.
	calls := 0
	s.backend.answer("/v1/signin/with/provider", func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls > 1 {
			s.backend.em.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"captcha_required"}`)
	})
	asked := b.pressTo(p, "enter").want(http.StatusUnprocessableEntity, "qr-code", "captcha.ask")
	asked = b.press(asked, "action=captcha", nil).want(http.StatusOK, "qr-code", "qr.confirmed")
	values := asked.filled(fields{"captcha_key": s.backend.key()})
	node := asked.find(func(n *html.Node) bool { return n.Data == "button" && attr(n, "data-to") == "enter" })
	b.do(http.MethodPost, asked.resolve(attr(node, "formaction")), values, nil).completed()
}

// TestQRCaptchaByEnter: Enter in the captcha's field does what the button does that it stands in the
// way of; so does the way back from TCB's captcha page.
func TestQRCaptchaByEnter(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]func(*siteConfig){"picture": {withQR}, "page": {withQR, withCaptchaPage}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, options...)
			b := s.browser()
			p := b.showQR()
			_, phone := s.backend.phone(t)
			s.backend.onPhone(t, phone, "allow", "openid-4")
			s.backend.captcha("always")
			calls := 0
			s.backend.answer("/v1/signin/with/provider", func(w http.ResponseWriter, r *http.Request) {
				if calls++; calls > 1 {
					s.backend.em.ServeHTTP(w, r)
					return
				}
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"error":"captcha_required"}`)
			})
			asked := b.pressTo(p, "enter")
			if name == "page" {
				b.solved(asked).completed()
				return
			}
			b.solve(asked.want(http.StatusUnprocessableEntity, "qr-code", "captcha.ask")).completed()
		})
	}
}

// TestQRAgreement: the agreement comes before the code, and is not asked for again after it.
func TestQRAgreement(t *testing.T) {
	t.Parallel()
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"agreement": map[string]any{"enable": true, "items": []map[string]any{{"label": "Terms", "value": "Be kind.", "enable": true}}},
		"tcbLogin":  map[string]any{"miniProgram": miniProgram, "methodOrder": []string{"__qrcode"}},
	})}))
	b := s.browser()
	if got := b.open("/sign-in").tos(); got[0] != "sign-in-qr" {
		t.Errorf("the ways are %q", got)
	}
	b.pressWay(b.open("/sign-in"), "sign-in-qr", nil).want(http.StatusUnprocessableEntity, "sign-in", "error.required.agreement")
	b.submit(b.open("/sign-in/qr"), nil).want(http.StatusUnprocessableEntity, "qr", "error.required.agreement")
	if s.backend.count("/v1/qrcode/generate") != 0 {
		t.Fatal("a code is made before the agreement")
	}
	p := b.pressWay(b.open("/sign-in"), "sign-in-qr", fields{"agreement": "yes"}).want(http.StatusOK, "qr-code")
	b.pressTo(p, "new").want(http.StatusOK, "qr-code", "qr.waiting")
	zh := b.press(p, "lang=zh-CN", nil).want(http.StatusOK, "qr-code")
	if zh.lang() != "zh-CN" || zh.value("qr_code") != p.value("qr_code") {
		t.Error("another language loses the code")
	}
}

// TestQRLimit: beyond a network's share a picture comes before the code.
func TestQRLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t, withQR)
	s.backend.captcha("never")
	b := s.browser()
	for range 60 {
		b.submit(b.open("/sign-in/qr"), nil).want(http.StatusOK, "qr-code")
		s.clock.advance(repeatLife)
	}
	calls := s.backend.count("/v1/qrcode/generate")
	p := b.submit(b.open("/sign-in/qr"), nil).want(http.StatusUnprocessableEntity, "qr", "captcha.ask")
	if s.backend.count("/v1/qrcode/generate") != calls {
		t.Error("a code is made without the picture")
	}
	b.solve(p).want(http.StatusOK, "qr-code")
}
