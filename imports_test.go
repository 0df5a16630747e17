package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "tcb-login"

// mayImport says which folders know which others of ours, beside the pure ones: arrows point one
// way. A folder stands for those below it that have no row of their own; one without any row is not
// part of the design. Tests may import what they need.
var mayImport = map[string][]string{
	"":                   {"admin", "audit", "authclient", "command", "config", "config/loginpage", "config/settings", "emulator", "emulator/guard", "framing", "handlers", "handlers/entry", "i18n", "limit", "limit/shared", "metrics", "online", "proxyheaders", "session", "static", "upstream"},
	"admin":              {"config/loginpage", "handlers/bodies", "handlers/methods", "handlers/preview", "views"},
	"audit":              {"limit"},
	"authclient":         {},
	"command":            {"audit", "config/loginpage", "config/publish", "config/settings", "emulator", "emulator/guard", "emulator/seed"},
	"config":             {"config/loginpage", "config/settings"},
	"config/loginpage":   {},
	"config/publish":     {"config/loginpage"},
	"config/settings":    {},
	"emulator":           {"emulator/guard", "emulator/seed", "framing"},
	"emulator/guard":     {},
	"emulator/seed":      {},
	"framing":            {},
	"handlers":           {"audit", "authclient", "handlers/account", "handlers/authorize", "handlers/code", "handlers/limits", "handlers/methods", "handlers/preview", "handlers/provider", "handlers/refusal", "handlers/sample", "handlers/signin", "handlers/visitor", "handlers/web", "metrics"},
	"handlers/account":   {"audit", "authclient", "config/loginpage", "handlers/code", "handlers/cut", "handlers/entry", "handlers/limits", "handlers/notes", "handlers/portal", "handlers/provider", "handlers/refusal", "handlers/rules", "handlers/sample", "handlers/stepup", "handlers/visitor", "handlers/web", "i18n", "limit", "session", "views"},
	"handlers/authorize": {"audit", "authclient", "handlers/entry", "handlers/refusal", "handlers/sample", "handlers/visitor", "handlers/web", "i18n", "session", "views"},
	"handlers/bodies":    {},
	"handlers/browser":   {"handlers/notes", "limit", "session"},
	"handlers/captcha":   {},
	"handlers/code":      {"audit", "authclient", "handlers/entry", "handlers/journal", "handlers/limits", "handlers/refusal", "handlers/rules", "handlers/sample", "handlers/web", "i18n", "limit", "views"},
	"handlers/cut":       {},
	"handlers/deadline":  {},
	"handlers/entry":     {"authclient", "config/loginpage", "config/settings", "handlers/refusal", "i18n"},
	"handlers/files":     {"config/loginpage", "handlers/entry", "handlers/headers", "handlers/refusal", "i18n", "static"},
	"handlers/headers":   {},
	"handlers/journal":   {"audit", "authclient", "handlers/refusal", "limit", "metrics"},
	"handlers/methods":   {},
	"handlers/limits":    {"handlers/refusal", "limit", "session"},
	"handlers/notes":     {"config/loginpage"},
	"handlers/origins":   {"handlers/entry"},
	"handlers/portal":    {"audit", "authclient", "handlers/code", "handlers/entry", "handlers/journal", "handlers/notes", "handlers/provider", "handlers/refusal", "handlers/sample", "handlers/visitor", "handlers/web", "i18n", "limit", "session", "views"},
	"handlers/preview":   {"authclient", "config/loginpage", "config/settings", "handlers/entry", "handlers/sample", "handlers/web", "i18n", "views"},
	"handlers/provider":  {"authclient", "config/settings", "handlers/entry", "handlers/limits", "handlers/refusal", "handlers/sample", "handlers/web", "i18n", "limit", "session", "views"},
	"handlers/refusal":   {"authclient", "i18n"},
	"handlers/repeat":    {},
	"handlers/rules":     {"handlers/refusal", "views"},
	"handlers/sample":    {"config/loginpage", "handlers/refusal", "i18n", "views"},
	"handlers/signin":    {"audit", "authclient", "config/loginpage", "handlers/captcha", "handlers/code", "handlers/entry", "handlers/journal", "handlers/limits", "handlers/provider", "handlers/refusal", "handlers/rules", "handlers/sample", "handlers/visitor", "handlers/web", "i18n", "limit", "views"},
	"handlers/stepup":    {"audit", "authclient", "handlers/code", "handlers/entry", "handlers/journal", "handlers/limits", "handlers/portal", "handlers/provider", "handlers/refusal", "handlers/rules", "handlers/sample", "handlers/visitor", "handlers/web", "i18n", "limit", "session", "views"},
	"handlers/visitor":   {"audit", "authclient", "handlers/entry", "handlers/limits", "handlers/refusal", "handlers/sample", "handlers/web", "i18n", "limit", "session", "views"},
	"handlers/web":       {"audit", "authclient", "config", "config/loginpage", "config/settings", "framing", "handlers/bodies", "handlers/browser", "handlers/captcha", "handlers/cut", "handlers/deadline", "handlers/entry", "handlers/files", "handlers/headers", "handlers/journal", "handlers/limits", "handlers/methods", "handlers/origins", "handlers/refusal", "handlers/repeat", "handlers/sample", "i18n", "limit", "metrics", "session", "static", "views"},
	"i18n":               {},
	"limit":              {},
	"limit/conformance":  {"limit"},
	"limit/redistest":    {},
	"limit/shared":       {"limit"},
	"metrics":            {},
	"online":             {},
	"proxyheaders":       {},
	"session":            {},
	"static":             {},
	"upstream":           {},
	"views":              {"i18n"},
}

