package authclient

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// Claims are what an access token of TCB's says.
//
// Source: the token in "Sign in anonymously" of TCB's HTTP API reference, decoded; the vendor's
// skill texts for AI tools, which have servers check project_id.
type Claims struct {
	Issuer    string   `json:"iss"`        // "http://{env}.{region}.tcb-api.tencentcloudapi.com": http, and no address
	Sub       string   `json:"sub"`        // the person's id
	Audience  Audience `json:"aud"`        // the client that it was issued to
	ExpiresAt int64    `json:"exp"`        // Unix seconds
	Scope     string   `json:"scope"`      // "anonymous" for anonymous logins
	ProjectID string   `json:"project_id"` // the environment

	Raw json.RawMessage `json:"-"` // all claims, as they came
}

// Anonymous reports that nobody has registered yet.
func (c *Claims) Anonymous() bool { return c.Scope == "anonymous" }

// Audience is one client or several (RFC 7519 §4.1.3).
type Audience []string

// UnmarshalJSON takes a string or an array of strings.
func (a *Audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = Audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

// ReadClaims reads what an access token says and believes all of it: nobody's signature is looked
// at. It is for who has the token from TCB, or asks TCB with it next. A server that gets one with a
// request wants Client.VerifyAccessToken.
func ReadClaims(token string) (*Claims, bool) {
	t, err := parseToken(token)
	if err != nil {
		return nil, false
	}
	return &t.claims, true
}

// ExpiresAt is when the access token ends, by TCB's clock, as the token itself says; the zero time
// where it does not. It serves for a login that was kept: ExpiresIn counts from when it was issued.
func (c Credentials) ExpiresAt() time.Time {
	claims, ok := ReadClaims(c.AccessToken)
	if !ok {
		return time.Time{}
	}
	return time.Unix(claims.ExpiresAt, 0)
}

// maxToken is more than any token of TCB's, which documents 4096 characters.
const maxToken = 8 << 10

// token is a JWT (RFC 7519) in the compact form of RFC 7515 §3.1, taken apart.
type token struct {
	header    []byte
	claims    Claims
	signed    string // what the signature is over
	signature []byte
}

var (
	errNoJWT = errors.New("it is not a JWT of TCB's form")
	errNoEnd = errors.New("it has no exp")
)

// parseToken takes a token apart and checks nothing of what it says.
func parseToken(text string) (*token, error) {
	parts := strings.Split(text, ".")
	if len(text) > maxToken || len(parts) != 3 || slices.Contains(parts, "") {
		return nil, errNoJWT
	}
	var decoded [3][]byte
	for i, part := range parts {
		if strings.ContainsAny(part, "\r\n") { // which the decoder would pass over
			return nil, errNoJWT
		}
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return nil, errNoJWT
		}
	}
	t := &token{header: decoded[0], signed: parts[0] + "." + parts[1], signature: decoded[2]}
	if json.Unmarshal(decoded[1], &t.claims) != nil {
		return nil, errNoJWT
	}
	t.claims.Raw = decoded[1]
	if t.claims.ExpiresAt <= 0 {
		return nil, errNoEnd
	}
	return t, nil
}
