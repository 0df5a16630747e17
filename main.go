// Command tcb-login serves the login page of apps on Tencent CloudBase under
// /__auth/. With nothing set it runs a demo: the page, an emulator of TCB's
// auth API, and a small app to sign in to. See README.md.
package main

import (
	"cmp"
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
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/term"

	"tcb-login/command"
	"tcb-login/config"
	"tcb-login/config/input"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/emulator"
	"tcb-login/handlers"
	"tcb-login/handlers/entry"
	"tcb-login/i18n"
	"tcb-login/session"
	"tcb-login/static"
)

func main() {
	collectLater()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// collectLater lets the heap grow to four times of what lives, where GOGC does not say otherwise. A
// page leaves some 10 KB behind, and little lives: the garbage of a few hundred pages would be
// collected anew and anew, and that of the start for nothing.
func collectLater() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
}

func run(ctx context.Context, args, environ []string, stdout io.Writer, stderr *os.File) int {
	env := lookUp(environ)
	if len(args) > 0 && args[0] == "configs" {
		return runConfigs(args[1:], env, stdout, stderr)
	}
	if len(args) > 0 && args[0] == "audit" {
		return command.Audit(args[1:], command.Process{Env: env, Stdout: stdout, Stderr: stderr})
	}
	if len(args) > 0 && args[0] == "config" {
		return command.Config(args[1:], command.Process{Env: env, Stdout: stdout, Stderr: stderr}, addressOf)
	}
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
	if opts.check && misuse == nil {
		return check(ctx, opts, s, logins, problems, stdout)
	}
	fmt.Fprint(stderr, problems)
	switch {
	case misuse != nil:
		fmt.Fprintln(stderr, misuse)
		return 2
	case problems.HasErrors():
		return 1
	}
	log, flush := newLogger(stderr, s.LogLevel)
	defer flush()
	log.Info("starting", "version", buildVersion())
	if err := serve(ctx, opts, s, logins, messages, log, stdout); err != nil {
		log.Error("stopped", "error", err.Error())
		return 1
	}
	return 0
}

// check prints what is wrong with settings and login configs. What they lead to is asked only where they
// are right.
func check(ctx context.Context, opts options, s *settings.Settings, logins *loginpage.Pages, problems input.Problems, stdout io.Writer) int {
	fine := "settings are fine"
	if !problems.HasErrors() {
		problems = append(problems, checkStore(ctx, opts.settings, s)...)
		if opts.online {
			problems = append(problems, checkOnline(ctx, opts.settings, s, logins)...)
			fine += ", and TCB has nothing against them; that a way to sign in works is shown by signing in alone"
		}
	}
	fmt.Fprint(stdout, problems)
	if problems.HasErrors() {
		return 1
	}
	fmt.Fprintln(stdout, fine)
	return 0
}

