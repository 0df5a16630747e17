//go:build e2e

package e2e

import (
	"net/url"
	"testing"
)

// TestAnonymous: "continue without an account", where the config shows it.
func TestAnonymous(t *testing.T) {
	t.Parallel()
	for _, sdk := range sdks {
		t.Run(sdk.name, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{sdk: sdk.sdk, tree: sampleTree(t)})
			email, username := newEmail(), newUsername()
			b := s.visit(t).enterAs(t, where, "app-desk", deskVersion)
			b.check(t, "agreement")
			b.press(t, b.Locator(`[data-to="anonymous"]`))
			b.back(t, where)
			got, err := b.Evaluate(`async () => (await auth.getLoginState()) !== null && await auth.loginScope()`)
			if err != nil || got != "anonymous" {
				t.Errorf("the SDK says %v, %v; want scope anonymous", got, err)
			}
			uid := b.uid(t)

			// The portal offers to register, and the account stays the same one.
			b.goTo(t, "/__auth/account?app_id=app-desk&env_id=demo&client_id=demo&config_version="+deskVersion+"&redirect_uri="+url.QueryEscape(s.origin+where))
			b.at(t, "account-anonymous")
			b.follow(t, "sign-up")
			b.check(t, "agreement")
			b.typeCode(t, email, "sign-up-code")
			b.submit(t)
			b.at(t, "sign-up-details")
			b.fill(t, "username", username, "password", "Steep-Hill-47!")
			b.submit(t)
			b.at(t, "account")
			b.goTo(t, where)
			b.ready(t)
			if got := b.uid(t); got != uid {
				t.Errorf("after registering the SDK says %s, before %s", got, uid)
			}
			b.isSignedIn(t, where, s.emulator.find(t, username))
		})
	}
}
