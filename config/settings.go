package config

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Defaults of the settings.
const (
	DefaultListen         = "127.0.0.1:8080"
	DefaultBasePath       = "/__auth" // where the SDK's toDefaultLoginPage goes
	DefaultRegion         = "ap-shanghai"
	DefaultBackendTimeout = 10 * time.Second

	StoreCookie    = "cookie"  // session.store
	CaptchaPicture = "picture" // captcha
)

const (
	maxSettingsSize = 1 << 20
	maxSecretSize   = 64 << 10
	minSessionKey   = 32 // bytes: 256 bits, if they were random
	maxHSTSAge      = 10 * 365 * 24 * time.Hour
	maxTimeout      = 5 * time.Minute
)

// Settings are what an operator decides. Those that [Load] returns are complete and valid.
type Settings struct {
	Listen   string // host:port; port 0 for any
	BasePath string // path under which all routes are, with no slash at its end

	// PublicOrigins are where browsers reach us, "https://app.example.com". None means the loopback
	// names at the port the program really listens on.
	PublicOrigins  []string
	TrustedProxies []netip.Prefix // whose X-Forwarded-… headers are believed

	Session      Session
	Environments []Environment // at least one, each with an id of its own

	ImageHosts     []string      // sources for img-src of the CSP, "https://cdn.example.com"
	HSTSMaxAge     time.Duration // 0: no Strict-Transport-Security header
	BackendTimeout time.Duration // the most that one call to TCB may take
	// RefusalFloor is the least time that an answer takes which must not tell by its time who has an
	// account; 0: the pages' own.
	RefusalFloor time.Duration
	LogLevel     slog.Level
}

// Session says where sessions are kept and under which keys.
type Session struct {
	Store string // StoreCookie
	// Keys seal cookies and flow values: the first seals, all open. None means that the program
	// makes one and keeps it in its data folder.
	Keys []Secret
}

// An Environment is one TCB environment.
type Environment struct {
	ID                 string // env_id
	Name               string // of the app, for people; may be empty
	Region             string
	Endpoint           string // overrides the address made of ID and Region; no slash at its end
	PublishableKey     Secret // sent on calls without a login, to TCB's gateway; public, yet never printed
	LoginConfigs       string // folder of TCB's login.config.json files; empty: the built-in page
	DefaultRedirectURI string
	Captcha            string // CaptchaPicture
	// TCBSeesClientAddress says that TCB's sign-in history shows people's own addresses: we send
	// them along as X-Forwarded-For, and whether TCB takes that from our network is an agreement
	// with TCB. Without one the history holds our address, which would only mislead.
	TCBSeesClientAddress bool
	Limits               Limits
	Clients              []Client // at least one, each with an id of its own

	Demo bool // its page also offers what only the emulator has; no setting
}

// Limits are how much an environment's pages do without a captcha. Beyond them every further try
// needs one of its own, and nobody is refused.
type Limits struct {
	SMSPerNumber     int // codes to one phone number in a day
	EmailsPerAddress int // codes to one email address in a day
	SMSPerHour       int // codes by SMS of the whole environment
	SMSPerHourAbroad int // codes by SMS to each calling code but 86
	// AttackMode demands a captcha for every password, code, sign-in without an account and way to
	// a provider.
	AttackMode bool
}

// DefaultLimits are those that settings need not name.
var DefaultLimits = Limits{SMSPerNumber: 6, EmailsPerAddress: 20, SMSPerHour: 1000, SMSPerHourAbroad: 50}

// maxPerTarget is the most codes a day to one number or address that a limit can be.
const maxPerTarget = 64

// A Client is one OAuth client of an environment.
type Client struct {
	ID           string // client_id
	Secret       Secret
	RedirectURIs []string // registered targets on other origins
}

// Environment returns the environment with this id, or nil.
func (s *Settings) Environment(id string) *Environment {
	i := slices.IndexFunc(s.Environments, func(e Environment) bool { return e.ID == id })
	if i < 0 {
		return nil
	}
	return &s.Environments[i]
}

