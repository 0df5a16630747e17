package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAccessCookies: a login comes back whole, however long its token is.
func TestAccessCookies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, n := range []int{1, 100, 2000, 2600, 2700, 3000, 4096, 5500, 8000, 9000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := b.load("")
			want := Access{AccessToken: strings.Repeat("x", n), Sub: "1234567890"}
			jar := browser(t, cookies(t, s))
			set, err := s.AccessCookies(scope, want, 2*time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range set {
				if len(c) > 4096 || !strings.HasPrefix(c, "__Secure-tcb_login_at_") || !strings.HasSuffix(c, "; Path=/__auth; Max-Age=7200; HttpOnly; Secure; SameSite=Lax") {
					t.Errorf("%d bytes: %.60s … %s", len(c), c, c[max(0, len(c)-80):])
				}
			}
			if n <= 4096 && len(set) > 2 || len(set) > maxChunks {
				t.Errorf("%d cookies for %d bytes", len(set), n)
			}
			s = b.load(jar + "; " + browser(t, set))
			if got, ok := s.Access(scope); !ok || got != want {
				t.Errorf("%v, %d bytes came back", ok, len(got.AccessToken))
			}
			for _, other := range []Scope{{"demo", "second"}, {"other", "demo"}, {"", ""}} {
				if _, ok := s.Access(other); ok {
					t.Errorf("%+v sees the login", other)
				}
			}
			if cleared := s.ClearAccess(scope); len(cleared) != len(set) {
				t.Errorf("%d of %d cookies are removed", len(cleared), len(set))
			} else if left := browser(t, set, cleared); left != "" {
				t.Errorf("%.40s is left", left)
			}
			if len(set) > 1 {
				for i := range set {
					rest := slices.Delete(slices.Clone(set), i, i+1)
					if _, ok := b.load(jar + "; " + browser(t, rest)).Access(scope); ok {
						t.Errorf("opens without cookie %d", i)
					}
				}
			}
		})
	}
}

