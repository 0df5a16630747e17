package authclient

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	defaultRegion      = "ap-shanghai"
	defaultTimeout     = 10 * time.Second
	defaultMaxInFlight = 256
	maxAnswer          = 1 << 20 // bytes; TCB's largest answers are a few KiB
	maxTries           = 3       // of a GET, as the SDK does (oauth2client.ts:324)
)

// Config says whose API to call. The zero value of everything but Env is fine.
type Config struct {
	Env          string // environment id, required
	Region       string // of the environment; ap-shanghai when empty
	ClientID     string // the environment id when empty, as in the SDK
	ClientSecret string // sent as Basic authorization when set; browsers have none
	// PublishableKey is the environment's publishable key, the SDK's accessKey.
	// It is sent as Bearer authorization on calls without a login, where no
	// ClientSecret is, and with it the calls go to TCB's gateway, which asks for
	// a token: https://{env}.api.tcloudbasegateway.com. New refuses any other
	// kind of key.
	PublishableKey string
	Endpoint       string        // instead of https://{env}.{region}.tcb-api.tencentcloudapi.com or the gateway; without /auth
	HTTPClient     *http.Client  // copied; http.DefaultClient's transport when nil
	Timeout        time.Duration // of one call with its retries; 10 s when 0
	MaxInFlight    int           // calls at once, others wait; 256 when 0
	UserAgent      string        // product of the caller; WithUserAgent names the person's browser
	Now            func() time.Time
}

// Client calls the API as one app. Create it with New; it is safe for concurrent use.
type Client struct {
	env, clientID, clientSecret string
	publishableKey              string
	base                        string
	userAgent                   string
	timeout                     time.Duration
	http                        *http.Client
	slots                       chan struct{}
	customTicket                atomic.Pointer[func(context.Context) (string, error)]
	now                         func() time.Time
}

