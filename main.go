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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"tcb-login/admin"
	"tcb-login/authclient"
	"tcb-login/config"
	"tcb-login/config/input"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/emulator"
	"tcb-login/handlers"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/session"
	"tcb-login/static"
)

// version is set by the release build (-ldflags -X main.version=…).
var version = ""

// containerVariable is set in the image. What starts there without settings is more
// likely to be a deployment that lacks them than somebody who wants a demo, whose
// user and password everybody knows.
const containerVariable = settings.VariablePrefix + "CONTAINER"

type options struct {
	listen, settings, data, emulatorListen, adminListen      string
	demo, emulator, emulatorAllowRemote, check, health, show bool

	variables []string // that may be set, each a flag's but containerVariable
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args, environ []string, stdout io.Writer, stderr *os.File) int {
	env := lookUp(environ)
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
	case opts.health:
		if err := askHealth(opts, env); err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		return 0
	}
	messages, err := i18n.Load()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	s, logins, problems, misuse := load(opts, environ, messages)
	if opts.check {
		fmt.Fprint(stdout, problems)
	} else if len(problems) > 0 {
		fmt.Fprint(stderr, problems)
	}
	switch {
	case misuse != nil:
		fmt.Fprintln(stderr, misuse)
		return 2
	case problems.HasErrors():
		return 1
	}
	if opts.check {
		fmt.Fprintln(stdout, "settings are fine")
		return 0
	}
	log := newLogger(stderr, s.LogLevel)
	if err := serve(ctx, opts, s, logins, messages, log, stdout); err != nil {
		log.Error("stopped", "error", err.Error())
		return 1
	}
	return 0
}

// lookUp finds variables of an environment as os.LookupEnv does: the first counts.
func lookUp(environ []string) func(string) (string, bool) {
	values := map[string]string{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if _, ok := values[name]; !ok {
			values[name] = value
		}
	}
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

// load reads the settings, or takes those of the demo. Misuse is what is wrong with
// how the program was started rather than with a file.
func load(opts options, environ []string, messages *i18n.Bundle) (s *settings.Settings, logins *loginpage.Pages, problems input.Problems, misuse error) {
	known := opts.variables
	if opts.settings == "" {
		s, problems = settings.LaunchDemo(settings.Launch{Listen: opts.listen})
		logins = config.BuiltInPages(s)
	} else {
		env := lookUp(environ)
		launch := settings.Launch{Listen: opts.listen, Emulator: opts.emulator, Env: func(name string) (string, bool) {
			known = append(known, name) // by an env: of the settings
			return env(name)
		}}
		s, logins, problems = config.Load(opts.settings, launch, messages)
	}
	var wrong []error
	for _, v := range settings.UnknownVariables(environ, known) {
		switch {
		case slices.Contains(opts.variables, v.Near):
			wrong = append(wrong, fmt.Errorf("%s is not a variable of this program; did you mean -%s ($%s)?", v.Name, flagOf(v.Near), v.Near))
		case v.Near != "":
			wrong = append(wrong, fmt.Errorf("%s is not a variable of this program; did you mean $%s, which the settings name?", v.Name, v.Near))
		case !problems.HasErrors(): // else the settings may name it where they cannot be read
			wrong = append(wrong, fmt.Errorf("%s is not a variable of this program: it belongs to no flag (see -help), and no env: of the settings names it", v.Name))
		}
	}
	if opts.settings == "" && !opts.demo {
		wrong = append(wrong, errors.New("nothing to run: name a settings file with -settings ($TCB_LOGIN_SETTINGS), in a container one that is mounted there;\n"+
			"for a demo with an emulator of TCB, and a user whose password everybody knows, ask with -demo ($TCB_LOGIN_DEMO=true)"))
	}
	return s, logins, problems, errors.Join(wrong...)
}

func variableOf(flag string) string {
	return settings.VariablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func flagOf(variable string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, settings.VariablePrefix), "_", "-"))
}

