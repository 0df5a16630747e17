package visitor

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"tcb-login/handlers/entry"
)

// Claims are what we read of an access token. Nothing is believed of it before TCB has answered to
// the token.
type Claims struct {
	Audience audience `json:"aud"`
	Project  string   `json:"project_id"` // the environment
	Issuer   string   `json:"iss"`
	Scope    string   `json:"scope"`
	Expires  int64    `json:"exp"` // Unix seconds
}

// audience is one string or several (RFC 7519 §4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

// ReadClaims reads a token that can be one.
func ReadClaims(token string) (Claims, bool) {
	var c Claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return c, false
	}
	return c, c.Expires > 0
}

// Anonymous reports that nobody has registered yet.
func (c Claims) Anonymous() bool { return c.Scope == "anonymous" }

// Meant reports that a token is for the client at hand: another client's login is not to become
// this one's.
func (c Claims) Meant(r *entry.LoginRequest) bool {
	return slices.Contains(c.Audience, r.Client.ID) && (c.Project == "" || c.Project == r.Env.ID)
}
