//go:build e2e

package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestOverviewStyles: the overview, and the page before it that hands a login over, look with the sheet
// of their own as with that of the rest of the portal, which has more. A rule that stands in a file that
// is not theirs is named.
func TestOverviewStyles(t *testing.T) {
	t.Parallel()
	s := share(t, options{tree: sampleTree(t)})
	for _, config := range []string{desk, "app=&version=env"} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			all := s.samples(t, config, "ar-XB")
			whole := ""
			for _, p := range all {
				if p.page == "account-profile" {
					whole = s.sheetOf(t, p)
					break
				}
			}
			b := s.visit(t).open(t, "about:blank")
			seen := map[string]bool{}
			for _, p := range all {
				if p.page != "account" && p.page != "hand-off" {
					continue
				}
				seen[p.page+" "+p.state] = true
				b.goTo(t, p.address)
				for _, colors := range []*playwright.ForcedColors{playwright.ForcedColorsNone, playwright.ForcedColorsActive} {
					for _, width := range widthsOfLooks {
						if err := b.EmulateMedia(playwright.PageEmulateMediaOptions{ForcedColors: colors}); err != nil {
							t.Fatal(err)
						}
						if err := b.SetViewportSize(width, 800); err != nil {
							t.Fatal(err)
						}
						differs, err := b.Evaluate(otherLooks, whole)
						if err != nil {
							t.Fatal(err)
						}
						if list, ok := differs.([]any); !ok || len(list) > 0 {
							t.Errorf("%s, forced colors %s, %d pixels: %v", p, string(*colors), width, differs)
						}
					}
				}
			}
			for _, want := range []string{"account empty", "account done", "account news", "hand-off empty"} {
				if !seen[want] {
					t.Errorf("there is no sample %s", want)
				}
			}
		})
	}
}

var widthsOfLooks = []int{360, 600}

var sheetLink = regexp.MustCompile(`<link rel="stylesheet" href="([^"]+)"`)

// sheetOf is the text of a sample's style sheet.
func (s *server) sheetOf(t *testing.T, p sample) string {
	t.Helper()
	admin := s.listening(t, "admin").String()
	_, page := s.operator(t, strings.TrimPrefix(p.address, admin))
	link := sheetLink.FindStringSubmatch(page)
	if link == nil {
		t.Fatalf("%s has no style sheet:\n%.1000s", p, page)
	}
	_, css := s.operator(t, link[1])
	if !strings.Contains(css, ".back") {
		t.Fatalf("%s is not the sheet of the whole portal", link[1])
	}
	return css
}

// otherLooks names rules of another sheet that are for something on the page and not in the page's own,
// whatever is hovered or has the focus, and elements that look different with the other one.
const otherLooks = `(text) => {
	const whole = new CSSStyleSheet(), found = [];
	whole.replaceSync(text);
	const own = document.styleSheets[0];
	const rules = (sheet) => {
		const all = new Map();
		const walk = (list, within) => {
			for (const rule of list) {
				if (rule.selectorText) all.set(within + rule.cssText, rule.selectorText);
				if (rule.cssRules && rule.cssRules.length) walk(rule.cssRules, within + (rule.conditionText || "") + " ");
			}
		};
		walk(sheet.cssRules, "");
		return all;
	};
	const known = rules(own);
	for (const [rule, selector] of rules(whole)) {
		const always = selector
			.replace(/:not\(:(hover|active|focus-visible)\)/g, "")
			.replace(/:(hover|active|focus-visible)\b/g, ":nth-child(n)")
			.replace(/::placeholder\b/g, ":is(input)")
			.replace(/(^|[\s,(])::?(before|after|-webkit-[a-z-]+)\b/g, "$1*")
			.replace(/::?(before|after|-webkit-[a-z-]+)\b/g, "");
		if (document.querySelector(always) && !known.has(rule)) found.push("not in the page's own sheet: " + rule.slice(0, 200));
	}
	const looks = () => [...document.querySelectorAll("body, body *")].flatMap((e) =>
		["", "::before", "::after"].map((part) => {
			const style = getComputedStyle(e, part);
			const drawn = part === "" || style.content !== "none";
			return [e.tagName + "." + e.className + part, drawn ? [...style].map((name) => name + ":" + style.getPropertyValue(name)) : []];
		}),
	);
	for (const a of document.getAnimations()) a.cancel();
	const before = looks();
	own.disabled = true;
	document.adoptedStyleSheets = [whole];
	for (const a of document.getAnimations()) a.cancel();
	const after = looks();
	document.adoptedStyleSheets = [];
	own.disabled = false;
	before.forEach(([name, style], i) => {
		const other = style.filter((line, j) => line !== after[i][1][j]);
		if (other.length || style.length !== after[i][1].length) found.push(name + " without the rest: " + other.slice(0, 3).join("; "));
	});
	return found.slice(0, 10);
}`
