package emulator

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	rules "tcb-login/redirect"
)

// The OAuth 2.0 server: authorisation codes with PKCE (RFC 6749, 7636), device codes (RFC 8628),
// client credentials, introspection (RFC 7662).

const (
	authorizationCodeLife = 5 * time.Minute
	deviceCodeLife        = 10 * time.Minute
	deviceInterval        = 3 // seconds

	scopeAdmin = "administrator" // of tokens that a client gets for itself
)

// grantToken: POST /v1/token.
func (e *Emulator) grantToken(ctx context.Context, c *call) (any, error) {
	var req struct {
		GrantType    string `json:"grant_type"`
		RefreshToken string `json:"refresh_token"`
		Username     string `json:"username"`
		Password     string `json:"password"`
		Code         string `json:"code"`
		RedirectURI  string `json:"redirect_uri"`
		CodeVerifier string `json:"code_verifier"`
		DeviceCode   string `json:"device_code"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	switch req.GrantType {
	case "refresh_token":
		return e.refresh(ctx, c, req.RefreshToken)
	case "password":
		return e.signInWithPassword(ctx, c, req.Username, req.Password, "")
	case "authorization_code":
		return e.redeemCode(ctx, c, req.Code, req.RedirectURI, req.CodeVerifier)
	case "device_code", "urn:ietf:params:oauth:grant-type:device_code":
		return e.redeemDeviceCode(ctx, c, req.DeviceCode)
	case "client_credentials":
		return e.clientCredentials(c)
	}
	return nil, failText("invalid_request", textBadGrant)
}

// scopes that an app can ask for.
var knownScopes = []string{"openid", "profile", "email", "phone", "offline_access", "user"}

func checkScope(scope string) error {
	for one := range strings.FieldsSeq(scope) {
		if !slices.Contains(knownScopes, one) {
			return fail("invalid_scope")
		}
	}
	return nil
}

// authorizeRequest is the body of POST /auth/v1/user/authorize.
type authorizeRequest struct {
	ResponseType    string `json:"response_type"`
	RedirectURI     string `json:"redirect_uri"`
	State           string `json:"state"`
	Scope           string `json:"scope"`
	Nonce           string `json:"nonce"`
	Challenge       string `json:"code_challenge"`
	ChallengeMethod string `json:"code_challenge_method"`
}

// authorize: POST /v1/user/authorize lets an app in as the caller. There is no consent to ask for
// here: that is the business of the page that calls. The SDK's 2.32 and 3.7 take an answer with
// "code" for an error; TCB answers so all the same.
func (e *Emulator) authorize(ctx context.Context, c *call) (any, error) {
	var req authorizeRequest
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if c.user.anonymous {
		return nil, failText("permission_denied", textNoAnonymousNow)
	}
	if err := e.checkRedirect(c.client, req.RedirectURI); err != nil {
		return nil, err
	}
	if err := checkScope(req.Scope); err != nil {
		return nil, err
	}
	answer := struct {
		Code        string `json:"code,omitempty"`
		AccessToken string `json:"access_token,omitempty"`
		IDToken     string `json:"id_token,omitempty"`
		TokenType   string `json:"token_type,omitempty"`
		Scope       string `json:"scope,omitempty"`
		State       string `json:"state,omitempty"`
		ExpiresIn   int    `json:"expires_in"`
	}{Scope: req.Scope, State: req.State}
	var err error
	switch req.ResponseType {
	case "code":
		answer.ExpiresIn = int(authorizationCodeLife / time.Second)
		answer.Code, err = e.authorizationCode(ctx, c, req)
	case "token":
		var g *grant
		err = e.store.write(ctx, func(tx *sql.Tx) (err error) {
			g, err = e.startSession(ctx, tx, c, c.user, login{kind: c.session.loginType, from: fromGrant, scope: req.Scope})
			return err
		})
		if err != nil {
			return nil, err
		}
		var issued *credentials
		if issued, err = e.credentials(g); err == nil {
			answer.AccessToken, answer.TokenType, answer.ExpiresIn, answer.Scope = issued.AccessToken, issued.TokenType, issued.ExpiresIn, issued.Scope
		}
	case "id_token":
		answer.ExpiresIn = int(e.settings.get().Client.accessLife() / time.Second)
		answer.IDToken, err = e.idToken(c.client, c.user, req.Nonce)
	default:
		return nil, fail("unsupported_response_type")
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// authorizationCode keeps a code for who is signed in.
func (e *Emulator) authorizationCode(ctx context.Context, c *call, req authorizeRequest) (string, error) {
	if req.Challenge == "" && req.ChallengeMethod != "" || !slices.Contains([]string{"", "plain", "S256"}, req.ChallengeMethod) {
		return "", fail("invalid_request")
	}
	code := e.token(24)
	return code, e.store.write(ctx, func(tx *sql.Tx) error {
		_, err := run(ctx, tx, `INSERT INTO authorization_codes (hash, env, sub, client_id, redirect_uri, scope, nonce, challenge,
			method, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			hashOf(code), c.user.env, c.user.sub, c.client.id, req.RedirectURI, req.Scope, cut(req.Nonce, 256),
			req.Challenge, req.ChallengeMethod, e.now().Add(authorizationCodeLife).UnixMilli())
		return err
	})
}

