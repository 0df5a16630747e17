package session

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"
)

var (
	oldKey   = []byte("an old key of the session's tests")
	newKey   = []byte("a new key of the session's tests!")
	scope    = Scope{Env: "demo", Client: "demo"}
	midnight = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
)

// denyList is one in memory; away makes it fail.
type denyList struct {
	keys map[string]time.Duration
	away error
}

func (d *denyList) Add(_ context.Context, key string, ttl time.Duration) error {
	if d.away == nil {
		d.keys[key] = ttl
	}
	return d.away
}

func (d *denyList) Has(_ context.Context, key string) (bool, error) {
	_, has := d.keys[key]
	return has, d.away
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
	m, err := New(Config{Keys: keys, Deny: b.deny, Ended: b.deny, BasePath: "/__auth", Now: func() time.Time { return b.now }, Rand: random})
	if err != nil {
		t.Fatal(err)
	}
	b.Manager = m
	return b
}

// load reads a Cookie header.
func (b *bench) load(cookies string) *Session {
	b.t.Helper()
	s, err := b.Load(b.t.Context(), cookies, true)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
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

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	deny := &denyList{keys: map[string]time.Duration{}}
	for name, cfg := range map[string]Config{
		"no key":           {Deny: deny, Ended: deny},
		"an empty key":     {Keys: [][]byte{nil}, Deny: deny, Ended: deny},
		"a short key":      {Keys: [][]byte{newKey[:MinKey-1]}, Deny: deny, Ended: deny},
		"a short old key":  {Keys: [][]byte{newKey, []byte("short")}, Deny: deny, Ended: deny},
		"no deny list":     {Keys: [][]byte{newKey}, Ended: deny},
		"one list":         {Keys: [][]byte{newKey}, Deny: deny},
		"nothing whatever": {},
	} {
		_, err := New(cfg)
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if len(cfg.Keys) > 0 && bytes.Contains([]byte(err.Error()), newKey[:10]) {
			t.Errorf("%s: the error %q holds a key", name, err)
		}
	}
	if _, err := New(Config{Keys: [][]byte{newKey[:MinKey]}, Deny: deny, Ended: deny}); err != nil {
		t.Errorf("a key of %d bytes: %v", MinKey, err)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.load("")
	set := cookies(t, first)
	if len(set) != 1 || !strings.HasPrefix(set[0], "__Host-tcb_login=") || !strings.HasSuffix(set[0], "; Path=/; HttpOnly; Secure; SameSite=Lax") {
		t.Errorf("Set-Cookie %q", set)
	}
	if more := cookies(t, first); more != nil {
		t.Errorf("the cookie is set twice: %q", more)
	}
	jar := browser(t, set)
	if len(jar) > 600 {
		t.Errorf("the cookie has %d bytes", len(jar))
	}
	second := b.load("other=1; " + jar)
	if !same(first, second) || cookies(t, second) != nil {
		t.Error("the session is not found again, or set anew without need")
	}
	if same(first, b.load("")) {
		t.Error("two browsers have one session")
	}
	plain, err := b.Load(t.Context(), "", false)
	if err != nil {
		t.Fatal(err)
	}
	set = cookies(t, plain)
	if len(set) != 1 || !strings.HasPrefix(set[0], "tcb_login=") || !strings.HasSuffix(set[0], "; Path=/; HttpOnly; SameSite=Lax") {
		t.Errorf("on http Set-Cookie %q", set)
	}
	// A cookie of one scheme is none of the other's, also not under its name.
	for _, cookie := range []string{browser(t, set), "__Host-" + browser(t, set), strings.TrimPrefix(jar, "__Host-")} {
		for _, secure := range []bool{true, false} {
			if cookie == browser(t, set) && !secure || cookie == jar && secure {
				continue
			}
			s, err := b.Load(t.Context(), cookie, secure)
			if err != nil || same(first, s) || same(plain, s) {
				t.Errorf("%.30s… is taken with secure %v, %v", cookie, secure, err)
			}
		}
	}
	for _, name := range []string{"demo", "password", "id", "csrf"} {
		value, err := base64.URLEncoding.DecodeString(strings.TrimPrefix(jar, "__Host-tcb_login="))
		if err == nil && bytes.Contains(value, []byte(`"`+name+`"`)) {
			t.Errorf("the cookie can be read: %q", value)
		}
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.load("")
	first.SetLocale("zh-CN")
	jar := browser(t, cookies(t, first))
	for _, tt := range []struct {
		after time.Duration
		good  bool
	}{
		{0, true}, {MaxAge - time.Second, true}, {MaxAge, false}, {MaxAge + time.Hour, false},
		{-30 * time.Second, true}, {-2 * time.Minute, false}, // a clock that was set back; a cookie from the future
	} {
		b.now = midnight.Add(tt.after)
		s := b.load(jar)
		if same(first, s) != tt.good || (len(cookies(t, s)) == 0) != tt.good {
			t.Errorf("after %v the session is the same: %v, want %v", tt.after, same(first, s), tt.good)
		}
		if s.Locale() != "zh-CN" {
			t.Errorf("after %v the chosen language is %q", tt.after, s.Locale())
		}
	}
}

func TestTampered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.load("")
	jar := browser(t, cookies(t, first))
	start := len("__Host-tcb_login=")
	for i := start; i < len(jar); i++ {
		changed := []byte(jar)
		changed[i] = map[bool]byte{true: 'A', false: 'B'}[changed[i] != 'A']
		if s := b.load(string(changed)); same(first, s) && i < len(jar)-3 { // the end may be padding bits
			t.Errorf("changed at %d and still good", i-start)
		}
	}
	for _, cookie := range []string{
		jar[:len(jar)-10], jar + "AAAA", "__Host-tcb_login=", "__Host-tcb_login=x", "__Host-tcb_login", ";;;=", "\xff\x00", "__Host-tcb_login=" + strings.Repeat("A", 5000),
		strings.Replace(jar, "tcb_login=", "tcb_login=A", 1),
	} {
		s := b.load(cookie)
		if same(first, s) || len(cookies(t, s)) != 1 {
			t.Errorf("%.40q is a session", cookie)
		}
	}
	if same(first, newBench(t, oldKey).load(jar)) {
		t.Error("a session opens under another key")
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.load("")
	jar := browser(t, cookies(t, s))
	seen := map[string]bool{}
	for range 100 {
		token := s.CSRFToken()
		if seen[token] {
			t.Fatal("the same token twice")
		}
		seen[token] = true
		if !s.CSRFValid(token) || !b.load(jar).CSRFValid(token) {
			t.Fatalf("%s is not good in its own session", token)
		}
		if b.load("").CSRFValid(token) {
			t.Fatal("a token is good in another session")
		}
	}
	token := s.CSRFToken()
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		changed := bytes.Clone(raw)
		changed[i] ^= 1
		if s.CSRFValid(base64.RawURLEncoding.EncodeToString(changed)) {
			t.Errorf("changed at byte %d and still good", i)
		}
	}
	for _, bad := range []string{"", "x", token[:43], token + "AA", token + "=", strings.Repeat("A", len(token)), strings.Repeat("!", len(token))} {
		if s.CSRFValid(bad) {
			t.Errorf("%q is good", bad)
		}
	}
	rotate(t, s, "lin")
	if s.CSRFValid(token) {
		t.Error("a token outlives sign-in")
	}
}

func TestRotate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.load("")
	s.SetLocale("zh-CN")
	before := browser(t, cookies(t, s))
	s = b.load(before)
	code := seal(t, s, "flow", "a code", time.Hour)
	signedIn := browser(t, rotate(t, s, "lin"))
	if len(b.deny.keys) != 1 {
		t.Errorf("denied %v, want the old id", b.deny.keys)
	}
	for key, ttl := range b.deny.keys {
		if ttl < MaxAge {
			t.Errorf("%s is denied for %v, its cookie lives for %v", key, ttl, MaxAge)
		}
	}
	var got string
	s = b.load(signedIn)
	switch {
	case same(s, b.load(before)):
		t.Error("the old cookie is the new session")
	case len(cookies(t, b.load(before))) != 1:
		t.Error("the old cookie is not replaced")
	case !s.Open(scope, "flow", code, &got) || got != "a code":
		t.Error("signing in in one tab costs another tab its code")
	case b.load(before).Open(scope, "flow", code, &got):
		t.Error("the old cookie opens what was sealed")
	case b.load("").Open(scope, "flow", code, &got):
		t.Error("anybody opens what was sealed")
	case s.Locale() != "zh-CN" || b.load(before).Locale() != "zh-CN":
		t.Error("the language is lost")
	}
	kept := seal(t, s, "flow", "another", time.Hour)
	s = b.load(signedIn)
	signedOut := b.load(browser(t, rotate(t, s, "")))
	for _, sealed := range []string{code, kept} {
		if signedOut.Open(scope, "flow", sealed, &got) {
			t.Error("what was sealed before outlives sign-out")
		}
	}
	if len(b.deny.keys) != 2 || len(cookies(t, b.load(signedIn))) != 1 {
		t.Error("the cookie of the login outlives sign-out")
	}
}

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

