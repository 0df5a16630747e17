package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tcb-login/authclient"
	"tcb-login/config"
	"tcb-login/config/input"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/emulator"
	"tcb-login/framing"
	"tcb-login/handlers/entry"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/session"
	"tcb-login/static"
)

// The tests run the app that New assembles, on a listener of its own, before a
// real emulator. Clocks stand still until a test moves them.

const (
	publicOrigin = "https://login.example.net"
	appPage      = publicOrigin + "/orders/7?x=1&y=%E4%B8%AD#part=2" // where most tests come from
	demoPassword = "Demo-pass-1"                                     // of the emulator's seeded user
	demoEmail    = "demo@example.com"
	registered   = "https://app.example.com/callback" // of client demo, on another origin
	pkce         = "response_type=code&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWPhzxR0JqRZM"
)

// clock is the one time of pages, limits, sessions and emulator.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// emulated are the environments that every test's emulator has.
var emulated = []emulator.Environment{
	{ID: "demo", Clients: []emulator.Client{{ID: "demo"}, {ID: "second"}}},
	{ID: "other"},
	{ID: "north", Region: "ap-guangzhou"},
}

// seededDatabase is an emulator's file with keys and users made: making them
// anew for every test would be most of the tests' time.
var seededDatabase = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "handlers-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "emulator.db")
	em, err := emulator.New(emulator.Config{Path: file, Now: newClock().Now, Environments: emulated})
	if err != nil {
		return nil, err
	}
	if err := em.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// backend is the emulator, and a look at everything that is asked of it.
type backend struct {
	t     testing.TB
	em    *emulator.Emulator
	srv   *httptest.Server
	clock *clock

	mu        sync.Mutex
	calls     []apiCall
	intercept http.HandlerFunc
	path      string // of the calls that intercept answers
}

// apiCall is one call to TCB's API.
type apiCall struct {
	path   string // below /auth
	query  url.Values
	header http.Header
	body   string
}

func newBackend(t testing.TB, clk *clock) *backend {
	t.Helper()
	seeded, err := seededDatabase()
	if err != nil {
		t.Fatalf("making the emulator's database: %v", err)
	}
	file := filepath.Join(t.TempDir(), "emulator.db")
	if err := os.WriteFile(file, seeded, 0o600); err != nil {
		t.Fatal(err)
	}
	em, err := emulator.New(emulator.Config{Path: file, Now: clk.Now, Environments: emulated, RedirectURIs: []string{publicOrigin}})
	if err != nil {
		t.Fatalf("emulator.New: %v", err)
	}
	b := &backend{t: t, em: em, clock: clk}
	b.srv = httptest.NewServer(b)
	t.Cleanup(func() {
		b.srv.CloseClientConnections()
		b.srv.Close()
		if err := em.Close(); err != nil {
			t.Errorf("closing the emulator: %v", err)
		}
	})
	return b
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, isAPI := strings.CutPrefix(r.URL.Path, "/auth")
	if !isAPI {
		b.em.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller is gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	b.mu.Lock()
	b.calls = append(b.calls, apiCall{path: path, query: r.URL.Query(), header: r.Header.Clone(), body: string(body)})
	intercept := b.intercept
	if b.path != "" && b.path != path {
		intercept = nil
	}
	b.mu.Unlock()
	if intercept != nil {
		intercept(w, r)
		return
	}
	b.em.ServeHTTP(w, r)
}

// answer makes the API answer calls to path by itself, all paths when empty; nil stops it.
func (b *backend) answer(path string, with http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.path, b.intercept = path, with
}

// refuse makes the API refuse calls to path with a code.
func (b *backend) refuse(path string, status int, code string) {
	b.answer(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":%q,"error_code":1,"error_description":"never to be shown: <b>%s</b>"}`, code, code)
	})
}

// count is how many calls there were, to one path or to all.
func (b *backend) count(path string) int { return len(b.callsTo(path)) }

func (b *backend) callsTo(path string) []apiCall {
	b.mu.Lock()
	defer b.mu.Unlock()
	if path == "" {
		return slices.Clone(b.calls)
	}
	return slices.DeleteFunc(slices.Clone(b.calls), func(c apiCall) bool { return c.path != path })
}

