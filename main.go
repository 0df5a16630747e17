// Command tcb-login serves the login page of apps on Tencent CloudBase under
// /__auth/. With nothing set it runs a demo: the page, an emulator of TCB's
// auth API, and a small app to sign in to. See README.md.
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"tcb-login/admin"
	"tcb-login/authclient"
	"tcb-login/config"
	"tcb-login/emulator"
	"tcb-login/handlers"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/session"
	"tcb-login/static"
)

// version is set by the release build (-ldflags -X main.version=…).
var version = ""

type options struct {
	listen, settings, data, emulatorListen, adminListen string
	emulator, emulatorAllowRemote, check, health, show  bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, env func(string) (string, bool), stdout io.Writer, stderr *os.File) int {
	opts, err := parseFlags(args, env, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, err)
		return 2
	case opts.show:
		fmt.Fprintln(stdout, buildVersion())
		return 0
	}
	messages, err := i18n.Load()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	settings, problems := config.Demo(), config.Problems(nil)
	logins := config.BuiltInLogins(settings)
	if opts.settings != "" {
		settings, logins, problems = config.LoadAll(opts.settings, env, messages)
	}
	if opts.check {
		fmt.Fprint(stdout, problems)
	} else if len(problems) > 0 {
		fmt.Fprint(stderr, problems)
	}
	if problems.HasErrors() {
		return 1
	}
	if opts.check {
		fmt.Fprintln(stdout, "settings are fine")
		return 0
	}
	if opts.listen != "" {
		settings.Listen = opts.listen
	}
	if opts.health {
		if err := askHealth(settings); err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		return 0
	}
	log := newLogger(stderr, settings.LogLevel)
	if err := serve(ctx, opts, settings, logins, messages, log, stdout); err != nil {
		log.Error("stopped", "error", err.Error())
		return 1
	}
	return 0
}

