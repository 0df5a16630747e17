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
	"net/http"
	"unicode/utf8"
)

// The encrypted ("v2") sign-in: the password is encrypted to a key of TCB's on
// top of TLS (oauth apis.ts, getEncryptParams and utils/encrypt.ts).

// PublicKey is TCB's key for encrypted requests.
type PublicKey struct {
	PublicKey           string `json:"public_key"` // PEM
	PublicKeyThumbprint string `json:"public_key_thumbprint"`
}

func (k *PublicKey) complete() bool { return k.PublicKey != "" && k.PublicKeyThumbprint != "" }

// GetPublicKey asks for it (POST /v2/signin/publichkey, so spelt).
func (c *Client) GetPublicKey(ctx context.Context, opts ...CallOption) (*PublicKey, error) {
	var out PublicKey
	err := c.do(ctx, call{op: "GetPublicKey", method: http.MethodPost, path: "/v2/signin/publichkey", body: struct{}{}}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// SignInEncrypted is SignIn with its body encrypted (Auth.signIn of the SDK with
// version v2 and isEncrypt). Errors are those of SignIn.
func (c *Client) SignInEncrypted(ctx context.Context, in SignInRequest, opts ...CallOption) (*Credentials, error) {
	key, err := c.GetPublicKey(ctx, opts...)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(in)
	if err != nil {
		return nil, &Error{Op: "SignInEncrypted", Code: "local", Remaining: -1, cause: errors.New("the request cannot be written as JSON")}
	}
	params, err := encrypt(key.PublicKey, string(plain))
	if err != nil {
		return nil, &Error{Op: "SignInEncrypted", Code: "unreachable", Remaining: -1, cause: err}
	}
	body := map[string]string{"params": params, "public_key_thumbprint": key.PublicKeyThumbprint}
	return c.credentials(ctx, "SignInEncrypted", "/v2/signin/username", body, opts)
}

// ModifyPasswordRequest changes a password that must be changed before signing in.
type ModifyPasswordRequest struct {
	Username    string
	Password    string
	NewPassword string
}

// ModifyPasswordWithoutLogin changes a password by the old one (POST
// /v2/signin/password/update), where TCB's policy wants a new one.
func (c *Client) ModifyPasswordWithoutLogin(ctx context.Context, in ModifyPasswordRequest, opts ...CallOption) error {
	key, err := c.GetPublicKey(ctx, opts...)
	if err != nil {
		return err
	}
	before, err := encrypt(key.PublicKey, in.Password)
	if err == nil {
		var after string
		if after, err = encrypt(key.PublicKey, in.NewPassword); err == nil {
			body := map[string]string{
				"username": in.Username, "password": before, "new_password": after,
				"public_key_thumbprint": key.PublicKeyThumbprint,
			}
			return c.do(ctx, call{op: "ModifyPasswordWithoutLogin", method: http.MethodPost, path: "/v2/signin/password/update", body: body}, nil, opts)
		}
	}
	return &Error{Op: "ModifyPasswordWithoutLogin", Code: "unreachable", Remaining: -1, cause: err}
}

// maxBlock is how much of a long text the SDK puts into one RSA block.
const maxBlock = 117

// minKey is the shortest key, in bytes: the first that has room for maxBlock.
const minKey = 128

// encrypt is the SDK's encryptLong: RSA PKCS #1 v1.5, in blocks where the text
// is longer than one, joined and in base64. The padding is the protocol's; the
// key is the server's, so there is nothing here to be an oracle.
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
