package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tcb-login/handlers/limits"

	"tcb-login/authclient"
)

func TestProfile(t *testing.T) {
	t.Parallel()
	s := newSite(t, withPictures)
	b, _ := s.signedIn(t)
	p := b.open("/account/profile").want(http.StatusOK, "account-profile").wantValue(fields{"name": "Demo", "gender": ""})
	if _, asked := p.controls()["username"]; asked || p.link("account-username") == "" || !strings.Contains(p.text(), "demo") {
		t.Errorf("the username is asked for here: %v; it leads to %q", asked, p.link("account-username"))
	}
	tests := []struct {
		name  string
		typed fields
		field string
		key   string
	}{
		{"long name", fields{"name": strings.Repeat("名", 65)}, "name", "error.too_long"},
		{"no picture", fields{"picture": "javascript:alert(1)"}, "picture", "error.picture"},
		{"gender", fields{"gender": "X"}, "gender", "error.choice"},
		{"born tomorrow", fields{"birthdate": "2026-12-24"}, "birthdate", "error.birthdate"},
		{"no date", fields{"birthdate": "1990-02-30"}, "birthdate", "error.birthdate"},
		{"locale", fields{"locale": "../x"}, "locale", "error.choice"},
		{"zone", fields{"zoneinfo": "../etc"}, "zoneinfo", "error.zoneinfo"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := b.on(t, s)
			got := b.submit(p, tt.typed).want(http.StatusUnprocessableEntity, "account-profile", tt.key)
			if got.fieldKey(tt.field) != tt.key {
				t.Errorf("field %s says %q", tt.field, got.fieldKey(tt.field))
			}
			if tt.field != "gender" { // it is not in the list
				got.wantValue(tt.typed)
			}
		})
	}
	typed := fields{
		"name": "演示", "picture": "https://cdn.example.com/a.png", "gender": "FEMALE",
		"birthdate": "1990-02-03", "locale": "zh-CN", "zoneinfo": "Asia/Shanghai",
	}
	p = b.press(p, "lang=zh-CN", typed).want(http.StatusOK, "account-profile").wantValue(typed)
	b.submit(p, nil).want(http.StatusOK, "account", "account.done.profile")
	b.open("/account/profile").wantValue(typed)
	// A field that the page has not is none of its form's.
	form := b.open("/account/profile").filled(fields{"name": "演示 2"})
	form.Set("username", "slipped.in")
	b.do(http.MethodPost, s.base+"/account/profile?"+entryQuery(appPage), form, nil)
	patch := last(s.backend.callsTo("/v1/user/profile"))
	if !strings.Contains(patch.body, "演示 2") || strings.Contains(patch.body, "username") || strings.Contains(patch.body, "email") || strings.Contains(patch.body, "phone") {
		t.Errorf("the update holds %s", patch.body)
	}
	calls := s.backend.count("/v1/user/profile")
	b.submit(b.open("/account/profile"), nil).want(http.StatusOK, "account", "account.done.profile")
	if s.backend.count("/v1/user/profile") != calls {
		t.Error("nothing was changed, and TCB was called")
	}
	for code, status := range map[string]int{"unavailable": 503, "internal": 502, "resource_exhausted": 429, "invalid_argument": 422} {
		s.backend.refuse("/v1/user/profile", max(status, 400), code)
		b.submit(b.open("/account/profile"), fields{"name": "Other"}).want(status, "account-profile").wantValue(fields{"name": "Other"})
	}
	s.backend.refuse("/v1/user/profile", http.StatusUnauthorized, "unauthenticated")
	b.submit(b.open("/account/profile"), fields{"name": "Other"}).want(http.StatusOK, "hand-off")
}

// withPictures lets pages show people's pictures from a host.
func withPictures(c *siteConfig) { c.settings.ImageHosts = []string{"https://cdn.example.com"} }

