package seed

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"tcb-login/pattern"
)

// What checking a password may cost: a hash from elsewhere says so itself, and one that wants all
// the memory there is would stop the emulator at the first sign-in.
const (
	maxMemory  = 64 << 10 // KiB, as in RFC 9106's second choice
	maxTime    = 4
	maxThreads = 4
)

// Hash is a password's hash, taken apart.
type Hash struct {
	Time    uint32
	Memory  uint32 // KiB
	Threads uint8
	Salt    []byte
	Sum     []byte
}

var hashPattern = pattern.New(`^\$argon2id\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,9})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$`)

// ParseHash reads a hash in the PHC string format, if it is one of argon2id and not too expensive.
func ParseHash(s string) (Hash, error) {
	m := hashPattern.Regexp().FindStringSubmatch(s)
	if m == nil {
		return Hash{}, errors.New(`want argon2id in the PHC form, "$argon2id$v=19$m=19456,t=2,p=1$salt$hash"`)
	}
	var numbers [3]uint32
	for i := range numbers {
		n, err := strconv.ParseUint(m[i+1], 10, 32) // nine digits always fit
		if err != nil || n == 0 {
			return Hash{}, errors.New("m, t and p of the hash begin at 1")
		}
		numbers[i] = uint32(n)
	}
	if numbers[0] > maxMemory || numbers[1] > maxTime || numbers[2] > maxThreads {
		return Hash{}, fmt.Errorf("the hash costs too much: m at most %d, t %d, p %d", maxMemory, maxTime, maxThreads)
	}
	h := Hash{Memory: numbers[0], Time: numbers[1], Threads: uint8(numbers[2])}
	var err error
	if h.Salt, err = base64.RawStdEncoding.DecodeString(m[4]); err == nil {
		h.Sum, err = base64.RawStdEncoding.DecodeString(m[5])
	}
	if err != nil {
		return Hash{}, errors.New("salt and hash want base64 without =")
	}
	return h, nil
}

// String is the PHC string format.
func (h Hash) String() string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", h.Memory, h.Time, h.Threads,
		base64.RawStdEncoding.EncodeToString(h.Salt), base64.RawStdEncoding.EncodeToString(h.Sum))
}
