package authclient_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

func TestGetVerification(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	v, err := f.GetVerification(ctx, authclient.GetVerificationRequest{
		Email: demoEmail, Target: authclient.TargetUser, Usage: "PASSWORD_RESET",
	}, authclient.WithLocale("en-US"))
	if err != nil {
		t.Fatal(err)
	}
	if v.VerificationID == "" || v.ExpiresIn != 600 || !v.IsUser {
		t.Errorf("got %+v, want an id, 600 seconds and a user", v)
	}
	got := f.lastMessage(demoEmail)
	if !regexp.MustCompile(`^\d{6}$`).MatchString(got.Code) {
		t.Errorf("got code %q, want six digits", got.Code)
	}
	want := message{Channel: "email", To: demoEmail, Code: got.Code, Usage: "PASSWORD_RESET", Locale: "en-US"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}

	tests := []struct {
		name string
		in   authclient.GetVerificationRequest
		want error
	}{
		{"too soon", authclient.GetVerificationRequest{Email: demoEmail}, authclient.ErrResourceExhausted},
		{"no account", authclient.GetVerificationRequest{Email: "a@b.cn", Target: authclient.TargetUser}, authclient.ErrFailedPrecondition},
		{"an account", authclient.GetVerificationRequest{Email: demoEmail, Target: authclient.TargetNotUser}, authclient.ErrFailedPrecondition},
		{"no such target", authclient.GetVerificationRequest{Email: "a@b.cn", Target: "EVERYBODY"}, authclient.ErrInvalidArgument},
		{"both", authclient.GetVerificationRequest{Email: "a@b.cn", PhoneNumber: "13800000000"}, authclient.ErrInvalidArgument},
		{"neither", authclient.GetVerificationRequest{}, authclient.ErrInvalidArgument},
		{"no number", authclient.GetVerificationRequest{PhoneNumber: "a"}, authclient.ErrInvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := f.GetVerification(ctx, tt.in)
			e := refusal(t, err, tt.want)
			if wait := e.RetryAfter; (wait == 30*time.Second) != (tt.want == authclient.ErrResourceExhausted) {
				t.Errorf("got %v to wait", wait)
			}
			f.clock.advance(30 * time.Second) // only the first comes too soon
		})
	}
}

