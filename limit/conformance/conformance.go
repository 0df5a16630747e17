// Package conformance is what every [limit.Store] must do, as tests that a store's own tests run. Its
// clock is the real one, since a store's may be another machine's: rules are either too long to end
// within a test, or so short that their end can be waited for.
package conformance

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tcb-login/limit"
)

// Run tests a store: open gives two instances that share all, empty, for the length of a test. They
// may be the same.
func Run(t *testing.T, open func(t *testing.T) (one, other limit.Store)) {
	for name, test := range map[string]func(*testing.T, limit.Store, limit.Store){
		"window":            window,
		"window ends":       windowEnds,
		"bucket":            bucket,
		"bucket fills":      bucketFills,
		"refund":            refund,
		"rules apart":       rulesApart,
		"invalid rules":     invalidRules,
		"take in parallel":  takeInParallel,
		"denied":            denied,
		"denied for a time": deniedForATime,
		"outcomes":          outcomes,
		"outcomes waited":   outcomesWaited,
		"outcomes bounded":  outcomesBounded,
		"one is first":      oneIsFirst,
		"values":            values,
		"values end":        valuesEnd,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			test(t, one, other)
		})
	}
}

// within is how long a test waits for what must come.
const within = 30 * time.Second

// await waits for a condition.
func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for !met() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %v", what, within)
		case <-again.C:
		}
	}
}

func take(t *testing.T, s limit.Store, r limit.Rule, key string) limit.Decision {
	t.Helper()
	d, err := s.Take(t.Context(), r, key)
	if err != nil {
		t.Fatalf("Take(%q): %v", r.Name, err)
	}
	return d
}

func peek(t *testing.T, s limit.Store, r limit.Rule, key string) limit.Decision {
	t.Helper()
	d, err := s.Peek(t.Context(), r, key)
	if err != nil {
		t.Fatalf("Peek(%q): %v", r.Name, err)
	}
	return d
}

func giveBack(t *testing.T, s limit.Store, r limit.Rule, key string) {
	t.Helper()
	if err := s.Refund(t.Context(), r, key); err != nil {
		t.Fatalf("Refund(%q): %v", r.Name, err)
	}
}

func wait(t *testing.T, d limit.Decision, least, most time.Duration) {
	t.Helper()
	if d.OK || d.RetryAfter < least || d.RetryAfter > most {
		t.Errorf("%+v, want a wait from %v to %v", d, least, most)
	}
}

func window(t *testing.T, one, other limit.Store) {
	r := limit.Rule{Name: "window", N: 3, Per: time.Hour}
	for i := range 6 {
		s := []limit.Store{one, other}[i%2]
		if d := peek(t, s, r, "a"); d.OK != (i < 3) {
			t.Errorf("peek %d: %+v", i, d)
		}
		if d := take(t, s, r, "a"); d.OK != (i < 3) {
			t.Errorf("take %d: %+v", i, d)
		}
	}
	wait(t, take(t, one, r, "a"), time.Hour-within, time.Hour)
	wait(t, peek(t, other, r, "a"), time.Hour-within, time.Hour)
	if d := take(t, other, r, "b"); !d.OK {
		t.Errorf("another key: %+v", d)
	}
}

// windowEnds: the wait that is told is the one that is needed, and what was refused counts nothing.
func windowEnds(t *testing.T, one, other limit.Store) {
	for per := 200 * time.Millisecond; ; per *= 2 { // longer where the machine is slow
		r := limit.Rule{Name: "short", N: 2, Per: per}
		began := time.Now()
		take(t, one, r, "a")
		take(t, other, r, "a")
		var d limit.Decision
		for range 5 {
			d = take(t, one, r, "a")
		}
		if time.Since(began) >= per/2 {
			continue
		}
		wait(t, d, per/2, per)
		await(t, "the window ends", func() bool { return take(t, other, r, "a").OK })
		if took := time.Since(began); took < per {
			t.Errorf("three within %v, where the rule has two in %v", took, per)
		}
		return
	}
}

