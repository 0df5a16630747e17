//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// emulator is the control side of the running emulator: what arrived on phones and in mailboxes,
// and the switches that make the backend behave as a test needs it.
type emulator struct {
	url    *url.URL
	server *server
	mu     sync.Mutex
	read   map[string]int // by address, how many messages a test has already used
}

type message struct{ ID, Channel, To, Code, Usage, Locale, Body string }

// settings are the emulator's switches. Only what a test names is sent.
type settings struct {
	Captcha      string  `json:"captcha,omitempty"`
	LatencyMS    *int    `json:"latency_ms,omitempty"`
	ClockOffsetS *int    `json:"clock_offset_s,omitempty"`
	Faults       []fault `json:"faults,omitempty"`
	// PasswordStrength is the rule for new passwords: length or strict.
	PasswordStrength string `json:"password_strength,omitempty"`
	// Login are the console's switches, under their names there.
	Login map[string]any `json:"login,omitempty"`
}

type fault struct {
	Path   string `json:"path"`
	Status int    `json:"status"`
	Error  string `json:"error"`
	Body   string `json:"body"`
	Times  int    `json:"times"`
}

// person is a user as the emulator knows them.
type person struct {
	Sub         string `json:"sub"`
	Username    string `json:"username"`
	Name        string `json:"name"`
	Email       string `json:"email"`
	PhoneNumber string `json:"phone_number"`
	Status      string `json:"status"`
}

// call sends JSON and decodes the answer into out; any status but 200 fails the test.
func (e *emulator) call(t *testing.T, method, path string, in, out any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, e.url.String()+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s at the emulator: %d %s", method, path, resp.StatusCode, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatalf("%s %s at the emulator: %v in %s", method, path, err, raw)
		}
	}
}

func (e *emulator) set(t *testing.T, s settings) {
	t.Helper()
	e.call(t, http.MethodPut, "/__emulator/settings", s, nil)
}

// outbox returns what was sent to an address, newest first.
func (e *emulator) outbox(t *testing.T, to string) []message {
	t.Helper()
	var box struct{ Messages []message }
	e.call(t, http.MethodGet, "/__emulator/outbox.json?to="+url.QueryEscape(to), nil, &box)
	return box.Messages
}

// unread returns what was sent to an address since it was last asked for, newest first.
func (e *emulator) unread(t *testing.T, to string) []message {
	t.Helper()
	box := e.outbox(t, to)
	e.mu.Lock()
	defer e.mu.Unlock()
	fresh := box[:max(0, len(box)-e.read[to])]
	e.read[to] = len(box)
	return fresh
}

