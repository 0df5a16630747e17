package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/config"
	"tcb-login/config/input"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/framing"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/session"
	"tcb-login/static"
	"tcb-login/upstream"
)

// The tests of this package ask the pages over HTTP, as browsers do, with the emulator behind them.
// What they need is in five files: site_test.go, a site as New makes it; backend_test.go, the
// emulator, which can be told to fail; browser_test.go, who asks; page_test.go, what a page can be
// asked; check_test.go, what every answer must have. A new test goes into the file that is named
// after what it is about (agreement_test.go, stepup_test.go, …), and a test of a function without
// HTTP into its own package.

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
	Reason, Rule, Parameter, Host                   string
	RequestID                                       string `json:"request_id"`
	TraceID                                         string `json:"trace_id"`
	EnvID                                           string `json:"env_id"`
	ClientID                                        string `json:"client_id"`
	ConfigVersion                                   string `json:"config_version"`
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
	audit   *journal
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
	keys     [][]byte // of sessions
	outcomes limit.Outcomes
	values   limit.Values
	counter  limit.Counter
	demo     *Demo
	logins   *loginpage.Pages
	wrap     func(entry.Auth) entry.Auth // changes what handlers call
	tcb      *upstream.Transport         // between the clients and the emulator
	timeless bool                        // no call seems to take any time, so that no answer waits
}

// through is nil, the client's own, where nothing is between.
func (c *siteConfig) through() *http.Client {
	if c.tcb == nil {
		return nil
	}
	return &http.Client{Transport: c.tcb}
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
	repeatLife   = 10 * time.Second // of what a POST came to, where it is sent again
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
				Clients: []settings.Client{
					{ID: "demo", RedirectURIs: []string{registered}, CodeFlow: true},
					{ID: "second", RedirectURIs: []string{registered}, CodeFlow: true},
				},
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
	if sc.keys == nil {
		sc.keys = [][]byte{sessionKey}
	}
	if sc.outcomes == nil {
		sc.outcomes = sc.memory
	}
	if sc.values == nil {
		sc.values = sc.memory
	}
	if sc.counter == nil {
		sc.counter = sc.memory
	}
	for i := range sc.settings.Environments {
		sc.settings.Environments[i].Endpoint = sc.backend.srv.URL
	}
	sessions, err := session.New(session.Config{
		Keys: sc.keys, BasePath: sc.settings.BasePath, Now: sc.clock.Now,
		Deny: sc.deny, Quota: SessionQuota(sc.counter),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		t: t, base: sc.settings.BasePath, origins: sc.origins, clock: sc.clock, backend: sc.backend,
		memory: sc.memory, log: &journal{}, audit: &journal{}, secrets: map[string][]string{}, csp: map[string]string{},
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
				Env: env.ID, Region: env.Region, ClientID: c.ID, Endpoint: env.Endpoint,
				Timeout: sc.settings.BackendTimeout, UserAgent: "tcb-login/test", Now: sc.clock.Now, HTTPClient: sc.through(),
			})
			if sc.wrap != nil && err == nil {
				return sc.wrap(entry.ClientAuth{Client: client}), nil
			}
			return entry.ClientAuth{Client: client}, err
		},
		Sessions:   sessions,
		Counter:    sc.counter,
		Outcomes:   sc.outcomes,
		Values:     sc.values,
		Messages:   mustLoad(t, messages),
		Static:     mustLoad(t, assets),
		Logger:     s.log.logger(),
		Demo:       sc.demo,
		LoginPages: sc.logins,
		Now:        sc.clock.Now,
	}
	if s.cfg.Audit, err = audit.Open(audit.Config{Writer: s.audit, Key: auditKey, Now: sc.clock.Now}); err != nil {
		t.Fatal(err)
	}
	s.cfg.Metrics = NewMetrics("test")
	if sc.timeless {
		s.cfg.CallClock = sc.clock.Now
	}
	for _, o := range sc.origins {
		img := strings.Join(append([]string{"'self'", "data:"}, sc.settings.ImageHosts...), " ")
		s.csp[o] = "default-src 'none'; script-src " + o + s.base + "/static/; style-src " + o + s.base + "/static/ " + o + s.base +
			"/theme/; img-src " + img + "; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	}
	s.serve()
	return s
}

// unshown are reasons whose answer is a redirect, or a page as if nothing were wrong.
var unshown = map[string]bool{
	string(refusal.ReasonSentBack): true, string(refusal.ReasonWithheld): true,
	string(refusal.ReasonCaptchaLost): true, // where the form has a page before it
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
		s.checkAudit()
		// Every refusal says why, by a word of the list.
		for _, line := range s.log.lines(s.t) {
			if line.Msg == "request" && (line.Status >= 400) != (line.Reason != "") && !unshown[line.Reason] || line.Reason != "" && !slices.Contains(refusal.Reasons, refusal.Reason(line.Reason)) {
				s.t.Errorf("status %d for the reason %q: %+v", line.Status, line.Reason, line)
			}
		}
		// A request id is random, also in what an error of authclient says: some of its digits may be a
		// code's.
		text := regexp.MustCompile(`"(request|trace)_id":"[0-9a-f]*"|, request [0-9a-f]{16}-[0-9a-f]{8}\b`).ReplaceAllString(s.log.text(), "")
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

// shortQuery is the same as the portal's addresses have it.
func shortQuery(redirectURI string) string {
	return "env_id=demo&client_id=demo&redirect_uri=" + url.QueryEscape(redirectURI)
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
