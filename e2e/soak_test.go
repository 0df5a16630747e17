//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var (
	soakFor    = flag.Duration("soak.for", time.Minute, "how long people come and go in TestSoak")
	soakPeople = flag.Int("soak.people", 4, "how many there are at a time")
)

const soakPassword = "Quiet-river-4711"

// A soak is what TestSoak knows of its people. Failures of TCB and lost connections are part of it;
// what was acknowledged must hold.
type soak struct {
	*twoInstances
	came  atomic.Int64
	asked requests

	mu       sync.Mutex
	subs     map[string]string // of who has signed in, by e-mail address
	known    []string          // who has a password
	signedUp int

	counts struct{ signIns, signOuts, wrong, codesAgain, captchas, outages atomic.Int64 }
	done   struct{ stops, kills, stores int } // to servers
}

// TestSoak: people sign up, in and out through both proxies while instances are stopped and killed,
// Redis is restarted, TCB is slow or fails, and pictures are in the way. Whoever was told that they
// have an account has one, nobody is ever somebody else, no code and no picture works twice, and
// memory does not grow.
func TestSoak(t *testing.T) {
	t.Parallel()
	s := newSoak(t)
	ctx, done := context.WithTimeout(t.Context(), *soakFor)
	defer done()
	var crowd sync.WaitGroup
	for range *soakPeople {
		crowd.Go(func() {
			often(ctx.Done(), 250*time.Millisecond, func() { s.visit(ctx, t, int(s.came.Add(1))) })
		})
	}
	kept := s.disturbAll(ctx, t)
	crowd.Wait()
	s.settle(t)
	c := &s.counts
	t.Logf("%v: %d pages, %d forms, of which %d failed; %d stops, %d kills, %d restarts of the store", *soakFor,
		s.asked.gets.Load(), s.asked.posts.Load(), s.asked.failed.Load(), s.done.stops, s.done.kills, s.done.stores)
	t.Logf("%d people: %d sign-ups, %d sign-ins in all, %d sign-outs; %d wrong codes and passwords, %d codes and %d pictures tried twice, %d outages seen", s.came.Load(),
		s.signedUp, c.signIns.Load(), c.signOuts.Load(), c.wrong.Load(), c.codesAgain.Load(), c.captchas.Load(), c.outages.Load())
	t.Logf("memory: %s", kept)
	if s.signedUp < 20 || c.signIns.Load() < int64(s.signedUp)+10 || c.signOuts.Load() < 10 || c.codesAgain.Load() < 10 || c.captchas.Load() < 5 {
		t.Error("too little has happened to say anything")
	}
	if s.asked.failed.Load()*5 > s.asked.gets.Load()+s.asked.posts.Load() {
		t.Error("more has failed than was made to")
	}
	warm, end := kept.least()
	if kept.peak > 160<<20 || end > warm+warm*3/16+3<<20 {
		t.Error("an instance takes more and more memory")
	}
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{twoInstances: runTwoInstances(t), subs: map[string]string{}}
	s.behaves(t, "never", 0)
	return s
}

// behaves sets how TCB is from now on.
func (s *soak) behaves(t *testing.T, captcha string, latency int, faults ...fault) {
	t.Helper()
	s.tcb.set(t, settings{Captcha: captcha, LatencyMS: &latency, Faults: append([]fault{}, faults...)})
}

// disturbAll has happen what happens to servers, one after the other, until ctx ends. After a third
// of the time the second instance is let be, and by the half of it is warm: what it takes from then
// on is what grows.
func (s *soak) disturbAll(ctx context.Context, t *testing.T) memory {
	t.Helper()
	var kept memory
	began := time.Now()
	for round := 0; ctx.Err() == nil; round++ {
		name := "login-1"
		if time.Since(began) < *soakFor/3 {
			name = fmt.Sprintf("login-%d", 1+rand.IntN(2))
		}
		s.disturb(t, round, name)
		pause, over := context.WithTimeout(ctx, 4*time.Second) // some people come and go in between
		often(pause.Done(), 250*time.Millisecond, func() { s.weigh(t, &kept, time.Since(began)) })
		over()
	}
	return kept
}

// weigh notes what the instances have; of the second one what is alive too, after half of the time.
func (s *soak) weigh(t *testing.T, kept *memory, at time.Duration) {
	t.Helper()
	for _, name := range []string{"login-1", "login-2"} {
		kept.peak = max(kept.peak, s.memory(t, name, "process_resident_memory_bytes"))
	}
	if at > *soakFor/2 {
		kept.heaps = append(kept.heaps, s.memory(t, "login-2", "go_memstats_next_gc_bytes"))
	}
}

// disturb does one thing, as far as it concerns an instance to the one of the name.
func (s *soak) disturb(t *testing.T, round int, name string) {
	t.Helper()
	kinds := []func(){
		func() { s.behaves(t, "always", 0) },
		func() {
			s.behaves(t, "never", 0)
			s.end(t, name, syscall.SIGTERM)
			s.runInstance(t, name, s.file)
			s.done.stops++
		},
		func() { s.behaves(t, "never", 300) },
		func() {
			s.behaves(t, "never", 0)
			s.end(t, name, syscall.SIGKILL)
			s.runInstance(t, name, s.file)
			s.done.kills++
		},
		func() {
			s.behaves(t, "never", 0, fault{Path: "/auth/v1/signin", Status: 503, Error: "unavailable", Times: 2},
				fault{Path: "/auth/v1/signup", Status: 500, Error: "internal", Times: 1},
				fault{Path: "/auth/v1/verification/verify", Status: 500, Error: "internal", Times: 1})
		},
		func() {
			s.end(t, "valkey", syscall.SIGTERM)
			s.start(t, "valkey")
			s.done.stores++
		},
	}
	kinds[round%len(kinds)]()
}

// visit is what somebody does. Each has an address of their own, since the limits on one are not what
// this is about.
func (s *soak) visit(ctx context.Context, t *testing.T, n int) {
	origin := s.caddy
	if rand.IntN(2) == 0 {
		origin = s.nginx
	}
	p := newPersonFrom(t, origin, net.IPv4(127, byte(20+n>>16), byte(n>>8), byte(n)))
	p.asked = &s.asked
	email, signedIn := fmt.Sprintf("soak-%d@example.com", n), false
	known := s.somebody()
	switch kind := rand.IntN(4); {
	case kind == 0 || known == "":
		signedIn = s.signsUp(ctx, t, p, email)
	case kind == 1:
		signedIn = s.byCode(ctx, t, p, email)
	default:
		email = known
		signedIn = s.byPassword(ctx, t, p, email)
	}
	if signedIn && rand.IntN(2) == 0 {
		s.signsOut(ctx, t, p, email)
	}
}

// somebody is one of those who have a password; the same few, so that they are guessed at too often.
func (s *soak) somebody() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) == 0 {
		return ""
	}
	return s.known[rand.IntN(min(len(s.known), 20))]
}

// settle looks, once all is quiet, for everybody who was told that they have an account.
func (s *soak) settle(t *testing.T) {
	t.Helper()
	s.behaves(t, "never", 0)
	for email, sub := range s.subs {
		if there := s.tcb.known(t, email); len(there) != 1 || there[0].Sub != sub {
			t.Errorf("%s was signed up as %s, and is now %+v", email, sub, there)
		}
	}
}
