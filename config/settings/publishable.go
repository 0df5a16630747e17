package settings

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"tcb-login/config/input"
)

// checkPublishableKey says what is wrong with an environment's publishable key. The API key of
// TCB's console is a JWT of the same look with an administrator's rights, and this setting is sent
// for anybody who opens a page: only claims that are a publishable key's are taken. Package
// authclient checks the same again where the key is used, and says where the claims are known from;
// it is a library of its own, which this package does not import.
func checkPublishableKey(key, env string, now time.Time) string {
	const another = "another kind of key: an API key is an administrator's and must never be here; want the publishable key of TCB's console"
	var claims struct {
		Project string `json:"project_id"`
		Scope   string `json:"scope"`
		Meta    struct {
			Platform string `json:"platform"`
		} `json:"meta"`
		ClientType  string `json:"client_type"`
		Role        string `json:"role"`
		SystemAdmin *bool  `json:"is_system_admin"`

		ExpiresAt float64 `json:"exp"`
	}
	parts := strings.Split(key, ".")
	if len(key) > 8<<10 || len(parts) != 3 || parts[0] == "" || parts[2] == "" || strings.ContainsFunc(key, notOfJWT) {
		return another
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	switch {
	case err != nil, json.Unmarshal(payload, &claims) != nil, claims.Meta.Platform != "PublishableKey", claims.Scope != "anonymous",
		claims.ClientType != "client_user", claims.SystemAdmin == nil, *claims.SystemAdmin, claims.Role != "" && claims.Role != "anon":
		return another
	case claims.Project != env:
		return "the key of another environment; want that of " + input.Quote(env)
	case claims.ExpiresAt <= float64(now.Unix()):
		return "the key has expired; TCB's console makes another"
	}
	return ""
}

// notOfJWT finds what cannot stand in a JWT, line breaks above all.
func notOfJWT(r rune) bool {
	return r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}
