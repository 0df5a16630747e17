package authclient

import (
	"cmp"
	"context"
	"encoding/json"
)

// This file has TCB as an OAuth 2.0 authorization server (RFC 6749, 7636, 8628).

// AuthorizeRequest asks for a code, or tokens, for an app.
type AuthorizeRequest struct {
	ClientID            string `json:"client_id,omitempty"`             // of the app
	ResponseType        string `json:"response_type,omitempty"`         // code, or what tokens to return
	RedirectURI         string `json:"redirect_uri,omitempty"`          // of the app, where the code goes
	State               string `json:"state,omitempty"`                 // comes back as it is
	Scope               string `json:"scope,omitempty"`                 // what the app may do
	CodeChallenge       string `json:"code_challenge,omitempty"`        // of GrantTokenRequest.CodeVerifier (RFC 7636)
	CodeChallengeMethod string `json:"code_challenge_method,omitempty"` // S256 or plain
	Nonce               string `json:"nonce,omitempty"`                 // for the id_token; OpenID Connect's, which the SDK does not send here
	SignOutURI          string `json:"sign_out_uri,omitempty"`          // of the app, for signing out later
}

// Authorization is what came of it: of the first three, those that ResponseType asked for.
type Authorization struct {
	Redacted

	Code        string `json:"code"`         // for GrantToken
	AccessToken string `json:"access_token"` // for the app
	IDToken     string `json:"id_token"`     // for the app
	TokenType   string `json:"token_type"`   // "Bearer", of AccessToken
	Scope       string `json:"scope"`        // what the app may do
	State       string `json:"state"`        // of the request
	ExpiresIn   int    `json:"expires_in"`   // seconds
}

func (a *Authorization) complete() bool { return a.Code+a.AccessToken+a.IDToken != "" }

// Authorize lets an app act for the person. The answer holds a `code`, which the
// SDK takes for an error; this client does not.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, authorize.
func (u *User) Authorize(ctx context.Context, in AuthorizeRequest, opts ...CallOption) (*Authorization, error) {
	return call[Authorization](ctx, u, request{op: "Authorize", call: Call{"POST", "/v1/user/authorize"}, body: in, codeIsResult: true}, opts)
}

// AuthorizeInfoRequest asks what a person would agree to.
type AuthorizeInfoRequest struct {
	ClientID     string // of the app, where the login is another client's; for User.AuthorizeInfo alone
	ResponseType string // as in AuthorizeRequest
	RedirectURI  string // as in AuthorizeRequest
	State        string // as in AuthorizeRequest
	Scope        string // as in AuthorizeRequest
	SignOutURI   string // as in AuthorizeRequest
	Locale       string // of the names and descriptions returned
}

// AuthorizeInfo describes the app and what it asks for.
type AuthorizeInfo struct {
	Client struct {
		ID          string `json:"id"`          // client_id
		Name        string `json:"name"`        // to show
		Description string `json:"description"` // to show
		Picture     string `json:"picture"`     // URL of a logo
		URL         string `json:"url"`         // of the app's site
	} `json:"client"` // the app
	Scopes []Scope `json:"scopes"` // what it asks for
}

// Scope is one permission, possibly with parts.
type Scope struct {
	ID          string  `json:"id"`          // as in AuthorizeRequest.Scope
	Name        string  `json:"name"`        // to show
	Description string  `json:"description"` // to show
	Picture     string  `json:"picture"`     // URL of an icon
	URL         string  `json:"url"`         // where to read more
	Children    []Scope `json:"children"`    // its parts
}

// AuthorizeInfo asks what a person would agree to, while nobody is signed in.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, authorizeInfo without a login.
func (c *Client) AuthorizeInfo(ctx context.Context, in AuthorizeInfoRequest, opts ...CallOption) (*AuthorizeInfo, error) {
	in.ClientID = ""
	return authorizeInfo(ctx, c, in, opts)
}

// AuthorizeInfo asks what the person would agree to.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, authorizeInfo, which sends the login along where
// there is one.
func (u *User) AuthorizeInfo(ctx context.Context, in AuthorizeInfoRequest, opts ...CallOption) (*AuthorizeInfo, error) {
	return authorizeInfo(ctx, u, in, opts)
}

func authorizeInfo(ctx context.Context, as caller, in AuthorizeInfoRequest, opts []CallOption) (*AuthorizeInfo, error) {
	query := queryOf(map[string]string{
		"client_id": in.ClientID, "response_type": in.ResponseType, "redirect_uri": in.RedirectURI, "state": in.State,
		"scope": in.Scope, "sign_out_uri": in.SignOutURI, "locale": in.Locale,
	})
	return call[AuthorizeInfo](ctx, as, request{
		op: "AuthorizeInfo", call: Call{"GET", "/v1/user/authorize/info"}, query: query, basic: true,
	}, opts)
}

