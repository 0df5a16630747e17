package handlers

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"tcb-login/config"
	"tcb-login/config/loginpage"
	"tcb-login/views"
	"testing"
	"time"

	"golang.org/x/net/html"
)

const (
	knownPhone = "+86 13800138000"
	newPhone   = "+86 13900139000"
)

// sendCode opens a flow and has a code sent.
func sendCode(b *browser, path string, typed fields) *page {
	b.t.Helper()
	via := "via=phone"
	if _, ok := typed["email"]; ok {
		via = "via=email"
	}
	return b.submit(b.open(path, via), typed).want(http.StatusOK, strings.ReplaceAll(strings.Trim(path, "/"), "/", "-")+"-code")
}

func TestCodeSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.register(knownPhone, "phoned", "")
	tests := []struct {
		name, path string
		typed      fields
		to         string
		calls      []string // of TCB's API, in order
	}{
		{"new number", "/sign-in/sms", fields{"phone_country": "CN", "phone_number": "139 0013 9000"}, newPhone,
			[]string{"/v1/verification", "/v1/verification/verify", "/v1/signup", "/v1/user/me"}},
		{"known number", "/sign-in/sms", fields{"phone_country": "US", "phone_number": "+8613800138000"}, knownPhone,
			[]string{"/v1/verification", "/v1/verification/verify", "/v1/signin", "/v1/user/me"}},
		{"number abroad", "/sign-in/sms", fields{"phone_country": "GB", "phone_number": "07400 123456"}, "+44 7400123456",
			[]string{"/v1/captcha/data", "/v1/captcha/data/verify", "/v1/verification", "/v1/verification/verify", "/v1/signup", "/v1/user/me"}},
		{"new address", "/sign-in/email", fields{"email": " New@Example.com "}, "new@example.com",
			[]string{"/v1/verification", "/v1/verification/verify", "/v1/signup", "/v1/user/me"}},
		{"known address", "/sign-in/email", fields{"email": demoEmail}, demoEmail,
			[]string{"/v1/verification", "/v1/verification/verify", "/v1/signin", "/v1/user/me"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browser()
			b.t = t
			before := s.backend.count("")
			var code *page
			if tt.name == "number abroad" { // every text there wants a picture
				code = b.solve(b.submit(b.open(tt.path), tt.typed).want(http.StatusUnprocessableEntity, "sign-in-sms", "captcha.ask")).want(http.StatusOK, "sign-in-sms-code")
			} else {
				code = sendCode(b, tt.path, tt.typed)
			}
			if strings.Contains(code.text(), tt.to) {
				t.Errorf("the page shows %s unmasked", tt.to)
			}
			done := b.submit(code, fields{"verification_code": s.backend.code(tt.to)}).completed()
			if who := strings.ToLower(done.UserInfo.Phone + done.UserInfo.Email); who != tt.to && !(tt.name == "known number" && done.UserInfo.Username == "phoned") {
				t.Errorf("signed in as %+v, want %s", done.UserInfo, tt.to)
			}
			var calls []string
			for _, c := range s.backend.callsTo("")[before:] {
				calls = append(calls, c.path)
			}
			if !slices.Equal(calls, tt.calls) {
				t.Errorf("calls %q, want %q", calls, tt.calls)
			}
			if m := s.backend.messages(tt.to)[0]; m.Usage != "SIGN_IN" || m.Locale != "en-US" {
				t.Errorf("the message is %+v", m)
			}
		})
	}
}

// TestCodeAsTyped: people type and paste codes in many ways.
func TestCodeAsTyped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i, form := range []string{"%s", " %s ", "%s\u200b", "%.3s %.3s", "%.3s-%.3s", "%.2s–%.4s", "wide", "Arabic",
		"【App】您的验证码（订单654321）为%s，5分钟内有效\r\n请勿泄露", "Your code for order 654321 is %s. Call 555-010-1234.",
	} {
		t.Run(form, func(t *testing.T) {
			b := s.browser().at(fmt.Sprintf("192.0.2.%d", i+1))
			b.t = t
			to := fmt.Sprintf("typed%d@example.com", i)
			page := sendCode(b, "/sign-in/email", fields{"email": to})
			code := s.backend.code(to)
			typed := strings.Replace(form, "%s", code, 1)
			switch form {
			case "%.3s %.3s", "%.3s-%.3s":
				typed = code[:3] + form[4:5] + code[3:]
			case "%.2s–%.4s":
				typed = code[:2] + "–" + code[2:]
			case "wide":
				typed = strings.Map(func(r rune) rune { return r - '0' + '０' }, code)
			case "Arabic":
				typed = strings.Map(func(r rune) rune { return r - '0' + '٠' }, code)
			}
			// A message that has none is no wrong try.
			verified := s.backend.count("/v1/verification/verify")
			for _, none := range []string{"Order 7654321 has been shipped", "11-28 14:05", "13800138000"} {
				page = b.submit(page, fields{"verification_code": none}).want(http.StatusUnprocessableEntity, "sign-in-email-code", "error.code_format")
			}
			if s.backend.count("/v1/verification/verify") != verified {
				t.Error("TCB was asked")
			}
			b.submit(page, fields{"verification_code": typed}).completed()
		})
	}
}

