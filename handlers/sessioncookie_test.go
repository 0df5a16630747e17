package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tcb-login/identifier"
)

// TestCookies wants them word for word.
func TestCookies(t *testing.T) {
	t.Parallel()
	backend := newSite(t).backend
	for _, tt := range []struct{ origin, session, access, attributes string }{
		{publicOrigin, "__Host-tcb_login=", "__Secure-tcb_login_at_", "; HttpOnly; Secure; SameSite=Lax"},
		{"http://127.0.0.1:8080", "tcb_login=", "tcb_login_at_", "; HttpOnly; SameSite=Lax"},
	} {
		t.Run(tt.origin, func(t *testing.T) {
			s := newSite(t, func(c *siteConfig) { c.backend, c.settings.PublicOrigins = backend, []string{tt.origin} })
			b := s.browser()
			b.t, b.target = t, tt.origin+"/"
			p := b.open("/sign-in").want(http.StatusOK, "sign-in")
			set := p.header.Values("Set-Cookie")
			if len(set) != 1 || !strings.HasPrefix(set[0], tt.session) || !strings.HasSuffix(set[0], "; Path=/"+tt.attributes) {
				t.Errorf("Set-Cookie %q", set)
			}
			before := b.cookies()[0].Value
			p = b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword})
			p.completed()
			set = p.header.Values("Set-Cookie")
			if len(set) != 2 || !slices.ContainsFunc(set, func(c string) bool {
				return strings.HasPrefix(c, tt.session) && strings.HasSuffix(c, "; Path=/"+tt.attributes) && !strings.Contains(c, before)
			}) || !slices.ContainsFunc(set, func(c string) bool {
				return strings.HasPrefix(c, tt.access) && strings.HasSuffix(c, "; Path=/__auth; Max-Age=7200"+tt.attributes)
			}) {
				t.Errorf("Set-Cookie %q", set)
			}
			// What does not change is not sent again.
			if set := b.open("/sign-in").header.Values("Set-Cookie"); len(set) != 0 {
				t.Errorf("Set-Cookie %q on a page that changes nothing", set)
			}
			p = b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
			if !slices.ContainsFunc(p.header.Values("Set-Cookie"), func(c string) bool {
				return strings.HasPrefix(c, tt.access) && strings.HasSuffix(c, "=; Path=/__auth; Max-Age=0"+tt.attributes)
			}) {
				t.Errorf("sign-out leaves the access cookie: %q", p.header.Values("Set-Cookie"))
			}
		})
	}
}

// TestRotation: signing in and out changes the session, and a cookie copied
// before is worth nothing after.
func TestRotation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	inOtherTab := b.submit(b.open("/sign-in/email"), fields{"email": "one@example.com"}).want(http.StatusOK, "sign-in-email-code")
	before := b.open("/sign-in")
	thief := b.copy()
	b.submit(before, fields{"username": "demo", "password": demoPassword}).completed()
	if same(b, thief) {
		t.Fatal("the session cookie is the same after sign-in")
	}
	// Without the browser's word only the token would do, and it was of the old session.
	thief.fetch = fetchNothing
	values := before.filled(fields{"username": "demo", "password": demoPassword})
	s.clock.advance(repeatLife)
	old := thief.copy().do(http.MethodPost, before.action(), values, nil)
	old.want(http.StatusUnprocessableEntity, "sign-in", "error.stale_password")
	if len(old.header.Values("Set-Cookie")) == 0 {
		t.Error("an old cookie was not replaced")
	}
	calls := s.backend.count("/v1/verification/verify")
	code := fields{"verification_code": s.backend.code("one@example.com")}
	thief.fetch = fetchMetadata
	thief.copy().submit(inOtherTab, code).want(http.StatusUnprocessableEntity, "sign-in-email", "error.code_lost")
	if got := s.backend.count("/v1/verification/verify"); got != calls {
		t.Error("a flow was gone on with by the old cookie")
	}
	// Of the same browser the other tab goes on.
	afterFirst := b.copy()
	b.submit(inOtherTab, code).completed()
	if same(b, afterFirst) {
		t.Error("the session cookie is the same after the second sign-in")
	}

	// Sign-out voids everything, the browser's own flows too.
	s.clock.advance(time.Minute)
	another := b.submit(b.open("/sign-in/email"), fields{"email": "two@example.com"}).want(http.StatusOK, "sign-in-email-code")
	signedIn := b.copy()
	b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	if same(b, signedIn) {
		t.Error("the session cookie is the same after sign-out")
	}
	b.submit(another, fields{"verification_code": s.backend.code("two@example.com")}).want(http.StatusUnprocessableEntity, "sign-in-email", "error.code_lost")
	revoked := s.backend.count("/v1/user/signout")
	signedIn.submit(signedIn.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	if got := s.backend.count("/v1/user/signout"); got != revoked {
		t.Error("the access cookie opens under a session that has ended")
	}
	// After 12 hours a session is over by itself.
	s.clock.advance(12 * time.Hour)
	if p := b.open("/sign-in"); len(p.header.Values("Set-Cookie")) != 1 {
		t.Error("a session lives for more than 12 hours")
	}
}

