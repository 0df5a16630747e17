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
	DefaultRefusalFloor   = 300 * time.Millisecond
	// DefaultInFlight is what an instance needs for hundreds of sign-ins a second, and what it can
	// hold in memory while none of them gets an answer.
	DefaultInFlight = 256

	// ProviderCallback is where identity providers send browsers, below the base path, unless an
	// environment says otherwise.
	ProviderCallback = "/provider/callback"

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
//
// What stands at a field here is the reference of its setting: docs/settings.md and the JSON Schema
// are written from it (`make generate`). key is its name in the file; restart says that a change wants
// one, where all others are taken over while the program runs; most is the largest number, one the
// values that there are, number that a bare one will do, required that it must be there, and default
// words for a default that depends on something.
type Settings struct {
	// Address of the pages, host:port; port 0 is any. The flag -listen goes before it.
	Listen string `key:"listen" restart:"yes"`
	// Path under which all pages are, which is where the SDK looks: change it only behind a proxy that rewrites.
	BasePath string `key:"base_path" restart:"yes"`
	// Where browsers reach the pages, as "https://app.example.com". A request for another host gets 421.
	PublicOrigins []string `key:"public_origins" restart:"yes" default:"the loopback names, at the port it listens on"`
	// Addresses and ranges of the proxies whose X-Forwarded-… headers are believed.
	TrustedProxies []netip.Prefix `key:"trusted_proxies"`
	// Cookies, and what instances share.
	Session Session `key:"session"`
	// The TCB environments that are served. One that is new or gone wants a restart.
	Environments []Environment `key:"environments" required:"yes"`
	// Hosts that people's own pictures may be loaded from, by https. With none the profile asks for no picture.
	ImageHosts []string `key:"image_hosts"`
	// Of Strict-Transport-Security, which is for the whole host and so for the app too; 0 sends none. A bare number is seconds.
	HSTSMaxAge time.Duration `key:"hsts_max_age" number:"yes"`
	// The most that one call to TCB may take.
	BackendTimeout time.Duration `key:"backend_timeout" restart:"yes"`
	// Calls of an environment at once; beyond them a page says 503 at once.
	BackendInFlight int `key:"backend_in_flight" most:"4096" restart:"yes"`
	// The least time of an answer that must not tell by its time who has an account.
	RefusalFloor time.Duration `key:"refusal_floor"`
	// How much is logged; a request is one line at info.
	LogLevel slog.Level `key:"log_level" one:"debug info warn error"`
	// The log of security events: docs/operate.md.
	Audit Audit `key:"audit" restart:"yes"`
}

// Session says under which keys sessions are sealed, and where instances share what must be counted
// and denied.
type Session struct {
	// Seal cookies and the steps under way: the first seals, all open. Each has 32 bytes or more.
	Keys []Secret `key:"keys" default:"one that is made and kept in the data folder"`
	// Where several instances share limits and sign-outs: "cookie" is nowhere, else redis:// or rediss:// and an address (docs/several-instances.md).
	Store string `key:"store" restart:"yes"`
	// Password of the store.
	StorePassword Secret `key:"store_password" restart:"yes"`
	// Names what is kept in the store, which must have one: another than the keys, the same for all instances.
	StoreKey Secret `key:"store_key" restart:"yes"`
}

