package emulator

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
)

// randomBytes reads n random bytes. A random source that fails leaves nothing to fall back on.
func (e *Emulator) randomBytes(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(e.random, b); err != nil {
		panic(fmt.Sprintf("emulator: the random source failed: %v", err))
	}
	return b
}

// token makes an opaque token of n random bytes in base64url.
func (e *Emulator) token(n int) string { return base64.RawURLEncoding.EncodeToString(e.randomBytes(n)) }

func (e *Emulator) hexToken(n int) string { return hex.EncodeToString(e.randomBytes(n)) }

// intn returns a uniform number below n, for n up to 2³¹.
func (e *Emulator) intn(n int) int {
	limit := uint32(1<<32 - (1<<32)%uint64(n) - 1) // the largest value of an unbiased draw
	for {
		b := e.randomBytes(4)
		v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		if v <= limit {
			return int(v % uint32(n))
		}
	}
}

// uuid makes a random (version 4) UUID.
func (e *Emulator) uuid() string { return newUUID(e.randomBytes(16)) }

func newUUID(b []byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// lockedReader makes a given random source safe for concurrent use.
type lockedReader struct {
	mu     sync.Mutex
	reader io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return io.ReadFull(l.reader, p)
}
