//go:build e2e

package e2e

import (
	"errors"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"tcb-login/authclient"
)

// A tool is a program on a command line that has itself signed in (RFC 8628). TCB takes JSON where
// golang.org/x/oauth2 posts forms, so it is written with our own client.
type tool struct {
	client *authclient.Client
	code   *authclient.DeviceCode
}

// startTool asks for a code, as a tool does that is told to sign in.
func (s *server) startTool(t *testing.T) *tool {
	t.Helper()
	client, err := authclient.New(authclient.Config{Env: "demo", ClientID: "demo", Endpoint: s.emulator.url.String()})
	if err != nil {
		t.Fatal(err)
	}
	code, err := client.DeviceAuthorize(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	s.secret(t, code.DeviceCode)
	return &tool{client, code}
}

// await polls until there is an answer, and tells who the tool is signed in as. The time that a tool
// has to wait between two polls (RFC 8628 §3.5) passes on the emulator's clock.
func (c *tool) await(t *testing.T, s *server) string {
	t.Helper()
	pause, waited := c.code.Interval, 0
	for range 5 {
		creds, err := c.client.GrantToken(t.Context(), authclient.GrantTokenRequest{GrantType: "device_code", DeviceCode: c.code.DeviceCode})
		switch {
		case err == nil:
			me, err := c.client.AsUser(creds.AccessToken).GetUserInfo(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return me.Username
		case errors.Is(err, authclient.ErrSlowDown):
			pause += 5
		case !errors.Is(err, authclient.ErrAuthorizationPending):
			t.Fatal(err)
		}
		waited += pause
		s.emulator.set(t, settings{ClockOffsetS: &waited})
	}
	t.Fatal("nobody lets the tool in")
	return ""
}

// waits says that nobody has let the tool in.
func (c *tool) waits(t *testing.T) {
	t.Helper()
	_, err := c.client.GrantToken(t.Context(), authclient.GrantTokenRequest{GrantType: "device_code", DeviceCode: c.code.DeviceCode})
	if !errors.Is(err, authclient.ErrAuthorizationPending) && !errors.Is(err, authclient.ErrSlowDown) {
		t.Errorf("the tool got %v, want it to wait", err)
	}
}

// TestTool: the tool's link leads through sign-in to the page that names its code; a yes there
// signs the tool in.
func TestTool(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	c := s.startTool(t)
	if !strings.HasPrefix(c.code.VerificationURI, s.origin+"/__auth/device?") {
		t.Fatalf("the tool sends people to %s", c.code.VerificationURI)
	}
	b := s.visit(t).open(t, c.code.VerificationURIComplete)
	b.at(t, "sign-in") // script has found no login to hand over
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	b.at(t, "device")
	b.visible(t, "[data-key='device.warning']")
	if got := b.text(t, ".user-code"); got != c.code.UserCode {
		t.Errorf("the page shows %q, the tool %q", got, c.code.UserCode)
	}
	if got := b.text(t, "main"); !strings.Contains(got, "demo") {
		t.Errorf("the page names nobody: %s", got)
	}
	b.submit(t)
	b.at(t, "device-done")
	if got := c.await(t, s); got != demoName {
		t.Errorf("the tool is signed in as %q", got)
	}
	if strings.Contains(b.URL(), "user_code") || strings.Contains(b.URL(), "done=") {
		t.Errorf("the page stays at %s", b.URL())
	}
}

// TestToolOfSignedIn: who is signed in to the app proves who they are before they let a tool in, comes
// back to what was asked, and can say no.
func TestToolOfSignedIn(t *testing.T) {
	t.Parallel()
	for _, sdk := range []string{"sdk2", "sdk3"} {
		t.Run(sdk, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{sdk: sdk})
			v := s.visit(t)
			v.signIn(t, demoName, demoPassword)
			if err := v.context.ClearCookies(); err != nil { // our own pages know of it by a hand-off alone
				t.Fatal(err)
			}
			c := s.startTool(t)
			b := v.open(t, c.code.VerificationURIComplete)
			b.stepUpByPassword(t, demoPassword)
			b.at(t, "device")
			b.press(t, b.Locator("button[value=no]"))
			b.at(t, "device-refused")
			c.waits(t)

			b.goTo(t, c.code.VerificationURI)
			b.at(t, "device")
			b.fill(t, "user_code", "WRONG-CODE")
			b.submit(t)
			b.wrong(t, 422, "device")
			b.visible(t, "#user_code-error")
			b.fill(t, "user_code", strings.ToLower(strings.ReplaceAll(c.code.UserCode, "-", "")))
			b.submit(t)
			b.at(t, "device-done")
			if got := c.await(t, s); got != demoName {
				t.Errorf("the tool is signed in as %q", got)
			}
		})
	}
}

// TestToolWithoutScript: the same way for who has none.
func TestToolWithoutScript(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	c := s.startTool(t)
	// The link is in an alert that moves in, and without script Playwright cannot wait for its end.
	still := func(o *playwright.BrowserNewContextOptions) { o.ReducedMotion = playwright.ReducedMotionReduce }
	b := s.visit(t, withoutScript, still).open(t, c.code.VerificationURIComplete)
	b.at(t, "hand-off")
	b.follow(t, "sign-in")
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	b.at(t, "complete")
	b.follow(t, "next")
	b.at(t, "device")
	if got := b.text(t, ".user-code"); got != c.code.UserCode {
		t.Errorf("the page shows %q, the tool %q", got, c.code.UserCode)
	}
	b.submit(t)
	b.at(t, "device-done")
	if got := c.await(t, s); got != demoName {
		t.Errorf("the tool is signed in as %q", got)
	}
}
