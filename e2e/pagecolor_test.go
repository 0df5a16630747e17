//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// pageColors are settings of a theme, by a config_version, that put other colours behind the cards than
// the cards have.
var pageColors = map[string]string{
	"blue":     `"colors": {"page": "#0052d9"}`,
	"black":    `"colors": {"page": "#000000"}`,
	"grey":     `"colors": {"page": "#888888"}`,
	"turned":   `"colors": {"page": "#ffffff", "dark": {"page": "#ffd400"}}`,
	"split":    `"layout": "split", "colors": {"page": "#0052d9"}`,
	"darkcard": `"layout": "split", "colors": {"page": "#f4f1ea", "surface": "#191e28"}`,
}

// TestPageColors: whatever colour the page has, what stands on it and on its cards can be read: in the
// portal, where both do, and on the sign-in page, on phones and where the layout has room for two halves.
func TestPageColors(t *testing.T) {
	t.Parallel()
	tree := copyTree(t)
	if err := os.Mkdir(filepath.Join(tree, "tones"), 0o755); err != nil {
		t.Fatal(err)
	}
	for version, look := range pageColors {
		config := fmt.Sprintf(`{"name": "Tones", "web": [{"id": "email", "label": "", "icon": "", "enable": true}],
			"userRegistry": {"enable": false, "registerType": "auto"},
			"tcbLogin": {"links": [{"label": {"en": "Help"}, "url": "https://example.com/help"}], %s}}`, look)
		if err := os.WriteFile(filepath.Join(tree, "tones", "login.config."+version+".json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := share(t, options{tree: tree})
	for version := range pageColors {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			samples := slices.DeleteFunc(s.samples(t, "app=tones&version="+version, "en"), func(p sample) bool {
				return !slices.Contains([]string{"account, empty", "account, news", "account-sessions, empty", "sign-in-email, empty"}, p.String())
			})
			if len(samples) != 4 {
				t.Fatalf("there are only %v", samples)
			}
			for _, width := range []int{360, 1280} {
				s.audit(t, samples, func(o *playwright.BrowserNewContextOptions) {
					o.Viewport = &playwright.Size{Width: width, Height: 800}
				})
			}
		})
	}
}
