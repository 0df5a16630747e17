//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	tcb "tcb-login/emulator"
)

// conformance is one version of the SDK in one page, with an emulator of its own. Every probe has
// an environment to itself, so that none meets another one's users; the settings, which are the
// emulator's as a whole, are put back after each.
type conformance struct {
	sdk      string
	app      *url.URL
	emulator *url.URL
	page     playwright.Page
	probes   []probe
	means    map[string][]string // by probe, what the test did besides calling the SDK

	told chan string // what a step says that the browser leaves its page with

	mu     sync.Mutex
	wechat map[string]string // by environment, the openid that WeChat's cloud vouches for
	beyond []string          // requests that left this machine
}

// environmentsServed is how many probes there can be.
const environmentsServed = 200

func startConformance(t *testing.T, sdk string) *conformance {
	t.Helper()
	c := &conformance{sdk: sdk, told: make(chan string, 1), wechat: map[string]string{}, means: map[string][]string{}}
	config := tcb.Config{Path: filepath.Join(t.TempDir(), "emulator.db")}
	for i := range environmentsServed {
		config.Environments = append(config.Environments, tcb.Environment{ID: environmentOf(i)})
	}
	e, err := tcb.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	c.emulator = c.serve(t, c.inWeChat(e))

	mux := http.NewServeMux()
	mux.Handle("/conformance/", http.StripPrefix("/conformance/", http.FileServer(http.Dir("conformance"))))
	mux.HandleFunc("/sdk.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		http.ServeFile(w, r, filepath.Join("build", sdk+".js"))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { // the app, and where its login page would be
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, conformancePage)
	})
	mux.HandleFunc("POST /told", func(w http.ResponseWriter, r *http.Request) {
		said, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		select {
		case c.told <- string(said):
		default: // nobody waits for it: the probe has failed already
		}
	})
	c.app = c.serve(t, mux)
	c.open(t)

	raw, err := c.page.Evaluate(`() => JSON.stringify(conformance.probes)`)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(raw.(string)), &c.probes); err != nil {
		t.Fatal(err)
	}
	if len(c.probes) == 0 || len(c.probes) > environmentsServed {
		t.Fatalf("%d probes for %d environments", len(c.probes), environmentsServed)
	}
	return c
}

func environmentOf(probe int) string { return fmt.Sprintf("probe-%03d", probe) }

