package handlers

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"tcb-login/config/settings"
)

func withCaptchaPage(c *siteConfig) {
	for i := range c.settings.Environments {
		c.settings.Environments[i].Captcha = settings.CaptchaPage
	}
}

var hiddenToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

// atCaptchaPage answers on the emulator's captcha page that a leaving page leads to, and gives the
// address that it sends back to. Anything but "solve" is a button there.
func (b *browser) atCaptchaPage(leaving *page, action string) string {
	b.t.Helper()
	var where departure
	leaving.want(http.StatusOK, "interstitial").script("departure", &where)
	client := *b.s.backend.srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	shown, err := client.Get(where.To)
	if err != nil {
		b.t.Fatal(err)
	}
	defer shown.Body.Close()
	body, err := io.ReadAll(shown.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	token := hiddenToken.FindSubmatch(body)
	if token == nil {
		b.t.Fatalf("%s is no captcha page: %.200s", where.To, body)
	}
	form := url.Values{"token": {string(token[1])}, "key": {b.s.backend.key()}}
	if action != "solve" {
		form.Set("action", action)
	}
	resp, err := client.PostForm(where.To, form)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	back := resp.Header.Get("Location")
	if !strings.HasPrefix(back, b.origin+b.s.base+"/captcha/callback?") {
		b.t.Fatalf("the captcha page leads to %q", back)
	}
	return back
}

// solved comes back from the captcha page and goes on.
func (b *browser) solved(leaving *page) *page {
	b.t.Helper()
	return b.submit(b.get(b.atCaptchaPage(leaving, "solve")).want(http.StatusOK, "captcha-return"), nil)
}

// TestCaptchaPage: each form leads to TCB's page and comes back as it was, and the call goes through.
func TestCaptchaPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage)
	for _, tt := range captchaForms(s) {
		t.Run(tt.name+" to "+tt.next, func(t *testing.T) {
			s.backend.captcha("always")
			b := tt.b.on(t, s)
			for _, secret := range []string{"password", "new_password"} {
				if tt.typed[secret] != "" {
					s.secret(secret, tt.typed[secret])
				}
			}
			leaving := b.submit(tt.p, tt.typed)
			if got := leaving.header.Get("Referrer-Policy"); got != "no-referrer" {
				t.Errorf("Referrer-Policy %q", got)
			}
			back := b.get(b.atCaptchaPage(leaving, "solve")).want(http.StatusOK, "captcha-return")
			if got := back.header.Get("Referrer-Policy"); got != "no-referrer" {
				t.Errorf("of the way back: Referrer-Policy %q", got)
			}
			token := back.url.Query().Get("captcha_token")
			if token == "" || strings.Contains(back.body, token) {
				t.Errorf("the page has the token %q open", token)
			}
			if want, _, _ := strings.Cut(tt.p.action(), "?"); !strings.HasPrefix(back.action(), want+"?") {
				t.Errorf("it leads to %s, want %s", back.action(), tt.p.action())
			}
			calls := s.backend.count("")
			done := b.submit(back, nil)
			if done.status >= 400 || done.name() != tt.next {
				t.Fatalf("after the captcha: status %d, page %q, want %q; %q\n%s", done.status, done.name(), tt.next, done.keys(), done.text())
			}
			if s.backend.count("") == calls {
				t.Error("nothing was called")
			}
		})
	}
	if strings.Contains(s.log.text(), "captcha_token") {
		t.Error("the log has a token")
	}
}

// TestCaptchaPageInPortal: the portal's forms come back too, to who is signed in.
func TestCaptchaPageInPortal(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage)
	s.backend.captcha("never")
	b, _ := s.signedIn(t)
	email := b.stepUp("/account/email", demoPassword).want(http.StatusOK, "account-email")
	s.backend.captcha("always")
	leaving := b.submit(email, fields{"email": "fresh@example.com"})
	back := b.get(b.atCaptchaPage(leaving, "solve")).want(http.StatusOK, "captcha-return")
	s.browser().submit(back, nil).want(http.StatusOK, "hand-off") // to nobody else
	code := b.submit(back, nil).want(http.StatusOK, "account-email-code")
	b.submit(code, fields{"verification_code": s.backend.code("fresh@example.com")}).want(http.StatusOK, "account", "account.done.email")
}

