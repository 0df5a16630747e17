package shared

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"tcb-login/limit"
	"tcb-login/limit/redistest"
)

// A clock stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) on(cfg *Config) { cfg.Now = c.Now }

var (
	exact = limit.Rule{Name: "exact", N: 4, Per: time.Hour}
	burst = limit.Rule{Name: "burst", N: 4, Per: time.Hour, Burst: 4}
)

// TestAway: nobody waits longer than the deadline for a Redis that hangs or is gone, and nobody but
// the first does. It is told once, and comes back by itself.
func TestAway(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*redistest.Server){"hangs": (*redistest.Server).Hang, "gone": (*redistest.Server).Cut} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := redistest.Start(t)
			const deadline = 300 * time.Millisecond
			i := open(t, r.URL(), func(c *Config) { c.Deadline = deadline })
			i.awaitBack(t)
			leave(r)
			began := time.Now()
			for n := range 50 { // all of them together take little more than one deadline
				take(t, i, exact, strconv.Itoa(n))
				deny(t, i, strconv.Itoa(n))
				verdict(t, i, "other", 0)
				i.Put(t.Context(), "value", nil, time.Hour)
				i.Get(t.Context(), "nothing")
				i.Forget(t.Context(), "group")
				end, _ := i.Begin(t.Context(), "group", "key")
				end(nil)
			}
			if took := time.Since(began); took > 10*deadline {
				t.Errorf("350 calls took %v, with a deadline of %v", took, deadline)
			}
			if s := i.State(); !s.Away || s.Reason == "" || s.Queued != 50 {
				t.Errorf("%+v", s)
			}
			r.Resume()
			i.awaitBack(t)
			wantVerdict(t, open(t, r.URL()), "7", 0, "denied")
			if text := i.log.text(); strings.Count(text, "is away") != 1 || strings.Count(text, "is back") != 1 {
				t.Errorf("the log:\n%s", text)
			}
		})
	}
}

// TestBreaker: while it is open, Redis is not asked for anything but by the probe.
func TestBreaker(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	i := open(t, r.URL())
	i.leave(errors.New("a test says so"))
	asked := 0
	i.away.Store(true)
	i.ask(t.Context(), func(context.Context, *redis.Client) error { asked++; return nil })
	if asked != 0 {
		t.Error("a store that is away is asked")
	}
	i.awaitBack(t)
	if !i.ask(t.Context(), func(context.Context, *redis.Client) error { return redis.Nil }) || i.State().Away {
		t.Error("an answer that there is nothing is taken for an outage")
	}
	// What fails late, on a connection of before, does not open it again.
	i.ask(t.Context(), func(context.Context, *redis.Client) error {
		i.client.Swap(redis.NewClient(i.options)).Close()
		return errors.New("closed")
	})
	if i.State().Away {
		t.Error("an error of before the probe opens the breaker")
	}
}

// TestSlow: a Redis that answers the probe and nobody else in time has few people wait, since it is not
// back again as soon as it was left.
func TestSlow(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	i := open(t, r.URL(), func(c *Config) { c.Deadline = 100 * time.Millisecond })
	i.awaitBack(t)
	waited := 0
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for ends := time.Now().Add(2 * probeEvery); time.Now().Before(ends); <-again.C {
		i.ask(t.Context(), func(ctx context.Context, _ *redis.Client) error {
			waited++
			<-ctx.Done()
			return ctx.Err()
		})
	}
	if waited == 0 || waited > 4 {
		t.Errorf("%d have waited in %v", waited, 2*probeEvery)
	}
}

