package timezone

import (
	"testing"
	"time"
)

func TestLabel(t *testing.T) {
	t.Parallel()
	winter, summer := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		at   time.Time
		want string
	}{
		{"Asia/Shanghai", winter, "Asia/Shanghai (UTC+08)"},
		{"Europe/Berlin", winter, "Europe/Berlin (UTC+01)"},
		{"Europe/Berlin", summer, "Europe/Berlin (UTC+02)"},
		{"Asia/Kolkata", winter, "Asia/Kolkata (UTC+05:30)"},
		{"UTC", winter, "UTC (UTC+00)"},
		{"Mars/Olympus", winter, "Mars/Olympus"},
	}
	for _, tt := range tests {
		if got := Label(tt.name, tt.at); got != tt.want {
			t.Errorf("%s is %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestOffered: every zone for picking is one.
func TestOffered(t *testing.T) {
	t.Parallel()
	for _, name := range Offered {
		if _, err := time.LoadLocation(name); err != nil {
			t.Error(err)
		}
	}
}

// TestLabelReadsOnce: a form has all those for picking, so that reading their rules for each label
// would be a third of what saving a profile costs.
func TestLabelReadsOnce(t *testing.T) {
	at := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for _, name := range Offered {
		if n := testing.AllocsPerRun(10, func() { Label(name, at) }); n > 4 {
			t.Errorf("%s: %v allocations for a label", name, n)
		}
	}
}
