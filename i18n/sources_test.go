package i18n

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sources are the files that name messages, parsed.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	for _, dir := range []string{".", "../handlers", "../views", "../admin"} {
		err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 50 {
		t.Fatalf("only %d files", len(files))
	}
	return files
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

// literals are the strings in a file, import paths left out; of a struct tag, what its words of
// rules say (`say:"max=error.too_long"`).
func literals(f *ast.File) map[string]bool {
	found := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if _, ok := n.(*ast.ImportSpec); ok {
			return false
		}
		if field, ok := n.(*ast.Field); ok && field.Tag != nil {
			tag, _ := literal(field.Tag)
			for rule := range strings.FieldsSeq(reflect.StructTag(tag).Get("say")) {
				_, key, _ := strings.Cut(rule, "=")
				found[key] = true
			}
		}
		if e, ok := n.(ast.Expr); ok {
			if s, ok := literal(e); ok {
				found[s] = true
			}
		}
		return true
	})
	return found
}

var keyShape = regexp.MustCompile(`^[a-z][a-z-]*(\.[a-z][a-z0-9_-]*)+$`)

// TestKeysExist: what looks like a message in the source is one.
func TestKeysExist(t *testing.T) {
	t.Parallel()
	texts := mustLoad(t).Locales()[0].texts()
	groups := map[string]bool{}
	for key := range texts {
		group, _, _ := strings.Cut(key, ".")
		groups[group] = true
	}
	for name, file := range sources(t) {
		for s := range literals(file) {
			group, _, _ := strings.Cut(s, ".")
			if ext := filepath.Ext(s); !keyShape.MatchString(s) || !groups[group] || ext == ".js" || ext == ".css" || ext == ".templ" {
				continue
			}
			if _, ok := texts[s]; !ok {
				t.Errorf("%s names %q, which no catalogue has", name, s)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 3 {
				return true
			}
			// need(page, "field", value) says error.required.field.
			if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "need" {
				return true
			}
			if field, ok := literal(call.Args[1]); ok && texts["error.required."+field].other == "" {
				t.Errorf("%s needs %s, and no catalogue has error.required.%s", name, field, field)
			}
			return true
		})
	}
}

// TestKeysAreUsed: a message that nothing says is not kept.
func TestKeysAreUsed(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	whole := map[string]bool{} // strings of all files
	for _, file := range sources(t) {
		for s := range literals(file) {
			whole[s] = true
		}
	}
	for s := range whole {
		used[s] = true
		switch {
		case strings.HasSuffix(s, ".") && keyShape.MatchString(strings.TrimSuffix(s, ".")): // "error.required." + field
			for rest := range whole {
				used[s+rest] = true
			}
		case strings.HasPrefix(s, "_"): // lead + "_maybe"
			for begin := range whole {
				used[begin+s] = true
			}
		}
	}
	for key := range mustLoad(t).Locales()[0].texts() {
		if !used[key] {
			t.Errorf("nothing says %s", key)
		}
	}
}

// TestArguments: where a key stands beside its arguments, they are those of
// the message; where it stands alone, the message wants none.
func TestArguments(t *testing.T) {
	t.Parallel()
	texts := mustLoad(t).Locales()[0].texts()
	wants := func(key string) []string {
		names, _ := placeholders(texts[key].other)
		return slices.DeleteFunc(names, func(s string) bool { return s == "n" })
	}
	for name, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) == 1 && (sel.Sel.Name == "T" || sel.Sel.Name == "Msg") {
					if key, ok := literal(n.Args[0]); ok && (len(wants(key)) > 0 || texts[key].forms != nil) {
						t.Errorf("%s: %s(%q) gives no arguments, the message is %q", name, sel.Sel.Name, key, texts[key].other)
					}
				}
				checkArguments(t, name, n.Args, wants)
			case *ast.CompositeLit:
				var values []ast.Expr
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok {
						values = append(values, kv.Value)
					}
				}
				checkArguments(t, name, values, wants)
			}
			return true
		})
	}
}

// checkArguments looks for a key and Args side by side.
func checkArguments(t *testing.T, name string, exprs []ast.Expr, wants func(string) []string) {
	t.Helper()
	key, args := "", []string(nil)
	found := false
	for _, e := range exprs {
		if s, ok := literal(e); ok && keyShape.MatchString(s) {
			key = s
		}
		lit, ok := e.(*ast.CompositeLit)
		if !ok {
			continue
		}
		if sel, ok := lit.Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Args" {
			found = true
			for _, elt := range lit.Elts {
				if kv, ok := elt.(*ast.KeyValueExpr); ok {
					if s, ok := literal(kv.Key); ok {
						args = append(args, s)
					}
				}
			}
		}
	}
	if key == "" || !found {
		return
	}
	slices.Sort(args)
	if want := wants(key); !slices.Equal(args, want) {
		t.Errorf("%s: %s gets the arguments %q, the message wants %q", name, key, args, want)
	}
}
