package command

import (
	"errors"
	"flag"
	"fmt"
	"strings"

	"tcb-login/audit"
	"tcb-login/config/settings"
)

const auditUsage = `usage: tcb-login audit id -settings FILE [-env ID] WHO…
       tcb-login audit schema

  id       print what stands in the audit log for somebody: WHO is an account's id at TCB (sub), or a
           username, phone number or e-mail address in whichever way of writing it. For each key of
           the audit log there is a line for the account (person) and one for what is typed (identifier).
           None of the settings' other secrets is needed
  schema   print the JSON Schema of a line; wants no settings
`

// auditArgs are the arguments of "audit id".
type auditArgs struct {
	settings, env string
	who           []string
}

// Audit finds people in the audit log: "audit id"; or prints the log's schema.
func Audit(args []string, p Process) int {
	if len(args) == 1 && args[0] == "schema" {
		_, _ = p.Stdout.Write(audit.Schema)
		return codeDone
	}
	a, err := parseAudit(args, p)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return codeDone
	case err != nil:
		return p.misused(err)
	}
	s, problems, misuse := p.load(a.settings, settings.Launch{NoSecrets: true, AuditKeys: true}) // who searches the log has its key alone
	if misuse != nil {
		fmt.Fprintln(p.Stderr, misuse)
		return codeMisuse
	}
	if problems.HasErrors() {
		fmt.Fprint(p.Stderr, problems)
		return codeRefused
	}
	env := a.env
	if env == "" && len(s.Environments) == 1 {
		env = s.Environments[0].ID
	}
	switch {
	case env == "":
		fmt.Fprintln(p.Stderr, "-env is missing: the settings have several environments, in each of which somebody is somebody else")
		return codeMisuse
	case s.Environment(env) == nil:
		fmt.Fprintf(p.Stderr, "-env: the settings have no environment %q\n", env)
		return codeMisuse
	case len(s.Audit.Keys) == 0:
		fmt.Fprintln(p.Stderr, "the settings have no audit: keys, so nobody stands in a log")
		return codeRefused
	}
	for _, k := range s.Audit.Keys {
		key := audit.Key{ID: k.ID, Bytes: []byte(k.Key.Reveal())}
		for _, who := range a.who {
			fmt.Fprintf(p.Stdout, "%s\tperson\t%s\n%s\tidentifier\t%s\n", k.ID, key.Person(env, who), k.ID, key.Identifier(env, who))
		}
	}
	return codeDone
}

// parseAudit reads the arguments. Flags may stand before and after whom to look for.
func parseAudit(args []string, p Process) (a auditArgs, err error) {
	set := flag.NewFlagSet("tcb-login audit", flag.ContinueOnError)
	set.SetOutput(p.Stderr)
	set.Usage = func() { fmt.Fprint(p.Stderr, auditUsage) }
	a.settings, _ = p.Env(settings.VariablePrefix + "SETTINGS")
	set.StringVar(&a.settings, "settings", a.settings, "")
	set.StringVar(&a.env, "env", "", "")
	var words []string
	for len(args) > 0 {
		if err := set.Parse(args); err != nil {
			return a, err
		}
		if args = set.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	switch {
	case len(words) < 2 || words[0] != "id":
		return a, errors.New("say what to do and for whom:\n" + strings.TrimSpace(auditUsage))
	case a.settings == "":
		return a, errors.New("name a settings file with -settings ($" + settings.VariablePrefix + "SETTINGS)")
	}
	for _, who := range words[1:] {
		if who == "" {
			return a, errors.New("whom to look for is empty")
		}
	}
	a.who = words[1:]
	return a, nil
}
