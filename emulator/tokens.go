package emulator

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// signingKey signs access tokens. It is made once and lives in the database, so tokens outlive a
// restart.
type signingKey struct {
	kid     string
	private *rsa.PrivateKey
	made    time.Time
}

// What the keys of the database are for.
const (
	keyForSigning    = "sign"
	keyForEncryption = "encrypt"
)

// loadKey reads the key for a purpose, or stores the given one, or makes one.
func loadKey(ctx context.Context, s *store, purpose string, given *rsa.PrivateKey, random io.Reader, now time.Time) (*signingKey, error) {
	var key signingKey
	err := s.write(ctx, func(tx *sql.Tx) error {
		var encoded string
		made := now.UnixMilli()
		err := tx.QueryRowContext(ctx, "SELECT kid, pem, created_at FROM keys WHERE purpose = ? ORDER BY created_at LIMIT 1", purpose).
			Scan(&key.kid, &encoded, &made)
		key.made = time.UnixMilli(made)
		if err == nil {
			key.private, err = decodeKey(encoded)
			return err
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("emulator: read the signing key: %w", err)
		}
		if key.private = given; given == nil {
			if key.private, err = rsa.GenerateKey(random, 2048); err != nil {
				return fmt.Errorf("emulator: make the signing key: %w", err)
			}
		}
		der, err := x509.MarshalPKCS8PrivateKey(key.private)
		if err != nil {
			return fmt.Errorf("emulator: encode the signing key: %w", err)
		}
		id := make([]byte, 16)
		if _, err := io.ReadFull(random, id); err != nil {
			return fmt.Errorf("emulator: name the signing key: %w", err)
		}
		key.kid = newUUID(id)
		_, err = run(ctx, tx, "INSERT INTO keys (kid, pem, created_at, purpose) VALUES (?, ?, ?, ?)", key.kid,
			string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), now.UnixMilli(), purpose)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &key, nil
}

func decodeKey(encoded string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(encoded))
	if block == nil {
		return nil, errors.New("emulator: the stored signing key is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("emulator: the stored signing key: %w", err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("emulator: the stored signing key is not RSA")
	}
	return private, nil
}

// jwk is one public key of the key set.
type jwk struct {
	Type     string `json:"kty"`
	Use      string `json:"use"`
	Alg      string `json:"alg"`
	KeyID    string `json:"kid"`
	Modulus  string `json:"n"`
	Exponent string `json:"e"`
}

// certs: GET /v1/certs.
func (e *Emulator) certs(context.Context, *call) (any, error) {
	public := e.key.private.PublicKey
	return struct {
		Keys []jwk `json:"keys"`
	}{[]jwk{{
		Type: "RSA", Use: "sig", Alg: "RS256", KeyID: e.key.kid,
		Modulus:  base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		Exponent: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}}, nil
}

// claims is the payload of an access token.
type claims struct {
	Issuer    string     `json:"iss"`
	Subject   string     `json:"sub"`
	Audience  string     `json:"aud"` // the client; one string, as TCB writes it
	ExpiresAt int64      `json:"exp"`
	IssuedAt  int64      `json:"iat"`
	Nonce     string     `json:"nonce"`   // the session: the emulator's own use of a claim that TCB leaves unexplained
	AtHash    string     `json:"at_hash"` // unexplained too; here it makes each refresh's token a new one
	Name      string     `json:"name,omitempty"`
	Scope     string     `json:"scope"`
	Project   string     `json:"project_id"` // the environment
	Meta      claimsMeta `json:"meta"`
	UserID    string     `json:"user_id"`
	UserType  string     `json:"user_type"`
}

type claimsMeta struct {
	WxOpenID  string `json:"wxOpenId"`
	WxUnionID string `json:"wxUnionId"`
}

// The methods of jwt.Claims.

func (c claims) GetExpirationTime() (*jwt.NumericDate, error) { return numericDate(c.ExpiresAt), nil }
func (c claims) GetIssuedAt() (*jwt.NumericDate, error)       { return numericDate(c.IssuedAt), nil }
func (c claims) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (c claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c claims) GetAudience() (jwt.ClaimStrings, error)       { return jwt.ClaimStrings{c.Audience}, nil }

func numericDate(seconds int64) *jwt.NumericDate {
	if seconds == 0 {
		return nil
	}
	return jwt.NewNumericDate(time.Unix(seconds, 0))
}

// issuer is http, not https: so it stands in the vendor's sample.
func issuer(env *Environment) string {
	return "http://" + env.ID + "." + env.Region + ".tcb-api.tencentcloudapi.com"
}

// grant is a session together with its refresh token, which is stored hashed only.
type grant struct {
	user    *user
	client  clientOf
	id      string
	refresh string
	scope   string // none means the user's own
	wechat  claimsMeta
}

func (g *grant) scopes() string {
	if g.scope != "" {
		return g.scope
	}
	return g.user.scope()
}

func (e *Emulator) newRefreshToken() string { return "m." + e.token(48) }

// credentials is TCB's token answer.
type credentials struct {
	TokenType    string   `json:"token_type"`
	AccessToken  string   `json:"access_token"`
	RefreshToken string   `json:"refresh_token,omitempty"`
	ExpiresIn    int      `json:"expires_in"`
	Sub          string   `json:"sub"`
	Scope        string   `json:"scope"`
	Groups       []string `json:"groups,omitempty"`
	IDToken      string   `json:"id_token,omitempty"`
}

// credentials signs the access token. Called after the commit: RSA takes long, and there is one
// writer at a time.
func (e *Emulator) credentials(g *grant) (*credentials, error) {
	now, life := e.now(), e.settings.get().Client.accessLife()
	name := g.user.name
	if g.user.anonymous {
		name = "Anonymous"
	}
	signed, err := e.sign(claims{
		Issuer: issuer(g.client.env), Subject: g.user.sub, Audience: g.client.id,
		ExpiresAt: now.Add(life).Unix(), IssuedAt: now.Unix(), Nonce: g.id, AtHash: hashOf(g.refresh)[:22], Name: name,
		Scope: g.scopes(), Project: g.user.env, Meta: g.wechat, UserID: g.user.sub, UserType: "external",
	})
	if err != nil {
		return nil, err
	}
	return &credentials{
		TokenType: "Bearer", AccessToken: signed, RefreshToken: g.refresh, ExpiresIn: int(life / time.Second),
		Sub: g.user.sub, Scope: g.scopes(), Groups: g.user.groups(),
	}, nil
}

// sign makes a JWT.
func (e *Emulator) sign(payload jwt.Claims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, payload)
	delete(token.Header, "typ") // TCB's header has alg and kid only
	token.Header["kid"] = e.key.kid
	signed, err := token.SignedString(e.key.private)
	if err != nil {
		return "", fmt.Errorf("emulator: sign a token: %w", err)
	}
	return signed, nil
}

// parseToken checks an access token's signature, and its times unless expired ones are fine.
func (e *Emulator) parseToken(token string, expiredToo bool) (*claims, error) {
	options := []jwt.ParserOption{
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(e.now), jwt.WithExpirationRequired(),
	}
	if expiredToo {
		options = append(options, jwt.WithoutClaimsValidation())
	}
	var parsed claims
	_, err := jwt.ParseWithClaims(token, &parsed, func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != e.key.kid {
			return nil, errors.New("emulator: unknown kid")
		}
		return &e.key.private.PublicKey, nil
	}, options...)
	if err != nil {
		return nil, fmt.Errorf("emulator: access token: %w", err)
	}
	return &parsed, nil
}

