package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tcb-login/theme"
)

const sources, committed = "../static/src", "../static/files"

// TestCurrent: what is committed is what the sources make, byte for byte, and nothing else is
// there.
func TestCurrent(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "files")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "of-yesterday.css"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	in, err := languages("../i18n/locales")
	if err != nil {
		t.Fatal(err)
	}
	if err := run(sources, dir, in); err != nil {
		t.Fatal(err)
	}
	want, got := contents(t, dir), contents(t, committed)
	if len(want) < 10 {
		t.Errorf("%d files were made", len(want))
	}
	for name, body := range want {
		if !bytes.Equal(got[name], body) {
			t.Errorf("%s is not current: run make generate", name)
		}
	}
	for name := range got {
		if want[name] == nil {
			t.Errorf("%s has no source: run make generate", name)
		}
	}
}

func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// A folder without sources is not taken for one whose files have all gone.
func TestNothing(t *testing.T) {
	t.Parallel()
	to := t.TempDir()
	kept := filepath.Join(to, "app.css")
	if err := os.WriteFile(kept, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(t.TempDir(), to, nil); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{"a": 1, strings.Repeat("a{color:red}", 20): 3} {
		made := map[string][]byte{}
		if err := encode(made, "a.css", []byte(body)); err != nil {
			t.Fatal(err)
		}
		if len(made) != want || string(made["a.css"]) != body {
			t.Errorf("%d bytes are made into %d files, want %d", len(body), len(made), want)
		}
	}
}

func TestInline(t *testing.T) {
	t.Parallel()
	tests := []struct{ sheet, want string }{
		{":root{--ink:#123}a{color:var(--ink)}", ":root{}a{color:#123}"},
		{":root{--ink:#123;--ink-2: #456;margin:0}a{color:var(--ink-2)}", ":root{margin:0}a{color:#456}"},
		{"a{color:red}", "a{color:red}"},
	}
	for _, tt := range tests {
		if got, err := inline(tt.sheet); got != tt.want || err != nil {
			t.Errorf("%s: %s, %v, want %s", tt.sheet, got, err, tt.want)
		}
	}
	if got, err := inline("a{color:var(--ink)}"); err == nil {
		t.Errorf("a colour that is not defined: %s", got)
	}
}

var (
	comment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	picture = regexp.MustCompile(`url\("[^"]*"\)`)
	// What CSS can say a colour with, but for the names of most of them.
	literal = regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|\b(rgba?|hsla?|hwb|lab|lch|oklab|oklch|color)\(|[\s,(](white|black|red|green|blue|gr[ae]y|silver)[\s,;)]`)
)

// misused lists the lines of a sheet with a colour that has no name, and the names that are not
// defined in it or by what it builds on.
func misused(sheet, base string) (found []string) {
	sheet = comment.ReplaceAllString(sheet, "")
	defined := map[string]bool{}
	for _, m := range customProperty.FindAllStringSubmatch(base+sheet, -1) {
		defined[m[1]] = true
	}
	for line := range strings.Lines(sheet) {
		line = strings.TrimSpace(picture.ReplaceAllString(line, ""))
		if strings.HasPrefix(line, "--") || strings.HasPrefix(line, "@supports") {
			continue
		}
		if literal.MatchString(line) {
			found = append(found, line)
		}
	}
	for _, m := range use.FindAllStringSubmatch(sheet, -1) {
		if !defined[m[1]] {
			found = append(found, m[0])
		}
	}
	return found
}

// TestColors: the sheets say colours by names, and the default theme's stand in package theme
// alone.
func TestColors(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		body, err := os.ReadFile(filepath.Join(sources, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	palette := string(theme.Default().Stylesheet(""))
	for name, base := range map[string]string{
		"base.css": palette, "forms.css": palette + read("base.css"), "account.css": palette + read("base.css"),
		"account-forms.css": palette + read("base.css"), "preview.css": palette,
	} {
		sheet := read(name)
		for _, line := range misused(sheet, base) {
			t.Errorf("%s: %s", name, line)
		}
		for _, m := range customProperty.FindAllStringSubmatch(sheet, -1) {
			if strings.Contains(palette, "--"+m[1]+":") && literal.MatchString(m[2]) {
				t.Errorf("%s: --%s is the theme's", name, m[1])
			}
		}
	}
}

func TestMisused(t *testing.T) {
	t.Parallel()
	const base = ":root{--ink:#123}"
	for sheet, bad := range map[string]bool{
		"a {\n  color: var(--ink);\n}":                                  false,
		"a {\n  --own: #abc;\n  color: var(--own);\n}":                  false,
		"a {\n  background: transparent url(\"data:,%23fff #fff\");\n}": false,
		"/* not white */\na {\n  white-space: pre;\n}":                  false,
		"a {\n  color: white;\n}":                                       true,
		"a {\n  color: #abc;\n}":                                        true,
		"a {\n  color: rgb(1 2 3/.5);\n}":                               true,
		"a {\n  color: var(--missing);\n}":                              true,
	} {
		if found := misused(sheet, base); len(found) > 0 != bad {
			t.Errorf("%s: %q", sheet, found)
		}
	}
}
