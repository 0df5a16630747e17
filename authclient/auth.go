package authclient

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Credentials are a login as TCB issues it and as the SDK keeps it
// (browser-side key credentials_{client_id}). Printing or logging them shows
// no token.
type Credentials struct {
	TokenType    string   `json:"token_type"`
	AccessToken  string   `json:"access_token"`            // JWT, at most 4096 characters
	RefreshToken string   `json:"refresh_token,omitempty"` // opaque, changes at every refresh
	ExpiresIn    int      `json:"expires_in"`              // seconds, of the access token
	Scope        string   `json:"scope,omitempty"`         // "anonymous" for anonymous logins
	Sub          string   `json:"sub"`                     // the person's id
	Groups       []string `json:"groups,omitempty"`
}

func (c *Credentials) complete() bool { return c.AccessToken != "" && c.ExpiresIn > 0 }

// String names the person and no token.
func (c Credentials) String() string { return "Credentials{Sub: " + c.Sub + ", tokens redacted}" }

// GoString is String: %#v shows no token either.
func (c Credentials) GoString() string { return c.String() }

// LogValue is String, for log/slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// SignUpRequest registers somebody (SDK docs, Auth.signUp). Either PhoneNumber
// or Email is needed, with the VerificationToken that Verify gave for it.
type SignUpRequest struct {
	PhoneNumber       string `json:"phone_number,omitempty"` // "+86 13800000000", with the blank
	Email             string `json:"email,omitempty"`
	VerificationToken string `json:"verification_token,omitempty"`
	VerificationCode  string `json:"verification_code,omitempty"`
	ProviderToken     string `json:"provider_token,omitempty"`  // binds a third-party identity to the new account
	AnonymousToken    string `json:"anonymous_token,omitempty"` // access token of the anonymous login to upgrade
	Username          string `json:"username,omitempty"`
	Password          string `json:"password,omitempty"`
	Name              string `json:"name,omitempty"` // nickname
	Gender            string `json:"gender,omitempty"`
	Picture           string `json:"picture,omitempty"`
	Locale            string `json:"locale,omitempty"`
}

// SignUp registers a person and signs them in (SDK docs, Auth.signUp).
// ErrFailedPrecondition: the phone number or e-mail address has an account.
// ErrInvalidArgument: a field is not as TCB wants it, as a password too weak.
func (c *Client) SignUp(ctx context.Context, in SignUpRequest, opts ...CallOption) (*Credentials, error) {
	in.PhoneNumber = withCountry(in.PhoneNumber)
	return c.credentials(ctx, "SignUp", "/v1/signup", in, opts)
}

// SignInRequest signs in with Username and one of the other two
// (SDK docs, Auth.signIn).
type SignInRequest struct {
	Username          string `json:"username"` // a username, an e-mail address or a phone number as "+86 13800000000"
	Password          string `json:"password,omitempty"`
	VerificationToken string `json:"verification_token,omitempty"`
}

// SignIn signs in (SDK docs, Auth.signIn). Errors: ErrNotFound,
// ErrInvalidPassword (with Remaining), ErrPasswordNotSet, ErrUserPending,
// ErrUserBlocked, ErrInvalidStatus (locked, with RetryAfter), ErrCaptchaRequired,
// ErrCaptchaInvalid.
func (c *Client) SignIn(ctx context.Context, in SignInRequest, opts ...CallOption) (*Credentials, error) {
	return c.credentials(ctx, "SignIn", "/v1/signin", in, opts)
}

// SignInAnonymously signs in without a name (SDK docs, Auth.signInAnonymously).
// The account is that of the device: WithDeviceID is required.
func (c *Client) SignInAnonymously(ctx context.Context, opts ...CallOption) (*Credentials, error) {
	return c.credentials(ctx, "SignInAnonymously", "/v1/signin/anonymously", struct{}{}, opts)
}

