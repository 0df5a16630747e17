package authclient

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// TCB as an OAuth 2.0 authorization server (oauth models.ts, AuthorizeRequest and
// following; RFC 6749, 7636, 8628).

// AuthorizeRequest asks for a code, or tokens, for an app.
type AuthorizeRequest struct {
	ClientID            string `json:"client_id,omitempty"`
	ResponseType        string `json:"response_type,omitempty"`
	RedirectURI         string `json:"redirect_uri,omitempty"`
	State               string `json:"state,omitempty"`
	Scope               string `json:"scope,omitempty"`
	CodeChallenge       string `json:"code_challenge,omitempty"`
	CodeChallengeMethod string `json:"code_challenge_method,omitempty"`
	SignOutURI          string `json:"sign_out_uri,omitempty"`
}

// Authorization is what came of it.
type Authorization struct {
	Code        string `json:"code"`
	AccessToken string `json:"access_token"`
	IDToken     string `json:"id_token"`
	TokenType   string `json:"token_type"`
	Scope       string `json:"scope"`
	State       string `json:"state"`
	ExpiresIn   int    `json:"expires_in"` // seconds
}

func (a *Authorization) complete() bool { return a.Code+a.AccessToken+a.IDToken != "" }

// Authorize lets an app act for the person (POST /v1/user/authorize). Its
// answer holds a `code`, which the SDK takes for an error; this client does not.
func (s *LoginState) Authorize(ctx context.Context, in AuthorizeRequest, opts ...CallOption) (*Authorization, error) {
	var out Authorization
	err := s.do(ctx, call{op: "Authorize", method: http.MethodPost, path: "/v1/user/authorize", body: in, codeIsResult: true}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// AuthorizeInfoRequest asks what a person would agree to.
type AuthorizeInfoRequest struct {
	ResponseType, RedirectURI, State, Scope, SignOutURI, Locale string
}

// AuthorizeInfo describes the app and what it asks for.
type AuthorizeInfo struct {
	Client struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		Description string `json:"description"`
		Picture     string `json:"picture"`
		URL         string `json:"url"`
	} `json:"client"`
	Scopes []Scope `json:"scopes"`
}

// Scope is one permission, possibly with parts.
type Scope struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	Description string  `json:"description"`
	Picture     string  `json:"picture"`
	URL         string  `json:"url"`
	Children    []Scope `json:"children"`
}

// AuthorizeInfo asks what a person would agree to (GET /v1/user/authorize/info).
func (c *Client) AuthorizeInfo(ctx context.Context, in AuthorizeInfoRequest, opts ...CallOption) (*AuthorizeInfo, error) {
	query := url.Values{}
	for name, value := range map[string]string{
		"response_type": in.ResponseType, "redirect_uri": in.RedirectURI, "state": in.State,
		"scope": in.Scope, "sign_out_uri": in.SignOutURI, "locale": in.Locale,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var out AuthorizeInfo
	err := c.do(ctx, call{
		op: "AuthorizeInfo", method: http.MethodGet, path: "/v1/user/authorize/info", query: query, basic: true,
	}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// DeviceCode lets a device without a browser be signed in from another one (RFC 8628).
type DeviceCode struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	ExpiresIn               int    `json:"expires_in"` // seconds
	Interval                int    `json:"interval"`   // seconds between two asks
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
}

func (d *DeviceCode) complete() bool { return d.DeviceCode != "" }

// DeviceAuthorize starts it on the device (POST /v1/device/code).
func (c *Client) DeviceAuthorize(ctx context.Context, scope string, opts ...CallOption) (*DeviceCode, error) {
	in := map[string]string{"client_id": c.clientID}
	if scope != "" {
		in["scope"] = scope
	}
	var out DeviceCode
	err := c.do(ctx, call{op: "DeviceAuthorize", method: http.MethodPost, path: "/v1/device/code", body: in}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// AuthorizeDeviceRequest carries the code that the device shows.
type AuthorizeDeviceRequest struct {
	UserCode string `json:"user_code"`
	Scope    string `json:"scope,omitempty"`
	State    string `json:"state,omitempty"`
}

// AuthorizeDevice signs the device in as the person (POST /v1/user/device/authorize).
func (s *LoginState) AuthorizeDevice(ctx context.Context, in AuthorizeDeviceRequest, opts ...CallOption) error {
	return s.do(ctx, call{op: "AuthorizeDevice", method: http.MethodPost, path: "/v1/user/device/authorize", body: in}, nil, opts)
}

// GrantTokenRequest is one of the grants of POST /v1/token (oauth models.ts,
// GrantTokenRequest); RefreshToken is the one for refreshing.
type GrantTokenRequest struct {
	GrantType    string `json:"grant_type"` // password, authorization_code, device_code, client_credentials
	ClientID     string `json:"client_id,omitempty"`
	ClientSecret string `json:"client_secret,omitempty"`
	Username     string `json:"username,omitempty"`
	Password     string `json:"password,omitempty"`
	Code         string `json:"code,omitempty"`
	RedirectURI  string `json:"redirect_uri,omitempty"`
	CodeVerifier string `json:"code_verifier,omitempty"`
	DeviceCode   string `json:"device_code,omitempty"`
	Nonce        string `json:"nonce,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// What GrantToken answers to a device that waits (RFC 8628 §3.5). No other call
// does, so they are not among Codes.
var (
	ErrAuthorizationPending error = codeError("authorization_pending") // nobody has said yes or no: ask again after Interval
	ErrSlowDown             error = codeError("slow_down")             // asked too soon: wait five seconds longer from now on
	ErrExpiredToken         error = codeError("expired_token")         // too late: start anew
)

// GrantToken asks for credentials by a grant (Auth.grantToken of the SDK).
// ErrInvalidGrant: the code or what belongs to it is wrong, used or too old.
func (c *Client) GrantToken(ctx context.Context, in GrantTokenRequest, opts ...CallOption) (*Credentials, error) {
	if in.ClientID == "" {
		in.ClientID = c.clientID
	}
	if in.ClientSecret == "" {
		in.ClientSecret = c.clientSecret
	}
	return c.credentials(ctx, "GrantToken", "/v1/token", in, opts)
}

// CaptchaPage is TCB's own captcha page.
type CaptchaPage struct {
	URL       string `json:"url"` // empty: nothing to solve
	ExpiresIn int    `json:"expires_in"`
}

// InitCaptcha asks for TCB's captcha page, which returns to redirectURI with
// state and captcha_token, or error (SDK docs, "Initialize captcha").
func (c *Client) InitCaptcha(ctx context.Context, redirectURI, state string, opts ...CallOption) (*CaptchaPage, error) {
	in := map[string]string{"redirect_uri": redirectURI, "state": state}
	var out CaptchaPage
	err := c.do(ctx, call{op: "InitCaptcha", method: http.MethodPost, path: "/v1/captcha/init", body: in}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// Certs are the public keys that access tokens are signed with, a JWK set as it
// came (GET /v1/certs; RFC 7517).
func (c *Client) Certs(ctx context.Context, opts ...CallOption) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.do(ctx, call{op: "Certs", method: http.MethodGet, path: "/v1/certs"}, &out, opts)
	return out, err
}
