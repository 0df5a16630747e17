//go:build !race

package handlers

import (
	"bytes"
	"cmp"
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
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What must not tell who has an account does not tell by its time either: samples of each kind are
// taken in turns, some in flight at once, before a TCB whose answers about what it does not know
// are 80 ms faster, then slower. `make test-all` takes five hundred of each, wants more of them, and
// takes every flow with every kind of account.
//
// The race detector makes hashing so slow that two cores are full and the floor's most is passed,
// which says nothing of the program that people run: `make unit` has these tests without it, alone.

var (
	timingSamples = flag.Int("timing.samples", 100, "samples of each kind that timings are compared by")
	timingMost    = flag.Float64("timing.most", 0.65, "the most that a time may tell, as an AUC")
	timingAll     = flag.Bool("timing.all", false, "compare every kind of account in every step of every flow")
)

const timingInFlight = 16

// A timing is one run of what compares times.
type timing struct {
	*testing.T
	samples int      // of each kind
	most    float64  // that a time may tell, as an AUC
	told    []string // what told more
}

// wantUntold lets a hundred samples say only that all is well: of two kinds that do not differ, one
// comparison in some thousands passes 0.65 by chance, and a run makes dozens of them. Where one
// does, all of it is done again with as many samples and as strictly as in `make test-all`. A time that
// tells only while the other tests run beside this one may tell nothing by then.
func wantUntold(t *testing.T, times func(*timing)) {
	const (
		enough   = 500
		strictly = 0.6
	)
	run := &timing{T: t, samples: *timingSamples, most: *timingMost}
	times(run)
	if run.told != nil && run.samples < enough {
		t.Logf("once more, with %d samples: %q", enough, run.told)
		run = &timing{T: t, samples: enough, most: min(strictly, *timingMost)}
		times(run)
	}
	for _, what := range run.told {
		t.Error(what)
	}
}

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
func (t *timing) wantAlike(what string, times map[string][]time.Duration, kinds ...string) {
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
		if got > t.most {
			t.told = append(t.told, fmt.Sprintf("%s: a time tells %s from %s: AUC %.2f, want %.2f at most", what, kind, kinds[0], got, t.most))
		}
	}
}

// gap is by how much TCB answers some of what it is asked later than the rest.
const gap = 80 * time.Millisecond

// An exchange is a call of TCB's and what it answers.
type exchange struct {
	path, device string
	name, id     string // whom the call is about: a name, or the verification_id of a code
	refused      string // the error
	issued       string // the verification_id
}

