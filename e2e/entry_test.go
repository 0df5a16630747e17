//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// TestRefusedTargets: a target that nobody registered ends on a page of ours and goes nowhere.
func TestRefusedTargets(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	for _, target := range []string{"https://evil.example/steal", "//evil.example/steal", "javascript:alert(1)", "http://127.0.0.1.evil.example/"} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			b := s.visit(t).open(t, s.entry(target))
			b.at(t, "error")
			if d := b.last(); d.status != 400 || d.headers["location"] != "" {
				t.Errorf("status %d, Location %q; want 400 and none", d.status, d.headers["location"])
			}
			if !strings.Contains(b.text(t, "main"), target) {
				t.Error("the page does not show which target was refused")
			}
			b.count(t, `a[href*="evil"], a[href^="javascript"], form[action*="evil"], meta[http-equiv], img, iframe`, 0)
		})
	}
}

// TestBadEntry: a link that names nothing we know says what is wrong, and does not guess.
func TestBadEntry(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	for name, query := range map[string]string{
		"environment":        "env_id=nowhere&client_id=demo&config_version=env",
		"client":             "env_id=demo&client_id=nobody&config_version=env",
		"config_version":     "env_id=demo&client_id=demo&config_version=v1_999",
		"app of a version":   "env_id=demo&client_id=demo&config_version=v1_999&app_id=app-none",
		"two redirect_uri":   "env_id=demo&client_id=demo&config_version=env&redirect_uri=" + s.origin + "/app/a",
		"empty redirect_uri": "env_id=demo&client_id=demo&config_version=env",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := s.origin + "/app/b"
			if strings.HasPrefix(name, "empty") {
				target = ""
			}
			b := s.visit(t).open(t, "/__auth/?"+query+"&redirect_uri="+target)
			b.at(t, "error")
			if d := b.last(); d.status/100 != 4 || d.headers["location"] != "" {
				t.Errorf("status %d, Location %q; want 4xx and none", d.status, d.headers["location"])
			}
			b.visible(t, "main h1")
		})
	}
	t.Run("unknown route", func(t *testing.T) {
		t.Parallel()
		b := s.visit(t).open(t, "/__auth/no-such-page")
		b.at(t, "error")
		if d := b.last(); d.status != 404 {
			t.Errorf("status %d, want 404", d.status)
		}
	})
}

// TestEntryWithNothing: one environment with one client needs no parameters; the default target is
// meant.
func TestEntryWithNothing(t *testing.T) {
	t.Parallel()
	s := start(t, options{single: true})
	b := s.visit(t).open(t, "/__auth/")
	b.typePassword(t, demoName, demoPassword)
	b.finish(t, "/app/home")
	b.isSignedIn(t, "/app/home", s.emulator.find(t, demoName))
}
