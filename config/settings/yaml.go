package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tcb-login/config/input"
	"tcb-login/pattern"
	"tcb-login/spell"
)

// A parser walks the YAML nodes by hand: decoding into structs would stop at the first bad value
// and tell neither unknown keys nor columns.
type parser struct {
	file     string
	launch   Launch
	settings *Settings
	problems input.Problems
	last     []func() // checks that need more than one setting

	places  places // for the rules, as what follows
	trusted []trustedRange
	keys    []sessionKey
}

type trustedRange struct {
	name   string
	at     *yaml.Node
	prefix netip.Prefix
}

type sessionKey struct {
	name string
	at   *yaml.Node
	key  Secret
}

// fields are the keys a mapping may have. A function gets the value of its key and is not called
// for a null, which is the same as not there.
type fields map[string]func(v *yaml.Node)

func (p *parser) add(sev input.Severity, n *yaml.Node, format string, args ...any) {
	p.problems = append(p.problems, input.Problem{
		File: p.file, Line: max(n.Line, 1), Column: max(n.Column, 1),
		Severity: sev, Message: fmt.Sprintf(format, args...),
	})
}

func (p *parser) errorf(n *yaml.Node, format string, args ...any) {
	p.add(input.SeverityError, n, format, args...)
}

func (p *parser) warnf(n *yaml.Node, format string, args ...any) {
	p.add(input.SeverityWarning, n, format, args...)
}

// documents reads the first two documents of a YAML stream, and the rest only for its errors.
func documents(data []byte) (docs []*yaml.Node, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		doc := new(yaml.Node)
		switch err := dec.Decode(doc); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, err
		case len(docs) < 2:
			docs = append(docs, doc)
		}
	}
}

var yamlError = pattern.New(`^yaml: (?:line \d+: )?(.*)`)

// syntax reports what the YAML parser said. Its words quote the file in one case: the name of an
// alias, which may be a secret that somebody forgot to quote.
func (p *parser) syntax(data []byte, err error) {
	message := "unreadable"
	if m := yamlError.Regexp().FindStringSubmatch(err.Error()); m != nil {
		message = m[1]
	}
	if strings.Contains(message, "anchor") {
		message = "an alias (*name) without its anchor (&name); text that begins with * needs quotes"
	}
	line, column := syntaxPosition(data)
	p.errorf(&yaml.Node{Line: line, Column: column}, "not valid YAML: %s", message)
}

// syntaxPosition finds where YAML stops being valid: behind the longest beginning, in whole lines,
// that is. The parser itself names no column, and a line that is often another or none. What opens
// in one line and never closes is found where it opens.
func syntaxPosition(data []byte) (line, column int) {
	const most = 1000 // beyond it, looking would take seconds
	lines := bytes.SplitAfter(data, []byte("\n"))
	if len(lines) > most {
		return 1, 1
	}
	good := data
	line = len(lines)
	for ; line > 1; line-- {
		good = good[:len(good)-len(lines[line-1])]
		if _, err := documents(good); err == nil {
			break
		}
	}
	text := lines[line-1]
	blanks := len(text) - len(bytes.TrimLeft(text, " \t"))
	return line, blanks + 1
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	n = resolve(n)
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// mapping hands the value of each key to its function and reports keys that are unknown or there
// twice. It returns false when n is no mapping.
func (p *parser) mapping(name string, n *yaml.Node, known fields) bool {
	m := resolve(n)
	if m.Kind != yaml.MappingNode {
		p.errorf(n, "%s: want a mapping (key: value), found %s", name, kind(m))
		return false
	}
	first := map[string]int{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := m.Content[i], m.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			p.errorf(k, "%s: a key must be plain text, found %s", name, kind(k))
			continue
		}
		take, ok := known[k.Value]
		if !ok {
			hint := ""
			if near := spell.Nearest(k.Value, slices.Sorted(maps.Keys(known)), len(k.Value)/3+1); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			p.errorf(k, "unknown key %s in %s%s", input.Quote(k.Value), name, hint)
			continue
		}
		if line, ok := first[k.Value]; ok {
			p.errorf(k, "%s is there twice, first in line %d", k.Value, line)
			continue
		}
		first[k.Value] = k.Line
		if !isNull(v) {
			take(v)
		}
	}
	return true
}

// list calls f for every item of a list, each named as in "keys[0]".
func (p *parser) list(name string, n *yaml.Node, f func(name string, item *yaml.Node)) {
	l := resolve(n)
	if l.Kind != yaml.SequenceNode {
		hint := ""
		if l.Kind == yaml.ScalarNode {
			hint = "; write [ ] around a single value"
		}
		p.errorf(n, "%s: want a list, found %s%s", name, kind(l), hint)
		return
	}
	for i, item := range l.Content {
		f(fmt.Sprintf("%s[%d]", name, i), item)
	}
}

// text stores a text that breaks no rule, and reports whether it did.
func (p *parser) text(name string, n *yaml.Node, to *string, rules []rule) bool {
	v := resolve(n)
	if v.Kind != yaml.ScalarNode {
		p.errorf(n, "%s: want text, found %s", name, kind(v))
		return false
	}
	if v.ShortTag() != "!!str" {
		p.errorf(n, "%s: want text, found %s; put it in quotes", name, kind(v))
		return false
	}
	if wrong := complaint(v.Value, rules); wrong != "" {
		p.errorf(n, "%s: %s", name, wrong)
		return false
	}
	*to = v.Value
	return true
}

// boolean reads true or false.
func (p *parser) boolean(name string, n *yaml.Node, to *bool) {
	v := resolve(n)
	if v.Kind != yaml.ScalarNode || v.ShortTag() != "!!bool" || v.Decode(to) != nil {
		p.errorf(n, "%s: want true or false, found %s", name, kind(v))
	}
}

// kind names what a node is, in words for operators.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		switch n.ShortTag() {
		case "!!str":
			return "text"
		case "!!int", "!!float":
			return "a number"
		case "!!bool":
			return "true or false"
		case "!!null":
			return "nothing"
		case "!!timestamp":
			return "a date"
		}
	}
	return "something else"
}

func (p *parser) duration(name string, n *yaml.Node, value string, low, high time.Duration, to *time.Duration) {
	if v := resolve(n); v.Kind != yaml.ScalarNode {
		p.errorf(n, `%s: want a duration like "10s", found %s`, name, kind(v))
		return
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		p.errorf(n, `%s: want a duration like "10s", found %s`, name, input.Quote(resolve(n).Value))
		return
	}
	if !within(d, low.String(), high.String()) {
		p.errorf(n, "%s: %v is out of range, want %v to %v", name, d, low, high)
		return
	}
	*to = d
}
