//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// sdks are the majors of the official SDK; every way to sign in is judged by both.
var sdks = []struct{ name, sdk string }{{"sdk 2.32.0", "sdk2"}, {"sdk 3.7.0", "sdk3"}}

// signedIn is what the SDK in the app page says after the return.
type signedIn struct {
	Href       string `json:"href"`
	LoginState bool   `json:"loginState"`
	HasState   bool   `json:"hasState"`
	Token      string `json:"token"`
	Scope      string `json:"scope"`
	User       struct {
		UID         string `json:"uid"`
		Username    string `json:"username"`
		Name        string `json:"name"`
		Email       string `json:"email"`
		PhoneNumber string `json:"phone_number"`
	} `json:"user"`
}

// enter opens the app and lets the SDK send the browser to the login page.
func (v *visitor) enter(path string) *tab {
	v.t.Helper()
	b := v.open(path)
	b.ready()
	if state, err := b.Evaluate(`() => auth.getLoginState()`); err != nil || state != nil {
		v.t.Fatalf("getLoginState() before the sign-in: %v, %v; want null", state, err)
	}
	b.press(b.Locator("#login"))
	b.at("sign-in")
	return b
}

func (b *tab) ready() {
	b.t.Helper()
	if err := expect.Locator(b.Locator("html")).ToHaveAttribute("data-ready", "yes"); err != nil {
		b.t.Fatalf("the app page at %s: %v", b.URL(), err)
	}
}

// finish presses the primary button of a sign-in's last step and waits for the app page it leads back to.
func (b *tab) finish(path string) {
	b.t.Helper()
	if d := b.submit(); d.status != 200 {
		b.t.Fatalf("the last step was answered with %d at %s:\n%s", d.status, b.URL(), b.summary())
	}
	b.back(path)
}

// back waits until the tab shows exactly this page of the app, query and hash included.
func (b *tab) back(path string) {
	b.t.Helper()
	want := b.v.server.origin + path
	// Not WaitForURL, which misses an address that is reached just as it starts to look.
	if err := expect.Page(b.Page).ToHaveURL(want); err != nil {
		b.t.Fatalf("waiting for %s: still at %s\n%s: %v", want, b.URL(), b.summary(), err)
	}
	b.ready()
}

// summary is what the page says went wrong, for the message of a failing test.
func (b *tab) summary() string {
	if n, err := b.Locator("main").Count(); err != nil || n == 0 {
		return ""
	}
	text, err := b.Locator("main").First().InnerText()
	if err != nil {
		return err.Error()
	}
	return text
}

// ask lets the SDK tell who is signed in.
func (b *tab) ask() signedIn {
	b.t.Helper()
	raw, err := b.Evaluate(`async () => {
		const state = await auth.getLoginState();
		const user = await auth.getCurrentUser();
		const { accessToken } = await auth.getAccessToken();
		return JSON.stringify({
			href: location.href, loginState: state !== null, hasState: auth.hasLoginState() !== null,
			token: accessToken, scope: await auth.loginScope(),
			user: { uid: user.uid, username: user.username, name: user.name, email: user.email, phone_number: user.phoneNumber ?? user.phone_number },
		});
	}`)
	if err != nil {
		b.t.Fatalf("asking the SDK at %s: %v", b.URL(), err)
	}
	var s signedIn
	if err := json.Unmarshal([]byte(raw.(string)), &s); err != nil {
		b.t.Fatal(err)
	}
	return s
}

// isSignedIn asserts that the app, back at the page it asked for, sees exactly the person the backend knows.
func (b *tab) isSignedIn(path string, want person) {
	b.t.Helper()
	got := b.ask()
	b.v.server.secret(got.Token)
	if got.Href != b.v.server.origin+path {
		b.t.Errorf("back at %s, want %s", got.Href, b.v.server.origin+path)
	}
	if !got.LoginState || !got.HasState {
		b.t.Errorf("getLoginState() non-null: %v, hasLoginState() non-null: %v; want both", got.LoginState, got.HasState)
	}
	if got.Token == "" {
		b.t.Error("getAccessToken() is empty")
	}
	if got.Scope != "user" {
		b.t.Errorf("loginScope() = %q, want user", got.Scope)
	}
	u := got.User
	if u.UID != want.Sub || u.Username != want.Username || u.Name != want.Name || u.Email != want.Email || u.PhoneNumber != want.PhoneNumber {
		b.t.Errorf("getCurrentUser() = %+v, want %+v", u, want)
	}
	b.leftBehind(want)
}

