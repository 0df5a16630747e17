//go:build !race

package handlers

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tcb-login/config"
	"tcb-login/config/loginpage"
)

// What must not tell who has an account does not tell by its time either: samples of each kind are
// taken in turns, some in flight at once, before a TCB whose answers about what it does not know
// are 80 ms faster, then slower. `make test-all` takes five hundred of each and wants more of them.
//
// The race detector makes hashing so slow that two cores are full and the floor's most is passed,
// which says nothing of the program that people run: `make unit` has these tests without it, alone.

var (
	timingSamples = flag.Int("timing.samples", 100, "samples of each kind that timings are compared by")
	timingMost    = flag.Float64("timing.most", 0.65, "the most that a time may tell, as an AUC")
)

const timingInFlight = 16

// A probe is one request whose answer must not tell its kind by its time.
type probe struct {
	kind string
	send func() (status int, err error)
}

// measure sends probes in random order and gives the times of each kind.
func measure(t *testing.T, probes []probe) map[string][]time.Duration {
	t.Helper()
	rand.Shuffle(len(probes), func(i, j int) { probes[i], probes[j] = probes[j], probes[i] })
	next := make(chan probe)
	times := map[string][]time.Duration{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range timingInFlight {
		wg.Go(func() {
			for p := range next {
				start := time.Now()
				status, err := p.send()
				took := time.Since(start)
				if err != nil || status != http.StatusUnprocessableEntity && status != http.StatusSeeOther {
					t.Errorf("%s: status %d, %v", p.kind, status, err)
				}
				mu.Lock()
				times[p.kind] = append(times[p.kind], took)
				mu.Unlock()
			}
		})
	}
	for _, p := range probes {
		next <- p
	}
	close(next)
	wg.Wait()
	return times
}

// auc is how well a time tells b from a: 0.5 not at all, 1 always (the Mann-Whitney U by pairs).
func auc(a, b []time.Duration) float64 {
	wins := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x < y:
				wins++
			case x == y:
				wins += 0.5
			}
		}
	}
	share := wins / float64(len(a)*len(b))
	return max(share, 1-share)
}

var posted atomic.Int64

// alone makes a form no other's repetition, which would wait for that one.
func alone(form url.Values) url.Values {
	form.Set("n", strconv.FormatInt(posted.Add(1), 10))
	return form
}

// wantAlike compares each kind with the first.
func wantAlike(t *testing.T, what string, times map[string][]time.Duration, kinds ...string) {
	t.Helper()
	median := func(d []time.Duration) time.Duration {
		d = slices.Clone(d)
		slices.Sort(d)
		return d[len(d)/2].Round(time.Millisecond)
	}
	for _, kind := range kinds[1:] {
		a, b := times[kinds[0]], times[kind]
		got := auc(a, b)
		t.Logf("%s: %s %v, %s %v, AUC %.2f of %d and %d", what, kinds[0], median(a), kind, median(b), got, len(a), len(b))
		if got > *timingMost {
			t.Errorf("%s: a time tells %s from %s: AUC %.2f, want %.2f at most", what, kind, kinds[0], got, *timingMost)
		}
	}
}

// gap is by how much TCB answers some of what it is asked later than the rest.
const gap = 80 * time.Millisecond

// late makes the emulator answer late: what it knows (fast is what it does not), or what it does
// not know.
func (b *backend) late(by time.Duration, unknownLate bool, lost *sync.Map) {
	refusals := []string{"not_found", "user_not_found", "invalid_status", "failed_precondition"}
	var issued sync.Map // verification_ids
	b.answer("", func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		b.em.ServeHTTP(rec, r)
		var asked, said struct {
			Error string `json:"error"`
			ID    string `json:"verification_id"`
		}
		_ = json.Unmarshal(body, &asked)
		_ = json.Unmarshal(rec.Body.Bytes(), &said)
		issued.Store(said.ID, true)
		if b.lost(r, lost) {
			rec.Code, said.Error = http.StatusBadRequest, "not_found"
			rec.Body = bytes.NewBufferString(`{"error":"not_found","error_code":5,"error_description":"no such verification"}`)
		}
		unknown := slices.Contains(refusals, said.Error)
		if asked.ID != "" && lost == nil { // it says the same of a wrong code
			_, known := issued.Load(asked.ID)
			unknown = !known
		}
		if unknown == unknownLate {
			select {
			case <-time.After(by):
			case <-r.Context().Done():
			}
		}
		for name, values := range rec.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// lost reports a code of one of the addresses that are lost at TCB: their device names them.
func (b *backend) lost(r *http.Request, lost *sync.Map) bool {
	if lost == nil || r.URL.Path != "/auth/v1/verification/verify" {
		return false
	}
	_, ok := lost.Load(r.Header.Get("X-Device-Id"))
	return ok
}

func timingSite(t *testing.T, change ...func(*siteConfig)) *site {
	s := newSite(t, append([]func(*siteConfig){func(c *siteConfig) {
		c.settings.RefusalFloor = defaultFloor
		c.counter = limitless{}
		c.logins = config.BuiltInPages(c.settings)
		c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}).Registration = loginpage.RegistrationSplit
	}}, change...)...)
	s.backend.captcha("never")
	return s
}

