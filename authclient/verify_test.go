package authclient_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"tcb-login/authclient"
)

// tcbKey is what TCB signs with in tests, and otherKey what somebody else does.
var tcbKey, otherKey = sync.OnceValue(newKey), sync.OnceValue(newKey)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

type object = map[string]any

// jwk is a public key as TCB's certs have it.
func jwk(kid string, key *rsa.PrivateKey) object {
	return object{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}
}

// segment is a part of a JWT.
func segment(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// signed is a JWT of RS256, whatever its header says.
func signed(header, claims object, key *rsa.PrivateKey) string {
	text := segment(header) + "." + segment(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// with is a copy of o with one entry more, or one less where the value is nil.
func with(o object, name string, value any) object {
	o = maps.Clone(o)
	if o[name] = value; value == nil {
		delete(o, name)
	}
	return o
}

// claimsAt are those of a person's token that is good for an hour.
func claimsAt(now time.Time) object {
	return object{
		"iss": "http://demo-env.ap-shanghai.tcb-api.tencentcloudapi.com", "sub": "1849755119840497664", "aud": "demo-env",
		"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "scope": "user", "project_id": "demo-env",
		"meta": object{"wxOpenId": "", "wxUnionId": ""},
	}
}

var header = object{"alg": "RS256", "kid": "k1"}

// Tokens of the emulator's, and what it gives out besides that is signed alike.
func TestVerifyAccessToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	creds := f.demo()
	claims, err := f.VerifyAccessToken(ctx, creds.AccessToken)
	if err != nil || claims.Sub != creds.Sub || claims.Anonymous() {
		t.Fatalf("%+v, %v", claims, err)
	}
	guest, err := f.SignInAnonymously(ctx, authclient.WithDeviceID("a-device-of-its-own"))
	if err != nil {
		t.Fatal(err)
	}
	if claims, err := f.VerifyAccessToken(ctx, guest.AccessToken); err != nil || !claims.Anonymous() {
		t.Errorf("without an account: %+v, %v", claims, err)
	}
	if n := f.seen.count("GET /auth/v1/certs"); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
	var published struct {
		Key string `json:"publishable_key"`
	}
	f.control("GET", "publishable-key?env=demo-env", "", &published)
	grant, err := f.AsUser(creds.AccessToken).Authorize(ctx, authclient.AuthorizeRequest{
		ClientID: "demo-env", ResponseType: "id_token", RedirectURI: "https://app.example/", Scope: "openid",
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"a publishable key": published.Key, "an id_token": grant.IDToken, "a refresh token": creds.RefreshToken} {
		_, err := f.VerifyAccessToken(ctx, token)
		if token == "" {
			t.Errorf("no %s", name)
		}
		refusal(t, err, authclient.ErrUnauthenticated)
	}
	for name, cfg := range map[string]authclient.Config{
		"another client": {Env: "demo-env", ClientID: "web-app"}, "another environment": {Env: "west-env", Region: "ap-singapore"},
		"another issuer": {Env: "demo-env", Issuer: "https://issuer.example"},
	} {
		_, err := f.client(cfg).VerifyAccessToken(ctx, creds.AccessToken)
		if !errors.Is(err, authclient.ErrUnauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.clock.advance(time.Duration(creds.ExpiresIn)*time.Second + 29*time.Second)
	if _, err := f.VerifyAccessToken(ctx, creds.AccessToken); err != nil {
		t.Errorf("within what clocks may differ: %v", err)
	}
	f.clock.advance(time.Second)
	_, err = f.VerifyAccessToken(ctx, creds.AccessToken)
	if e := refusal(t, err, authclient.ErrUnauthenticated); !strings.Contains(e.Error(), "expired") || strings.Contains(e.Error(), creds.AccessToken) {
		t.Errorf("the error says %q", e)
	}
}

// Whatever is not TCB's word about a person of this app is refused, and nobody gets keys fetched by
// what could not be that with any key.
func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	now := newClock().now()
	claims := claimsAt(now)
	keys := &certs{keys: []object{jwk("k1", tcbKey())}}
	client := newClient(t, authclient.Config{HTTPClient: keys.client(), Now: newClock().now})
	if got, err := client.VerifyAccessToken(t.Context(), signed(header, claims, tcbKey())); err != nil || got.Sub != claims["sub"] {
		t.Fatalf("a good token: %+v, %v", got, err)
	}
	for name, good := range map[string]object{
		"several clients": with(claims, "aud", []string{"other", "demo-env"}),
		"a slow clock":    with(claims, "exp", now.Add(-29*time.Second).Unix()),
		"a fast clock":    with(claims, "nbf", now.Add(30*time.Second).Unix()),
		"no meta":         with(claims, "meta", nil),
	} {
		if _, err := client.VerifyAccessToken(t.Context(), signed(header, good, tcbKey())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(&tcbKey().PublicKey))})
	byMAC := segment(with(header, "alg", "HS256")) + "." + segment(claims)
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(byMAC))
	good := signed(header, claims, tcbKey())
	parts := strings.Split(good, ".")
	tests := map[string]string{
		"none, unsigned":          segment(with(header, "alg", "none")) + "." + segment(claims) + ".",
		"none, signed":            signed(with(header, "alg", "none"), claims, tcbKey()),
		"None":                    signed(with(header, "alg", "None"), claims, tcbKey()),
		"HS256 by the public key": byMAC + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"RS512":                   signed(with(header, "alg", "RS512"), claims, tcbKey()),
		"PS256":                   signed(with(header, "alg", "PS256"), claims, tcbKey()),
		"no alg":                  signed(with(header, "alg", nil), claims, tcbKey()),
		"alg twice":               strings.Replace(good, parts[0], base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"k1","alg":"none"}`)), 1),
		"no kid":                  signed(with(header, "kid", nil), claims, tcbKey()),
		"crit":                    signed(with(header, "crit", []string{"b64"}), claims, tcbKey()),
		"a header of another":     strings.Replace(good, parts[0], segment("x"), 1),
		"a key of its own":        signed(with(header, "jwk", jwk("k1", otherKey())), claims, otherKey()),
		"an address for keys":     signed(with(header, "jku", "https://evil.example/certs"), claims, otherKey()),
		"somebody else's key":     signed(header, claims, otherKey()),
		"another person put in":   strings.Replace(good, parts[1], segment(with(claims, "sub", "1")), 1),
		"no signature":            parts[0] + "." + parts[1] + ".",
		"a short signature":       parts[0] + "." + parts[1] + "." + parts[2][:40],
		"iss of https":            signed(header, with(claims, "iss", "https://demo-env.ap-shanghai.tcb-api.tencentcloudapi.com"), tcbKey()),
		"no iss":                  signed(header, with(claims, "iss", nil), tcbKey()),
		"another client's":        signed(header, with(claims, "aud", "other"), tcbKey()),
		"no aud":                  signed(header, with(claims, "aud", nil), tcbKey()),
		"another environment's":   signed(header, with(claims, "project_id", "other"), tcbKey()),
		"no project_id":           signed(header, with(claims, "project_id", nil), tcbKey()),
		"no sub":                  signed(header, with(claims, "sub", nil), tcbKey()),
		"a publishable key":       signed(header, with(claims, "meta", object{"platform": "PublishableKey"}), tcbKey()),
		"an API key":              signed(header, with(claims, "meta", object{"platform": "ApiKey"}), tcbKey()),
		"an administrator's":      signed(header, with(claims, "is_system_admin", true), tcbKey()),
		"meta of another type":    signed(header, with(claims, "meta", "PublishableKey"), tcbKey()),
		"expired":                 signed(header, with(claims, "exp", now.Add(-30*time.Second).Unix()), tcbKey()),
		"no exp":                  signed(header, with(claims, "exp", nil), tcbKey()),
		"not yet":                 signed(header, with(claims, "nbf", now.Add(31*time.Second).Unix()), tcbKey()),
		"nothing":                 "",
	}
	for name, token := range tests {
		got, err := client.VerifyAccessToken(t.Context(), token)
		if !errors.Is(err, authclient.ErrUnauthenticated) || got != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if n := keys.count(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// FuzzVerifyAccessToken: nobody but TCB makes a token that verifies, and nothing else than a token
// costs a call.
func FuzzVerifyAccessToken(f *testing.F) {
	now := newClock().now
	good := signed(header, claimsAt(now()), tcbKey())
	parts := strings.Split(good, ".")
	for _, token := range []string{
		good, "", "..", "a.b.c", unsigned(`{"exp":9}`), strings.Repeat("a.", 99), "\xff.\xff.\xff", parts[0] + "." + parts[1] + ".",
		segment(object{"alg": "none", "kid": "k1"}) + "." + parts[1] + ".", segment(with(header, "kid", "k2")) + "." + parts[1] + "." + parts[2],
		parts[0] + "." + segment(with(claimsAt(now()), "sub", "1")) + "." + parts[2], good + "=", strings.ToLower(good),
	} {
		f.Add(token)
	}
	keys := &certs{keys: []object{jwk("k1", tcbKey())}}
	f.Fuzz(func(t *testing.T, token string) {
		client := newClient(t, authclient.Config{HTTPClient: keys.client(), Now: now})
		got, err := client.VerifyAccessToken(t.Context(), token)
		if (err == nil) != (token == good) {
			t.Errorf("%q: %+v, %v", token, got, err)
		}
		if err != nil {
			checkError(t, refusal(t, err, authclient.ErrUnauthenticated))
		}
		claims, ok := authclient.ReadClaims(token)
		if ok && (strings.Count(token, ".") != 2 || claims.ExpiresAt <= 0 || !json.Valid(claims.Raw)) {
			t.Errorf("%q reads as %+v", token, claims)
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// verify is VerifyAccessToken's error alone.
func verify(ctx context.Context, c *authclient.Client, token string) error {
	_, err := c.VerifyAccessToken(ctx, token)
	return err
}