// TestCaptchaPageFailed: who gives up there finds the form as it was, and why in TCB's words.
func TestCaptchaPageFailed(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage)
	s.backend.captcha("always")
	b := s.browser()
	typed := fields{"username": "demo", "password": demoPassword}
	leaving := b.submit(b.open("/sign-in"), typed)
	address := b.atCaptchaPage(leaving, "back")
	failed := b.get(address).want(http.StatusOK, "captcha-failed", "captcha.failed.lead")
	calls := s.backend.count("")
	again := b.submit(failed, nil).want(http.StatusOK, "sign-in", "captcha.not_done").wantValue(fields{"username": "demo"})
	if got := s.backend.count(""); got != calls {
		t.Errorf("going back made %d calls", got-calls)
	}
	s.backend.captcha("never")
	b.submit(again, nil).completed() // the password was kept
	b.get(address).want(http.StatusBadRequest, "error", "captcha.lost")
}

// TestCaptchaPageSays: what TCB's page says is text, on one line, and not for ever.
func TestCaptchaPageSays(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage)
	s.backend.captcha("always")
	b := s.browser()
	leaving := b.submit(b.open("/sign-in/email"), fields{"email": "x@example.com"})
	state := leaving.parameterOf(b.atCaptchaPage(leaving, "back"), "state")
	for _, tt := range []struct{ said, shown string }{
		{"<script>alert(1)</script>", "<script>alert(1)</script>"},
		{"no\u202egnp.exe\u2066 x\u200b\x00\x1b[31m\r\nSet-Cookie: a=b", "nognp.exe x[31m Set-Cookie: a=b"},
		{strings.Repeat("验", 300), strings.Repeat("验", 200) + "…"},
		{"\xff\xfe bad", "bad"},
		{"", ""},
	} {
		p := b.get(s.base+"/captcha/callback?state="+state+"&error=x&error_description="+url.QueryEscape(tt.said)).
			want(http.StatusOK, "captcha-failed")
		shown := ""
		if q := p.find(byTag("q")); q != nil {
			shown = textOf(q)
		}
		if shown != tt.shown {
			t.Errorf("%q is shown as %q, want %q", tt.said, shown, tt.shown)
		}
		if strings.Contains(p.body, "<script>alert") {
			t.Errorf("%q is markup", tt.said)
		}
	}
	// Without an error, and without a token that can be one, it has failed too.
	for _, query := range []string{"", "&captcha_token=", "&captcha_token=a%20b", "&captcha_token=%0d%0a", "&captcha_token=%C3%A9", "&error=x&captcha_token=good"} {
		b.get(s.base+"/captcha/callback?state="+state+query).want(http.StatusOK, "captcha-failed")
	}
}

