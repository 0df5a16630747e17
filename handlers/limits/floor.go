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
// So such an answer leaves no sooner than the floor after its request came; one that took longer
// leaves at the next multiple. The floor follows TCB: it is the time within which 99 of 100 calls
// of the kind were done, at least its least and at most maxFloor.
//
// Two things would let a stranger lower it, to see what is above. Requests for which TCB was not
// called are quick, so calls alone are measured. And there may be many calls that TCB is quick to
// refuse, so each outcome is measured for itself, the slowest one decides, and what it came to is
// held for hours.
//
// Waiting takes memory. A request has its place before TCB is called, so that none finds afterwards
// that its code was sent and there is no room for the answer; a network has a share of the places.
type Floor struct {
	least time.Duration
	Clock func() time.Time // the real one: what it measures is this process

	mu    sync.Mutex
	calls map[string]map[string]*durations // by kind, then by TCB's answer
	taken map[string]int                   // places, by network or block; all of them under ""
}

const (
	// defaultFloor is for settings that name none.
	defaultFloor = 300 * time.Millisecond
	maxFloor     = 2 * time.Second
	// floorMemory is how long a floor stays at what it has come to.
	floorMemory = 6 * time.Hour
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
)

func NewFloor(least time.Duration) *Floor {
	if least <= 0 {
		least = defaultFloor
	}
	return &Floor{least: least, Clock: time.Now, calls: map[string]map[string]*durations{}, taken: map[string]int{}}
}

// durations are the last ones of calls with one outcome, the oldest overwritten first.
type durations struct {
	kept [256]time.Duration
	n    int
	last time.Time
	peak time.Duration // the highest p99 of enough calls, since or at peakAt
	at   time.Time     // when peak was last reached
}

func (d *durations) add(took time.Duration, now time.Time) {
	if now.Sub(d.last) > floorMemory {
		*d = durations{}
	}
	d.kept[d.n%len(d.kept)] = took
	d.n++
	d.last = now
	// Of fewer than a hundred the p99 is the slowest one, which may have been an accident: it
	// counts for as long as it is among the kept.
	if p := d.p99(); d.n >= 100 && (p >= d.peak || now.Sub(d.at) > floorMemory) {
		d.peak, d.at = p, now
	}
}

// p99 is the time that one in a hundred exceeds.
func (d *durations) p99() time.Duration {
	sorted := slices.Clone(d.kept[:min(d.n, len(d.kept))])
	slices.Sort(sorted)
	return sorted[int(math.Ceil(0.99*float64(len(sorted))))-1]
}

// Note adds how long the calls of a request took, and what TCB answered.
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
	d.add(took, f.Clock())
}

// level is the floor of a kind.
func (f *Floor) level(kind string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var slowest time.Duration
	now := f.Clock()
	for _, d := range f.calls[kind] {
		if now.Sub(d.last) > floorMemory {
			continue
		}
		slowest = max(slowest, d.p99())
		if now.Sub(d.at) <= floorMemory {
			slowest = max(slowest, d.peak)
		}
	}
	// In steps of the least, so that what follows the load does not tell it finely, and a call that
	// takes a little longer than its kind is not already beyond.
	level := slowest + f.least/4
	level = (level + f.least - 1) / f.least * f.least
	return min(max(level, f.least), max(maxFloor, f.least))
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

// Wait is how long an answer of the kind has to wait that has taken so long already.
func (f *Floor) Wait(kind string, took time.Duration) time.Duration {
	level := f.level(kind)
	return level - took%level
}

// ErrBusy is the answer where too many wait. It is the same for everybody, and nothing was called.
var ErrBusy = errors.New("too many requests wait")

// BusyWait is after how long it is worth another try.
const BusyWait = 5 * time.Second
