package authclient

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	defaultTimeout     = 10 * time.Second
	defaultMaxInFlight = 256
)

// Config says whose API to call. The zero value of everything but Env is fine.
type Config struct {
	Redacted

	Env          string // environment id, required
	Region       string // of the environment; ap-shanghai when empty
	ClientID     string // the environment id when empty, as in the SDK
	ClientSecret string // sent as Basic authorization when set; browsers have none
	// PublishableKey is the environment's publishable key, the SDK's accessKey.
	// It is sent as Bearer authorization on calls without a login, where no
	// ClientSecret is, to TCB's gateway, which asks for a token. New refuses any
	// other kind of key.
	PublishableKey string
	// Issuer is the iss of the environment's access tokens, for VerifyAccessToken;
	// http://{env}.{region}.tcb-api.tencentcloudapi.com when empty, wherever Endpoint is.
	Issuer       string
	EndPointMode EndPointMode     // which host of TCB's; when empty, Gateway with a PublishableKey and outside China, else CloudAPI
	Intl         bool             // of an environment on TCB's international site; regions outside China always are
	Endpoint     string           // instead of TCB's host: see Address; without /auth
	HTTPClient   *http.Client     // copied, but never follows a redirect; when nil, one with a copy of http.DefaultTransport that keeps MaxInFlight connections
	Timeout      time.Duration    // of one call with its retries; 10 s when 0
	MaxInFlight  int              // calls at once, others wait; 256 when 0
	UserAgent    string           // product of the caller; WithUserAgent names the person's browser
	Now          func() time.Time // the clock; time.Now when nil
	Observe      func(CallDone)   // gets every call that was made, when not nil; for counting
}

// Client calls the API as one app. Create it with New; it is safe for concurrent use.
type Client struct {
	env, clientID, clientSecret string
	publishableKey              string
	issuer                      string
	base                        string
	ownQuery                    string // client_id alone, with a question mark
	userAgent                   string
	timeout                     time.Duration
	http                        *http.Client
	slots                       chan struct{}
	customTicket                atomic.Pointer[func(context.Context) (string, error)]
	now                         func() time.Time
	observe                     func(CallDone)
	keys                        keySet
}

