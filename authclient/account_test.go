package authclient_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

const phone = "+86 13800000009"

// registeredByPhone signs somebody up by a number, which is all they have.
func (f *fixture) registeredByPhone(number string) *authclient.Credentials {
	f.t.Helper()
	creds, err := f.SignUp(f.t.Context(), authclient.SignUpRequest{PhoneNumber: number, VerificationToken: f.verified(number)})
	if err != nil {
		f.t.Fatal(err)
	}
	return creds
}

// gone checks that an account, or its login, is no more.
func (f *fixture) gone(creds *authclient.Credentials) {
	f.t.Helper()
	_, err := f.AsUser(creds.AccessToken).GetUserInfo(f.t.Context())
	refusal(f.t, err, authclient.ErrUnauthenticated)
}

func TestSudo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"captcha":"never"}`)
	ctx := t.Context()
	withPassword := f.state(f.demo())
	withPhone := f.state(f.registeredByPhone(phone))
	err := withPhone.BindEmail(ctx, authclient.BindEmailRequest{
		Email: "phone@example.com", SudoToken: f.sudo(withPhone, phone), VerificationToken: f.verified("phone@example.com"),
	})
	if err != nil {
		t.Fatal(err)
	}
	thirdParty := f.state(f.through("p-1"))
	anonymous, err := f.SignInAnonymously(ctx, authclient.WithDeviceID("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	type request = authclient.SudoRequest
	tests := []struct {
		name  string
		login *authclient.LoginState
		in    request
		want  error
		empty bool
	}{
		{"password", withPassword, request{Password: demoPassword}, nil, false},
		{"code to the own address", withPassword, request{VerificationToken: f.verified(demoEmail)}, nil, false},
		{"wrong password", withPassword, request{Password: "x"}, authclient.ErrInvalidPassword, false},
		{"nothing", withPassword, request{}, authclient.ErrInvalidArgument, false},
		{"code to another address", withPassword, request{VerificationToken: f.verified("x@example.com")}, authclient.ErrInvalidArgument, false},
		{"forged token", withPassword, request{VerificationToken: "x"}, authclient.ErrInvalidArgument, false},
		{"password where a phone is bound", withPhone, request{Password: "Abcdef-1"}, authclient.ErrFailedPrecondition, false},
		{"nothing where a phone is bound", withPhone, request{}, authclient.ErrFailedPrecondition, false},
		{"code to the phone", withPhone, request{VerificationToken: f.verified(phone)}, nil, false},
		{"code to the address where a phone is bound", withPhone, request{VerificationToken: f.verified("phone@example.com")}, nil, false},
		{"third party only", thirdParty, request{}, nil, true},
		{"third party only, with a password", thirdParty, request{Password: "x"}, nil, true},
		{"anonymous", f.state(anonymous), request{}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, err := tt.login.Sudo(ctx, tt.in)
			if tt.want != nil {
				if refusal(t, err, tt.want); token != nil {
					t.Errorf("got a token")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if token.ExpiresIn != 900 || (token.SudoToken == "") != tt.empty {
				t.Errorf("got token %q for %d seconds, want 900 and an empty one: %t", token.SudoToken, token.ExpiresIn, tt.empty)
			}
		})
	}
	f.settings(`{"captcha":"never"}`)
	for left := 8; left >= 0; left-- {
		_, err := withPassword.Sudo(ctx, request{Password: "x"})
		if e := refusal(t, err, authclient.ErrInvalidPassword); e.Remaining != left {
			t.Errorf("got %d tries left, want %d", e.Remaining, left)
		}
	}
	_, err = withPassword.Sudo(ctx, request{Password: demoPassword})
	if e := refusal(t, err, authclient.ErrInvalidStatus); e.RetryAfter <= 0 {
		t.Errorf("got %v to wait", e.RetryAfter)
	}
}

// A sudo_token is for its login and for a quarter of an hour; the empty one is
// for those who have no other.
func TestSudoToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	s, other := f.state(f.demo()), f.state(f.demo())
	token := f.sudo(s, demoEmail)
	in := authclient.SetPasswordRequest{NewPassword: "New-pass-2", SudoToken: token}
	for _, wrong := range []string{"", "forged"} {
		refusal(t, s.SetPassword(ctx, authclient.SetPasswordRequest{NewPassword: "New-pass-2", SudoToken: wrong}), authclient.ErrPermissionDenied)
	}
	refusal(t, other.SetPassword(ctx, in), authclient.ErrPermissionDenied)
	f.clock.advance(15 * time.Minute)
	refusal(t, s.SetPassword(ctx, in), authclient.ErrPermissionDenied)

	thirdParty := f.state(f.through("p-1"))
	if err := thirdParty.SetPassword(ctx, authclient.SetPasswordRequest{NewPassword: "New-pass-2"}); err != nil {
		t.Fatal(err)
	}
	err := thirdParty.SetPassword(ctx, authclient.SetPasswordRequest{NewPassword: "New-pass-3"})
	refusal(t, err, authclient.ErrPermissionDenied) // there is a password now
}

func TestGetVerificationOfOneself(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	f.registered("other@example.com", "")
	s := f.state(f.demo())
	v, err := s.GetVerification(ctx, authclient.GetVerificationRequest{Email: demoEmail, Target: authclient.TargetCurUser})
	if err != nil || !v.IsUser {
		t.Fatalf("got %+v, %v", v, err)
	}
	token, err := f.Verify(ctx, authclient.VerifyRequest{VerificationID: v.VerificationID, VerificationCode: f.lastMessage(demoEmail).Code})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sudo(ctx, authclient.SudoRequest{VerificationToken: token.VerificationToken}); err != nil {
		t.Error(err)
	}
	f.clock.advance(time.Minute)
	for _, to := range []string{"other@example.com", "nobody@example.com"} {
		_, err := s.GetVerification(ctx, authclient.GetVerificationRequest{Email: to, Target: authclient.TargetCurUser})
		if e := refusal(t, err, authclient.ErrFailedPrecondition); e.Op != "GetVerification" {
			t.Errorf("got operation %s", e.Op)
		}
	}
	_, err = f.GetVerification(ctx, authclient.GetVerificationRequest{Email: demoEmail, Target: authclient.TargetCurUser})
	refusal(t, err, authclient.ErrUnauthenticated) // nobody is signed in
	if v, err = s.GetVerification(ctx, authclient.GetVerificationRequest{PhoneNumber: "13800000009"}); err != nil || v.IsUser {
		t.Errorf("a new number: %+v, %v", v, err)
	}
}

func TestBindPhoneNumber(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	s := f.state(f.demo())
	in := authclient.BindPhoneNumberRequest{PhoneNumber: "13800000009", SudoToken: "x", VerificationToken: f.verified(phone)}
	refusal(t, s.BindPhoneNumber(ctx, in), authclient.ErrPermissionDenied)
	in.SudoToken = f.sudo(s, demoEmail)
	in.PhoneNumber = "13800000008"
	refusal(t, s.BindPhoneNumber(ctx, in), authclient.ErrInvalidArgument) // another number than the verified one
	in.PhoneNumber = "13800000009"
	if err := s.BindPhoneNumber(ctx, in); err != nil {
		t.Fatal(err)
	}
	if info, err := s.GetCurrentUser(ctx); err != nil || info.PhoneNumber != phone {
		t.Errorf("got %+v, %v; want number %s", info, err, phone)
	}
	if _, err := f.SignIn(ctx, authclient.SignInRequest{Username: phone, VerificationToken: f.verified(phone)}); err != nil {
		t.Errorf("by the new number: %v", err)
	}

	// The number of somebody who has nothing else.
	const taken = "+86 13800000007"
	other := f.registeredByPhone(taken)
	in = authclient.BindPhoneNumberRequest{PhoneNumber: taken, SudoToken: f.sudo(s, phone), VerificationToken: f.verified(taken)}
	refusal(t, s.BindPhoneNumber(ctx, in), authclient.ErrFailedPrecondition)
	in.ConflictResolution = authclient.ConflictDeleteAccount
	if err := s.BindPhoneNumber(ctx, in); err != nil {
		t.Fatal(err)
	}
	f.gone(other)
}

func TestBindEmail(t *testing.T) {
	t.Parallel()
	const address = "taken@example.com"
	tests := []struct {
		name      string
		resolve   authclient.ConflictResolution
		otherWay  bool // whether the other account has a phone number too
		want      error
		otherGone bool
	}{
		{"nothing said", "", false, authclient.ErrFailedPrecondition, false},
		{"default", authclient.ConflictDefault, true, authclient.ErrFailedPrecondition, false},
		{"transfer", authclient.ConflictTransfer, true, nil, false},
		{"transfer of the last way in", authclient.ConflictTransfer, false, nil, true},
		{"delete", authclient.ConflictDeleteAccount, true, nil, true},
		{"no such way", "STEAL", true, authclient.ErrInvalidArgument, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			ctx := t.Context()
			other := f.registered(address, "")
			if tt.otherWay {
				o := f.state(other)
				err := o.BindPhoneNumber(ctx, authclient.BindPhoneNumberRequest{
					PhoneNumber: phone, SudoToken: f.sudo(o, address), VerificationToken: f.verified(phone),
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			s := f.state(f.demo())
			err := s.BindEmail(ctx, authclient.BindEmailRequest{
				Email: address, SudoToken: f.sudo(s, demoEmail), VerificationToken: f.verified(address), ConflictResolution: tt.resolve,
			})
			mine, others := address, ""
			if tt.want != nil {
				refusal(t, err, tt.want)
				mine, others = demoEmail, address
			} else if err != nil {
				t.Fatal(err)
			}
			if info, err := s.GetUserInfo(ctx); err != nil || info.Email != mine {
				t.Errorf("got %+v, %v; want address %s", info, err, mine)
			}
			if tt.otherGone {
				f.gone(other)
			} else if info := f.info(other); info.Email != others {
				t.Errorf("the other one has %q, want %q", info.Email, others)
			}
		})
	}
}

func TestSetPassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	s, elsewhere := f.state(f.demo()), f.demo()
	in := authclient.SetPasswordRequest{NewPassword: "weak", SudoToken: f.sudo(s, demoEmail)}
	refusal(t, s.SetPassword(ctx, in), authclient.ErrInvalidArgument)
	in.NewPassword = "New-pass-2"
	if err := s.SetPassword(ctx, in); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetUserInfo(ctx); err != nil {
		t.Errorf("who changed it: %v", err)
	}
	f.gone(elsewhere)
	if _, err := f.SignIn(ctx, authclient.SignInRequest{Username: demoUsername, Password: "New-pass-2"}); err != nil {
		t.Error(err)
	}
	_, err := f.SignIn(ctx, authclient.SignInRequest{Username: demoUsername, Password: demoPassword})
	refusal(t, err, authclient.ErrInvalidPassword)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	creds := f.registered("a@b.cn", "")
	s := f.state(creds)
	name, username, picture, gender, birthdate, locale, zone := "王芳", "wang", "https://example.com/w.png", "FEMALE", "2000-02-29", "zh-CN", "Asia/Shanghai"
	got, err := s.Update(ctx, authclient.UserUpdate{
		Name: &name, Username: &username, Picture: &picture, Gender: &gender, Birthdate: &birthdate, Locale: &locale, Zoneinfo: &zone,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &authclient.UserInfo{
		Sub: creds.Sub, Name: name, Username: username, Picture: picture, Gender: gender, Birthdate: birthdate, Locale: locale, Zoneinfo: zone,
		Email: "a@b.cn", EmailVerified: true, Status: "ACTIVE", Groups: []authclient.Group{{ID: "user"}}, Providers: []authclient.ProfileProvider{},
	}
	if diff := cmp.Diff(want, got, varying); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	refreshed, err := s.Refresh(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, refreshed, varying); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
	empty := ""
	if got, err = s.Update(ctx, authclient.UserUpdate{Picture: &empty}); err != nil || got.Picture != "" || got.Name != name {
		t.Errorf("without a picture: %+v, %v", got, err)
	}

	demo, bad, email, number := demoUsername, "x", "new@b.cn", "13800000009"
	tests := []struct {
		name string
		in   authclient.UserUpdate
		want error
	}{
		{"username taken", authclient.UserUpdate{Username: &demo}, authclient.ErrAlreadyExists},
		{"username", authclient.UserUpdate{Username: &bad}, authclient.ErrInvalidArgument},
		{"gender", authclient.UserUpdate{Gender: &bad}, authclient.ErrInvalidArgument},
		{"birthdate", authclient.UserUpdate{Birthdate: &bad}, authclient.ErrInvalidArgument},
		{"address not verified", authclient.UserUpdate{Email: &email}, authclient.ErrFailedPrecondition},
		{"number not verified", authclient.UserUpdate{PhoneNumber: &number}, authclient.ErrFailedPrecondition},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Update(ctx, tt.in)
			refusal(t, err, tt.want)
		})
	}

	v, err := s.GetVerification(ctx, authclient.GetVerificationRequest{PhoneNumber: number})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Verify(ctx, authclient.VerifyRequest{VerificationID: v.VerificationID, VerificationCode: f.lastMessage(phone).Code}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Update(ctx, authclient.UserUpdate{PhoneNumber: &number}); err != nil || got.PhoneNumber != phone {
		t.Errorf("got %+v, %v; want number %s", got, err, phone)
	}
	if number != "13800000009" {
		t.Errorf("the caller's number became %q", number)
	}
}

func TestBasicEdit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"captcha":"never"}`)
	ctx := t.Context()
	creds := f.demo()
	s := f.state(creds)
	if err := s.BasicEdit(ctx, authclient.BasicEditRequest{
		UserID: creds.Sub, Nickname: "N", Username: "demo2", Description: "d", AvatarURL: "https://example.com/a.png", Gender: "MALE",
	}); err != nil {
		t.Fatal(err)
	}
	if info := f.info(creds); info.Name != "N" || info.Username != "demo2" || info.Picture != "https://example.com/a.png" || info.Gender != "MALE" {
		t.Errorf("got %+v", info)
	}
	tests := []struct {
		name string
		in   authclient.BasicEditRequest
		want error
	}{
		{"somebody else", authclient.BasicEditRequest{UserID: "1", Nickname: "x"}, authclient.ErrPermissionDenied},
		{"without the old password", authclient.BasicEditRequest{NewPassword: "New-pass-2"}, authclient.ErrInvalidArgument},
		{"by a wrong password", authclient.BasicEditRequest{Password: "x", NewPassword: "New-pass-2"}, authclient.ErrInvalidPassword},
		{"to a weak password", authclient.BasicEditRequest{Password: demoPassword, NewPassword: "weak"}, authclient.ErrInvalidArgument},
		{"to an address not verified", authclient.BasicEditRequest{Email: "x@b.cn"}, authclient.ErrFailedPrecondition},
		{"to a number not verified", authclient.BasicEditRequest{Phone: "13800000009"}, authclient.ErrFailedPrecondition},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { refusal(t, s.BasicEdit(ctx, tt.in), tt.want) })
	}
	if err := s.BasicEdit(ctx, authclient.BasicEditRequest{Password: demoPassword, NewPassword: "New-pass-2"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SignIn(ctx, authclient.SignInRequest{Username: "demo2", Password: "New-pass-2"}); err != nil {
		t.Error(err)
	}
}

func TestDeleteMe(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	creds := f.demo()
	var changes []change
	s := f.LoginState(*creds, f.clock.now().Add(2*time.Hour), recorded(&changes))
	for _, token := range []string{"", "forged"} {
		_, err := s.DeleteMe(ctx, token)
		refusal(t, err, authclient.ErrPermissionDenied)
	}
	if !s.HasLoginState() || len(changes) > 0 {
		t.Error("a refusal ended the login")
	}
	was, err := s.DeleteMe(ctx, f.sudo(s, demoEmail))
	if err != nil || was.Sub != creds.Sub || was.Username != demoUsername {
		t.Fatalf("got %+v, %v; want who it was", was, err)
	}
	if diff := cmp.Diff([]change{{authclient.SignedOut, "", false}}, changes); diff != "" || s.HasLoginState() {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	_, err = s.DeleteMe(ctx, "")
	refusal(t, err, authclient.ErrUnauthenticated)
	f.gone(creds)
	_, err = f.SignIn(ctx, authclient.SignInRequest{Username: demoUsername, Password: demoPassword})
	refusal(t, err, authclient.ErrNotFound)

	thirdParty := f.state(f.through("p-1")) // for whom sudo gives ""
	if _, err := thirdParty.DeleteMe(ctx, ""); err != nil {
		t.Error(err)
	}
}

func TestCheckUsername(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.state(f.demo())
	tests := []struct {
		username string
		want     error
	}{
		{"free", nil},
		{demoUsername, authclient.ErrAlreadyExists},
		{"中文", authclient.ErrInvalidArgument},
		{"a&b=c", authclient.ErrInvalidArgument},
		{"", authclient.ErrInvalidArgument},
	}
	for _, tt := range tests {
		if err := s.CheckUsername(t.Context(), tt.username); !errors.Is(err, tt.want) {
			t.Errorf("%q: got %v, want %v", tt.username, err, tt.want)
		}
	}
}
