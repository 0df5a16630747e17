package authclient

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// checkPublishableKey refuses everything that is not the publishable key of this
// environment. TCB's API keys are JWTs too, signed alike, and carry
// administrator rights (docs: http-api/basic/access-token): one of them, pasted
// into the wrong setting, must not go out with every visitor's call. So the
// claims have to be those of a publishable key, and nothing is let through for
// lack of a claim that would say otherwise.
//
// Which claims those are is not documented. They are read from keys that apps
// carry in the open, as they are meant to: meta.platform "PublishableKey", scope
// "anonymous", client_type "client_user", is_system_admin false, and, in newer
// ones, role "anon". The SDK's own types name client_type and is_system_admin
// (@cloudbase/auth src/type.ts). The signature is TCB's to check.
//
// No error tells anything of the key.
func checkPublishableKey(key, env string, now time.Time) error {
	var claims struct {
		Project string `json:"project_id"`
		Scope   string `json:"scope"`
		Meta    struct {
			Platform string `json:"platform"`
		} `json:"meta"`
		ClientType  string  `json:"client_type"`
		Role        string  `json:"role"`
		SystemAdmin *bool   `json:"is_system_admin"`
		ExpiresAt   float64 `json:"exp"`
	}
	parts := strings.Split(key, ".")
	if len(key) > 8<<10 || len(parts) != 3 || parts[0] == "" || parts[2] == "" || strings.ContainsFunc(key, notOfJWT) {
		return errors.New("authclient: Config.PublishableKey is not a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return errors.New("authclient: Config.PublishableKey is not a JWT")
	}
	switch {
	case claims.Meta.Platform != "PublishableKey", claims.Scope != "anonymous", claims.ClientType != "client_user",
		claims.SystemAdmin == nil || *claims.SystemAdmin, claims.Role != "" && claims.Role != "anon":
		return errors.New("authclient: Config.PublishableKey is another kind of key: an API key is an administrator's and must never be used here")
	case claims.Project != env:
		return errors.New("authclient: Config.PublishableKey is of another environment")
	case claims.ExpiresAt <= float64(now.Unix()):
		return errors.New("authclient: Config.PublishableKey has expired")
	}
	return nil
}

// notOfJWT finds what cannot stand in a JWT, line breaks above all.
func notOfJWT(r rune) bool {
	return r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}
