package emulator

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

func TestAccessToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.signInDemo()
	keys := f.do("GET", "/auth/v1/certs", "").ok().body["keys"].([]any)
	key := keys[0].(object)
	public := &rsa.PublicKey{N: number(t, key["n"]), E: int(number(t, key["e"]).Int64())}
	var claims jwt.MapClaims
	token, err := jwt.ParseWithClaims(a.str("access_token"), &claims, func(*jwt.Token) (any, error) { return public, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(f.clock.now))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(object{"alg": "RS256", "kid": key["kid"]}, object(token.Header)); diff != "" {
		t.Errorf("header: %s", diff)
	}
	now := float64(f.clock.now().Unix())
	want := object{
		"iss": "http://demo.ap-shanghai.tcb-api.tencentcloudapi.com", "sub": a.str("sub"), "aud": "demo", "exp": now + 7200, "iat": now,
		"name": "Demo", "scope": "user", "project_id": "demo", "meta": object{"wxOpenId": "", "wxUnionId": ""},
		"user_id": a.str("sub"), "user_type": "external", "nonce": claims["nonce"], "at_hash": claims["at_hash"],
	}
	if diff := cmp.Diff(want, object(claims)); diff != "" || claims["nonce"] == "" || claims["at_hash"] == "" {
		t.Errorf("claims: %s", diff)
	}
	f.me(a.str("access_token")).ok()
	f.do("GET", "/auth/v2/user/me", "", "Authorization", "bearer "+a.str("access_token")).ok()
	f.clock.advance(2 * time.Hour)
	f.me(a.str("access_token")).fails("unauthenticated")
}

func number(t *testing.T, encoded any) *big.Int {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(encoded.(string))
	if err != nil {
		t.Fatal(err)
	}
	return new(big.Int).SetBytes(b)
}

func TestBadAccessTokens(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := f.signInDemo().str("access_token")
	parsed, err := f.parseToken(good, false)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(method jwt.SigningMethod, key any, kid string, change func(*claims)) string {
		c := *parsed
		change(&c)
		token := jwt.NewWithClaims(method, c)
		token.Header["kid"] = kid
		signed, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	same := func(*claims) {}
	kid, private := f.key.kid, f.key.private
	if sign(jwt.SigningMethodRS256, private, kid, same) == "" {
		t.Fatal("no token")
	}
	f.me(sign(jwt.SigningMethodRS256, private, kid, same)).ok() // the baseline of what follows
	for name, token := range map[string]string{
		"empty":          "",
		"no JWT":         "x.y.z",
		"cut":            good[:len(good)-5],
		"none":           sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, same),
		"HS256":          sign(jwt.SigningMethodHS256, private.N.Bytes(), kid, same),
		"RS512":          sign(jwt.SigningMethodRS512, private, kid, same),
		"other kid":      sign(jwt.SigningMethodRS256, private, "other", same),
		"no expiry":      sign(jwt.SigningMethodRS256, private, kid, func(c *claims) { c.ExpiresAt = 0 }),
		"other issuer":   sign(jwt.SigningMethodRS256, private, kid, func(c *claims) { c.Issuer = "http://x" }),
		"other client":   sign(jwt.SigningMethodRS256, private, kid, func(c *claims) { c.Audience = "app" }),
		"unknown client": sign(jwt.SigningMethodRS256, private, kid, func(c *claims) { c.Audience = "x" }),
		"other env":      sign(jwt.SigningMethodRS256, private, kid, func(c *claims) { c.Project = "west" }),
		"other user":     sign(jwt.SigningMethodRS256, private, kid, func(c *claims) { c.Subject = "1" }),
		"other session":  sign(jwt.SigningMethodRS256, private, kid, func(c *claims) { c.Nonce = "1" }),
	} {
		t.Run(name, func(t *testing.T) { f.me(token).fails("unauthenticated") })
	}
	f.do("GET", "/auth/v1/user/me?client_id=demo", "").fails("unauthenticated")
	f.do("GET", "/auth/v1/user/me", "", "Authorization", basic("demo", "")).fails("unauthenticated")
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.signInDemo()
	refresh := func(token string) answer {
		t.Helper()
		return f.post("/v1/token", object{"client_id": "demo", "client_secret": "", "grant_type": "refresh_token", "refresh_token": token})
	}
	second := refresh(first.str("refresh_token")).ok()
	if second.str("refresh_token") == first.str("refresh_token") || second.str("access_token") == first.str("access_token") {
		t.Error("the refresh gave an old token")
	}
	if second.str("sub") != first.str("sub") || second.str("scope") != "user" {
		t.Errorf("refreshed: %v", second.body)
	}
	refresh(first.str("refresh_token")).fails("invalid_grant")
	f.me(second.str("access_token")).ok() // an old refresh token harms nobody
	third := f.post("/v2/token", object{"grant_type": "refresh_token", "refresh_token": second.str("refresh_token")}).ok()
	f.me(first.str("access_token")).ok() // an access token lives until it expires

	f.post("/v1/token?client_id=app", object{"grant_type": "refresh_token", "refresh_token": third.str("refresh_token")}).fails("invalid_grant")
	refresh("").fails("invalid_grant")
	refresh("m.x").fails("invalid_grant")
	refresh(first.str("access_token")).fails("invalid_grant")
	f.post("/v1/token", object{"grant_type": "refresh_token", "refresh_token": 1}).fails("invalid_argument")
	f.post("/v1/token", object{}).fails("invalid_request")
	f.post("/v1/token", object{"grant_type": "magic"}).fails("invalid_request")

	f.clock.advance(30 * 24 * time.Hour)
	refresh(third.str("refresh_token")).fails("invalid_grant")
}

