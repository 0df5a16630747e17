package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tcb-login/handlers/web"
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
	for i, form := range []string{"%s", " %s ", "%s\u200b", "%.3s %.3s", "%.3s-%.3s", "%.2s–%.4s", "wide"} {
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

func TestSignUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	t.Run("everything", func(t *testing.T) {
		b := s.browser()
		b.t = t
		code := sendCode(b, "/sign-up", fields{"email": "ann@example.com"})
		if m := s.backend.messages("ann@example.com")[0]; m.Usage != "REGISTER" {
			t.Errorf("the message is %+v", m)
		}
		details := b.submit(code, fields{"verification_code": s.backend.code("ann@example.com")}).want(http.StatusOK, "sign-up-details")
		done := b.submit(details, fields{"username": "ann-1", "name": "Ann 安", "password": "Ann-pass-1"}).completed()
		if done.UserInfo.Username != "ann-1" || done.UserInfo.Name != "Ann 安" || done.UserInfo.Email != "ann@example.com" {
			t.Errorf("signed up as %+v", done.UserInfo)
		}
		done = b.submit(b.open("/sign-in"), fields{"username": "ann-1", "password": "Ann-pass-1"}).completed()
		if done.UserInfo.Email != "ann@example.com" {
			t.Errorf("signed in as %+v", done.UserInfo)
		}
	})
	t.Run("nothing", func(t *testing.T) {
		b := s.browser().at("192.0.2.1")
		b.t = t
		code := sendCode(b, "/sign-up", fields{"phone_country": "CN", "phone_number": "13900139000"})
		details := b.submit(code, fields{"verification_code": s.backend.code(newPhone)}).want(http.StatusOK, "sign-up-details")
		if done := b.submit(details, nil).completed(); done.UserInfo.Sub == "" || s.backend.user(newPhone).HasPassword {
			t.Errorf("signed up as %+v", done.UserInfo)
		}
	})
	t.Run("whatever goes wrong costs no second code", func(t *testing.T) {
		b := s.browser().at("192.0.2.2")
		b.t = t
		const to = "bob@example.com"
		code := sendCode(b, "/sign-up", fields{"email": to})
		p := b.submit(code, fields{"verification_code": s.backend.code(to)}).want(http.StatusOK, "sign-up-details")
		for _, step := range []struct {
			typed      fields
			field, key string
		}{
			{fields{"username": "demo", "name": "Bob", "password": "Bob-pass-1"}, "username", "error.username_taken"},
			{fields{"username": "x", "name": "Bob", "password": "Bob-pass-1"}, "username", "error.username_form"},
			{fields{"username": "b@b.example", "name": "Bob", "password": "Bob-pass-1"}, "username", "error.username_form"},
			{fields{"username": "+86 138", "name": "Bob"}, "username", "error.username_form"},
			{fields{"username": "bob-1", "name": "Bob", "password": "weak"}, "password", "error.password_weak"},
			{fields{"username": "bob-1", "name": "Bob", "password": strings.Repeat("A-pass-1", 9)}, "password", "error.password_weak"},
			{fields{"username": "bob-1", "name": "Bob", "password": strings.Repeat("A-pass-1", 40)}, "password", "error.too_long"},
			{fields{"username": "bob-1", "name": strings.Repeat("安", 65)}, "name", "error.too_long"},
		} {
			p = b.submit(p, step.typed).want(http.StatusUnprocessableEntity, "sign-up-details")
			if got := p.fieldKey(step.field); got != step.key {
				t.Errorf("%v: field %s says %q, want %q", step.typed, step.field, got, step.key)
			}
			p.wantValue(fields{"username": step.typed["username"], "name": step.typed["name"], "password": ""})
		}
		done := b.submit(p, fields{"username": "bob-1", "name": strings.Repeat("安", 64), "password": "Bob-pass-1"}).completed()
		if done.UserInfo.Username != "bob-1" {
			t.Errorf("signed up as %+v", done.UserInfo)
		}
		if n := len(s.backend.messages(to)); n != 1 {
			t.Errorf("%d codes were sent, want 1", n)
		}
	})
	t.Run("an account already", func(t *testing.T) {
		b := s.browser().at("192.0.2.3")
		b.t = t
		code := sendCode(b, "/sign-up", fields{"email": demoEmail}) // which tells nothing of the account
		exists := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "sign-up-confirmed")
		if s.backend.count("/v1/signin") != 1 { // the one of the first subtest
			t.Error("signed in before the person pressed the button")
		}
		if exists.link("sign-up") == "" {
			t.Error("no way to use another address")
		}
		if done := b.submit(exists, nil).completed(); done.UserInfo.Username != "demo" {
			t.Errorf("signed in as %+v", done.UserInfo)
		}
	})
	t.Run("registered by somebody else meanwhile", func(t *testing.T) {
		b := s.browser().at("192.0.2.4")
		b.t = t
		const to = "cyd@example.com"
		code := sendCode(b, "/sign-up", fields{"email": to})
		details := b.submit(code, fields{"verification_code": s.backend.code(to)}).want(http.StatusOK, "sign-up-details")
		s.clock.advance(time.Minute)
		s.backend.register(to, "cyd", "")
		exists := b.submit(details, fields{"name": "Cyd"}).want(http.StatusOK, "sign-up-confirmed")
		if done := b.submit(exists, nil).completed(); done.UserInfo.Username != "cyd" {
			t.Errorf("signed in as %+v", done.UserInfo)
		}
	})
}

func TestResetPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.register(knownPhone, "phoned", "Phone-pass-1")
	tests := []struct {
		name, to, username, old string
		typed                   fields
	}{
		{"e-mail", demoEmail, "demo", demoPassword, fields{"email": "Demo@example.COM"}},
		{"phone", knownPhone, "phoned", "Phone-pass-1", fields{"phone_country": "CN", "phone_number": "+86 138-0013 8000"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browser()
			b.t = t
			before := len(s.backend.messages(tt.to))
			code := sendCode(b, "/reset-password", tt.typed)
			if m := s.backend.messages(tt.to)[0]; m.Usage != "PASSWORD_RESET" {
				t.Errorf("the message is %+v", m)
			}
			p := b.submit(code, fields{"verification_code": s.backend.code(tt.to)}).want(http.StatusOK, "reset-password-new")
			p = b.submit(p, nil).want(http.StatusUnprocessableEntity, "reset-password-new", "error.required.new_password")
			p = b.submit(p, fields{"new_password": "weak"}).want(http.StatusUnprocessableEntity, "reset-password-new")
			if p.fieldKey("new_password") != "error.password_weak" {
				t.Errorf("a weak password: %q", p.keys())
			}
			done := b.submit(p, fields{"new_password": "Fresh-pass-2"}).completed()
			if done.UserInfo.Username != tt.username {
				t.Errorf("signed in as %+v", done.UserInfo)
			}
			if n := len(s.backend.messages(tt.to)) - before; n != 1 {
				t.Errorf("%d codes were sent, want 1", n)
			}
			b.submit(b.open("/sign-in"), fields{"username": tt.username, "password": tt.old}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
			b.submit(b.open("/sign-in"), fields{"username": tt.username, "password": "Fresh-pass-2"}).completed()
		})
	}
	t.Run("saved, but not signed in", func(t *testing.T) {
		s.clock.advance(time.Minute)
		b := s.browser()
		b.t = t
		code := sendCode(b, "/reset-password", fields{"email": demoEmail})
		p := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "reset-password-new")
		s.backend.refuse("/v1/signin", http.StatusServiceUnavailable, "unavailable")
		p = b.submit(p, fields{"new_password": "Newer-pass-3"}).want(http.StatusOK, "sign-in", "reset.done")
		p.wantValue(fields{"username": demoEmail})
		s.backend.answer("", nil)
		b.submit(p, fields{"password": "Newer-pass-3"}).completed()
	})
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
	if n := len(long.value("username")); n > web.MaxIdentifier {
		t.Errorf("a hint of %d characters is in the field", n)
	}
	// A hint is a hint: what is typed counts.
	p := b.open("/", "login_hint=somebody")
	if done := b.submit(p, fields{"username": "demo", "password": demoPassword}).completed(); done.UserInfo.Username != "demo" {
		t.Errorf("signed in as %+v", done.UserInfo)
	}
}