// control asks one of the emulator's controls.
func (b *backend) control(method, path string, in, out any) {
	b.t.Helper()
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			b.t.Fatal(err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.srv.URL+"/__emulator/"+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := b.srv.Client().Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: status %d, %v: %s", method, path, resp.StatusCode, err, data)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			b.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}

// captcha sets when the emulator asks for one: never, risk or always.
func (b *backend) captcha(mode string) {
	b.t.Helper()
	b.control("PUT", "settings", map[string]string{"captcha": mode}, nil)
}

// key is the answer of the newest captcha.
func (b *backend) key() string {
	b.t.Helper()
	var got struct{ Key string }
	b.control("GET", "captcha/latest", nil, &got)
	return got.Key
}

// messages are the codes that were sent to somebody, newest first.
func (b *backend) messages(to string) []sentMessage {
	b.t.Helper()
	var got struct{ Messages []sentMessage }
	b.control("GET", "outbox.json?to="+url.QueryEscape(to), nil, &got)
	return got.Messages
}

type sentMessage struct{ To, Code, Channel, Usage, Locale string }

// code is the newest one that was sent to somebody.
func (b *backend) code(to string) string {
	b.t.Helper()
	all := b.messages(to)
	if len(all) == 0 {
		b.t.Fatalf("no code was sent to %s", to)
	}
	return all[0].Code
}

type knownUser struct {
	Sub, Username, Name, Email, Status string
	Phone                              string `json:"phone_number"`
	HasPassword                        bool   `json:"has_password"`
}

// users are those with a name, an e-mail address or a phone number.
func (b *backend) users(name string) []knownUser {
	b.t.Helper()
	var got struct{ Users []knownUser }
	b.control("GET", "users.json?env=demo&username="+url.QueryEscape(name), nil, &got)
	return got.Users
}

func (b *backend) user(name string) knownUser {
	b.t.Helper()
	all := b.users(name)
	if len(all) != 1 {
		b.t.Fatalf("%d users are named %s, want 1", len(all), name)
	}
	return all[0]
}

func (b *backend) setStatus(name, status string) {
	b.t.Helper()
	b.control("PUT", "users/"+b.user(name).Sub, map[string]string{"status": status}, nil)
}

// register makes a user with an e-mail address, or a phone number, and
// optionally a username and password, without going through the pages.
func (b *backend) register(to, username, password string) {
	b.t.Helper()
	client, err := authclient.New(authclient.Config{Env: "demo", Endpoint: b.srv.URL, Timeout: time.Minute})
	if err != nil {
		b.t.Fatal(err)
	}
	send := authclient.GetVerificationRequest{Email: to}
	signUp := authclient.SignUpRequest{Email: to, Username: username, Password: password}
	if strings.HasPrefix(to, "+") {
		send = authclient.GetVerificationRequest{PhoneNumber: to}
		signUp.Email, signUp.PhoneNumber = "", to
	}
	sent, err := client.GetVerification(b.t.Context(), send)
	if err != nil {
		b.t.Fatal(err)
	}
	verified, err := client.Verify(b.t.Context(), authclient.VerifyRequest{
		VerificationID: sent.VerificationID, VerificationCode: b.code(to),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	signUp.VerificationToken = verified.VerificationToken
	if _, err := client.SignUp(b.t.Context(), signUp); err != nil {
		b.t.Fatal(err)
	}
	b.clock.advance(time.Minute) // another message may be sent there
	b.mu.Lock()
	b.calls = nil
	b.mu.Unlock()
}

// journal keeps the log's lines without their time.
type journal struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	lineN int
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lineN++ // slog writes whole lines
	return j.buf.Write(p)
}

// count is how many lines there are.
func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lineN
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

type logLine struct {
	Level, Msg, Method, Route, Address, Code, Error string
	RequestID                                       string `json:"request_id"`
	Status                                          int
}

func (j *journal) lines(t testing.TB) (lines []logLine) {
	t.Helper()
	for line := range strings.Lines(j.text()) {
		var l logLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		lines = append(lines, l)
	}
	return lines
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey { // nine random digits would now and then contain a code
				return slog.Attr{}
			}
			return a
		},
	}))
}

// site is the app under test with everything around it.
type site struct {
	t       testing.TB
	addr    string
	base    string
	origins []string
	csp     map[string]string
	clock   *clock
	backend *backend
	memory  *limit.Memory
	log     *journal
	cfg     Config

	mu      sync.Mutex
	secrets map[string][]string // what must be in no log line, by what it is
}

