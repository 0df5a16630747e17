package upstream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock stands still until a test moves it.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// network answers calls as a test says.
type network func(*http.Request) (*http.Response, error)

func (n network) RoundTrip(req *http.Request) (*http.Response, error) { return n(req) }

func answer(status int, body string) network {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, nil
	}
}

var errRefused = errors.New("connection refused")

func away(*http.Request) (*http.Response, error) { return nil, errRefused }

// tried is a transport before a network that a test changes.
type tried struct {
	*Transport
	clock *clock
	sent  atomic.Int32
	mu    sync.Mutex
	net   network
}

func newTried(inFlight int, n network) *tried {
	t := &tried{clock: newClock(), net: n}
	t.Transport = New(Config{Environment: "demo", InFlight: inFlight, Timeout: 10 * time.Second, Now: t.clock.Now, Next: network(func(req *http.Request) (*http.Response, error) {
		t.sent.Add(1)
		t.mu.Lock()
		n := t.net
		t.mu.Unlock()
		return n(req)
	})})
	return t
}

func (t *tried) becomes(n network) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.net = n
}

// call makes one call and reads its answer.
func (t *tried) call(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://tcb.example/auth/v1/signin", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}

func (t *tried) calls(tb testing.TB, n int) {
	tb.Helper()
	for range n {
		_ = t.call(tb.Context())
	}
}

// TestCap: as many calls as the cap are in flight, the next one fails at once and says when to try
// again, and a place is free once an answer is read, or given up.
func TestCap(t *testing.T) {
	t.Parallel()
	hang, entered := make(chan struct{}), make(chan struct{}, 8)
	tr := newTried(3, func(*http.Request) (*http.Response, error) {
		entered <- struct{}{}
		<-hang
		return answer(200, "{}")(nil)
	})
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if err := tr.call(t.Context()); err != nil {
				t.Error(err)
			}
		})
		<-entered
	}
	var held *Held
	if err := tr.call(t.Context()); !errors.As(err, &held) || !held.Full || held.RetryAfter() <= 0 {
		t.Errorf("the fourth call: %v", err)
	}
	if n := tr.sent.Load(); n != 3 {
		t.Errorf("%d calls left, want 3", n)
	}
	if h := tr.Health(); h.InFlight != 3 || h.Cap != 3 || h.Away() || h.Full != 1 || h.Held != 0 {
		t.Errorf("health %+v", h)
	}
	close(hang)
	group.Wait()
	if h := tr.Health(); h.InFlight != 0 {
		t.Errorf("%d places are still taken", h.InFlight)
	}
	if err := tr.call(t.Context()); err != nil {
		t.Errorf("after that: %v", err)
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://tcb.example/", nil)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if n := tr.Health().InFlight; n != 1 {
		t.Errorf("an answer that nobody has read holds %d places, want 1", n)
	}
	resp.Body.Close()
	resp.Body.Close()
	if n := tr.Health().InFlight; n != 0 {
		t.Errorf("closed, it holds %d places", n)
	}
}

// TestBreaker: it opens by failures that are most of the last calls, keeps calls from leaving, lets
// one probe go, waits longer each time, and closes when TCB is back.
func TestBreaker(t *testing.T) {
	t.Parallel()
	tr := newTried(100, away)
	tr.calls(t, least-1)
	if h := tr.Health(); h.State != Closed || !h.Down {
		t.Fatalf("after %d failures: %+v", least-1, h)
	}
	tr.calls(t, 1)
	wait := pauseMin
	for range 6 {
		before := tr.sent.Load()
		var held *Held
		if err := tr.call(t.Context()); !errors.As(err, &held) || held.Full || held.RetryAfter() > wait || held.RetryAfter() < time.Second {
			t.Fatalf("open, a call: %v", err)
		}
		if tr.clock.advance(wait - time.Millisecond); tr.sent.Load() != before {
			t.Error("a call left")
		}
		tr.calls(t, 3)
		if tr.sent.Load() != before {
			t.Errorf("a call left before %v were over", wait)
		}
		tr.clock.advance(time.Millisecond)
		if tr.calls(t, 3); tr.sent.Load() != before+1 {
			t.Errorf("after %v %d calls left, want the probe alone", wait, tr.sent.Load()-before)
		}
		wait = min(2*wait, pauseMax)
	}
	tr.becomes(answer(200, "{}"))
	tr.clock.advance(wait)
	if err := tr.call(t.Context()); err != nil {
		t.Errorf("the probe: %v", err)
	}
	if h := tr.Health(); h.Away() || !h.Since.Equal(tr.clock.Now()) {
		t.Errorf("TCB is back, and health is %+v", h)
	}
	tr.becomes(away)
	if tr.calls(t, least-1); tr.Health().State != Closed {
		t.Error("failures from before the outage's end count again")
	}
}

