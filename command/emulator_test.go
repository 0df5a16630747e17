package command

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tcb-login/emulator/guard"
)

// emulation is the sub-command, running in this process.
type emulation struct {
	ready   Ready
	line    string
	signals chan os.Signal
	rest    func() string // what stands on stdout behind the line, once it has ended
	code    func() int    // once it has ended
	stderr  *bytes.Buffer // likewise
}

// process is one with these variables.
func process(environ ...string) Process {
	values := map[string]string{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		values[name] = value
	}
	return Process{
		Env: func(name string) (string, bool) { v, ok := values[name]; return v, ok }, Environ: append(os.Environ(), environ...),
		Variables: []string{"TCB_LOGIN_EMULATOR_LISTEN", "TCB_LOGIN_CONTROL_TOKEN"},
		Stderr:    io.Discard, Log: slog.New(slog.DiscardHandler),
		LockFolder: func(folder string) (func(), error) { return func() {}, os.MkdirAll(folder, 0o700) },
	}
}

// emulate starts the sub-command and waits for its line.
func emulate(t *testing.T, environ []string, args ...string) *emulation {
	t.Helper()
	out, in := io.Pipe()
	e := &emulation{signals: make(chan os.Signal, 2), stderr: &bytes.Buffer{}}
	p := process(environ...)
	p.Stdout, p.Stderr, p.Signals = in, e.stderr, e.signals
	ended := make(chan int, 1)
	go func() {
		code := Emulator(context.WithoutCancel(t.Context()), append([]string{"-listen", "127.0.0.1:0"}, args...), p)
		in.Close()
		ended <- code
	}()
	e.code = sync.OnceValue(func() int { return <-ended })
	decoder := json.NewDecoder(out)
	var line json.RawMessage
	if err := decoder.Decode(&line); err != nil {
		t.Fatalf("no line: %v, exit %d\n%s", err, e.code(), e.stderr)
	}
	e.line = string(line)
	if err := json.Unmarshal(line, &e.ready); err != nil || !e.ready.Ready {
		t.Fatalf("%s: %v", line, err)
	}
	read := make(chan string, 1)
	go func() {
		rest, _ := io.ReadAll(io.MultiReader(decoder.Buffered(), out))
		read <- strings.TrimPrefix(string(rest), "\n")
	}()
	e.rest = sync.OnceValue(func() string { return <-read })
	t.Cleanup(func() {
		select {
		case e.signals <- syscall.SIGTERM:
		default:
		}
		e.code()
	})
	return e
}

// call asks for an address and returns the status and the body.
func call(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func seedFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const aliceFile = `{"users": [{"username": "alice", "password": "Alice-pass-1"}]}`

// One line, by which everything is found; a signal ends it well.
func TestEmulator(t *testing.T) {
	t.Parallel()
	e := emulate(t, nil, "-env", "my-env", "-env", "other", "-seed", seedFile(t, aliceFile))
	if matched := regexp.MustCompile(`^\{"ready":true,"url":"http://127\.0\.0\.1:[1-9][0-9]*","ready_url":"[^"]+","console_url":"[^"]+","env_ids":\["my-env","other"\]\}$`).MatchString(e.line); !matched {
		t.Errorf("the line is %s", e.line)
	}
	for _, url := range []string{e.ready.ReadyURL, e.ready.ConsoleURL} {
		if status, _ := call(t, "GET", url, ""); status != http.StatusOK {
			t.Errorf("%s: %d", url, status)
		}
	}
	const alice = `{"username": "alice", "password": "Alice-pass-1"}`
	if status, answer := call(t, "POST", e.ready.URL+"/auth/v1/signin?client_id=my-env", alice); status != http.StatusOK {
		t.Errorf("sign-in: %d %s", status, answer)
	}
	if status, answer := call(t, "POST", e.ready.URL+"/auth/v1/signin?client_id=other", alice); status != http.StatusNotFound {
		t.Errorf("sign-in to the other environment: %d %s", status, answer)
	}
	e.signals <- syscall.SIGTERM
	if code := e.code(); code != 0 || e.rest() != "" || e.stderr.Len() > 0 {
		t.Errorf("exit %d, more on stdout: %q, on stderr: %q", code, e.rest(), e.stderr)
	}
	if resp, err := http.Get(e.ready.URL); err == nil {
		resp.Body.Close()
		t.Error("it listens on")
	}
}

// The command of -exec knows where the emulator is, and its exit code is ours.
func TestEmulatorExec(t *testing.T) {
	t.Parallel()
	tests := []struct {
		line, want string
		code       int
	}{
		{`echo "$TCB_ENV_ID $TCB_EMULATOR_URL $TCB_EMULATOR_TOKEN"`, "my-env {url} \n", 0},
		{"exit 7", "", 7},
		{"true && echo one; false", "one\n", 1},
		{"no-such-command-at-all 2>/dev/null", "", 127},
		{"kill -9 $$", "", 137},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			e := emulate(t, nil, "-env", "my-env", "-exec", tt.line)
			if code, want := e.code(), strings.Replace(tt.want, "{url}", e.ready.URL, 1); code != tt.code || e.rest() != want {
				t.Errorf("exit %d, stdout %q, want %d, %q", code, e.rest(), tt.code, want)
			}
		})
	}
}

