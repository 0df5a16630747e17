package session

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"tcb-login/parts"
)

// Scope is the environment and client that a sealed value is for.
type Scope struct{ Env, Client string }

// padTo hides how long the parts of a sealed value are, as of a verification_id
// that TCB issued and one that we made up for an account that does not exist.
const padTo = 384

// Seal encrypts v (as JSON) so that only this session can open it, for the same scope and purpose,
// within ttl (authenticated data: id, scope, purpose). The result is URL-safe text.
func (s *Session) Seal(scope Scope, purpose string, v any, ttl time.Duration) (string, error) {
	return s.seal(associated(s.id, scope, purpose), v, ttl, padTo)
}

// Open reads what Seal made. It answers false for anything else, whatever is
// wrong with it.
func (s *Session) Open(scope Scope, purpose, sealed string, v any) bool {
	if sealed == "" {
		return false
	}
	s.ask()
	return s.OpenProof(scope, purpose, sealed, v) ||
		s.prev != "" && s.open(associated(s.prev, scope, purpose), sealed, v)
}

// OpenProof is Open for what proves who sits there, as a step-up does. It opens
// under the id of now alone: whoever signed in since may be somebody else.
func (s *Session) OpenProof(scope Scope, purpose, sealed string, v any) bool {
	if sealed == "" {
		return false
	}
	s.ask()
	return s.open(associated(s.id, scope, purpose), sealed, v)
}

// OpenStepUp is OpenProof for what spares its bearer a step-up: as a login, it is
// not taken where the deny list does not know whether the session has ended.
func (s *Session) OpenStepUp(scope Scope, purpose, sealed string, v any) bool {
	return s.OpenProof(scope, purpose, sealed, v) && !s.doubt
}

// associated joins what a sealed value is bound to, each with its length, so
// that no two differing lists give the same bytes.
func associated(id string, scope Scope, purpose string) []byte {
	size := len(purpose) + len(id) + len(scope.Env) + len(scope.Client)
	return appendAssociated(make([]byte, 0, size+4*binary.MaxVarintLen16), id, scope, purpose)
}

func appendAssociated(b []byte, id string, scope Scope, purpose string) []byte {
	for _, part := range [...]string{purpose, id, scope.Env, scope.Client} {
		b = parts.Append(b, part)
	}
	return b
}

// encoding is of what we give to browsers. It is strict, so that a value has one spelling: some are
// taken only once, by their text.
var encoding = base64.RawURLEncoding.Strict()

// encode is the text of some bytes, after a prefix. It is written by pieces: base64's own
// EncodeToString makes it twice, as bytes and as text.
func encode(prefix string, raw []byte) string {
	var b strings.Builder
	b.Grow(len(prefix) + encoding.EncodedLen(len(raw)))
	b.WriteString(prefix)
	writeEncoded(&b, raw)
	return b.String()
}

func writeEncoded(b *strings.Builder, raw []byte) {
	var text [1024]byte
	for piece := range slices.Chunk(raw, len(text)/4*3) { // a piece in the middle has no bits left over
		n := encoding.EncodedLen(len(piece))
		encoding.Encode(text[:n], piece)
		b.Write(text[:n])
	}
}

// What is sealed is {"e":Unix seconds,"v":value} with spaces after it. The frame is put around the
// value's JSON, or a login's own form, and taken off it as text: read as JSON, every value would be read twice.
const (
	frameExpires = `{"e":`
	frameValue   = `,"v":`
	frameEnd     = `}`
)

func (s *Session) seal(associated []byte, v any, ttl time.Duration, pad int) (string, error) {
	sealed, err := s.sealBytes(associated, v, ttl, pad)
	if err != nil {
		return "", err
	}
	return encode("", sealed), nil
}

// sealBytes is seal without the text. All that is sealed stands in one buffer from the start: its
// nonce, and then what is encrypted in place.
func (s *Session) sealBytes(associated []byte, v any, ttl time.Duration, pad int) ([]byte, error) {
	aead := s.m.aeads[0]
	begin := make([]byte, aead.NonceSize(), 64)
	begin = append(begin, frameExpires...)
	begin = append(strconv.AppendInt(begin, s.m.now().Add(ttl).Unix(), 10), frameValue...)
	framed := framer{begin: begin, room: len(frameEnd) + pad + aead.Overhead()}
	if err := framed.frame(v); err != nil {
		return nil, err
	}
	out := append(framed.out, frameEnd...)
	nonce, plain := out[:aead.NonceSize()], out[aead.NonceSize():]
	if rest := len(plain) % pad; rest != 0 {
		for range pad - rest {
			plain = append(plain, ' ')
		}
	}
	mustRead(s.m.rand, nonce)
	return aead.Seal(nonce, nonce, plain, associated), nil
}

// framer takes a value's JSON from an encoder, which writes it at once: so the buffer is made when
// its size is known. A login is written in a form of its own.
type framer struct {
	begin []byte // stands before the value
	room  int    // is left after it
	out   []byte
}

func (f *framer) frame(v any) error {
	if login, ok := v.(*Access); ok {
		f.out = login.appendTo(f.start(login.size()))
		return nil
	}
	if err := json.NewEncoder(f).Encode(v); err != nil {
		return errors.New("session: a value that cannot be JSON")
	}
	f.out = bytes.TrimSuffix(f.out, []byte("\n"))
	return nil
}

func (f *framer) Write(p []byte) (int, error) {
	if f.out == nil {
		f.out = f.start(len(p))
	}
	f.out = append(f.out, p...)
	return len(p), nil
}

// start is a buffer for a value of a size, with what stands before it.
func (f *framer) start(size int) []byte {
	return append(make([]byte, 0, len(f.begin)+size+f.room), f.begin...)
}

func (s *Session) open(associated []byte, sealed string, v any) bool {
	raw, err := encoding.DecodeString(sealed)
	if err != nil {
		return false
	}
	for i, aead := range s.m.aeads {
		if len(raw) < aead.NonceSize() {
			return false
		}
		nonce, text := raw[:aead.NonceSize()], raw[aead.NonceSize():]
		var into []byte
		if i == len(s.m.aeads)-1 {
			into = text[:0] // which spoils it for another key
		}
		plain, err := aead.Open(into, nonce, text, associated)
		if err != nil {
			continue
		}
		expires, value, ok := unframe(plain)
		if !ok || s.m.now().Unix() >= expires {
			return false // and v is as it was: nothing that is over is read
		}
		if login, ok := v.(*Access); ok {
			return login.read(value)
		}
		return json.Unmarshal(value, v) == nil
	}
	return false
}

// unframe takes the frame off what seal put into it.
func unframe(plain []byte) (expires int64, value []byte, ok bool) {
	rest, begins := bytes.CutPrefix(plain, []byte(frameExpires))
	seconds, rest, divided := bytes.Cut(rest, []byte(frameValue))
	value, ends := bytes.CutSuffix(bytes.TrimRight(rest, " "), []byte(frameEnd))
	expires, err := strconv.ParseInt(string(seconds), 10, 64)
	return expires, value, begins && divided && ends && err == nil
}