// DeviceCode lets a device without a browser be signed in from another one (RFC 8628).
type DeviceCode struct {
	Redacted

	DeviceCode              string `json:"device_code"`               // for GrantToken
	UserCode                string `json:"user_code"`                 // to show on the device
	ExpiresIn               int    `json:"expires_in"`                // seconds
	Interval                int    `json:"interval"`                  // seconds between two asks
	VerificationURI         string `json:"verification_uri"`          // where the person types UserCode
	VerificationURIComplete string `json:"verification_uri_complete"` // the same with UserCode in it
}

func (d *DeviceCode) complete() bool { return d.DeviceCode != "" }

// DeviceAuthorize starts it on the device.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, deviceAuthorize.
func (c *Client) DeviceAuthorize(ctx context.Context, scope string, opts ...CallOption) (*DeviceCode, error) {
	in := map[string]string{"client_id": c.clientID}
	if scope != "" {
		in["scope"] = scope
	}
	return call[DeviceCode](ctx, c, request{op: "DeviceAuthorize", call: Call{"POST", "/v1/device/code"}, body: in}, opts)
}

// AuthorizeDeviceRequest carries the code that the device shows.
type AuthorizeDeviceRequest struct {
	Redacted

	UserCode string `json:"user_code"`           // of DeviceCode
	ClientID string `json:"client_id,omitempty"` // of the app on the device: a code of another is then refused
	Scope    string `json:"scope,omitempty"`     // what the device may do
	State    string `json:"state,omitempty"`     // optional
}

// AuthorizeDevice signs the device in as the person.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, authorizeDevice.
func (u *User) AuthorizeDevice(ctx context.Context, in AuthorizeDeviceRequest, opts ...CallOption) error {
	return u.do(ctx, request{op: "AuthorizeDevice", call: Call{"POST", "/v1/user/device/authorize"}, body: in}, nil, opts)
}

// GrantTokenRequest is one of the grants for tokens; RefreshToken is the one for
// refreshing.
type GrantTokenRequest struct {
	Redacted

	GrantType    string `json:"grant_type"`              // password, authorization_code, device_code, client_credentials
	ClientID     string `json:"client_id,omitempty"`     // Config.ClientID when empty, which TCB knows us by: another is refused
	ClientSecret string `json:"client_secret,omitempty"` // Config.ClientSecret when empty
	Username     string `json:"username,omitempty"`      // password
	Password     string `json:"password,omitempty"`      // password
	Code         string `json:"code,omitempty"`          // authorization_code: Authorization.Code
	RedirectURI  string `json:"redirect_uri,omitempty"`  // authorization_code: the one that the code was made for
	CodeVerifier string `json:"code_verifier,omitempty"` // authorization_code: what CodeChallenge was made of
	DeviceCode   string `json:"device_code,omitempty"`   // device_code: DeviceCode.DeviceCode
	Nonce        string `json:"nonce,omitempty"`         // optional
	Scope        string `json:"scope,omitempty"`         // optional: less than was granted
}

// What GrantToken answers to a device that waits (RFC 8628 §3.5). No other call
// does, so they are not among Codes.
var (
	ErrAuthorizationPending error = codeError("authorization_pending") // nobody has said yes or no: ask again after Interval
	ErrSlowDown             error = codeError("slow_down")             // asked too soon: wait five seconds longer from now on
	ErrExpiredToken         error = codeError("expired_token")         // too late: start anew
)

// GrantToken asks for credentials by a grant.
// ErrInvalidGrant: the code or what belongs to it is wrong, used or too old.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, grantToken.
func (c *Client) GrantToken(ctx context.Context, in GrantTokenRequest, opts ...CallOption) (*Credentials, error) {
	in.ClientID = cmp.Or(in.ClientID, c.clientID)
	in.ClientSecret = cmp.Or(in.ClientSecret, c.clientSecret)
	return call[Credentials](ctx, c, request{op: "GrantToken", call: callToken, body: in, withPassword: in.Password != ""}, opts)
}

// Certs are the public keys that access tokens are signed with, a JWK set as it
// came (RFC 7517).
//
// Source: https://{env}.api.tcloudbasegateway.com/auth/v1/certs, which the SDK
// does not call.
func (c *Client) Certs(ctx context.Context, opts ...CallOption) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.do(ctx, request{op: "Certs", call: Call{"GET", "/v1/certs"}}, &out, opts)
	return out, err
}
