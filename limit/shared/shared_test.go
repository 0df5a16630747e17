package shared

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"tcb-login/limit"
	"tcb-login/limit/conformance"
	"tcb-login/limit/redistest"
)

// patient is for tests in which Redis is there, on a machine that is busy.
const patient = 20 * time.Second

var testKey = []byte("a key of the shared store's tests")

// A journal is what was logged.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// An instance is a store that runs.
type instance struct {
	*Store
	log *journal
}

// open starts an instance, with Redis there or not.
func open(t *testing.T, url string, change ...func(*Config)) *instance {
	t.Helper()
	i := &instance{log: &journal{}}
	cfg := Config{URL: url, Key: testKey, Logger: slog.New(slog.NewTextHandler(i.log, nil)), Deadline: patient}
	for _, f := range change {
		f(&cfg)
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	i.Store = s
	run(t, s)
	return i
}

func run(t *testing.T, s *Store) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
}

// soon is how long an instance of an outage test waits for Redis.
func soon(c *Config) { c.Deadline = 200 * time.Millisecond }

func (i *instance) await(t *testing.T, what string, met func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for !met() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within 30 s; %+v\n%s", what, i.State(), i.log.text())
		case <-again.C:
		}
	}
}

func (i *instance) awaitBack(t *testing.T) {
	t.Helper()
	i.await(t, "back", func() bool { s := i.State(); return !s.Away && s.Queued == 0 })
}

func (i *instance) awaitAway(t *testing.T) {
	t.Helper()
	i.await(t, "away", func() bool { return i.State().Away })
}

func take(t *testing.T, s limit.Counter, r limit.Rule, key string) bool {
	t.Helper()
	d, err := s.Take(t.Context(), r, key)
	if err != nil {
		t.Fatal(err)
	}
	return d.OK
}

func deny(t *testing.T, s limit.DenyList, id string) {
	t.Helper()
	if err := s.Deny(t.Context(), id, true, time.Hour); err != nil {
		t.Fatal(err)
	}
}

// verdict says what is known of an id that was made so long ago.
func verdict(t *testing.T, s *instance, id string, ago time.Duration) string {
	t.Helper()
	switch denied, sure := s.Denied(t.Context(), id, s.now().Add(-ago)); {
	case denied:
		return "denied"
	case sure:
		return "good"
	}
	return "unsure"
}

func wantVerdict(t *testing.T, s *instance, id string, ago time.Duration, want string) {
	t.Helper()
	if got := verdict(t, s, id, ago); got != want {
		t.Errorf("%s, made %v ago, is %s, want %s", id, ago, got, want)
	}
}

// long is a login that began before the store did.
const long = 11 * time.Hour

// old moves the epoch of an instance's Redis back, as if it had been there for long.
func old(t *testing.T, r *redistest.Server, i *instance) {
	t.Helper()
	name := i.secrets.name(kindEpoch)
	r.Do(t, "SET", name, "grown:1000000")
	i.await(t, "the old epoch", func() bool { return verdict(t, i, "nobody", long) == "good" })
	i.mu.Lock()
	defer i.mu.Unlock()
	i.back = time.Time{}
}

// TestConforms: stores with a secret each have nothing in common, so one Redis will do for all tests.
func TestConforms(t *testing.T) {
	t.Parallel()
	conform(t, redistest.Start(t))
}

func conform(t *testing.T, r *redistest.Server) {
	conformance.Run(t, func(t *testing.T) (one, other limit.Store) {
		own := func(c *Config) { c.Key = []byte(strings.Repeat("k", minKey) + t.Name()) }
		return open(t, r.URL(), own), open(t, r.URL(), own)
	})
}

// TestConformsAway: what a store must do it does alone while Redis is away.
func TestConformsAway(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t *testing.T) (one, other limit.Store) {
		r := redistest.Start(t)
		r.Cut()
		s := open(t, r.URL(), soon)
		return s, s
	})
}

// TestOneKeyPerScript: a cluster refuses scripts that touch keys they do not name, or keys of two
// slots.
func TestOneKeyPerScript(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t, "--cluster-enabled", "yes", "--cluster-port", redistest.FreePort(t))
	r.Do(t, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	r.Await(t, func() bool { return strings.Contains(r.Do(t, "CLUSTER", "INFO").(string), "cluster_state:ok") })
	conform(t, r)
}
