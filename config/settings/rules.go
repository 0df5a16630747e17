package settings

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tcb-login/config/input"
)

// Ranges of proxies that are no wider than the one network a proxy is likely to share with others.
const (
	widestProxies4 = 24
	widestProxies6 = 64
	widestCarrying = 128 - 32 + widestProxies4 // where the last four bytes are an IPv4 address
)

// carrying are the ranges of IPv6 whose addresses end with an IPv4 one. Who is behind a translator
// has an address in them, so that a /96 of theirs is as wide as all of IPv4. Those of 6to4
// (2002::/16, RFC 3056) have theirs within the first 48 bits, which the widest range of IPv6 covers,
// and mapped ones (::ffff:0:0/96) are no ranges to us: see parsePrefix.
var carrying = []netip.Prefix{
	netip.MustParsePrefix("64:ff9b::/96"),    // NAT64, RFC 6052
	netip.MustParsePrefix("64:ff9b:1::/48"),  // NAT64 of a network of its own, RFC 8215
	netip.MustParsePrefix("::ffff:0:0:0/96"), // SIIT, RFC 2765
	netip.MustParsePrefix("2001::/32"),       // Teredo, RFC 4380
}

// places are where the settings say what the rules are about; nil: nowhere.
type places struct {
	root, listen, origins, proxies, session, keys, store, storeKey, storePassword *yaml.Node
}

// rules are those about how settings go together, with each other and with the way the program is
// started. Single values are checked where they are read.
func (p *parser) rules() {
	p.publicListen()
	p.emulator()
	p.proxies()
	p.sessionKeys()
	p.store()
}

// at is the first place that the settings have.
func (p *parser) at(nodes ...*yaml.Node) *yaml.Node { return first(append(nodes, p.places.root)...) }

// first is the first node that there is.
func first(nodes ...*yaml.Node) *yaml.Node {
	return nodes[slices.IndexFunc(nodes, func(n *yaml.Node) bool { return n != nil })]
}

func isEmpty(list *yaml.Node) bool { return list == nil || len(resolve(list).Content) == 0 }

// publicListen demands origins once other machines can get here: without any the pages answer
// loopback names alone, and the operator finds out by a 421 for everybody.
func (p *parser) publicListen() {
	if !isPublic(p.settings.Listen) || !isEmpty(p.places.origins) {
		return
	}
	at, from := p.at(p.places.origins, p.places.listen), "listen"
	if p.launch.Listen != "" {
		at, from = p.at(p.places.origins), "-listen ($TCB_LOGIN_LISTEN)"
	}
	p.errorf(at, "public_origins is missing: %s %s is open to other machines, and without it the pages answer 127.0.0.1, localhost and [::1] alone",
		from, input.Quote(p.settings.Listen))
}

// emulator warns where others get to pages on which the emulator's users sign in. The variable that asks for
// it may be left over from a trial.
func (p *parser) emulator() {
	if !p.launch.Emulator || isEmpty(p.places.origins) {
		return
	}
	at, reached := p.at(p.places.origins), ""
	if i := slices.IndexFunc(p.settings.PublicOrigins, func(o string) bool { return strings.HasPrefix(o, "https://") }); i >= 0 {
		reached = input.Quote(p.settings.PublicOrigins[i]) + " is for others"
	} else if isPublic(p.settings.Listen) {
		reached = input.Quote(p.settings.Listen) + " is open to other machines"
	}
	if reached != "" {
		p.warnf(at, "-emulator ($TCB_LOGIN_EMULATOR) stands in for TCB, and everybody knows its demo user and password: %s", reached)
	}
}

// isPublic reports whether other machines may get to a listener. Of a name nobody knows without
// asking.
func isPublic(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && !input.IsLoopback(strings.ToLower(host))
}

// proxies warns where people's addresses are not what we would count by.
func (p *parser) proxies() {
	secure := slices.IndexFunc(p.settings.PublicOrigins, func(o string) bool { return strings.HasPrefix(o, "https://") })
	if secure >= 0 && isEmpty(p.places.proxies) {
		p.warnf(p.at(p.places.proxies, p.places.origins),
			"trusted_proxies is missing: %s is https, which a proxy in front speaks; until it is named here all people count as one, and one of them uses up the limits of all",
			input.Quote(p.settings.PublicOrigins[secure]))
	}
	for _, t := range p.trusted {
		bits, widest := t.prefix.Bits(), widestProxies4
		if t.prefix.Addr().Is6() {
			widest = widestProxies6
		}
		carries := slices.ContainsFunc(carrying, t.prefix.Overlaps)
		switch {
		case bits == 0:
			p.warnf(t.at, "%s: every address is trusted: anybody can choose the address we count them by", t.name)
		case bits >= widest && bits < widestCarrying && carries:
			p.warnf(t.at, "%s: wider than /%d, which is /%d of the IPv4 addresses that these carry: whoever has an address in it can choose the one we count them by; name the proxies alone",
				t.name, widestCarrying, widestProxies4)
		case bits < widest && !loopbackRange(t.prefix):
			p.warnf(t.at, "%s: wider than /%d: whoever has an address in it can choose the one we count them by; name the proxies alone", t.name, widest)
		}
	}
}

// loopbackRange reports whether a range has this machine's own addresses alone.
func loopbackRange(p netip.Prefix) bool { return p.Addr().IsLoopback() && p.Bits() >= 8 }

// sessionKeys warns of keys that do not hold what they must. No message tells more of a key than
// the warning that it is weak.
func (p *parser) sessionKeys() {
	if isEmpty(p.places.keys) && !p.launch.Emulator {
		p.warnf(p.at(p.places.keys, p.places.session),
			"session.keys is missing: one is made and kept in the data folder; another instance, or this one without that folder, ends everybody's steps and logins here")
	}
	for _, k := range p.keys {
		if complaint := weakKey(k.key.Reveal()); complaint != "" {
			p.warnf(k.at, "%s: %s: whoever guesses it can make cookies of ours; make one with openssl rand -base64 32", k.name, complaint)
		}
	}
}

// weakKey returns what is plainly not random about a key, or "". It finds what people put in to go
// on, not every weak key. None of it happens to random bytes, hexadecimal or base64 but once in
// many lifetimes.
func weakKey(key string) string {
	const (
		longest  = 16 // of a pattern: what it holds is all that a repetition holds
		fewest   = 5  // different characters; random hexadecimal has some 14 among 32
		mistakes = 8  // one in so many may differ: "changeme…changeme!"
	)
	for period := 1; period <= longest && period < len(key); period++ {
		same := 0
		for i := period; i < len(key); i++ {
			if key[i] == key[i-period] {
				same++
			}
		}
		compared := len(key) - period
		switch {
		case compared-same > compared/mistakes:
		case period == 1:
			return "one repeated character"
		default:
			return "a short pattern, repeated"
		}
	}
	steps := map[byte]int{}
	seen := map[byte]bool{}
	for i := range len(key) {
		seen[key[i]] = true
		if i > 0 {
			steps[key[i]-key[i-1]]++
		}
	}
	if steps[1] > len(key)*3/4 || steps[0xff] > len(key)*3/4 {
		return "characters in their order"
	}
	if len(seen) < fewest {
		return "made of very few characters"
	}
	return ""
}
