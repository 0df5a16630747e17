//go:build e2e

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const miniProgram = "wx0123456789abcdef"

// qrTree is a tree of one login page, which offers a mini program's code.
func qrTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "__auth", "env", "login.config.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	config := `{"name": "Orders", "web": [{"id": "__password", "enable": true}], "tcbLogin": {"miniProgram": "` + miniProgram + `"}}`
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// phone is where the newest code leads that a page shows.
func (e *emulator) phone(t *testing.T) string {
	t.Helper()
	var got struct {
		Scans []struct{ URL string }
	}
	e.call(t, http.MethodGet, "/__emulator/scans.json", nil, &got)
	if len(got.Scans) == 0 {
		t.Fatal("no code waits for a phone")
	}
	return got.Scans[0].URL
}

// qrKind says whether TCB's codes are pictures or links, which we draw.
func (e *emulator) qrKind(t *testing.T, kind string) {
	t.Helper()
	e.call(t, http.MethodPut, "/__emulator/settings", map[string]string{"qr_code": kind}, nil)
}

// TestQR: a phone scans the page's code and says yes; the page notices by itself, and the app is
// signed in.
func TestQR(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ sdk, kind, selector string }{
		{"sdk2", "link", "figure.qr svg path"},
		{"sdk3", "picture", "figure.qr img"},
	} {
		t.Run(tt.sdk+" "+tt.kind, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{sdk: tt.sdk, tree: qrTree(t)})
			s.emulator.qrKind(t, tt.kind)
			v := s.visit(t)
			b := v.enter(t, where)
			b.press(t, b.Locator(`button[data-to="sign-in-qr"]`))
			b.at(t, "qr-code")
			b.visible(t, tt.selector)
			b.visible(t, "[data-in=waiting]:not([hidden])")
			if got := b.text(t, ".lead"); !strings.Contains(got, strings.TrimPrefix(s.origin, "http://")) {
				t.Errorf("the page does not say where it is: %s", got)
			}
			phone := s.visit(t).open(t, s.emulator.phone(t))
			b.visible(t, "span[data-in=scanned]:not([hidden])")
			phone.consent(t, "allow", "", "")
			b.back(t, where)
			people := s.emulator.people(t)
			b.isSignedIn(t, where, people[len(people)-1])
			// It proves nothing of who sits here.
			b.goTo(t, s.portal("/password"))
			b.at(t, "step-up-impossible")
		})
	}
}

// TestQRRefused: a no on the phone is told, and another code can be had.
func TestQRRefused(t *testing.T) {
	t.Parallel()
	s := start(t, options{tree: qrTree(t)})
	b := s.visit(t).enter(t, where)
	b.press(t, b.Locator(`button[data-to="sign-in-qr"]`))
	b.at(t, "qr-code")
	first := s.emulator.phone(t)
	phone := s.visit(t).open(t, first)
	phone.consent(t, "deny", "", "")
	b.visible(t, "span[data-in=refused]:not([hidden])")
	b.press(t, b.Locator(`button[data-to="new"]:visible`))
	b.at(t, "qr-code")
	b.visible(t, "[data-in=waiting]:not([hidden])")
	if s.emulator.phone(t) == first {
		t.Error("the code is the same")
	}
}

// TestQRWithoutScript: the same by buttons.
func TestQRWithoutScript(t *testing.T) {
	t.Parallel()
	s := start(t, options{tree: qrTree(t)})
	s.emulator.qrKind(t, "link")
	b := s.visit(t, withoutScript).open(t, s.entry(s.origin+where))
	b.press(t, b.Locator(`button[data-to="sign-in-qr"]`))
	b.at(t, "qr-code")
	b.visible(t, "figure.qr svg path")
	phone := s.visit(t, withoutScript).open(t, s.emulator.phone(t))
	b.press(t, b.Locator(`button[data-to="check"]`))
	b.at(t, "qr-code")
	b.visible(t, "span[data-in=scanned]:not([hidden])")
	b.visible(t, "figure.qr svg path")
	phone.consent(t, "allow", "", "")
	for confirmed, deadline := 0, time.Now().Add(patience); confirmed == 0 && time.Now().Before(deadline); { // a second passes between two looks
		b.press(t, b.Locator(`button[data-to="check"]`))
		var err error
		if confirmed, err = b.Locator(`span[data-in=confirmed]:not([hidden])`).Count(); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.press(t, b.Locator(`button[data-to="enter"]`)); got.status != 200 {
		t.Errorf("signing in: status %d", got.status)
	}
	b.at(t, "complete")
	b.goTo(t, s.portal(""))
	b.at(t, "account")
}
