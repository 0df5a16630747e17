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
func (v *visitor) enter(t *testing.T, path string) *tab {
	t.Helper()
	b := v.open(t, path)
	b.ready(t)
	if state, err := b.Evaluate(`() => auth.getLoginState()`); err != nil || state != nil {
		t.Fatalf("getLoginState() before the sign-in: %v, %v; want null", state, err)
	}
	b.press(t, b.Locator("#login"))
	b.at(t, "sign-in")
	return b
}

func (b *tab) ready(t *testing.T) {
	t.Helper()
	if err := expect.Locator(b.Locator("html")).ToHaveAttribute("data-ready", "yes"); err != nil {
		t.Fatalf("the app page at %s: %v", b.URL(), err)
	}
}

// finish presses the primary button of a sign-in's last step and waits for the app page it leads back to.
func (b *tab) finish(t *testing.T, path string) {
	t.Helper()
	if d := b.submit(t); d.status != 200 {
		t.Fatalf("the last step was answered with %d at %s:\n%s", d.status, b.URL(), b.summary())
	}
	b.back(t, path)
}

// back waits until the tab shows exactly this page of the app, query and hash included.
func (b *tab) back(t *testing.T, path string) {
	t.Helper()
	want := b.v.server.origin + path
	// Not WaitForURL, which misses an address that is reached just as it starts to look.
	if err := expect.Page(b.Page).ToHaveURL(want); err != nil {
		t.Fatalf("waiting for %s: still at %s\n%s: %v", want, b.URL(), b.summary(), err)
	}
	b.ready(t)
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
func (b *tab) ask(t *testing.T) signedIn {
	t.Helper()
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
		t.Fatalf("asking the SDK at %s: %v", b.URL(), err)
	}
	var s signedIn
	if err := json.Unmarshal([]byte(raw.(string)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// isSignedIn asserts that the app, back at the page it asked for, sees exactly the person the backend knows.
func (b *tab) isSignedIn(t *testing.T, path string, want person) {
	t.Helper()
	got := b.ask(t)
	b.v.server.secret(got.Token)
	if got.Href != b.v.server.origin+path {
		t.Errorf("back at %s, want %s", got.Href, b.v.server.origin+path)
	}
	if !got.LoginState || !got.HasState {
		t.Errorf("getLoginState() non-null: %v, hasLoginState() non-null: %v; want both", got.LoginState, got.HasState)
	}
	if got.Token == "" {
		t.Error("getAccessToken() is empty")
	}
	if got.Scope != "user" {
		t.Errorf("loginScope() = %q, want user", got.Scope)
	}
	u := got.User
	if u.UID != want.Sub || u.Username != want.Username || u.Name != want.Name || u.Email != want.Email || u.PhoneNumber != want.PhoneNumber {
		t.Errorf("getCurrentUser() = %+v, want %+v", u, want)
	}
	b.leftBehind(t, want)
}

// leftBehind asserts what the login page has written for the SDK, key by key.
func (b *tab) leftBehind(t *testing.T, want person) {
	t.Helper()
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
	if err := json.Unmarshal([]byte(b.stored(t, key)), &c); err != nil {
		t.Fatalf("%s in localStorage: %v", key, err)
	}
	b.v.server.secret(c.AccessToken, c.RefreshToken)
	if c.TokenType != "Bearer" || c.AccessToken == "" || c.RefreshToken == "" || c.Sub != want.Sub || c.Scope != "user" || c.Version != "v1" {
		c.AccessToken, c.RefreshToken = "…", "…"
		t.Errorf("%s in localStorage: %+v", key, c)
	}
	if c.ExpiresIn <= 0 {
		t.Errorf("expires_in is %v; the SDK deletes such a login", c.ExpiresIn)
	}
	due := time.Now().Add(time.Duration(c.ExpiresIn-30) * time.Second)
	if off := c.ExpiresAt.Sub(due).Abs(); off > time.Minute {
		t.Errorf("expires_at is %v, want about %v", c.ExpiresAt, due)
	}
	if raw := b.stored(t, "user_info_demo"); raw != "" {
		var info struct {
			Version string
			Content struct{ Sub, UID string }
		}
		if err := json.Unmarshal([]byte(raw), &info); err != nil {
			t.Fatalf("user_info_demo: %v", err)
		}
		if info.Version != "localCachev1" || info.Content.Sub != want.Sub || info.Content.UID != want.Sub {
			t.Errorf("user_info_demo is %+v, want %s in an envelope of version localCachev1", info, want.Sub)
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
			b.typePassword(t, demoName, demoPassword)
			return demoName
		}},
		{"password with the e-mail address", func(t *testing.T, b *tab) string {
			b.typePassword(t, demoEmail, demoPassword)
			return demoName
		}},
		{"SMS code, new number", func(t *testing.T, b *tab) string {
			b.codeSignIn(t, "+86 13800000001")
			return "+86 13800000001"
		}},
		{"SMS code, known number", func(t *testing.T, b *tab) string {
			b.v.server.emulator.register(t, "+86 13800000002", "known.number", "Kn0wn-number-pass")
			b.codeSignIn(t, "+86 13800000002")
			return "known.number"
		}},
		{"e-mail code, new address", func(t *testing.T, b *tab) string {
			b.codeSignIn(t, "new@example.com")
			return "new@example.com"
		}},
		{"e-mail code, known address", func(t *testing.T, b *tab) string {
			b.codeSignIn(t, demoEmail)
			return demoName
		}},
		{"sign-up by phone", func(t *testing.T, b *tab) string {
			b.signUp(t, "+86 13800000003", "lilei", "李雷", "Li-lei-2026-x")
			return "lilei"
		}},
		{"reset by e-mail", func(t *testing.T, b *tab) string {
			b.resetPassword(t, demoEmail, "Quite-new-4711")
			return demoName
		}},
	}
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			for _, f := range flows {
				t.Run(f.name, func(t *testing.T) {
					s := start(t, options{sdk: version.sdk})
					b := s.visit(t).enter(t, where)
					who := f.walk(t, b)
					b.finish(t, where)
					b.isSignedIn(t, where, s.emulator.find(t, who))
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
			b := s.visit(t).enter(t, where)
			b.signUp(t, "+86 13800000003", "hanmeimei", "韩梅梅", "Han-mei-mei-9")
			b.finish(t, where)
			her := s.emulator.find(t, "hanmeimei")
			if her.Name != "韩梅梅" || plain(her.PhoneNumber) != "+8613800000003" {
				t.Errorf("signed up as %+v", her)
			}
			b.isSignedIn(t, where, her)

			elsewhere := s.visit(t).enter(t, "/app/home")
			elsewhere.typePassword(t, "hanmeimei", "Han-mei-mei-9")
			elsewhere.finish(t, "/app/home")
			elsewhere.isSignedIn(t, "/app/home", her)
		})
	}
}

// TestResetThenPassword proves that the old password is dead and the new one lives.
func TestResetThenPassword(t *testing.T) {
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			s := start(t, options{sdk: version.sdk})
			b := s.visit(t).enter(t, where)
			b.resetPassword(t, demoEmail, "Quite-new-4711")
			b.finish(t, where)
			b.isSignedIn(t, where, s.emulator.find(t, demoName))

			again := s.visit(t).enter(t, where)
			again.typePassword(t, demoName, demoPassword)
			again.submit(t)
			again.wrong(t, 422, "sign-in")
			again.fill(t, "password", "Quite-new-4711")
			again.finish(t, where)
			again.isSignedIn(t, where, s.emulator.find(t, demoName))
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
			b.typePassword(t, demoName, demoPassword)
			b.submit(t)
			b.at(t, "sign-in")
			b.holds(t, "username", demoName)
			b.holds(t, "password", "") // kept sealed, and asked for once only
			b.solve(t)
		}},
		{"e-mail code", func(t *testing.T, b *tab) {
			b.follow(t, "sign-in-email")
			b.fill(t, "email", demoEmail)
			b.submit(t)
			b.at(t, "sign-in-email")
			b.holds(t, "email", demoEmail)
			b.solve(t)
			b.submit(t)
			b.at(t, "sign-in-email-code")
			b.fill(t, "verification_code", b.v.server.emulator.code(t, demoEmail))
			// The captcha's answer serves until it expires: one code costs one captcha.
		}},
		{"reset by e-mail", func(t *testing.T, b *tab) {
			b.follow(t, "reset-password")
			b.follow(t, "via-email")
			b.fill(t, "email", demoEmail)
			b.submit(t)
			b.at(t, "reset-password")
			b.solve(t)
			b.submit(t)
			b.at(t, "reset-password-code")
			b.fill(t, "verification_code", b.v.server.emulator.code(t, demoEmail))
			b.submit(t)
			b.at(t, "reset-password-new")
			b.fill(t, "new_password", "Quite-new-4711")
		}},
	}
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			for _, f := range flows {
				t.Run(f.name, func(t *testing.T) {
					s := start(t, options{sdk: version.sdk})
					s.emulator.set(t, settings{Captcha: "always"})
					b := s.visit(t).enter(t, where)
					f.walk(t, b)
					b.finish(t, where)
					b.isSignedIn(t, where, s.emulator.find(t, demoName))
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
			b := s.visit(t).enter(t, where)
			b.typePassword(t, demoName, demoPassword)
			b.finish(t, where)
			b.isSignedIn(t, where, s.emulator.find(t, demoName))
			if b.stored(t, "credentials_demo") != "" {
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
			a, b := v.enter(t, one), v.enter(t, two)
			a.follow(t, "sign-in-sms")
			b.follow(t, "sign-in-sms")
			a.typeAddress(t, "+86 13800000011")
			b.typeAddress(t, "+86 13800000012")
			a.submit(t)
			b.submit(t)
			a.at(t, "sign-in-sms-code")
			b.at(t, "sign-in-sms-code")
			b.fill(t, "verification_code", s.emulator.code(t, "+86 13800000012"))
			a.fill(t, "verification_code", s.emulator.code(t, "+86 13800000011"))
			b.finish(t, two)
			b.isSignedIn(t, two, s.emulator.find(t, "+86 13800000012"))
			a.finish(t, one)
			a.isSignedIn(t, one, s.emulator.find(t, "+86 13800000011"))
		})
	}
}

