package handlers

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"tcb-login/handlers/limits"
	"tcb-login/limit"
	"tcb-login/upstream"
)

// saturated is a site whose TCB takes calls and answers none, with as many in flight as may be,
// until end is called.
func saturated(t *testing.T, inFlight int, opened ...string) (s *site, pages []*page, end func()) {
	t.Helper()
	tcb := upstream.New(upstream.Config{Environment: "demo", InFlight: inFlight, Timeout: time.Minute})
	s = newSite(t, func(c *siteConfig) { c.tcb = tcb })
	b := s.browser()
	for _, path := range opened {
		pages = append(pages, b.open(path))
	}
	hang := make(chan struct{})
	s.backend.answer("", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	var group sync.WaitGroup
	for i := range inFlight {
		// From a network each, as a crowd has: one network has a share of its own.
		other := s.browser().at(fmt.Sprintf("198.51.%d.%d", i/200, i%200+1))
		p := other.open("/sign-in")
		group.Go(func() { other.submit(p, fields{"username": fmt.Sprintf("person%d", i), "password": "Wrong-pass-1"}) })
	}
	end = func() { close(hang); group.Wait() }
	for deadline := time.Now().Add(20 * time.Second); s.backend.count("/v1/signin") < inFlight; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d calls are in flight", s.backend.count("/v1/signin"))
		}
	}
	return s, pages, end
}

// TestSaturated: while TCB answers nothing and as many calls as may be are in flight, one more is
// refused at once with the page that says so, what was typed stays, and pages that call nothing are
// as fast as ever. Nothing queues: what waits is bounded.
func TestSaturated(t *testing.T) {
	const inFlight = 40
	s, opened, end := saturated(t, inFlight, "/sign-in", "/sign-in/email")
	defer end()
	if n := s.backend.count("/v1/signin"); n != inFlight {
		t.Errorf("%d calls reached TCB, want %d", n, inFlight)
	}
	b := s.browser()
	before := runtime.NumGoroutine()
	for i := range 30 {
		began := time.Now()
		p := opened[0].b.at(fmt.Sprintf("203.0.113.%d", i+1)).submit(opened[0], fields{"username": fmt.Sprintf("more%d", i), "password": "Wrong-pass-1"})
		p.want(http.StatusServiceUnavailable, "sign-in", "error.unavailable")
		p.wantValue(fields{"username": fmt.Sprintf("more%d", i)})
		if wait, err := strconv.Atoi(p.header.Get("Retry-After")); err != nil || wait < 1 || wait > 60 {
			t.Errorf("Retry-After: %q", p.header.Get("Retry-After"))
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the refusal took %v", took)
		}
	}
	if n := s.backend.count("/v1/signin"); n != inFlight {
		t.Errorf("%d calls reached TCB, want %d", n, inFlight)
	}
	if n := runtime.NumGoroutine(); n > before+20 {
		t.Errorf("%d goroutines, %d before 30 more requests: somebody waits", n, before)
	}
	var took []time.Duration
	for range 50 {
		began := time.Now()
		b.open("/sign-in").want(http.StatusOK, "sign-in")
		took = append(took, time.Since(began))
	}
	if slices.Sort(took); took[25] > 50*time.Millisecond {
		t.Errorf("a page takes %v", took[25])
	}
	// Nothing was sent, so the next try needs not wait.
	opened[1].b.submit(opened[1], fields{"email": demoEmail}).want(http.StatusServiceUnavailable, "sign-in-email", "error.unavailable")
	key := limit.Key("demo", limit.NormalizeIdentifier(demoEmail))
	if d, err := s.memory.Peek(t.Context(), limits.RuleSendPause, key); err != nil || !d.OK {
		t.Errorf("a code that never left has its pause: %+v %v", d, err)
	}
}

// TestAwayPages: what calls TCB in a GET, and what script asks, say so at once too, with the time to
// wait.
func TestAwayPages(t *testing.T) {
	t.Parallel()
	tcb := upstream.New(upstream.Config{Environment: "demo", InFlight: 8, Timeout: time.Minute})
	s := newSite(t, func(c *siteConfig) { c.tcb = tcb })
	b := s.browser()
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	s.backend.answer("", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for range 20 {
		p := b.open("/account")
		if p.status != http.StatusServiceUnavailable || p.header.Get("Retry-After") == "" {
			t.Fatalf("the portal: %d, Retry-After %q", p.status, p.header.Get("Retry-After"))
		}
	}
	if h := tcb.Health(); h.State == upstream.Closed {
		t.Error("the breaker is closed")
	}
	reached := s.backend.count("")
	for range 10 {
		if p := b.open("/account"); p.status != http.StatusServiceUnavailable || p.header.Get("Retry-After") == "" {
			t.Fatalf("the portal: %d, Retry-After %q", p.status, p.header.Get("Retry-After"))
		}
	}
	if n := s.backend.count(""); n > reached+1 {
		t.Errorf("%d calls reached a TCB that is away", n-reached)
	}
}
