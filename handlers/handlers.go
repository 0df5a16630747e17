// Package handlers is the web side of the login page: it turns requests into
// calls to TCB and answers into pages. It is the only package, with admin,
// that knows Fiber.
//
// How a request goes:
//
//	bytes (../framing)           refused where they can be read in more than one way
//	middleware (middleware.go)   request id, log line, page origin from Host, headers
//	login request (request.go)   the query string, parsed and judged once, redirect_uri included (redirect.go)
//	session and CSRF             the cookie, cross-site refusal
//	handler                      one file per flow; parses, validates, calls, renders or redirects
//	errors.go                    one table from TCB's codes to status and words; one place that makes error pages
//
// The login request rides in the URL of every page, and a step under way in the
// sealed flow= beside it (flow.go), so nothing here depends on which tab is
// which, and a lost cookie costs a code, not the way back to the app. Every
// POST that calls TCB goes through guarded (captcha.go), which asks for a
// captcha in place where TCB wants one.
//
// No POST redirects off our origin, and credentials are in one answer only, the
// completion page (complete.go).
//
// The account portal (portal.go, account.go and those beside it) works from the
// login that the app's SDK has in the browser, which a script hands over
// (takeover.go); changes that could lock somebody out want a step-up before
// (stepup.go). Identity providers serve sign-in, linking and step-up alike
// (provider.go).
package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tcb-login/authclient"
	"tcb-login/config"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/session"
	"tcb-login/static"
)

// Auth is what handlers use of authclient.Client.
type Auth interface {
	SignIn(context.Context, authclient.SignInRequest, ...authclient.CallOption) (*authclient.Credentials, error)
	SignInAnonymously(context.Context, ...authclient.CallOption) (*authclient.Credentials, error)
	SignUp(context.Context, authclient.SignUpRequest, ...authclient.CallOption) (*authclient.Credentials, error)
	Revoke(context.Context, string, ...authclient.CallOption) error
	GetVerification(context.Context, authclient.GetVerificationRequest, ...authclient.CallOption) (*authclient.Verification, error)
	IsUsernameRegistered(context.Context, string, ...authclient.CallOption) (bool, error)
	Verify(context.Context, authclient.VerifyRequest, ...authclient.CallOption) (*authclient.VerificationToken, error)
	ResetPassword(context.Context, authclient.ResetPasswordRequest, ...authclient.CallOption) error
	GetCaptchaData(context.Context, authclient.Call, ...authclient.CallOption) (*authclient.CaptchaData, error)
	VerifyCaptchaData(context.Context, string, string, ...authclient.CallOption) (*authclient.CaptchaToken, error)
	RefreshToken(context.Context, string, ...authclient.CallOption) (*authclient.Credentials, error)
	GenProviderRedirectURI(context.Context, authclient.GenProviderRedirectURIRequest, ...authclient.CallOption) (*authclient.ProviderRedirectURI, error)
	GrantProviderToken(context.Context, authclient.GrantProviderTokenRequest, ...authclient.CallOption) (*authclient.ProviderToken, error)
	SignInWithProvider(context.Context, authclient.SignInWithProviderRequest, ...authclient.CallOption) (*authclient.Credentials, error)

	// AsUser makes the calls of somebody who is signed in.
	AsUser(accessToken string) *authclient.User
}

// Config is everything the pages need; all of it but Logins, Demo, Now and Rand is required.
type Config struct {
	Settings *settings.Settings
	Origins  []string // where browsers reach us: Settings.PublicOrigins, or loopback at the real port
	NewAuth  func(settings.Environment, settings.Client) (Auth, error)
	Logins   *loginpage.Pages // nil: the built-in page everywhere
	Sessions *session.Manager
	Counter  limit.Counter
	Messages *i18n.Bundle
	Static   *static.Files
	Logger   *slog.Logger
	Demo     *Demo
	Now      func() time.Time
	Rand     io.Reader
}

// Demo turns on the demo app at /.
type Demo struct {
	Outbox string // address of the emulator's outbox
}

// Handler holds what all requests share.
type Handler struct {
	base         string // base path, as /__auth
	origins      map[string][]origin
	proxies      []netip.Prefix
	environments map[string]*environment
	onlyEnv      *environment // set when there is exactly one
	logins       *loginpage.Pages
	looks        looks
	builtIn      *look // of pages without a login config
	sessions     *session.Manager
	counter      limit.Counter
	messages     *i18n.Bundle
	static       *static.Files
	log          *slog.Logger
	demo         *Demo
	validate     *validator.Validate
	csp          map[string]string // by page origin
	hsts         string
	timeout      time.Duration
	now          func() time.Time
	rand         io.Reader
	crossOrigin  *http.CrossOriginProtection
	lastResort   []byte
	flows        []*codeFlow
	stepUp       *codeFlow   // of the portal, as the two below
	contacts     []*codeFlow // a new phone number, a new e-mail address
	imageHosts   []string    // origins that pages may show pictures of
	floor        *floor
	issued       [2]atomic.Pointer[issued] // the last verification seen, by SMS and by e-mail; see decoy
}

// environment is one TCB environment that we serve.
type environment struct {
	settings.Environment
	clients    map[string]*client
	onlyClient *client
}

// client is one client_id of an environment.
type client struct {
	settings.Client
	auth Auth
}

