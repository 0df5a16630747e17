package limit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a time that tests move by hand.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_800_000_000, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func newTest(maxKeys int) (*Memory, *clock) {
	c := new(clock)
	return NewMemory(MemoryConfig{Now: c.now, MaxKeys: maxKeys}), c
}

func take(t testing.TB, m *Memory, r Rule, key string) Decision {
	t.Helper()
	d, err := m.Take(context.Background(), r, key)
	if err != nil {
		t.Fatalf("Take(%q, %q): %v", r.Name, key, err)
	}
	return d
}

func TestCounter(t *testing.T) {
	t.Parallel()
	tries := Rule{Name: "tries", N: 3, Per: time.Minute}
	sends := Rule{Name: "sends", N: 30, Per: time.Hour, Burst: 2} // one per 2 minutes
	type step struct {
		at     time.Duration // since the start
		op     string        // take, peek, refund, reset
		key    string
		want   time.Duration // RetryAfter; 0 means OK
		silent bool          // op has no answer
	}
	do := func(at time.Duration, op string, want time.Duration) step {
		return step{at: at, op: op, key: "k", want: want, silent: op == "refund" || op == "reset"}
	}
	tests := []struct {
		name  string
		rule  Rule
		steps []step
	}{
		{"window fills and slides", tries, []step{
			do(0, "take", 0), do(10*time.Second, "take", 0), do(30*time.Second, "take", 0),
			do(30*time.Second, "take", 30*time.Second),
			do(60*time.Second-1, "take", 1),
			do(60*time.Second, "take", 0), // the first has left
			do(60*time.Second, "take", 10*time.Second),
			do(70*time.Second, "take", 0),
		}},
		{"refusals are not counted", tries, []step{
			do(0, "take", 0), do(0, "take", 0), do(0, "take", 0),
			do(50*time.Second, "take", 10*time.Second), do(59*time.Second, "take", time.Second),
			do(60*time.Second, "take", 0), do(60*time.Second, "take", 0), do(60*time.Second, "take", 0),
		}},
		{"window peek counts nothing", tries, []step{
			do(0, "peek", 0), do(0, "peek", 0), do(0, "peek", 0), do(0, "peek", 0),
			do(0, "take", 0), do(0, "take", 0), do(0, "take", 0), do(0, "peek", time.Minute),
		}},
		{"window refund gives back the newest", tries, []step{
			do(0, "refund", 0),
			do(0, "take", 0), do(10*time.Second, "take", 0), do(20*time.Second, "take", 0),
			do(20*time.Second, "refund", 0), do(21*time.Second, "take", 0),
			do(21*time.Second, "take", 39*time.Second),
		}},
		{"keys are apart", Rule{Name: "one", N: 1, Per: time.Minute}, []step{
			{0, "take", "a", 0, false}, {0, "take", "b", 0, false}, {0, "take", "a", time.Minute, false},
		}},
		{"bucket", sends, []step{
			do(0, "take", 0), do(0, "take", 0), do(0, "take", 2*time.Minute),
			do(2*time.Minute-1, "peek", 1), do(2*time.Minute, "peek", 0), do(2*time.Minute, "take", 0),
			do(2*time.Minute, "take", 2*time.Minute),
			do(time.Hour, "take", 0), do(time.Hour, "take", 0), do(time.Hour, "take", 2*time.Minute), // no more than Burst is saved up
		}},
		{"bucket refund", sends, []step{
			do(0, "refund", 0), do(0, "take", 0), do(0, "take", 0), do(0, "refund", 0), do(0, "take", 0),
			do(0, "take", 2*time.Minute),
		}},
		{"bucket refund never overfills", sends, []step{
			do(0, "take", 0), do(0, "refund", 0), do(0, "refund", 0), do(0, "refund", 0),
			do(0, "take", 0), do(0, "take", 0), do(0, "take", 2*time.Minute),
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, c := newTest(0)
			ctx := t.Context()
			for i, s := range tt.steps {
				c.ns.Store(int64(s.at))
				var got Decision
				var err error
				switch s.op {
				case "take":
					got, err = m.Take(ctx, tt.rule, s.key)
				case "peek":
					got, err = m.Peek(ctx, tt.rule, s.key)
				case "refund":
					err = m.Refund(ctx, tt.rule, s.key)
				}
				if err != nil {
					t.Fatalf("step %d, %s: %v", i, s.op, err)
				}
				want := Decision{OK: s.want == 0, RetryAfter: s.want}
				if !s.silent && got != want {
					t.Fatalf("step %d at %v: %s = %+v, want %+v", i, s.at, s.op, got, want)
				}
			}
		})
	}
}