// authenticate finds who calls with a Bearer token. The session is looked up each time, so signing
// out works at once; so does blocking a user, whose tokens are then "unauthenticated", which makes
// the SDK and our portal drop them.
func (e *Emulator) authenticate(ctx context.Context, c *call, token string) error {
	s, u, err := e.sessionOf(ctx, e.store.db, token)
	if err != nil {
		return err
	}
	if s == nil || u.mayEnter() != nil {
		return fail("unauthenticated")
	}
	client, ok := e.clients.find(s.client)
	if !ok { // taken away meanwhile
		return fail("unauthenticated")
	}
	c.client, c.session, c.user = client, s, u
	return nil
}

// sessionOf returns the session and the user of an access token, or nil where it is not a good one.
func (e *Emulator) sessionOf(ctx context.Context, q querier, token string) (*session, *user, error) {
	parsed, bad := e.parseToken(token, false)
	if bad != nil {
		return nil, nil, nil // an answer, not a failure
	}
	client, ok := e.clients.find(parsed.Audience)
	if !ok || client.env.ID != parsed.Project || issuer(client.env) != parsed.Issuer {
		return nil, nil, nil
	}
	s := session{env: parsed.Project, sub: parsed.Subject, client: parsed.Audience}
	err := q.QueryRowContext(ctx, `SELECT id, login_type, provider_id, scope, device_id FROM sessions
		WHERE id = ? AND env = ? AND sub = ? AND client_id = ?`,
		parsed.Nonce, s.env, s.sub, s.client).Scan(&s.id, &s.loginType, &s.provider, &s.scope, &s.device)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("emulator: read session: %w", err)
	}
	u, err := userBy(ctx, q, s.env, "sub", s.sub)
	if err != nil || u == nil {
		return nil, nil, err
	}
	return &s, u, nil
}

