//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestRefreshRace: an app's tab and one of ours refresh the same login at the same moment. TCB lets
// one of them win; whoever loses, the login stays in localStorage, and both go on with it.
func TestRefreshRace(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{sdk: version.sdk})
			v := s.visit(t)
			app := v.signIn(t, demoName, demoPassword)
			her := s.emulator.find(t, demoName)
			again := func(t *testing.T) {
				t.Helper()
				if err := v.context.ClearCookies(); err != nil {
					t.Fatal(err)
				}
				app.expire(t)
				app.goTo(t, "/app/again")
				app.ready(t)
			}
			t.Run("nobody else refreshes", func(t *testing.T) {
				again(t)
				before := app.refreshToken(t)
				b := v.open(t, s.portal(""))
				b.at(t, "account")
				if after := b.refreshToken(t); after == before || after == "" {
					t.Error("localStorage has not got the new refresh token")
				}
				app.goTo(t, where)
				app.ready(t)
				app.isSignedIn(t, where, her)
			})
			t.Run("the app is late and loses", func(t *testing.T) {
				again(t)
				held, release := app.hold(t, "**/auth/v1/token*")
				if _, err := app.Evaluate(`() => { window.asked = auth.getAccessToken().catch((e) => e); }`); err != nil {
					t.Fatal(err)
				}
				held()
				b := v.open(t, s.portal(""))
				b.at(t, "account")
				fresh := b.refreshToken(t)
				// Now the SDK hears invalid_grant and drops the login that is not its own any more.
				if _, err := app.Evaluate(`() => {
					window.dropped = new Promise((done) => {
						const remove = Storage.prototype.removeItem;
						Storage.prototype.removeItem = function (key) {
							remove.call(this, key);
							if (key === "credentials_demo") done();
						};
					});
				}`); err != nil {
					t.Fatal(err)
				}
				release()
				if _, err := app.Evaluate(`() => window.dropped`); err != nil {
					t.Fatal(err)
				}
				if _, err := app.WaitForFunction(`() => localStorage.getItem("credentials_demo") !== null`, nil); err != nil {
					t.Fatalf("the login is lost: %v", err)
				}
				if b.refreshToken(t) != fresh {
					t.Error("another login was put back")
				}
				if err := app.UnrouteAll(); err != nil {
					t.Fatal(err)
				}
				app.goTo(t, where)
				app.ready(t)
				app.isSignedIn(t, where, her)
				b.change(t, "name")
				b.at(t, "account-profile")
			})
			t.Run("the app is faster", func(t *testing.T) {
				again(t)
				b := v.open(t, "about:blank")
				held, release := b.hold(t, "**/__auth/session*")
				b.goTo(t, s.portal(""))
				b.at(t, "hand-off")
				held() // with the old refresh token
				if _, err := app.Evaluate(`() => auth.getAccessToken()`); err != nil {
					t.Fatal(err)
				}
				fresh := app.refreshToken(t)
				release()
				b.at(t, "account")
				if b.refreshToken(t) != fresh {
					t.Error("the app's login is not in localStorage any more")
				}
				app.goTo(t, where)
				app.ready(t)
				app.isSignedIn(t, where, her)
			})
			t.Run("both at once", func(t *testing.T) {
				latency := 200
				s.emulator.set(t, settings{LatencyMS: &latency})
				defer s.emulator.set(t, settings{LatencyMS: new(int)})
				for range 2 {
					again(t)
					if _, err := app.Evaluate(`() => { window.asked = auth.getAccessToken().catch((e) => e); }`); err != nil {
						t.Fatal(err)
					}
					b := v.open(t, s.portal(""))
					b.at(t, "account")
					if _, err := app.Evaluate(`() => window.asked`); err != nil {
						t.Fatal(err)
					}
					if _, err := app.WaitForFunction(`() => localStorage.getItem("credentials_demo") !== null`, nil); err != nil {
						t.Fatalf("the login is lost: %v", err)
					}
					app.goTo(t, where)
					app.ready(t)
					app.isSignedIn(t, where, her)
				}
			})
		})
	}
}

