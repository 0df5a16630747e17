//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"net/http"
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

// TestComposeFiles: with the settings that lie beside each compose file and the environment that it
// gives, the program is content; also where the client has a secret.
func TestComposeFiles(t *testing.T) {
	t.Parallel()
	keys := map[string]string{"TCB_LOGIN_KEY": "Kq7vXw2Zp9LmB4nRt8YsHc6TfJ3dGk5Q", "TCB_LOGIN_STORE_KEY": "Zp9LmB4nRt8YsHc6TfJ3dGk5QaUeKq7v", "TCB_CLIENT_SECRET": "a-secret"}
	for folder, instance := range map[string]string{"": "login", "two-instances": "login-2"} {
		m := newMachine(t, folder, keys)
		text := strings.Replace(shipped(t, filepath.Join(folder, "settings.example.yaml")), "        #secret:", "        secret:", 1)
		m.check(t, instance, text)
		delay := time.Duration(0)
		if said := m.Services[instance].Environment["TCB_LOGIN_SHUTDOWN_DELAY"]; said != "" {
			var err error
			if delay, err = time.ParseDuration(said); err != nil {
				t.Error(err)
			}
		}
		// After the delay, what is in flight has backend_timeout, which is 10 s, and five more.
		if grace := m.Services[instance].StopGracePeriod; grace <= delay+15*time.Second {
			t.Errorf("%s: a delay of %v, and %v for a stop", folder, delay, grace)
		}
		m.check(t, instance, regexp.MustCompile(`(?m)^ +secret: .*\n`).ReplaceAllString(text, ""))
	}
}

// check runs an instance's program with -check.
func (m *machine) check(t *testing.T, instance, text string) {
	t.Helper()
	settings, environ := m.settings(t, instance, text)
	cmd := exec.CommandContext(t.Context(), binary, "-check")
	cmd.Env = append(environ, "TCB_LOGIN_SETTINGS="+settings)
	said, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(said)) {
		if line != "settings are fine\n" && !strings.Contains(line, "warning: session.store: ") { // it cannot be reached from here
			t.Errorf("%s: %s", filepath.Join(m.folder, "compose.yaml"), line)
		}
	}
	if err != nil {
		t.Errorf("%s: %v", instance, err)
	}
}

// settings puts settings where an instance finds them.
func (m *machine) settings(t *testing.T, instance, text string) (file string, environ []string) {
	t.Helper()
	file = filepath.Join(m.dir, "settings.yaml")
	environ = m.environ(t, instance, file)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, environ
}

// TestCompose: the two instances of the compose file share who is signed in behind the Caddy and the
// nginx that are shipped for them; one after the other is restarted, several times, and then one is lost,
// while nobody notices.
func TestCompose(t *testing.T) {
	t.Parallel()
	m := runTwoInstances(t)
	if m.mounted(t, "caddy", "/etc/caddy/Caddyfile") != "Caddyfile" {
		t.Error("Caddy has another Caddyfile")
	}
	for _, origin := range []string{m.caddy, m.nginx} {
		p := newPerson(t, origin)
		if status, body := p.ask(t, http.MethodGet, "/", nil); status != http.StatusOK || body != "the app" {
			t.Errorf("%s: the app: %d, %s", origin, status, body)
		}
		p.signsInAndOut(t)
	}
	m.rolls(t)
	m.loses(t, "login-2")
	for name, log := range map[string]string{"Caddy": m.caddyLog(), "nginx": m.nginxLog()} {
		for _, secret := range []string{"env_id", "redirect_uri", "auth?", "auth/?"} {
			if !strings.Contains(log, "/__auth/sign-in") || strings.Contains(log, secret) {
				t.Errorf("the log of %s has %s, or nothing of ours", name, secret)
			}
		}
	}
}

func (m *machine) runBinary(t *testing.T, name, says string, args, environ []string) {
	t.Helper()
	path, err := filepath.Abs(binary)
	if err != nil {
		t.Fatal(err)
	}
	m.run(t, name, says, path, args, environ)
}

