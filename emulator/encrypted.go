package emulator

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// The second version of sign-in encrypts what is sent, with RSA (PKCS #1 v1.5) and a key that it
// asks for.

// encryptionKey is made when it is first asked for: few callers need it, and making one takes long.
type encryptionKey struct {
	mu    sync.Mutex
	key   *rsa.PrivateKey
	pem   string
	thumb string
}

// encrypted is how encrypted fields come.
type encrypted struct {
	Params     string `json:"params"`
	Thumbprint string `json:"public_key_thumbprint"`
}

func (e *Emulator) loadEncryptionKey(ctx context.Context) (*encryptionKey, error) {
	k := &e.encrypt
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key != nil {
		return k, nil
	}
	loaded, err := loadKey(ctx, e.store, keyForEncryption, e.givenKey, e.random, e.now())
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(&loaded.private.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("emulator: encode the public key: %w", err)
	}
	sum := sha256.Sum256(der)
	k.key, k.thumb = loaded.private, hex.EncodeToString(sum[:])
	k.pem = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return k, nil
}

// publicKey: POST /v2/signin/publichkey.
func (e *Emulator) publicKey(ctx context.Context, _ *call) (any, error) {
	k, err := e.loadEncryptionKey(ctx)
	if err != nil {
		return nil, err
	}
	return struct {
		PublicKey  string `json:"public_key"`
		Thumbprint string `json:"public_key_thumbprint"`
	}{k.pem, k.thumb}, nil
}

// maxBlocks bounds the work that one call can ask for.
const maxBlocks = 16

// decrypt reads what the SDK encrypted.
func (e *Emulator) decrypt(ctx context.Context, thumbprint, encoded string) (string, error) {
	k, err := e.loadEncryptionKey(ctx)
	if err != nil {
		return "", err
	}
	cipher, err := base64.StdEncoding.DecodeString(encoded)
	size := k.key.Size()
	if err != nil || thumbprint != k.thumb || len(cipher) == 0 || len(cipher) > maxBlocks*size {
		return "", failText("invalid_argument", textBadCipher)
	}
	// A short block is one whose leading zero bytes the SDK left out. There are this many of them,
	// somewhere.
	blocks := (len(cipher) + size - 1) / size
	tries := 0
	plain, ok := decryptBlocks(k.key, cipher, blocks*size-len(cipher), &tries)
	if text := fromCESU(plain); ok && utf8.Valid(text) {
		return string(text), nil
	}
	return "", failText("invalid_argument", textBadCipher)
}

// decryptBlocks cuts the text into blocks, of which some may be short of bytes, missing in all. The
// padding tells a good cut.
func decryptBlocks(key *rsa.PrivateKey, cipher []byte, missing int, tries *int) ([]byte, bool) {
	if len(cipher) == 0 {
		return nil, missing == 0
	}
	size := key.Size()
	for short := 0; short <= missing && short <= 3; short++ { // three zero bytes in a row: one in 16 million
		n := size - short
		if n > len(cipher) {
			continue
		}
		if *tries++; *tries > 4*maxBlocks {
			return nil, false
		}
		block := make([]byte, size)
		copy(block[short:], cipher[:n])
		//lint:ignore SA1019 the SDK encrypts so; nothing but a development emulator depends on it
		plain, err := rsa.DecryptPKCS1v15(nil, key, block)
		if err != nil {
			continue
		}
		if rest, ok := decryptBlocks(key, cipher[n:], missing-short, tries); ok {
			return append(plain, rest...), true
		}
	}
	return nil, false
}

// fromCESU turns the SDK's encoding into UTF-8: it writes a character beyond U+FFFF as its two
// UTF-16 halves, three bytes each.
func fromCESU(b []byte) []byte {
	half := func(b []byte) (rune, bool) {
		if len(b) < 3 || b[0] != 0xed || b[1] < 0xa0 || b[1] > 0xbf || b[2]&0xc0 != 0x80 {
			return 0, false
		}
		return 0xd000 | rune(b[1]&0x3f)<<6 | rune(b[2]&0x3f), true
	}
	var out bytes.Buffer
	for len(b) > 0 {
		if high, ok := half(b); ok {
			if low, ok := half(b[3:]); ok {
				if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
					out.WriteRune(r)
					b = b[6:]
					continue
				}
			}
		}
		out.WriteByte(b[0])
		b = b[1:]
	}
	return out.Bytes()
}

// updatePassword: POST /v2/signin/password/update changes a password without a sign-in, for people
// whose password has to be changed first. It ends their sessions.
func (e *Emulator) updatePassword(ctx context.Context, c *call) (any, error) {
	var req struct {
		encrypted
		Username    string `json:"username"`
		Password    string `json:"password"`
		NewPassword string `json:"new_password"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if strings.TrimSpace(req.Password) == "" {
		return nil, failText("invalid_argument", textOldPassword)
	}
	id, err := parseIdentifier(req.Username)
	if err != nil {
		return nil, err
	}
	if err := e.methodAllowed(c.client.env, id.kind); err != nil {
		return nil, err
	}
	if err := e.captchaAlways(ctx, c); err != nil {
		return nil, err
	}
	old, err := e.decrypt(ctx, req.Thumbprint, req.Password)
	if err != nil {
		return nil, err
	}
	next, err := e.decrypt(ctx, req.Thumbprint, req.NewPassword)
	if err != nil {
		return nil, err
	}
	if err := e.checkPassword(next); err != nil {
		return nil, err
	}
	u, err := userWith(ctx, e.store.db, c.env(), id)
	if err != nil {
		return nil, err
	}
	hash, err := e.passwords.hash(ctx, next)
	if err != nil {
		return nil, err
	}
	return nothing{}, e.provePassword(ctx, c, u, old, func(tx *sql.Tx, u *user) error {
		if err := e.savePassword(ctx, tx, c, u, hash, actionPassword); err != nil {
			return err
		}
		return endSessions(ctx, tx, u)
	})
}
