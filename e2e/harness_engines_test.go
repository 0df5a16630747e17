//go:build e2e && late

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An engine is a browser that playwright does not drive: a stock Firefox, or WebKit. Both understand
// WebDriver's commands, Firefox over Marionette and WebKit over HTTP.
type engine struct {
	server *server
	send   func(ctx context.Context, command string, params map[string]any) (json.RawMessage, error)
}

// command sends a command by its name in Marionette, and decodes the answer into out.
func (e *engine) command(t *testing.T, name string, params map[string]any, out any) {
	t.Helper()
	if err := e.try(t, name, params, out); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func (e *engine) try(t *testing.T, name string, params map[string]any, out any) error {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if params == nil {
		params = map[string]any{}
	}
	raw, err := e.send(ctx, name, params)
	if err != nil || out == nil {
		return err
	}
	answer := struct{ Value any }{out}
	return json.Unmarshal(raw, &answer)
}

func (e *engine) goTo(t *testing.T, address string) {
	t.Helper()
	e.command(t, "WebDriver:Navigate", map[string]any{"url": address}, nil)
}

// until waits for an expression of the page, which may be another page by then.
func (e *engine) until(t *testing.T, expression string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		var met bool
		err := e.try(t, "WebDriver:ExecuteScript", map[string]any{"script": "return Boolean(" + expression + ")", "args": []any{}}, &met)
		if met && err == nil {
			return
		}
		select {
		case <-again.C:
		case <-deadline.C:
			var address string
			_ = e.try(t, "WebDriver:GetCurrentURL", nil, &address)
			t.Fatalf("at %s: not within %v: %s (%v)", address, patience, expression, err)
		}
	}
}

// at waits for one of our pages, by its data-page, to be shown, with the focus where the page wants
// it: only Chromium gives it to what is hidden at first.
func (e *engine) at(t *testing.T, page string) {
	t.Helper()
	e.until(t, fmt.Sprintf(`document.readyState === "complete" && document.body.dataset.page === %q
		&& document.body.checkVisibility() && !document.documentElement.hasAttribute("data-guard")`, page))
	e.until(t, `!document.querySelector("[autofocus]") || document.activeElement.matches("[autofocus]")`)
}

// focused says which field has the focus without a press of a key.
func (e *engine) focused(t *testing.T, name string) {
	t.Helper()
	e.until(t, fmt.Sprintf(`document.activeElement.name === %q`, name))
}

// element is what WebDriver calls an element that a selector finds.
func (e *engine) element(t *testing.T, selector string) string {
	t.Helper()
	var found map[string]string
	e.command(t, "WebDriver:FindElement", map[string]any{"using": "css selector", "value": selector}, &found)
	for _, id := range found {
		return id
	}
	t.Fatalf("no %s", selector)
	return ""
}

func (e *engine) click(t *testing.T, selector string) {
	t.Helper()
	e.command(t, "WebDriver:ElementClick", map[string]any{"id": e.element(t, selector)}, nil)
}

// fill types into fields: name, value, name, value …
func (e *engine) fill(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if strings.Contains(pairs[i], "password") {
			e.server.secret(t, pairs[i+1])
		}
		field := e.element(t, fmt.Sprintf("#form [name=%q]", pairs[i]))
		e.command(t, "WebDriver:ElementSendKeys", map[string]any{"id": field, "text": pairs[i+1]}, nil)
	}
}

func (e *engine) submit(t *testing.T) {
	t.Helper()
	e.click(t, "#form button[type=submit]")
}

func (e *engine) follow(t *testing.T, to string) {
	t.Helper()
	e.click(t, fmt.Sprintf("a[data-to=%q]", to))
}

// program starts a browser, or what it needs, and ends it with all that it has started.
func (e *engine) program(t *testing.T, env []string, path string, args ...string) *exec.Cmd {
	t.Helper()
	home := t.TempDir()
	cmd := exec.Command(path, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: run e2e/setup.sh engines", err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // killed
	})
	return cmd
}

// firefox starts a stock Firefox. Marionette is what geckodriver speaks to it too.
func firefox(t *testing.T, s *server) *engine {
	t.Helper()
	e := &engine{server: s}
	profile := t.TempDir()
	// Port 0 is a free one. The rest keeps it from asking others for anything.
	prefs := `user_pref("marionette.port", 0);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("signon.rememberSignons", false);
`
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(prefs), 0o600); err != nil {
		t.Fatal(err)
	}
	e.program(t, nil, "firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", profile)
	port := ""
	wait(t, "Firefox's port", func() bool {
		data, err := os.ReadFile(filepath.Join(profile, "MarionetteActivePort"))
		port = string(data)
		return err == nil && port != ""
	})
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	m := &marionette{conn: conn, in: bufio.NewReader(conn)}
	if _, err := m.receive(); err != nil { // it says hello
		t.Fatal(err)
	}
	e.send = m.send
	e.command(t, "WebDriver:NewSession", nil, nil)
	return e
}

