package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"tcb-login/audit"
	"tcb-login/config"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/handlers/cut"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/files"
	"tcb-login/handlers/headers"
	"tcb-login/handlers/journal"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/methods"
	"tcb-login/handlers/origins"
	"tcb-login/handlers/refusal"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/metrics"
	"tcb-login/session"
	"tcb-login/static"
	"tcb-login/views"
)

// Config is everything the pages need; all of it but LoginPages, Demo, Audit, Metrics, Leaving, Now, CallClock and Rand is required.
type Config struct {
	Context    context.Context // ends requests that the server does not wait for any longer
	Settings   *settings.Settings
	Origins    []string // where browsers reach us: Settings.PublicOrigins, or loopback at the real port
	NewAuth    func(settings.Environment, settings.Client) (entry.Auth, error)
	LoginPages *loginpage.Pages // nil: the built-in page everywhere
	Sessions   *session.Manager
	Counter    limit.Counter
	Outcomes   limit.Outcomes
	Values     limit.Values
	Messages   *i18n.Bundle
	Static     *static.Files
	Logger     *slog.Logger
	Demo       *Demo
	Audit      *audit.Log   // none when nil
	Metrics    *metrics.Set // none when nil
	Leaving    func() bool  // this instance is about to stop: no connection is to be kept
	Now        func() time.Time
	CallClock  func() time.Time // by which the floor sees how long TCB takes
	Rand       io.Reader
}

// Demo turns on the demo app at /, or leads from there to an app in development.
type Demo struct {
	Outbox string // address of the emulator's outbox
	// App is the origin of an app in development, whose own server passes our paths on; empty where
	// there is none. It is one of Config.Origins.
	App string
	// Hosts are what that server may write into Host instead of what the browser sent, as those of
	// Vite and Next.js do unasked: the address that it passes requests on to.
	Hosts []string
}

// Site is what all requests share. Nothing in it changes once routes hang.
type Site struct {
	*files.Files

	Counter limit.Counter
	Values  limit.Values
	Timeout time.Duration // of one call to TCB
	Demo    *Demo

	places     entry.Places
	origins    origins.Hosts
	proxies    limits.Proxies
	headers    *headers.Headers
	sessions   *session.Manager
	log        *slog.Logger
	journal    *journal.Journal
	single     limit.Counter // Counter, whose uses are not on record
	ctx        context.Context
	leaving    func() bool
	now        func() time.Time
	rand       io.Reader
	floor      *limits.Floor
	outcomes   limit.Outcomes
	common     *cut.Cache[commonKey]
	marks      *marks
	scripts    views.Assets  // what every page has of them
	lastResort func() []byte // the page for when rendering itself fails
	rows       []Row
	allowed    methods.Table

	metrics      *metrics.Set
	nowhereCount *metrics.Route // of what is no page
}

// NewSite checks cfg and makes what pages share.
func NewSite(cfg Config) (*Site, error) {
	if cfg.Context == nil || cfg.Settings == nil || cfg.NewAuth == nil || cfg.Sessions == nil || cfg.Counter == nil || cfg.Outcomes == nil ||
		cfg.Values == nil || cfg.Messages == nil || cfg.Static == nil || cfg.Logger == nil {
		return nil, errors.New("handlers: Config lacks a required field")
	}
	if cfg.Leaving == nil {
		cfg.Leaving = func() bool { return false }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.CallClock == nil {
		cfg.CallClock = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.LoginPages == nil {
		cfg.LoginPages = config.BuiltInPages(cfg.Settings)
	}
	s := &Site{
		Counter: journal.Counter(cfg.Counter), single: cfg.Counter, Values: cfg.Values, Timeout: cfg.Settings.BackendTimeout, Demo: cfg.Demo,
		proxies: cfg.Settings.TrustedProxies, sessions: cfg.Sessions, log: cfg.Logger,
		ctx: cfg.Context, leaving: cfg.Leaving, now: cfg.Now, rand: cfg.Rand,
		journal: &journal.Journal{Log: cfg.Logger, Audit: cfg.Audit, Metrics: cfg.Metrics, Now: cfg.Now},
		metrics: cfg.Metrics, nowhereCount: cfg.Metrics.Route("any", ""),
		floor: limits.NewFloor(cfg.Settings.RefusalFloor), outcomes: cfg.Outcomes, common: cut.NewCache[commonKey](commonPages),
	}
	s.floor.Clock = cfg.CallClock
	s.headers = headers.New(cfg.Origins, cfg.Settings.BasePath, cfg.Settings.ImageHosts, cfg.Settings.HSTSMaxAge)
	var err error
	if s.origins, err = origins.New(cfg.Origins); err != nil {
		return nil, err
	}
	if cfg.Demo != nil && cfg.Demo.App != "" {
		s.origins.Rewritten(cfg.Demo.Hosts, cfg.Demo.App)
	}
	if s.marks, err = newMarks(s.Random); err != nil {
		return nil, err
	}
	environments, err := entry.NewEnvironments(cfg.Settings.Environments, cfg.NewAuth)
	if err != nil {
		return nil, err
	}
	s.places = entry.Places{
		Base: cfg.Settings.BasePath, Environments: environments, OnlyEnv: entry.Only(environments),
		LoginPages: cfg.LoginPages, Messages: cfg.Messages, Demo: cfg.Demo != nil,
	}
	s.Files = files.New(files.Config{
		Base: s.places.Base, Static: cfg.Static, Pages: cfg.LoginPages, Environments: environments, Messages: cfg.Messages, Logger: cfg.Logger,
	})
	s.scripts = views.Assets{
		Script: s.Asset("app.js"), Complete: s.Asset("complete.js"), Demo: s.Asset("demo.js"),
		Account: s.Asset("account.js"), PortalScript: s.Asset("portal.js"),
	}
	s.places.ThemeOf = s.ThemeOf
	s.lastResort = sync.OnceValue(s.renderLastResort)
	return s, nil
}

// Now is the time.
func (s *Site) Now() time.Time { return s.now() }

// Random fills b.
func (s *Site) Random(b []byte) error {
	_, err := io.ReadFull(s.rand, b)
	return err
}

// Messages are those of all pages that no login page changes.
func (s *Site) Messages() *i18n.Bundle { return s.places.Messages }

// Base is the base path, as /__auth.
func (s *Site) Base() string { return s.places.Base }

// SetPortal tells where the pages are that next= may name.
func (s *Site) SetPortal(next map[string]string) { s.places.Next = next }

// renderLastResort makes the page for when rendering itself fails, of nothing that came with a request.
func (s *Site) renderLastResort() []byte {
	r := &entry.LoginRequest{Base: s.places.Base, Loc: s.places.Messages.Match()}
	var buf bytes.Buffer
	page := s.errorPage(r, &refusal.Problem{Title: "error.title", Lead: "error.page.internal"}, "")
	if err := page.Component().Render(s.ctx, &buf); err != nil {
		s.log.Error("the page for a failure", "error", err.Error())
		return []byte(http.StatusText(http.StatusInternalServerError))
	}
	return buf.Bytes()
}