// TestProfilePicture: where no host's pictures can be shown there is no field for one's address, and
// the one that the app has set stays. Where they can, the one that is set is there to see.
func TestProfilePicture(t *testing.T) {
	t.Parallel()
	const picture = "https://cdn.example.com/a.png"
	shown := func(p *page) bool {
		return p.find(func(n *htmlNode) bool { return n.Data == "img" && attr(n, "src") == picture }) != nil
	}
	s := newSite(t)
	b, done := s.signedIn(t)
	client, err := authclient.New(authclient.Config{Env: "demo", Endpoint: s.backend.srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	set := picture
	if _, err := client.AsUser(done.Credentials.AccessToken).Update(t.Context(), authclient.UserUpdate{Picture: &set}); err != nil {
		t.Fatal(err)
	}
	p := b.open("/account/profile").want(http.StatusOK, "account-profile")
	if _, asked := p.controls()["picture"]; asked || shown(p) {
		t.Errorf("an address is asked for: %t; the picture is loaded: %t", asked, shown(p))
	}
	b.submit(p, fields{"name": "Other"}).want(http.StatusOK, "account", "account.done.profile")
	form := b.open("/account/profile").filled(fields{"name": "Another"})
	form.Set("picture", "https://cdn.example.com/slipped-in.png")
	b.do(http.MethodPost, s.base+"/account/profile?"+entryQuery(appPage), form, nil)
	for _, call := range s.backend.callsTo("/v1/user/profile") {
		if strings.Contains(call.body, "Other") && strings.Contains(call.body, "picture") {
			t.Errorf("the update holds %s", call.body)
		}
	}
	hosts := newSite(t, withPictures, func(c *siteConfig) { c.backend, c.clock = s.backend, s.clock })
	b, _ = hosts.signedIn(t)
	if p := b.open("/account/profile").wantValue(fields{"picture": picture, "name": "Another"}); !shown(p) {
		t.Error("the picture is not to be seen")
	}
}

// TestTimeZone: the browser may choose one for who has none, and not in the place of what was typed.
func TestTimeZone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	preset := func(p *page) bool {
		return p.find(func(n *htmlNode) bool {
			_, preset := attribute(n, "data-preset")
			return preset && n.Data == "select" && attr(n, "name") == "zoneinfo"
		}) != nil
	}
	p := b.open("/account/profile").want(http.StatusOK, "account-profile").wantValue(fields{"zoneinfo": ""})
	if !preset(p) || !strings.Contains(p.body, ">Asia/Shanghai (UTC+08)</option>") {
		t.Errorf("the browser cannot choose: %s", p.body)
	}
	if p := b.submit(p, fields{"birthdate": "x"}).want(http.StatusUnprocessableEntity, "account-profile"); preset(p) {
		t.Error("the browser chooses again, after the person has")
	}
	// The browser's own, which is not in the list, is one of it from then on; dates are the page's.
	form := p.filled(fields{"birthdate": "1994-05-17"})
	form.Set("zoneinfo", "Europe/Vienna")
	if p := b.do(http.MethodPost, p.action(), form, nil); p.status != http.StatusSeeOther {
		t.Errorf("the form is answered by %d: %q", p.status, p.keys())
	}
	b.open("/account/profile").wantValue(fields{"zoneinfo": "Europe/Vienna"})
	if text := b.open("/account").text(); !strings.Contains(text, "17 May 1994") {
		t.Errorf("the date of birth: %s", text)
	}
}

// TestUsername: a name to sign in with is changed by who has just proven to be
// there, and never by another page's form.
func TestUsername(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.otherPerson()
	b, _ := s.signedIn(t)
	row := b.open("/account").want(http.StatusOK, "account")
	p := b.click(row, "account-username").want(http.StatusOK, "step-up-password")
	if _, asked := p.controls()["username"]; asked {
		t.Error("the form comes before the step-up")
	}
	// A form posted without the step-up changes nothing.
	form := p.filled(nil)
	form.Set("form", "account-username")
	form.Set("username", "demo.2")
	b.follow(b.do(http.MethodPost, s.base+"/account/username?"+entryQuery(appPage), form, nil)).want(http.StatusOK, "step-up-password")
	if got := s.backend.count("/v1/user/profile"); got != 0 {
		t.Fatalf("TCB was called %d times", got)
	}
	p = b.submit(p, fields{"password": demoPassword}).want(http.StatusOK, "account-username").wantValue(fields{"username": "demo"})
	if field := p.byID("username"); attr(field, "autocomplete") != "username" {
		t.Errorf("autocomplete is %q", attr(field, "autocomplete"))
	}
	for name, key := range map[string]string{
		"": "error.required.new_username", "demo": "account.username.same", "12345": "error.username_form", "..": "error.username_form",
		"a@example.com": "error.username_form", "演示者": "error.username_form", strings.Repeat("x", 49): "error.username_form",
		"+8613800000000": "error.username_form", "hanmeimei": "error.username_taken",
	} {
		got := b.submit(p, fields{"username": name}).want(http.StatusUnprocessableEntity, "account-username", key).wantValue(fields{"username": name})
		if got.fieldKey("username") != key {
			t.Errorf("%q: the field says %q", name, got.fieldKey("username"))
		}
	}
	p = b.press(p, "lang=zh-CN", fields{"username": "demo.2"}).want(http.StatusOK, "account-username").wantValue(fields{"username": "demo.2"})
	s.backend.captcha("always")
	p = b.submit(p, nil)
	s.backend.captcha("never")
	if p.picture() != "" {
		p.wantValue(fields{"username": "demo.2"})
		p = b.submit(p, fields{"captcha_key": s.backend.key()})
	}
	p.want(http.StatusOK, "account", "account.done.username")
	if patch := last(s.backend.callsTo("/v1/user/profile")); patch.body != `{"username":"demo.2"}` {
		t.Errorf("the update holds %s", patch.body)
	}
	for code, status := range map[string]int{"unavailable": 503, "internal": 502, "resource_exhausted": 429, "invalid_argument": 422, "permission_denied": 422} {
		s.backend.refuse("/v1/user/profile", max(status, 400), code)
		b.submit(b.open("/account/username"), fields{"username": "demo.3"}).want(status, "account-username").wantValue(fields{"username": "demo.3"})
	}
	s.backend.refuse("/v1/user/profile", http.StatusUnauthorized, "unauthenticated")
	b.submit(b.open("/account/username"), fields{"username": "demo.3"}).want(http.StatusOK, "hand-off")
	s.backend.answer("", nil)
	other := s.browser()
	done := other.submit(other.open("/sign-in", "next=account-username"), fields{"username": "demo.2", "password": demoPassword}).completed()
	if !strings.HasPrefix(done.RedirectURI, publicOrigin+"/__auth/account/username?") {
		t.Errorf("next=account-username leads to %s", done.RedirectURI)
	}
}

// TestUsernameLimit: whether a name is taken is as limited to learn as at
// sign-up; a name that is free costs nothing.
func TestUsernameLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.register("mei@example.com", "hanmeimei", "Quiet-river-7")
	b, _ := s.signedIn(t)
	b.stepUp("/account/username", demoPassword).want(http.StatusOK, "account-username")
	rename := func(name string) *page {
		t.Helper()
		return b.submit(b.open("/account/username"), fields{"username": name})
	}
	for i := range limits.RuleUsername.Burst + 5 {
		rename(fmt.Sprintf("free.%d", i)).want(http.StatusOK, "account", "account.done.username")
	}
	for range limits.RuleUsername.Burst {
		rename("hanmeimei").want(http.StatusUnprocessableEntity, "account-username", "error.username_taken")
	}
	asked := s.backend.count("/v1/user/profile")
	rename("hanmeimei").want(http.StatusTooManyRequests, "account-username", "error.too_many_wait").wantRetryAfter("120").wantValue(fields{"username": "hanmeimei"})
	if s.backend.count("/v1/user/profile") != asked {
		t.Error("what the limit refuses still reaches TCB")
	}
	b.submit(b.open("/account/profile"), fields{"name": "Other"}).want(http.StatusOK, "account", "account.done.profile") // all else goes on
	s.clock.advance(2 * time.Minute)
	rename("free.again").want(http.StatusOK, "account", "account.done.username")
}

