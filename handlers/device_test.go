package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
)

// A device waits for somebody to let it in.
type device struct {
	t      testing.TB
	client *authclient.Client
	code   *authclient.DeviceCode
}

// device starts one of a client's of the environment demo.
func (s *site) device(t testing.TB, clientID string) *device {
	t.Helper()
	client, err := authclient.New(authclient.Config{Env: "demo", ClientID: clientID, Endpoint: s.backend.srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	code, err := client.DeviceAuthorize(context.WithoutCancel(t.Context()), "")
	if err != nil {
		t.Fatal(err)
	}
	return &device{t, client, code}
}

// sub is who the device is signed in as, empty while it waits.
func (d *device) sub() string {
	d.t.Helper()
	got, err := d.client.GrantToken(d.t.Context(), authclient.GrantTokenRequest{GrantType: "device_code", DeviceCode: d.code.DeviceCode})
	if err != nil {
		return ""
	}
	return got.Sub
}

const devicePath = entry.PathDevice

func TestDevice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, login := s.signedIn(t)
	d := s.device(t, "demo")

	// A code that came with the address is compared.
	p := b.open(devicePath, "user_code="+d.code.UserCode).want(http.StatusOK, "device", "device.warning")
	for _, shown := range []string{d.code.UserCode, "demo", "Demo"} {
		if !strings.Contains(p.text(), shown) {
			t.Errorf("the page does not show %q", shown)
		}
	}
	if got := p.value("user_code"); got != d.code.UserCode || p.byID("user_code") != nil {
		t.Errorf("the form has the code %q", got)
	}
	if d.sub() != "" || s.backend.count("/v1/user/device/authorize") != 0 {
		t.Fatal("the device is let in by a look")
	}
	s.clock.advance(time.Minute)
	p = b.submit(p, nil).want(http.StatusOK, "device-done")
	if strings.Contains(p.url.RawQuery, "user_code") {
		t.Errorf("the code stays in the address %s", p.url)
	}
	if got := d.sub(); got != login.Credentials.Sub {
		t.Errorf("the device is signed in as %q, want %q", got, login.Credentials.Sub)
	}
	if call := last(s.backend.callsTo("/v1/user/device/authorize")); call.body != `{"user_code":"`+d.code.UserCode+`","client_id":"demo"}` {
		t.Errorf("TCB was told %s", call.body)
	}
	b.get(p.url.String()).want(http.StatusOK, "device-done") // for a while, in another language say
	b.get(p.switched("zh-CN")).want(http.StatusOK, "device-done")
	s.clock.advance(3 * time.Minute)
	b.get(p.url.String()).want(http.StatusOK, "device")
	b.click(p, "account-sessions").want(http.StatusOK, "account-sessions")

	// One that is typed is read however it is written.
	d = s.device(t, "demo")
	p = b.open(devicePath).want(http.StatusOK, "device")
	typed := strings.ToLower(strings.Replace(d.code.UserCode, "-", " ", 1))
	b.submit(p, fields{"user_code": typed}).want(http.StatusOK, "device-done")
	if got := d.sub(); got != login.Credentials.Sub {
		t.Errorf("typed: the device is signed in as %q", got)
	}
}

func TestDeviceRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	d := s.device(t, "demo")
	p := b.open(devicePath, "user_code="+d.code.UserCode)
	calls := s.backend.count("")
	end := b.press(p, "action=no", nil).want(http.StatusOK, "device-refused")
	if !strings.Contains(end.text(), "expire") {
		t.Error("nobody says that the code expires")
	}
	for _, call := range s.backend.callsTo("")[calls:] {
		if call.path != "/v1/user/me" {
			t.Errorf("no has called %s", call.path)
		}
	}
	if d.sub() != "" {
		t.Error("the device is let in")
	}
	// The same code can still be said yes to: nothing has been done with it.
	b.submit(b.open(devicePath, "user_code="+d.code.UserCode), nil).want(http.StatusOK, "device-done")
}

