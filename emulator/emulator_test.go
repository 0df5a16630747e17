package emulator

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// childDatabase makes the test binary serve that database until it is killed; see TestSurvivesKill.
const childDatabase = "EMULATOR_TEST_CHILD_DATABASE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childDatabase); path != "" {
		e, err := New(Config{Path: path, Environments: []Environment{{ID: "demo"}}, CheapPasswords: true, signingKey: testKey()})
		if err != nil {
			panic(err)
		}
		server := httptest.NewServer(e)
		fmt.Println(server.URL)
		select {}
	}
	os.Exit(m.Run())
}

var (
	testKey = sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return key
	})
)

func TestRoutes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, request := range []string{
		"GET /", "GET /auth", "POST /auth/v1/nothing?client_id=demo", "GET /auth/v1/signin", "DELETE /auth/v1/signup",
		"POST /auth/v1/signin/", "GET /auth/v1//certs", "GET /auth/v1/../v1/certs", "GET /__emulator/nothing", "GET /__emulatorx",
	} {
		method, path, _ := strings.Cut(request, " ")
		a := f.do(method, path, "")
		if a.status != http.StatusNotFound || a.body["error"] != "not_found" {
			t.Errorf("%s: got %d %v, want a JSON 404", request, a.status, a.body)
		}
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tests := map[string]struct {
		query, body, authorization, want string
	}{
		"query":                     {query: "client_id=demo"},
		"body":                      {body: `{"client_id":"demo"}`},
		"both":                      {query: "client_id=demo", body: `{"client_id":"demo"}`},
		"basic":                     {authorization: basic("demo", "")},
		"no secret sent":            {query: "client_id=app"},
		"empty secret":              {body: `{"client_id":"app","client_secret":""}`},
		"right secret":              {body: `{"client_id":"app","client_secret":"s3cret"}`},
		"right secret, basic":       {authorization: basic("app", "s3cret")},
		"secret nobody asked for":   {authorization: basic("demo", "anything")},
		"wrong secret":              {body: `{"client_id":"app","client_secret":"wrong"}`, want: "unauthorized_client"},
		"wrong secret, basic":       {authorization: basic("app", "wrong"), want: "unauthorized_client"},
		"unknown":                   {query: "client_id=nobody", want: "unauthorized_client"},
		"missing":                   {want: "unauthorized_client"},
		"two clients":               {query: "client_id=demo", body: `{"client_id":"app"}`, want: "unauthorized_client"},
		"two clients, basic":        {query: "client_id=demo", authorization: basic("app", ""), want: "unauthorized_client"},
		"broken basic":              {query: "client_id=demo", authorization: "Basic !", want: "unauthorized_client"},
		"broken bearer":             {query: "client_id=demo", authorization: "Bearer x", want: "unauthenticated"},
		"malformed JSON":            {query: "client_id=demo", body: `{"a":`, want: "invalid_argument"},
		"JSON that is no object":    {query: "client_id=demo", body: `[]`, want: "invalid_argument"},
		"JSON null":                 {query: "client_id=demo", body: `null`, want: "invalid_argument"},
		"something behind the JSON": {query: "client_id=demo", body: `{} {}`, want: "invalid_argument"},
		"a field of another type":   {query: "client_id=demo", body: `{"state":"x","client_id":5}`, want: "invalid_argument"},
	}
	for name, test := range tests {
		header := []string{}
		if test.authorization != "" {
			header = append(header, "Authorization", test.authorization)
		}
		a := f.do("POST", "/auth/v1/captcha/data?"+test.query, test.body, header...)
		if got, _ := a.body["error"].(string); got != test.want {
			t.Errorf("%s: got %d %v, want error %q", name, a.status, a.body, test.want)
		}
	}
}

func basic(id, secret string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(id, secret)
	return r.Header.Get("Authorization")
}

