package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is written from the structs of the settings is what they say now.
func TestSettingsAreCurrent(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]func(string) ([]byte, error){
		"docs/settings.md": settingsReference, "config/settings/settings.schema.json": settingsSchema,
	} {
		got, err := source(filepath.Join("..", settingsFolder))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not current: make generate (-there +now):\n%s", name, diff)
		}
	}
}

// A setting without a comment is none of the reference's: it is an error, not an empty cell.
func TestSettingsNeedComments(t *testing.T) {
	t.Parallel()
	if _, err := settingsReference(t.TempDir()); err == nil || !strings.Contains(err.Error(), "Settings.Listen has no comment") {
		t.Errorf("without any comment: %v", err)
	}
}