// TestAccountChangedMeanwhile: what TCB said of the account when it sent the
// code need not hold when the code comes; then the other way is tried, with the same code.
func TestAccountChangedMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tests := []struct {
		name, to, says, said string
		calls                []string
	}{
		{"registered since", demoEmail, `"is_user":true`, `"is_user":false`, []string{"/v1/signup", "/v1/signin"}},
		{"deleted since", "gone@example.com", `"is_user":false`, `"is_user":true`, []string{"/v1/signin", "/v1/signup"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browser()
			b.t = t
			var code *page
			s.backend.claims(tt.says, tt.said, func() { code = sendCode(b, "/sign-in/email", fields{"email": tt.to}) })
			before := s.backend.count("")
			done := b.submit(code, fields{"verification_code": s.backend.code(tt.to)}).completed()
			if done.UserInfo.Email != tt.to {
				t.Errorf("signed in as %+v", done.UserInfo)
			}
			var calls []string
			for _, c := range s.backend.callsTo("")[before:] {
				calls = append(calls, c.path)
			}
			if want := append(append([]string{"/v1/verification/verify"}, tt.calls...), "/v1/user/me"); !slices.Equal(calls, want) {
				t.Errorf("calls %q, want %q", calls, want)
			}
		})
	}
}

// claims has TCB say of an account, when it sends the next code, what will not
// hold any more when the code comes.
func (b *backend) claims(says, said string, during func()) {
	b.t.Helper()
	b.answer("/v1/verification", func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		b.em.ServeHTTP(rec, r)
		if !strings.Contains(rec.Body.String(), says) {
			b.t.Errorf("TCB answers %s", rec.Body)
		}
		w.WriteHeader(rec.Code)
		fmt.Fprint(w, strings.Replace(rec.Body.String(), says, said, 1))
	})
	during()
	b.answer("", nil)
}

// TestAccountDeletedMeanwhile: somebody whose account is gone when the code
// comes is new, and asked what new people are asked, with the same code.
func TestAccountDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	must := func(t *testing.T, fields ...any) func(*siteConfig) {
		return withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
			"web": webMethods("email"), "tcbLogin": map[string]any{"signUp": map[string]any{"fields": fields}},
		})})
	}
	username := map[string]any{"name": "username", "required": true}
	tests := []struct {
		name    string
		config  func(*testing.T) func(*siteConfig)
		path    string
		between string // the page after the code, where the account is said to exist
		details string
	}{
		{"required at sign-in", func(t *testing.T) func(*siteConfig) { return must(t, username) }, "/sign-in/email", "", "sign-in-email-details"},
		{"at sign-up", func(*testing.T) func(*siteConfig) { return func(*siteConfig) {} }, "/sign-up", "sign-up-confirmed", "sign-up-details"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.config(t))
			b := s.browser()
			var p *page
			s.backend.claims(`"is_user":false`, `"is_user":true`, func() { p = sendCode(b, tt.path, fields{"email": "gone@example.com"}) })
			p = b.submit(p, fields{"verification_code": s.backend.code("gone@example.com")})
			if tt.between != "" {
				p = b.submit(p.want(http.StatusOK, tt.between), nil)
			}
			p.want(http.StatusOK, tt.details)
			if got := s.backend.count("/v1/signup"); got != 0 {
				t.Errorf("TCB was asked %d times for an account without what the page asks", got)
			}
			if tt.between == "" {
				p = b.submit(p, nil).want(http.StatusUnprocessableEntity, tt.details, "error.required.new_username")
			}
			done := b.submit(p, fields{"username": "back_again"}).completed()
			if got := s.backend.user("back_again"); got.Email != "gone@example.com" || got.Sub != done.Credentials.Sub {
				t.Errorf("signed in as %+v, the account is %+v", done.UserInfo, got)
			}
		})
	}
}

