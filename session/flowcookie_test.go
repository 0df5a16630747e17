package session

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFlowCookies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.load("")
	own := cookies(t, s)
	type authorization struct{ To string }
	set, err := s.FlowCookies("authorization", "state-1", authorization{"here"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	jar := browser(t, own, set)
	var got authorization
	if back := b.load(jar); !back.FlowValue("authorization", "state-1", &got) || got.To != "here" {
		t.Errorf("got %+v", got)
	}
	for name, other := range map[string]func() bool{
		"another state":   func() bool { return b.load(jar).FlowValue("authorization", "state-2", &got) },
		"another purpose": func() bool { return b.load(jar).FlowValue("errand", "state-1", &got) },
		"another browser": func() bool { return b.load(browser(t, set)).FlowValue("authorization", "state-1", &got) },
	} {
		if other() {
			t.Errorf("%s opens it", name)
		}
	}
	if gone := browser(t, own, set, []string{b.load(jar).ForgetFlow("state-1")}); b.load(gone).FlowValue("authorization", "state-1", &got) {
		t.Error("it is there after it was forgotten")
	}
	if _, err := s.FlowCookies("authorization", "state-1", authorization{strings.Repeat("x", chunkSize)}, time.Minute); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a value that is too large: %v", err)
	}
	// Where they get too many, the others go.
	large := authorization{strings.Repeat("x", 2000)}
	one, err := b.load(jar).FlowCookies("authorization", "state-2", large, time.Minute)
	if err != nil || len(one) != 1 {
		t.Fatalf("%d cookies, %v", len(one), err)
	}
	two, err := b.load(browser(t, own, set, one)).FlowCookies("authorization", "state-3", large, time.Minute)
	if err != nil || len(two) != 3 || !slices.ContainsFunc(two, func(c string) bool { return strings.Contains(c, "Max-Age=0") }) {
		t.Errorf("%d cookies, %v", len(two), err)
	}
}

// TestOnlyFlow: who comes back without the state has the one cookie of a purpose that is kept, where
// there is no other; of two nobody knows which it was.
func TestOnlyFlow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.load("")
	own := cookies(t, s)
	flow := func(purpose, state, value string) []string {
		set, err := s.FlowCookies(purpose, state, value, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	one, two, other := flow("provider", "1", "one"), flow("provider", "2", "two"), flow("captcha", "3", "three")
	for _, tt := range []struct {
		name string
		jar  string
		not  string // is not kept
		want string
	}{
		{"none", browser(t, own), "", ""},
		{"one", browser(t, own, one), "", "one"},
		{"one that is not kept", browser(t, own, one), "one", ""},
		{"two", browser(t, own, one, two), "", ""},
		{"two, of which one is kept", browser(t, own, one, two), "two", "one"},
		{"one of another purpose", browser(t, own, other), "", ""},
		{"one beside one of another purpose", browser(t, own, one, other), "", "one"},
		{"another browser's", browser(t, cookies(t, b.load("")), one), "", ""},
	} {
		var got string
		ok := b.load(tt.jar).OnlyFlow("provider", &got, func() bool { return got != tt.not })
		if ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%s: %q, %t, want %q", tt.name, got, ok, tt.want)
		}
	}
}