// siteConfig is what a test may want otherwise.
type siteConfig struct {
	context  context.Context
	settings *settings.Settings
	origins  []string
	backend  *backend
	clock    *clock
	memory   *limit.Memory
	deny     session.DenyList
	ended    session.DenyList
	counter  limit.Counter
	demo     *Demo
	logins   *loginpage.Pages
	wrap     func(entry.Auth) entry.Auth // changes what handlers call

}

// What the pages keep to, said once more: a change of it is to be noticed.
const (
	headerLimit  = 16 << 10         // bytes of a request's head
	maxPicture   = 384 << 10        // bytes that a captcha's picture takes of a form
	maxOutdated  = 64               // themes that are kept of login pages that changed
	profileWait  = 3 * time.Second  // for the profile of who has signed in
	sudoLife     = 15 * time.Minute // of a proof of who is there
	tripLife     = 10 * time.Minute // of a way to an identity provider and back
	defaultFloor = 300 * time.Millisecond
)

// sessionKey is long enough, and no secret.
var sessionKey = []byte("a key of the handlers' own tests")

func testSettings() *settings.Settings {
	return &settings.Settings{
		Listen:         "127.0.0.1:0",
		BasePath:       "/__auth",
		PublicOrigins:  []string{publicOrigin},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")},
		BackendTimeout: time.Minute,
		RefusalFloor:   time.Millisecond, // what it is for is tested by timing_test.go
		Environments: []settings.Environment{
			{
				ID: "demo", Name: "Demo", Region: "ap-shanghai", Captcha: settings.CaptchaPicture,
				Clients: []settings.Client{{ID: "demo", RedirectURIs: []string{registered}}, {ID: "second"}},
			},
			{ID: "other", Region: "ap-shanghai", Captcha: settings.CaptchaPicture, Clients: []settings.Client{{ID: "other"}}},
			{ID: "north", Name: "North", Region: "ap-guangzhou", Captcha: settings.CaptchaPicture, Clients: []settings.Client{{ID: "north"}}},
		},
	}
}

// oneEnvironment leaves the settings of a small operator: one environment, one client.
func oneEnvironment(c *siteConfig) {
	c.settings.Environments = c.settings.Environments[:1]
	c.settings.Environments[0].Clients = c.settings.Environments[0].Clients[:1]
}