// TestCallerGone: who does not wait any more says nothing of Redis.
func TestCallerGone(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	i := open(t, r.URL())
	i.awaitBack(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	i.ask(ctx, func(ctx context.Context, _ *redis.Client) error { <-ctx.Done(); return ctx.Err() })
	if i.State().Away {
		t.Error("a caller that is gone opens the breaker")
	}
	for i.ask(t.Context(), func(ctx context.Context, _ *redis.Client) error {
		if ends, ok := ctx.Deadline(); !ok || time.Until(ends) > patient {
			t.Errorf("a round trip ends at %v", ends)
		}
		return errors.New("no answer")
	}) {
	}
	if !i.State().Away {
		t.Error("no answer opens no breaker")
	}
}

// TestNoFreshBudget: an outage that comes and goes gives nobody more than the rule has. For one
// window after it the stricter count decides, then Redis' alone.
func TestNoFreshBudget(t *testing.T) {
	t.Parallel()
	for _, rule := range []limit.Rule{exact, burst} {
		t.Run(rule.Name, func(t *testing.T) {
			t.Parallel()
			r, c := redistest.Start(t), newClock()
			i := open(t, r.URL(), c.on, soon)
			i.awaitBack(t)
			taken := 0
			for range 3 {
				for range 3 {
					if take(t, i, rule, "a") {
						taken++
					}
				}
				r.Cut()
				for range 3 {
					if take(t, i, rule, "a") {
						taken++
					}
				}
				i.awaitAway(t)
				r.Resume()
				i.awaitBack(t)
			}
			if taken != 4 {
				t.Errorf("%d in all, want 4", taken)
			}
			if d, _ := i.Peek(t.Context(), rule, "a"); d.OK || d.RetryAfter < 14*time.Minute {
				t.Errorf("the stricter count: %+v", d)
			}
			// Redis is stricter than this instance where others have taken too.
			other := open(t, r.URL())
			for range 4 {
				take(t, other, rule, "b")
			}
			if d, _ := i.Peek(t.Context(), rule, "b"); take(t, i, rule, "b") || d.OK {
				t.Error("what others have taken does not count after an outage")
			}
			// And what is taken here counts for others again.
			for range 4 {
				take(t, i, rule, "c")
			}
			if take(t, other, rule, "c") {
				t.Error("after an outage nothing is counted in Redis")
			}
			c.advance(rule.Window())
			if !take(t, i, rule, "a") { // Redis' own clock has it that three were taken before the first outage
				t.Error("a window later Redis does not decide")
			}
			if take(t, i, rule, "a") {
				t.Error("a window later this instance decides alone")
			}
		})
	}
}

// TestGivenBackAfterAnOutage: what was taken here alone is not given back in Redis.
func TestGivenBackAfterAnOutage(t *testing.T) {
	t.Parallel()
	r, c := redistest.Start(t), newClock()
	i := open(t, r.URL(), c.on)
	other := open(t, r.URL())
	i.awaitBack(t)
	for range 4 {
		take(t, other, exact, "a")
	}
	i.leave(errors.New("a test says so"))
	i.away.Store(true)
	take(t, i, exact, "b")
	i.awaitBack(t)
	for range 2 {
		if err := i.Refund(t.Context(), exact, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if take(t, other, exact, "a") {
		t.Error("what others have taken is given back")
	}
	c.advance(settling)
	if err := i.Refund(t.Context(), exact, "a"); err != nil {
		t.Fatal(err)
	}
	if !take(t, other, exact, "a") {
		t.Error("nothing is given back any more")
	}
}

// TestSignOutAway: who signs out while Redis is away is out here at once, and everywhere when it is
// back; until then nobody else is sure of logins that are older.
func TestSignOutAway(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	a, b := open(t, r.URL(), soon), open(t, r.URL(), soon)
	old(t, r, a)
	old(t, r, b)
	wantVerdict(t, a, "id", long, "good")
	r.Cut()
	deny(t, a, "id")
	wantVerdict(t, a, "id", long, "denied")
	wantVerdict(t, b, "id", long, "unsure")
	wantVerdict(t, b, "young", 0, "good")
	if s := a.State(); s.Queued != 1 || !s.Away {
		t.Errorf("%+v", s)
	}
	r.Do(t, "SCRIPT", "FLUSH") // as a new master has none
	r.Resume()
	a.awaitBack(t)
	b.awaitBack(t)
	wantVerdict(t, b, "id", long, "denied")
	wantVerdict(t, b, "other", long, "good")
}

// TestHorizon: without Redis an instance is sure of what was made a minute before its last answer,
// and since.
func TestHorizon(t *testing.T) {
	t.Parallel()
	r, c := redistest.Start(t), newClock()
	i := open(t, r.URL(), c.on, soon)
	old(t, r, i)
	c.advance(30 * time.Minute)
	wantVerdict(t, i, "id", long, "good") // the last answer
	r.Cut()
	i.awaitAway(t)
	last := c.Now()
	c.advance(30 * time.Minute)
	for _, tt := range []struct {
		made time.Time
		want string
	}{
		{last.Add(-long), "unsure"},
		{last.Add(-time.Minute - time.Second), "unsure"},
		{last.Add(-time.Minute), "good"},
		{last, "good"},
		{c.Now(), "good"},
	} {
		wantVerdict(t, i, "id", c.Now().Sub(tt.made), tt.want)
	}
	r.Resume()
	i.awaitBack(t)
	wantVerdict(t, i, "id", long, "good")
}

// TestStartedWithout: an instance that has never reached Redis is sure of nothing that is older than
// itself; it starts all the same, and reaches Redis when that is there.
func TestStartedWithout(t *testing.T) {
	t.Parallel()
	r, c := redistest.Start(t), newClock()
	before := open(t, r.URL())
	old(t, r, before)
	deny(t, before, "gone")
	r.Cut()
	i := open(t, r.URL(), c.on, soon)
	if s := i.State(); !s.Away || s.Reason == "" {
		t.Errorf("%+v", s)
	}
	for _, ago := range []time.Duration{long, time.Minute, 2 * time.Second} {
		wantVerdict(t, i, "id", ago, "unsure")
	}
	c.advance(time.Second)
	wantVerdict(t, i, "id", time.Second, "good") // as a hand-off makes one
	r.Resume()
	i.awaitBack(t)
	wantVerdict(t, i, "id", long, "good")
	wantVerdict(t, i, "gone", long, "denied")
}

// TestForgotten: a Redis that has lost what it was told is not believed about what is older, without
// ever having been away.
func TestForgotten(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(t *testing.T, r *redistest.Server, epoch string){
		"flushed":    func(t *testing.T, r *redistest.Server, _ string) { r.Do(t, "FLUSHALL") },
		"epoch gone": func(t *testing.T, r *redistest.Server, epoch string) { r.Do(t, "DEL", epoch) },
		"another epoch": func(t *testing.T, r *redistest.Server, epoch string) { // of another instance, after a flush
			r.Do(t, "FLUSHALL")
			open(t, r.URL())
		},
		"restarted": func(t *testing.T, r *redistest.Server, _ string) { r.Restart(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := redistest.Start(t)
			i := open(t, r.URL())
			old(t, r, i)
			told := open(t, r.URL())
			deny(t, told, "gone")
			wantVerdict(t, i, "gone", long, "denied")
			forget(t, r, i.secrets.name(kindEpoch))
			if got := verdict(t, i, "gone", long); got == "good" {
				t.Error("a login that has ended is good")
			}
			i.awaitBack(t)
			i.await(t, "a new epoch", func() bool { return verdict(t, i, "id", 0) == "good" })
			wantVerdict(t, i, "id", long, "unsure")
			wantVerdict(t, i, "id", time.Minute, "unsure")
			wantVerdict(t, told, "gone", long, "denied") // who has heard of it remembers
			deny(t, i, "since")
			wantVerdict(t, told, "since", 0, "denied")
			if text := i.log.text(); !strings.Contains(text, "forgotten") {
				t.Errorf("the log:\n%s", text)
			}
			r.Cut()
			i.Deadline(200 * time.Millisecond)
			wantVerdict(t, i, "id", time.Minute, "unsure") // older than the epoch, though younger than the last answer
		})
	}
}

// Deadline makes an instance wait less.
func (i *instance) Deadline(d time.Duration) { i.deadline = d }

// TestForgottenCounts: what Redis has forgotten counts on here for a window.
func TestForgottenCounts(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	i := open(t, r.URL())
	for range 4 {
		take(t, i, exact, "a")
	}
	r.Do(t, "FLUSHALL")
	// Who asks finds out. What is asked about is made later than what is found, to the second.
	wantVerdict(t, i, "id", -time.Second, "good")
	if take(t, i, exact, "a") {
		t.Error("a flushed Redis hands out a fresh budget")
	}
}

// TestPolicy: a Redis that may evict is not started with, and is away as soon as it may.
func TestPolicy(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random"} {
		r := redistest.Start(t, "--maxmemory-policy", policy)
		cfg := Config{URL: r.URL(), Key: testKey, Logger: (&instance{log: &journal{}}).logger(), Deadline: patient}
		if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), policy) {
			t.Errorf("%s: Open: %v", policy, err)
		}
		if err := Check(t.Context(), cfg); !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: Check: %v", policy, err)
		}
	}
	r, c := redistest.Start(t), newClock()
	i := open(t, r.URL(), c.on)
	if err := Check(t.Context(), Config{URL: r.URL(), Key: testKey, Logger: i.logger(), Deadline: patient}); err != nil {
		t.Errorf("noeviction: %v", err)
	}
	r.Do(t, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	c.advance(policeEvery)
	i.awaitAway(t)
	if s := i.State(); !strings.Contains(s.Reason, "allkeys-lru") {
		t.Errorf("%+v", s)
	}
	r.Do(t, "CONFIG", "SET", "maxmemory-policy", "noeviction")
	i.awaitBack(t)
}

