package loginpage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"tcb-login/config/input"
	"tcb-login/pattern"
	"tcb-login/theme"
)

// ownFields are those of tcbLogin, our part of a login config, that are used together with others.
type ownFields struct {
	methodOrder   []*jsonNode // texts
	defaultMethod *jsonNode   // text
	signUp        *jsonNode
	signUpPage    *jsonNode // true or false
	signUpFields  *[]SignUpField
	light, dark   map[string]*namedColor
}

// readOwn reads tcbLogin. What is unknown here is an error: these fields are ours, and one that is
// misspelt would do nothing.
func (p *parser) readOwn(n *jsonNode) {
	page := p.page
	p.object("tcbLogin", n, input.SeverityError, members{
		"locales": p.locales,
		"defaultMethod": func(v *jsonNode) {
			if _, ok := p.text("defaultMethod", v); ok {
				p.own.defaultMethod = v
			}
		},
		"methodOrder": p.methodOrder,
		"anonymous":   func(v *jsonNode) { page.Anonymous = p.yes("anonymous", v) },
		"miniProgram": p.miniProgram,
		"logoDark":    func(v *jsonNode) { page.LogoDark = p.picture("logoDark", v, maxLogo) },
		"background":  func(v *jsonNode) { page.Background = p.picture("background", v, maxBackground) },
		"layout": func(v *jsonNode) {
			p.choice("layout", v, string(theme.LayoutCard), string(theme.LayoutSplit), func(s string) { page.Theme.Layout = theme.Layout(s) })
		},
		"density": func(v *jsonNode) {
			p.choice("density", v, string(theme.DensityComfortable), string(theme.DensityCompact), func(s string) { page.Theme.Density = theme.Density(s) })
		},
		"radius": func(v *jsonNode) {
			r, err := strconv.Atoi(v.text)
			if v.kind != jsonNumber || err != nil || r < 0 || r > 24 {
				p.errorf(v.at, "radius: want a whole number of pixels from 0 to 24, found %s", v.show())
				return
			}
			page.Theme.Radius = r
		},
		"colors":    p.colors,
		"links":     p.links,
		"texts":     p.texts,
		"signUp":    p.signUp,
		"countries": p.countries,
	})
}

// appID is the shape of a mini program's id at WeChat.
var appID = pattern.New(`^wx[0-9a-f]{16}$`)

func (p *parser) miniProgram(n *jsonNode) {
	switch s, ok := p.text("miniProgram", n); {
	case !ok:
	case appID.MatchString(s):
		p.page.MiniProgram = s
	default:
		p.errorf(n.at, `miniProgram: want a mini program's app id, like "wx0123456789abcdef", found %s`, input.Quote(s))
	}
}

// show is the node in a message.
func (n *jsonNode) show() string {
	switch n.kind {
	case jsonString:
		return input.Quote(n.text)
	case jsonNumber:
		if len(n.text) <= 20 {
			return n.text
		}
	}
	return n.kind.String()
}

func (p *parser) choice(name string, n *jsonNode, a, b string, set func(string)) {
	s, ok := p.text(name, n)
	switch {
	case !ok:
	case s == a, s == b:
		set(s)
	default:
		p.errorf(n.at, "%s: want %q or %q, found %s", name, a, b, input.Quote(s))
	}
}

// locale reports whether a tag is that of a language we have.
func (p *parser) locale(name string, at int, tag string) bool {
	if t, err := language.Parse(tag); err != nil {
		p.errorf(at, `%s: want a language tag like "zh-CN", found %s`, name, input.Quote(tag))
		return false
	} else if t.String() != tag {
		p.errorf(at, "%s: %s is written %q", name, input.Quote(tag), t)
		return false
	}
	if p.cat != nil && !p.cat.HasLocale(tag) {
		p.errorf(at, "%s: there are no pages in %s", name, input.Quote(tag))
		return false
	}
	return true
}

func (p *parser) locales(n *jsonNode) {
	p.list("locales", n, func(name string, item *jsonNode) {
		tag, ok := p.text(name, item)
		if !ok || !p.locale(name, item.at, tag) {
			return
		}
		if slices.Contains(p.page.Locales, tag) {
			p.errorf(item.at, "%s: %s is listed twice", name, input.Quote(tag))
			return
		}
		p.page.Locales = append(p.page.Locales, tag)
	})
}