// TestRegionWithoutPhones: TCB sends text messages in one region; elsewhere no page asks for a number.
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
	for _, path := range []string{"/language", "/captcha"} {
		b.do(http.MethodPost, s.base+path+"?"+query, form, nil).want(http.StatusBadRequest, "error")
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

// TestOtherOrigin: a registered target elsewhere is let in with PKCE, and until
// there is a code flow its sign-in ends before anything is asked of TCB.
func TestOtherOrigin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.target = registered
	for _, tt := range []struct {
		path  string
		typed fields
	}{
		{"/sign-in", fields{"username": "demo", "password": demoPassword}},
		{"/sign-in/sms", fields{"phone_country": "CN", "phone_number": "13800138000"}},
		{"/sign-in/email", fields{"email": demoEmail}},
		{"/sign-up", fields{"phone_country": "CN", "phone_number": "13800138000"}},
		{"/reset-password", fields{"phone_country": "CN", "phone_number": "13800138000"}},
	} {
		p := b.open(tt.path, pkce)
		if p.status != http.StatusOK || p.form() == nil {
			t.Fatalf("%s: status %d, %q", tt.path, p.status, p.keys())
		}
		b.submit(p, tt.typed).want(http.StatusNotImplemented, "error", "error.page.not_yet")
	}
	if got := s.backend.count(""); got != 0 {
		t.Errorf("TCB was called %d times: %v", got, s.backend.callsTo(""))
	}
	b.open("/").want(http.StatusBadRequest, "error", "error.page.pkce")
	// A flow that was begun for our own origin does not end elsewhere.
	b.target = appPage
	code := sendCode(b, "/sign-in/email", fields{"email": demoEmail})
	u, err := url.Parse(code.action())
	if err != nil {
		t.Fatal(err)
	}
	calls := s.backend.count("")
	p := b.do(http.MethodPost, s.base+"/sign-in/email?"+entryQuery(registered, pkce, "flow="+u.Query().Get("flow")),
		code.filled(fields{"verification_code": s.backend.code(demoEmail)}), nil)
	p.want(http.StatusNotImplemented, "error", "error.page.not_yet")
	if got := s.backend.count(""); got != calls {
		t.Errorf("TCB was called %d times", got-calls)
	}
}

// departure is what the interstitial leads to.
type departure struct {
	To     string
	Forget []string
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tests := []struct{ name, target, more, want string }{
		{"no state", appPage, "", appPage},
		{"state", publicOrigin + "/bye", "state=a%26b%3D%20%2B%E4%B8%AD", publicOrigin + "/bye?state=a%26b%3D+%2B%E4%B8%AD"},
		{"state after a query and before a hash", appPage, "state=xyz", publicOrigin + "/orders/7?x=1&y=%E4%B8%AD&state=xyz#part=2"},
		{"empty state", appPage, "state=", appPage},
		{"the first state", appPage, "state=1&state=2", publicOrigin + "/orders/7?x=1&y=%E4%B8%AD&state=1#part=2"},
		{"state that would split", publicOrigin + "/", "state=%0d%0aSet-Cookie:a=b%23%3Cscript%3E", publicOrigin + "/?state=%0D%0ASet-Cookie%3Aa%3Db%23%3Cscript%3E"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browser()
			b.t, b.target = t, tt.target
			login := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			ask := b.open("/sign-out", tt.more).want(http.StatusOK, "sign-out")
			p := b.submit(ask, nil).want(http.StatusOK, "interstitial")
			var where departure
			p.script("departure", &where)
			if where.To != tt.want || !slices.Equal(where.Forget, []string{"credentials_demo", "user_info_demo"}) {
				t.Errorf("leaves for %+v, want %s", where, tt.want)
			}
			if attr(p.byID("go"), "href") != tt.want {
				t.Errorf("the link leads to %s", attr(p.byID("go"), "href"))
			}
			refresh := p.find(func(n *htmlNode) bool { return attr(n, "http-equiv") == "refresh" })
			if refresh == nil || attr(refresh, "content") != "2; url="+tt.want {
				t.Error("without script the page does not move on")
			}
			if p.header.Get("Location") != "" {
				t.Error("a POST redirects off our pages")
			}
			var ended struct{ Error string }
			resp, err := s.backend.srv.Client().Post(s.backend.srv.URL+"/auth/v1/token", "application/json",
				strings.NewReader(fmt.Sprintf(`{"client_id":"demo","grant_type":"refresh_token","refresh_token":%q}`, login.Credentials.RefreshToken)))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if decode(t, resp.Body, &ended); ended.Error != "invalid_grant" {
				t.Errorf("after sign-out the refresh token answers %q", ended.Error)
			}
		})
	}
	t.Run("nobody is signed in", func(t *testing.T) {
		b := s.browser()
		b.t = t
		revoked := s.backend.count("/v1/user/signout")
		b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
		if s.backend.count("/v1/user/signout") != revoked {
			t.Error("something was revoked")
		}
	})
	for _, code := range []string{"unavailable", "unauthenticated", "internal"} {
		t.Run("TCB says "+code, func(t *testing.T) {
			other := newSite(t, func(c *siteConfig) { c.backend, c.clock = s.backend, s.clock })
			b := other.browser()
			b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			s.backend.refuse("/v1/user/signout", http.StatusServiceUnavailable, code)
			defer s.backend.answer("", nil)
			p := b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial") // whoever wants out gets out
			for _, c := range (&http.Response{Header: p.header}).Cookies() {
				if strings.Contains(c.Name, "_at_") && c.MaxAge >= 0 {
					t.Errorf("cookie %s stays", c.Name)
				}
			}
			if got := last(other.log.lines(t)).Code; got != code && code != "unauthenticated" {
				t.Errorf("the log says %q, want %q", got, code)
			}
		})
	}
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
