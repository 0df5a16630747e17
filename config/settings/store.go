package settings

import (
	"net"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tcb-login/config/input"
	"tcb-login/pattern"
)

// StoreCookie is a session.store where instances share nothing: what they count and deny is in the
// memory of each. Anything else is the address of a Redis or Valkey.
const StoreCookie = "cookie"

// Shared reports that there is a store that instances share.
func (s *Session) Shared() bool { return s.Store != StoreCookie }

// storeDatabase is what may follow the host of an address: the number of a database.
var storeDatabase = pattern.New(`^(/[0-9]{0,3})?$`)

// storeUser is a user name of Redis' access control, as an address writes it.
var storeUser = pattern.New(`^[A-Za-z0-9._-]{1,64}$`)

// checkStore returns what is wrong with session.store, or "". It repeats no address that may hold a
// password.
func checkStore(s string) string {
	if s == StoreCookie {
		return ""
	}
	rest, secure := strings.CutPrefix(s, "rediss://")
	if !secure {
		var plain bool
		if rest, plain = strings.CutPrefix(s, "redis://"); !plain {
			if strings.Contains(s, "@") || strings.Contains(s, "://") {
				return `want "cookie", or an address that begins with redis:// or rediss://`
			}
			return `want "cookie", or an address like "redis://10.0.0.5:6379", found ` + input.Quote(s)
		}
	}
	at := strings.LastIndex(rest, "@")
	user, place := rest[:max(at, 0)], rest[at+1:]
	host, path := place, ""
	if i := strings.IndexAny(place, "/?#"); i >= 0 {
		host, path = place[:i], place[i:]
	}
	switch {
	case strings.Contains(user, ":"):
		return "must not hold a password, which is for session.store_password"
	case at >= 0 && !storeUser.MatchString(user):
		return "the user name before @ must be letters, digits and . _ -"
	case host == "":
		return "the host is missing"
	case !storeDatabase.MatchString(path):
		return `after the host there may be the number of a database, as in "redis://10.0.0.5:6379/1", and nothing else`
	}
	return input.CheckHostPort(host)
}

// storeSecrets reads what belongs to a store.
func (p *parser) storeSecrets() fields {
	return fields{
		"store_key": func(v *yaml.Node) {
			p.places.storeKey = v
			key, ok := p.secret("store_key", v)
			switch got := len(key.Reveal()); {
			case !ok:
			case got < minSessionKey:
				p.errorf(v, "store_key: too short: %d bytes, it needs at least %d random ones", got, minSessionKey)
			default:
				p.settings.Session.StoreKey = key
			}
		},
		"store_password": func(v *yaml.Node) {
			p.places.storePassword = v
			p.settings.Session.StorePassword, _ = p.secret("store_password", v)
		},
	}
}

// store is about how a store goes together with its secrets. A key of its own is demanded, since
// session keys are changed now and then, and what is denied must not be forgotten then.
func (p *parser) store() {
	s := &p.settings.Session
	if !s.Shared() {
		if p.places.store != nil && resolve(p.places.store).Value != StoreCookie {
			return // what is wrong with it is told
		}
		for _, unused := range []struct {
			name string
			at   *yaml.Node
		}{{"store_key", p.places.storeKey}, {"store_password", p.places.storePassword}} {
			if unused.at != nil {
				p.warnf(unused.at, "%s is not used: session.store names no Redis", unused.name)
			}
		}
		return
	}
	if p.places.storeKey == nil {
		p.errorf(p.at(p.places.store), "session.store_key is missing: with %s a secret of its own names what is kept there; make one with openssl rand -base64 32, the same for all instances",
			s.Store[:strings.Index(s.Store, ":")])
	}
	if complaint := weakKey(s.StoreKey.Reveal()); s.StoreKey.IsSet() && complaint != "" {
		p.warnf(p.places.storeKey, "store_key: %s: whoever guesses it and reads Redis can tell who was there; make one with openssl rand -base64 32", complaint)
	}
	if slices.ContainsFunc(s.Keys, s.StoreKey.Equal) {
		p.errorf(p.places.storeKey, "store_key: must be another than the session keys: a change of those would forget who has signed out")
	}
	if s.StorePassword.IsSet() && strings.HasPrefix(s.Store, "redis://") && !p.nearStore() {
		p.warnf(p.places.store, "store: plain redis:// to a host that may be far away: the password can be read on the way; rediss:// is over TLS")
	}
}

// nearStore reports that the store is at a private address or on this machine, or has a name without
// a dot, which is one of a network of containers.
func (p *parser) nearStore() bool {
	rest := strings.TrimPrefix(p.settings.Session.Store, "redis://")
	rest = rest[strings.LastIndex(rest, "@")+1:]
	host, _, _ := strings.Cut(rest, "/")
	host = input.Hostname(host)
	if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil {
		return ip.IsPrivate() || ip.IsLoopback()
	}
	return !strings.Contains(host, ".")
}
