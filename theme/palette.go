package theme

import (
	"fmt"
	"math"

	"github.com/lucasb-eyer/go-colorful"
)

// Contrasts that WCAG 2.2 wants at level AA: 1.4.3 for text, 1.4.11 for what shows where a field or
// the focus is.
const (
	textContrast  = 4.5
	shapeContrast = 3
)

// A paletteColor is a member of Palette by its name in a config.
type paletteColor struct {
	name string
	of   func(*Palette) *Color
}

var paletteColors = []paletteColor{
	{"page", func(p *Palette) *Color { return &p.Page }},
	{"pageInk", func(p *Palette) *Color { return &p.PageInk }},
	{"pageInk2", func(p *Palette) *Color { return &p.PageInk2 }},
	{"surface", func(p *Palette) *Color { return &p.Surface }},
	{"ink", func(p *Palette) *Color { return &p.Ink }},
	{"ink2", func(p *Palette) *Color { return &p.Ink2 }},
	{"line", func(p *Palette) *Color { return &p.Line }},
	{"edge", func(p *Palette) *Color { return &p.Edge }},
	{"brand", func(p *Palette) *Color { return &p.Brand }},
	{"brandHover", func(p *Palette) *Color { return &p.BrandHover }},
	{"brandInk", func(p *Palette) *Color { return &p.BrandInk }},
	{"link", func(p *Palette) *Color { return &p.Link }},
	{"wash", func(p *Palette) *Color { return &p.Wash }},
	{"danger", func(p *Palette) *Color { return &p.Danger }},
	{"dangerWash", func(p *Palette) *Color { return &p.DangerWash }},
	{"ok", func(p *Palette) *Color { return &p.OK }},
	{"okWash", func(p *Palette) *Color { return &p.OKWash }},
	{"focus", func(p *Palette) *Color { return &p.Focus }},
}

// colorOf finds a member of a palette by its name, which must be one of paletteColors.
func colorOf(p *Palette, name string) *Color {
	for _, c := range paletteColors {
		if c.name == name {
			return c.of(p)
		}
	}
	panic("theme: no colour is called " + name)
}

// Color is a colour of the palette by its name, which must be one of [Colors].
func (p *Palette) Color(name string) Color { return *colorOf(p, name) }

// Colors lists the names that the colours of a palette go by in a config.
func Colors() (names []string) {
	for _, c := range paletteColors {
		names = append(names, c.name)
	}
	return names
}

// A Pair is two colours of a palette that people must tell apart, by their names.
type Pair struct {
	Front, Back string
	need        float64
	Advice      bool // to fall short of it is a warning
}

var colorPairs = []Pair{
	{"ink", "surface", textContrast, false},
	{"ink2", "surface", textContrast, false},
	{"link", "surface", textContrast, false},
	{"danger", "surface", textContrast, false},
	{"ok", "surface", textContrast, false},
	{"ink", "wash", textContrast, false},
	{"ink", "dangerWash", textContrast, false},
	{"ink", "okWash", textContrast, false},
	{"danger", "dangerWash", textContrast, false},
	{"ok", "okWash", textContrast, false},
	{"link", "wash", textContrast, false},
	{"brandInk", "brand", textContrast, false},
	{"brandInk", "brandHover", textContrast, false},
	{"pageInk", "page", textContrast, false},
	{"pageInk2", "page", textContrast, false},
	{"edge", "surface", shapeContrast, false},
	{"focus", "surface", shapeContrast, false},
	{"focus", "page", shapeContrast, false},
	// The button has words in it and is where people look for it: not seeing its shape is a pity.
	{"brand", "surface", shapeContrast, true},
}

// A Faint pair is one whose contrast falls short.
type Faint struct {
	Pair
	frontColor, backColor Color
	ratio                 float64
}

// String names both colours, which they are, and the ratio, rounded down: 4.499 is not 4.5.
func (f Faint) String() string {
	what := "text"
	if f.need == shapeContrast {
		what = "a shape"
	}
	return fmt.Sprintf("%s on %s %s has a contrast of %.2f:1, %s needs %g:1",
		f.frontColor, f.Back, f.backColor, math.Floor(f.ratio*100)/100, what, f.need)
}