func TestRulesAreApart(t *testing.T) {
	t.Parallel()
	m, _ := newTest(0)
	base := Rule{Name: "r", N: 1, Per: time.Minute}
	others := []Rule{
		{Name: "r2", N: 1, Per: time.Minute},
		{Name: "r", N: 1, Per: time.Hour},
		{Name: "r", N: 1, Per: time.Minute, Burst: 1},
	}
	if !take(t, m, base, "k").OK || take(t, m, base, "k").OK {
		t.Fatal("the rule itself does not work")
	}
	for _, r := range others {
		if !take(t, m, r, "k").OK {
			t.Errorf("%+v shares its count with %+v", r, base)
		}
	}
	// A name must not run into a key.
	if !take(t, m, Rule{Name: "rk", N: 1, Per: time.Minute}, "").OK {
		t.Error(`rule "rk" with key "" shares its count with rule "r" and key "k"`)
	}
}

func TestInvalidRules(t *testing.T) {
	t.Parallel()
	m, _ := newTest(0)
	ctx := t.Context()
	tests := []Rule{
		{},
		{N: 1},
		{N: 0, Per: time.Second},
		{N: -1, Per: time.Second},
		{N: 1, Per: -time.Second},
		{N: 65, Per: time.Second},
		{N: 1, Per: time.Second, Burst: -1},
		{N: 1, Per: 24 * time.Hour, Burst: 1 << 40},
	}
	for _, r := range tests {
		_, takeErr := m.Take(ctx, r, "k")
		_, peekErr := m.Peek(ctx, r, "k")
		for _, err := range []error{takeErr, peekErr, m.Refund(ctx, r, "k")} {
			if !errors.Is(err, errRule) {
				t.Errorf("%+v: error %v, want an invalid rule", r, err)
			}
		}
	}
	for _, r := range []Rule{{N: 64, Per: 1}, {N: 1000, Per: time.Hour, Burst: 500}, {N: 3, Per: 1, Burst: 1}} {
		if err := r.Validate(); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// Of parallel tries exactly as many pass as the rule allows, whatever the goroutines do.
func TestTakeInParallel(t *testing.T) {
	t.Parallel()
	for _, r := range []Rule{
		{Name: "window", N: 5, Per: time.Minute},
		{Name: "bucket", N: 1, Per: time.Minute, Burst: 5},
	} {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			m, _ := newTest(0)
			var passed atomic.Int64
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					for range 20 {
						if take(t, m, r, "k").OK {
							passed.Add(1)
						}
						if _, err := m.Peek(context.Background(), r, "k"); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if got := passed.Load(); got != 5 {
				t.Errorf("%d of 1000 parallel tries passed, want 5", got)
			}
		})
	}
}

func (m *Memory) counterKeys() (n int) {
	for i := range m.shards {
		s := &m.shards[i]
		ring := 0
		for c := s.recent.next; c != &s.recent && ring <= len(s.counters); c = c.next {
			if ring++; c.next.prev != c || s.counters[c.hash] != c {
				panic(fmt.Sprintf("shard %d: the ring is broken", i))
			}
		}
		if len(s.counters) != ring || len(s.counters) != len(s.expiry) {
			panic(fmt.Sprintf("shard %d: %d keys, %d in the ring, %d in the heap", i, len(s.counters), ring, len(s.expiry)))
		}
		n += len(s.counters)
	}
	return n
}

func heapBytes() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// Not parallel: it measures the heap of the process.
func TestMillionKeys(t *testing.T) {
	const maxKeys, keys = 5_000, 1_000_000
	m, c := newTest(maxKeys)
	r := Rule{Name: "tries", N: 4, Per: 10 * time.Minute}
	before := heapBytes()
	for i := range keys {
		take(t, m, r, strconv.Itoa(i))
		if i%10 == 0 {
			if err := m.Deny(t.Context(), strconv.Itoa(i), false, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		c.advance(time.Microsecond)
	}
	if got := m.counterKeys(); got > maxKeys || got < maxKeys*9/10 {
		t.Errorf("holds %d counters, want close to %d and no more", got, maxKeys)
	}
	if got := len(m.replaced.byHash); got != maxKeys || len(m.replaced.expiry) != got {
		t.Errorf("holds %d marks (%d in the heap), want %d", got, len(m.replaced.expiry), maxKeys)
	}
	// A counter and a mark together take some 450 bytes, maps included; a million would take 100
	// times what is allowed here.
	if grown := int64(heapBytes()) - int64(before); grown > maxKeys*800 {
		t.Errorf("heap grew by %d bytes for %d keys", grown, maxKeys)
	}
	runtime.KeepAlive(m)
}

func TestEvictionOfCounters(t *testing.T) {
	t.Parallel()
	long := Rule{Name: "long", N: 1, Per: time.Hour}
	short := Rule{Name: "short", N: 1, Per: time.Second}
	counted := func(m *Memory, r Rule, key string) bool {
		d, err := m.Peek(t.Context(), r, key)
		if err != nil {
			t.Fatal(err)
		}
		return !d.OK
	}

	m, _ := newTest(3)
	take(t, m, long, "a")
	take(t, m, long, "b")
	take(t, m, long, "c")
	take(t, m, long, "a") // refused, but used
	take(t, m, long, "d")
	for key, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if got := counted(m, long, key); got != want {
			t.Errorf("least recently used: %q counted: %t, want %t", key, got, want)
		}
	}

	m, c := newTest(3)
	take(t, m, long, "a")
	take(t, m, long, "b")
	take(t, m, short, "c") // the most recent, but it expires
	c.advance(time.Second)
	take(t, m, long, "d")
	if !counted(m, long, "a") || !counted(m, long, "b") || !counted(m, long, "d") {
		t.Error("a live counter was evicted while an expired one was there")
	}
	if got := m.counterKeys(); got != 3 {
		t.Errorf("holds %d counters, want 3", got)
	}

	// What has expired goes although there is room.
	m, c = newTest(minShardKeys) // one shard
	for i := range 100 {
		take(t, m, short, strconv.Itoa(i))
	}
	c.advance(time.Second)
	for i := range 50 {
		take(t, m, long, strconv.Itoa(i))
	}
	if got := m.counterKeys(); got != 50 {
		t.Errorf("holds %d counters, want the 50 that are alive", got)
	}
}

func TestDenyList(t *testing.T) {
	t.Parallel()
	for _, ended := range []bool{true, false} {
		testDenyList(t, ended)
	}
}

func testDenyList(t *testing.T, ended bool) {
	t.Helper()
	m, c := newTest(0)
	ctx := t.Context()
	has := func(key string, want bool) {
		t.Helper()
		if got, sure := m.Denied(ctx, key, time.Time{}); got != want || !sure {
			t.Errorf("Denied(%q) = %t, %t, want %t", key, got, sure, want)
		}
	}
	add := func(key string, ttl time.Duration) {
		t.Helper()
		if err := m.Deny(ctx, key, ended, ttl); err != nil {
			t.Errorf("Deny(%q, %v): %v", key, ttl, err)
		}
	}
	has("a", false)
	add("a", time.Minute)
	has("a", true)
	has("b", false)
	c.advance(time.Minute - 1)
	has("a", true)
	c.advance(1)
	has("a", false)
	add("a", time.Minute)
	has("a", true)
	add("a", time.Hour)
	add("a", time.Second) // does not shorten
	c.advance(time.Minute)
	has("a", true)
	add("b", 0)
	add("b", -time.Second)
	has("b", false)
	add("forever", 1<<63-1)
	c.advance(1000 * time.Hour)
	has("forever", true)
}

func TestDenyInParallel(t *testing.T) {
	t.Parallel()
	m, _ := newTest(0)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := m.Deny(t.Context(), "state", true, time.Minute); err != nil {
				t.Error(err)
			}
			if ok, sure := m.Denied(t.Context(), "state", time.Time{}); !ok || !sure {
				t.Errorf("Denied = %t, %t", ok, sure)
			}
		})
	}
	wg.Wait()
}

