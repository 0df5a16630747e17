package authclient_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tcb-login/authclient"
)

// tokens are the fields of credentials that differ each time.
// varying are fields of a person that differ from run to run: a test pins each by itself.
var varying = cmpopts.IgnoreFields(authclient.UserInfo{}, "Raw")

var tokens = cmpopts.IgnoreFields(authclient.Credentials{}, "AccessToken", "RefreshToken", "Sub")

func TestSignIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, username := range []string{demoUsername, demoEmail, strings.ToUpper(demoEmail)} {
		creds, err := f.SignIn(t.Context(), authclient.SignInRequest{Username: username, Password: demoPassword})
		if err != nil {
			t.Fatalf("%s: %v", username, err)
		}
		want := &authclient.Credentials{TokenType: "Bearer", ExpiresIn: 7200, Scope: "user", Groups: []string{"user"}}
		if diff := cmp.Diff(want, creds, tokens); diff != "" {
			t.Errorf("%s (-want +got):\n%s", username, diff)
		}
		if creds.AccessToken == "" || creds.RefreshToken == "" || creds.Sub == "" {
			t.Errorf("%s: the answer lacks a token or sub", username)
		}
	}
}

func TestSignInErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const password = "Abcdef-1"
	f.registered("nopass@example.com", "")
	f.setStatus(f.registered("pending@example.com", password).Sub, "PENDING")
	f.setStatus(f.registered("blocked@example.com", password).Sub, "BLOCKED")

	tests := []struct {
		name      string
		in        authclient.SignInRequest
		want      error
		status    int
		remaining int
	}{
		{"nobody", authclient.SignInRequest{Username: "nobody", Password: password}, authclient.ErrNotFound, 404, -1},
		{"wrong password", authclient.SignInRequest{Username: demoUsername, Password: "x"}, authclient.ErrInvalidPassword, 400, 9},
		{"wrong again", authclient.SignInRequest{Username: demoUsername, Password: "x"}, authclient.ErrInvalidPassword, 400, 8},
		{"no password set", authclient.SignInRequest{Username: "nopass@example.com", Password: password}, authclient.ErrPasswordNotSet, 400, -1},
		{"pending", authclient.SignInRequest{Username: "pending@example.com", Password: password}, authclient.ErrUserPending, 400, -1},
		{"blocked", authclient.SignInRequest{Username: "blocked@example.com", Password: password}, authclient.ErrUserBlocked, 400, -1},
		{"no password", authclient.SignInRequest{Username: demoUsername}, authclient.ErrInvalidArgument, 400, -1},
		{"forged token", authclient.SignInRequest{Username: demoEmail, VerificationToken: "x"}, authclient.ErrInvalidArgument, 400, -1},
		{"the third", authclient.SignInRequest{Username: demoUsername, Password: "x"}, authclient.ErrInvalidPassword, 400, 7},
		{"the fourth", authclient.SignInRequest{Username: demoUsername, Password: "x"}, authclient.ErrInvalidPassword, 400, 6},
		{"the fifth", authclient.SignInRequest{Username: demoUsername, Password: "x"}, authclient.ErrInvalidPassword, 400, 5},
		{"captcha", authclient.SignInRequest{Username: demoUsername, Password: "x"}, authclient.ErrCaptchaRequired, 400, -1},
	}
	for _, tt := range tests { // in this order: they count up to the captcha
		creds, err := f.SignIn(t.Context(), tt.in, authclient.WithLocale("en-US"))
		e := refusal(t, err, tt.want)
		if creds != nil || e.Op != "SignIn" || e.Status != tt.status || e.Remaining != tt.remaining || e.RetryAfter != 0 {
			t.Errorf("%s: got credentials %v and %q with status %d, %d tries left, %v to wait; want nil, SignIn, %d, %d, 0",
				tt.name, creds, e.Op, e.Status, e.Remaining, e.RetryAfter, tt.status, tt.remaining)
		}
		if e.RequestID == "" || e.ErrorCode == 0 || e.Description == "" {
			t.Errorf("%s: request id %q, number %d, description %q: want all of them", tt.name, e.RequestID, e.ErrorCode, e.Description)
		}
		for _, code := range authclient.Codes() {
			if is := errors.Is(err, code2err(t, code)); is != (code == e.Code) {
				t.Errorf("%s: errors.Is says %t for %s", tt.name, is, code)
			}
		}
	}
}