// Client returns the client with this id, or nil.
func (e *Environment) Client(id string) *Client {
	i := slices.IndexFunc(e.Clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &e.Clients[i]
}

// A Secret is a value that must not be printed. All the usual ways of printing show that there is
// one and nothing else; only Reveal gives it away. The zero value is no secret.
type Secret struct {
	// A pointer, since fmt looks into unexported fields of others without asking String: what it
	// finds there is an address.
	value *string
}

// NewSecret wraps a value. An empty one is no secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal returns the value itself, "" when there is none.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet reports whether there is a value.
func (s Secret) IsSet() bool { return s.value != nil }

// Equal compares the values, in a time that does not tell where they differ.
func (s Secret) Equal(t Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// String is "[redacted]", or "" when there is nothing to redact.
func (s Secret) String() string {
	if s.value == nil {
		return ""
	}
	return "[redacted]"
}

// GoString is what %#v prints.
func (s Secret) GoString() string { return fmt.Sprintf("config.Secret(%q)", s.String()) }

// MarshalText is what encoding/json and others write.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is what slog writes.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Demo returns the settings for a first look, with nothing set: one environment and one client, both
// named demo.
func Demo() *Settings {
	s := defaults()
	s.Environments = []Environment{{
		ID:      "demo",
		Name:    "Demo",
		Region:  DefaultRegion,
		Captcha: CaptchaPicture,
		Limits:  DefaultLimits,
		Clients: []Client{{ID: "demo"}},
		Demo:    true,

		TCBSeesClientAddress: true, // the emulator on the same machine does
	}}
	return s
}

func defaults() *Settings {
	return &Settings{
		Listen:         DefaultListen,
		BasePath:       DefaultBasePath,
		Session:        Session{Store: StoreCookie},
		BackendTimeout: DefaultBackendTimeout,
		LogLevel:       slog.LevelInfo,
	}
}

// A Launch is how the program is started, as far as its settings depend on that.
type Launch struct {
	Env      func(name string) (string, bool) // looks up an environment variable, as [os.LookupEnv] does
	Listen   string                           // goes before listen of the settings; empty: that one
	Emulator bool                             // the emulator stands in for TCB, in every environment
}

// Load reads the settings in the file at path. The settings are nil when there are errors among the
// problems. Env looks up an environment variable, as [os.LookupEnv] does.
func Load(path string, env func(string) (string, bool)) (*Settings, Problems) {
	data, err := readFile(path, maxSettingsSize)
	if err != nil {
		return nil, Problems{{File: path, Severity: SeverityError, Message: "cannot be read: " + err.Error()}}
	}
	return Parse(path, data, env)
}

// readFile reads a plain file of at most limit bytes. Its errors do not repeat the path.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return nil, err
	}
	// A pipe or a device would keep us waiting, or never end.
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return nil, err
	}
	defer f.Close()
	return readLimited(f, limit)
}

// readLimited reads at most limit bytes, and of more only what it takes to know.
func readLimited(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("larger than %d bytes", limit)
	}
	return data, nil
}

// Parse is [Load] for what was read already. Name stands in the problems, and its folder is where
// relative file names in the settings start.
func Parse(name string, data []byte, env func(string) (string, bool)) (*Settings, Problems) {
	settings, problems := parseSettings(name, data, Launch{Env: env})
	if problems.HasErrors() {
		return nil, problems
	}
	return settings, problems
}

// parseSettings answers the settings as far as they can be read, whatever is wrong with the rest.
func parseSettings(name string, data []byte, launch Launch) (*Settings, Problems) {
	p := &parser{file: name, launch: launch, settings: defaults()}
	if p.parse(data) {
		p.rules()
	}
	for _, check := range p.last {
		check()
	}
	p.problems.Sort()
	return p.settings, p.problems
}

// Listener reads only where the program listens, for who asks whether it does: what else is wrong with
// the settings, or came to be since the start, does not matter. What cannot be read has its default, and
// everything has where there is no path.
func Listener(path string, launch Launch) (address, basePath string) {
	data, _ := readFile(path, maxSettingsSize)
	s, _ := parseSettings(path, data, launch)
	return s.Listen, s.BasePath
}

// LoadAll is [Load] and [LoadLogins] in one, so that a mistake in the settings does not hide those in the
// login configs. Both are nil when there are errors among the problems.
func LoadAll(path string, launch Launch, cat Catalogue) (*Settings, *Logins, Problems) {
	data, err := readFile(path, maxSettingsSize)
	if err != nil {
		return nil, nil, Problems{{File: path, Severity: SeverityError, Message: "cannot be read: " + err.Error()}}
	}
	settings, problems := parseSettings(path, data, launch)
	logins, more := LoadLogins(settings, cat)
	if problems = append(problems, more...); problems.HasErrors() {
		return nil, nil, problems
	}
	return settings, logins, problems
}

