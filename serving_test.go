package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// reloaded is the program in a process of its own, which signals can be sent to.
type reloaded struct {
	t       *testing.T
	file    string // of its settings
	environ []string
	cmd     *exec.Cmd
	lines   chan reloadLine
	urls    map[string]string
	jar     *cookiejar.Jar
}

type reloadLine struct {
	Level, Msg, Name, URL, Error, Problem, Route string
	Changed, Settings                            []string
}

const (
	reloadKey  = "tests-alone-Kq7vXw2Zp9LmB4nRt8Ys"
	otherKey   = "tests-alone-other-2Zp9LmB4nRt8YsKq7vXw"
	reloadBase = "environments:\n  - {id: my-env, name: First, endpoint: 'http://127.0.0.1:1'}\n"
)

func sealedUnder(keys ...string) string {
	return fmt.Sprintf("session: {keys: ['%s']}\n", strings.Join(keys, "','"))
}

// startReloaded starts it with settings, and waits until it listens.
func startReloaded(t *testing.T, binary, settings string, environ ...string) *reloaded {
	t.Helper()
	r := &reloaded{t: t, file: filepath.Join(t.TempDir(), "settings.yaml"), environ: environ}
	r.write(settings)
	r.launch(binary, "-settings", r.file, "-data", filepath.Join(filepath.Dir(r.file), "data"), "-listen", "127.0.0.1:0", "-admin-listen", "127.0.0.1:0")
	r.listening(2)
	return r
}

// launch starts a program that logs as ours does.
func (r *reloaded) launch(program string, args ...string) {
	t := r.t
	t.Helper()
	r.lines = make(chan reloadLine, 1000)
	// Stopped by the test itself, which sees how it ends.
	r.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), program, args...)
	r.cmd.Env = append(r.environ, "TMPDIR="+os.TempDir())
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.lines)
		for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
			var line reloadLine
			if strings.Contains(scanner.Text(), "tests-alone") {
				t.Errorf("a secret is in the log: %s", scanner.Text())
			}
			if json.Unmarshal(scanner.Bytes(), &line) == nil {
				r.lines <- line
			}
		}
	}()
	t.Cleanup(func() {
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
		for range r.lines { // to the end
		}
		if err := r.cmd.Wait(); err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	if r.jar, err = cookiejar.New(nil); err != nil {
		t.Fatal(err)
	}
}

// listening waits until as many listeners are up.
func (r *reloaded) listening(listeners int) {
	r.t.Helper()
	for r.urls = map[string]string{}; len(r.urls) < listeners; {
		line := r.until("listening")
		r.urls[line.Name] = line.URL
	}
}

func (r *reloaded) write(settings string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(settings), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// until returns the next line with one of these messages.
func (r *reloaded) until(messages ...string) reloadLine {
	r.t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case line, more := <-r.lines:
			if slices.Contains(messages, line.Msg) {
				return line
			}
			if !more {
				r.t.Fatalf("it ended without %q", messages)
			}
		case <-late:
			r.t.Fatalf("it never said %q", messages)
		}
	}
}

// reload has it read these settings.
func (r *reloaded) reload(settings string) {
	r.t.Helper()
	r.write(settings)
	r.hangUp()
}

func (r *reloaded) hangUp() {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		r.t.Fatal(err)
	}
}

// taken has it take these settings over, and returns which are others.
func (r *reloaded) taken(settings string) string {
	r.t.Helper()
	r.reload(settings)
	line := r.until("settings read anew", "settings not taken over: those from before stay in force")
	if line.Msg != "settings read anew" {
		r.t.Errorf("settings were not taken over:\n%s", settings)
	}
	return strings.Join(line.Changed, " ")
}

// ask gets an address of a listener, or posts a form to it.
func (r *reloaded) ask(listener, path string, form url.Values) (int, string) {
	r.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.urls[listener]+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if r.jar != nil {
		client.Jar = r.jar
	}
	resp, err := client.Do(req)
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Error(err)
	}
	return resp.StatusCode, string(text)
}

const reloadPage = "/__auth/sign-in?env_id=my-env&redirect_uri="

func (r *reloaded) signInPage(client string) (int, string) {
	r.t.Helper()
	return r.ask("login", reloadPage+url.QueryEscape(r.urls["login"]+"/")+"&client_id="+client, nil)
}

