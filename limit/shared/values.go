package shared

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// maxValue is how long a value may be that Redis keeps: a query string of ours is at most a request's
// head.
const maxValue = 32 << 10

// Put implements [limit.Values]. What Redis cannot keep is kept here.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) {
	if ttl < time.Millisecond {
		return
	}
	ok := len(value) <= maxValue && s.ask(ctx, func(ctx context.Context, c *redis.Client) error {
		return c.Set(ctx, s.secrets.name(kindValue, key), s.secrets.seal(key, value), ttl).Err()
	})
	if ok {
		s.local.Remove(ctx, key)
	} else {
		s.local.Put(ctx, key, value, ttl)
	}
}

// Get implements [limit.Values].
func (s *Store) Get(ctx context.Context, key string) ([]byte, bool) {
	if value, ok := s.local.Get(ctx, key); ok {
		return value, true
	}
	var sealed []byte
	s.ask(ctx, func(ctx context.Context, c *redis.Client) (err error) {
		sealed, err = c.Get(ctx, s.secrets.name(kindValue, key)).Bytes()
		return err
	})
	return s.secrets.open(key, sealed)
}

// Remove implements [limit.Values].
func (s *Store) Remove(ctx context.Context, key string) {
	s.local.Remove(ctx, key)
	s.ask(context.WithoutCancel(ctx), func(ctx context.Context, c *redis.Client) error {
		return c.Del(ctx, s.secrets.name(kindValue, key)).Err()
	})
}
