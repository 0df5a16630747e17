//go:build e2e && soak

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var soakFor = flag.Duration("soak.for", 10*time.Minute, "how long people come and go")

// A soak is what TestSoak knows of its people. Failures of TCB and lost connections are part of it;
// what was acknowledged must hold.
type soak struct {
	origins  []string
	emulator *emulator
	rand     func(n int) int

	mu     sync.Mutex
	subs   map[string]string // of who has signed in, by e-mail address
	counts struct{ signedIn, signedUp, signedOut, refused, replayed, failed atomic.Int64 }
}

// TestSoak: people sign up, in and out through both proxies while instances are stopped and killed,
// Redis is restarted, and TCB is slow or fails. Whoever was told that they have an account has one,
// nobody is ever somebody else, no code works twice, and memory does not grow.
func TestSoak(t *testing.T) {
	m := runTwoInstances(t)
	s := newSoak(t, m)
	ctx, done := context.WithTimeout(t.Context(), *soakFor)
	defer done()
	var crowd sync.WaitGroup
	for i := range 12 {
		crowd.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				s.visit(ctx, t, i, n)
			}
		})
	}
	var peak int64
	for began, round := time.Now(), 0; ctx.Err() == nil; round++ {
		s.disturb(ctx, t, m, round)
		for _, name := range []string{"login-1", "login-2"} {
			if anonymous := anonymousMemory(t, m.running[name]); anonymous > peak {
				peak = anonymous
				t.Logf("%5s: memory of %s: %.1f MB", time.Since(began).Round(time.Second), name, float64(peak)/1e6)
			}
		}
	}
	s.emulator.set(t, soakSettings(0))
	crowd.Wait()
	s.settle(t)
	c := &s.counts
	t.Logf("%v: %d sign-ups, %d sign-ins, %d sign-outs, %d wrong codes refused, %d codes tried twice, %d requests failed; peak of memory %.1f MB",
		*soakFor, c.signedUp.Load(), c.signedIn.Load(), c.signedOut.Load(), c.refused.Load(), c.replayed.Load(), c.failed.Load(), float64(peak)/1e6)
	if c.signedIn.Load() < 20 || c.replayed.Load() < 5 || c.signedOut.Load() < 5 {
		t.Error("too little has happened to say anything")
	}
	if peak > 160e6 {
		t.Errorf("an instance has taken %.1f MB", float64(peak)/1e6)
	}
}

// newSoak is for the people of two instances.
func newSoak(t *testing.T, m *twoInstances) *soak {
	t.Helper()
	control, err := url.Parse("http://" + m.addresses["emulator"] + ":8081")
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random, mu := rand.New(rand.NewPCG(seed, seed)), sync.Mutex{}
	s := &soak{
		origins: []string{m.caddy, m.nginx}, emulator: &emulator{url: control, read: map[string]int{}}, subs: map[string]string{},
		rand: func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) },
	}
	s.emulator.set(t, soakSettings(0))
	return s
}

func soakSettings(latency int, faults ...fault) settings {
	return settings{Captcha: "never", LatencyMS: &latency, Faults: append([]fault{}, faults...)}
}

// disturb does one thing that happens to servers.
func (s *soak) disturb(ctx context.Context, t *testing.T, m *twoInstances, round int) {
	t.Helper()
	name := fmt.Sprintf("login-%d", 1+s.rand(2))
	switch round % 5 {
	case 0:
		m.end(t, name, syscall.SIGTERM)
		m.runInstance(t, name, m.file)
	case 1:
		s.emulator.set(t, soakSettings(300))
	case 2:
		m.end(t, name, syscall.SIGKILL)
		m.runInstance(t, name, m.file)
	case 3:
		s.emulator.set(t, soakSettings(0, fault{Path: "/auth/v1/signin", Status: 503, Error: "unavailable", Times: 2},
			fault{Path: "/auth/v1/verification/verify", Status: 500, Error: "internal", Times: 1}))
	case 4:
		m.end(t, "valkey", syscall.SIGTERM)
		m.start(t, "valkey")
	}
	pause := time.NewTimer(4 * time.Second) // some people come and go in between
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}