func bucket(t *testing.T, one, other limit.Store) {
	r := limit.Rule{Name: "bucket", N: 6, Per: time.Hour, Burst: 4}
	for i := range 6 {
		s := []limit.Store{one, other}[i%2]
		if d := peek(t, s, r, "a"); d.OK != (i < 4) {
			t.Errorf("peek %d: %+v", i, d)
		}
		if d := take(t, s, r, "a"); d.OK != (i < 4) {
			t.Errorf("take %d: %+v", i, d)
		}
	}
	wait(t, peek(t, one, r, "a"), 10*time.Minute-within, 10*time.Minute)
	giveBack(t, other, r, "a")
	if d := take(t, one, r, "a"); !d.OK {
		t.Errorf("after a refund: %+v", d)
	}
	wait(t, take(t, other, r, "a"), 10*time.Minute-within, 10*time.Minute)
	large := limit.Rule{Name: "large", N: 3600, Per: time.Hour, Burst: 1000} // more than a window holds
	for i := range 1000 {
		if d := take(t, one, large, "a"); !d.OK {
			t.Fatalf("take %d of a burst of 1000: %+v", i, d)
		}
	}
}

func bucketFills(t *testing.T, one, other limit.Store) {
	r := limit.Rule{Name: "short bucket", N: 10, Per: 2 * time.Second, Burst: 2}
	began := time.Now()
	n := 0
	await(t, "ten of them", func() bool {
		s := []limit.Store{one, other}[n%2]
		if take(t, s, r, "a").OK {
			n++
		}
		return n == 10
	})
	if took := time.Since(began); took < 8*200*time.Millisecond-5*time.Millisecond {
		t.Errorf("ten in %v, which has a burst of two and one more each 200 ms", took)
	}
}

func refund(t *testing.T, one, other limit.Store) {
	for _, r := range []limit.Rule{{Name: "window", N: 2, Per: time.Hour}, {Name: "bucket", N: 2, Per: time.Hour, Burst: 2}} {
		giveBack(t, one, r, "a") // there is nothing
		take(t, one, r, "a")
		take(t, other, r, "a")
		giveBack(t, other, r, "a")
		if d := take(t, one, r, "a"); !d.OK {
			t.Errorf("%s, one given back: %+v", r.Name, d)
		}
		if d := take(t, other, r, "a"); d.OK {
			t.Errorf("%s, one given back and taken again: %+v", r.Name, d)
		}
		giveBack(t, one, r, "a") // what this one has taken
		giveBack(t, other, r, "a")
		take(t, one, r, "a")
		take(t, one, r, "a")
		giveBack(t, other, r, "a") // and what another has
		giveBack(t, other, r, "a")
		if d := take(t, one, r, "a"); !d.OK {
			t.Errorf("%s, given back by another: %+v", r.Name, d)
		}
		for range 5 { // more than was taken
			giveBack(t, one, r, "a")
		}
		for i := range 3 {
			if d := take(t, one, r, "a"); d.OK != (i < 2) {
				t.Errorf("%s, all given back, take %d: %+v", r.Name, i, d)
			}
		}
	}
}

func rulesApart(t *testing.T, one, other limit.Store) {
	base := limit.Rule{Name: "r", N: 1, Per: time.Hour}
	take(t, one, base, "a")
	for _, r := range []limit.Rule{
		{Name: "s", N: 1, Per: time.Hour}, {Name: "r", N: 2, Per: time.Hour},
		{Name: "r", N: 1, Per: 2 * time.Hour}, {Name: "r", N: 1, Per: time.Hour, Burst: 1},
	} {
		if d := take(t, other, r, "a"); !d.OK {
			t.Errorf("%+v counts with %+v", r, base)
		}
	}
	if d := take(t, other, base, "a"); d.OK {
		t.Error("the same rule does not count on")
	}
	// However long a key is, and whatever is in it.
	for _, key := range []string{"", "\x00", "\xff\xfe", "a\r\n", string(make([]byte, 8<<10))} {
		if !take(t, one, base, key).OK || take(t, other, base, key).OK {
			t.Errorf("the key %.10q does not count", key)
		}
	}
}

func invalidRules(t *testing.T, one, _ limit.Store) {
	for _, r := range []limit.Rule{{}, {N: 1}, {N: 65, Per: time.Hour}, {N: 1, Per: -1}, {N: 1, Per: 1, Burst: -1}} {
		_, taken := one.Take(t.Context(), r, "a")
		_, peeked := one.Peek(t.Context(), r, "a")
		refunded := one.Refund(t.Context(), r, "a")
		if taken == nil || peeked == nil || refunded == nil {
			t.Errorf("%+v: %v, %v, %v", r, taken, peeked, refunded)
		}
	}
}

