package session

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"testing/quick"
	"time"
)

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
		told := false // what it did not open
		opens := func(s *Session, at Scope, purpose string) bool {
			var got string
			ok := s.Open(at, purpose, sealed, &got)
			told = told || !ok && got != ""
			return ok && got == value
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
		return good && !opens(s, at, purpose) && !told
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

// BenchmarkSealed is what a POST of a flow does: a step is opened, and the next one sealed.
func BenchmarkSealed(b *testing.B) {
	s := newBench(b).load("")
	value := map[string]string{"phone": "+86 13800138000", "verification_id": strings.Repeat("0123456789abcdef", 2)}
	sealed := seal(b, s, "p", value, time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		var got map[string]string
		if !s.Open(scope, "p", sealed, &got) {
			b.Fatal("it does not open")
		}
		seal(b, s, "p", got, time.Hour)
	}
}
