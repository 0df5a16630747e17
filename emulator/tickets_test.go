package emulator

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// ticket signs as @cloudbase/node-sdk does: every time is in milliseconds.
func (f *fixture) ticket(key answer, change jwt.MapClaims) string {
	f.t.Helper()
	block, _ := pem.Decode([]byte(key.str("private_key")))
	if block == nil {
		f.t.Fatal("the private key is not PEM")
	}
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		f.t.Fatal(err)
	}
	now := f.clock.now().UnixMilli()
	claims := jwt.MapClaims{
		"alg": "RS256", "env": key.str("env_id"), "iat": now, "exp": now + 600_000, "uid": "user-1",
		"refresh": 3_600_000, "expire": now + 7*24*3600*1000,
	}
	for name, value := range change {
		claims[name] = value
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(private)
	if err != nil {
		f.t.Fatal(err)
	}
	return key.str("private_key_id") + "/@@/" + signed
}

func (f *fixture) loginKey(method, env string) answer {
	f.t.Helper()
	return f.do(method, "/__emulator/custom-login-key?env="+env, "").ok()
}

func (f *fixture) customSignIn(uid string) answer {
	f.t.Helper()
	ticket := f.ticket(f.loginKey("GET", "demo"), jwt.MapClaims{"uid": uid})
	return f.post("/v1/signin/custom", object{"provider_id": "custom", "ticket": ticket}).ok()
}

func TestCustomSignIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key := f.loginKey("GET", "demo")
	if again := f.loginKey("GET", "demo"); again.str("private_key_id") != key.str("private_key_id") || key.str("env_id") != "demo" {
		t.Errorf("key: %v, then %v", key.body, again.body)
	}
	a, b := f.customSignIn("user-1"), f.customSignIn("user-2")
	if f.customSignIn("user-1").str("sub") != a.str("sub") || a.str("sub") == b.str("sub") {
		t.Error("a uid and a user are not one to one")
	}
	if a.str("scope") != "user" || a.body["expires_in"] != 7200.0 {
		t.Errorf("got %v", a.body)
	}
	me := f.me(a.str("access_token")).ok()
	if id := me.body["providers"].([]any)[0].(object); id["id"] != "custom" || id["provider_user_id"] != "user-1" || me.body["loginType"] != "CUSTOM" {
		t.Errorf("user/me: %v", me.body)
	}

	signIn := func(ticket string) answer {
		return f.post("/v1/signin/custom", object{"provider_id": "custom", "ticket": ticket})
	}
	now := f.clock.now().UnixMilli()
	west := f.loginKey("GET", "west")
	for name, ticket := range map[string]string{
		"nothing":             "",
		"no key id":           "x",
		"unknown key":         "x/@@/y",
		"no JWT":              key.str("private_key_id") + "/@@/x",
		"another env's key":   f.ticket(west, jwt.MapClaims{"env": "demo"}),
		"another env":         f.ticket(key, jwt.MapClaims{"env": "west"}),
		"expired":             f.ticket(key, jwt.MapClaims{"exp": now}),
		"times in seconds":    f.ticket(key, jwt.MapClaims{"exp": now/1000 + 600}),
		"short uid":           f.ticket(key, jwt.MapClaims{"uid": "abc"}),
		"bad uid":             f.ticket(key, jwt.MapClaims{"uid": "user 1"}),
		"uid of another type": f.ticket(key, jwt.MapClaims{"uid": 12345}),
	} {
		t.Run(name, func(t *testing.T) { answerFor(t, signIn(ticket)).fails("invalid_argument") })
	}
	signIn(f.ticket(key, jwt.MapClaims{"uid": `a_-#@~=*(){}[]:.,<>+`})).ok()
	f.post("/v1/signin/custom", object{"provider_id": "demo", "ticket": f.ticket(key, nil)}).fails("provider_not_enabled")

	// A new key kills the old one after two hours.
	next := f.loginKey("POST", "demo")
	signIn(f.ticket(key, nil)).ok()
	signIn(f.ticket(next, nil)).ok()
	f.clock.advance(oldKeyLife + time.Second)
	signIn(f.ticket(key, nil)).fails("invalid_argument")
	signIn(f.ticket(next, nil)).ok()

	f.setStatus(a.str("sub"), "BLOCKED")
	signIn(f.ticket(next, nil)).fails("user_blocked")
	f.settings(`{"providers":{"custom":{"On":false}}}`)
	signIn(f.ticket(next, nil)).fails("provider_not_enabled")
	f.do("GET", "/__emulator/custom-login-key?env=nowhere", "").fails("invalid_argument")
	f.do("GET", "/__emulator/custom-login-key", "").fails("invalid_argument") // there are two
}
