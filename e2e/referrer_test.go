//go:build e2e

package e2e

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/playwright-community/playwright-go"

	tcb "tcb-login/emulator"
)

// TestNoReferrer: behind a proxy that adds "Referrer-Policy: no-referrer" to every answer, Chromium
// sends "Origin: null" with our own forms. All of them work all the same.
func TestNoReferrer(t *testing.T) {
	t.Parallel()
	s := start(t, options{noReferrer: true})
	v := s.visit(t)
	b := v.enter(t, where)
	b.typePassword(t, demoName, demoPassword)
	b.finish(t, where)
	b.goTo(t, s.portal("/profile"))
	b.at(t, "account-profile")
	b.fill(t, "name", "Without a referrer")
	b.submit(t)
	b.at(t, "account")
	if got := b.row(t, "name"); got != "Without a referrer" {
		t.Errorf("name %q", got)
	}
	b.follow(t, "sign-out")
	b.at(t, "sign-out")
	b.press(t, b.primary())
	b.back(t, where)
	if got := b.stored(t, "credentials_demo"); got != "" {
		t.Error("the login is left in localStorage")
	}
	b = v.enter(t, where)
	b.codeSignIn(t, demoEmail)
	b.finish(t, where)
	if _, null := s.app.origins.Load("null"); !null {
		t.Error("no form was posted with Origin: null: the proxy's header changes nothing any more, and so neither does this test")
	}
}

// TestConsoleElsewhere: the emulator's console works from another machine by plain HTTP, where
// Chromium sends no Sec-Fetch-Site: by the Origin that the page asks for, and behind a proxy that
// adds "Referrer-Policy: no-referrer", which makes that null.
func TestConsoleElsewhere(t *testing.T) {
	t.Parallel()
	const token, settings = "abcdefghijklmnopqrstuvwxyz012345", "http://tcb.internal/__emulator/ui/settings"
	for origin, adds := range map[string]string{"http://tcb.internal": "", "null": "no-referrer"} {
		em, err := tcb.New(tcb.Config{CheapPasswords: true, ControlToken: token, Environments: []tcb.Environment{{ID: "demo"}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = em.Close() })
		var last atomic.Pointer[http.Header] // of the last form
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if header := r.Header.Clone(); r.Method == http.MethodPost {
				last.Store(&header)
			}
			em.ServeHTTP(&referring{w, adds}, r)
		}))
		t.Cleanup(proxy.Close)
		visit, err := browser.NewContext(playwright.BrowserNewContextOptions{Proxy: &playwright.Proxy{Server: proxy.URL}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = visit.Close() })
		visit.SetDefaultTimeout(float64(patience.Milliseconds()))
		page, err := visit.NewPage()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := page.Goto(settings); err != nil {
			t.Fatal(err)
		}
		if err := page.Locator(`input[name="token"]`).Fill(token); err != nil {
			t.Fatal(err)
		}
		for _, button := range []string{"main button", "#latency button"} {
			if err := page.Locator(button).Click(); err != nil {
				t.Fatal(err)
			}
		}
		if err := expect.Locator(page.Locator(".note.done")).ToBeVisible(); err != nil {
			t.Errorf("a form with Origin %s: at %s: %v", origin, page.URL(), err)
		}
		if said := *last.Load(); said.Get("Origin") != origin || said["Sec-Fetch-Site"] != nil {
			t.Errorf("Chromium sends Origin %q, want %q, and Sec-Fetch-Site %q, want none", said.Get("Origin"), origin, said["Sec-Fetch-Site"])
		}
	}
}

// referring adds a policy to answers, behind ours.
type referring struct {
	http.ResponseWriter
	adds string
}

func (r *referring) WriteHeader(status int) {
	if r.adds != "" {
		r.Header().Add("Referrer-Policy", r.adds)
	}
	r.ResponseWriter.WriteHeader(status)
}
