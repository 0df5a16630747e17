package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// ready is what /readyz says.
func ready(t *testing.T, s *started) (status int, body string) {
	t.Helper()
	began := time.Now()
	resp, err := http.Get(s.urls["admin"] + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("/readyz took %v", took)
	}
	return resp.StatusCode, string(got)
}

// eventually is for what nobody tells of.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.After(20 * time.Second); !is(); {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("never %s", what)
		}
	}
}

// TestReadyWhileTCBHangs: a TCB that answers nothing makes an instance degraded, not unready; its pages
// are there, and who asks whether it is ready does not wait for TCB.
func TestReadyWhileTCBHangs(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	hang := make(chan struct{})
	defer close(hang)
	away.Store(true)
	tcb := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
			return
		}
		fmt.Fprint(w, `{"exist":false}`)
	}))
	t.Cleanup(tcb.CloseClientConnections)
	settings := settingsFile(t, "backend_timeout: 1s\nsession: {keys: [\"a key of more than thirty-two bytes, for this test\"]}\nenvironments:\n  - id: demo\n    endpoint: "+tcb.URL+"\n")
	s := start(t, 2, nil, "-listen", "127.0.0.1:0", "-admin-listen", "127.0.0.1:0", "-settings", settings, "-data", t.TempDir())
	eventually(t, "degraded", func() bool {
		status, body := ready(t, s)
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		return strings.Contains(body, `"status":"degraded","version"`) && strings.Contains(body, `"name":"tcb","env_id":"demo","status":"degraded"`)
	})
	resp, err := http.Get(s.urls["login"] + "/__auth/sign-in?env_id=demo&redirect_uri=" + url.QueryEscape(s.urls["login"]+"/"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the page: %s", resp.Status)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestShutdownDelay: after SIGTERM readiness is false first, and for the delay requests are taken and
// answered as before, each telling its connection to end; then the program stops.
func TestShutdownDelay(t *testing.T) {
	t.Parallel()
	const delay = 10 * time.Second // in which a busy machine can do what follows
	s := start(t, 3, nil, anywhere(t, "-shutdown-delay", delay.String())...)
	page := s.urls["login"] + "/__auth/sign-in?env_id=demo&redirect_uri=" + url.QueryEscape(s.urls["login"]+"/")
	resp, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.Close {
		t.Error("a connection ends while nobody stops")
	}
	if status, body := ready(t, s); status != http.StatusOK {
		t.Errorf("before: %d %s", status, body)
	}
	began, ended := time.Now(), make(chan int, 1)
	go func() { ended <- s.stop() }()
	eventually(t, "unready", func() bool {
		status, body := ready(t, s)
		return status == http.StatusServiceUnavailable && strings.Contains(body, `"problems":["stopping"]`)
	})
	if err := signIn(t.Context(), s.urls["login"]); err != nil {
		t.Errorf("a sign-in after SIGTERM: %v", err)
	}
	if resp, err = http.Get(page); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("a page after SIGTERM: %s, closes: %t", resp.Status, resp.Close)
	}
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took < delay {
		t.Errorf("it stopped after %v, want %v", took, delay)
	}
}