// TestDeviceCodes: each code that lets nobody in has an answer of its own.
func TestDeviceCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	used, late, other := s.device(t, "demo"), s.device(t, "demo"), s.device(t, "second")
	b.submit(b.open(devicePath, "user_code="+used.code.UserCode), nil).want(http.StatusOK, "device-done")
	try := func(code, key string) *page {
		t.Helper()
		s.clock.advance(repeatLife) // it is not the first POST's outcome
		p := b.open(devicePath, "user_code="+url.QueryEscape(code)).want(http.StatusOK, "device")
		p = b.submit(p, fields{"user_code": code}).want(http.StatusUnprocessableEntity, "device", key)
		if p.fieldKey("user_code") != key {
			t.Errorf("%s: the field says %q, want %q", code, p.fieldKey("user_code"), key)
		}
		if p.byID("user_code") == nil {
			t.Errorf("%s: another code cannot be typed", code)
		}
		return p
	}
	try(used.code.UserCode, "device.used")
	try("XXXX-XXXX", "device.wrong")
	try(other.code.UserCode, "device.wrong") // of another client than the page names
	s.clock.advance(10 * time.Minute)
	b.t = t
	try(late.code.UserCode, "device.expired")
	if other.sub() != "" {
		t.Error("a device of another client is let in")
	}
	calls := s.backend.count("/v1/user/device/authorize")
	for typed, key := range map[string]string{"": "error.required.user_code", "no code!": "device.form", strings.Repeat("A", 8<<10): "device.form"} {
		b.submit(b.open(devicePath), fields{"user_code": typed}).want(http.StatusUnprocessableEntity, "device", key)
	}
	if got := s.backend.count("/v1/user/device/authorize"); got != calls {
		t.Error("TCB was asked about what can be no code")
	}

	// What TCB may say beside.
	for code, want := range map[string]struct {
		status int
		key    string
	}{
		"not_found": {422, "device.wrong"}, "invalid_grant": {422, "device.wrong"}, "already_exists": {422, "device.used"},
		"permission_denied": {422, "error.access_denied"}, "unavailable": {503, "error.unavailable"},
	} {
		s.clock.advance(10 * time.Minute)
		b, _ = s.signedIn(t)
		s.backend.refuse("/v1/user/device/authorize", 400, code)
		b.submit(b.open(devicePath, "user_code=WDJB-MJHX"), nil).want(want.status, "device", want.key)
		s.backend.answer("", nil)
	}
}

// TestDeviceAddress: whatever stands in the address, the page asks for a code, and shows nothing else
// of it.
func TestDeviceAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	for _, tt := range []struct {
		query string
		code  string // compared
		alert bool
	}{
		{"user_code=WDJB-MJHX&user_code=EVIL-CODE", "WDJB-MJHX", false},
		{"user_code=wdjbmjhx", "WDJB-MJHX", false},
		{"user_code[]=WDJB-MJHX", "", false},
		{"user_code=", "", false},
		{"user_code=%3Cb%3Ehello", "", true},
		{"user_code=%FF%FE", "", true},
		{"user_code=WDJB%00MJHX", "", true},
		{"user_code=" + strings.Repeat("A", 4<<10), "", true},
		{"client_name=Your%20Bank&name=Your%20Bank&user_code=WDJB-MJHX", "WDJB-MJHX", false},
	} {
		p := b.open(devicePath, tt.query).want(http.StatusOK, "device")
		compared := ""
		if p.byID("user_code") == nil {
			compared = p.value("user_code")
		}
		if compared != tt.code || p.has("device.bad_link") != tt.alert || strings.Contains(p.text(), "Your Bank") || strings.Contains(p.text(), "hello") {
			t.Errorf("%.60s: compared %q, alert %v", tt.query, compared, p.has("device.bad_link"))
		}
	}
	b.open(devicePath, "user_code="+strings.Repeat("A", 8<<10)).want(http.StatusBadRequest, "error", "error.page.too_large")
	// Another code is typed without the one that came.
	p := b.click(b.open(devicePath, "user_code=WDJB-MJHX"), "device").want(http.StatusOK, "device")
	if p.byID("user_code") == nil || strings.Contains(p.url.RawQuery, "user_code") {
		t.Errorf("at %s no code can be typed", p.url)
	}
	// Neither another language nor a stale token loses what was typed or compared.
	for query, lang := range map[string]string{"user_code=WDJB-MJHX": "zh-CN", "": "ja"} {
		p := b.open(devicePath, query)
		p = b.press(p, "lang="+lang, fields{"user_code": "wdjb-mjhx"}).want(http.StatusOK, "device")
		if p.lang() != lang || p.value("user_code") != "WDJB-MJHX" || (p.byID("user_code") == nil) != (query != "") {
			t.Errorf("%q: in another language the code is %q", query, p.value("user_code"))
		}
	}
}