// A number means the same in every call of a flow, however the person wrote it.
func TestPhoneNumbers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	tests := []struct{ name, number, want string }{
		{"bare", "13800000001", "+86 13800000001"},
		{"blanks around", " 13800000002 ", "+86 13800000002"},
		{"whole", "+86 13800000003", "+86 13800000003"},
		{"country without a blank", "+8613800000004", "+86 13800000004"},
		{"whole with blanks around", " +86 13800000005\n", "+86 13800000005"},
		{"another country", "+1 2025550106", "+1 2025550106"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			signIn := func() *authclient.Credentials {
				t.Helper()
				v, err := f.GetVerification(ctx, authclient.GetVerificationRequest{PhoneNumber: tt.number})
				if err != nil {
					t.Fatal(err)
				}
				m := f.lastMessage(tt.want)
				if m.To != tt.want {
					t.Errorf("sent to %q, want %q", m.To, tt.want)
				}
				creds, err := f.SignInWithSms(ctx, authclient.SignInWithSmsRequest{
					Verification: *v, VerificationCode: m.Code, PhoneNumber: tt.number,
				})
				if err != nil {
					t.Fatal(err)
				}
				f.clock.advance(time.Minute)
				return creds
			}
			signedUp, signedIn := signIn(), signIn()
			if signedUp.Sub != signedIn.Sub {
				t.Errorf("%s signed up, %s signed in", signedUp.Sub, signedIn.Sub)
			}
		})
	}
	t.Run("in a new password", func(t *testing.T) {
		err := f.ResetPassword(ctx, authclient.ResetPasswordRequest{
			PhoneNumber: "13800000001", NewPassword: "Abcdef-1", VerificationToken: f.verified("+86 13800000001"),
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("another country without a blank is TCB's to judge", func(t *testing.T) {
		_, err := f.GetVerification(ctx, authclient.GetVerificationRequest{PhoneNumber: "+12025550100"})
		refusal(t, err, authclient.ErrInvalidArgument)
	})
}

func TestVerify(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	v, code := f.send("a@b.cn")
	wrong := authclient.VerifyRequest{VerificationID: v.VerificationID, VerificationCode: "x"}
	for range 4 {
		_, err := f.Verify(ctx, wrong)
		refusal(t, err, authclient.ErrInvalidArgument)
	}
	_, err := f.Verify(ctx, wrong)
	refusal(t, err, authclient.ErrAborted)
	_, err = f.Verify(ctx, authclient.VerifyRequest{VerificationID: v.VerificationID, VerificationCode: code})
	refusal(t, err, authclient.ErrAborted)

	f.clock.advance(time.Minute)
	v, code = f.send("a@b.cn")
	f.clock.advance(10 * time.Minute)
	_, err = f.Verify(ctx, authclient.VerifyRequest{VerificationID: v.VerificationID, VerificationCode: code})
	refusal(t, err, authclient.ErrInvalidArgument)

	v, code = f.send("a@b.cn")
	token, err := f.Verify(ctx, authclient.VerifyRequest{VerificationID: v.VerificationID, VerificationCode: code})
	if err != nil {
		t.Fatal(err)
	}
	if token.VerificationToken == "" || token.ExpiresIn != 600 {
		t.Errorf("got %+v, want a token for 600 seconds", token)
	}
}

func TestSignInWithCode(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	tests := []struct {
		name, to string
		signIn   func(f *fixture, v authclient.Verification, code string) (*authclient.Credentials, error)
	}{
		{"sms", "+86 13800000001", func(f *fixture, v authclient.Verification, code string) (*authclient.Credentials, error) {
			return f.SignInWithSms(ctx, authclient.SignInWithSmsRequest{Verification: v, VerificationCode: code, PhoneNumber: "+86 13800000001"})
		}},
		{"email", "new@example.com", func(f *fixture, v authclient.Verification, code string) (*authclient.Credentials, error) {
			return f.SignInWithEmail(ctx, authclient.SignInWithEmailRequest{Verification: v, VerificationCode: code, Email: "new@example.com"})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			v, code := f.send(tt.to)
			_, err := tt.signIn(f, *v, "x")
			if e := refusal(t, err, authclient.ErrInvalidArgument); e.Op != "Verify" {
				t.Errorf("a wrong code fails %s, want Verify", e.Op)
			}
			signedUp, err := tt.signIn(f, *v, code)
			if err != nil {
				t.Fatal(err)
			}
			f.clock.advance(time.Minute)
			v, code = f.send(tt.to)
			if !v.IsUser {
				t.Error("signed up and still no user")
			}
			signedIn, err := tt.signIn(f, *v, code)
			if err != nil {
				t.Fatal(err)
			}
			if signedUp.Sub != signedIn.Sub {
				t.Errorf("%s signed up, %s signed in", signedUp.Sub, signedIn.Sub)
			}
			if ups, ins := f.seen.count("POST /auth/v1/signup"), f.seen.count("POST /auth/v1/signin"); ups != 1 || ins != 1 {
				t.Errorf("%d calls of signup and %d of signin, want one each", ups, ins)
			}
		})
	}
}

func TestResetPassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	token := f.verified(demoEmail)
	in := authclient.ResetPasswordRequest{Email: demoEmail, NewPassword: "short", VerificationToken: token}
	refusal(t, f.ResetPassword(ctx, in), authclient.ErrInvalidArgument)
	in.NewPassword = "New-pass-2"
	if err := f.ResetPassword(ctx, in); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SignIn(ctx, authclient.SignInRequest{Username: demoUsername, Password: in.NewPassword}); err != nil {
		t.Error(err)
	}
	_, err := f.SignIn(ctx, authclient.SignInRequest{Username: demoUsername, Password: demoPassword})
	refusal(t, err, authclient.ErrInvalidPassword)
	in.Email, in.VerificationToken = "a@b.cn", f.verified("a@b.cn")
	refusal(t, f.ResetPassword(ctx, in), authclient.ErrNotFound)
}
