//go:build e2e

package e2e

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// caddyBinary is the one of the machine, or what setup.sh has unpacked.
func caddyBinary(t *testing.T) string {
	t.Helper()
	for _, path := range []string{os.Getenv("CADDY"), "caddy", "build/caddy/usr/bin/caddy"} {
		if found, err := exec.LookPath(path); err == nil {
			if found, err = filepath.Abs(found); err == nil {
				return found
			}
		}
	}
	t.Fatal("there is no Caddy: run e2e/setup.sh")
	return ""
}

// listenBeside opens a loopback port on which another process may listen too. Caddy does so, and takes
// over no listener that is open: so the port stays ours until Caddy has it. Caddy listens on every
// address, so that nobody else may have the port on any.
func listenBeside(t *testing.T) net.Listener {
	t.Helper()
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (failed error) {
		err := c.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		if err != nil {
			return err
		}
		return failed
	}}
	everywhere, err := lc.Listen(t.Context(), "tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(everywhere.Addr().(*net.TCPAddr).Port)
	l, err := lc.Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatal(errors.Join(err, everywhere.Close()))
	}
	return reserved{l, everywhere}
}

// reserved is a listener that keeps its port on all other addresses too.
type reserved struct {
	net.Listener
	everywhere net.Listener
}

func (r reserved) Close() error { return errors.Join(r.Listener.Close(), r.everywhere.Close()) }

// runProxy puts the real proxy that the options name on a listener, before the login page and the app.
func (s *server) runProxy(t *testing.T, front net.Listener, login, app string) {
	t.Helper()
	switch s.proxy {
	case "nginx":
		log := filepath.Join(t.TempDir(), "log")
		runNginx(t, front, nginxSite(t, "nginx.conf", front.Addr().String(), log,
			"gzip off;", "gzip off;\n"+s.nginx,
			"server 127.0.0.1:8080;", "server "+login+";",
			"http://127.0.0.1:3000", "http://"+app), log)
		s.proxyLog = func() string {
			data, err := os.ReadFile(log)
			if err != nil {
				t.Error(err)
			}
			return string(data)
		}
	case "caddy":
		site := shipped(t, "Caddyfile", "\napp.example.com {", "\nhttp://"+front.Addr().String()+" {")
		s.proxyLog = runCaddy(t, site, "TCB_LOGIN="+login, "APP="+app)
		if err := front.Close(); err != nil {
			t.Error(err)
		}
	default:
		t.Fatalf("no proxy %q", s.proxy)
	}
}

// runCaddy runs a Caddy with a site until the test ends, and returns when it serves. What it
// returns is its log so far.
func runCaddy(t *testing.T, site string, environ ...string) (log func() string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	if strings.Count(site, "\n{\n") != 1 {
		t.Fatal("the Caddyfile has no global options")
	}
	site = strings.Replace(site, "\n{\n", "\n{\n\tadmin off\n", 1) // its address is the same for all
	if err := os.WriteFile(file, []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(caddyBinary(t), "run", "--config", file, "--adapter", "caddyfile")
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}, environ...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var (
		mu    sync.Mutex
		lines []string
	)
	serves, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		announce := sync.OnceFunc(func() { close(serves) })
		scanner := bufio.NewScanner(stderr)
		scanner.Buffer(nil, 1<<20) // it logs headers of any length
		for scanner.Scan() {
			mu.Lock()
			lines = append(lines, scanner.Text())
			mu.Unlock()
			if strings.Contains(scanner.Text(), "serving initial configuration") {
				announce()
			}
		}
		ended <- cmd.Wait()
	}()
	log = func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(lines, "\n")
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-serves:
	case err := <-ended:
		t.Fatalf("Caddy: %v\n%s", err, log())
	case <-timer.C:
		_ = cmd.Process.Kill()
		t.Fatalf("Caddy does not serve after %v\n%s", patience, log())
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil || t.Failed() {
			t.Errorf("Caddy: %v\n%s", err, log())
		}
	})
	return log
}
