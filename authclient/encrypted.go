package authclient

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"unicode/utf8"
)

// This file has the encrypted ("v2") sign-in: the password is encrypted to a key
// of TCB's on top of TLS.

// PublicKey is TCB's key for encrypted requests.
type PublicKey struct {
	PublicKey           string `json:"public_key"`            // PEM
	PublicKeyThumbprint string `json:"public_key_thumbprint"` // tells TCB which key it was
}

func (k *PublicKey) complete() bool { return k.PublicKey != "" && k.PublicKeyThumbprint != "" }

// GetPublicKey asks for it. The path is spelt "publichkey".
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, getPublicKey.
func (c *Client) GetPublicKey(ctx context.Context, opts ...CallOption) (*PublicKey, error) {
	return call[PublicKey](ctx, c, request{op: "GetPublicKey", call: Call{"POST", "/v2/signin/publichkey"}, body: struct{}{}}, opts)
}

// SignInEncrypted is SignIn with its body encrypted. Errors are those of SignIn.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, signIn with version v2 and
// isEncrypt; getEncryptParams.
func (c *Client) SignInEncrypted(ctx context.Context, in SignInRequest, opts ...CallOption) (*Credentials, error) {
	r := request{op: "SignInEncrypted", call: Call{"POST", "/v2/signin/username"}, withPassword: in.Password != ""}
	key, err := c.GetPublicKey(ctx, opts...)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(in)
	if err != nil {
		return nil, r.local(errors.New("the request cannot be written as JSON"))
	}
	params, err := encrypt(key.PublicKey, string(plain))
	if err != nil {
		return nil, r.failed("unreachable", err)
	}
	r.body = map[string]string{"params": params, "public_key_thumbprint": key.PublicKeyThumbprint}
	return call[Credentials](ctx, c, r, opts)
}

// ModifyPasswordRequest changes a password that must be changed before signing in.
type ModifyPasswordRequest struct {
	Redacted

	Username    string // whose password it is
	Password    string // the old one
	NewPassword string // the one from now on
}

// ModifyPasswordWithoutLogin changes a password by the old one, where TCB's
// policy wants a new one: see Demand. It asks for the public key each time, and
// signs nobody in. A wrong old password is refused as SignIn refuses it;
// ErrInvalidArgument: the new one is not as TCB wants it.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, modifyPasswordWithoutLogin.
func (c *Client) ModifyPasswordWithoutLogin(ctx context.Context, in ModifyPasswordRequest, opts ...CallOption) error {
	r := request{op: "ModifyPasswordWithoutLogin", call: CallModifyPasswordWithoutLogin}
	key, err := c.GetPublicKey(ctx, opts...)
	if err != nil {
		return err
	}
	before, err := encrypt(key.PublicKey, in.Password)
	if err != nil {
		return r.failed("unreachable", err)
	}
	after, err := encrypt(key.PublicKey, in.NewPassword)
	if err != nil {
		return r.failed("unreachable", err)
	}
	r.body = map[string]string{
		"username": in.Username, "password": before, "new_password": after, "public_key_thumbprint": key.PublicKeyThumbprint,
	}
	return c.do(ctx, r, nil, opts)
}

// maxBlock is how much of a long text the SDK puts into one RSA block.
const maxBlock = 117

// minKey is the shortest key, in bytes: the first that has room for maxBlock.
const minKey = 128

// encrypt is encryptLong of @cloudbase/oauth@3.3.3 src/utils/encrypt.ts: RSA
// PKCS #1 v1.5, in blocks where the text is longer than one, joined and in
// base64. The padding is the protocol's; the key is the server's, so there is
// nothing here to be an oracle.
func encrypt(publicKey, text string) (string, error) {
	block, _ := pem.Decode([]byte(publicKey))
	if block == nil {
		return "", errors.New("the public key is not PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return "", errors.New("the public key cannot be read")
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok || key.Size() < minKey {
		return "", errors.New("the public key is not RSA, or too short")
	}
	most := key.Size() - 11
	if len(text) > most {
		most = min(most, maxBlock)
	}
	var out []byte
	for {
		n := min(len(text), most)
		for n < len(text) && n > 0 && !utf8.RuneStart(text[n]) {
			n-- // a block is text of its own to the server
		}
		//lint:ignore SA1019 the padding is the protocol's, see above
		sealed, err := rsa.EncryptPKCS1v15(rand.Reader, key, []byte(text[:n]))
		if err != nil {
			return "", errors.New("the public key cannot encrypt")
		}
		out = append(out, sealed...)
		if text = text[n:]; text == "" {
			return base64.StdEncoding.EncodeToString(out), nil
		}
	}
}