// A parser walks the YAML nodes by hand: decoding into structs would stop at the first bad value and
// tell neither unknown keys nor columns.
type parser struct {
	file     string
	launch   Launch
	settings *Settings
	problems Problems
	last     []func() // checks that need more than one setting

	places  places // for the rules, as what follows
	trusted []trustedRange
	keys    []sessionKey
}

type trustedRange struct {
	name   string
	at     *yaml.Node
	prefix netip.Prefix
}

type sessionKey struct {
	name string
	at   *yaml.Node
	key  Secret
}

// fields are the keys a mapping may have. A function gets the value of its key and is not called for
// a null, which is the same as not there.
type fields map[string]func(v *yaml.Node)

func (p *parser) add(sev Severity, n *yaml.Node, format string, args ...any) {
	p.problems = append(p.problems, Problem{
		File: p.file, Line: max(n.Line, 1), Column: max(n.Column, 1),
		Severity: sev, Message: fmt.Sprintf(format, args...),
	})
}

func (p *parser) errorf(n *yaml.Node, format string, args ...any) {
	p.add(SeverityError, n, format, args...)
}

func (p *parser) warnf(n *yaml.Node, format string, args ...any) {
	p.add(SeverityWarning, n, format, args...)
}

// parse reports whether there are settings to speak of.
func (p *parser) parse(data []byte) bool {
	docs, err := documents(data)
	if err != nil {
		p.syntax(data, err)
		return false
	}
	if len(docs) > 1 {
		p.errorf(docs[1], "a second YAML document: settings are one document")
	}
	root := &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	if len(docs) > 0 && len(docs[0].Content) > 0 && !isNull(docs[0].Content[0]) {
		root = docs[0].Content[0]
	}
	s := p.settings
	var environments *yaml.Node
	ok := p.mapping("the settings", root, fields{
		"listen":          func(v *yaml.Node) { p.places.listen = v; p.text("listen", v, &s.Listen, checkListen) },
		"base_path":       func(v *yaml.Node) { p.text("base_path", v, &s.BasePath, checkBasePath) },
		"public_origins":  p.publicOrigins,
		"trusted_proxies": p.trustedProxies,
		"session":         p.session,
		"environments":    func(v *yaml.Node) { environments = v; p.environments(v) },
		"image_hosts":     p.imageHosts,
		"hsts_max_age":    p.hstsMaxAge,
		"backend_timeout": p.backendTimeout,
		"refusal_floor":   p.refusalFloor,
		"log_level":       p.logLevel,
	})
	if ok && environments == nil {
		p.errorf(root, "environments is missing: name at least one TCB environment")
	}
	if p.places.root = root; p.launch.Listen != "" {
		s.Listen = p.launch.Listen
	}
	return ok
}

// documents reads the first two documents of a YAML stream, and the rest only for its errors.
func documents(data []byte) (docs []*yaml.Node, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		doc := new(yaml.Node)
		switch err := dec.Decode(doc); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, err
		case len(docs) < 2:
			docs = append(docs, doc)
		}
	}
}

var yamlError = regexp.MustCompile(`^yaml: (?:line \d+: )?(.*)`)

// syntax reports what the YAML parser said. Its words quote the file in one case: the name of an
// alias, which may be a secret that somebody forgot to quote.
func (p *parser) syntax(data []byte, err error) {
	message := "unreadable"
	if m := yamlError.FindStringSubmatch(err.Error()); m != nil {
		message = m[1]
	}
	if strings.Contains(message, "anchor") {
		message = "an alias (*name) without its anchor (&name); text that begins with * needs quotes"
	}
	line, column := syntaxPosition(data)
	p.errorf(&yaml.Node{Line: line, Column: column}, "not valid YAML: %s", message)
}

