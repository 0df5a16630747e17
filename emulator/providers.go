package emulator

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"tcb-login/pattern"
)

// Third-party identity sources: the way out to a provider, and what its answer is traded for. The
// providers' own pages are in idp.go.

const (
	providerCodeLife  = 5 * time.Minute
	providerTokenLife = time.Hour
)

// providerProfile is what a third party says about its user.
type providerProfile struct {
	ProviderID  string       `json:"provider_id"`
	Sub         string       `json:"sub"`
	Name        string       `json:"name,omitempty"`
	Picture     string       `json:"picture,omitempty"`
	Email       string       `json:"email,omitempty"`
	PhoneNumber string       `json:"phone_number,omitempty"`
	Meta        providerMeta `json:"meta"`
}

type providerMeta struct {
	AppID   string `json:"appid,omitempty"`
	OpenID  string `json:"openid,omitempty"`
	UnionID string `json:"unionid,omitempty"`
}

// provider is the settings of an identity source that exists.
func (e *Emulator) provider(id string) (provider, bool) {
	all := e.settings.get().Providers
	if rule, ok := all[id]; ok {
		return rule, true
	}
	if miniProgram.MatchString(id) {
		return all[providerMicro], true
	}
	return provider{}, false
}

// enabledProvider refuses an identity source that does not exist or is switched off.
func (e *Emulator) enabledProvider(id string) (provider, error) {
	rule, ok := e.provider(id)
	if !ok || !rule.On {
		return provider{}, fail("provider_not_enabled")
	}
	return rule, nil
}

// providerURI: GET /v1/provider/uri tells where to send the browser. The SDK decodes the whole
// address once more before it goes there, so nothing in it may need to be encoded twice.
func (e *Emulator) providerURI(_ context.Context, c *call) (any, error) {
	query := c.request.URL.Query()
	id := query.Get("provider_id")
	if _, err := e.enabledProvider(id); err != nil {
		return nil, err
	}
	redirect := cmp.Or(query.Get("redirect_uri"), query.Get("provider_redirect_uri"))
	if _, err := parseRedirect(redirect); err != nil {
		return nil, err
	}
	if kind := query.Get("response_type"); kind != "" && providerKinds[kind] == "" {
		return nil, fail("unsupported_response_type")
	}
	answer := struct {
		URI        string `json:"uri"`
		SignOutURI string `json:"signout_uri"` // documented as always there
	}{URI: e.consentPage(c, id, redirect, query.Get("state"), query.Get("scope"), query.Get("response_type"))}
	after := query.Get("other_params[sign_out_uri]")
	if after != "" {
		if _, err := parseRedirect(after); err != nil {
			return nil, err
		}
	}
	answer.SignOutURI = e.signOutPage(c, id, after, "")
	return answer, nil
}

// providerKinds are what a consent page can hand out, by the response_type.
var providerKinds = map[string]string{"code": "code", "token": "access_token", "id_token": "id_token"}

// parseRedirect takes an absolute address that a browser may be sent to; an app's own scheme is
// fine, a script is not.
func parseRedirect(raw string) (*url.URL, error) {
	parsed, err := url.Parse(raw)
	if err != nil || parsed.Scheme == "" || parsed.Host == "" || strings.ContainsAny(raw, "\r\n\t ") {
		return nil, failText("invalid_argument", textBadRedirect)
	}
	switch strings.ToLower(parsed.Scheme) {
	case "javascript", "data", "vbscript", "blob", "file":
		return nil, failText("invalid_argument", textBadRedirect)
	}
	return parsed, nil
}

// withQuery adds parameters to an address without touching what it has.
func withQuery(target *url.URL, pairs ...string) string {
	added := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			added.Set(pairs[i], pairs[i+1])
		}
	}
	next := *target
	next.RawQuery = strings.TrimPrefix(strings.TrimSuffix(next.RawQuery, "&")+"&"+added.Encode(), "&")
	next.RawQuery = strings.TrimSuffix(next.RawQuery, "&")
	return next.String()
}

type providerTokenAnswer struct {
	ProviderToken string           `json:"provider_token"`
	ExpiresIn     int              `json:"expires_in"`
	Profile       *providerProfile `json:"provider_profile"`
}

