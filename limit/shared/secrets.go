package shared

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"

	"golang.org/x/crypto/chacha20poly1305"

	"tcb-login/limit"
)

// minKey is the least length of the secret, in bytes.
const minKey = 32

// prefix begins all keys of ours: a Redis may be others' too.
const prefix = "tcb-login:"

// Kinds of keys.
const (
	kindCount   = "count"
	kindDenied  = "denied"
	kindOutcome = "outcome"
	kindValue   = "value"
	kindEpoch   = "epoch"
)

// secrets are derived from the store's own, one for each use.
type secrets struct{ names, seals []byte }

func newSecrets(key []byte) (s secrets, err error) {
	if s.names, err = hkdf.Key(sha256.New, key, nil, "tcb-login names in the shared store", 32); err != nil {
		return s, fmt.Errorf("shared: %w", err)
	}
	if s.seals, err = hkdf.Key(sha256.New, key, nil, "tcb-login values in the shared store", 32); err != nil {
		return s, fmt.Errorf("shared: %w", err)
	}
	return s, nil
}

// name is the key in Redis of what is known by some parts. All names of a kind are equally long.
func (s secrets) name(kind string, parts ...string) string {
	mac := hmac.New(sha256.New, s.names)
	mac.Write([]byte(limit.Key(append([]string{kind}, parts...)...)))
	return prefix + kind + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// sealer seals what is found by key: who has Redis and our secret, and not the key, opens nothing.
func (s secrets) sealer(key string) cipher.AEAD {
	mac := hmac.New(sha256.New, s.seals)
	mac.Write([]byte(key))
	aead, err := chacha20poly1305.NewX(mac.Sum(nil))
	if err != nil {
		panic("shared: " + err.Error()) // the key has 32 bytes
	}
	return aead
}

func (s secrets) seal(key string, value []byte) []byte {
	aead := s.sealer(key)
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(value)+aead.Overhead())
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, value, nil)
}

func (s secrets) open(key string, sealed []byte) ([]byte, bool) {
	aead := s.sealer(key)
	n := aead.NonceSize()
	if len(sealed) < n {
		return nil, false
	}
	value, err := aead.Open(nil, sealed[:n], sealed[n:], nil)
	return value, err == nil
}

// random is a text that nobody else has.
func random() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
