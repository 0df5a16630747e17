package loginpage

import (
	"maps"

	"tcb-login/config/input"
	"tcb-login/theme"
)

// A namedColor is a colour of a config and where it stands.
type namedColor struct {
	theme.Color
	name string // as "colors.dark.brand"
	at   int
}

// color reads "#rgb" or "#rrggbb".
func (p *parser) color(name string, n *jsonNode) *namedColor {
	if n.kind == jsonString {
		if c, ok := theme.ParseColor(n.text); ok {
			return &namedColor{c, name, n.at}
		}
	}
	p.errorf(n.at, `%s: want a colour like "#20396f", found %s`, name, n.show())
	return nil
}

func (p *parser) colors(n *jsonNode) {
	p.own.light, p.own.dark = map[string]*namedColor{}, map[string]*namedColor{}
	known := func(prefix string, into map[string]*namedColor) members {
		m := members{}
		for _, color := range theme.Colors() {
			m[color] = func(v *jsonNode) {
				if named := p.color(prefix+color, v); named != nil {
					into[color] = named
				}
			}
		}
		return m
	}
	light := known("colors.", p.own.light)
	light["dark"] = func(v *jsonNode) {
		p.object("colors.dark", v, input.SeverityError, known("colors.dark.", p.own.dark))
	}
	p.object("colors", n, input.SeverityError, light)
}

// theme derives the palettes and reports colours that cannot be told apart.
func (p *parser) theme(root *jsonNode) {
	light, dark := maps.Clone(p.own.light), p.own.dark
	if p.backgroundColor != nil && light["page"] == nil {
		if light == nil {
			light = map[string]*namedColor{}
		}
		light["page"] = p.backgroundColor
	}
	look := &p.page.Theme
	p.wishes = [2]theme.Wish{wishOf(light), wishOf(dark)}
	look.Light, look.Dark = theme.Derive(p.wishes[0], p.wishes[1])
	for _, scheme := range []struct {
		palette *theme.Palette
		named   map[string]*namedColor
		prefix  string
	}{{&look.Light, light, "colors."}, {&look.Dark, dark, "colors.dark."}} {
		if page := scheme.named["page"]; page != nil && page.Color != scheme.palette.Page {
			p.warnf(page.at, "%s: %s became %s: beside a card of %s no focus ring could be seen on both",
				page.name, page, scheme.palette.Page, scheme.palette.Surface)
		}
		if degrees, near := scheme.palette.HueToDanger(); near && (scheme.named["brand"] != nil || scheme.named["danger"] != nil) {
			at, who := root.at, scheme.prefix+"danger"
			for _, name := range []string{"brand", "danger"} {
				if named := scheme.named[name]; named != nil {
					at, who = named.at, named.name
				}
			}
			p.warnf(at, "%s: danger %s and brand %s are %.0f degrees apart in hue: people could take an error for the brand",
				who, scheme.palette.Danger, scheme.palette.Brand, degrees)
		}
		for _, f := range scheme.palette.Faint() {
			// The colour to change is the one that was named, the text before what is behind it.
			at, who := root.at, scheme.prefix+f.Front
			if named := scheme.named[f.Front]; named != nil {
				at, who = named.at, named.name
			} else if named := scheme.named[f.Back]; named != nil {
				at, who = named.at, named.name+": "+f.Front
			}
			if f.Advice {
				p.warnf(at, "%s: %s: the button is hard to make out", who, f)
			} else {
				p.errorf(at, "%s: %s", who, f)
			}
		}
	}
}

func wishOf(named map[string]*namedColor) theme.Wish {
	w := theme.Wish{}
	for name, c := range named {
		w[name] = c.Color
	}
	return w
}