// syntaxPosition finds where YAML stops being valid: behind the longest beginning, in whole lines,
// that is. The parser itself names no column, and a line that is often another or none. What opens
// in one line and never closes is found where it opens.
func syntaxPosition(data []byte) (line, column int) {
	const most = 1000 // beyond it, looking would take seconds
	lines := bytes.SplitAfter(data, []byte("\n"))
	if len(lines) > most {
		return 1, 1
	}
	good := data
	line = len(lines)
	for ; line > 1; line-- {
		good = good[:len(good)-len(lines[line-1])]
		if _, err := documents(good); err == nil {
			break
		}
	}
	text := lines[line-1]
	blanks := len(text) - len(bytes.TrimLeft(text, " \t"))
	return line, blanks + 1
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	n = resolve(n)
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// mapping hands the value of each key to its function and reports keys that are unknown or there
// twice. It returns false when n is no mapping.
func (p *parser) mapping(name string, n *yaml.Node, known fields) bool {
	m := resolve(n)
	if m.Kind != yaml.MappingNode {
		p.errorf(n, "%s: want a mapping (key: value), found %s", name, kind(m))
		return false
	}
	first := map[string]int{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := m.Content[i], m.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			p.errorf(k, "%s: a key must be plain text, found %s", name, kind(k))
			continue
		}
		take, ok := known[k.Value]
		if !ok {
			hint := ""
			if near := nearest(k.Value, slices.Sorted(maps.Keys(known))); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			p.errorf(k, "unknown key %s in %s%s", quote(k.Value), name, hint)
			continue
		}
		if line, ok := first[k.Value]; ok {
			p.errorf(k, "%s is there twice, first in line %d", k.Value, line)
			continue
		}
		first[k.Value] = k.Line
		if !isNull(v) {
			take(v)
		}
	}
	return true
}

// list calls f for every item of a list, each named as in "keys[0]".
func (p *parser) list(name string, n *yaml.Node, f func(name string, item *yaml.Node)) {
	l := resolve(n)
	if l.Kind != yaml.SequenceNode {
		hint := ""
		if l.Kind == yaml.ScalarNode {
			hint = "; write [ ] around a single value"
		}
		p.errorf(n, "%s: want a list, found %s%s", name, kind(l), hint)
		return
	}
	for i, item := range l.Content {
		f(fmt.Sprintf("%s[%d]", name, i), item)
	}
}

// text stores a text that check has nothing to say against, and reports whether it did.
func (p *parser) text(name string, n *yaml.Node, to *string, check func(string) string) bool {
	v := resolve(n)
	if v.Kind != yaml.ScalarNode {
		p.errorf(n, "%s: want text, found %s", name, kind(v))
		return false
	}
	if v.ShortTag() != "!!str" {
		p.errorf(n, "%s: want text, found %s; put it in quotes", name, kind(v))
		return false
	}
	if complaint := check(v.Value); complaint != "" {
		p.errorf(n, "%s: %s", name, complaint)
		return false
	}
	*to = v.Value
	return true
}

// boolean reads true or false.
func (p *parser) boolean(name string, n *yaml.Node, to *bool) {
	v := resolve(n)
	if v.Kind != yaml.ScalarNode || v.ShortTag() != "!!bool" || v.Decode(to) != nil {
		p.errorf(n, "%s: want true or false, found %s", name, kind(v))
	}
}

// kind names what a node is, in words for operators.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		switch n.ShortTag() {
		case "!!str":
			return "text"
		case "!!int", "!!float":
			return "a number"
		case "!!bool":
			return "true or false"
		case "!!null":
			return "nothing"
		case "!!timestamp":
			return "a date"
		}
	}
	return "something else"
}

// quote shows a value in a message, but not one that may hold a password: in a URL, user
// information stands before an @.
func quote(s string) string {
	if strings.Contains(s, "@") {
		return "(not shown)"
	}
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return strconv.Quote(s)
}

func (p *parser) publicOrigins(n *yaml.Node) {
	p.places.origins = n
	p.list("public_origins", n, func(name string, item *yaml.Node) {
		var origin string
		if !p.text(name, item, &origin, checkOrigin) {
			return
		}
		if slices.Contains(p.settings.PublicOrigins, origin) {
			p.errorf(item, "%s: %s is listed twice", name, quote(origin))
			return
		}
		p.settings.PublicOrigins = append(p.settings.PublicOrigins, origin)
		if host, ok := strings.CutPrefix(origin, "http://"); ok && !isLoopback(hostname(host)) {
			p.warnf(item, "%s: plain http: passwords can be read on the way", name)
		}
	})
}

func (p *parser) trustedProxies(n *yaml.Node) {
	p.places.proxies = n
	p.list("trusted_proxies", n, func(name string, item *yaml.Node) {
		var s string
		if !p.text(name, item, &s, func(string) string { return "" }) {
			return
		}
		prefix, ok := parsePrefix(s)
		if !ok {
			p.errorf(item, `%s: want an address or a range like "10.0.0.0/24", found %s`, name, quote(s))
			return
		}
		p.trusted = append(p.trusted, trustedRange{name, item, prefix})
		p.settings.TrustedProxies = append(p.settings.TrustedProxies, prefix)
	})
}

