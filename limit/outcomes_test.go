package limit

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"
)

func begin(t *testing.T, o *outcomes, group, key string) func([]byte) {
	t.Helper()
	end, first := o.Begin(t.Context(), group, key)
	if !first {
		t.Fatalf("%s has begun already", key)
	}
	return end
}

func look(t *testing.T, o *outcomes, group, key, want string) {
	t.Helper()
	value, ok, err := o.Look(t.Context(), group, key)
	if err != nil || ok != (want != "") || string(value) != want {
		t.Errorf("%s came to %q, %v, %v, want %q", key, value, ok, err, want)
	}
}

// TestOutcomes: what is kept, how often it is given, how long, and what ends it.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := NewMemory(MemoryConfig{Now: func() time.Time { return now }})
	o := &m.outcomes
	look(t, o, "s", "a", "")
	begin(t, o, "s", "a")([]byte("done"))
	look(t, o, "other", "a", "")
	look(t, o, "s", "a", "done")
	look(t, o, "s", "a", "done")
	look(t, o, "s", "a", "") // twice is enough
	begin(t, o, "s", "a")(nil)
	look(t, o, "s", "a", "") // it came to nothing
	begin(t, o, "s", "a")([]byte("done"))
	now = now.Add(OutcomeLife)
	look(t, o, "s", "a", "")
	begin(t, o, "s", "a")([]byte("one"))
	begin(t, o, "other", "b")([]byte("two"))
	begin(t, o, "s", "c")([]byte("three"))
	look(t, o, "s", "a", "") // the session has gone on
	look(t, o, "other", "b", "two")
	m.Forget(t.Context(), "s", "nobody")
	look(t, o, "s", "c", "")
	look(t, o, "other", "b", "two")
	now = now.Add(OutcomeLife)
	look(t, o, "other", "b", "")
	if len(o.known) != 0 || len(o.groups) != 0 || len(o.order) != 0 || o.bytes != 0 {
		t.Errorf("%d outcomes, %d groups, %d in order and %d bytes are left", len(o.known), len(o.groups), len(o.order), o.bytes)
	}
}

// TestWaiting: who comes while the first is under way waits for it, as long as there is time, and
// not too many of them.
func TestWaiting(t *testing.T) {
	t.Parallel()
	m := NewMemory(MemoryConfig{})
	o := &m.outcomes
	end := begin(t, o, "s", "a")
	if _, first := o.Begin(t.Context(), "s", "a"); first {
		t.Error("two are first")
	}
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() {
		_, _, err := o.Look(ctx, "s", "a")
		gaveUp <- err
	}()
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("no time left: %v", err)
	}
	var wg sync.WaitGroup
	got := make(chan string, 2*MaxWaiting)
	busy := make(chan error, 2*MaxWaiting)
	for range 2 * MaxWaiting {
		wg.Go(func() {
			value, _, err := o.Look(t.Context(), "s", "a")
			if err != nil {
				busy <- err
				return
			}
			got <- string(value)
		})
	}
	for range MaxWaiting {
		if err := <-busy; !errors.Is(err, ErrBusy) {
			t.Errorf("beyond the most: %v", err)
		}
	}
	end([]byte("done"))
	wg.Wait()
	close(got)
	done := 0
	for value := range got {
		if value == "done" {
			done++
		}
	}
	if done != OutcomeReads {
		t.Errorf("%d were given it, want %d", done, OutcomeReads)
	}
}

// TestBounds: beyond the bounds nothing is kept, and what is kept stays.
func TestBounds(t *testing.T) {
	t.Parallel()
	m := NewMemory(MemoryConfig{})
	o := &m.outcomes
	big := make([]byte, maxOutcomeBytes/4)
	for i := range 6 {
		begin(t, o, "s"+strconv.Itoa(i), "a")(big)
	}
	for i := range 6 {
		if _, ok, _ := o.Look(t.Context(), "s"+strconv.Itoa(i), "a"); ok != (i < 4) {
			t.Errorf("%d is kept: %v", i, ok)
		}
	}
}

// TestManyOutcomes: also of small ones there are only so many at a time.
func TestManyOutcomes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := NewMemory(MemoryConfig{Now: func() time.Time { return now }})
	o := &m.outcomes
	for i := range maxOutcomes + 5 {
		begin(t, o, strconv.Itoa(i), "a")([]byte("x"))
	}
	if len(o.known) != maxOutcomes || len(o.order) != maxOutcomes {
		t.Errorf("%d are kept, %d in order, want %d", len(o.known), len(o.order), maxOutcomes)
	}
	now = now.Add(OutcomeLife)
	begin(t, o, "s", "a")([]byte("done"))
	look(t, o, "s", "a", "done") // there is room again
}
