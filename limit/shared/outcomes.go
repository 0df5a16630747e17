package shared

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"tcb-login/limit"
)

const (
	// maxOutcome is how long an outcome may be that Redis keeps; a longer one is kept here.
	maxOutcome = 256 << 10
	// maxMarks is how many requests of a group Redis knows to be under way. A further one is not
	// known to be repeated at other instances.
	maxMarks = 64
	// pollFirst and pollMost are how often a request asks again that waits for another instance.
	pollFirst = 20 * time.Millisecond
	pollMost  = 200 * time.Millisecond
)

// What there is of a request in Redis.
const (
	thereNothing = iota
	thereUnderWay
	thereDone
)

// A group is one hash, so that all of it is one key. A field is a request: 'm' for one under way or
// 'v' for one that is done, until when that is so, and who marked it, or how often it may still be
// read and its outcome.

// outcomeBegin marks a request that nobody has.
var outcomeBegin = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local live = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local ends = tonumber(string.match(all[i + 1], '^%a(%d+):'))
  if not ends or ends <= now then
    redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] == ARGV[1] then
    return 1
  else
    live = live + 1
  end
end
if live >= tonumber(ARGV[4]) then return 2 end
redis.call('HSET', KEYS[1], ARGV[1], 'm' .. string.format('%.0f', now + ARGV[3]) .. ':' .. ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 0`)

// outcomeLook reads one, and counts that it was read.
var outcomeLook = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local had = redis.call('HGET', KEYS[1], ARGV[1])
if not had then return {0} end
local kind, ends = string.match(had, '^(%a)(%d+):')
if not ends or tonumber(ends) <= now then return {0} end
if kind == 'm' then return {1} end
local left, value = string.match(had, '^%a%d+:(%d+):(.*)$')
if tonumber(left) > 1 then
  redis.call('HSET', KEYS[1], ARGV[1], 'v' .. ends .. ':' .. string.format('%.0f', left - 1) .. ':' .. value)
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return {2, value}`)

// outcomeEnd takes the place of the mark with what the request came to, or of nothing. What the
// group had before is over. It returns 0 where the mark is not this one's any more.
var outcomeEnd = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local had = redis.call('HGET', KEYS[1], ARGV[1])
if not had or string.match(had, '^m%d+:(.*)$') ~= ARGV[2] then return 0 end
if ARGV[3] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return 1
end
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i + 1], 1, 1) == 'v' then redis.call('HDEL', KEYS[1], all[i]) end
end
redis.call('HSET', KEYS[1], ARGV[1], 'v' .. string.format('%.0f', now + ARGV[4]) .. ':' .. ARGV[3] .. ':' .. ARGV[5])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`)

// outcomeForget leaves what is under way.
var outcomeForget = redis.NewScript(`
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i + 1], 1, 1) == 'v' then redis.call('HDEL', KEYS[1], all[i]) end
end
return 1`)

// Look implements [limit.Outcomes]. For a request that is under way here it waits without asking;
// for one that is under way elsewhere it asks again and again.
func (s *Store) Look(ctx context.Context, group, key string) (value []byte, ok bool, err error) {
	waiting := false
	for pause := pollFirst; ; pause = min(2*pause, pollMost) {
		if value, ok, err := s.local.Look(ctx, group, key); ok || err != nil {
			return value, ok, err
		}
		value, state := s.lookThere(ctx, group, key)
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		if state != thereUnderWay {
			return value, state == thereDone, nil
		}
		if !waiting {
			leave, room := s.enter(limit.Key(group, key))
			if !room {
				return nil, false, limit.ErrBusy
			}
			defer leave()
			waiting = true
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, false, ctx.Err()
		}
	}
}

// enter takes one of the places of those who wait for the same.
func (s *Store) enter(key string) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting[key] >= limit.MaxWaiting {
		return nil, false
	}
	s.waiting[key]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.waiting[key]--; s.waiting[key] <= 0 {
			delete(s.waiting, key)
		}
	}, true
}

func (s *Store) lookThere(ctx context.Context, group, key string) (value []byte, state int64) {
	s.ask(ctx, func(ctx context.Context, c *redis.Client) error {
		out, err := outcomeLook.Run(ctx, c, []string{s.secrets.name(kindOutcome, group)}, s.fieldOf(key)).Slice()
		if err != nil || len(out) == 0 {
			return err
		}
		state, _ = out[0].(int64)
		if len(out) > 1 {
			text, _ := out[1].(string)
			value = []byte(text)
		}
		return nil
	})
	return value, state
}

// fieldOf is a request's name within its group.
func (s *Store) fieldOf(key string) string { return s.secrets.name(kindOutcome, "field", key) }

// Begin implements [limit.Outcomes]. The mark in Redis ends by itself when the request must have: an
// instance that dies leaves nobody waiting for ever.
func (s *Store) Begin(ctx context.Context, group, key string) (end func(value []byte), first bool) {
	here, first := s.local.Begin(ctx, group, key)
	if !first {
		return nil, false
	}
	lease := limit.OutcomeLife
	if deadline, ok := ctx.Deadline(); ok {
		lease = max(lease, time.Until(deadline))
	}
	owner, taken := random(), int64(0)
	name, field := s.secrets.name(kindOutcome, group), s.fieldOf(key)
	s.ask(ctx, func(ctx context.Context, c *redis.Client) (err error) {
		taken, err = outcomeBegin.Run(ctx, c, []string{name}, field, owner, millis(lease), maxMarks).Int64()
		return err
	})
	if taken == 1 {
		here(nil)
		return nil, false
	}
	return func(value []byte) {
		// Whatever came of the mark: Redis may have made it, and its answer been lost.
		if s.end(ctx, name, field, owner, value) {
			value = nil
		}
		here(value)
	}, true
}

// end reports whether Redis has the outcome.
func (s *Store) end(ctx context.Context, name, field, owner string, value []byte) (kept bool) {
	reads := limit.OutcomeReads
	if value == nil || len(value) > maxOutcome {
		reads, value = 0, nil
	}
	var there int64
	s.ask(context.WithoutCancel(ctx), func(ctx context.Context, c *redis.Client) (err error) {
		there, err = outcomeEnd.Run(ctx, c, []string{name}, field, owner, reads, millis(limit.OutcomeLife), value).Int64()
		return err
	})
	return there == 1 && reads > 0
}

// Forget implements [limit.Outcomes]. What Redis keeps while it is away is over when it is back, or a
// few seconds later.
func (s *Store) Forget(ctx context.Context, groups ...string) {
	s.local.Forget(ctx, groups...)
	for _, group := range groups {
		s.ask(context.WithoutCancel(ctx), func(ctx context.Context, c *redis.Client) error {
			return outcomeForget.Run(ctx, c, []string{s.secrets.name(kindOutcome, group)}).Err()
		})
	}
}
