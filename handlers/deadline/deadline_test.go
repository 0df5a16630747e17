package deadline

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"
)

type keyOfTest struct{}

// over waits until a context is done, which is at once or within milliseconds.
func over(t *testing.T, of context.Context) {
	t.Helper()
	select {
	case <-of.Done():
	case <-time.After(10 * time.Second):
		t.Error("a context that should be done is not, after ten seconds")
	}
}

// TestDeadline: it is as context.WithDeadline's, for whoever looks at it first.
func TestDeadline(t *testing.T) {
	t.Parallel()
	parent, stop := context.WithCancel(context.WithValue(t.Context(), keyOfTest{}, "value"))
	defer stop()
	in := func(d time.Duration) *Context { return New(parent, time.Now().Add(d)) }

	d := in(time.Hour)
	if at, ok := d.Deadline(); !ok || at != d.at || d.Err() != nil || d.Value(keyOfTest{}) != "value" {
		t.Errorf("it ends at %v, %t, with %v", at, ok, d.Err())
	}
	before := runtime.NumGoroutine()
	child, cancel := context.WithCancel(d)
	defer cancel()
	if after := runtime.NumGoroutine(); after > before+8 { // other tests run too
		t.Errorf("%d goroutines after, %d before", after, before)
	}
	d.End()
	if !errors.Is(child.Err(), context.Canceled) || !errors.Is(d.Err(), context.Canceled) {
		t.Errorf("after its end: %v, %v", d.Err(), child.Err())
	}

	d = in(time.Millisecond)
	over(t, d)
	if !errors.Is(d.Err(), context.DeadlineExceeded) {
		t.Errorf("after its time: %v", d.Err())
	}

	d = in(time.Hour)
	d.End()
	over(t, d)
	if !errors.Is(d.Err(), context.Canceled) {
		t.Errorf("asked after its end: %v", d.Err())
	}
	if later := context.WithoutCancel(d); later.Value(keyOfTest{}) != "value" {
		t.Error("what goes on after its end has lost its values")
	}

	d = in(time.Hour)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { over(t, d) })
	}
	stop()
	all.Wait()
	if !errors.Is(d.Err(), context.Canceled) {
		t.Errorf("after its parent's end: %v", d.Err())
	}
}

// TestWithin: less time is less, more is no more, and neither outlives the request or what it is of.
func TestWithin(t *testing.T) {
	t.Parallel()
	parent, stop := context.WithCancel(context.WithValue(t.Context(), keyOfTest{}, "value"))
	defer stop()

	d := New(parent, time.Now().Add(time.Hour))
	short, cancel := d.Within(time.Millisecond)
	defer cancel()
	if d.made.Load() != nil || short.Value(keyOfTest{}) != "value" {
		t.Error("less time has made the request's own timer, or lost its values")
	}
	over(t, short)
	if !errors.Is(short.Err(), context.DeadlineExceeded) || d.Err() != nil {
		t.Errorf("after less time: %v, the request %v", short.Err(), d.Err())
	}
	beside, cancel := d.Within(time.Minute) // the request's timer is there now
	defer cancel()
	d.End()
	if !errors.Is(beside.Err(), context.Canceled) {
		t.Errorf("after the request's end: %v", beside.Err())
	}
	after, cancel := d.Within(time.Minute)
	defer cancel()
	if !errors.Is(after.Err(), context.Canceled) {
		t.Errorf("made after the request's end: %v", after.Err())
	}

	d = New(parent, time.Now().Add(time.Millisecond))
	long, cancel := d.Within(time.Hour)
	defer cancel()
	over(t, long)
	if !errors.Is(long.Err(), context.DeadlineExceeded) {
		t.Errorf("more time: %v", long.Err())
	}

	d = New(parent, time.Now().Add(time.Hour))
	short, cancel = d.Within(time.Minute)
	defer cancel()
	stop()
	if !errors.Is(short.Err(), context.Canceled) {
		t.Errorf("after the end of what the request is of: %v", short.Err())
	}
}
