//go:build e2e

package e2e

import (
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestTwice: two clicks on a button, with script and without, and going back to send again, come to
// what one click comes to: one message, and a code that is right.
func TestTwice(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][]func(*playwright.BrowserNewContextOptions){"with script": nil, "without": {withoutScript}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{})
			to := newEmail()
			v := s.visit(t, change...)
			b := v.open(t, s.entry(s.origin+where))
			b.follow(t, "sign-in-email")
			b.fill(t, "email", to)
			if err := b.primary().Dblclick(); err != nil {
				t.Fatal(err)
			}
			b.at(t, "sign-in-email-code")
			if _, err := b.GoBack(); err != nil {
				t.Fatal(err)
			}
			b.at(t, "sign-in-email")
			b.fill(t, "email", to)
			b.submit(t)
			b.at(t, "sign-in-email-code")
			if n := len(s.emulator.outbox(t, to)); n != 1 {
				t.Errorf("%d messages went out, want 1", n)
			}
			b.fill(t, "verification_code", s.emulator.code(t, to))
			if err := b.primary().Dblclick(); err != nil {
				t.Fatal(err)
			}
			if change == nil {
				b.back(t, where)
				return
			}
			b.at(t, "complete")
		})
	}
}
