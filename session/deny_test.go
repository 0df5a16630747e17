package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestRotateDeniesWhatCounts: places on the deny list that anybody could take
// by asking for pages would push out those that count.
func TestRotateDeniesWhatCounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 10 {
		rotate(t, b.load(""), "") // signing out without a cookie
		rotate(t, b.load(browser(t, cookies(t, b.load("")))), "")
	}
	rotate(t, b.load(""), "lin") // no cookie ever held this id
	if len(b.deny.keys) != 0 {
		t.Errorf("%d ids are denied that had no login to lose", len(b.deny.keys))
	}
}

// TestDenyListKinds: what begins and what ends are told apart, so that neither pushes out the other.
func TestDenyListKinds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := browser(t, cookies(t, b.load("")))
	in := browser(t, rotate(t, b.load(first), "lin"))
	if all, ended := len(b.deny.keys), b.deny.ended; all != 1 || ended != 0 {
		t.Errorf("a login that begins: %d ids, %d of them ended", all, ended)
	}
	rotate(t, b.load(in), "")
	if all, ended := len(b.deny.keys), b.deny.ended; all != 2 || ended != 1 {
		t.Errorf("a login that ends: %d ids, %d of them ended", all, ended)
	}
	for _, cookie := range []string{first, in} {
		if s := b.load(cookie); !s.denied {
			t.Error("a denied id is taken")
		}
	}
}

// TestQuota: an account that begins and ends logins without end has only so many ids denied, and
// nobody else has fewer for it. The account is the one that the session knows, whatever cookies of
// a login come with it.
func TestQuota(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	counts := map[string]int{}
	b.quota = func(_ context.Context, account string) bool {
		counts[account]++
		return counts[account] <= 3
	}
	inAndOut := func(account string) {
		jar := browser(t, cookies(t, b.load("")))
		rotate(t, b.load(browser(t, rotate(t, b.load(jar), account))), "")
	}
	for range 10 {
		inAndOut("lin")
	}
	if len(b.deny.keys) != 6 {
		t.Errorf("%d ids are denied, want three of each kind", len(b.deny.keys))
	}
	inAndOut("wei")
	if len(b.deny.keys) != 8 {
		t.Errorf("%d ids are denied after another account's turn, want 8", len(b.deny.keys))
	}
	for account := range counts {
		if strings.Contains(account, "lin") || strings.Contains(account, "wei") {
			t.Errorf("%q names somebody", account)
		}
	}
}

// TestDenyListAway: where the list does not know, logins that it would have to know are not taken,
// and all else of the session goes on. A login that begins then is taken.
func TestDenyListAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.load(browser(t, cookies(t, b.load(""))))
	set := rotate(t, s, "lin")
	code := seal(t, s, "flow", "a code", time.Hour)
	token := s.CSRFToken()
	access, err := s.AccessCookies(scope, Access{AccessToken: "token"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	jar := browser(t, set, access)
	for _, tt := range []struct {
		unsure time.Time
		login  bool
	}{{time.Time{}, true}, {b.now, true}, {b.now.Add(time.Second), false}} {
		b.deny.unsure = tt.unsure
		var got string
		for _, s := range []*Session{b.load(jar), b.glance(jar)} {
			if _, ok := s.Access(scope); ok != tt.login {
				t.Errorf("unsure before %v: the login is taken: %v", tt.unsure, ok)
			}
			if !s.CSRFValid(token) || !s.Open(scope, "flow", code, &got) || !s.OpenProof(scope, "flow", code, &got) {
				t.Errorf("unsure before %v: what else the session has is lost", tt.unsure)
			}
			if s.OpenStepUp(scope, "flow", code, &got) != tt.login {
				t.Errorf("unsure before %v: what counts as a step-up is taken: %v", tt.unsure, !tt.login)
			}
			if _, ok := s.AccessToEnd(scope); !ok {
				t.Errorf("unsure before %v: nobody can sign out", tt.unsure)
			}
		}
	}
	b.now = b.now.Add(2 * time.Second)
	s = b.load(jar)
	set = rotate(t, s, "lin")
	if access, err = s.AccessCookies(scope, Access{AccessToken: "token"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	jar = browser(t, set, access)
	if _, ok := b.glance(jar).Access(scope); !ok {
		t.Error("a login that has begun since is not taken")
	}
	b.deny.away = errors.New("away")
	if err := b.load(jar).Rotate(t.Context(), "lin"); !errors.Is(err, b.deny.away) {
		t.Errorf("Rotate: %v", err)
	}
}

// TestDenyListAsked: the list is asked once at most, where a login or a sealed value is opened or
// something changes, and for nothing else.
func TestDenyListAsked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.load("")
	jar := browser(t, cookies(t, first))
	code := seal(t, first, "flow", "a code", time.Hour)
	flow, err := first.FlowCookies("flow", "state", "a value", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	access, err := first.AccessCookies(scope, Access{}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	keep := func() bool { return true }
	for _, tt := range []struct {
		name string
		jar  []string
		do   func(s *Session)
		want int
	}{
		{"a newcomer's POST", []string{""}, (*Session).Settle, 0},
		{"a form", []string{jar}, func(s *Session) {
			s.CSRFToken()
			s.DeviceID()
			s.Locale()
			s.Access(scope)
			s.Open(scope, "flow", "", &got)
			s.OpenProof(scope, "flow", "", &got)
			s.FlowValue("flow", "state", &got)
			s.OnlyFlow("flow", &got, keep)
			_, _ = s.Cookies()
		}, 0},
		{"a POST", []string{jar}, func(s *Session) { s.Settle(); s.Settle(); s.Open(scope, "flow", code, &got) }, 1},
		{"a login", []string{jar, browser(t, access)}, func(s *Session) { s.Access(scope); s.Access(scope) }, 1},
		{"a flow", []string{jar}, func(s *Session) { s.Open(scope, "flow", code, &got) }, 1},
		{"a proof", []string{jar}, func(s *Session) { s.OpenProof(scope, "flow", code, &got) }, 1},
		{"a flow's cookie", []string{jar, browser(t, flow)}, func(s *Session) { s.FlowValue("flow", "state", &got) }, 1},
		{"the only one", []string{jar, browser(t, flow)}, func(s *Session) { s.OnlyFlow("flow", &got, keep) }, 1},
	} {
		b.deny.asked = 0
		tt.do(b.glance(strings.Join(tt.jar, "; ")))
		if b.deny.asked != tt.want {
			t.Errorf("%s: asked %d times, want %d", tt.name, b.deny.asked, tt.want)
		}
	}
}

// TestDeniedFoundLate: a request that changes nothing gets no cookie in the place of a denied one,
// opens nothing of it, and has no token that would do.
func TestDeniedFoundLate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.load("")
	jar := browser(t, cookies(t, first))
	code := seal(t, first, "flow", "a code", time.Hour)
	rotate(t, b.load(jar), "lin")
	s := b.glance(jar)
	var got string
	if s.Open(scope, "flow", code, &got) || !s.Denied() || same(s, first) {
		t.Error("a denied id opens something")
	}
	if set := cookies(t, s); set != nil {
		t.Errorf("a request that changes nothing sets %q", set)
	}
	if b.load(jar).CSRFValid(s.CSRFToken()) || b.load(jar).CSRFValid(b.glance(jar).CSRFToken()) {
		t.Error("a token of a denied id is good")
	}
}
