// Package deadline has a context that ends at a time, as that of context.WithDeadline, and is made when
// somebody asks for it: most requests wait for nothing, and a timer for each costs more than to read
// its session.
package deadline

import (
	"context"
	"sync/atomic"
	"time"
)

// Context ends at its time, at End, or with what it is made of.
type Context struct {
	context.Context // of which it is made
	at              time.Time
	made            atomic.Pointer[ending]
}

// New is for a request that may take until then.
func New(parent context.Context, at time.Time) *Context { return &Context{Context: parent, at: at} }

type ending struct {
	ctx    context.Context
	cancel context.CancelFunc
}

func (d *Context) ending() *ending {
	if e := d.made.Load(); e != nil {
		return e
	}
	ctx, cancel := context.WithDeadline(d.Context, d.at)
	if e := (&ending{ctx, cancel}); d.made.CompareAndSwap(nil, e) {
		return e
	}
	cancel() // another goroutine was first
	return d.made.Load()
}

// Within is context.WithTimeout for who ends it before the request's End, as a call does that waits for
// its answer. Where it ends sooner than the request may, it has the only timer: the request's own could
// only come after.
func (d *Context) Within(t time.Duration) (context.Context, context.CancelFunc) {
	at := time.Now().Add(t)
	if d.made.Load() == nil && at.Before(d.at) {
		return context.WithDeadline(d.Context, at)
	}
	return context.WithDeadline(d, at)
}

// End is the end of the request. Who asks only now has a context that has ended.
func (d *Context) End() {
	if d.made.CompareAndSwap(nil, ended) {
		return
	}
	d.made.Load().cancel()
}

// ended is what is left of a request that nobody waited in.
var ended = func() *ending {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return &ending{ctx, cancel}
}()

// Deadline implements context.Context.
func (d *Context) Deadline() (time.Time, bool) { return d.at, true }

// Done implements context.Context.
func (d *Context) Done() <-chan struct{} { return d.ending().ctx.Done() }

// Err implements context.Context.
func (d *Context) Err() error { return d.ending().ctx.Err() }

// Value implements context.Context. Package context finds by it that what is made of this one hangs
// on a context of its own kind.
func (d *Context) Value(key any) any {
	if e := d.made.Load(); e != nil && e != ended {
		return e.ctx.Value(key)
	}
	return d.Context.Value(key)
}
