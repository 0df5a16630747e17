// Package redistest starts a real redis-server for a test, behind a connection that can fail: it
// hangs, loses answers or is cut. It is for tests alone; what uses Redis is package limit.
//
// The program is the one that REDIS_SERVER names, redis-server or valkey-server on the PATH, or what
// setup.sh beside this file has unpacked.
package redistest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// startWithin is how long a redis-server may take to answer, on a machine that is busy.
const startWithin = 20 * time.Second

// A Server is one redis-server, with nothing in it, and the one way to it.
type Server struct {
	// Addr is where programs under test reach it.
	Addr string
	// Direct reaches it whatever state the connection at Addr is in.
	Direct *redis.Client

	program string
	args    []string
	socket  string
	front   net.Listener
	process *exec.Cmd
	ended   chan struct{}

	mu    sync.Mutex
	moved *sync.Cond // mode or conns
	mode  mode
	conns map[net.Conn]*link
}

// A link is one connection to us and on to Redis.
type link struct{ losing bool }

type mode int

const (
	passing mode = iota
	hanging      // nothing goes either way, and what was sent arrives later
	cut          // there is nobody
)

const missing = "there is no redis-server: run limit/redistest/setup.sh (make redis), or name one with REDIS_SERVER"

// binary finds the program.
func binary(t testing.TB) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	return find(t, os.Getenv("REDIS_SERVER"), "redis-server", "valkey-server", filepath.Join(filepath.Dir(here), "build", "redis-server"))
}

// find returns the first of some programs that is there.
func find(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "" {
		t.Skip(missing)
	}
	t.Fatal(missing)
	return ""
}

// Start runs a redis-server until the test ends, with these settings beside the usual ones, as
// "--requirepass", "secret".
func Start(t testing.TB, settings ...string) *Server { return start(t, nil, settings) }

// StartTLS is Start with TLS at Addr.
func StartTLS(t testing.TB, cert tls.Certificate, settings ...string) *Server {
	return start(t, &tls.Config{Certificates: []tls.Certificate{cert}}, settings)
}

func start(t testing.TB, secure *tls.Config, settings []string) *Server {
	t.Helper()
	program := binary(t)
	dir, err := os.MkdirTemp("", "redis") // a test's own folder has too long a name for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: front.Addr().String(), socket: filepath.Join(dir, "socket"), front: front, conns: map[net.Conn]*link{}}
	s.moved = sync.NewCond(&s.mu)
	if secure != nil {
		s.front = tls.NewListener(front, secure)
	}
	s.program = program
	s.args = append([]string{"--port", "0", "--unixsocket", s.socket, "--dir", dir, "--save", "", "--appendonly", "no", "--loglevel", "warning"}, settings...)
	t.Cleanup(func() {
		s.Cut()
		s.front.Close()
		s.kill()
	})
	s.launch(t)
	s.Direct = redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket, Password: password(settings)})
	t.Cleanup(func() { s.Direct.Close() })
	go s.serve()
	return s
}

// launch starts the program and waits until it answers.
func (s *Server) launch(t testing.TB) {
	t.Helper()
	cmd, ended := exec.Command(s.program, s.args...), make(chan struct{})
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process, s.ended = cmd, ended
	go func() { _ = cmd.Wait(); close(ended) }()
	s.await(t, ended, &said)
}

func (s *Server) kill() {
	_ = s.process.Process.Kill()
	<-s.ended
}

// Restart ends Redis, which keeps nothing, and starts it anew.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.kill()
	os.Remove(s.socket)
	s.launch(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeAll()
}

func password(settings []string) string {
	for i, s := range settings {
		if s == "--requirepass" {
			return settings[i+1]
		}
	}
	return ""
}

func (s *Server) await(t testing.TB, ended <-chan struct{}, said *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		c, err := net.Dial("unix", s.socket)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("redis-server ended: %s", said)
		case <-ctx.Done():
			t.Fatalf("redis-server does not answer: %v", err)
		case <-again.C:
		}
	}
}

// FreePort is one that nobody listens on, for a server's setting.
func FreePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// URL is what session.store has for it.
func (s *Server) URL() string { return "redis://" + s.Addr }

// Hang lets nothing through, in either direction, until Resume: then all of it arrives.
func (s *Server) Hang() { s.set(hanging) }

// LoseAnswers has Redis do what it is asked on the connections of now, and nobody hear of it. New
// ones work.
func (s *Server) LoseAnswers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.conns {
		l.losing = true
	}
}

// Cut ends all connections and takes no new ones.
func (s *Server) Cut() { s.set(cut) }

// Resume has it all work again.
func (s *Server) Resume() { s.set(passing) }

func (s *Server) set(m mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = m
	if m == cut {
		s.closeAll()
	}
	s.moved.Broadcast()
}

func (s *Server) closeAll() {
	for c := range s.conns {
		c.Close()
	}
	clear(s.conns)
}

func (s *Server) serve() {
	for {
		in, err := s.front.Accept()
		if err != nil {
			return
		}
		go s.join(in)
	}
}

// join connects a program under test with Redis.
func (s *Server) join(in net.Conn) {
	defer in.Close()
	s.mu.Lock()
	for s.mode == hanging {
		s.moved.Wait()
	}
	if s.mode == cut {
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	out, err := net.Dial("unix", s.socket)
	if err != nil {
		return
	}
	defer out.Close()
	s.mu.Lock()
	l := &link{}
	s.conns[in], s.conns[out] = l, l
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.conns, in)
		delete(s.conns, out)
		s.mu.Unlock()
	}()
	done := make(chan error, 2)
	go func() { done <- s.copy(out, in, nil) }()
	go func() { done <- s.copy(in, out, l) }()
	<-done
}

// copy passes on what comes from one side; answers are those of a link.
func (s *Server) copy(to io.Writer, from io.Reader, answers *link) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return err
		}
		s.mu.Lock()
		for s.mode == hanging {
			s.moved.Wait()
		}
		gone, lost := s.mode == cut, answers != nil && answers.losing
		s.mu.Unlock()
		switch {
		case gone:
			return errors.New("cut")
		case lost:
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return err
		}
	}
}

// Await waits until something is so.
func (s *Server) Await(t testing.TB, met func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for !met() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %v", startWithin)
		case <-again.C:
		}
	}
}

// Keys are all that Redis holds.
func (s *Server) Keys(t testing.TB) []string {
	t.Helper()
	keys, err := s.Direct.Keys(context.Background(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// Do sends one command, past the connection that fails.
func (s *Server) Do(t testing.TB, args ...any) any {
	t.Helper()
	got, err := s.Direct.Do(context.Background(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatalf("%v: %v", args[0], err)
	}
	return got
}
