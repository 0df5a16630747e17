//go:build e2e

package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// visitor is one browser context: a person with cookies and storage of their own. It watches
// everything the browser complains about, and fails the test at its end if there was anything.
type visitor struct {
	server  *server
	context playwright.BrowserContext

	mu         sync.Mutex
	complaints []string
	broken     bool // the test makes 5xx answers on purpose
}

// tab is one page of a visitor.
type tab struct {
	playwright.Page
	v *visitor

	mu   sync.Mutex
	docs []document // answers to the navigations of this tab, oldest first
}

// document is one answer to a navigation.
type document struct {
	method  string
	url     string
	status  int
	headers map[string]string
}

// What Chromium prints for a page that came with an error status, which is how form errors come.
var (
	refused   = regexp.MustCompile(`^Failed to load resource: the server responded with a status of 4\d\d `)
	unhealthy = regexp.MustCompile(`^Failed to load resource: the server responded with a status of 50[0-3] `)
)

func (s *server) visit(t *testing.T, change ...func(*playwright.BrowserNewContextOptions)) *visitor {
	t.Helper()
	o := playwright.BrowserNewContextOptions{Locale: playwright.String("en-US")}
	for _, f := range change {
		f(&o)
	}
	c, err := browser.NewContext(o)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDefaultTimeout(float64(patience.Milliseconds()))
	c.SetDefaultNavigationTimeout(float64(patience.Milliseconds()))
	v := &visitor{server: s, context: c}
	c.OnConsole(func(m playwright.ConsoleMessage) {
		if m.Type() != "error" && !strings.Contains(m.Text(), "Content Security Policy") {
			return
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if refused.MatchString(m.Text()) || v.broken && unhealthy.MatchString(m.Text()) {
			return
		}
		v.complaints = append(v.complaints, fmt.Sprintf("console: %s (%s)", m.Text(), m.Location().URL))
	})
	c.OnWebError(func(e playwright.WebError) { v.complain("script error: %v", e.Error()) })
	c.OnRequest(func(r playwright.Request) {
		if u, err := url.Parse(r.URL()); err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" {
			v.complain("a request to a foreign host: %s", r.URL())
		}
	})
	t.Cleanup(func() { v.close(t) })
	return v
}

func withoutScript(o *playwright.BrowserNewContextOptions) {
	o.JavaScriptEnabled = playwright.Bool(false)
}

func speaking(language string) func(*playwright.BrowserNewContextOptions) {
	return func(o *playwright.BrowserNewContextOptions) { o.Locale = &language }
}

func (v *visitor) complain(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.complaints = append(v.complaints, fmt.Sprintf(format, args...))
}

// expectBroken says that answers with 5xx are what the test is about.
func (v *visitor) expectBroken() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.broken = true
}

func (v *visitor) close(t *testing.T) {
	if t.Failed() {
		v.photograph(t)
	}
	if err := v.context.Close(); err != nil {
		t.Errorf("closing the context: %v", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range v.complaints {
		t.Errorf("the browser complained: %s", c)
	}
}

// photograph keeps what a failed test was looking at, in build/failures.
func (v *visitor) photograph(t *testing.T) {
	dir := filepath.Join("build", "failures")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Log(err)
		return
	}
	for i, p := range v.context.Pages() {
		file := filepath.Join(dir, fmt.Sprintf("%s-%d.png", strings.NewReplacer("/", "-", " ", "_").Replace(t.Name()), i+1))
		if _, err := p.Screenshot(playwright.PageScreenshotOptions{Path: &file, FullPage: playwright.Bool(true), Timeout: playwright.Float(5000)}); err != nil {
			t.Logf("no screenshot: %v", err)
			continue
		}
		t.Logf("a screenshot of %s is in e2e/%s", p.URL(), file)
	}
}

func (v *visitor) open(t *testing.T, address string) *tab {
	t.Helper()
	p, err := v.context.NewPage()
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{Page: p, v: v}
	p.OnResponse(func(r playwright.Response) {
		if req := r.Request(); req.IsNavigationRequest() && req.Frame() == p.MainFrame() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.docs = append(b.docs, document{req.Method(), r.URL(), r.Status(), r.Headers()})
		}
	})
	b.goTo(t, address)
	return b
}

// withoutLocks is a browser that has no Web Locks: an older one, or a page that is not on https.
func (v *visitor) withoutLocks(t *testing.T) {
	t.Helper()
	if err := v.context.AddInitScript(playwright.Script{Content: playwright.String(`delete Navigator.prototype.locks`)}); err != nil {
		t.Fatal(err)
	}
}

// goTo opens an address: a whole URL, or a path on the app's origin.
func (b *tab) goTo(t *testing.T, address string) document {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.v.server.origin + address
	}
	if _, err := b.Goto(address); err != nil {
		t.Fatal(err)
	}
	return b.last()
}

// last is the answer that the tab shows now.
func (b *tab) last() document {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.docs) == 0 {
		return document{}
	}
	return b.docs[len(b.docs)-1]
}

// answers counts the navigations of this tab that have been answered.
func (b *tab) answers() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.docs)
}

// at says which page is shown, by its data-page.
func (b *tab) at(t *testing.T, page string) {
	t.Helper()
	if err := expect.Locator(b.Locator("body")).ToHaveAttribute("data-page", page); err != nil {
		t.Fatalf("at %s: %v", b.URL(), err)
	}
}

// field is an input of the page's form, by the name it is posted with.
func (b *tab) field(name string) playwright.Locator {
	return b.Locator(fmt.Sprintf("#form [name=%q]", name))
}