func (p *parser) methodOrder(n *jsonNode) {
	p.list("methodOrder", n, func(name string, item *jsonNode) {
		id, ok := p.text(name, item)
		if !ok {
			return
		}
		if slices.ContainsFunc(p.own.methodOrder, func(o *jsonNode) bool { return o.text == id }) {
			p.errorf(item.at, "%s: %s is listed twice", name, input.Quote(id))
			return
		}
		p.own.methodOrder = append(p.own.methodOrder, item)
	})
}

// maxLinks bounds the links below the page, so that they stay one.
const maxLinks = 12

func (p *parser) links(n *jsonNode) {
	p.list("links", n, func(name string, item *jsonNode) {
		var link FooterLink
		hasURL := false
		ok := p.object(name, item, input.SeverityError, members{
			"label": func(v *jsonNode) { link.Label = p.localized("label", v) },
			"url": func(v *jsonNode) {
				hasURL = true
				s, ok := p.text("url", v)
				if !ok {
					return
				}
				if complaint := checkLink(s); complaint != "" {
					p.errorf(v.at, "url: %s", complaint)
				}
				link.URL = s
			},
		})
		if ok && (link.Label == nil || !hasURL) {
			p.errorf(item.at, "%s: a link needs a label and a url", name)
		}
		p.page.Links = append(p.page.Links, link)
	})
	if len(p.page.Links) > maxLinks {
		p.errorf(n.at, "links: %d links, want at most %d", len(p.page.Links), maxLinks)
	}
}

// localized reads a label: one text, or one for each language. Problems leave an empty one.
func (p *parser) localized(name string, n *jsonNode) Localized {
	l := Localized{}
	if n.kind != jsonObject {
		if s, ok := p.plain(name, n, maxLabel); ok && s == "" {
			p.errorf(n.at, "%s: is empty", name)
		} else if ok {
			l[""] = s
		}
		return l
	}
	if len(n.members) == 0 {
		p.errorf(n.at, "%s: is empty", name)
	}
	for _, m := range n.members {
		if !p.locale(name, m.at, m.key) {
			continue
		}
		if s, ok := p.plain(name, m.value, maxLabel); ok && s == "" {
			p.errorf(m.value.at, "%s: is empty", name)
		} else if ok {
			l[m.key] = s
		}
	}
	return l
}

var (
	mailLink = pattern.New(`^mailto:[A-Za-z0-9.!#$*/=^_{|}~+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(\?[A-Za-z0-9%&=._~+-]*)?$`)
	telLink  = pattern.New(`^tel:\+?[0-9(). -]{2,30}$`)
	scheme   = pattern.New(`^[A-Za-z][A-Za-z0-9+.-]*:`)
)

// checkLink checks where a link of a page may lead. What runs script (javascript:, data:) and what
// inherits the page's scheme (//host) is as little welcome as plain http.
func checkLink(s string) string {
	switch found := strings.ToLower(scheme.Regexp().FindString(s)); found {
	case "https:":
		return input.CheckURL(s)
	case "http:":
		return "plain http can be read and changed on the way; want https"
	case "mailto:":
		if !mailLink.MatchString(s) {
			return `want an address like "mailto:help@example.com"`
		}
		return ""
	case "tel:":
		if !telLink.MatchString(s) {
			return `want a number like "tel:+86-400-000-0000"`
		}
		return ""
	case "":
		return "want a whole address that begins with https:, mailto: or tel:, found " + input.Quote(s)
	default:
		return fmt.Sprintf("%s links are refused; want https:, mailto: or tel:", found)
	}
}

// pluralForms are the categories of CLDR. Which of them a language has, the catalogue knows.
var pluralForms = []string{"zero", "one", "two", "few", "many", "other"}

