package session

import (
	"crypto/cipher"
	"crypto/sha256"
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

// Repeats names a request by all that it holds: under the id of now, or under the one before a
// sign-in or step-up, where its page may have been loaded. token is the form's, and tells which: a
// page that was loaded since asks for something new, however alike it is filled. An id that was
// denied since is good for this alone, which Settle has found out.
func (s *Session) Repeats(token string, request []byte) (r Repeat, ok bool) {
	switch {
	case s.denied:
		return s.repeat(s.was.id, request), csrfValid(token, s.was.csrf)
	case s.fresh: // the browser has no cookie: the next request has another id
	case csrfValid(token, s.csrf):
		return s.repeat(s.id, request), true
	case s.prev != "" && csrfValid(token, s.before):
		r = s.repeat(s.prev, request)
		r.Old = true
		return r, true
	}
	return r, false
}

// Denied reports that the cookie's id was denied, and that another stands in for it.
func (s *Session) Denied() bool { return s.denied }

// RepeatGroups name the id of now, first, and the one before it, as Repeat.Group does.
func (s *Session) RepeatGroups() []string {
	if s.prev == "" {
		return []string{s.repeatGroup(s.id)}
	}
	return []string{s.repeatGroup(s.id), s.repeatGroup(s.prev)}
}

func (s *Session) repeat(id string, request []byte) Repeat {
	key, name := s.repeatMAC(id, "seal of a request", request), s.repeatMAC(id, "name of a request", request)
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic("session: " + err.Error()) // the key has 32 bytes
	}
	return Repeat{Key: hexOf(name[:]), Group: s.repeatGroup(id), aead: aead, rand: s.m.rand}
}

func (s *Session) repeatGroup(id string) string {
	sum := s.repeatMAC(id, "requests of a session", nil)
	return hexOf(sum[:16])
}

// repeatMAC authenticates a request, or nothing, for a purpose.
func (s *Session) repeatMAC(id, purpose string, request []byte) [sha256.Size]byte {
	text := appendAssociated(make([]byte, 0, 128), id, Scope{}, purpose) // on the stack
	return s.m.repeats.sum(text, request)
}

// Seal needs room around an outcome.
const (
	RepeatBefore = chacha20poly1305.NonceSizeX
	RepeatAfter  = chacha20poly1305.Overhead
)

// Seal encrypts what the request came to where it is, in place. The first RepeatBefore bytes are free,
// and where the slice has a capacity of RepeatAfter more the outcome is not copied.
func (r Repeat) Seal(outcome []byte) []byte {
	// Each key seals once or, after an outcome is gone, a few times: random nonces are long enough.
	nonce := outcome[:RepeatBefore]
	mustRead(r.rand, nonce)
	return r.aead.Seal(nonce, nonce, outcome[RepeatBefore:], []byte(r.Key))
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
