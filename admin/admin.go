// Package admin is the operator's listener: is the process alive, is it ready.
// It is apart from the pages' listener so that nothing of it is ever reachable
// through the app's gateway. The preview of login pages is here too; the pages
// themselves belong to handlers.
package admin

import (
	"context"
	"sort"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/config"
	"tcb-login/handlers"
)

// Check tells whether something that we depend on works; nil is yes.
type Check func(context.Context) error

// Config is what the listener shows.
type Config struct {
	Version string
	Checks  map[string]Check // by name, as "environment demo"
	Timeout time.Duration    // of all checks of a request; 3 s when 0

	// What the preview shows; none without Preview.
	Preview      *handlers.Preview
	Logins       *config.Logins
	Environments []string // env_ids, in the order of the settings
}

// listener holds what its requests share.
type listener struct {
	preview      *handlers.Preview
	logins       *config.Logins
	environments []string
}

// New assembles the listener's app.
func New(cfg Config) *fiber.App {
	if cfg.Timeout == 0 {
		cfg.Timeout = 3 * time.Second
	}
	app := fiber.New(fiber.Config{
		AppName:               "tcb-login admin",
		DisableStartupMessage: true,
		ReadTimeout:           5 * time.Second,
		IdleTimeout:           30 * time.Second,
	})
	app.Get("/healthz", func(c *fiber.Ctx) error {
		return c.JSON(health{Status: "ok", Version: cfg.Version})
	})
	app.Get("/readyz", func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(context.Background(), cfg.Timeout)
		defer cancel()
		answer := health{Status: "ok", Version: cfg.Version, Problems: problems(ctx, cfg.Checks)}
		if cfg.Logins != nil {
			for _, p := range cfg.Logins.Problems() {
				answer.Warnings = append(answer.Warnings, p.String())
			}
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

// health is both paths' answer.
type health struct {
	Status   string   `json:"status"`
	Version  string   `json:"version"`
	Problems []string `json:"problems,omitempty"`
	// Warnings are login configs that cannot be read: their last good version
	// serves on, so the instance is as ready as it was.
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