// TestResendAndChange: another code, another number.
func TestResendAndChange(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	for _, tt := range []struct {
		path, page, to string
		typed          fields
	}{
		{"/sign-in/sms", "sign-in-sms", newPhone, fields{"phone_country": "CN", "phone_number": "13900139000"}},
		{"/sign-in/email", "sign-in-email", "a@example.com", fields{"email": "a@example.com"}},
		{"/sign-up", "sign-up", "b@example.com", fields{"email": "b@example.com"}},
		{"/reset-password", "reset-password", demoEmail, fields{"email": demoEmail}},
	} {
		t.Run(tt.page, func(t *testing.T) {
			b := b.on(t, s)
			code := sendCode(b, tt.path, tt.typed)
			old := s.backend.code(tt.to)
			s.clock.advance(time.Minute)
			again := b.press(code, "action=resend", nil).want(http.StatusOK, tt.page+"-code", "code.again")
			if len(s.backend.messages(tt.to)) != 2 {
				t.Fatalf("%d codes were sent, want 2", len(s.backend.messages(tt.to)))
			}
			if fresh := s.backend.code(tt.to); fresh != old {
				b.submit(again, fields{"verification_code": old}).want(http.StatusUnprocessableEntity, tt.page+"-code", "error.code_wrong")
			}
			changed := b.press(again, "action=change", nil).want(http.StatusOK, tt.page)
			want := fields{}
			for name, value := range tt.typed {
				want[name] = value
			}
			changed.wantValue(want)
			if strings.Contains(changed.action(), "flow=") {
				t.Error("the form still goes on with the old flow")
			}
			// Changing one's mind costs nothing: the code still serves.
			p := b.submit(again, fields{"verification_code": s.backend.code(tt.to)})
			if p.status != http.StatusOK || p.name() == tt.page+"-code" {
				t.Errorf("status %d, page %q, %q", p.status, p.name(), p.keys())
			}
			s.clock.advance(time.Hour)
		})
	}
}

// TestNoProfile: sign-in does not fail on the profile that it can do without.
func TestNoProfile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	s.backend.refuse("/v1/user/me", http.StatusForbidden, "permission_denied")
	done := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	if done.Credentials.AccessToken == "" || done.UserInfo.Sub != "" {
		t.Errorf("completion %+v", done)
	}
}

// TestDecoysPerClient: a send that TCB withheld looks like those of the same client. Another
// environment's codes may live longer.
func TestDecoysPerClient(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) {
		c.logins = config.BuiltInPages(c.settings)
		for _, env := range []string{"demo", "other"} {
			c.logins.Find(loginpage.Key{Env: env, Version: loginpage.EnvVersion}).Registration = loginpage.RegistrationSplit
		}
	})
	s.backend.captcha("never")
	s.backend.answer("/v1/verification", func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		s.backend.em.ServeHTTP(rec, r)
		body := rec.Body.String()
		if strings.Contains(r.URL.RawQuery, "client_id=other") {
			body = strings.Replace(body, `"expires_in":600`, `"expires_in":120`, 1)
		}
		w.WriteHeader(rec.Code)
		_, _ = io.WriteString(w, body)
	})
	b := s.browser()
	send := func(env, to string) *page {
		t.Helper()
		query := strings.NewReplacer("env_id=demo", "env_id="+env, "client_id=demo", "client_id="+env).Replace(entryQuery(appPage))
		p := b.get(s.base+"/sign-in/email?"+query).want(http.StatusOK, "sign-in-email")
		return b.submit(p, fields{"email": to}).want(http.StatusOK, "sign-in-email-code")
	}
	lives := func(p *page) string {
		t.Helper()
		for _, minutes := range []string{"2 minutes", "10 minutes"} {
			if strings.Contains(p.text(), minutes) {
				return minutes
			}
		}
		t.Fatalf("the page does not say how long its code is good: %s", p.text())
		return ""
	}
	for i, tt := range []struct{ env, to, want string }{
		{"demo", "nobody0@example.com", "10 minutes"}, // before any code
		{"demo", demoEmail, "10 minutes"},
		{"other", "nobody1@example.com", "10 minutes"},
		{"other", demoEmail, "2 minutes"},
		{"other", "nobody2@example.com", "2 minutes"},
		{"demo", "nobody3@example.com", "10 minutes"},
	} {
		if got := lives(send(tt.env, tt.to)); got != tt.want {
			t.Errorf("%d: a code of %s to %s lives %s, want %s", i, tt.env, tt.to, got, tt.want)
		}
		s.clock.advance(61 * time.Second)
	}
}