func TestSignInLocked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"captcha":"never"}`)
	wrong := authclient.SignInRequest{Username: demoUsername, Password: "x"}
	for left := 9; left >= 0; left-- {
		_, err := f.SignIn(t.Context(), wrong)
		if e := refusal(t, err, authclient.ErrInvalidPassword); e.Remaining != left {
			t.Errorf("got %d tries left, want %d", e.Remaining, left)
		}
	}
	f.clock.advance(time.Minute)
	_, err := f.SignIn(t.Context(), authclient.SignInRequest{Username: demoUsername, Password: demoPassword})
	if e := refusal(t, err, authclient.ErrInvalidStatus); e.RetryAfter != 9*time.Minute || len(e.Details) != 1 {
		t.Errorf("got %v to wait and details %s, want 9m and one", e.RetryAfter, e.Details)
	}
	f.clock.advance(9 * time.Minute)
	if _, err := f.SignIn(t.Context(), authclient.SignInRequest{Username: demoUsername, Password: demoPassword}); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestSignInMethodsSwitchedOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"login":{"PhoneNumberLogin":false,"EmailLogin":false,"UserNameLogin":false,"AnonymousLogin":false}}`)
	ctx := t.Context()
	_, byName := f.SignIn(ctx, authclient.SignInRequest{Username: demoUsername, Password: demoPassword})
	_, byEmail := f.SignIn(ctx, authclient.SignInRequest{Username: demoEmail, Password: demoPassword})
	_, byPhone := f.GetVerification(ctx, authclient.GetVerificationRequest{PhoneNumber: "13800000000"})
	_, anonymous := f.SignInAnonymously(ctx, authclient.WithDeviceID(strings.Repeat("d", 32)))
	west := f.client(authclient.Config{Env: "west-env"})
	_, inTheWest := west.GetVerification(ctx, authclient.GetVerificationRequest{PhoneNumber: "13800000000"})
	refusal(t, byName, authclient.ErrUnimplemented)
	refusal(t, byEmail, authclient.ErrLoginMethodDisabled)
	refusal(t, byPhone, authclient.ErrLoginMethodDisabled)
	refusal(t, anonymous, authclient.ErrUnimplemented)
	refusal(t, inTheWest, authclient.ErrUnimplemented)
}

func TestSignUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	const phone = "+86 13800000001"
	creds, err := f.SignUp(ctx, authclient.SignUpRequest{
		PhoneNumber: phone, VerificationToken: f.verified(phone), Username: "wang", Password: "Abcdef-1",
		Name: "王芳", Gender: "FEMALE", Picture: "https://example.com/w.png", Locale: "zh-CN",
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.AsUser(creds.AccessToken).GetUserInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := &authclient.UserInfo{
		Sub: creds.Sub, Name: "王芳", Username: "wang", Picture: "https://example.com/w.png", PhoneNumber: phone,
		Gender: "FEMALE", Locale: "zh-CN", Status: "ACTIVE", HasPassword: true, Groups: []authclient.Group{{ID: "user"}}, Providers: []authclient.ProfileProvider{},
	}
	if diff := cmp.Diff(want, info, varying); diff != "" {
		t.Errorf("user info (-want +got):\n%s", diff)
	}
	if _, err := f.SignIn(ctx, authclient.SignInRequest{Username: phone, Password: "Abcdef-1"}); err != nil {
		t.Errorf("with the new password: %v", err)
	}

	tests := []struct {
		name string
		in   authclient.SignUpRequest
		want error
	}{
		{"number taken", authclient.SignUpRequest{PhoneNumber: phone, VerificationToken: f.verified(phone)}, authclient.ErrFailedPrecondition},
		{"address taken", authclient.SignUpRequest{Email: demoEmail, VerificationToken: f.verified(demoEmail)}, authclient.ErrFailedPrecondition},
		{"username taken", authclient.SignUpRequest{Email: "a@b.cn", VerificationToken: f.verified("a@b.cn"), Username: "wang"}, authclient.ErrAlreadyExists},
		{"password too weak", authclient.SignUpRequest{Email: "a@b.cn", VerificationToken: f.verified("a@b.cn"), Password: "x"}, authclient.ErrInvalidArgument},
		{"somebody else's token", authclient.SignUpRequest{Email: "a@b.cn", VerificationToken: f.verified("c@b.cn")}, authclient.ErrInvalidArgument},
		{"neither number nor address", authclient.SignUpRequest{Username: "li", Password: "Abcdef-1"}, authclient.ErrInvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := f.SignUp(ctx, tt.in)
			refusal(t, err, tt.want)
		})
	}
}

