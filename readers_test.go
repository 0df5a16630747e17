package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// bodyReader matches what Fiber and fasthttp have for reading a body. Most of it
// undoes Content-Encoding without a bound or takes multipart apart, and which
// does has changed between versions.
var bodyReader = regexp.MustCompile(`^(Request)?(Body|Multipart|SaveMultipart)|^(FormValue|PostBody|FormFile|SaveFile|SaveFileToStorage|PostArgs|SwapBody|ReadBody|ReadLimitBody)$`)

// mayReadBodies are the functions, by file, that do, and how.
var mayReadBodies = map[string][]string{
	"handlers/web/form.go": {"postedForm: Request.PostArgs", "PostedJSON: Request.Body", "readable: Request.Body"},
}

// TestBodyReaders: one place reads bodies, as they came. See handlers/web/form.go.
func TestBodyReaders(t *testing.T) {
	t.Parallel()
	files := 0
	for _, dir := range []string{"handlers", "admin", "session"} {
		err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			files++
			found := bodyReaders(t, name, nil)
			want := mayReadBodies[filepath.ToSlash(name)]
			for _, f := range found {
				if !slices.Contains(want, f) {
					t.Errorf("%s reads a body: %s", name, f)
				}
			}
			if len(found) < len(want) {
				t.Errorf("%s: found %q, want %q", name, found, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 40 {
		t.Errorf("looked at %d files", files)
	}
}

// bodyReaders lists what reads a request's body, as "function: reader".
func bodyReaders(t *testing.T, name string, src any) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		in := "a declaration"
		if f, ok := decl.(*ast.FuncDecl); ok {
			in = f.Name.Name
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok || !bodyReader.MatchString(s.Sel.Name) {
				return true
			}
			switch of := called(s.X); of {
			case "Response": // what we wrote ourselves
			case "":
				found = append(found, fmt.Sprintf("%s: %s", in, s.Sel.Name))
			default:
				found = append(found, fmt.Sprintf("%s: %s.%s", in, of, s.Sel.Name))
			}
			return true
		})
	}
	return found
}

// called names the method that an expression calls, as Request in c.Request().
func called(x ast.Expr) string {
	if call, ok := x.(*ast.CallExpr); ok {
		if s, ok := call.Fun.(*ast.SelectorExpr); ok {
			return s.Sel.Name
		}
	}
	return ""
}

// A check that finds nothing is worth little unless it can.
func TestBodyReadersAreFound(t *testing.T) {
	t.Parallel()
	for expression, bad := range map[string]bool{
		"c.Body()":                                 true,
		"c.BodyRaw()":                              true,
		"c.BodyParser(&in)":                        true,
		"c.FormValue(name)":                        true,
		"c.FormFile(name)":                         true,
		"c.MultipartForm()":                        true,
		"c.SaveFile(f, name)":                      true,
		"c.Request().Body()":                       true,
		"c.Request().BodyGunzip()":                 true,
		"c.Request().BodyInflateWithLimit(9)":      true,
		"c.Request().BodyUnbrotli()":               true,
		"c.Request().BodyUnzstd()":                 true,
		"c.Request().BodyUncompressed()":           true,
		"c.Request().BodyStream()":                 true,
		"c.Request().PostArgs().Peek(name)":        true,
		"c.Context().FormValue(name)":              true,
		"c.Context().PostBody()":                   true,
		"c.Context().RequestBodyStream()":          true,
		"read(c.Body)":                             true,
		"c.Response().Body()":                      false,
		"c.Query(name)":                            false,
		"c.Request().URI().QueryArgs().Peek(name)": false,
	} {
		found := bodyReaders(t, "x.go", "package x\nfunc f() { _ = "+expression+" }")
		if got := len(found) > 0; got != bad {
			t.Errorf("%s: %q, want a finding: %t", expression, found, bad)
		}
	}
}
