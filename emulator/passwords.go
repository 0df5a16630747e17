package emulator

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/crypto/argon2"

	"tcb-login/emulator/seed"
)

// argonCost is what one argon2id hash costs.
type argonCost struct {
	time    uint32
	memory  uint32 // KiB
	threads uint8
}

var (
	// defaultCost is OWASP's second choice for argon2id: 19 MiB, two passes, one lane.
	defaultCost = argonCost{time: 2, memory: 19 << 10, threads: 1}
	// cheapCost is the least that argon2 can do.
	cheapCost = argonCost{time: 1, memory: 8, threads: 1}
)

// passwords hashes and checks passwords, never more of them at once than there are processors: a
// burst of sign-ins must neither fill the memory nor slow each other down.
type passwords struct {
	cost   argonCost
	random io.Reader
	slots  chan struct{}
}

func newPasswords(cheap bool, random io.Reader) *passwords {
	cost := defaultCost
	if cheap {
		cost = cheapCost
	}
	return &passwords{cost: cost, random: random, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

const (
	saltLength = 16
	hashLength = 32
)

// hash returns the password's hash in the PHC string format.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	if _, err := io.ReadFull(p.random, salt); err != nil {
		return "", fmt.Errorf("emulator: salt: %w", err)
	}
	sum, err := p.derive(ctx, p.cost, password, salt, hashLength)
	if err != nil {
		return "", err
	}
	return seed.Hash{Time: p.cost.time, Memory: p.cost.memory, Threads: p.cost.threads, Salt: salt, Sum: sum}.String(), nil
}

// matches says whether a password belongs to a hash. For no hash it takes just as long, so that
// time does not tell whether there is such a user, or whether it has a password.
func (p *passwords) matches(ctx context.Context, hash, password string) (bool, error) {
	if hash == "" {
		_, err := p.derive(ctx, p.cost, password, make([]byte, saltLength), hashLength)
		return false, err
	}
	h, err := seed.ParseHash(hash)
	if err != nil {
		return false, fmt.Errorf("emulator: stored password hash: %w", err)
	}
	got, err := p.derive(ctx, argonCost{h.Time, h.Memory, h.Threads}, password, h.Salt, uint32(len(h.Sum)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, h.Sum) == 1, nil
}

func (p *passwords) derive(ctx context.Context, cost argonCost, password string, salt []byte, length uint32) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, cost.time, cost.memory, cost.threads, length), nil
}