// refresh trades a refresh token for new tokens. The old one is dead at once; using it again gets
// invalid_grant and changes nothing else, since two tabs that refresh at the same time are no
// attack.
func (e *Emulator) refresh(ctx context.Context, c *call, old string) (any, error) {
	g := &grant{client: c.client, refresh: e.newRefreshToken()}
	now := e.now()
	err := e.store.write(ctx, func(tx *sql.Tx) error {
		var sub string
		err := tx.QueryRowContext(ctx, `SELECT id, sub, scope FROM sessions
			WHERE refresh_hash = ? AND env = ? AND client_id = ? AND refresh_expires_at > ?`,
			hashOf(old), c.env(), c.client.id, now.UnixMilli()).Scan(&g.id, &sub, &g.scope)
		if errors.Is(err, sql.ErrNoRows) {
			return fail("invalid_grant")
		}
		if err != nil {
			return fmt.Errorf("emulator: read session: %w", err)
		}
		if g.user, err = userBy(ctx, tx, c.env(), "sub", sub); err != nil {
			return err
		}
		if g.user == nil || g.user.mayEnter() != nil {
			return fail("invalid_grant")
		}
		_, err = run(ctx, tx, "UPDATE sessions SET refresh_hash = ?, refresh_expires_at = ?, refreshed_at = ? WHERE id = ?",
			hashOf(g.refresh), now.Add(e.settings.get().Client.refreshLife()).UnixMilli(), now.UnixMilli(), g.id)
		if err != nil {
			return err
		}
		g.wechat, err = wechatIDs(ctx, tx, g.user)
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.credentials(g)
}

// revoke: POST /v1/revoke ends the session of an access or refresh token. A token that means
// nothing is no error (RFC 7009 §2.2).
func (e *Emulator) revoke(ctx context.Context, c *call) (any, error) {
	var req struct {
		Token string `json:"token"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if req.Token == "" {
		return nil, failText("invalid_argument", textNoToken)
	}
	var id string
	if parsed, err := e.parseToken(req.Token, true); err == nil {
		id = parsed.Nonce
	}
	err := e.store.write(ctx, func(tx *sql.Tx) error {
		_, err := run(ctx, tx, "DELETE FROM sessions WHERE env = ? AND client_id = ? AND (id = ? OR refresh_hash = ?)",
			c.env(), c.client.id, id, hashOf(req.Token))
		return err
	})
	if err != nil {
		return nil, err
	}
	return nothing{}, nil
}

// cut bounds a header value before it is stored.
func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
