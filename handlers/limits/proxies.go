package limits

import (
	"net/netip"
	"strings"
)

// Proxies are the networks whose word about their callers is taken.
type Proxies []netip.Prefix

// Trust reports that an address is one of theirs.
func (p Proxies) Trust(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// Caller is who calls: the peer, or, as far as proxies are trusted, the first untrusted one of
// X-Forwarded-For, of which forwarded are the lines, from the right. Everything left of that is the
// caller's own writing.
func (p Proxies) Caller(peer netip.Addr, forwarded [][]byte) netip.Addr {
	if !p.Trust(peer) {
		return peer
	}
	var hops []string
	for _, line := range forwarded {
		hops = append(hops, strings.Split(string(line), ",")...)
	}
	for i := len(hops) - 1; i >= 0; i-- {
		if strings.TrimSpace(hops[i]) == "" { // an empty element is none (RFC 9110 §5.6.1)
			continue
		}
		hop, ok := parseHop(hops[i])
		if !ok {
			return peer
		}
		peer = hop
		if !p.Trust(peer) {
			return peer
		}
	}
	return peer
}

// parseHop reads an entry of X-Forwarded-For, which some proxies write with a port.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return a.Unmap().WithZone(""), err == nil
}
