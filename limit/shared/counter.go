package shared

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"tcb-login/limit"
)

// What the scripts of a rule do.
const (
	opTake   = "take"
	opPeek   = "peek"
	opRefund = "refund"
)

// windowScript has an exact rule: the times of the events that count, oldest first. It returns how
// many microseconds there are to wait. Lua writes large numbers with an exponent unless told not to.
var windowScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local n, per = tonumber(ARGV[2]), tonumber(ARGV[3])
if ARGV[1] == 'refund' then
  redis.call('RPOP', KEYS[1])
  return 0
end
local stamps = redis.call('LRANGE', KEYS[1], 0, -1)
local old = 0
while old < #stamps and now - stamps[old + 1] >= per do old = old + 1 end
if #stamps - old >= n then return stamps[old + 1] + per - now end
if ARGV[1] == 'take' then
  if old > 0 then redis.call('LTRIM', KEYS[1], old, -1) end
  redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil(per / 1000)))
end
return 0`)

// bucketScript has a rule with a burst: when the bucket is full again (the generic cell rate
// algorithm, as limit.Memory has it).
var bucketScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local burst, interval = tonumber(ARGV[2]), tonumber(ARGV[3])
local full = tonumber(redis.call('GET', KEYS[1]) or '0')
if ARGV[1] == 'refund' then
  full = full - interval
else
  local wait = full - (burst - 1) * interval - now
  if wait > 0 then return wait end
  if ARGV[1] == 'peek' then return 0 end
  full = math.max(full, now) + interval
end
if full > now then
  redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', string.format('%.0f', math.ceil((full - now) / 1000)))
else
  redis.call('DEL', KEYS[1])
end
return 0`)

// micros rounds up to Redis' unit, so that no rule allows more than it says.
func micros(d time.Duration) int64 { return int64((d + time.Microsecond - 1) / time.Microsecond) }

// count asks Redis about a rule. It reports false where Redis is away.
func (s *Store) count(ctx context.Context, op string, r limit.Rule, key string) (limit.Decision, bool) {
	name := s.secrets.name(kindCount, r.Name, strconv.Itoa(r.N), r.Per.String(), strconv.Itoa(r.Burst), key)
	script, n, span := windowScript, r.N, micros(r.Per)
	if r.Burst > 0 {
		script, n, span = bucketScript, r.Burst, micros(time.Duration(r.Interval()))
	}
	var wait int64
	ok := s.ask(ctx, func(ctx context.Context, c *redis.Client) (err error) {
		wait, err = script.Run(ctx, c, []string{name}, op, n, span).Int64()
		return err
	})
	return limit.Decision{OK: wait <= 0, RetryAfter: time.Duration(max(wait, 0)) * time.Microsecond}, ok
}

// strict reports that the stricter count decides: what was taken here in an outage, or before Redis
// forgot, may still count.
func (s *Store) strict(r limit.Rule) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.back.IsZero() && s.now().Sub(s.back) < r.Window()
}

// Take implements [limit.Counter]. It also counts here, and first: what is refused here in the time
// in which the stricter decides is not counted anywhere.
func (s *Store) Take(ctx context.Context, r limit.Rule, key string) (limit.Decision, error) {
	here, err := s.local.Take(ctx, r, key)
	if err != nil {
		return here, err
	}
	if !here.OK && s.strict(r) {
		there, ok := s.count(ctx, opPeek, r, key)
		return stricter(here, there, ok), nil
	}
	there, ok := s.count(ctx, opTake, r, key)
	switch {
	case !ok:
		return here, nil
	case here.OK && !there.OK:
		_ = s.local.Refund(ctx, r, key) // the rule is valid
	}
	return there, nil
}

// Peek implements [limit.Counter].
func (s *Store) Peek(ctx context.Context, r limit.Rule, key string) (limit.Decision, error) {
	here, err := s.local.Peek(ctx, r, key)
	if err != nil {
		return here, err
	}
	there, ok := s.count(ctx, opPeek, r, key)
	if ok && !s.strict(r) {
		return there, nil
	}
	return stricter(here, there, ok), nil
}

// stricter is the one of two decisions that allows less.
func stricter(here, there limit.Decision, asked bool) limit.Decision {
	if asked && there.RetryAfter > here.RetryAfter {
		return there
	}
	return here
}

// Refund implements [limit.Counter]. Just after an outage what is given back may have been taken
// here alone: then one too many stays counted in Redis.
func (s *Store) Refund(ctx context.Context, r limit.Rule, key string) error {
	if err := s.local.Refund(ctx, r, key); err != nil {
		return err
	}
	s.mu.Lock()
	taken := s.back.IsZero() || s.now().Sub(s.back) >= settling
	s.mu.Unlock()
	if taken {
		s.count(context.WithoutCancel(ctx), opRefund, r, key)
	}
	return nil
}
