package limit

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// maxWindow is the largest N of an exact window: each counted event keeps its time, eight bytes, so
// this bounds what one key may hold.
const maxWindow = 64

// A Rule says how often something may happen. Two rules that differ in any field count apart.
type Rule struct {
	Name string        // tells rules apart that share keys; for logs and metrics too
	N    int           // how many…
	Per  time.Duration // …in how long

	// Burst 0 makes the rule exact: at most N in any window of Per, whenever it begins; N is at
	// most 64. Burst above 0 makes it a bucket that holds Burst and is refilled N per Per, for
	// rules where many may come at once but not for long.
	Burst int
}

var errRule = errors.New("limit: invalid rule")

// Validate reports a rule that cannot be enforced. Every [Counter] refuses such a rule; callers
// that take one from settings can check it sooner.
func (r Rule) Validate() error {
	switch {
	case r.N < 1:
		return fmt.Errorf("%w %q: N is %d, want at least 1", errRule, r.Name, r.N)
	case r.Per <= 0:
		return fmt.Errorf("%w %q: Per is %v, want more than 0", errRule, r.Name, r.Per)
	case r.Burst < 0:
		return fmt.Errorf("%w %q: Burst is %d, want at least 0", errRule, r.Name, r.Burst)
	case r.Burst == 0 && r.N > maxWindow:
		return fmt.Errorf("%w %q: N is %d, an exact window holds at most %d; set Burst", errRule, r.Name, r.N, maxWindow)
	case r.Burst > 0 && int64(r.Burst) > math.MaxInt64/4/r.Interval():
		return fmt.Errorf("%w %q: Burst %d takes longer to fill than a clock can tell", errRule, r.Name, r.Burst)
	}
	return nil
}

// Interval is the time in which a bucket gains one, rounded up so that it never gains more than N
// in Per.
func (r Rule) Interval() int64 {
	n := int64(r.N)
	return (int64(r.Per)-1)/n + 1
}

// Window is the time after which the rule has forgotten all that was counted.
func (r Rule) Window() time.Duration {
	if r.Burst > 0 {
		return time.Duration(int64(r.Burst) * r.Interval())
	}
	return r.Per
}

// A Decision is what a counter answers.
type Decision struct {
	OK bool
	// RetryAfter is how long to wait until the same question would be answered with OK, when it is
	// not now and nothing else is counted meanwhile. It is exact; whoever tells a person or writes
	// a header rounds it up to whole seconds, one at least.
	RetryAfter time.Duration
}