// New checks cfg and builds a client. It makes no call.
func New(cfg Config) (*Client, error) {
	if cfg.Env == "" {
		return nil, errors.New("authclient: Config.Env is empty")
	}
	if !isLabel(cfg.Env) || cfg.Region != "" && !isLabel(cfg.Region) {
		return nil, errors.New("authclient: Config.Env and Config.Region can have lower-case letters, digits and dashes alone")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.PublishableKey != "" {
		if err := checkPublishableKey(cfg.PublishableKey, cfg.Env, cfg.Now()); err != nil {
			return nil, err
		}
	}
	if cfg.Region == "" {
		cfg.Region = defaultRegion
	}
	if cfg.Issuer == "" {
		cfg.Issuer = "http://" + cfg.Env + "." + cfg.Region + ".tcb-api.tencentcloudapi.com"
	}
	if cfg.EndPointMode != "" && cfg.EndPointMode != CloudAPI && cfg.EndPointMode != Gateway {
		return nil, errors.New("authclient: Config.EndPointMode is neither CloudAPI nor Gateway")
	}
	if cfg.EndPointMode == CloudAPI && cfg.Endpoint == "" && cfg.PublishableKey != "" {
		return nil, errors.New("authclient: Config.PublishableKey is for the gateway alone, and Config.EndPointMode says CloudAPI")
	}
	base, err := baseOf(cfg.Address())
	if err != nil {
		return nil, err
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.MaxInFlight == 0 {
		cfg.MaxInFlight = defaultMaxInFlight
	}
	if cfg.Timeout < 0 || cfg.MaxInFlight < 0 {
		return nil, errors.New("authclient: Config.Timeout and Config.MaxInFlight cannot be negative")
	}
	if cfg.ClientID == "" {
		cfg.ClientID = cfg.Env
	}
	return &Client{
		env:            cfg.Env,
		clientID:       cfg.ClientID,
		clientSecret:   cfg.ClientSecret,
		publishableKey: cfg.PublishableKey,
		issuer:         cfg.Issuer,
		base:           base,
		ownQuery:       "?" + url.Values{"client_id": {cfg.ClientID}}.Encode(),
		userAgent:      cfg.UserAgent,
		timeout:        cfg.Timeout,
		http:           cfg.httpClient(),
		slots:          make(chan struct{}, cfg.MaxInFlight),
		now:            cfg.Now,
		observe:        cfg.Observe,
	}, nil
}

// baseOf is what the calls' addresses begin with.
func baseOf(address string) (string, error) {
	base, err := url.Parse(address)
	if err != nil || (base.Scheme != "https" && base.Scheme != "http") || base.Hostname() == "" ||
		base.User != nil || strings.ContainsAny(address, "?#") {
		// Without the value: a URL with a password in it is one of those refused.
		return "", errors.New("authclient: Config.Endpoint is not an http or https URL of a server")
	}
	return strings.TrimRight(base.String(), "/") + "/auth", nil
}

// isLabel reports that s can be a part of a host's name, and nothing else: with a dot or a slash in an
// environment's id, passwords would go to a host of somebody else's choice.
func isLabel(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && s[0] != '-' && s[len(s)-1] != '-'
}

func (cfg *Config) httpClient() *http.Client {
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = &http.Client{}
		if t, ok := http.DefaultTransport.(*http.Transport); ok {
			t = t.Clone()
			t.MaxIdleConnsPerHost = cfg.MaxInFlight // its 2 would mean a handshake for most calls
			cfg.HTTPClient.Transport = t
		}
	}
	hc := *cfg.HTTPClient
	// The API never redirects. Following one would carry a password elsewhere.
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &hc
}

// String names the app, and no secret.
func (c *Client) String() string { return "Client{Env: " + c.env + ", ClientID: " + c.clientID + "}" }

// GoString is String: %#v shows no secret either.
func (c *Client) GoString() string { return c.String() }

// CallOption adds to one call what the API takes beside its body.
type CallOption func(*callOptions)

type callOptions struct {
	captchaToken, locale, deviceID, userAgent, clientAddress string
}

// WithCaptchaToken passes the captcha_token that VerifyCaptchaData gave, in the
// query as the SDK does. It serves for several calls until it expires.
func WithCaptchaToken(token string) CallOption {
	return func(o *callOptions) { o.captchaToken = token }
}

// WithLocale asks for error_description and messages in zh-CN or en-US, the two
// locales that the SDK sends as Accept-Language.
func WithLocale(locale string) CallOption { return func(o *callOptions) { o.locale = locale } }

// WithDeviceID passes the browser's device_id (16 to 48 characters), which tells
// sessions of one person apart and identifies an anonymous one: treat it as a secret.
func WithDeviceID(id string) CallOption { return func(o *callOptions) { o.deviceID = id } }

// WithUserAgent passes on the person's User-Agent for TCB's sign-in history.
func WithUserAgent(ua string) CallOption { return func(o *callOptions) { o.userAgent = ua } }

// WithClientAddress passes on the person's IP address as X-Forwarded-For.
// Whether TCB believes it is TCB's decision.
func WithClientAddress(addr string) CallOption {
	return func(o *callOptions) { o.clientAddress = addr }
}

// A Person is who a call is made for. What is empty is not passed on, but for the UserAgent: then it is
// the client's own.
type Person struct {
	Locale        string // see WithLocale
	DeviceID      string // see WithDeviceID
	UserAgent     string // see WithUserAgent
	ClientAddress string // see WithClientAddress
}

// String leaves out the device_id, which is a secret.
func (p Person) String() string {
	return "Person{Locale: " + p.Locale + ", UserAgent: " + p.UserAgent + ", ClientAddress: " + p.ClientAddress + ", DeviceID redacted}"
}

// GoString is String: %#v shows no secret either.
func (p Person) GoString() string { return p.String() }

// LogValue is String, for log/slog.
func (p Person) LogValue() slog.Value { return slog.StringValue(p.String()) }

// WithPerson is four options in one, for who passes them on with every call. It takes the place of what
// those before it said.
func WithPerson(p Person) CallOption {
	return func(o *callOptions) {
		o.locale, o.deviceID, o.userAgent, o.clientAddress = p.Locale, p.DeviceID, p.UserAgent, p.ClientAddress
	}
}
