package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// How many connections a client keeps to each program. Where answers wait for a floor there are
// more, so that the program has something to do meanwhile: else it would fall asleep and be woken for
// each, which is not what the page costs.
const (
	connections = 8
	patient     = 64
)

// A shot is one request, ready to be sent.
type shot struct {
	method, path string // with the query
	cookies      string
	address      string // of the visitor, as a proxy in front tells it
	body         string // a form
	csrf         string // of a script, whose body is JSON
}

// A wanted is what every answer to the shots of a line must be: else something else would be
// measured.
type wanted struct {
	status int
	mark   string // in the body, or the Location
}

func (w wanted) check(resp *fasthttp.Response) error {
	if resp.StatusCode() == w.status && (bytes.Contains(resp.Body(), []byte(w.mark)) || bytes.Contains(resp.Header.Peek("Location"), []byte(w.mark))) {
		return nil
	}
	return fmt.Errorf("status %d with Location %.60q, want %d with %q in:\n%.3000s",
		resp.StatusCode(), resp.Header.Peek("Location"), w.status, w.mark, resp.Body())
}

// A target is a program that is driven.
type target struct {
	origin string // that the pages have
	ask    func(*fasthttp.Request, *fasthttp.Response) error
}

func newTarget(addr, origin string) *target {
	client := &fasthttp.HostClient{
		Addr: addr, MaxConns: 1024, MaxIdleConnDuration: time.Minute, ReadTimeout: patience, WriteTimeout: patience,
		ReadBufferSize: 64 << 10, MaxIdemponentCallAttempts: 1, RetryIfErr: func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
	}
	return &target{origin, client.Do}
}

// fill makes a request of a shot, as Chromium sends it.
func (t *target) fill(req *fasthttp.Request, s shot) {
	req.Header.SetMethod(s.method)
	req.SetRequestURI(t.origin + s.path)
	h := &req.Header
	h.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36")
	h.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8")
	h.Set("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8")
	h.Set("Accept-Encoding", "gzip, deflate, br, zstd")
	h.Set("Sec-Fetch-Dest", "document")
	h.Set("Sec-Fetch-Mode", "navigate")
	h.Set("Sec-Fetch-User", "?1")
	if s.address != "" {
		h.Set("X-Forwarded-For", s.address)
	}
	if s.cookies != "" {
		h.Set("Cookie", s.cookies)
	}
	if s.method == fasthttp.MethodPost {
		h.Set("Sec-Fetch-Site", "same-origin")
		h.Set("Origin", t.origin)
		h.SetContentType("application/x-www-form-urlencoded")
		if s.csrf != "" {
			h.SetContentType("application/json")
			h.Set("X-CSRF-Token", s.csrf)
		}
		req.SetBodyString(s.body)
	}
}

func (t *target) do(s shot, resp *fasthttp.Response) error {
	req := fasthttp.AcquireRequest()
	defer fasthttp.ReleaseRequest(req)
	t.fill(req, s)
	return t.ask(req, resp)
}

// A run is what some shots took.
type run struct {
	times []time.Duration
	wall  time.Duration
	cpu   time.Duration // of the program's processes
}

// drive sends shots over so many kept connections, as fast as the answers come, and checks each.
func (t *target) drive(ctx context.Context, over int, shots []shot, want wanted, pids ...int) (run, error) {
	r := run{times: make([]time.Duration, len(shots))}
	before, err := cpuOf(pids...)
	if err != nil {
		return r, err
	}
	start := time.Now()
	err = share(over, len(shots), func(i int) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		resp := fasthttp.AcquireResponse()
		defer fasthttp.ReleaseResponse(resp)
		began := time.Now()
		if err := t.do(shots[i], resp); err != nil {
			return err
		}
		r.times[i] = time.Since(began)
		return want.check(resp)
	})
	r.wall = time.Since(start)
	if err != nil {
		return r, err
	}
	after, err := cpuOf(pids...)
	r.cpu = after - before
	return r, err
}

// share does n things on some goroutines, and stops at the first error.
func share(workers, n int, do func(i int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(i); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
