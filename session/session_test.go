package session

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var (
	oldKey   = []byte("an old key of the session's tests")
	newKey   = []byte("a new key of the session's tests!")
	scope    = Scope{Env: "demo", Client: "demo"}
	midnight = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	deny := &denyList{keys: map[string]time.Duration{}}
	for name, cfg := range map[string]Config{
		"no key":           {Deny: deny},
		"an empty key":     {Keys: [][]byte{nil}, Deny: deny},
		"a short key":      {Keys: [][]byte{newKey[:MinKey-1]}, Deny: deny},
		"a short old key":  {Keys: [][]byte{newKey, []byte("short")}, Deny: deny},
		"no deny list":     {Keys: [][]byte{newKey}},
		"nothing whatever": {},
	} {
		_, err := New(cfg)
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if len(cfg.Keys) > 0 && bytes.Contains([]byte(err.Error()), newKey[:10]) {
			t.Errorf("%s: the error %q holds a key", name, err)
		}
	}
	if _, err := New(Config{Keys: [][]byte{newKey[:MinKey]}, Deny: deny}); err != nil {
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
	plain := b.Load(t.Context(), "", false)
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
			if s := b.Load(t.Context(), cookie, secure); same(first, s) || same(plain, s) {
				t.Errorf("%.30s… is taken with secure %v", cookie, secure)
			}
		}
	}
	for _, name := range []string{"demo", "password", "id", "csrf"} {
		value, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(jar, "__Host-tcb_login="))
		if err != nil || bytes.Contains(value, []byte(name+"\x00")) {
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
	m, err := New(Config{Keys: [][]byte{newKey}, Deny: &denyList{}, Rand: bytes.NewReader(nil)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a session without randomness")
		}
	}()
	m.Load(t.Context(), "", true)
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
		s := b.Load(t.Context(), header, true)
		if !s.CSRFValid(s.CSRFToken()) || s.fresh == (len(cookies(t, s)) == 0) {
			t.Fatalf("%q makes a session that does not work", header)
		}
		if _, ok := s.Access(scope); ok && s.fresh {
			t.Fatalf("%q has a login without its session", header)
		}
	})
}

// TestDeniedForItsCookiesLife: a place on the deny list is taken for as long as the cookie would be
// good, and no longer.
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
