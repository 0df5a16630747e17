package authclient

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
)

// Credentials are a login as TCB issues it and as the SDK keeps it
// (browser-side key credentials_{client_id}). Printing or logging them shows
// no token.
type Credentials struct {
	TokenType    string   `json:"token_type"`              // "Bearer"
	AccessToken  string   `json:"access_token"`            // JWT, at most 4096 characters
	RefreshToken string   `json:"refresh_token,omitempty"` // opaque, changes at every refresh
	ExpiresIn    int      `json:"expires_in"`              // seconds, of the access token
	Scope        string   `json:"scope,omitempty"`         // "anonymous" for anonymous logins
	Sub          string   `json:"sub"`                     // the person's id
	Groups       []string `json:"groups,omitempty"`        // ids of the groups and roles that the person is in
}

func (c *Credentials) complete() bool { return c.AccessToken != "" && c.ExpiresIn > 0 }

// String names the person and no token.
func (c Credentials) String() string { return "Credentials{Sub: " + c.Sub + ", tokens redacted}" }

// GoString is String: %#v shows no token either.
func (c Credentials) GoString() string { return c.String() }

// LogValue is String, for log/slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// SignUpRequest registers somebody. Either PhoneNumber or Email is needed, with
// the VerificationToken that Verify gave for it. Whether TCB registers somebody by a ProviderToken alone
// is not documented, and has not been tried: SignInWithProvider does, where the provider's configuration
// says so.
type SignUpRequest struct {
	Redacted

	PhoneNumber       string `json:"phone_number,omitempty"`       // "+86 13800000000", with the blank
	Email             string `json:"email,omitempty"`              // instead of a phone number
	VerificationToken string `json:"verification_token,omitempty"` // of Verify
	VerificationCode  string `json:"verification_code,omitempty"`  // optional: the code that VerificationToken was given for
	ProviderToken     string `json:"provider_token,omitempty"`     // of GrantProviderToken: binds a third-party identity to the new account
	AnonymousToken    string `json:"anonymous_token,omitempty"`    // access token of the anonymous login to upgrade
	Username          string `json:"username,omitempty"`           // optional, to sign in with
	Password          string `json:"password,omitempty"`           // optional, to sign in with
	Name              string `json:"name,omitempty"`               // nickname
	Gender            string `json:"gender,omitempty"`             // MALE, FEMALE or UNKNOWN
	Picture           string `json:"picture,omitempty"`            // URL of an avatar
	Locale            string `json:"locale,omitempty"`             // as zh-CN
}

// SignUp registers a person and signs them in.
// ErrFailedPrecondition: the phone number or e-mail address has an account.
// ErrInvalidArgument: a field is not as TCB wants it, as a password too weak.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, signUp.
func (c *Client) SignUp(ctx context.Context, in SignUpRequest, opts ...CallOption) (*Credentials, error) {
	in.PhoneNumber = withCountry(in.PhoneNumber)
	return call[Credentials](ctx, c, request{op: "SignUp", call: CallSignUp, body: in}, opts)
}

// SignInRequest signs in with Username and one of the other two, or with both where a second factor
// is demanded: see Demand.
type SignInRequest struct {
	Redacted

	Username          string `json:"username"`                     // a username, an e-mail address or a phone number as "+86 13800000000"
	Password          string `json:"password,omitempty"`           // of the account
	VerificationToken string `json:"verification_token,omitempty"` // of Verify, for the number or address that Username is
}

// SignIn signs in. Errors: ErrNotFound, ErrInvalidPassword (with Remaining),
// ErrPasswordNotSet, ErrUserPending, ErrUserBlocked, ErrInvalidStatus (locked,
// with RetryAfter), ErrCaptchaRequired, ErrCaptchaInvalid, and those of a Demand.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, signIn.
func (c *Client) SignIn(ctx context.Context, in SignInRequest, opts ...CallOption) (*Credentials, error) {
	return call[Credentials](ctx, c, request{op: "SignIn", call: CallSignIn, body: in, withPassword: in.Password != ""}, opts)
}

// SignInAnonymously signs in without a name. The account is that of the device:
// WithDeviceID is required.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, signInAnonymously.
func (c *Client) SignInAnonymously(ctx context.Context, opts ...CallOption) (*Credentials, error) {
	return call[Credentials](ctx, c, request{op: "SignInAnonymously", call: CallSignInAnonymously, body: struct{}{}}, opts)
}

