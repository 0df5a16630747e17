package session

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// A Repeat names one request of a browser, so that the same one is known when it comes again, and
// seals what it came to. Without the browser's cookie, and without all that the request held, the
// name says nothing and the seal does not open: not with our keys, and not with what is kept.
type Repeat struct {
	Key   string // the request's name
	Group string // the session id's name, for all requests under it
	Old   bool   // the browser has the cookie of another id since
	aead  cipher.AEAD
	rand  io.Reader
}

// Repeats names a request by all that it holds: under the id of now, and under the one before a
// sign-in or step-up, where the request may have been made first. An id that was denied since is good
// for this alone.
func (s *Session) Repeats(request []byte) []Repeat {
	switch {
	case s.denied:
		return []Repeat{s.m.repeat(s.was.id, request)}
	case s.fresh:
		return nil // the browser has no cookie: the next request has another id
	}
	out := []Repeat{s.m.repeat(s.id, request)}
	if s.prev != "" {
		before := s.m.repeat(s.prev, request)
		before.Old = true
		out = append(out, before)
	}
	return out
}

// Denied reports that the cookie's id was denied, and that another stands in for it.
func (s *Session) Denied() bool { return s.denied }

// RepeatGroup names the id of now as Repeat.Group does.
func (s *Session) RepeatGroup() string { return s.m.repeatGroup(s.id) }

// CSRFWasValid is CSRFValid for an id that was denied since, and good for looking up a repeated
// request alone.
func (s *Session) CSRFWasValid(token string) bool { return s.denied && csrfValid(token, s.was.csrf) }

func (m *Manager) repeat(id string, request []byte) Repeat {
	mac := hmac.New(sha256.New, m.repeats)
	mac.Write(associated(id, Scope{}, "name of a request"))
	mac.Write(request)
	name := mac.Sum(nil)
	mac.Reset()
	mac.Write(associated(id, Scope{}, "seal of a request"))
	mac.Write(request)
	aead, err := chacha20poly1305.NewX(mac.Sum(nil))
	if err != nil {
		panic("session: " + err.Error()) // the key has 32 bytes
	}
	return Repeat{Key: hex.EncodeToString(name), Group: m.repeatGroup(id), aead: aead, rand: m.rand}
}

func (m *Manager) repeatGroup(id string) string {
	mac := hmac.New(sha256.New, m.repeats)
	mac.Write(associated(id, Scope{}, "requests of a session"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Seal encrypts what the request came to.
func (r Repeat) Seal(outcome []byte) []byte {
	// Each key seals once or, after an outcome is gone, a few times: random nonces are long enough.
	nonce := make([]byte, r.aead.NonceSize(), r.aead.NonceSize()+len(outcome)+r.aead.Overhead())
	mustRead(r.rand, nonce)
	return r.aead.Seal(nonce, nonce, outcome, []byte(r.Key))
}

// Open reads what Seal made.
func (r Repeat) Open(sealed []byte) ([]byte, bool) {
	n := r.aead.NonceSize()
	if len(sealed) < n {
		return nil, false
	}
	outcome, err := r.aead.Open(nil, sealed[:n], sealed[n:], []byte(r.Key))
	return outcome, err == nil
}
