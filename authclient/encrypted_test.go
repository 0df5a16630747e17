package authclient_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"tcb-login/authclient"
)

func TestSignInEncrypted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	tests := []struct{ name, email, password string }{
		{"one block", "short@example.com", "Abcdef-1"},
		{"several blocks", strings.Repeat("l", 60) + "@" + strings.Repeat("long.", 34) + "example.com", "Abcdef-1" + strings.Repeat("x", 56)},
		{"not ASCII", "中文@example.com", "Aa1-密码<&>\"\\"},
		{"several blocks, not ASCII", "four@example.com", "Aa1-" + strings.Repeat("密😀é", 20)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sub := f.registered(tt.email, tt.password).Sub
			creds, err := f.SignInEncrypted(ctx, authclient.SignInRequest{Username: tt.email, Password: tt.password})
			if err != nil || creds.Sub != sub {
				t.Errorf("got %v, %v; want %s", creds, err, sub)
			}
		})
	}
	_, err := f.SignInEncrypted(ctx, authclient.SignInRequest{Username: demoUsername, Password: "x"})
	if e := refusal(t, err, authclient.ErrInvalidPassword); e.Remaining != 9 || e.Op != "SignInEncrypted" {
		t.Errorf("%s with %d tries left, want SignInEncrypted with 9", e.Op, e.Remaining)
	}
	if f.seen.count("POST /auth/v1/signin") != 0 || f.seen.count("POST /auth/v2/signin/username") != len(tests)+1 {
		t.Error("signed in by another call")
	}
}

func TestModifyPasswordWithoutLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	f.settings(`{"captcha":"never","login":{"PwdUpdateStrategy":{"FirstLoginUpdate":true}}}`)
	_, err := f.SignIn(ctx, authclient.SignInRequest{Username: demoUsername, Password: demoPassword})
	refusal(t, err, authclient.ErrFailedPrecondition) // it has to be changed first
	in := authclient.ModifyPasswordRequest{Username: demoUsername, Password: "x", NewPassword: "Neu-密码-123"}
	refusal(t, f.ModifyPasswordWithoutLogin(ctx, in), authclient.ErrInvalidPassword)
	in.Password, in.NewPassword = demoPassword, "short"
	refusal(t, f.ModifyPasswordWithoutLogin(ctx, in), authclient.ErrInvalidArgument)
	in.NewPassword = "Neu-密码-123"
	if err := f.ModifyPasswordWithoutLogin(ctx, in); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SignInEncrypted(ctx, authclient.SignInRequest{Username: demoUsername, Password: in.NewPassword}); err != nil {
		t.Error(err)
	}
	refusal(t, f.ModifyPasswordWithoutLogin(ctx, in), authclient.ErrInvalidPassword) // the old one is old
	in.Username = "nobody"
	refusal(t, f.ModifyPasswordWithoutLogin(ctx, in), authclient.ErrNotFound)
}

func TestGetPublicKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key, err := f.GetPublicKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode([]byte(key.PublicKey))
	if block == nil || len(rest) > 0 || key.PublicKeyThumbprint == "" {
		t.Fatalf("got %+v", key)
	}
	if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		t.Error(err)
	}
}

// Each block is text of its own and no longer than the SDK's, and together they
// are what was given.
func TestEncrypt(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 1024) // the shortest that is taken: the test is quicker
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	tests := []struct {
		text   string
		blocks int
	}{
		{"", 1},
		{"x", 1},
		{strings.Repeat("x", 117), 1},
		{strings.Repeat("x", 118), 2},
		{strings.Repeat("x", 234), 2},
		{strings.Repeat("x", 235), 3},
		{strings.Repeat("密", 39), 1},
		{"x" + strings.Repeat("密", 39), 2},
		{"x" + strings.Repeat("😀", 60), 3},
	}
	for _, tt := range tests {
		sealed, err := authclient.Encrypt(public, tt.text)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(sealed)
		if err != nil || len(raw) != tt.blocks*key.Size() {
			t.Errorf("%d bytes of text: %d sealed, %v; want %d blocks of %d", len(tt.text), len(raw), err, tt.blocks, key.Size())
		}
		var joined strings.Builder
		for block := range slices.Chunk(raw, key.Size()) {
			//lint:ignore SA1019 the padding is the protocol's
			plain, err := rsa.DecryptPKCS1v15(nil, key, block)
			if err != nil || !utf8.Valid(plain) || len(plain) > 117 {
				t.Errorf("block %q, %v", plain, err)
			}
			joined.Write(plain)
		}
		if joined.String() != tt.text {
			t.Errorf("got %q, want %q", joined.String(), tt.text)
		}
	}
}

// Whatever a server sends as its key: nothing goes out but to a good one.
func TestBadPublicKeys(t *testing.T) {
	t.Parallel()
	encode := func(public any) string {
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, key string }{
		{"none", ""},
		{"not PEM", "hello"},
		{"not a key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"},
		{"not RSA", encode(&curve.PublicKey)},
		{"shorter than the padding", encode(&rsa.PublicKey{N: big.NewInt(1<<62 + 1), E: 3})},
		{"too short", encode(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 511, 1), E: 65537})},
		{"even exponent", encode(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 2047, 1), E: 2})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body, err := json.Marshal(map[string]string{"public_key": tt.key, "public_key_thumbprint": "t"})
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				paths = append(paths, r.URL.Path)
				answer(200, string(body))(w, r)
			}), authclient.Config{})
			_, err = client.SignInEncrypted(t.Context(), authclient.SignInRequest{Username: "密密密", Password: "密密密密"})
			tellsNothing(t, refusal(t, err, authclient.ErrUnreachable), "密密密密")
			err = client.ModifyPasswordWithoutLogin(t.Context(), authclient.ModifyPasswordRequest{Username: "u", Password: "密密密密", NewPassword: "x"})
			tellsNothing(t, refusal(t, err, authclient.ErrUnreachable), "密密密密")
			for _, p := range paths {
				if p != "/auth/v2/signin/publichkey" {
					t.Errorf("called %s", p)
				}
			}
		})
	}
}
