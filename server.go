package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"tcb-login/emulator"
	"tcb-login/framing"
)

// stopGrace is how long requests in flight may take once we are told to stop,
// beyond one call to TCB, and halfWithin how long those of which a part has
// arrived have for the rest.
const (
	stopGrace  = 5 * time.Second
	halfWithin = time.Second
)

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
	// proxied: who is before it goes elsewhere when a connection is refused, and must have none cut off
	// with a form on its way.
	proxied bool
}

// listenProxied listens for a server that stands behind a proxy. It does without Multipath TCP, on
// whose listeners refuseNew can do nothing.
func listenProxied(ctx context.Context, address string) (net.Listener, error) {
	var how net.ListenConfig
	how.SetMultipathTCP(false)
	return how.Listen(ctx, "tcp", address)
}

func appServer(name string, a app, ln net.Listener) server {
	l := newListener(ln)
	return server{name: name, ln: l, run: func() error { return a.Listener(framing.NewListener(l)) }, stop: a.ShutdownWithContext}
}

// proxied is a server that a proxy stands before.
func proxied(s server) server {
	s.proxied = true
	return s
}

func emulatorServer(handler http.Handler, ln net.Listener) server {
	l := newListener(ln)
	s := emulator.NewServer(handler)
	return server{name: "emulator", ln: l, run: func() error { return s.Serve(l) }, stop: s.Shutdown}
}

// shutdown ends the server: at once if nothing is asked of it, else when all
// whole requests are answered, or when ctx ends. What remains then is cut off.
// That is a clean stop too: who sends half a request must not make it fail.
func (s server) shutdown(ctx context.Context, log *slog.Logger) error {
	if s.proxied {
		refuseNew(ctx, s.ln.Listener)
	}
	half := s.ln.drain()
	defer half.Stop()
	err := s.stop(ctx)
	if cut := s.ln.closeAll(); cut > 0 {
		log.Warn("requests cut off", "name", s.name, "count", cut)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// listener knows which of its connections wait for bytes: they have no whole
// request, so nothing is in flight on them, yet neither server's shutdown closes
// them. Browsers and load balancers open some in advance; others send half a
// request and no more.
type listener struct {
	net.Listener
	mu       sync.Mutex
	conns    map[*conn]struct{}
	busy     int  // connections that do not wait
	stopping bool // silent connections are closed
	late     bool // those with half a request too, as soon as none is busy
}

func newListener(ln net.Listener) *listener {
	return &listener{Listener: ln, conns: map[*conn]struct{}{}}
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	tracked := &conn{Conn: c, from: l, since: time.Now(), busy: true}
	l.conns[tracked] = struct{}{}
	l.busy++
	if l.stopping {
		c.Close()
	}
	return tracked, nil
}

// drain closes connections that have sent nothing, and soon those that have not
// sent enough, or have only just begun.
func (l *listener) drain() *time.Timer {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopping = true
	for c := range l.conns {
		if !c.heard && time.Since(c.since) > halfWithin {
			c.Conn.Close()
		}
	}
	return time.AfterFunc(halfWithin, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.late = true
		l.settle()
	})
}

// settle closes all connections once only such are left that wait.
func (l *listener) settle() {
	if !l.late || l.busy > 0 {
		return
	}
	for c := range l.conns {
		c.Conn.Close()
	}
}

// closeAll closes what is left, and tells how many requests were in flight.
func (l *listener) closeAll() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.Conn.Close()
	}
	return l.busy
}

// conn tells its listener whether it waits for bytes. Both servers answer one
// request of a connection after the other and read on when they are done, so
// who reads has no whole request.
type conn struct {
	net.Conn
	from  *listener
	since time.Time
	heard bool // something has arrived
	busy  bool
}

func (c *conn) Read(b []byte) (int, error) {
	if len(b) == 1 {
		// Not a wait: net/http, which has a buffer for requests, looks for the
		// caller's end while the handler runs.
		return c.Conn.Read(b)
	}
	c.set(false, false)
	n, err := c.Conn.Read(b)
	c.set(true, n > 0)
	return n, err
}

func (c *conn) Close() error {
	c.set(false, false)
	c.from.mu.Lock()
	delete(c.from.conns, c)
	c.from.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite is for net/http, which ends a refusal with it.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *conn) set(busy, heard bool) {
	l := c.from
	l.mu.Lock()
	defer l.mu.Unlock()
	c.heard = c.heard || heard
	if _, open := l.conns[c]; !open || c.busy == busy {
		return
	}
	if c.busy = busy; busy {
		l.busy++
		return
	}
	l.busy--
	l.settle()
}

// stopping is how a stop goes.
type stopping struct {
	leaving *atomic.Bool // set at its beginning: readiness is false from then on
	// delay is for how long requests are taken all the same, since who sends them hears of it late: a
	// proxy that asks about readiness, a list of addresses that has to get around.
	delay  time.Duration
	within time.Duration // for the requests in flight after it
}

// runServers runs all until ctx ends or one fails, then lets requests in flight finish. The pages
// stop first, since they call the emulator.
func runServers(ctx context.Context, servers []server, how stopping, log *slog.Logger) error {
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
		how.leaving.Store(true)
		err = how.wait(failed, log)
	case err = <-failed:
		how.leaving.Store(true)
	}
	log.Info("stopping")
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), how.within)
	defer cancel()
	for i := len(servers) - 1; i >= 0; i-- {
		err = errors.Join(err, servers[i].shutdown(stopping, log))
	}
	return err
}

// wait lets the delay pass, unless a server fails.
func (how stopping) wait(failed <-chan error, log *slog.Logger) error {
	if how.delay <= 0 {
		return nil
	}
	log.Info("not ready any more", "stopping_in", how.delay.String())
	timer := time.NewTimer(how.delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case err := <-failed:
		return err
	}
}