func TestEvictionOfMarks(t *testing.T) {
	t.Parallel()
	m, c := newTest(3)
	ctx := t.Context()
	want := func(keys string) {
		t.Helper()
		got := ""
		for _, k := range []string{"a", "b", "c", "d", "e"} {
			if ok, _ := m.Denied(ctx, k, time.Time{}); ok {
				got += k
			}
		}
		if got != keys {
			t.Errorf("marked: %q, want %q", got, keys)
		}
	}
	m.Deny(ctx, "a", false, 3*time.Hour)
	m.Deny(ctx, "b", false, time.Hour)
	m.Deny(ctx, "c", false, 2*time.Hour)
	m.Deny(ctx, "d", false, 4*time.Hour) // full: b would have gone first
	want("acd")
	c.advance(2 * time.Hour) // c is over
	m.Deny(ctx, "e", false, time.Minute)
	want("ade")
	for i := range 10 { // a list that is full pushes nothing from the other
		m.Deny(ctx, strconv.Itoa(i), true, time.Hour)
	}
	want("ade")
}

// The keys themselves are nowhere in what is stored.
func TestKeysAreHashed(t *testing.T) {
	t.Parallel()
	r := Rule{Name: "r", N: 1, Per: time.Minute}
	m1, _ := newTest(0)
	m2, _ := newTest(0)
	_, h1 := m1.shard(r, "+8613800138000")
	_, h2 := m2.shard(r, "+8613800138000")
	if h1 == h2 {
		t.Error("two stores hash alike: the hash has no key")
	}
	if _, again := m1.shard(r, "+8613800138000"); again != h1 {
		t.Error("one store hashes the same key in two ways")
	}
}

