package handlers

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/code"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/rules"
)

// tokens are what differs in two pages that are otherwise the same.
var tokens = []*regexp.Regexp{
	regexp.MustCompile(`(name="(?:csrf_token|device_id|captcha|kept|captcha_picture|identity|sub)" value=")[^"]*`),
	regexp.MustCompile(`(<img class="captcha" src=")[^"]*`),
	regexp.MustCompile(`((?:flow|link)=)[A-Za-z0-9_-]+`),
	regexp.MustCompile(`(<p class="request">[^<]*<code>)[0-9a-f]{16}`),
	regexp.MustCompile(`("csrf_token":")[^"]*`),
}

// masked is a page without its tokens, and without what was typed.
func masked(p *page, typed ...string) string {
	body := p.body
	for _, token := range tokens {
		body = token.ReplaceAllString(body, "${1}…")
	}
	for _, t := range typed {
		body = strings.ReplaceAll(body, `value="`+t+`"`, `value="…"`)
	}
	return body
}

// visible are an answer's headers but for its date and the cookies' values.
func visible(p *page) http.Header {
	h := p.header.Clone()
	h.Del("Date")
	var cookies []string
	for _, c := range (&http.Response{Header: h}).Cookies() {
		cookies = append(cookies, fmt.Sprintf("%s of %d bytes", c.Name, len(c.Value)))
	}
	slices.Sort(cookies)
	h["Set-Cookie"] = cookies
	if loc := h.Get("Location"); loc != "" {
		h.Set("Location", tokens[2].ReplaceAllString(loc, "${1}…")+fmt.Sprint(" of ", len(loc), " bytes"))
	}
	return h
}

// TestRefusedPassword: both fields are marked, neither is blamed, and the message has the ways around.
func TestRefusedPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	p := b.submit(b.open("/sign-in"), fields{"username": "nobx", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	for _, name := range []string{"username", "password"} {
		n := p.byID(name)
		if attr(n, "aria-invalid") != "true" || p.fieldKey(name) != "" {
			t.Errorf("field %s: invalid %q, message %q; both are marked, neither is blamed", name, attr(n, "aria-invalid"), p.fieldKey(name))
		}
	}
	for _, to := range []string{"sign-in-sms", "reset-password"} {
		if p.find(func(n *htmlNode) bool {
			return n.Data == "a" && attr(n, "data-to") == to && attr(n.Parent, "class") == "ways"
		}) == nil {
			t.Errorf("the message has no way to %s", to)
		}
	}
}

// TestCaptchaTellsNothing: the captcha comes at the same try for everybody.
func TestCaptchaTellsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.register("x@example.com", "nopw", "")
	var want []string
	for i, username := range []string{"demo", "nobo", "nopw"} {
		b := s.browser().at(fmt.Sprintf("192.0.2.%d", i+1))
		p := b.open("/sign-in")
		var got []string
		for range 4 {
			p = b.submit(p, fields{"username": username, "password": "Wrong-pass-1"})
			got = append(got, fmt.Sprint(p.status, p.keys()), masked(p, username))
		}
		if i == 0 {
			want = got
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s differs from demo (-demo +this):\n%s", username, diff)
		}
	}
}

