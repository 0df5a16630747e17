package handlers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tcb-login/authclient"
	"tcb-login/emulator"
)

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
	em, err := emulator.New(emulator.Config{Path: file, Now: newClock().Now, CheapPasswords: true, Environments: emulated})
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
	em, err := emulator.New(emulator.Config{Path: file, Now: clk.Now, CheapPasswords: true, Environments: emulated, RedirectURIs: []string{publicOrigin}})
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