// checkRedirect wants one of the client's registered addresses, where it has any. On loopback any port
// will do: a program on somebody's machine does not choose its own (RFC 8252 §7.3).
func (e *Emulator) checkRedirect(client clientOf, redirect string) error {
	if _, err := parseRedirect(redirect); err != nil {
		return err
	}
	if len(client.redirectURIs) > 0 && rules.Check("", redirect, client.redirectURIs, true) == rules.Refused {
		return failText("invalid_argument", textBadRedirect)
	}
	return nil
}

// idToken is an OpenID Connect id token.
func (e *Emulator) idToken(client clientOf, u *user, nonce string) (string, error) {
	now := e.now()
	payload := jwt.MapClaims{
		"iss": issuer(client.env), "sub": u.sub, "aud": client.id, "iat": now.Unix(),
		"exp": now.Add(e.settings.get().Client.accessLife()).Unix(), "name": u.name,
	}
	for claim, value := range map[string]string{"nonce": nonce, "picture": u.picture, "email": u.email, "phone_number": u.phone} {
		if value != "" {
			payload[claim] = value
		}
	}
	return e.sign(payload)
}

// redeemCode trades an authorisation code for tokens, once: a second time ends the session that
// came of the first.
func (e *Emulator) redeemCode(ctx context.Context, c *call, code, redirect, verifier string) (any, error) {
	var g *grant
	var nonce string
	err := e.store.write(ctx, func(tx *sql.Tx) error {
		var sub, wantRedirect, scope, challenge, method, used string
		err := tx.QueryRowContext(ctx, `SELECT sub, redirect_uri, scope, nonce, challenge, method, session_id FROM authorization_codes
			WHERE hash = ? AND env = ? AND client_id = ? AND expires_at > ?`, hashOf(code), c.env(), c.client.id, e.now().UnixMilli()).
			Scan(&sub, &wantRedirect, &scope, &nonce, &challenge, &method, &used)
		if errors.Is(err, sql.ErrNoRows) {
			return failText("invalid_grant", textBadAuthCode)
		}
		if err != nil {
			return fmt.Errorf("emulator: read authorisation code: %w", err)
		}
		if used != "" {
			if _, err := run(ctx, tx, "DELETE FROM sessions WHERE id = ?", used); err != nil {
				return err
			}
			return keep(failText("invalid_grant", textBadAuthCode))
		}
		if challenge == "" && c.client.secret != "" && !c.secret {
			return failText("unauthorized_client", textNeedSecret)
		}
		if redirect != wantRedirect || !provesChallenge(challenge, method, verifier) {
			return failText("invalid_grant", textBadAuthCode)
		}
		u, err := userBy(ctx, tx, c.env(), "sub", sub)
		if err != nil {
			return err
		}
		if u == nil || u.mayEnter() != nil {
			return failText("invalid_grant", textBadAuthCode)
		}
		if g, err = e.startSession(ctx, tx, c, u, login{from: fromGrant, scope: scope}); err != nil {
			return err
		}
		_, err = run(ctx, tx, "UPDATE authorization_codes SET session_id = ? WHERE hash = ?", g.id, hashOf(code))
		return err
	})
	if err != nil {
		return nil, err
	}
	issued, err := e.credentials(g)
	if err != nil {
		return nil, err
	}
	if slices.Contains(strings.Fields(g.scope), "openid") {
		if issued.IDToken, err = e.idToken(c.client, g.user, nonce); err != nil {
			return nil, err
		}
	}
	return issued, nil
}

// provesChallenge is PKCE's check. A verifier where no challenge was made is a downgrade (RFC 9700
// §2.1.1).
func provesChallenge(challenge, method, verifier string) bool {
	if challenge == "" {
		return verifier == ""
	}
	if method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(challenge), []byte(verifier)) == 1
}