func TestMissingClientInTheOnlyEnvironment(t *testing.T) {
	t.Parallel()
	e, err := New(Config{Environments: []Environment{{ID: "only"}}, CheapPasswords: true, signingKey: testKey()})
	if err != nil {
		t.Fatal(err)
	}
	dir := e.tempDir
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/auth/v1/checkIfUserExist?username=demo", nil))
	if got, want := w.Body.String(), `{"exist":true}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the temporary folder is still there: %v", err)
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	for name, environments := range map[string][]Environment{
		"none":             nil,
		"no id":            {{}},
		"same id twice":    {{ID: "a"}, {ID: "a"}},
		"same client id":   {{ID: "a"}, {ID: "b", Clients: []Client{{ID: "a"}}}},
		"client has no id": {{ID: "a", Clients: []Client{{}}}},
	} {
		if e, err := New(Config{Environments: environments, CheapPasswords: true, signingKey: testKey()}); err == nil {
			t.Errorf("%s: New took it", name)
			_ = e.Close()
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	preflight := f.do("OPTIONS", "/auth/v1/signin?client_id=demo", "", "Origin", "http://app.example.com",
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-sdk-version,x-request-id")
	if preflight.status != http.StatusNoContent {
		t.Errorf("preflight: got %d, want 204", preflight.status)
	}
	allowed := preflight.header.Get("Access-Control-Allow-Headers")
	for _, name := range []string{"authorization", "content-type", "accept-language", "x-sdk-version", "x-request-id", "x-device-id", "x-captcha-token"} {
		if !strings.Contains(allowed, name) {
			t.Errorf("preflight: header %s is not allowed in %q", name, allowed)
		}
	}
	for _, method := range []string{"GET", "POST", "PATCH", "PUT", "DELETE"} {
		if got := preflight.header.Get("Access-Control-Allow-Methods"); !strings.Contains(got, method) {
			t.Errorf("preflight: method %s is not allowed in %q", method, got)
		}
	}
	for name, a := range map[string]answer{
		"preflight": preflight,
		"success":   f.do("GET", "/auth/v1/certs", ""),
		"error":     f.post("/v1/signin", object{}),
		"unknown":   f.do("GET", "/auth/v1/nothing", ""),
	} {
		if got := a.header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%s: Access-Control-Allow-Origin is %q", name, got)
		}
		if got := a.header.Get("Access-Control-Expose-Headers"); got != "x-request-id" {
			t.Errorf("%s: Access-Control-Expose-Headers is %q", name, got)
		}
	}
	if got := f.do("GET", "/auth/v1/certs", "", "X-Request-Id", "abc123").header.Get("X-Request-Id"); got != "abc123" {
		t.Errorf("x-request-id is %q, want it back", got)
	}
	if got := f.do("GET", "/auth/v1/certs", "").header.Get("X-Request-Id"); len(got) != 32 {
		t.Errorf("x-request-id is %q, want a new one", got)
	}
	if got := f.do("GET", "/__emulator/outbox.json", "").header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("the controls allow the origin %q", got)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	body := encode(t, object{"username": demoUsername, "password": demoPassword})
	for _, contentType := range []string{"text/plain;charset=UTF-8", "application/json", "application/x-www-form-urlencoded", "nonsense"} {
		f.do("POST", "/auth/v1/signin?client_id=demo", body, "Content-Type", contentType).ok()
	}
	big := f.do("POST", "/auth/v1/signin?client_id=demo", `{"username":"`+strings.Repeat("a", maxBody)+`"}`)
	if big.status != http.StatusRequestEntityTooLarge || big.body["error"] != "invalid_argument" {
		t.Errorf("big body: got %d %v", big.status, big.body)
	}
	a := f.do("POST", "/auth/v1/revoke?client_id=demo", `{"token":"x"}`).ok()
	if diff := cmp.Diff(object{}, a.body); diff != "" {
		t.Errorf("void answer is not {}: %s", diff)
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for header, want := range map[string]string{
		"":                         errorKinds["not_found"].text.zh,
		"zh-CN":                    errorKinds["not_found"].text.zh,
		"zh-CN,zh;q=0.9,en;q=0.8":  errorKinds["not_found"].text.zh,
		"en-US":                    errorKinds["not_found"].text.en,
		"en-GB,en;q=0.9":           errorKinds["not_found"].text.en,
		"fr":                       errorKinds["not_found"].text.zh,
		";;;,":                     errorKinds["not_found"].text.zh,
		strings.Repeat("en,", 300): errorKinds["not_found"].text.zh,
	} {
		f.do("POST", "/__emulator/reset", "").ok()
		a := f.post("/v1/signin", object{"username": "nobody", "password": "x"}, "Accept-Language", header).fails("not_found")
		if got := a.str("error_description"); got != want {
			t.Errorf("Accept-Language %q: got %q, want %q", header, got, want)
		}
	}
	for code, kind := range errorKinds {
		if kind.text.zh == "" || kind.text.en == "" || kind.number == 0 || kind.status == 0 {
			t.Errorf("%s: incomplete", code)
		}
	}
}

func TestPersistence(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "emulator.db")
	c := &clock{t: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	var token, refresh string
	for i, key := range []*rsa.PrivateKey{testKey(), nil} { // the second start has to find the key in the database
		config := testConfig(path, c)
		config.signingKey = key
		e, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(e)
		f := &fixture{Emulator: e, t: t, url: server.URL, clock: c}
		if i == 0 {
			a := f.signUp("p@example.com", object{"username": "petra", "password": "Abcdef-1"})
			token, refresh = a.str("access_token"), a.str("refresh_token")
		} else {
			if got := f.me(token).ok().str("username"); got != "petra" {
				t.Errorf("after the restart: got user %q", got)
			}
			f.post("/v1/token", object{"grant_type": "refresh_token", "refresh_token": refresh}).ok()
			f.post("/v1/signin", object{"username": "petra", "password": "Abcdef-1"}).ok()
			if users := f.do("GET", "/__emulator/users.json?username=demo&env=demo", "").ok().body["users"].([]any); len(users) != 1 {
				t.Errorf("after the restart: %d users demo", len(users))
			}
		}
		server.Close()
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the database has mode %v, want 0600: it holds a private key", info.Mode())
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "emulator.db")
	config := testConfig(path, &clock{t: time.Unix(1790000000, 0)})
	e, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.store.db.ExecContext(t.Context(), "PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if e, err := New(config); err == nil {
		_ = e.Close()
		t.Error("New opened a database of a newer program")
	}
}

// TestSurvivesKill kills the process right after it acknowledged a sign-up.
func TestSurvivesKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "emulator.db")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), childDatabase+"="+path)
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, url: strings.TrimSpace(line)}
	token := f.signUp("kill@example.com", object{"username": "kill"}).str("access_token")
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	e, err := New(Config{Path: path, Environments: []Environment{{ID: "demo"}}, CheapPasswords: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/auth/v1/user/me", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	e.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"username":"kill"`) {
		t.Errorf("after kill -9: got %d %s", w.Code, w.Body)
	}
}

