package command

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tcb-login/config/input"
	"tcb-login/config/settings"
	"tcb-login/emulator"
	"tcb-login/emulator/guard"
	"tcb-login/emulator/seed"
)

const emulatorUsage = `usage: tcb-login emulator -env ID [flags]
       tcb-login emulator schema

Runs an emulator of TCB's auth API by itself, for developing and testing an app. When it is ready it
prints one line of JSON on stdout, with its url; what it prints later comes from -exec.

  -env ID               the environment's id, any; its client has the same id. May be repeated
  -region REGION        of the environments; phone numbers sign in in ap-shanghai alone (default ap-shanghai)
  -listen ADDRESS       default 127.0.0.1:8081; port 0 takes a free one [$TCB_LOGIN_EMULATOR_LISTEN]
  -data DIR             keep everything in this folder; without it all is gone at the end
  -seed FILE            users to begin with, as JSON; without it there is demo / Demo-pass-1
  -exec COMMAND         run this by the shell when ready, with TCB_EMULATOR_URL, TCB_ENV_ID and, if there
                        is a token, TCB_EMULATOR_TOKEN; stop with it, and exit with its code
  -control-token TOKEN  for the controls under /__emulator/, sent as Authorization: Bearer TOKEN. Without it
                        they are for this machine alone; where -listen is open to others one is made and
                        stands in the line [$TCB_LOGIN_CONTROL_TOKEN]

  schema                print the JSON Schema of the file for -seed, for editors

  tcb-login emulator -env my-env -listen 127.0.0.1:0 -seed users.json -exec "npm test"
`

const defaultEmulatorListen = "127.0.0.1:8081"

// emulatorStop is how long calls in flight have at the end.
const emulatorStop = 5 * time.Second

// emulatorArgs are the arguments of "emulator".
type emulatorArgs struct {
	envs                                    []string
	region, listen, data, seed, exec, token string
}

// Ready is the line that says that the emulator is.
type Ready struct {
	Ready      bool     `json:"ready"`
	URL        string   `json:"url"`       // of the API, without /auth
	ReadyURL   string   `json:"ready_url"` // answers 200
	ConsoleURL string   `json:"console_url"`
	EnvIDs     []string `json:"env_ids"`
	// ControlToken is one that was made. Who gave one knows it, and logs are read by others.
	ControlToken string `json:"control_token,omitempty"`
}

// Emulator runs the emulator by itself until a signal comes, or until the command of -exec ends.
func Emulator(ctx context.Context, args []string, p Process) int {
	if len(args) == 1 && args[0] == "schema" {
		_, _ = p.Stdout.Write(seed.Schema)
		return codeDone
	}
	a, err := parseEmulator(args, p)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return codeDone
	case err != nil:
		return p.misused(err)
	}
	if err := p.unknown(nil, a.exec != ""); err != nil { // what it runs may know more
		fmt.Fprintln(p.Stderr, err)
		return codeMisuse
	}
	users, problems := readSeed(a.seed)
	if len(problems) > 0 {
		fmt.Fprint(p.Stderr, problems)
		return codeRefused
	}
	code, err := a.run(ctx, p, users)
	if err != nil {
		fmt.Fprintln(p.Stderr, err)
		return max(code, codeRefused)
	}
	return code
}

// parseEmulator reads the arguments.
func parseEmulator(args []string, p Process) (a emulatorArgs, err error) {
	set := flag.NewFlagSet("tcb-login emulator", flag.ContinueOnError)
	set.SetOutput(p.Stderr)
	set.Usage = func() { fmt.Fprint(p.Stderr, emulatorUsage) }
	a.listen, _ = p.Env(settings.VariablePrefix + "EMULATOR_LISTEN")
	if a.listen == "" {
		a.listen = defaultEmulatorListen
	}
	a.token, _ = p.Env(settings.VariablePrefix + "CONTROL_TOKEN")
	set.Func("env", "", func(id string) error {
		switch {
		case !input.IsID(id):
			return errors.New("no environment's id")
		case slices.Contains(a.envs, id):
			return errors.New("named twice")
		}
		a.envs = append(a.envs, id)
		return nil
	})
	set.StringVar(&a.region, "region", settings.DefaultRegion, "")
	set.StringVar(&a.listen, "listen", a.listen, "")
	set.StringVar(&a.data, "data", "", "")
	set.StringVar(&a.seed, "seed", "", "")
	set.StringVar(&a.exec, "exec", "", "")
	set.StringVar(&a.token, "control-token", a.token, "")
	if err := set.Parse(args); err != nil {
		return a, err
	}
	switch complaint := settings.CheckListen(a.listen); {
	case set.NArg() > 0:
		return a, fmt.Errorf("unexpected argument %q; a command with its arguments is one word of -exec", set.Arg(0))
	case len(a.envs) == 0:
		return a, errors.New("name the environment with -env; any id will do:\n" + strings.TrimSpace(emulatorUsage))
	case complaint != "":
		return a, errors.New("-listen: " + complaint)
	}
	if a.token, err = guard.Token(a.token); err != nil {
		return a, fmt.Errorf("-control-token: %w", err)
	}
	return a, nil
}

