package emulator

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The publishable key of an environment: what the SDK calls accessKey. Apps carry it in the open,
// and the SDK sends it as a Bearer token wherever nobody is signed in. It names the environment and
// nobody in it, so it opens what a client_id opens, and nothing that wants a user.

// publishableLife is how long one is good. The vendor documents "around 2099"; the keys that apps
// have published live this long.
const publishableLife = 26663 * 24 * time.Hour

// publishableClaims is the payload of a publishable key, as in those that apps carry in the open.
// The vendor documents only that it is a JWT; is_system_admin and client_type stand in the SDK's
// types of claims too (@cloudbase/auth src/type.ts).
type publishableClaims struct {
	claims
	Meta struct {
		Platform string `json:"platform"`
	} `json:"meta"`
	Role        string `json:"role"`
	ClientType  string `json:"client_type"`
	SystemAdmin bool   `json:"is_system_admin"`
	UserType    string `json:"user_type"`
	UserID      string `json:"user_id,omitempty"`
}

// publishableKey is the key of an environment. Everything in it comes from the signing key, RSA's
// PKCS #1 v1.5 included, so it is the same after a restart and after a reset.
func (e *Emulator) publishableKey(env *Environment) (string, error) {
	if known, ok := e.publishable.Load(env.ID); ok {
		return known.(string), nil
	}
	nonce := hashOf("publishable key " + env.ID + " " + e.key.kid)[:22]
	payload := publishableClaims{
		claims: claims{
			Issuer: "https://" + env.ID + "." + env.Region + ".tcb-api.tencentcloudapi.com", Subject: "anon", Audience: env.ID,
			IssuedAt: e.key.made.Unix(), ExpiresAt: e.key.made.Add(publishableLife).Unix(), Nonce: nonce, AtHash: nonce,
			Name: "Anonymous", Scope: "anonymous", Project: env.ID,
		},
		Role: "anon", ClientType: "client_user",
	}
	payload.Meta.Platform = "PublishableKey"
	signed, err := e.sign(payload)
	if err != nil {
		return "", err
	}
	e.publishable.Store(env.ID, signed)
	return signed, nil
}

// publishedBy is the environment whose publishable key the token is, or nil.
func (e *Emulator) publishedBy(token string) (*Environment, error) {
	parsed, bad := e.parseToken(token, false)
	if bad != nil {
		return nil, nil // an answer, not a failure
	}
	env := e.environment(parsed.Project)
	if env == nil {
		return nil, nil
	}
	key, err := e.publishableKey(env)
	if err != nil || subtle.ConstantTimeCompare([]byte(key), []byte(token)) != 1 {
		return nil, err
	}
	return env, nil
}

// environment is the one that is served under this id, or nil.
func (e *Emulator) environment(id string) *Environment {
	for _, env := range e.environments {
		if env.ID == id {
			return env
		}
	}
	return nil
}

// environmentOf is the one that ?env= of a control names, or the only one. unknown is the code of the
// refusal of another one; all refusals name those that there are.
func (e *Emulator) environmentOf(r *http.Request, unknown string) (*Environment, error) {
	id := r.URL.Query().Get("env")
	if env := e.environment(id); env != nil {
		return env, nil
	}
	if id == "" && len(e.environments) == 1 {
		return e.environments[0], nil
	}
	ids := make([]string, len(e.environments))
	for i, env := range e.environments {
		ids[i] = env.ID
	}
	code, said := unknown, textNoEnv
	if id == "" {
		code, said = "invalid_argument", textNameEnv
	}
	all := strings.Join(ids, ", ")
	return nil, failText(code, text{said.zh + "（?env=" + all + "）", said.en + " (?env=" + all + ")"})
}

// getPublishableKey: GET /__emulator/publishable-key?env=.
func (e *Emulator) getPublishableKey(w http.ResponseWriter, r *http.Request) error {
	env, err := e.environmentOf(r, "not_found")
	if err != nil {
		return err
	}
	key, err := e.publishableKey(env)
	if err != nil {
		return fmt.Errorf("emulator: make a publishable key: %w", err)
	}
	sendJSON(w, http.StatusOK, struct {
		Key string `json:"publishable_key"`
	}{key})
	return nil
}
