package authclient_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The README's table names every method, and no other.
func TestREADME(t *testing.T) {
	t.Parallel()
	letters := map[string]string{"Client": "C", "User": "U", "LoginState": "L"}
	var declared []string
	for _, file := range sources(t) {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() || f.Name.Name == "String" || f.Name.Name == "GoString" {
				continue
			}
			if letter := letters[receiver(f)]; letter != "" {
				declared = append(declared, letter+" `"+f.Name.Name+"`")
			}
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for line := range strings.Lines(string(readme)) {
		if strings.HasPrefix(line, "|") {
			listed = append(listed, regexp.MustCompile("[CUL] `\\w+`").FindAllString(line, -1)...)
		}
	}
	slices.Sort(declared)
	slices.Sort(listed)
	if diff := cmp.Diff(declared, listed); diff != "" {
		t.Errorf("methods (-declared +in the README):\n%s", diff)
	}
}

// Every exported name has a comment, fields and single values included. The
// methods that make a call, which take CallOptions, tell where it is known from;
// those of LoginState that repeat a User's say so instead.
func TestComments(t *testing.T) {
	t.Parallel()
	fields, calls := 0, 0
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				return n.Name.IsExported()
			case *ast.Field: // of a struct or of a function, whose names are not exported
				for _, name := range n.Names {
					if name.IsExported() {
						fields++
						if !comments(n.Doc, n.Comment) {
							t.Errorf("field %s has no comment", name)
						}
					}
				}
			case *ast.ValueSpec:
				if n.Names[0].IsExported() && !comments(n.Doc, n.Comment) {
					t.Errorf("%s has no comment", n.Names[0])
				}
			case *ast.FuncDecl:
				if !n.Name.IsExported() || n.Recv != nil && !ast.IsExported(receiver(n)) {
					return false
				}
				if !comments(n.Doc) {
					t.Errorf("%s has no comment", n.Name)
					return false
				}
				params := n.Type.Params.List
				if len(params) == 0 {
					return false
				}
				variadic, ok := params[len(params)-1].Type.(*ast.Ellipsis)
				if !ok {
					return false
				}
				if of, ok := variadic.Elt.(*ast.Ident); ok && of.Name == "CallOption" && n.Recv != nil {
					calls++
					text := n.Doc.Text()
					if !sourced.MatchString(text) && !strings.HasPrefix(text, n.Name.Name+" is User."+n.Name.Name) {
						t.Errorf("%s does not say where the call is known from", n.Name)
					}
				}
				return false
			}
			return true
		})
	}
	if fields < 150 || calls < 55 {
		t.Errorf("looked at %d fields and %d calls only", fields, calls)
	}
}

// sourced finds a source: a file of a package in one version, or a link.
var sourced = regexp.MustCompile(`\nSource: (@cloudbase/\w+@\d+\.\d+\.\d+ src/[\w/]+\.ts, \w+|https://)`)

// receiver is the type that a method belongs to.
func receiver(method *ast.FuncDecl) string {
	of := method.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	return of.(*ast.Ident).Name
}

func comments(groups ...*ast.CommentGroup) bool {
	return slices.ContainsFunc(groups, func(g *ast.CommentGroup) bool { return strings.TrimSpace(g.Text()) != "" })
}

// sources are the package's files, without its tests.
func sources(t *testing.T) []*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}
