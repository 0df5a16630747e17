package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tcb-login/authclient"
)

const (
	crashSignUps = 200
	crashHeld    = 40 // of them are sure to be under way at the crash
	crashAfter   = 60 // acknowledged ones
)

// TestCrash kills the program in the middle of sign-ups. Whoever has been told
// that there is an account must have it when the program is back.
func TestCrash(t *testing.T) {
	t.Parallel()
	binary := buildBinary(t)
	data := filepath.Join(t.TempDir(), "data")

	first := startBinary(t, binary, data)
	crash := newCrash(t, first.emulator)
	type signUp struct {
		in    authclient.SignUpRequest
		creds *authclient.Credentials
		err   error
	}
	signUps := make([]signUp, crashSignUps)
	parallel := func(do func(i int, s *signUp)) {
		var wg sync.WaitGroup
		for i := range signUps {
			wg.Go(func() { do(i, &signUps[i]) })
		}
		wg.Wait()
	}
	parallel(func(i int, s *signUp) {
		s.in, s.err = crash.verified(t.Context(), fmt.Sprintf("crash-%d@example.com", i))
	})
	for _, s := range signUps {
		if s.err != nil {
			t.Fatal(s.err)
		}
	}

	var mu sync.Mutex
	acknowledged := 0
	parallel(func(i int, s *signUp) {
		ctx := t.Context()
		if i < crashHeld {
			ctx = context.WithValue(ctx, heldKey{}, true)
		}
		if s.creds, s.err = crash.client.SignUp(ctx, s.in); s.err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if acknowledged++; acknowledged == crashAfter {
			first.kill(t)
			close(crash.killed)
		}
	})
	interrupted := 0
	for _, s := range signUps {
		switch {
		case errors.Is(s.err, authclient.ErrUnreachable):
			interrupted++
		case s.err != nil:
			t.Errorf("%s: %v", s.in.Email, s.err)
		}
	}
	if acknowledged < crashAfter || interrupted < crashHeld {
		t.Fatalf("%d sign-ups acknowledged, %d interrupted; want at least %d and %d", acknowledged, interrupted, crashAfter, crashHeld)
	}
	t.Logf("%d sign-ups acknowledged, %d interrupted", acknowledged, interrupted)

	second := newCrash(t, startBinary(t, binary, data).emulator)
	parallel(func(_ int, s *signUp) {
		if s.err != nil {
			return
		}
		info, err := second.client.AsUser(s.creds.AccessToken).GetUserInfo(t.Context())
		switch {
		case err != nil:
			t.Errorf("%s was acknowledged and is lost: %v", s.in.Email, err)
		case info.Sub != s.creds.Sub || info.Email != s.in.Email:
			t.Errorf("%s, %s came back as %s, %s", s.creds.Sub, s.in.Email, info.Sub, info.Email)
		}
	})
	for _, s := range signUps { // a login goes on, too
		if s.err == nil {
			if _, err := second.client.RefreshToken(t.Context(), s.creds.RefreshToken); err != nil {
				t.Errorf("%s: %v", s.in.Email, err)
			}
			break
		}
	}
}

func buildBinary(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "tcb-login")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// running is the program with a data folder.
type running struct {
	cmd      *exec.Cmd
	emulator string // its address
	pages    string
	logged   chan struct{}
}

// startBinary starts the program and waits until its emulator and pages listen.
func startBinary(t *testing.T, binary, data string) *running {
	t.Helper()
	r := &running{logged: make(chan struct{})}
	r.cmd = exec.CommandContext(t.Context(), binary, "-emulator", "-data", data,
		"-listen", "127.0.0.1:0", "-emulator-listen", "127.0.0.1:0", "-admin-listen", "127.0.0.1:0")
	r.cmd.Env = []string{"TMPDIR=" + os.TempDir()} // no settings of whoever runs the tests
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	up := make(chan struct{})
	var said strings.Builder
	go func() {
		defer close(r.logged)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			var line struct{ Msg, Name, URL string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
				switch line.Name {
				case "emulator": // the first of them
					r.emulator = line.URL
				case "login":
					r.pages = line.URL
					close(up)
				}
			}
			said.WriteString(lines.Text() + "\n")
		}
	}()
	t.Cleanup(func() { r.kill(t) })
	select {
	case <-up:
	case <-r.logged:
		t.Fatalf("the program ended:\n%s", said.String())
	}
	return r
}

// kill is kill -9, once.
func (r *running) kill(t *testing.T) {
	if r.cmd.ProcessState != nil {
		return
	}
	if err := r.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	<-r.logged // Wait closes the pipe
	_ = r.cmd.Wait()
	if status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("the program ended with %v, want SIGKILL", r.cmd.ProcessState)
	}
}

// crash is a client of the emulator's API and controls.
type crash struct {
	client *authclient.Client
	http   *http.Client
	url    string
	killed chan struct{}
}

func newCrash(t *testing.T, address string) *crash {
	t.Helper()
	c := &crash{url: address, killed: make(chan struct{})}
	transport := &http.Transport{MaxIdleConnsPerHost: crashSignUps, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	c.http = &http.Client{Timeout: 30 * time.Second, Transport: holding{transport, c.killed}}
	var err error
	c.client, err = authclient.New(authclient.Config{
		Env: "demo", Endpoint: address, HTTPClient: c.http, Timeout: 30 * time.Second, MaxInFlight: crashSignUps,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// verified proves an address with the code from the outbox.
func (c *crash) verified(ctx context.Context, email string) (in authclient.SignUpRequest, err error) {
	sent, err := c.client.GetVerification(ctx, authclient.GetVerificationRequest{Email: email})
	if err != nil {
		return in, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/__emulator/outbox.json?to="+url.QueryEscape(email), nil)
	if err != nil {
		return in, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return in, err
	}
	defer resp.Body.Close()
	var outbox struct{ Messages []struct{ Code string } }
	if err := json.NewDecoder(resp.Body).Decode(&outbox); err != nil {
		return in, fmt.Errorf("outbox: %s: %w", resp.Status, err)
	}
	if len(outbox.Messages) != 1 {
		return in, fmt.Errorf("outbox: %d messages to %s", len(outbox.Messages), email)
	}
	proof, err := c.client.Verify(ctx, authclient.VerifyRequest{
		VerificationID: sent.VerificationID, VerificationCode: outbox.Messages[0].Code,
	})
	if err != nil {
		return in, err
	}
	return authclient.SignUpRequest{Email: email, VerificationToken: proof.VerificationToken}, nil
}

// heldKey marks the context of a request whose body stays half sent until the
// crash: however fast the program is, those are still under way then.
type heldKey struct{}

type holding struct {
	http.RoundTripper
	killed <-chan struct{}
}

func (h holding) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Context().Value(heldKey{}) != nil {
		req = req.Clone(req.Context())
		req.Body = &halfBody{ReadCloser: req.Body, left: req.ContentLength / 2, killed: h.killed, given: req.Context().Done()}
		req.GetBody = nil
	}
	return h.RoundTripper.RoundTrip(req)
}

type halfBody struct {
	io.ReadCloser
	left   int64
	killed <-chan struct{}
	given  <-chan struct{} // up
}

func (b *halfBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		select {
		case <-b.killed:
		case <-b.given:
		}
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