// pure are folders with one idea each, which know nothing of ours but package pattern, and which every
// other may know.
var pure = []string{"config/input", "filelock", "identifier", "parts", "password", "pattern", "plainjson", "qrcode", "redirect", "spell", "theme", "timezone", "useragent"}

// free are programs around the product, which take it apart as they like and which nothing imports.
var free = []string{"bench", "e2e", "generate"}

// onlyIn says which folders know a library. Imports are compared by prefix.
var onlyIn = map[string][]string{
	"github.com/gofiber/":         {"admin", "handlers", "handlers/bodies", "handlers/files", "handlers/headers", "handlers/methods", "handlers/origins", "handlers/preview", "handlers/repeat", "handlers/web"},
	"github.com/valyala/":         {"handlers", "handlers/methods", "handlers/repeat", "handlers/web"},
	"github.com/a-h/templ":        {"views"},
	"github.com/gorilla/":         {"session"},
	"github.com/golang-jwt/":      {"emulator"},
	"github.com/go-playground/":   {"config/settings", "handlers/rules"},
	"database/sql":                {"emulator"},
	"modernc.org/":                {"emulator"},
	"go.yaml.in/":                 {"config/settings"},
	"github.com/playwright-":      {},
	"github.com/tdewolff/":        {},
	"github.com/nyaruka/":         {}, // megabytes of telephone numbers, of which package identifier has a table
	"github.com/google/go-cmp":    {},
	"github.com/santhosh-tekuri/": {}, // tests alone hold login configs against their schema
	"k8s.io/":                     {}, // tests alone read deploy/kubernetes as the API server would
	"sigs.k8s.io/":                {},
	"golang.org/x/net/html":       {"config/loginpage"},
	"github.com/lucasb-eyer/":     {"theme"},
	"github.com/boombuler/":       {"qrcode"},
	"github.com/prometheus/":      {"metrics"},
	"golang.org/x/crypto/argon2":  {"emulator"},
	"github.com/redis/":           {"limit/redistest", "limit/shared"},
}

// standardOnly are folders that others may lift out as libraries of their own.
var standardOnly = []string{"authclient", "framing", "upstream"}

// A listed package is what `go list` says of it.
type listed struct {
	Dir        string
	ImportPath string
	Name       string
	GoFiles    []string
	Imports    []string
}

// listPackages asks the go command for all packages of the module.
func listPackages(t *testing.T) (packages []listed) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=Dir,ImportPath,Name,GoFiles,Imports", "./...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestImports(t *testing.T) {
	t.Parallel()
	packages := listPackages(t)
	if len(packages) < 5 {
		t.Errorf("go list knows %d packages", len(packages))
	}
	for _, v := range violations(packages) {
		t.Error(v)
	}
}

