package session

import (
	"crypto/cipher"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// maxCookie is the longest session cookie, as gorilla's own codec has it.
const maxCookie = 4096

// sealedCookie is the [securecookie.Codec] of the session cookie. It encrypts as Seal does. Gorilla's
// own, which makes AES and an HMAC of it and base64 twice, takes four times the memory and a cookie
// that is longer by a third.
type sealedCookie struct {
	aead cipher.AEAD
	rand io.Reader
}

var errCookie = errors.New("session: no cookie of ours")

// Encode implements securecookie.Codec.
func (c sealedCookie) Encode(name string, src any) (string, error) {
	out, err := appendValues(c.aead.NonceSize(), c.aead.Overhead(), src)
	if err != nil {
		return "", err
	}
	nonce := out[:c.aead.NonceSize()]
	mustRead(c.rand, nonce)
	sealed := c.aead.Seal(nonce, nonce, out[len(nonce):], ofCookie(name))
	if encoding.EncodedLen(len(sealed)) > maxCookie {
		return "", ErrTooLarge
	}
	return encode("", sealed), nil
}

// Decode implements securecookie.Codec.
func (c sealedCookie) Decode(name, value string, dst any) error {
	if len(value) > maxCookie {
		return errCookie
	}
	raw, err := encoding.DecodeString(value)
	n := c.aead.NonceSize()
	if err != nil || len(raw) < n {
		return errCookie
	}
	plain, err := c.aead.Open(raw[n:n], raw[:n], raw[n:], ofCookie(name))
	if err != nil {
		return errCookie
	}
	return stringValues{}.Deserialize(plain, dst)
}

func ofCookie(name string) []byte { return associated(name, Scope{}, "session cookie") }

// stringValues writes a session's values as name, NUL, value, NUL, and so on: a small part of the
// time and bytes of gob, gorilla's default, and nothing that a decoder could be tricked into.
type stringValues struct{}

func (stringValues) Serialize(src any) ([]byte, error) { return appendValues(0, 0, src) }

// appendValues is Serialize with so many bytes free before the values, and room for so many after them.
func appendValues(before, after int, src any) ([]byte, error) {
	values, ok := src.(map[any]any)
	if !ok {
		return nil, errors.New("session: values of another type")
	}
	size := 0
	for k, v := range values {
		k, text := k.(string)
		v, also := v.(string)
		if !text || !also || strings.Contains(k, "\x00") || strings.Contains(v, "\x00") {
			return nil, errors.New("session: a value that is no plain string")
		}
		size += len(k) + len(v) + 2
	}
	out := make([]byte, before, before+size+after)
	for k, v := range values {
		out = append(append(out, k.(string)...), 0)
		out = append(append(out, v.(string)...), 0)
	}
	return out, nil
}

// names are those of values, as what a map of any takes without a copy of each.
var names = map[string]any{
	"id": "id", "csrf": "csrf", "born": "born", "in": "in", "prev": "prev", "before": "before", "locale": "locale",
	personValue: personValue,
}

func (stringValues) Deserialize(src []byte, dst any) error {
	values, ok := dst.(*map[any]any)
	if !ok {
		return errors.New("session: values of another type")
	}
	if len(src) > 0 && src[0] == '{' { // as an older version wrote it
		var in map[string]string
		if err := json.Unmarshal(src, &in); err != nil {
			return err
		}
		for k, v := range in {
			(*values)[k] = v
		}
		return nil
	}
	for rest := string(src); rest != ""; {
		var k, v string
		var whole bool
		k, rest, _ = strings.Cut(rest, "\x00")
		if v, rest, whole = strings.Cut(rest, "\x00"); !whole {
			return errors.New("session: a name without a value")
		}
		name, known := names[k]
		if !known {
			name = k
		}
		(*values)[name] = v
	}
	return nil
}