// TestNoWrites: a Redis that answers and takes no writes is away: a master that has become a replica,
// one that has lost its replicas, one that is full. What it was not told it hears afterwards.
func TestNoWrites(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		on, over []any
	}{
		{"replica", []any{"REPLICAOF", "127.0.0.1", "1"}, []any{"REPLICAOF", "NO", "ONE"}},
		{"no replicas", []any{"CONFIG", "SET", "min-replicas-to-write", "1"}, []any{"CONFIG", "SET", "min-replicas-to-write", "0"}},
		{"full", []any{"CONFIG", "SET", "maxmemory", "1"}, []any{"CONFIG", "SET", "maxmemory", "0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := redistest.Start(t)
			a, b := open(t, r.URL()), open(t, r.URL())
			old(t, r, a)
			old(t, r, b)
			r.Do(t, tt.on...)
			deny(t, a, "id")
			b.awaitAway(t) // by its own probe
			wantVerdict(t, a, "id", long, "denied")
			wantVerdict(t, b, "id", long, "unsure")
			for n := range 5 {
				if got := take(t, a, exact, "a"); got != (n < 4) {
					t.Errorf("take %d: %v", n, got)
				}
			}
			r.Do(t, tt.over...)
			a.awaitBack(t)
			b.awaitBack(t)
			wantVerdict(t, b, "id", long, "denied")
		})
	}
}

