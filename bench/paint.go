package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/playwright-community/playwright-go"
	"tcb-login/bench/wire"
)

const paintsOf = 20

// paint compares when Chromium first shows something of the sign-in page: of ours, and of the bare
// program, which has the same page, style sheet and script.
func (b *bench) paint(ctx context.Context, r *report) (err error) {
	browser, stop, err := startBrowser(ctx)
	if err != nil {
		r.note("first contentful paint: not measured: %v", err)
		return nil
	}
	defer func() { err = errors.Join(err, stop()) }()
	ours, err := b.startOurs(ctx, "paint", b.settings())
	if err != nil {
		return err
	}
	defer b.stop(ours)
	t := newTarget(ours.addr, ours.origin())
	answers, err := t.wholePage(t.entry("/"))
	if err != nil {
		return err
	}
	bare, err := b.startBare(ctx, "bare-paint", answers, "-instead-of", ours.origin())
	if err != nil {
		return err
	}
	defer b.stop(bare)
	var rounds []pair
	for i := range paintsOf + 1 {
		var p pair
		for _, who := range []int{i % 2, 1 - i%2} {
			c, to := ours, &p.ours
			if who == 1 {
				c, to = bare, &p.bare
			}
			if *to, err = firstPaint(ctx, browser, c.origin()+t.entry("/")); err != nil {
				return err
			}
		}
		if i > 0 { // the first warms all up
			rounds = append(rounds, p)
		}
	}
	r.figures = append(r.figures, figure{fmt.Sprintf("first contentful paint, of %d loads", paintsOf), "ms", compare(rounds), budget{times: 1.3}})
	return nil
}

// wholePage is a page with its style sheet and script, each at its own path.
func (t *target) wholePage(address string) (answers []wire.Answer, err error) {
	v := t.visitor()
	paths := []string{address}
	for i := 0; i < len(paths); i++ {
		resp, err := v.send(v.shot("GET", paths[i], ""))
		if err != nil {
			return nil, err
		}
		if resp.StatusCode() != 200 {
			return nil, fmt.Errorf("%s: status %d", paths[i], resp.StatusCode())
		}
		path, _, _ := strings.Cut(paths[i], "?")
		answers = append(answers, answerOf(path, resp))
		if i > 0 {
			continue
		}
		page := string(resp.Body())
		for _, found := range append(styleTag.FindAllStringSubmatch(page, -1), scriptTag.FindAllStringSubmatch(page, -1)...) {
			paths = append(paths, found[1])
		}
	}
	return answers, nil
}

// firstPaint is when a new visitor's browser first shows something of a page, in ms.
func firstPaint(ctx context.Context, browser playwright.Browser, address string) (ms float64, err error) {
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	c, err := browser.NewContext(playwright.BrowserNewContextOptions{Locale: playwright.String("zh-CN")})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	c.SetDefaultTimeout(float64(patience / time.Millisecond))
	page, err := c.NewPage()
	if err != nil {
		return 0, err
	}
	if _, err := page.Goto(address); err != nil {
		return 0, err
	}
	got, err := page.Evaluate(`() => new Promise((done) => new PerformanceObserver((list) => {
		for (const e of list.getEntriesByName("first-contentful-paint")) done(String(e.startTime));
	}).observe({ type: "paint", buffered: true }))`)
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(fmt.Sprint(got), &ms)
	return ms, err
}

// startBrowser starts the Chromium of the browser tests, as e2e does it.
func startBrowser(ctx context.Context) (playwright.Browser, func() error, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, nil, err
	}
	driver, err := filepath.Abs(filepath.Join("e2e", "build", "driver"))
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(filepath.Join(driver, "package", "cli.js")); err != nil {
		return nil, nil, errors.New("no driver of a browser: run e2e/setup.sh first, and this from the folder of the module")
	}
	path, err := chromium()
	if err != nil {
		return nil, nil, err
	}
	if err := os.Setenv("PLAYWRIGHT_NODEJS_PATH", node); err != nil {
		return nil, nil, err
	}
	pw, err := playwright.Run(&playwright.RunOptions{DriverDirectory: driver, SkipInstallBrowsers: true, Verbose: false})
	if err != nil {
		return nil, nil, fmt.Errorf("starting the driver: %w", err)
	}
	browser, err := pw.Chromium.Launch(playwright.BrowserTypeLaunchOptions{
		ExecutablePath: &path,
		HandleSIGINT:   playwright.Bool(false), // we stop it ourselves
		Args: []string{
			"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync",
		},
	})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("starting %s: %w", path, err), pw.Stop())
	}
	end := context.AfterFunc(ctx, func() { _ = browser.Close() }) // what waits for a page then fails
	return browser, func() error {
		if !end() {
			return pw.Stop()
		}
		return errors.Join(browser.Close(), pw.Stop())
	}, nil
}

// chromium is the browser to start: see e2e.
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
