package limit

import (
	"container/heap"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sync"
	"time"
)

const (
	defaultMaxKeys = 200_000
	maxShards      = 16
	minShardKeys   = 256 // a shard smaller than this would forget by bad luck of the hash
)

// MemoryConfig is what [NewMemory] needs to know. Its zero value will do.
type MemoryConfig struct {
	Now     func() time.Time // time.Now when nil
	MaxKeys int              // how many keys the counters hold, and how many each list; 200,000 when 0
}

// Memory is a [Store] in the memory of this process, for any number of goroutines.
// It starts none itself: what has expired is cleared in passing.
//
// Keys are phone numbers, addresses, session ids; they are kept only as keyed hashes, so that a
// heap profile or a core file lists none of them. (The hashing key lies in the same memory: whoever
// holds a whole dump can still test a guess.)
//
// It holds at most MaxKeys counters and as many marks on each list, whatever strangers send. A full
// counter store forgets first what has expired, then what was used least recently, so a limit
// somebody is running into now is the last to be forgotten. A full list forgets what would expire
// soonest.
//
// Nothing but Look fails on account of the context, which is there for stores that are further away.
type Memory struct {
	now   func() time.Time
	start time.Time
	// hashKey is the secret prefix of every hash. A plain prefix is a sound MAC here, as no hash
	// ever leaves the process and so there is nothing to extend.
	hashKey [32]byte

	shards          []shard
	replaced, ended marks
	outcomes
	values
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty Memory.
func NewMemory(c MemoryConfig) *Memory {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.MaxKeys <= 0 {
		c.MaxKeys = defaultMaxKeys
	}
	n := maxShards
	for n > 1 && c.MaxKeys/n < minShardKeys {
		n /= 2
	}
	m := &Memory{now: c.Now, start: c.Now(), shards: make([]shard, n)}
	rand.Read(m.hashKey[:])
	for i := range m.shards {
		s := &m.shards[i]
		s.max, s.counters = c.MaxKeys/n, map[hash]*counter{}
		s.recent.next, s.recent.prev = &s.recent, &s.recent
	}
	m.replaced = marks{max: c.MaxKeys, byHash: map[hash]*deadline{}}
	m.ended = marks{max: c.MaxKeys, byHash: map[hash]*deadline{}}
	m.outcomes = newOutcomes(c.Now)
	m.values = newValues(c.Now)
	return m
}

// clock is the time since start in nanoseconds. Differences of readings use the monotonic clock, so
// that setting the wall clock neither frees nor locks anybody.
func (m *Memory) clock() int64 { return int64(m.now().Sub(m.start)) }

type hash [16]byte

// hash hashes the text under the secret of m; prefix tells apart what the text is a key of.
func (m *Memory) hash(prefix []byte, name, text string) hash {
	buf := make([]byte, 0, 256) // on the stack for all but odd keys
	buf = append(buf, m.hashKey[:]...)
	buf = append(buf, prefix...)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(name)))
	buf = append(buf, name...)
	buf = append(buf, text...)
	sum := sha256.Sum256(buf)
	return hash(sum[:16])
}

// A shard is a part of the counters under a lock of its own.
type shard struct {
	mu       sync.Mutex
	max      int
	counters map[hash]*counter
	recent   counter // of no key: the ring of all begins with it, the most recently used first
	expiry   deadlines
}

// A counter is what one key has counted under one rule. Which of stamps and tat is used depends on
// the rule, which is part of the hash.
type counter struct {
	deadline
	next, prev *counter // in recent

	// stamps are the times of the events that still count, oldest first: the exact window.
	stamps []int64
	// tat is when the bucket is full again, the "theoretical arrival time" of the generic cell rate
	// algorithm, which needs one number where tokens and their date are two.
	tat int64
}

func (m *Memory) shard(r Rule, key string) (*shard, hash) {
	var prefix [25]byte
	prefix[0] = 'c'
	binary.BigEndian.PutUint64(prefix[1:], uint64(r.N))
	binary.BigEndian.PutUint64(prefix[9:], uint64(r.Per))
	binary.BigEndian.PutUint64(prefix[17:], uint64(r.Burst))
	h := m.hash(prefix[:], r.Name, key)
	return &m.shards[int(h[0])%len(m.shards)], h
}