// TestDevice: the backend must see one device, the browser's, whether the SDK or the login page calls it.
func TestDevice(t *testing.T) {
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			s := start(t, options{sdk: version.sdk})
			b := s.visit(t).enter(t, where)
			device := b.stored(t, "device_id")
			s.secret(device)
			if device == "" {
				t.Fatal("the SDK has left no device_id")
			}
			b.holds(t, "device_id", device)
			if strings.Contains(b.URL(), device) {
				t.Error("device_id is in the URL")
			}
			b.typePassword(t, demoName, demoPassword)
			b.finish(t, where)
			if got := b.stored(t, "device_id"); got != device {
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
		walk func(t *testing.T, b *tab)
	}{
		{"password", func(t *testing.T, b *tab) { b.typePassword(t, demoName, demoPassword) }},
		{"SMS code", func(t *testing.T, b *tab) { b.codeSignIn(t, "+86 13800000001") }},
		{"e-mail code", func(t *testing.T, b *tab) { b.codeSignIn(t, "new@example.com") }},
		{"sign-up by phone", func(t *testing.T, b *tab) { b.signUp(t, "+86 13800000003", "lilei", "李雷", "Li-lei-2026-x") }},
		{"sign-up by e-mail", func(t *testing.T, b *tab) { b.signUp(t, "lilei@example.com", "", "", "") }},
		{"reset by e-mail", func(t *testing.T, b *tab) { b.resetPassword(t, demoEmail, "Quite-new-4711") }},
		{"captcha", func(t *testing.T, b *tab) {
			b.v.server.emulator.set(t, settings{Captcha: "always"})
			b.typePassword(t, demoName, demoPassword)
			b.submit(t)
			b.solve(t)
		}},
	}
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			s := start(t, options{})
			b := s.visit(t, withoutScript).open(t, s.entry(s.origin+where))
			b.at(t, "sign-in")
			f.walk(t, b)
			if got := b.submit(t); got.status != 200 || got.headers["location"] != "" {
				t.Errorf("status %d, Location %q; want a page", got.status, got.headers["location"])
			}
			b.at(t, "complete")
			b.visible(t, "main h1")
			b.visible(t, "noscript")
			if b.text(t, "noscript") == "" {
				t.Error("nothing tells a person without script what to do")
			}
			if b.stored(t, "credentials_demo") != "" {
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
	b := v.open(t, s.entry(s.origin+where))
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	b.at(t, "complete")
	b.visible(t, "main [role=alert]")
	b.goTo(t, strings.Replace(s.entry(s.origin+where), "/__auth/?", "/__auth/sign-out?", 1)) // which it is signed in to
	b.at(t, "sign-out")
	answer, err := b.ExpectResponse("**/__auth/sign-out*", func() error { return b.primary().Click() })
	if err != nil {
		t.Fatal(err)
	}
	if !answer.Ok() || answer.Request().Method() != "POST" {
		t.Errorf("signing out: %s %d", answer.Request().Method(), answer.Status())
	}
}
