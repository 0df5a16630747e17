package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// runOnce runs the program to its end, which must come by itself.
func runOnce(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	code = run(ctx, args, environ, &out, file)
	if ctx.Err() != nil {
		t.Errorf("run%q went on", args)
	}
	said, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, out.String(), string(said)
}

// started is the program, running in this process.
type started struct {
	urls   map[string]string // of its listeners, by name
	before string            // what it said until they were up
	stop   func() int        // as SIGTERM does; the exit code
}

// start runs the program until the test ends, and waits until as many listeners are up.
func start(t *testing.T, listeners int, environ []string, args ...string) *started {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, args, environ, io.Discard, write)
		write.Close()
	}()
	s := &started{urls: map[string]string{}}
	stopped, code := false, 0
	s.stop = func() int {
		if !stopped {
			stopped = true
			cancel()
			code = <-ended
		}
		return code
	}
	t.Cleanup(func() { s.stop(); read.Close() })
	var said strings.Builder
	begun := false // whether there was a log line yet
	lines := bufio.NewScanner(read)
	for len(s.urls) < listeners && lines.Scan() {
		var line struct{ Msg, Name, URL, Version string }
		logged := json.Unmarshal(lines.Bytes(), &line) == nil // warnings about the settings come before, as text
		if line.Msg == "listening" {
			s.urls[line.Name] = line.URL
		}
		first := logged && !begun
		begun = begun || logged
		if first && (line.Msg != "starting" || line.Version != buildVersion()) {
			t.Errorf("the first log line has no version: %s", lines.Text())
		}
		said.WriteString(lines.Text() + "\n")
	}
	if len(s.urls) < listeners {
		t.Fatalf("run%q ended:\n%s", args, said.String())
	}
	go func() { _, _ = io.Copy(io.Discard, read) }() // a full pipe would stop it
	s.before = said.String()
	return s
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// signIn signs the seeded user in by the pages' own form.
func signIn(ctx context.Context, origin string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	client := &http.Client{Jar: jar}
	defer client.CloseIdleConnections()
	page := origin + "/__auth/sign-in?env_id=demo&client_id=demo&redirect_uri=" + url.QueryEscape(origin+"/")
	ask := func(method string, body io.Reader) (string, error) {
		req, err := http.NewRequestWithContext(ctx, method, page, body)
		if err != nil {
			return "", err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s %s: %s", method, page, resp.Status)
		}
		return string(text), err
	}
	text, err := ask(http.MethodGet, nil)
	if err != nil {
		return err
	}
	form := url.Values{"username": {"demo"}, "password": {"Demo-pass-1"}}
	for _, m := range hiddenField.FindAllStringSubmatch(text, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	if text, err = ask(http.MethodPost, strings.NewReader(form.Encode())); err == nil && !strings.Contains(text, "access_token") {
		err = fmt.Errorf("no credentials in the answer to the form")
	}
	return err
}

// anywhere are flags that let many instances run side by side.
func anywhere(t *testing.T, more ...string) []string {
	t.Helper()
	return append([]string{"-listen", "127.0.0.1:0", "-emulator-listen", "127.0.0.1:0", "-admin-listen", "127.0.0.1:0",
		"-data", filepath.Join(t.TempDir(), "data")}, more...)
}

func settingsFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestEmulatorAlone: who asks for the emulator never reaches the endpoint that the
// settings name, by no page and by no readiness check.
func TestEmulatorAlone(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	tcb := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer tcb.Close()
	settings := settingsFile(t, "environments:\n  - id: demo\n    endpoint: "+tcb.URL+"\n  - id: other\n    endpoint: "+tcb.URL+"/tcb\n")
	s := start(t, 3, nil, anywhere(t, "-emulator", "-settings", settings)...)
	for _, want := range []string{`settings.yaml:3:15: warning: endpoint: not used: -emulator`, `environment "demo"`, `environment "other"`} {
		if !strings.Contains(s.before, want) {
			t.Errorf("%q is not in:\n%s", want, s.before)
		}
	}
	if err := signIn(t.Context(), s.urls["login"]); err != nil {
		t.Error(err)
	}
	resp, err := http.Get(s.urls["admin"] + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("readiness: %s", resp.Status)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("the endpoint was reached %d times", n)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestMisuse: what the program was started with and does not know stops it, before
// it listens anywhere.
func TestMisuse(t *testing.T) {
	t.Parallel()
	const key = "TCB_LOGIN_KEY=0123456789-abcdefghijklm-ZYXWVUTSRQ"
	settings := settingsFile(t, "session: {keys: [\"env:TCB_LOGIN_KEY\"]}\nenvironments: [{id: demo}]\n")
	public := []string{"-settings", settings, "-listen"}
	broken := settingsFile(t, "session: {keys: [\"env:TCB_LOGIN_KEY\"]\n")
	const demo = "ask with -demo"
	tests := []struct {
		name    string
		environ []string
		args    []string
		code    int
		want    string // in what is said; all of it but these words may change
	}{
		{"a misspelt variable", []string{"TCB_LOGIN_SETTING=x.yaml"}, nil, 2, "TCB_LOGIN_SETTING is not a variable of this program; did you mean -settings ($TCB_LOGIN_SETTINGS)?"},
		{"set to nothing", []string{"TCB_LOGIN_SETTING="}, nil, 2, "-settings ($TCB_LOGIN_SETTINGS)?"},
		{"settings that are set to nothing", []string{"TCB_LOGIN_SETTINGS="}, []string{"-check"}, 2, "TCB_LOGIN_SETTINGS is empty"},
		{"settings set to nothing, and named", []string{key, "TCB_LOGIN_SETTINGS="}, []string{"-check", "-settings", settings}, 0, "settings are fine"},
		{"settings set to nothing, and the demo asked for", []string{"TCB_LOGIN_SETTINGS="}, []string{"-check", "-demo"}, 0, "settings are fine"},
		{"in small letters", []string{"tcb_login_settings=x.yaml"}, nil, 2, "-settings ($TCB_LOGIN_SETTINGS)?"},
		{"a flag's with a dash", []string{"TCB_LOGIN_ADMIN-LISTEN=:1"}, nil, 2, "-admin-listen ($TCB_LOGIN_ADMIN_LISTEN)?"},
		{"like no other", []string{"TCB_LOGIN_COMPLETELY_DIFFERENT=s3cret"}, nil, 2, "TCB_LOGIN_COMPLETELY_DIFFERENT is not a variable of this program: it belongs to no flag"},
		{"a secret that nothing names", []string{key}, []string{"-demo"}, 2, "no env: of the settings names it"},
		{"a secret that the settings name", []string{key}, []string{"-check", "-settings", settings}, 0, "settings are fine"},
		{"a misspelt secret", []string{"TCB_LOGIN_KEYS=x"}, []string{"-check", "-settings", settings}, 2, "did you mean $TCB_LOGIN_KEY, which the settings name?"},
		{"settings that cannot be read name what they will", []string{key}, []string{"-check", "-settings", broken}, 1, "not valid YAML"},
		{"a mistake beside them", []string{key, "TCB_LOGIN_LISTE=x"}, []string{"-check", "-settings", broken}, 2, "-listen ($TCB_LOGIN_LISTEN)?"},
		{"with -check too", []string{key, "TCB_LOGIN_LISTE=x"}, []string{"-check", "-settings", settings}, 2, "-listen ($TCB_LOGIN_LISTEN)?"},
		{"with settings by variable", []string{key, "TCB_LOGIN_SETTINGS=" + settings}, []string{"-check"}, 0, "settings are fine"},
		{"a port that is no Service's", []string{"TCB_LOGIN_LISTEN_PORT=9000"}, nil, 2, "TCB_LOGIN_LISTEN_PORT is not"},
		{"a container without settings", []string{containerVariable + "=1"}, nil, 2, demo},
		{"checked in a container", []string{containerVariable + "=1"}, []string{"-check"}, 2, demo},
		{"a container with an emulator", []string{containerVariable + "=1"}, []string{"-emulator"}, 2, demo},
		{"a container with settings set to nothing", []string{containerVariable + "=1", "TCB_LOGIN_SETTINGS="}, nil, 2, demo},
		{"a demo in a container", []string{containerVariable + "=1"}, []string{"-demo", "-check"}, 0, "settings are fine"},
		{"a demo in a container by variable", []string{containerVariable + "=1", "TCB_LOGIN_DEMO=true"}, []string{"-check"}, 0, "settings are fine"},
		{"no demo where it would run", []string{"TCB_LOGIN_DEMO=false"}, []string{"-check"}, 2, demo},
		{"demo and settings", []string{key}, []string{"-demo", "-settings", settings}, 2, "exclude each other"},
		{"demo and settings by variables", []string{key, "TCB_LOGIN_DEMO=1", "TCB_LOGIN_SETTINGS=" + settings}, nil, 2, "exclude each other"},
		{"no demo and settings", []string{key}, []string{"-demo=false", "-check", "-settings", settings}, 0, "settings are fine"},
		{"an app of one's own", nil, []string{"-check", "-origin", "http://localhost:5173,https://app.localhost:3000"}, 0, "settings are fine"},
		{"an app of one's own by variable", []string{"TCB_LOGIN_ORIGIN=http://localhost:5173/"}, []string{"-check"}, 2, `-origin ($TCB_LOGIN_ORIGIN): must not end with "/"`},
		{"an app without a scheme", nil, []string{"-origin", "localhost:5173"}, 2, "-origin ($TCB_LOGIN_ORIGIN): want an origin like"},
		{"an app that is nowhere", nil, []string{"-origin", ""}, 2, "-origin ($TCB_LOGIN_ORIGIN): want an origin like"},
		{"an app twice", nil, []string{"-origin", "http://localhost:1,http://localhost:1"}, 2, "http://localhost:1 is listed twice"},
		{"an app and settings", []string{key}, []string{"-origin", "http://localhost:5173", "-settings", settings}, 2, "public_origins says the same"},
		{"nothing set", nil, []string{"-check"}, 0, "settings are fine"},
		{"a delay without a unit", []string{"TCB_LOGIN_SHUTDOWN_DELAY=10"}, []string{"-check"}, 2, `TCB_LOGIN_SHUTDOWN_DELAY: want a duration like "10s", found "10"`},
		{"a delay without a unit by flag", nil, []string{"-check", "-shutdown-delay", "10"}, 2, `invalid value "10" for flag -shutdown-delay: want a duration like "10s"`},
		{"neither true nor false", []string{"TCB_LOGIN_EMULATOR=yes"}, []string{"-check"}, 2, `TCB_LOGIN_EMULATOR: want true or false, found "yes"`},
		{"a bad variable and a right flag", []string{"TCB_LOGIN_SHUTDOWN_DELAY=10", "TCB_LOGIN_EMULATOR=yes"}, []string{"-check", "-shutdown-delay=10s", "-emulator=false"}, 0, "settings are fine"},
		{"two bad variables and one right flag", []string{"TCB_LOGIN_SHUTDOWN_DELAY=10", "TCB_LOGIN_EMULATOR=yes"}, []string{"-check", "-shutdown-delay=10s"}, 2, "TCB_LOGIN_EMULATOR: want"},
		{"no address", nil, []string{"-listen", "8080"}, 2, "-listen ($TCB_LOGIN_LISTEN): want an address"},
		{"no address of the operator's", nil, []string{"-admin-listen", "localhost:http"}, 2, "the port must be a number"},
		{"a public listen checked", []string{key}, append(public, ":0", "-check"), 1, "error: public_origins is missing: -listen"},
		{"a public listen started", []string{key}, append(public, "0.0.0.0:0"), 1, "error: public_origins is missing: -listen"},
		{"a public demo", nil, []string{"-listen", ":0", "-check"}, 0, `warning: ":0" is open to other machines`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runOnce(t, tt.environ, append(anywhere(t), tt.args...)...)
			if code != tt.code || !strings.Contains(stdout+stderr, tt.want) {
				t.Errorf("exit code %d, want %d; want %q in\n%s%s", code, tt.code, tt.want, stdout, stderr)
			}
			if strings.Contains(stderr+stdout, "listening") || strings.Contains(stderr, "s3cret") {
				t.Errorf("it listens, or tells a value:\n%s", stderr)
			}
		})
	}
}

// TestPagesStay: a folder of login configs that is deleted under a running program
// takes no page along, and what comes into its place goes live.
func TestPagesStay(t *testing.T) {
	t.Parallel()
	const login = `{"name": "NAME", "web": [{"id": "__password", "enable": true}]}`
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	put := func(name, content string) {
		t.Helper()
		file := filepath.Join(tree, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("__auth/env/login.config.json", login)
	settings := settingsFile(t, "environments: [{id: demo, login_configs: "+tree+"}]\n")
	s := start(t, 3, nil, anywhere(t, "-emulator", "-settings", settings)...)
	get := func(url string) (int, string) {
		t.Helper()
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	eventually := func(what string, is func() bool) {
		t.Helper()
		poll := time.NewTicker(20 * time.Millisecond)
		defer poll.Stop()
		for deadline := time.After(10 * time.Second); !is(); {
			select {
			case <-poll.C:
			case <-deadline:
				t.Fatalf("never %s", what)
			}
		}
	}
	file := filepath.Join(tree, "__auth", "env", "login.config.json")
	until := func(warned bool) {
		t.Helper()
		eventually(fmt.Sprintf("warned %t of %s", warned, file), func() bool {
			status, body := get(s.urls["admin"] + "/readyz")
			if status != http.StatusOK {
				t.Fatalf("readiness: %d %s", status, body)
			}
			return strings.Contains(body, file) == warned
		})
	}
	entry := s.urls["login"] + "/__auth/sign-in?env_id=demo&redirect_uri=" + url.QueryEscape(s.urls["login"]+"/")
	stays := func(when string) {
		t.Helper()
		if status, body := get(entry); status != http.StatusOK || !strings.Contains(body, "NAME") {
			t.Errorf("%s: the page is %d", when, status)
		}
	}
	until(false)
	stays("before")
	if err := os.RemoveAll(tree); err != nil {
		t.Fatal(err)
	}
	until(true)
	stays("deleted")
	put("app/login.config.2.json", strings.Replace(login, "NAME", "Beside", 1))
	eventually("a new page", func() bool {
		status, body := get(entry + "&app_id=app&config_version=2")
		return status == http.StatusOK && strings.Contains(body, "Beside")
	})
	until(true)
	stays("with another page")
	put("__auth/env/login.config.json", login)
	until(false)
	stays("back")
	if err := signIn(t.Context(), s.urls["login"]); err != nil {
		t.Error(err)
	}
}

// freeAddress is one that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// TestFirstInstant: whoever reaches the pages as soon as anybody can signs in. The
// test holds the emulator's database, so that seeding waits as long as it likes to see
// that nobody listens in the meantime.
func TestFirstInstant(t *testing.T) {
	t.Parallel()
	binary := buildBinary(t)
	dir := t.TempDir()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "emulator.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	held, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := held.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	pages, api, operator := freeAddress(t), freeAddress(t), freeAddress(t)
	cmd := exec.CommandContext(t.Context(), binary, "-data", dir, "-listen", pages, "-emulator-listen", api, "-admin-listen", operator)
	cmd.Env = []string{"TMPDIR=" + dir}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	open := func(address string) bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	}
	// It has come to the database once it has the file open, which Linux tells.
	await := func(what string, is func() bool) {
		t.Helper()
		poll := time.NewTicker(time.Millisecond)
		defer poll.Stop()
		for deadline := time.After(20 * time.Second); !is(); {
			select {
			case <-poll.C:
			case <-ended:
				t.Fatalf("ended before %s", what)
			case <-deadline:
				t.Fatalf("never %s", what)
			}
		}
	}
	if runtime.GOOS == "linux" {
		fds := fmt.Sprintf("/proc/%d/fd", cmd.Process.Pid)
		await("it opened the database", func() bool {
			entries, _ := os.ReadDir(fds)
			return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
				to, err := os.Readlink(filepath.Join(fds, e.Name()))
				return err == nil && filepath.Base(to) == "emulator.db"
			})
		})
	}
	for name, address := range map[string]string{"pages": pages, "emulator": api, "operator": operator} {
		if open(address) {
			t.Errorf("%s: open before the emulator is seeded", name)
		}
	}
	if _, err := held.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	await("the pages were open", func() bool { return open(pages) })
	if err := signIn(t.Context(), "http://"+pages); err != nil {
		t.Error(err)
	}
	resp, err := http.Get("http://" + operator + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("readiness: %s", resp.Status)
	}
}

// TestPortTaken: each listener says which of its ports somebody else has.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for flag, want := range map[string]string{
		"-listen": "listening for the pages: ", "-emulator-listen": "listening for the emulator: ", "-admin-listen": "listening for the operator: ",
	} {
		code, _, stderr := runOnce(t, nil, anywhere(t, flag, ln.Addr().String())...)
		if code != 1 || !strings.Contains(stderr, want) || !strings.Contains(stderr, "address already in use") || strings.Contains(stderr, `"listening"`) {
			t.Errorf("%s: exit code %d, want 1 and %q in\n%s", flag, code, want, stderr)
		}
	}
}
