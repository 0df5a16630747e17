//go:build e2e

package e2e

import (
	"slices"
	"testing"
)

// TestSignUpThenPassword proves that what was chosen at sign-up is what signs in later, elsewhere.
func TestSignUpThenPassword(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{sdk: version.sdk})
			phone, username := newPhone(), newUsername()
			b := s.visit(t).enter(t, where)
			b.signUp(t, phone, username, "韩梅梅", "Han-mei-mei-9")
			b.finish(t, where)
			her := s.emulator.find(t, username)
			if her.Name != "韩梅梅" || plain(her.PhoneNumber) != plain(phone) {
				t.Errorf("signed up as %+v", her)
			}
			b.isSignedIn(t, where, her)

			elsewhere := s.visit(t).enter(t, "/app/home")
			elsewhere.typePassword(t, username, "Han-mei-mei-9")
			elsewhere.finish(t, "/app/home")
			elsewhere.isSignedIn(t, "/app/home", her)
		})
	}
}

// TestSplitRegistration: at an app that registers on pages of its own, a code signs nobody up, and
// sign-up asks for what the config requires.
func TestSplitRegistration(t *testing.T) {
	t.Parallel()
	s := share(t, options{tree: sampleTree(t)})
	stranger, newcomer, username := newEmail(), newEmail(), newUsername()
	b := s.visit(t).enterAs(t, "/app/desk", "app-desk", deskVersion)
	b.follow(t, "sign-in-email")
	b.fill(t, "email", stranger)
	b.check(t, "agreement")
	b.submit(t)
	b.at(t, "sign-in-email-code")
	if got := s.emulator.outbox(t, stranger); len(got) > 0 {
		t.Errorf("%d codes were sent to somebody without an account", len(got))
	}
	b.follow(t, "sign-in") // and back, to sign up
	b.follow(t, "sign-up")
	b.at(t, "sign-up")
	if got := b.text(t, "h1"); got != "Set up your desk" { // the config's own words
		t.Errorf("the heading is %q", got)
	}
	b.check(t, "agreement")
	b.fill(t, "email", newcomer)
	b.submit(t)
	b.at(t, "sign-up-code")
	b.fill(t, "verification_code", s.emulator.code(t, newcomer))
	b.submit(t)
	b.at(t, "sign-up-details")
	b.submit(t)
	if keys := b.wrong(t, 422, "sign-up-details"); !slices.Contains(keys, "error.required.new_username") {
		t.Errorf("without the required username: %v", keys)
	}
	b.fill(t, "username", username, "password", "Steep-Hill-47!")
	b.finish(t, "/app/desk")
	b.isSignedIn(t, "/app/desk", s.emulator.find(t, username))
}
