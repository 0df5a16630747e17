package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
)

// program is the whole of it, run in this process on ports of its own.
type program struct {
	addr map[string]string // of its listeners, by name
	stop func()            // as SIGTERM
	code chan int

	mu    sync.Mutex
	lines []logLine
}

type logLine struct {
	Level, Msg, Name, URL, Code, Route, Method string
	RequestID                                  string `json:"request_id"`
	Status                                     int
}

func startProgram(t *testing.T) *program {
	t.Helper()
	out, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	p := &program{addr: map[string]string{}, stop: stop, code: make(chan int, 1)}
	listening, read := make(chan logLine, 3), make(chan struct{})
	go func() {
		defer close(read)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			var line logLine
			if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
				t.Errorf("log line %q: %v", scanner.Text(), err)
			}
			p.mu.Lock()
			p.lines = append(p.lines, line)
			p.mu.Unlock()
			if line.Msg == "listening" {
				listening <- line
			}
		}
	}()
	args := []string{"-data", t.TempDir(), "-listen", "127.0.0.1:0", "-emulator-listen", "127.0.0.1:0", "-admin-listen", "127.0.0.1:0"}
	go func() {
		code := run(ctx, args, nil, io.Discard, stderr)
		stderr.Close()
		<-read
		p.code <- code
	}()
	for len(p.addr) < 3 {
		select {
		case line := <-listening:
			p.addr[line.Name] = strings.TrimPrefix(line.URL, "http://")
		case code := <-p.code:
			t.Fatalf("exit %d before listening: %+v", code, p.lines)
		}
	}
	t.Cleanup(stop)
	return p
}

// end stops the program and returns its log.
func (p *program) end(t *testing.T) []logLine {
	t.Helper()
	p.stop()
	if code := <-p.code; code != 0 {
		t.Errorf("exit %d", code)
	}
	for _, line := range p.lines {
		if line.Level == "ERROR" || line.Msg == "request" && line.RequestID == "" {
			t.Errorf("log line %+v", line)
		}
	}
	return p.lines
}

