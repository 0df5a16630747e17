package authclient_test

import (
	"testing"

	"tcb-login/authclient"
)

// Where TCB wants a second factor, the code's token goes along with the password.
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"login":{"MfaConfig":{"On":true}}}`)
	ctx := t.Context()
	in := authclient.SignInRequest{Username: demoUsername, Password: demoPassword}
	_, err := f.SignIn(ctx, in)
	refusal(t, err, authclient.ErrTwoFactorRequired)
	in.VerificationToken = f.verified("other@example.com")
	_, err = f.SignIn(ctx, in)
	refusal(t, err, authclient.ErrInvalidTwoFactor)
	in.VerificationToken = f.verified(demoEmail)
	if _, err := f.SignIn(ctx, in); err != nil {
		t.Error(err)
	}
}