// TestLengthsTellNothing: what the browser gets of a send is as long for a decoy as for a code whose
// verification_id is longer than any that was seen before.
func TestLengthsTellNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	s.backend.answer("/v1/verification", func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		s.backend.em.ServeHTTP(rec, r)
		w.WriteHeader(rec.Code)
		_, _ = io.WriteString(w, strings.Replace(rec.Body.String(), `"verification_id":"`, `"verification_id":"`+strings.Repeat("x", 40), 1))
	})
	lengths := func(to string) (cookie, flow int) {
		t.Helper()
		b := s.browser()
		p := b.post(b.open("/reset-password", "via=email"), fields{"email": to})
		if p.status != http.StatusSeeOther {
			t.Fatalf("%s: status %d, %q", to, p.status, p.keys())
		}
		for _, line := range p.header.Values("Set-Cookie") {
			if strings.Contains(line, "tcb_login_go_") {
				cookie = len(line)
			}
		}
		return cookie, len(p.location())
	}
	cookie, flow := lengths("nope@example.com") // before any code
	if other, address := lengths(demoEmail); cookie == 0 || other != cookie || address != flow {
		t.Errorf("the cookie has %d bytes and %d for a decoy, the address %d and %d", other, cookie, address, flow)
	}
}

func TestAllowedCountries(t *testing.T) {
	t.Parallel()
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"tcbLogin": map[string]any{"countries": map[string]any{"default": "HK", "allowed": []string{"CN", "HK", "US"}}},
	})}))
	b := s.browser()
	p := b.open("/sign-in/sms").want(http.StatusOK, "sign-in-sms")
	p.wantValue(fields{"phone_country": "HK"})
	if n := len(p.all(byTag("option"))); n != 3 {
		t.Errorf("%d countries, want 3", n)
	}
	for number, ok := range map[string]bool{"+86 13900139000": true, "5123 4567": true, "+1 212 555 2671": true, "+1 416 555 2671": false, "+44 7400 123456": false} {
		p := b.submit(b.open("/sign-in/sms"), fields{"phone_number": number})
		if !ok {
			p.want(http.StatusUnprocessableEntity, "sign-in-sms", "error.phone_country").wantValue(fields{"phone_number": number})
			continue
		}
		p.want(http.StatusOK, "sign-in-sms-code")
		s.clock.advance(61e9)
	}
}

// TestOtherCountries: a page offers the countries near its language; who says that theirs is another
// one gets all, with what was typed.
func TestOtherCountries(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	countries := func(p *page) (regions []string) {
		for _, o := range p.all(func(n *html.Node) bool { return n.Data == "option" }) {
			regions = append(regions, attr(o, "value"))
		}
		return regions
	}
	p := b.open("/sign-in/sms").want(http.StatusOK, "sign-in-sms")
	if got := countries(p); len(got) > 20 || !slices.Contains(got, "CN") || slices.Contains(got, "IS") || got[len(got)-1] != views.OtherCountry {
		t.Errorf("offered are %q", got)
	}
	p = b.submit(p, fields{"phone_country": views.OtherCountry, "phone_number": "611 1234"}).want(http.StatusUnprocessableEntity, "sign-in-sms", "error.phone_other").
		wantValue(fields{"phone_number": "611 1234"})
	if got := countries(p); len(got) < 200 || !slices.Contains(got, "IS") || slices.Contains(got, views.OtherCountry) {
		t.Errorf("then are %d: %q", len(got), got)
	}
	b.solve(b.submit(p, fields{"phone_country": "IS", "phone_number": "611 1234"})).want(http.StatusOK, "sign-in-sms-code")
	s.backend.code("+354 6111234")
	// The chosen one stays, and the list is short again.
	p = b.submit(b.open("/sign-up"), fields{"phone_country": "IS", "phone_number": "1"}).want(http.StatusUnprocessableEntity, "sign-up", "error.phone").
		wantValue(fields{"phone_country": "IS"})
	if got := countries(p); len(got) > 20 {
		t.Errorf("after a mistake are %q", got)
	}
	// A number with its calling code needs no country.
	b.solve(b.submit(b.open("/sign-in/sms"), fields{"phone_country": views.OtherCountry, "phone_number": "+354 611 1235"})).want(http.StatusOK, "sign-in-sms-code")
	s.backend.code("+354 6111235")
	for _, locale := range s.cfg.Messages.Locales() {
		if b.open("/sign-in/sms", "lang="+locale.Locale()).find(func(n *html.Node) bool {
			return strings.Contains(attr(n, "data-countries"), "/static/countries."+locale.Locale()+".")
		}) == nil {
			t.Errorf("%s has no list of its own", locale.Locale())
		}
	}
}