// takeInParallel: of any number at once as many get through as the rule has.
func takeInParallel(t *testing.T, one, other limit.Store) {
	for _, r := range []limit.Rule{{Name: "window", N: 7, Per: time.Hour}, {Name: "bucket", N: 7, Per: time.Hour, Burst: 7}} {
		var wg sync.WaitGroup
		var got atomic.Int64
		for i := range 60 {
			wg.Go(func() {
				if d, err := []limit.Store{one, other}[i%2].Take(t.Context(), r, "a"); err == nil && d.OK {
					got.Add(1)
				}
			})
		}
		wg.Wait()
		if got.Load() != 7 {
			t.Errorf("%s: %d got through, want 7", r.Name, got.Load())
		}
	}
}

func isDenied(t *testing.T, s limit.Store, id string) bool {
	t.Helper()
	denied, sure := s.Denied(t.Context(), id, time.Now())
	if !sure {
		t.Errorf("Denied(%q) is not sure", id)
	}
	return denied
}

func deny(t *testing.T, s limit.Store, id string, ended bool, ttl time.Duration) {
	t.Helper()
	if err := s.Deny(t.Context(), id, ended, ttl); err != nil {
		t.Errorf("Deny(%q): %v", id, err)
	}
}

func denied(t *testing.T, one, other limit.Store) {
	for i, ended := range []bool{true, false} {
		id := "id " + strconv.Itoa(i)
		if isDenied(t, one, id) || isDenied(t, other, id) {
			t.Error("denied before it was")
		}
		deny(t, one, id, ended, time.Hour)
		deny(t, other, id, !ended, time.Hour) // and once more
		if !isDenied(t, one, id) || !isDenied(t, other, id) {
			t.Error("not denied")
		}
		if isDenied(t, one, id+"0") || isDenied(t, other, "") {
			t.Error("another is denied")
		}
	}
	for _, ttl := range []time.Duration{0, -time.Hour} {
		deny(t, one, "never", true, ttl)
	}
	deny(t, one, "for ever", true, 1<<63-1)
	if isDenied(t, other, "never") || !isDenied(t, other, "for ever") {
		t.Error("a mark of no time, or of all")
	}
}

func deniedForATime(t *testing.T, one, other limit.Store) {
	const ttl = 150 * time.Millisecond
	deny(t, one, "long", true, time.Hour)
	deny(t, other, "long", true, ttl) // does not shorten
	deny(t, one, "short", true, ttl)
	deny(t, one, "longer", true, ttl)
	deny(t, one, "longer", true, time.Hour)
	await(t, "the mark ends", func() bool { return !isDenied(t, one, "short") && !isDenied(t, other, "short") })
	for _, id := range []string{"long", "longer"} {
		if !isDenied(t, one, id) || !isDenied(t, other, id) {
			t.Errorf("the %s mark has ended with the short one", id)
		}
	}
}

func begin(t *testing.T, s limit.Store, group, key string) func([]byte) {
	t.Helper()
	end, first := s.Begin(t.Context(), group, key)
	if !first {
		t.Fatalf("%s in %s is under way", key, group)
	}
	return end
}

func look(t *testing.T, s limit.Store, group, key, want string) {
	t.Helper()
	got, ok, err := s.Look(t.Context(), group, key)
	if err != nil || ok != (want != "") || string(got) != want {
		t.Errorf("%s in %s came to %.20q, %v, %v, want %.20q", key, group, got, ok, err, want)
	}
}

func outcomes(t *testing.T, one, other limit.Store) {
	look(t, one, "s", "a", "")
	begin(t, one, "s", "a")([]byte("done"))
	if _, first := other.Begin(t.Context(), "s", "a"); first {
		t.Error("what is done can begin")
	}
	look(t, other, "other", "a", "")
	look(t, other, "s", "a", "done")
	look(t, one, "s", "a", "done")
	look(t, other, "s", "a", "") // twice is enough, wherever
	look(t, one, "s", "a", "")
	begin(t, other, "s", "a")(nil)
	look(t, one, "s", "a", "") // it came to nothing, and the next may try
	everything := make([]byte, 256)
	for i := range everything {
		everything[i] = byte(i)
	}
	page := string(bytes.Repeat(everything, 200)) // 50 KB
	begin(t, one, "s", "a")([]byte(page))
	look(t, other, "s", "a", page)
	begin(t, one, "other", "b")([]byte("two"))
	begin(t, other, "s", "c")([]byte("three"))
	look(t, one, "s", "a", "") // its group has gone on
	look(t, other, "other", "b", "two")
	underWay := begin(t, one, "s", "d")
	other.Forget(t.Context(), "s", "nobody")
	look(t, one, "s", "c", "")
	look(t, other, "other", "b", "two")
	if _, first := other.Begin(t.Context(), "s", "d"); first {
		t.Error("what is under way is forgotten")
	}
	underWay([]byte("four"))
	look(t, other, "s", "d", "four")
}

