package authclient_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

// unsigned is a token with these claims that nobody has signed.
func unsigned(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestReadClaims(t *testing.T) {
	t.Parallel()
	const all = `{"iss":"i","sub":"s","aud":"a","exp":9,"scope":"anonymous","project_id":"p","name":"n"}`
	got, ok := authclient.ReadClaims(unsigned(all))
	want := &authclient.Claims{
		Issuer: "i", Sub: "s", Audience: authclient.Audience{"a"}, ExpiresAt: 9, Scope: "anonymous", ProjectID: "p", Raw: json.RawMessage(all),
	}
	if diff := cmp.Diff(want, got); !ok || diff != "" || !got.Anonymous() {
		t.Errorf("%v, anonymous %v (-want +got):\n%s", ok, got.Anonymous(), diff)
	}
	if got, ok := authclient.ReadClaims(unsigned(`{"aud":["a","b"],"exp":1}`)); !ok || len(got.Audience) != 2 || got.Anonymous() {
		t.Errorf("several clients: %+v, %v", got, ok)
	}
	tests := map[string]string{
		"empty":               "",
		"two parts":           strings.TrimSuffix(unsigned(all), ".c2ln"),
		"four parts":          unsigned(all) + ".c2ln",
		"no signature":        strings.TrimSuffix(unsigned(all), "c2ln"),
		"padded":              "e30=." + strings.TrimPrefix(unsigned(all), "e30."),
		"a line break":        "e3\n0." + strings.TrimPrefix(unsigned(all), "e30."),
		"bits left over":      strings.TrimSuffix(unsigned(all), "c2ln") + "c2l",
		"not of base64url":    "e30.!!!.c2ln",
		"not JSON":            unsigned("x"),
		"an array":            unsigned("[]"),
		"no exp":              unsigned(`{"aud":"a"}`),
		"exp of another type": unsigned(`{"exp":"9"}`),
		"exp too large":       unsigned(`{"exp":1e99}`),
		"before 1970":         unsigned(`{"exp":-1}`),
		"aud of another type": unsigned(`{"aud":{"a":1},"exp":9}`),
		"too long":            unsigned(`{"exp":9,"x":"` + strings.Repeat("x", 8<<10) + `"}`),
	}
	for name, token := range tests {
		if got, ok := authclient.ReadClaims(token); ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A login that was kept goes on from what its token says of itself.
func TestExpiresAt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	creds := f.demo()
	end := f.clock.now().Add(time.Duration(creds.ExpiresIn) * time.Second)
	if got := creds.ExpiresAt(); !got.Equal(end) {
		t.Errorf("got %v, want %v", got, end)
	}
	if got := (authclient.Credentials{AccessToken: "opaque"}).ExpiresAt(); !got.IsZero() {
		t.Errorf("no JWT: got %v", got)
	}
	f.clock.advance(3 * time.Hour)
	login := f.LoginState(*creds, creds.ExpiresAt(), nil)
	if _, err := login.GetUserInfo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if login.Credentials().AccessToken == creds.AccessToken {
		t.Error("a token that has run out was not refreshed")
	}
}
