package handlers

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestThemeSheets: each kind of page has the parts of the style sheet that it is for, in the order of the
// cascade, and the config's colours after the default ones.
func TestThemeSheets(t *testing.T) {
	t.Parallel()
	s := newSite(t, withTree(writeTree(t, map[string]string{
		envFile: loginJSON(t, map[string]any{"tcbLogin": map[string]any{"colors": map[string]any{"brand": "#c2410c"}}}),
	})))
	b := s.browser()
	for path, parts := range map[string][]string{ // after a ! what is not there
		"/":                {".brand{", ".methods{", "--brand:#c2410c", "!.leads{", "!.losses{"},
		"/account":         {".brand{", "!.methods{", "--brand:#c2410c", ".leads{", "!.losses{"},
		"/account/profile": {".brand{", ".methods{", "--brand:#c2410c", ".leads{", ".losses{"},
	} {
		sheet := b.get(attr(b.open(path).find(func(n *html.Node) bool { return attr(n, "rel") == "stylesheet" }), "href")).body
		last := 0
		for _, part := range parts {
			if other, not := strings.CutPrefix(part, "!"); not {
				if strings.Contains(sheet, other) {
					t.Errorf("%s: the stylesheet has %s", path, other)
				}
				continue
			}
			at := strings.LastIndex(sheet, part)
			if at < last {
				t.Errorf("%s: %s is at %d of the stylesheet, after what is at %d", path, part, at, last)
			}
			last = at
		}
		if brands := strings.Count(sheet, "--brand:"); brands != 4 || strings.Count(sheet[strings.LastIndex(sheet, "--brand:#c2410c"):], "--brand:") != 2 {
			t.Errorf("%s: of %d colours of the brand the config's is not among the last two", path, brands)
		}
	}
}
