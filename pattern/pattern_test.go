package pattern

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestAllCompile: what an expression is worth is found out here and not by who first needs it.
func TestAllCompile(t *testing.T) {
	t.Parallel()
	tried := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.Contains(path, "node_modules") || strings.HasPrefix(path, "../pattern/") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "New" {
				return true
			} else if from, ok := f.X.(*ast.Ident); !ok || from.Name != "pattern" {
				return true
			}
			expression, ok := literal(call.Args[0])
			if !ok {
				t.Errorf("%s: an expression that is put together as the program runs: compile it there", path)
			} else if _, err := regexp.Compile(expression); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			tried++
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if tried < 20 {
		t.Errorf("only %d expressions were found", tried)
	}
}

// literal is a string literal, or a sum of such.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		left, ok := literal(e.X)
		right, okToo := literal(e.Y)
		return left + right, ok && okToo
	}
	return "", false
}

func TestPattern(t *testing.T) {
	t.Parallel()
	p := New(`^a+$`)
	first := p.Regexp()
	if !p.MatchString("aa") || p.MatchString("ab") || p.Regexp() != first {
		t.Error("it is not the expression, or not compiled once")
	}
}
