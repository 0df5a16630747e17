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

// TestPortalScreenshots photographs the portal as TestScreenshots does the sign-in pages, in shots/portal.
func TestPortalScreenshots(t *testing.T) {
	dir := filepath.Join("shots", "portal")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, language := range []string{"en", "zh-CN"} {
		t.Run(language, func(t *testing.T) {
			s := start(t, options{settings: "image_hosts: [\"https://cdn.example.com\"]\n"})
			v := s.visit(t, speaking(language))
			b := v.open(s.portal(""))
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
			b.at("sign-in")
			b.typePassword(demoName, demoPassword)
			b.submit()
			b.at("account")
			shoot("account")
			b.change("name")
			b.at("account-profile")
			shoot("profile")
			b.fill("picture", "x", "zoneinfo", "Nowhere")
			b.submit()
			shoot("profile-refused")
			b.follow("account")
			b.change("email")
			b.at("step-up-password")
			shoot("step-up")
			b.stepUpByPassword(demoPassword)
			b.at("account-email")
			shoot("email")
			other := s.emulator.register(t, "taken@example.com", "taken", "Quiet-river-7")
			_ = other
			b.follow("account")
			b.change("username")
			b.at("account-username")
			shoot("username")
			b.fill("username", "..")
			b.submit()
			shoot("username-refused")
			b.follow("account")
			b.change("email")
			b.at("account-email")
			b.fill("email", "taken@example.com")
			b.submit()
			b.at("account-email-code")
			shoot("email-code")
			b.fill("verification_code", s.emulator.code(t, "taken@example.com"))
			b.submit()
			b.at("account-email-conflict")
			b.submit()
			shoot("conflict")
			b.follow("account")
			b.change("password")
			b.at("account-password")
			shoot("password")
			b.fill("new_password", "Password1!")
			b.submit()
			shoot("password-refused")
			b.fill("new_password", "Quite-new-4711")
			b.submit()
			b.at("account")
			shoot("account-done")
			b.change("providers")
			b.at("account-providers")
			shoot("providers")
			b.press(b.Locator(`button[value="link:demo"]`))
			b.consent("allow", "p-1", "")
			b.at("account-bind")
			shoot("bind")
			b.submit()
			b.at("account-providers")
			b.follow("account")
			b.change("sessions")
			shoot("sessions")
			b.follow("account-history")
			b.at("account-history")
			shoot("history")
			b.follow("account")
			b.change("delete")
			b.at("account-delete")
			shoot("delete")
			b.fill("confirm", map[string]string{"en": "delete", "zh-CN": "注销账号"}[language])
			b.submit()
			b.at("goodbye")
			shoot("goodbye")
		})
	}
}
