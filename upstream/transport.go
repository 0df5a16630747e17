package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what a Transport is for.
type Config struct {
	Environment string            // for the log
	Next        http.RoundTripper // the network; NewNetwork of Timeout when nil
	InFlight    int               // calls at once, at least 1
	Timeout     time.Duration     // that a call has
	Now         func() time.Time  // time.Now when nil
	Logger      *slog.Logger      // discards when nil
}

// Transport carries the calls of all clients of an environment.
type Transport struct {
	next    http.RoundTripper
	slots   chan struct{}
	timeout time.Duration
	now     func() time.Time
	breaker *breaker
	log     *slog.Logger
	heard   atomic.Int64 // when a call last ended in a way that tells something, in Unix nanoseconds
	down    atomic.Bool  // it ended in failure
	full    atomic.Uint64
	away    atomic.Uint64 // calls that were held back, by why
}

// Held is the error of a call that never left.
type Held struct {
	Full bool // too many are in flight; else TCB is away
	wait time.Duration
}

// Error says why.
func (h *Held) Error() string {
	if h.Full {
		return "not sent: too many calls of TCB are in flight"
	}
	return "not sent: TCB is away, and is left alone for a moment"
}

// RetryAfter is when it is worth another try. authclient gives up at once on an error that has one,
// and passes it on.
func (h *Held) RetryAfter() time.Duration { return h.wait }

// fullWait is when some of the calls in flight will have ended.
const fullWait = 5 * time.Second

// New makes the transport of an environment.
func New(cfg Config) *Transport {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Next == nil {
		cfg.Next = NewNetwork(cfg.InFlight, cfg.Timeout)
	}
	t := &Transport{next: cfg.Next, slots: make(chan struct{}, max(cfg.InFlight, 1)), timeout: cfg.Timeout, now: cfg.Now, log: cfg.Logger}
	// What hangs ends after Timeout: the window must see several of them.
	t.breaker = newBreaker(cfg.Now, 3*cfg.Timeout, func(from, to State) {
		level := slog.LevelInfo
		if to == Open && from == Closed {
			level = slog.LevelError
		}
		t.log.Log(context.Background(), level, "calls of TCB", "env_id", cfg.Environment, "breaker", to.String(), "before", from.String())
	})
	return t
}

// NewNetwork is a connection pool for calls of which each has so much time, by its context: a timer for
// the answer's head besides could only come after. A part of the time is for getting through at all, so
// that an address where nobody is gives its place back soon.
func NewNetwork(inFlight int, timeout time.Duration) *http.Transport {
	reach := min(timeout, 5*time.Second)
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: reach, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: reach,
		ForceAttemptHTTP2:   true,
		// One connection carries all calls, and would take them all along when it is dead.
		HTTP2:               &http.HTTP2Config{SendPingTimeout: reach, PingTimeout: reach},
		MaxIdleConns:        inFlight,
		MaxIdleConnsPerHost: inFlight, // the default of 2 would mean a handshake for most calls
		IdleConnTimeout:     90 * time.Second,
	}
}

// RoundTrip makes a call, or returns a *Held at once. The request must have a deadline: one without would
// keep its place for as long as TCB is silent.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case t.slots <- struct{}{}:
	default:
		return nil, t.held(req, &Held{Full: true, wait: fullWait})
	}
	turn, wait, ok := t.breaker.begin()
	if !ok {
		<-t.slots
		return nil, t.held(req, &Held{wait: max(wait, time.Second)})
	}
	c := &call{t: t, ctx: req.Context(), turn: turn, began: t.now()}
	over := false
	defer func() {
		if !over { // a panic of what is below us
			c.end(failed)
		}
	}()
	resp, err := t.next.RoundTrip(req)
	over = true
	if err != nil {
		c.end(c.failure(err))
		return nil, err
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		if err := c.peek(resp); err != nil {
			return nil, err
		}
	}
	c.body, resp.Body = resp.Body, c
	return resp, nil
}

// held closes the body of a request that does not leave, as RoundTrippers must.
func (t *Transport) held(req *http.Request, h *Held) error {
	if req.Body != nil {
		req.Body.Close()
	}
	if h.Full {
		t.full.Add(1)
	} else {
		t.away.Add(1)
	}
	return h
}

// call is one that has left. It holds its place until the answer is read: as a reader it is the
// answer's body.
type call struct {
	t     *Transport
	ctx   context.Context
	turn  int
	began time.Time
	body  io.ReadCloser
	away  bool // the answer says that TCB is
	once  sync.Once
}

func (c *call) end(how outcome) {
	c.once.Do(func() {
		if c.away && how == worked {
			how = failed
		}
		<-c.t.slots
		c.t.breaker.end(c.turn, how)
		if how != nothing {
			c.t.down.Store(how == failed)
			c.t.heard.Store(c.t.now().UnixNano())
		}
	})
}

// failure is what an error says of TCB. Who gave up says nothing, and neither does who had no time:
// some calls are given seconds alone, or what is left of a request's.
func (c *call) failure(err error) outcome {
	gaveUp := errors.Is(err, context.Canceled) || errors.Is(c.ctx.Err(), context.Canceled)
	late := c.ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)
	if gaveUp || late && c.t.now().Sub(c.began) < min(c.t.timeout/2, time.Second) {
		return nothing
	}
	return failed
}

// maxPeek is more than any error of TCB's.
const maxPeek = 64 << 10

// peek reads the beginning of a failure, which says whose it is, and puts it back.
func (c *call) peek(resp *http.Response) error {
	start, err := io.ReadAll(io.LimitReader(resp.Body, maxPeek))
	if err != nil {
		resp.Body.Close()
		c.end(c.failure(err))
		return err
	}
	c.away = saysAway(resp.StatusCode, start)
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), resp.Body), resp.Body}
	return nil
}

// saysAway reports that an answer means that TCB is away: by its code where it is TCB's own, else by
// the status, which is then a gateway's.
func saysAway(status int, body []byte) bool {
	var said struct {
		Error any `json:"error"`
		Code  any `json:"code"`
	}
	if json.Unmarshal(body, &said) == nil {
		for _, code := range []any{said.Error, said.Code} {
			if name, ok := code.(string); ok && name != "" {
				return slices.Contains([]string{"unavailable", "temporarily_unavailable", "deadline_exceeded"}, name)
			}
		}
	}
	return status >= http.StatusBadGateway && status <= http.StatusGatewayTimeout
}

// Read reads the answer.
func (c *call) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	switch {
	case err == io.EOF:
		c.end(worked)
	case err != nil:
		c.end(c.failure(err))
	}
	return n, err
}

// Close is the end of the answer: it was as much as anybody wanted.
func (c *call) Close() error {
	c.end(worked)
	return c.body.Close()
}