// TestWhosePortal: what the app does with its login decides whose portal is shown.
func TestWhosePortal(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.emulator.register(t, "mei@example.com", "hanmeimei", "Quiet-river-7")
	v := s.visit(t)
	app := v.signIn(t, demoName, demoPassword)
	b := v.open(t, s.portal(""))
	b.at(t, "account")

	// Somebody else signs in to the app.
	if _, err := app.Evaluate(`() => auth.signIn({ username: "hanmeimei", password: "Quiet-river-7" })`); err != nil {
		t.Fatal(err)
	}
	if err := expect.Locator(b.Locator(`[data-row="username"] .fact`)).ToHaveText("hanmeimei"); err != nil {
		t.Fatal(err)
	}
	b.goTo(t, s.portal("/profile"))
	b.at(t, "account-profile")
	if got := b.row(t, "username"); got != "hanmeimei" {
		t.Errorf("username %q", got)
	}

	// And out again: nothing of hers is left to see.
	if _, err := app.Evaluate(`() => auth.signOut()`); err != nil {
		t.Fatal(err)
	}
	b.at(t, "sign-in")
	if !strings.Contains(b.URL(), "next=account-profile") {
		t.Errorf("signing in leads elsewhere: %s", b.URL())
	}
	if _, err := b.GoBack(); err != nil {
		t.Fatal(err)
	}
	b.at(t, "sign-in")
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	b.at(t, "account")
	if got := b.row(t, "username"); got != demoName {
		t.Errorf("the portal is %s's", got)
	}
}

// TestContinueAs: whoever is signed in to the app is offered to go on as that, from localStorage's
// login and never from a cookie alone.
func TestContinueAs(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{sdk: version.sdk})
			v := s.visit(t)
			app := v.signIn(t, demoName, demoPassword)
			before := app.refreshToken(t)
			b := v.open(t, s.entry(s.origin+where))
			b.at(t, "continue")
			b.follow(t, "app")
			b.back(t, where)
			b.isSignedIn(t, where, s.emulator.find(t, demoName))
			if b.refreshToken(t) != before {
				t.Error("going on has cost the login")
			}
			b.goTo(t, s.entry(s.origin+where))
			b.at(t, "continue")
			b.follow(t, "sign-in")
			b.at(t, "sign-in") // prompt=login: it is not offered again
			b.goTo(t, s.entry(s.origin+where, "prompt", "login"))
			b.at(t, "sign-in")

			// The cookie is still there; localStorage is not.
			if _, err := b.Evaluate(`() => localStorage.clear()`); err != nil {
				t.Fatal(err)
			}
			b.goTo(t, s.entry(s.origin+where))
			b.at(t, "sign-in")
			b.goTo(t, strings.Replace(s.entry(s.origin+where), "/__auth/?", "/__auth/continue?", 1))
			b.at(t, "sign-in")
		})
	}
}

