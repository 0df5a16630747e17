package theme

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func checkPalettes(t *testing.T, what string, palettes ...Palette) {
	t.Helper()
	for i, p := range palettes {
		for _, f := range p.Faint() {
			if !f.Advice {
				t.Errorf("%s, %s scheme: %s: %s", what, []string{"light", "dark"}[i], f.Front, f)
			}
		}
	}
}

func TestDefaultContrast(t *testing.T) {
	t.Parallel()
	d := Default()
	checkPalettes(t, "default", d.Light, d.Dark)
	light, dark := Derive(nil, nil)
	if light != d.Light || dark != d.Dark {
		t.Error("with no colours named, the palettes are not those of Default")
	}
}

// Whatever brand and page somebody picks, everything else is made to fit.
func TestDerivedContrast(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	color := func() Color { return rgb(random.Uint32N(1 << 24)) }
	corners := []Color{}
	for _, r := range []uint8{0, 128, 255} {
		for _, g := range []uint8{0, 128, 255} {
			for _, b := range []uint8{0, 128, 255} {
				corners = append(corners, Color{r, g, b})
			}
		}
	}
	for i := range 250 {
		brand, page := color(), color()
		if i < len(corners) {
			brand, page = corners[i], corners[(i*7+3)%len(corners)]
		}
		for _, w := range []Wish{{"brand": brand}, {"page": page}, {"brand": brand, "page": page}} {
			light, dark := Derive(w, nil)
			checkPalettes(t, fmt.Sprint(w), light, dark)
			light, dark = Derive(nil, w)
			checkPalettes(t, fmt.Sprint("dark ", w), light, dark)
			if _, ok := w["brand"]; ok && dark.Brand != brand {
				t.Errorf("dark brand %v became %v", brand, dark.Brand)
			}
		}
	}
}

func TestDerivePalette(t *testing.T) {
	t.Parallel()
	d := Default()
	// Naming one colour leaves alone what has nothing to do with it.
	light, dark := Derive(Wish{"danger": rgb(0x990000)}, nil)
	want := d.Light
	want.Danger = rgb(0x990000)
	if light != want || dark != d.Dark {
		t.Errorf("danger alone (-want +got):\n%s", cmp.Diff(want, light))
	}
	// A brand colours what belongs to it in both schemes.
	light, dark = Derive(Wish{"brand": rgb(0xb4431f)}, nil)
	if light.Page != d.Light.Page || light.Surface != d.Light.Surface || dark.Surface != d.Dark.Surface {
		t.Error("a brand changed the page or the surface")
	}
	if light.Link == d.Light.Link || light.Wash == d.Light.Wash || light.Focus == d.Light.Focus || light.BrandHover == d.Light.BrandHover {
		t.Errorf("a brand left the old one behind: %+v", light)
	}
	// On a dark page the light scheme writes in light ink, and the card stays white.
	light, _ = Derive(Wish{"page": rgb(0x14213d)}, nil)
	if !light.Surface.isLight() || light.PageInk.luminance() < 0.5 || light.Ink != d.Light.Ink {
		t.Errorf("dark page: %+v", light)
	}
	// A dark surface in the light scheme takes along what lies on it.
	light, dark = Derive(Wish{"surface": rgb(0x202020), "page": rgb(0x101010)}, nil)
	checkPalettes(t, "dark surface", light, dark)
	// Named colours are never touched.
	named := Wish{"brand": rgb(0xffd400), "brandInk": rgb(0xffffff), "focus": rgb(0xeeeeee), "line": rgb(1)}
	light, _ = Derive(named, nil)
	for name, c := range named {
		if got := *colorOf(&light, name); got != c {
			t.Errorf("%s: %v became %v", name, c, got)
		}
	}
}