func parsePrefix(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(s)
	// A range of mapped addresses would match nothing: peers are compared unmapped.
	if err != nil || prefix.Addr().Is4In6() {
		return netip.Prefix{}, false
	}
	return prefix.Masked(), true
}

func (p *parser) session(n *yaml.Node) {
	p.places.session = n
	p.mapping("session", n, fields{
		"store": func(v *yaml.Node) {
			p.text("store", v, &p.settings.Session.Store, func(s string) string {
				switch {
				case s == StoreCookie:
					return ""
				case strings.HasPrefix(s, "redis://"), strings.HasPrefix(s, "rediss://"): // may hold a password
					return `this version does not support Redis yet; want "cookie"`
				}
				return `want "cookie", found ` + quote(s)
			})
		},
		"keys": func(v *yaml.Node) {
			p.places.keys = v
			p.list("keys", v, func(name string, item *yaml.Node) {
				key, ok := p.secret(name, item)
				if !ok {
					return
				}
				if got := len(key.Reveal()); got < minSessionKey {
					p.errorf(item, "%s: too short: %d bytes, a session key needs at least %d random ones", name, got, minSessionKey)
					return
				}
				p.keys = append(p.keys, sessionKey{name, item, key})
				p.settings.Session.Keys = append(p.settings.Session.Keys, key)
			})
		},
	})
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// secret reads a secret: "env:NAME" is an environment variable, "file:PATH" a file's content without
// the line end, anything else the secret itself. No message repeats a value.
func (p *parser) secret(name string, n *yaml.Node) (Secret, bool) {
	var s string
	if !p.text(name, n, &s, func(string) string { return "" }) {
		return Secret{}, false
	}
	if variable, ok := strings.CutPrefix(s, "env:"); ok {
		if !envName.MatchString(variable) {
			p.errorf(n, "%s: env: must be followed by the name of an environment variable", name)
			return Secret{}, false
		}
		value, ok := p.launch.Env(variable)
		if !ok || value == "" {
			p.errorf(n, "%s: the environment variable %s is not set", name, variable)
			return Secret{}, false
		}
		return NewSecret(value), true
	}
	if path, ok := strings.CutPrefix(s, "file:"); ok {
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(p.file), path)
		}
		data, err := readFile(path, maxSecretSize)
		if err != nil {
			p.errorf(n, "%s: the file %q cannot be read: %v", name, path, err)
			return Secret{}, false
		}
		value := strings.TrimRight(string(data), "\r\n")
		if value == "" {
			p.errorf(n, "%s: the file %q is empty", name, path)
			return Secret{}, false
		}
		return NewSecret(value), true
	}
	return NewSecret(s), true
}

func (p *parser) environments(n *yaml.Node) {
	if l := resolve(n); l.Kind == yaml.SequenceNode && len(l.Content) == 0 {
		p.errorf(n, "environments is empty: name at least one TCB environment")
	}
	p.list("environments", n, func(name string, item *yaml.Node) {
		if e, ok := p.environment(name, item); ok {
			p.settings.Environments = append(p.settings.Environments, e)
		}
	})
}