// RefreshToken exchanges a refresh token for new credentials, by the grant
// refresh_token. The old token is void at once; ErrInvalidGrant means that the
// login is over. LoginState does this by itself.
//
// Source: @cloudbase/oauth@3.3.3 src/oauth2client/oauth2client.ts, defaultRefreshTokenFunc.
func (c *Client) RefreshToken(ctx context.Context, refreshToken string, opts ...CallOption) (*Credentials, error) {
	in := map[string]string{
		"client_id":     c.clientID,
		"client_secret": c.clientSecret,
		"grant_type":    "refresh_token",
		"refresh_token": refreshToken,
	}
	return call[Credentials](ctx, c, request{op: "RefreshToken", call: callToken, body: in}, opts)
}

// Revoke ends the login that an access or refresh token belongs to.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, signOut without parameters.
func (c *Client) Revoke(ctx context.Context, token string, opts ...CallOption) error {
	in := map[string]string{"token": token}
	return c.do(ctx, request{op: "Revoke", call: Call{"POST", "/v1/revoke"}, body: in}, nil, opts)
}

// Target says who may get a verification code.
type Target string

// The targets that TCB knows.
const (
	TargetAny     Target = "ANY"      // anybody; the answer's IsUser tells whether there is an account
	TargetUser    Target = "USER"     // only somebody with an account, else ErrFailedPrecondition or ErrNotFound
	TargetNotUser Target = "NOT_USER" // only somebody without one
	TargetCurUser Target = "CUR_USER" // only the signed-in person: User.GetVerification
)

// GetVerificationRequest asks for a code by SMS or e-mail; one of PhoneNumber
// and Email.
type GetVerificationRequest struct {
	PhoneNumber string `json:"phone_number,omitempty"` // "+86 13800000000"; "+86 " is put in front where no country is given
	Email       string `json:"email,omitempty"`        // instead of a phone number
	Target      Target `json:"target,omitempty"`       // ANY when empty
	Usage       string `json:"usage,omitempty"`        // what the message says the code is for, as SIGN_IN, REGISTER, PASSWORD_RESET
}

// Verification is a code on its way.
type Verification struct {
	VerificationID string `json:"verification_id"` // opaque
	ExpiresIn      int    `json:"expires_in"`      // seconds
	IsUser         bool   `json:"is_user"`         // whether the number or address has an account
}

func (v *Verification) complete() bool { return v.VerificationID != "" }

// isChinese reports that a number has China's country code and nothing between the two.
func isChinese(number string) bool {
	rest, ok := strings.CutPrefix(number, "+86")
	return ok && rest != "" && strings.Trim(rest, "0123456789") == ""
}

// withCountry brings a number into the API's form, a country code and a blank,
// wherever the API takes one, so that a number means the same in each call of a
// flow. The SDK does that too (@cloudbase/auth@3.3.3 src/index.ts, formatPhone;
// @cloudbase/oauth@3.3.3 src/auth/apis.ts, getVerification), but cuts other
// countries' codes after the second digit; here TCB judges those.
func withCountry(number string) string {
	number = strings.TrimSpace(number)
	switch {
	case isChinese(number):
		return "+86 " + strings.TrimPrefix(number, "+86")
	case number == "" || strings.HasPrefix(number, "+"):
		return number
	}
	return "+86 " + number
}

// GetVerification sends a code. Errors: ErrResourceExhausted (too soon or too
// many, with RetryAfter), ErrFailedPrecondition (Target not met),
// ErrInvalidArgument, ErrCaptchaRequired.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, getVerification.
func (c *Client) GetVerification(ctx context.Context, in GetVerificationRequest, opts ...CallOption) (*Verification, error) {
	return getVerification(ctx, c, in, opts)
}

// getVerification sends a code for an app, or for a person who is signed in.
func getVerification(ctx context.Context, as caller, in GetVerificationRequest, opts []CallOption) (*Verification, error) {
	in.PhoneNumber = withCountry(in.PhoneNumber)
	if in.Target == "" {
		in.Target = TargetAny
	}
	return call[Verification](ctx, as, request{op: "GetVerification", call: CallGetVerification, body: in}, opts)
}

// VerifyRequest is a code and the id of the sending it answers.
type VerifyRequest struct {
	Redacted

	VerificationID   string `json:"verification_id"`   // of GetVerification
	VerificationCode string `json:"verification_code"` // as the person typed it
}

