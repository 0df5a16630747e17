package theme

import (
	"fmt"
	"strings"
)

// Stylesheet is what the theme adds to base.css. Background is the address of the picture beside a
// split layout, empty for a panel in the brand's colour; it must need no escaping in a url().
// Everything else is written from values that were parsed: no text of an operator's gets here.
func (t Theme) Stylesheet(background string) []byte {
	var b strings.Builder
	b.WriteString("\n:root{")
	writePalette(&b, t.Light)
	// A sheet knows plain grave buttons by itself: pages have a budget of bytes.
	edged := t.gravesLined()
	light, dark := t.Light.grave(edged), t.Dark.grave(edged)
	told := light != t.Light.plainGrave()
	if told {
		writeGrave(&b, light, edged)
	}
	fmt.Fprintf(&b, "--radius:%dpx;--radius-l:%dpx", t.Radius, t.Radius*8/5)
	if t.Density == DensityCompact {
		b.WriteString(";--control:44px;--gap:12px;--pad:24px;--group:16px")
	}
	b.WriteString("}\n@media(prefers-color-scheme:dark){:root{")
	writePalette(&b, t.Dark)
	if told || dark != t.Dark.plainGrave() {
		writeGrave(&b, dark, edged)
	}
	b.WriteString("}}\n")
	if edged {
		b.WriteString(graveEdgeCSS)
	}
	if t.Layout == LayoutSplit {
		b.WriteString(splitCSS)
		if background == "" {
			b.WriteString(darkPanelCSS)
		} else {
			fmt.Fprintf(&b, "@media(min-width:900px){body:before{background:url(%s) center/cover}}\n", background)
		}
	}
	return []byte(b.String())
}

// gravesLined reports that grave buttons have a line and red words in both schemes, since the brand is
// warm: primary buttons alone are filled then.
func (t Theme) gravesLined() bool { return t.Light.warm() || t.Dark.warm() }

func writePalette(b *strings.Builder, p Palette) {
	for _, c := range []struct {
		name  string
		color Color
	}{
		{"page", p.Page}, {"page-ink", p.PageInk}, {"page-ink-2", p.PageInk2},
		{"surface", p.Surface}, {"ink", p.Ink}, {"ink-2", p.Ink2}, {"line", p.Line}, {"edge", p.Edge},
		{"brand", p.Brand}, {"brand-2", p.BrandHover}, {"brand-ink", p.BrandInk}, {"link", p.Link}, {"wash", p.Wash},
		{"danger", p.Danger}, {"danger-wash", p.DangerWash}, {"ok", p.OK}, {"ok-wash", p.OKWash},
		{"focus", p.Focus},
	} {
		fmt.Fprintf(b, "--%s:%s;", c.name, c.color)
	}
}

func writeGrave(b *strings.Builder, g graveColors, edged bool) {
	fmt.Fprintf(b, "--grave:%s;--grave-ink:%s;", g.back, g.ink)
	if edged {
		fmt.Fprintf(b, "--grave-edge:%s;", g.edge)
	}
}

// graveEdgeCSS draws the line around grave buttons, in themes that have it.
const graveEdgeCSS = `:is(.grave,form:has(.loses :checked)) .primary{box-shadow:inset 0 0 0 2px var(--grave-edge)}
`

// splitCSS puts a picture, or a panel in the brand's colour, beside the form where there is room
// for both. Pages of the portal, which begin with a bar, stay cards and take the whole width instead, but
// in browsers that do not know :has. Those that cannot mix colours have the panel without its light.
const splitCSS = `@media(min-width:900px){
body{--top:clamp(24px,7vh,80px);padding-inline-start:calc(50vw + 16px);background:var(--surface)}
body:before{content:"";position:fixed;inset-block:0;inset-inline-start:0;width:50vw;
background:linear-gradient(160deg,var(--brand),var(--brand-2))}
@supports(color:color-mix(in srgb,red,red)){body:before{
background:radial-gradient(90% 70% at 15% 10%,color-mix(in srgb,var(--brand-ink) 16%,transparent),transparent),linear-gradient(160deg,var(--brand),var(--brand-2))}}
main:first-child{border:0;box-shadow:none;background:none}
.lang,.lang *,.foot,.foot *{--page-ink:var(--ink);--page-ink-2:var(--ink-2)}
body:has(.bar){background:var(--page)}
body:has(.bar):before{content:none}
body:has(.bar) :is(.lang,.lang *,.foot,.foot *){--page-ink:inherit;--page-ink-2:inherit}
}
`

// darkPanelCSS is the panel without a picture in the dark scheme, where a whole
// half of the page in the brand's colour would dazzle.
const darkPanelCSS = `@media(prefers-color-scheme:dark){@media(min-width:900px){
body:before{filter:none;background:linear-gradient(160deg,var(--wash),var(--page))}
@supports(color:color-mix(in srgb,red,red)){body:before{
background:linear-gradient(160deg,color-mix(in srgb,var(--brand) 42%,var(--page)),color-mix(in srgb,var(--brand) 16%,var(--page)))}}
}}
`
