package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// stopWithin is how long requests in flight may take once we are told to stop.
const stopWithin = 10 * time.Second

// app is what this program needs of a Fiber app.
type app interface {
	Listener(net.Listener) error
	ShutdownWithContext(context.Context) error
}

// server is one listener with what serves it.
type server struct {
	name string
	ln   *listener
	run  func() error
	stop func(context.Context) error
}

func appServer(name string, a app, ln net.Listener) server {
	l := newListener(ln)
	return server{name: name, ln: l, run: func() error { return a.Listener(l) }, stop: a.ShutdownWithContext}
}

func httpServer(name string, handler http.Handler, ln net.Listener) server {
	l := newListener(ln)
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 60 * time.Second}
	run := func() error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
	return server{name: name, ln: l, run: run, stop: s.Shutdown}
}

// listener knows its connections that have not sent a byte. Browsers and load
// balancers open them in advance. Nothing is in flight on them, yet neither
// server's shutdown closes them at once.
type listener struct {
	net.Listener
	mu       sync.Mutex
	silent   map[*conn]struct{}
	stopping bool
}

func newListener(ln net.Listener) *listener {
	return &listener{Listener: ln, silent: map[*conn]struct{}{}}
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	tracked := &conn{Conn: c, from: l}
	if l.stopping {
		c.Close()
	}
	l.silent[tracked] = struct{}{}
	return tracked, nil
}

// closeSilent closes connections without a request, now and from now on.
func (l *listener) closeSilent() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopping = true
	for c := range l.silent {
		c.Conn.Close()
	}
}

// conn tells its listener when it is no longer silent.
type conn struct {
	net.Conn
	from *listener
	once sync.Once
}

func (c *conn) heard() {
	c.once.Do(func() {
		c.from.mu.Lock()
		delete(c.from.silent, c)
		c.from.mu.Unlock()
	})
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard()
	}
	return n, err
}

func (c *conn) Close() error {
	c.heard()
	return c.Conn.Close()
}

// runServers runs all until ctx ends or one fails, then lets requests in flight
// finish. The pages stop first, since they call the emulator.
func runServers(ctx context.Context, servers []server, log *slog.Logger) error {
	failed := make(chan error, len(servers))
	for _, s := range servers {
		go func() {
			if err := s.run(); err != nil {
				failed <- fmt.Errorf("%s: %w", s.name, err)
			}
		}()
		log.Info("listening", "name", s.name, "url", "http://"+s.ln.Addr().String())
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	log.Info("stopping")
	stopping, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	for i := len(servers) - 1; i >= 0; i-- {
		servers[i].ln.closeSilent()
		err = errors.Join(err, servers[i].stop(stopping))
	}
	return err
}