// TestDeviceAfterSignIn: whoever is not signed in comes back with the code, through everything that
// sign-in has.
func TestDeviceAfterSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.device(t, "demo")
	b := s.browser()
	p := b.open(devicePath, "user_code="+d.code.UserCode).want(http.StatusOK, "hand-off")
	p = b.click(p, "sign-in").want(http.StatusOK, "sign-in")
	p = b.press(p, "lang=zh-CN", nil).want(http.StatusOK, "sign-in")
	p = b.submit(p, fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in")
	complete := b.submit(p, fields{"username": "demo", "password": demoPassword})
	done := complete.completed()
	p = b.get(done.RedirectURI).want(http.StatusOK, "device")
	if p.value("user_code") != d.code.UserCode {
		t.Errorf("the page has the code %q", p.value("user_code"))
	}
	// Without script there is a link to it.
	next := regexp.MustCompile(`<noscript>(?s:.*)<a href="([^"]*)" data-to="next">`).FindStringSubmatch(complete.body)
	if next == nil {
		t.Fatal("the page has no link for who has no script")
	}
	b.get(html.UnescapeString(next[1])).want(http.StatusOK, "device")
	b.submit(p, nil).want(http.StatusOK, "device-done")
	if d.sub() == "" {
		t.Error("the device is not let in")
	}
}