// TestDenyListsApart: what begins and what ends are on lists of their own, either of which is asked.
func TestDenyListsApart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ended = &denyList{keys: map[string]time.Duration{}}
	first := browser(t, cookies(t, b.load("")))
	in := browser(t, rotate(t, b.load(first), "lin"))
	if began, ended := len(b.deny.keys), len(b.ended.(*denyList).keys); began != 1 || ended != 0 {
		t.Errorf("a login that begins: %d and %d ids", began, ended)
	}
	rotate(t, b.load(in), "")
	if began, ended := len(b.deny.keys), len(b.ended.(*denyList).keys); began != 1 || ended != 1 {
		t.Errorf("a login that ends: %d and %d ids", began, ended)
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

func TestDenyListAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	jar := browser(t, cookies(t, b.load("")))
	s := b.load(jar)
	b.deny.away = errors.New("away")
	if _, err := b.Load(t.Context(), jar, true); !errors.Is(err, b.deny.away) {
		t.Errorf("Load: %v", err)
	}
	if err := s.Rotate(t.Context(), "lin"); !errors.Is(err, b.deny.away) {
		t.Errorf("Rotate: %v", err)
	}
	if _, err := b.Load(t.Context(), "", true); err != nil {
		t.Errorf("a newcomer has nothing to look up: %v", err)
	}
}