// What the tables allow is also done: a row that says more than is so hides the next wrong import.
func TestTablesAreCurrent(t *testing.T) {
	t.Parallel()
	imports := map[string][]string{} // by folder
	for _, p := range listPackages(t) {
		from := folder(p.ImportPath)
		imports[from] = append(imports[from], p.Imports...)
	}
	does := func(from string, what func(imported string) bool) bool {
		return slices.ContainsFunc(imports[from], what)
	}
	for from, allowed := range mayImport {
		if _, there := imports[from]; !there {
			t.Errorf("mayImport has a row for %q, where no package is", from)
		}
		for _, to := range allowed {
			if !does(from, func(imported string) bool { return strings.HasPrefix(imported, module+"/") && folder(imported) == to }) {
				t.Errorf("mayImport lets %q know %q, which it does not", from, to)
			}
		}
	}
	for _, name := range pure {
		if _, there := imports[name]; !there {
			t.Errorf("pure has %q, where no package is", name)
		}
	}
	for library, folders := range onlyIn {
		for _, from := range folders {
			if !does(from, func(imported string) bool { return strings.HasPrefix(imported, library) }) {
				t.Errorf("onlyIn lets %q know %s, which it does not", from, library)
			}
		}
	}
}

// Every package says in one place what it is for.
func TestPackageComments(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command "
		}
		comments := 0
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if ast.IsGenerated(f) || f.Doc == nil {
				continue
			}
			comments++
			if text := f.Doc.Text(); !strings.HasPrefix(text, want) {
				t.Errorf("%s: %s: the package comment begins %.40q, want %q", p.ImportPath, name, text, want)
			}
		}
		if comments != 1 && len(p.GoFiles) > 0 {
			t.Errorf("%s has %d package comments, want 1", p.ImportPath, comments)
		}
	}
}

// violations checks packages against the tables above.
func violations(packages []listed) (found []string) {
	for _, p := range packages {
		from := folder(p.ImportPath)
		if slices.Contains(free, from) {
			continue
		}
		allowed, known := mayImport[from]
		if !known && !slices.Contains(pure, from) {
			found = append(found, fmt.Sprintf("%s: a folder the design does not know", p.ImportPath))
			continue
		}
		for _, imported := range p.Imports {
			if imported == module || strings.HasPrefix(imported, module+"/") {
				to := folder(imported)
				anyMay := to == "pattern" || slices.Contains(pure, to) && !slices.Contains(pure, from)
				if to != from && !anyMay && !slices.Contains(allowed, to) {
					found = append(found, fmt.Sprintf("%s imports %s", p.ImportPath, imported))
				}
				continue
			}
			first, _, _ := strings.Cut(imported, "/")
			if slices.Contains(standardOnly, from) && strings.Contains(first, ".") {
				found = append(found, fmt.Sprintf("%s imports %s: only the standard library", p.ImportPath, imported))
				continue
			}
			for prefix, folders := range onlyIn {
				if strings.HasPrefix(imported, prefix) && !slices.Contains(folders, from) {
					found = append(found, fmt.Sprintf("%s imports %s", p.ImportPath, imported))
				}
			}
		}
	}
	return found
}

// folder is that of the tables which a package belongs to: the longest that its path begins with,
// else the first element of the path inside the module, "" for the module itself.
func folder(importPath string) string {
	inside := strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
	for name := inside; name != "."; name = path.Dir(name) {
		if _, known := mayImport[name]; known || slices.Contains(pure, name) {
			return name
		}
	}
	first, _, _ := strings.Cut(inside, "/")
	return first
}

