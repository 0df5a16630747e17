package authclient

import (
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"
)

const (
	keysFresh   = time.Hour        // how long keys serve before they are fetched again
	keysServe   = 24 * time.Hour   // and while TCB does not answer
	keysPause   = 30 * time.Second // between two fetches: who makes up key ids must not make us ask
	keysRetry   = 5 * time.Second  // and after one that failed
	maxKeys     = 64               // TCB has one or two
	minKeyBytes = 256              // of an RSA modulus: 2048 bits
	maxKeyBytes = 1024             // larger ones only take time
)

var (
	errUnknownKey = errors.New("TCB has no key of its kid")
	errNoKeys     = errors.New("the answer has no RSA key to check signatures with")
)

// keySet has the public keys that TCB signs tokens with. The zero value has none yet.
type keySet struct {
	mu      sync.Mutex
	keys    map[string]*rsa.PublicKey // by kid
	had     time.Time                 // when they came
	asked   time.Time                 // when they were last asked for
	failed  error                     // what went wrong then
	fetched chan struct{}             // closed once they are there; nil while nobody asks
}

// find gives the key of a kid. Keys that are no longer fresh serve on while others are fetched
// behind; only who needs one that is not known waits.
func (s *keySet) find(ctx context.Context, c *Client, kid string) (*rsa.PublicKey, error) {
	s.mu.Lock()
	now := c.now()
	if key := s.get(kid, now, keysFresh); key != nil {
		s.mu.Unlock()
		return key, nil
	}
	fetched := s.fetch(ctx, c, now)
	key, err := s.get(kid, now, keysServe), s.failed
	s.mu.Unlock()
	switch {
	case key != nil:
		return key, nil
	case fetched == nil: // it is too soon to ask again
		return nil, cmp.Or(err, errUnknownKey)
	}
	select {
	case <-fetched:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := s.get(kid, c.now(), keysServe); key != nil {
		return key, nil
	}
	return nil, cmp.Or(s.failed, errUnknownKey)
}

// get is a key that came no longer ago than that; s.mu is held.
func (s *keySet) get(kid string, now time.Time, within time.Duration) *rsa.PublicKey {
	if now.Sub(s.had) >= within {
		return nil
	}
	return s.keys[kid]
}

// fetch begins to fetch the keys, unless somebody has or it is too soon, when it returns nil;
// s.mu is held.
func (s *keySet) fetch(ctx context.Context, c *Client, now time.Time) (fetched <-chan struct{}) {
	if s.fetched != nil {
		return s.fetched
	}
	pause := keysPause
	if s.failed != nil {
		pause = keysRetry
	}
	if !s.asked.IsZero() && now.Sub(s.asked) < pause {
		return nil
	}
	done := make(chan struct{})
	s.asked, s.fetched = now, done
	// Detached: the keys are for everybody who waits. The client's timeout ends it.
	go func(ctx context.Context) {
		raw, err := c.Certs(ctx)
		var keys map[string]*rsa.PublicKey
		if err == nil {
			keys, err = parseKeys(raw)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.fetched, s.failed = nil, nil; err != nil {
			// Its text alone: TCB's code is about our call, and not about anybody's token.
			s.failed = fmt.Errorf("TCB's keys: %s", err.Error())
		} else {
			s.keys, s.had = keys, c.now()
		}
		close(done)
	}(context.WithoutCancel(ctx))
	return done
}

// parseKeys reads the keys of a JWK set (RFC 7517) that RS256 can be checked with, and passes over
// all others.
func parseKeys(raw []byte) (map[string]*rsa.PublicKey, error) {
	var set struct {
		Keys []struct {
			Type      string `json:"kty"`
			Use       string `json:"use"`
			Algorithm string `json:"alg"`
			KeyID     string `json:"kid"`
			Modulus   string `json:"n"`
			Exponent  string `json:"e"`
		} `json:"keys"`
	}
	if json.Unmarshal(raw, &set) != nil {
		return nil, errNoKeys
	}
	keys := map[string]*rsa.PublicKey{}
	for _, k := range set.Keys[:min(len(set.Keys), maxKeys)] {
		if k.Type != "RSA" || k.KeyID == "" || k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != "RS256" {
			continue
		}
		n, errN := base64.RawURLEncoding.DecodeString(k.Modulus)
		e, errE := base64.RawURLEncoding.DecodeString(k.Exponent)
		exponent := new(big.Int).SetBytes(e)
		if errN != nil || errE != nil || len(n) > maxKeyBytes || len(e) > 4 || exponent.Int64() < 3 || exponent.Int64()%2 == 0 {
			continue
		}
		key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}
		if key.Size() < minKeyBytes {
			continue
		}
		keys[k.KeyID] = key
	}
	if len(keys) == 0 {
		return nil, errNoKeys
	}
	return keys, nil
}