// TestBadInput: what a form finds wrong before anybody is asked.
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	code := sendCode(b, "/sign-in/email", fields{"email": "x@example.com"})
	calls := s.backend.count("")
	tests := []struct {
		name       string
		p          *page
		typed      fields
		field, key string
	}{
		{"no username", b.open("/sign-in"), fields{"username": " ", "password": "Some-pass-1"}, "username", "error.required.username"},
		{"no password", b.open("/sign-in"), fields{"username": "demo"}, "password", "error.required.password"},
		{"long username", b.open("/sign-in"), fields{"username": strings.Repeat("x", 255), "password": "Some-pass-1"}, "username", "error.too_long"},
		{"long password", b.open("/sign-in"), fields{"username": "demo", "password": strings.Repeat("密", 257)}, "password", "error.too_long"},
		{"no phone", b.open("/sign-in/sms"), fields{"phone_country": "CN", "phone_number": ""}, "phone_number", "error.required.phone_number"},
		{"letters", b.open("/sign-in/sms"), fields{"phone_country": "CN", "phone_number": "13800x38000"}, "phone_number", "error.phone"},
		{"short phone", b.open("/sign-in/sms"), fields{"phone_country": "CN", "phone_number": "1380013800"}, "phone_number", "error.phone"},
		{"no such country", b.open("/sign-in/sms"), fields{"phone_country": "ZZ", "phone_number": "13800138000"}, "phone_number", "error.phone_which"},
		{"no such calling code", b.open("/sign-up"), fields{"phone_country": "CN", "phone_number": "+999 13800138000"}, "phone_number", "error.phone"},
		{"no email", b.open("/sign-in/email"), fields{"email": ""}, "email", "error.required.email"},
		{"half an email", b.open("/sign-in/email"), fields{"email": "x@example"}, "email", "error.email"},
		{"two emails", b.open("/sign-up", "via=email"), fields{"email": "x@example.com,y@example.com"}, "email", "error.email"},
		{"email with a line break", b.open("/reset-password", "via=email"), fields{"email": "x@example.com\r\nBcc: y@example.com"}, "email", "error.email"},
		{"long email", b.open("/sign-in/email"), fields{"email": strings.Repeat("x", 250) + "@example.com"}, "email", "error.email"},
		{"no code", code, fields{"verification_code": " "}, "verification_code", "error.required.verification_code"},
		{"five digits", code, fields{"verification_code": "12345"}, "verification_code", "error.code_format"},
		{"letters for a code", code, fields{"verification_code": "abcdef"}, "verification_code", "error.code_format"},
		{"digits of elsewhere", code, fields{"verification_code": "१२३४५६"}, "verification_code", "error.code_format"},
		{"a very long code", code, fields{"verification_code": strings.Repeat("1", 5000)}, "verification_code", "error.code_format"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := b.on(t, s)
			p := b.submit(tt.p, tt.typed).want(http.StatusUnprocessableEntity, tt.p.name(), tt.key)
			if got := p.fieldKey(tt.field); got != tt.key {
				t.Errorf("field %s says %q, want %q", tt.field, got, tt.key)
			}
			n := p.byID(tt.field)
			if attr(n, "aria-invalid") != "true" || !strings.Contains(attr(n, "aria-describedby"), tt.field+"-error") {
				t.Errorf("field %s is not tied to its message", tt.field)
			}
			if p.byID("error-summary") != nil {
				t.Error("one wrong field has a summary")
			}
			for name, value := range tt.typed {
				switch name {
				case "username", "email", "phone_number":
					value = strings.TrimSpace(strings.NewReplacer("\r", " ", "\n", " ").Replace(value))
					p.wantValue(fields{name: value})
				case "phone_country":
					if value != "ZZ" {
						p.wantValue(fields{name: value})
					}
				}
			}
		})
	}
	if got := s.backend.count(""); got != calls {
		t.Errorf("TCB was called %d times", got-calls)
	}
}