// runConfigs is the sub-command "configs".
func runConfigs(args []string, env func(string) (string, bool), stdout io.Writer, stderr *os.File) int {
	messages, err := i18n.Load()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	log, flush := newLogger(stderr, slog.LevelInfo)
	defer flush()
	process := command.Process{Env: env, Stdout: stdout, Stderr: stderr, Log: log, Now: time.Now}
	if u, err := user.Current(); err == nil {
		process.User = command.UserOf(env, u.Username)
	}
	return command.Configs(args, process, messages)
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

// newLogger writes lines for a person at a terminal, who sees them at once, or for programs. What
// is left of those is written by flush.
func newLogger(w *os.File, level slog.Level) (log *slog.Logger, flush func()) {
	o := &slog.HandlerOptions{Level: level}
	if term.IsTerminal(int(w.Fd())) {
		return slog.New(slog.NewTextHandler(w, o)), func() {}
	}
	buffer := &logBuffer{to: w}
	return slog.New(promptHandler{slog.NewJSONHandler(buffer, o), buffer.Flush}), buffer.Flush
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
	servers, emulated, devicesGoTo := []server{}, "", func(string) error { return nil }
	if emulate {
		em, ln, err := openEmulator(opts, s, log)
		if err != nil {
			return err
		}
		defer em.Close()
		defer ln.Close()
		emulated, devicesGoTo = useEmulator(s, ln), em.SetVerificationURI
		servers = append(servers, httpServer("emulator", em, ln))
	}
	opts.adminListen = adminAddress(opts.adminListen, demo)
	operator, err := listenOperator(opts.adminListen)
	if err != nil {
		return err
	}
	defer closeIf(operator)
	pages, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("listening for the pages: %w", err)
	}
	defer pages.Close()
	requests, endRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer endRequests()
	cfg, err := siteConfig(requests, opts, s, logins, messages, log, pages, emulated)
	if err != nil {
		return err
	}
	ops, err := newOperations(&cfg, stdout)
	if err != nil {
		return err
	}
	defer ops.audit.Close()
	site, err := newSite(cfg, devicesGoTo)
	if err != nil {
		return err
	}
	servers = append(servers, appServer("login", site, pages))
	if err := ops.watch(ctx, logins); err != nil {
		return err
	}
	if servers, err = ops.serve(servers, cfg, opts.adminListen, operator); err != nil {
		return err
	}
	if demo {
		greet(stdout, pages, emulated+outboxPath, operator)
	}
	return runServers(ctx, servers, stopping{leaving: &ops.leaving, delay: opts.shutdownDelay, within: s.BackendTimeout + stopGrace}, log)
}

// adminAddress is where the operator's listener is to be: the demo has one unasked.
func adminAddress(said string, demo bool) string {
	if demo {
		return cmp.Or(said, "127.0.0.1:8082")
	}
	return said
}

// listenOperator returns nil where there is to be no listener for the operator.
func listenOperator(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for the operator: %w", err)
	}
	return ln, nil
}

func closeIf(ln net.Listener) {
	if ln != nil {
		ln.Close()
	}
}

// outboxPath is where the emulator shows what it sent.
const outboxPath = "/__emulator/"

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

// siteConfig wires what the pages need. requests is what ends them.
func siteConfig(requests context.Context, opts options, s *settings.Settings, logins *loginpage.Pages, messages *i18n.Bundle, log *slog.Logger, pages net.Listener, emulated string) (handlers.Config, error) {
	none := handlers.Config{}
	keys, err := sessionKeys(s, opts.data)
	if err != nil {
		return none, err
	}
	store, err := openStore(requests, s, log)
	if err != nil {
		return none, err
	}
	sessions, err := session.New(session.Config{
		Keys: keys, BasePath: s.BasePath,
		Deny: store, Quota: handlers.SessionQuota(store),
	})
	if err != nil {
		return none, err
	}
	assets, err := static.Load()
	if err != nil {
		return none, err
	}
	cfg := handlers.Config{
		Context:    requests,
		Settings:   s,
		Origins:    s.PublicOrigins,
		LoginPages: logins,
		Sessions:   sessions,
		Counter:    store,
		Outcomes:   store,
		Values:     store,
		Messages:   messages,
		Static:     assets,
		Logger:     log,
	}
	if opts.settings == "" {
		cfg.Demo = &handlers.Demo{Outbox: emulated + outboxPath}
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

// newSite makes the pages, to one of which the emulator's devices send people.
func newSite(cfg handlers.Config, devicesGoTo func(string) error) (app, error) {
	if err := devicesGoTo(cfg.Origins[0] + cfg.Settings.BasePath + entry.PathDevice); err != nil {
		return nil, err
	}
	return handlers.New(cfg)
}

// useEmulator has no client of TCB reach anything but the emulator, whatever the settings say.
func useEmulator(s *settings.Settings, ln net.Listener) (address string) {
	address = "http://" + reachable(ln.Addr())
	for i := range s.Environments {
		s.Environments[i].Endpoint, s.Environments[i].PublishableKey = address, settings.Secret{} // it has keys of its own
	}
	return address
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