// New checks cfg and builds a client. It makes no call.
func New(cfg Config) (*Client, error) {
	if cfg.Env == "" {
		return nil, errors.New("authclient: Config.Env is empty")
	}
	if cfg.Region == "" {
		cfg.Region = defaultRegion
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.PublishableKey != "" {
		if err := checkPublishableKey(cfg.PublishableKey, cfg.Env, cfg.Now()); err != nil {
			return nil, err
		}
	}
	if cfg.Endpoint == "" {
		cfg.Endpoint = cfg.defaultEndpoint()
	}
	base, err := url.Parse(cfg.Endpoint)
	if err != nil || (base.Scheme != "https" && base.Scheme != "http") || base.Hostname() == "" ||
		base.User != nil || strings.ContainsAny(cfg.Endpoint, "?#") {
		// Without the value: a URL with a password in it is one of those refused.
		return nil, errors.New("authclient: Config.Endpoint is not an http or https URL of a server")
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
	return &Client{
		env:            cfg.Env,
		clientID:       cfg.ClientID,
		clientSecret:   cfg.ClientSecret,
		publishableKey: cfg.PublishableKey,
		base:           strings.TrimRight(base.String(), "/") + "/auth",
		userAgent:      cfg.UserAgent,
		timeout:        cfg.Timeout,
		http:           &hc,
		slots:          make(chan struct{}, cfg.MaxInFlight),
		now:            cfg.Now,
	}, nil
}

// defaultEndpoint is where the SDK sends its calls: 2.x to the host of the
// region, 3.x, whose apps have a publishable key, to the gateway.
func (cfg *Config) defaultEndpoint() string {
	switch {
	case cfg.PublishableKey == "":
		return "https://" + cfg.Env + "." + cfg.Region + ".tcb-api.tencentcloudapi.com"
	case cfg.Region == "ap-singapore":
		return "https://" + cfg.Env + ".api.intl.tcloudbasegateway.com"
	}
	return "https://" + cfg.Env + ".api.tcloudbasegateway.com"
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

// call is one request to the API. The caller is identified by bearer when it
// is set, else by client_id in the query and, with a secret, Basic
// authorization, or without one the publishable key.
type call struct {
	op     string
	method string
	path   string // below /auth
	query  url.Values
	body   any
	bearer string
	basic  bool // Basic authorization without a secret too

	codeIsResult bool // a `code` in the answer is no error
}

// do makes the call and decodes the answer into out, which may be nil. Every
// error it returns is an *Error.
func (c *Client) do(ctx context.Context, in call, out any, opts []CallOption) error {
	var o callOptions
	for _, opt := range opts {
		opt(&o)
	}
	var body []byte
	if in.body != nil {
		var err error
		if body, err = json.Marshal(in.body); err != nil {
			return &Error{Op: in.op, Code: "local", Remaining: -1, cause: errors.New("the request cannot be written as JSON")}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // asked again: select does not say which of two came first
		return &Error{Op: in.op, Code: "unreachable", Remaining: -1, cause: ctx.Err()}
	}
	for try := 1; ; try++ {
		err := c.once(ctx, in, o, body, out)
		if err == nil {
			return nil
		}
		if in.method != http.MethodGet || try == maxTries || !err.retryable() || ctx.Err() != nil {
			return err
		}
		pause := time.NewTimer(time.Duration(try) * 100 * time.Millisecond)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			if err.Code == "unreachable" {
				err.cause = ctx.Err()
			}
			return err
		}
	}
}

// retryable reports whether the same call may go better: there was no answer of
// TCB's, or TCB itself says that it is away for the moment.
func (e *Error) retryable() bool {
	return e.Code == "unreachable" || e.Code == "unavailable"
}

func (c *Client) once(ctx context.Context, in call, o callOptions, body []byte, out any) *Error {
	requestID := newRequestID()
	fail := func(status int, cause error) *Error {
		if ctx.Err() != nil {
			cause = ctx.Err() // why we stopped says more than how the connection broke
		}
		return &Error{Op: in.op, Code: "unreachable", Status: status, RequestID: requestID, Remaining: -1, cause: cause}
	}
	req, err := c.newRequest(ctx, in, o, body)
	if err != nil {
		return fail(0, errors.New("the request cannot be built"))
	}
	req.Header.Set("X-Request-Id", requestID)
	resp, err := c.http.Do(req)
	if err != nil {
		return fail(0, withoutRequest(err, req, in.bearer, o.captchaToken, c.publishableKey))
	}
	defer resp.Body.Close()
	if id := resp.Header.Get("X-Request-Id"); id != "" && len(id) <= 128 {
		requestID = id
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fail(resp.StatusCode, withoutRequest(err, req, in.bearer, o.captchaToken, c.publishableKey))
	}
	if len(answer) > maxAnswer {
		return fail(resp.StatusCode, errors.New("the answer is over 1 MiB"))
	}
	var probe errorBody
	if err := json.Unmarshal(answer, &probe); err != nil || string(bytes.TrimSpace(answer)) == "null" {
		return fail(resp.StatusCode, errors.New("the answer is not a JSON object"))
	}
	if in.codeIsResult {
		probe.Code = nil
	}
	if e := probe.apiError(); e != nil {
		e.Op, e.Status, e.RequestID = in.op, resp.StatusCode, requestID
		if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); e.RetryAfter == 0 && err == nil && n > 0 {
			e.RetryAfter = seconds(float64(n))
		}
		return e
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fail(resp.StatusCode, errors.New("a failure without an error code"))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fail(resp.StatusCode, errors.New("the answer has fields of other types than documented"))
	}
	if check, ok := out.(interface{ complete() bool }); ok && !check.complete() {
		return fail(resp.StatusCode, errors.New("the answer lacks a field that it must have"))
	}
	return nil
}

func (c *Client) newRequest(ctx context.Context, in call, o callOptions, body []byte) (*http.Request, error) {
	query := url.Values{}
	for k, v := range in.query {
		query[k] = v
	}
	if in.bearer == "" && !query.Has("client_id") {
		query.Set("client_id", c.clientID)
	}
	if o.captchaToken != "" {
		query.Set("captcha_token", o.captchaToken)
	}
	target := c.base + in.path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, in.method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	h := req.Header
	h.Set("Accept", "application/json")
	if body != nil {
		h.Set("Content-Type", "application/json")
	}
	switch {
	case in.bearer != "":
		h.Set("Authorization", "Bearer "+in.bearer)
	case c.clientSecret != "" || in.basic:
		req.SetBasicAuth(c.clientID, c.clientSecret)
	case c.publishableKey != "":
		h.Set("Authorization", "Bearer "+c.publishableKey)
	}
	if o.locale != "" {
		h.Set("Accept-Language", o.locale)
	}
	if o.deviceID != "" {
		h.Set("X-Device-Id", o.deviceID)
	}
	if o.clientAddress != "" {
		h.Set("X-Forwarded-For", o.clientAddress)
	}
	if ua := cmp.Or(o.userAgent, c.userAgent); ua != "" {
		h.Set("User-Agent", ua)
	}
	return req, nil
}

// withoutRequest takes the request out of a transport error. Its URL goes
// wherever it stands, for its query can hold a captcha token. And where a
// server got one of the secrets back into the text, by a Location or a status
// line that cannot be parsed, the text goes as a whole.
func withoutRequest(err error, req *http.Request, secrets ...string) error {
	var ue *url.Error
	for errors.As(err, &ue) {
		err = ue.Err
	}
	text := err.Error()
	for _, secret := range append(secrets, req.URL.RawQuery) {
		if secret != "" && (strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret))) {
			return errors.New("the connection failed, in words that repeat the request")
		}
	}
	return err
}

func newRequestID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
