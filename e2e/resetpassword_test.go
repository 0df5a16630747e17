//go:build e2e

package e2e

import (
	"testing"
)

// TestResetThenPassword proves that the old password is dead and the new one lives.
func TestResetThenPassword(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{sdk: version.sdk})
			b := s.visit(t).enter(t, where)
			b.resetPassword(t, demoEmail, "Quite-new-4711")
			b.finish(t, where)
			b.isSignedIn(t, where, s.emulator.find(t, demoName))

			again := s.visit(t).enter(t, where)
			again.typePassword(t, demoName, demoPassword)
			again.submit(t)
			again.wrong(t, 422, "sign-in")
			again.fill(t, "password", "Quite-new-4711")
			again.finish(t, where)
			again.isSignedIn(t, where, s.emulator.find(t, demoName))
		})
	}
}
