package framing

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// served is where an http.Server behind the listener is.
func served(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, MaxHeaderBytes: 1 << 10}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(NewServerListener(ln, "X-Ours: yes\r\n")) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// TestServerListener: what net/http refuses by itself has our fields, and nothing else has; what is
// ambiguous is refused, and nothing behind it read.
func TestServerListener(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 100)
	address := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Connection", "close")
		fmt.Fprint(w, "HTTP/1.1 400 Bad Request", string(refusal))
	})
	const next = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, tt := range map[string]struct {
		request string
		status  int
		ours    bool
	}{
		"good":            {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, false},
		"both lengths":    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, 400, true},
		"LF":              {"GET / HTTP/1.1\nHost: x\r\n\r\n" + next, 400, true},
		"no HTTP":         {"\x00\r\n\r\n" + next, 400, true},
		"half":            {"GET / HT", 400, true},
		"a bad version":   {"GET / HTTP/3.0\r\nHost: x\r\n\r\n" + next, 400, true},
		"a bad host":      {"GET / HTTP/1.1\r\nHost: x\"y\r\n\r\n" + next, 400, true},
		"a large head":    {"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 100) + "\r\n" + next, 431, true},
		"a chunked LF":    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\n\r\n" + next, 200, false},
		"a strange chunk": {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n" + next, 200, false},
	} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		_, _ = io.WriteString(c, tt.request) // fails when the server has hung up already
		_ = c.(*net.TCPConn).CloseWrite()
		from := bufio.NewReader(c)
		resp, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != tt.status || !resp.Close || (resp.Header.Get("X-Ours") != "") != tt.ours {
			t.Errorf("%s: %s %v, closed: %t, %v", name, resp.Status, resp.Header, resp.Close, err)
		}
		if rest, _ := io.ReadAll(from); len(rest) > 0 {
			t.Errorf("%s: and then %q", name, rest)
		}
		c.Close()
	}
	for len(asked) > 0 {
		if path := <-asked; path != "/" {
			t.Errorf("%s was read", path)
		}
	}
}

// TestServerListenerKeepsOn: while a handler runs, net/http reads on and interrupts that by a
// timeout, which must not look like the end of the connection.
func TestServerListenerKeepsOn(t *testing.T) {
	t.Parallel()
	began, on := make(chan struct{}), make(chan struct{})
	address := served(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		began <- struct{}{}
		<-on
		fmt.Fprint(w, r.Context().Err())
	})
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	from := bufio.NewReader(c)
	for range 3 {
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"); err != nil {
			t.Fatal(err)
		}
		<-began
		on <- struct{}{}
		resp, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "<nil>" {
			t.Errorf("%s %q %v", resp.Status, body, err)
		}
	}
}
