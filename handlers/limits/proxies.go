package limits

import (
	"net/netip"
	"slices"
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
	for _, line := range slices.Backward(forwarded) {
		for rest, more := string(line), true; more; {
			var hop string
			if i := strings.LastIndexByte(rest, ','); i >= 0 {
				hop, rest = rest[i+1:], rest[:i]
			} else {
				hop, more = rest, false
			}
			if strings.TrimSpace(hop) == "" { // an empty element is none (RFC 9110 §5.6.1)
				continue
			}
			addr, ok := parseHop(hop)
			if !ok {
				return peer
			}
			if peer = addr; !p.Trust(peer) {
				return peer
			}
		}
	}
	return peer
}

// parseHop reads an entry of X-Forwarded-For, which some proxies write with a port.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	ap, err := netip.ParseAddrPort(text)
	return ap.Addr().Unmap().WithZone(""), err == nil
}