// TestCaptchaPageLost: a state that is none of this browser's, or over, or used, leads nowhere, and
// calls nothing.
func TestCaptchaPageLost(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage)
	s.backend.captcha("always")
	b := s.browser()
	leave := func(to string) *page { return b.submit(b.open("/sign-in/email"), fields{"email": to}) }
	back := b.atCaptchaPage(leave("x@example.com"), "solve")

	calls := s.backend.count("")
	s.browser().get(back).want(http.StatusBadRequest, "error", "captcha.lost")
	for _, query := range []string{"", "?", "?state=", "?captcha_token=x", "?state=00000000000000000000000000000000&captcha_token=x",
		"?state=" + strings.Repeat("a", 8<<10), "?error=x", "?state=x&state=y&captcha_token=z"} {
		p := b.do(http.MethodGet, s.base+"/captcha/callback"+query, nil, nil)
		if p.status != http.StatusBadRequest {
			t.Errorf("%.60s: status %d", query, p.status)
		}
	}
	b.do(http.MethodPost, s.base+"/captcha/callback", url.Values{}, nil).want(http.StatusMethodNotAllowed, "error")
	if got := s.backend.count(""); got != calls {
		t.Errorf("%d calls", got-calls)
	}

	shown := b.get(back).want(http.StatusOK, "captcha-return")
	thief := b.copy()
	b.submit(shown, nil).want(http.StatusOK, "sign-in-email-code")
	s.clock.advance(repeatLife)
	// The same once more, by this browser and by one that has its cookies from before.
	b.submit(shown, nil).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.over")
	thief.submit(shown, nil).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.over")
	b.get(back).want(http.StatusBadRequest, "error", "captcha.lost")

	// Another form's, and one that is over.
	shown = b.get(b.atCaptchaPage(leave("y@example.com"), "solve")).want(http.StatusOK, "captcha-return")
	other := b.open("/sign-in")
	form := shown.filled(nil)
	form.Set("form", "sign-in")
	b.do(http.MethodPost, other.action(), form, nil).want(http.StatusUnprocessableEntity, "sign-in", "captcha.over")
	// Another address under the form's name, another form at its address, and another client's or
	// environment's page. None uses it up.
	sent := s.backend.count("/v1/verification")
	for _, change := range []struct{ from, to, form string }{
		{"/sign-in/email?", "/sign-in/sms?", ""}, {"", "", "sign-in-email-code"},
		{"client_id=demo", "client_id=second", ""}, {"env_id=demo&client_id=demo", "env_id=other&client_id=other", ""},
	} {
		form := shown.filled(nil)
		if change.form != "" {
			form.Set("form", change.form)
		}
		b.do(http.MethodPost, strings.Replace(shown.action(), change.from, change.to, 1), form, nil).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.over")
	}
	if got := s.backend.count("/v1/verification"); got != sent {
		t.Errorf("%d codes are sent from elsewhere", got-sent)
	}
	if b.submit(shown, nil).want(http.StatusOK, "sign-in-email-code"); s.backend.count("/v1/verification") == sent {
		t.Error("it is used up by what was posted elsewhere")
	}
	s.clock.advance(time.Minute)
	shown = b.get(b.atCaptchaPage(leave("z@example.com"), "solve")).want(http.StatusOK, "captcha-return")
	s.clock.advance(11 * time.Minute)
	b.submit(shown, nil).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.over")
	broken := shown.filled(nil)
	broken.Set("captcha_return", "nonsense")
	b.do(http.MethodPost, shown.action(), broken, nil).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.over")
}

// TestTwoCaptchaPages: two tabs do not mix.
func TestTwoCaptchaPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage)
	s.backend.captcha("always")
	b := s.browser()
	first := b.submit(b.open("/sign-in/email"), fields{"email": "one@example.com"})
	second := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword})
	one, two := b.atCaptchaPage(first, "solve"), b.atCaptchaPage(second, "solve")
	shown := b.get(two).want(http.StatusOK, "captcha-return")
	// Nor does the one's page show what the other brought, where the page itself is asked in another language.
	mixed, err := url.Parse(shown.switched("ja"))
	if err != nil {
		t.Fatal(err)
	}
	firstBack, err := url.Parse(one)
	if err != nil {
		t.Fatal(err)
	}
	b.get(mixed.String()).want(http.StatusOK, "captcha-return")
	query := mixed.Query()
	query.Set("state", firstBack.Query().Get("state"))
	mixed.RawQuery = query.Encode()
	b.get(mixed.String()).want(http.StatusBadRequest, "error", "captcha.lost")
	b.submit(shown, nil).completed()
	p := b.submit(b.get(one).want(http.StatusOK, "captcha-return"), nil)
	if !p.has("error.stale") && p.name() != "sign-in-email-code" { // signing in has given the session another id
		t.Errorf("the first comes to %q %q", p.name(), p.keys())
	}
}

// TestCaptchaPagePassword: a password waits five minutes, and is asked for again after that, with the
// captcha still good.
func TestCaptchaPagePassword(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage)
	s.backend.captcha("always")
	b := s.browser()
	leaving := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword})
	s.clock.advance(5*time.Minute + time.Second)
	p := b.solved(leaving).want(http.StatusUnprocessableEntity, "sign-in", "error.required.password").wantValue(fields{"username": "demo"})
	b.submit(p, fields{"password": demoPassword}).completed()
}

