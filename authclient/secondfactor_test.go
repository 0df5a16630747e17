package authclient_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"tcb-login/authclient"
)

// Where TCB wants a second factor, the code's token goes along with the password, and the refusal
// names where a code can go.
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"login":{"MfaConfig":{"On":true}}}`)
	ctx := t.Context()
	in := authclient.SignInRequest{Username: demoUsername, Password: demoPassword}
	_, err := f.SignIn(ctx, in)
	refusal(t, err, authclient.ErrTwoFactorRequired)
	if got := authclient.DemandOf(err); got != authclient.DemandSecondFactor {
		t.Errorf("DemandOf: %v, want a second factor", got)
	}
	if phone, email := authclient.FactorTargets(err); phone != "" || email != demoEmail {
		t.Errorf("FactorTargets: %q, %q, want the address alone", phone, email)
	}
	in.VerificationToken = f.verified("other@example.com")
	_, err = f.SignIn(ctx, in)
	refusal(t, err, authclient.ErrInvalidTwoFactor)
	in.VerificationToken = f.verified(demoEmail)
	if _, err := f.SignIn(ctx, in); err != nil {
		t.Error(err)
	}
	f.settings(`{"login":{"MfaConfig":{"RequiredBindPhone":true}}}`)
	in.VerificationToken = ""
	_, err = f.SignIn(ctx, in)
	refusal(t, err, authclient.ErrMFAPhoneRequired)
	if got := authclient.DemandOf(err); got != authclient.DemandPhone {
		t.Errorf("DemandOf: %v, want a phone number", got)
	}
}

// A password that has to be changed first: the refusal, the change, and the sign-in after it.
func TestNewPasswordDemanded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"login":{"PwdUpdateStrategy":{"FirstLoginUpdate":true}}}`)
	ctx := t.Context()
	for name, signIn := range map[string]func() error{
		"SignIn": func() error {
			_, err := f.SignIn(ctx, authclient.SignInRequest{Username: demoUsername, Password: demoPassword})
			return err
		},
		"SignInEncrypted": func() error {
			_, err := f.SignInEncrypted(ctx, authclient.SignInRequest{Username: demoUsername, Password: demoPassword})
			return err
		},
	} {
		if err := signIn(); authclient.DemandOf(err) != authclient.DemandNewPassword {
			t.Errorf("%s: %v, want one that demands a new password", name, err)
		}
	}
	_, err := f.SignUp(ctx, authclient.SignUpRequest{Email: demoEmail, VerificationToken: f.verified(demoEmail)})
	refusal(t, err, authclient.ErrFailedPrecondition)
	if got := authclient.DemandOf(err); got != authclient.NoDemand {
		t.Errorf("a sign-up of somebody who has an account: %v, want no demand", got)
	}
	_, grant := f.GrantToken(ctx, authclient.GrantTokenRequest{GrantType: "password", Username: demoUsername, Password: demoPassword})
	if authclient.DemandOf(grant) != authclient.DemandNewPassword {
		t.Errorf("GrantToken: %v, want one that demands a new password", grant)
	}
	for _, err := range []error{nil, errors.New("x"), authclient.ErrInvalidPassword} {
		if got := authclient.DemandOf(err); got != authclient.NoDemand {
			t.Errorf("DemandOf(%v): %v, want none", err, got)
		}
	}
	const next = "Quiet-river-7"
	if err := f.ModifyPasswordWithoutLogin(ctx, authclient.ModifyPasswordRequest{Username: demoUsername, Password: demoPassword, NewPassword: next}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SignIn(ctx, authclient.SignInRequest{Username: demoUsername, Password: next}); err != nil {
		t.Error(err)
	}
}

// Where there is no password, or no answer of TCB's, failed_precondition demands none.
func TestNoNewPasswordDemanded(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c := serve(t, answer(400, `{"error":"failed_precondition"}`), authclient.Config{})
	_, ticket := c.SignInWithCustomTicket(ctx) // no function that makes one
	_, code := c.SignIn(ctx, authclient.SignInRequest{Username: "u", VerificationToken: "vt"})
	_, provider := c.SignInWithProvider(ctx, authclient.SignInWithProviderRequest{ProviderToken: "pt"})
	_, anonymous := c.SignInAnonymously(ctx)
	_, grant := c.GrantToken(ctx, authclient.GrantTokenRequest{GrantType: "device_code", DeviceCode: "d"})
	c = serve(t, broken(""), authclient.Config{})
	_, away := c.SignIn(ctx, authclient.SignInRequest{Username: "u", Password: "p"})
	for _, err := range []error{ticket, code, provider, anonymous, grant, away} {
		if got := authclient.DemandOf(err); err == nil || got != authclient.NoDemand {
			t.Errorf("DemandOf(%v): %v, want none", err, got)
		}
	}
}

// factorDetails are the details of a refusal, and what they name.
var factorDetails = []struct{ details, phone, email string }{
	{`[{"phone_number":"+86 13800000000","email":"a@example.com"}]`, "+86 13800000000", "a@example.com"},
	{`[{"phone_number":"+8613800000000"}]`, "+86 13800000000", ""},
	{`[{"@type":"x"},{"email":"a@example.com"},{"email":"b@example.com"}]`, "", "a@example.com"},
	{`[{"phone_number":"+86 138****0000","email":"a***@example.com"}]`, "", ""},
	{`[{"phone_number":13800000000,"email":["a@example.com"]}]`, "", ""},
	{`[{"email":"` + strings.Repeat("x", 300) + `@example.com"}]`, "", ""},
	{`["a@example.com",5,null]`, "", ""},
	{`{"email":"a@example.com"}`, "", ""},
	{`null`, "", ""},
}

func TestFactorTargets(t *testing.T) {
	t.Parallel()
	for _, tt := range factorDetails {
		phone, email := targetsOf(t, tt.details)
		if phone != tt.phone || email != tt.email {
			t.Errorf("%s: %q, %q, want %q, %q", tt.details, phone, email, tt.phone, tt.email)
		}
	}
}

// targetsOf are those of a refusal with such details.
func targetsOf(t *testing.T, details string) (phone, email string) {
	t.Helper()
	c := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		return response(http.StatusBadRequest, `{"error":"two_factor_required","details":`+details+`}`), nil
	})}})
	_, err := c.SignIn(t.Context(), authclient.SignInRequest{Username: "a", Password: "b"})
	return authclient.FactorTargets(err)
}

// Whatever a server sends, what is named is a short text to send a code to.
func FuzzFactorTargets(f *testing.F) {
	for _, tt := range factorDetails {
		f.Add(tt.details)
	}
	f.Fuzz(func(t *testing.T, details string) {
		phone, email := targetsOf(t, details)
		for _, to := range []string{phone, email} {
			if len(to) > 260 || strings.Contains(to, "*") || to != strings.TrimSpace(to) {
				t.Errorf("%s names %q", details, to)
			}
		}
	})
}