// VerificationToken proves that a code was entered; SignIn, SignUp and
// ResetPassword take it.
type VerificationToken struct {
	Redacted

	VerificationToken string `json:"verification_token"` // opaque
	ExpiresIn         int    `json:"expires_in"`         // seconds, 600
}

func (v *VerificationToken) complete() bool { return v.VerificationToken != "" }

// Verify checks a code. ErrInvalidArgument: wrong or expired. ErrAborted: too
// many tries, the code is dead.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, verify.
func (c *Client) Verify(ctx context.Context, in VerifyRequest, opts ...CallOption) (*VerificationToken, error) {
	return call[VerificationToken](ctx, c, request{op: "Verify", call: Call{"POST", "/v1/verification/verify"}, body: in}, opts)
}

// SignInWithSmsRequest carries what GetVerification returned and the code that
// the person typed.
type SignInWithSmsRequest struct {
	Redacted

	Verification     Verification // of GetVerification
	VerificationCode string       // as the person typed it
	PhoneNumber      string       // that the code went to, "+86 13800000000"
}

// SignInWithSms verifies the code, then signs in, or up where the number has no
// account.
//
// Source: @cloudbase/auth@3.3.3 src/index.ts, signInWithSms.
func (c *Client) SignInWithSms(ctx context.Context, in SignInWithSmsRequest, opts ...CallOption) (*Credentials, error) {
	return c.signInWithCode(ctx, in.Verification, in.VerificationCode, SignUpRequest{PhoneNumber: withCountry(in.PhoneNumber)}, opts)
}

// SignInWithEmailRequest is SignInWithSmsRequest for an e-mail address.
type SignInWithEmailRequest struct {
	Redacted

	Verification     Verification // of GetVerification
	VerificationCode string       // as the person typed it
	Email            string       // that the code went to
}

// SignInWithEmail verifies the code, then signs in, or up where the address has
// no account.
//
// Source: @cloudbase/auth@3.3.3 src/index.ts, signInWithEmail.
func (c *Client) SignInWithEmail(ctx context.Context, in SignInWithEmailRequest, opts ...CallOption) (*Credentials, error) {
	return c.signInWithCode(ctx, in.Verification, in.VerificationCode, SignUpRequest{Email: in.Email}, opts)
}

// signInWithCode is signInWithUsername of @cloudbase/auth@3.3.3 src/index.ts:
// what GetVerification said of the account decides between signing in and up.
func (c *Client) signInWithCode(ctx context.Context, v Verification, code string, who SignUpRequest, opts []CallOption) (*Credentials, error) {
	verified, err := c.Verify(ctx, VerifyRequest{VerificationID: v.VerificationID, VerificationCode: code}, opts...)
	if err != nil {
		return nil, err
	}
	if v.IsUser {
		return c.SignIn(ctx, SignInRequest{
			Username:          who.PhoneNumber + who.Email,
			VerificationToken: verified.VerificationToken,
		}, opts...)
	}
	who.VerificationToken = verified.VerificationToken
	return c.SignUp(ctx, who, opts...)
}

// ResetPasswordRequest sets a new password for the owner of PhoneNumber or Email.
type ResetPasswordRequest struct {
	Redacted

	PhoneNumber       string `json:"phone_number,omitempty"` // "+86 13800000000"
	Email             string `json:"email,omitempty"`        // instead of a phone number
	NewPassword       string `json:"new_password"`           // the one from now on
	VerificationToken string `json:"verification_token"`     // of a code to that number or address
}

// ResetPassword sets a new password without the old one. It signs nobody in.
// ErrInvalidArgument: too weak.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, resetPassword.
func (c *Client) ResetPassword(ctx context.Context, in ResetPasswordRequest, opts ...CallOption) error {
	in.PhoneNumber = withCountry(in.PhoneNumber)
	return c.do(ctx, request{op: "ResetPassword", call: Call{"POST", "/v1/reset"}, body: in}, nil, opts)
}

// IsUsernameRegistered tells whether a username is taken. It also answers for
// phone numbers and e-mail addresses: do not shape what a stranger sees by it.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, checkIfUserExist.
func (c *Client) IsUsernameRegistered(ctx context.Context, username string, opts ...CallOption) (bool, error) {
	var out struct {
		Exist bool `json:"exist"`
	}
	err := c.do(ctx, request{
		op: "IsUsernameRegistered", call: Call{"GET", "/v1/checkIfUserExist"}, query: url.Values{"username": {username}},
	}, &out, opts)
	return out.Exist, err
}