const (
	bodyLimit   = maxPicture + 64<<10 // a captcha's picture, and all else that a form can hold
	headerLimit = 16 << 10
	// grace is what a page gets on top of a call's own timeout, for the calls
	// that follow it (a captcha's picture, a profile).
	grace = 5 * time.Second
)

// New checks cfg and assembles the app: what main, tests and benchmarks run.
func New(cfg Config) (*fiber.App, error) {
	h, err := newHandler(cfg)
	if err != nil {
		return nil, err
	}
	app := fiber.New(fiber.Config{
		AppName:                      "tcb-login",
		BodyLimit:                    bodyLimit,
		DisablePreParseMultipartForm: true, // nobody here reads such bodies
		DisableStartupMessage:        true,
		ErrorHandler:                 h.refuseEarly, // observe handles what handlers return
		Immutable:                    true,          // strings outlive the request's buffer
		ReadBufferSize:               headerLimit,
		ReadTimeout:                  15 * time.Second,
		WriteTimeout:                 h.timeout + grace + 15*time.Second,
		IdleTimeout:                  75 * time.Second,
		CaseSensitive:                true, // as cookie paths and proxy rules are
		RequestMethods:               Methods,
	})
	CatchMethods(app)
	h.install(app)
	return app, nil
}

// methodUnknown is the method of requests with one that HTTP does not know.
const methodUnknown = "UNKNOWN"

// Methods are those that an app routes, once CatchMethods is called on it.
var Methods = append(slices.Clone(fiber.DefaultMethods), methodUnknown)

// CatchMethods sends requests with a method that Fiber does not know through the
// app's handlers. Fiber answers them itself, before any handler, and without the
// headers that every answer of ours has.
func CatchMethods(app *fiber.App) {
	server := app.Server()
	next := server.Handler
	server.Handler = func(ctx *fasthttp.RequestCtx) {
		if !slices.Contains(Methods, string(ctx.Method())) {
			ctx.Request.Header.SetMethod(methodUnknown)
		}
		next(ctx)
	}
}

func newHandler(cfg Config) (*Handler, error) {
	if cfg.Settings == nil || cfg.NewAuth == nil || cfg.Sessions == nil || cfg.Counter == nil ||
		cfg.Messages == nil || cfg.Static == nil || cfg.Logger == nil {
		return nil, errors.New("handlers: Config lacks a required field")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = defaultRand
	}
	if cfg.Logins == nil {
		cfg.Logins = config.BuiltInPages(cfg.Settings)
	}
	h := &Handler{
		base:         cfg.Settings.BasePath,
		origins:      map[string][]origin{},
		proxies:      cfg.Settings.TrustedProxies,
		environments: map[string]*environment{},
		logins:       cfg.Logins,
		sessions:     cfg.Sessions,
		counter:      cfg.Counter,
		messages:     cfg.Messages,
		static:       cfg.Static,
		log:          cfg.Logger,
		demo:         cfg.Demo,
		validate:     newValidator(),
		csp:          map[string]string{},
		timeout:      cfg.Settings.BackendTimeout,
		now:          cfg.Now,
		rand:         cfg.Rand,
		crossOrigin:  http.NewCrossOriginProtection(),
		imageHosts:   cfg.Settings.ImageHosts,
		floor:        newFloor(cfg.Settings.RefusalFloor),
	}
	if max := cfg.Settings.HSTSMaxAge; max > 0 {
		// Never for subdomains: the host is the app's, and so is that decision.
		h.hsts = fmt.Sprintf("max-age=%d", int(max.Seconds()))
	}
	for _, o := range cfg.Origins {
		scheme, host, ok := strings.Cut(o, "://")
		if !ok || host == "" {
			return nil, fmt.Errorf("handlers: %q is no origin", o)
		}
		h.origins[host] = append(h.origins[host], origin{scheme: scheme, text: o})
		h.csp[o] = contentSecurityPolicy(o, h.base, cfg.Settings.ImageHosts)
	}
	for _, env := range cfg.Settings.Environments {
		e := &environment{Environment: env, clients: map[string]*client{}}
		for _, c := range env.Clients {
			auth, err := cfg.NewAuth(env, c)
			if err != nil {
				return nil, fmt.Errorf("handlers: environment %s, client %s: %w", env.ID, c.ID, err)
			}
			e.clients[c.ID] = &client{Client: c, auth: auth}
			e.onlyClient = e.clients[c.ID]
		}
		if len(e.clients) != 1 {
			e.onlyClient = e.clients[env.ID]
		}
		h.environments[env.ID] = e
		h.onlyEnv = e
	}
	if len(h.environments) != 1 {
		h.onlyEnv = nil
	}
	h.builtIn = &look{messages: h.messages, style: h.asset("app.css")}
	h.looks.byHash, h.looks.sheets, h.looks.media = map[string]*look{}, map[string]*static.File{}, map[string]*loginpage.Media{}
	h.flows = []*codeFlow{h.signInBySMS(), h.signInByEmail(), h.signUp(), h.resetPassword()}
	h.stepUp, h.contacts = h.stepUpFlow(), []*codeFlow{h.newPhone(), h.newEmail()}
	if err := h.renderLastResort(); err != nil {
		return nil, err
	}
	return h, nil
}