// TestOneProbe: while the probe is away no second call leaves, and one that is given up is followed
// by another.
func TestOneProbe(t *testing.T) {
	t.Parallel()
	tr := newTried(100, away)
	tr.calls(t, least)
	tr.clock.advance(pauseMin)
	entered := make(chan struct{})
	tr.becomes(func(req *http.Request) (*http.Response, error) {
		close(entered)
		<-req.Context().Done()
		return nil, req.Context().Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- tr.call(ctx) }()
	<-entered
	var held *Held
	if err := tr.call(t.Context()); !errors.As(err, &held) || tr.Health().State != HalfOpen {
		t.Errorf("beside the probe: %v, %v", err, tr.Health().State)
	}
	cancel()
	<-done
	tr.becomes(answer(200, "{}"))
	if err := tr.call(t.Context()); err != nil || tr.Health().State != Closed {
		t.Errorf("after a probe that was given up: %v, %v", err, tr.Health().State)
	}
}

// TestLateEnds: how a call ended that left before the breaker changed says nothing of now. It neither
// closes what has opened since, nor opens what has closed since, nor stands for the probe.
func TestLateEnds(t *testing.T) {
	t.Parallel()
	for _, how := range []outcome{worked, failed, nothing} {
		at := newClock()
		b := newBreaker(at.Now, 0, func(State, State) {})
		early := make([]int, least)
		for i := range early {
			early[i], _, _ = b.begin()
		}
		late := func(want State) {
			t.Helper()
			before := b.until
			for _, turn := range early {
				b.end(turn, how)
			}
			if b.state != want || !b.until.Equal(before) {
				t.Errorf("late calls that end as %d: %v until %v, want %v until %v", how, b.state, b.until, want, before)
			}
		}
		for range least {
			turn, _, _ := b.begin()
			b.end(turn, failed)
		}
		late(Open)
		at.advance(pauseMin)
		probe, _, ok := b.begin()
		if !ok {
			t.Fatal("no probe leaves")
		}
		late(HalfOpen)
		b.end(probe, worked)
		late(Closed)
	}
}

// TestWhatFails: what says that TCB is away, and what says no more than that one call went wrong.
func TestWhatFails(t *testing.T) {
	t.Parallel()
	slow := func(tr *tried, by time.Duration) network {
		return func(req *http.Request) (*http.Response, error) {
			tr.clock.advance(by)
			return nil, context.DeadlineExceeded
		}
	}
	broken := func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{}))}, nil
	}
	tests := []struct {
		name string
		net  func(*tried) network
		away bool
	}{
		{"no connection", func(*tried) network { return away }, true},
		{"no answer in time", func(tr *tried) network { return slow(tr, 5*time.Second) }, true},
		{"no time given", func(tr *tried) network { return slow(tr, 100*time.Millisecond) }, false},
		{"given up", func(*tried) network {
			return func(*http.Request) (*http.Response, error) { return nil, context.Canceled }
		}, false},
		{"an answer that breaks off", func(*tried) network { return broken }, true},
		{"a refusal", func(*tried) network { return answer(400, `{"error":"invalid_password"}`) }, false},
		{"too many", func(*tried) network { return answer(429, `{"error":"resource_exhausted"}`) }, false},
		{"500", func(*tried) network { return answer(500, `{"error":"internal"}`) }, false},
		{"500 without a word", func(*tried) network { return answer(500, ``) }, false},
		{"TCB's unavailable", func(*tried) network { return answer(503, `{"error":"unavailable"}`) }, true},
		{"of a refusal with 503", func(*tried) network { return answer(503, `{"error":"license_required"}`) }, false},
		{"TCB's by code", func(*tried) network { return answer(500, `{"code":"deadline_exceeded"}`) }, true},
		{"a gateway's 502", func(*tried) network { return answer(502, `<h1>Bad Gateway`) }, true},
		{"a gateway's 504", func(*tried) network { return answer(504, ``) }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tr := newTried(100, nil)
			tr.becomes(tt.net(tr))
			tr.calls(t, kept)
			if got := tr.Health().State != Closed; got != tt.away {
				t.Errorf("away: %t, want %t", got, tt.away)
			}
			if n := tr.Health().InFlight; n != 0 {
				t.Errorf("%d places are still taken", n)
			}
		})
	}
}