func (p *parser) environment(name string, n *yaml.Node) (Environment, bool) {
	e := Environment{Region: DefaultRegion, Captcha: CaptchaPicture, Limits: DefaultLimits}
	var id, region, endpoint, published *yaml.Node
	ok := p.mapping(name, n, fields{
		"id": func(v *yaml.Node) {
			id = v
			if p.text("id", v, &e.ID, checkEnvironmentID) && p.settings.Environment(e.ID) != nil {
				p.errorf(v, "id: a second environment %s", quote(e.ID))
			}
		},
		"name": func(v *yaml.Node) { p.text("name", v, &e.Name, checkName) },
		"region": func(v *yaml.Node) {
			if p.text("region", v, &e.Region, checkRegion) {
				region = v
			}
		},
		"endpoint": func(v *yaml.Node) {
			if p.text("endpoint", v, &e.Endpoint, checkEndpoint) {
				endpoint, e.Endpoint = v, strings.TrimRight(e.Endpoint, "/")
			}
		},
		"publishable_key": func(v *yaml.Node) {
			if key, ok := p.secret("publishable_key", v); ok && key.IsSet() {
				e.PublishableKey = key
				published = v
			}
		},
		"login_configs": func(v *yaml.Node) {
			var dir string
			if p.text("login_configs", v, &dir, func(string) string { return "" }) && dir != "" {
				if !filepath.IsAbs(dir) {
					dir = filepath.Join(filepath.Dir(p.file), dir)
				}
				e.LoginConfigs = dir
			}
		},
		"default_redirect_uri": func(v *yaml.Node) {
			var uri string
			if !p.text("default_redirect_uri", v, &uri, checkDefaultRedirectURI) {
				return
			}
			e.DefaultRedirectURI = uri
			p.last = append(p.last, func() { p.onPublicOrigin(v, uri) })
		},
		"captcha": func(v *yaml.Node) {
			p.text("captcha", v, &e.Captcha, func(s string) string {
				switch s {
				case CaptchaPicture:
					return ""
				case "page":
					return `this version does not support "page" yet; want "picture"`
				}
				return `want "picture", found ` + quote(s)
			})
		},
		"tcb_sees_client_address": func(v *yaml.Node) { p.boolean("tcb_sees_client_address", v, &e.TCBSeesClientAddress) },
		"limits":                  func(v *yaml.Node) { p.limits(v, &e.Limits) },
		"clients":                 func(v *yaml.Node) { e.Clients = p.clients(v) },
	})
	if !ok {
		return e, false
	}
	if id == nil {
		p.errorf(n, "%s: id is missing", name)
	}
	if published != nil && id != nil {
		if complaint := checkPublishableKey(e.PublishableKey.Reveal(), e.ID); complaint != "" {
			p.errorf(published, "publishable_key: %s", complaint)
		}
	}
	if region != nil && e.Region != phoneRegion {
		p.warnf(region, "region: TCB offers phone numbers only in %s: sign-in and sign-up by phone are hidden", phoneRegion)
	}
	if len(e.Clients) == 0 {
		e.Clients = []Client{{ID: e.ID}}
	}
	p.endpoint(endpoint, &e)
	return e, true
}

// endpoint decides between the address of the settings and the emulator. Who asks for the emulator tries
// things out: nothing may then reach real accounts, so the address is forgotten where it is read.
func (p *parser) endpoint(n *yaml.Node, e *Environment) {
	if e.Endpoint == "" {
		return
	}
	if p.launch.Emulator {
		e.Endpoint = ""
		p.warnf(n, "endpoint: not used: -emulator stands in for TCB in environment %s", quote(e.ID))
		return
	}
	if host, ok := strings.CutPrefix(e.Endpoint, "http://"); ok && !isLoopback(hostname(host)) {
		p.warnf(n, "endpoint: plain http: passwords can be read on the way")
	}
}

// onPublicOrigin reports a default target that no page of ours could lead to.
func (p *parser) onPublicOrigin(n *yaml.Node, uri string) {
	origins := p.settings.PublicOrigins
	if uri == "" || len(origins) == 0 || slices.Contains(origins, originOf(uri)) {
		return
	}
	p.errorf(n, "default_redirect_uri: %s is not on one of public_origins (%s)", quote(uri), strings.Join(origins, ", "))
}