// An Environment is one TCB environment.
type Environment struct {
	// The env_id.
	ID string `key:"id" required:"yes" restart:"yes"`
	// What the pages call the app where no login config does.
	Name string `key:"name"`
	// Region of the environment. TCB sends text messages in ap-shanghai alone.
	Region string `key:"region"`
	// Which of TCB's hosts is called, as endPointMode of the SDK: cloud_api is {id}.{region}.tcb-api.tencentcloudapi.com, gateway {id}.api.tcloudbasegateway.com.
	EndpointMode string `key:"endpoint_mode" one:"cloud_api gateway" default:"gateway with a publishable_key, and for regions outside China; else cloud_api"`
	// Whether the gateway is that of TCB's international site, {id}.api.intl.tcloudbasegateway.com, as intl of the SDK.
	Intl bool `key:"intl" default:"true for regions outside China"`
	// Another address of TCB's auth API instead of those, without /auth.
	Endpoint string `key:"endpoint"`
	// The SDK's accessKey, sent to the gateway on calls without a login. The API key of TCB's console looks alike and is an administrator's: it is refused.
	PublishableKey Secret `key:"publishable_key"`
	// Folder of TCB's login.config.json files (docs/login-configs.md).
	LoginConfigs string `key:"login_configs" default:"one built-in page"`
	// Where to go when the app did not say; on one of public_origins.
	DefaultRedirectURI string `key:"default_redirect_uri" restart:"yes"`
	// Where a captcha that TCB wants is solved: in the form, or on TCB's own page.
	Captcha string `key:"captcha" one:"picture page"`
	// Path that identity providers send browsers to; or "/__auth/", which the vendor's guides register.
	ProviderCallback string `key:"provider_callback" restart:"yes" default:"/__auth/provider/callback"`
	// Whether TCB takes people's addresses from us (X-Forwarded-For), which is an agreement with TCB. Only then the portal shows them.
	TCBSeesClientAddress bool `key:"tcb_sees_client_address"`
	// How much goes without a captcha; beyond it each further try wants a picture, and nobody is refused.
	Limits Limits `key:"limits"`
	// The iss that an authorization code comes with, where TCB's tokens have another than the default.
	Issuer string `key:"issuer" default:"http://{id}.{region}.tcb-api.tencentcloudapi.com"`
	// The clients that may send people here.
	Clients []Client `key:"clients" default:"one with the environment's id"`

	Demo bool // its page also offers what only the emulator has; no setting
}

// The values of endpoint_mode.
const (
	EndpointCloudAPI = "cloud_api"
	EndpointGateway  = "gateway"
)

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

// ProviderCallback is the path that an environment's identity providers send browsers to.
func (s *Settings) ProviderCallback(e *Environment) string {
	if e.ProviderCallback != "" {
		return e.ProviderCallback
	}
	return s.BasePath + ProviderCallback
}

// Limits are how much an environment's pages do without a captcha. Beyond them every further try
// needs one of its own, and nobody is refused.
type Limits struct {
	// Codes to one phone number in a day.
	SMSPerNumber int `key:"sms_per_number" most:"64"`
	// Codes to one email address in a day.
	EmailsPerAddress int `key:"emails_per_address" most:"64"`
	// Codes by SMS of the whole environment in an hour.
	SMSPerHour int `key:"sms_per_hour" most:"1000000"`
	// Codes by SMS to each calling code but 86 in an hour.
	SMSPerHourAbroad int `key:"sms_per_hour_abroad" most:"1000000"`
	// A picture for every password, code, sign-in without an account and way to a provider.
	AttackMode bool `key:"attack_mode"`
}

// DefaultLimits are those that settings need not name.
var DefaultLimits = Limits{SMSPerNumber: 6, EmailsPerAddress: 20, SMSPerHour: 1000, SMSPerHourAbroad: 50}

// maxPerTarget is the most codes a day to one number or address that a limit can be.
const maxPerTarget = 64

// A Client is one OAuth client of an environment.
type Client struct {
	// The client_id.
	ID string `key:"id" required:"yes"`
	// Its secret, where TCB's console has made one.
	Secret Secret `key:"secret"`
	// An authorization code for apps on other origins (docs/code-flow.md); without it no login leads there.
	CodeFlow bool `key:"code_flow"`
	// Where those codes may go, compared as they stand.
	RedirectURIs []string `key:"redirect_uris"`
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
	e := environmentDefaults()
	e.ID, e.Name, e.Clients, e.Demo = "demo", "Demo", []Client{{ID: "demo"}}, true
	e.EndpointMode = EndpointCloudAPI
	e.TCBSeesClientAddress = true // the emulator on the same machine does
	s.Environments = []Environment{e}
	return s
}

func defaults() *Settings {
	return &Settings{
		Listen:         DefaultListen,
		BasePath:       DefaultBasePath,
		Session:        Session{Store: StoreCookie},
		BackendTimeout: DefaultBackendTimeout,
		RefusalFloor:   DefaultRefusalFloor,
		LogLevel:       slog.LevelInfo,

		BackendInFlight: DefaultInFlight,
	}
}

func environmentDefaults() Environment {
	return Environment{Region: DefaultRegion, Captcha: CaptchaPicture, Limits: DefaultLimits}
}