// TestTabsAtOnce: a browser that is started again opens its tabs at once. Their first visits and
// hand-offs replace each other's cookies; whatever the order, all tabs end signed in by themselves,
// and so does the app.
func TestTabsAtOnce(t *testing.T) {
	t.Parallel()
	pages := []struct{ name, path, shows string }{
		{"entry", "", "continue"},
		{"portal", "", "account"},
		{"step-up", "/password", "step-up-password"},
	}
	type visit struct {
		tabs           int
		cookie         string
		ranOut, noLock bool
	}
	var visits []visit
	for _, ranOut := range []bool{false, true} {
		for _, cookie := range []string{"no cookie", "old cookie"} {
			visits = append(visits, visit{2, cookie, ranOut, false}, visit{3, cookie, ranOut, false})
		}
	}
	for _, cookie := range []string{"no cookie", "old cookie", "replaced cookie"} {
		visits = append(visits, visit{3, cookie, true, true}, visit{2, cookie, false, true})
	}
	visits = append(visits, visit{3, "replaced cookie", true, false})
	for _, page := range pages {
		t.Run(page.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			address := s.entry(s.origin + where)
			if page.name != "entry" {
				address = s.portal(page.path)
			}
			for _, how := range visits {
				t.Run(fmt.Sprintf("%d tabs, %s, login ran out %v, no locks %v", how.tabs, how.cookie, how.ranOut, how.noLock), func(t *testing.T) {
					v := s.visit(t)
					if how.noLock {
						v.withoutLocks(t)
					}
					app := v.open(t, where)
					app.ready(t)
					app.visited(t, how.cookie)
					app.keep(t, s.emulator.login(t, how.ranOut))
					var tabs []*tab
					for range how.tabs {
						tabs = append(tabs, v.open(t, "about:blank"))
					}
					var all sync.WaitGroup
					for _, b := range tabs {
						all.Go(func() {
							if _, err := b.Goto(s.origin+address, playwright.PageGotoOptions{WaitUntil: playwright.WaitUntilStateCommit}); err != nil {
								t.Error(err)
							}
						})
					}
					all.Wait()
					for _, b := range tabs {
						b.at(t, page.shows)
						b.count(t, "html:not([data-guard])", 1)
					}
					tabs[0].goTo(t, tabs[0].URL()) // and stay so
					tabs[0].at(t, page.shows)
					app.goTo(t, where)
					app.ready(t)
					app.isSignedIn(t, where, s.emulator.find(t, demoName))
				})
			}
		})
	}
}

// visited gives the browser the cookies of an earlier visit, whose login has ended since.
func (b *tab) visited(t *testing.T, cookie string) {
	t.Helper()
	if cookie == "no cookie" {
		return
	}
	s, v := b.v.server, b.v
	login := s.emulator.login(t, false)
	b.keep(t, login)
	b.goTo(t, s.portal("/password"))
	b.at(t, "step-up-password")
	if cookie == "replaced cookie" { // the browser never got the answer that replaced it
		before, err := v.context.Cookies()
		if err != nil {
			t.Fatal(err)
		}
		b.stepUpByPassword(t, demoPassword)
		b.at(t, "account-password")
		var jar []playwright.OptionalCookie
		for _, c := range before {
			jar = append(jar, c.ToOptionalCookie())
		}
		if err := v.context.ClearCookies(); err != nil {
			t.Fatal(err)
		}
		if err := v.context.AddCookies(jar); err != nil {
			t.Fatal(err)
		}
	}
	s.emulator.revoke(t, login)
	if _, err := b.Evaluate(`() => localStorage.clear()`); err != nil { // or the SDK drops what is there next
		t.Fatal(err)
	}
	b.goTo(t, where)
	b.ready(t)
}

// TestHandOffLimited: who is not taken over for now is shown the way on, and nothing goes round.
func TestHandOffLimited(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	v := s.visit(t)
	app := v.open(t, where)
	app.ready(t)
	app.keep(t, s.emulator.login(t, false))
	b := v.open(t, "about:blank")
	var mu sync.Mutex
	asked := 0
	if err := b.Route("**/__auth/session*", func(r playwright.Route) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		if err := r.Fulfill(playwright.RouteFulfillOptions{
			Status: playwright.Int(http.StatusTooManyRequests), ContentType: playwright.String("application/json"),
			Headers: map[string]string{"Retry-After": "30"}, Body: `{"error":"limited"}`,
		}); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	b.goTo(t, s.portal(""))
	b.at(t, "hand-off")
	b.count(t, "#going", 0)
	b.visible(t, "#away a")
	b.count(t, "#failed[hidden]", 1)
	b.follow(t, "sign-in")
	b.at(t, "sign-in")
	if err := b.WaitForLoadState(playwright.PageWaitForLoadStateOptions{State: playwright.LoadStateNetworkidle}); err != nil {
		t.Fatal(err)
	}
	b.at(t, "sign-in")
	mu.Lock()
	defer mu.Unlock()
	if asked == 0 || asked > 2 {
		t.Errorf("asked %d times, want once a page", asked)
	}
}