func TestClosedDatabaseIsAnInternalError(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var log bytes.Buffer
	f.log = newTestLogger(&log)
	if err := f.store.db.Close(); err != nil {
		t.Fatal(err)
	}
	f.post("/v1/signin", object{"username": demoUsername, "password": demoPassword}).fails("internal")
	f.post("/v1/verification", object{"email": "a@example.com"}).fails("internal")
	f.do("GET", "/__emulator/outbox.json", "").fails("internal")
	f.do("GET", "/__emulator/", "").fails("internal")
	if !strings.Contains(log.String(), "emulator: call failed") || strings.Contains(log.String(), demoPassword) {
		t.Errorf("log: %s", log.String())
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.verified("sweep@example.com")
	f.send("other@example.com")
	f.captchaToken()
	f.post("/v1/captcha/data", object{}).ok()
	f.post("/v1/signin", object{"username": "nobody", "password": "x"}).fails("not_found")
	f.signInDemo()
	f.clock.advance(40 * 24 * time.Hour)
	f.post("/v1/captcha/data", object{}).ok() // any write sweeps
	for table, want := range map[string]int{
		"sessions": 0, "verifications": 0, "verification_tokens": 0, "messages": 0, "password_failures": 0, "captchas": 1, "captcha_tokens": 0,
	} {
		var got int
		if err := f.store.db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: %d rows left, want %d", table, got, want)
		}
	}
}

func TestRandomNumbers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	seen := map[int]bool{}
	for range 500 {
		n := f.intn(7)
		if n < 0 || n > 6 {
			t.Fatalf("intn(7) = %d", n)
		}
		seen[n] = true
	}
	if len(seen) != 7 {
		t.Errorf("intn(7) gave only %v", seen)
	}
	f.random = &lockedReader{reader: strings.NewReader("")}
	defer func() {
		if recover() == nil {
			t.Error("a failing random source went unnoticed")
		}
	}()
	f.token(8)
}
