// Package command has what the program does instead of serving: sub-commands, each one call that
// does its work and says how it went. Main hands each what it needs of the process; what a
// sub-command works on belongs to other packages.
package command

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"tcb-login/config/input"
	"tcb-login/config/loginpage"
	"tcb-login/config/publish"
	"tcb-login/config/settings"
)

// Exit codes of a sub-command, as those of the program.
const (
	codeDone    = 0
	codeRefused = 1
	codeMisuse  = 2
)

// Process is what a sub-command sees of the process.
type Process struct {
	Env       func(name string) (string, bool) // looks up an environment variable
	Environ   []string                         // all of them
	Variables []string                         // those of the program's flags
	Stdout    io.Writer
	Stderr    io.Writer
	Log       *slog.Logger
	Now       func() time.Time
	User      string // whose process it is, for the history; may be empty

	// The emulator's: what the command that it runs reads, signals to the process, and the folder of
	// its data for this process alone.
	Stdin      io.Reader
	Signals    <-chan os.Signal
	LockFolder func(folder string) (unlock func(), err error)
}

// unknown refuses misspelt variables, as the server does: they would be passed over, and something else be
// done than was told. What was not read may name more than is named.
func (p Process) unknown(named []string, unread bool) error {
	return settings.Variables{Environ: p.Environ, Flags: p.Variables, Named: named, Unread: unread}.Wrong()
}

// misused says what is wrong with how a sub-command was called, before any settings were read.
func (p Process) misused(err error) int {
	fmt.Fprintln(p.Stderr, errors.Join(p.unknown(nil, true), err))
	return codeMisuse
}

// load reads settings. Misuse is what is wrong with variables.
func (p Process) load(path string, launch settings.Launch) (s *settings.Settings, problems input.Problems, misuse error) {
	var named []string
	launch.Env, launch.Named = p.Env, func(variable string) { named = append(named, variable) }
	s, problems = settings.Load(path, launch)
	return s, problems, p.unknown(named, problems.HasErrors())
}

const configsUsage = `usage: tcb-login configs ACTION -settings FILE [-env ID] [-by NAME] PAGE

ACTION is what to do with the page's login config:
  diff       say in words what publishing its draft would change
  publish    put the draft in its place; what was there is kept as the previous one
  rollback   put the previous one back, or a retired page into use again
  retire     take the page out of use

  schema     print the JSON Schema of login configs, for editors; wants neither settings nor page

PAGE is "env" for the environment's own page, or an app_id, or app_id/config_version.
`

// configsArgs are the arguments of "configs".
type configsArgs struct {
	action, settings, env, by string
	page                      loginpage.Key
}

// Configs publishes login configs: "configs diff", "publish", "rollback" and "retire"; or prints
// their schema.
func Configs(args []string, p Process, cat loginpage.Catalogue) int {
	if len(args) == 1 && args[0] == "schema" {
		fmt.Fprint(p.Stdout, loginpage.Schema())
		return codeDone
	}
	a, err := parseConfigs(args, p)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return codeDone
	case err != nil:
		return p.misused(err)
	}
	s, problems, misuse := p.load(a.settings, settings.Launch{NoSecrets: true}) // who publishes needs none of the server's
	if misuse != nil {
		fmt.Fprintln(p.Stderr, misuse)
		return codeMisuse
	}
	source, err := sourceOf(a, s)
	if err = cmp.Or(problems.Err(), err); err != nil {
		fmt.Fprintln(p.Stderr, err)
		return codeRefused
	}
	change, err := changeOf(a, p, source, cat)
	fmt.Fprint(p.Stdout, change.Problems)
	if err != nil {
		fmt.Fprintf(p.Stderr, "%s of %s: %v\n", a.action, loginpage.PageName(a.page), err)
		return codeRefused
	}
	for _, words := range change.Words {
		fmt.Fprintf(p.Stdout, "- %s.\n", words)
	}
	if len(change.Words) == 0 {
		fmt.Fprintln(p.Stdout, "Nothing changes for people.")
	}
	if a.action != "diff" {
		p.Log.Info("login config "+past[a.action], "env_id", change.Env, "app_id", change.App, "config_version", change.Version,
			"by", change.By, "from", change.From, "to", change.To, "changes", len(change.Words))
	}
	return codeDone
}

