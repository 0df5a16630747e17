package handlers

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"
)

// TestOlderSteps: what the version before sealed, for people who were on the way when it ended,
// opens, or costs a code. testdata/older.json was made by that version, with these tests' keys, at
// the time at which their clock begins.
func TestOlderSteps(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/older.json")
	if err != nil {
		t.Fatal(err)
	}
	var steps map[string]struct{ Cookie, Address string }
	if err := json.Unmarshal(data, &steps); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, withProvider)
	s.backend.captcha("never")
	s.clock.advance(2 * time.Minute)
	opens := map[string]string{
		"a code that was sent": "sign-in-email-code", "a code that was right": "sign-up-details", "back from a provider": "provider-return",
		"a step-up": "hand-off", // its account is another emulator's
	}
	for name, page := range opens {
		step, ok := steps[name]
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		b := s.browser().lax()
		b.forget() // the cookies are in the header
		b.header.Set("Cookie", step.Cookie)
		p, err := b.try(http.MethodGet, step.Address, nil, nil)
		if err != nil || p.status != http.StatusOK || p.name() != page {
			t.Errorf("%s: status %d, page %q, want %q: %v", name, status(p), p.name(), page, err)
			continue
		}
		if name == "a code that was sent" {
			p, err = b.try(http.MethodPost, p.action(), p.filled(fields{"verification_code": "123456"}), nil)
			if err != nil || p.status != http.StatusUnprocessableEntity || p.fieldKey("verification_code") != "error.code_wrong" {
				t.Errorf("%s: a code: status %d, %q, %v", name, status(p), p.keys(), err)
			}
		}
		// What cannot be opened costs a code.
		b.header.Set("Cookie", "x=y")
		p, err = b.try(http.MethodGet, step.Address, nil, nil)
		if err != nil || name != "back from a provider" && (p.status >= http.StatusBadRequest && p.status != http.StatusUnprocessableEntity) {
			t.Errorf("%s without its cookie: status %d, page %q, %v", name, status(p), p.name(), err)
		}
	}
}
