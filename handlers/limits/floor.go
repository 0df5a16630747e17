package limits

import (
	"errors"
	"math"
	"slices"
	"sync"
	"time"
)

// A Floor keeps answers that must look alike from telling by their time. TCB is faster to say that
// it does not know an account or a verification_id than to hash a password or to look at a code.
// So such an answer leaves no sooner than the floor after TCB was first called; one that took
// longer leaves at the next multiple. The floor follows TCB: it is the time within which 99 of 100
// calls of the kind were done, at least its least and at most maxFloor.
//
// Some things would let a stranger lower it, to see what is above. Requests for which TCB was not
// called are quick, so calls alone are measured. There may be many calls that TCB is quick to
// refuse, so each outcome is measured for itself, and the slowest one decides. And there may be
// nobody else for a while, so what a floor has come to neither falls in silence nor all at once. How
// slow TCB is with what it knows is not known at first: until it has been right a few times, the
// floor is coldSteps times its least.
//
// Waiting takes memory. A request has its place before TCB is called, so that none finds afterwards
// that its code was sent and there is no room for the answer; a network has a share of the places.
type Floor struct {
	least time.Duration
	Clock func() time.Time // the real one but in tests: what it measures is this process

	mu    sync.Mutex
	calls map[string]map[string]*durations // by kind, then by TCB's answer
	taken map[string]int                   // places, by network or block; all of them under ""
}

const (
	// defaultFloor is for settings that name none.
	defaultFloor = 300 * time.Millisecond
	maxFloor     = 2 * time.Second
	// floorMemory is how long a floor stays at what it has come to, before it falls by one step.
	floorMemory = 6 * time.Hour
	// coldSteps and warmAfter: a floor begins at so many times its least, and leaves that after so
	// many calls that went well, which nobody brings about without an account.
	coldSteps = 3
	warmAfter = 10
	// slowTimes is how many calls almost as slow as the slowest show that it was no accident.
	slowTimes = 3
	// maxWaiting bounds what waiting costs in memory, to about 30 MB: each keeps its connection's
	// buffers.
	maxWaiting = 1024
	// maxWaitingNetwork is a network's share: at the least floor a hundred wrong passwords a
	// second. A block of IPv6 networks has its share times what it has of other limits.
	maxWaitingNetwork = 32
)

// Kinds of calls whose answers have a floor.
const (
	FloorPassword = "password"
	FloorSend     = "send"
	FloorCode     = "code"
	FloorChange   = "password change" // by the old one: two calls of TCB's
)

func NewFloor(least time.Duration) *Floor {
	if least <= 0 {
		least = defaultFloor
	}
	return &Floor{least: least, Clock: time.Now, calls: map[string]map[string]*durations{}, taken: map[string]int{}}
}

// durations are the last ones of calls with one outcome, the oldest overwritten first.
type durations struct {
	kept  [256]time.Duration
	n     int
	peak  time.Duration // what the floor of this outcome has come to
	at    time.Time     // when peak was last reached
	since int           // n at that time
	shown time.Duration // the highest that peak was, as far as it still counts
	times int           // how many calls have shown it, or almost
}

// add takes a call's time. One slow call raises the peak at once, so that the next does not tell;
// of many calls it takes one in a hundred.
func (d *durations) add(took, step time.Duration, now time.Time) {
	d.fall(step, now)
	d.kept[d.n%len(d.kept)] = took
	d.n++
	reached := took
	if d.n >= 100 {
		reached = d.upToP99(took)
	}
	switch {
	case reached*3/4 > d.shown:
		d.shown, d.times = reached, 1
	case took >= d.shown*3/4:
		d.shown = max(d.shown, reached)
		d.times++
	default:
		d.peak = max(d.peak, reached)
		return
	}
	d.peak, d.at, d.since = max(d.peak, reached), now, d.n
}

// fall lowers the peak by a step for each floorMemory in which nothing reached it. Silence says
// nothing: what several calls have shown stays until a hundred others have come. A single slow call
// was an accident, and is forgotten in silence too.
func (d *durations) fall(step time.Duration, now time.Time) {
	for d.peak > 0 && now.Sub(d.at) > floorMemory {
		known := d.times >= slowTimes
		if known && d.n-d.since < 100 {
			return
		}
		d.peak = max(d.peak-step, 0)
		d.at = d.at.Add(floorMemory)
		if known {
			d.shown = d.peak
		}
	}
}

// upToP99 is the smaller one of a time and p99, which most often needs no sorting to tell.
func (d *durations) upToP99(took time.Duration) time.Duration {
	kept := d.kept[:min(d.n, len(d.kept))]
	above := len(kept) - rank99(len(kept)) + 1 // times from p99 on
	for _, other := range kept {
		if other >= took {
			if above--; above == 0 {
				return took
			}
		}
	}
	return min(took, d.p99())
}

// rank99 is which of n sorted times is p99, counted from 1.
func rank99(n int) int { return int(math.Ceil(0.99 * float64(n))) }

// p99 is the time that one in a hundred exceeds.
func (d *durations) p99() time.Duration {
	sorted := slices.Clone(d.kept[:min(d.n, len(d.kept))])
	slices.Sort(sorted)
	return sorted[rank99(len(sorted))-1]
}

// Note adds how long the calls of a request took, and what TCB answered: "" where it did what it was
// asked.
func (f *Floor) Note(kind, outcome string, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls[kind] == nil {
		f.calls[kind] = map[string]*durations{}
	}
	d := f.calls[kind][outcome]
	if d == nil {
		d = &durations{}
		f.calls[kind][outcome] = d
	}
	d.add(took, f.least, f.Clock())
}

// level is the floor of a kind.
func (f *Floor) level(kind string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var slowest time.Duration
	now := f.Clock()
	for _, d := range f.calls[kind] {
		d.fall(f.least, now)
		slowest = max(slowest, d.peak)
	}
	cold := f.least
	if right := f.calls[kind][""]; right == nil || right.n < warmAfter {
		cold *= coldSteps
	}
	// In steps of the least, so that what follows the load does not tell it finely, and a call that
	// takes a little longer than its kind is not already beyond.
	level := slowest + f.least/4
	level = (level + f.least - 1) / f.least * f.least
	return min(max(level, cold), max(maxFloor, f.least))
}

// Enter takes a place for a request of a network, until leave is called.
func (f *Floor) Enter(n Network) (leave func(), ok bool) {
	from := n.shares()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range from {
		if f.taken[s.key] >= s.most {
			return nil, false
		}
	}
	for _, s := range from {
		f.taken[s.key]++
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, s := range from {
			if f.taken[s.key]--; f.taken[s.key] <= 0 {
				delete(f.taken, s.key)
			}
		}
	}, true
}

// A share is how many places one network, or block of networks, has at most.
type share struct {
	key  string
	most int
}

func (n Network) shares() []share {
	shares := []share{{"", maxWaiting}, {n.Key, maxWaitingNetwork}}
	for _, w := range n.wide {
		shares = append(shares, share{w.key, min(maxWaitingNetwork*w.times, maxWaiting/2)})
	}
	return shares
}

// Wait is how long an answer of the kind has to wait whose calls began so long ago.
func (f *Floor) Wait(kind string, took time.Duration) time.Duration {
	level := f.level(kind)
	return level - took%level
}

// ErrBusy is the answer where too many wait. It is the same for everybody, and nothing was called.
var ErrBusy = errors.New("too many requests wait")

// BusyWait is after how long it is worth another try.
const BusyWait = 5 * time.Second
