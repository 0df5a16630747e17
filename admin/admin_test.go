package admin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
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

// TestProbesAtDebug: who looks after us every second fills no log that anybody reads.
func TestProbesAtDebug(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]int{slog.LevelInfo: 0, slog.LevelDebug: 3} {
		var log bytes.Buffer
		cfg := Config{Metrics: http.NotFoundHandler(), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))}
		for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
			ask(t, cfg, http.MethodGet, path)
		}
		if got := strings.Count(log.String(), "\n"); got != want {
			t.Errorf("%v: %d lines, want %d:\n%s", level, got, want, log.String())
		}
	}
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	tcb := func(status ...string) func() []Dependency {
		return func() (all []Dependency) {
			for _, s := range status {
				all = append(all, Dependency{Name: "tcb", EnvID: "demo", Status: s})
			}
			return all
		}
	}
	yes := func() bool { return true }
	tests := []struct {
		name   string
		cfg    Config
		path   string
		status int
		said   string
	}{
		{"alive", Config{Stopping: yes, Dependencies: tcb(Degraded)}, "/healthz", http.StatusOK, "ok"},
		{"ready", Config{Dependencies: tcb(Works, Works)}, "/readyz", http.StatusOK, "ok"},
		{"ready with nothing to call", Config{}, "/readyz", http.StatusOK, "ok"},
		{"ready before anybody was asked", Config{Dependencies: tcb(Unknown)}, "/readyz", http.StatusOK, "ok"},
		{"TCB is away", Config{Dependencies: tcb(Works, Degraded)}, "/readyz", http.StatusOK, "degraded"},
		{"stopping", Config{Stopping: yes, Dependencies: tcb(Works)}, "/readyz", http.StatusServiceUnavailable, "not ready"},
		{"no metrics", Config{}, "/metrics", http.StatusNotFound, ""},
		{"metrics", Config{Metrics: http.NotFoundHandler()}, "/metrics", http.StatusNotFound, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.Version = "v1"
			status, h := ask(t, tt.cfg, http.MethodGet, tt.path)
			if status != tt.status || h.Status != tt.said || tt.said != "" && h.Version != "v1" || (len(h.Problems) > 0) != (tt.said == "not ready") {
				t.Errorf("%d %+v, want %d %q", status, h, tt.status, tt.said)
			}
			if tt.path == "/readyz" && tt.cfg.Dependencies != nil && !slices.Equal(h.Dependencies, tt.cfg.Dependencies()) {
				t.Errorf("dependencies %+v", h.Dependencies)
			}
		})
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
		app := New(Config{Host: tt.ours, Metrics: http.NotFoundHandler(), Dependencies: func() []Dependency { return []Dependency{{Detail: "a secret"}} }})
		for _, path := range []string{"/healthz", "/readyz", "/metrics", "/preview/", "/nothing"} {
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
		{"POST", "/healthz", strings.Repeat("x", 1<<10), "gzip", 415, "Unsupported Media Type"},
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
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s with %d bytes: headers %v", tt.method, tt.path, len(tt.body), resp.Header)
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

// TestEncodedBodies: a body that would have to be decoded is refused on every path and for every
// method, as the other listeners do.
func TestEncodedBodies(t *testing.T) {
	t.Parallel()
	app := New(Config{Metrics: http.NotFoundHandler()})
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
		for _, path := range []string{"/healthz", "/readyz", "/metrics", "/nothing"} {
			for encoding, refused := range map[string]bool{
				"gzip": true, "identity, br": true, ", GZIP": true, "nonsense": true, "identity": false, "": false, ", Identity": false,
			} {
				req := local(method, path)
				req.Header.Set("Content-Encoding", encoding)
				resp, err := app.Test(req, int((10 * time.Second).Milliseconds()))
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if got := resp.StatusCode == http.StatusUnsupportedMediaType; got != refused || resp.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s with %q: %s %v", method, path, encoding, resp.Status, resp.Header)
				}
			}
		}
	}
}
