package shared

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	probeEvery  = time.Second // while it answers, and at most between two tries while it does not
	probeFirst  = 50 * time.Millisecond
	policeEvery = time.Minute
	// connectWithin is how long a connection may take that nobody waits for.
	connectWithin = time.Second
)

// An epoch says since when Redis has known everything.
type epoch struct {
	text string    // as it stands in Redis; empty: not read yet
	at   time.Time // by our clock
}

// epochScript is also how a probe finds out that Redis takes writes: one that is a replica, is full
// or has lost its own replicas refuses it.
var epochScript = redis.NewScript(`
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000000 + t[2])
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. now, 'NX')
return {redis.call('GET', KEYS[1]), now}`)

// Run probes until ctx ends, and closes the connections then.
func (s *Store) Run(ctx context.Context) {
	defer func() { s.client.Load().Close() }()
	pause := probeEvery
	var back time.Time // when it was last found to be back
	for {
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-s.wake:
			timer.Stop()
			// One that answers the probe and nobody else in time is slow: people would wait for it in
			// turn if it were back each time at once.
			if left := probeEvery - time.Since(back); left > 0 && s.away.Load() {
				pause = left
				continue
			}
		}
		timer.Stop()
		was := s.away.Load()
		switch err := s.probe(ctx); {
		case err == nil:
			if pause = probeEvery; was {
				back = time.Now()
			}
		case pause >= probeEvery:
			pause = probeFirst
		default:
			pause = min(2*pause, probeEvery)
		}
	}
}

// probe finds out whether Redis is to be relied on. Only it closes the breaker.
func (s *Store) probe(ctx context.Context) error {
	was := s.away.Load()
	if was {
		// Connections that are left may lead to who was master before.
		old := s.client.Swap(redis.NewClient(s.options))
		defer old.Close()
		connect, cancel := context.WithTimeout(ctx, connectWithin)
		defer cancel()
		if err := s.client.Load().Ping(connect).Err(); err != nil {
			return s.failed(ctx, err)
		}
	}
	client := s.client.Load()
	if err := s.police(ctx, client, was); err != nil {
		return s.failed(ctx, err)
	}
	if err := s.readEpoch(ctx, client); err != nil {
		return s.failed(ctx, err)
	}
	for {
		more, err := s.tell(ctx, client)
		switch {
		case err != nil:
			return s.failed(ctx, err)
		case !more:
			return nil
		}
	}
}

func (s *Store) failed(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		s.leave(err)
	}
	return err
}

// police looks at the policy: whenever Redis may be another, and now and then.
func (s *Store) police(ctx context.Context, client *redis.Client, anew bool) error {
	s.mu.Lock()
	due := anew || s.now().Sub(s.policed) >= policeEvery || s.now().Before(s.policed)
	s.mu.Unlock()
	if !due {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	info, err := client.Info(within, "memory").Result()
	var refused redis.Error
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	policy := field(info, "maxmemory_policy")
	if policy != "" && policy != "noeviction" {
		return fmt.Errorf("%w (it is %q)", ErrPolicy, policy)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.policed = s.now(); policy == "" && !s.unknown { // some providers' do not tell
		s.unknown = true
		s.log.Warn("the shared store does not tell its maxmemory-policy: see that it is noeviction")
	}
	return nil
}

// field is a line of INFO.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			return value
		}
	}
	return ""
}

// readEpoch reads the epoch, or begins one.
func (s *Store) readEpoch(ctx context.Context, client *redis.Client) error {
	within, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	began := s.now()
	out, err := epochScript.Run(within, client, []string{s.secrets.name(kindEpoch)}, random()).StringSlice()
	if err != nil {
		return err
	}
	if len(out) != 2 {
		return errors.New("the epoch cannot be read")
	}
	_, at, _ := strings.Cut(out[0], ":")
	then, err := strconv.ParseInt(at, 10, 64)
	now, wrong := strconv.ParseInt(out[1], 10, 64)
	if err != nil || wrong != nil {
		return errors.New("the epoch cannot be read")
	}
	s.answered(began)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch.text == out[0] {
		return nil
	}
	if s.epoch.text != "" {
		s.log.Error("the shared store has forgotten what it was told: logins from before are handed over once more")
		s.back = s.now()
	}
	// Sessions are dated in seconds, by our clocks.
	s.epoch = epoch{text: out[0], at: began.Add(-time.Duration(now-then) * time.Microsecond).Truncate(time.Second)}
	return nil
}