// exchange sends bytes, then the end, and returns all answers.
func exchange(t *testing.T, addr, stream string) (answers []*http.Response) {
	t.Helper()
	c := dial(t, addr)
	if _, err := io.WriteString(c, stream); err != nil {
		t.Fatal(err)
	}
	_ = c.CloseWrite() // fails when the server has hung up already
	got, err := io.ReadAll(c)
	if err != nil && len(got) == 0 {
		t.Fatal(err)
	}
	for from := bufio.NewReader(bytes.NewReader(got)); ; {
		if _, err := from.Peek(1); err != nil {
			return answers
		}
		resp, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatalf("%v\n%q", err, got)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		answers = append(answers, resp)
	}
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// TestFraming: bytes that could be read as one request or as two get one answer,
// 400, and the connection ends; what stands behind them is never read.
func TestFraming(t *testing.T) {
	t.Parallel()
	p := startProgram(t)
	const chunked = "Transfer-Encoding: chunked\r\n"
	tests := []struct{ name, head, rest string }{
		{"both lengths", "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n" + chunked + "\r\n", "0\r\n\r\n"},
		{"both lengths, the other way", "POST {path} HTTP/1.1\r\nHost: {host}\r\n" + chunked + "Content-Length: 5\r\n\r\n", "0\r\n\r\n"},
		{"two lengths", "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\n", ""},
		{"a length twice", "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", ""},
		{"a length with a sign", "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: +0\r\n\r\n", ""},
		{"a length and a space", "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length : 0\r\n\r\n", ""},
		{"xchunked", "POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\n\r\n", "0\r\n\r\n"},
		{"identity", "POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n", ""},
		{"chunked twice", "POST {path} HTTP/1.1\r\nHost: {host}\r\n" + chunked + chunked + "\r\n", "0\r\n\r\n"},
		{"chunked in 1.0", "POST {path} HTTP/1.0\r\nHost: {host}\r\nConnection: keep-alive\r\n" + chunked + "\r\n", "0\r\n\r\n"},
		{"LF in a chunk extension", "POST {path} HTTP/1.1\r\nHost: {host}\r\n" + chunked + "\r\n", "0;\nx\r\n\r\n"},
		{"a chunk extension", "POST {path} HTTP/1.1\r\nHost: {host}\r\n" + chunked + "\r\n", "0;x\r\n\r\n"},
		{"LF after a chunk's size", "POST {path} HTTP/1.1\r\nHost: {host}\r\n" + chunked + "\r\n", "0\n\r\n"},
		{"LF after the chunks", "POST {path} HTTP/1.1\r\nHost: {host}\r\n" + chunked + "\r\n", "0\r\n\n"},
		{"a trailer", "POST {path} HTTP/1.1\r\nHost: {host}\r\n" + chunked + "\r\n", "0\r\nX-Real-Ip: 1.2.3.4\r\n\r\n"},
		{"two hosts", "GET {path} HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n", ""},
		{"no host", "GET {path} HTTP/1.1\r\n\r\n", ""},
		{"another host in the address", "GET http://evil.example{path} HTTP/1.1\r\nHost: {host}\r\n\r\n", ""},
		{"LF after the request line", "GET {path} HTTP/1.1\nHost: {host}\r\n\r\n", ""},
		{"LF after a header", "GET {path} HTTP/1.1\r\nHost: {host}\nX: y\r\n\r\n", ""},
		{"LF for the end", "GET {path} HTTP/1.1\r\nHost: {host}\r\n\n", ""},
		{"LF everywhere", "GET {path} HTTP/1.1\nHost: {host}\n\n", ""},
		{"a folded line", "GET {path} HTTP/1.1\r\nHost: {host}\r\nX: y\r\n z\r\n\r\n", ""},
		{"a folded length", "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length:\r\n 0\r\n\r\n", ""},
		{"a control character", "GET {path} HTTP/1.1\r\nHost: {host}\r\nX: a\x01\r\n\r\n", ""},
		{"no HTTP", "hello\r\n\r\n", ""},
	}
	count := 0
	for name, path := range map[string]string{"login": "/__auth/?env_id=demo", "admin": "/healthz", "emulator": "/__emulator/ready"} {
		fill := strings.NewReplacer("{path}", path, "{host}", p.addr[name])
		good := fill.Replace("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
		for _, tt := range tests {
			t.Run(name+", "+tt.name, func(t *testing.T) {
				bad := fill.Replace(strings.Replace(tt.head, "\r\n", "\r\nAccept-Language: zh-CN\r\n", 1) + tt.rest)
				if first, _, _ := strings.Cut(bad, "\r\n"); !strings.HasSuffix(first, " HTTP/1.1") {
					bad = fill.Replace(tt.head + tt.rest)
				}
				chinese := strings.Contains(bad, "zh-CN")
				for _, before := range []string{"", good} {
					if name == "login" { // the others log none
						count++
					}
					answers := exchange(t, p.addr[name], before+bad+good)
					if want := 1 + len(before)/len(good); len(answers) != want {
						t.Fatalf("%d answers, want %d", len(answers), want)
					}
					resp := answers[len(answers)-1]
					if resp.StatusCode != http.StatusBadRequest || !resp.Close {
						t.Errorf("%s, closed: %t", resp.Status, resp.Close)
					}
					if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cache-Control") != "no-store" {
						t.Errorf("not our headers: %v", resp.Header)
					}
					if name != "login" {
						continue
					}
					body, _ := io.ReadAll(resp.Body)
					if resp.Header.Get("Content-Security-Policy") == "" || !bytes.Contains(body, []byte("error.page.malformed")) {
						t.Errorf("not our page: %v\n%s", resp.Header, body)
					}
					if chinese != bytes.Contains(body, []byte(`<html lang="zh-CN"`)) {
						t.Errorf("the page is not in the caller's language (Chinese: %t):\n%s", chinese, body)
					}
				}
			})
		}
		if answers := exchange(t, p.addr[name], good+good+strings.Replace(good, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)); len(answers) != 3 {
			t.Errorf("%s: %d answers to 3 good requests", name, len(answers))
		}
	}
	refused := 0
	for _, line := range p.end(t) {
		if strings.HasPrefix(line.Code, "framing: ") {
			refused++
		}
	}
	if refused != count {
		t.Errorf("%d of %d refusals are logged with their reason", refused, count)
	}
}

// TestProbes: who opens a connection and asks nothing leaves no line in the log;
// who asks for something that is no request leaves one that is no error.
func TestProbes(t *testing.T) {
	t.Parallel()
	p := startProgram(t)
	for _, addr := range p.addr {
		probe := dial(t, addr)
		if err := probe.SetLinger(0); err != nil { // Close sends a reset
			t.Fatal(err)
		}
		probe.Close()
		dial(t, addr).Close()
		used := dial(t, addr) // a reset between two requests
		if err := used.SetLinger(0); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(used, "GET /robots.txt HTTP/1.1\r\nHost: %s\r\n\r\n", addr)
		if _, err := http.ReadResponse(bufio.NewReader(used), nil); err != nil {
			t.Fatal(err)
		}
		used.Close()
	}
	for _, half := range []string{"GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nha"} {
		for _, addr := range p.addr { // a reset within a request
			c := dial(t, addr)
			fmt.Fprint(c, half)
			if err := c.SetLinger(0); err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
	}
	half := dial(t, p.addr["login"])
	fmt.Fprint(half, "GET / HT")
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if resp, err := http.ReadResponse(bufio.NewReader(half), nil); err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("half a request: %v, %v", resp, err)
	}
	if resp := exchange(t, p.addr["login"], "GET /"+strings.Repeat("x", 20_000)); len(resp) != 1 || resp[0].StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("20 KB of an address: %v", resp)
	}
	var statuses []int
	for _, line := range p.end(t) {
		if line.Msg == "request" {
			statuses = append(statuses, line.Status)
		}
	}
	if got := fmt.Sprint(statuses); got != "[404 400 431]" {
		t.Errorf("requests in the log: %s", got)
	}
}

