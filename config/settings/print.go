package settings

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Print writes settings as a file that says all of them, each with where it comes from: a line of the
// file at path, or nowhere, which is its default. Secrets are masked; where they come from is not.
func (s *Settings) Print(w io.Writer, path string, launch Launch) error {
	from := origins{map[string]string{}, map[string]string{}}
	if data, err := readFile(path, maxSettingsSize); err == nil {
		if docs, err := documents(data); err == nil && len(docs) > 0 && len(docs[0].Content) > 0 {
			from.read(docs[0].Content[0], "")
		}
	}
	if launch.Listen != "" {
		from.lines["listen"] = "-listen ($" + VariablePrefix + "LISTEN)"
	}
	shown := *s
	shown.Environments = append([]Environment(nil), s.Environments...)
	for i := range shown.Environments {
		e := &shown.Environments[i]
		e.ProviderCallback, e.Issuer = s.ProviderCallback(e), e.TokenIssuer()
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(written(reflect.ValueOf(shown), "", from)); err != nil {
		return err
	}
	return enc.Close()
}

// origins are, by a setting's path, the line of a file that has it, and what a secret is read from if
// it is one.
type origins struct{ lines, secrets map[string]string }

// read finds where a file has each setting.
func (o origins) read(n *yaml.Node, path string) {
	o.lines[path] = "line " + strconv.Itoa(n.Line)
	switch n = resolve(n); n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if key, value := n.Content[i], n.Content[i+1]; !isNull(value) {
				at := strings.TrimPrefix(path+"."+key.Value, ".")
				o.read(value, at)
				o.lines[at] = "line " + strconv.Itoa(key.Line)
			}
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			o.read(item, fmt.Sprintf("%s[%d]", path, i))
		}
	case yaml.ScalarNode:
		o.secrets[path] = "literal"
		if strings.HasPrefix(n.Value, "env:") || strings.HasPrefix(n.Value, "file:") {
			o.secrets[path] = n.Value
		}
	}
}

// of says where a setting comes from, and its secrets, if it has any.
func (o origins) of(value any, path, byDefault string) string {
	line, ok := o.lines[path]
	if !ok {
		return strings.TrimSuffix("default: "+byDefault, ": ")
	}
	switch value := value.(type) {
	case Secret:
		if value.IsSet() {
			line += ", " + o.secrets[path]
		}
	case []Secret:
		for i := range value {
			line += ", " + o.secrets[fmt.Sprintf("%s[%d]", path, i)]
		}
	}
	return line
}

// written is a struct of settings as a mapping of YAML.
func written(v reflect.Value, path string, from origins) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		key, ok := field.Tag.Lookup("key")
		if !ok {
			continue
		}
		at := strings.TrimPrefix(path+"."+key, ".")
		value := valueOf(v.Field(i), at, from)
		name := &yaml.Node{Kind: yaml.ScalarNode, Value: key}
		origin := from.of(v.Field(i).Interface(), at, field.Tag.Get("default"))
		switch {
		case value.Kind == yaml.ScalarNode, len(value.Content) == 0, value.Style == yaml.FlowStyle:
			value.LineComment = origin
		default:
			name.LineComment = origin
		}
		m.Content = append(m.Content, name, value)
	}
	return m
}

// valueOf is one setting's value. What is in a struct that no key names has no place of its own.
func valueOf(v reflect.Value, path string, from origins) *yaml.Node {
	scalar := func(text, tag string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Value: text, Tag: tag}
	}
	switch value := v.Interface().(type) {
	case Secret:
		if !value.IsSet() {
			return scalar("null", "!!null")
		}
		return scalar(value.String(), "!!str")
	case time.Duration:
		return scalar(value.String(), "!!str")
	case slog.Level:
		return scalar(strings.ToLower(value.String()), "!!str")
	case netip.Prefix:
		return scalar(value.String(), "!!str")
	}
	switch v.Kind() {
	case reflect.Struct:
		return written(v, path, from)
	case reflect.Slice:
		l := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			l.Content = append(l.Content, valueOf(v.Index(i), fmt.Sprintf("%s[%d]", path, i), from))
		}
		if v.Type().Elem().Kind() != reflect.Struct || v.Type().Elem() == reflect.TypeFor[netip.Prefix]() || v.Type().Elem() == reflect.TypeFor[Secret]() || v.Len() == 0 {
			l.Style = yaml.FlowStyle
		}
		return l
	case reflect.Bool:
		return scalar(strconv.FormatBool(v.Bool()), "!!bool")
	case reflect.Int:
		return scalar(strconv.FormatInt(v.Int(), 10), "!!int")
	default:
		return scalar(v.String(), "!!str")
	}
}