// same reports whether two browsers have the same session cookie.
func same(a, b *browser) bool {
	session := func(b *browser) string {
		for _, c := range b.cookies() {
			if strings.HasSuffix(c.Name, "tcb_login") {
				return c.Value
			}
		}
		return ""
	}
	return session(a) == session(b)
}

// TestForeignFlows: a step under way belongs to one browser, environment,
// client and purpose, and to nobody who changes it.
func TestForeignFlows(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	code := b.submit(b.open("/sign-in/email"), fields{"email": "one@example.com"}).want(http.StatusOK, "sign-in-email-code")
	right := fields{"verification_code": s.backend.code("one@example.com")}
	u, err := url.Parse(code.action())
	if err != nil {
		t.Fatal(err)
	}
	flow := u.Query().Get("flow")
	if len(flow) < 100 {
		t.Fatalf("flow=%q", flow)
	}
	calls := s.backend.count("")
	refused := func(name string, b *browser, path, query string) {
		t.Helper()
		target := s.base + path + "?" + query
		p := b.do(http.MethodPost, target, code.filled(right), nil)
		if p.status != http.StatusUnprocessableEntity || !p.has("error.code_lost") || strings.HasSuffix(p.name(), "-code") {
			t.Errorf("%s: POST: status %d, page %q, messages %q", name, p.status, p.name(), p.keys())
		}
		if _, has := p.controls()["email"]; has {
			p.wantValue(fields{"email": "one@example.com"}) // what it costs is another code, not the typing
		}
		p = b.do(http.MethodGet, target, nil, nil)
		if p.status != http.StatusOK || strings.HasSuffix(p.name(), "-code") || !p.has("error.code_lost") {
			t.Errorf("%s: GET: status %d, page %q, messages %q", name, p.status, p.name(), p.keys())
		}
	}
	other := s.browser()
	other.open("/")
	refused("another browser", other, "/sign-in/email", entryQuery(appPage, "flow="+flow))
	refused("no cookies", s.browser(), "/sign-in/email", entryQuery(appPage, "flow="+flow))
	refused("another client", b, "/sign-in/email", strings.Replace(entryQuery(appPage, "flow="+flow), "client_id=demo", "client_id=second", 1))
	refused("another environment", b, "/sign-in/email", "env_id=other&client_id=other&redirect_uri="+url.QueryEscape(appPage)+"&flow="+flow)
	refused("another purpose", b, "/sign-up", entryQuery(appPage, "via=email", "flow="+flow))
	refused("another purpose", b, "/reset-password", entryQuery(appPage, "via=email", "flow="+flow))
	refused("another way", b, "/sign-in/sms", entryQuery(appPage, "flow="+flow))
	for _, at := range []int{0, 10, 32, 33, len(flow) / 2, len(flow) - 1} {
		if at == len(flow)-1 && len(flow)%4 != 0 {
			at-- // the last character's lower bits may be padding
		}
		refused("changed", b, "/sign-in/email", entryQuery(appPage, "flow="+flip(flow, at)))
	}
	refused("cut short", b, "/sign-in/email", entryQuery(appPage, "flow="+flow[:len(flow)-4]))
	refused("longer", b, "/sign-in/email", entryQuery(appPage, "flow="+flow+"AAAA"))
	refused("nonsense", b, "/sign-in/email", entryQuery(appPage, "flow=x"))
	if got := s.backend.count(""); got != calls {
		t.Errorf("TCB was called %d times", got-calls)
	}
	// The target is no part of the flow: it is judged with every request anyway.
	b.do(http.MethodPost, s.base+"/sign-in/email?"+entryQuery("https://evil.example/", "flow="+flow), code.filled(right), nil).
		want(http.StatusBadRequest, "error", "error.page.redirect")
	b.submit(code, right).completed()
}

