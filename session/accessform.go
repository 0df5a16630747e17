package session

import (
	"encoding/binary"
	"encoding/json"
	"strings"
)

// An access cookie holds a login in a form of its own, which is shorter than JSON, and read without a
// copy of each text: accessForm, the texts with their lengths before them, and the numbers.
const accessForm = 1

// How a token is written: as it is, or as a JWT's three parts, without the base64 that makes each
// longer by a third.
const (
	tokenPlain = iota
	tokenJWT
)

// size is at least what appendTo appends.
func (a *Access) size() int {
	const others = 64 // lengths, numbers and what says how a token is written
	return len(a.AccessToken) + len(a.SudoToken) + len(a.Sub) + len(a.DeviceID) + len(a.Login) + others
}

func (a *Access) appendTo(b []byte) []byte {
	b = append(b, accessForm)
	b = appendToken(b, a.AccessToken)
	b = appendToken(b, a.SudoToken)
	for _, text := range [...]string{a.Sub, a.DeviceID, a.Login} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	for _, n := range [...]int64{a.ExpiresAt, a.AuthAt, a.SudoUntil} {
		b = binary.AppendVarint(b, n)
	}
	if a.Anonymous {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendToken(b []byte, token string) []byte {
	if short, ok := appendJWT(append(b, tokenJWT), token); ok {
		return short
	}
	b = binary.AppendUvarint(append(b, tokenPlain), uint64(len(token)))
	return append(b, token...)
}

// appendJWT appends a token's three parts, where each is what base64 makes of some bytes, and so comes
// back as the same text.
func appendJWT(b []byte, token string) ([]byte, bool) {
	if strings.Count(token, ".") != 2 || strings.ContainsAny(token, "\r\n") { // which a decoder passes over
		return nil, false
	}
	for part := range strings.SplitSeq(token, ".") {
		b = binary.AppendUvarint(b, uint64(encoding.DecodedLen(len(part))))
		var err error
		if b, err = encoding.AppendDecode(b, []byte(part)); err != nil {
			return nil, false
		}
	}
	return b, true
}

// read reads what appendTo wrote, or the JSON of the version before it.
func (a *Access) read(b []byte) bool {
	if len(b) > 0 && b[0] == '{' {
		return json.Unmarshal(b, a) == nil
	}
	r := formReader{rest: b}
	if r.byte() != accessForm {
		return false
	}
	read := Access{
		AccessToken: r.token(), SudoToken: r.token(),
		Sub: string(r.text()), DeviceID: string(r.text()), Login: string(r.text()),
		ExpiresAt: r.number(), AuthAt: r.number(), SudoUntil: r.number(),
		Anonymous: r.byte() == 1,
	}
	if r.bad || len(r.rest) > 0 {
		return false
	}
	*a = read
	return true
}

// formReader takes one field after another. Where something is missing it is bad, and what it gives
// means nothing.
type formReader struct {
	rest []byte
	bad  bool
}

func (r *formReader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *formReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *formReader) text() []byte {
	length, size := binary.Uvarint(r.rest)
	r.pass(size)
	return r.take(length)
}

func (r *formReader) number() int64 {
	n, size := binary.Varint(r.rest)
	r.pass(size)
	return n
}

// pass goes on after a number of so many bytes, as package binary says; none is no number.
func (r *formReader) pass(size int) {
	if size <= 0 {
		r.bad = true
		return
	}
	r.rest = r.rest[size:]
}

func (r *formReader) token() string {
	switch r.byte() {
	case tokenPlain:
		return string(r.text())
	case tokenJWT:
		head, claims, signature := r.text(), r.text(), r.text()
		var b strings.Builder
		b.Grow(encoding.EncodedLen(len(head)) + encoding.EncodedLen(len(claims)) + encoding.EncodedLen(len(signature)) + len(".."))
		writeEncoded(&b, head)
		b.WriteByte('.')
		writeEncoded(&b, claims)
		b.WriteByte('.')
		writeEncoded(&b, signature)
		return b.String()
	}
	r.bad = true
	return ""
}
