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

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

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
// takes two RSA keys and an argon2id hash.
var database = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "authclient-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "emulator.db")
	e, err := emulator.New(emulator.Config{Path: path, CheapPasswords: true, Environments: environments})
	if err != nil {
		return nil, err
	}
	answer := httptest.NewRecorder() // the key for encrypted calls is made when it is first asked for
	e.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/auth/v2/signin/publichkey?client_id=demo-env", strings.NewReader("{}")))
	if answer.Code != http.StatusOK {
		return nil, errors.New("no public key: " + answer.Body.String())
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
	e, err := emulator.New(emulator.Config{Path: path, Now: now, CheapPasswords: true, Environments: environments, RedirectURIs: []string{"https://app.example"}})
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

// state is a login that begins now, without a listener.
func (f *fixture) state(creds *authclient.Credentials) *authclient.LoginState {
	return f.LoginState(*creds, f.clock.now().Add(time.Duration(creds.ExpiresIn)*time.Second), nil)
}

// page is what a browser gets.
type page struct {
	status   int
	location *url.URL // where it is sent, if anywhere
	action   *url.URL // of the page's form
	fields   url.Values
}

// browse opens an address, or sends the form of the page before with these
// fields changed, as a browser does.
func (f *fixture) browse(address string, form url.Values) page {
	f.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(f.t.Context(), method, address, body)
	if err != nil {
		f.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := f.server.Client().Transport.RoundTrip(req) // no redirects
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	p := page{status: resp.StatusCode, fields: url.Values{}}
	if to := resp.Header.Get("Location"); to != "" {
		if p.location, err = url.Parse(to); err != nil {
			f.t.Fatal(err)
		}
		return p
	}
	doc, err := html.Parse(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	for n := range doc.Descendants() {
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		switch {
		case n.DataAtom == atom.Form:
			if p.action, err = req.URL.Parse(attr["action"]); err != nil {
				f.t.Fatal(err)
			}
		case n.DataAtom == atom.Input:
			p.fields.Set(attr["name"], attr["value"])
		}
	}
	return p
}

// consent answers an identity provider's page and returns where the browser is
// sent. changes are name, value, name, value, ….
func (f *fixture) consent(address, decision string, changes ...string) *url.URL {
	f.t.Helper()
	p := f.browse(address, nil)
	if p.status != http.StatusOK || p.action == nil {
		f.t.Fatalf("the provider's page %s has status %d and form %v", address, p.status, p.action)
	}
	p.fields.Set("decision", decision)
	for i := 0; i < len(changes); i += 2 {
		p.fields.Set(changes[i], changes[i+1])
	}
	sent := f.browse(p.action.String(), p.fields)
	if sent.status != http.StatusSeeOther || sent.location == nil {
		f.t.Fatalf("the provider's page answers %d", sent.status)
	}
	return sent.location
}

// identity makes a provider_token of the demo provider for one of its people,
// who has neither an address nor a number unless changes give one.
func (f *fixture) identity(sub string, changes ...string) string {
	f.t.Helper()
	ctx := f.t.Context()
	to, err := f.GenProviderRedirectURI(ctx, authclient.GenProviderRedirectURIRequest{
		ProviderID: "demo", ProviderRedirectURI: "https://app.example/back", State: "s",
	})
	if err != nil {
		f.t.Fatal(err)
	}
	back := f.consent(to.URI, "allow", append([]string{"sub", sub, "email", ""}, changes...)...)
	granted, err := f.GrantProviderToken(ctx, authclient.GrantProviderTokenRequest{
		ProviderID: "demo", ProviderRedirectURI: "https://app.example/back", ProviderCode: back.Query().Get("code"),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return granted.ProviderToken
}

// through signs in, or up, with an identity of the demo provider.
func (f *fixture) through(sub string, changes ...string) *authclient.Credentials {
	f.t.Helper()
	creds, err := f.SignInWithProvider(f.t.Context(), authclient.SignInWithProviderRequest{ProviderToken: f.identity(sub, changes...)})
	if err != nil {
		f.t.Fatal(err)
	}
	return creds
}

// info is who an access token belongs to.
func (f *fixture) info(creds *authclient.Credentials) *authclient.UserInfo {
	f.t.Helper()
	info, err := f.AsUser(creds.AccessToken).GetUserInfo(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return info
}

// sudo proves a login again by a code to a number or address.
func (f *fixture) sudo(s *authclient.LoginState, to string) string {
	f.t.Helper()
	token, err := s.Sudo(f.t.Context(), authclient.SudoRequest{VerificationToken: f.verified(to)})
	if err != nil {
		f.t.Fatal(err)
	}
	return token.SudoToken
}
