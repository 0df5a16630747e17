package authclient_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tcb-login/authclient"
	"tcb-login/emulator"
)

// The person that every emulated environment starts with.
const (
	demoUsername = "demo"
	demoPassword = "Demo-pass-1"
	demoEmail    = "demo@example.com"
)

// environments are a usual one, whose second client has a secret, and one in a
// region without text messages.
var environments = []emulator.Environment{
	{ID: "demo-env", Clients: []emulator.Client{{ID: "demo-env"}, {ID: "web-app", Secret: "s3cret"}}},
	{ID: "west-env", Region: "ap-singapore"},
}

// database is that of a fresh emulator. Each fixture gets a copy, as making one
// takes an RSA key and an argon2id hash.
var database = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "authclient-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "emulator.db")
	e, err := emulator.New(emulator.Config{Path: path, Environments: environments})
	if err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// startEmulator runs an emulator on a file in dir until stop is called.
func startEmulator(dir string, now func() time.Time, wrap func(http.Handler) http.Handler) (server *httptest.Server, stop func() error, err error) {
	fresh, err := database()
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, "emulator.db")
	if err := os.WriteFile(path, fresh, 0o600); err != nil {
		return nil, nil, err
	}
	e, err := emulator.New(emulator.Config{Path: path, Now: now, Environments: environments})
	if err != nil {
		return nil, nil, err
	}
	server = httptest.NewServer(wrap(e))
	return server, func() error { server.Close(); return e.Close() }, nil
}

// clock is a fake clock.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// seen is what an API server was asked.
type seen struct {
	mu    sync.Mutex
	paths []string
}

func (s *seen) add(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = append(s.paths, r.Method+" "+r.URL.Path)
}

// count is the number of requests to one method and path.
func (s *seen) count(want string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.paths {
		if p == want {
			n++
		}
	}
	return n
}

// fixture is the real client before the real emulator, on one fake clock.
type fixture struct {
	*authclient.Client
	t      *testing.T
	clock  *clock
	server *httptest.Server
	seen   seen
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: newClock()}
	server, stop, err := startEmulator(t.TempDir(), f.clock.now, func(api http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.seen.add(r)
			api.ServeHTTP(w, r)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	f.server = server
	f.Client = f.client(authclient.Config{Env: "demo-env"})
	return f
}

// client is a client of the fixture's emulator.
func (f *fixture) client(cfg authclient.Config) *authclient.Client {
	f.t.Helper()
	cfg.Endpoint, cfg.HTTPClient, cfg.Now = f.server.URL, f.server.Client(), f.clock.now
	return newClient(f.t, cfg)
}

func newClient(t testing.TB, cfg authclient.Config) *authclient.Client {
	t.Helper()
	if cfg.Env == "" {
		cfg.Env = "demo-env"
	}
	c, err := authclient.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// control calls one of the emulator's controls and reads its answer.
func (f *fixture) control(method, path, body string, into any) {
	f.t.Helper()
	if err := control(f.server, method, path, body, into); err != nil {
		f.t.Fatal(err)
	}
}

func control(server *httptest.Server, method, path, body string, into any) error {
	req, err := http.NewRequest(method, server.URL+"/__emulator/"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(method + " " + path + ": " + resp.Status + ": " + string(answer))
	}
	return json.Unmarshal(answer, into)
}

func (f *fixture) settings(body string) {
	f.t.Helper()
	f.control(http.MethodPut, "settings", body, &struct{}{})
}

func (f *fixture) setStatus(sub, status string) {
	f.t.Helper()
	f.control(http.MethodPut, "users/"+sub, `{"status":"`+status+`"}`, &struct{}{})
}

// message is what the outbox tells of a message.
type message struct {
	Channel, To, Code, Usage, Locale string
}

// lastMessage is the latest message to somebody.
func (f *fixture) lastMessage(to string) message {
	f.t.Helper()
	m, err := lastMessage(f.server, to)
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

func lastMessage(server *httptest.Server, to string) (message, error) {
	var outbox struct{ Messages []message }
	if err := control(server, http.MethodGet, "outbox.json?to="+url.QueryEscape(to), "", &outbox); err != nil {
		return message{}, err
	}
	if len(outbox.Messages) == 0 {
		return message{}, errors.New("no message to " + to)
	}
	return outbox.Messages[0], nil
}

// send has a code sent to a phone number or e-mail address and reads it.
func (f *fixture) send(to string) (*authclient.Verification, string) {
	f.t.Helper()
	in := authclient.GetVerificationRequest{Email: to}
	if !strings.Contains(to, "@") {
		in = authclient.GetVerificationRequest{PhoneNumber: to}
	}
	v, err := f.GetVerification(f.t.Context(), in)
	if err != nil {
		f.t.Fatal(err)
	}
	return v, f.lastMessage(to).Code
}

// verified proves a phone number or e-mail address. It moves the clock on, so
// that it can be called again for the same one.
func (f *fixture) verified(to string) string {
	f.t.Helper()
	v, code := f.send(to)
	f.clock.advance(30 * time.Second)
	token, err := f.Verify(f.t.Context(), authclient.VerifyRequest{VerificationID: v.VerificationID, VerificationCode: code})
	if err != nil {
		f.t.Fatal(err)
	}
	return token.VerificationToken
}

// registered signs somebody up by e-mail.
func (f *fixture) registered(email, password string) *authclient.Credentials {
	f.t.Helper()
	creds, err := f.SignUp(f.t.Context(), authclient.SignUpRequest{
		Email: email, VerificationToken: f.verified(email), Password: password,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return creds
}

// demo signs the demo person in, by a code: checking a password takes long on
// purpose, all the more under the race detector. It moves the clock on.
func (f *fixture) demo() *authclient.Credentials {
	f.t.Helper()
	creds, err := f.SignIn(f.t.Context(), authclient.SignInRequest{Username: demoEmail, VerificationToken: f.verified(demoEmail)})
	if err != nil {
		f.t.Fatal(err)
	}
	return creds
}

// refusal checks that err is an *Error with want's code and returns it.
func refusal(t *testing.T, err, want error) *authclient.Error {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
	var e *authclient.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %T, want *authclient.Error", err)
	}
	return e
}
