// Package admin is the operator's listener: is the process alive, is it ready.
// It is apart from the pages' listener so that nothing of it is ever reachable
// through the app's gateway. The preview of login pages is here too; the pages
// themselves belong to handlers.
package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sort"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/preview"
	"tcb-login/handlers/web"
)

// Check tells whether something that we depend on works; nil is yes.
type Check func(context.Context) error

// Config is what the listener shows.
type Config struct {
	Version string
	Checks  map[string]Check // by name, as "environment demo"
	Timeout time.Duration    // of all checks of a request; 3 s when 0
	Host    string           // the name that we listen at, if it is one; addresses and localhost are always known

	// Warnings are problems that leave the instance as ready as it was.
	Warnings func() []string

	// Degraded is what the instance does without for a time, as a store that it shares with others:
	// it is ready all the same, since none would do better.
	Degraded func() []string

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
	if cfg.Timeout == 0 {
		cfg.Timeout = 3 * time.Second
	}
	app := fiber.New(fiber.Config{
		AppName:                      "tcb-login admin",
		BodyLimit:                    1 << 10, // nothing here reads one
		DisablePreParseMultipartForm: true,
		DisableStartupMessage:        true,
		ErrorHandler:                 refuse,
		ReadTimeout:                  5 * time.Second,
		IdleTimeout:                  30 * time.Second,
		RequestMethods:               web.Methods,
	})
	web.CatchMethods(app)
	app.Use(recovered, func(c *fiber.Ctx) error {
		c.Set("X-Content-Type-Options", "nosniff")
		c.Set("Cache-Control", "no-store")
		if !knownHost(string(c.Request().Header.Host()), cfg.Host) {
			return fiber.ErrMisdirectedRequest
		}
		return c.Next()
	})
	app.Get("/healthz", func(c *fiber.Ctx) error {
		return c.JSON(health{Status: "ok", Version: cfg.Version})
	})
	app.Get("/readyz", func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(c.UserContext(), cfg.Timeout)
		defer cancel()
		answer := health{Status: "ok", Version: cfg.Version, Problems: problems(ctx, cfg.Checks)}
		if cfg.Logins != nil {
			for _, p := range cfg.Logins.Problems() {
				answer.Warnings = append(answer.Warnings, p.String())
			}
		}
		if cfg.Warnings != nil {
			answer.Warnings = append(answer.Warnings, cfg.Warnings()...)
		}
		if cfg.Degraded != nil {
			answer.Degraded = cfg.Degraded()
		}
		if len(answer.Degraded) > 0 {
			answer.Status = "degraded"
		}
		if len(answer.Problems) > 0 {
			answer.Status = "not ready"
			c.Status(fiber.StatusServiceUnavailable)
		}
		return c.JSON(answer)
	})
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

// refuse says what went wrong in the words of HTTP alone: what broke, or what
// was asked for, is not for the answer.
func refuse(c *fiber.Ctx, err error) error {
	status := fiber.StatusInternalServerError
	var fe *fiber.Error
	if errors.As(err, &fe) {
		status = fe.Code
	}
	return c.SendStatus(status)
}

// knownHost tells that a Host is an address, this machine, or the name that we
// were told to listen at. Any other name may be somebody's who has it lead here,
// for their page in an operator's browser to read what this listener shows (DNS
// rebinding). Browsers always send a Host; some probes, in HTTP/1.0, do not.
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
	Status   string   `json:"status"`
	Version  string   `json:"version"`
	Problems []string `json:"problems,omitempty"`
	Degraded []string `json:"degraded,omitempty"`
	// Warnings are login configs that cannot be read, whose last good version serves on, and headers
	// of somebody else's that keep pages from working: no other instance would do better.
	Warnings []string `json:"warnings,omitempty"`
}

// problems runs the checks side by side and names those that failed.
func problems(ctx context.Context, checks map[string]Check) []string {
	type result struct {
		name string
		err  error
	}
	results := make(chan result, len(checks))
	for name, check := range checks {
		go func() { results <- result{name, check(ctx)} }()
	}
	var failed []string
	for range checks {
		if r := <-results; r.err != nil {
			failed = append(failed, r.name+": "+r.err.Error())
		}
	}
	sort.Strings(failed)
	return failed
}
