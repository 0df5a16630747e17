package settings

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"tcb-login/config/input"
)

// checkPublishableKey says what is wrong with an environment's publishable key. The API key of
// TCB's console is a JWT of the same look with an administrator's rights, and this setting is sent
// for anybody who opens a page: only claims that are a publishable key's are taken. Package
// authclient checks the same again where the key is used, and says where the claims are known from;
// it is a library of its own, which this package does not import.
func checkPublishableKey(key, env string) string {
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
	}
	parts := strings.Split(key, ".")
	if len(parts) != 3 {
		return another
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	switch {
	case err != nil, json.Unmarshal(payload, &claims) != nil, claims.Meta.Platform != "PublishableKey", claims.Scope != "anonymous",
		claims.ClientType != "client_user", claims.SystemAdmin == nil, *claims.SystemAdmin, claims.Role != "" && claims.Role != "anon":
		return another
	case claims.Project != env:
		return "the key of another environment; want that of " + input.Quote(env)
	}
	return ""
}
