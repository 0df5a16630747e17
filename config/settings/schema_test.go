package settings

import (
	"encoding/json"
	"fmt"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// schemaRefuses says whether the schema has anything against settings, which are YAML. What is not valid YAML is for
// the editor to say.
func schemaRefuses(t *testing.T, data []byte) (bool, error) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("settings.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("settings.json")
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if yaml.Unmarshal(data, &value) != nil || value == nil {
		return false, nil
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		return false, nil // keys that are no text
	}
	if value, err = jsonschema.UnmarshalJSON(strings.NewReader(string(asJSON))); err != nil {
		t.Fatal(err)
	}
	err = s.Validate(value)
	return err != nil, err
}

// What the parser takes the schema takes, and what operators start from.
func TestSchemaTakes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../deploy/*/settings*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, "../../deploy/settings.example.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if refuses, why := schemaRefuses(t, data); refuses {
			t.Errorf("%s: %v", file, why)
		}
	}
	if refuses, why := schemaRefuses(t, []byte(full)); refuses {
		t.Errorf("full settings: %v", why)
	}
	for _, more := range []string{
		"listen: ~", "session: ~", "session: {keys: ~, store: redis://cache}", "log_level: warn", "log_level: ~", "hsts_max_age: 3600", "hsts_max_age: 1h30m", "hsts_max_age: 0",
		"backend_timeout: 1.5s", "refusal_floor: .5s", "backend_in_flight: 1", "audit: {to: stdout, keys: [{id: a, key: b}]}", "image_hosts: []", "base_path: /x",
	} {
		if refuses, why := schemaRefuses(t, []byte("environments: [{id: a, limits: {attack_mode: true, sms_per_hour: 5}, intl: true, endpoint_mode: gateway, captcha: ~, clients: [{id: b, code_flow: false}]}]\n"+more)); refuses {
			t.Errorf("%s: %v", more, why)
		}
	}
}

// Where the schema has something against settings the parser has an error too: nobody is told by an editor to mend
// what works.
func TestSchemaRefusesNoMore(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	refused := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		refuses, why := schemaRefuses(t, data)
		if refuses {
			refused++
		}
		if _, problems := Parse(file, data, Launch{Env: testEnv}); refuses && !problems.HasErrors() {
			t.Errorf("%s: the schema refuses it, the parser does not: %v", file, why)
		}
	}
	if refused < 4 {
		t.Errorf("the schema refuses %d of %d files", refused, len(files))
	}
}

// What is wrong with how settings are put together is wrong for both.
func TestSchemaIsAsStrict(t *testing.T) {
	t.Parallel()
	const env = "environments: [{id: a}]\n"
	for _, bad := range []string{
		"{}", "environments: []", "environments: ~", "environments: {}", "environments: [{}]", "environments: [{id: ~}]", "environments: [~]", "environments: [{id: 1}]", "environments: [{id: a, clients: [{}]}]",
		"environments: [{id: a, clients: [{id: b, code_flow: maybe}]}]", "environments: [{id: a, limits: {sms_per_number: 65}}]", "environments: [{id: a, limits: {sms_per_hour: 0}}]",
		"environments: [{id: a, limits: 1}]", "environments: [{id: a, regoin: x}]", "environments: [{id: a, captcha: audio}]", "environments: [{id: a, endpoint_mode: CLOUD_API}]", "environments: [{id: a, intl: 1}]",
		env + "listen: 8080", env + "listn: x", env + "public_origins: x", env + "public_origins: [~]", env + "trusted_proxies: [1]", env + "session: []", env + "session: {keys: x}", env + "session: {key: x}",
		env + "log_level: loud", env + "backend_timeout: 10", env + "backend_timeout: ten", env + "backend_in_flight: 4097", env + "backend_in_flight: x", env + "audit: {keys: [{id: a}]}", env + "audit: {file: x}",
	} {
		if _, problems := Parse("s", []byte(bad), Launch{Env: testEnv}); !problems.HasErrors() {
			t.Errorf("the parser takes %s", bad)
		}
		if refuses, _ := schemaRefuses(t, []byte(bad)); !refuses {
			t.Errorf("the schema takes %s", bad)
		}
	}
}

// The structs, and so reference and schema, have the keys that the parser knows. Those stand in its source, in the
// literals of fields; the test adds to each key how often it is there.
func TestKeysAreTheParsers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	parsers := map[string]int{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := goparser.ParseFile(token.NewFileSet(), name, nil, goparser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || fmt.Sprint(lit.Type) != "fields" {
				return true
			}
			for _, element := range lit.Elts {
				key, err := strconv.Unquote(element.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				parsers[key]++
			}
			return true
		})
	}
	structs := map[string]int{}
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		if of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct {
			return
		}
		for i := range of.NumField() {
			if key, ok := of.Field(i).Tag.Lookup("key"); ok {
				structs[key]++
				walk(of.Field(i).Type)
			}
		}
	}
	walk(reflect.TypeFor[Settings]())
	if diff := cmp.Diff(parsers, structs); diff != "" || len(structs) < 30 {
		t.Errorf("keys (-the parser's +the structs'):\n%s\n%q", diff, slices.Sorted(maps.Keys(structs)))
	}
}

// The largest numbers and the values that a setting may have, as its tags say, are those that the parser takes.
func TestTagsAreTheParsers(t *testing.T) {
	t.Parallel()
	var walk func(reflect.Type, string)
	seen := 0
	walk = func(of reflect.Type, form string) {
		for i := range of.NumField() {
			field := of.Field(i)
			key, ok := field.Tag.Lookup("key")
			if !ok {
				continue
			}
			try := func(value string, good bool) {
				seen++
				_, problems := Parse("s", []byte(fmt.Sprintf(form, key+": "+value)), Launch{Env: testEnv})
				wrong := strings.Contains(problems.String(), key+": want")
				if wrong == good {
					t.Errorf("%s: %s: %s", key, value, problems)
				}
			}
			if most, ok := field.Tag.Lookup("most"); ok {
				n, err := strconv.Atoi(most)
				if err != nil {
					t.Fatal(err)
				}
				try(most, true)
				try(strconv.Itoa(n+1), false)
			}
			for _, one := range strings.Fields(field.Tag.Get("one")) {
				try(one, true)
				try(one+"x", false)
			}
		}
	}
	walk(reflect.TypeFor[Settings](), "environments: [{id: a}]\n%s")
	walk(reflect.TypeFor[Environment](), "environments: [{id: a, %s}]")
	walk(reflect.TypeFor[Limits](), "environments: [{id: a, limits: {%s}}]")
	if seen < 20 {
		t.Errorf("only %d values", seen)
	}
}