// fill types into fields: name, value, name, value … Passwords are remembered as secrets of the
// log.
func (b *tab) fill(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if strings.Contains(pairs[i], "password") {
			b.v.server.secret(t, pairs[i+1])
		}
		if err := b.field(pairs[i]).Fill(pairs[i+1]); err != nil {
			t.Fatalf("typing into %s: %v", pairs[i], err)
		}
	}
}

// check ticks a box.
func (b *tab) check(t *testing.T, name string) {
	t.Helper()
	if err := b.field(name).Check(); err != nil {
		t.Fatalf("ticking %s: %v", name, err)
	}
}

func (b *tab) choose(t *testing.T, name, value string) {
	t.Helper()
	if _, err := b.field(name).SelectOption(playwright.SelectOptionValues{Values: &[]string{value}}); err != nil {
		t.Fatalf("choosing %s in %s: %v", value, name, err)
	}
}

// primary is the button that Enter presses.
func (b *tab) primary() playwright.Locator {
	return b.Locator("#form button[type=submit], #form button:not([type], [aria-hidden], .refresh)").First()
}

// submit presses the primary button and returns the answer that is shown next, after any redirects
// of ours.
func (b *tab) submit(t *testing.T) document {
	t.Helper()
	return b.press(t, b.primary())
}

// press clicks what loads another page, and waits for that page.
func (b *tab) press(t *testing.T, l playwright.Locator) document {
	t.Helper()
	return b.navigate(t, func() error { return l.Click() })
}

func (b *tab) navigate(t *testing.T, act func() error) document {
	t.Helper()
	if _, err := b.ExpectEvent("domcontentloaded", act); err != nil {
		t.Fatalf("at %s: %v", b.URL(), err)
	}
	return b.last()
}

// follow takes one of the page's plain links to another page of ours, by its data-to.
func (b *tab) follow(t *testing.T, to string) {
	t.Helper()
	b.press(t, b.Locator(fmt.Sprintf("a[data-to=%q]", to)))
}

// wrong says that the form came back with a field or the whole of it refused, and returns the
// message keys.
func (b *tab) wrong(t *testing.T, status int, page string) []string {
	t.Helper()
	b.at(t, page)
	if got := b.last().status; got != status {
		t.Errorf("status %d, want %d", got, status)
	}
	b.visible(t, "#error-summary[role=alert], [id$='-error']")
	return b.keys(t)
}

// keys are the message keys of the errors on the page, the summary's and the fields'.
func (b *tab) keys(t *testing.T) []string {
	t.Helper()
	found, err := b.Evaluate(`() => [...document.querySelectorAll("#error-summary, #error-summary [data-key], [id$='-error'][data-key]")].map((e) => e.dataset.key).filter(Boolean)`)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, k := range found.([]any) {
		keys = append(keys, k.(string))
	}
	return keys
}

func (b *tab) visible(t *testing.T, selector string) {
	t.Helper()
	if err := expect.Locator(b.Locator(selector).First()).ToBeVisible(); err != nil {
		t.Fatalf("at %s: %v", b.URL(), err)
	}
}

// count says how many elements a selector finds.
func (b *tab) count(t *testing.T, selector string, want int) {
	t.Helper()
	if err := expect.Locator(b.Locator(selector)).ToHaveCount(want); err != nil {
		t.Errorf("%s at %s: %v", selector, b.URL(), err)
	}
}

// holds says what a field contains.
func (b *tab) holds(t *testing.T, name, want string) {
	t.Helper()
	if err := expect.Locator(b.field(name)).ToHaveValue(want); err != nil {
		t.Errorf("field %s at %s: %v", name, b.URL(), err)
	}
}

// text is what a person can read in an element.
func (b *tab) text(t *testing.T, selector string) string {
	t.Helper()
	s, err := b.Locator(selector).First().InnerText()
	if err != nil {
		t.Fatalf("reading %s at %s: %v", selector, b.URL(), err)
	}
	return s
}

// attribute reads an attribute; absent is "".
func (b *tab) attribute(t *testing.T, selector, name string) string {
	t.Helper()
	s, err := b.Locator(selector).First().GetAttribute(name)
	if err != nil {
		t.Fatalf("reading %s of %s at %s: %v", name, selector, b.URL(), err)
	}
	return s
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

// stored reads a key of the origin's localStorage; absent is "".
func (b *tab) stored(t *testing.T, key string) string {
	t.Helper()
	value, err := b.Evaluate(`(key) => localStorage.getItem(key) ?? ""`, key)
	if err != nil {
		t.Fatal(err)
	}
	return value.(string)
}

// summary is what the page says went wrong, for the message of a failing test.
func (b *tab) summary() string {
	if n, err := b.Locator("main").Count(); err != nil || n == 0 {
		return ""
	}
	text, err := b.Locator("main").First().InnerText()
	if err != nil {
		return err.Error()
	}
	return text
}

// hold keeps requests back until the returned function is called.
func (b *tab) hold(t *testing.T, pattern string) (held, release func()) {
	t.Helper()
	arrived, open := make(chan struct{}, 8), make(chan struct{})
	if err := b.Route(pattern, func(r playwright.Route) {
		arrived <- struct{}{}
		go func() {
			<-open
			_ = r.Continue() // the page may be gone
		}()
	}); err != nil {
		t.Fatal(err)
	}
	held = func() {
		t.Helper()
		select {
		case <-arrived:
		case <-time.After(patience):
			t.Fatalf("no request for %s", pattern)
		}
	}
	return held, func() { close(open) }
}
