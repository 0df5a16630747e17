package settings

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"tcb-login/config/input"
	"tcb-login/pattern"
)

// AuditStdout is audit.to: the standard output, which nothing else of a server of ours uses.
const AuditStdout = "stdout"

// Audit says where security events are written. It is off without To.
type Audit struct {
	// File of the log, or "stdout".
	To string `key:"to" default:"no such log"`
	// Of the hashes that stand for people and what they typed: the first makes them, the others find people in older lines.
	Keys []AuditKey `key:"keys"`
}

// An AuditKey has a name, which each line carries. It is none of the session's keys, so that those can
// change without people becoming others in the log.
type AuditKey struct {
	// Its name, which stands in each line.
	ID string `key:"id" required:"yes"`
	// 32 bytes or more; none of session.keys.
	Key Secret `key:"key" required:"yes"`
}

// checkAuditTo refuses what would become a file of that name, where somebody means the standard output.
func checkAuditTo(s string) string {
	switch word := strings.ToLower(strings.TrimSpace(s)); {
	case s == AuditStdout || word != AuditStdout && word != "stderr":
		return ""
	}
	return `want "stdout", as the program's own log is on stderr, or a path of a file; found ` + input.Quote(s)
}

var auditKeyID = pattern.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)

func (p *parser) audit(n *yaml.Node) {
	var keys *yaml.Node
	a := &p.settings.Audit
	ok := p.mapping("audit", n, fields{
		"to": func(v *yaml.Node) {
			if p.text("audit: to", v, &a.To, auditToRules) && a.To != "" && a.To != AuditStdout && !filepath.IsAbs(a.To) {
				a.To = filepath.Join(filepath.Dir(p.file), a.To)
			}
		},
		"keys": func(v *yaml.Node) { keys = v; p.list("audit: keys", v, p.auditKey) },
	})
	if ok && a.To != "" && len(a.Keys) == 0 && isEmpty(keys) {
		p.errorf(n, "audit: keys is missing: people stand in the log as hashes under a key; make one with openssl rand -base64 32")
	}
}

func (p *parser) auditKey(name string, item *yaml.Node) {
	var (
		k      AuditKey
		id, at *yaml.Node
	)
	if !p.mapping(name, item, fields{
		"id": func(v *yaml.Node) {
			id = v
			if p.text("id", v, &k.ID, nil) && !auditKeyID.MatchString(k.ID) {
				p.errorf(v, "%s: id: want a short name like %q, of letters, digits and . _ -", name, "2026-11")
			}
		},
		"key": func(v *yaml.Node) {
			at = v
			k.Key, _ = p.secretIf(p.launch.AuditKeys || !p.launch.NoSecrets, name+": key", v)
		},
	}) {
		return
	}
	switch all := p.settings.Audit.Keys; {
	case id == nil:
		p.errorf(item, "%s: id is missing", name)
	case at == nil:
		p.errorf(item, "%s: key is missing", name)
	case slices.ContainsFunc(all, func(o AuditKey) bool { return o.ID == k.ID }):
		p.errorf(id, "%s: id: a second key %s", name, input.Quote(k.ID))
	case k.Key.IsSet() && len(k.Key.Reveal()) < minSessionKey:
		p.errorf(at, "%s: key: too short: %d bytes, want at least %d random ones", name, len(k.Key.Reveal()), minSessionKey)
	default:
		p.settings.Audit.Keys = append(all, k)
		p.last = append(p.last, func() { p.auditKeyAlone(at, name, k) })
	}
}

// auditKeyAlone demands that a key is none of the session's, and warns of one that is guessed.
func (p *parser) auditKeyAlone(at *yaml.Node, name string, k AuditKey) {
	if slices.ContainsFunc(p.settings.Session.Keys, k.Key.Equal) {
		p.errorf(at, "%s: key: it is a session key too: who has the log's key must not be able to make cookies", name)
	}
	if complaint := weakKey(k.Key.Reveal()); complaint != "" {
		p.warnf(at, "%s: key: %s: whoever guesses it finds out by trying whom a line is about; make one with openssl rand -base64 32", name, complaint)
	}
}

// maxInFlight is more calls at once than one instance has use for.
const maxInFlight = 4096

func (p *parser) backendInFlight(n *yaml.Node) {
	p.number("backend_in_flight", n, maxInFlight, &p.settings.BackendInFlight)
}

// number reads a whole number from 1.
func (p *parser) number(name string, n *yaml.Node, most int, to *int) {
	v := resolve(n)
	got, err := strconv.Atoi(v.Value)
	if v.Kind != yaml.ScalarNode || v.ShortTag() != "!!int" || err != nil || !within(got, "1", strconv.Itoa(most)) {
		p.errorf(v, "%s: want a whole number from 1 to %d, found %s", name, most, input.Quote(v.Value))
		return
	}
	*to = got
}