// TestDeviceStepUp: a sign-in or a step-up on our own pages, and no older than fifteen minutes, comes
// before the page and before its POST.
func TestDeviceStepUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	own, login := s.signedIn(t)
	d := s.device(t, "demo")
	address := "user_code=" + d.code.UserCode

	// A login that the app handed over says nothing of when it began.
	b := s.browser()
	if status, out := b.handOver(b.open("/account"), map[string]string{"access_token": login.Credentials.AccessToken}, nil); status != http.StatusOK {
		t.Fatalf("%d %+v", status, out)
	}
	p := b.open(devicePath, address).want(http.StatusOK, "step-up-password")
	p = b.submit(p, fields{"password": demoPassword}).want(http.StatusOK, "device")
	if p.value("user_code") != d.code.UserCode {
		t.Errorf("after the step-up the code is %q", p.value("user_code"))
	}

	// Fifteen minutes are the end of it, on the way to the POST too, which does nothing then; what was
	// typed is not lost.
	typing := own.open(devicePath).want(http.StatusOK, "device")
	s.clock.advance(15*time.Minute - time.Second)
	own.open(devicePath, address).want(http.StatusOK, "device")
	s.clock.advance(time.Second)
	own.open(devicePath, address).want(http.StatusOK, "step-up-password")
	calls := s.backend.count("/v1/user/device/authorize")
	asked := own.submit(typing, fields{"user_code": strings.ToLower(d.code.UserCode)}).want(http.StatusOK, "step-up-password")
	if s.backend.count("/v1/user/device/authorize") != calls {
		t.Error("TCB is asked before the step-up")
	}
	p = own.submit(asked, fields{"password": demoPassword}).want(http.StatusOK, "device")
	if p.byID("user_code") != nil || p.value("user_code") == "" {
		t.Error("what was typed is lost")
	}

	// TCB may call a step-up valid for longer: that does not count here, and nobody goes round.
	s.clock.advance(time.Hour)
	s.backend.answer("/v1/user/sudo", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"sudo_token":"sudo-for-long","expires_in":7200}`)
	})
	own, _ = s.signedIn(t)
	own.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	s.clock.advance(16 * time.Minute)
	own.open("/account/password").want(http.StatusOK, "account-password")
	own.open(devicePath).want(http.StatusOK, "step-up-password")
	s.backend.answer("", nil)
}

// TestDeviceNoWayToStepUp: who has nothing that TCB asks for signs in again.
func TestDeviceNoWayToStepUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	own, login := s.signedIn(t)
	b := s.browser()
	b.handOver(b.open("/account"), map[string]string{"access_token": login.Credentials.AccessToken}, nil)
	s.backend.answer("/v1/user/me", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"sub":%q,"name":"Nobody"}`, login.Credentials.Sub)
	})
	p := b.open(devicePath, "user_code=WDJB-MJHX").want(http.StatusOK, "step-up-impossible", "step-up.sign_in_again")
	in := b.click(p, "sign-in").want(http.StatusOK, "sign-in")
	done := b.submit(in, fields{"username": "demo", "password": demoPassword}).completed()
	if b.get(done.RedirectURI).want(http.StatusOK, "device").value("user_code") != "WDJB-MJHX" {
		t.Error("the code is lost")
	}
	own.open("/account/password").want(http.StatusOK, "step-up-impossible", "step-up.impossible")
}

// TestDeviceGuessing: five wrong codes of a person from a network, right ones not counted.
func TestDeviceGuessing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	guess := func(b *browser, i int) *page {
		return b.submit(b.open(devicePath), fields{"user_code": fmt.Sprintf("AAAA-%04d", i)})
	}
	for i := range 3 {
		d := s.device(t, "demo")
		b.submit(b.open(devicePath, "user_code="+d.code.UserCode), nil).want(http.StatusOK, "device-done")
		guess(b, i).want(http.StatusUnprocessableEntity, "device", "device.wrong")
	}
	s.backend.refuse("/v1/user/device/authorize", http.StatusServiceUnavailable, "unavailable") // an outage says nothing of a code
	guess(b, 3).want(http.StatusServiceUnavailable, "device")
	s.backend.answer("", nil)
	guess(b, 4).want(http.StatusUnprocessableEntity, "device", "device.wrong")
	guess(b, 5).want(http.StatusUnprocessableEntity, "device", "device.wrong")
	calls := s.backend.count("/v1/user/device/authorize")
	d := s.device(t, "demo")
	guess(b, 6).want(http.StatusTooManyRequests, "device", "device.limit").wantRetryAfter("600")
	right := b.open(devicePath, "user_code="+d.code.UserCode)
	b.submit(right, nil).want(http.StatusTooManyRequests, "device", "device.limit")
	if s.backend.count("/v1/user/device/authorize") != calls {
		t.Error("TCB is asked beyond the limit")
	}
	// It is their own limit: somebody else there, and the same person elsewhere, have one of their own.
	mei := s.otherPerson()
	beside := s.browser()
	beside.submit(beside.open("/sign-in"), mei).completed()
	guess(beside, 9).want(http.StatusUnprocessableEntity, "device", "device.wrong")
	elsewhere := s.browser().at("192.0.2.99")
	elsewhere.submit(elsewhere.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	guess(elsewhere, 7).want(http.StatusUnprocessableEntity, "device", "device.wrong")
	s.clock.advance(10 * time.Minute)
	b, _ = s.signedIn(t)
	guess(b, 8).want(http.StatusUnprocessableEntity, "device", "device.wrong")
}
