package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"tcb-login/config/settings"
	"tcb-login/emulator/guard"
)

// containerVariable is set in the image. What starts there without settings is more
// likely to be a deployment that lacks them than somebody who wants a demo, whose
// user and password everybody knows.
const containerVariable = settings.VariablePrefix + "CONTAINER"

// maxShutdownDelay is more than any proxy needs, and less than it takes to think that we hang.
const maxShutdownDelay = 5 * time.Minute

const usage = `usage: tcb-login [flags]        serve the login page; without -settings, a demo
       tcb-login emulator …     run the emulator of TCB's auth API by itself, for tests and CI
       tcb-login config …       print the settings in force, or their schema
       tcb-login configs …      publish drafts of login configs
       tcb-login audit …        find somebody in the audit log

Each sub-command says more with -h. Flags, each also a variable:
`

type options struct {
	listen, settings, data, emulatorListen, adminListen, controlToken string
	demo, emulator, emulatorAllowRemote, check, online, health, show  bool
	shutdownDelay                                                     time.Duration
	origins                                                           []string // of apps that the demo's pages are for
}

func variableOf(flag string) string {
	return settings.VariablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func flagOf(variable string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, settings.VariablePrefix), "_", "-"))
}

// variables are those that may be set, each a flag's but containerVariable.
func variables() []string {
	all := []string{containerVariable}
	newFlags(new(options), false).VisitAll(func(f *flag.Flag) { all = append(all, variableOf(f.Name)) })
	return all
}

// newFlags are the flags, which set options. In a container there is no demo unasked.
func newFlags(o *options, container bool) *flag.FlagSet {
	set := flag.NewFlagSet("tcb-login", flag.ContinueOnError)
	set.StringVar(&o.listen, "listen", "", "address of the pages (default "+settings.DefaultListen+")")
	set.StringVar(&o.settings, "settings", "", "settings file; none: the demo")
	set.BoolVar(&o.demo, "demo", !container, "run the demo, with an emulator of TCB: without settings it runs anyway, but not in a container")
	set.Func("origin", "with the demo: the `origin` of an app of yours, as http://localhost:5173, whose server passes /__auth/ on; several with commas", o.setOrigins)
	set.StringVar(&o.data, "data", "data", "folder for the emulator's database and generated keys")
	set.BoolVar(&o.emulator, "emulator", false, "run the emulator in the place of TCB, for all environments of the settings")
	set.StringVar(&o.emulatorListen, "emulator-listen", "127.0.0.1:8081", "address of the emulator")
	set.StringVar(&o.controlToken, "control-token", "", "`token` that opens the emulator's controls from anywhere, and without which this machine has none either; none: this machine alone")
	set.BoolVar(&o.emulatorAllowRemote, "emulator-allow-remote", false, "let the emulator listen beyond loopback")
	set.StringVar(&o.adminListen, "admin-listen", "", "address for health, readiness and the preview of login pages (demo: 127.0.0.1:8082)")
	set.Func("shutdown-delay", "for which `duration` to take requests after SIGTERM, with readiness false, until proxies have heard of it (default 0s)", o.setShutdownDelay)
	set.BoolVar(&o.check, "check", false, "print every problem of settings and login configs, exit 0 or 1")
	set.BoolVar(&o.online, "online", false, "with -check: also ask TCB, without side effects, whether it goes together with the settings")
	set.BoolVar(&o.health, "health", false, "ask the running server whether it answers, exit 0 or 1")
	set.BoolVar(&o.show, "version", false, "print the version")
	return set
}

// parseFlags reads flags, each with its environment variable as the default.
func parseFlags(args []string, env func(string) (string, bool), stderr io.Writer) (options, error) {
	container, _ := env(containerVariable)
	o := options{}
	set := newFlags(&o, container != "")
	set.SetOutput(stderr)
	set.Usage = func() {
		fmt.Fprint(stderr, usage)
		set.PrintDefaults()
	}
	bad := map[string]error{} // by the names of flags
	set.VisitAll(func(f *flag.Flag) {
		name := variableOf(f.Name)
		f.Usage += " [$" + name + "]"
		if v, ok := env(name); ok && v != "" {
			if err := set.Set(f.Name, v); err != nil {
				bad[f.Name] = fmt.Errorf("%s: %w, found %q", name, plainer(f, err), v)
			}
		}
	})
	if err := set.Parse(args); err != nil {
		return o, err
	}
	set.Visit(func(f *flag.Flag) { delete(bad, f.Name) }) // the flag itself goes before its variable
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		errs = append(errs, bad[name])
	}
	if len(errs) > 0 {
		return o, errors.Join(errs...)
	}
	if set.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	if errs = o.wrong(); len(errs) > 0 {
		return o, errors.Join(errs...)
	}
	asked := false
	set.Visit(func(f *flag.Flag) { asked = asked || f.Name == "demo" && o.demo })
	// Such as ${UNSET} in a compose file: somebody has settings, and must not get the demo with its
	// known password.
	if v, ok := env(variableOf("settings")); ok && v == "" && o.settings == "" && o.demo && !asked {
		return o, fmt.Errorf("%s is empty: name a file, or leave it out", variableOf("settings"))
	}
	if asked && o.settings != "" {
		return o, errors.New("-demo ($TCB_LOGIN_DEMO) and -settings ($TCB_LOGIN_SETTINGS) exclude each other: the demo has settings of its own")
	}
	return o, nil
}

// plainer says of a value what is wanted, where package flag says "parse error".
func plainer(f *flag.Flag, err error) error {
	if b, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
		return errors.New("want true or false")
	}
	return err
}

func (o *options) setShutdownDelay(value string) (err error) {
	if o.shutdownDelay, err = time.ParseDuration(value); err != nil {
		return errors.New(`want a duration like "10s"`)
	}
	return nil
}

// wrong is what is wrong with single values.
func (o *options) wrong() (errs []error) {
	if o.shutdownDelay < 0 || o.shutdownDelay > maxShutdownDelay {
		errs = append(errs, fmt.Errorf("-shutdown-delay ($%s): want 0 to %v", variableOf("shutdown-delay"), maxShutdownDelay))
	}
	errs = append(errs, o.wrongOrigins()...)
	if o.online && (!o.check || o.settings == "" || o.emulator) {
		errs = append(errs, fmt.Errorf("-online ($%s) goes with -check and -settings, and not with -emulator: it asks TCB", variableOf("online")))
	}
	var err error
	if o.controlToken, err = guard.Token(o.controlToken); err != nil {
		errs = append(errs, fmt.Errorf("-control-token ($%s): %w", variableOf("control-token"), err))
	}
	for name, address := range map[string]string{"listen": o.listen, "emulator-listen": o.emulatorListen, "admin-listen": o.adminListen} {
		if complaint := settings.CheckListen(address); address != "" && complaint != "" {
			errs = append(errs, fmt.Errorf("-%s ($%s): %s", name, variableOf(name), complaint))
		}
	}
	return errs
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
