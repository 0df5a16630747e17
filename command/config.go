package command

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"tcb-login/config/settings"
)

const configUsage = `usage: tcb-login config print -settings FILE
       tcb-login config schema

  print    show the settings that are in force: defaults filled in, secrets masked, each with where it
           comes from, and which address of TCB's is called
  schema   print the JSON Schema of settings, for editors; wants no settings
`

// Config shows settings: "config print"; or prints their schema. address is where an environment's
// calls go.
func Config(args []string, p Process, address func(settings.Environment) string) int {
	if len(args) == 1 && args[0] == "schema" {
		fmt.Fprint(p.Stdout, settings.Schema())
		return codeDone
	}
	path, err := parseConfig(args, p)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return codeDone
	case err != nil:
		return p.misused(err)
	}
	launch := settings.Launch{Env: p.Env}
	launch.Listen, _ = p.Env(settings.VariablePrefix + "LISTEN")
	if emulated, ok := p.Env(settings.VariablePrefix + "EMULATOR"); ok && emulated != "" {
		if launch.Emulator, err = strconv.ParseBool(emulated); err != nil { // as flags are read
			fmt.Fprintf(p.Stderr, "%sEMULATOR: want true or false\n", settings.VariablePrefix)
			return codeMisuse
		}
	}
	s, problems, misuse := p.load(path, launch)
	fmt.Fprint(p.Stderr, problems)
	if misuse != nil {
		fmt.Fprintln(p.Stderr, misuse)
		return codeMisuse
	}
	if problems.HasErrors() {
		return codeRefused
	}
	for _, e := range s.Environments {
		if launch.Emulator {
			fmt.Fprintf(p.Stdout, "# %s: the emulator stands in for TCB ($%sEMULATOR)\n", e.ID, settings.VariablePrefix)
			continue
		}
		fmt.Fprintf(p.Stdout, "# %s: TCB is called at %s/auth\n", e.ID, address(e))
	}
	if err := s.Print(p.Stdout, path, launch); err != nil {
		fmt.Fprintln(p.Stderr, err)
		return codeRefused
	}
	return codeDone
}

// parseConfig returns the path of the settings.
func parseConfig(args []string, p Process) (path string, err error) {
	set := flag.NewFlagSet("tcb-login config", flag.ContinueOnError)
	set.SetOutput(p.Stderr)
	set.Usage = func() { fmt.Fprint(p.Stderr, configUsage) }
	path, _ = p.Env(settings.VariablePrefix + "SETTINGS")
	set.StringVar(&path, "settings", path, "")
	if len(args) > 0 && args[0] == "print" {
		args = args[1:]
	} else if len(args) == 0 || !strings.HasPrefix(args[0], "-h") && args[0] != "--help" {
		return "", errors.New(strings.TrimSpace(configUsage))
	}
	switch err := set.Parse(args); {
	case err != nil:
		return "", err
	case set.NArg() > 0:
		return "", fmt.Errorf("config print: unexpected argument %q", set.Arg(0))
	case path == "":
		return "", fmt.Errorf("config print: name the settings with -settings ($%sSETTINGS)", settings.VariablePrefix)
	}
	return path, nil
}
