package handlers

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// A floor keeps answers that must look alike from telling by their time. TCB is faster to say that
// it does not know an account or a verification_id than to hash a password or to look at a code.
// So such an answer leaves no sooner than the floor after its request came; one that took longer
// leaves at the next multiple. The floor follows the calls: it is the time within which 99 of 100
// of the last ones were done, at least its least and at most maxFloor.
type floor struct {
	least   time.Duration
	clock   func() time.Time // the real one: what it measures is this process
	waiting chan struct{}    // one place for each request that waits

	mu    sync.Mutex
	calls map[string]*durations
}

const (
	// defaultFloor is for settings that name none.
	defaultFloor = 300 * time.Millisecond
	maxFloor     = 2 * time.Second
	// maxWaiting bounds what waiting costs in memory, to about 30 MB: each keeps its connection's buffers.
	maxWaiting = 1024
)

// Calls whose answers have a floor, by what they are about.
const (
	floorPassword = "password"
	floorSend     = "send"
	floorCode     = "code"
)

func newFloor(least time.Duration) *floor {
	if least <= 0 {
		least = defaultFloor
	}
	return &floor{least: least, clock: time.Now, waiting: make(chan struct{}, maxWaiting), calls: map[string]*durations{}}
}

// durations are the last ones of a call, the oldest overwritten first.
type durations struct {
	kept [256]time.Duration
	n    int
}

func (d *durations) add(took time.Duration) {
	d.kept[d.n%len(d.kept)] = took
	d.n++
}

// p99 is the time that one in a hundred exceeds.
func (d *durations) p99() time.Duration {
	sorted := slices.Clone(d.kept[:min(d.n, len(d.kept))])
	slices.Sort(sorted)
	return sorted[int(math.Ceil(0.99*float64(len(sorted))))-1]
}

// note adds how long a call took and returns the floor of its kind.
func (f *floor) note(call string, took time.Duration) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.calls[call]
	if d == nil {
		d = &durations{}
		f.calls[call] = d
	}
	d.add(took)
	// In steps of the least, so that what follows the load does not tell it finely, and a call that
	// takes a little longer than its kind is not already beyond.
	level := d.p99() + f.least/4
	level = (level + f.least - 1) / f.least * f.least
	return min(max(level, f.least), max(maxFloor, f.least))
}

// hold waits until an answer of the kind may leave. It reports false where too many wait already.
func (f *floor) hold(call string, arrived time.Time) bool {
	took := f.clock().Sub(arrived)
	level := f.note(call, took)
	wait := level - took%level
	select {
	case f.waiting <- struct{}{}:
		defer func() { <-f.waiting }()
	default:
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	<-timer.C
	return true
}

// errBusy is the answer where too many wait; it is the same for everybody.
var errBusy = &problem{status: fiber.StatusServiceUnavailable, title: "error.title_unavailable", lead: "error.unavailable"}

// alike notes that the answer of the request must look like others of its kind, so that it has the
// kind's floor. The one that lets somebody in need not: it tells by itself.
func alike(c *fiber.Ctx, call string) { traceOf(c).floor = call }

// settle lets the answer leave when its floor is reached.
func (h *Handler) settle(c *fiber.Ctx, t *trace) error {
	if t.floor == "" || h.floor.hold(t.floor, t.arrived) {
		return nil
	}
	c.Set(fiber.HeaderRetryAfter, "5")
	return h.handleError(c, errBusy)
}