// TestQueueBounded: there is an end to what waits for Redis, those who signed out are not pushed out
// by those who signed in, and a mark lasts as long as it would have.
func TestQueueBounded(t *testing.T) {
	t.Parallel()
	r, c := redistest.Start(t), newClock()
	r.Cut()
	i := open(t, r.URL(), c.on, soon)
	deny(t, i, "out")
	if err := i.Deny(t.Context(), "soon over", true, time.Minute); err != nil {
		t.Fatal(err)
	}
	for n := range maxQueued + 150 {
		if err := i.Deny(t.Context(), strconv.Itoa(n), false, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if s := i.State(); s.Queued != maxQueued+2 {
		t.Errorf("%d wait", s.Queued)
	}
	c.advance(20 * time.Minute)
	i.Deadline(patient)
	r.Resume()
	i.awaitBack(t)
	other := open(t, r.URL())
	for id, want := range map[string]string{"out": "denied", "soon over": "good", "0": "good", "149": "good", "150": "denied", strconv.Itoa(maxQueued + 149): "denied"} {
		wantVerdict(t, other, id, 0, want)
	}
	if left := r.Do(t, "PTTL", i.secrets.name(kindDenied, "out")).(int64); left > (40*time.Minute).Milliseconds() || left < (39*time.Minute).Milliseconds() {
		t.Errorf("a mark of an hour lasts %d ms, 20 minutes later", left)
	}
	wantVerdict(t, i, "0", 0, "denied") // here they stay
}