// parseFlags reads flags, each with its environment variable as the default.
func parseFlags(args []string, env func(string) (string, bool), stderr io.Writer) (options, error) {
	var o options
	set := flag.NewFlagSet("tcb-login", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&o.listen, "listen", "", "address of the pages (default "+config.DefaultListen+")")
	set.StringVar(&o.settings, "settings", "", "settings file; none: a demo with an emulator of TCB")
	set.StringVar(&o.data, "data", "data", "folder for the emulator's database and generated keys")
	set.BoolVar(&o.emulator, "emulator", false, "run the emulator for the environments of the settings")
	set.StringVar(&o.emulatorListen, "emulator-listen", "127.0.0.1:8081", "address of the emulator")
	set.BoolVar(&o.emulatorAllowRemote, "emulator-allow-remote", false, "let the emulator listen beyond loopback")
	set.StringVar(&o.adminListen, "admin-listen", "", "address for health, readiness and the preview of login pages (demo: 127.0.0.1:8082)")
	set.BoolVar(&o.check, "check", false, "print every problem of settings and login configs, exit 0 or 1")
	set.BoolVar(&o.health, "health", false, "ask the running server whether it answers, exit 0 or 1")
	set.BoolVar(&o.show, "version", false, "print the version")
	var errs []error
	set.VisitAll(func(f *flag.Flag) {
		name := "TCB_LOGIN_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		f.Usage += " [$" + name + "]"
		if v, ok := env(name); ok && v != "" {
			if err := set.Set(f.Name, v); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	if len(errs) > 0 {
		return o, errors.Join(errs...)
	}
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if set.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	return o, nil
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

func newLogger(w *os.File, level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if term.IsTerminal(int(w.Fd())) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

// serve wires everything together, listens, and stops when ctx ends.
func serve(ctx context.Context, opts options, settings *config.Settings, logins *config.Logins, messages *i18n.Bundle, log *slog.Logger, stdout io.Writer) error {
	demo := opts.settings == ""
	pages, err := net.Listen("tcp", settings.Listen)
	if err != nil {
		return fmt.Errorf("listening for the pages: %w", err)
	}
	defer pages.Close()
	servers := []server{}
	outbox, emulated := "", ""
	if demo || opts.emulator {
		em, ln, err := openEmulator(opts, settings, log)
		if err != nil {
			return err
		}
		defer em.Close()
		emulated = "http://" + ln.Addr().String()
		outbox = emulated + "/__emulator/"
		servers = append(servers, httpServer("emulator", em, ln))
	}
	cfg, err := siteConfig(opts, settings, logins, messages, log, pages, emulated)
	if err != nil {
		return err
	}
	if demo {
		cfg.Demo = &handlers.Demo{Outbox: outbox}
	}
	site, err := handlers.New(cfg)
	if err != nil {
		return err
	}
	servers = append(servers, appServer("login", site, pages))
	go logins.Watch(ctx, reloadEvery, func(changed []config.LoginKey, problems config.Problems) { tellReload(log, changed, problems) })
	if opts.adminListen == "" && demo {
		opts.adminListen = "127.0.0.1:8082"
	}
	if opts.adminListen != "" {
		ln, err := net.Listen("tcp", opts.adminListen)
		if err != nil {
			return fmt.Errorf("listening for the operator: %w", err)
		}
		defer ln.Close()
		opts.adminListen = ln.Addr().String()
		operator, err := newAdmin(cfg, emulated)
		if err != nil {
			return err
		}
		servers = append(servers, appServer("admin", operator, ln))
	}
	if demo {
		greet(stdout, pages, outbox, opts.adminListen)
	}
	return runServers(ctx, servers, log)
}

func openEmulator(opts options, settings *config.Settings, log *slog.Logger) (*emulator.Emulator, net.Listener, error) {
	if err := os.MkdirAll(opts.data, 0o700); err != nil {
		return nil, nil, fmt.Errorf("emulator: %w", err)
	}
	// The page's own callback is on one of the public origins, or, where none is set, on loopback, which the emulator needs not be told.
	cfg := emulator.Config{Path: filepath.Join(opts.data, "emulator.db"), Logger: log, RedirectURIs: settings.PublicOrigins}
	for _, env := range settings.Environments {
		e := emulator.Environment{ID: env.ID, Region: env.Region}
		for _, c := range env.Clients {
			e.Clients = append(e.Clients, emulator.Client{ID: c.ID, Secret: c.Secret.Reveal(), RedirectURIs: c.RedirectURIs})
		}
		cfg.Environments = append(cfg.Environments, e)
	}
	ln, err := net.Listen("tcp", opts.emulatorListen)
	if err != nil {
		return nil, nil, fmt.Errorf("listening for the emulator: %w", err)
	}
	if addr, ok := ln.Addr().(*net.TCPAddr); ok && !addr.IP.IsLoopback() && !opts.emulatorAllowRemote {
		ln.Close()
		return nil, nil, errors.New("the emulator is for development: it listens beyond loopback only with -emulator-allow-remote")
	}
	em, err := emulator.New(cfg)
	if err != nil {
		ln.Close()
		return nil, nil, fmt.Errorf("emulator: %w", err)
	}
	return em, ln, nil
}

// reloadEvery is how often login configs are looked at for changes.
const reloadEvery = time.Second

// tellReload logs which login pages are new, and what is wrong with those whose
// last good version serves on.
func tellReload(log *slog.Logger, changed []config.LoginKey, problems config.Problems) {
	for _, key := range changed {
		log.Info("login config read", "env_id", key.Env, "app_id", key.App, "config_version", key.Version)
	}
	for _, p := range problems {
		level := slog.LevelWarn
		if p.Severity == config.SeverityError {
			level = slog.LevelError
		}
		log.Log(context.Background(), level, "login config", "problem", p.String())
	}
}

// siteConfig wires what the pages need.
func siteConfig(opts options, settings *config.Settings, logins *config.Logins, messages *i18n.Bundle, log *slog.Logger, pages net.Listener, emulated string) (handlers.Config, error) {
	none := handlers.Config{}
	keys, err := sessionKeys(settings, opts.data)
	if err != nil {
		return none, err
	}
	memory := limit.NewMemory(limit.MemoryConfig{})
	sessions, err := session.New(session.Config{Keys: keys, Deny: memory, BasePath: settings.BasePath})
	if err != nil {
		return none, err
	}
	assets, err := static.Load()
	if err != nil {
		return none, err
	}
	cfg := handlers.Config{
		Settings: settings,
		Origins:  settings.PublicOrigins,
		NewAuth: func(env config.Environment, c config.Client) (handlers.Auth, error) {
			return newClient(settings, env, c, emulated)
		},
		Logins:   logins,
		Sessions: sessions,
		Counter:  memory,
		Messages: messages,
		Static:   assets,
		Logger:   log,
	}
	if len(cfg.Origins) == 0 {
		_, port, err := net.SplitHostPort(pages.Addr().String())
		if err != nil {
			return none, err
		}
		for _, host := range []string{"127.0.0.1", "localhost", "::1"} {
			cfg.Origins = append(cfg.Origins, "http://"+net.JoinHostPort(host, port))
		}
	}
	return cfg, nil
}

func newClient(settings *config.Settings, env config.Environment, c config.Client, emulated string) (*authclient.Client, error) {
	endpoint := env.Endpoint
	if endpoint == "" {
		endpoint = emulated
	}
	return authclient.New(authclient.Config{
		Env: env.ID, Region: env.Region, ClientID: c.ID, ClientSecret: c.Secret.Reveal(),
		PublishableKey: env.PublishableKey.Reveal(),
		Endpoint:       endpoint, Timeout: settings.BackendTimeout, UserAgent: "tcb-login/" + buildVersion(),
	})
}

// sessionKeys are the operator's, or one that is made once and kept in the data
// folder. A key that lived only in memory would end every sign-in under way at
// a restart.
func sessionKeys(settings *config.Settings, data string) ([][]byte, error) {
	var keys [][]byte
	for _, k := range settings.Session.Keys {
		keys = append(keys, []byte(k.Reveal()))
	}
	if len(keys) > 0 {
		return keys, nil
	}
	path := filepath.Join(data, "session.key")
	key, err := os.ReadFile(path)
	if err == nil {
		return [][]byte{key}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("session key: %w", err)
	}
	b := make([]byte, session.MinKey)
	rand.Read(b)
	key = []byte(base64.RawURLEncoding.EncodeToString(b))
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("session key: %w", err)
	}
	if err := os.WriteFile(path, key, 0o600); err != nil {
		return nil, fmt.Errorf("session key: %w", err)
	}
	return [][]byte{key}, nil
}

// newAdmin is ready when every environment's API answers at all.
func newAdmin(site handlers.Config, emulated string) (app, error) {
	preview, err := handlers.NewPreview(site)
	if err != nil {
		return nil, err
	}
	settings := site.Settings
	cfg := admin.Config{Version: buildVersion(), Checks: map[string]admin.Check{}, Preview: preview, Logins: site.Logins}
	for _, env := range settings.Environments {
		cfg.Environments = append(cfg.Environments, env.ID)
		cfg.Checks["environment "+env.ID] = func(ctx context.Context) error {
			client, err := newClient(settings, env, env.Clients[0], emulated)
			if err != nil {
				return err
			}
			_, err = client.IsUsernameRegistered(ctx, "readiness-check")
			if errors.Is(err, authclient.ErrUnreachable) {
				return err
			}
			return nil
		}
	}
	return admin.New(cfg), nil
}

// greet tells a newcomer where everything is.
func greet(w io.Writer, pages net.Listener, outbox, operator string) {
	fmt.Fprintf(w, "\n  Demo app   http://%s/\n  Outbox     %s   (codes by SMS and e-mail arrive here)\n  Preview    http://%s/preview/   (every page in every state)\n  User       demo / Demo-pass-1\n\n",
		pages.Addr(), outbox, operator)
}

// askHealth asks the server that runs with the same settings whether it
// answers. Any answer will do: only its own listener is being asked about.
func askHealth(settings *config.Settings) error {
	host, port, err := net.SplitHostPort(settings.Listen)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	client := &http.Client{
		Timeout:       3 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Get("http://" + net.JoinHostPort(host, port) + settings.BasePath + "/static/health")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("the server answers %s", resp.Status)
	}
	return nil
}
