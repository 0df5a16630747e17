package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tcb-login/pattern"
	"tcb-login/spell"
)

// VariablePrefix begins the names of the program's own environment variables.
const VariablePrefix = "TCB_LOGIN_"

// serviceVariable is what Kubernetes sets in every container for a Service: the name of one called
// tcb-login, tcb-login-admin, … begins as our variables do.
var serviceVariable = pattern.New(`^TCB_LOGIN(?:_[A-Z0-9_]+)?_` +
	`(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PORT|PROTO))?)$`)

// servicePort is one more of them. It may also be a person's mistake, as
// TCB_LOGIN_LISTEN_PORT=9000, but a Service's holds a URL.
var servicePort = pattern.New(`^TCB_LOGIN(?:_[A-Z0-9_]+)?_PORT$`)

func isServiceVariable(name, value string) bool {
	return serviceVariable.MatchString(name) || servicePort.MatchString(name) && strings.Contains(value, "://")
}

// An UnknownVariable is an environment variable that begins as ours do and is none.
type UnknownVariable struct {
	Name string
	Near string // the known one that was probably meant, or ""
}

// UnknownVariables lists those of an environment, as [os.Environ] returns it, that are not among
// known. A misspelt variable would be passed over in silence, and the program do something else
// than it was told.
func UnknownVariables(environ, known []string) (unknown []UnknownVariable) {
	names := make([]string, len(known))
	for i, name := range known {
		names[i] = strings.TrimPrefix(name, VariablePrefix)
	}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if len(name) < len(VariablePrefix) || !strings.EqualFold(name[:len(VariablePrefix)], VariablePrefix) ||
			slices.Contains(known, name) || isServiceVariable(name, value) {
			continue
		}
		u := UnknownVariable{Name: name}
		bare := name[len(VariablePrefix):]
		if near := spell.Nearest(bare, names, len(bare)/3+1); near != "" {
			u.Near = known[slices.Index(names, near)]
		}
		unknown = append(unknown, u)
	}
	slices.SortFunc(unknown, func(a, b UnknownVariable) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(unknown, func(a, b UnknownVariable) bool { return a.Name == b.Name })
}

// Variables are those that a process has, and those that it may have.
type Variables struct {
	Environ []string                     // as [os.Environ] returns it
	Flags   []string                     // those that flags of the program have as their default
	Named   []string                     // those that an env: of the settings names
	Unread  bool                         // there may be more, named by what was not read
	Flag    func(variable string) string // the flag of a variable; nil: what runs has another, or none
}

// Wrong refuses variables that begin as ours do and are none.
func (v Variables) Wrong() error {
	var wrong []error
	for _, u := range UnknownVariables(v.Environ, slices.Concat(v.Flags, v.Named)) {
		hint := ": it belongs to no flag (see -help), and no env: of the settings names it"
		switch {
		case slices.Contains(v.Flags, u.Near) && v.Flag != nil:
			hint = fmt.Sprintf("; did you mean -%s ($%s)?", v.Flag(u.Near), u.Near)
		case slices.Contains(v.Flags, u.Near):
			hint = fmt.Sprintf("; did you mean $%s?", u.Near)
		case u.Near != "":
			hint = fmt.Sprintf("; did you mean $%s, which the settings name?", u.Near)
		case v.Unread:
			continue
		}
		wrong = append(wrong, fmt.Errorf("%s is not a variable of this program%s", u.Name, hint))
	}
	return errors.Join(wrong...)
}