// readSeed returns nil without a file, which means the demo user.
func readSeed(name string) ([]seed.User, input.Problems) {
	if name == "" {
		return nil, nil
	}
	unreadable := func(err error) input.Problems {
		return input.Problems{{File: name, Severity: input.SeverityError, Message: input.PlainError(err).Error()}}
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, unreadable(err)
	}
	defer file.Close()
	data, err := input.ReadLimited(file, seed.MaxSize)
	if err != nil {
		return nil, unreadable(err)
	}
	return seed.Parse(name, data)
}

// run seeds, listens, says so, and waits for the end.
func (a emulatorArgs) run(ctx context.Context, p Process, users []seed.User) (code int, err error) {
	ln, err := net.Listen("tcp", a.listen)
	if err != nil {
		return codeRefused, fmt.Errorf("listening for the emulator: %w", err)
	}
	defer ln.Close()
	ready := Ready{Ready: true, URL: "http://" + Reachable(ln.Addr()), EnvIDs: a.envs}
	ready.ReadyURL, ready.ConsoleURL = ready.URL+"/__emulator/ready", ready.URL+"/__emulator/"
	if tcp, ok := ln.Addr().(*net.TCPAddr); a.token == "" && ok && !tcp.IP.IsLoopback() {
		a.token = guard.NewToken()
		ready.ControlToken = a.token
	}
	em, unlock, err := a.open(p, users)
	if err != nil {
		return codeRefused, err
	}
	defer unlock()
	defer func() { err = errors.Join(err, em.Close()) }()
	server := emulator.NewServer(em)
	failed := make(chan error, 1)
	go func() {
		if err := server.Serve(ln); err != nil {
			failed <- fmt.Errorf("emulator: %w", err)
		}
	}()
	if err := json.NewEncoder(p.Stdout).Encode(ready); err != nil {
		return codeRefused, fmt.Errorf("emulator: ready, and nobody to tell: %w", err)
	}
	code, err = a.wait(p, ready, failed)
	stopping, cancel := context.WithTimeout(ctx, emulatorStop)
	defer cancel()
	if server.Shutdown(stopping) != nil {
		_ = server.Close() // cuts off what is still in flight
	}
	return code, err
}

// open makes the emulator with its users in it.
func (a emulatorArgs) open(p Process, users []seed.User) (em *emulator.Emulator, unlock func(), err error) {
	cfg := emulator.Config{Logger: p.Log, Users: users, ControlToken: a.token}
	for _, id := range a.envs {
		cfg.Environments = append(cfg.Environments, emulator.Environment{ID: id, Region: a.region})
	}
	unlock = func() {}
	if a.data != "" {
		if unlock, err = p.LockFolder(a.data); err != nil {
			return nil, nil, err
		}
		cfg.Path = filepath.Join(a.data, "emulator.db")
	}
	if em, err = emulator.New(cfg); err != nil {
		unlock()
		return nil, nil, err
	}
	return em, unlock, nil
}

// wait lasts until a signal comes or the server fails; with -exec, until the command ends.
func (a emulatorArgs) wait(p Process, ready Ready, failed <-chan error) (code int, err error) {
	if a.exec == "" {
		select {
		case <-p.Signals:
			return codeDone, nil
		case err := <-failed:
			return codeRefused, err
		}
	}
	environ := append(slices.Clone(p.Environ), "TCB_EMULATOR_URL="+ready.URL, "TCB_ENV_ID="+a.envs[0])
	if a.token != "" {
		environ = append(environ, "TCB_EMULATOR_TOKEN="+a.token)
	}
	return runShell(a.exec, environ, p, failed)
}

// Reachable is the address of a listener for who is on this machine: one that listens everywhere has
// an address that is nobody's.
func Reachable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return addr.String()
}
