package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// macs make HMACs under one key. They keep some that have hashed the key already: to do so each time
// takes longer than a short text, and four objects.
type macs struct{ pool sync.Pool }

type mac struct {
	hash.Hash
	text, sum []byte // what Hash is given would be on the heap each time
}

func newMACs(key []byte) *macs {
	return &macs{sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, key)} }}}
}

// sum authenticates a text with a longer one after it, which may be none.
func (m *macs) sum(text, more []byte) [sha256.Size]byte {
	h := m.pool.Get().(*mac)
	defer m.pool.Put(h)
	h.Reset()
	h.text = append(h.text[:0], text...)
	h.Write(h.text)
	h.Write(more)
	h.sum = h.Sum(h.sum[:0])
	return [sha256.Size]byte(h.sum)
}
