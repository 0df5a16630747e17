package visitor

import (
	"slices"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
)

// Claims are what we read of an access token. Nothing is believed of it before TCB has answered to
// the token.
type Claims struct{ authclient.Claims }

// ReadClaims reads a token that can be one.
func ReadClaims(token string) (Claims, bool) {
	c, ok := authclient.ReadClaims(token)
	if !ok {
		return Claims{}, false
	}
	return Claims{*c}, true
}

// Meant reports that a token is for the client at hand: another client's login is not to become
// this one's.
func (c *Claims) Meant(r *entry.LoginRequest) bool {
	return slices.Contains(c.Audience, r.Client.ID) && (c.ProjectID == "" || c.ProjectID == r.Env.ID)
}
