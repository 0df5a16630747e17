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
	<-d.Done()
	if !errors.Is(d.Err(), context.DeadlineExceeded) {
		t.Errorf("after its time: %v", d.Err())
	}

	d = in(time.Hour)
	d.End()
	<-d.Done()
	if !errors.Is(d.Err(), context.Canceled) {
		t.Errorf("asked after its end: %v", d.Err())
	}
	if later := context.WithoutCancel(d); later.Value(keyOfTest{}) != "value" {
		t.Error("what goes on after its end has lost its values")
	}

	d = in(time.Hour)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { <-d.Done() })
	}
	stop()
	all.Wait()
	if !errors.Is(d.Err(), context.Canceled) {
		t.Errorf("after its parent's end: %v", d.Err())
	}
}