// leftBehind asserts what the login page has written for the SDK, key by key.
func (b *tab) leftBehind(want person) {
	b.t.Helper()
	key := "credentials_" + b.v.server.client
	var c struct {
		TokenType    string    `json:"token_type"`
		AccessToken  string    `json:"access_token"`
		RefreshToken string    `json:"refresh_token"`
		ExpiresIn    float64   `json:"expires_in"`
		ExpiresAt    time.Time `json:"expires_at"`
		Scope        string    `json:"scope"`
		Sub          string    `json:"sub"`
		Groups       []string  `json:"groups"`
		Version      string    `json:"version"`
	}
	if err := json.Unmarshal([]byte(b.stored(key)), &c); err != nil {
		b.t.Fatalf("%s in localStorage: %v", key, err)
	}
	b.v.server.secret(c.AccessToken, c.RefreshToken)
	if c.TokenType != "Bearer" || c.AccessToken == "" || c.RefreshToken == "" || c.Sub != want.Sub || c.Scope != "user" || c.Version != "v1" {
		c.AccessToken, c.RefreshToken = "…", "…"
		b.t.Errorf("%s in localStorage: %+v", key, c)
	}
	if c.ExpiresIn <= 0 {
		b.t.Errorf("expires_in is %v; the SDK deletes such a login", c.ExpiresIn)
	}
	due := time.Now().Add(time.Duration(c.ExpiresIn-30) * time.Second)
	if off := c.ExpiresAt.Sub(due).Abs(); off > time.Minute {
		b.t.Errorf("expires_at is %v, want about %v", c.ExpiresAt, due)
	}
	if raw := b.stored("user_info_demo"); raw != "" {
		var info struct {
			Version string
			Content struct{ Sub, UID string }
		}
		if err := json.Unmarshal([]byte(raw), &info); err != nil {
			b.t.Fatalf("user_info_demo: %v", err)
		}
		if info.Version != "localCachev1" || info.Content.Sub != want.Sub || info.Content.UID != want.Sub {
			b.t.Errorf("user_info_demo is %+v, want %s in an envelope of version localCachev1", info, want.Sub)
		}
	}
}

// TestSignIn walks every way in that the product has, from the app and back to it.
func TestSignIn(t *testing.T) {
	flows := []struct {
		name string
		walk func(t *testing.T, b *tab) (who string) // up to the last press of the primary button
	}{
		{"password", func(t *testing.T, b *tab) string {
			b.typePassword(demoName, demoPassword)
			return demoName
		}},
		{"password with the e-mail address", func(t *testing.T, b *tab) string {
			b.typePassword(demoEmail, demoPassword)
			return demoName
		}},
		{"SMS code, new number", func(t *testing.T, b *tab) string {
			b.codeSignIn("+86 13800000001")
			return "+86 13800000001"
		}},
		{"SMS code, known number", func(t *testing.T, b *tab) string {
			b.v.server.emulator.register(t, "+86 13800000002", "known.number", "Kn0wn-number-pass")
			b.codeSignIn("+86 13800000002")
			return "known.number"
		}},
		{"e-mail code, new address", func(t *testing.T, b *tab) string {
			b.codeSignIn("new@example.com")
			return "new@example.com"
		}},
		{"e-mail code, known address", func(t *testing.T, b *tab) string {
			b.codeSignIn(demoEmail)
			return demoName
		}},
		{"sign-up by phone", func(t *testing.T, b *tab) string {
			b.signUp("+86 13800000003", "lilei", "李雷", "Li-lei-2026-x")
			return "lilei"
		}},
		{"reset by e-mail", func(t *testing.T, b *tab) string {
			b.resetPassword(demoEmail, "Quite-new-4711")
			return demoName
		}},
	}
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			for _, f := range flows {
				t.Run(f.name, func(t *testing.T) {
					s := start(t, options{sdk: version.sdk})
					b := s.visit(t).enter(where)
					who := f.walk(t, b)
					b.finish(where)
					b.isSignedIn(where, s.emulator.find(t, who))
				})
			}
		})
	}
}