// TestBrokenForms: forms that no page of ours sends.
func TestBrokenForms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	tests := []struct{ name, contentType, body string }{
		{"empty", "application/x-www-form-urlencoded", ""},
		{"no form", "text/plain", "username=demo&password=x"},
		{"JSON", "application/json", `{"username":"demo","password":"x"}`},
		{"multipart", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\ndemo\r\n--x--\r\n"},
		{"broken multipart", "multipart/form-data; boundary=x", "--y"},
		{"no text", "application/x-www-form-urlencoded", "username=%ff%fe&password=%c0%80"},
		{"in the query alone", "application/x-www-form-urlencoded", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := b.on(t, s)
			for _, path := range []string{"/sign-in", "/sign-in/sms", "/sign-in/email", "/sign-up", "/reset-password"} {
				want := http.StatusUnprocessableEntity
				if tt.contentType != "application/x-www-form-urlencoded" {
					want = http.StatusUnsupportedMediaType
				}
				resp := b.rawPage("POST " + s.base + path + "?" + entryQuery(appPage, "username=demo&password=x&email=x@example.com&phone_number=13800138000") +
					" HTTP/1.1\r\nHost: login.example.net\r\nOrigin: " + publicOrigin + "\r\nContent-Type: " + tt.contentType +
					fmt.Sprintf("\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(tt.body), tt.body))
				if resp.status != want || resp.name() != "error" && resp.byID("error-summary") == nil && len(resp.wrongFields()) == 0 {
					t.Errorf("%s: status %d, page %q, %q", path, resp.status, resp.name(), resp.keys())
				}
			}
			for name, value := range showsAgain {
				body := tt.body + "&form=no-such-form&" + name + "=" + value
				resp := b.rawPage("POST " + s.base + "/sign-in?" + entryQuery(appPage) + " HTTP/1.1\r\nHost: login.example.net\r\nOrigin: " + publicOrigin +
					"\r\nContent-Type: " + tt.contentType + fmt.Sprintf("\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body))
				if tt.contentType != "application/x-www-form-urlencoded" {
					resp.want(http.StatusUnsupportedMediaType, "error", "error.page.unreadable")
					continue
				}
				resp.want(http.StatusBadRequest, "error")
			}
		})
	}
	if got := s.backend.count(""); got != 0 {
		t.Errorf("TCB was called %d times", got)
	}
}

// TestRefusedSendsTellNothing: whatever TCB says of the account when it refuses
// to send a code, the page goes on as if it had.
func TestRefusedSendsTellNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	codes := slices.DeleteFunc(authclient.Codes(), func(code string) bool { return !refusal.AboutAccount(code) })
	var want string
	for _, path := range []string{"/sign-in/email", "/sign-up", "/reset-password"} {
		for i, code := range append([]string{""}, codes...) {
			b := s.browser().at(fmt.Sprintf("192.0.2.%d", i+1))
			s.backend.answer("", nil)
			if code != "" {
				s.backend.refuse("/v1/verification", http.StatusBadRequest, code)
			}
			p := b.post(b.open(path, "via=email"), fields{"email": strings.Trim(path, "/")[:5] + "@example.com"})
			got := fmt.Sprint(p.status, visible(p))
			page := b.follow(p)
			got += masked(page)
			if i == 0 {
				want = got
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s tells something that a code which was sent does not (-sent +refused):\n%.2000s", path, code, diff)
			}
			s.clock.advance(10 * time.Minute)
		}
	}
}

// TestFlowLengthTellsNothing: what TCB said of the account rides along in flow=,
// whose length anybody sees who has a code sent to somebody.
func TestFlowLengthTellsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rooms, err := newRooms(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rooms.site.SampleRequest(t.Context(), loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}, "en", "")
	if err != nil {
		t.Fatal(err)
	}
	spec := code.Spec{Name: "sign-in-email"}
	for n := 6; n <= rules.MaxIdentifier; n++ {
		step := code.Step{
			Email:          strings.Repeat("x", n-6) + "@ex.io",
			VerificationID: strings.Repeat("v", 43),
			CodeUntil:      s.clock.Now().Unix() + 600,
		}
		unknown, err := code.Seal(r, spec, &step)
		if err != nil {
			t.Fatal(err)
		}
		step.SetUser(true)
		known, err := code.Seal(r, spec, &step)
		if err != nil {
			t.Fatal(err)
		}
		if len(known) != len(unknown) {
			t.Errorf("for an address of %d characters flow= is %d long with an account and %d without", n, len(known), len(unknown))
		}
	}
}

// demanded are the codes by which TCB wants something besides a right password, and the pages that
// meet it: see factor_test.go and change_test.go.
var demanded = map[string]string{
	"failed_precondition": "change-password", "two_factor_required": "second-factor", "mfa_phone_required": "phone-needed",
}

// elsewhere are the codes that another way in may get around.
var elsewhere = []string{"unimplemented", "provider_not_enabled", "login_method_disabled", "login_type_disabled", "payment_required", "license_required"}

// TestEveryCode: each of TCB's codes has an answer in every language, and no
// page shows TCB's own words.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, code := range authclient.Codes() {
		out := refusal.Meaning(code)
		for _, l := range s.cfg.Messages.Locales() {
			if l.T(out.Key) == out.Key {
				t.Errorf("%s: %s has no message %s", code, l.Locale(), out.Key)
			}
		}
	}
	b := s.browser()
	for i, code := range append(authclient.Codes(), "a_code_of_tomorrow", "", "<script>alert(1)</script>") {
		if code == "captcha_required" || code == "captcha_invalid" {
			continue // asked in place, see captcha_test.go
		}
		s.backend.refuse("/v1/signin", http.StatusBadRequest, code)
		b := b.at(fmt.Sprintf("192.0.2.%d", i+1))
		who := fmt.Sprintf("person%d", i) // five refusals of one would want a picture
		p := b.submit(b.open("/sign-in"), fields{"username": who, "password": "Some-pass-1"})
		if name := demanded[code]; name != "" {
			if p.name() != name || p.form() == nil && p.link("sign-in") == "" {
				t.Errorf("%s leads to page %q, want %q with a way on", code, p.name(), name)
			}
			continue
		}
		if offers := p.find(func(n *htmlNode) bool {
			return n.Data == "a" && attr(n, "data-to") == "sign-in-email" && attr(n.Parent, "class") == "ways"
		}) != nil; slices.Contains(elsewhere, code) && !offers {
			t.Errorf("%s: the message has no other way in", code)
		}
		want := refusal.Meaning(code)
		if refusal.AboutAccount(code) || code == "invalid_argument" {
			want = refusal.Meaning("invalid_password")
		}
		switch {
		case code == "": // the number speaks for it
			want = refusal.Meaning("cancelled")
		case code == "unreachable" || strings.Contains(code, "<"): // no code of TCB's
			want = refusal.Meaning("unknown")
		case want.Key == "": // what nobody documents is a refusal, as its status says
			want = refusal.Meaning("invalid_argument")
		}
		if p.status != want.Status || p.name() != "sign-in" || !p.has(want.Key) {
			t.Errorf("%q answers %d with %q on page %q, want %d with %s", code, p.status, p.keys(), p.name(), want.Status, want.Key)
		}
		p.wantValue(fields{"username": who})
		if strings.Contains(p.body, "never to be shown") {
			t.Errorf("%s: TCB's own words are on the page", code)
		}
		if retry := p.header.Get("Retry-After"); (retry != "") != (want.Status == 429 || want.Status == 503) {
			t.Errorf("%s: status %d with Retry-After %q", code, want.Status, retry)
		}
		level := "INFO"
		if want.Status >= 500 {
			level = "ERROR"
		}
		if line := last(s.log.lines(t)); line.Level != level {
			t.Errorf("%s is logged as %+v", code, line)
		}
	}
	if strings.Contains(s.log.text(), "never to be shown") {
		t.Error("TCB's own words are in the log: they can repeat what people typed")
	}
}

