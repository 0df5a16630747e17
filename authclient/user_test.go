package authclient_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"tcb-login/authclient"
)

// A User of AsUser makes a person's calls with the token it was given. It never
// refreshes, and takes no refusal as the end.
func TestAsUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	creds := f.demo()
	user := f.AsUser(creds.AccessToken)

	name := "Wang"
	if info, err := user.Update(ctx, authclient.UserUpdate{Name: &name}); err != nil || info.Name != name || info.Sub != creds.Sub {
		t.Errorf("got %v, %v; want the profile with its new name", info, err)
	}
	f.clock.advance(2 * time.Hour)
	_, err := user.GetUserInfo(ctx)
	refusal(t, err, authclient.ErrUnauthenticated)
	if n := f.seen.count("POST /auth/v1/token"); n != 0 {
		t.Errorf("%d refreshes, want none", n)
	}

	f.settings(`{"faults":[{"path":"/auth/v1/user/me","error":"unauthenticated","times":1}]}`)
	user = f.AsUser(f.demo().AccessToken)
	_, err = user.GetUserInfo(ctx)
	refusal(t, err, authclient.ErrUnauthenticated)
	if _, err := user.GetUserInfo(ctx); err != nil {
		t.Errorf("after a refusal: %v", err)
	}
}

// Without a token a person's call does not go out: it would be the app's own.
func TestNoToken(t *testing.T) {
	t.Parallel()
	client := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("there was a request: %s %s", r.Method, r.URL)
	}), authclient.Config{ClientSecret: "secret"})
	states := map[string]*authclient.User{
		"user":        client.AsUser(""),
		"login state": client.LoginState(authclient.Credentials{}, time.Now().Add(time.Hour), nil).User,
	}
	for name, user := range states {
		_, err := user.GetUserInfo(t.Context())
		if e := refusal(t, err, authclient.ErrUnauthenticated); e.Op != "GetUserInfo" || e.Call.Path != "/v1/user/me" || e.Status != 0 {
			t.Errorf("%s: got %#v", name, e)
		}
		for _, in := range []authclient.SignOutRequest{{}, {State: "s"}} {
			_, err := user.SignOut(t.Context(), in)
			refusal(t, err, authclient.ErrInvalidArgument)
		}
	}
}

// The error that asks for a captcha says what the captcha is for.
func TestErrorCallOfCaptcha(t *testing.T) {
	t.Parallel()
	client := serve(t, answer(400, `{"error":"captcha_required"}`), authclient.Config{})
	user := client.AsUser("a.b.c")
	tests := []struct {
		want authclient.Call
		text string
		call func(context.Context) error
	}{
		{authclient.CallSignUp, "POST:/v1/signup", func(ctx context.Context) error {
			_, err := client.SignUp(ctx, authclient.SignUpRequest{})
			return err
		}},
		{authclient.CallSignIn, "POST:/v1/signin", func(ctx context.Context) error {
			_, err := client.SignIn(ctx, authclient.SignInRequest{})
			return err
		}},
		{authclient.CallSignInAnonymously, "POST:/v1/signin/anonymously", func(ctx context.Context) error {
			_, err := client.SignInAnonymously(ctx)
			return err
		}},
		{authclient.CallGetVerification, "POST:/v1/verification", func(ctx context.Context) error {
			_, err := client.GetVerification(ctx, authclient.GetVerificationRequest{})
			return err
		}},
		{authclient.CallGetVerification, "POST:/v1/verification", func(ctx context.Context) error {
			_, err := user.GetVerification(ctx, authclient.GetVerificationRequest{})
			return err
		}},
		{authclient.CallGenProviderRedirectURI, "GET:/v1/provider/uri", func(ctx context.Context) error {
			_, err := client.GenProviderRedirectURI(ctx, authclient.GenProviderRedirectURIRequest{})
			return err
		}},
	}
	for _, tt := range tests {
		e := refusal(t, tt.call(t.Context()), authclient.ErrCaptchaRequired)
		if e.Call != tt.want || e.Call.String() != tt.text {
			t.Errorf("%s names %s, want %s", e.Op, e.Call, tt.text)
		}
	}
}
