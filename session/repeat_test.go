package session

import (
	"slices"
	"testing"
	"time"
)

// TestRepeats: which requests have a name, by the session and the token that they come with; and that
// the name is the id's that the token is of.
func TestRepeats(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	before := b.load("")
	old := browser(t, cookies(t, before))
	in := b.load(old)
	now := browser(t, rotate(t, in, "lin"))
	later := browser(t, rotate(t, b.load(now), "lin"))
	tokens := map[string]string{
		"before": before.CSRFToken(), "now": in.CSRFToken(), "later": b.load(later).CSRFToken(),
		"a stranger's": b.load("").CSRFToken(), "none": "", "nonsense": "AAAA",
	}
	name := func(cookies, token string) Repeat {
		r, _ := b.load(cookies).Repeats(tokens[token], []byte("request"))
		return r
	}
	for _, tt := range []struct {
		name, cookies string
		named         map[string]bool // by the token; whether it is Old
	}{
		{"no cookie", "", nil},
		{"the newest id", later, map[string]bool{"later": false, "now": true}},
		{"an id that was replaced", now, map[string]bool{"now": false}},
		{"the first, which was replaced too", old, map[string]bool{"before": false}},
	} {
		for token := range tokens {
			s := b.load(tt.cookies)
			r, ok := s.Repeats(tokens[token], []byte("request"))
			wantOld, want := tt.named[token]
			if ok != want || ok && r.Old != wantOld {
				t.Errorf("%s, token %s: named %t, old %t, want %t, %t", tt.name, token, ok, r.Old, want, wantOld)
			}
		}
	}
	// A session without a cookie has a token for its page, and the next request has another id.
	fresh := b.load("")
	if _, ok := fresh.Repeats(fresh.CSRFToken(), nil); ok {
		t.Error("a request of no cookie has a name")
	}
	if a, b := name(now, "now"), name(later, "now"); a.Key != b.Key || a.Group != b.Group {
		t.Error("one id's names differ by the session that tells them")
	}
	if a, b := name(later, "later"), name(later, "now"); a.Key == b.Key || a.Group == b.Group {
		t.Error("two ids have one name")
	}
	groups := b.load(later).RepeatGroups()
	if want := []string{name(later, "later").Group, name(later, "now").Group}; !slices.Equal(groups, want) {
		t.Errorf("groups %q, want %q", groups, want)
	}
	if groups := b.load(browser(t, rotate(t, b.load(later), ""))).RepeatGroups(); len(groups) != 1 {
		t.Errorf("after a sign-out there are %d groups", len(groups))
	}
}

// TestRepeatSeal: what a request came to opens for that request alone, and as it was sealed.
func TestRepeatSeal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	jar := browser(t, cookies(t, b.load("")))
	of := func(b *bench, jar, request string) Repeat {
		s := b.load(jar)
		r, ok := s.Repeats(s.CSRFToken(), []byte(request))
		if !ok {
			t.Fatal("the request has no name")
		}
		return r
	}
	outcome := append(make([]byte, RepeatBefore, RepeatBefore+len("outcome")+RepeatAfter), "outcome"...)
	mine := of(b, jar, "request")
	sealed := mine.Seal(outcome)
	if got, ok := of(b, jar, "request").Open(slices.Clone(sealed)); !ok || string(got) != "outcome" {
		t.Errorf("%q, %t", got, ok)
	}
	other := mine
	other.Key = of(b, jar, "another").Key
	for name, r := range map[string]Repeat{
		"another request": of(b, jar, "another"), "another browser": of(b, browser(t, cookies(t, b.load(""))), "request"), "under another's name": other,
	} {
		if _, ok := r.Open(slices.Clone(sealed)); ok {
			t.Errorf("%s opens it", name)
		}
	}
	for i := range sealed {
		if _, ok := mine.Open(slices.Clone(sealed[:i])); ok {
			t.Errorf("%d bytes of it open", i)
		}
		changed := slices.Clone(sealed)
		changed[i] ^= 1
		if _, ok := mine.Open(changed); ok {
			t.Errorf("it opens with another byte at %d", i)
		}
	}
}

// TestDeniedNoLonger: an id is on a list for as long as its cookie would be taken, however it ended.
func TestDeniedNoLonger(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := browser(t, rotate(t, b.load(browser(t, cookies(t, b.load("")))), "lin"))
	b.now = b.now.Add(time.Hour)
	id := b.load(in).id
	rotate(t, b.load(in), "")
	if got := b.deny.keys[denyKey(id)]; got != MaxAge-time.Hour {
		t.Errorf("it is denied for %v, want %v", got, MaxAge-time.Hour)
	}
}