// TestProfileTwoWindows: who saves a form changes what they have typed into it, and undoes nothing that
// another window or the app has changed since it was opened. After an error it is so too.
func TestProfileTwoWindows(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	old := b.open("/account/profile").want(http.StatusOK, "account-profile")
	b.submit(b.open("/account/profile"), fields{"gender": "FEMALE", "birthdate": "1990-01-31", "zoneinfo": "Asia/Tokyo"}).want(http.StatusOK, "account")
	old = b.submit(old, fields{"name": strings.Repeat("x", 65)}).want(http.StatusUnprocessableEntity, "account-profile")
	old = b.press(old, "lang=zh-CN", fields{"name": "Ada"}).want(http.StatusOK, "account-profile")
	b.submit(old, nil).want(http.StatusOK, "account", "account.done.profile")
	if body := last(s.backend.callsTo("/v1/user/profile")).body; body != `{"name":"Ada"}` {
		t.Errorf("the update holds %s", body)
	}
	b.open("/account/profile").wantValue(fields{"name": "Ada", "gender": "FEMALE", "birthdate": "1990-01-31", "zoneinfo": "Asia/Tokyo"})
	// What both have changed is as the later one says, and what is so already is not sent again.
	old = b.open("/account/profile")
	b.submit(b.open("/account/profile"), fields{"name": "Grace", "gender": "MALE"}).want(http.StatusOK, "account")
	b.submit(old, fields{"name": "Mary", "gender": "MALE"}).want(http.StatusOK, "account")
	if body := last(s.backend.callsTo("/v1/user/profile")).body; body != `{"name":"Mary"}` {
		t.Errorf("the update holds %s", body)
	}
	// A form of before an update of this program does not say what it held.
	values := b.open("/account/profile").filled(fields{"name": "Joan"})
	for name := range values {
		if strings.HasPrefix(name, "was_") {
			values.Del(name)
		}
	}
	b.follow(b.do(http.MethodPost, old.action(), values, nil)).want(http.StatusOK, "account", "account.done.profile")
	if body := last(s.backend.callsTo("/v1/user/profile")).body; body != `{"name":"Joan"}` {
		t.Errorf("the update holds %s", body)
	}
}