func TestSignInAnonymously(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	device := authclient.WithDeviceID(strings.Repeat("d", 32))
	creds, err := f.SignInAnonymously(ctx, device)
	if err != nil {
		t.Fatal(err)
	}
	if creds.Scope != "anonymous" {
		t.Errorf("got scope %q, want anonymous", creds.Scope)
	}
	again, err := f.SignInAnonymously(ctx, device)
	if err != nil {
		t.Fatal(err)
	}
	if again.Sub != creds.Sub {
		t.Errorf("one device is %s, then %s", creds.Sub, again.Sub)
	}
	_, err = f.SignInAnonymously(ctx)
	refusal(t, err, authclient.ErrInvalidArgument)

	// Signing up with the anonymous login's token keeps the account.
	kept, err := f.SignUp(ctx, authclient.SignUpRequest{
		Email: "a@b.cn", VerificationToken: f.verified("a@b.cn"), AnonymousToken: again.AccessToken,
	})
	if err != nil {
		t.Fatal(err)
	}
	if kept.Sub != creds.Sub || kept.Scope == "anonymous" {
		t.Errorf("signed up as %s with scope %q, want %s and another than anonymous", kept.Sub, kept.Scope, creds.Sub)
	}
}

func TestRefreshToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	old := f.demo()
	renewed, err := f.RefreshToken(ctx, old.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if renewed.RefreshToken == old.RefreshToken || renewed.AccessToken == old.AccessToken || renewed.Sub != old.Sub {
		t.Error("want new tokens for the same person")
	}
	_, err = f.RefreshToken(ctx, old.RefreshToken)
	refusal(t, err, authclient.ErrInvalidGrant)
	if _, err := f.AsUser(renewed.AccessToken).GetUserInfo(ctx); err != nil {
		t.Error(err)
	}
}

func TestClientSecret(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	in := authclient.SignInRequest{Username: demoUsername, Password: demoPassword}
	app := f.client(authclient.Config{Env: "demo-env", ClientID: "web-app", ClientSecret: "s3cret"})
	creds, err := app.SignIn(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.RefreshToken(ctx, creds.RefreshToken); err != nil {
		t.Error(err)
	}
	_, err = f.client(authclient.Config{Env: "demo-env", ClientID: "web-app", ClientSecret: "guessed"}).SignIn(ctx, in)
	refusal(t, err, authclient.ErrUnauthorizedClient)
	_, err = f.client(authclient.Config{Env: "demo-env", ClientID: "other"}).SignIn(ctx, in)
	refusal(t, err, authclient.ErrUnauthorizedClient)
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	for _, which := range []string{"access token", "refresh token"} {
		creds := f.demo()
		token := creds.AccessToken
		if which == "refresh token" {
			token = creds.RefreshToken
		}
		if err := f.Revoke(ctx, token); err != nil {
			t.Fatalf("%s: %v", which, err)
		}
		_, err := f.AsUser(creds.AccessToken).GetUserInfo(ctx)
		refusal(t, err, authclient.ErrUnauthenticated)
		_, err = f.RefreshToken(ctx, creds.RefreshToken)
		refusal(t, err, authclient.ErrInvalidGrant)
	}
	refusal(t, f.Revoke(ctx, ""), authclient.ErrInvalidArgument)
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	creds := f.demo()
	out, err := f.AsUser(creds.AccessToken).SignOut(ctx, authclient.SignOutRequest{RedirectURI: "https://app.example/bye", State: "s 1"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://app.example/bye?state=s+1"; out.RedirectURI != want {
		t.Errorf("got %q, want %q", out.RedirectURI, want)
	}
	_, err = f.AsUser(creds.AccessToken).GetUserInfo(ctx)
	refusal(t, err, authclient.ErrUnauthenticated)
	for _, in := range []authclient.SignOutRequest{{}, {State: "s"}} {
		out, err = f.AsUser(creds.AccessToken).SignOut(ctx, in) // it is over already
		if err != nil || out != (authclient.SignOutResponse{}) {
			t.Errorf("got %v, %v; want nowhere to go and no error", out, err)
		}
	}
	out, err = f.AsUser(f.demo().AccessToken).SignOut(ctx, authclient.SignOutRequest{})
	if err != nil || out != (authclient.SignOutResponse{}) {
		t.Errorf("got %v, %v; want nowhere to go and no error", out, err)
	}
}

func TestIsUsernameRegistered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tests := []struct {
		username string
		want     bool
	}{
		{demoUsername, true},
		{demoEmail, true},
		{"nobody", false},
		{"a&client_id=other", false}, // escaped, or else another client
	}
	for _, tt := range tests {
		t.Run(tt.username, func(t *testing.T) {
			got, err := f.IsUsernameRegistered(t.Context(), tt.username)
			if err != nil || got != tt.want {
				t.Errorf("got %t, %v; want %t", got, err, tt.want)
			}
		})
	}
}

func TestGetUserInfo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	creds := f.demo()
	info, err := f.AsUser(creds.AccessToken).GetUserInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := &authclient.UserInfo{
		Sub: creds.Sub, Name: "Demo", Username: demoUsername, Email: demoEmail, EmailVerified: true, Status: "ACTIVE",
		HasPassword: true, Groups: []authclient.Group{{ID: "user"}}, Providers: []authclient.ProfileProvider{},
	}
	if diff := cmp.Diff(want, info, varying); diff != "" {
		t.Errorf("user info (-want +got):\n%s", diff)
	}
	var raw map[string]any
	if err := json.Unmarshal(info.Raw, &raw); err != nil {
		t.Fatal(err)
	}
	if raw["internal_user_type"] != "generalUser" || raw["sub"] != creds.Sub {
		t.Errorf("Raw is %v, want the whole answer", raw)
	}

	for _, token := range []string{"forged", creds.RefreshToken} {
		_, err := f.AsUser(token).GetUserInfo(ctx)
		if e := refusal(t, err, authclient.ErrUnauthenticated); e.Status != http.StatusUnauthorized {
			t.Errorf("got status %d, want 401", e.Status)
		}
	}
	f.clock.advance(2 * time.Hour)
	_, err = f.AsUser(creds.AccessToken).GetUserInfo(ctx)
	refusal(t, err, authclient.ErrUnauthenticated)
}