func newSite(t testing.TB, change ...func(*siteConfig)) *site {
	t.Helper()
	sc := &siteConfig{context: t.Context(), settings: testSettings(), clock: newClock()}
	for _, f := range change {
		f(sc)
	}
	if sc.origins == nil {
		sc.origins = sc.settings.PublicOrigins
	}
	if sc.backend == nil {
		sc.backend = newBackend(t, sc.clock)
	}
	if sc.memory == nil {
		sc.memory = limit.NewMemory(limit.MemoryConfig{Now: sc.clock.Now})
	}
	if sc.deny == nil {
		sc.deny = sc.memory
	}
	if sc.ended == nil {
		sc.ended = sc.deny
	}
	if sc.counter == nil {
		sc.counter = sc.memory
	}
	sessions, err := session.New(session.Config{
		Keys: [][]byte{sessionKey}, BasePath: sc.settings.BasePath, Now: sc.clock.Now,
		Deny: sc.deny, Ended: sc.ended, Quota: SessionQuota(sc.counter),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		t: t, base: sc.settings.BasePath, origins: sc.origins, clock: sc.clock, backend: sc.backend,
		memory: sc.memory, log: &journal{}, secrets: map[string][]string{}, csp: map[string]string{},
	}
	if sc.logins == nil {
		var problems input.Problems
		if sc.logins, problems = config.LoadPages(sc.settings, mustLoad(t, messages)); problems.Err() != nil {
			t.Fatalf("login configs: %v", problems.Err())
		}
	}
	s.cfg = Config{
		Context:  sc.context,
		Settings: sc.settings,
		Origins:  sc.origins,
		NewAuth: func(env settings.Environment, c settings.Client) (entry.Auth, error) {
			client, err := authclient.New(authclient.Config{
				Env: env.ID, Region: env.Region, ClientID: c.ID, Endpoint: sc.backend.srv.URL,
				Timeout: sc.settings.BackendTimeout, UserAgent: "tcb-login/test", Now: sc.clock.Now,
			})
			if sc.wrap != nil && err == nil {
				return sc.wrap(entry.ClientAuth{Client: client}), nil
			}
			return entry.ClientAuth{Client: client}, err
		},
		Sessions:   sessions,
		Counter:    sc.counter,
		Messages:   mustLoad(t, messages),
		Static:     mustLoad(t, assets),
		Logger:     s.log.logger(),
		Demo:       sc.demo,
		LoginPages: sc.logins,
		Now:        sc.clock.Now,
	}
	for _, o := range sc.origins {
		img := strings.Join(append([]string{"'self'", "data:"}, sc.settings.ImageHosts...), " ")
		s.csp[o] = "default-src 'none'; script-src " + o + s.base + "/static/; style-src " + o + s.base + "/static/ " + o + s.base +
			"/theme/; img-src " + img + "; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	}
	s.serve()
	return s
}

// Read once: they do not change, and compressing the assets takes its time.
var (
	messages = sync.OnceValues(i18n.Load)
	assets   = sync.OnceValues(static.Load)
)

func mustLoad[T any](t testing.TB, load func() (T, error)) T {
	t.Helper()
	v, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// serve runs the app on a port of its own until the test ends, and then looks
// through the log for what should not be there.
func (s *site) serve() {
	s.t.Helper()
	app, err := New(s.cfg)
	if err != nil {
		s.t.Fatalf("New: %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	done := make(chan error, 1)
	go func() { done <- app.Listener(framing.NewListener(ln)) }()
	s.t.Cleanup(func() {
		if err := app.ShutdownWithTimeout(10 * time.Second); err != nil {
			s.t.Errorf("shutdown: %v", err)
		}
		ln.Close() // in case it was not being served yet
		if err := <-done; err != nil && !errors.Is(err, net.ErrClosed) {
			s.t.Errorf("serving: %v", err)
		}
		// A request id is random, and six of its digits may be a code's.
		text := regexp.MustCompile(`"request_id":"[0-9a-f]*"`).ReplaceAllString(s.log.text(), "")
		for what, values := range s.secrets {
			for _, secret := range values {
				if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
					s.t.Errorf("a log line holds %s (%q)", what, secret)
				}
			}
		}
	})
}

// twin is the same site with a backend that is given up on soon: sessions,
// flows and counters are shared, so a step that was reached on one goes on on
// the other.
func (s *site) twin(timeout time.Duration) *site {
	s.t.Helper()
	return newSite(s.t, func(c *siteConfig) {
		settings := *s.cfg.Settings
		settings.BackendTimeout = timeout
		c.settings, c.origins = &settings, s.origins
		c.backend, c.clock, c.memory = s.backend, s.clock, s.memory
	})
}

// secret notes what must not be found in the log, up to a number that is enough
// to find a line that does it.
func (s *site) secret(what, value string) {
	if len(value) < 5 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.secrets[what]; len(known) < 100 && !slices.Contains(known, value) {
		s.secrets[what] = append(known, value)
	}
}

// secretIn looks for secrets of some kinds in a text.
func (s *site) secretIn(text string, kinds ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range kinds {
		for _, secret := range s.secrets[kind] {
			if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) || strings.Contains(text, html.EscapeString(secret)) {
				return true
			}
		}
	}
	return false
}

// entry is a login request's query string, with more parameters of ours.
func entryQuery(redirectURI string, more ...string) string {
	q := "app_id=&env_id=demo&client_id=demo&config_version=env&redirect_uri=" + url.QueryEscape(redirectURI)
	for _, m := range more {
		q += "&" + m
	}
	return q
}

// limitless counts nothing: what the limits do is tested elsewhere.
type limitless struct{}

func (limitless) Take(context.Context, limit.Rule, string) (limit.Decision, error) {
	return limit.Decision{OK: true}, nil
}

func (limitless) Peek(context.Context, limit.Rule, string) (limit.Decision, error) {
	return limit.Decision{OK: true}, nil
}
func (limitless) Refund(context.Context, limit.Rule, string) error { return nil }

func status(p *page) int {
	if p == nil {
		return 0
	}
	return p.status
}