// TestSealed: what is sealed opens for the same session, scope and purpose in
// its time, and for nothing else.
func TestSealed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s, other := b.load(""), b.load("")
	property := func(env, client, purpose, value string, ttl uint16) bool {
		b.now = midnight
		life := time.Duration(ttl)*time.Second + time.Second
		value = strings.ToValidUTF8(value, "?")
		at := Scope{env, client}
		sealed, err := s.Seal(at, purpose, value, life)
		if err != nil {
			return false
		}
		opens := func(s *Session, at Scope, purpose string) bool {
			var got string
			return s.Open(at, purpose, sealed, &got) && got == value
		}
		b.now = midnight.Add(life - time.Second)
		good := opens(s, at, purpose) && !opens(other, at, purpose) &&
			!opens(s, Scope{env + "x", client}, purpose) && !opens(s, Scope{env, client + "x"}, purpose) && !opens(s, at, purpose+"x") &&
			(env == client || !opens(s, Scope{client, env}, purpose))
		// No character can wander from one part into the next.
		if env != "" {
			last := len(env) - 1
			good = good && !opens(s, Scope{env[:last], env[last:] + client}, purpose) && !opens(s, Scope{env[1:], client}, purpose+env[:1])
		}
		b.now = midnight.Add(life)
		return good && !opens(s, at, purpose)
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 300}); err != nil {
		t.Error(err)
	}
}