func TestCaptcha(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"captcha":"always"}`)
	ctx := t.Context()
	in := authclient.SignInRequest{Username: demoUsername, Password: demoPassword}
	_, err := f.SignIn(ctx, in)
	refusal(t, err, authclient.ErrCaptchaRequired)
	_, err = f.SignIn(ctx, in, authclient.WithCaptchaToken("forged &?#"))
	refusal(t, err, authclient.ErrCaptchaInvalid)

	picture := func() (token, key string) {
		t.Helper()
		data, err := f.GetCaptchaData(ctx, authclient.CallSignIn)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(data.Data, "data:image/") || data.Type != "image" || data.ExpiresIn != 300 {
			t.Errorf("got %.30q, %q, %d seconds; want an image for 300", data.Data, data.Type, data.ExpiresIn)
		}
		var answer struct{ Key string }
		f.control(http.MethodGet, "captcha/"+data.Token, "", &answer)
		return data.Token, answer.Key
	}
	token, key := picture()
	_, err = f.VerifyCaptchaData(ctx, token, "????")
	refusal(t, err, authclient.ErrInvalidArgument)
	_, err = f.VerifyCaptchaData(ctx, token, key)
	refusal(t, err, authclient.ErrInvalidArgument) // a picture is good for one try

	token, key = picture()
	solved, err := f.VerifyCaptchaData(ctx, token, key)
	if err != nil {
		t.Fatal(err)
	}
	if solved.CaptchaToken == "" || solved.ExpiresIn != 600 {
		t.Errorf("got %+v, want a token for 600 seconds", solved)
	}
	for range 2 { // it serves for several calls
		if _, err := f.SignIn(ctx, in, authclient.WithCaptchaToken(solved.CaptchaToken)); err != nil {
			t.Error(err)
		}
	}
	f.clock.advance(10 * time.Minute)
	_, err = f.SignIn(ctx, in, authclient.WithCaptchaToken(solved.CaptchaToken))
	refusal(t, err, authclient.ErrCaptchaInvalid)
}

// Every code that TCB may answer with comes out as its own Err value, and as no other.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, code := range authclient.Codes() {
		f.settings(fmt.Sprintf(`{"faults":[{"path":"/auth/v1/signin","error":%q,"times":1}]}`, code))
		_, err := f.SignIn(t.Context(), authclient.SignInRequest{Username: demoUsername, Password: demoPassword}, authclient.WithLocale("en-US"))
		e := refusal(t, err, code2err(t, code))
		if e.Code != code || e.Status < 400 || e.ErrorCode == 0 || e.Description == "" {
			t.Errorf("%s: got code %q, status %d, number %d, description %q", code, e.Code, e.Status, e.ErrorCode, e.Description)
		}
		for _, other := range authclient.Codes() {
			if other != code && errors.Is(err, code2err(t, other)) {
				t.Errorf("%s is also %s", code, other)
			}
		}
	}
	f.demo() // the faults are used up
}

func TestLocale(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	texts := map[string]bool{}
	for _, locale := range []string{"zh-CN", "en-US"} {
		_, err := f.Verify(t.Context(), authclient.VerifyRequest{VerificationID: "none"}, authclient.WithLocale(locale))
		e := refusal(t, err, authclient.ErrInvalidArgument)
		texts[e.Description] = true
		if strings.Contains(err.Error(), e.Description) {
			t.Errorf("%s: the error's text repeats the description: %v", locale, err)
		}
	}
	if len(texts) != 2 {
		t.Errorf("got descriptions %v, want one per locale", texts)
	}
}