// TestSignUpThenPassword proves that what was chosen at sign-up is what signs in later, elsewhere.
func TestSignUpThenPassword(t *testing.T) {
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			s := start(t, options{sdk: version.sdk})
			b := s.visit(t).enter(where)
			b.signUp("+86 13800000003", "hanmeimei", "韩梅梅", "Han-mei-mei-9")
			b.finish(where)
			her := s.emulator.find(t, "hanmeimei")
			if her.Name != "韩梅梅" || plain(her.PhoneNumber) != "+8613800000003" {
				t.Errorf("signed up as %+v", her)
			}
			b.isSignedIn(where, her)

			elsewhere := s.visit(t).enter("/app/home")
			elsewhere.typePassword("hanmeimei", "Han-mei-mei-9")
			elsewhere.finish("/app/home")
			elsewhere.isSignedIn("/app/home", her)
		})
	}
}

// TestResetThenPassword proves that the old password is dead and the new one lives.
func TestResetThenPassword(t *testing.T) {
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			s := start(t, options{sdk: version.sdk})
			b := s.visit(t).enter(where)
			b.resetPassword(demoEmail, "Quite-new-4711")
			b.finish(where)
			b.isSignedIn(where, s.emulator.find(t, demoName))

			again := s.visit(t).enter(where)
			again.typePassword(demoName, demoPassword)
			again.submit()
			again.wrong(422, "sign-in")
			again.fill("password", "Quite-new-4711")
			again.finish(where)
			again.isSignedIn(where, s.emulator.find(t, demoName))
		})
	}
}

// TestCaptchaInTheWay: the backend asks for a captcha at every turn; nobody types anything twice.
func TestCaptchaInTheWay(t *testing.T) {
	flows := []struct {
		name string
		walk func(t *testing.T, b *tab)
	}{
		{"password", func(t *testing.T, b *tab) {
			b.typePassword(demoName, demoPassword)
			b.submit()
			b.at("sign-in")
			b.holds("username", demoName)
			b.holds("password", "") // kept sealed, and asked for once only
			b.solve()
		}},
		{"e-mail code", func(t *testing.T, b *tab) {
			b.follow("sign-in-email")
			b.fill("email", demoEmail)
			b.submit()
			b.at("sign-in-email")
			b.holds("email", demoEmail)
			b.solve()
			b.submit()
			b.at("sign-in-email-code")
			b.fill("verification_code", b.v.server.emulator.code(t, demoEmail))
			// The captcha's answer serves until it expires: one code costs one captcha.
		}},
		{"reset by e-mail", func(t *testing.T, b *tab) {
			b.follow("reset-password")
			b.follow("via-email")
			b.fill("email", demoEmail)
			b.submit()
			b.at("reset-password")
			b.solve()
			b.submit()
			b.at("reset-password-code")
			b.fill("verification_code", b.v.server.emulator.code(t, demoEmail))
			b.submit()
			b.at("reset-password-new")
			b.fill("new_password", "Quite-new-4711")
		}},
	}
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			for _, f := range flows {
				t.Run(f.name, func(t *testing.T) {
					s := start(t, options{sdk: version.sdk})
					s.emulator.set(t, settings{Captcha: "always"})
					b := s.visit(t).enter(where)
					f.walk(t, b)
					b.finish(where)
					b.isSignedIn(where, s.emulator.find(t, demoName))
				})
			}
		})
	}
}

// TestClientOfItsOwn: a client whose id is not the environment's has its own key in localStorage.
func TestClientOfItsOwn(t *testing.T) {
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			s := start(t, options{sdk: version.sdk, client: "shop"})
			b := s.visit(t).enter(where)
			b.typePassword(demoName, demoPassword)
			b.finish(where)
			b.isSignedIn(where, s.emulator.find(t, demoName))
			if b.stored("credentials_demo") != "" {
				t.Error("the login of client shop is also kept for client demo")
			}
		})
	}
}

