package limits

import (
	"net/netip"

	"tcb-login/limit"
)

// A Network is where a caller is, as limits count it: what one can hardly have many of.
type Network struct {
	Key string // an IPv4 address, or the /64 of an IPv6 one: whoever has one of its addresses has them all
	// wide are the blocks around a /64 that a customer may be given whole. They may do more, and
	// beyond it are only asked for a captcha, since strangers may share them.
	wide []wideNetwork
}

// A wideNetwork is a block and how many times a network's limit it has.
type wideNetwork struct {
	key   string
	times int
}

var (
	nat64 = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: the IPv4 address is the last four bytes
	sixTo = netip.MustParsePrefix("2002::/16")    // RFC 3056: the IPv4 address follows the prefix
)

// NetworkOf is the network of an address. One that only carries an IPv4 address counts as that.
func NetworkOf(addr netip.Addr) Network {
	addr = addr.Unmap()
	switch b := addr.As16(); {
	case nat64.Contains(addr):
		addr = netip.AddrFrom4([4]byte(b[12:]))
	case sixTo.Contains(addr):
		addr = netip.AddrFrom4([4]byte(b[2:6]))
	}
	if !addr.Is6() {
		return Network{Key: addr.String()}
	}
	block := func(bits int) string { return netip.PrefixFrom(addr.WithZone(""), bits).Masked().String() }
	return Network{Key: block(64), wide: []wideNetwork{{block(56), 4}, {block(48), 16}}}
}

// Whole is the widest block that one customer may have.
func (n Network) Whole() string {
	if len(n.wide) > 0 {
		return n.wide[len(n.wide)-1].key
	}
	return n.Key
}

// Counts are what a rule that only asks for a captcha counts for a caller: the network, and the
// blocks around it. There is room for one more.
func (n Network) Counts(rule limit.Rule) []Count {
	out := append(make([]Count, 0, 2+len(n.wide)), Count{rule, n.Key})
	for _, w := range n.wide {
		wider := rule
		wider.N *= w.times
		wider.Burst = wider.N // more than an exact window holds
		out = append(out, Count{wider, w.key})
	}
	return out
}
