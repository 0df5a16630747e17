//go:build e2e

package e2e

import (
	"testing"

	"github.com/playwright-community/playwright-go"
)

// cutCountries are the choices of the country that the closed list would not show whole: those whose
// words, between the same edges, are higher than it is.
const cutCountries = `([sizing, atLeast]) => {
	const list = document.querySelector("#phone_country"), words = document.createElement("div");
	const found = list.options.length < atLeast ? ["no more than " + list.options.length + " countries"] : [];
	list.style.fieldSizing = sizing;
	list.after(words);
	for (const { value, text } of list.options) {
		list.value = value;
		words.hidden = true; // it must not make room for the list
		const style = getComputedStyle(list), px = (name) => parseFloat(style[name]);
		const wide = Math.ceil(list.getBoundingClientRect().width - 2 - px("paddingLeft") - px("paddingRight")), high = list.clientHeight;
		words.hidden = false;
		words.style = "position: absolute; width: " + wide + "px; font: " + style.font + "; line-height: " + style.lineHeight;
		words.textContent = text;
		if (words.offsetHeight > high || words.scrollWidth > wide + 1) found.push(text + " in " + wide + " × " + high);
	}
	words.remove();
	return found;
}`

// TestCallingCode: whichever country is chosen, its name and its calling code stand beside the number
// whole, in browsers that grow the list with the choice as in those that make it as wide as the longest.
func TestCallingCode(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	for _, language := range []string{"en", "zh-CN", "ja", "ar"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			b := s.visit(t, speaking(language)).open(t, s.entry(s.origin+where))
			b.follow(t, "sign-in-sms")
			forced := []*playwright.ForcedColors{playwright.ForcedColorsNone, playwright.ForcedColorsActive}
			if language == "ja" {
				forced = forced[:1] // a list in the system's own looks has one line, and there are longer names
			}
			look := func(atLeast int) {
				t.Helper()
				for _, colors := range forced {
					if err := b.EmulateMedia(playwright.PageEmulateMediaOptions{ForcedColors: colors}); err != nil {
						t.Fatal(err)
					}
					for _, width := range []int{320, 1280} {
						if err := b.SetViewportSize(width, 800); err != nil {
							t.Fatal(err)
						}
						for _, sizing := range []string{"content", "fixed"} {
							cut, err := b.Evaluate(cutCountries, []any{sizing, atLeast})
							if err != nil {
								t.Fatal(err)
							}
							for _, fault := range cut.([]any) {
								t.Errorf("%d px, forced colors %s, sizing %s: cut off: %v", width, *colors, sizing, fault)
							}
						}
					}
				}
			}
			look(5)
			b.choose(t, "phone_country", "CN")
			b.choose(t, "phone_country", "other")
			b.count(t, `#phone_country option[value="other"]`, 0)
			look(200)
		})
	}
}