// TestStopWithHalf: requests that have not arrived whole neither hold a stop nor
// make it a failure, on all listeners at once.
func TestStopWithHalf(t *testing.T) {
	t.Parallel()
	p := startProgram(t)
	var halves []net.Conn
	for name, addr := range p.addr {
		for _, half := range []struct{ head, body string }{
			{"", ""},
			{"GET /", ""},
			{"GET / HTTP/1.1\r\nHost: " + addr + "\r\n", ""},
			{"", "POST /__auth/session HTTP/1.1\r\nHost: " + addr + "\r\nContent-Length: 9\r\n\r\nx"},
		} {
			c := dial(t, addr)
			halves = append(halves, c)
			// The answer to the first says that the server has the half in hand. With the
			// whole head there, fasthttp would keep that answer back.
			fmt.Fprintf(c, "GET /robots.txt HTTP/1.1\r\nHost: %s\r\n\r\n%s", addr, half.head)
			if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			fmt.Fprint(c, half.body)
		}
	}
	began := time.Now()
	p.end(t)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
	for _, c := range halves {
		// A page that says so is fine, silence is not.
		if _, err := io.ReadAll(c); os.IsTimeout(err) {
			t.Error("a connection outlived the program")
		}
	}
}

// stoppable are both kinds of servers, with a handler that waits.
func stoppable(t *testing.T, handle func()) map[string]server {
	t.Helper()
	listen := func() net.Listener {
		ln, err := listenProxied(t.Context(), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		return ln
	}
	a := fiber.New(fiber.Config{DisableStartupMessage: true})
	a.Post("/", func(c *fiber.Ctx) error { handle(); return c.SendString("done") })
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return // cut off before it was whole
		}
		handle()
		_, _ = io.WriteString(w, "done")
	})
	return map[string]server{"app": appServer("app", a, listen()), "http": emulatorServer(h, listen())}
}

// wait is for a condition that nobody tells of.
func wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("still not: " + what)
		}
	}
}

