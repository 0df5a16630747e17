package repeat

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"
)

func begin(t *testing.T, o *Outcomes, key string) func([]byte, ...string) {
	t.Helper()
	end, first := o.Begin(key)
	if !first {
		t.Fatalf("%s has begun already", key)
	}
	return end
}

func look(t *testing.T, o *Outcomes, key, want string) {
	t.Helper()
	value, ok, err := o.Look(t.Context(), key)
	if err != nil || ok != (want != "") || string(value) != want {
		t.Errorf("%s came to %q, %v, %v, want %q", key, value, ok, err, want)
	}
}

// TestOutcomes: what is kept, how often it is given, how long, and what ends it.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	o := New(func() time.Time { return now })
	look(t, o, "a", "")
	begin(t, o, "a")([]byte("done"), "s")
	look(t, o, "a", "done")
	look(t, o, "a", "done")
	look(t, o, "a", "") // twice is enough
	begin(t, o, "a")(nil, "s")
	look(t, o, "a", "") // it came to nothing
	begin(t, o, "a")([]byte("done"), "s", "s2")
	now = now.Add(life)
	look(t, o, "a", "")
	begin(t, o, "a")([]byte("one"), "s", "s2")
	begin(t, o, "b")([]byte("two"), "other")
	begin(t, o, "c")([]byte("three"), "s2")
	look(t, o, "a", "") // the session has gone on
	look(t, o, "b", "two")
	o.Forget("s2", "nobody")
	look(t, o, "c", "")
	look(t, o, "b", "two")
	now = now.Add(life)
	look(t, o, "b", "")
	if len(o.known) != 0 || len(o.groups) != 0 || len(o.order) != 0 || o.bytes != 0 {
		t.Errorf("%d outcomes, %d groups, %d in order and %d bytes are left", len(o.known), len(o.groups), len(o.order), o.bytes)
	}
}

// TestWaiting: who comes while the first is under way waits for it, as long as there is time, and
// not too many of them.
func TestWaiting(t *testing.T) {
	t.Parallel()
	o := New(time.Now)
	end := begin(t, o, "a")
	if _, first := o.Begin("a"); first {
		t.Error("two are first")
	}
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() {
		_, _, err := o.Look(ctx, "a")
		gaveUp <- err
	}()
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("no time left: %v", err)
	}
	var wg sync.WaitGroup
	got := make(chan string, 2*maxWaiting)
	busy := make(chan error, 2*maxWaiting)
	for range 2 * maxWaiting {
		wg.Go(func() {
			value, _, err := o.Look(t.Context(), "a")
			if err != nil {
				busy <- err
				return
			}
			got <- string(value)
		})
	}
	for range maxWaiting {
		if err := <-busy; !errors.Is(err, ErrBusy) {
			t.Errorf("beyond the most: %v", err)
		}
	}
	end([]byte("done"), "s")
	wg.Wait()
	close(got)
	done := 0
	for value := range got {
		if value == "done" {
			done++
		}
	}
	if done != reads {
		t.Errorf("%d were given it, want %d", done, reads)
	}
}

// TestBounds: beyond the bounds nothing is kept, and what is kept stays.
func TestBounds(t *testing.T) {
	t.Parallel()
	o := New(time.Now)
	big := make([]byte, maxBytes/4)
	for i := range 6 {
		begin(t, o, strconv.Itoa(i))(big, "s"+strconv.Itoa(i))
	}
	for i := range 6 {
		if _, ok, _ := o.Look(t.Context(), strconv.Itoa(i)); ok != (i < 4) {
			t.Errorf("%d is kept: %v", i, ok)
		}
	}
}