// A signal reaches all that the shell has started, and what they make of it is the exit code.
func TestEmulatorSignals(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals")
	}
	said := filepath.Join(t.TempDir(), "said")
	for name, tt := range map[string]struct {
		line string
		sig  os.Signal
		code int
	}{
		"handled":   {`trap 'exit 9' TERM; : >` + said + `-handled; for i in $(seq 2000); do sleep 0.01; done`, syscall.SIGTERM, 9},
		"interrupt": {`trap 'exit 8' INT; : >` + said + `-interrupt; for i in $(seq 2000); do sleep 0.01; done`, os.Interrupt, 8},
		"not":       {`: >` + said + `-not; for i in $(seq 2000); do sleep 0.01; done`, syscall.SIGTERM, 143},
		// The shell waits for a child, which alone gets to say what becomes of it. It does so again where
		// the signal came while it waited, and has its trap before there is a child that says it runs.
		"grandchild": {`trap : TERM; sh -c 'trap "exit 6" TERM; : >` + said + `-grandchild; for i in $(seq 2000); do sleep 0.01; done' & child=$!; wait $child; code=$?; if [ $code -gt 128 ]; then wait $child; code=$?; fi; exit $code`, syscall.SIGTERM, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := emulate(t, nil, "-env", "my-env", "-exec", tt.line)
			poll := time.NewTicker(5 * time.Millisecond)
			defer poll.Stop()
			for deadline := time.After(20 * time.Second); ; {
				if _, err := os.Stat(said + "-" + name); err == nil {
					break
				}
				select {
				case <-poll.C:
				case <-deadline:
					t.Fatal("it never ran")
				}
			}
			e.signals <- tt.sig
			if code := e.code(); code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
		})
	}
}

// What stays and what goes.
func TestEmulatorData(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	count := func(e *emulation) string {
		_, answer := call(t, "GET", e.ready.URL+"/__emulator/users.json", "")
		return regexp.MustCompile(`"total":[0-9]+`).FindString(answer)
	}
	for _, want := range []string{`"total":2`, `"total":3`} {
		e := emulate(t, nil, "-env", "my-env", "-data", folder, "-seed", seedFile(t, aliceFile))
		if status, answer := call(t, "POST", e.ready.URL+"/__emulator/users", `{"email": "x`+want[8:]+`@example.com"}`); status != http.StatusCreated {
			t.Fatalf("%d %s", status, answer)
		}
		if got := count(e); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		e.signals <- syscall.SIGTERM
		e.code()
	}
	e := emulate(t, nil, "-env", "my-env", "-seed", seedFile(t, `{"users": []}`))
	if got := count(e); got != `"total":0` {
		t.Errorf("without a folder: %s", got)
	}
}

