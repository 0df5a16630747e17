//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// options are what a test wants to be different about its server.
type options struct {
	sdk       string // "sdk2" or "sdk3"; default sdk3
	accessKey bool   // the app page is made with the environment's publishable key
	client    string // the client the app page signs in with; default demo
	single    bool   // one client only, so that an entry without parameters has a default
	settings  string // extra YAML at the top level
	tree      string // folder with login configs
	// noReferrer has the gateway add "Referrer-Policy: no-referrer" to our answers, as proxies that harden everything do.
	noReferrer bool
	bare       bool // no settings file and no gateway: the binary as "go run ." starts it
}

// server is a running binary with the gateway of "the app" in front of it.
type server struct {
	options
	origin      string // where browsers go: the gateway, or the binary itself when bare
	emulator    *emulator
	app         *gateway
	publishable string // the environment's key, where the app is made with it

	cmd     *exec.Cmd
	ended   chan error
	mu      sync.Mutex
	lines   []string
	urls    map[string]string // by listener name, from the log
	changed chan struct{}     // closed and replaced at every new line
	secrets []string          // must not be in the log when the server stops
}

// start runs the binary with its own data folder and ports. When the test ends the server is asked to stop
// as an operator would (SIGTERM), must exit 0, and must have kept every secret of the test out of its log.
func start(t *testing.T, o options) *server {
	t.Helper()
	if o.sdk == "" {
		o.sdk = "sdk3"
	}
	if o.client == "" {
		o.client = "demo"
	}
	s := &server{options: o, ended: make(chan error, 1), urls: map[string]string{}, changed: make(chan struct{})}
	dir := t.TempDir()
	args := []string{"-listen", "127.0.0.1:0", "-emulator", "-emulator-listen", "127.0.0.1:0", "-admin-listen", "127.0.0.1:0", "-data", filepath.Join(dir, "data")}
	if !o.bare {
		s.app = newGateway(t, s) // its port goes into the settings, so it listens first
		s.origin = s.app.origin
		file := filepath.Join(dir, "settings.yaml")
		if err := os.WriteFile(file, []byte(s.yaml()), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-settings", file)
	}
	path, err := filepath.Abs(binary)
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(path, args...)
	s.cmd.Dir = dir
	// Only what a program needs: a TCB_LOGIN_… variable of the developer's shell must not change a test.
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.read(bufio.NewScanner(stderr))
	t.Cleanup(func() { s.stop(t) })

	login := s.listening(t, "login")
	s.emulator = &emulator{url: s.listening(t, "emulator"), server: s}
	if o.accessKey {
		s.publishable = s.emulator.publishableKey(t)
		s.secret(s.publishable)
	}
	if o.bare {
		s.origin = login.String()
	} else {
		s.app.serve(login)
	}
	return s
}

func (s *server) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "public_origins: [%q]\ntrusted_proxies: [\"127.0.0.0/8\"]\n", s.origin)
	b.WriteString(s.settings)
	fmt.Fprintf(&b, "environments:\n  - id: demo\n    region: ap-shanghai\n    default_redirect_uri: %q\n", s.origin+"/app/home")
	if s.tree != "" {
		fmt.Fprintf(&b, "    login_configs: %q\n", s.tree)
	}
	b.WriteString("    clients:\n")
	b.WriteString("      - id: demo\n        redirect_uris: [\"https://other.example.com/callback\"]\n")
	if !s.single {
		b.WriteString("      - id: shop\n")
	}
	return b.String()
}

// read collects the log until the process closes it.
func (s *server) read(scanner *bufio.Scanner) {
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var line struct{ Msg, Name, URL string }
		s.mu.Lock()
		s.lines = append(s.lines, scanner.Text())
		if json.Unmarshal(scanner.Bytes(), &line) == nil && line.Msg == "listening" {
			s.urls[line.Name] = line.URL
		}
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
	}
	// Wait closes the pipe, so it may only be called once everything is read.
	s.ended <- s.cmd.Wait()
}

// listening waits for the log line with which a listener of the binary announces its address.
func (s *server) listening(t *testing.T, name string) *url.URL {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		address, changed := s.urls[name], s.changed
		s.mu.Unlock()
		if address != "" {
			u, err := url.Parse(address)
			if err != nil || u.Scheme != "http" || u.Port() == "" || u.Port() == "0" {
				t.Fatalf("the %s listener announced %q, want an http URL with its real port", name, address)
			}
			return u
		}
		select {
		case <-changed:
		case err := <-s.ended:
			s.ended <- err
			t.Fatalf("the server ended (%v) before its %s listener was up:\n%s", err, name, s.log())
		case <-deadline.C:
			t.Fatalf("no %s listener after %v:\n%s", name, patience, s.log())
		}
	}
}

func (s *server) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// secret remembers values that must never be seen in the log.
func (s *server) secret(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		if v != "" && !slices.Contains(s.secrets, v) {
			s.secrets = append(s.secrets, v)
		}
	}
}

func (s *server) stop(t *testing.T) {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("SIGTERM: %v", err)
	}
	timer := time.AfterFunc(patience, func() {
		t.Errorf("the server did not stop within %v of SIGTERM", patience)
		_ = s.cmd.Process.Kill()
	})
	err := <-s.ended
	timer.Stop()
	if err != nil {
		t.Errorf("the server ended with %v after SIGTERM, want exit 0", err)
	}
	log := s.log()
	for _, secret := range s.secrets {
		// A code is six digits, so look for it as a word of its own: fractions of seconds hold digits too.
		word := regexp.MustCompile(`(^|[^0-9A-Za-z.])` + regexp.QuoteMeta(secret) + `($|[^0-9A-Za-z])`)
		if at := word.FindStringIndex(log); at != nil {
			from, to := strings.LastIndexByte(log[:at[0]+1], '\n')+1, len(log)
			if end := strings.IndexByte(log[at[1]-1:], '\n'); end >= 0 {
				to = at[1] - 1 + end
			}
			t.Errorf("a secret of %d characters is in the log: %s", len(secret), log[from:max(from, to)])
		}
	}
	if t.Failed() {
		t.Logf("the server's log:\n%s", log)
	}
}

// listen opens a loopback port that the test owns.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// entry is the address to which the SDK sends a browser; more parameters may follow, as key, value, key, value …
func (s *server) entry(redirectURI string, more ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "/__auth/?app_id=&env_id=demo&client_id=%s&config_version=env&redirect_uri=%s", s.client, url.QueryEscape(redirectURI))
	for i := 0; i < len(more); i += 2 {
		fmt.Fprintf(&b, "&%s=%s", more[i], url.QueryEscape(more[i+1]))
	}
	return b.String()
}

// portal is the address of a page of the account portal, as an app links it.
func (s *server) portal(page string) string {
	return strings.Replace(s.entry(s.origin+where), "/__auth/?", "/__auth/account"+page+"?", 1)
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
