package shared

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// maxQueued is how many ids of each kind wait for Redis; beyond it the oldest are forgotten. In
	// this instance they stay denied.
	maxQueued = 10_000
	// batch is how many of them go in one round trip.
	batch = 100
	// maxMark is longer than any session.
	maxMark = 30 * 24 * time.Hour
)

// A queue holds what Redis is to be told.
type queue struct{ marks []mark }

// A mark is an id that is denied until then, by its name in Redis.
type mark struct {
	name  string
	until time.Time
}

var denyScript = redis.NewScript(`
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
return 1`)

// Deny implements [limit.DenyList]. It never fails: what Redis does not hear now it is told later.
func (s *Store) Deny(ctx context.Context, id string, ended bool, ttl time.Duration) error {
	ttl = min(ttl, maxMark)
	if err := s.local.Deny(ctx, id, ended, ttl); err != nil || ttl < time.Millisecond {
		return err
	}
	m := mark{s.secrets.name(kindDenied, id), s.now().Add(ttl)}
	ok := s.ask(context.WithoutCancel(ctx), func(ctx context.Context, c *redis.Client) error {
		return denyScript.Run(ctx, c, []string{m.name}, millis(ttl)).Err()
	})
	if !ok {
		s.queue(m, ended)
	}
	return nil
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func (s *Store) queue(m mark, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &s.replay[0]
	if ended {
		q = &s.replay[1]
	}
	if len(q.marks) >= maxQueued {
		q.marks = q.marks[1:]
	}
	q.marks = append(q.marks, m)
	if !s.away.Load() { // it is back by now
		s.nudge()
	}
}

// tell tells Redis what is queued, logins that have ended first, and reports whether there is more.
// With nothing left it closes the breaker, under the lock that queueing takes.
func (s *Store) tell(ctx context.Context, client *redis.Client) (more bool, err error) {
	s.mu.Lock()
	q := &s.replay[1]
	if len(q.marks) == 0 {
		q = &s.replay[0]
	}
	some := q.marks[:min(len(q.marks), batch)]
	if len(some) == 0 {
		defer s.mu.Unlock()
		s.comeBack()
		return false, nil
	}
	s.mu.Unlock()
	within, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	if err := denyScript.Load(within, client).Err(); err != nil { // a pipeline cannot send it after NOSCRIPT
		return false, err
	}
	now := s.now()
	pipe := client.Pipeline()
	for _, m := range some {
		if left := m.until.Sub(now); left >= time.Millisecond {
			denyScript.EvalSha(within, pipe, []string{m.name}, millis(left))
		}
	}
	if pipe.Len() > 0 {
		if _, err := pipe.Exec(within); err != nil {
			return false, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Where some were pushed out meanwhile, a few are told twice, which is no harm.
	told := 0
	for told < len(q.marks) && told < len(some) && q.marks[told] == some[told] {
		told++
	}
	q.marks = q.marks[told:]
	return true, nil
}

// comeBack closes the breaker. The caller holds the lock.
func (s *Store) comeBack() {
	if !s.away.Load() {
		return
	}
	if s.opened {
		s.log.Info("the shared store is back", "away_s", int(s.now().Sub(s.since).Seconds()))
		s.back = s.now()
	}
	s.reason = nil
	s.away.Store(false)
}

// Denied implements [limit.DenyList]. Logins that ended here need no Redis. The mark is read before
// the epoch: if Redis forgets in between, the epoch is another.
func (s *Store) Denied(ctx context.Context, id string, since time.Time) (denied, sure bool) {
	if denied, _ := s.local.Denied(ctx, id, since); denied {
		return true, true
	}
	var there *redis.IntCmd
	var epoch *redis.StringCmd
	ok := s.ask(ctx, func(ctx context.Context, c *redis.Client) error {
		pipe := c.Pipeline()
		there = pipe.Exists(ctx, s.secrets.name(kindDenied, id))
		epoch = pipe.Get(ctx, s.secrets.name(kindEpoch))
		_, err := pipe.Exec(ctx)
		return err
	})
	switch {
	case !ok:
		return false, !since.Before(s.horizon())
	case there.Val() > 0:
		return true, true
	case epoch.Val() != s.known().text:
		if !s.ask(ctx, s.readEpoch) {
			return false, !since.Before(s.horizon())
		}
	}
	return false, !since.Before(s.known().at)
}

func (s *Store) known() epoch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// horizon is what an instance without Redis remembers back to: ids from before may have been denied
// elsewhere. One that has never reached it treats all that was there when it started as older.
func (s *Store) horizon() time.Time {
	last := s.good.Load()
	if last == 0 {
		return s.started.Truncate(time.Second)
	}
	at := time.Unix(0, last).Add(-slack)
	if forgot := s.known().at; at.Before(forgot) {
		return forgot
	}
	return at
}
