package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"tcb-login/config/settings"
)

// settingsFolder is where the structs of the settings are.
const settingsFolder = "config/settings"

// A setting is one field of them.
type setting struct {
	key, meaning string
	field        reflect.StructField
	standard     reflect.Value // its value with nothing set; not valid inside a list that is empty then
	restart      bool
}

// settingsOf are the settings of a struct, in order. docs are the comments of all fields, by struct and field.
func settingsOf(t reflect.Type, standard reflect.Value, restart bool, docs map[string]string) (all []setting, err error) {
	for i := range t.NumField() {
		field := t.Field(i)
		key, ok := field.Tag.Lookup("key")
		if !ok {
			continue
		}
		s := setting{key: key, field: field, meaning: docs[t.Name()+"."+field.Name], restart: restart || field.Tag.Get("restart") != ""}
		if s.meaning == "" {
			return nil, fmt.Errorf("%s.%s has no comment", t.Name(), field.Name)
		}
		if standard.IsValid() {
			s.standard = standard.Field(i)
		}
		all = append(all, s)
	}
	return all, nil
}

// group is what a setting has below it: the struct, also of a list; nil: nothing.
func (s setting) group() (t reflect.Type, list bool) {
	t = s.field.Type
	if list = t.Kind() == reflect.Slice; list {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[settings.Secret]() || t == reflect.TypeFor[netip.Prefix]() {
		return nil, list
	}
	return t, list
}

// below are the values with nothing set of what is below s.
func (s setting) below(list bool) reflect.Value {
	switch {
	case !list || !s.standard.IsValid():
		return s.standard
	case s.standard.Len() > 0:
		return s.standard.Index(0)
	}
	return reflect.Value{}
}

// comments are those of all fields of the package's structs.
func comments(folder string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	docs := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			of, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if t, ok := of.Type.(*ast.StructType); ok {
				for _, field := range t.Fields.List {
					for _, name := range field.Names {
						docs[of.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
					}
				}
			}
			return true
		})
	}
	return docs, nil
}

// inForce are settings with nothing set but what must be.
func inForce() reflect.Value {
	s, _ := settings.Parse("", []byte("environments: [{id: ID}]"), settings.Launch{}) // its one problem is a warning
	e := &s.Environments[0]
	e.ID, e.Clients, e.EndpointMode = "", nil, ""
	return reflect.ValueOf(*s)
}

