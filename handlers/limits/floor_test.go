package limits

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// TestFloorLevel: a floor follows the slowest outcome, whatever number of quick calls there are; what
// it has come to falls slowly, and in silence only where a single call has shown it.
func TestFloorLevel(t *testing.T) {
	t.Parallel()
	const slow, quick = 700 * time.Millisecond, 5 * time.Millisecond
	now := time.Now()
	times := func(f *Floor, n int, outcome string, took time.Duration) {
		for range n {
			f.Note("kind", outcome, took)
		}
	}
	warm := func(f *Floor) { times(f, warmAfter, "", quick) }
	hours := func(f *Floor, n int, each func()) {
		for range n {
			now = now.Add(time.Hour)
			each()
		}
	}
	const least, cold = 300 * time.Millisecond, 900 * time.Millisecond
	tests := []struct {
		name string
		do   func(f *Floor)
		want time.Duration
	}{
		{"nothing known", func(*Floor) {}, cold},
		{"nothing known of what goes well", func(f *Floor) { times(f, 1000, "not_found", quick) }, cold},
		{"almost warm", func(f *Floor) { times(f, warmAfter-1, "", quick) }, cold},
		{"cold, and slower", func(f *Floor) { times(f, 1, "", 1300*time.Millisecond) }, 1500 * time.Millisecond},
		{"warm", warm, least},
		{"quick", func(f *Floor) { times(f, 300, "", quick) }, least},
		{"one slow call", func(f *Floor) { warm(f); times(f, 1, "", slow) }, 900 * time.Millisecond},
		{"one slow refusal", func(f *Floor) { warm(f); times(f, 1, "wrong", slow) }, 900 * time.Millisecond},
		{"another kind", func(f *Floor) { warm(f); f.Note("other", "", slow) }, least},
		{"slower than anybody waits", func(f *Floor) { times(f, 1, "", time.Minute) }, 2 * time.Second},
		{"quick calls with another outcome", func(f *Floor) { warm(f); times(f, 1, "", slow); times(f, 1000, "not_found", quick) }, 900 * time.Millisecond},
		{"quick calls with the same outcome", func(f *Floor) { times(f, 100, "", slow); times(f, 1000, "", quick) }, 900 * time.Millisecond},
		{"an accident among quick calls", func(f *Floor) { times(f, 99, "", quick); times(f, 1, "", slow); times(f, 256, "", quick) }, least},
		{"almost for too long", func(f *Floor) {
			times(f, 100, "", slow)
			times(f, 1000, "", quick)
			now = now.Add(floorMemory)
		}, 900 * time.Millisecond},
		{"slow, and silence for a week", func(f *Floor) { times(f, 100, "", slow); now = now.Add(7 * 24 * time.Hour) }, 900 * time.Millisecond},
		{"an accident of a rare outcome", func(f *Floor) {
			warm(f)
			times(f, 1, "rare", 3*time.Second)
			hours(f, 66, func() { times(f, 1, "", quick) })
		}, least},
		{"rare, and slow each time", func(f *Floor) {
			warm(f)
			hours(f, 20*24, func() {
				if now.Hour() == 0 {
					times(f, 1, "rare", slow)
				}
			})
		}, 900 * time.Millisecond},
		{"slow long ago, quick since", func(f *Floor) {
			times(f, 100, "", slow)
			hours(f, 20, func() { times(f, 100, "", quick) })
		}, least},
		{"slow long ago, a step down", func(f *Floor) {
			times(f, 100, "", slow)
			hours(f, 7, func() { times(f, 100, "", quick) })
		}, 600 * time.Millisecond},
		{"slow now and then, among many quick", func(f *Floor) {
			times(f, 100, "", slow)
			hours(f, 50, func() { times(f, 300, "", quick); times(f, 1, "", slow) })
		}, 900 * time.Millisecond},
	}
	for _, tt := range tests {
		f := NewFloor(0)
		f.Clock = func() time.Time { return now }
		tt.do(f)
		if got := f.level("kind"); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestPlaces: a network, and a block of them, has a share of the places where answers wait, and
// gives back what it has taken.
func TestPlaces(t *testing.T) {
	t.Parallel()
	enter := func(f *Floor, address string) (func(), bool) {
		return f.Enter(NetworkOf(netip.MustParseAddr(address)))
	}
	tests := []struct {
		name  string
		from  func(i int) string
		most  int
		other string // still gets a place
	}{
		{"one address", func(int) string { return "203.0.113.9" }, maxWaitingNetwork, "203.0.113.10"},
		{"an IPv6 network", func(i int) string { return fmt.Sprintf("2001:db8:0:1::%x", i) }, maxWaitingNetwork, "2001:db8:0:2::1"},
		{"a /56", func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i%256) }, 4 * maxWaitingNetwork, "2001:db8:0:100::1"},
		{"a /48", func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i) }, maxWaiting / 2, "2001:db8:1::1"},
		{"everywhere", func(i int) string { return fmt.Sprintf("10.0.%d.%d", i/250, i%250) }, maxWaiting, ""},
	}
	for _, tt := range tests {
		f := NewFloor(0)
		var leave []func()
		for i := range 2 * maxWaiting {
			if l, ok := enter(f, tt.from(i)); ok {
				leave = append(leave, l)
			}
		}
		if len(leave) != tt.most {
			t.Errorf("%s: %d places, want %d", tt.name, len(leave), tt.most)
		}
		if tt.other != "" {
			l, ok := enter(f, tt.other)
			if !ok {
				t.Errorf("%s: there is none left for %s", tt.name, tt.other)
				continue
			}
			l()
		}
		for _, l := range leave {
			l()
		}
		if len(f.taken) != 0 {
			t.Errorf("%s: %v are still taken", tt.name, f.taken)
		}
	}
}
