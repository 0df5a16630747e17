package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// settled is after how long a program that does nothing counts as idle.
	settled = 2 * time.Second
	// idleOf is how many connections are held open, where the machine lets us.
	idleOf = 10_000
)

// idlePair starts both programs, each of which has answered once.
func (b *bench) idlePair(ctx context.Context) (ours, bare *child, err error) {
	answers, err := b.signInAnswer(ctx)
	if err != nil {
		return nil, nil, err
	}
	if ours, err = b.startOurs(ctx, "idle", b.settings()); err != nil {
		return nil, nil, err
	}
	if bare, err = b.startBare(ctx, "bare-idle", answers); err != nil {
		return nil, nil, err
	}
	return ours, bare, nil
}

// signInAt is the sign-in page of one of the two.
func signInAt(c *child, bare bool) (*target, shot) {
	t := newTarget(c.addr, c.origin())
	s := t.visitor().shot("GET", t.entry("/"), "")
	if bare {
		s.path = "/" + lines()[0].name
	}
	return t, s
}

// memory is what both keep to themselves: idle after a start, and right after many requests.
func (b *bench) memory(ctx context.Context, r *report) error {
	ours, bare, err := b.idlePair(ctx)
	if err != nil {
		return err
	}
	defer b.stop(ours)
	defer b.stop(bare)
	var idle, loaded pair
	for i, c := range []*child{ours, bare} {
		t, s := signInAt(c, c == bare)
		want := lines()[0].want
		if _, err := t.drive(ctx, connections, repeated(s, 1), want); err != nil {
			return err
		}
		if err := pause(ctx, settled); err != nil {
			return err
		}
		before, err := anonymousOf(c.pid())
		if err != nil {
			return err
		}
		if _, err := t.drive(ctx, connections, repeated(s, 20_000), want); err != nil {
			return err
		}
		after, err := anonymousOf(c.pid())
		if err != nil {
			return err
		}
		if i == 0 {
			idle.ours, loaded.ours = before, after
		} else {
			idle.bare, loaded.bare = before, after
		}
	}
	r.figures = append(r.figures,
		figure{"anonymous memory, idle", "MB", compare([]pair{idle}), budget{most: 12}},
		figure{"anonymous memory, after 20,000 GETs", "MB", compare([]pair{loaded}), budget{}})
	return nil
}

// idleConnections holds many connections open, each of which has had one answer.
func (b *bench) idleConnections(ctx context.Context, r *report) error {
	most, err := openFiles()
	if err != nil {
		return err
	}
	n := min(idleOf, most-500)
	if n < idleOf {
		r.note("idle connections: %d, not %d: a process may have %d files open here (RLIMIT_NOFILE)", n, idleOf, most)
	}
	ours, bare, err := b.idlePair(ctx)
	if err != nil {
		return err
	}
	defer b.stop(ours)
	defer b.stop(bare)
	var each, before, after pair
	for _, c := range []*child{ours, bare} {
		kb, quiet, busy, err := held(ctx, c, c == bare, n)
		if err != nil {
			return err
		}
		if c == ours {
			each.ours, before.ours, after.ours = kb, quiet, busy
		} else {
			each.bare, before.bare, after.bare = kb, quiet, busy
		}
	}
	r.figures = append(r.figures,
		figure{fmt.Sprintf("anonymous memory of each of %d idle connections", n), "KB", compare([]pair{each}), budget{}},
		figure{"p50 of a GET without them", "ms", compare([]pair{before}), budget{}},
		figure{"p50 of a GET beside them", "ms", compare([]pair{after}), budget{}})
	return nil
}

// held is what n idle connections cost a program, in KB each, and the median of a GET, in ms, before
// they are there and while they are.
func held(ctx context.Context, c *child, bare bool, n int) (kb, before, beside float64, err error) {
	t, s := signInAt(c, bare)
	gets := func() (float64, error) {
		times, err := t.oneByOne(ctx, s, lines()[0].want, func(done int, _ time.Duration) bool { return done < 500 })
		return milliseconds(percentile(times, 50)), err
	}
	if before, err = gets(); err != nil {
		return 0, 0, 0, err
	}
	was, err := anonymousOf(c.pid())
	if err != nil {
		return 0, 0, 0, err
	}
	conns := make([]net.Conn, 0, n)
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	var mu sync.Mutex
	err = share(32, n, func(int) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		conn, err := asked(c.addr, s)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		conns = append(conns, conn)
		return nil
	})
	if err != nil {
		return 0, 0, 0, err
	}
	is, err := anonymousOf(c.pid())
	if err != nil {
		return 0, 0, 0, err
	}
	beside, err = gets()
	return (is - was) * 1024 / float64(n), before, beside, err
}

// asked is a connection that has had one answer.
func asked(addr string, s shot) (net.Conn, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: %s\r\n\r\n", s.path, addr, s.address)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
