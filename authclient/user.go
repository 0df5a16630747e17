package authclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
)

// User makes the calls of one person who is signed in. AsUser gives one that
// holds an access token and nothing else, for servers that keep no refresh
// tokens; that of a LoginState refreshes. It is safe for concurrent use.
type User struct {
	client *Client
	tokens tokens
}

// tokens is where a User has its access token from.
type tokens interface {
	GetAccessToken(ctx context.Context, opts ...CallOption) (string, error)
	refused(token string) // TCB answered `unauthenticated`
	ended()               // a call has ended the login
}

// fixedToken is an access token that nobody refreshes.
type fixedToken string

func (t fixedToken) GetAccessToken(context.Context, ...CallOption) (string, error) {
	return string(t), nil
}

func (fixedToken) refused(string) {}
func (fixedToken) ended()         {}

// AsUser makes calls with an access token as it is: whether it still serves is
// TCB's to say, by ErrUnauthenticated. It makes no call itself.
func (c *Client) AsUser(accessToken string) *User {
	return &User{client: c, tokens: fixedToken(accessToken)}
}

// String tells no token.
func (u User) String() string { return "User{token redacted}" }

// GoString is String: %#v shows no token either.
func (u User) GoString() string { return u.String() }

// errNoToken is the cause of a person's call without an access token. Without
// one it would go out as the app's own.
var errNoToken = errors.New("there is no access token")

// do makes a call as the person.
func (u *User) do(ctx context.Context, in request, out any, opts []CallOption) error {
	token, err := u.tokens.GetAccessToken(ctx, opts...)
	if err != nil {
		return err
	}
	if token == "" {
		return in.failed("unauthenticated", errNoToken)
	}
	in.bearer = token
	err = u.client.do(ctx, in, out, opts)
	if errors.Is(err, ErrUnauthenticated) {
		u.tokens.refused(token)
	}
	return err
}

// last makes calls of a person that end the login, where they go well.
type last struct{ user *User }

func (l last) do(ctx context.Context, in request, out any, opts []CallOption) error {
	err := l.user.do(ctx, in, out, opts)
	if err == nil {
		l.user.tokens.ended()
	}
	return err
}

// UserInfo is a person's profile.
type UserInfo struct {
	Sub           string            `json:"sub"`            // the person's id
	Name          string            `json:"name"`           // nickname
	Username      string            `json:"username"`       // to sign in with; empty when there is none
	Picture       string            `json:"picture"`        // URL of the avatar
	PhoneNumber   string            `json:"phone_number"`   // "+86 13800000000"; empty when none is bound
	Email         string            `json:"email"`          // empty when none is bound
	EmailVerified bool              `json:"email_verified"` // by a code to it
	Gender        string            `json:"gender"`         // MALE, FEMALE or UNKNOWN
	Birthdate     string            `json:"birthdate"`      // as 1990-01-31
	Locale        string            `json:"locale"`         // as zh-CN
	Zoneinfo      string            `json:"zoneinfo"`       // as Asia/Shanghai
	Status        string            `json:"status"`         // ACTIVE, PENDING or BLOCKED
	HasPassword   bool              `json:"has_password"`   // whether a password is set
	Groups        []Group           `json:"groups"`         // that the person is in
	Providers     []ProfileProvider `json:"providers"`      // identities that are bound

	Raw json.RawMessage `json:"-"` // the whole answer, with what this struct does not name
}

// Group is a group or role that the person is in.
type Group struct {
	ID        string `json:"id"`                   // of the group or role
	ExpiresAt string `json:"expires_at,omitempty"` // RFC 3339; empty: it does not expire
}

// ProfileProvider is a third-party identity bound to the account.
type ProfileProvider struct {
	ID             string `json:"id"`               // of the identity provider
	ProviderUserID string `json:"provider_user_id"` // the person's id there
	Name           string `json:"name"`             // the person's name there
	Picture        string `json:"picture"`          // the person's avatar there
}

func (u *UserInfo) complete() bool { return u.Sub != "" }

// UnmarshalJSON keeps the answer in Raw beside the fields.
func (u *UserInfo) UnmarshalJSON(data []byte) error {
	return u.decodeWith(&errorBody{}, bytes.Clone(data)) // data is the caller's
}

// GetUserInfo asks for the person's profile.
// ErrUnauthenticated: the login is over or the token has expired.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, getUserInfo.
func (u *User) GetUserInfo(ctx context.Context, opts ...CallOption) (*UserInfo, error) {
	return call[UserInfo](ctx, u, request{op: "GetUserInfo", call: Call{"GET", "/v1/user/me"}}, opts)
}

// GetCurrentUser is GetUserInfo by the SDK's other name.
//
// Source: @cloudbase/auth@3.3.3 src/index.ts, getCurrentUser.
func (u *User) GetCurrentUser(ctx context.Context, opts ...CallOption) (*UserInfo, error) {
	return u.GetUserInfo(ctx, opts...)
}

// Refresh is GetUserInfo by the name of the SDK's User: it asks for the profile
// anew.
//
// Source: @cloudbase/auth@3.3.3 src/index.ts, User.refresh.
func (u *User) Refresh(ctx context.Context, opts ...CallOption) (*UserInfo, error) {
	return u.GetUserInfo(ctx, opts...)
}

// SignOutRequest says where an identity provider's own sign-out should lead back to.
type SignOutRequest struct {
	RedirectURI string `json:"redirect_uri,omitempty"` // absolute
	State       string `json:"state,omitempty"`        // comes back with RedirectURI
}

// SignOutResponse names where the browser should go next, if anywhere.
type SignOutResponse struct {
	RedirectURI string `json:"redirect_uri"` // of the request, or of an identity provider; empty: nowhere
}

// SignOut ends the login at TCB. As in the SDK, the zero request revokes the
// token and any other asks TCB for the URL to go to; a login that TCB has ended
// already is no error. On an error a LoginState keeps the login, so that the caller can try again.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, signOut.
func (u *User) SignOut(ctx context.Context, in SignOutRequest, opts ...CallOption) (SignOutResponse, error) {
	r := request{op: "SignOut", call: Call{"POST", "/v1/user/signout"}, body: in}
	var out SignOutResponse
	token, err := u.tokens.GetAccessToken(ctx, opts...)
	switch {
	case err != nil:
	case token == "":
		err = r.failed("invalid_argument", errNoToken)
	case in == SignOutRequest{}:
		err = u.client.Revoke(ctx, token, opts...)
	default: // not by User.do: that the login is over already is what the caller wants
		r.bearer = token
		err = u.client.do(ctx, r, &out, opts)
	}
	if err != nil && !errors.Is(err, ErrUnauthenticated) {
		return SignOutResponse{}, err
	}
	u.tokens.ended()
	return out, nil
}