// anonymousMemory is what a process has taken for itself, in bytes.
func anonymousMemory(t *testing.T, p *process) int64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^Anonymous: +(\d+) kB`).FindSubmatch(data)
	if found == nil {
		t.Fatalf("no memory in %s", data)
	}
	kb, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// newVisitor has an address of their own, since the limits of all are not what this is about.
func (s *soak) newVisitor(t *testing.T, i, n int) *personOf {
	p := newPerson(t, s.origins[s.rand(len(s.origins))])
	from := &net.TCPAddr{IP: net.IPv4(127, byte(i+10), byte(n>>8), byte(n))}
	p.client.Transport = &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{LocalAddr: from}).DialContext}
	return p
}

// visit is what one person does: a code to an address that is new, or of before, then perhaps more.
func (s *soak) visit(ctx context.Context, t *testing.T, i, n int) {
	p := s.newVisitor(t, i, n)
	email := fmt.Sprintf("soak-%d-%d@example.com", i, s.rand(n/3+1))
	page, form, ok := s.sendCode(ctx, p, email)
	if !ok {
		return
	}
	box := s.emulator.outbox(t, email)
	if len(box) == 0 {
		return // TCB has failed
	}
	if s.rand(4) == 0 {
		if _, in := s.post(ctx, p, page, form, "verification_code", "000000"); in != nil && box[0].Code != "000000" {
			t.Errorf("%s: a wrong code signs in %s", email, in.Sub)
		}
		s.counts.refused.Add(1)
	}
	_, in := s.post(ctx, p, page, form, "verification_code", box[0].Code)
	if in == nil {
		return
	}
	s.signedIn(t, email, in.Sub)
	thief := s.newVisitor(t, i+100, n)
	thief.origin = p.origin
	if _, again := s.post(ctx, thief, page, form, "verification_code", box[0].Code); again != nil {
		t.Errorf("%s: a code works in another browser too", email)
	}
	s.counts.replayed.Add(1)
	if s.rand(2) == 0 {
		s.signOut(ctx, t, p, email)
	}
}

// sendCode asks for a code and returns the page and form that take it.
func (s *soak) sendCode(ctx context.Context, p *personOf, email string) (string, url.Values, bool) {
	_, page, err := p.do(ctx, http.MethodGet, p.entry("sign-in/email"), nil)
	if err != nil {
		s.counts.failed.Add(1)
		return "", nil, false
	}
	form := fields(page, "email", email)
	status, page, err := p.do(ctx, http.MethodPost, p.entry("sign-in/email"), form)
	if err != nil || status != http.StatusOK || !strings.Contains(page, `data-page="sign-in-email-code"`) {
		s.counts.failed.Add(1)
		return "", nil, false
	}
	return page, fields(page), true
}

type soakedLogin struct {
	AccessToken string `json:"access_token"`
	Sub         string `json:"sub"`
}

var (
	soakAction = regexp.MustCompile(`<form id="form" method="post" action="([^"]*)"`)
	soakLogin  = regexp.MustCompile(`"access_token":"([^"]+)"`)
)

// post sends the form of a page, and reads who is signed in afterwards.
func (s *soak) post(ctx context.Context, p *personOf, page string, form url.Values, more ...string) (string, *soakedLogin) {
	action := soakAction.FindStringSubmatch(page)
	if action == nil {
		return "", nil
	}
	typed := url.Values{}
	for name, values := range form {
		typed[name] = values
	}
	for i := 0; i < len(more); i += 2 {
		typed.Set(more[i], more[i+1])
	}
	_, answer, err := p.do(ctx, http.MethodPost, strings.ReplaceAll(action[1], "&amp;", "&"), typed)
	if err != nil {
		s.counts.failed.Add(1)
		return "", nil
	}
	found := soakLogin.FindStringSubmatch(answer)
	if found == nil {
		return answer, nil
	}
	in := &soakedLogin{AccessToken: found[1]}
	if parts := strings.Split(found[1], "."); len(parts) == 3 {
		if claims, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(claims, in)
		}
	}
	return answer, in
}

// signedIn notes who an address is, and that it is the same person as ever.
func (s *soak) signedIn(t *testing.T, email, sub string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.signedIn.Add(1)
	switch before, known := s.subs[email]; {
	case sub == "":
		t.Errorf("%s: a login of nobody", email)
	case !known:
		s.subs[email] = sub
		s.counts.signedUp.Add(1)
	case before != sub:
		t.Errorf("%s was %s and is now %s", email, before, sub)
	}
}

// signOut ends a login: after it the portal asks anew, at whichever instance, with the cookies of
// before too.
func (s *soak) signOut(ctx context.Context, t *testing.T, p *personOf, email string) {
	u, err := url.Parse(p.origin + "/__auth/")
	if err != nil {
		t.Error(err)
		return
	}
	kept := p.client.Jar.Cookies(u)
	_, page, err := p.do(ctx, http.MethodGet, p.entry("sign-out"), nil)
	if err != nil {
		s.counts.failed.Add(1)
		return
	}
	status, _, err := p.do(ctx, http.MethodPost, p.entry("sign-out"), fields(page))
	if err != nil || status != http.StatusOK {
		s.counts.failed.Add(1)
		return
	}
	s.counts.signedOut.Add(1)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Error(err)
		return
	}
	jar.SetCookies(u, kept)
	p.client.Jar = jar
	if _, page, err := p.do(ctx, http.MethodGet, p.entry("account/profile"), nil); err == nil && strings.Contains(page, `data-page="account-profile"`) {
		t.Errorf("%s has signed out, and copied cookies still open the portal", email)
	}
}

// settle looks, once all is quiet, for everybody who was told that they have an account.
func (s *soak) settle(t *testing.T) {
	t.Helper()
	there := map[string]string{}
	for _, p := range s.emulator.people(t) {
		there[p.Email] = p.Sub
	}
	for email, sub := range s.subs {
		if there[email] != sub {
			t.Errorf("%s was signed up as %s, and is now %q", email, sub, there[email])
		}
	}
}