// TestCaptchaPageEnds: a token that TCB does not take brings one fresh captcha, then a clear end; so
// does TCB asking over and over, or for none after all.
func TestCaptchaPageEnds(t *testing.T) {
	t.Parallel()
	for code, most := range map[string]int{"captcha_invalid": 1, "captcha_required": 2} {
		s := newSite(t, withCaptchaPage)
		s.backend.captcha("always")
		s.backend.refuse("/v1/verification", http.StatusBadRequest, code)
		b := s.browser()
		p := b.submit(b.open("/sign-in/email"), fields{"email": "x@example.com"})
		trips := 0
		for ; p.name() == "interstitial" && trips < 10; trips++ {
			p = b.solved(p)
		}
		p.want(http.StatusUnprocessableEntity, "sign-in-email", "error.captcha_failed").wantValue(fields{"email": "x@example.com"})
		if trips != most {
			t.Errorf("%s: %d captchas, want %d", code, trips, most)
		}
		if p.value("captcha") != "" {
			t.Errorf("%s: the form goes on with what was refused", code)
		}
		s.backend.answer("", nil)
		b.solved(b.submit(p, nil)).want(http.StatusOK, "sign-in-email-code") // and it begins anew
	}
	s := newSite(t, withCaptchaPage)
	s.backend.answer("", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/v1/captcha/init") {
			io.WriteString(w, `{"url":"","expires_in":600}`)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":"captcha_required","error_code":4001}`)
	})
	b := s.browser()
	b.submit(b.open("/sign-in/email"), fields{"email": "x@example.com"}).want(http.StatusUnprocessableEntity, "sign-in-email", "error.captcha_failed")
	if got := s.backend.count("/v1/verification"); got != 2 {
		t.Errorf("%d calls where no captcha is needed, want 2", got)
	}
}

// TestCaptchaPageAddress: only an address that a browser may go to.
func TestCaptchaPageAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage)
	s.backend.captcha("always")
	for i, address := range []string{"javascript:alert(1)", "http://captcha.example/", "https://me:pw@captcha.example/", "https://", "//captcha.example", "data:text/html,x", "ftp://captcha.example/"} {
		s.backend.answer("/v1/captcha/init", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"url":"`+address+`","expires_in":600}`)
		})
		b := s.browser()
		p := b.submit(b.open("/sign-in/email"), fields{"email": fmt.Sprintf("x%d@example.com", i)}).want(http.StatusBadGateway, "sign-in-email")
		if strings.Contains(p.body, address) {
			t.Errorf("%s is in the page", address)
		}
	}
	s.backend.answer("/v1/captcha/init", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"url":"https://captcha.example/x?y=z","expires_in":600}`)
	})
	b := s.browser()
	b.submit(b.open("/sign-in/email"), fields{"email": "x@example.com"}).want(http.StatusOK, "interstitial")
}

// TestOwnCaptchaIsThePicture: what we demand ourselves is solved in its form, and no token from
// elsewhere does.
func TestOwnCaptchaIsThePicture(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage, func(c *siteConfig) { c.settings.Environments[0].Limits.AttackMode = true })
	b := s.browser()
	form := b.open("/sign-in").filled(fields{"username": "demo", "password": demoPassword})
	form.Set("captcha_sdk", "token-of-the-browser")
	p := b.do(http.MethodPost, b.open("/sign-in").action(), form, nil).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	b.submit(p, fields{"captcha_key": s.backend.key()}).completed()
}

// TestTooMuchForCaptchaPage: what fits into no cookie is asked for by the picture.
func TestTooMuchForCaptchaPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage)
	s.backend.captcha("always")
	b := s.browser()
	p := b.open("/sign-in/email", "x="+strings.Repeat("a", 5000))
	asked := b.submit(p, fields{"email": "x@example.com"}).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.ask")
	b.submit(asked, fields{"captcha_key": s.backend.key()}).want(http.StatusOK, "sign-in-email-code")
}

// TestCaptchaOfTheSDK: a captcha that the app's SDK had solved in this browser is not asked for
// again; one that TCB refuses is followed by a fresh one.
func TestCaptchaOfTheSDK(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage)
	s.backend.captcha("always")
	b := s.browser()
	leaving := b.submit(b.open("/sign-in/email"), fields{"email": "one@example.com"})
	token := leaving.parameterOf(b.atCaptchaPage(leaving, "solve"), "captcha_token")
	s.secret("captcha_sdk", token)
	form := b.open("/sign-in/email").filled(fields{"email": "two@example.com"})
	form.Set("captcha_sdk", token)
	b.do(http.MethodPost, b.open("/sign-in/email").action(), form, nil).want(http.StatusSeeOther, "")
	form = b.open("/sign-in/email").filled(fields{"email": "three@example.com"})
	form.Set("captcha_sdk", "v1.not-one-of-tcb")
	again := b.do(http.MethodPost, b.open("/sign-in/email").action(), form, nil)
	b.solved(again).want(http.StatusOK, "sign-in-email-code")
}
