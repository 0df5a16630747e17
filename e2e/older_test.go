//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"tcb-login/static"
	"tcb-login/theme"
)

// TestOlderBrowsers: where :has and color-mix are unknown, the bar of the portal still reaches from edge to
// edge, and what is filled with the brand's colour still is.
func TestOlderBrowsers(t *testing.T) {
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
	split := theme.Default()
	split.Layout = theme.LayoutSplit
	forget := strings.NewReplacer(":has(", ":unknown(", "color-mix(", "unknown(")
	for name, look := range map[string]theme.Theme{"card": theme.Default(), "split": split} {
		css := sheet("app.css") + string(look.Stylesheet("")) + sheet("account.css")
		older := forget.Replace(css)
		if older == css {
			t.Fatal("there is nothing to forget: this test is not needed any more")
		}
		page, err := browser.NewPage()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = page.Close() })
		if err := page.SetContent(`<!DOCTYPE html><style>` + older + `</style>
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
				wrong, err := page.Evaluate(`(split) => {
					const wrong = [], bar = document.querySelector(".bar").getBoundingClientRect();
					const left = split && innerWidth >= 900 ? innerWidth / 2 : 0; // the panel's edge
					if (bar.x !== left || bar.y !== 0 || bar.right !== innerWidth) wrong.push("the bar is at " + JSON.stringify(bar));
					if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page is wider than the window");
					if (getComputedStyle(document.querySelector(".seal")).backgroundColor === "rgba(0, 0, 0, 0)") wrong.push("the seal is empty");
					if (left && getComputedStyle(document.body, "::before").backgroundImage === "none") wrong.push("the panel is empty");
					return wrong.join(", ");
				}`, name == "split")
				if err != nil {
					t.Fatal(err)
				}
				if wrong != "" {
					t.Errorf("%s, %s, %d pixels: %s", name, string(*scheme), width, wrong)
				}
			}
		}
	}
}
