// Command tcb-login serves the login page of apps on Tencent CloudBase under
// /__auth/. With nothing set it runs a demo: the page, an emulator of TCB's
// auth API, and a small app to sign in to. See README.md.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"strings"
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
	"tcb-login/limit"
	"tcb-login/session"
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
	if code, ok := runSub(ctx, args, environ, stdout, stderr); ok {
		return code
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
	var hangUps <-chan os.Signal
	if !opts.check {
		var ignore func()
		ctx, hangUps, ignore = serverSignals(ctx, opts.readsAnew())
		defer ignore()
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
	level := new(slog.LevelVar)
	level.Set(s.LogLevel)
	log, flush := newLogger(stderr, level)
	defer flush()
	log.Info("starting", "version", buildVersion())
	r := &serving{opts: opts, environ: environ, messages: messages, log: log, level: level, hangUps: hangUps, settings: s, logins: logins}
	if err := r.serve(ctx, stdout); err != nil {
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
		problems = append(problems, checkAudit(opts.settings, s)...)
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

// runSub runs a sub-command, if one is asked for.
func runSub(ctx context.Context, args, environ []string, stdout io.Writer, stderr *os.File) (code int, ok bool) {
	if len(args) == 0 {
		return 0, false
	}
	process := command.Process{Env: lookUp(environ), Environ: environ, Variables: variables(), Stdout: stdout, Stderr: stderr}
	switch args[0] {
	case "emulator":
		return runEmulator(ctx, args[1:], process, stderr), true
	case "config":
		return command.Config(args[1:], process, addressOf), true
	case "configs":
		return runConfigs(args[1:], process, stderr), true
	case "audit":
		return command.Audit(args[1:], process), true
	}
	return 0, false
}

// runConfigs is the sub-command "configs".
func runConfigs(args []string, process command.Process, stderr *os.File) int {
	messages, err := i18n.Load()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	log, flush := newLogger(stderr, slog.LevelInfo)
	defer flush()
	process.Log, process.Now = log, time.Now
	if u, err := user.Current(); err == nil {
		process.User = command.UserOf(process.Env, u.Username)
	}
	return command.Configs(args, process, messages)
}

// runEmulator is the sub-command "emulator". Signals come to it one by one, since it hands them on
// to what it runs.
func runEmulator(ctx context.Context, args []string, process command.Process, stderr *os.File) int {
	log, flush := newLogger(stderr, slog.LevelWarn)
	defer flush()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	defer signal.Stop(signals)
	defer outliveReaders()()
	process.Stdin, process.Log, process.Signals, process.LockFolder = os.Stdin, log, signals, lockFolder
	return command.Emulator(context.WithoutCancel(ctx), args, process)
}

// load reads the settings, or takes those of the demo. Misuse is what is wrong with
// how the program was started rather than with a file.
func load(opts options, environ []string, messages *i18n.Bundle) (s *settings.Settings, logins *loginpage.Pages, problems input.Problems, misuse error) {
	known := settings.Variables{Environ: environ, Flags: variables(), Flag: flagOf}
	if opts.settings == "" {
		s, problems = settings.LaunchDemo(settings.Launch{Listen: opts.listen})
		s.PublicOrigins = opts.origins
		logins = config.BuiltInPages(s)
	} else {
		launch := settings.Launch{Listen: opts.listen, Emulator: opts.emulator, Env: lookUp(environ), Named: func(name string) {
			known.Named = append(known.Named, name)
		}}
		s, logins, problems = config.Load(opts.settings, launch, messages)
	}
	known.Unread = problems.HasErrors() // the settings may name one where they cannot be read
	wrong := []error{known.Wrong()}
	if opts.settings == "" && !opts.demo {
		wrong = append(wrong, errors.New("nothing to run: name a settings file with -settings ($TCB_LOGIN_SETTINGS), in a container one that is mounted there;\n"+
			"for a demo with an emulator of TCB, and a user whose password everybody knows, ask with -demo ($TCB_LOGIN_DEMO=true)"))
	}
	return s, logins, problems, errors.Join(wrong...)
}

// newLogger writes lines for a person at a terminal, who sees them at once, or for programs. What
// is left of those is written by flush.
func newLogger(w *os.File, level slog.Leveler) (log *slog.Logger, flush func()) {
	o := &slog.HandlerOptions{Level: level}
	if term.IsTerminal(int(w.Fd())) {
		return slog.New(slog.NewTextHandler(w, o)), func() {}
	}
	buffer := &logBuffer{to: w}
	return slog.New(promptHandler{lineHandler{slog.NewJSONHandler(buffer, o), buffer}, buffer.Flush}), buffer.Flush
}

// serve wires everything together, listens, and stops when ctx ends. The pages listen
// last: whoever gets there finds an emulator with its users in it.
func (r *serving) serve(ctx context.Context, stdout io.Writer) error {
	demo := r.opts.settings == ""
	r.emulated = demo || r.opts.emulator
	if r.usesFolder(r.settings) {
		if err := r.folder.take(r.opts.data); err != nil {
			return err
		}
	}
	defer r.folder.release()
	servers, outbox, devicesGoTo := []server{}, "", func(string) error { return nil }
	if r.emulated {
		em, ln, err := openEmulator(r.opts, r.settings, r.log)
		if err != nil {
			return err
		}
		defer em.Close()
		defer ln.Close()
		outbox, devicesGoTo = useEmulator(r.settings, ln)+outboxPath, em.SetVerificationURI
		servers = append(servers, emulatorServer(em, ln))
	}
	r.opts.adminListen = adminAddress(r.opts.adminListen, demo)
	operator, err := listenOperator(r.opts.adminListen)
	if err != nil {
		return err
	}
	defer closeIf(operator)
	pages, err := listenProxied(ctx, r.settings.Listen)
	if err != nil {
		return fmt.Errorf("listening for the pages: %w", err)
	}
	defer pages.Close()
	requests, endRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer endRequests()
	if err := r.configure(requests, pages, outbox, stdout); err != nil {
		return err
	}
	defer r.ops.audit.Close()
	if err := devicesGoTo(r.site.Origins[0] + r.settings.BasePath + entry.PathDevice); err != nil {
		return err
	}
	if servers, err = r.assemble(servers, pages, operator); err != nil {
		return err
	}
	if err := r.ops.watch(ctx, r.logins); err != nil {
		return err
	}
	go r.reloadOn(ctx, r.hangUps)
	if demo {
		greet(stdout, r.opts.origins, pages, outbox, operator)
	}
	return runServers(ctx, servers, stopping{leaving: &r.ops.leaving, delay: r.opts.shutdownDelay, within: r.settings.BackendTimeout + stopGrace}, r.log)
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
	cfg := emulator.Config{
		Path: filepath.Join(opts.data, "emulator.db"), Logger: log, RedirectURIs: s.PublicOrigins, ControlToken: opts.controlToken,
	}
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

// useEmulator has no client of TCB reach anything but the emulator, whatever the settings say.
func useEmulator(s *settings.Settings, ln net.Listener) (address string) {
	address = "http://" + command.Reachable(ln.Addr())
	for i := range s.Environments {
		s.Environments[i].Endpoint, s.Environments[i].PublishableKey = address, settings.Secret{} // it has keys of its own
	}
	return address
}

// newSessions seals sessions under the keys of settings.
func newSessions(s *settings.Settings, data string, store limit.Store) (*session.Manager, error) {
	keys, err := sessionKeys(s, data)
	if err != nil {
		return nil, err
	}
	return session.New(session.Config{Keys: keys, BasePath: s.BasePath, Deny: store, Quota: handlers.SessionQuota(store)})
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
	key, err := keptKey(data)
	return [][]byte{key}, err
}

// greet tells a newcomer where everything is.
func greet(w io.Writer, origins []string, pages net.Listener, outbox string, operator net.Listener) {
	app := "Demo app   http://" + command.Reachable(pages.Addr()) + "/"
	if len(origins) > 0 {
		app = "Your app   " + strings.Join(origins, " ") + "   (its server passes /__auth/ on to http://" + command.Reachable(pages.Addr()) + ")"
	}
	fmt.Fprintf(w, "\n  %s\n  Outbox     %s   (codes by SMS and email arrive here)\n  Preview    http://%s/preview/   (every page in every state)\n  User       demo / Demo-pass-1\n\n",
		app, outbox, command.Reachable(operator.Addr()))
}
