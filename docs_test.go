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

// TestDocsCommands: what docs/start.md and docs/develop.md have people type is something that there
// is. TestExamples (e2e) does what "make examples" does, and TestOrigin what -origin is for.
func TestDocsCommands(t *testing.T) {
	t.Parallel()
	commands := 0
	for _, page := range []string{"docs/start.md", "docs/develop.md"} {
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
	if commands < 6 {
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

// TestDocsExcerpts: code that docs/develop.md shows of a file stands in it as it is shown.
func TestDocsExcerpts(t *testing.T) {
	t.Parallel()
	excerpts := 0
	for _, block := range fenced.FindAllStringSubmatch(read(t, "docs/develop.md"), -1) {
		if block[2] == "" {
			continue
		}
		excerpts++
		if !strings.Contains(read(t, block[2]), "\n"+block[3]) {
			t.Errorf("%s does not have\n%s", block[2], block[3])
		}
	}
	if excerpts < 7 {
		t.Errorf("found %d excerpts", excerpts)
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
