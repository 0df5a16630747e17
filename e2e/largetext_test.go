//go:build e2e

package e2e

import (
	"slices"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// smallText finds words that are as large as ever although the browser's own font is twice that, and
// fields that are lower than a line of what is typed.
const smallText = `() => {
	const found = [], size = (e) => parseFloat(getComputedStyle(e).fontSize);
	for (const e of document.querySelectorAll("body *")) {
		if (!e.checkVisibility() || e.closest(".seal, .face, .mark")) continue; // drawn letters, as large as their shape
		const worded = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
		const field = e.matches("input:not([type=hidden], [type=checkbox], [type=radio]), select");
		if ((worded || field) && size(e) < 25) found.push(size(e) + " px: " + e.outerHTML.slice(0, 100));
		if (field && e.clientHeight < size(e) * 1.2) found.push("cuts what is typed: " + e.outerHTML.slice(0, 100));
		if (e.matches(".code")) e.value = "888888";
		if (e.matches(".code") && e.scrollWidth > e.clientWidth + 1) found.push("too narrow for a code");
	}
	return found;
}`

// TestLargeText: text is as large as somebody has set in the browser, and all of it still fits on the
// narrowest screen that counts.
func TestLargeText(t *testing.T) {
	t.Parallel()
	s := share(t, options{tree: sampleTree(t)})
	path, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	large, err := browser.BrowserType().Launch(playwright.BrowserTypeLaunchOptions{
		ExecutablePath: &path,
		Args:           []string{"--no-sandbox", "--disable-gpu", "--blink-settings=defaultFontSize=32"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = large.Close() })
	page, err := large.NewPage(playwright.BrowserNewPageOptions{Viewport: &playwright.Size{Width: 320, Height: 800}})
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, p := range s.samples(t, "app=&version=env", "en") {
		if !slices.Contains([]string{"empty", "captcha-wrong"}, p.state) {
			continue
		}
		looked++
		if _, err := page.Goto(p.address); err != nil {
			t.Fatal(err)
		}
		for _, look := range []string{layoutFaults, smallText} {
			found, err := page.Evaluate(look)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range found.([]any) {
				t.Errorf("%s: %v", p, fault)
			}
		}
	}
	if looked < 25 {
		t.Errorf("only %d pages were looked at", looked)
	}
}