// RefreshToken exchanges a refresh token for new credentials
// (POST /v1/token, grant_type refresh_token). The old token is void at once;
// ErrInvalidGrant means that the login is over. LoginState does this by itself.
func (c *Client) RefreshToken(ctx context.Context, refreshToken string, opts ...CallOption) (*Credentials, error) {
	in := map[string]string{
		"client_id":     c.clientID,
		"client_secret": c.clientSecret,
		"grant_type":    "refresh_token",
		"refresh_token": refreshToken,
	}
	return c.credentials(ctx, "RefreshToken", "/v1/token", in, opts)
}

// Revoke ends the login that an access or refresh token belongs to
// (POST /v1/revoke; what Auth.signOut does without parameters).
func (c *Client) Revoke(ctx context.Context, token string, opts ...CallOption) error {
	in := map[string]string{"token": token}
	return c.do(ctx, call{op: "Revoke", method: http.MethodPost, path: "/v1/revoke", body: in}, nil, opts)
}

// SignOut ends the login of an access token (POST /v1/user/signout; what
// Auth.signOut does with parameters) and names the URL to go to, if there is one.
func (c *Client) SignOut(ctx context.Context, accessToken string, in SignOutRequest, opts ...CallOption) (SignOutResponse, error) {
	var out SignOutResponse
	err := c.do(ctx, call{op: "SignOut", method: http.MethodPost, path: "/v1/user/signout", body: in, bearer: accessToken}, &out, opts)
	return out, err
}

func (c *Client) credentials(ctx context.Context, op, path string, in any, opts []CallOption) (*Credentials, error) {
	var out Credentials
	if err := c.do(ctx, call{op: op, method: http.MethodPost, path: path, body: in}, &out, opts); err != nil {
		return nil, err
	}
	return &out, nil
}

// Target says who may get a verification code.
type Target string

const (
	TargetAny     Target = "ANY"      // anybody; the answer's IsUser tells whether there is an account
	TargetUser    Target = "USER"     // only somebody with an account, else ErrFailedPrecondition or ErrNotFound
	TargetNotUser Target = "NOT_USER" // only somebody without one
	TargetCurUser Target = "CUR_USER" // only the signed-in person: LoginState.GetVerification
)

// GetVerificationRequest asks for a code by SMS or e-mail; one of PhoneNumber
// and Email (SDK docs, Auth.getVerification).
type GetVerificationRequest struct {
	PhoneNumber string `json:"phone_number,omitempty"` // "+86 13800000000"; "+86 " is put in front where no country is given
	Email       string `json:"email,omitempty"`
	Target      Target `json:"target,omitempty"` // ANY when empty
	Usage       string `json:"usage,omitempty"`  // what the message says the code is for, as SIGN_IN, REGISTER, PASSWORD_RESET
}

func (in *GetVerificationRequest) normalize() {
	in.PhoneNumber = withCountry(in.PhoneNumber)
	if in.Target == "" {
		in.Target = TargetAny
	}
}

// Verification is a code on its way.
type Verification struct {
	VerificationID string `json:"verification_id"` // opaque
	ExpiresIn      int    `json:"expires_in"`      // seconds
	IsUser         bool   `json:"is_user"`         // whether the number or address has an account
}

func (v *Verification) complete() bool { return v.VerificationID != "" }

// chinese is a number with China's country code and nothing between the two.
var chinese = regexp.MustCompile(`^\+86\d+$`)

// withCountry brings a number into the API's form, a country code and a blank,
// wherever the API takes one, so that a number means the same in each call of a
// flow. The SDK does that too (auth index.ts:2448, oauth apis.ts:358), but cuts
// other countries' codes after the second digit; here TCB judges those.
func withCountry(number string) string {
	number = strings.TrimSpace(number)
	switch {
	case chinese.MatchString(number):
		return "+86 " + strings.TrimPrefix(number, "+86")
	case number == "" || strings.HasPrefix(number, "+"):
		return number
	}
	return "+86 " + number
}