// TestWaitingTimes: how long TCB says to wait is told in words and header.
func TestWaitingTimes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	for i, tt := range []struct {
		code, body, key, retry string
		n                      string
	}{
		{"resource_exhausted", `,"details":[{"retry_in":540}]`, "error.too_many_wait", "540", "540"},
		{"resource_exhausted", `,"details":[{"retry_delay":"1800s"}]`, "error.too_many_wait", "1800", "1800"},
		{"aborted", `,"retry_after":61`, "error.too_many_wait", "61", "61"},
		{"resource_exhausted", `,"retry_after":34`, "error.too_many_wait", "34", "34"},
		{"resource_exhausted", `,"retryAfter":1`, "error.too_many_wait", "1", "1"},
		{"resource_exhausted", ``, "error.too_many", "60", ""},
		{"resource_exhausted", `,"retry_after":-5`, "error.too_many", "60", ""},
		{"unavailable", `,"retry_after":7`, "error.unavailable", "7", ""},
	} {
		s.backend.answer("/v1/signin", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"error":%q%s}`, tt.code, tt.body)
		})
		b := b.at(fmt.Sprintf("192.0.2.%d", i+1))
		p := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Some-pass-1"})
		p.want(refusal.Meaning(tt.code).Status, "sign-in", tt.key).wantRetryAfter(tt.retry)
		if summary := textOf(p.byID("error-summary")); tt.n != "" && !strings.Contains(summary, " "+tt.n+" ") {
			t.Errorf("%s%s: %q does not say %s", tt.code, tt.body, summary, tt.n)
		}
	}
}