// TestStopAnswers: a whole request is answered, however long others have been
// half there, and those end right after it.
func TestStopAnswers(t *testing.T) {
	t.Parallel()
	began, release := make(chan struct{}), make(chan struct{})
	for name, s := range stoppable(t, func() { began <- struct{}{}; <-release }) {
		running := make(chan error, 1)
		go func() { running <- s.run() }()
		addr := s.ln.Addr().String()
		whole, half := dial(t, addr), dial(t, addr)
		fmt.Fprint(half, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
		fmt.Fprint(whole, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
		<-began
		counts := func() (open, busy int, late bool) {
			s.ln.mu.Lock()
			defer s.ln.mu.Unlock()
			return len(s.ln.conns), s.ln.busy, s.ln.late
		}
		wait(t, "one connection works and one waits", func() bool {
			open, busy, _ := counts()
			s.ln.mu.Lock()
			defer s.ln.mu.Unlock()
			heard := 0
			for c := range s.ln.conns {
				if c.heard {
					heard++
				}
			}
			return open == 2 && busy == 1 && heard == 2
		})
		stopped := make(chan error, 1)
		go func() { stopped <- s.shutdown(t.Context(), slog.New(slog.DiscardHandler)) }()
		wait(t, "half requests are late", func() bool { _, _, late := counts(); return late })
		if open, busy, _ := counts(); open != 2 || busy != 1 {
			t.Errorf("%s: with a request in flight %d connections are open, %d busy", name, open, busy)
		}
		release <- struct{}{}
		resp, err := http.ReadResponse(bufio.NewReader(whole), nil)
		if err != nil {
			t.Fatalf("%s: the request in flight: %v", name, err)
		}
		if body, _ := io.ReadAll(resp.Body); string(body) != "done" {
			t.Errorf("%s: %s %q", name, resp.Status, body)
		}
		if err := <-stopped; err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := <-running; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStopYoung: a connection to the pages that has only just begun when the stop comes may send its
// request, and is answered.
func TestStopYoung(t *testing.T) {
	t.Parallel()
	s := stoppable(t, func() {})["app"]
	running := make(chan error, 1)
	go func() { running <- s.run() }()
	c := dial(t, s.ln.Addr().String())
	has := func(what func() bool) func() bool {
		return func() bool {
			s.ln.mu.Lock()
			defer s.ln.mu.Unlock()
			return what()
		}
	}
	wait(t, "accepted", has(func() bool { return len(s.ln.conns) == 1 }))
	stopped := make(chan error, 1)
	go func() { stopped <- s.shutdown(t.Context(), slog.New(slog.DiscardHandler)) }()
	wait(t, "stopping", has(func() bool { return s.ln.stopping }))
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
	if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the request: %v", err)
	}
	for _, ended := range []chan error{stopped, running} {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestStopCutsOff: what is not answered when the time is over is cut off, which
// the log says; that is no failure.
func TestStopCutsOff(t *testing.T) {
	t.Parallel()
	began, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	for name, s := range stoppable(t, func() { began <- struct{}{}; <-release }) {
		go func() { _ = s.run() }()
		c := dial(t, s.ln.Addr().String())
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
		<-began
		over, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		var log bytes.Buffer
		if err := s.shutdown(over, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(log.String(), `msg="requests cut off"`) || !strings.Contains(log.String(), "count=1") {
			t.Errorf("%s: log %q", name, log.String())
		}
		if got, err := io.ReadAll(c); os.IsTimeout(err) || len(got) > 0 {
			t.Errorf("%s: the connection gives %q, %v", name, got, err)
		}
	}
}

// TestOperatorsHosts: a page of somebody whose name leads here cannot read the
// operator's listener through an operator's browser.
func TestOperatorsHosts(t *testing.T) {
	t.Parallel()
	p := startProgram(t)
	_, port, err := net.SplitHostPort(p.addr["admin"])
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{p.addr["admin"]: 200, "localhost:" + port: 200, "10.1.2.3:8082": 200, "rebound.example:" + port: 421} {
		for _, path := range []string{"/healthz", "/readyz", "/preview/", "/nothing", "/__auth/static/app.css"} {
			u := url.URL{Scheme: "http", Host: p.addr["admin"], Path: path}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if refused := resp.StatusCode == http.StatusMisdirectedRequest; refused != (want == 421) {
				t.Errorf("Host %s, %s: %s", host, path, resp.Status)
			}
		}
	}
	p.end(t)
}
