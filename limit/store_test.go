package limit_test

import (
	"testing"

	"tcb-login/limit"
	"tcb-login/limit/conformance"
)

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(*testing.T) (one, other limit.Store) {
		m := limit.NewMemory(limit.MemoryConfig{})
		return m, m
	})
}
