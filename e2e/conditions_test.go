//go:build e2e

package e2e

import (
	"slices"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// moving finds what still moves where people asked for no motion; what says that something goes on
// may turn in steps.
const moving = `() => {
	const found = [];
	for (const a of document.getAnimations())
		if (a.effect.getComputedTiming().duration > 1) found.push((a.animationName ?? a.transitionProperty) + " moves " + a.effect.target.outerHTML);
	for (const e of document.querySelectorAll("body *"))
		if (parseFloat(getComputedStyle(e).transitionDuration) > 0) found.push("a change is drawn out at " + e.outerHTML);
	return found;
}`

// covered finds what is out of sight when it has the focus, or under something else.
const covered = `() => {
	const found = [];
	for (const e of document.querySelectorAll("a[href], button, input, select, textarea, summary")) {
		if (!e.checkVisibility({ visibilityProperty: true }) || e.disabled || e.tabIndex < 0) continue;
		e.focus();
		if (document.activeElement !== e) continue;
		const r = e.getClientRects()[0];
		const x = Math.min(r.left + r.width / 2, innerWidth - 1), y = Math.min(Math.max(r.top + r.height / 2, 0), innerHeight - 1);
		const seen = document.elementFromPoint(x, y);
		if (r.bottom < 0 || r.top > innerHeight) found.push("out of sight: " + e.outerHTML);
		else if (!seen || !(e.contains(seen) || seen.contains(e) || e.labels && [...e.labels].some((l) => l.contains(seen)))) found.push((seen && seen.outerHTML) + " lies on " + e.outerHTML);
	}
	return found;
}`

// edgeless finds fields and buttons that nothing but a colour of ours has told from the page, where
// the colours are the person's.
const edgeless = `() => {
	const found = [];
	for (const e of document.querySelectorAll("button, input, select")) {
		if (!e.checkVisibility({ visibilityProperty: true })) continue;
		const style = getComputedStyle(e), page = getComputedStyle(document.body).backgroundColor;
		const bordered = parseFloat(style.borderBottomWidth) >= 1 && style.borderBottomStyle !== "none" && style.borderBottomColor !== page;
		const native = e.matches("[type=checkbox], [type=radio]") && style.appearance !== "none";
		const within = e.parentElement.querySelectorAll("input").length === 1 && e.matches("button"); // a field's own button
		const filled = style.backgroundColor !== page && style.backgroundColor !== "rgba(0, 0, 0, 0)";
		const underlined = style.textDecorationLine.includes("underline");
		if (!bordered && !native && !within && !filled && !underlined) found.push("no edge: " + e.outerHTML);
	}
	return found;
}`

// unmarked finds wrong fields that look like right ones.
const unmarked = `() => {
	document.activeElement.blur();
	const drawn = (e) => { const s = getComputedStyle(e); return s.border + s.outline; };
	return [...document.querySelectorAll("[aria-invalid]")].filter((e) => {
		const wrong = drawn(e);
		e.removeAttribute("aria-invalid");
		return wrong === drawn(e);
	}).map((e) => "looks as if it were right: " + e.outerHTML);
}`

// dull finds primary buttons that look like any other: theirs is the system's colour for what stands
// out, with the ink that goes with it.
const dull = `() => {
	const colours = (e) => { const s = getComputedStyle(e); return s.backgroundColor + " " + s.color; };
	const probe = document.createElement("span");
	probe.style.cssText = "forced-color-adjust: none; background: Highlight; color: HighlightText";
	document.body.append(probe);
	const want = colours(probe);
	probe.remove();
	return [...document.querySelectorAll(".primary")].filter((e) => e.checkVisibility() && !e.disabled && colours(e) !== want)
		.map((e) => "looks like any other: " + e.outerHTML + " " + colours(e) + ", want " + want);
}`

// TestConditions: pages keep to what people have set: no motion, 400 % on a small screen, and colours
// of their own.
func TestConditions(t *testing.T) {
	t.Parallel()
	s := share(t, options{tree: sampleTree(t)})
	first, worst := extremes(s.samples(t, desk, "en"))
	b := s.visit(t, func(o *playwright.BrowserNewContextOptions) {
		o.ReducedMotion, o.ForcedColors = playwright.ReducedMotionReduce, playwright.ForcedColorsActive
		o.Viewport = &playwright.Size{Width: 320, Height: 256} // 1280 × 1024 at 400 %
	}).open(t, "about:blank")
	// A page at its worst has all that it has at first.
	first = slices.DeleteFunc(first, func(s sample) bool {
		return slices.ContainsFunc(worst, func(w sample) bool { return w.page == s.page })
	})
	for _, p := range append(first, worst...) {
		b.goTo(t, p.address)
		for _, look := range []string{moving, covered, edgeless, unmarked, dull} {
			found, err := b.Evaluate(look)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range found.([]any) {
				t.Errorf("%s: %v", p, fault)
			}
		}
	}
}

// vanished finds pictures that are cut out of the page's own colour.
const vanished = `() => [...document.querySelectorAll("body *")].filter((e) => {
	const style = getComputedStyle(e), page = getComputedStyle(document.body).backgroundColor;
	return style.maskImage !== "none" && e.checkVisibility() && [page, "rgba(0, 0, 0, 0)"].includes(style.backgroundColor);
}).map((e) => "cannot be seen: " + e.outerHTML)`

// touching finds buttons with an edge around them that touch each other.
const touching = `() => {
	const all = [...document.querySelectorAll("a, button")].filter((e) => e.checkVisibility() && parseFloat(getComputedStyle(e).borderBottomWidth) > 0);
	const found = [];
	for (const a of all) for (const b of all) {
		const p = a.getBoundingClientRect(), q = b.getBoundingClientRect();
		if (a !== b && p.top < q.top && p.bottom > q.top - 4 && p.left < q.right && q.left < p.right) found.push(a.textContent.trim() + " touches " + b.textContent.trim());
	}
	return found;
}`

// TestForcedColors: where the colours are the person's, every way in has its mark and stands apart.
func TestForcedColors(t *testing.T) {
	t.Parallel()
	tree := treeOf(t, `{"name": "Marks", "web": [{"id": "__password", "enable": true}, {"id": "__sms", "enable": true}, {"id": "wx_open", "enable": true}],
		"access": {"needLogin": false}, "tcbLogin": {"anonymous": true}}`)
	s := share(t, options{tree: tree})
	for _, scheme := range []*playwright.ColorScheme{playwright.ColorSchemeLight, playwright.ColorSchemeDark} {
		b := s.visit(t, func(o *playwright.BrowserNewContextOptions) {
			o.ForcedColors, o.ColorScheme = playwright.ForcedColorsActive, scheme
			o.Viewport = &playwright.Size{Width: 320, Height: 640}
		}).open(t, s.entry(s.origin+where))
		b.count(t, ".mark.wechat", 1)
		b.count(t, ".without .quiet", 2)
		for _, look := range []string{vanished, touching} {
			found, err := b.Evaluate(look)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range found.([]any) {
				t.Errorf("%s: %v", *scheme, fault)
			}
		}
	}
}
