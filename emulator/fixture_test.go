package emulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a fake clock.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

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

// fixture is a running emulator with two environments: "demo" in Shanghai with the clients "demo"
// (no secret) and "app" (with one), and "west" elsewhere.
type fixture struct {
	*Emulator
	t     *testing.T
	url   string
	clock *clock
}

func testConfig(path string, c *clock) Config {
	return Config{
		Path: path, Now: c.now, CheapPasswords: true, signingKey: testKey(), RedirectURIs: []string{"https://app.example.com", "myapp://cb?a=b"},
		Environments: []Environment{
			{ID: "demo", Clients: []Client{{ID: "demo"}, {ID: "app", Secret: "s3cret"}}},
			{ID: "west", Region: "ap-singapore"},
		},
	}
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return openFixture(t, filepath.Join(t.TempDir(), "emulator.db"))
}

func openFixture(t *testing.T, path string) *fixture {
	t.Helper()
	c := &clock{t: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	e, err := New(testConfig(path, c))
	if err != nil {
		t.Fatal(err)
	}
	return serveFixture(t, e, c)
}

// serveFixture serves an emulator until the test is over.
func serveFixture(t *testing.T, e *Emulator, c *clock) *fixture {
	t.Helper()
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		server.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return &fixture{Emulator: e, t: t, url: server.URL, clock: c}
}

type object = map[string]any

// answer is a JSON answer.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   object
}

func (f *fixture) do(method, path, body string, header ...string) answer {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if request.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			request.Host = header[i+1]
		}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	a := answer{t: f.t, what: method + " " + path + " " + body, status: response.StatusCode, header: response.Header}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(content, &a.body); err != nil {
			f.t.Fatalf("%s: answer %q: %v", a.what, content, err)
		}
	} else {
		a.body = object{"raw": string(content)}
	}
	return a
}

func encode(t *testing.T, body object) string {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// post calls the API as the client "demo".
func (f *fixture) post(path string, body object, header ...string) answer {
	f.t.Helper()
	mark := "?"
	if strings.Contains(path, "?") {
		mark = "&"
	}
	if !strings.Contains(path, "client_id=") {
		path += mark + "client_id=demo"
	}
	return f.do("POST", "/auth"+path, encode(f.t, body), header...)
}

func (a answer) ok() answer {
	a.t.Helper()
	if a.status != http.StatusOK || a.body["error"] != nil {
		a.t.Fatalf("%s: got %d %v, want 200", a.what, a.status, a.body)
	}
	return a
}

// fails wants an error and checks that its number and status are those of the table.
func (a answer) fails(code string) answer {
	a.t.Helper()
	kind := errorKinds[code]
	if a.body["error"] != code || a.status != kind.status || a.body["error_code"] != float64(kind.number) ||
		a.body["error_description"] == "" {
		a.t.Fatalf("%s: got %d %v, want %s", a.what, a.status, a.body, code)
	}
	return a
}

func (a answer) str(key string) string {
	a.t.Helper()
	s, ok := a.body[key].(string)
	if !ok {
		a.t.Fatalf("%s: no string %q in %v", a.what, key, a.body)
	}
	return s
}

// detail is details[0][key].
func (a answer) detail(key string) any {
	a.t.Helper()
	details, _ := a.body["details"].([]any)
	if len(details) == 0 {
		a.t.Fatalf("%s: no details in %v", a.what, a.body)
	}
	return details[0].(object)[key]
}

func (f *fixture) settings(body string) {
	f.t.Helper()
	f.do("PUT", "/__emulator/settings", body).ok()
}

// send asks for a code and returns its id and the code from the outbox.
func (f *fixture) send(to string) (id, code string) {
	f.t.Helper()
	id = f.post("/v1/verification", targetBody(to, object{"target": "ANY"})).ok().str("verification_id")
	return id, f.lastCode(to)
}

func (f *fixture) lastCode(to string) string {
	f.t.Helper()
	a := f.do("GET", "/__emulator/outbox.json?to="+url.QueryEscape(to), "").ok()
	messages := a.body["messages"].([]any)
	if len(messages) == 0 {
		f.t.Fatalf("nothing was sent to %s", to)
	}
	return messages[0].(object)["code"].(string)
}

func targetBody(to string, body object) object {
	if strings.Contains(to, "@") {
		body["email"] = to
	} else {
		body["phone_number"] = to
	}
	return body
}

// verified returns a verification token for the target.
func (f *fixture) verified(to string) string {
	f.t.Helper()
	id, code := f.send(to)
	return f.post("/v1/verification/verify", object{"verification_id": id, "verification_code": code}).ok().str("verification_token")
}

func (f *fixture) signUp(to string, body object) answer {
	f.t.Helper()
	body["verification_token"] = f.verified(to)
	return f.post("/v1/signup", targetBody(to, body)).ok()
}

func (f *fixture) signInDemo() answer {
	f.t.Helper()
	return f.post("/v1/signin", object{"username": demoUsername, "password": demoPassword}).ok()
}

func (f *fixture) me(token string) answer {
	f.t.Helper()
	return f.do("GET", "/auth/v1/user/me", "", "Authorization", "Bearer "+token)
}

func (f *fixture) setStatus(sub, status string) {
	f.t.Helper()
	f.do("PUT", "/__emulator/users/"+sub, `{"status":"`+status+`"}`).ok()
}

// captchaToken solves a captcha with the help of the controls.
func (f *fixture) captchaToken() string {
	f.t.Helper()
	token := f.post("/v1/captcha/data", object{"state": "s", "redirect_uri": ""}).ok().str("token")
	key := f.do("GET", "/__emulator/captcha/"+token, "").ok().str("key")
	return f.post("/v1/captcha/data/verify", object{"token": token, "key": strings.ToLower(key)}).ok().str("captcha_token")
}
