package handlers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tcb-login/audit"
)

// hashes are those of lines.
var hashes = regexp.MustCompile(`"(request_id|trace_id|person|identifier|session|texts)":"[0-9a-f]*"`)

var auditKey = audit.Key{ID: "test", Bytes: []byte("an audit key of the handlers' own tests")}

// auditSchema is the schema of a line.
var auditSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(audit.Schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("audit.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("audit.json")
})

// audited is a line of the audit log, as far as tests look at it.
type audited struct {
	Event, Outcome, Reason, Code, Method, What, Flow, Rule, Texts, Provider string
	Calling                                                                 string `json:"calling_code"`
	Person, Identifier, Session, Address                                    string
	EnvID                                                                   string `json:"env_id"`
	RequestID                                                               string `json:"request_id"`
}

// checkAudit looks at each line that a test has brought about: it is of the schema, and holds no
// secret and nobody's name.
func (s *site) checkAudit() {
	s.t.Helper()
	schema := mustLoad(s.t, auditSchema)
	for line := range strings.Lines(s.audit.text()) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err == nil {
			err = schema.Validate(v)
		}
		if err != nil {
			s.t.Errorf("a line that is none of the schema: %s%v", line, err)
		}
	}
	// Hashes are random to look at, and six of their digits may be a code's.
	text := hashes.ReplaceAllString(s.audit.text(), "")
	s.mu.Lock()
	defer s.mu.Unlock()
	for what, values := range s.secrets {
		for _, secret := range values {
			if strings.Contains(text, secret) {
				s.t.Errorf("the audit log holds %s (%q)", what, secret)
			}
		}
	}
	for _, name := range []string{"demo@example", "13800138000", "13900139000", `"wang"`} {
		if strings.Contains(text, name) {
			s.t.Errorf("the audit log names %s", name)
		}
	}
}

