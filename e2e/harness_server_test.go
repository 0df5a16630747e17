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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// options are what a test wants to be different about its server.
type options struct {
	// The app's side: tests that share a binary may differ in these.
	sdk       string // "sdk2" or "sdk3"; default sdk3
	accessKey bool   // the app page is made with the environment's publishable key
	client    string // the client the app page signs in with; default demo
	// noReferrer has the gateway add "Referrer-Policy: no-referrer" to our answers, and other headers of
	// its own, as proxies that harden everything do.
	noReferrer bool
	// proxy puts a real one before the binary and the app, "nginx" as deploy/nginx.conf has it or "caddy"
	// as deploy/Caddyfile has it. It is for tests that start their own binary.
	proxy string
	nginx string // directives more for our pages, in nginx

	// The binary's side.
	single      bool   // one client only, so that an entry without parameters has a default
	settings    string // extra YAML at the top level
	environment string // and of the environment demo, as "captcha: page"
	tree        string // folder with login configs
	bare        bool   // no settings file and no gateway: the binary as "go run ." starts it
}

// server is what a test sees of a running binary. The gateway of "the app" in front of it, with its
// origin and the address of its visitors, is the test's own.
type server struct {
	options
	*program
	origin      string // where browsers go: the gateway, or the binary itself when bare
	emulator    *emulator
	app         *gateway
	publishable string        // the environment's key, where the app is made with it
	proxyLog    func() string // what a real proxy has logged
	from        int           // the line of the log at which the test began
}

// program is a running binary.
type program struct {
	cmd     *exec.Cmd
	ended   chan error
	mu      sync.Mutex
	lines   []string
	urls    map[string]string // by listener name, from the log
	changed chan struct{}     // closed and replaced at every new line
	secrets map[secret]bool   // must not be in the log when the program stops
}

// secret is a value that must not be in the log, and who found that out.
type secret struct {
	value, test string
	from        int // the line of the log at which that test began
}

// start runs a binary for this test alone, with its own data folder and ports. When the test ends
// it is asked to stop as an operator would (SIGTERM), must exit 0, and must have kept every secret
// of the test out of its log.
func start(t *testing.T, o options) *server {
	t.Helper()
	var front net.Listener
	var origins []string
	if !o.bare {
		front = listen(t)
		if o.proxy == "caddy" {
			front = listenBeside(t)
		}
		origins = []string{"http://" + front.Addr().String()} // it goes into the settings
	}
	p, err := launch(t.TempDir(), o, origins)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", p.log())
		}
	})
	return p.serve(t, o, front, "203.0.113.7")
}

// sharers is how many tests use a binary before another one is started for those that follow.
const sharers = 24

// pool are the binaries that tests share, by what is different about them.
var pool struct {
	sync.Mutex
	current map[options]*shared
	all     []*shared
}

// shared is a binary with the gateways' addresses that tests have not taken yet.
type shared struct {
	*program
	dir    string
	fronts []net.Listener
}

// share returns a server whose binary other tests use at the same time. A test that changes what
// others can see, in the emulator or of the seeded user, has to use start.
func share(t *testing.T, o options) *server {
	t.Helper()
	pool.Lock()
	defer pool.Unlock()
	key := options{single: o.single, settings: o.settings, environment: o.environment, tree: o.tree}
	p := pool.current[key]
	if p == nil || len(p.fronts) == 0 {
		var err error
		if p, err = launchShared(key); err != nil {
			t.Fatal(err)
		}
		if pool.current == nil {
			pool.current = map[options]*shared{}
		}
		pool.current[key] = p
		pool.all = append(pool.all, p)
	}
	front := p.fronts[0]
	p.fronts = p.fronts[1:]
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of the server, other tests' requests among it:\n%s", p.log())
		}
	})
	return p.serve(t, o, front, fmt.Sprintf("198.51.100.%d", sharers-len(p.fronts)))
}

func launchShared(o options) (*shared, error) {
	dir, err := os.MkdirTemp("", "tcb-login-e2e-")
	if err != nil {
		return nil, err
	}
	p := &shared{dir: dir}
	var origins []string
	for range sharers {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		p.fronts = append(p.fronts, l)
		origins = append(origins, "http://"+l.Addr().String())
	}
	p.program, err = launch(dir, o, origins)
	return p, err
}

// stopShared stops the binaries that tests have shared, as start does for one test.
func stopShared() error {
	var failed error
	for _, p := range pool.all {
		if err := p.stop(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("a shared server: %w\n%s", err, p.log()))
		}
		for _, l := range p.fronts {
			failed = errors.Join(failed, l.Close())
		}
		failed = errors.Join(failed, os.RemoveAll(p.dir))
	}
	return failed
}

// launch runs the binary for gateways at these origins; without one it runs bare. It returns when
// all listeners are up.
func launch(dir string, o options, origins []string) (*program, error) {
	p := &program{
		ended: make(chan error, 1), urls: map[string]string{}, changed: make(chan struct{}), secrets: map[secret]bool{},
	}
	args := []string{
		"-listen", "127.0.0.1:0", "-emulator", "-emulator-listen", "127.0.0.1:0", "-admin-listen", "127.0.0.1:0",
		"-data", filepath.Join(dir, "data"),
	}
	if len(origins) > 0 {
		file := filepath.Join(dir, "settings.yaml")
		if err := os.WriteFile(file, []byte(o.yaml(origins)), 0o600); err != nil {
			return nil, err
		}
		args = append(args, "-settings", file)
	}
	path, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir = dir
	// Only what a program needs: a TCB_LOGIN_… variable of the developer's shell must not change a
	// test.
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.read(bufio.NewScanner(stderr))
	for _, name := range []string{"login", "emulator", "admin"} {
		if _, err := p.await(name); err != nil {
			return nil, errors.Join(err, p.stop())
		}
	}
	return p, nil
}