// Take implements [Counter].
func (m *Memory) Take(_ context.Context, r Rule, key string) (Decision, error) {
	if err := r.Validate(); err != nil {
		return Decision{}, err
	}
	s, h := m.shard(r, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := m.clock() // under the lock: stamps are in order
	c := s.find(h)
	d := c.decide(r, now)
	if !d.OK {
		return d, nil
	}
	if c == nil {
		c = s.add(h, now)
	}
	if r.Burst > 0 {
		c.tat = max(c.tat, now) + r.Interval()
	} else {
		c.stamps = append(c.stamps, now)
	}
	s.expireAt(c, c.expires(r))
	return d, nil
}

// Peek implements [Counter].
func (m *Memory) Peek(_ context.Context, r Rule, key string) (Decision, error) {
	if err := r.Validate(); err != nil {
		return Decision{}, err
	}
	s, h := m.shard(r, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(h).decide(r, m.clock()), nil
}

// Refund implements [Counter].
func (m *Memory) Refund(_ context.Context, r Rule, key string) error {
	if err := r.Validate(); err != nil {
		return err
	}
	s, h := m.shard(r, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(h)
	if c == nil {
		return nil
	}
	if r.Burst > 0 {
		c.tat -= r.Interval()
	} else if n := len(c.stamps); n > 0 {
		c.stamps = c.stamps[:n-1]
	}
	if e := c.expires(r); e > m.clock() {
		s.expireAt(c, e)
	} else {
		s.remove(c)
	}
	return nil
}

// decide answers for the counter, nil being one that has counted nothing. It drops the stamps that
// no longer matter.
func (c *counter) decide(r Rule, now int64) Decision {
	if c == nil {
		return Decision{OK: true}
	}
	if r.Burst > 0 {
		wait := c.tat - int64(r.Burst-1)*r.Interval() - now
		if wait > 0 {
			return Decision{RetryAfter: time.Duration(wait)}
		}
		return Decision{OK: true}
	}
	old := 0
	for old < len(c.stamps) && now-c.stamps[old] >= int64(r.Per) {
		old++
	}
	c.stamps = append(c.stamps[:0], c.stamps[old:]...)
	if len(c.stamps) < r.N {
		return Decision{OK: true}
	}
	return Decision{RetryAfter: time.Duration(c.stamps[0] + int64(r.Per) - now)}
}

// expires is the time from which on the counter says the same as none.
func (c *counter) expires(r Rule) int64 {
	switch n := len(c.stamps); {
	case r.Burst > 0:
		return c.tat
	case n > 0:
		return c.stamps[n-1] + int64(r.Per)
	}
	return math.MinInt64
}

func (c *counter) linkAfter(other *counter) {
	c.prev, c.next = other, other.next
	c.prev.next, c.next.prev = c, c
}

func (c *counter) unlink() { c.prev.next, c.next.prev = c.next, c.prev }

// find returns the counter, now the most recently used, or nil.
func (s *shard) find(h hash) *counter {
	c := s.counters[h]
	if c != nil {
		c.unlink()
		c.linkAfter(&s.recent)
	}
	return c
}

// add makes a new counter, and room for it.
func (s *shard) add(h hash, now int64) *counter {
	// Two at a time, more than are ever added: so what has expired goes even if the store never
	// fills.
	for range 2 {
		if len(s.expiry) > 0 && s.expiry[0].at <= now {
			s.remove(s.counters[s.expiry[0].hash])
		}
	}
	for len(s.counters) >= s.max {
		s.remove(s.recent.prev)
	}
	c := &counter{deadline: deadline{hash: h, at: math.MaxInt64}}
	c.linkAfter(&s.recent)
	s.counters[h] = c
	heap.Push(&s.expiry, &c.deadline)
	return c
}

func (s *shard) expireAt(c *counter, at int64) {
	c.at = at
	heap.Fix(&s.expiry, c.index)
}

func (s *shard) remove(c *counter) {
	delete(s.counters, c.hash)
	c.unlink()
	heap.Remove(&s.expiry, c.index)
}

// marks is one of the lists. It has one lock, for it must find the soonest to expire of all; most
// calls ask only whether a session was ended, and those share the lock.
type marks struct {
	mu     sync.RWMutex
	max    int
	byHash map[hash]*deadline
	expiry deadlines
}

// Deny implements [DenyList].
func (m *Memory) Deny(_ context.Context, id string, ended bool, ttl time.Duration) error {
	h := m.hash([]byte{'s'}, "", id)
	if ended {
		m.ended.add(h, m.clock, ttl)
	} else {
		m.replaced.add(h, m.clock, ttl)
	}
	return nil
}

// Denied implements [DenyList]. What this process has marked it knows; of what one before it has
// marked it knows as little as of anybody.
func (m *Memory) Denied(_ context.Context, id string, _ time.Time) (denied, sure bool) {
	h := m.hash([]byte{'s'}, "", id)
	return m.ended.has(h, m.clock) || m.replaced.has(h, m.clock), true
}

func (s *marks) add(h hash, clock func() int64, ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := clock()
	at := now + int64(ttl)
	if at < now && ttl > 0 {
		at = math.MaxInt64
	}
	if at <= now {
		return
	}
	if d := s.byHash[h]; d != nil {
		if at > d.at {
			d.at = at
			heap.Fix(&s.expiry, d.index)
		}
		return
	}
	for range 2 {
		if len(s.expiry) > 0 && s.expiry[0].at <= now {
			s.removeFirst()
		}
	}
	for len(s.byHash) >= s.max {
		s.removeFirst()
	}
	d := &deadline{hash: h, at: at}
	s.byHash[h] = d
	heap.Push(&s.expiry, d)
}

func (s *marks) has(h hash, clock func() int64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.byHash[h]
	return d != nil && clock() < d.at
}

func (s *marks) removeFirst() {
	d := heap.Pop(&s.expiry).(*deadline)
	delete(s.byHash, d.hash)
}

// A deadline says when the entry of a hash may be forgotten.
type deadline struct {
	hash  hash
	at    int64
	index int // in deadlines
}

// deadlines is a [heap.Interface]: the soonest is first.
type deadlines []*deadline

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].at < d[j].at }

func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

func (d *deadlines) Push(x any) {
	e := x.(*deadline)
	e.index = len(*d)
	*d = append(*d, e)
}

func (d *deadlines) Pop() any {
	last := len(*d) - 1
	e := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return e
}