func TestSealedTampered(t *testing.T) {
	t.Parallel()
	s := newBench(t).load("")
	sealed := seal(t, s, "p", "value", time.Hour)
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	for i := range raw {
		changed := bytes.Clone(raw)
		changed[i] ^= 0x80
		if s.Open(scope, "p", base64.RawURLEncoding.EncodeToString(changed), &got) {
			t.Errorf("changed at byte %d and still opens", i)
		}
	}
	for n := range len(raw) {
		if s.Open(scope, "p", base64.RawURLEncoding.EncodeToString(raw[:n]), &got) {
			t.Errorf("opens when cut to %d bytes", n)
		}
	}
	var number int
	if s.Open(scope, "p", sealed, &number) {
		t.Error("a text opens as a number")
	}
	if _, err := s.Seal(scope, "p", func() {}, time.Hour); err == nil {
		t.Error("a function is sealed")
	}
	if strings.ContainsAny(sealed, "+/=&?#%") {
		t.Errorf("%s is no text for a URL", sealed)
	}
	if again := seal(t, s, "p", "value", time.Hour); again == sealed || len(again) != len(sealed) {
		t.Error("the same value gives the same text, or another length")
	}
}

// TestPadding: values of about the same size are sealed to the same length.
func TestPadding(t *testing.T) {
	t.Parallel()
	s := newBench(t).load("")
	lengths := map[int]bool{}
	for n := range 2 * padTo {
		lengths[len(seal(t, s, "p", strings.Repeat("x", n), time.Hour))] = true
	}
	if len(lengths) > 4 {
		t.Errorf("%d lengths for values of 0 to %d characters", len(lengths), 2*padTo)
	}
}

// TestKeyRotation: the first key seals, all open.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	before := newBench(t, oldKey)
	s := before.load("")
	jar := browser(t, cookies(t, s))
	sealed := seal(t, s, "p", "value", time.Hour)
	access, err := s.AccessCookies(scope, Access{AccessToken: "token", Sub: "me"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	during := newBench(t, newKey, oldKey)
	var got string
	rotated := during.load(jar + "; " + browser(t, access))
	if !same(s, rotated) || !rotated.Open(scope, "p", sealed, &got) {
		t.Error("the old key opens nothing any more")
	}
	if a, ok := rotated.Access(scope); !ok || a.Sub != "me" {
		t.Errorf("access %+v", a)
	}
	sealed = seal(t, rotated, "p", "value", time.Hour)
	if s.Open(scope, "p", sealed, &got) {
		t.Error("the old key still seals")
	}
	rotated.SetLocale("en")
	jar = browser(t, cookies(t, rotated))
	after := newBench(t, newKey)
	if !same(s, after.load(jar)) || !after.load(jar).Open(scope, "p", sealed, &got) {
		t.Error("what the new key sealed needs the old one")
	}
	if same(s, newBench(t, oldKey).load(jar)) {
		t.Error("the cookie is still sealed under the old key")
	}
}

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

func TestDeviceID(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.load("")
	jar := browser(t, cookies(t, s))
	id := s.DeviceID()
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		t.Errorf("%q is no device_id", id)
	}
	if b.load(jar).DeviceID() != id || b.load("").DeviceID() == id || strings.Contains(jar, id) || s.id == id {
		t.Errorf("%q is not this session's own", id)
	}
	if newBench(t, oldKey).load(jar).DeviceID() == id {
		t.Error("it does not depend on the key")
	}
}

// TestNoRandomness: nothing here is safe without it.
func TestNoRandomness(t *testing.T) {
	t.Parallel()
	m, err := New(Config{Keys: [][]byte{newKey}, Deny: &denyList{}, Ended: &denyList{}, Rand: bytes.NewReader(nil)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a session without randomness")
		}
	}()
	_, _ = m.Load(t.Context(), "", true)
}

