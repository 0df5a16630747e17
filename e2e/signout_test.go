//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestSignOutAsks: opening the sign-out page does nothing, whatever login the SDK has meanwhile;
// its button ends that login as well as our pages' own.
func TestSignOutAsks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, change string }{
		{"the SDK has refreshed", `async () => { await auth.getAccessToken(); }`},
		{"the SDK has another login", `async (login) => { await auth.signIn(login); }`},
		{"the SDK's has run out since", `async (login) => {
			await auth.signIn(login);
			const key = "credentials_demo", old = JSON.parse(localStorage.getItem(key));
			localStorage.setItem(key, JSON.stringify({ ...old, expires_at: new Date(0).toISOString() }));
		}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{})
			v := s.visit(t)
			app := v.signIn(t, demoName, demoPassword)
			token := func() string {
				t.Helper()
				var login struct {
					AccessToken string `json:"access_token"`
				}
				if err := json.Unmarshal([]byte(app.stored(t, "credentials_demo")), &login); err != nil {
					t.Fatal(err)
				}
				s.secret(t, login.AccessToken)
				return login.AccessToken
			}
			ours := token()
			app.expire(t)
			app.goTo(t, "/app/again") // the SDK of before has the old login in memory
			app.ready(t)
			if _, err := app.Evaluate(tt.change, map[string]any{"username": demoName, "password": demoPassword}); err != nil {
				t.Fatal(err)
			}
			apps := token()
			if apps == ours {
				t.Fatal("the SDK has the login that our pages have")
			}
			var mu sync.Mutex
			var posts []playwright.Request
			v.context.OnRequest(func(r playwright.Request) {
				mu.Lock()
				defer mu.Unlock()
				if r.Method() == http.MethodPost {
					posts = append(posts, r)
				}
			})
			posted := func() []playwright.Request {
				mu.Lock()
				defer mu.Unlock()
				return posts
			}
			b := v.open(t, strings.Replace(s.entry(s.origin+where), "/__auth/?", "/__auth/sign-out?", 1))
			b.at(t, "sign-out")
			if err := b.WaitForLoadState(playwright.PageWaitForLoadStateOptions{State: playwright.LoadStateNetworkidle}); err != nil {
				t.Fatal(err)
			}
			if n := len(posted()); n != 0 {
				t.Errorf("%d POSTs before the button was pressed", n)
			}
			if !s.emulator.takes(t, apps) {
				t.Error("opening the page has ended the SDK's login")
			}
			if err := b.primary().Dblclick(); err != nil {
				t.Fatal(err)
			}
			b.back(t, where)
			if n := len(posted()); n != 1 {
				t.Errorf("%d POSTs, want the form's alone", n)
			}
			for whose, token := range map[string]string{"our pages'": ours, "the SDK's": apps} {
				if s.emulator.takes(t, token) {
					t.Errorf("%s login lives on", whose)
				}
			}
			if b.stored(t, "credentials_demo") != "" {
				t.Error("the login is left in localStorage")
			}
		})
	}
}