// TestReload reloads the program itself.
func TestReload(t *testing.T) {
	t.Parallel()
	binary := buildBinary(t)
	for name, test := range map[string]func(*testing.T, string){
		"takes over what it can": reloadTakes, "keys": reloadKeys, "environments": reloadEnvironments, "variables": reloadVariables, "under load": reloadUnderLoad,
	} {
		t.Run(name, func(t *testing.T) { test(t, binary) })
	}
}

// reloadTakes: at SIGHUP the program takes over what it can, names what it cannot, and stays as it was where the
// file is wrong. It goes on serving meanwhile.
func reloadTakes(t *testing.T, binary string) {
	t.Parallel()
	key := sealedUnder(reloadKey)
	r := startReloaded(t, binary, key+reloadBase)
	named := func(name string) {
		t.Helper()
		if status, page := r.signInPage("my-env"); status != http.StatusOK || !strings.Contains(page, name) {
			t.Errorf("the page, status %d, has no %q", status, name)
		}
	}
	named("First")

	renamed := strings.Replace(reloadBase, "First", "Second", 1)
	if got := r.taken(key + renamed); got != "environments[my-env].name" {
		t.Errorf("changed: %s", got)
	}
	named("Second")
	if status, preview := r.ask("admin", "/preview/", nil); status != http.StatusOK || preview == "" {
		t.Errorf("the preview: %d", status)
	}

	// What is wrong is told, and nothing of it is taken over.
	r.reload(key + strings.Replace(renamed, "Second", "Third", 1) + "log_level: loud\n")
	if line := r.until("settings"); line.Level != "ERROR" || !strings.Contains(line.Problem, "settings.yaml:4:12: error: log_level") {
		t.Errorf("what is wrong: %+v", line)
	}
	r.until("settings not taken over: those from before stay in force")
	named("Second")
	refused := func(want string) {
		t.Helper()
		for again, deadline := time.Tick(10*time.Millisecond), time.After(10*time.Second); ; { // it counts after its last line
			if _, page := r.ask("admin", "/metrics", nil); strings.Contains(page, "\ntcb_login_settings_refused "+want+"\n") {
				return
			}
			select {
			case <-again:
			case <-deadline:
				t.Fatalf("tcb_login_settings_refused is not %s", want)
			}
		}
	}
	refused("1")

	// A client, and what wants a restart.
	if status, _ := r.signInPage("app"); status != http.StatusBadRequest {
		t.Errorf("a client that is unknown: %d", status)
	}
	r.reload(key + "backend_timeout: 3s\nenvironments:\n  - {id: my-env, name: Fourth, endpoint: 'http://127.0.0.1:1', clients: [{id: my-env}, {id: app}]}\n  - {id: another}\n")
	line := r.until("settings that need a restart: those from before stay in force")
	if got := strings.Join(line.Settings, " "); got != "environments[another] backend_timeout" {
		t.Errorf("restart: %s", got)
	}
	line = r.until("settings read anew")
	if got := strings.Join(line.Changed, " "); got != "environments[my-env].name environments[my-env].clients" {
		t.Errorf("changed: %s", got)
	}
	refused("0")
	named("Fourth")
	if status, _ := r.signInPage("app"); status != http.StatusOK {
		t.Errorf("the client that was added: %d", status)
	}

	// Another source of login pages.
	tree := filepath.Join(filepath.Dir(r.file), "tree", "__auth", "env")
	if err := os.MkdirAll(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "login.config.json"), []byte(`{"name": "Of the tree", "web": [{"id": "__password", "enable": true}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	withTree := strings.Replace(reloadBase, "name: First", "login_configs: tree", 1)
	r.taken(key + withTree)
	named("Of the tree")

	// The level of the log, by a line that is at debug alone.
	r.taken(key + withTree + "log_level: debug\n")
	r.ask("login", "/__auth/static/health", nil)
	for !strings.HasSuffix(r.until("request").Route, "/static/health") {
	}
}

// reloadKeys: a form that was sealed before is good as long as its key is among the keys.
func reloadKeys(t *testing.T, binary string) {
	t.Parallel()
	r := startReloaded(t, binary, sealedUnder(reloadKey)+reloadBase)
	_, page := r.signInPage("my-env")
	form := url.Values{"username": {"demo"}, "password": {"Demo-pass-1"}}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	post := func() int {
		status, _ := r.ask("login", reloadPage+url.QueryEscape(r.urls["login"]+"/")+"&client_id=my-env", form)
		return status
	}
	if got := r.taken(sealedUnder(otherKey, reloadKey) + reloadBase); got != "session.keys" {
		t.Errorf("changed: %s", got)
	}
	if status := post(); status != http.StatusBadGateway && status != http.StatusServiceUnavailable { // nobody is where TCB should be
		t.Errorf("with the key second: %d", status)
	}
	r.jar, _ = cookiejar.New(nil) // never fails
	_, page = r.signInPage("my-env")
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	r.taken(sealedUnder(reloadKey) + reloadBase)
	if status := post(); status != http.StatusUnprocessableEntity { // the form again: the session is gone
		t.Errorf("without the key: %d", status)
	}
}

// reloadEnvironments: an environment that the file has no more, or under another name, serves until a restart, and
// the folder of its login configs may go too. One that is new waits for the restart.
func reloadEnvironments(t *testing.T, binary string) {
	t.Parallel()
	const other = "  - {id: other, endpoint: 'http://127.0.0.1:1'"
	key := sealedUnder(reloadKey)
	r := startReloaded(t, binary, key+reloadBase+other+"}\n")
	tree := filepath.Join(filepath.Dir(r.file), "tree")
	if err := os.MkdirAll(filepath.Join(tree, "__auth", "env"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "__auth", "env", "login.config.json"), []byte(`{"name": "Of the tree", "web": [{"id": "__password", "enable": true}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	page := func(env string) int {
		status, _ := r.ask("login", "/__auth/sign-in?redirect_uri="+url.QueryEscape(r.urls["login"]+"/")+"&env_id="+env+"&client_id="+env, nil)
		return status
	}
	r.taken(key + reloadBase + other + ", login_configs: tree}\n")
	for _, now := range []struct{ settings, restart string }{
		{reloadBase, "environments[other]"},
		{reloadBase + strings.Replace(other, "other", "renamed", 1) + ", login_configs: tree}\n", "environments[other] environments[renamed]"},
		{reloadBase, "environments[other]"},
	} {
		r.reload(key + now.settings)
		if got := strings.Join(r.until("settings that need a restart: those from before stay in force").Settings, " "); got != now.restart {
			t.Errorf("restart: %s, want %s", got, now.restart)
		}
		r.until("settings read anew")
		if status := page("other"); status != http.StatusOK {
			t.Errorf("with %s to be restarted, the page that stays in force is %d", now.restart, status)
		}
		if status := page("renamed"); status != http.StatusBadRequest {
			t.Errorf("with %s to be restarted, the page of what is not in force is %d", now.restart, status)
		}
	}
	if err := os.RemoveAll(tree); err != nil {
		t.Fatal(err)
	}
	r.taken(key + reloadBase)
	if status := page("other"); status != http.StatusOK {
		t.Errorf("without its folder: %d", status)
	}
}

// reloadVariables: what the program would refuse at a start, it refuses while it runs. A variable that nothing names
// any more is of that kind.
func reloadVariables(t *testing.T, binary string) {
	t.Parallel()
	named := "session: {keys: ['env:TCB_LOGIN_KEY', 'env:TCB_LOGIN_KEY_OLD']}\n" + reloadBase
	r := startReloaded(t, binary, named, "TCB_LOGIN_KEY="+reloadKey, "TCB_LOGIN_KEY_OLD="+otherKey)
	r.reload("session: {keys: ['env:TCB_LOGIN_KEY']}\n" + reloadBase)
	line := r.until("settings read anew", "settings not taken over: those from before stay in force")
	if line.Level != "ERROR" || !strings.Contains(line.Error, "TCB_LOGIN_KEY_OLD is not a variable of this program") {
		t.Errorf("without a key whose variable is left over: %+v", line)
	}
	if got := r.taken(named); got != "" {
		t.Errorf("changed: %s", got)
	}
}

// reloadUnderLoad: nobody notices.
func reloadUnderLoad(t *testing.T, binary string) {
	t.Parallel()
	r := startReloaded(t, binary, sealedUnder(reloadKey)+reloadBase)
	r.jar = nil
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				if status, page := r.signInPage("my-env"); status != http.StatusOK || !strings.Contains(page, "Name-") && !strings.Contains(page, "First") {
					t.Errorf("status %d", status)
					return
				}
			}
		})
	}
	for i := range 20 {
		r.taken(sealedUnder(reloadKey) + strings.Replace(reloadBase, "First", fmt.Sprintf("Name-%d", i), 1))
	}
	close(done)
	wg.Wait()
}
