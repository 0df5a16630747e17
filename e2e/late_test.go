//go:build e2e && late

package e2e

import (
	"testing"
	"time"
)

// TestLateByDefault waits out the time limit that an operator gets who sets none, which is why it is not part of every run.
func TestLateByDefault(t *testing.T) { late(t, options{}, 20*time.Second) }