// TestDeviceID: TCB is told the browser's device_id, or one that stays the same.
func TestDeviceID(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	told := func() string { return last(s.backend.callsTo("/v1/signin")).header.Get("X-Device-Id") }
	wrong := fields{"username": "nobody", "password": "Wrong-pass-1"}
	first := b.open("/sign-in")
	made := first.value("device_id")
	if !identifier.IsDeviceID(made) || b.open("/sign-up").value("device_id") != made || s.browser().open("/").value("device_id") == made {
		t.Errorf("device_id %q must be one per session", made)
	}
	for _, tt := range []struct{ typed, want string }{
		{"0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"},
		{"0123456789abcdeF", "0123456789abcdeF"},
		{"0b5e2f6a-5f0b-4a53-9d1c-1f0c3a5b7d9e", "0b5e2f6a-5f0b-4a53-9d1c-1f0c3a5b7d9e"},
		{"short", made},
		{strings.Repeat("a", 49), made},
		{"0123456789abcdef\r\nX-Evil: 1", made},
		{"", made},
	} {
		p := b.at("192.0.2."+string(rune('1'+len(tt.typed)%9))).submit(first, fields{"device_id": tt.typed, "username": wrong["username"] + tt.typed[:min(3, len(tt.typed))], "password": wrong["password"]})
		p.want(http.StatusUnprocessableEntity, "sign-in")
		if got := told(); got != tt.want {
			t.Errorf("device_id %q: TCB was told %q, want %q", tt.typed, got, tt.want)
		}
		if got := p.value("device_id"); got != tt.want {
			t.Errorf("device_id %q: the next form has %q, want %q", tt.typed, got, tt.want)
		}
	}
}

// TestSealedFields: the captcha and a kept password belong to one browser, environment, client and
// form.
func TestSealedFields(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always")
	b := s.browser()
	asked := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	if asked.value("kept") == "" || asked.value("captcha") == "" {
		t.Fatal("the form keeps neither password nor picture")
	}
	other := s.browser()
	page := other.open("/sign-in")
	values := page.filled(fields{"username": "demo"})
	values.Set("kept", asked.value("kept"))
	p := other.do(http.MethodPost, page.action(), values, nil).want(http.StatusUnprocessableEntity, "sign-in")
	if p.fieldKey("password") != "error.required.password" {
		t.Errorf("another browser opened a kept password: %q", p.keys())
	}
	for name, query := range map[string]string{
		"client":      strings.Replace(entryQuery(appPage), "client_id=demo", "client_id=second", 1),
		"environment": "env_id=other&client_id=other&redirect_uri=" + url.QueryEscape(appPage),
	} {
		p := b.do(http.MethodPost, s.base+"/sign-in?"+query, asked.filled(fields{"captcha_key": s.backend.key()}), nil)
		if p.want(http.StatusUnprocessableEntity, "sign-in").fieldKey("password") != "error.required.password" || p.picture() != "" {
			t.Errorf("another %s: messages %q, picture %v", name, p.keys(), p.picture() != "")
		}
	}
	// Five minutes, no more.
	s.clock.advance(4*time.Minute + 59*time.Second)
	key := fields{"captcha_key": s.backend.key()}
	late := b.copy()
	s.clock.advance(time.Second)
	if p := late.submit(asked, key).want(http.StatusUnprocessableEntity, "sign-in"); p.fieldKey("password") != "error.required.password" {
		t.Errorf("a password was kept for more than five minutes: %q", p.keys())
	}
}

// TestManyLogins: the logins of several clients, with the longest tokens that
// TCB issues, must not add up to more than a request may carry: nobody could
// get out of that again.
func TestManyLogins(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	s.backend.answer("/v1/signin", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"token_type":"Bearer","access_token":%q,"refresh_token":"m.one-that-nobody-has","expires_in":7200,"sub":"me"}`, strings.Repeat("t", 4096))
	})
	for _, ids := range []string{"env_id=demo&client_id=demo", "env_id=demo&client_id=second", "env_id=other", "env_id=north"} {
		p := b.get(s.base + "/sign-in?" + ids + "&redirect_uri=" + url.QueryEscape(appPage))
		if p.status != http.StatusOK {
			t.Fatalf("%s: status %d; the browser sends %d cookies", ids, p.status, len(b.cookies()))
		}
		b.submit(p, fields{"username": "demo", "password": demoPassword}).completed()
	}
	b.open("/sign-in").want(http.StatusOK, "sign-in")
	b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
}