// runInstance runs one of ours as its service says, and returns when its pages are there.
func (m *machine) runInstance(t *testing.T, name, settings string) {
	t.Helper()
	environ := m.environ(t, name, settings)
	m.runBinary(t, name, `"name":"admin"`, m.Services[name].Command, environ)
	health := exec.CommandContext(t.Context(), binary, "-health") // as the image's HEALTHCHECK does
	health.Env = environ
	if said, err := health.CombinedOutput(); err != nil {
		t.Errorf("%s is not healthy: %v, %s", name, err, said)
	}
}

// rounds is how often both instances are restarted.
const rounds = 2

// rolls has people read, post and sign in through both proxies while one instance after the other is
// restarted, as docs/deploy.md has it. Nothing fails, and nobody is left half-way.
func (m *twoInstances) rolls(t *testing.T) {
	t.Helper()
	over := make(chan struct{})
	var crowd sync.WaitGroup
	end := sync.OnceFunc(func() { close(over); crowd.Wait() })
	defer end()
	var proxies []*watched
	for i, origin := range []string{m.caddy, m.nginx} {
		w := &watched{m: m, origin: origin, net: byte(10 + i), signedUp: map[string]bool{}}
		proxies = append(proxies, w)
		reading, posting := w.person(t), w.person(t)
		crowd.Go(func() { often(over, 30*time.Millisecond, func() { reading.reads(t) }) })
		crowd.Go(func() { often(over, 30*time.Millisecond, func() { posting.posts(t) }) })
		crowd.Go(func() { often(over, 50*time.Millisecond, func() { w.signsUp(t) }) })
	}
	for range rounds {
		for _, name := range []string{"login-1", "login-2"} {
			m.end(t, name, syscall.SIGTERM)
			m.runInstance(t, name, m.file)
			// Both proxies, each of which names requests in its own way, send it some again.
			for proxy, id := range map[string]*regexp.Regexp{"Caddy": uuid, "nginx": hex32} {
				eventually(t, "asked by "+proxy, func() bool { return id.MatchString(m.running[name].log()) })
			}
		}
	}
	end()
	there := map[string]bool{}
	for _, p := range m.tcb.people(t) {
		there[p.Email] = true
	}
	for _, w := range proxies {
		t.Logf("%s: %d pages, %d forms, of which %d failed; %d signed up", w.origin, w.asked.gets.Load(), w.asked.posts.Load(), w.asked.failed.Load(), len(w.signedUp))
		if w.asked.failed.Load() != 0 || w.asked.posts.Load() < 100 || len(w.signedUp) < 20 {
			t.Errorf("%s: requests have failed, or there were too few", w.origin)
		}
		for email := range w.signedUp {
			if !there[email] {
				t.Errorf("%s was signed up, and is not there", email)
			}
			delete(there, email)
		}
	}
	for email := range there {
		if strings.HasPrefix(email, "rolling-") {
			t.Errorf("%s has an account that nobody was told of", email)
		}
	}
}

var (
	uuid  = regexp.MustCompile(`"request_id":"[0-9a-f]{8}-[0-9a-f]{4}-`)
	hex32 = regexp.MustCompile(`"request_id":"[0-9a-f]{32}"`)
)

// often does something again and again, at most once in a while, until it is over.
func often(over <-chan struct{}, every time.Duration, do func()) {
	pace := time.NewTicker(every)
	defer pace.Stop()
	for {
		select {
		case <-pace.C:
			do()
		case <-over:
			return
		}
	}
}

// watched are the people who come through a proxy.
type watched struct {
	m        *twoInstances
	origin   string
	net      byte // of their addresses
	people   int
	asked    requests
	signedUp map[string]bool // the e-mail addresses of who was told so
}

func (w *watched) person(t *testing.T) *personOf {
	w.people++
	p := newPersonFrom(t, w.origin, net.IPv4(127, w.net, byte(w.people>>8), byte(w.people)))
	p.asked = &w.asked
	return p
}

