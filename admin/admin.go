// Package admin is the operator's listener: is the process alive, is it ready, how is it.
// It is apart from the pages' listener so that nothing of it is ever reachable
// through the app's gateway. The preview of login pages is here too; the pages
// themselves belong to handlers.
package admin

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/bodies"
	"tcb-login/handlers/methods"
	"tcb-login/handlers/preview"
)

// A Dependency is something that we call, as it was when it was last called.
type Dependency struct {
	Name   string    `json:"name"`             // "tcb", "store"
	EnvID  string    `json:"env_id,omitempty"` // of a TCB environment
	Status string    `json:"status"`           // one of those below
	Detail string    `json:"detail,omitempty"` // for people
	Since  time.Time `json:"since,omitzero"`   // of the status, as far as it is known
	Heard  time.Time `json:"heard,omitzero"`   // when it was last called
}

// What a dependency can be.
const (
	Works    = "ok"
	Degraded = "degraded" // it failed when it was last called
	Unknown  = "unknown"  // nobody has called it yet
)

// Config is what the listener shows.
type Config struct {
	Version string
	Host    string // the name that we listen at, if it is one; addresses and localhost are always known
	Logger  *slog.Logger

	// Stopping reports that this instance takes requests no longer than it must. It alone makes
	// /readyz fail: no other instance, and no new one, would reach a TCB that is away, and pages that
	// say so are better than none.
	Stopping func() bool
	// Dependencies tells what is known. It must not wait for any of them: who probes would take its
	// waiting for ours.
	Dependencies func() []Dependency

	// Metrics serves /metrics; nil: there is no such page.
	Metrics http.Handler

	// Warnings are problems that leave the instance as ready as it was.
	Warnings func() []string

	// What the preview shows; none without Preview.
	Preview      *preview.Preview
	Logins       *loginpage.Pages
	Environments []string // env_ids, in the order of the settings
}

// listener holds what its requests share.
type listener struct {
	preview      *preview.Preview
	logins       *loginpage.Pages
	environments []string
}

// New assembles the listener's app.
func New(cfg Config) *fiber.App {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	app := fiber.New(fiber.Config{
		AppName:                      "tcb-login admin",
		BodyLimit:                    1 << 10, // nothing here reads one
		DisablePreParseMultipartForm: true,
		DisableStartupMessage:        true,
		ErrorHandler:                 refuse,
		ReadTimeout:                  5 * time.Second,
		IdleTimeout:                  30 * time.Second,
		RequestMethods:               methods.All,
	})
	methods.Catch(app)
	app.Use(func(c *fiber.Ctx) error {
		err := c.Next()
		cfg.Logger.Debug("operator", "method", c.Method(), "path", c.Path(), "status", c.Response().StatusCode())
		return err
	}, recovered, func(c *fiber.Ctx) error {
		setHeaders(c)
		if !knownHost(string(c.Request().Header.Host()), cfg.Host) {
			return fiber.ErrMisdirectedRequest
		}
		if bodies.Encoded(c) {
			return fiber.ErrUnsupportedMediaType // as on the other listeners, though nothing here reads one
		}
		return c.Next()
	})
	app.Get("/healthz", func(c *fiber.Ctx) error {
		return c.JSON(health{Status: "ok", Version: cfg.Version})
	})
	app.Get("/readyz", func(c *fiber.Ctx) error {
		answer := readiness(cfg)
		if answer.Status == notReady {
			c.Status(fiber.StatusServiceUnavailable)
		}
		return c.JSON(answer)
	})
	if cfg.Metrics != nil {
		app.Get("/metrics", adaptor.HTTPHandler(cfg.Metrics))
	}
	if cfg.Preview != nil {
		a := &listener{preview: cfg.Preview, logins: cfg.Logins, environments: cfg.Environments}
		app.Get("/preview/", a.getPreview)
		cfg.Preview.Install(app)
	}
	return app
}

// recovered makes an error of a panic: what breaks a page of the operator's must not end the
// process that signs people in.
func recovered(c *fiber.Ctx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.Next()
}

// setHeaders sets what every answer has.
func setHeaders(c *fiber.Ctx) {
	c.Set("X-Content-Type-Options", "nosniff")
	c.Set("Cache-Control", "no-store")
}

// refuse says what went wrong in the words of HTTP alone: what broke, or what
// was asked for, is not for the answer. Of what never became a request no handler has heard.
func refuse(c *fiber.Ctx, err error) error {
	setHeaders(c)
	status := fiber.StatusInternalServerError
	var fe *fiber.Error
	if errors.As(err, &fe) {
		status = fe.Code
	}
	return c.SendStatus(status)
}

// knownHost reports whether a Host is an address, this machine, or the name that we were told to
// listen at. Any other name is refused (DNS rebinding): its owner can point it here, and a page of
// theirs in an operator's browser could then read this listener. Browsers always send a Host; some
// probes, in HTTP/1.0, do not.
func knownHost(host, ours string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), ".")
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return true
	}
	ours = strings.TrimSuffix(ours, ".")
	return strings.EqualFold(host, "localhost") || ours != "" && strings.EqualFold(host, ours)
}

// health is both paths' answer.
type health struct {
	Status       string       `json:"status"`
	Version      string       `json:"version"`
	Problems     []string     `json:"problems,omitempty"` // why it is not ready
	Dependencies []Dependency `json:"dependencies,omitempty"`
	// Warnings are login configs that cannot be read, whose last good version serves on, headers of
	// somebody else's that keep pages from working, and an audit log that takes nothing: no other
	// instance would do better.
	Warnings []string `json:"warnings,omitempty"`
}

const notReady = "not ready"

// readiness is what is known now.
func readiness(cfg Config) health {
	answer := health{Status: "ok", Version: cfg.Version}
	if cfg.Logins != nil {
		for _, p := range cfg.Logins.Problems() {
			answer.Warnings = append(answer.Warnings, p.String())
		}
	}
	if cfg.Warnings != nil {
		answer.Warnings = append(answer.Warnings, cfg.Warnings()...)
	}
	if cfg.Dependencies != nil {
		answer.Dependencies = cfg.Dependencies()
	}
	if slices.ContainsFunc(answer.Dependencies, func(d Dependency) bool { return d.Status == Degraded }) {
		answer.Status = Degraded
	}
	if cfg.Stopping != nil && cfg.Stopping() {
		answer.Status, answer.Problems = notReady, []string{"stopping"}
	}
	return answer
}
