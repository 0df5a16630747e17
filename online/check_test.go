package online

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/google/go-cmp/cmp"

	"tcb-login/config/input"
	"tcb-login/emulator"
)

// asked is an emulator of TCB that keeps what it was asked.
type asked struct {
	*httptest.Server
	file string

	mu    sync.Mutex
	calls []*http.Request
}

const callback = "/__auth/provider/callback"

// emulate runs an emulator whose environment "one" has a client with a secret, and changes its settings.
func emulate(t *testing.T, settings string) *asked {
	t.Helper()
	a := &asked{file: filepath.Join(t.TempDir(), "emulator.db")}
	if err := os.WriteFile(a.file, seeded(), 0o600); err != nil {
		t.Fatal(err)
	}
	em, err := emulator.New(emulated(a.file))
	if err != nil {
		t.Fatal(err)
	}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.calls = append(a.calls, r.Clone(t.Context()))
		a.mu.Unlock()
		em.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { a.Close(); em.Close() })
	if settings != "" {
		a.control(t, settings)
	}
	return a
}

func emulated(file string) emulator.Config {
	return emulator.Config{
		Path: file, CheapPasswords: true,
		Environments: []emulator.Environment{{ID: "one", Clients: []emulator.Client{{ID: "one"}, {ID: "app", Secret: "s3cr3t-of-app"}}}},
		RedirectURIs: []string{"https://app.example.com"},
	}
}