// serve makes the test's own view of a running binary, with a gateway on a listener that the
// settings know.
func (p *program) serve(t *testing.T, o options, front net.Listener, client string) *server {
	t.Helper()
	if o.sdk == "" {
		o.sdk = "sdk3"
	}
	if o.client == "" {
		o.client = "demo"
	}
	p.mu.Lock()
	s := &server{options: o, program: p, from: len(p.lines)}
	p.mu.Unlock()
	login := s.listening(t, "login")
	s.emulator = &emulator{url: s.listening(t, "emulator"), server: s, read: map[string]int{}}
	if o.accessKey {
		s.publishable = s.emulator.publishableKey(t)
		s.secret(t, s.publishable)
	}
	if o.bare {
		s.origin = login.String()
		return s
	}
	if o.proxy != "" {
		inner := listen(t)
		s.app = newGateway(t, s, inner, login)
		s.app.origin = "http://" + front.Addr().String()
		s.runProxy(t, front, login.Host, inner.Addr().String())
	} else {
		s.app = newGateway(t, s, front, login)
	}
	s.app.from(client)
	s.origin = s.app.origin
	return s
}

func (o options) yaml(origins []string) string {
	var b strings.Builder
	b.WriteString("public_origins:\n")
	for _, origin := range origins {
		fmt.Fprintf(&b, "  - %q\n", origin)
	}
	b.WriteString("trusted_proxies: [\"127.0.0.0/8\"]\n")
	b.WriteString(o.settings)
	fmt.Fprintf(&b, "environments:\n  - id: demo\n    region: ap-shanghai\n    default_redirect_uri: %q\n", origins[0]+"/app/home")
	if o.tree != "" {
		fmt.Fprintf(&b, "    login_configs: %q\n", o.tree)
	}
	if o.environment != "" {
		fmt.Fprintf(&b, "    %s\n", o.environment)
	}
	b.WriteString("    clients:\n")
	b.WriteString("      - id: demo\n        code_flow: true\n        redirect_uris: [\"https://other.example.com/callback\", \"http://localhost/callback\"]\n")
	if !o.single {
		b.WriteString("      - id: shop\n")
	}
	return b.String()
}

// read collects the log until the process closes it.
func (p *program) read(scanner *bufio.Scanner) {
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var line struct{ Msg, Name, URL string }
		p.mu.Lock()
		p.lines = append(p.lines, scanner.Text())
		if json.Unmarshal(scanner.Bytes(), &line) == nil && line.Msg == "listening" {
			p.urls[line.Name] = line.URL
		}
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
	// Wait closes the pipe, so it may only be called once everything is read.
	p.ended <- p.cmd.Wait()
}

// await waits for the log line with which a listener of the binary announces its address.
func (p *program) await(name string) (*url.URL, error) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		p.mu.Lock()
		address, changed := p.urls[name], p.changed
		p.mu.Unlock()
		if address != "" {
			u, err := url.Parse(address)
			if err != nil || u.Scheme != "http" || u.Port() == "" || u.Port() == "0" {
				return nil, fmt.Errorf("the %s listener announced %q, want an http URL with its real port", name, address)
			}
			return u, nil
		}
		select {
		case <-changed:
		case err := <-p.ended:
			p.ended <- err
			return nil, fmt.Errorf("the server ended (%v) before its %s listener was up:\n%s", err, name, p.log())
		case <-deadline.C:
			return nil, fmt.Errorf("no %s listener after %v:\n%s", name, patience, p.log())
		}
	}
}

// listening is the address of a listener of the binary.
func (p *program) listening(t *testing.T, name string) *url.URL {
	t.Helper()
	u, err := p.await(name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (p *program) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// secret remembers values that must never be seen in the log.
func (s *server) secret(t *testing.T, values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		if v != "" {
			s.secrets[secret{v, t.Name(), s.from}] = true
		}
	}
}

// stop asks the program to end, and returns what was wrong with its end or is in its log.
func (p *program) stop() error {
	var failed error
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		failed = fmt.Errorf("SIGTERM: %w", err)
	}
	timer := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	err := <-p.ended
	if !timer.Stop() {
		failed = errors.Join(failed, fmt.Errorf("the server did not stop within %v of SIGTERM", patience))
	}
	if err != nil {
		failed = errors.Join(failed, fmt.Errorf("the server ended with %w after SIGTERM, want exit 0", err))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for one := range p.secrets {
		// A code is six digits, so look for it as a word of its own: fractions of seconds hold
		// digits too.
		word := regexp.MustCompile(`(^|[^0-9A-Za-z.])` + regexp.QuoteMeta(one.value) + `($|[^0-9A-Za-z])`)
		for _, line := range p.lines[one.from:] {
			if word.MatchString(line) {
				failed = errors.Join(failed, fmt.Errorf("a secret of %d characters of %s is in the log: %s", len(one.value), one.test, line))
			}
		}
	}
	return failed
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

// entry is the address to which the SDK sends a browser; more parameters may follow, as key, value,
// key, value …
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