// settingsReference is docs/settings.md.
func settingsReference(folder string) ([]byte, error) {
	docs, err := comments(folder)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString(`# Settings

All keys of the settings file (YAML). This page is written from the code (` + "`make generate`" + `).
[` + "`settings.example.yaml`" + `](../deploy/settings.example.yaml) is a file to start from. ` + "`tcb-login config print -settings FILE`" + ` shows what is in
force and where it comes from, ` + "`tcb-login config schema`" + ` prints a JSON Schema for editors, and ` + "`tcb-login -check -settings FILE`" + ` tells
all that is wrong.

A *secret* is ` + "`env:NAME`" + ` (an environment variable), ` + "`file:PATH`" + ` or the secret itself, which is refused where it looks as if one of
these was meant: a ` + "`$`" + ` first, a path, other capitals. A *duration* is a number with its unit, as
` + "`10s`" + ` or ` + "`300ms`" + `. The last column says what a changed file needs: on SIGHUP (` + "`systemctl reload tcb-login`" + `) the program reads
settings and secrets anew; what wants a restart is named in the log and stays as it was. A file with an error changes nothing.
Login configs are read by themselves.
`)
	if err := writeGroup(&out, "", reflect.TypeFor[settings.Settings](), inForce(), false, docs); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// writeGroup writes the table of a struct, then those of what is below it.
func writeGroup(out *bytes.Buffer, path string, t reflect.Type, standard reflect.Value, restart bool, docs map[string]string) error {
	all, err := settingsOf(t, standard, restart, docs)
	if err != nil {
		return err
	}
	if path != "" {
		fmt.Fprintf(out, "\n## `%s`\n", path)
	}
	out.WriteString("\n| key | type | default | meaning | change |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range all {
		change := "SIGHUP"
		if s.restart {
			change = "restart"
		}
		kind, standard := s.kind(), s.standardText()
		if t, list := s.group(); t != nil {
			change, kind = "", "[below](#"+anchor(below(path, s, list))+")"
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s | %s |\n", s.key, kind, standard, strings.ReplaceAll(s.meaning, "|", "\\|"), change)
	}
	for _, s := range all {
		if t, list := s.group(); t != nil {
			if err := writeGroup(out, below(path, s, list), t, s.below(list), s.restart, docs); err != nil {
				return err
			}
		}
	}
	return nil
}

func below(path string, s setting, list bool) string {
	path = strings.TrimPrefix(path+"."+s.key, ".")
	if list {
		path += "[]"
	}
	return path
}

// anchor is where a heading is found in a page: the letters of it.
func anchor(heading string) string {
	return strings.NewReplacer(".", "", "[", "", "]", "").Replace(heading)
}

// kind is a setting's type, in words.
func (s setting) kind() string {
	t, list := s.field.Type, false
	if t.Kind() == reflect.Slice {
		t, list = t.Elem(), true
	}
	name := "text"
	switch {
	case s.field.Tag.Get("one") != "":
		name = "`" + strings.ReplaceAll(s.field.Tag.Get("one"), " ", "`, `") + "`"
	case t == reflect.TypeFor[settings.Secret]():
		name = "secret"
	case t == reflect.TypeFor[time.Duration]():
		name = "duration"
	case t == reflect.TypeFor[netip.Prefix]():
		name = "address or range"
	case t.Kind() == reflect.Bool:
		name = "true or false"
	case t.Kind() == reflect.Int:
		name = "1 to " + s.field.Tag.Get("most")
	}
	if list {
		return "list of " + name
	}
	return name
}

// standardText is a setting's default, in words.
func (s setting) standardText() string {
	if words := s.field.Tag.Get("default"); words != "" {
		return words
	}
	if s.field.Tag.Get("required") != "" {
		return "must be there"
	}
	standard := s.standard
	if !standard.IsValid() {
		standard = reflect.Zero(s.field.Type)
	}
	switch v := standard.Interface().(type) {
	case slog.Level:
		return "`" + strings.ToLower(v.String()) + "`"
	case time.Duration:
		return "`" + v.String() + "`"
	case bool, int:
		return fmt.Sprintf("`%v`", v)
	case string:
		if v != "" {
			return "`" + v + "`"
		}
	}
	if t, list := s.group(); t != nil && !list {
		return ""
	}
	return "none"
}

// settingsSchema is config/settings/settings.schema.json.
func settingsSchema(folder string) ([]byte, error) {
	docs, err := comments(folder)
	if err != nil {
		return nil, err
	}
	root, err := objectSchema(reflect.TypeFor[settings.Settings](), docs)
	if err != nil {
		return nil, err
	}
	root["$schema"], root["title"] = "http://json-schema.org/draft-07/schema#", "Settings of tcb-login"
	root["type"] = "object"
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(root)
	return out.Bytes(), err
}

// objectSchema is the schema of a struct.
func objectSchema(t reflect.Type, docs map[string]string) (map[string]any, error) {
	all, err := settingsOf(t, reflect.Value{}, false, docs)
	if err != nil {
		return nil, err
	}
	properties, required := map[string]any{}, []string{}
	for _, s := range all {
		must := s.field.Tag.Get("required") != ""
		p, err := s.schema(docs, must)
		if err != nil {
			return nil, err
		}
		p["description"] = s.meaning
		properties[s.key] = p
		if must {
			required = append(required, s.key)
		}
	}
	o := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o, nil
}

// durations are those of Go's time package.
const durations = `^[+]?([0-9]*\.?[0-9]*(ns|us|µs|μs|ms|s|m|h))+$|^[+-]?0$`

// schema is a setting's. Nothing is the same as a key that is not there, where it need not be.
func (s setting) schema(docs map[string]string, must bool) (map[string]any, error) {
	or := func(kinds ...string) any {
		if must && len(kinds) == 1 {
			return kinds[0]
		}
		if !must {
			kinds = append(kinds, "null")
		}
		return kinds
	}
	t, list := s.group()
	var inner map[string]any
	switch elem := s.field.Type; {
	case t != nil:
		var err error
		if inner, err = objectSchema(t, docs); err != nil {
			return nil, err
		}
	case list:
		inner = map[string]any{"type": "string"}
	case s.field.Tag.Get("one") != "":
		values := []any{nil}
		for _, one := range strings.Fields(s.field.Tag.Get("one")) {
			values = append(values, one)
		}
		return map[string]any{"enum": values}, nil
	case elem.Kind() == reflect.Bool:
		return map[string]any{"type": or("boolean")}, nil
	case elem == reflect.TypeFor[time.Duration]() && s.field.Tag.Get("number") != "":
		return map[string]any{"type": or("string", "integer"), "pattern": durations}, nil
	case elem == reflect.TypeFor[time.Duration]():
		return map[string]any{"type": or("string"), "pattern": durations}, nil
	case elem.Kind() == reflect.Int:
		return map[string]any{"type": or("integer"), "minimum": 1, "maximum": json.Number(s.field.Tag.Get("most"))}, nil
	default:
		return map[string]any{"type": or("string")}, nil
	}
	if !list {
		inner["type"] = or("object")
		return inner, nil
	}
	array := map[string]any{"type": or("array"), "items": inner}
	if must {
		array["minItems"] = 1
	}
	return array, nil
}
