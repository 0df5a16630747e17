package loginpage

import (
	"encoding/json"
	"fmt"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tcb-login/theme"
)

// compiled is the schema, ready to be held against configs.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("login-config.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("login-config.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// schemaSays is what the schema has against a config: where, one place a line. What is no JSON is
// for the editor to say.
func schemaSays(t *testing.T, s *jsonschema.Schema, config []byte) []string {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.TrimPrefix(string(config), "\ufeff")))
	if err != nil {
		return []string{"not JSON"}
	}
	return schemaSaysOf(t, s, doc)
}

func schemaSaysOf(t *testing.T, s *jsonschema.Schema, doc any) (where []string) {
	t.Helper()
	err := s.Validate(doc)
	if err == nil {
		return nil
	}
	invalid, ok := err.(*jsonschema.ValidationError)
	if !ok {
		t.Fatal(err)
	}
	var leaves func(*jsonschema.ValidationError)
	leaves = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			where = append(where, "/"+strings.Join(e.InstanceLocation, "/")+" "+strings.Join(e.ErrorKind.KeywordPath(), "/"))
		}
		for _, cause := range e.Causes {
			leaves(cause)
		}
	}
	leaves(invalid)
	slices.Sort(where)
	return slices.Compact(where)
}

// withoutTexts drops the keys of messages that only the tests' catalogue knows.
func withoutTexts(doc any) any {
	if root, ok := doc.(map[string]any); ok {
		if own, ok := root["tcbLogin"].(map[string]any); ok {
			delete(own, "texts")
		}
	}
	return doc
}

// The languages and messages that the schema lists are those that there are.
func TestGoldenSchema(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../i18n/locales/*.json")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	var locales []string
	for _, file := range files {
		locales = append(locales, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	data, err := os.ReadFile("../../i18n/locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var messages map[string]any
	if err := json.Unmarshal(data, &messages); err != nil {
		t.Fatal(err)
	}
	delete(messages, "language.name") // these cannot be replaced
	delete(messages, "language.dir")
	current := Schema()
	for name, values := range map[string][]string{"locale": locales, "message": slices.Sorted(maps.Keys(messages))} {
		list := `"` + strings.Join(values, "\",\n        \"") + `"`
		at := regexp.MustCompile(`("` + name + `": \{\s*"description": "[^"]*",\s*"enum": \[\s*)[^\]]*?(\s*\])`)
		if !at.MatchString(current) {
			t.Fatalf("no definition of %s in the schema", name)
		}
		current = at.ReplaceAllString(current, "${1}"+strings.ReplaceAll(list, "$", "$$")+"${2}")
	}
	golden(t, "login-config.schema.json", current)
}

// What the parser takes without an error, the schema takes; and what stands in the trees to start
// from and in the tests.
func TestSchemaTakes(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	var files []string
	for _, pattern := range []string{"../../deploy/login-configs/*/__auth/env/login.config*.json", "../../deploy/login-configs/*/*/login.config*.json", "../../deploy/login-configs/*/__auth/app/*/login.config*.json"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 4 {
		t.Errorf("only %q", files)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if says := schemaSays(t, s, data); len(says) > 0 {
			t.Errorf("%s: %q", file, says)
		}
	}
}

// What the schema has against the configs that have problems. Where it has something the parser has
// an error too: nobody is told by an editor to mend what works.
func TestGoldenSchemaRefuses(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	files, err := filepath.Glob("testdata/bad/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	var all strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		says := schemaSays(t, s, data)
		dir := testTree(t, map[string]string{envConfig: string(data)})
		if _, problems := Load([]Source{sourceOf(dir)}, testCatalogue{}); len(says) > 0 && !problems.HasErrors() {
			t.Errorf("%s: the schema refuses it, the parser does not: %q", file, says)
		}
		fmt.Fprintf(&all, "%s\n", filepath.Base(file))
		for _, line := range says {
			fmt.Fprintf(&all, "    %s\n", line)
		}
	}
	golden(t, "testdata/schema.txt", all.String())
}

// What is wrong with a value of ours is wrong for both.
func TestSchemaIsAsStrict(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	for _, own := range []string{
		`1`, `[]`, `{"colour": {}}`, `{"locales": "en"}`, `{"locales": [null]}`, `{"locales": ["xx"]}`, `{"locales": ["en", "en"]}`,
		`{"defaultMethod": "wx_open"}`, `{"defaultMethod": 1}`, `{"methodOrder": [1]}`, `{"methodOrder": ["email", "email"]}`, `{"anonymous": "yes"}`,
		`{"logoDark": 1}`, `{"background": []}`, `{"layout": "wide"}`, `{"density": ""}`, `{"radius": 25}`, `{"radius": -1}`, `{"radius": "6"}`, `{"radius": 1.5}`,
		`{"colors": []}`, `{"colors": {"brand": "red"}}`, `{"colors": {"bran": "#fff"}}`, `{"colors": {"dark": {"dark": {}}}}`, `{"colors": {"dark": {"ink": "#ff"}}}`,
		`{"links": {}}`, `{"links": [{"label": "x"}]}`, `{"links": [{"url": "https://example.com/"}]}`, `{"links": [{"label": "", "url": "https://example.com/"}]}`,
		`{"links": [{"label": "x", "url": "javascript:alert(1)"}]}`, `{"links": [{"label": "x", "url": "https://example.com/", "title": "y"}]}`,
		`{"links": [{"label": {}, "url": "https://example.com/"}]}`, `{"links": [{"label": {"xx": "y"}, "url": "https://example.com/"}]}`, `{"links": [{"label": "<b>", "url": "https://example.com/"}]}`,
		`{"texts": []}`, `{"texts": {"xx": {}}}`, `{"texts": {"en": []}}`, `{"texts": {"en": {"unknown.key": "x"}}}`,
		`{"signUp": true}`, `{"signUp": {"page": 1}}`, `{"signUp": {"fields": ["phone"]}}`, `{"signUp": {"fields": [{"required": true}]}}`, `{"signUp": {"fields": [{"name": "name", "must": true}]}}`,
		`{"countries": "CN"}`, `{"countries": {"default": "cn"}}`, `{"countries": {"allowed": ["CN", "CN"]}}`, `{"countries": {"only": ["CN"]}}`,
	} {
		config := `{` + emailOnly + `, "tcbLogin": ` + own + `}`
		dir := testTree(t, map[string]string{envConfig: config})
		if _, problems := Load([]Source{sourceOf(dir)}, testCatalogue{}); !problems.HasErrors() {
			t.Errorf("the parser takes %s", own)
		}
		if says := schemaSays(t, s, []byte(config)); len(says) == 0 {
			t.Errorf("the schema takes %s", own)
		}
	}
}