// GetVerification sends a code (SDK docs, Auth.getVerification). Errors:
// ErrResourceExhausted (too soon or too many, with RetryAfter),
// ErrFailedPrecondition (Target not met), ErrInvalidArgument, ErrCaptchaRequired.
func (c *Client) GetVerification(ctx context.Context, in GetVerificationRequest, opts ...CallOption) (*Verification, error) {
	in.normalize()
	var out Verification
	err := c.do(ctx, call{op: "GetVerification", method: http.MethodPost, path: "/v1/verification", body: in}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// VerifyRequest is a code and the id of the sending it answers.
type VerifyRequest struct {
	VerificationID   string `json:"verification_id"`
	VerificationCode string `json:"verification_code"`
}

// VerificationToken proves that a code was entered; SignIn, SignUp and
// ResetPassword take it.
type VerificationToken struct {
	VerificationToken string `json:"verification_token"`
	ExpiresIn         int    `json:"expires_in"` // seconds, 600
}

func (v *VerificationToken) complete() bool { return v.VerificationToken != "" }

// Verify checks a code (SDK docs, Auth.verify). ErrInvalidArgument: wrong or
// expired. ErrAborted: too many tries, the code is dead.
func (c *Client) Verify(ctx context.Context, in VerifyRequest, opts ...CallOption) (*VerificationToken, error) {
	var out VerificationToken
	err := c.do(ctx, call{op: "Verify", method: http.MethodPost, path: "/v1/verification/verify", body: in}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// SignInWithSmsRequest carries what GetVerification answered, the code that
// the person typed, and the number it went to.
type SignInWithSmsRequest struct {
	Verification     Verification
	VerificationCode string
	PhoneNumber      string // "+86 13800000000"
}

// SignInWithSms verifies the code, then signs in, or up where the number has no
// account (SDK docs, Auth.signInWithSms).
func (c *Client) SignInWithSms(ctx context.Context, in SignInWithSmsRequest, opts ...CallOption) (*Credentials, error) {
	return c.signInWithCode(ctx, in.Verification, in.VerificationCode, SignUpRequest{PhoneNumber: withCountry(in.PhoneNumber)}, opts)
}

// SignInWithEmailRequest is SignInWithSmsRequest for an e-mail address.
type SignInWithEmailRequest struct {
	Verification     Verification
	VerificationCode string
	Email            string
}

// SignInWithEmail verifies the code, then signs in, or up where the address has
// no account (SDK docs, Auth.signInWithEmail).
func (c *Client) SignInWithEmail(ctx context.Context, in SignInWithEmailRequest, opts ...CallOption) (*Credentials, error) {
	return c.signInWithCode(ctx, in.Verification, in.VerificationCode, SignUpRequest{Email: in.Email}, opts)
}

// signInWithCode is the SDK's signInWithUsername (auth index.ts): what
// getVerification said of the account decides between signing in and up.
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
	PhoneNumber       string `json:"phone_number,omitempty"`
	Email             string `json:"email,omitempty"`
	NewPassword       string `json:"new_password"`
	VerificationToken string `json:"verification_token"`
}

// ResetPassword sets a new password without the old one (SDK docs,
// Auth.resetPassword). It signs nobody in. ErrInvalidArgument: too weak.
func (c *Client) ResetPassword(ctx context.Context, in ResetPasswordRequest, opts ...CallOption) error {
	in.PhoneNumber = withCountry(in.PhoneNumber)
	return c.do(ctx, call{op: "ResetPassword", method: http.MethodPost, path: "/v1/reset", body: in}, nil, opts)
}

// IsUsernameRegistered tells whether a username is taken (SDK docs,
// Auth.isUsernameRegistered). It also answers for phone numbers and e-mail
// addresses: do not shape what a stranger sees by it.
func (c *Client) IsUsernameRegistered(ctx context.Context, username string, opts ...CallOption) (bool, error) {
	var out struct {
		Exist bool `json:"exist"`
	}
	err := c.do(ctx, call{
		op: "IsUsernameRegistered", method: http.MethodGet, path: "/v1/checkIfUserExist",
		query: url.Values{"username": {username}},
	}, &out, opts)
	return out.Exist, err
}

// CaptchaData is a picture to read (POST /v1/captcha/data).
type CaptchaData struct {
	Data      string `json:"data"`       // a data: URL
	Token     string `json:"token"`      // of the picture, for VerifyCaptchaData
	Type      string `json:"type"`       // "image"
	ExpiresIn int    `json:"expires_in"` // seconds, 300
}

func (d *CaptchaData) complete() bool { return d.Data != "" && d.Token != "" }

// GetCaptchaData asks for a picture. state names the call that needs it, in the
// SDK's form "POST:/v1/verification" (captcha.ts:113).
func (c *Client) GetCaptchaData(ctx context.Context, state string, opts ...CallOption) (*CaptchaData, error) {
	in := map[string]string{"state": state, "redirect_uri": ""}
	var out CaptchaData
	err := c.do(ctx, call{op: "GetCaptchaData", method: http.MethodPost, path: "/v1/captcha/data", body: in}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// CaptchaToken lets calls through for ExpiresIn seconds; see WithCaptchaToken.
type CaptchaToken struct {
	CaptchaToken string `json:"captcha_token"`
	ExpiresIn    int    `json:"expires_in"` // seconds, 600
}

func (t *CaptchaToken) complete() bool { return t.CaptchaToken != "" }

// VerifyCaptchaData checks what the person read in the picture of token.
// Any refusal of TCB's means that a new picture is needed.
func (c *Client) VerifyCaptchaData(ctx context.Context, token, key string, opts ...CallOption) (*CaptchaToken, error) {
	in := map[string]string{"token": token, "key": key}
	var out CaptchaToken
	err := c.do(ctx, call{op: "VerifyCaptchaData", method: http.MethodPost, path: "/v1/captcha/data/verify", body: in}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// UserInfo is the profile that /v1/user/me answers (SDK docs, Auth.getUserInfo).
type UserInfo struct {
	Sub           string            `json:"sub"`
	Name          string            `json:"name"` // nickname
	Username      string            `json:"username"`
	Picture       string            `json:"picture"`
	PhoneNumber   string            `json:"phone_number"`
	Email         string            `json:"email"`
	EmailVerified bool              `json:"email_verified"`
	Gender        string            `json:"gender"` // MALE, FEMALE or UNKNOWN
	Birthdate     string            `json:"birthdate"`
	Locale        string            `json:"locale"`
	Zoneinfo      string            `json:"zoneinfo"`
	Status        string            `json:"status"`
	HasPassword   bool              `json:"has_password"`
	Groups        []Group           `json:"groups"`
	Providers     []ProfileProvider `json:"providers"`

	Raw json.RawMessage `json:"-"` // the whole answer, with what this struct does not name
}

// Group is a group or role that the person is in.
type Group struct {
	ID        string `json:"id"`
	ExpiresAt string `json:"expires_at,omitempty"` // RFC 3339; empty: it does not expire
}

// ProfileProvider is a third-party identity bound to the account.
type ProfileProvider struct {
	ID             string `json:"id"`
	ProviderUserID string `json:"provider_user_id"`
	Name           string `json:"name"`
	Picture        string `json:"picture"`
}

func (u *UserInfo) complete() bool { return u.Sub != "" }

// UnmarshalJSON keeps the answer in Raw beside the fields.
func (u *UserInfo) UnmarshalJSON(data []byte) error {
	type plain UserInfo
	if err := json.Unmarshal(data, (*plain)(u)); err != nil {
		return err
	}
	var newer struct { // what took the place of has_password (js-sdk 3.3.12)
		Password json.RawMessage `json:"password"`
	}
	if json.Unmarshal(data, &newer) == nil && string(newer.Password) == `"SET"` {
		u.HasPassword = true
	}
	u.Raw = append(json.RawMessage(nil), data...)
	return nil
}

// GetUserInfo asks who an access token belongs to (SDK docs, Auth.getUserInfo).
// ErrUnauthenticated: the login is over or the token has expired.
func (c *Client) GetUserInfo(ctx context.Context, accessToken string, opts ...CallOption) (*UserInfo, error) {
	var out UserInfo
	err := c.do(ctx, call{op: "GetUserInfo", method: http.MethodGet, path: "/v1/user/me", bearer: accessToken}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}
