package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// local is a request from this machine.
func local(method, target string) *http.Request {
	req := httptest.NewRequest(method, target, nil)
	req.Host = "127.0.0.1:8082"
	return req
}

func ask(t *testing.T, cfg Config, method, path string) (int, health) {
	t.Helper()
	resp, err := New(cfg).Test(local(method, path), int((10 * time.Second).Milliseconds()))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var h health
	if resp.Header.Get("Content-Type") == "application/json" {
		if err := json.NewDecoder(resp.Body).Decode(&h); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, h
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	works := func(context.Context) error { return nil }
	fails := func(context.Context) error { return errors.New("no answer") }
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	tests := []struct {
		name     string
		checks   map[string]Check
		path     string
		status   int
		problems []string
	}{
		{"alive", map[string]Check{"a": fails}, "/healthz", http.StatusOK, nil},
		{"ready", map[string]Check{"a": works, "b": works}, "/readyz", http.StatusOK, nil},
		{"ready with nothing to check", nil, "/readyz", http.StatusOK, nil},
		{"not ready", map[string]Check{"b": fails, "a": fails, "c": works}, "/readyz", http.StatusServiceUnavailable, []string{"a: no answer", "b: no answer"}},
		{"late", map[string]Check{"a": hangs, "b": works}, "/readyz", http.StatusServiceUnavailable, []string{"a: context deadline exceeded"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, h := ask(t, Config{Version: "v1", Checks: tt.checks, Timeout: 50 * time.Millisecond}, http.MethodGet, tt.path)
			want := map[int]string{200: "ok", 503: "not ready"}[tt.status]
			if status != tt.status || h.Status != want || h.Version != "v1" || !slices.Equal(h.Problems, tt.problems) {
				t.Errorf("%d %+v, want %d %s %q", status, h, tt.status, want, tt.problems)
			}
		})
	}
	away := func() []string { return []string{"a store is away"} }
	for _, tt := range []struct {
		cfg    Config
		status int
		want   string
	}{
		{Config{Degraded: away}, http.StatusOK, "degraded"},
		{Config{Degraded: func() []string { return nil }}, http.StatusOK, "ok"},
		{Config{Degraded: away, Checks: map[string]Check{"a": fails}}, http.StatusServiceUnavailable, "not ready"},
	} {
		if status, h := ask(t, tt.cfg, http.MethodGet, "/readyz"); status != tt.status || h.Status != tt.want || !slices.Equal(h.Degraded, tt.cfg.Degraded()) {
			t.Errorf("%d %+v, want %d %s", status, h, tt.status, tt.want)
		}
	}
	if status, _ := ask(t, Config{}, http.MethodGet, "/"); status != http.StatusNotFound {
		t.Errorf("/ answers %d", status)
	}
	if status, _ := ask(t, Config{}, http.MethodPost, "/healthz"); status != http.StatusMethodNotAllowed {
		t.Errorf("POST answers %d", status)
	}
}

// TestHosts: names that somebody else may have lead here are refused, whatever
// is asked for; what operators and probes use is not.
func TestHosts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		host, ours string
		known      bool
	}{
		{"127.0.0.1:8082", "", true},
		{"127.0.0.1", "", true},
		{"127.8.9.1:1", "", true},
		{"[::1]:8082", "", true},
		{"[::1]", "", true},
		{"localhost:8082", "", true},
		{"LocalHost", "", true},
		{"10.244.1.7:8082", "", true}, // as kubelet has it
		{"[fd00::7]:8082", "", true},
		{"", "", true}, // of probes in HTTP/1.0
		{"ops.internal:8082", "ops.internal", true},
		{"OPS.internal", "ops.internal", true},
		{"ops.internal.:8082", "ops.internal", true},
		{"ops.internal", "Ops.internal.", true},
		{"localhost.:8082", "", true},
		{"ops.internal..", "ops.internal", false},
		{"ops.internal:8082", "", false},
		{"rebound.example", "", false},
		{"rebound.example:8082", "ops.internal", false},
		{"localhost.rebound.example:8082", "", false},
		{"127.0.0.1.rebound.example:8082", "", false},
		{"2130706433", "", false}, // 127.0.0.1 to some
		{"localhost,rebound.example", "", false},
	}
	for _, tt := range tests {
		app := New(Config{Host: tt.ours, Checks: map[string]Check{"a": func(context.Context) error { return errors.New("a secret") }}})
		for _, path := range []string{"/healthz", "/readyz", "/preview/", "/nothing"} {
			for _, method := range []string{http.MethodGet, http.MethodOptions, "FOO"} {
				req := httptest.NewRequest(method, path, nil)
				if req.Host = tt.host; tt.host == "" {
					req.ProtoMinor = 0
				}
				resp, err := app.Test(req, -1)
				if err != nil {
					t.Fatalf("Host %q: %v", tt.host, err)
				}
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				if refused := resp.StatusCode == http.StatusMisdirectedRequest; refused == tt.known {
					t.Errorf("%s %s with Host %q, told %q: %s", method, path, tt.host, tt.ours, resp.Status)
				}
				if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s with Host %q: headers %v", method, path, tt.host, resp.Header)
				}
				if !tt.known && string(body) != "Misdirected Request" {
					t.Errorf("%s %s with Host %q: %q", method, path, tt.host, body)
				}
			}
		}
	}
}

// TestRefusals: nothing of a request or of an error comes back.
func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method, path, body, encoding string
		status                       int
		answer                       string
	}{
		{"GET", "/<b>", "", "", 404, "Not Found"},
		{"POST", "/healthz", "", "", 405, "Method Not Allowed"},
		{"FOO", "/healthz", "", "", 405, "Method Not Allowed"},
		{"get", "/healthz", "", "", 405, "Method Not Allowed"},
		{"TRACE", "/readyz", "", "", 405, "Method Not Allowed"},
		{"POST", "/healthz", strings.Repeat("x", 1<<10), "gzip", 405, "Method Not Allowed"},
		{"POST", "/healthz", strings.Repeat("x", 1<<10+1), "", 413, "Request Entity Too Large"},
	}
	for _, tt := range tests {
		req := httptest.NewRequest(tt.method, "http://127.0.0.1:8082"+tt.path, strings.NewReader(tt.body))
		if tt.encoding != "" {
			req.Header.Set("Content-Encoding", tt.encoding)
		}
		c := &conversation{}
		if err := req.Write(&c.in); err != nil {
			t.Fatal(err)
		}
		app := New(Config{})
		_ = app.Handler()             // builds the routes, as a listener does
		_ = app.Server().ServeConn(c) // the error of an early refusal is no concern of ours
		resp, err := http.ReadResponse(bufio.NewReader(&c.out), req)
		if err != nil {
			t.Fatalf("%s %s: %v", tt.method, tt.path, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != tt.status || string(body) != tt.answer {
			t.Errorf("%s %s with %d bytes: %s %q, want %d %q", tt.method, tt.path, len(tt.body), resp.Status, body, tt.status, tt.answer)
		}
	}
}

// conversation is a connection whose other side has said everything.
type conversation struct {
	net.Conn
	in, out bytes.Buffer
}

func (c *conversation) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *conversation) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *conversation) Close() error                     { return nil }
func (c *conversation) SetDeadline(time.Time) error      { return nil }
func (c *conversation) SetReadDeadline(time.Time) error  { return nil }
func (c *conversation) SetWriteDeadline(time.Time) error { return nil }
func (c *conversation) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *conversation) LocalAddr() net.Addr              { return &net.TCPAddr{} }