// schemaObject is the part of the schema for an object of a config.
type schemaObject struct {
	Properties map[string]json.RawMessage
	Items      *schemaObject
	AnyOf      []*schemaObject
}

func (s *schemaObject) property(t *testing.T, path ...string) *schemaObject {
	t.Helper()
	at := s
	for _, name := range path {
		switch {
		case name == "[]":
			at = at.Items
		default:
			next := &schemaObject{}
			if err := json.Unmarshal(at.Properties[name], next); err != nil {
				t.Fatalf("%q: %v", path, err)
			}
			at = next
		}
	}
	for _, either := range at.AnyOf { // a field of sign-up is a name or an object
		if either.Properties != nil {
			return either
		}
	}
	return at
}

// The schema has the keys that the parser knows, no more and no fewer, in every object. The parser's
// stand in its source, in the calls of object.
func TestSchemaHasTheParsersKeys(t *testing.T) {
	t.Parallel()
	root := &schemaObject{}
	if err := json.Unmarshal([]byte(Schema()), root); err != nil {
		t.Fatal(err)
	}
	var definitions struct {
		Definitions map[string]*schemaObject
	}
	if err := json.Unmarshal([]byte(Schema()), &definitions); err != nil {
		t.Fatal(err)
	}
	registration := definitions.Definitions["registration"]
	text := definitions.Definitions["text"].property(t)
	objects := map[string]*schemaObject{ // by the function that reads it, and what it calls it
		`config "the login config"`:   root,
		`way name`:                    root.property(t, "web", "[]"),
		`access "access"`:             root.property(t, "access"),
		`agreement "agreement"`:       root.property(t, "agreement"),
		`agreement name`:              root.property(t, "agreement", "items", "[]"),
		`userRegistry "userRegistry"`: root.property(t, "userRegistry"),
		`signUpWith name`:             registration,
		`readOwn "tcbLogin"`:          root.property(t, "tcbLogin"),
		`links name`:                  root.property(t, "tcbLogin", "links", "[]"),
		`signUp "signUp"`:             root.property(t, "tcbLogin", "signUp"),
		`signUp name`:                 root.property(t, "tcbLogin", "signUp", "fields", "[]"),
		`countries "countries"`:       root.property(t, "tcbLogin", "countries"),
		// Those whose keys are made, not written.
		`message name`:         text,
		`colors "colors"`:      root.property(t, "tcbLogin", "colors"),
		`colors "colors.dark"`: root.property(t, "tcbLogin", "colors", "dark"),
	}
	made := map[string][]string{
		`message name`:         pluralForms,
		`colors "colors"`:      append(theme.Colors(), "dark"),
		`colors "colors.dark"`: theme.Colors(),
	}
	seen := 0
	for place, known := range objectCalls(t) {
		o := objects[place]
		if o == nil {
			t.Errorf("the schema says nothing of what %s reads", place)
			continue
		}
		seen++
		if known == nil {
			known = made[place]
		}
		slices.Sort(known)
		if got := slices.Sorted(maps.Keys(o.Properties)); !slices.Equal(got, known) || len(known) == 0 {
			t.Errorf("%s: the schema has %q, the parser %q", place, got, known)
		}
	}
	if seen != len(objects) {
		t.Errorf("%d objects in the parser, %d in the schema", seen, len(objects))
	}
}

// objectCalls are the keys that each call of object in the package knows, nil where they are no
// literal.
func objectCalls(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string][]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := goparser.ParseFile(token.NewFileSet(), name, nil, goparser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if of, ok := call.Fun.(*ast.SelectorExpr); !ok || of.Sel.Name != "object" || len(call.Args) != 4 {
					return true
				}
				place := f.Name.Name + " name"
				if what, ok := call.Args[0].(*ast.BasicLit); ok {
					place = f.Name.Name + " " + what.Value
				}
				if _, twice := calls[place]; twice {
					t.Errorf("two objects are called %s", place)
				}
				calls[place] = nil
				if known, ok := call.Args[3].(*ast.CompositeLit); ok {
					for _, element := range known.Elts {
						key, err := strconv.Unquote(element.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value)
						if err != nil {
							t.Fatal(err)
						}
						calls[place] = append(calls[place], key)
					}
				}
				return true
			})
		}
	}
	return calls
}