// warm has calls of each kind go well, so that the floors leave where they begin.
func (s *site) warm() *site {
	for range 10 {
		b := s.browser()
		b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		p := b.submit(b.open("/sign-in/email"), fields{"email": demoEmail})
		b.submit(p, fields{"verification_code": s.backend.code(demoEmail)}).completed()
		s.clock.advance(61 * time.Second) // TCB sends one a minute
	}
	return s
}

// TestTimes takes all of them side by side: most of it is waiting.
func TestTimes(t *testing.T) {
	for name, times := range map[string]func(*testing.T){
		"password": passwordTimes, "captcha": captchaTimes, "cold": coldTimes, "poisoned": poisonedTimes, "step-up": stepUpTimes,
		"forced change": forcedChangeTimes,
		"sign-in code":  codeTimes("/sign-in/email", false), "sign-in code, unknown late": codeTimes("/sign-in/email", true),
		"reset code": codeTimes("/reset-password", false), "reset code, unknown late": codeTimes("/reset-password", true),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			times(t)
		})
	}
}

// passwordTimes: a refused password takes as long for an account that exists, one that TCB has
// locked, and none.
func passwordTimes(t *testing.T) {
	s := timingSite(t).warm()
	const perAccount = 8 // fewer than TCB locks after
	for i := range *timingSamples/perAccount + 1 {
		s.backend.register(fmt.Sprintf("known%d@example.com", i), fmt.Sprintf("known%d", i), demoPassword)
	}
	b := s.browser()
	page := b.open("/sign-in")
	guess := func(name string) func() (int, error) {
		return func() (int, error) {
			p, err := b.try(http.MethodPost, page.action(), alone(page.filled(fields{"username": name, "password": "Wrong-pass-1"})), nil)
			if err != nil {
				return 0, err
			}
			return p.status, nil
		}
	}
	for range 10 {
		if _, err := guess("demo")(); err != nil { // TCB locks it
			t.Fatal(err)
		}
	}
	for _, unknownLate := range []bool{false, true} {
		s.backend.late(gap, unknownLate, nil)
		s.clock.advance(time.Second) // the lock of ten minutes stays; an account's failures too
		var probes []probe
		for i := range *timingSamples {
			account := fmt.Sprintf("known%d", i/perAccount)
			if unknownLate {
				account = fmt.Sprintf("known%d@example.com", i/perAccount)
			}
			probes = append(probes, probe{"known", guess(account)}, probe{"unknown", guess(fmt.Sprintf("nobody%d", i))}, probe{"locked", guess("demo")})
		}
		wantAlike(t, fmt.Sprintf("password, unknown late %v", unknownLate), measure(t, probes), "known", "unknown", "locked")
	}
}

