package main

import (
	"os"
	"path/filepath"
	"regexp"
)

// What templ generates costs memory for each string of a page, of which there are hundreds: it formats
// it with package fmt, and escapes it into another one. Package views has functions of its own for
// both, that do the same without.
var (
	joins   = regexp.MustCompile(`\btempl\.JoinStringErrs\(`)
	escapes = regexp.MustCompile(`_, (\w+) = (\w+)\.WriteString\(templ\.EscapeString\((\w+)\)\)\n`)
)

// lighten has the components in a folder call those functions.
func lighten(folder string) error {
	names, err := filepath.Glob(filepath.Join(folder, "*_templ.go"))
	if err != nil {
		return err
	}
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		source = joins.ReplaceAll(source, []byte("joinStringErrs("))
		source = escapes.ReplaceAll(source, []byte("${1} = writeEscaped(${2}, ${3})\n"))
		if err := os.WriteFile(name, source, 0o644); err != nil {
			return err
		}
	}
	return nil
}
