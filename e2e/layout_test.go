//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
)

// layoutFaults looks for what is cut off, sticks out, or lies on other text.
const layoutFaults = `() => {
	const faults = [], seen = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".sr, .show, noscript");
	const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : e.className ? "." + String(e.className).replaceAll(" ", ".") : "");
	const root = document.documentElement;
	if (root.scrollWidth > innerWidth) faults.push("the page is " + root.scrollWidth + " px wide on a screen of " + innerWidth);
	const lines = [];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; (n = walker.nextNode()); ) {
		const e = n.parentElement;
		if (!n.data.trim() || !seen(e) || e.closest("select, script")) continue;
		const range = document.createRange();
		range.selectNodeContents(n);
		for (const r of range.getClientRects()) {
			if (r.width < 2 || r.height < 2) continue;
			if (r.left < -1 || r.right > innerWidth + 1) faults.push("text of " + name(e) + " leaves the screen: " + n.data.trim().slice(0, 30));
			// A bdi that is a block has the direction of its own words, and begins where they do.
			if (e.matches("bdi") && getComputedStyle(e).display === "block" && root.dir === "rtl" && r.right < e.getBoundingClientRect().right - 2)
				faults.push("«" + n.data.trim().slice(0, 30) + "» stands on the other side of " + name(e.parentElement));
			lines.push([e, r, n.data.trim().slice(0, 30)]);
		}
	}
	for (let i = 0; i < lines.length; i++)
		for (let j = i + 1; j < lines.length; j++) {
			const [a, p, s] = lines[i], [b, q, u] = lines[j];
			if (a === b) continue;
			const w = Math.min(p.right, q.right) - Math.max(p.left, q.left), h = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
			if (w > 2 && h > 5) faults.push("«" + s + "» of " + name(a) + " lies on «" + u + "» of " + name(b));
		}
	for (const e of document.querySelectorAll("body *")) {
		if (!seen(e) || e.matches("input, select, option, img, picture, source, script")) continue;
		const style = getComputedStyle(e);
		if (style.overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1) faults.push(name(e) + " is cut off");
		if (e.matches("a, button") && style.display !== "inline" && e.scrollWidth > e.clientWidth + 1) faults.push(name(e) + " is too narrow for its text");
	}
	return faults;
}`

// measured is what TestLayout looks at: a config in a language, at some widths, with its pages in
// some states.
type measured struct {
	config, locale string
	widths         []int
	states         []string
}

const desk = "app=app-desk&version=" + deskVersion

// TestLayout: no page is cut off or lies on itself, in both pseudo-locales, on the narrowest screen
// that counts. TestLateLayout measures every config in every language, at more widths and in more
// states.
func TestLayout(t *testing.T) {
	t.Parallel()
	measure(t, []measured{
		{desk, "en-XA", []int{320}, []string{"empty", "required"}},
		{desk, "ar-XB", []int{320}, []string{"empty"}},
	})
}

// measure opens the preview's pages and fails for every fault of layout.
func measure(t *testing.T, cases []measured) {
	for _, m := range cases {
		t.Run(m.config+" "+m.locale, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{tree: sampleTree(t)})
			b := s.visit(t).open(t, "about:blank")
			all := s.samples(t, m.config, m.locale)
			looked := 0
			for _, page := range all {
				if !slices.Contains(m.states, page.state) {
					continue
				}
				looked++
				b.goTo(t, page.address)
				for _, width := range m.widths {
					if err := b.SetViewportSize(width, 800); err != nil {
						t.Fatal(err)
					}
					faults, err := b.Evaluate(layoutFaults)
					if err != nil {
						t.Fatal(err)
					}
					for _, fault := range faults.([]any) {
						t.Errorf("%s at %d px: %v", page, width, fault)
					}
				}
			}
			if looked < 25 {
				t.Errorf("only %d pages of %d were looked at", looked, len(all))
			}
		})
	}
}

// TestNarrow: at 320 px, which is also 400 % zoom on a desktop, nothing has to be scrolled
// sideways.
func TestNarrow(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	for _, language := range []string{"en-US", "zh-CN"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			b := s.visit(t, speaking(language)).open(t, "about:blank")
			if err := b.SetViewportSize(320, 640); err != nil {
				t.Fatal(err)
			}
			fits := func() {
				t.Helper()
				width, err := b.Evaluate(`() => document.scrollingElement.scrollWidth`)
				if err != nil {
					t.Fatal(err)
				}
				if w, ok := width.(int); !ok || w > 320 {
					t.Errorf("%s is %v px wide", b.URL(), width)
				}
			}
			b.goTo(t, s.entry(s.origin+where))
			fits()
			b.submit(t)
			b.visible(t, "#error-summary")
			fits()
			for _, to := range []string{"sign-in-sms", "sign-in-email", "sign-up", "reset-password"} {
				b.goTo(t, s.entry(s.origin+where))
				b.follow(t, to)
				fits()
			}
			b.goTo(t, s.entry("https://"+strings.Repeat("evil", 30)+".example/"))
			b.at(t, "error")
			fits()
		})
	}
}
