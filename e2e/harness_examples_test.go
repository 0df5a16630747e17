//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// runExamples does what "make examples" does, at ports of its own, and returns the two apps.
func runExamples(t *testing.T) (react, plain *server) {
	t.Helper()
	built, err := filepath.Abs(binary)
	if err != nil {
		t.Fatal(err)
	}
	port := freePorts(t, "REACT", "PLAIN", "LOGIN", "EMULATOR", "ADMIN")
	cmd := exec.Command(filepath.Join("..", "scripts", "examples.sh"))
	cmd.Env = append(os.Environ(), "PROGRAM="+built, "DATA="+t.TempDir())
	for name, number := range port {
		cmd.Env = append(cmd.Env, name+"_PORT="+number)
	}
	var log lockedBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the examples ended with %v", err)
			}
		case <-time.After(patience):
			t.Error("the examples do not end at SIGTERM")
			_ = cmd.Process.Kill()
		}
		if t.Failed() {
			t.Logf("what the examples said:\n%s", log.String())
		}
	})
	app := func(name string) *server {
		s := &server{program: &program{secrets: map[secret]bool{}}, origin: "http://localhost:" + port[name]}
		s.emulator = &emulator{url: &url.URL{Scheme: "http", Host: "127.0.0.1:" + port["EMULATOR"]}, server: s, read: map[string]int{}}
		s.answers(t, "/__auth/sign-in?env_id=demo", &log, ended)
		return s
	}
	return app("REACT"), app("PLAIN")
}

// freePorts are numbers of ports that nobody listens at, all different.
func freePorts(t *testing.T, names ...string) map[string]string {
	t.Helper()
	ports := map[string]string{}
	for _, name := range names {
		l := listen(t)
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		ports[name] = port
	}
	return ports
}

// answers waits until a page of ours comes through the app's own server.
func (s *server) answers(t *testing.T, path string, log *lockedBuffer, ended <-chan error) {
	t.Helper()
	for again, deadline := time.Tick(50*time.Millisecond), time.After(patience); ; {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.origin+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-again:
		case err := <-ended:
			t.Fatalf("the examples ended: %v\n%s", err, log.String())
		case <-deadline:
			t.Fatalf("nothing of ours at %s%s: %v\n%s", s.origin, path, err, log.String())
		}
	}
}

// lockedBuffer takes what processes print while somebody reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