// Faint checks all pairs of a palette.
func (p *Palette) Faint() (found []Faint) {
	for _, pair := range colorPairs {
		front, back := *colorOf(p, pair.Front), *colorOf(p, pair.Back)
		if r := contrast(front, back); r < pair.need {
			found = append(found, Faint{pair, front, back, r})
		}
	}
	return found
}

// luminance is the relative luminance of WCAG 2.2, 0 to 1.
func (c Color) luminance() float64 {
	r, g, b := c.colorful().LinearRgb()
	return 0.2126*r + 0.7152*g + 0.0722*b
}

// contrast is the contrast ratio of WCAG 2.2, 1 to 21.
func contrast(a, b Color) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func (c Color) colorful() colorful.Color {
	return colorful.Color{R: float64(c.R) / 255, G: float64(c.G) / 255, B: float64(c.B) / 255}
}

// A tone is a colour by lightness (0 to 1), chroma (0 to about 0.3) and hue (degrees) in OkLCh,
// where equal steps look equal and a colour keeps its hue while it gets lighter.
type tone struct{ l, c, h float64 }

func (c Color) tone() tone {
	l, ch, h := c.colorful().OkLch()
	return tone{l, ch, h}
}

// color is the nearest colour that screens have: as light, of the same hue, as strong as can be.
func (t tone) color() Color {
	l := min(max(t.l, 0), 1)
	c := colorful.OkLch(l, t.c, t.h)
	if !c.IsValid() {
		c = colorful.OkLch(l, 0, 0).Clamped()
		weak, strong := 0.0, t.c
		for range 8 { // finer than what eight bits can show
			chroma := (weak + strong) / 2
			if d := colorful.OkLch(l, chroma, t.h); d.IsValid() {
				c, weak = d, chroma
			} else {
				strong = chroma
			}
		}
	}
	r, g, b := c.RGB255()
	return Color{r, g, b}
}

// isLight tells which of the two schemes a background belongs to: that whose ink reads better on
// it.
func (c Color) isLight() bool { return c.luminance() > 0.18 }

// A Wish holds the colours that a config names for one scheme, by their names.
type Wish map[string]Color

// Derive makes both palettes of what a config names. The rest is Default's, or derived from
// what is named so that all colorPairs hold, as far as the named colours among themselves let them.
func Derive(light, dark Wish) (Palette, Palette) {
	base := Default()
	// A scheme of its own for each: the dark one has the brand in a tone that stands out there and a
	// darker page, not the light one's colours turned round.
	derived := Wish{}
	if brand, ok := light["brand"]; ok {
		derived["brand"] = darkBrand(brand, base.Dark.Surface)
	}
	if page, ok := light["page"]; ok {
		t := page.tone()
		derived["page"] = tone{base.Dark.Page.tone().l, min(t.c, 0.02), t.h}.color()
	}
	for name, c := range dark {
		derived[name] = c
	}
	return derivePalette(base.Light, base.Dark, light), derivePalette(base.Dark, base.Light, derived)
}

// darkBrand is a brand's tone for buttons on a dark surface: as saturated as it is, where white can be
// read on it and its shape be seen. A bright one, as yellow, stands out as it is; a grey one, or a
// black, does when it is light.
func darkBrand(brand, surface Color) Color {
	t := brand.tone()
	switch {
	case t.c < colourful:
		return tone{0.9, t.c, t.h}.color()
	case contrast(white, brand) < shapeContrast:
		return brand
	}
	const between = 0.56 // about the lightness at which both hold
	if t.l < between {
		t.c = max(t.c, min(t.c*between/t.l, 0.22))
	}
	c, _ := nearestTone(tone{between, t.c, t.h}.color(), []against{{white, textContrast}, {surface, shapeContrast}})
	return c
}

// graveColors are those of a button that does what cannot be undone: its own, that of the words on it
// and that of the line around it.
type graveColors struct{ back, ink, edge Color }

// plainGrave is how a sheet draws grave buttons where it is told nothing of them.
func (p *Palette) plainGrave() graveColors { return graveColors{p.Danger, p.Surface, p.Danger} }

