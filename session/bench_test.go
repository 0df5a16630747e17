package session

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// denyList is one in memory; away makes it fail, and unsure not know of what was made before.
type denyList struct {
	keys   map[string]time.Duration
	ended  int
	away   error
	unsure time.Time
	asked  int
}

func (d *denyList) Deny(_ context.Context, id string, ended bool, ttl time.Duration) error {
	if d.away == nil {
		if d.keys[id] = ttl; ended {
			d.ended++
		}
	}
	return d.away
}

func (d *denyList) Denied(_ context.Context, id string, made time.Time) (denied, sure bool) {
	d.asked++
	_, has := d.keys[id]
	return has, has || !made.Before(d.unsure)
}

// bench is a Manager with what it stands on.
type bench struct {
	*Manager
	t    testing.TB
	now  time.Time
	deny *denyList
}

func newBench(t testing.TB, keys ...[]byte) *bench {
	t.Helper()
	return newBenchOn(t, nil, keys...)
}

// newFuzzBench is the same in every process of a fuzzing run.
func newFuzzBench(f *testing.F) *bench {
	f.Helper()
	return newBenchOn(f, rand.NewChaCha8([32]byte(newKey[:32])))
}

func newBenchOn(t testing.TB, random io.Reader, keys ...[]byte) *bench {
	t.Helper()
	if len(keys) == 0 {
		keys = [][]byte{newKey}
	}
	b := &bench{t: t, now: midnight, deny: &denyList{keys: map[string]time.Duration{}}}
	m, err := New(Config{Keys: keys, Deny: b.deny, BasePath: "/__auth", Now: func() time.Time { return b.now }, Rand: random})
	if err != nil {
		t.Fatal(err)
	}
	b.Manager = m
	return b
}

// load reads a Cookie header, as of a request that changes something.
func (b *bench) load(cookies string) *Session {
	b.t.Helper()
	s := b.glance(cookies)
	s.Settle()
	return s
}

// glance reads the Cookie header of a request that changes nothing.
func (b *bench) glance(cookies string) *Session {
	b.t.Helper()
	return b.Load(b.t.Context(), cookies, true)
}

// browser makes the Cookie header of what was set.
func browser(t testing.TB, set ...[]string) string {
	t.Helper()
	jar := map[string]string{}
	var names []string
	for _, c := range (&http.Response{Header: http.Header{"Set-Cookie": slices.Concat(set...)}}).Cookies() {
		if _, known := jar[c.Name]; !known {
			names = append(names, c.Name)
		}
		jar[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(jar, c.Name)
		}
	}
	var pairs []string
	for _, name := range names {
		if value, ok := jar[name]; ok {
			pairs = append(pairs, name+"="+value)
		}
	}
	return strings.Join(pairs, "; ")
}

func cookies(t testing.TB, s *Session) []string {
	t.Helper()
	set, err := s.Cookies()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func rotate(t testing.TB, s *Session, account string) []string {
	t.Helper()
	if err := s.Rotate(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	return cookies(t, s)
}

func seal(t testing.TB, s *Session, purpose string, v any, ttl time.Duration) string {
	t.Helper()
	sealed, err := s.Seal(scope, purpose, v, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// same reports whether two sessions are one: the token of one is good in the other.
func same(a, b *Session) bool { return b.CSRFValid(a.CSRFToken()) }
