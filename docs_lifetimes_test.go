package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcb-login/config/settings"
)

// TestLifetimes: the table of docs/threat-model.md says of each lifetime and limit what the code has, and
// has all of them.
func TestLifetimes(t *testing.T) {
	t.Parallel()
	code := declared(t, "handlers", "session", "limit")
	want := code.limits()
	for name, value := range code.lifetimes {
		if regexp.MustCompile(`(?i)life$|^session\.MaxAge$`).MatchString(name) {
			want[name] = inWords(value)
		}
	}
	if len(want) < 40 {
		t.Errorf("found only %d lifetimes and limits", len(want))
	}
	row := regexp.MustCompile("(?m)^\\| [^|]+ \\| ([^|]+) \\| [^|]+ \\| `([^`]+)` \\|$")
	for _, r := range row.FindAllStringSubmatch(read(t, "docs/threat-model.md"), -1) {
		said, name := r[1], r[2]
		value, ok := want[name]
		if !ok {
			if _, ok = code.lifetimes[name]; !ok {
				t.Errorf("there is no %s in the code, or it is there twice", name)
				continue
			}
			value = inWords(code.lifetimes[name])
		}
		if !regexp.MustCompile(`(^|\s)` + regexp.QuoteMeta(value) + `($|[,;\s])`).MatchString(said) {
			t.Errorf("%s: %q, the code has %q", name, said, value)
		}
		delete(want, name)
	}
	for name, value := range want {
		t.Errorf("no row of %s: %s", name, value)
	}
}

// inWords is a length of time as the table has it.
func inWords(d time.Duration) string {
	switch d {
	case 24 * time.Hour:
		return "a day"
	case time.Hour:
		return "an hour"
	case time.Minute:
		return "a minute"
	case time.Second:
		return "a second"
	}
	for _, unit := range []struct {
		name string
		d    time.Duration
	}{{"days", 24 * time.Hour}, {"hours", time.Hour}, {"minutes", time.Minute}} {
		if d%unit.d == 0 {
			return fmt.Sprintf("%d %s", d/unit.d, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}

// declarations are what some folders declare.
type declarations struct {
	values    map[string]ast.Expr      // of constants, by folder and name
	lifetimes map[string]time.Duration // those of them that are lengths of time
	rules     []rule
}

// A rule is a literal of limit.Rule.
type rule struct {
	folder string
	fields map[string]ast.Expr
}

// limits are the rules in words, by their names.
func (d *declarations) limits() map[string]string {
	set := settings.DefaultLimits
	limits := map[string]string{ // those whose numbers are settings
		"SMS to target": often(set.SMSPerNumber, 24*time.Hour), "email to target": often(set.EmailsPerAddress, 24*time.Hour),
		"SMS budget": often(set.SMSPerHour, time.Hour), "SMS budget of a calling code": often(set.SMSPerHourAbroad, time.Hour),
	}
	for _, r := range d.rules {
		name, _ := r.fields["Name"].(*ast.BasicLit)
		number, _ := r.fields["N"].(*ast.BasicLit)
		if name == nil || number == nil {
			continue // made of settings
		}
		n, _ := strconv.Atoi(number.Value)
		per, _ := d.length(r.folder, r.fields["Per"])
		words := often(n, per)
		if burst, ok := r.fields["Burst"].(*ast.BasicLit); ok {
			words += ", " + burst.Value + " at once"
		}
		limits[strings.Trim(name.Value, `"`)] = words
	}
	return limits
}

func often(n int, per time.Duration) string { return fmt.Sprintf("%d in %s", n, inWords(per)) }

// declared reads the code of some folders, and of those below them.
func declared(t *testing.T, folders ...string) *declarations {
	t.Helper()
	d := &declarations{values: map[string]ast.Expr{}, lifetimes: map[string]time.Duration{}}
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "limit/conformance") {
				return err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err == nil {
				d.read(path.Dir(filepath.ToSlash(file)), parsed)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range d.values {
		folder := name[:strings.LastIndex(name, ".")]
		if length, ok := d.length(folder, value); ok && length >= time.Second {
			d.lifetimes[name] = length
		}
	}
	return d
}

func (d *declarations) read(folder string, file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			for _, spec := range n.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && n.Tok == token.CONST && len(v.Names) == len(v.Values) {
					for i, name := range v.Names {
						d.values[folder+"."+name.Name] = v.Values[i]
					}
				}
			}
		case *ast.CompositeLit:
			if of, ok := n.Type.(*ast.SelectorExpr); ok && of.Sel.Name == "Rule" {
				r := rule{folder, map[string]ast.Expr{}}
				for _, field := range n.Elts {
					if field, ok := field.(*ast.KeyValueExpr); ok {
						r.fields[field.Key.(*ast.Ident).Name] = field.Value
					}
				}
				d.rules = append(d.rules, r)
			}
		}
		return true
	})
}

// units are what lengths of time are counted in.
var units = map[string]time.Duration{"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour}

// length is the value of an expression in a folder's code, where it is a number or a length of time.
func (d *declarations) length(folder string, e ast.Expr) (time.Duration, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		n, err := strconv.Atoi(e.Value)
		return time.Duration(n), err == nil
	case *ast.BinaryExpr:
		x, left := d.length(folder, e.X)
		y, right := d.length(folder, e.Y)
		return x * y, left && right && e.Op == token.MUL
	case *ast.Ident:
		return d.length(folder, d.values[folder+"."+e.Name])
	case *ast.SelectorExpr:
		from, ok := e.X.(*ast.Ident)
		if !ok {
			return 0, false
		}
		if from.Name == "time" {
			return units[e.Sel.Name], units[e.Sel.Name] != 0
		}
		for name, value := range d.values { // another folder's
			if home, ok := strings.CutSuffix(name, "."+e.Sel.Name); ok && path.Base(home) == from.Name {
				return d.length(home, value)
			}
		}
	}
	return 0, false
}