// late makes the emulator answer some calls later, and refuse some with a code; instead may be nil.
func (b *backend) late(by time.Duration, slow func(exchange) bool, instead func(exchange) string) {
	b.answer("", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		b.em.ServeHTTP(rec, r)
		var asked struct {
			Username, Email string
			Phone           string `json:"phone_number"`
			ID              string `json:"verification_id"`
		}
		var said struct {
			Error string
			ID    string `json:"verification_id"`
		}
		_ = json.Unmarshal(body, &asked)
		_ = json.Unmarshal(rec.Body.Bytes(), &said)
		e := exchange{
			path: strings.TrimPrefix(r.URL.Path, "/auth"), device: r.Header.Get("X-Device-Id"),
			name: cmp.Or(asked.Username, asked.Email, asked.Phone), id: asked.ID, refused: said.Error, issued: said.ID,
		}
		if instead != nil {
			if code := instead(e); code != "" {
				e.refused, e.issued = code, ""
				rec.Code = http.StatusBadRequest
				rec.Body = bytes.NewBufferString(fmt.Sprintf(`{"error":%q,"error_code":5,"error_description":"refused"}`, code))
			}
		}
		if slow(e) {
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

// unknownIs picks, by TCB's answers, the exchanges about what it does not know, or all others.
func unknownIs(picked bool) func(exchange) bool {
	refusals := []string{"not_found", "user_not_found", "invalid_status", "failed_precondition", "user_blocked"}
	return func(e exchange) bool { return slices.Contains(refusals, e.refused) == picked }
}

func timingSite(t *testing.T, change ...func(*siteConfig)) *site {
	s := newSite(t, append([]func(*siteConfig){registers(false), func(c *siteConfig) {
		c.settings.RefusalFloor = defaultFloor
		c.counter = limitless{}
	}}, change...)...)
	s.backend.captcha("never")
	return s
}

// warm has calls of each kind go well, so that the floors leave where they begin.
func (s *site) warm() *site {
	const calls = 10
	var signIns, sends, codes []func(*browser) error
	post := func(b *browser, p *page, typed fields, into **page) error {
		got, err := b.try(http.MethodPost, p.action(), alone(p.filled(typed)), nil)
		if err == nil && got.status != http.StatusOK && got.status != http.StatusSeeOther {
			err = fmt.Errorf("status %d, %q", got.status, got.keys())
		}
		*into = got
		return err
	}
	first := s.browser()
	pages := map[string]*page{byName: first.open("/sign-in"), byEmail: first.open("/sign-up", "via=email"), byPhone: first.open("/sign-up", "via=phone")}
	sent := make([]*page, 2*calls)
	for i := range calls {
		signIns = append(signIns, func(b *browser) error {
			var done *page
			return post(b, pages[byName], fields{"username": "demo", "password": demoPassword}, &done)
		})
		for j, by := range []string{byEmail, byPhone} {
			to := map[string]string{byEmail: fmt.Sprintf("warm%d@example.com", i), byPhone: fmt.Sprintf("1370000000%d", i)}[by]
			at := 2*i + j
			sends = append(sends, func(b *browser) error { return post(b, pages[by], typedName(by, to), &sent[at]) })
		}
	}
	for _, do := range signIns { // side by side they take so long that it raises the floor
		if err := do(first); err != nil {
			s.t.Fatal(err)
		}
	}
	s.atOnce(first, sends[:calls])
	s.atOnce(first, sends[calls:])
	for i := range calls {
		p := first.follow(sent[2*i])
		code := s.backend.code(fmt.Sprintf("warm%d@example.com", i))
		codes = append(codes, func(b *browser) error {
			var done *page
			return post(b, p, fields{"verification_code": code}, &done)
		})
	}
	s.atOnce(first, codes)
	s.clock.advance(61 * time.Second) // TCB sends one a minute
	return s
}

// atOnce does all of it side by side.
func (s *site) atOnce(b *browser, all []func(*browser) error) {
	s.t.Helper()
	var wg sync.WaitGroup
	for _, do := range all {
		wg.Go(func() {
			if err := do(b); err != nil {
				s.t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestTimes takes all of them side by side: most of it is waiting.
func TestTimes(t *testing.T) {
	tests := map[string]func(*timing){
		"captcha": captchaTimes, "cold": coldTimes, "poisoned": poisonedTimes, "step-up": stepUpTimes, "forced change": forcedChangeTimes,
	}
	for by, inCI := range map[string]bool{byName: true, byEmail: false, byPhone: false} {
		if inCI || *timingAll {
			tests["password by "+by] = passwordTimes(by)
		}
	}
	for _, flow := range codeFlows {
		kinds := flow.inCI
		if *timingAll {
			kinds = codeKinds
		}
		if kinds == nil {
			continue
		}
		for _, late := range []bool{false, true} {
			tests[fmt.Sprintf("%v, special late %v", flow, late)] = codeTimes(flow, kinds, late)
		}
	}
	for name, times := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantUntold(t, times)
		})
	}
}

// captchaTimes: nor does a captcha of ours before the call tell, for which TCB takes as long as it
// likes.
func captchaTimes(t *timing) {
	for _, tt := range []struct {
		path  string
		typed func(name string) fields
	}{
		{"/sign-in", func(name string) fields { return fields{"username": name, "password": "Wrong-pass-1"} }},
		{"/reset-password", func(name string) fields { return fields{"email": name} }},
	} {
		s := timingSite(t.T, func(c *siteConfig) { c.settings.Environments[0].Limits.AttackMode = true })
		for i := range t.samples {
			s.backend.register(fmt.Sprintf("known%d@example.com", i), "", demoPassword)
		}
		b := s.browser()
		first := b.open(tt.path, "via=email")
		times := map[string][]time.Duration{}
		var probes []probe
		for i := range t.samples {
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
			if len(probes) < timingInFlight && i < t.samples-1 {
				continue // before the pictures of those run out
			}
			s.backend.late(2*gap, unknownIs(false), nil)
			for kind, took := range measure(t.T, probes) {
				times[kind] = append(times[kind], took...)
			}
			s.backend.answer("", nil)
			probes = nil
		}
		t.wantAlike(fmt.Sprintf("%s after a captcha", tt.path), times, "known", "unknown")
	}
}

// coldTimes: the first answers after a start tell nothing either, although nothing is known yet
// of how long TCB takes. Which kind comes first is up to chance, since a first request also dials.
func coldTimes(t *timing) {
	const (
		slow    = 400 * time.Millisecond
		servers = 10 // side by side
	)
	times := map[string][]time.Duration{}
	var mu sync.Mutex
	for range min(t.samples, 200) / servers {
		var wg sync.WaitGroup
		for range servers {
			s := timingSite(t.T)
			s.backend.register("known@example.com", "", demoPassword)
			s.backend.late(slow, unknownIs(false), nil)
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
	t.wantAlike("password, right after a start", times, "known", "unknown")
}