// parseFlags reads flags, each with its environment variable as the default.
func parseFlags(args []string, env func(string) (string, bool), stderr io.Writer) (options, error) {
	container, _ := env(containerVariable)
	o := options{variables: []string{containerVariable}}
	set := flag.NewFlagSet("tcb-login", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&o.listen, "listen", "", "address of the pages (default "+settings.DefaultListen+")")
	set.StringVar(&o.settings, "settings", "", "settings file; none: the demo")
	set.BoolVar(&o.demo, "demo", container == "", "run the demo, with an emulator of TCB: without settings it runs anyway, but not in a container")
	set.StringVar(&o.data, "data", "data", "folder for the emulator's database and generated keys")
	set.BoolVar(&o.emulator, "emulator", false, "run the emulator in the place of TCB, for all environments of the settings")
	set.StringVar(&o.emulatorListen, "emulator-listen", "127.0.0.1:8081", "address of the emulator")
	set.BoolVar(&o.emulatorAllowRemote, "emulator-allow-remote", false, "let the emulator listen beyond loopback")
	set.StringVar(&o.adminListen, "admin-listen", "", "address for health, readiness and the preview of login pages (demo: 127.0.0.1:8082)")
	set.BoolVar(&o.check, "check", false, "print every problem of settings and login configs, exit 0 or 1")
	set.BoolVar(&o.health, "health", false, "ask the running server whether it answers, exit 0 or 1")
	set.BoolVar(&o.show, "version", false, "print the version")
	var errs []error
	set.VisitAll(func(f *flag.Flag) {
		name := variableOf(f.Name)
		o.variables = append(o.variables, name)
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
	for name, address := range map[string]string{"listen": o.listen, "emulator-listen": o.emulatorListen, "admin-listen": o.adminListen} {
		if complaint := settings.CheckListen(address); address != "" && complaint != "" {
			errs = append(errs, fmt.Errorf("-%s ($%s): %s", name, variableOf(name), complaint))
		}
	}
	if len(errs) > 0 {
		return o, errors.Join(errs...)
	}
	asked := false
	set.Visit(func(f *flag.Flag) { asked = asked || f.Name == "demo" && o.demo })
	if asked && o.settings != "" {
		return o, errors.New("-demo ($TCB_LOGIN_DEMO) and -settings ($TCB_LOGIN_SETTINGS) exclude each other: the demo has settings of its own")
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

// serve wires everything together, listens, and stops when ctx ends. The pages listen
// last: whoever gets there finds an emulator with its users in it.
func serve(ctx context.Context, opts options, s *settings.Settings, logins *loginpage.Pages, messages *i18n.Bundle, log *slog.Logger, stdout io.Writer) error {
	demo := opts.settings == ""
	emulate := demo || opts.emulator
	if emulate || len(s.Session.Keys) == 0 {
		unlock, err := lockFolder(opts.data)
		if err != nil {
			return err
		}
		defer unlock()
	}
	servers := []server{}
	outbox, emulated := "", ""
	if emulate {
		em, ln, err := openEmulator(opts, s, log)
		if err != nil {
			return err
		}
		defer em.Close()
		defer ln.Close()
		emulated = "http://" + reachable(ln.Addr())
		outbox = emulated + "/__emulator/"
		servers = append(servers, httpServer("emulator", em, ln))
	}
	if opts.adminListen == "" && demo {
		opts.adminListen = "127.0.0.1:8082"
	}
	var operator net.Listener
	if opts.adminListen != "" {
		var err error
		if operator, err = net.Listen("tcp", opts.adminListen); err != nil {
			return fmt.Errorf("listening for the operator: %w", err)
		}
		defer operator.Close()
	}
	pages, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("listening for the pages: %w", err)
	}
	defer pages.Close()
	cfg, err := siteConfig(opts, s, logins, messages, log, pages, emulated)
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
	go logins.Watch(ctx, reloadEvery, func(changed []loginpage.Key, problems input.Problems) { tellReload(log, changed, problems) })
	if operator != nil {
		host, _, _ := net.SplitHostPort(opts.adminListen)
		app, err := newAdmin(cfg, emulated, host)
		if err != nil {
			return err
		}
		servers = append(servers, appServer("admin", app, operator))
	}
	if demo {
		greet(stdout, pages, outbox, operator)
	}
	return runServers(ctx, servers, log)
}

// openEmulator seeds before it listens, so that nobody waits for that in a queue.
func openEmulator(opts options, s *settings.Settings, log *slog.Logger) (*emulator.Emulator, net.Listener, error) {
	// The pages' own callback is on one of the public origins, or, where none is set, on loopback,
	// which the emulator needs not be told.
	cfg := emulator.Config{Path: filepath.Join(opts.data, "emulator.db"), Logger: log, RedirectURIs: s.PublicOrigins}
	for _, env := range s.Environments {
		e := emulator.Environment{ID: env.ID, Region: env.Region}
		for _, c := range env.Clients {
			e.Clients = append(e.Clients, emulator.Client{ID: c.ID, Secret: c.Secret.Reveal(), RedirectURIs: c.RedirectURIs})
		}
		cfg.Environments = append(cfg.Environments, e)
	}
	em, err := emulator.New(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("emulator: %w", err)
	}
	ln, err := net.Listen("tcp", opts.emulatorListen)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("listening for the emulator: %w", err), em.Close())
	}
	if addr, ok := ln.Addr().(*net.TCPAddr); ok && !addr.IP.IsLoopback() && !opts.emulatorAllowRemote {
		ln.Close()
		return nil, nil, errors.Join(errors.New("the emulator is for development: it listens beyond loopback only with -emulator-allow-remote"), em.Close())
	}
	return em, ln, nil
}

// reloadEvery is how often login configs are looked at for changes.
const reloadEvery = time.Second

// tellReload logs which login pages are new, and what is wrong with those whose
// last good version serves on.
func tellReload(log *slog.Logger, changed []loginpage.Key, problems input.Problems) {
	for _, key := range changed {
		log.Info("login config read", "env_id", key.Env, "app_id", key.App, "config_version", key.Version)
	}
	for _, p := range problems {
		level := slog.LevelWarn
		if p.Severity == input.SeverityError {
			level = slog.LevelError
		}
		log.Log(context.Background(), level, "login config", "problem", p.String())
	}
}

// siteConfig wires what the pages need.
func siteConfig(opts options, s *settings.Settings, logins *loginpage.Pages, messages *i18n.Bundle, log *slog.Logger, pages net.Listener, emulated string) (handlers.Config, error) {
	none := handlers.Config{}
	keys, err := sessionKeys(s, opts.data)
	if err != nil {
		return none, err
	}
	memory := limit.NewMemory(limit.MemoryConfig{})
	sessions, err := session.New(session.Config{Keys: keys, Deny: memory, BasePath: s.BasePath})
	if err != nil {
		return none, err
	}
	assets, err := static.Load()
	if err != nil {
		return none, err
	}
	cfg := handlers.Config{
		Settings: s,
		Origins:  s.PublicOrigins,
		NewAuth: func(env settings.Environment, c settings.Client) (handlers.Auth, error) {
			return newClient(s, env, c, emulated)
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

// newClient makes every client of TCB there is. Where the emulator runs none reaches
// anything else, whatever the settings say.
func newClient(s *settings.Settings, env settings.Environment, c settings.Client, emulated string) (*authclient.Client, error) {
	endpoint, published := emulated, "" // the emulator has keys of its own
	if endpoint == "" {
		endpoint, published = env.Endpoint, env.PublishableKey.Reveal()
	}
	return authclient.New(authclient.Config{
		Env: env.ID, Region: env.Region, ClientID: c.ID, ClientSecret: c.Secret.Reveal(),
		PublishableKey: published,
		Endpoint:       endpoint, Timeout: s.BackendTimeout, UserAgent: "tcb-login/" + buildVersion(),
	})
}

// sessionKeys are the operator's, or one that is made once and kept in the data
// folder. A key that lived only in memory would end every sign-in under way at
// a restart.
func sessionKeys(s *settings.Settings, data string) ([][]byte, error) {
	var keys [][]byte
	for _, k := range s.Session.Keys {
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
	if err := os.WriteFile(path, key, 0o600); err != nil {
		return nil, fmt.Errorf("session key: %w", err)
	}
	return [][]byte{key}, nil
}

// newAdmin is ready when every environment's API answers at all.
func newAdmin(site handlers.Config, emulated, host string) (app, error) {
	preview, err := handlers.NewPreview(site)
	if err != nil {
		return nil, err
	}
	s := site.Settings
	cfg := admin.Config{Version: buildVersion(), Host: host, Checks: map[string]admin.Check{}, Preview: preview, Logins: site.Logins}
	for _, env := range s.Environments {
		cfg.Environments = append(cfg.Environments, env.ID)
		// One for all checks: each client has connections of its own.
		client, err := newClient(s, env, env.Clients[0], emulated)
		if err != nil {
			return nil, err
		}
		cfg.Checks["environment "+env.ID] = func(ctx context.Context) error {
			_, err := client.IsUsernameRegistered(ctx, "readiness-check")
			if errors.Is(err, authclient.ErrUnreachable) {
				return err
			}
			return nil
		}
	}
	return admin.New(cfg), nil
}

// greet tells a newcomer where everything is.
func greet(w io.Writer, pages net.Listener, outbox string, operator net.Listener) {
	fmt.Fprintf(w, "\n  Demo app   http://%s/\n  Outbox     %s   (codes by SMS and e-mail arrive here)\n  Preview    http://%s/preview/   (every page in every state)\n  User       demo / Demo-pass-1\n\n",
		reachable(pages.Addr()), outbox, reachable(operator.Addr()))
}

// reachable is the address of a listener for who is on this machine: one that
// listens everywhere has an address that is nobody's.
func reachable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return addr.String()
}

// askHealth asks the server that was started in the same way whether it answers. Any
// answer will do: only its own listener is being asked about. Settings and login
// configs that broke since the start say nothing about it.
func askHealth(opts options, env func(string) (string, bool)) error {
	listen, base := settings.Listener(opts.settings, settings.Launch{Listen: opts.listen, Env: env})
	host, port, err := net.SplitHostPort(listen)
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
	resp, err := client.Get("http://" + net.JoinHostPort(host, port) + base + "/static/health")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("the server answers %s", resp.Status)
	}
	return nil
}