// originOf cuts an absolute URL after its authority.
func originOf(uri string) string {
	scheme, rest, _ := strings.Cut(uri, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return scheme + "://" + rest
}

func (p *parser) clients(n *yaml.Node) (clients []Client) {
	p.list("clients", n, func(name string, item *yaml.Node) {
		var c Client
		var id *yaml.Node
		ok := p.mapping(name, item, fields{
			"id": func(v *yaml.Node) {
				id = v
				if !p.text("id", v, &c.ID, checkClientID) {
					return
				}
				if slices.ContainsFunc(clients, func(o Client) bool { return o.ID == c.ID }) {
					p.errorf(v, "id: a second client %s in this environment", quote(c.ID))
				}
			},
			"secret": func(v *yaml.Node) { c.Secret, _ = p.secret("secret", v) },
			"redirect_uris": func(v *yaml.Node) {
				p.list("redirect_uris", v, func(name string, item *yaml.Node) {
					var uri string
					if !p.text(name, item, &uri, checkRedirectURI) {
						return
					}
					if slices.Contains(c.RedirectURIs, uri) {
						p.errorf(item, "%s: %s is listed twice", name, quote(uri))
						return
					}
					c.RedirectURIs = append(c.RedirectURIs, uri)
				})
			},
		})
		if !ok {
			return
		}
		if id == nil {
			p.errorf(item, "%s: id is missing", name)
		}
		clients = append(clients, c)
	})
	return clients
}

func (p *parser) imageHosts(n *yaml.Node) {
	p.list("image_hosts", n, func(name string, item *yaml.Node) {
		var s string
		if !p.text(name, item, &s, checkImageHost) {
			return
		}
		source := "https://" + strings.TrimPrefix(s, "https://")
		if !slices.Contains(p.settings.ImageHosts, source) {
			p.settings.ImageHosts = append(p.settings.ImageHosts, source)
		}
	})
}

func (p *parser) hstsMaxAge(n *yaml.Node) {
	v := resolve(n)
	value := v.Value
	if v.Kind == yaml.ScalarNode && v.ShortTag() == "!!int" {
		value += "s" // a bare number is seconds, as in the header
	}
	p.duration("hsts_max_age", n, value, 0, maxHSTSAge, &p.settings.HSTSMaxAge)
}

func (p *parser) backendTimeout(n *yaml.Node) {
	p.duration("backend_timeout", n, resolve(n).Value, 100*time.Millisecond, maxTimeout, &p.settings.BackendTimeout)
}

func (p *parser) refusalFloor(n *yaml.Node) {
	p.duration("refusal_floor", n, resolve(n).Value, time.Millisecond, 2*time.Second, &p.settings.RefusalFloor)
}

func (p *parser) limits(n *yaml.Node, l *Limits) {
	number := func(name string, most int, to *int) func(*yaml.Node) {
		return func(v *yaml.Node) {
			v = resolve(v)
			got, err := strconv.Atoi(v.Value)
			if v.Kind != yaml.ScalarNode || v.ShortTag() != "!!int" || err != nil || got < 1 || got > most {
				p.errorf(v, "limits: %s: want a whole number from 1 to %d, found %s", name, most, quote(v.Value))
				return
			}
			*to = got
		}
	}
	p.mapping("limits", n, fields{
		"sms_per_number":      number("sms_per_number", maxPerTarget, &l.SMSPerNumber),
		"emails_per_address":  number("emails_per_address", maxPerTarget, &l.EmailsPerAddress),
		"sms_per_hour":        number("sms_per_hour", 1_000_000, &l.SMSPerHour),
		"sms_per_hour_abroad": number("sms_per_hour_abroad", 1_000_000, &l.SMSPerHourAbroad),
		"attack_mode":         func(v *yaml.Node) { p.boolean("attack_mode", v, &l.AttackMode) },
	})
}

func (p *parser) duration(name string, n *yaml.Node, value string, low, high time.Duration, to *time.Duration) {
	if v := resolve(n); v.Kind != yaml.ScalarNode {
		p.errorf(n, `%s: want a duration like "10s", found %s`, name, kind(v))
		return
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		p.errorf(n, `%s: want a duration like "10s", found %s`, name, quote(resolve(n).Value))
		return
	}
	if d < low || d > high {
		p.errorf(n, "%s: %v is out of range, want %v to %v", name, d, low, high)
		return
	}
	*to = d
}

func (p *parser) logLevel(n *yaml.Node) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	var s string
	ok := p.text("log_level", n, &s, func(s string) string {
		if _, ok := levels[s]; ok {
			return ""
		}
		return "want debug, info, warn or error, found " + quote(s)
	})
	if ok {
		p.settings.LogLevel = levels[s]
	}
}

// The checks return what is wrong with a value, or "".

// CheckListen is for addresses that flags give: what is wrong with one, or "".
func CheckListen(s string) string { return checkListen(s) }

