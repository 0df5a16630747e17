package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSignals sends signals to the program itself, and takes away who reads what it says.
func TestSignals(t *testing.T) {
	t.Parallel()
	binary := buildBinary(t)
	for name, test := range map[string]func(*testing.T, string){
		"nobody reads": nobodyReads, "nobody reads the emulator": nobodyReadsEmulator,
		"SIGHUP at the start": hangUpEarly, "SIGHUP without settings": hangUpStops, "nohup": hangUpIgnored,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, binary) })
	}
}

// nobodyReads: whoever collects what the program says may end before it. What cannot be written is counted, and
// people sign in as before.
func nobodyReads(t *testing.T, binary string) {
	settings := settingsFile(t, "environments: [{id: demo}]\naudit: {to: stdout, keys: [{id: a, key: "+reloadKey+"}]}\n")
	cmd := exec.CommandContext(t.Context(), binary, anywhere(t, "-emulator", "-settings", settings)...)
	cmd.Env = []string{"TMPDIR=" + os.TempDir()}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	urls := map[string]string{}
	for lines := bufio.NewScanner(stderr); len(urls) < 3 && lines.Scan(); {
		var line reloadLine
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			urls[line.Name] = line.URL
		}
	}
	stdout.Close()
	stderr.Close()
	if err := signIn(t.Context(), urls["login"]); err != nil {
		t.Error(err)
	}
	if resp, err := http.Get(urls["admin"] + "/metrics"); err != nil {
		t.Error(err)
	} else {
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		const lost = "\ntcb_login_audit_lost_total "
		if _, n, _ := strings.Cut(string(text), lost); n == "" || n[0] == '0' {
			t.Errorf("no line was lost:%s%.20s", lost, n)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// nobodyReadsEmulator: the emulator alone outlives them too; what it runs dies of it, as under any shell.
func nobodyReadsEmulator(t *testing.T, binary string) {
	for want, args := range map[int][]string{
		2:                          nil, // misuse, which nobody reads of
		128 + int(syscall.SIGPIPE): {"-env", "shop", "-exec", "kill -PIPE $$; exit 3"},
	} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		read.Close()
		cmd := exec.CommandContext(t.Context(), binary, append([]string{"emulator", "-listen", "127.0.0.1:0"}, args...)...)
		cmd.Env, cmd.Stderr = []string{"TMPDIR=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}, write
		_ = cmd.Run()
		write.Close()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("%q: %v, want exit code %d", args, cmd.ProcessState, want)
		}
	}
}

// hangUpEarly: SIGHUP reads the settings anew also where it comes before the program listens, as while a Redis
// keeps it waiting.
func hangUpEarly(t *testing.T, binary string) {
	redis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer redis.Close()
	r := &reloaded{t: t, file: filepath.Join(t.TempDir(), "settings.yaml")}
	r.write("session: {keys: ['" + reloadKey + "'], store: 'redis://" + redis.Addr().String() + "', store_key: '" + otherKey + "'}\n" + reloadBase)
	r.launch(binary, "-settings", r.file, "-listen", "127.0.0.1:0", "-admin-listen", "127.0.0.1:0")
	waits, err := redis.Accept()
	if err != nil {
		t.Fatal(err)
	}
	r.hangUp()
	waits.Close()
	redis.Close()
	r.listening(2)
	r.until("settings read anew")
}

// hangUpStops: without settings to be read, SIGHUP is from a terminal that is closed.
func hangUpStops(t *testing.T, binary string) {
	for name, args := range map[string][]string{"demo": nil, "emulator": {"-emulator", "-settings", settingsFile(t, "environments: [{id: demo}]\n")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &reloaded{t: t}
			r.launch(binary, anywhere(t, args...)...)
			r.listening(3)
			r.hangUp()
			r.until("stopping")
		})
	}
}

// hangUpIgnored: unless it is to outlive its terminal.
func hangUpIgnored(t *testing.T, binary string) {
	r := &reloaded{t: t}
	r.launch("sh", append([]string{"-c", `trap "" HUP; exec "$0" "$@"`, binary}, anywhere(t)...)...)
	r.listening(3)
	r.hangUp()
	if err := signIn(t.Context(), r.urls["login"]); err != nil {
		t.Error(err)
	}
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if line := r.until("request", "stopping"); line.Msg != "request" {
		t.Errorf("it stopped before it was asked")
	}
}
