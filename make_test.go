package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Whoever types make sees every target there is.
func TestMakeHelp(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := regexp.MustCompile(`(?m)^\.PHONY: ([a-z0-9-]+)$`).FindAllStringSubmatch(string(data), -1)
	if len(targets) < 15 {
		t.Errorf("found %d targets", len(targets))
	}
	help, err := exec.CommandContext(t.Context(), "make").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		if !regexp.MustCompile(`(?m)^  ` + target[1] + ` +\S`).Match(help) {
			t.Errorf("make does not tell what %s does:\n%s", target[1], help)
		}
	}
}

// A release that cannot be one is refused before anything is built.
func TestReleaseRefuses(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, version, key, want string
	}{
		{"no version", "", key, "VERSION: want a version like 1.2.3"},
		{"not a version", "1.2", key, "VERSION: want a version like 1.2.3"},
		{"a path for a version", "../../1.2.3", key, "VERSION: want a version like 1.2.3"},
		{"no key", "1.2.3", "", "KEY: want the file of a signing key"},
		{"a key that is not there", "1.2.3", key + ".missing", "KEY: want the file of a signing key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), "make", "release", "VERSION="+tt.version, "KEY="+tt.key).CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("error %v, output %s", err, out)
			}
		})
	}
}

func TestVersionFlag(t *testing.T) {
	t.Parallel()
	if code, stdout, stderr := runOnce(t, nil, "-version"); code != 0 || stdout != buildVersion()+"\n" || stderr != "" {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}