func FuzzOpen(f *testing.F) {
	b := newFuzzBench(f)
	s := b.load("")
	sealed := seal(f, s, "p", "value", time.Hour)
	f.Add(sealed)
	f.Add("")
	f.Add(strings.Repeat("A", 64))
	f.Add(sealed[:len(sealed)-1])
	f.Fuzz(func(t *testing.T, text string) {
		var got string
		if s.Open(scope, "p", text, &got) && (got != "value" || !canonical(text, sealed)) {
			t.Fatalf("%q opens as %q", text, got)
		}
	})
}

// canonical reports whether two texts are the same bytes in base64, which has
// bits that mean nothing and takes line ends.
func canonical(a, b string) bool {
	x, _ := base64.RawURLEncoding.DecodeString(a)
	y, _ := base64.RawURLEncoding.DecodeString(b)
	return bytes.Equal(x, y)
}

func FuzzCSRFValid(f *testing.F) {
	b := newFuzzBench(f)
	s := b.load("")
	f.Add(s.CSRFToken())
	f.Add("")
	f.Add(strings.Repeat("A", 86))
	f.Fuzz(func(t *testing.T, token string) {
		if !s.CSRFValid(token) {
			return
		}
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(raw) != 2*csrfSize {
			t.Fatalf("%q is good", token)
		}
		for i := range csrfSize {
			if raw[i]^raw[csrfSize+i] != s.csrf[i] {
				t.Fatalf("%q is good", token)
			}
		}
	})
}

func FuzzLoad(f *testing.F) {
	b := newFuzzBench(f)
	first := b.load("")
	jar := browser(f, cookies(f, first))
	access, err := first.AccessCookies(scope, Access{AccessToken: "token"}, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(jar)
	f.Add(jar + "; " + browser(f, access))
	f.Add("__Host-tcb_login=x; a=b; \"")
	random := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		changed := []byte(jar)
		changed[random.IntN(len(changed))] ^= byte(1 + random.IntN(127))
		f.Add(string(changed))
	}
	f.Fuzz(func(t *testing.T, header string) {
		s, err := b.Load(t.Context(), header, true)
		if err != nil {
			t.Fatal(err)
		}
		if !s.CSRFValid(s.CSRFToken()) || s.fresh == (len(cookies(t, s)) == 0) {
			t.Fatalf("%q makes a session that does not work", header)
		}
		if _, ok := s.Access(scope); ok && s.fresh {
			t.Fatalf("%q has a login without its session", header)
		}
	})
}

// TestStepUpEnds: whoever signs in, or steps up, for one client ends the step-ups of all others in that browser. The
// logins stay.
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

// TestDeniedForItsCookiesLife: a place on the deny list is taken for as long as the cookie would be good, and no longer.
func TestDeniedForItsCookiesLife(t *testing.T) {
	t.Parallel()
	for _, age := range []time.Duration{0, 1500 * time.Millisecond, 3 * time.Hour, MaxAge - time.Second} {
		b := newBench(t)
		b.now = midnight.Add(300 * time.Millisecond) // cookies count whole seconds
		jar := browser(t, cookies(t, b.load("")))
		b.now = b.now.Add(age)
		rotate(t, b.load(jar), "lin")
		for _, ttl := range b.deny.keys {
			gone := b.now.Add(ttl)
			clear(b.deny.keys)
			b.now = gone.Add(-time.Nanosecond)
			if taken := len(cookies(t, b.load(jar))) == 0; !taken {
				t.Errorf("age %v: denied for %v, longer than its cookie would be good", age, ttl)
			}
			b.now = gone
			if taken := len(cookies(t, b.load(jar))) == 0; taken {
				t.Errorf("age %v: denied for %v, and its cookie is good after that", age, ttl)
			}
		}
	}
}
