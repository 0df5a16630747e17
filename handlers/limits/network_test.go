package limits

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/limit"
)

// TestNetworkCounts: what a rule that asks for a captcha counts for an address, and how many times it
// has of each.
func TestNetworkCounts(t *testing.T) {
	t.Parallel()
	type count struct {
		Key string
		N   int
	}
	six := []count{{"2001:db8:1:203::/64", 50}, {"2001:db8:1:200::/56", 200}, {"2001:db8:1::/48", 800}}
	tests := []struct {
		name, address, whole string
		want                 []count
	}{
		{"IPv4", "192.0.2.1", "192.0.2.1", []count{{"192.0.2.1", 50}}},
		{"IPv4 in IPv6", "::ffff:192.0.2.1", "192.0.2.1", []count{{"192.0.2.1", 50}}},
		{"by NAT64", "64:ff9b::192.0.2.1", "192.0.2.1", []count{{"192.0.2.1", 50}}},
		{"by 6to4", "2002:c000:201:7::9", "192.0.2.1", []count{{"192.0.2.1", 50}}},
		{"IPv6", "2001:db8:1:203::9", "2001:db8:1::/48", six},
		{"another of its /64", "2001:db8:1:203:ffff:ffff:ffff:ffff", "2001:db8:1::/48", six},
		{"with a zone", "2001:db8:1:203::9%eth0", "2001:db8:1::/48", six},
		{"another /64 of its /56", "2001:db8:1:2ff::9", "2001:db8:1::/48", []count{{"2001:db8:1:2ff::/64", 50}, six[1], six[2]}},
		{"another /56 of its /48", "2001:db8:1:300::9", "2001:db8:1::/48", []count{{"2001:db8:1:300::/64", 50}, {"2001:db8:1:300::/56", 200}, six[2]}},
		{"another /48", "2001:db8:2:203::9", "2001:db8:2::/48", []count{{"2001:db8:2:203::/64", 50}, {"2001:db8:2:200::/56", 200}, {"2001:db8:2::/48", 800}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := NetworkOf(netip.MustParseAddr(tt.address))
			var got []count
			for _, c := range n.Counts(limit.Rule{Name: "a rule", N: 50, Per: time.Hour}) {
				got = append(got, count{c.Key, c.Rule.N})
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if n.Key != tt.want[0].Key || n.Whole() != tt.whole {
				t.Errorf("key %s, whole %s", n.Key, n.Whole())
			}
		})
	}
}
