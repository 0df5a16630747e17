//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// patience is how long any single thing may take before a test gives up on it. It is generous
// because the machine may be busy; nothing waits for it when all is well.
const patience = 30 * time.Second

var (
	browser playwright.Browser // one for the whole run; each test opens its own context
	expect  = playwright.NewPlaywrightAssertions(float64(patience.Milliseconds()))
	binary  = filepath.Join("build", "tcb-login")
)

func TestMain(m *testing.M) {
	// os.Exit skips deferred calls, so everything that needs closing lives in run.
	os.Exit(run(m))
}

func run(m *testing.M) int {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return code
}

func runAll(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join("e2e", binary), ".")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building the binary: %w\n%s", err, out)
	}

	node, err := exec.LookPath("node")
	if err != nil {
		return 0, fmt.Errorf("node: %w", err)
	}
	if err := os.Setenv("PLAYWRIGHT_NODEJS_PATH", node); err != nil {
		return 0, err
	}
	driver, err := filepath.Abs(filepath.Join("build", "driver"))
	if err != nil {
		return 0, err
	}
	if _, err := os.Stat(filepath.Join(driver, "package", "cli.js")); err != nil {
		return 0, fmt.Errorf("run e2e/setup.sh first: %w", err)
	}
	pw, err := playwright.Run(&playwright.RunOptions{DriverDirectory: driver, SkipInstallBrowsers: true})
	if err != nil {
		return 0, fmt.Errorf("starting the driver: %w", err)
	}
	defer func() { err = errors.Join(err, pw.Stop()) }()

	chromium, err := chromium()
	if err != nil {
		return 0, err
	}
	browser, err = pw.Chromium.Launch(playwright.BrowserTypeLaunchOptions{
		ExecutablePath: &chromium,
		Args: []string{
			"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync",
		},
	})
	if err != nil {
		return 0, fmt.Errorf("starting %s: %w", chromium, err)
	}
	defer func() { err = errors.Join(err, browser.Close()) }()
	defer func() { err = errors.Join(err, stopShared()) }()
	return m.Run(), nil
}

// chromium is the browser to start: the one that CHROMIUM names, else the headless shell, which is
// Chromium without the windows and toolbars that the whole one draws for every visitor, even where
// nobody sees them (two thirds of its work), else the whole one.
func chromium() (string, error) {
	if named := os.Getenv("CHROMIUM"); named != "" {
		return named, nil
	}
	for _, path := range []string{"/usr/bin/chromium-headless-shell", "/usr/bin/chromium"} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium: run e2e/setup.sh, or name one with CHROMIUM")
}
