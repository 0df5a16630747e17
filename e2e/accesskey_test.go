//go:build e2e

package e2e

import (
	"testing"
)

// session is what the guard of the vendor's templates asks.
const session = `async () => {
	const { data, error } = await auth.getSession();
	if (error) throw new Error(error.message);
	return data.session ? data.session.user.username ?? data.user.user_metadata?.username ?? data.user.id : "";
}`

// An app as the vendor's current templates have it, init({ env, accessKey }), guards with
// getSession(), sends the person to the page and finds them signed in. The SDK sends the key as
// Bearer wherever nobody is signed in.
func TestAccessKey(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{sdk: version.sdk, accessKey: true})
			v := s.visit(t)
			b := v.open(t, where)
			b.ready(t)
			if got, err := b.Evaluate(session); err != nil || got != "" {
				t.Fatalf("before the sign-in getSession() tells of %v, %v; want nobody", got, err)
			}
			// The page is not the only one who may call: the app sends a code with nothing but its
			// key.
			sent, err := b.Evaluate(`async () => (await auth.getVerification({ email: "demo@example.com" })).is_user`)
			if err != nil || sent != true {
				t.Fatalf("getVerification() without a login: %v, %v", sent, err)
			}
			s.emulator.code(t, demoEmail)
			b.press(t, b.Locator("#login"))
			b.typePassword(t, demoName, demoPassword)
			b.finish(t, where)
			if got, err := b.Evaluate(session); err != nil || got == "" {
				t.Errorf("after the sign-in getSession() tells of %v, %v", got, err)
			}
			b.isSignedIn(t, where, s.emulator.find(t, demoName))
			if _, err := b.Evaluate(`() => auth.signOut()`); err != nil {
				t.Fatal(err)
			}
			if got, err := b.Evaluate(session); err != nil || got != "" {
				t.Errorf("after signOut() getSession() tells of %v, %v; want nobody", got, err)
			}
		})
	}
}