func (s *site) audited() (lines []audited) {
	s.t.Helper()
	for line := range strings.Lines(s.audit.text()) {
		var l audited
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// TestAuditLog walks all flows over HTTP, and looks for what is on record of each.
func TestAuditLog(t *testing.T) {
	t.Parallel()
	all := map[string]int{} // event outcome method what → lines
	seen := func(s *site) {
		t.Helper()
		for _, l := range s.audited() {
			all[strings.Join(slices.DeleteFunc([]string{l.Event, l.Outcome, l.Method, l.What, l.Reason}, func(s string) bool { return s == "" }), " ")]++
			if l.RequestID == "" || l.Address == "" || l.EnvID != "demo" || l.Session == "" {
				t.Errorf("a line that does not say where it comes from: %+v", l)
			}
		}
	}
	for _, walk := range []func(*testing.T) *site{walkPasswords, walkCodes, walkPortal, walkProviders, walkDemands, walkEnds, walkOthers} {
		seen(walk(t))
	}
	for _, want := range []string{
		"sign_in ok password", "sign_in refused password tcb_refused", "sign_in refused password limit", "sign_in failed password tcb_broken",
		"sign_in ok sms", "sign_in ok email", "sign_in ok sign_up", "sign_in ok provider", "sign_in ok qr", "sign_in ok anonymous",
		"sign_in ok second_factor", "sign_in incomplete password tcb_refused", "sign_in ok new_password",
		"account_made ok email", "code_sent ok sms", "code_sent ok email", "code_sent withheld email code_withheld",
		"code_checked ok sms", "code_checked ok email", "code_checked refused email tcb_refused",
		"step_up ok password", "step_up refused password tcb_refused", "step_up ok sms",
		"method_changed ok password", "method_changed ok email", "method_changed ok phone", "method_changed ok username",
		"method_changed ok provider_linked", "method_changed ok provider_unlinked",
		"hand_off ok", "session_ended ok sign_out", "session_ended ok device", "session_ended ok everywhere", "session_ended ok guessing",
		"account_deleted ok", "data_exported ok", "limit_hit refused", "consent ok", "authorized ok device_code", "authorized ok code",
	} {
		if all[want] == 0 {
			t.Errorf("no line %q; there are\n%s", want, strings.Join(slices.Sorted(maps.Keys(all)), "\n"))
			return
		}
	}
}

func walkPasswords(t *testing.T) *site {
	s := newSite(t)
	b, login := s.signedIn(t)
	if l := last(s.audited()); l.Person != auditKey.Person("demo", login.Credentials.Sub) || l.Identifier != auditKey.Identifier("demo", "DEMO ") {
		t.Errorf("a sign-in is on record as %+v", l)
	}
	p := b.open("/sign-in")
	for range 5 {
		p = b.submit(p, fields{"username": "somebody", "password": "Wrong-pass-1"})
		s.clock.advance(11 * time.Second)
	}
	p.want(http.StatusTooManyRequests, "sign-in")
	if l := last(s.audited()); l.Event != "limit_hit" || l.Rule != "password" {
		t.Errorf("a limit is on record as %+v", l)
	}
	s.backend.answer("", html500)
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusBadGateway, "sign-in")
	s.backend.answer("", nil)
	return s
}

func walkCodes(t *testing.T) *site {
	s := newSite(t)
	s.backend.register(knownPhone, "", "")
	b := s.browser()
	p := sendCode(b, "/sign-in/sms", fields{"phone_country": "CN", "phone_number": "13800138000"})
	if l := last(s.audited()); l.Calling != "86" || l.Flow != "sign-in-sms" || l.Identifier != auditKey.Identifier("demo", knownPhone) {
		t.Errorf("a code is on record as %+v", l)
	}
	b.submit(p, fields{"verification_code": s.backend.code(knownPhone)}).completed()
	p = sendCode(b, "/sign-in/email", fields{"email": demoEmail})
	p = b.submit(p, fields{"verification_code": "000000"})
	b.submit(p, fields{"verification_code": s.backend.code(demoEmail)}).completed()
	other := s.browser()
	p = sendCode(other, "/sign-up", fields{"email": "new@example.com"})
	p = other.submit(p, fields{"verification_code": s.backend.code("new@example.com")})
	other.submit(p, fields{"name": "New", "password": "Quiet-river-4"}).completed()
	sendCode(other, "/reset-password", fields{"email": "nobody@example.com"}) // withheld, and the page is the same
	s.clock.advance(2 * time.Minute)
	p = sendCode(other, "/reset-password", fields{"email": demoEmail})
	p = other.submit(p, fields{"verification_code": s.backend.code(demoEmail)})
	other.submit(p, fields{"new_password": "Fresh-pass-2"}).completed()
	return s
}

func walkPortal(t *testing.T) *site {
	s := newSite(t)
	b, login := s.signedIn(t)
	p := b.open("/account/password").want(http.StatusOK, "step-up-password")
	p = b.submit(p, fields{"password": "Wrong-pass-1"})
	p = b.submit(p, fields{"password": demoPassword}).want(http.StatusOK, "account-password")
	done := b.submit(p, fields{"new_password": "Quiet-river-7"}).want(http.StatusOK, "account")
	b.get(done.url.String()).want(http.StatusOK, "account") // what is said once is no limit
	for _, l := range s.audited() {
		if l.Event == "limit_hit" {
			t.Errorf("a page that is loaded again is on record: %+v", l)
		}
	}
	p = b.open("/account/data")
	b.do(http.MethodPost, p.action(), p.filled(nil), nil)
	b.submit(b.open("/account/username"), fields{"username": "demo.two"}).want(http.StatusOK, "account")
	p = b.submit(b.open("/account/email"), fields{"email": "other@example.com"})
	b.submit(p, fields{"verification_code": s.backend.code("other@example.com")}).want(http.StatusOK, "account")
	p = b.submit(b.open("/account/phone"), fields{"phone_country": "CN", "phone_number": "13900139000"})
	b.submit(p, fields{"verification_code": s.backend.code(newPhone)}).want(http.StatusOK, "account")
	for _, l := range s.audited() {
		if l.Event == "method_changed" && l.Person != auditKey.Person("demo", login.Credentials.Sub) {
			t.Errorf("whose it is: %+v", l)
		}
	}
	// A login that the app has, and from it a step-up by a code, for there is a number now.
	s.clock.advance(20 * time.Minute)
	other := s.browser()
	page := other.open("/account").want(http.StatusOK, "hand-off")
	if status, _ := other.handOver(page, map[string]string{"access_token": login.Credentials.AccessToken}, http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {publicOrigin}}); status != http.StatusOK {
		t.Fatalf("hand-off: %d", status)
	}
	p = other.open("/account/password")
	p = other.submit(p, nil)
	other.submit(p, fields{"verification_code": s.backend.code(newPhone)}).want(http.StatusOK, "account-password")
	return s
}