// codeTimes: to have a code sent, again, and to type a wrong one, takes as long for an account
// that exists and none, in each flow that sends to accounts alone.
func codeTimes(path string, unknownLate bool) func(*testing.T) {
	return func(t *testing.T) {
		s := timingSite(t).warm()
		targets := (*timingSamples + 3) / 4
		for i := range targets {
			s.backend.register(fmt.Sprintf("known%d@example.com", i), "", "")
		}
		s.backend.late(gap, unknownLate, nil)
		b := s.browser()
		first := b.open(path, "via=email")
		var mu sync.Mutex
		flows := map[string]*page{}
		post := func(from *page, action string, values fields, keep string) func() (int, error) {
			return func() (int, error) {
				form := from.filled(values)
				if action != "" {
					form.Set("action", action)
				}
				p, err := b.try(http.MethodPost, from.action(), form, nil)
				if err != nil || p.status != http.StatusSeeOther || keep == "" {
					return status(p), err
				}
				mu.Lock()
				defer mu.Unlock()
				flows[keep] = p
				return p.status, nil
			}
		}
		each := func(do func(kind string, i int) func() (int, error)) (probes []probe) {
			for i := range targets {
				for _, kind := range []string{"known", "unknown"} {
					probes = append(probes, probe{kind, do(kind, i)})
				}
			}
			return probes
		}
		name := func(kind string, i int) string { return fmt.Sprintf("%s%d@example.com", kind, i) }
		what := fmt.Sprintf("%s, unknown late %v", path, unknownLate)
		sends := map[string][]time.Duration{}
		for round := range 4 {
			times := measure(t, each(func(kind string, i int) func() (int, error) {
				to := name(kind, i)
				if round == 0 {
					return post(first, "", fields{"email": to}, to)
				}
				return post(flows[to], "resend", nil, "")
			}))
			if round == 0 {
				for to, p := range flows {
					flows[to] = b.follow(p)
				}
			}
			for kind := range times {
				sends[kind] = append(sends[kind], times[kind]...)
			}
			s.clock.advance(61 * time.Second) // TCB sends one a minute
		}
		wantAlike(t, "send, "+what, sends, "known", "unknown")
		codes := map[string][]time.Duration{}
		for range 4 {
			times := measure(t, each(func(kind string, i int) func() (int, error) {
				return post(flows[name(kind, i)], "", fields{"verification_code": "000000"}, "")
			}))
			for kind := range times {
				codes[kind] = append(codes[kind], times[kind]...)
			}
		}
		wantAlike(t, "code, "+what, codes, "known", "unknown")
	}
}

// captchaTimes: nor does a captcha of ours before the call tell, for which TCB takes as long as it
// likes.
func captchaTimes(t *testing.T) {
	for _, tt := range []struct {
		path  string
		typed func(name string) fields
	}{
		{"/sign-in", func(name string) fields { return fields{"username": name, "password": "Wrong-pass-1"} }},
		{"/reset-password", func(name string) fields { return fields{"email": name} }},
	} {
		s := timingSite(t, func(c *siteConfig) { c.settings.Environments[0].Limits.AttackMode = true })
		for i := range *timingSamples {
			s.backend.register(fmt.Sprintf("known%d@example.com", i), "", demoPassword)
		}
		b := s.browser()
		first := b.open(tt.path, "via=email")
		times := map[string][]time.Duration{}
		var probes []probe
		for i := range *timingSamples {
			for _, kind := range []string{"known", "unknown"} {
				asked := b.submit(first, tt.typed(fmt.Sprintf("%s%d@example.com", kind, i)))
				form := asked.filled(fields{"captcha_key": s.backend.key()})
				probes = append(probes, probe{kind, func() (int, error) {
					p, err := b.try(http.MethodPost, asked.action(), form, nil)
					if err == nil && p.picture() != "" {
						err = fmt.Errorf("another picture: %q", p.keys())
					}
					return status(p), err
				}})
			}
			if len(probes) < timingInFlight && i < *timingSamples-1 {
				continue // before the pictures of those run out
			}
			s.backend.late(2*gap, false, nil)
			for kind, took := range measure(t, probes) {
				times[kind] = append(times[kind], took...)
			}
			s.backend.answer("", nil)
			probes = nil
		}
		wantAlike(t, fmt.Sprintf("%s after a captcha", tt.path), times, "known", "unknown")
	}
}

// coldTimes: the first answers after a start tell nothing either, although nothing is known yet
// of how long TCB takes. Which kind comes first is up to chance, since a first request also dials.
func coldTimes(t *testing.T) {
	const (
		slow    = 400 * time.Millisecond
		servers = 10 // side by side
	)
	times := map[string][]time.Duration{}
	var mu sync.Mutex
	for range min(*timingSamples, 200) / servers {
		var wg sync.WaitGroup
		for range servers {
			s := timingSite(t)
			s.backend.register("known@example.com", "", demoPassword)
			s.backend.late(slow, false, nil)
			b := s.browser()
			page := b.open("/sign-in")
			wg.Go(func() {
				kinds := []string{"unknown", "known"}
				if rand.N(2) == 0 {
					slices.Reverse(kinds)
				}
				for _, kind := range kinds {
					start := time.Now()
					p, err := b.try(http.MethodPost, page.action(), page.filled(fields{"username": kind + "@example.com", "password": "Wrong-pass-1"}), nil)
					took := time.Since(start)
					if err != nil || p.status != http.StatusUnprocessableEntity {
						t.Errorf("%s: status %d, %v", kind, status(p), err)
					}
					mu.Lock()
					times[kind] = append(times[kind], took)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
	wantAlike(t, "password, right after a start", times, "known", "unknown")
}
