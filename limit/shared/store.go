package shared

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"tcb-login/limit"
)

const (
	defaultDeadline = 200 * time.Millisecond
	// slack is how long before the last round trip an id may have been made and still be taken in
	// an outage: who has just signed in goes on.
	slack = time.Minute
	// settling is how long after an outage nothing is given back in Redis that may have been taken
	// here alone: longer than any request.
	settling = time.Minute
)

// Config is what Open needs. URL, Key and Logger are required.
type Config struct {
	URL      string // redis://[user@]host[:port][/db], rediss:// over TLS
	Password string
	Key      []byte // the secret of names and seals
	Logger   *slog.Logger

	Now      func() time.Time // time.Now when nil; Redis has a clock of its own
	Deadline time.Duration    // of one round trip; 200 ms when 0
	TLS      *tls.Config      // nil: the system's roots
	MaxKeys  int              // of what this instance counts along: see limit.MemoryConfig
}

// Store is a [limit.Store] that instances share. Run keeps it going.
type Store struct {
	options  *redis.Options
	secrets  secrets
	log      *slog.Logger
	now      func() time.Time
	deadline time.Duration
	local    *limit.Memory
	started  time.Time

	client atomic.Pointer[redis.Client]
	away   atomic.Bool
	good   atomic.Int64 // when the last good round trip began; 0: never
	wake   chan struct{}

	mu      sync.Mutex
	reason  error     // why it is away
	since   time.Time // since when
	back    time.Time // when it was last found to be back, or to have forgotten
	epoch   epoch
	policed time.Time      // when the policy was last looked at
	unknown bool           // the policy cannot be seen, which was said
	opened  bool           // from now on being away is an outage
	replay  [2]queue       // of ids replaced and of logins ended
	waiting map[string]int // for a request that is under way elsewhere
}

var _ limit.Store = (*Store)(nil)

// ErrPolicy says that Redis may forget what it was told.
var ErrPolicy = errors.New("maxmemory-policy is not noeviction: Redis would forget limits and sign-outs when its memory is full")

// quiet keeps the client's own words out of the log: what is wrong with Redis is told once.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

var silence = sync.OnceFunc(func() { redis.SetLogger(quiet{}) })

// newStore is a store that is away until its first probe.
func newStore(cfg Config) (*Store, error) {
	silence()
	options, err := redis.ParseURL(cfg.URL)
	if err != nil {
		return nil, errors.New("shared: the URL is none of Redis'")
	}
	if len(cfg.Key) < minKey {
		return nil, fmt.Errorf("shared: the key has %d bytes, fewer than %d", len(cfg.Key), minKey)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Store{
		options: options, log: cfg.Logger, now: cfg.Now, deadline: cmp.Or(cfg.Deadline, defaultDeadline),
		local:   limit.NewMemory(limit.MemoryConfig{Now: cfg.Now, MaxKeys: cfg.MaxKeys}),
		started: cfg.Now(), since: cfg.Now(), reason: errors.New("not reached yet"),
		wake: make(chan struct{}, 1), waiting: map[string]int{},
	}
	if s.secrets, err = newSecrets(cfg.Key); err != nil {
		return nil, err
	}
	if cfg.Password != "" {
		options.Password = cfg.Password
	}
	if cfg.TLS != nil && options.TLSConfig != nil {
		options.TLSConfig = cfg.TLS.Clone()
		options.TLSConfig.ServerName = cmp.Or(options.TLSConfig.ServerName, hostOf(options.Addr))
	}
	options.MaxRetries, options.DialerRetries = -1, 1 // see the package comment
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = s.deadline, s.deadline, s.deadline, s.deadline
	options.ContextTimeoutEnabled = true
	options.Protocol, options.DisableIdentity = 2, true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	s.client.Store(redis.NewClient(options))
	s.away.Store(true)
	return s, nil
}

// Open makes a store and asks Redis once. A Redis that is away is no error, since the pages do
// without it; one that forgets by its settings is.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := newStore(cfg)
	if err != nil {
		return nil, err
	}
	err = s.probe(ctx)
	s.mu.Lock()
	s.opened = true
	s.mu.Unlock()
	switch {
	case errors.Is(err, ErrPolicy):
		s.client.Load().Close()
		return nil, fmt.Errorf("session.store: %w", err)
	case err != nil:
		s.log.Error("the shared store cannot be reached: limits are this instance's own, and logins from before are handed over once more", "error", err.Error())
	}
	return s, nil
}

// Check asks whether a store would do.
func Check(ctx context.Context, cfg Config) error {
	s, err := newStore(cfg)
	if err != nil {
		return err
	}
	defer func() { s.client.Load().Close() }()
	return s.probe(ctx)
}

// Refuses reports that Redis has answered, and wants nothing from us: the password is wrong, say.
func Refuses(err error) bool {
	var refused redis.Error
	return errors.As(err, &refused) && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "LOADING")
}

// ask makes one round trip, unless Redis is away. It reports whether there was one.
func (s *Store) ask(ctx context.Context, do func(context.Context, *redis.Client) error) bool {
	if s.away.Load() || ctx.Err() != nil {
		return false
	}
	began, client := s.now(), s.client.Load()
	within, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	err := do(within, client)
	switch {
	case err == nil, errors.Is(err, redis.Nil):
		s.answered(began)
		return true
	case ctx.Err() != nil: // nobody waits any more, which says nothing of Redis
	case client != s.client.Load(): // another has found so before, and it may be back by now
	default:
		s.leave(err)
	}
	return false
}

// answered notes a good round trip.
func (s *Store) answered(began time.Time) {
	for at := began.UnixNano(); ; {
		last := s.good.Load()
		if at <= last || s.good.CompareAndSwap(last, at) {
			return
		}
	}
}

// leave opens the breaker.
func (s *Store) leave(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason = err; s.away.Load() {
		return
	}
	s.since = s.now()
	s.away.Store(true)
	s.log.Error("the shared store is away: limits are this instance's own, and logins from before are handed over once more", "error", err.Error())
	s.nudge()
}

// nudge has Run probe at once.
func (s *Store) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// A State is what an operator wants to know of a store.
type State struct {
	Away   bool
	Since  time.Time // when it went away, or came back
	Reason string    // why it is away
	Queued int       // sign-outs and sign-ins that Redis has not heard of
}

// State is how the store is. It asks nobody.
func (s *Store) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := State{Away: s.away.Load(), Since: s.back, Queued: len(s.replay[0].marks) + len(s.replay[1].marks)}
	if state.Away {
		state.Since, state.Reason = s.since, s.reason.Error()
	}
	return state
}