// failing is the rest of an answer that does not come.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestSomeFail: where one kind of call fails and others work, all go on.
func TestSomeFail(t *testing.T) {
	t.Parallel()
	tr := newTried(100, nil)
	for i := range 10 * kept {
		if tr.becomes(away); i%4 == 0 {
			tr.becomes(answer(200, "{}"))
		}
		tr.calls(t, 1)
	}
	if s := tr.Health().State; s != Closed {
		t.Errorf("three of four fail, and calls are %v", s)
	}
}

// TestAnswerKept: what was read of a failure to judge it is there for the client.
func TestAnswerKept(t *testing.T) {
	t.Parallel()
	long := `{"error":"internal","x":"` + strings.Repeat("x", 2*maxPeek) + `"}`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		_, _ = io.WriteString(w, long)
	}))
	defer srv.Close()
	tr := New(Config{InFlight: 1, Timeout: 10 * time.Second})
	for range 3 {
		resp, err := (&http.Client{Transport: tr}).Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(got) != long {
			t.Errorf("%d bytes of %d, %v", len(got), len(long), err)
		}
	}
}

// TestHanging: a server that takes a call and never answers costs no more than the call's context has,
// whatever the protocol, and counts as a failure.
func TestHanging(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			const wait = time.Second // for a connection too
			said := make(chan string, 1)
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
				_, _ = io.Copy(io.Discard, req.Body) // else net/http does not look whether the caller is there
				said <- req.Proto
				<-req.Context().Done()
			}))
			srv.EnableHTTP2 = protocol == "HTTP/2.0"
			srv.StartTLS()
			defer srv.Close()
			network := NewNetwork(1, wait)
			network.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
			tr := New(Config{Next: network, InFlight: 1, Timeout: wait})
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = tr.RoundTrip(req)
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took < wait || took > 50*wait {
				t.Errorf("%v after %v, want the deadline's after %v", err, took, wait)
			}
			select {
			case got := <-said:
				if got != protocol {
					t.Errorf("the server was asked by %s", got)
				}
			default:
				t.Error("the server was not asked")
			}
			if h := tr.Health(); h.InFlight != 0 || !h.Down {
				t.Errorf("health %+v", h)
			}
		})
	}
}

// TestPanic: what is below us takes no place along.
func TestPanic(t *testing.T) {
	t.Parallel()
	tr := newTried(1, func(*http.Request) (*http.Response, error) { panic("a bug") })
	func() {
		defer func() { _ = recover() }()
		_ = tr.call(t.Context())
	}()
	if n := tr.Health().InFlight; n != 0 {
		t.Errorf("%d places are still taken", n)
	}
}

// TestWatch: TCB is asked where nobody else has, and often while it is away.
func TestWatch(t *testing.T) {
	t.Parallel()
	tr := newTried(10, away)
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan struct{}, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tr.Watch(ctx, time.Millisecond, func(ctx context.Context) {
			_ = tr.call(ctx)
			tr.clock.advance(time.Second)
			select {
			case asked <- struct{}{}:
			default:
			}
		})
	}()
	for range least + 2 {
		<-asked
	}
	cancel()
	<-done
	if h := tr.Health(); h.State != Open || h.Heard.IsZero() {
		t.Errorf("%+v", h)
	}
}

// TestTold: a breaker that opens is an error in the log, once.
func TestTold(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	tr := newTried(10, away)
	c := New(Config{Environment: "demo", InFlight: 1, Timeout: time.Second, Now: tr.clock.Now, Next: tr.net, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	tr.Transport = c
	tr.calls(t, 3*least)
	if said := log.String(); strings.Count(said, "level=ERROR") != 1 || !strings.Contains(said, "env_id=demo breaker=open") {
		t.Errorf("the log says:\n%s", said)
	}
}
