//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"tcb-login/static"
	"tcb-login/theme"
)

// TestPortalBar: the bar of the portal reaches from edge to edge and nothing covers the page, on the
// overview and on every other one, also where :has and color-mix are unknown. There, a page in split
// layout is beside the panel, which is filled.
func TestPortalBar(t *testing.T) {
	assets, err := static.Load()
	if err != nil {
		t.Fatal(err)
	}
	sheet := func(name string) string {
		file, ok := assets.Lookup(assets.Name(name))
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		return string(file.Plain)
	}
	forget := strings.NewReplacer(":has(", ":unknown(", "color-mix(", "unknown(")
	for i := range 8 {
		older, overview, layout := i&1 != 0, i&2 != 0, []theme.Layout{theme.LayoutCard, theme.LayoutSplit}[i>>2]
		t.Run(fmt.Sprintf("%s, older: %t, overview: %t", layout, older, overview), func(t *testing.T) {
			look := theme.Default()
			look.Layout = layout
			css := sheet("base.css") + sheet("forms.css") + string(look.Stylesheet("")) + sheet("account.css") + sheet("account-forms.css")
			if overview {
				css = sheet("base.css") + string(look.Stylesheet("")) + sheet("account.css")
			}
			if older {
				css = forget.Replace(css)
			}
			page, err := browser.NewPage()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = page.Close() })
			if err := page.SetContent(`<!DOCTYPE html><style>` + css + `</style>
					<header class="bar"><div><span class="home"><span class="seal">T</span></span></div></header>
					<main><h1>Account</h1><ul class="rows"><li class="row"><span class="what">Name</span></li></ul></main>`); err != nil {
				t.Fatal(err)
			}
			for _, scheme := range []*playwright.ColorScheme{playwright.ColorSchemeLight, playwright.ColorSchemeDark} {
				if err := page.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: scheme}); err != nil {
					t.Fatal(err)
				}
				for _, width := range []int{360, 700, 1280} {
					if err := page.SetViewportSize(width, 800); err != nil {
						t.Fatal(err)
					}
					beside := older && layout == theme.LayoutSplit && width >= 900
					wrong, err := page.Evaluate(barFaults, beside)
					if err != nil {
						t.Fatal(err)
					}
					if wrong != "" {
						t.Errorf("%s, %d pixels: %s", string(*scheme), width, wrong)
					}
				}
			}
		})
	}
}

// barFaults says what is wrong with a page of the portal, which is beside a panel or has the whole
// width.
const barFaults = `(beside) => {
	const wrong = [];
	const check = (right, what) => right || wrong.push(what);
	const bar = document.querySelector(".bar").getBoundingClientRect();
	const panel = getComputedStyle(document.body, "::before");
	const edge = beside ? innerWidth / 2 : 0;
	check(bar.x === edge && bar.y === 0 && bar.right === innerWidth, "the bar is at " + JSON.stringify(bar));
	check(document.documentElement.scrollWidth <= innerWidth, "the page is wider than the window");
	check(getComputedStyle(document.querySelector(".seal")).backgroundColor !== "rgba(0, 0, 0, 0)", "the seal is empty");
	check((panel.content !== "none") === beside, "the panel has the content " + panel.content);
	check(!beside || panel.backgroundImage !== "none", "the panel is empty");
	return wrong.join(", ");
}`
