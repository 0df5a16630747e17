package limit

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// maxValueBytes is how much all values and their keys take at most. Beyond it the oldest are
// forgotten.
const maxValueBytes = 8 << 20

// values are those of one process.
type values struct {
	now func() time.Time

	mu    sync.Mutex
	by    map[string]*value
	order []*value // oldest first
	size  int
}

type value struct {
	key   string
	bytes []byte
	until time.Time
	gone  bool // from by; its place in the order stays until it is the oldest
}

func newValues(now func() time.Time) values { return values{now: now, by: map[string]*value{}} }

// Put implements [Values].
func (v *values) Put(_ context.Context, key string, b []byte, ttl time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.remove(v.by[key])
	n := &value{key: key, bytes: bytes.Clone(b), until: v.now().Add(ttl)}
	v.by[key] = n
	v.order = append(v.order, n)
	v.size += len(n.key) + len(n.bytes)
	for len(v.order) > 0 {
		oldest := v.order[0]
		if !oldest.gone && v.size <= maxValueBytes && v.now().Before(oldest.until) {
			break
		}
		v.remove(oldest)
		v.order[0] = nil
		v.order = v.order[1:]
	}
}

// Get implements [Values].
func (v *values) Get(_ context.Context, key string) ([]byte, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	had := v.by[key]
	if had == nil || !v.now().Before(had.until) {
		return nil, false
	}
	return bytes.Clone(had.bytes), true
}

// Remove implements [Values].
func (v *values) Remove(_ context.Context, key string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.remove(v.by[key])
}

// remove forgets one. The caller holds the lock.
func (v *values) remove(had *value) {
	if had == nil || had.gone {
		return
	}
	had.gone = true
	v.size -= len(had.key) + len(had.bytes)
	had.bytes = nil
	delete(v.by, had.key)
}
