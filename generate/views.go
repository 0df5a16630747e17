package main

import (
	"bytes"
	"os"
	"path/filepath"
)

// plainStrings has what templ generates in a folder take strings as they are, by the folder's own
// joinStringErrs: templ.JoinStringErrs formats each of them with package fmt, and a page has hundreds.
func plainStrings(folder string) error {
	names, err := filepath.Glob(filepath.Join(folder, "*_templ.go"))
	if err != nil {
		return err
	}
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, bytes.ReplaceAll(source, []byte("templ.JoinStringErrs("), []byte("joinStringErrs(")), 0o644); err != nil {
			return err
		}
	}
	return nil
}