func BenchmarkTake(b *testing.B) {
	for _, r := range []Rule{
		{Name: "window", N: 4, Per: 10 * time.Minute},
		{Name: "bucket", N: 30, Per: time.Hour, Burst: 5},
	} {
		b.Run(r.Name, func(b *testing.B) {
			m := NewMemory(MemoryConfig{})
			keys := make([]string, 1024)
			for i := range keys {
				keys[i] = Key("203.0.113."+strconv.Itoa(i), "someone@example.com")
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					m.Take(context.Background(), r, keys[i%len(keys)])
				}
			})
		})
	}
	b.Run("new keys", func(b *testing.B) {
		m := NewMemory(MemoryConfig{})
		r := Rule{Name: "window", N: 4, Per: 10 * time.Minute}
		b.ReportAllocs()
		for i := range b.N {
			m.Take(context.Background(), r, strconv.Itoa(i))
		}
	})
}

func BenchmarkDenied(b *testing.B) {
	m := NewMemory(MemoryConfig{})
	m.Deny(context.Background(), "ended", true, time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		m.Denied(context.Background(), "5f2c8e1a9b7d4c3e", time.Time{})
	}
}

// TestMarksThatAreOver: what is over leaves a list in passing, and what is over from the start is on none:
// else a list that is never full would keep all that it was ever told.
func TestMarksThatAreOver(t *testing.T) {
	t.Parallel()
	m, clock := newTest(1000)
	for _, ended := range []bool{false, true} {
		list := &m.replaced
		if ended {
			list = &m.ended
		}
		deny := func(id string, ttl time.Duration) {
			if err := m.Deny(context.Background(), id, ended, ttl); err != nil {
				t.Fatal(err)
			}
		}
		for i, ttl := range []time.Duration{0, -1, -time.Hour} {
			if deny("over "+strconv.Itoa(i), ttl); len(list.byHash) != 0 {
				t.Errorf("a mark for %v is kept", ttl)
			}
		}
		for i := range 200 {
			deny(strconv.Itoa(i), time.Minute)
		}
		clock.advance(time.Minute)
		for i := range 100 {
			deny("later "+strconv.Itoa(i), time.Minute)
		}
		if len(list.byHash) != 100 || len(list.expiry) != 100 {
			t.Errorf("%d marks are kept, want the 100 that are not over", len(list.byHash))
		}
	}
}
