//go:build e2e && late

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestLateEngines: what people do most works in the two other engines too, and each page's field has
// the focus.
func TestLateEngines(t *testing.T) {
	for name, open := range map[string]func(*testing.T, *server) *engine{"firefox": firefox, "webkit": webkit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			e := open(t, s)

			e.enterFromApp(t)
			e.focused(t, "username")
			e.fill(t, "username", demoName, "password", demoPassword)
			e.submit(t)
			e.isSignedIn(t)

			// The cookie of ours is gone, and the SDK's login hands itself over.
			e.command(t, "WebDriver:DeleteAllCookies", nil, nil)
			e.goTo(t, s.origin+s.portal(""))
			e.at(t, "account")

			e.goTo(t, s.origin+s.portal("/email"))
			e.at(t, "step-up-password")
			e.focused(t, "password")
			e.fill(t, "password", demoPassword)
			e.submit(t)
			e.at(t, "account-email")

			e.goTo(t, s.origin+strings.Replace(s.portal(""), "/account?", "/sign-out?", 1))
			e.at(t, "sign-out")
			e.submit(t)
			e.until(t, `location.pathname === "/app/orders" && !localStorage.getItem("credentials_demo")`)

			e.enterFromApp(t)
			e.follow(t, "sign-in-email")
			e.at(t, "sign-in-email")
			e.focused(t, "email")
			e.fill(t, "email", demoEmail)
			e.submit(t)
			e.at(t, "sign-in-email-code")
			e.focused(t, "verification_code")
			e.fill(t, "verification_code", s.emulator.code(t, demoEmail))
			e.submit(t)
			e.isSignedIn(t)
		})
	}
}

// enterFromApp opens the app, whose SDK leads to the sign-in page.
func (e *engine) enterFromApp(t *testing.T) {
	t.Helper()
	e.goTo(t, e.server.origin+where)
	e.until(t, `document.documentElement.dataset.ready`)
	e.click(t, "#login")
	e.at(t, "sign-in")
}

// isSignedIn waits for the app, whose SDK knows that the seeded user came back.
func (e *engine) isSignedIn(t *testing.T) {
	t.Helper()
	e.until(t, fmt.Sprintf(`location.href === %q && document.documentElement.dataset.ready`, e.server.origin+where))
	var got string
	e.command(t, "WebDriver:ExecuteScript", map[string]any{"script": "return auth.getCurrentUser().then((user) => user.email)", "args": []any{}}, &got)
	if got != demoEmail {
		t.Errorf("the SDK knows %q, want %q", got, demoEmail)
	}
}