// TestDarkBrand: a brand is as much itself in the dark scheme as in the light one.
func TestDarkBrand(t *testing.T) {
	t.Parallel()
	white := rgb(0xffffff)
	for _, brand := range []Color{Default().Light.Brand, rgb(0x0052d9), rgb(0x07a35a), rgb(0xc8321e), rgb(0x7c3aed), rgb(0xe8590c), rgb(0x008080)} {
		light, dark := Derive(Wish{"brand": brand}, nil)
		was, is := light.Brand.tone(), dark.Brand.tone()
		if dark.BrandInk != white {
			t.Errorf("%v: on %v the ink is %v, want white", brand, dark.Brand, dark.BrandInk)
		}
		if shape := contrast(dark.Brand, dark.Surface); shape < shapeContrast {
			t.Errorf("%v: %v on the dark surface has a contrast of %.2f", brand, dark.Brand, shape)
		}
		if is.c < was.c*0.85 || math.Abs(is.h-was.h) > 4 {
			t.Errorf("%v became %v: chroma %.3f and hue %.0f, were %.3f and %.0f", brand, dark.Brand, is.c, is.h, was.c, was.h)
		}
		if link := dark.Link.tone(); link.l < 0.75 {
			t.Errorf("%v: links are %v, which is not light", brand, dark.Link)
		}
	}
	if got := darkBrand(Default().Light.Brand, Default().Dark.Surface); got != Default().Dark.Brand {
		t.Errorf("from the default brand comes %v, and the default is %v", got, Default().Dark.Brand)
	}
	for _, bright := range []Color{rgb(0xf5a623), rgb(0xffd400)} {
		if _, dark := Derive(Wish{"brand": bright}, nil); dark.Brand != bright {
			t.Errorf("%v became %v", bright, dark.Brand)
		}
	}
	if _, dark := Derive(Wish{"brand": rgb(0x111111)}, nil); dark.Brand.tone().l < 0.8 {
		t.Errorf("a black became %v", dark.Brand)
	}
}

// TestDangerBesideBrand: whatever the brand's hue, the red of danger is another, and still a red.
func TestDangerBesideBrand(t *testing.T) {
	t.Parallel()
	for h := range 360 {
		brand := tone{0.55, 0.16, float64(h)}.color()
		light, dark := Derive(Wish{"brand": brand}, nil)
		for i, p := range []Palette{light, dark} {
			if degrees, near := p.HueToDanger(); near {
				t.Errorf("hue %d, scheme %d: danger %v is %.0f degrees from brand %v", h, i, p.Danger, degrees, p.Brand)
			}
			if d := p.Danger.tone(); d.c < 0.1 || math.Abs(math.Mod(d.h-20+540, 360)-180) > 28 {
				t.Errorf("hue %d, scheme %d: danger %v is no red: hue %.0f", h, i, p.Danger, d.h)
			}
		}
	}
	if light, _ := Derive(Wish{"brand": rgb(0x0052d9)}, nil); light.Danger != Default().Light.Danger {
		t.Errorf("beside blue danger became %v", light.Danger)
	}
	if light, _ := Derive(Wish{"brand": rgb(0xc8321e), "danger": rgb(0xa8261d)}, nil); light.Danger != rgb(0xa8261d) {
		t.Errorf("a named danger became %v", light.Danger)
	} else if _, near := light.HueToDanger(); !near {
		t.Error("a named danger of the brand's hue is not near it")
	}
}

// TestGrave: what deletes is filled like primary buttons only where its red is far from the brand, and
// is to be read and seen in either form.
func TestGrave(t *testing.T) {
	t.Parallel()
	tests := []struct {
		brand uint32
		lined bool
	}{{0xd32f2f, true}, {0xe64a19, true}, {0xb71c1c, true}, {0x0052d9, false}, {0x07c160, false}, {0xffd400, false}, {0x333333, false}, {0xb45a00, true}, {0xb41e5a, true}, {0x784b2d, true}}
	for _, tt := range tests {
		light, dark := Derive(Wish{"brand": rgb(tt.brand)}, nil)
		look := Theme{Light: light, Dark: dark}
		if lined := look.gravesLined(); lined != tt.lined {
			t.Errorf("beside %06x a grave button has a line of its own: %t", tt.brand, lined)
		}
		for _, p := range []Palette{light, dark} {
			g := p.grave(tt.lined)
			if contrast(g.ink, g.back) < textContrast || contrast(g.edge, p.Surface) < shapeContrast {
				t.Errorf("beside %06x a grave button %v is hard to make out", tt.brand, g)
			}
		}
		if sheet := string(look.Stylesheet("")); strings.Contains(sheet, graveEdgeCSS) != tt.lined {
			t.Errorf("beside %06x the sheet is\n%s", tt.brand, sheet)
		}
	}
}

func TestContrast(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b uint32
		want string // checked against the WCAG 2.2 formula by hand
	}{
		{0x000000, 0xffffff, "21.00"},
		{0xffffff, 0xffffff, "1.00"},
		{0x777777, 0xffffff, "4.48"},
		{0xffffff, 0xffd400, "1.43"},
	}
	for _, tt := range tests {
		if got := fmt.Sprintf("%.2f", contrast(rgb(tt.a), rgb(tt.b))); got != tt.want {
			t.Errorf("contrast(%06x, %06x) = %s, want %s", tt.a, tt.b, got, tt.want)
		}
	}
}