func TestParallelRefresh(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.signInDemo().str("refresh_token")
	if got := f.parallel("/v1/token", object{"grant_type": "refresh_token", "refresh_token": token}); got[nil] != 1 || got["invalid_grant"] != 49 {
		t.Errorf("50 parallel refreshes: %v", got)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, which := range []string{"access_token", "refresh_token"} {
		a, other := f.signInDemo(), f.signInDemo()
		f.post("/v1/revoke?client_id=app", object{"token": a.str(which)}).ok() // not this client's
		f.me(a.str("access_token")).ok()
		f.post("/v1/revoke", object{"token": a.str(which)}).ok()
		f.me(a.str("access_token")).fails("unauthenticated")
		f.post("/v1/token", object{"grant_type": "refresh_token", "refresh_token": a.str("refresh_token")}).fails("invalid_grant")
		f.me(other.str("access_token")).ok()
		f.post("/v1/revoke", object{"token": a.str(which)}).ok() // nothing left to end
	}
	late := f.signInDemo()
	f.clock.advance(2 * time.Hour)
	f.post("/v1/revoke", object{"token": late.str("access_token")}).ok()
	f.post("/v1/token", object{"grant_type": "refresh_token", "refresh_token": late.str("refresh_token")}).fails("invalid_grant")
	f.post("/v1/revoke", object{}).fails("invalid_argument")
	f.post("/v1/revoke", object{"token": 1}).fails("invalid_argument")
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for body, want := range map[string]object{
		"":   {},
		"{}": {},
		`{"redirect_uri":"https://a.example/b?c=d#e"}`:             {"redirect_uri": "https://a.example/b?c=d#e"},
		`{"redirect_uri":"https://a.example/b?c=d","state":"x&y"}`: {"redirect_uri": "https://a.example/b?c=d&state=x%26y"},
		`{"state":"x"}`: {},
	} {
		token := f.signInDemo().str("access_token")
		a := f.do("POST", "/auth/v1/user/signout", body, "Authorization", "Bearer "+token).ok()
		if diff := cmp.Diff(want, a.body); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
		f.me(token).fails("unauthenticated")
		f.do("POST", "/auth/v1/user/signout", body, "Authorization", "Bearer "+token).fails("unauthenticated")
	}
	token := f.signInDemo().str("access_token")
	f.do("POST", "/auth/v1/user/signout", `{"state":1}`, "Authorization", "Bearer "+token).fails("invalid_argument")
	f.me(token).ok()
}

func TestSubs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, now := range []time.Time{time.Unix(0, 0), time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)} {
		f.clock.advance(now.Sub(f.clock.now()))
		a, b := f.newSub(), f.newSub()
		if len(a) != 19 || len(b) != 19 || strings.HasPrefix(a, "-") {
			t.Errorf("%v: %s, %s", now, a, b)
		}
	}
}

func FuzzDecodeBody(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"client_id":"a"}`, "null", "[]", `{"client_id":5}`, "{} {}", "{}\v", "{\"a\":\"\xff\"}", strings.Repeat("{\"a\":", 100)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got struct {
			ClientID string `json:"client_id"`
		}
		if err := decodeBody(body, &got); err != nil {
			return
		}
		if trimmed := strings.TrimSpace(string(body)); trimmed != "" && (trimmed[0] != '{' || !json.Valid(body)) {
			t.Errorf("took %q", body)
		}
	})
}

func FuzzParseToken(f *testing.F) {
	e, err := New(Config{Environments: []Environment{{ID: "demo"}}, CheapPasswords: true, signingKey: testKey()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = e.Close() })
	demo, _ := e.clients.find("demo")
	good, err := e.credentials(&grant{user: &user{env: "demo", sub: "1"}, client: demo, id: "s", refresh: "m.r"})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", ".", "..", "a.b.c", good.AccessToken, good.AccessToken + ".", strings.ToUpper(good.AccessToken)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		for _, expiredToo := range []bool{false, true} {
			parsed, err := e.parseToken(token, expiredToo)
			if err != nil {
				continue
			}
			// Only what we signed may pass, however it was dressed up.
			signed, _, _ := strings.Cut(token[strings.Index(token, ".")+1:], ".")
			ours, _, _ := strings.Cut(good.AccessToken[strings.Index(good.AccessToken, ".")+1:], ".")
			if parsed.Subject != "1" || signed != ours {
				t.Errorf("took %q", token)
			}
		}
	})
}

func FuzzParseIdentifier(f *testing.F) {
	for _, seed := range []string{"demo", "+86 13800000000", "+8613800000000", "a@b.c", " A@B.C ", "+", "@", "\xff@a.b", "a@b.c\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := parseIdentifier(s)
		if err != nil {
			return
		}
		again, err := parseIdentifier(id.value)
		if err != nil || again != id {
			t.Errorf("%q gave %v, which gave %v, %v", s, id, again, err)
		}
		if id.kind != kindUsername && strings.ContainsAny(id.value, "\r\n\x00") {
			t.Errorf("%q gave %v", s, id)
		}
	})
}
