package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read is a file of the repository as text.
func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var fenced = regexp.MustCompile("(?ms)^```(\\w+)(?: (\\S+))?\n(.*?)^```$")

// TestDocsCommands: what README.md, docs/start.md and docs/develop.md have people type is something that
// there is. TestExamples (e2e) does what "make examples" does, and TestOrigin what -origin is for.
func TestDocsCommands(t *testing.T) {
	t.Parallel()
	commands := 0
	for _, page := range []string{"README.md", "docs/start.md", "docs/develop.md"} {
		for _, block := range fenced.FindAllStringSubmatch(read(t, page), -1) {
			if block[1] != "sh" {
				continue
			}
			folder := "."
			for line := range strings.Lines(block[3]) {
				commands++
				if wrong := typed(t, &folder, strings.Fields(line)); wrong != "" {
					t.Errorf("%s: %s: %s", page, strings.TrimSpace(line), wrong)
				}
			}
		}
	}
	if commands < 8 {
		t.Errorf("found %d commands", commands)
	}
}

// typed says what is wrong with a command that is typed in a folder, or "".
func typed(t *testing.T, folder *string, words []string) string {
	t.Helper()
	switch {
	case slices.Equal(words[:1], []string{"cd"}):
		*folder = filepath.Join(*folder, words[1])
		if info, err := os.Stat(*folder); err != nil || !info.IsDir() {
			return "no such folder"
		}
	case len(words) > 2 && strings.Join(words[:3], " ") == "go run .":
		if code, stdout, stderr := runOnce(t, nil, append(words[3:], "-check")...); code != 0 {
			return stdout + stderr
		}
	case words[0] == "make":
		if !strings.Contains(read(t, filepath.Join(*folder, "Makefile")), "\n.PHONY: "+words[1]+"\n") {
			return "no such target"
		}
	case slices.Equal(words, []string{"npm", "ci"}):
		if _, err := os.Stat(filepath.Join(*folder, "package-lock.json")); err != nil {
			return err.Error()
		}
	case words[0] == "npm" && words[1] == "run":
		var packages struct{ Scripts map[string]string }
		if err := json.Unmarshal([]byte(read(t, filepath.Join(*folder, "package.json"))), &packages); err != nil || packages.Scripts[words[2]] == "" {
			return fmt.Sprintf("no such script (%v)", err)
		}
	default:
		return "nothing that this test knows"
	}
	return ""
}

// TestDocsExcerpts: code that README.md and docs/develop.md show of a file stands in it as it is shown.
func TestDocsExcerpts(t *testing.T) {
	t.Parallel()
	excerpts := 0
	for _, block := range fenced.FindAllStringSubmatch(read(t, "README.md")+read(t, "docs/develop.md"), -1) {
		if block[2] == "" {
			continue
		}
		excerpts++
		if !strings.Contains(read(t, block[2]), "\n"+block[3]) {
			t.Errorf("%s does not have\n%s", block[2], block[3])
		}
	}
	if excerpts < 8 {
		t.Errorf("found %d excerpts", excerpts)
	}
}

// TestDocsSettings: settings that a page shows whole are fine, and what it has for TCB's CLI is JSON.
func TestDocsSettings(t *testing.T) {
	t.Parallel()
	files := 0
	for _, page := range []string{"README.md", "docs/on-tcb.md"} {
		for _, block := range fenced.FindAllStringSubmatch(read(t, page), -1) {
			switch block[1] {
			case "yaml":
				files++
				// A secret of 32 bytes in the place of variables, which this process has not.
				text := regexp.MustCompile(`env:\w+`).ReplaceAllString(block[3], "tests-alone-Kq7vXw2Zp9LmB4nRt8Ys")
				if code, out := checkFiles(t, map[string]string{"settings.yaml": text}); code != 0 {
					t.Errorf("%s: %s", page, out)
				}
			case "json":
				files++
				if !json.Valid([]byte(block[3])) {
					t.Errorf("%s: no JSON: %s", page, block[3])
				}
			}
		}
	}
	if files != 3 {
		t.Errorf("found %d files", files)
	}
}