// grave fills the button with the colour of danger, where white words on it can be read and its shape
// be seen; or, lined, gives it a line and red words.
func (p *Palette) grave(lined bool) graveColors {
	switch {
	case lined:
		return graveColors{p.DangerWash, p.Danger, p.Danger}
	case p.Surface.isLight():
		return p.plainGrave() // danger reads on the surface, and so does the surface on it
	}
	c, _ := nearestTone(p.Danger, []against{{white, textContrast}, {p.Surface, shapeContrast}})
	return graveColors{c, white, c}
}

// warm reports that a fill in the colour of danger would be one more red button beside those in the
// brand's: the two have been moved apart, or nearly so.
func (p *Palette) warm() bool {
	const rounding = 3 // degrees that fitting a colour may bring
	degrees, _ := p.HueToDanger()
	return degrees < apart+rounding && p.Brand.tone().c >= colourful
}

var white = Color{255, 255, 255}

// What has less chroma is no colour to tell others from by its hue.
const colourful = 0.05

// HueToDanger is how far the hue of danger is from the brand's, in degrees, and whether that is so
// little that people could take the one for the other.
func (p *Palette) HueToDanger() (degrees float64, near bool) {
	brand, danger := p.Brand.tone(), p.Danger.tone()
	degrees = math.Abs(math.Mod(brand.h-danger.h+540, 360) - 180)
	return degrees, degrees < 20 && brand.c >= colourful && danger.c >= colourful
}

// apart is by how many degrees of hue danger is moved away from a warm brand.
const apart = 22

// dangerBeside is a red that a warm brand cannot be taken for: towards crimson, or else towards
// orange.
func dangerBeside(brand, danger Color) Color {
	const crimson, orange = 0, 42
	b, d := brand.tone(), danger.tone()
	if math.Abs(math.Mod(b.h-d.h+540, 360)-180) >= apart || b.c < colourful {
		return danger
	}
	switch {
	case b.h-apart >= crimson && (b.h >= d.h || b.h+apart > orange):
		d.h = b.h - apart
	default:
		d.h = min(b.h+apart, orange)
	}
	return d.color()
}

// derivePalette completes a wish. Base is the default palette of the scheme, other that of the
// other scheme: where a wish puts a dark surface into the light scheme, what lies on it comes from
// there.
func derivePalette(base, other Palette, named Wish) Palette {
	p := base
	if c, ok := named["surface"]; ok && c.isLight() != base.Surface.isLight() {
		p = other
		p.Page, p.PageInk, p.PageInk2 = base.Page, base.PageInk, base.PageInk2
		p.Brand, p.BrandHover, p.BrandInk = base.Brand, base.BrandHover, base.BrandInk
	}
	for name, c := range named {
		*colorOf(&p, name) = c
	}
	p.derive(base, other, named)
	if _, ok := named["focus"]; !ok {
		p.Page = p.pageForFocus()
	}
	p.fit(named)
	return p
}