func walkProviders(t *testing.T) *site {
	s := newSite(t, withProvider)
	b := s.browser()
	b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-1", "p-1@example.com").completed()
	if l := last(s.audited()); l.Provider != "demo" {
		t.Errorf("a provider's sign-in is on record as %+v", l)
	}
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	other := s.browser()
	p := other.get(other.consent(other.toProvider(other.open("/sign-in"), "demo"), "allow", "p-2", ""))
	p = other.click(other.submit(p, nil).want(http.StatusOK, "provider-unknown"), "sign-in")
	done := other.submit(p, fields{"username": "demo", "password": demoPassword}).completed()
	other.submit(other.get(done.RedirectURI).want(http.StatusOK, "account-bind"), nil).want(http.StatusOK, "interstitial")
	other.stepUp("/account/username", demoPassword)
	other.press(other.open("/account/providers"), "action=unlink:demo", nil).want(http.StatusOK, "account-providers")
	return s
}

func walkDemands(t *testing.T) *site {
	s := withBoth(t)
	b := s.browser()
	p := b.submit(b.half("both", bothPassword), nil).want(http.StatusOK, "second-factor-code")
	b.submit(p, fields{"verification_code": s.backend.code(bothPhone)}).completed()
	return s
}

func walkEnds(t *testing.T) *site {
	s := newSite(t)
	s.backend.register("stolen@example.com", "stolen", bothPassword)
	for _, device := range []string{"a", "b"} {
		b := s.browser()
		p := b.open("/sign-in")
		values := p.filled(fields{"username": "demo", "password": demoPassword})
		values.Set("device_id", strings.Repeat(device, 32))
		b.do(http.MethodPost, p.action(), values, nil).completed()
		if device == "b" {
			b.press(b.open("/account/sessions"), "action=others", nil).want(http.StatusOK, "account-sessions")
			b.press(b.open("/account/sessions"), "action=everywhere", nil).want(http.StatusOK, "interstitial")
		}
	}
	b, _ := s.signedIn(t)
	b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	stolen := s.browser()
	stolen.submit(stolen.open("/sign-in"), fields{"username": "stolen", "password": bothPassword}).completed()
	s.backend.captcha("never")
	for i := 0; ; i++ {
		b := stolen.at(fmt.Sprintf("198.51.100.%d", i/3)) // each with a share of its own
		p := b.submit(b.open("/account/password"), fields{"password": fmt.Sprintf("Wrong-pass-%d", i)})
		if p.name() == "interstitial" {
			break
		}
		if i > 20 {
			t.Fatalf("the login goes on: %d %s %q", p.status, p.name(), p.keys())
		}
	}
	gone, _ := s.signedIn(t)
	gone.submit(gone.stepUp("/account/delete", demoPassword), fields{"confirm": "delete"}).want(http.StatusOK, "goodbye")
	return s
}

func walkOthers(t *testing.T) *site {
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"web": webMethods("__password", "email"),
		"agreement": map[string]any{"enable": true, "items": []map[string]any{
			{"label": "User agreement", "enable": true, "value": "<p>Be kind.</p>"},
		}},
		"tcbLogin": map[string]any{"anonymous": true},
	})}))
	b := s.browser()
	b.pressWay(b.open("/"), "anonymous", fields{"agreement": "yes"}).completed()
	if l := last(s.audited()); l.Event != "consent" || len(l.Texts) != 32 {
		t.Errorf("consent is on record as %+v", l)
	}
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword, "agreement": "yes"}).completed()
	b.submit(b.open(devicePath, "user_code="+s.device(t, "demo").code.UserCode), nil).want(http.StatusOK, "device-done")
	q := newSite(t, withQR)
	b = q.browser()
	p := b.showQR()
	_, address := q.backend.phone(t)
	q.backend.scan(t, address)
	q.backend.onPhone(t, address, "allow", "open-1")
	b.pressTo(b.pressTo(p, "check"), "enter").completed()
	app := q.codeApp(t, "demo", "openid")
	app.code(q.browser())
	_, _ = s.audit.Write([]byte(q.audit.text())) // both are looked at
	return s
}
