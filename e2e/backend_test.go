//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// TestBrokenBackend: whatever TCB answers, people get a page that says so, keeps what they typed
// and lets them try again.
func TestBrokenBackend(t *testing.T) {
	t.Parallel()
	faults := []struct {
		name  string
		fault fault
		want  int
	}{
		{"internal error", fault{Status: 500, Error: "internal"}, 502},
		{"unavailable", fault{Status: 503, Error: "unavailable"}, 503},
		{"a page instead of JSON", fault{Status: 200, Body: "<html><body>Bad Gateway</body></html>"}, 502},
		{"a page of a gateway", fault{Status: 502, Body: "<html><body>Bad Gateway</body></html>"}, 503},
		{"nothing", fault{Status: 200}, 502},
		{"JSON of another shape", fault{Status: 200, Body: "[]"}, 502},
		{"an answer without tokens", fault{Status: 200, Body: "{}"}, 502},
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			v := s.visit(t)
			v.expectBroken()
			f.fault.Path, f.fault.Times = "/auth/v1/signin", 1
			s.emulator.set(t, settings{Faults: []fault{f.fault}})
			b := v.enter(t, where)
			b.typePassword(t, demoName, demoPassword)
			b.submit(t)
			b.wrong(t, f.want, "sign-in")
			b.holds(t, "username", demoName)
			if page, err := b.Content(); err != nil || strings.Contains(page, "Bad Gateway") {
				t.Errorf("the backend's own words are on the page (%v)", err)
			}
			b.fill(t, "password", demoPassword)
			b.finish(t, where)
			b.isSignedIn(t, where, s.emulator.find(t, demoName))
		})
	}
	t.Run("sending a code", func(t *testing.T) {
		t.Parallel()
		s := start(t, options{})
		v := s.visit(t)
		v.expectBroken()
		s.emulator.set(t, settings{Faults: []fault{{Path: "/auth/v1/verification", Status: 500, Error: "internal", Times: 1}}})
		b := v.open(t, s.entry(s.origin+where))
		b.follow(t, "sign-in-email")
		b.fill(t, "email", "new@example.com")
		b.submit(t)
		b.wrong(t, 502, "sign-in-email")
		b.holds(t, "email", "new@example.com")
	})
	t.Run("only the profile is missing", func(t *testing.T) {
		t.Parallel()
		s := start(t, options{})
		s.emulator.set(t, settings{Faults: []fault{{Path: "/auth/v1/user/me", Status: 500, Error: "internal", Times: 3}}})
		v := s.visit(t, withoutScript)
		b := v.open(t, s.entry(s.origin+where))
		b.typePassword(t, demoName, demoPassword)
		b.submit(t)
		b.at(t, "complete") // the SDK will ask for the profile itself
	})
}

// TestLateBackend: with a backend that hangs, a POST ends in time with a page that says so, and
// other pages stay quick.
func TestLateBackend(t *testing.T) {
	late(t, options{settings: "backend_timeout: 2500ms\n"}, 6*time.Second)
}

func late(t *testing.T, o options, limit time.Duration) {
	s := start(t, o)
	s.emulator.set(t, settings{LatencyMS: playwright.Int(120_000)})
	v := s.visit(t)
	v.expectBroken()
	b := v.open(t, s.entry(s.origin+where))
	b.typePassword(t, demoName, demoPassword)

	began := time.Now()
	b.submit(t)
	if took := time.Since(began); took > limit {
		t.Errorf("a person waited %v for an answer, want at most %v", took, limit)
	}
	b.wrong(t, 503, "sign-in")
	b.holds(t, "username", demoName)

	// While the next call hangs, a page that needs no backend comes first.
	other := v.open(t, s.entry(s.origin+where))
	answered := b.answers()
	b.fill(t, "password", demoPassword)
	b.navigate(t, func() error {
		if _, err := b.Evaluate(`() => { document.getElementById("form").requestSubmit(); }`); err != nil {
			return err
		}
		other.follow(t, "sign-in-email")
		other.at(t, "sign-in-email")
		if b.answers() != answered {
			t.Error("a page that needs no backend waited for one")
		}
		return nil
	})
	b.wrong(t, 503, "sign-in")

	s.emulator.set(t, settings{LatencyMS: playwright.Int(0)})
	b.fill(t, "password", demoPassword)
	b.finish(t, where)
	b.isSignedIn(t, where, s.emulator.find(t, demoName))
}