// A token is made where others can reach the controls, and told; one that was given is not told.
func TestEmulatorToken(t *testing.T) {
	t.Parallel()
	const given = "0123456789abcdefghijklmnopqrstuv"
	for name, tt := range map[string]struct {
		environ, args []string
		token         string // "made" for one of its own
	}{
		"loopback":  {nil, nil, ""},
		"IPv6":      {nil, []string{"-listen", "[::1]:0"}, ""},
		"open":      {nil, []string{"-listen", "0.0.0.0:0"}, "made"},
		"open, too": {nil, []string{"-listen", ":0"}, "made"},
		"flag":      {nil, []string{"-control-token", given}, given},
		"variable":  {[]string{"TCB_LOGIN_CONTROL_TOKEN=" + given}, []string{"-listen", ":0"}, given},
		"line end":  {[]string{"TCB_LOGIN_CONTROL_TOKEN=\ufeff" + given + "\r\n"}, nil, given},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := emulate(t, tt.environ, append(tt.args, "-env", "my-env")...)
			told, want := e.ready.ControlToken, tt.token
			if (told != "") != (want == "made") || told != "" && len(told) != guard.TokenLength {
				t.Errorf("the line tells %q", told)
			}
			if want == "made" {
				want = told
			}
			outbox := e.ready.URL + "/__emulator/outbox.json"
			status, _ := call(t, "GET", outbox, "")
			if closed := status == http.StatusUnauthorized; closed != (want != "") {
				t.Errorf("without a token: %d", status)
			}
			if status, _ := call(t, "GET", outbox, "", "Authorization", "Bearer "+want); status != http.StatusOK {
				t.Errorf("with the token: %d", status)
			}
		})
	}
	e := emulate(t, nil, "-env", "my-env", "-listen", ":0", "-exec", `echo "$TCB_EMULATOR_TOKEN"`)
	if e.code(); e.rest() != e.ready.ControlToken+"\n" || e.rest() == "\n" {
		t.Errorf("the command gets %q", e.rest())
	}
	e = emulate(t, []string{"TCB_LOGIN_CONTROL_TOKEN=" + given + "\n"}, "-env", "my-env", "-exec", `echo "$TCB_EMULATOR_TOKEN"`)
	if e.code(); e.rest() != given+"\n" {
		t.Errorf("the command gets %q", e.rest())
	}
}

// What is wrong is said before anything listens.
func TestEmulatorMisuse(t *testing.T) {
	t.Parallel()
	broken := seedFile(t, "{\"users\": [\n  {\"username\": \"x y\"}]}")
	tests := []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "name the environment with -env"},
		{[]string{"-h"}, 0, "usage: tcb-login emulator -env ID"},
		{[]string{"-env", "../x"}, 2, "no environment's id"},
		{[]string{"-env", "a", "-env", "a"}, 2, "named twice"},
		{[]string{"-env", "a", "npm", "test"}, 2, `unexpected argument "npm"`},
		{[]string{"-env", "a", "-listen", "8081"}, 2, "-listen: want an address"},
		{[]string{"-env", "a", "-control-token", "short"}, 2, "-control-token: the control token needs 32 characters"},
		{[]string{"-env", "a", "-port", "1"}, 2, "-port"},
		{[]string{"-env", "a", "-seed", broken}, 1, broken + ":2:16: error: users[0].username: want 2 to 48"},
		{[]string{"-env", "a", "-seed", broken + ".missing"}, 1, broken + ".missing: error: no such file"},
		{[]string{"-env", "a", "-seed", seedFile(t, `{"users": [{"email": "a@b.cd", "env": "b"}]}`)}, 1, "users[0]: No such environment: b"},
	}
	for _, tt := range tests {
		var stdout, stderr bytes.Buffer
		p := process()
		p.Stdout, p.Stderr = &stdout, &stderr
		code := Emulator(t.Context(), append([]string{"-listen", "127.0.0.1:0"}, tt.args...), p)
		if code != tt.code || !strings.Contains(stderr.String(), tt.want) || stdout.Len() > 0 {
			t.Errorf("%q: exit %d, want %d; want %q in\n%s%s", tt.args, code, tt.code, tt.want, &stderr, &stdout)
		}
	}
	var stdout bytes.Buffer
	p := process()
	p.Stdout = &stdout
	if code := Emulator(t.Context(), []string{"schema"}, p); code != 0 || !json.Valid(stdout.Bytes()) {
		t.Errorf("schema: exit %d, %s", code, &stdout)
	}
}

// The page about the emulator and the usage have the same flags.
func TestEmulatorFlagsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile(`(?m)^  (-[a-z-]+) [A-Z]+  `).FindAllStringSubmatch(emulatorUsage, -1)
	if len(told) != 7 {
		t.Errorf("the usage has %d flags", len(told))
	}
	for _, flag := range told {
		if !strings.Contains(string(page), "\n| `"+flag[1]+" ") {
			t.Errorf("docs/emulator.md lacks %s", flag[1])
		}
	}
}
