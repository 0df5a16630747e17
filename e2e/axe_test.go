//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// axe runs the rules of axe-core over the page as it is when nothing moves any more, and says what
// breaks one. What it cannot tell, as a contrast over a picture, is no fault.
const axe = `async ([rules]) => {
	for (const animation of document.getAnimations()) {
		if (Number.isFinite(animation.effect.getComputedTiming().endTime)) animation.finish();
		else animation.cancel(); // a skeleton's, which has no end
	}
	const found = await axe.run(document, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) });
	if (!found.passes.length && !found.violations.length) return ["axe found nothing to look at"];
	return found.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.target.join(" ") + ": " + n.failureSummary.replace(/\s+/g, " ")));
}`

// colours are the rules whose outcome depends on the colour scheme.
var colours = []string{"color-contrast", "link-in-text-block"}

// TestAxe: axe-core finds nothing wrong with any page, as it is at first in English and at its worst
// in Chinese, light and dark. TestLateAxe looks at every state in more languages.
func TestAxe(t *testing.T) {
	t.Parallel()
	s := share(t, options{tree: sampleTree(t)})
	first, _ := extremes(s.samples(t, desk, "en"))
	_, worst := extremes(s.samples(t, desk, "zh-CN"))
	for name, samples := range map[string][]sample{"first": first, "worst": worst} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.audit(t, samples)
		})
	}
}

// audit has axe look at samples, one after the other in the same tab.
func (s *server) audit(t *testing.T, samples []sample, change ...func(*playwright.BrowserNewContextOptions)) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	v := s.visit(t, change...)
	if err := v.context.AddInitScript(playwright.Script{Content: playwright.String(string(source))}); err != nil {
		t.Fatal(err)
	}
	b := v.open(t, "about:blank")
	for _, p := range samples {
		b.goTo(t, p.address)
		for _, look := range []struct {
			scheme *playwright.ColorScheme
			rules  []string // none: all
		}{{playwright.ColorSchemeLight, nil}, {playwright.ColorSchemeDark, colours}} {
			if err := b.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: look.scheme}); err != nil {
				t.Fatal(err)
			}
			var rules any
			if look.rules != nil {
				rules = look.rules
			}
			found, err := b.Evaluate(axe, []any{rules})
			if err != nil {
				t.Fatal(fmt.Errorf("%s: %w", p, err))
			}
			for _, fault := range found.([]any) {
				t.Errorf("%s, %s: %v", p, *look.scheme, fault)
			}
		}
	}
}
