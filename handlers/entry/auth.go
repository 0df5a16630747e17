package entry

import (
	"context"

	"tcb-login/authclient"
)

// Auth is what the pages use of authclient.Client.
type Auth interface {
	SignIn(context.Context, authclient.SignInRequest, ...authclient.CallOption) (*authclient.Credentials, error)
	SignInAnonymously(context.Context, ...authclient.CallOption) (*authclient.Credentials, error)
	SignUp(context.Context, authclient.SignUpRequest, ...authclient.CallOption) (*authclient.Credentials, error)
	Revoke(context.Context, string, ...authclient.CallOption) error
	GetVerification(context.Context, authclient.GetVerificationRequest, ...authclient.CallOption) (*authclient.Verification, error)
	IsUsernameRegistered(context.Context, string, ...authclient.CallOption) (bool, error)
	Verify(context.Context, authclient.VerifyRequest, ...authclient.CallOption) (*authclient.VerificationToken, error)
	ResetPassword(context.Context, authclient.ResetPasswordRequest, ...authclient.CallOption) error
	ModifyPasswordWithoutLogin(context.Context, authclient.ModifyPasswordRequest, ...authclient.CallOption) error
	InitCaptcha(ctx context.Context, redirectURI, state string, opts ...authclient.CallOption) (*authclient.CaptchaPage, error)
	GetCaptchaData(context.Context, authclient.Call, ...authclient.CallOption) (*authclient.CaptchaData, error)
	VerifyCaptchaData(context.Context, string, string, ...authclient.CallOption) (*authclient.CaptchaToken, error)
	RefreshToken(context.Context, string, ...authclient.CallOption) (*authclient.Credentials, error)
	GenProviderRedirectURI(context.Context, authclient.GenProviderRedirectURIRequest, ...authclient.CallOption) (*authclient.ProviderRedirectURI, error)
	GrantProviderToken(context.Context, authclient.GrantProviderTokenRequest, ...authclient.CallOption) (*authclient.ProviderToken, error)
	GetMiniProgramQRCode(context.Context, string, ...authclient.CallOption) (*authclient.MiniProgramQRCode, error)
	GetMiniProgramQRCodeStatus(context.Context, string, string, ...authclient.CallOption) (*authclient.MiniProgramQRCodeStatus, error)
	SignInWithProvider(context.Context, authclient.SignInWithProviderRequest, ...authclient.CallOption) (*authclient.Credentials, error)

	// AsUser makes the calls of somebody who is signed in.
	AsUser(accessToken string) User
}

// User is what the pages use of authclient.User: a person's own calls.
type User interface {
	GetUserInfo(context.Context, ...authclient.CallOption) (*authclient.UserInfo, error)
	GetVerification(context.Context, authclient.GetVerificationRequest, ...authclient.CallOption) (*authclient.Verification, error)
	Sudo(context.Context, authclient.SudoRequest, ...authclient.CallOption) (*authclient.SudoToken, error)
	Update(context.Context, authclient.UserUpdate, ...authclient.CallOption) (*authclient.UserInfo, error)
	BindPhoneNumber(context.Context, authclient.BindPhoneNumberRequest, ...authclient.CallOption) error
	BindEmail(context.Context, authclient.BindEmailRequest, ...authclient.CallOption) error
	SetPassword(context.Context, authclient.SetPasswordRequest, ...authclient.CallOption) error
	GetProviders(context.Context, ...authclient.CallOption) ([]authclient.BoundProvider, error)
	BindWithProvider(context.Context, string, ...authclient.CallOption) error
	UnbindProvider(context.Context, string, ...authclient.CallOption) error
	GetSecurityHistory(context.Context, authclient.SecurityHistoryRequest, ...authclient.CallOption) (*authclient.SecurityHistory, error)
	RevokeDevice(context.Context, string, ...authclient.CallOption) error
	RevokeAllDevices(context.Context, ...authclient.CallOption) error
	AuthorizeDevice(context.Context, authclient.AuthorizeDeviceRequest, ...authclient.CallOption) error
	DeleteMe(context.Context, string, ...authclient.CallOption) (*authclient.UserInfo, error)
	AuthorizeInfo(context.Context, authclient.AuthorizeInfoRequest, ...authclient.CallOption) (*authclient.AuthorizeInfo, error)
	Authorize(context.Context, authclient.AuthorizeRequest, ...authclient.CallOption) (*authclient.Authorization, error)
	SignOut(context.Context, authclient.SignOutRequest, ...authclient.CallOption) (authclient.SignOutResponse, error)
}

// ClientAuth is an authclient.Client as an Auth.
type ClientAuth struct{ *authclient.Client }

// AsUser makes the calls of somebody who is signed in.
func (c ClientAuth) AsUser(accessToken string) User { return c.Client.AsUser(accessToken) }
