package handlers

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"tcb-login/session"
)

// sealed seals values as another version of this program might have: any JSON, for this browser.
func (b *browser) sealed(purpose, value string) string {
	b.t.Helper()
	s := b.s
	at, err := url.Parse(b.origin + s.base + "/")
	if err != nil {
		b.t.Fatal(err)
	}
	var cookies []string
	for _, c := range b.client.Jar.Cookies(at) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	sessions, err := session.New(session.Config{Keys: [][]byte{sessionKey}, BasePath: s.base, Now: s.clock.Now, Deny: s.memory})
	if err != nil {
		b.t.Fatal(err)
	}
	own := sessions.Load(b.t.Context(), strings.Join(cookies, "; "), true)
	out, err := own.Seal(session.Scope{Env: "demo", Client: "demo"}, purpose, json.RawMessage(value), time.Minute)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// TestOtherShapes: a sealed value with members missing, of another type or unknown opens or costs a
// code; it never ends on an error page.
func TestOtherShapes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	const first, codePage, lost = "sign-in-email", "sign-in-email-code", "error.code_lost"
	b := s.browser()
	b.open("/sign-in/email")
	for value, want := range map[string]struct{ page, key string }{
		`{"email":"a@example.com","id":"x","user":0,"until":4102444800,"later":{"a":[1]}}`: {codePage, ""},
		`{"email":"a@example.com","id":"x"}`:                                               {codePage, "code.expired"},
		`{"email":"a@example.com","token":"x","user":1}`:                                   {first, "error.session_over"},
		`{"email":"a@example.com","until":4102444800}`:                                     {first, lost},
		`{"email":"a@example.com"}`:                                                        {first, lost},
		`{"email":"a@example.com","id":7}`:                                                 {first, lost},
		`{"to":"a@example.com","id":"x"}`:                                                  {first, lost},
		`{"email":"a@example.com","id":"x","sub":"somebody"}`:                              {first, lost},
		`{"email":"a@example.com","id":"x","user":true}`:                                   {first, lost},
		`{}`: {first, lost}, `[]`: {first, lost}, `null`: {first, lost}, `"text"`: {first, lost}, `5`: {first, lost},
	} {
		flow := b.sealed("flow sign-in-email", value)
		p := b.open("/sign-in/email", "flow="+flow).want(http.StatusOK, want.page)
		if keys := strings.Join(p.keys(), " "); !strings.Contains(keys, want.key) {
			t.Errorf("%s: the page says %s, want %s", value, keys, want.key)
		}
		form := p.filled(nil)
		form.Set("email", "b@example.com")
		form.Set("verification_code", "123456")
		if p := b.do(http.MethodPost, s.base+"/sign-in/email?"+entryQuery(appPage)+"&flow="+flow, form, nil); p.status >= 400 && p.status != http.StatusUnprocessableEntity || p.name() == "error" {
			t.Errorf("%s: a POST: status %d, page %q", value, p.status, p.name())
		}
	}
	// What goes along with a form or a link is left out, where it cannot be read.
	for _, value := range []string{`{}`, `[]`, `null`, `"text"`, `5`, `{"Action":5,"action":"resend","Token":{}}`, `{"t":"x","u":7}`} {
		p := b.open("/sign-in", "link="+b.sealed("link", value)).want(http.StatusOK, "sign-in")
		form := p.filled(fields{"username": "demo"})
		form.Set("captcha", b.sealed("captcha sign-in", value))
		form.Set("kept", b.sealed("kept sign-in", value))
		if p := b.do(http.MethodPost, p.action(), form, nil); p.name() != "sign-in" || p.status >= http.StatusInternalServerError {
			t.Errorf("%s: a form: status %d, page %q", value, p.status, p.name())
		}
	}
	b, _ = s.signedIn(t)
	for _, value := range []string{`{}`, `[]`, `null`, `{"Done":"email","Sub":7}`, `{"done":"nothing"}`} {
		b.open("/account", "done="+b.sealed("done", value)).want(http.StatusOK, "account")
		b.open("/account/providers", "link="+b.sealed("link", value)).want(http.StatusOK, "account-providers")
	}
}

// TestOlderSteps: what the version before sealed, for people who were on the way when it ended,
// opens, or costs a code. testdata/older.json was made by that version, with these tests' keys, at
// the time at which their clock begins.
func TestOlderSteps(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/older.json")
	if err != nil {
		t.Fatal(err)
	}
	var steps map[string]struct{ Cookie, Address string }
	if err := json.Unmarshal(data, &steps); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, withProvider)
	s.backend.captcha("never")
	s.clock.advance(2 * time.Minute)
	opens := map[string]string{
		"a code that was sent": "sign-in-email-code", "a code that was right": "sign-up-details", "back from a provider": "provider-return",
		"a step-up": "hand-off", // its account is another emulator's
	}
	for name, page := range opens {
		step, ok := steps[name]
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		b := s.browser().lax()
		b.forget() // the cookies are in the header
		b.header.Set("Cookie", step.Cookie)
		p, err := b.try(http.MethodGet, step.Address, nil, nil)
		if err != nil || p.status != http.StatusOK || p.name() != page {
			t.Errorf("%s: status %d, page %q, want %q: %v", name, status(p), p.name(), page, err)
			continue
		}
		if name == "a code that was sent" {
			p, err = b.try(http.MethodPost, p.action(), p.filled(fields{"verification_code": "123456"}), nil)
			if err != nil || p.status != http.StatusUnprocessableEntity || p.fieldKey("verification_code") != "error.code_wrong" {
				t.Errorf("%s: a code: status %d, %q, %v", name, status(p), p.keys(), err)
			}
		}
		// What cannot be opened costs a code.
		b.header.Set("Cookie", "x=y")
		p, err = b.try(http.MethodGet, step.Address, nil, nil)
		if err != nil || name != "back from a provider" && (p.status >= http.StatusBadRequest && p.status != http.StatusUnprocessableEntity) {
			t.Errorf("%s without its cookie: status %d, page %q, %v", name, status(p), p.name(), err)
		}
	}
}
