package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tcb-login/command"
)

// TestEmulatorCommand: the program of the example runs under the built emulator, as in CI, and a signal
// to the real process ends both and leaves nothing behind.
func TestEmulatorCommand(t *testing.T) {
	t.Parallel()
	binary := buildBinary(t)
	t.Run("example", func(t *testing.T) {
		t.Parallel()
		node, err := exec.LookPath("node")
		if err != nil && os.Getenv("CI") == "" {
			t.Skip("no node")
		} else if err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile("docs/emulator.md")
		if err != nil {
			t.Fatal(err)
		}
		const tests = "node --test examples/emulator-node/"
		arguments := []string{"emulator", "-env", "shop", "-listen", "127.0.0.1:0", "-seed", "examples/emulator-node/users.json", "-exec"}
		if line := "tcb-login " + strings.Join(arguments, " ") + ` "` + tests + `"`; !strings.Contains(string(page), line) {
			t.Errorf("docs/emulator.md lacks %s", line)
		}
		cmd := exec.CommandContext(t.Context(), binary, append(arguments, tests)...)
		cmd.Env = []string{"PATH=" + filepath.Dir(node) + ":/bin:/usr/bin", "TMPDIR=" + t.TempDir()}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "# pass 5\n") || !strings.Contains(string(out), "# fail 0\n") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	for name, more := range map[string][]string{"signal": nil, "signal to a command": {"-exec", "echo runs; exec sleep 1000"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			temporary := t.TempDir()
			cmd := exec.CommandContext(t.Context(), binary, append([]string{"emulator", "-env", "shop", "-listen", "127.0.0.1:0"}, more...)...)
			cmd.Env = []string{"TMPDIR=" + temporary, "PATH=" + os.Getenv("PATH")}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stdout)
			var ready command.Ready
			if lines.Scan(); json.Unmarshal(lines.Bytes(), &ready) != nil || !ready.Ready {
				t.Fatalf("first line %q", lines.Text())
			}
			want := 0
			if more != nil {
				lines.Scan() // it runs
				want = 128 + int(syscall.SIGTERM)
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			for lines.Scan() {
				t.Errorf("and then %q", lines.Text())
			}
			err = cmd.Wait()
			if exit, _ := errors.AsType[*exec.ExitError](err); want == 0 && err != nil || want != 0 && (exit == nil || exit.ExitCode() != want) {
				t.Errorf("%v, want exit code %d", err, want)
			}
			if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// Beside the pages the emulator's controls want the token too, and a bad one is told at once.
func TestControlTokenFlag(t *testing.T) {
	t.Parallel()
	const token = "0123456789abcdefghijklmnopqrstuv"
	if code, _, stderr := runOnce(t, []string{"TCB_LOGIN_CONTROL_TOKEN=short"}, anywhere(t)...); code != 2 || !strings.Contains(stderr, "-control-token ($TCB_LOGIN_CONTROL_TOKEN): ") || strings.Contains(stderr, "short") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	if code, _, stderr := runOnce(t, []string{"TCB_LOGIN_CONTROL_TOKEN=" + token + "\u200b"}, anywhere(t)...); code != 2 || !strings.Contains(stderr, "U+200B") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	// As a secret store writes it.
	s := start(t, 3, []string{"TCB_LOGIN_CONTROL_TOKEN=\ufeff" + token + "\r\n"}, anywhere(t)...)
	for header, want := range map[string]int{"": http.StatusUnauthorized, "Bearer " + token: http.StatusOK} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.urls["emulator"]+"/__emulator/outbox.json", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", header)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%q: %d, want %d", header, resp.StatusCode, want)
		}
	}
}
