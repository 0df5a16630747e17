//go:build e2e

package e2e

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// twoApps is a copy of the sample tree, for a test to change.
func twoApps(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "deploy", "login-configs", "two-apps"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

const (
	ordersVersion = "v1_2f8c61d0" // of app-orders: auto registration, SMS first
	deskVersion   = "2"           // of app-desk: split registration, password first
)

// enterAs opens the app and lets the SDK send the browser to the login page of a config_version.
func (v *visitor) enterAs(t *testing.T, path, app, version string) *tab {
	t.Helper()
	b := v.open(t, path)
	b.ready(t)
	b.navigate(t, func() error {
		_, err := b.Evaluate(`([app_id, config_version]) => { auth.toDefaultLoginPage({ app_id, config_version }) }`, []string{app, version})
		return err
	})
	return b
}

// style is a computed style of an element.
func (b *tab) style(t *testing.T, selector, property string) string {
	t.Helper()
	got, err := b.Locator(selector).First().Evaluate(`(e, p) => getComputedStyle(e).getPropertyValue(p)`, property)
	if err != nil {
		t.Fatal(err)
	}
	return got.(string)
}

// ways are the data-to of the ways in beside the page's own form.
func (b *tab) ways(t *testing.T) []string {
	t.Helper()
	got, err := b.Evaluate(`() => [...document.querySelectorAll(".method")].map((e) => e.dataset.to)`)
	if err != nil {
		t.Fatal(err)
	}
	var ways []string
	for _, w := range got.([]any) {
		ways = append(ways, w.(string))
	}
	return ways
}

// TestTwoApps: two apps of one environment, side by side in one browser, each with its own methods, look, words and way to
// register; both sign in.
func TestTwoApps(t *testing.T) {
	s := start(t, options{tree: twoApps(t)})
	v := s.visit(t)
	orders := v.enterAs(t, where, "app-orders", ordersVersion)
	orders.at(t, "sign-in-sms")
	desk := v.enterAs(t, "/app/desk", "app-desk", deskVersion)
	desk.at(t, "sign-in")
	everyone := v.enterAs(t, "/app/home", "", "env")

	if got, want := orders.ways(t), []string{"sign-in-email", "sign-in"}; !slices.Equal(got, want) {
		t.Errorf("orders offers %v beside its form, want %v", got, want)
	}
	if got, want := desk.ways(t), []string{"sign-in-email", "provider-demo"}; !slices.Equal(got, want) {
		t.Errorf("desk offers %v beside its form, want %v", got, want)
	}
	colours := map[string]bool{}
	for name, b := range map[string]*tab{"orders": orders, "desk": desk, "everyone": everyone} {
		colours[b.style(t, ".primary", "background-color")] = true
		b.visible(t, "img.logo")
		width, err := b.Evaluate(`() => document.querySelector("img.logo").naturalWidth`)
		if err != nil || width == 0 {
			t.Errorf("%s: the logo did not load: %v, %v", name, width, err)
		}
	}
	if len(colours) != 3 {
		t.Errorf("the primary buttons have %d colours, want 3: %v", len(colours), colours)
	}
	if got := orders.style(t, "body", "padding-left"); got == "16px" {
		t.Error("orders is not split at this width")
	}
	if got := desk.style(t, "#username", "height"); got != "44px" {
		t.Errorf("desk's inputs are %s tall, want the 44px of a compact page", got)
	}
	orders.count(t, `a[data-to="sign-up"]`, 0) // auto: a code registers
	desk.count(t, `a[data-to="sign-up"]`, 1)   // split: sign-up has a page
	orders.count(t, `#agreement`, 0)
	desk.count(t, `#agreement`, 1)
	desk.count(t, `.foot a`, 3)

	// Orders registers whoever has a code.
	orders.typeCode(t, "+86 13800000021", "sign-in-sms-code")
	orders.finish(t, where)
	orders.isSignedIn(t, where, s.emulator.find(t, "+86 13800000021"))

	// Desk wants the agreement and an account.
	desk.typePassword(t, demoName, demoPassword)
	desk.submit(t)
	if keys := desk.wrong(t, 422, "sign-in"); !slices.Contains(keys, "error.required.agreement") {
		t.Errorf("without the agreement: %v", keys)
	}
	desk.check(t, "agreement")
	desk.fill(t, "password", demoPassword)
	desk.finish(t, "/app/desk")
	desk.isSignedIn(t, "/app/desk", s.emulator.find(t, demoName))
}

// TestSplitRegistration: at an app that registers on pages of its own, a code signs nobody up, and sign-up asks for what
// the config requires.
func TestSplitRegistration(t *testing.T) {
	s := start(t, options{tree: twoApps(t)})
	b := s.visit(t).enterAs(t, "/app/desk", "app-desk", deskVersion)
	b.follow(t, "sign-in-email")
	b.fill(t, "email", "stranger@example.com")
	b.check(t, "agreement")
	b.submit(t)
	b.at(t, "sign-in-email-code")
	if got := s.emulator.outbox(t, "stranger@example.com"); len(got) > 0 {
		t.Errorf("%d codes were sent to somebody without an account", len(got))
	}
	b.follow(t, "sign-in") // and back, to sign up
	b.follow(t, "sign-up")
	b.at(t, "sign-up")
	if got := b.text(t, "h1"); got != "Set up your desk" { // the config's own words
		t.Errorf("the heading is %q", got)
	}
	b.check(t, "agreement")
	b.fill(t, "email", "newcomer@example.com")
	b.submit(t)
	b.at(t, "sign-up-code")
	b.fill(t, "verification_code", s.emulator.code(t, "newcomer@example.com"))
	b.submit(t)
	b.at(t, "sign-up-details")
	b.submit(t)
	if keys := b.wrong(t, 422, "sign-up-details"); !slices.Contains(keys, "error.required.new_username") {
		t.Errorf("without the required username: %v", keys)
	}
	b.fill(t, "username", "newcomer", "password", "Steep-Hill-47!")
	b.finish(t, "/app/desk")
	b.isSignedIn(t, "/app/desk", s.emulator.find(t, "newcomer"))
}

// TestAnonymous: "continue without an account", where the config shows it.
func TestAnonymous(t *testing.T) {
	for _, sdk := range sdks {
		t.Run(sdk.name, func(t *testing.T) {
			s := start(t, options{sdk: sdk.sdk, tree: twoApps(t)})
			b := s.visit(t).enterAs(t, where, "app-desk", deskVersion)
			b.check(t, "agreement")
			b.press(t, b.Locator(`[data-to="anonymous"]`))
			b.back(t, where)
			got, err := b.Evaluate(`async () => (await auth.getLoginState()) !== null && await auth.loginScope()`)
			if err != nil || got != "anonymous" {
				t.Errorf("the SDK says %v, %v; want scope anonymous", got, err)
			}
			uid := b.uid(t)

			// The portal offers to register, and the account stays the same one.
			b.goTo(t, "/__auth/account?app_id=app-desk&env_id=demo&client_id=demo&config_version="+deskVersion+"&redirect_uri="+url.QueryEscape(s.origin+where))
			b.at(t, "account-anonymous")
			b.follow(t, "sign-up")
			b.check(t, "agreement")
			b.typeCode(t, "once-anonymous@example.com", "sign-up-code")
			b.submit(t)
			b.at(t, "sign-up-details")
			b.fill(t, "username", "known.now", "password", "Steep-Hill-47!")
			b.submit(t)
			b.at(t, "account")
			b.goTo(t, where)
			b.ready(t)
			if got := b.uid(t); got != uid {
				t.Errorf("after registering the SDK says %s, before %s", got, uid)
			}
			b.isSignedIn(t, where, s.emulator.find(t, "known.now"))
		})
	}
}

// uid is who the SDK says is signed in.
func (b *tab) uid(t *testing.T) string {
	t.Helper()
	got, err := b.Evaluate(`async () => (await auth.getCurrentUser()).uid`)
	if err != nil {
		t.Fatal(err)
	}
	return got.(string)
}

// operator asks the operator's listener.
func (s *server) operator(t *testing.T, path string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(s.listening(t, "admin").String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// TestReload: a config that is edited on disk is live within 2 seconds; a broken one keeps the last good page, is logged
// and shows in readyz.
func TestReload(t *testing.T) {
	tree := twoApps(t)
	s := start(t, options{tree: tree})
	file := filepath.Join(tree, "app-desk", "login.config.2.json")
	original, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(content string) time.Time {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return time.Now()
	}
	b := s.visit(t).enterAs(t, "/app/desk", "app-desk", deskVersion)
	shows := func(name string, since time.Time) {
		t.Helper()
		for {
			b.goTo(t, b.URL())
			if b.text(t, ".brand") == name {
				if took := time.Since(since); took > 2*time.Second {
					t.Errorf("%s was live after %v, want 2 s at most", name, took)
				}
				return
			}
			if time.Since(since) > patience {
				t.Fatalf("the page shows %q, never %q", b.text(t, ".brand"), name)
			}
		}
	}
	shows("Desk", write(strings.ReplaceAll(string(original), `"name": "Desk"`, `"name": "Desk"`)))
	shows("Bureau", write(strings.ReplaceAll(string(original), `"name": "Desk"`, `"name": "Bureau"`)))

	write(`{"name": "half a fi`)
	deadline := time.Now().Add(patience)
	for {
		status, ready := s.operator(t, "/readyz")
		if strings.Contains(ready, "login.config.2.json") {
			if status != http.StatusOK {
				t.Errorf("readyz answers %d; the last good page serves on, so it is as ready as before", status)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("readyz does not tell of the broken file: %s", ready)
		}
	}
	shows("Bureau", time.Now())
	if log := s.log(); !strings.Contains(log, "login.config.2.json") {
		t.Error("the log does not tell of the broken file")
	}
	shows("Desk", write(string(original)))
}

// layoutFaults looks for what is cut off, sticks out, or lies on other text.
const layoutFaults = `() => {
	const faults = [], seen = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".sr, .show, noscript");
	const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : e.className ? "." + String(e.className).replaceAll(" ", ".") : "");
	const root = document.documentElement;
	if (root.scrollWidth > innerWidth) faults.push("the page is " + root.scrollWidth + " px wide on a screen of " + innerWidth);
	const lines = [];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; (n = walker.nextNode()); ) {
		const e = n.parentElement;
		if (!n.data.trim() || !seen(e) || e.closest("select, script")) continue;
		const range = document.createRange();
		range.selectNodeContents(n);
		for (const r of range.getClientRects()) {
			if (r.width < 2 || r.height < 2) continue;
			if (r.left < -1 || r.right > innerWidth + 1) faults.push("text of " + name(e) + " leaves the screen: " + n.data.trim().slice(0, 30));
			lines.push([e, r, n.data.trim().slice(0, 30)]);
		}
	}
	for (let i = 0; i < lines.length; i++)
		for (let j = i + 1; j < lines.length; j++) {
			const [a, p, s] = lines[i], [b, q, u] = lines[j];
			if (a === b) continue;
			const w = Math.min(p.right, q.right) - Math.max(p.left, q.left), h = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
			if (w > 2 && h > 5) faults.push("«" + s + "» of " + name(a) + " lies on «" + u + "» of " + name(b));
		}
	for (const e of document.querySelectorAll("body *")) {
		if (!seen(e) || e.matches("input, select, option, img, picture, source, script")) continue;
		const style = getComputedStyle(e);
		if (style.overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1) faults.push(name(e) + " is cut off");
		if (e.matches("a, button") && style.display !== "inline" && e.scrollWidth > e.clientWidth + 1) faults.push(name(e) + " is too narrow for its text");
	}
	return faults;
}`

// framed finds the title and address of a previewed page.
var framed = regexp.MustCompile(`<iframe title="([^"]*)" src="([^"]*)"`)

// measured is what TestLayout looks at: a config in a language, at some widths, with its pages in some states.
type measured struct {
	config, locale string
	widths         []int
	states         []string
}

const desk = "app=app-desk&version=" + deskVersion

// TestLayout: no page is cut off or lies on itself, in both pseudo-locales, on the narrowest screen that counts.
// TestLateLayout measures every config in every language, at more widths and in more states.
func TestLayout(t *testing.T) {
	measure(t, []measured{
		{desk, "en-XA", []int{320}, []string{"empty", "required"}},
		{desk, "ar-XB", []int{320}, []string{"empty"}},
	})
}

// measure opens the preview's pages and fails for every fault of layout.
func measure(t *testing.T, cases []measured) {
	s := start(t, options{tree: twoApps(t)})
	v := s.visit(t)
	b := v.open(t, "about:blank")
	operator := s.listening(t, "admin").String()
	for _, m := range cases {
		t.Run(m.config+" "+m.locale, func(t *testing.T) {
			_, list := s.operator(t, fmt.Sprintf("/preview/?env=demo&%s&locale=%s&page=all&state=all", m.config, m.locale))
			frames := framed.FindAllStringSubmatch(list, -1)
			looked := 0
			for _, f := range frames {
				title, src := f[1], html.UnescapeString(f[2])
				_, state, _ := strings.Cut(title, ", ")
				if !slices.Contains(m.states, state) {
					continue
				}
				looked++
				b.goTo(t, operator+src)
				for _, width := range m.widths {
					if err := b.SetViewportSize(width, 800); err != nil {
						t.Fatal(err)
					}
					faults, err := b.Evaluate(layoutFaults)
					if err != nil {
						t.Fatal(err)
					}
					for _, fault := range faults.([]any) {
						t.Errorf("%s at %d px: %v", title, width, fault)
					}
				}
			}
			if looked < 25 {
				t.Errorf("only %d pages of %d were looked at", looked, len(frames))
			}
		})
	}
}