// A check that finds nothing is worth little unless it can.
func TestViolations(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path, imported string
		bad            bool
	}{
		{"tcb-login", "tcb-login/handlers", false},
		{"tcb-login", "tcb-login/e2e", true},
		{"tcb-login", "github.com/gofiber/fiber/v2", true},
		{"tcb-login/handlers", "tcb-login/views", true},
		{"tcb-login/handlers", "tcb-login/handlers/signin", false},
		{"tcb-login/handlers/signin", "tcb-login/handlers/code", false},
		{"tcb-login/handlers/signin", "tcb-login/handlers/account", true},
		{"tcb-login/handlers/account", "tcb-login/handlers/signin", true},
		{"tcb-login/handlers/signin", "tcb-login/handlers/authorize", true},
		{"tcb-login/handlers/account", "tcb-login/handlers/stepup", false},
		{"tcb-login/handlers/stepup", "tcb-login/handlers/account", true},
		{"tcb-login/handlers/portal", "tcb-login/handlers/account", true},
		{"tcb-login/handlers/portal", "tcb-login/handlers/stepup", true},
		{"tcb-login/handlers/signin", "tcb-login/handlers/portal", true},
		{"tcb-login/handlers/authorize", "tcb-login/handlers/visitor", false},
		{"tcb-login/handlers/authorize", "tcb-login/limit", true},
		{"tcb-login/handlers/code", "tcb-login/handlers/visitor", true},
		{"tcb-login/handlers/web", "tcb-login/handlers/visitor", true},
		{"tcb-login/handlers/web", "tcb-login/handlers", true},
		{"tcb-login/handlers/web", "tcb-login/views", false},
		{"tcb-login/handlers/web", "tcb-login/redirect", false},
		{"tcb-login/handlers/signin", "github.com/gofiber/fiber/v2", true},
		{"tcb-login/handlers/account", "github.com/valyala/fasthttp", true},
		{"tcb-login/identifier", "tcb-login/limit", true},
		{"tcb-login/handlers", "tcb-login/emulator", true},
		{"tcb-login/handlers", "tcb-login/admin", true},
		{"tcb-login/handlers", "github.com/gofiber/fiber/v2/middleware/adaptor", false},
		{"tcb-login/handlers", "database/sql", true},
		{"tcb-login/handlers", "tcb-login", true},
		{"tcb-login/views", "tcb-login/handlers", true},
		{"tcb-login/views", "tcb-login/authclient", true},
		{"tcb-login/views/parts", "tcb-login/views", false},
		{"tcb-login/views", "github.com/a-h/templ/runtime", false},
		{"tcb-login/session", "github.com/valyala/fasthttp", true},
		{"tcb-login/limit", "github.com/a-h/templ", true},
		{"tcb-login/limit", "golang.org/x/text/width", false},
		{"tcb-login/authclient", "net/http", false},
		{"tcb-login/authclient", "golang.org/x/sync/singleflight", true},
		{"tcb-login/emulator", "modernc.org/sqlite", false},
		{"tcb-login/emulator", "tcb-login/authclient", true},
		{"tcb-login/e2e", "tcb-login/handlers", false},
		{"tcb-login/generate", "github.com/tdewolff/minify/v2", false},
		{"tcb-login/static", "github.com/tdewolff/minify/v2", true},
		{"tcb-login/generate", "github.com/nyaruka/phonenumbers", false},
		{"tcb-login/identifier", "github.com/nyaruka/phonenumbers", true},
		{"tcb-login/util", "fmt", true},
		{"tcb-login/config", "tcb-login/config/settings", false},
		{"tcb-login/config/settings", "tcb-login/config", true},
		{"tcb-login/config/settings", "tcb-login/config/loginpage", true},
		{"tcb-login/config/loginpage", "tcb-login/config/settings", true},
		{"tcb-login/config/loginpage", "tcb-login/config/input", false},
		{"tcb-login/config/loginpage", "tcb-login/theme", false},
		{"tcb-login/config/loginpage", "go.yaml.in/yaml/v3", true},
		{"tcb-login/i18n", "tcb-login/spell", false},
		{"tcb-login/theme", "tcb-login/spell", true},
		{"tcb-login/spell", "tcb-login/i18n", true},
		{"tcb-login/spell", "github.com/gofiber/fiber/v2", true},
	}
	for _, tt := range tests {
		got := violations([]listed{{ImportPath: tt.path, Imports: []string{tt.imported}}})
		if bad := len(got) > 0; bad != tt.bad {
			t.Errorf("%s importing %s: %q, want a violation: %t", tt.path, tt.imported, got, tt.bad)
		}
	}
}
