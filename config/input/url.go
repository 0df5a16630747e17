package input

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"tcb-login/pattern"
)

// The checks return what is wrong with a value, or "".

// CheckURL checks an absolute http or https URL that browsers and we read alike.
func CheckURL(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "must be plain ASCII without blanks; percent-encode the rest"
	}
	if strings.Contains(s, `\`) {
		return "must not hold a backslash, which browsers read as a slash"
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || !strings.HasPrefix(s, u.Scheme+"://") {
		return `want an absolute URL like "https://app.example.com/", found ` + Quote(s)
	}
	if u.User != nil {
		return "must not hold a user name or password"
	}
	return CheckHostPort(strings.ToLower(u.Host))
}

// CheckHostPort checks a lower-case host[:port].
func CheckHostPort(s string) string {
	host := Hostname(s)
	if port, ok := strings.CutPrefix(s[len(host):], ":"); ok {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || port[0] == '0' || port[0] == '+' {
			return "the port must be a number from 1 to 65535, found " + Quote(port)
		}
	} else if s != host {
		return "not a host name or address: " + Quote(s)
	}
	if ascii, err := idna.Lookup.ToASCII(host); err == nil && ascii != host && validHost(ascii) {
		return "browsers send this host as " + Quote(ascii) + ": so must this"
	}
	if !validHost(host) {
		return "not a host name or address: " + Quote(host)
	}
	return ""
}

// OriginOf is the origin of an http or https URL as browsers write it: in lower case, an
// international name in ASCII, and without the port that the scheme has anyway. Two hosts are one
// where their origins are equal.
func OriginOf(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname())
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	switch port := u.Port(); {
	case port == "", scheme == "https" && port == "443", scheme == "http" && port == "80":
	default:
		host += ":" + port
	}
	return scheme + "://" + host
}

// Hostname cuts port and path off the authority of a URL.
func Hostname(s string) string {
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		s = s[:i]
	}
	if i := strings.IndexByte(s, ']'); i >= 0 {
		return s[:i+1]
	}
	host, _, _ := strings.Cut(s, ":")
	return host
}

var (
	hostLabels = pattern.New(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)
	// What ends in a number, browsers read as an IPv4 address, in shapes that others do not know.
	numberLast = pattern.New(`(^|\.)(\d+|0x[0-9a-f]*)$`)
)

// validHost reports whether browsers send the host just so.
func validHost(host string) bool {
	if strings.HasPrefix(host, "[") {
		addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
		return err == nil && addr.Is6() && addr.Zone() == "" && "["+addr.String()+"]" == host
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Is4()
	}
	return len(host) <= 253 && hostLabels.MatchString(host) && !numberLast.MatchString(host)
}

// IsLoopback reports whether a host name or address is this machine's own.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && addr.IsLoopback()
}