const conformancePage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Conformance</title>
<link rel="icon" href="data:,">
<script src="/sdk.js"></script>
<script src="/conformance/harness.js"></script>
<script src="/conformance/methods.js"></script>
<script src="/conformance/results.js"></script>
<script src="/conformance/errors.js"></script>
<script>document.documentElement.dataset.ready = "yes";</script>
</html>
`

// serve is httptest.NewServer without keeping the test waiting for the browser's idle connections.
func (c *conformance) serve(t *testing.T, h http.Handler) *url.URL {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// inWeChat adds, for the environments that asked for it, what WeChat's cloud adds to the calls that
// it passes on.
func (c *conformance) inWeChat(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		openID := c.wechat[r.URL.Query().Get("client_id")]
		c.mu.Unlock()
		if openID != "" {
			r.Header.Set("X-WX-OPENID", openID)
		}
		next.ServeHTTP(w, r)
	})
}

// open makes the page and gives it what a page cannot do by itself.
func (c *conformance) open(t *testing.T) {
	t.Helper()
	context, err := browser.NewContext(playwright.BrowserNewContextOptions{Locale: playwright.String("en-US")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := context.Close(); err != nil {
			t.Errorf("closing the context: %v", err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.beyond) > 0 {
			t.Errorf("requests to foreign hosts: %q", c.beyond)
		}
	})
	context.SetDefaultTimeout(float64(patience.Milliseconds()))
	context.SetDefaultNavigationTimeout(float64(patience.Milliseconds()))
	context.OnRequest(func(r playwright.Request) {
		if u, err := url.Parse(r.URL()); err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Hostname() != "127.0.0.1" {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.beyond = append(c.beyond, r.URL())
		}
	})
	for name, serve := range map[string]func(args []string) (any, error){
		"controlEmulator": func(args []string) (any, error) { return c.control(args[0], args[1], args[2]) },
		"giveConsent":     func(args []string) (any, error) { return c.consent(args[0], args[1]) },
		"signTicket":      func(args []string) (any, error) { return c.ticket(args[0], args[1]) },
		"beInWeChat": func(args []string) (any, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.wechat[args[0]] = args[1]
			return "", nil
		},
	} {
		err := context.ExposeFunction(name, func(args ...any) any {
			given := make([]string, len(args))
			for i, arg := range args {
				given[i], _ = arg.(string)
			}
			answer, err := serve(given)
			if err != nil {
				return map[string]any{"failed": err.Error()}
			}
			return map[string]any{"answer": answer}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if c.page, err = context.NewPage(); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]string{"sdk": c.sdk, "emulator": c.emulator.String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := context.AddInitScript(playwright.Script{Content: playwright.String("window.setup = " + string(config) + ";")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.page.Goto(c.app.String() + "/app/"); err != nil {
		t.Fatal(err)
	}
	c.ready(t)
}

// ready waits for a page of the app that was not there before.
func (c *conformance) ready(t *testing.T) {
	t.Helper()
	if err := expect.Locator(c.page.Locator(`html[data-ready="yes"]:not([data-left])`)).ToBeAttached(); err != nil {
		t.Fatalf("the app page at %s: %v", c.page.URL(), err)
	}
}

// run runs one probe, step by step.
func (c *conformance) run(t *testing.T, n int) {
	defer func() {
		if t.Failed() { // wherever the browser is now: the next probe starts anew
			c.startAnew(t)
		} else if _, err := c.page.Evaluate(`() => conformance.tidy()`); err != nil {
			t.Errorf("putting the settings back: %v", err)
		}
	}()
	for step := range c.probes[n].Steps {
		raw, err := c.page.Evaluate(`([n, env, step]) => conformance.run(n, env, step)`, []any{n, environmentOf(n), step})
		if step+1 < c.probes[n].Steps && (err == nil || strings.Contains(err.Error(), "context was destroyed")) {
			// Evaluate's answer comes or not, as the browser is slow or quick to leave the page.
			raw, err = c.heard()
		}
		if err != nil {
			t.Fatalf("step %d at %s: %v", step+1, c.page.URL(), err)
		}
		var said struct {
			Failed string   `json:"failed"`
			Then   string   `json:"then"`
			Means  []string `json:"means"`
		}
		if err := json.Unmarshal([]byte(raw.(string)), &said); err != nil {
			t.Fatal(err)
		}
		if said.Failed != "" {
			t.Fatalf("step %d: %s", step+1, said.Failed)
		}
		c.did(n, said.Means...)
		if step+1 < c.probes[n].Steps {
			c.did(n, c.follow(t, said.Then))
		}
	}
}

// heard is what the step said before the browser left its page.
func (c *conformance) heard() (string, error) {
	select {
	case said := <-c.told:
		return said, nil
	case <-time.After(patience):
		return "", errors.New("the browser has left the page, and the step has said nothing")
	}
}

// did notes what was done for a probe.
func (c *conformance) did(n int, means ...string) {
	id := c.probes[n].id()
	for _, one := range means {
		if one != "" && !slices.Contains(c.means[id], one) {
			c.means[id] = append(c.means[id], one)
		}
	}
	slices.Sort(c.means[id])
}

// runInMiniProgram runs one row on the SDK's mini-program build, against an emulator of its own.
func runInMiniProgram(t *testing.T, sdk string, p probe) {
	t.Helper()
	e, err := tcb.New(tcb.Config{Path: filepath.Join(t.TempDir(), "emulator.db"), Environments: []tcb.Environment{{ID: "mini"}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	defer func() {
		server.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	given, err := json.Marshal(map[string]string{"emulator": server.URL, "env": "mini", "sdk": sdk})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	build := filepath.Join("node_modules", sdk, "miniprogram_dist", "index.js")
	node := exec.CommandContext(ctx, "node", filepath.Join("conformance", "miniprogram.cjs"), build, p.id())
	node.Stdin = bytes.NewReader(given)
	var out, complaints strings.Builder
	node.Stdout, node.Stderr = &out, &complaints
	if err := node.Run(); err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n") // the SDK itself talks before the last one
	said := struct{ Failed *string }{}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &said); err != nil {
		t.Fatalf("%v in %s\n%s", err, out.String(), complaints.String())
	}
	if said.Failed != nil {
		t.Fatal(*said.Failed)
	}
}

// startAnew leaves nothing of a probe that failed.
func (c *conformance) startAnew(t *testing.T) {
	t.Helper()
	if _, err := c.control(http.MethodPost, "/__emulator/reset", ""); err != nil {
		t.Error(err)
	}
	if _, err := c.page.Goto(c.app.String() + "/app/"); err != nil {
		t.Error(err)
	}
	select {
	case <-c.told:
	default:
	}
}

// follow does what a person does on the page that the browser went to, until the app is back. It
// says what.
func (c *conformance) follow(t *testing.T, then string) (did string) {
	t.Helper()
	switch then {
	case "leaves":
	case "consents":
		did = "the consent page's button pressed"
		if err := c.page.Locator("#form button[value=allow]").Click(); err != nil {
			t.Fatalf("consenting at %s: %v", c.page.URL(), err)
		}
	case "solves the captcha":
		did = "the captcha page solved"
		field := c.page.Locator("#form input[name=key]")
		if err := field.WaitFor(); err != nil {
			t.Fatalf("the captcha page at %s: %v", c.page.URL(), err)
		}
		latest, err := c.control(http.MethodGet, "/__emulator/captcha/latest", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := field.Fill(latest.(map[string]any)["key"].(string)); err != nil {
			t.Fatal(err)
		}
		if err := c.page.Locator("#form button[value=verify]").Click(); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("no way to go on after %q", then)
	}
	c.ready(t)
	return did
}

// control calls the emulator's controls, which do not answer to pages of other origins.
func (c *conformance) control(method, path, body string) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.emulator.String()+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, raw)
	}
	var answer any
	err = json.Unmarshal(raw, &answer)
	return answer, err
}

// consent answers a provider's page for a person, and returns where it sends the browser.
func (c *conformance) consent(page, fields string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader(fields))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusOK { // the scan of a code has no way back
		return "", nil
	}
	if resp.StatusCode != http.StatusSeeOther {
		raw, _ := io.ReadAll(resp.Body)
		return "", fmt.Errorf("POST %s: %d %s", page, resp.StatusCode, raw)
	}
	return resp.Header.Get("Location"), nil
}

// ticket lets the real node SDK, as an app's own server would run it, sign a ticket for a user of
// the app.
func (c *conformance) ticket(env, uid string) (string, error) {
	key, err := c.control(http.MethodGet, "/__emulator/custom-login-key?env="+url.QueryEscape(env), "")
	if err != nil {
		return "", err
	}
	file, err := json.Marshal(key)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	node := exec.CommandContext(ctx, "node", filepath.Join("conformance", "ticket.cjs"), uid)
	node.Stdin = bytes.NewReader(file)
	var out, complaints strings.Builder
	node.Stdout, node.Stderr = &out, &complaints
	if err := node.Run(); err != nil {
		return "", fmt.Errorf("signing a ticket: %w\n%s", err, complaints.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// complete asserts that the SDK has no method that the table passes over.
func (c *conformance) complete(t *testing.T) {
	raw, err := c.page.Evaluate(`async (env) => JSON.stringify(await conformance.missing(env))`, environmentOf(environmentsServed-1))
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	if err := json.Unmarshal([]byte(raw.(string)), &missing); err != nil {
		t.Fatal(err)
	}
	for _, name := range missing {
		if !slices.ContainsFunc(notInBrowsers, func(row instead) bool { return row.Name == name }) &&
			!slices.ContainsFunc(inMiniPrograms, func(row probe) bool { return row.Name == name }) {
			t.Errorf("%s of this SDK has no row", name)
		}
	}
}
