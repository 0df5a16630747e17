package limits

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// TestFloorLevel: what a floor has come to stays for hours, whatever number of quick calls there
// are.
func TestFloorLevel(t *testing.T) {
	t.Parallel()
	const slow, quick = 700 * time.Millisecond, 5 * time.Millisecond
	now := time.Now()
	times := func(f *Floor, n int, outcome string, took time.Duration) {
		for range n {
			f.Note("kind", outcome, took)
		}
	}
	tests := []struct {
		name string
		do   func(f *Floor)
		want time.Duration
	}{
		{"nothing known", func(*Floor) {}, 300 * time.Millisecond},
		{"quick", func(f *Floor) { times(f, 300, "", quick) }, 300 * time.Millisecond},
		{"one slow call", func(f *Floor) { times(f, 1, "", slow) }, 900 * time.Millisecond},
		{"another kind", func(f *Floor) { f.Note("other", "", slow) }, 300 * time.Millisecond},
		{"slower than anybody waits", func(f *Floor) { times(f, 1, "", time.Minute) }, 2 * time.Second},
		{"quick calls with another outcome", func(f *Floor) { times(f, 1, "", slow); times(f, 1000, "not_found", quick) }, 900 * time.Millisecond},
		{"quick calls with the same outcome", func(f *Floor) { times(f, 100, "", slow); times(f, 1000, "", quick) }, 900 * time.Millisecond},
		{"an accident among quick calls", func(f *Floor) { times(f, 99, "", quick); times(f, 1, "", slow); times(f, 256, "", quick) }, 300 * time.Millisecond},
		{"almost for too long", func(f *Floor) {
			times(f, 100, "", slow)
			times(f, 1000, "", quick)
			now = now.Add(floorMemory)
		}, 900 * time.Millisecond},
		{"forgotten", func(f *Floor) { times(f, 100, "", slow); now = now.Add(floorMemory + 1) }, 300 * time.Millisecond},
		{"slow long ago, quick since", func(f *Floor) {
			times(f, 100, "", slow)
			for range 10 {
				now = now.Add(time.Hour)
				times(f, 100, "", quick)
			}
		}, 300 * time.Millisecond},
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