// derive gives the colours that are not named values that go with those that are.
func (p *Palette) derive(base, other Palette, named Wish) {
	has := func(name string) bool { _, ok := named[name]; return ok }
	set := func(name string, c Color) {
		if !has(name) {
			*colorOf(p, name) = c
		}
	}
	if has("page") {
		t := p.Page.tone()
		s := base.Surface.tone()
		set("surface", tone{s.l, min(t.c, s.c), t.h}.color())
	}
	surface := p.Surface.tone()
	away := -1.0 // the direction in which things differ from the surface
	if !p.Surface.isLight() {
		away = 1
	}
	if has("page") || has("surface") {
		t := p.Page.tone()
		set("line", tone{surface.l + away*0.1, min(t.c, 0.02), t.h}.color())
		set("edge", tone{p.Edge.tone().l, min(t.c, 0.025), t.h}.color())
	}
	brand := p.Brand.tone()
	if has("brand") {
		set("wash", tone{surface.l + away*0.045, min(brand.c*0.12, 0.018), brand.h}.color())
		link, focus := base.Link.tone(), base.Focus.tone()
		set("link", tone{link.l, min(brand.c, link.c*1.5), brand.h}.color())
		set("focus", tone{focus.l, min(brand.c*1.4, focus.c*1.2), brand.h}.color())
	} else if has("surface") {
		t := p.Wash.tone()
		set("wash", tone{surface.l + away*0.045, t.c, t.h}.color())
	}
	if has("brand") {
		set("danger", dangerBeside(p.Brand, base.Danger))
		w := base.DangerWash.tone() // as far around as the red itself
		set("dangerWash", tone{w.l, w.c, w.h + p.Danger.tone().h - base.Danger.tone().h}.color())
	}
	if has("brand") || has("brandHover") {
		set("brandInk", inkOn(p.Brand))
	}
	if has("brand") || has("brandInk") {
		set("brandHover", hover(p.Brand, p.BrandInk))
	}
	if has("page") {
		ink, ink2 := base.PageInk, base.PageInk2
		if p.Page.isLight() != base.Page.isLight() {
			ink, ink2 = other.PageInk, other.PageInk2
		}
		set("pageInk", ink)
		set("pageInk2", ink2)
	}
}

// inkOn is white or a near black of the same hue, whichever reads better, and black where neither
// does: on any colour, black or white has a contrast of more than 4.58.
func inkOn(back Color) Color {
	t := back.tone()
	dark := tone{0.2, min(t.c, 0.05), t.h}.color()
	if c := contrast(white, back); c >= textContrast && c >= contrast(dark, back) {
		return white
	}
	dark, _ = nearestTone(dark, []against{{back, textContrast}})
	return dark
}

// hover is the brand under the pointer: a step away from the ink on it, so that the words stay as
// clear, and towards it where a step on that side could not be seen.
func hover(brand, ink Color) Color {
	t := brand.tone()
	step := 0.055
	switch {
	case ink.luminance() > brand.luminance() && t.l < 0.25:
		step = 0.1
	case ink.luminance() > brand.luminance(), t.l+step > 1:
		step = -step
	}
	return tone{t.l + step, t.c, t.h}.color()
}

// pageForFocus is the page's colour, or the nearest to it on which some focus ring can be seen that
// can also be seen on the surface: beside a white card, pages of a luminance between 0.067 and 0.1
// have none.
func (p *Palette) pageForFocus() Color {
	t := p.Page.tone()
	for i := range 200 {
		for _, d := range []float64{-0.005, 0.005} {
			page := p.Page
			if i > 0 {
				page = tone{t.l + d*float64(i), t.c, t.h}.color()
			}
			if _, ok := nearestTone(p.Focus, []against{{p.Surface, shapeContrast}, {page, shapeContrast}}); ok {
				return page
			}
		}
	}
	return p.Page
}

// fit moves the colours that the config does not name until all pairs hold. One that holds stays.
func (p *Palette) fit(named Wish) {
	for _, c := range paletteColors {
		if _, ok := named[c.name]; ok {
			continue
		}
		var backs []against
		for _, pair := range colorPairs {
			if pair.Front == c.name && !pair.Advice {
				backs = append(backs, against{*colorOf(p, pair.Back), pair.need})
			}
		}
		front := c.of(p)
		*front, _ = nearestTone(*front, backs)
	}
}

// against is a background and the contrast that is needed on it.
type against struct {
	back Color
	need float64
}

// nearestTone is the colour, lighter or darker by as little as it takes to be clear on all
// backgrounds. Where none is, the colour comes back as it was, and false.
func nearestTone(c Color, backs []against) (Color, bool) {
	clear := func(c Color) bool {
		for _, b := range backs {
			if contrast(c, b.back) < b.need {
				return false
			}
		}
		return true
	}
	if clear(c) {
		return c, true
	}
	t := c.tone()
	const step = 0.005
	for i := 1; i <= 1/step; i++ {
		for _, d := range []float64{-step, step} {
			l := t.l + d*float64(i)
			if l < -step || l > 1+step {
				continue
			}
			if moved := (tone{l, t.c, t.h}).color(); clear(moved) {
				return moved, true
			}
		}
	}
	return c, false
}