var past = map[string]string{"publish": "published", "rollback": "rolled back", "retire": "retired"}

// changeOf does what was asked for.
func changeOf(a configsArgs, p Process, source loginpage.Source, cat loginpage.Catalogue) (publish.Change, error) {
	if a.action == "diff" {
		return publish.Diff(source, cat, a.page)
	}
	publisher, err := publish.Open(source, cat, a.by, p.Now)
	if err != nil {
		return publish.Change{}, err
	}
	defer publisher.Close()
	switch a.action {
	case "publish":
		return publisher.Publish(a.page)
	case "rollback":
		return publisher.Rollback(a.page)
	default:
		return publisher.Retire(a.page)
	}
}

// parseConfigs reads the arguments. Flags may stand before and after the page.
func parseConfigs(args []string, p Process) (a configsArgs, err error) {
	set := flag.NewFlagSet("tcb-login configs", flag.ContinueOnError)
	set.SetOutput(p.Stderr)
	set.Usage = func() { fmt.Fprint(p.Stderr, configsUsage) }
	a.settings, _ = p.Env(settings.VariablePrefix + "SETTINGS")
	set.StringVar(&a.settings, "settings", a.settings, "")
	set.StringVar(&a.env, "env", "", "")
	set.StringVar(&a.by, "by", p.User, "")
	var words []string
	for len(args) > 0 {
		if err := set.Parse(args); err != nil {
			return a, err
		}
		if args = set.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	if len(words) > 0 {
		a.action = words[0]
	}
	switch actions := []string{"diff", "publish", "rollback", "retire"}; {
	case !slices.Contains(actions, a.action):
		return a, errors.New(strings.TrimSpace(configsUsage))
	case len(words) == 1:
		return a, fmt.Errorf("configs %s: name the page: \"env\", an app_id, or app_id/config_version", a.action)
	case len(words) > 2:
		return a, fmt.Errorf("configs %s: one page at a time; unexpected argument %q", a.action, words[2])
	case a.settings == "":
		return a, fmt.Errorf("configs %s: name the settings with -settings ($%sSETTINGS)", a.action, settings.VariablePrefix)
	}
	a.page, err = loginpage.ParsePage(words[1])
	if err != nil {
		return a, fmt.Errorf("configs %s: the page %s: %w", a.action, input.Quote(words[1]), err)
	}
	return a, nil
}

// sourceOf finds the tree of the environment that is meant.
func sourceOf(a configsArgs, s *settings.Settings) (loginpage.Source, error) {
	var named []string
	var found *settings.Environment
	for i := range s.Environments {
		e := &s.Environments[i]
		if e.LoginConfigs == "" {
			continue
		}
		named = append(named, e.ID)
		if a.env == "" || a.env == e.ID {
			found = e
		}
	}
	switch {
	case a.env != "" && s.Environment(a.env) == nil:
		return loginpage.Source{}, fmt.Errorf("-env: the settings have no environment %s", input.Quote(a.env))
	case found == nil:
		return loginpage.Source{}, errors.New("the settings name no login_configs there: the page is built in, and there is nothing to publish")
	case a.env == "" && len(named) > 1:
		return loginpage.Source{}, fmt.Errorf("-env: which environment? There are login_configs of %s", strings.Join(named, ", "))
	}
	return loginpage.Source{Env: found.ID, Name: found.Name, Tree: found.LoginConfigs, Texts: found.Texts(), Demo: found.Demo}, nil
}

// UserOf is whose process it is: who had themselves made root by sudo is not root.
func UserOf(env func(string) (string, bool), current string) string {
	if who, _ := env("SUDO_USER"); who != "" {
		return who
	}
	return current
}
