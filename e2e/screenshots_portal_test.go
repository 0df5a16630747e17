//go:build e2e && screenshots

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestPortalScreenshots photographs the portal as TestScreenshots does the sign-in pages, in
// shots/portal.
func TestPortalScreenshots(t *testing.T) {
	dir := filepath.Join("shots", "portal")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, language := range []string{"en", "zh-CN"} {
		t.Run(language, func(t *testing.T) {
			s := start(t, options{settings: "image_hosts: [\"https://cdn.example.com\"]\n"})
			v := s.visit(t, speaking(language))
			b := v.open(t, s.portal(""))
			shoot := func(name string) {
				t.Helper()
				for _, scheme := range []*playwright.ColorScheme{playwright.ColorSchemeLight, playwright.ColorSchemeDark} {
					if err := b.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: scheme}); err != nil {
						t.Fatal(err)
					}
					for _, width := range []int{360, 1280} {
						if err := b.SetViewportSize(width, 800); err != nil {
							t.Fatal(err)
						}
						file := filepath.Join(dir, strings.Join([]string{name, language, string(*scheme), fmt.Sprint(width)}, "-")+".png")
						if _, err := b.Screenshot(playwright.PageScreenshotOptions{
							Path: &file, FullPage: playwright.Bool(true), Animations: playwright.ScreenshotAnimationsDisabled,
						}); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			b.at(t, "sign-in")
			b.typePassword(t, demoName, demoPassword)
			b.submit(t)
			b.at(t, "account")
			shoot("account")
			b.change(t, "name")
			b.at(t, "account-profile")
			shoot("profile")
			if err := b.Locator(".picture summary").Click(); err != nil {
				t.Fatal(err)
			}
			b.fill(t, "picture", "x")
			b.submit(t)
			shoot("profile-refused")
			b.follow(t, "account")
			b.change(t, "email")
			b.at(t, "step-up-password")
			shoot("step-up")
			b.stepUpByPassword(t, demoPassword)
			b.at(t, "account-email")
			shoot("email")
			s.emulator.register(t, "taken@example.com", "taken", "Quiet-river-7")
			b.follow(t, "account")
			b.change(t, "username")
			b.at(t, "account-username")
			shoot("username")
			b.fill(t, "username", "..")
			b.submit(t)
			shoot("username-refused")
			b.follow(t, "account")
			b.change(t, "email")
			b.at(t, "account-email")
			b.fill(t, "email", "taken@example.com")
			b.submit(t)
			b.at(t, "account-email-code")
			shoot("email-code")
			b.fill(t, "verification_code", s.emulator.code(t, "taken@example.com"))
			b.submit(t)
			b.at(t, "account-email-conflict")
			b.submit(t)
			shoot("conflict")
			b.follow(t, "account")
			b.change(t, "password")
			b.at(t, "account-password")
			shoot("password")
			b.fill(t, "new_password", "Password1!")
			b.submit(t)
			shoot("password-refused")
			b.fill(t, "new_password", "Quite-new-4711")
			b.submit(t)
			b.at(t, "account")
			shoot("account-done")
			b.change(t, "providers")
			b.at(t, "account-providers")
			shoot("providers")
			b.press(t, b.Locator(`button[value="link:demo"]`))
			b.consent(t, "allow", "p-1", "")
			b.at(t, "account-bind")
			shoot("bind")
			b.submit(t)
			b.at(t, "account-providers")
			b.follow(t, "account")
			b.change(t, "sessions")
			shoot("sessions")
			b.follow(t, "account-history")
			b.at(t, "account-history")
			shoot("history")
			b.follow(t, "account")
			b.change(t, "delete")
			b.at(t, "account-delete")
			shoot("delete")
			b.fill(t, "confirm", map[string]string{"en": "delete", "zh-CN": "注销账号"}[language])
			b.submit(t)
			b.at(t, "goodbye")
			shoot("goodbye")
		})
	}
}