func TestAccessBelongsToSession(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	jar := browser(t, cookies(t, b.load("")))
	s := b.load(jar)
	login := func(s *Session, token string) string {
		set, err := s.AccessCookies(scope, Access{AccessToken: token, Sub: "me"}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return browser(t, set)
	}
	access := login(s, "token")
	opens := func(cookies string) bool {
		_, ok := b.load(cookies).Access(scope)
		return ok
	}
	if !opens(jar+"; "+access) || opens(access) || opens(browser(t, cookies(t, b.load("")))+"; "+access) {
		t.Error("the login opens without its session, or not with it")
	}
	for _, digit := range []string{"0", "2", "5", "9", "x", "/", ""} {
		name, value, _ := strings.Cut(access, "=")
		if opens(jar + "; " + name + "=" + digit + value[1:]) {
			t.Errorf("opens with %q for its number of cookies", digit)
		}
	}
	// One left over from a longer token is not read.
	long := login(s, strings.Repeat("x", 6000))
	if leftover := long[strings.Index(long, "; ")+2:]; !opens(jar + "; " + access + "; " + leftover) {
		t.Error("a cookie left over from a longer token spoils a shorter one")
	}
	b.now = midnight.Add(time.Hour)
	if opens(jar + "; " + access) {
		t.Error("it outlives the token")
	}
	b.now = midnight
	// Another sign-in of the same browser does not end it, sign-out does.
	again := browser(t, rotate(t, b.load(jar), "lin"))
	if !opens(again + "; " + access) {
		t.Error("signing in for one client ends the login of another")
	}
	out := browser(t, rotate(t, b.load(again), ""))
	if opens(out+"; "+access) || opens(jar+"; "+access) || opens(again+"; "+access) {
		t.Error("it outlives sign-out")
	}
}

// TestStepUpEnds: whoever signs in, or steps up, for one client ends the step-ups of all others in
// that browser. The logins stay.
func TestStepUpEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.load("")
	own := cookies(t, s)
	other := Scope{Env: "demo", Client: "second"}
	login := func(s *Session, at Scope) []string {
		t.Helper()
		set, err := s.AccessCookies(at, Access{AccessToken: "token", Sub: "me", SudoToken: "sudo", SudoUntil: midnight.Add(time.Hour).Unix()}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	first := login(s, scope)
	proof := seal(t, s, "proof", "a right code", time.Hour)
	var got string
	if a, ok := b.load(browser(t, own, first)).Access(scope); !ok || a.SudoToken != "sudo" || !s.OpenProof(scope, "proof", proof, &got) {
		t.Fatalf("before: %+v", a)
	}
	s = b.load(browser(t, own, first))
	own = rotate(t, s, "lin")
	second := login(s, other)
	s = b.load(browser(t, own, first, second))
	if a, ok := s.Access(scope); !ok || a.Sub != "me" || a.SudoToken != "" || a.SudoUntil != 0 {
		t.Errorf("the login of before: %+v", a)
	}
	if a, ok := s.Access(other); !ok || a.SudoToken != "sudo" {
		t.Errorf("the new one: %+v", a)
	}
	if s.OpenProof(scope, "proof", proof, &got) {
		t.Error("what was proven outlives a sign-in")
	}
	if !s.Open(scope, "proof", proof, &got) {
		t.Error("and what was sealed does not")
	}
}

// TestPersonEnds: what a sign-in has proven, and what somebody has left half done, is nobody else's
// who signs in in that browser, for another client or environment too. Who signs in once more keeps it.
func TestPersonEnds(t *testing.T) {
	t.Parallel()
	other := Scope{Env: "demo", Client: "second"}
	for _, tt := range []struct {
		name   string
		people []string // who signs in, one after the other; the first for scope, the others elsewhere
		stays  bool     // what the first one has proven
		opens  bool     // their login
	}{
		{"nobody", []string{"lin"}, true, true},
		{"somebody else", []string{"lin", "mei"}, false, true},
		{"the same", []string{"lin", "lin"}, true, true},
		{"somebody else, and the first one again", []string{"lin", "mei", "lin"}, false, false},
		{"the same, and somebody else", []string{"lin", "lin", "mei"}, false, false},
		{"sign-out", []string{"lin", ""}, false, false},
		{"sign-out, and the same", []string{"lin", "", "lin"}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			own := rotate(t, b.load(browser(t, cookies(t, b.load("")))), tt.people[0])
			s := b.load(browser(t, own))
			login, err := s.AccessCookies(scope, Access{AccessToken: "token", Sub: "lin", AuthAt: midnight.Unix()}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			flow, err := s.FlowCookies("trip", "state", "typed", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			typed := seal(t, s, "kept", "typed", time.Hour)
			jar := browser(t, own, login, flow)
			for _, who := range tt.people[1:] {
				s = b.load(jar)
				own = rotate(t, s, who)
				elsewhere, err := s.AccessCookies(other, Access{AccessToken: "another", Sub: who}, time.Hour)
				if err != nil {
					t.Fatal(err)
				}
				jar = browser(t, own, login, flow, elsewhere)
			}
			s = b.load(jar)
			a, ok := s.Access(scope)
			if ok != tt.opens || (a.AuthAt != 0) != tt.stays {
				t.Errorf("the login: %v %+v", ok, a)
			}
			var got string
			if opens := s.OpenPersonal(scope, "kept", typed, &got); opens != tt.stays || opens != (got == "typed") {
				t.Errorf("what was typed opens: %v, as %q", opens, got)
			}
			if opens, another := s.OpenOwn(scope, "kept", typed, &got), slices.Contains(tt.people, "mei") || slices.Contains(tt.people, ""); opens == another {
				t.Errorf("what was solved opens: %v", opens)
			}
			if opens := s.FlowPersonal("trip", "state", &got); opens != tt.stays {
				t.Errorf("what waits in a cookie opens: %v", opens)
			}
		})
	}
}

// TestNobodyBefore: where nobody was signed in, the first who does so ends what secrets went into,
// and not what anybody may have solved.
func TestNobodyBefore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	own := cookies(t, b.load(""))
	s := b.load(browser(t, own))
	typed := seal(t, s, "kept", "typed", time.Hour)
	flow, err := s.FlowCookies("trip", "state", "typed", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s = b.load(browser(t, rotate(t, s, "lin"), flow))
	var got string
	if s.OpenPersonal(scope, "kept", typed, &got) || s.FlowPersonal("trip", "state", &got) {
		t.Error("what was typed opens for who signs in")
	}
	if !s.OpenOwn(scope, "kept", typed, &got) || !s.FlowOwn("trip", "state", &got) || !s.Open(scope, "kept", typed, &got) {
		t.Error("what anybody may have solved does not")
	}
}

// TestAccessRoom: logins for many clients never add up to more than servers read of a header: those that
// were there go, and never the new one. One that takes its own place costs no other.
func TestAccessRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	jar := browser(t, cookies(t, b.load("")))
	login := func(client string) (held int) {
		t.Helper()
		scope := Scope{"demo", client}
		set, err := b.load(jar).AccessCookies(scope, Access{AccessToken: strings.Repeat("x.", 1200), Sub: client}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		jar = browser(t, cookiesOf(jar), set)
		if a, ok := b.load(jar).Access(scope); !ok || a.Sub != client {
			t.Errorf("%s: the new login is not there", client)
		}
		for pair := range strings.SplitSeq(jar, "; ") {
			if name, value, _ := strings.Cut(pair, "="); strings.Contains(name, accessCookieName) {
				held += len(value)
			}
		}
		return held
	}
	has := func(client string) bool {
		_, ok := b.load(jar).Access(Scope{"demo", client})
		return ok
	}
	login("a")
	login("b")
	if login("b"); !has("a") || !has("b") {
		t.Errorf("who signs in once more loses a login: a %t, b %t", has("a"), has("b"))
	}
	for _, client := range []string{"c", "d", "e", "f", "g"} {
		if held := login(client); held > maxAccess {
			t.Errorf("%s: the logins take %d bytes, want %d at most", client, held, maxAccess)
		}
	}
}

// cookiesOf are the cookies of a Cookie header, as they would be set.
func cookiesOf(jar string) []string { return strings.Split(jar, "; ") }