func (p *parser) texts(n *jsonNode) {
	if n.kind != jsonObject {
		p.errorf(n.at, "texts: want an object, found %s", n.kind)
		return
	}
	all := map[string]map[string]Text{}
	for _, m := range n.members {
		if !p.locale("texts", m.at, m.key) {
			continue
		}
		if m.value.kind != jsonObject {
			p.errorf(m.value.at, "texts: want an object (message key: text), found %s", m.value.kind)
			continue
		}
		texts := map[string]Text{}
		for _, message := range m.value.members {
			t := p.message(message)
			if t == nil {
				continue
			}
			if p.cat != nil {
				if err := p.cat.CheckText(m.key, message.key, t); err != nil {
					p.errorf(message.at, "texts: %v", err)
					continue
				}
			}
			texts[message.key] = t
		}
		all[m.key] = texts
	}
	p.page.Texts = all
}

// message reads one text, or one for each plural category. It is nil when there are problems.
func (p *parser) message(m jsonMember) Text {
	name := input.Quote(m.key)
	if m.value.kind != jsonObject {
		s, ok := p.plain(name, m.value, maxText)
		if !ok {
			return nil
		}
		return Text{"other": s}
	}
	t, good := Text{}, true
	known := members{}
	for _, form := range pluralForms {
		known[form] = func(v *jsonNode) {
			s, ok := p.plain(name, v, maxText)
			t[form] = s
			good = good && ok
		}
	}
	before := len(p.problems)
	p.object(name, m.value, input.SeverityError, known)
	if _, ok := t["other"]; !ok {
		p.errorf(m.value.at, `%s: "other" is missing, the form for everything else`, name)
	}
	if !good || len(p.problems) > before {
		return nil
	}
	return t
}

func (p *parser) signUp(n *jsonNode) {
	p.own.signUp = n
	p.object("signUp", n, input.SeverityError, members{
		"page": func(v *jsonNode) {
			p.yes("page", v)
			p.own.signUpPage = v
		},
		"fields": func(v *jsonNode) {
			all := []SignUpField{}
			p.list("fields", v, func(name string, item *jsonNode) {
				var f SignUpField
				at := item
				if item.kind == jsonObject {
					at = nil
					p.object(name, item, input.SeverityError, members{
						"name":     func(v *jsonNode) { at = v },
						"required": func(v *jsonNode) { f.Required = p.yes("required", v) },
					})
				}
				if at == nil {
					p.errorf(item.at, "%s: name is missing", name)
					return
				}
				var ok bool
				if f.Name, ok = p.text(name, at); !ok {
					return
				}
				switch {
				case f.Name != SignUpName && f.Name != SignUpUsername && f.Name != SignUpPassword:
					p.errorf(at.at, "%s: want name, username or password, found %s", name, input.Quote(f.Name))
				case slices.ContainsFunc(all, func(o SignUpField) bool { return o.Name == f.Name }):
					p.errorf(at.at, "%s: %s is listed twice", name, input.Quote(f.Name))
				default:
					all = append(all, f)
				}
			})
			p.own.signUpFields = &all
		},
	})
}

func (p *parser) countries(n *jsonNode) {
	c := &p.page.Countries
	var first *jsonNode
	p.object("countries", n, input.SeverityError, members{
		"default": func(v *jsonNode) {
			first = v
			c.Default = p.country("default", v)
		},
		"allowed": func(v *jsonNode) {
			p.list("allowed", v, func(name string, item *jsonNode) {
				code := p.country(name, item)
				switch {
				case code == "":
				case slices.Contains(c.Allowed, code):
					p.errorf(item.at, "%s: %s is listed twice", name, code)
				default:
					c.Allowed = append(c.Allowed, code)
				}
			})
		},
	})
	if c.Default != "" && len(c.Allowed) > 0 && !slices.Contains(c.Allowed, c.Default) {
		p.errorf(first.at, "default: %s is not among allowed", c.Default)
	}
}

var countryCode = pattern.New(`^[A-Z]{2}$`)

func (p *parser) country(name string, n *jsonNode) string {
	s, ok := p.text(name, n)
	if !ok {
		return ""
	}
	// ParseRegion also knows codes that are not those of today, as UK.
	r, err := language.ParseRegion(s)
	if !countryCode.MatchString(s) || err != nil || !r.IsCountry() || r.Canonicalize() != r {
		p.errorf(n.at, `%s: want an ISO 3166-1 code in upper case, like "CN", found %s`, name, input.Quote(s))
		return ""
	}
	return s
}