var (
	typedProgram = regexp.MustCompile("(?m)(?:^    |`)tcb-login( [^`\n]*)")
	flagOfTable  = regexp.MustCompile("(?m)^\\| `-([a-z-]+)` \\|")
	flagOfUsage  = regexp.MustCompile(`(?m)^  -([a-z-]+)`)
	flagOfCode   = regexp.MustCompile(`\.(?:String|Bool|Func|Duration|Var)(?:Var)?\((?:&?[\w.]+, )?"([a-z-]+)"`)
	ofCommand    = regexp.MustCompile(`(?:^| )-([a-z-]+)`)
	quotes       = regexp.MustCompile(`"[^"]*"`) // commands that it is to run
)

// names are the first groups of what a pattern finds, each once.
func names(pattern *regexp.Regexp, text string) []string {
	var all []string
	for _, found := range pattern.FindAllStringSubmatch(text, -1) {
		all = append(all, found[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestDocsFlags: docs/operate.md has every flag of the program, and no page has the program run with one
// that neither it nor its commands have.
func TestDocsFlags(t *testing.T) {
	t.Parallel()
	_, _, usage := runOnce(t, nil, "-help")
	all := names(flagOfUsage, usage)
	if diff := cmp.Diff(all, names(flagOfTable, read(t, "docs/operate.md"))); diff != "" {
		t.Errorf("flags of docs/operate.md (-there are +in its table):\n%s", diff)
	}
	commands, err := filepath.Glob("command/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range commands {
		all = append(all, names(flagOfCode, read(t, file))...)
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	typed := 0
	for _, page := range append(pages, "README.md", "SECURITY.md") {
		for _, line := range typedProgram.FindAllStringSubmatch(read(t, page), -1) {
			typed++
			for _, name := range names(ofCommand, quotes.ReplaceAllString(line[1], "")) {
				if !slices.Contains(all, name) {
					t.Errorf("%s: tcb-login%s: there is no -%s", page, line[1], name)
				}
			}
		}
	}
	if typed < 15 {
		t.Errorf("found the program %d times", typed)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	dropped = regexp.MustCompile(`[^\pL\pN _-]`)
)

// TestDocsLinks: links from page to page lead somewhere.
func TestDocsLinks(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, page := range append(pages, "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "authclient/README.md") {
		for _, found := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			links++
			path, anchor, _ := strings.Cut(found[1], "#")
			target := filepath.Join(filepath.Dir(page), path)
			if path == "" {
				target = page
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads nowhere", page, found[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s: %s has no heading %s", page, target, anchor)
			}
		}
	}
	if links < 50 {
		t.Errorf("found %d links", links)
	}
}

// anchors are the names that GitHub gives to a page's headings.
func anchors(page string) (names []string) {
	for _, h := range heading.FindAllStringSubmatch(page, -1) {
		names = append(names, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return names
}

// seen is what a table of the docs says in its first column that somebody sees: the words themselves.
var seen = regexp.MustCompile(`(?m)^\|[^|*]*\*([^*|]+)\*[^|*]*\|`)

// TestDocsQuotes: what the docs say that a page says, it says, so that who searches the docs for it finds it.
func TestDocsQuotes(t *testing.T) {
	t.Parallel()
	catalogue, quotes := read(t, "i18n/locales/en.json"), 0
	for _, page := range []string{"docs/develop.md", "docs/troubleshooting.md"} {
		for _, m := range seen.FindAllStringSubmatch(read(t, page), -1) {
			if quotes++; !strings.Contains(catalogue, m[1]) {
				t.Errorf("%s: no page says %q", page, m[1])
			}
		}
	}
	if quotes == 0 {
		t.Error("there are no quotes")
	}
}
