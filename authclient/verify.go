package authclient

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// clockSkew is how far this machine's clock may be from TCB's.
const clockSkew = 30 * time.Second

// Why an access token is refused.
var (
	errAlgorithm = errors.New("it is not signed with RS256")
	errCritical  = errors.New("its header has extensions that must be understood")
	errSignature = errors.New("the signature is not TCB's")
	errIssuer    = errors.New("its iss is another environment's")
	errProject   = errors.New("its project_id is another environment's")
	errAudience  = errors.New("its aud is another client")
	errNobody    = errors.New("it is nobody's login")
	errExpired   = errors.New("it has expired")
	errTooEarly  = errors.New("it is not yet valid")
)

// ofVerify is what errors of VerifyAccessToken name.
var ofVerify = request{op: "VerifyAccessToken"}

// VerifyAccessToken checks an access token that somebody brought along, with TCB's public keys and
// without asking TCB about it: that TCB signed it, for this environment and client, and that it has
// not expired. TCB's publishable keys and API keys, which are signed alike, are refused.
//
// ErrUnauthenticated: the token is not one, or not one any more. ErrUnreachable: TCB's keys cannot be
// had, which says nothing of the token.
//
// A login that has ended at TCB, by a sign-out or because somebody was blocked, verifies until its
// token expires. Where that is too long, ask with AsUser(token).GetUserInfo.
//
// Keys are kept for an hour, and for a day while TCB does not answer. A token of a key that is not
// known has them fetched again, every 30 seconds at most and once for all callers who wait.
//
// Source: RFC 7519, RFC 8725; the claims as Claims has them.
func (c *Client) VerifyAccessToken(ctx context.Context, accessToken string) (*Claims, error) {
	t, err := parseToken(accessToken)
	if err != nil {
		return nil, ofVerify.failed("unauthenticated", err)
	}
	keyID, err := t.keyID()
	if err == nil {
		err = c.checkClaims(t) // before the signature: what is not for us fetches no keys
	}
	if err != nil {
		return nil, ofVerify.failed("unauthenticated", err)
	}
	key, err := c.keys.find(ctx, c, keyID)
	switch {
	case errors.Is(err, errUnknownKey):
		return nil, ofVerify.failed("unauthenticated", err)
	case err != nil:
		return nil, ofVerify.failed("unreachable", err)
	}
	sum := sha256.Sum256([]byte(t.signed))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], t.signature) != nil {
		return nil, ofVerify.failed("unauthenticated", errSignature)
	}
	return &t.claims, nil
}

// keyID reads the header. The algorithm is ours to say: with one of the token's choice, "none"
// would be signed by anybody and HS256 by who knows the public key (RFC 8725 §2.1).
func (t *token) keyID() (string, error) {
	var header struct {
		Algorithm string          `json:"alg"`
		KeyID     string          `json:"kid"`
		Critical  json.RawMessage `json:"crit"`
	}
	switch {
	case json.Unmarshal(t.header, &header) != nil:
		return "", errNoJWT
	case header.Algorithm != "RS256":
		return "", errAlgorithm
	case header.Critical != nil:
		return "", errCritical
	case header.KeyID == "":
		return "", errUnknownKey
	}
	return header.KeyID, nil
}

// checkClaims holds what a token says against whom it has to be for, and the time.
func (c *Client) checkClaims(t *token) error {
	// What tells a person's token from the keys that TCB gives to apps and to their servers, which
	// are JWTs of the same look, and signed alike: see checkPublishableKey.
	var kind struct {
		NotBefore int64 `json:"nbf"`
		Meta      struct {
			Platform string `json:"platform"`
		} `json:"meta"`
		SystemAdmin bool `json:"is_system_admin"`
	}
	if json.Unmarshal(t.claims.Raw, &kind) != nil {
		return errNoJWT
	}
	now := c.now()
	switch claims := &t.claims; {
	case claims.Issuer != c.issuer:
		return errIssuer
	case claims.ProjectID != c.env:
		return errProject
	case !slices.Contains(claims.Audience, c.clientID):
		return errAudience
	case claims.Sub == "", kind.Meta.Platform == "PublishableKey", kind.Meta.Platform == "ApiKey", kind.SystemAdmin:
		return errNobody
	case !now.Before(time.Unix(claims.ExpiresAt, 0).Add(clockSkew)):
		return errExpired
	case now.Add(clockSkew).Before(time.Unix(kind.NotBefore, 0)):
		return errTooEarly
	}
	return nil
}