// clientCredentials is for a client's own server: a token that opens everything, and no refresh
// token.
func (e *Emulator) clientCredentials(c *call) (any, error) {
	if !c.secret {
		return nil, failText("unauthorized_client", textNeedSecret)
	}
	issued, err := e.credentials(&grant{
		user: &user{env: c.env(), sub: c.client.id, name: c.client.id, groupIDs: scopeAdmin}, client: c.client, id: e.uuid(),
		refresh: e.newRefreshToken(), scope: scopeAdmin,
	})
	if err != nil {
		return nil, err
	}
	issued.RefreshToken = ""
	return issued, nil
}

// introspect: GET /v1/token/introspect?token=.
func (e *Emulator) introspect(ctx context.Context, c *call) (any, error) {
	if c.client.secret != "" && !c.secret {
		return nil, failText("unauthorized_client", textNeedSecret)
	}
	token := c.request.URL.Query().Get("token")
	if token == "" {
		return nil, failText("invalid_argument", textNoToken)
	}
	type answer struct {
		Active    bool   `json:"active"`
		Scope     string `json:"scope,omitempty"`
		ClientID  string `json:"client_id,omitempty"`
		Username  string `json:"username,omitempty"`
		TokenType string `json:"token_type,omitempty"`
		ExpiresAt int64  `json:"exp,omitempty"`
		IssuedAt  int64  `json:"iat,omitempty"`
		Sub       string `json:"sub,omitempty"`
		Audience  string `json:"aud,omitempty"`
		Issuer    string `json:"iss,omitempty"`
	}
	parsed, err := e.parseToken(token, false)
	if err != nil || parsed.Project != c.env() {
		return answer{}, nil
	}
	_, u, err := e.sessionOf(ctx, e.store.db, token)
	if err != nil {
		return nil, err
	}
	if parsed.Scope != scopeAdmin && (u == nil || u.mayEnter() != nil) {
		return answer{}, nil
	}
	said := answer{
		Active: true, Scope: parsed.Scope, ClientID: parsed.Audience, TokenType: "Bearer", ExpiresAt: parsed.ExpiresAt,
		IssuedAt: parsed.IssuedAt, Sub: parsed.Subject, Audience: parsed.Audience, Issuer: parsed.Issuer,
	}
	if u != nil {
		said.Username = u.username
	}
	return said, nil
}

type scopeInfo struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	Children    []scopeInfo `json:"children,omitempty"`
}

var scopeNames = map[string]text{
	"openid":         {"你的用户标识", "Your user id"},
	"profile":        {"昵称与头像", "Your name and picture"},
	"email":          {"邮箱地址", "Your e-mail address"},
	"phone":          {"手机号", "Your phone number"},
	"offline_access": {"离线访问", "Access while you are away"},
	"user":           {"账号信息", "Your account"},
}

// authorizeInfo: GET /v1/user/authorize/info tells what a consent page has to show.
func (e *Emulator) authorizeInfo(_ context.Context, c *call) (any, error) {
	query := c.request.URL.Query()
	if redirect := query.Get("redirect_uri"); redirect != "" {
		if err := e.checkRedirect(c.client, redirect); err != nil {
			return nil, err
		}
	}
	if kind := query.Get("response_type"); kind != "" && providerKinds[kind] == "" {
		return nil, fail("unsupported_response_type")
	}
	if err := checkScope(query.Get("scope")); err != nil {
		return nil, err
	}
	chinese := localeOf(c.request) == localeChinese
	if locale := query.Get("locale"); locale != "" {
		chinese = strings.HasPrefix(strings.ToLower(locale), "zh")
	}
	type clientInfo struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
		Picture     string `json:"picture,omitempty"`
		URL         string `json:"url,omitempty"`
	}
	answer := struct {
		Client clientInfo  `json:"client"`
		Scopes []scopeInfo `json:"scopes"`
	}{Client: clientInfo{ID: c.client.id, Name: c.client.id}, Scopes: []scopeInfo{}}
	for scope := range strings.FieldsSeq(query.Get("scope")) {
		name := scopeNames[scope].en
		if chinese {
			name = scopeNames[scope].zh
		}
		answer.Scopes = append(answer.Scopes, scopeInfo{ID: scope, Name: name})
	}
	return answer, nil
}

// signOutPage is a provider's sign-out page, which sends people on.
func (e *Emulator) signOutPage(c *call, provider, redirect, state string) string {
	query := url.Values{}
	if redirect != "" {
		query.Set("redirect_uri", redirect)
	}
	if state != "" {
		query.Set("state", state)
	}
	page := idpPage(c, provider, "signout")
	if len(query) > 0 {
		page += "?" + query.Encode()
	}
	return page
}
