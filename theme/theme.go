// Package theme is the look of a login page: the colours of its two schemes, those that a config
// names and those that are made to fit them, and the stylesheet that says them to a browser.
//
// It knows nothing of configs or of HTTP; package loginpage reads what operators wish.
package theme

import (
	"fmt"
	"strconv"

	"tcb-login/pattern"
)

// Layout is how the page is laid out on wide screens.
type Layout string

// The layouts.
const (
	LayoutCard  Layout = "card"
	LayoutSplit Layout = "split" // the card beside a picture or a tinted panel
)

// Density is how much room things have.
type Density string

// The densities.
const (
	DensityComfortable Density = "comfortable"
	DensityCompact     Density = "compact"
)

// Theme is the look, checked: every pair of colours in it that people must tell apart can be.
type Theme struct {
	Light, Dark Palette
	Radius      int // of inputs and buttons, CSS pixels, 0 to 24
	Density     Density
	Layout      Layout
}

// DefaultRadius is the radius of a theme that names none.
const DefaultRadius = 10

// Palette holds the colours of one scheme, one for each custom property of the stylesheet.
type Palette struct {
	Page, PageInk, PageInk2                 Color // behind the card, and text on it
	Surface, Ink, Ink2, Line, Edge          Color // the card; Edge is an input's border
	Brand, BrandHover, BrandInk, Link, Wash Color
	Danger, DangerWash, OK, OKWash          Color
	Focus                                   Color
}

// Color is an sRGB colour without transparency.
type Color struct{ R, G, B uint8 }

// String is the colour as CSS writes it, "#rrggbb".
func (c Color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

func rgb(v uint32) Color { return Color{uint8(v >> 16), uint8(v >> 8), uint8(v)} }

var hexColor = pattern.New(`^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$`)

// ParseColor reads "#rgb" or "#rrggbb". Nothing else that CSS knows is taken: a colour ends up in a
// stylesheet, and what has been read as three bytes cannot break out of it.
func ParseColor(s string) (Color, bool) {
	if !hexColor.MatchString(s) {
		return Color{}, false
	}
	digits := s[1:]
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	v, _ := strconv.ParseUint(digits, 16, 32)
	return rgb(uint32(v)), true
}