// outcomesWaited: who comes while the first is under way, here or there, gets what it comes to, or
// gives up when its time is over.
func outcomesWaited(t *testing.T, one, other limit.Store) {
	end := begin(t, one, "s", "a")
	for _, s := range []limit.Store{one, other} {
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error)
		go func() {
			_, _, err := s.Look(ctx, "s", "a")
			gaveUp <- err
		}()
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("no time left: %v", err)
		}
	}
	got := make(chan string)
	for _, s := range []limit.Store{one, other} {
		go func() {
			value, _, _ := s.Look(t.Context(), "s", "a")
			got <- string(value)
		}()
	}
	end([]byte("done"))
	for range 2 {
		if value := <-got; value != "done" {
			t.Errorf("who waited got %q", value)
		}
	}
}

// outcomesBounded: only so many wait for the same.
func outcomesBounded(t *testing.T, one, other limit.Store) {
	end := begin(t, one, "s", "a")
	for _, s := range []limit.Store{one, other} {
		errs := make(chan error, 2*limit.MaxWaiting)
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 * limit.MaxWaiting {
			go func() {
				_, _, err := s.Look(ctx, "s", "a")
				errs <- err
			}()
		}
		for range limit.MaxWaiting {
			if err := <-errs; !errors.Is(err, limit.ErrBusy) {
				t.Errorf("beyond the most: %v", err)
			}
		}
		cancel()
		for range limit.MaxWaiting {
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("who waits: %v", err)
			}
		}
	}
	end(nil)
	look(t, other, "s", "a", "")
}

func oneIsFirst(t *testing.T, one, other limit.Store) {
	var wg sync.WaitGroup
	var first atomic.Int64
	for i := range 40 {
		wg.Go(func() {
			if _, ok := []limit.Store{one, other}[i%2].Begin(t.Context(), "s", "a"); ok {
				first.Add(1)
			}
		})
	}
	wg.Wait()
	if first.Load() != 1 {
		t.Errorf("%d are first", first.Load())
	}
}

func found(t *testing.T, s limit.Store, key, want string) {
	t.Helper()
	got, ok := s.Get(t.Context(), key)
	if ok != (want != "") || string(got) != want {
		t.Errorf("%s is %.20q, %v, want %.20q", key, got, ok, want)
	}
}

func values(t *testing.T, one, other limit.Store) {
	ctx := t.Context()
	found(t, one, "a", "")
	one.Put(ctx, "a", []byte("first"), time.Hour)
	found(t, one, "a", "first")
	found(t, other, "a", "first")
	found(t, other, "b", "")
	other.Put(ctx, "a", []byte("second"), time.Hour)
	found(t, one, "a", "second")
	other.Remove(ctx, "a")
	other.Remove(ctx, "nothing")
	found(t, one, "a", "")
	found(t, other, "a", "")
	one.Put(ctx, "none", []byte("x"), 0)
	found(t, one, "none", "")
	query := string(bytes.Repeat([]byte{0, 255, '\n', 'a'}, 4<<10)) // as long as a request's head
	one.Put(ctx, "long", []byte(query), time.Hour)
	found(t, other, "long", query)
}

func valuesEnd(t *testing.T, one, other limit.Store) {
	one.Put(t.Context(), "short", []byte("x"), 150*time.Millisecond)
	one.Put(t.Context(), "long", []byte("y"), time.Hour)
	await(t, "the value ends", func() bool {
		_, here := one.Get(t.Context(), "short")
		_, there := other.Get(t.Context(), "short")
		return !here && !there
	})
	found(t, other, "long", "y")
}