// code waits for a message to an address that this test has not read yet, and returns its code.
func (e *emulator) code(t *testing.T, to string) string {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if box := e.unread(t, to); len(box) > 0 {
			code := box[0].Code
			if code == "" {
				t.Fatalf("the newest message to %s holds no code: %+v", to, box[0])
			}
			e.server.secret(t, code)
			return code
		}
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("no new message to %s within %v", to, patience)
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

// captcha returns the answer to the newest picture.
func (e *emulator) captcha(t *testing.T) string {
	t.Helper()
	var latest struct{ Key, Token string }
	e.call(t, http.MethodGet, "/__emulator/captcha/latest", nil, &latest)
	if latest.Key == "" {
		t.Fatal("the emulator has drawn no captcha picture")
	}
	return latest.Key
}

// people are all, up to a thousand of them.
func (e *emulator) people(t *testing.T) []person {
	t.Helper()
	var all struct{ Users []person }
	e.call(t, http.MethodGet, "/__emulator/users.json", nil, &all)
	return all.Users
}

// known are those with a username, e-mail address or phone number.
func (e *emulator) known(t *testing.T, by string) []person {
	t.Helper()
	var some struct{ Users []person }
	e.call(t, http.MethodGet, "/__emulator/users.json?username="+url.QueryEscape(by), nil, &some)
	return some.Users
}

// find returns the person whom the given facts describe: username, e-mail address or phone number.
func (e *emulator) find(t *testing.T, by string) person {
	t.Helper()
	all := e.people(t)
	for _, p := range all {
		if by == p.Sub || by == p.Username || by == p.Email || plain(by) == plain(p.PhoneNumber) {
			return p
		}
	}
	t.Fatalf("the emulator knows nobody as %q, only %+v", by, all)
	return person{}
}

// made counts the people that tests have made up.
var made atomic.Int64

// newPhone is a phone number that no other test uses.
func newPhone() string { return fmt.Sprintf("+86 1390000%04d", made.Add(1)) }

// newEmail is an e-mail address that no other test uses.
func newEmail() string { return fmt.Sprintf("person%d@example.com", made.Add(1)) }

// newUsername is a username that no other test uses.
func newUsername() string { return fmt.Sprintf("person.%d", made.Add(1)) }

// plain writes a phone number without its spaces.
func plain(phone string) string { return strings.ReplaceAll(phone, " ", "") }

func (e *emulator) setStatus(t *testing.T, p person, status string) {
	t.Helper()
	e.call(t, http.MethodPut, "/__emulator/users/"+url.PathEscape(p.Sub), map[string]string{"status": status}, nil)
}

// register makes a user by the API, as a person who signed up last year would be there.
// The address is an e-mail address or a phone number.
func (e *emulator) register(t *testing.T, address, username, password string) person {
	t.Helper()
	// An hour ago: a code that was sent just now would make the next one wait.
	past := -3600
	e.set(t, settings{ClockOffsetS: &past})
	defer e.set(t, settings{ClockOffsetS: new(int)})
	body := map[string]string{"username": username, "password": password}
	field := "phone_number"
	if strings.Contains(address, "@") {
		field = "email"
	}
	body[field] = address
	const asDemo = "?client_id=demo"
	var sent struct {
		ID string `json:"verification_id"`
	}
	e.call(t, http.MethodPost, "/auth/v1/verification"+asDemo, map[string]string{field: address, "target": "ANY"}, &sent)
	var verified struct {
		Token string `json:"verification_token"`
	}
	e.call(t, http.MethodPost, "/auth/v1/verification/verify"+asDemo, map[string]string{"verification_id": sent.ID, "verification_code": e.code(t, address)}, &verified)
	body["verification_token"] = verified.Token
	e.call(t, http.MethodPost, "/auth/v1/signup"+asDemo, body, nil)
	return e.find(t, address)
}

// login is one that the emulator makes, as the SDK keeps it. One that has run out is made in the
// emulator's past.
func (e *emulator) login(t *testing.T, ranOut bool) string {
	t.Helper()
	if ranOut {
		e.set(t, settings{ClockOffsetS: playwright.Int(-5 * 60 * 60)})
		defer e.set(t, settings{ClockOffsetS: new(int)})
	}
	var login map[string]any
	e.call(t, http.MethodPost, "/auth/v1/signin?client_id=demo", map[string]string{"username": demoName, "password": demoPassword}, &login)
	e.server.secret(t, login["access_token"].(string), login["refresh_token"].(string))
	life := time.Duration(login["expires_in"].(float64)-30) * time.Second
	login["version"], login["expires_at"] = "v1", time.Now().Add(life)
	if ranOut {
		login["expires_at"] = time.Now().Add(life - 5*time.Hour)
	}
	kept, err := json.Marshal(login)
	if err != nil {
		t.Fatal(err)
	}
	return string(kept)
}

// revoke ends a login at the backend.
func (e *emulator) revoke(t *testing.T, login string) {
	t.Helper()
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(login), &tokens); err != nil {
		t.Fatal(err)
	}
	e.call(t, http.MethodPost, "/auth/v1/revoke?client_id=demo", map[string]string{"token": tokens.AccessToken}, nil)
}

// takes reports whether TCB takes an access token.
func (e *emulator) takes(t *testing.T, token string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.url.String()+"/auth/v1/user/me?client_id=demo", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode == http.StatusOK
}

// publishableKey is the emulator's accessKey for the app.
func (e *emulator) publishableKey(t *testing.T) string {
	t.Helper()
	var minted struct {
		Key string `json:"publishable_key"`
	}
	e.call(t, http.MethodGet, "/__emulator/publishable-key?env=demo", nil, &minted)
	return minted.Key
}