// signsUp has somebody new sign up by a code, see their account and sign out. Every step is another
// instance's turn.
func (w *watched) signsUp(t *testing.T) {
	t.Helper()
	p := w.person(t)
	email := fmt.Sprintf("rolling-%d-%d@example.com", w.net, w.people)
	status, page, err := p.sendCode(t.Context(), email)
	if err != nil || status != http.StatusOK {
		t.Errorf("%s: %s gets no code: %d, %v\n%s", w.origin, email, status, err, page)
		return
	}
	sent := w.m.tcb.outbox(t, email)
	if len(sent) != 1 {
		t.Errorf("%s: %s has got %d codes", w.origin, email, len(sent))
		return
	}
	status, page, err = p.submit(t.Context(), page, "verification_code", sent[0].Code)
	if err != nil || status != http.StatusOK || loginOf(page) == nil {
		t.Errorf("%s: %s is not signed up: %d, %v\n%s", w.origin, email, status, err, page)
		return
	}
	w.signedUp[email] = true
	if in, err := p.seesAccount(t.Context()); err != nil || !in {
		t.Errorf("%s: %s does not see the account: %v", w.origin, email, err)
	}
	if err := p.signOut(t.Context()); err != nil {
		t.Errorf("%s: %s: %v", w.origin, email, err)
	}
}

// loses an instance without a word.
func (m *twoInstances) loses(t *testing.T, name string) {
	t.Helper()
	// An answer that is half sent is lost with its instance. Whatever was not sent goes to the other one,
	// forms too; but Debian's Caddy has to find out by something else (issue 7546 of Caddy's).
	m.end(t, name, syscall.SIGKILL)
	for range 4 {
		if status, _ := newPerson(t, m.caddy).ask(t, http.MethodGet, "/__auth/sign-in?env_id=my-env-1a2b3c", nil); status >= http.StatusInternalServerError {
			t.Errorf("a page after the loss of an instance: %d", status)
		}
	}
	for _, origin := range []string{m.nginx, m.caddy} {
		p := newPerson(t, origin)
		for range 10 {
			p.posts(t)
		}
	}
}

// signsInAndOut goes to one instance and the other in turn, which know of each other's logins.
func (p *personOf) signsInAndOut(t *testing.T) {
	t.Helper()
	_, page := p.ask(t, http.MethodGet, p.entry("sign-in"), nil)
	if status, page := p.ask(t, http.MethodPost, p.entry("sign-in"), fields(page, "username", demoName, "password", demoPassword)); status != http.StatusOK || !strings.Contains(page, "access_token") {
		t.Fatalf("%s: the sign-in: %d\n%s", p.origin, status, page)
	}
	account := func(p *personOf) (signedIn int) {
		for range 4 {
			in, err := p.seesAccount(t.Context())
			if err != nil {
				t.Error(err)
			}
			if in {
				signedIn++
			}
		}
		return signedIn
	}
	if got := account(p); got != 4 {
		t.Errorf("%s: signed in at %d of 4 requests", p.origin, got)
	}
	thief := p.again(t)
	if err := p.signOut(t.Context()); err != nil {
		t.Errorf("%s: %v", p.origin, err)
	}
	if got := account(thief); got != 0 {
		t.Errorf("%s: signed out, and still in at %d of 4 requests", p.origin, got)
	}
}

// reads looks at a page.
func (p *personOf) reads(t *testing.T) {
	t.Helper()
	if status, page, err := p.do(t.Context(), http.MethodGet, p.entry("sign-in"), nil); err != nil || status != http.StatusOK {
		t.Errorf("%s: a page while instances come and go: %d, %v\n%s", p.origin, status, err, page)
	}
}

// posts has a form in another language: that calls nobody, and no limit counts it.
func (p *personOf) posts(t *testing.T) {
	t.Helper()
	p.forms++
	status, page, err := p.do(t.Context(), http.MethodGet, p.entry("sign-in"), nil)
	if err == nil && status == http.StatusOK {
		form := fields(page, "lang", "zh-CN", "username", fmt.Sprint(p.forms))
		status, page, err = p.do(t.Context(), http.MethodPost, p.entry("sign-in"), form)
	}
	if err != nil || status != http.StatusOK || !strings.Contains(page, `lang="zh-CN"`) {
		t.Errorf("%s: form %d while instances come and go: %d, %v\n%.300s", p.origin, p.forms, status, err, page)
	}
}