// seeded is an emulator's file to begin with: making its keys takes long.
var seeded = sync.OnceValue(func() []byte {
	dir, err := os.MkdirTemp("", "online-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "emulator.db")
	em, err := emulator.New(emulated(file))
	if err != nil {
		panic(err)
	}
	em.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/auth/v2/signin/publichkey?client_id=one", strings.NewReader("{}")))
	if err := em.Close(); err != nil {
		panic(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	return data
})

func (a *asked) control(t *testing.T, settings string) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/__emulator/settings", strings.NewReader(settings))
	req.RemoteAddr, req.Host = "127.0.0.1:1", "127.0.0.1"
	w := httptest.NewRecorder()
	a.Config.Handler.ServeHTTP(w, req)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %s", settings, w.Body)
	}
}

// environment is one whose pages offer everything.
func environment(address string) Environment {
	return Environment{
		ID: "one", Region: "ap-shanghai", Address: address, Origins: []string{"https://app.example.com"},
		Clients: []Client{{ID: "one"}, {ID: "app", Secret: "s3cr3t-of-app"}},
		Offers:  Offers{Password: true, SMS: true, Email: true, Providers: []string{"demo"}, ProviderCallback: callback, CaptchaCallback: "/__auth/captcha/callback"},
	}
}

func check(t *testing.T, env Environment) (said []string) {
	t.Helper()
	for _, p := range Check(t.Context(), Config{Network: &http.Transport{}, Timeout: 5 * time.Second, UserAgent: "test", File: "s"}, env) {
		said = append(said, string(p.Severity)+": "+strings.TrimPrefix(p.Message, "environment "+env.ID+": "))
		if p.File != "s" || !strings.HasPrefix(p.Message, "environment one: ") {
			t.Errorf("odd problem %v", p)
		}
		for _, secret := range []string{"s3cr3t", env.PublishableKey} {
			if secret != "" && strings.Contains(p.Message, secret) {
				t.Errorf("a secret is told: %v", p)
			}
		}
	}
	return said
}

// TestCheck: what TCB says against settings comes out, with what to change where.
func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		settings string // of the emulator
		change   func(*Environment)
		want     []string // beginnings; in each, after "…", what else it has
	}{
		{"all is well", "", nil, nil},
		{"a captcha for everything", `{"captcha": "always"}`, nil, nil},
		{"one of the security domains", `{"security_domains": ["app.example.com"]}`, nil, nil},
		{"none of the security domains", `{"security_domains": ["example.com"]}`, func(e *Environment) { e.Offers.Providers = nil },
			[]string{"error: public_origins: https://app.example.com is none of the security domains…安全域名"}},
		{"a client that is unknown", "", func(e *Environment) { e.Clients[0].ID = "other" }, []string{"error: clients: TCB does not know other, or wants its secret…https://tcb.cloud.tencent.com/dev?envId=one#/"}},
		{"abroad", "", func(e *Environment) { e.Clients[0].ID, e.Intl = "other", true }, []string{"error: clients: TCB does not know other…https://tcb.tencentcloud.com/dev?envId=one#/"}},
		{"only clients that are unknown", "", func(e *Environment) { e.Clients = []Client{{ID: "other", Secret: "s3cr3t-of-other"}} },
			[]string{"error: clients: TCB does not know other, or its secret is wrong"}},
		{"a wrong secret", "", func(e *Environment) { e.Clients[1].Secret = "s3cr3t-of-old" }, []string{"error: clients: the secret of app is wrong"}},
		{"no user names", `{"login": {"UserNameLogin": false}}`, nil, []string{"error: sign-in by username and password is switched off at TCB (unimplemented)…登录方式…__password"}},
		{"no SMS", `{"login": {"PhoneNumberLogin": false}}`, nil, []string{"error: sign-in by SMS is switched off at TCB (login_method_disabled)…__sms"}},
		{"no e-mail", `{"login": {"EmailLogin": false}}`, nil, []string{"error: sign-in by email is switched off at TCB (login_method_disabled)…take email out"}},
		{"switched off, in the gateway's words", `{"faults": [{"path": "/auth/v1/signin", "status": 403, "body": "{\"code\": \"LOGIN_TYPE_DISABLED\"}"}]}`, nil,
			[]string{"error: sign-in by username and password is switched off at TCB (LOGIN_TYPE_DISABLED)"}},
		{"no e-mail, and no page that has it", `{"login": {"EmailLogin": false}}`, func(e *Environment) { e.Offers.Email = false }, nil},
		{"no package", `{"faults": [{"path": "/auth/v1/verification", "error": "payment_required"}]}`, func(e *Environment) { e.Offers.Email = false },
			[]string{"error: sign-in by SMS: TCB has no messages left (payment_required)"}},
		{"a provider that is off", `{"providers": {"demo": {"On": false}}}`, nil, []string{"error: identity provider demo: TCB has none that is switched on (provider_not_enabled)…身份源"}},
		{"a provider that there is not", "", func(e *Environment) { e.Offers.Providers = []string{"nobody"} }, []string{"error: identity provider nobody: TCB has none"}},
		{"a callback that the provider does not know", `{"faults": [{"path": "/auth/v1/provider/uri", "error": "invalid_argument"}]}`, nil,
			[]string{"error: identity provider demo: TCB does not send people back to https://app.example.com/__auth/provider/callback…provider_callback"}},
		{"a captcha page that does not come back", `{"captcha": "always"}`, func(e *Environment) { e.Origins = []string{"https://other.example.com"}; e.Offers.Providers = nil },
			[]string{"error: captcha: TCB's captcha page does not come back to https://other.example.com/__auth/captcha/callback…captcha: picture"}},
		{"no captcha page", `{"faults": [{"path": "/auth/v1/captcha/init", "error": "unimplemented"}]}`, nil, []string{"error: captcha: TCB has no captcha page here (unimplemented)"}},
		{"no such environment", `{"faults": [{"path": "/auth/v1/certs", "error": "INVALID_ENV", "status": 404}]}`, nil, []string{`error: TCB has no keys of tokens at http://127.0.0.1…"INVALID_ENV"…ap-shanghai…region`}},
		{"a gateway that wants a token", `{"faults": [{"status": 401, "body": "{\"code\": \"MISSING_CREDENTIALS\", \"message\": \"no\"}"}]}`, nil,
			[]string{`error: TCB asks for a token and says "MISSING_CREDENTIALS": set publishable_key…API 密钥`}},
		{"a gateway that does not want this token", `{"faults": [{"status": 401, "body": "{\"code\": \"INVALID_TOKEN\"}"}]}`, func(e *Environment) { e.PublishableKey = "s3cr3t-key" },
			[]string{`error: publishable_key: TCB does not take it and says "INVALID_TOKEN"`}},
		{"a page of somebody else's", `{"faults": [{"status": 200, "body": "<html>welcome</html>"}]}`, nil, []string{"error: http://127.0.0.1…does not answer as TCB does (status 200)…endpoint"}},
		{"JSON of somebody else's", `{"faults": [{"status": 200, "body": "{\"keys\": 1}"}]}`, nil, []string{"error: http://127.0.0.1…certs has no keys"}},
		{"a code that is none", `{"faults": [{"path": "/auth/v2/signin/publichkey", "status": 400, "body": "{\"error\": \"<b>s3cr3t</b>\"}"}]}`, nil, []string{
			"warning: clients: whether TCB knows one: cannot be told: the answer, of status 400, is none of TCB's",
			"warning: clients: whether TCB knows app: cannot be told",
			"warning: whether https://app.example.com is one of the security domains: cannot be told",
		}},
		{"one that repeats a secret as the request had it", `{"faults": [{"path": "/auth/v2/signin/publichkey", "status": 400, "body": "{\"error\": \"` +
			strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("app:s3cr3t-of-app")), "=") + `\"}"}]}`, nil, []string{
			"warning: clients: whether TCB knows one: cannot be told: the answer, of status 400", "warning: clients: whether TCB knows app: cannot be told: the answer, of status 400", "warning: whether https://app.example.com",
		}},
		{"one that repeats a secret", `{"faults": [{"path": "/auth/v2/signin/publichkey", "status": 400, "body": "{\"error\": \"s3cr3t-of-app\"}"}]}`, nil, []string{
			"warning: clients: whether TCB knows one: cannot be told: the answer, of status 400", "warning: clients: whether TCB knows app: cannot be told", "warning: whether https://app.example.com",
		}},
		{"TCB that takes everything", `{"faults": [{"path": "/auth/v1/signin", "status": 200, "body": "{}"}, {"path": "/auth/v1/verification", "status": 200, "body": "{}"},
			{"path": "/auth/v1/provider/uri", "status": 200, "body": "{\"uri\": \"javascript:alert(1)\"}"}, {"path": "/auth/v1/captcha/init", "status": 200, "body": "{\"url\": 1}"}]}`, nil, []string{
			"warning: sign-in by username and password: cannot be told: TCB took what cannot be valid", "warning: sign-in by SMS: cannot be told", "warning: sign-in by email: cannot be told",
			"warning: identity provider demo: TCB's answer has no address", "warning: captcha: TCB's answer has no address",
		}},
		{"TCB that is away for a moment", `{"faults": [{"path": "/auth/v1/signin", "error": "unavailable"}]}`, nil, []string{`warning: sign-in by username and password: cannot be told: TCB says "unavailable"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := emulate(t, tt.settings)
			env := environment(a.URL)
			if tt.change != nil {
				tt.change(&env)
			}
			got := check(t, env)
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				parts := strings.Split(want, "…")
				if !strings.HasPrefix(got[i], parts[0]) || slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(got[i], part) }) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}

// TestPreflight: what a preflight's answer allows is judged as a browser does.
func TestPreflight(t *testing.T) {
	t.Parallel()
	all := "Authorization, X-Device-Id,x-request-id ,X-SDK-Version"
	for name, tt := range map[string]struct {
		allowed []string // lines of Access-Control-Allow-Headers
		want    string   // in the one error
	}{
		"all, in any case and order":     {[]string{all}, ""},
		"on several lines":               {[]string{"x-sdk-version, authorization", "x-request-id", "content-type, x-device-id"}, ""},
		"everything":                     {[]string{"*, Authorization"}, ""},
		"everything but what * is not":   {[]string{"*"}, "send TCB authorization, which"},
		"no header at all":               {nil, "send TCB authorization, x-device-id, x-request-id, x-sdk-version, which"},
		"one is missing":                 {[]string{strings.ReplaceAll(all, "X-SDK-Version", "x-sdk")}, "send TCB x-sdk-version, which"},
		"names with blanks between them": {[]string{strings.ReplaceAll(all, ",", " ")}, "send TCB authorization, x-device-id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := emulate(t, "")
			inner := a.Config.Handler
			a.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodOptions {
					inner.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
				w.Header()["Access-Control-Allow-Headers"] = tt.allowed
				w.WriteHeader(http.StatusNoContent)
			})
			got := check(t, environment(a.URL))
			if tt.want == "" && len(got) == 0 {
				return
			}
			if tt.want == "" || len(got) != 1 || !strings.HasPrefix(got[0], "error: public_origins: browsers let no page of https://app.example.com") || !strings.Contains(got[0], tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// everything is all that an emulator's file holds, by table.
func everything(t *testing.T, file string) map[string][]string {
	t.Helper()
	db, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	names, err := db.QueryContext(t.Context(), "SELECT name FROM sqlite_schema WHERE type = 'table'")
	if err != nil {
		t.Fatal(err)
	}
	defer names.Close()
	all := map[string][]string{}
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			t.Fatal(err)
		}
		all[name] = nil
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
	for name := range all {
		all[name] = rowsOf(t, db, name)
	}
	return all
}

func rowsOf(t *testing.T, db *sql.DB, table string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(values))
	}
	return all
}

// TestNothingHappens: whatever TCB's switches are, its accounts, messages and counts of failures are as they were.
func TestNothingHappens(t *testing.T) {
	t.Parallel()
	for _, settings := range []string{
		"", `{"captcha": "never"}`, `{"login": {"UserNameLogin": false, "PhoneNumberLogin": false, "EmailLogin": false, "AnonymousLogin": false}}`,
		`{"security_domains": ["example.com"]}`, `{"login": {"SmsVerificationConfig": {"SmsDayLimit": -1}, "MfaConfig": {"On": true}, "PwdUpdateStrategy": {"FirstLoginUpdate": true}}}`,
	} {
		a := emulate(t, settings)
		before := everything(t, a.file)
		if len(before) < 8 || len(before["users"]) == 0 {
			t.Fatalf("nothing to compare: %v", before)
		}
		check(t, environment(a.URL))
		if diff := cmp.Diff(before, everything(t, a.file)); diff != "" {
			t.Errorf("%s: (-before +after):\n%s", settings, diff)
		}
	}
}

// TestClosedList: these are all the calls there are.
func TestClosedList(t *testing.T) {
	t.Parallel()
	a := emulate(t, "")
	bodies := map[string]int{}
	inner := a.Config.Handler
	a.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		a.mu.Lock()
		bodies[r.Method+" "+r.URL.Path+" "+string(body)]++
		a.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		inner.ServeHTTP(w, r)
	})
	check(t, environment(a.URL))
	a.mu.Lock()
	defer a.mu.Unlock()
	want := map[string]int{
		"GET /auth/v1/certs ":                   1,
		"POST /auth/v2/signin/publichkey {}":    3, // two clients, one origin
		"OPTIONS /auth/v2/signin/publichkey ":   1,
		`POST /auth/v1/signin {"username":"-"}`: 1,
		`POST /auth/v1/verification {"phone_number":"+86 10000000000","target":"CUR_USER"}`:          1,
		`POST /auth/v1/verification {"email":"tcb-login-check@example.invalid","target":"CUR_USER"}`: 1,
		"GET /auth/v1/provider/uri ": 1,
		`POST /auth/v1/captcha/init {"redirect_uri":"https://app.example.com/__auth/captcha/callback","state":"tcb-login-check"}`: 1,
	}
	if diff := cmp.Diff(want, bodies); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestWhoGetsSecrets: a client's secret goes along where that client is asked for, and nowhere else; the
// publishable key where no secret does, and never with a preflight.
func TestWhoGetsSecrets(t *testing.T) {
	t.Parallel()
	a := emulate(t, "")
	env := environment(a.URL)
	env.PublishableKey = "a.publishable.key"
	check(t, env)
	basic := 0
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.calls {
		auth := r.Header.Get("Authorization")
		_, secret, ok := r.BasicAuth()
		switch {
		case r.Method == http.MethodOptions && auth == "":
		case ok && secret == "s3cr3t-of-app" && r.URL.Query().Get("client_id") == "app" && r.URL.Path == "/auth/v2/signin/publichkey":
			basic++
		case !ok && r.Method != http.MethodOptions && auth == "Bearer a.publishable.key":
		default:
			t.Errorf("%s %s came with %q", r.Method, r.URL, auth)
		}
		if strings.Contains(r.URL.String(), "s3cr3t") {
			t.Errorf("a secret in an address: %s", r.URL)
		}
	}
	if basic != 1 {
		t.Errorf("the secret went along %d times", basic)
	}
}

// TestUnreachable: one problem, not one for each question; and no plain http to other machines, no redirect, no
// waiting for ever.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("somebody else was asked %s with %q", r.URL, r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	redirects := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}))
	t.Cleanup(redirects.Close)
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(hangs.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, tt := range map[string]struct{ address, want string }{
		"no address": {"https://%zz", "is no https"},
		"plain http": {"http://tcb.example.com", `endpoint: "http://tcb.example.com" is no https, and another machine's`},
		"a redirect": {redirects.URL, "does not answer as TCB does (status 307)"},
		"a hang":     {hangs.URL, "TCB cannot be reached at " + hangs.URL + ": context deadline exceeded"},
		"nobody":     {gone.URL, "TCB cannot be reached at " + gone.URL},
	} {
		env := environment(tt.address)
		began := time.Now()
		problems := Check(t.Context(), Config{Network: &http.Transport{}, Timeout: 300 * time.Millisecond, File: "s"}, env)
		if len(problems) != 1 || problems[0].Severity != input.SeverityError || !strings.Contains(problems[0].Message, tt.want) {
			t.Errorf("%s: %v, want an error with %q", name, problems, tt.want)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// TestChecklist: docs/console.md names the places of TCB's console, and has each error in its last column.
func TestChecklist(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/console.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []place{methods, providers, clients, apiKeys, domains} {
		if want := "| " + p.name + ", `" + p.address + "` |"; !strings.Contains(string(page), want) {
			t.Errorf("docs/console.md lacks %s", want)
		}
	}
	source, err := os.ReadFile("check.go")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(string(page), -1)
	formats := regexp.MustCompile(`c\.errorf\("([^"]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(formats) < 16 {
		t.Errorf("found %d errors", len(formats))
	}
	for _, format := range formats {
		if !slices.ContainsFunc(said, func(s []string) bool { return strings.Contains(s[1], " ") && strings.Contains(format[1], s[1]) }) {
			t.Errorf("docs/console.md does not have what says %q", format[1])
		}
	}
	for _, row := range regexp.MustCompile(`(?m)^\| [^|\n]+ \| [^|\n]+ \| [^|\n]+ \| (.+) \|$`).FindAllStringSubmatch(string(page), -1) {
		for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			if quoted[1] != "-check -online" && !strings.Contains(string(source), quoted[1]) {
				t.Errorf("docs/console.md: %q is never said", quoted[1])
			}
		}
	}
}
