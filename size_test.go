package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	maxLines    = 500  // of a file
	maxPackage  = 3000 // lines of a package, tests aside
	maxFunction = 60   // lines of a function; in tests tables may be longer
)

// largePackages are one idea each, with many alike: an endpoint, a page. What others copy as a folder
// is one package too.
var largePackages = []string{"authclient", "emulator", "views"}

// TestSizes: a file and a function are as long as somebody reads at once. What templ writes is not
// read.
func TestSizes(t *testing.T) {
	t.Parallel()
	files := 0
	packages := map[string]int{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"node_modules", "build", ".git", "data"}, d.Name()):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_templ.go"):
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(src, []byte("// Code generated ")) {
			return nil
		}
		files++
		for _, long := range tooLong(path, src) {
			t.Error(long)
		}
		if !strings.HasSuffix(path, "_test.go") {
			packages[filepath.ToSlash(filepath.Dir(path))] += bytes.Count(src, []byte("\n"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder, n := range packages {
		if n > maxPackage && !slices.Contains(largePackages, folder) {
			t.Errorf("%s has %d lines, more than %d", folder, n, maxPackage)
		}
	}
	if files < 100 {
		t.Errorf("only %d files", files)
	}
}

// tooLong names what is longer than it should be in a file.
func tooLong(path string, src []byte) (long []string) {
	if n := bytes.Count(src, []byte("\n")); n > maxLines {
		long = append(long, fmt.Sprintf("%s has %d lines, more than %d", path, n, maxLines))
	}
	if strings.HasSuffix(path, "_test.go") {
		return long
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, src, parser.SkipObjectResolution)
	if err != nil {
		return append(long, err.Error())
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > maxFunction {
			long = append(long, fmt.Sprintf("%s: %s has %d lines, more than %d", path, f.Name.Name, n, maxFunction))
		}
	}
	return long
}

func TestTooLong(t *testing.T) {
	t.Parallel()
	lines := func(n int) string { return strings.Repeat("\n", n) }
	for _, tt := range []struct {
		path, src string
		want      int
	}{
		{"a.go", "package a" + lines(maxLines), 0},
		{"a.go", "package a" + lines(maxLines+1), 1},
		{"a_test.go", "package a" + lines(maxLines+1), 1},
		{"a.go", "package a\nfunc f() {" + lines(maxFunction-1) + "}\n", 0},
		{"a.go", "package a\nfunc f() {" + lines(maxFunction) + "}\n", 1},
		{"a_test.go", "package a\nfunc f() {" + lines(maxFunction) + "}\n", 0},
		{"a.go", "package a\nfunc f() {\n", 1},
	} {
		if got := tooLong(tt.path, []byte(tt.src)); len(got) != tt.want {
			t.Errorf("%s of %d bytes: %q, want %d", tt.path, len(tt.src), got, tt.want)
		}
	}
}