// marionette is a connection to Firefox: JSON behind its length, one command at a time.
type marionette struct {
	conn net.Conn
	in   *bufio.Reader
	last int
}

func (m *marionette) receive() ([]byte, error) {
	length, err := m.in.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil {
		return nil, err
	}
	message := make([]byte, n)
	_, err = io.ReadFull(m.in, message)
	return message, err
}

func (m *marionette) send(ctx context.Context, name string, params map[string]any) (json.RawMessage, error) {
	deadline, _ := ctx.Deadline()
	if err := m.conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	m.last++
	message, err := json.Marshal([]any{0, m.last, name, params})
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(message), message); err != nil {
		return nil, err
	}
	answer, err := m.receive()
	if err != nil {
		return nil, err
	}
	var kind, id int
	var failure *struct{ Error, Message string }
	var result json.RawMessage
	if err := json.Unmarshal(answer, &[]any{&kind, &id, &failure, &result}); err != nil {
		return nil, err
	}
	if failure != nil {
		return nil, fmt.Errorf("%s: %s", failure.Error, failure.Message)
	}
	return result, nil
}

// webkit starts WebKit, the engine of Safari, in its own small browser, on a screen that nobody sees.
func webkit(t *testing.T, s *server) *engine {
	t.Helper()
	e := &engine{server: s}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	screen := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp")
	screen.ExtraFiles = []*os.File{write}
	if err := screen.Start(); err != nil {
		t.Fatalf("%v: run e2e/setup.sh engines", err)
	}
	t.Cleanup(func() { _ = screen.Process.Kill(); _ = screen.Wait() })
	_ = write.Close()
	display, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatalf("no screen: %v", err)
	}
	found, err := filepath.Glob("/usr/lib/*/webkit2gtk-*/MiniBrowser")
	if err != nil || len(found) == 0 {
		t.Fatalf("no MiniBrowser (%v): run e2e/setup.sh engines", err)
	}
	l := listen(t)
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	_ = l.Close() // the driver takes no listener
	e.program(t, []string{"DISPLAY=:" + strings.TrimSpace(display), "LIBGL_ALWAYS_SOFTWARE=1", "WEBKIT_DISABLE_COMPOSITING_MODE=1"},
		"WebKitWebDriver", "--port="+port)
	d := &webdriver{session: "http://127.0.0.1:" + port + "/session"}
	wait(t, "WebKit's driver", func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
		return err == nil && conn.Close() == nil
	})
	e.send = d.send
	var session struct{ SessionID string }
	e.command(t, "WebDriver:NewSession", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"webkitgtk:browserOptions": map[string]any{"binary": found[0], "args": []string{"--automation"}},
	}}}, &session)
	d.session += "/" + session.SessionID
	return e
}

// webdriver is a session over HTTP.
type webdriver struct{ session string }

// routes are the paths of commands; {id} is an element's.
var routes = map[string]string{
	"WebDriver:NewSession":       "POST ",
	"WebDriver:Navigate":         "POST /url",
	"WebDriver:GetCurrentURL":    "GET /url",
	"WebDriver:FindElement":      "POST /element",
	"WebDriver:ElementClick":     "POST /element/{id}/click",
	"WebDriver:ElementSendKeys":  "POST /element/{id}/value",
	"WebDriver:ExecuteScript":    "POST /execute/sync",
	"WebDriver:DeleteAllCookies": "DELETE /cookie",
}

func (d *webdriver) send(ctx context.Context, name string, params map[string]any) (json.RawMessage, error) {
	method, path, ok := strings.Cut(routes[name], " ")
	if !ok {
		return nil, errors.New("not known")
	}
	if id, ok := params["id"].(string); ok {
		path = strings.Replace(path, "{id}", id, 1)
	}
	var body io.Reader
	if method == http.MethodPost {
		raw, err := json.Marshal(params)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, d.session+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %s", resp.StatusCode, raw)
	}
	return raw, err
}

// wait polls for what has no way to say when it is there.
func wait(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !met() {
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("%s is not there after %v", what, patience)
		}
	}
}