func checkListen(s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return `want an address like "127.0.0.1:8080" or ":8080", found ` + quote(s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "the port must be a number from 0 to 65535, found " + quote(port)
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || strings.Contains(host, "/") {
		return "not a host name or address: " + quote(host)
	}
	return ""
}

var basePath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

func checkBasePath(s string) string {
	switch {
	case s == "" || s[0] != '/':
		return `must begin with "/"`
	case strings.HasSuffix(s, "/"):
		return `must not end with "/"`
	case !basePath.MatchString(s) || strings.Contains(s+"/", "/./") || strings.Contains(s+"/", "/../"):
		return "want plain path segments of letters, digits and - . _ ~, found " + quote(s)
	}
	return ""
}

func checkOrigin(s string) string {
	scheme, host, ok := strings.Cut(s, "://")
	if lower := strings.ToLower(s); lower != s {
		return "must be in lower case, as browsers send it"
	}
	if !ok || scheme != "http" && scheme != "https" {
		return `want an origin like "https://app.example.com", found ` + quote(s)
	}
	if strings.Contains(host, "@") {
		return "must not hold a user name or password"
	}
	if strings.HasSuffix(host, "/") && !strings.ContainsAny(host[:len(host)-1], "/?#") {
		return `must not end with "/"`
	}
	if strings.ContainsAny(host, `/?#\`) {
		return "an origin has no path, query or fragment"
	}
	if port := map[string]string{"http": ":80", "https": ":443"}[scheme]; strings.HasSuffix(host, port) {
		return "browsers leave out the default port " + port + ": so must this"
	}
	return checkHostPort(host)
}

func checkImageHost(s string) string {
	host := strings.TrimPrefix(s, "https://")
	if strings.ToLower(host) != host {
		return "must be in lower case"
	}
	if strings.ContainsAny(host, `/?#\@`) || strings.Contains(host, "*") {
		return `want a host like "cdn.example.com", reached by https; found ` + quote(s)
	}
	return checkHostPort(host)
}

// checkHostPort checks a lower-case host[:port].
func checkHostPort(s string) string {
	host := hostname(s)
	if port, ok := strings.CutPrefix(s[len(host):], ":"); ok {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || port[0] == '0' || port[0] == '+' {
			return "the port must be a number from 1 to 65535, found " + quote(port)
		}
	} else if s != host {
		return "not a host name or address: " + quote(s)
	}
	if !validHost(host) {
		return "not a host name or address: " + quote(host)
	}
	return ""
}

// hostname cuts port and path off the authority of a URL.
func hostname(s string) string {
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
	hostLabels = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)
	// What ends in a number, browsers read as an IPv4 address, in shapes that others do not know.
	numberLast = regexp.MustCompile(`(^|\.)(\d+|0x[0-9a-f]*)$`)
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

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && addr.IsLoopback()
}

var (
	environmentID = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`) // a label of TCB's host names
	clientID      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	regionName    = regexp.MustCompile(`^[a-z]{2}-[a-z]+(-[a-z0-9]+)*$`)
)

func checkEnvironmentID(s string) string {
	if !environmentID.MatchString(s) {
		return "want the id of a TCB environment (lower-case letters, digits and dashes), found " + quote(s)
	}
	return ""
}

func checkName(s string) string {
	if utf8.RuneCountInString(s) > 60 || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "want a short name in one line, at most 60 characters"
	}
	return ""
}

func checkClientID(s string) string {
	if !clientID.MatchString(s) {
		return "want a client id (letters, digits and . _ -), found " + quote(s)
	}
	return ""
}

func checkRegion(s string) string {
	if !regionName.MatchString(s) {
		return `want a region like "ap-shanghai", found ` + quote(s)
	}
	return ""
}

func checkEndpoint(s string) string {
	if s == "" {
		return ""
	}
	if complaint := checkURL(s); complaint != "" {
		return complaint
	}
	if strings.ContainsAny(s, "?#") {
		return "must have no query and no fragment"
	}
	return ""
}

func checkDefaultRedirectURI(s string) string {
	if s == "" {
		return ""
	}
	return checkURL(s)
}

func checkRedirectURI(s string) string {
	if complaint := checkURL(s); complaint != "" {
		return complaint
	}
	switch {
	case strings.Contains(s, "#"):
		return "must have no fragment"
	case strings.Contains(s, "*"):
		return "wildcards are not supported: a redirect URI is compared as it stands"
	}
	if host, ok := strings.CutPrefix(s, "http://"); ok && !isLoopback(hostname(host)) {
		return "must be https; http is only for loopback hosts"
	}
	return ""
}

// checkURL checks an absolute http or https URL that browsers and we read alike.
func checkURL(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "must be plain ASCII without blanks; percent-encode the rest"
	}
	if strings.Contains(s, `\`) {
		return "must not hold a backslash, which browsers read as a slash"
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || !strings.HasPrefix(s, u.Scheme+"://") {
		return `want an absolute URL like "https://app.example.com/", found ` + quote(s)
	}
	if u.User != nil {
		return "must not hold a user name or password"
	}
	return checkHostPort(strings.ToLower(u.Host))
}

// nearest returns the name that key was probably meant to be, or "".
func nearest(key string, names []string) string {
	best, bestDistance := "", len(key)/3+2
	for _, name := range names {
		if d := distance(strings.ToLower(strings.ReplaceAll(key, "-", "_")), strings.ToLower(name)); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance is the Levenshtein distance, in bytes.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
