package session

import (
	"encoding/binary"
	"encoding/json"
	"strings"

	"tcb-login/parts"
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
		b = parts.Append(b, text)
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
	return parts.Append(append(b, tokenPlain), token)
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
	r := parts.NewReader(b)
	if r.Byte() != accessForm {
		return false
	}
	read := Access{
		AccessToken: readToken(&r), SudoToken: readToken(&r),
		Sub: string(r.Part()), DeviceID: string(r.Part()), Login: string(r.Part()),
		ExpiresAt: r.Int(), AuthAt: r.Int(), SudoUntil: r.Int(),
		Anonymous: r.Byte() == 1,
	}
	if !r.Whole() {
		return false
	}
	*a = read
	return true
}

// readToken reads what appendToken wrote.
func readToken(r *parts.Reader) string {
	switch r.Byte() {
	case tokenPlain:
		return string(r.Part())
	case tokenJWT:
		head, claims, signature := r.Part(), r.Part(), r.Part()
		var b strings.Builder
		b.Grow(encoding.EncodedLen(len(head)) + encoding.EncodedLen(len(claims)) + encoding.EncodedLen(len(signature)) + len(".."))
		writeEncoded(&b, head)
		b.WriteByte('.')
		writeEncoded(&b, claims)
		b.WriteByte('.')
		writeEncoded(&b, signature)
		return b.String()
	}
	r.Fail()
	return ""
}