// grantProviderToken: POST /v1/provider/token trades what a provider handed out for a
// provider_token.
func (e *Emulator) grantProviderToken(ctx context.Context, c *call) (any, error) {
	var req struct {
		ProviderID  string `json:"provider_id"`
		RedirectURI string `json:"provider_redirect_uri"`
		Code        string `json:"provider_code"`
		AccessToken string `json:"provider_access_token"`
		IDToken     string `json:"provider_id_token"`
		Params      struct {
			CodeType string `json:"provider_code_type"`
			AppID    string `json:"appid"`
			Code     string `json:"code"`
		} `json:"provider_params"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if _, err := e.enabledProvider(req.ProviderID); err != nil {
		return nil, err
	}
	if req.Params.CodeType != "" {
		profile, err := miniProgramProfile(req.ProviderID, req.Params.CodeType, req.Code, cmp.Or(req.Params.Code, req.Code))
		if err != nil {
			return nil, err
		}
		return e.issueProviderToken(ctx, c, profile)
	}
	kind, value := "code", req.Code
	switch {
	case req.AccessToken != "":
		kind, value = "access_token", req.AccessToken
	case req.IDToken != "":
		kind, value = "id_token", req.IDToken
	}
	if value == "" {
		return nil, failText("invalid_argument", textNoToken)
	}
	var profile *providerProfile
	err := e.store.write(ctx, func(tx *sql.Tx) error {
		var redirect, encoded string
		err := tx.QueryRowContext(ctx, `DELETE FROM provider_codes WHERE hash = ? AND kind = ? AND env = ? AND provider_id = ?
			AND expires_at > ? RETURNING redirect_uri, profile`,
			hashOf(value), kind, c.env(), req.ProviderID, e.now().UnixMilli()).Scan(&redirect, &encoded)
		if errors.Is(err, sql.ErrNoRows) {
			return failText("failed_precondition", textThirdParty)
		}
		if err != nil {
			return fmt.Errorf("emulator: read provider code: %w", err)
		}
		if encoded == "" || req.RedirectURI != "" && req.RedirectURI != redirect {
			return keep(failText("failed_precondition", textThirdParty)) // the code is spent
		}
		profile, err = decodeProfile(encoded)
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.issueProviderToken(ctx, c, profile)
}

func decodeProfile(encoded string) (*providerProfile, error) {
	var profile providerProfile
	if err := json.Unmarshal([]byte(encoded), &profile); err != nil {
		return nil, fmt.Errorf("emulator: read provider profile: %w", err)
	}
	return &profile, nil
}

func encodeProfile(profile *providerProfile) string {
	encoded, err := json.Marshal(profile)
	if err != nil { // our own structs always marshal
		panic(err)
	}
	return string(encoded)
}

// issueProviderToken keeps the profile and answers with the token for it.
func (e *Emulator) issueProviderToken(ctx context.Context, c *call, profile *providerProfile) (any, error) {
	answer := providerTokenAnswer{e.token(32), int(providerTokenLife / time.Second), profile}
	err := e.store.write(ctx, func(tx *sql.Tx) error { return e.saveProviderToken(ctx, tx, c.env(), answer.ProviderToken, profile) })
	if err != nil {
		return nil, err
	}
	return answer, nil
}

func (e *Emulator) saveProviderToken(ctx context.Context, tx *sql.Tx, env, token string, profile *providerProfile) error {
	_, err := run(ctx, tx, "INSERT INTO provider_tokens (hash, env, profile, expires_at) VALUES (?, ?, ?, ?)",
		hashOf(token), env, encodeProfile(profile), e.now().Add(providerTokenLife).UnixMilli())
	return err
}

// peekProviderToken returns what a provider_token stands for. One that is unknown or too old gets
// the code whose documented meaning is "Your current session has expired. Please go back and try
// again."
func (e *Emulator) peekProviderToken(ctx context.Context, q querier, env, token string) (*providerProfile, error) {
	var encoded string
	err := q.QueryRowContext(ctx, "SELECT profile FROM provider_tokens WHERE hash = ? AND env = ? AND expires_at > ?",
		hashOf(token), env, e.now().UnixMilli()).Scan(&encoded)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, failText("permission_denied", textProviderToken)
	}
	if err != nil {
		return nil, fmt.Errorf("emulator: read provider token: %w", err)
	}
	profile, err := decodeProfile(encoded)
	if err != nil {
		return nil, err
	}
	if _, err := e.enabledProvider(profile.ProviderID); err != nil {
		return nil, err
	}
	return profile, nil
}

// takeProviderToken uses it up, unless the transaction fails: after not_found it still serves to
// sign up or to bind.
func (e *Emulator) takeProviderToken(ctx context.Context, tx *sql.Tx, env, token string) (*providerProfile, error) {
	profile, err := e.peekProviderToken(ctx, tx, env, token)
	if err != nil {
		return nil, err
	}
	_, err = run(ctx, tx, "DELETE FROM provider_tokens WHERE hash = ?", hashOf(token))
	return profile, err
}

// patchProviderToken: PATCH /v1/provider/token adds to what a mini program's user is known by, and
// answers with a new token. The code is a made-up one; encryptedData is taken as the base64 of the
// JSON that it would decrypt to, since there is no session key.
func (e *Emulator) patchProviderToken(ctx context.Context, c *call) (any, error) {
	var req struct {
		ProviderToken string `json:"provider_token"`
		ProviderID    string `json:"provider_id"`
		Params        struct {
			EncryptedData string `json:"encryptedData"`
			IV            string `json:"iv"`
			Code          string `json:"code"`
			CodeType      string `json:"provider_code_type"`
		} `json:"provider_params"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	answer := providerTokenAnswer{ProviderToken: e.token(32), ExpiresIn: int(providerTokenLife / time.Second)}
	err := e.store.write(ctx, func(tx *sql.Tx) error {
		profile, err := e.takeProviderToken(ctx, tx, c.env(), req.ProviderToken)
		if err != nil {
			return err
		}
		if req.ProviderID != "" && req.ProviderID != profile.ProviderID {
			return failText("invalid_argument", textThirdParty)
		}
		if code := req.Params.Code; code != "" {
			if profile.PhoneNumber, err = codePhone(code); err != nil {
				return err
			}
		}
		if data := req.Params.EncryptedData; data != "" {
			if err := addEncrypted(profile, data); err != nil {
				return err
			}
		}
		answer.Profile = profile
		return e.saveProviderToken(ctx, tx, c.env(), answer.ProviderToken, profile)
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// signInWithProvider: POST /v1/signin/with/provider, and v2's.
func (e *Emulator) signInWithProvider(ctx context.Context, c *call) (any, error) {
	var req struct {
		ProviderID    string `json:"provider_id"`
		ProviderToken string `json:"provider_token"`
		NoSignUp      bool   `json:"force_disable_sign_up"`
		SyncProfile   bool   `json:"sync_profile"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	return e.enter(ctx, func(tx *sql.Tx) (*grant, error) {
		profile, err := e.takeProviderToken(ctx, tx, c.env(), req.ProviderToken)
		if err != nil {
			return nil, err
		}
		if req.ProviderID != "" && req.ProviderID != profile.ProviderID {
			return nil, failText("invalid_argument", textThirdParty)
		}
		u, err := e.userOfProvider(ctx, tx, c, profile, !req.NoSignUp)
		if err != nil {
			return nil, err
		}
		if err := u.mayEnter(); err != nil {
			return nil, err
		}
		if req.SyncProfile {
			u.name, u.picture, u.updatedAt = cmp.Or(profile.Name, u.name), cmp.Or(profile.Picture, u.picture), e.now().UnixMilli()
			if err := saveUser(ctx, tx, u); err != nil {
				return nil, err
			}
		}
		return e.startSession(ctx, tx, c, u, loginThrough(profile.ProviderID))
	})
}

// userOfProvider finds the user that an identity belongs to: by the identity itself, by the e-mail
// address or phone that the provider vouches for, or by making one, the latter ways as far as the
// provider's settings allow.
func (e *Emulator) userOfProvider(ctx context.Context, tx *sql.Tx, c *call, profile *providerProfile, signUp bool) (*user, error) {
	rule, err := e.enabledProvider(profile.ProviderID)
	if err != nil {
		return nil, err
	}
	u, err := identityOwner(ctx, tx, c.env(), profile.ProviderID, profile.Sub)
	if err != nil || u != nil {
		return u, err
	}
	byEmail, err := e.contactOwner(ctx, tx, c.env(), kindEmail, profile.Email)
	if err != nil {
		return nil, err
	}
	byPhone, err := e.contactOwner(ctx, tx, c.env(), kindPhone, profile.PhoneNumber)
	if err != nil {
		return nil, err
	}
	switch {
	case byPhone != nil && rule.AutoSignInWhenPhoneNumberMatch:
		u = byPhone
	case byEmail != nil && rule.AutoSignInWhenEmailMatch:
		u = byEmail
	}
	if u != nil {
		bound, err := identityAt(ctx, tx, u, profile.ProviderID)
		if err != nil {
			return nil, err
		}
		if bound == nil { // else it is another identity of theirs that is bound
			err = e.bind(ctx, tx, u, profile)
		}
		return u, err
	}
	if !rule.AutoSignUpWithProviderUser || !signUp {
		return nil, failText("not_found", textNoIdentityUser)
	}
	if u, err = e.accountFor(ctx, tx, c, ""); err != nil {
		return nil, err
	}
	if rule.ReuseUserID && reusable.MatchString(profile.Sub) {
		taken, err := userBy(ctx, tx, c.env(), "sub", profile.Sub)
		if err != nil {
			return nil, err
		}
		if taken == nil {
			u.sub = profile.Sub
		}
	}
	u.name, u.picture = profile.Name, profile.Picture
	if byEmail == nil {
		u.email = strings.ToLower(profile.Email)
	}
	if byPhone == nil {
		u.phone = profile.PhoneNumber
	}
	if err := saveUser(ctx, tx, u); err != nil {
		return nil, err
	}
	return u, e.bind(ctx, tx, u, profile)
}

// reusable is what may be a user's id here as well.
var reusable = pattern.New(`^[A-Za-z0-9_-]{4,64}$`)

// contactOwner finds who has a phone or address, or nil.
func (e *Emulator) contactOwner(ctx context.Context, q querier, env string, k kind, value string) (*user, error) {
	return userWith(ctx, q, env, identifier{k, strings.ToLower(value)})
}

// providerSubType: POST /v1/mgr/provider/providerSubType.
func (e *Emulator) providerSubType(_ context.Context, c *call) (any, error) {
	var req struct {
		ProviderID string `json:"provider_id"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	rule, _ := e.provider(req.ProviderID)
	return struct {
		ID      string `json:"id"`
		SubType string `json:"provider_sub_type"`
	}{req.ProviderID, rule.ProviderSubType}, nil
}
