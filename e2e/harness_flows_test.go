//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The seeded user.
const (
	demoName     = "demo"
	demoPassword = "Demo-pass-1"
	demoEmail    = "demo@example.com"
)

// where is a page of the app with a query and a hash that must survive the way through the login
// page.
const where = "/app/orders?x=1&y=%E4%B8%AD#part=2"

// The flows up to the last press of the primary button, which the caller makes: with script it ends
// in the app, without on the completion page.

// typePassword types what the sign-in page asks for.
func (b *tab) typePassword(t *testing.T, username, password string) {
	t.Helper()
	b.at(t, "sign-in")
	b.fill(t, "username", username, "password", password)
}

// typeAddress types a phone number or an e-mail address where a page asks for one.
func (b *tab) typeAddress(t *testing.T, to string) {
	t.Helper()
	if strings.Contains(to, "@") {
		b.fill(t, "email", to)
		return
	}
	code, number, _ := strings.Cut(to, " ")
	if code != "+86" {
		t.Fatalf("a flow only knows +86, not %s", to)
	}
	b.choose(t, "phone_country", "CN")
	b.fill(t, "phone_number", number)
}

// typeCode asks for a code and types the one that arrives.
func (b *tab) typeCode(t *testing.T, to, codePage string) {
	t.Helper()
	b.typeAddress(t, to)
	b.submit(t)
	b.at(t, codePage)
	b.fill(t, "verification_code", b.v.server.emulator.code(t, to))
}

func (b *tab) codeSignIn(t *testing.T, to string) {
	t.Helper()
	page := "sign-in-sms"
	if strings.Contains(to, "@") {
		page = "sign-in-email"
	}
	b.follow(t, page)
	b.at(t, page)
	b.typeCode(t, to, page+"-code")
}

// prove walks sign-up or reset-password up to the page behind its code.
func (b *tab) prove(t *testing.T, flow, to, next string) {
	t.Helper()
	b.follow(t, flow)
	b.at(t, flow)
	if strings.Contains(to, "@") {
		b.follow(t, "via-email")
	}
	b.typeCode(t, to, flow+"-code")
	b.submit(t)
	b.at(t, next)
}

func (b *tab) signUp(t *testing.T, to, username, name, password string) {
	t.Helper()
	b.prove(t, "sign-up", to, "sign-up-details")
	b.fill(t, "username", username, "name", name, "password", password)
}

func (b *tab) resetPassword(t *testing.T, to, password string) {
	t.Helper()
	b.prove(t, "reset-password", to, "reset-password-new")
	b.fill(t, "new_password", password)
}

// solve answers the captcha that the page shows.
func (b *tab) solve(t *testing.T) {
	t.Helper()
	b.visible(t, "#form img.captcha")
	b.fill(t, "captcha_key", b.v.server.emulator.captcha(t))
}

// signIn signs in with a password from the app and comes back to it.
func (v *visitor) signIn(t *testing.T, name, password string) *tab {
	t.Helper()
	b := v.enter(t, where)
	b.typePassword(t, name, password)
	b.finish(t, where)
	return b
}

// row is what the overview says of one thing.
func (b *tab) row(t *testing.T, name string) string {
	t.Helper()
	return b.text(t, `[data-row="`+name+`"] .fact`)
}

// change takes the action of a row of the overview.
func (b *tab) change(t *testing.T, row string) {
	t.Helper()
	b.press(t, b.Locator(`[data-row="`+row+`"] a.act`))
}

// stepUpByPassword proves by the password who is there.
func (b *tab) stepUpByPassword(t *testing.T, password string) {
	t.Helper()
	b.at(t, "step-up-password")
	b.fill(t, "password", password)
	b.submit(t)
}

// consent answers on the emulator's demo provider, as somebody, and waits until the browser is
// back.
func (b *tab) consent(t *testing.T, decision, sub, email string) {
	t.Helper()
	if err := expect.Locator(b.Locator(`button[name="decision"]`).First()).ToBeVisible(); err != nil {
		t.Fatalf("no consent page at %s: %v", b.URL(), err)
	}
	if sub != "" {
		for name, value := range map[string]string{"sub": sub, "email": email} {
			if err := b.field(name).Fill(value); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.press(t, b.Locator(fmt.Sprintf(`button[name="decision"][value=%q]`, decision)))
}

// provider presses the button of an identity provider.
func (b *tab) provider(t *testing.T, id string) {
	t.Helper()
	b.press(t, b.Locator(fmt.Sprintf(`button[data-to="provider-%s"]`, id)))
}

const (
	ordersVersion = "v1_2f8c61d0" // of app-orders: auto registration, SMS first
	deskVersion   = "2"           // of app-desk: split registration, password first
)

// sampleTree is the sample tree of login configs, for two apps. A test that changes it takes a
// copy.
func sampleTree(t *testing.T) string {
	t.Helper()
	tree, err := filepath.Abs(filepath.Join("..", "deploy", "login-configs", "two-apps"))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// copyTree is a copy of the sample tree, for a test to change.
func copyTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(sampleTree(t))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// treeOf is a tree with this login config for the environment.
func treeOf(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "__auth", "env"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "__auth", "env", "login.config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