// TestTwoTabs signs in two tabs of one browser, step by step in turns, each to a target of its own.
func TestTwoTabs(t *testing.T) {
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			s := start(t, options{sdk: version.sdk})
			v := s.visit(t)
			const one, two = "/app/orders?tab=1#a", "/app/cart?tab=2#b"
			a, b := v.enter(one), v.enter(two)
			a.follow("sign-in-sms")
			b.follow("sign-in-sms")
			a.typeAddress("+86 13800000011")
			b.typeAddress("+86 13800000012")
			a.submit()
			b.submit()
			a.at("sign-in-sms-code")
			b.at("sign-in-sms-code")
			b.fill("verification_code", s.emulator.code(t, "+86 13800000012"))
			a.fill("verification_code", s.emulator.code(t, "+86 13800000011"))
			b.finish(two)
			b.isSignedIn(two, s.emulator.find(t, "+86 13800000012"))
			a.finish(one)
			a.isSignedIn(one, s.emulator.find(t, "+86 13800000011"))
		})
	}
}

// TestDevice: the backend must see one device, the browser's, whether the SDK or the login page calls it.
func TestDevice(t *testing.T) {
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			s := start(t, options{sdk: version.sdk})
			b := s.visit(t).enter(where)
			device := b.stored("device_id")
			s.secret(device)
			if device == "" {
				t.Fatal("the SDK has left no device_id")
			}
			b.holds("device_id", device)
			if strings.Contains(b.URL(), device) {
				t.Error("device_id is in the URL")
			}
			b.typePassword(demoName, demoPassword)
			b.finish(where)
			if got := b.stored("device_id"); got != device {
				t.Error("signing in has changed device_id")
			}
		})
	}
}

// TestWithoutScript walks the same ways with script switched off, up to the completion page, which says
// what it would have done.
func TestWithoutScript(t *testing.T) {
	flows := []struct {
		name string
		walk func(b *tab)
	}{
		{"password", func(b *tab) { b.typePassword(demoName, demoPassword) }},
		{"SMS code", func(b *tab) { b.codeSignIn("+86 13800000001") }},
		{"e-mail code", func(b *tab) { b.codeSignIn("new@example.com") }},
		{"sign-up by phone", func(b *tab) { b.signUp("+86 13800000003", "lilei", "李雷", "Li-lei-2026-x") }},
		{"sign-up by e-mail", func(b *tab) { b.signUp("lilei@example.com", "", "", "") }},
		{"reset by e-mail", func(b *tab) { b.resetPassword(demoEmail, "Quite-new-4711") }},
		{"captcha", func(b *tab) {
			b.v.server.emulator.set(b.t, settings{Captcha: "always"})
			b.typePassword(demoName, demoPassword)
			b.submit()
			b.solve()
		}},
	}
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			s := start(t, options{})
			b := s.visit(t, withoutScript).open(s.entry(s.origin + where))
			b.at("sign-in")
			f.walk(b)
			if got := b.submit(); got.status != 200 || got.headers["location"] != "" {
				t.Errorf("status %d, Location %q; want a page", got.status, got.headers["location"])
			}
			b.at("complete")
			b.visible("main h1")
			b.visible("noscript")
			if b.text("noscript") == "" {
				t.Error("nothing tells a person without script what to do")
			}
			if b.stored("credentials_demo") != "" {
				t.Error("a script has run")
			}
		})
	}
}

// TestStorageRefused: a browser that keeps nothing is told so, instead of being sent round in circles.
func TestStorageRefused(t *testing.T) {
	s := start(t, options{})
	v := s.visit(t)
	// What a browser with site data blocked does: reading the property throws.
	if err := v.context.AddInitScript(playwright.Script{Content: playwright.String(
		`Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });`)}); err != nil {
		t.Fatal(err)
	}
	b := v.open(s.entry(s.origin + where))
	b.typePassword(demoName, demoPassword)
	b.submit()
	b.at("complete")
	b.visible("main [role=alert]")
	b.goTo(strings.Replace(s.entry(s.origin+where), "/__auth/?", "/__auth/sign-out?", 1)) // which it is signed in to
	b.at("sign-out")
	answer, err := b.ExpectResponse("**/__auth/sign-out*", func() error { return b.primary().Click() })
	if err != nil {
		t.Fatal(err)
	}
	if !answer.Ok() || answer.Request().Method() != "POST" {
		t.Errorf("signing out: %s %d", answer.Request().Method(), answer.Status())
	}
}
