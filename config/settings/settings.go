package settings

import (
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// Defaults of the settings.
const (
	DefaultListen         = "127.0.0.1:8080"
	DefaultBasePath       = "/__auth" // where the SDK's toDefaultLoginPage goes
	DefaultRegion         = "ap-shanghai"
	DefaultBackendTimeout = 10 * time.Second
	// DefaultInFlight is what an instance needs for hundreds of sign-ins a second, and what it can
	// hold in memory while none of them gets an answer.
	DefaultInFlight = 256

	// ProviderCallback is where identity providers send browsers, below the base path, unless an
	// environment says otherwise.
	ProviderCallback = "/provider/callback"

	StoreCookie    = "cookie"  // session.store
	CaptchaPicture = "picture" // captcha: TCB's picture, in the form that needs it
	CaptchaPage    = "page"    // captcha: TCB's own page, and back
)

const (
	maxSettingsSize = 1 << 20
	maxSecretSize   = 64 << 10
	minSessionKey   = 32 // bytes: 256 bits, if they were random
	maxHSTSAge      = 10 * 365 * 24 * time.Hour
	maxTimeout      = 5 * time.Minute
)

// Settings are what an operator decides. Those that [Load] returns without an error are complete
// and valid.
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
	// BackendInFlight is how many calls of TCB an environment has at once. More are not made: the
	// pages say that the service is away for a moment.
	BackendInFlight int
	// RefusalFloor is the least time that an answer takes which must not tell by its time who has
	// an account; 0: the pages' own.
	RefusalFloor time.Duration
	LogLevel     slog.Level
	Audit        Audit
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
	Captcha            string // CaptchaPicture or CaptchaPage
	// ProviderCallback is the path that identity providers send browsers to: ProviderCallback below
	// the base path, which empty means too, or the base path itself with a slash, as the vendor's guides
	// register it.
	ProviderCallback string
	// TCBSeesClientAddress says that TCB's sign-in history shows people's own addresses: we send
	// them along as X-Forwarded-For, and whether TCB takes that from our network is an agreement
	// with TCB. Without one the history holds our address, which would only mislead.
	TCBSeesClientAddress bool
	Limits               Limits
	// Issuer is the iss of the environment's tokens where that is not what ID and Region make: see
	// TokenIssuer.
	Issuer  string
	Clients []Client // at least one, each with an id of its own

	Demo bool // its page also offers what only the emulator has; no setting
}

// phoneRegion is the one region where TCB sends text messages (SDK docs, "Phone number login is
// only supported in the Shanghai region").
const phoneRegion = "ap-shanghai"

// Texts reports whether TCB sends text messages for the environment.
func (e *Environment) Texts() bool { return e.Region == phoneRegion }

// TokenIssuer is the iss that the environment's tokens have, byte for byte: apps compare it with the
// iss that an authorization code comes with (RFC 9207). TCB writes http, not https, and means no
// address by it.
func (e *Environment) TokenIssuer() string {
	if e.Issuer != "" {
		return e.Issuer
	}
	return "http://" + e.ID + "." + e.Region + ".tcb-api.tencentcloudapi.com"
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
	CodeFlow     bool     // apps there get an authorization code; without it no login leads there
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

// Demo returns the settings for a first look, with nothing set: one environment and one client,
// both named demo.
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

		BackendInFlight: DefaultInFlight,
	}
}
